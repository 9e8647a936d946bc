//! YAML: from the events of `saphyr-parser` to nodes.
//!
//! The parser checks the grammar; anchors, merge keys, tags, repeated keys and all limits are minded here. Its
//! messages are replaced by our own, as a later version of it might quote the file.

use std::borrow::Cow;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::anchors::Anchors;
use super::error::in_own_words;
use super::lines::Chars;
use super::{Entry, Keys, Node, Place, Source, SourceError, Tags, Value};

/// What YAML reads as null where it is not quoted.
const NULLS: [&str; 5] = ["", "~", "null", "Null", "NULL"];

/// Reads each document of a file.
pub(super) fn read(source: &Source<'_>) -> Result<Vec<Node>, SourceError> {
    check_directives(source)?;
    let mut reader = Reader {
        source,
        events: Parser::new_from_str(source.text()),
        chars: Chars::new(source.text()),
        anchors: Anchors::default(),
        ends: [0; 2],
    };
    let mut documents = Vec::new();
    while let Some((event, _)) = reader.next()? {
        if matches!(event, Event::DocumentStart(_)) {
            reader.anchors.clear();
            if let Some((event, bytes)) = reader.next()? {
                documents.push(reader.node(event, bytes, 0)?);
            }
        }
    }
    Ok(documents)
}

/// Refuses directives that YAML does not have either: the parser loses count of the places behind one that is not ASCII.
fn check_directives(source: &Source<'_>) -> Result<(), SourceError> {
    let (mut may_come, mut start) = (true, 0);
    for line in source.text().split_inclusive('\n') {
        let is_directive = line.trim_start_matches('\u{feff}').starts_with('%');
        let is_plain = line.split(" #").next().is_none_or(str::is_ascii);
        if may_come && is_directive && !is_plain {
            return Err(
                source.syntax(start, "a directive, a line that begins with `%`, has no such characters")
            );
        }
        let is_silent = line.trim().is_empty() || line.starts_with('#');
        may_come = line.starts_with("...") || (may_come && (is_directive || is_silent));
        start += line.len();
    }
    Ok(())
}

struct Reader<'a> {
    source: &'a Source<'a>,
    events: Parser<'a, StrInput<'a>>,
    chars: Chars<'a>,
    anchors: Anchors,
    /// Where the last event ended, and the one before it.
    ends: [usize; 2],
}

/// White space as YAML has it: others are part of a text.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

impl<'a> Reader<'a> {
    /// The next event and the bytes that it takes.
    fn next(&mut self) -> Result<Option<(Event<'a>, Range<usize>)>, SourceError> {
        let Some(event) = self.events.next_event() else {
            return Ok(None);
        };
        let (event, span) = event.map_err(|error| self.explain(&error))?;
        let start = self.chars.byte(span.start.index());
        let end = self.chars.byte(span.end.index()).max(start);
        // A document that begins without a word takes the place of what it begins with.
        if event != Event::DocumentStart(false) {
            self.ends = [end, self.ends[0]];
        }
        Ok(Some((event, start..end)))
    }

    /// The node that begins with `event`, with `depth` lists and mappings around it.
    fn node(&mut self, event: Event<'a>, bytes: Range<usize>, depth: usize) -> Result<Node, SourceError> {
        let behind = self.ends[1];
        // The parser counts anchor and tag in.
        let start = bytes.start + skip_to_content(&self.source.text()[bytes.clone()], &[]);
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let (is_text, foreign) = self.scalar_tag(tag.as_deref(), start)?;
                let mut node = self.scalar(text, style, is_text, bytes, start, behind);
                if let Value::Scalar(scalar) = &mut node.value {
                    scalar.tag = foreign;
                }
                (anchor, node)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_collection(tag.as_deref(), depth + 1, start)?;
                let value = Value::List(self.list(depth + 1)?);
                (anchor, Node { value, place: self.source.place(start) })
            }
            Event::MappingStart(anchor, tag) => {
                self.check_collection(tag.as_deref(), depth + 1, start)?;
                let value = Value::Map(self.map(depth + 1)?);
                (anchor, Node { value, place: self.source.place(start) })
            }
            Event::Alias(anchor) => {
                let (node, height) =
                    self.anchors.copy(anchor).map_err(|fault| self.source.error(start, fault))?;
                self.source.check_depth(depth + height, start)?;
                return Ok(node);
            }
            _ => return Err(self.source.syntax(start, "not valid YAML")),
        };
        if anchor > 0 {
            self.anchors.keep(anchor, &node).map_err(|fault| self.source.error(start, fault))?;
        }
        Ok(node)
    }

    /// Whether the tag of a scalar makes it text, and the tag if it is a foreign one. Other types of YAML change
    /// nothing: a field knows its own.
    fn scalar_tag(&self, tag: Option<&Tag>, start: usize) -> Result<(bool, Option<Box<str>>), SourceError> {
        match (yaml_type(tag).as_deref(), tag) {
            (Some("str" | "!"), _) => Ok((true, None)),
            (Some("" | "null" | "bool" | "int" | "float" | "timestamp" | "merge"), _) => Ok((false, None)),
            (_, Some(tag)) if self.source.tags == Tags::Kept => Ok((false, Some(written(tag)))),
            _ => {
                Err(self.source.refused(start, "a tag that is not supported (`!!str` makes text of a value)"))
            }
        }
    }

    fn check_collection(&self, tag: Option<&Tag>, depth: usize, start: usize) -> Result<(), SourceError> {
        self.source.check_depth(depth, start)?;
        match yaml_type(tag).as_deref() {
            Some("" | "!" | "seq" | "map") => Ok(()),
            _ if self.source.tags == Tags::Kept => Ok(()),
            _ => Err(self.source.refused(start, "a tag that is not supported on a list or mapping")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, SourceError> {
        let mut nodes = Vec::new();
        while let Some((event, bytes)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            nodes.push(self.node(event, bytes, depth)?);
        }
        Ok(nodes)
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, SourceError> {
        let mut entries = Vec::new();
        let mut merged = Vec::new();
        let mut keys = Keys::default();
        while let Some((event, bytes)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let merge = matches!(
                &event,
                Event::Scalar(text, ScalarStyle::Plain, _, tag)
                    if text == "<<" && matches!(yaml_type(tag.as_deref()).as_deref(), Some("" | "merge"))
            );
            let (key, place) = self.key(event, bytes, depth)?;
            keys.add(&key, place)?;
            let Some((event, bytes)) = self.next()? else { break };
            let start = bytes.start;
            let value = self.node(event, bytes, depth)?;
            if merge {
                self.merge(value, start, &mut merged)?;
            } else {
                entries.push(Entry { key, place, value });
            }
        }
        // An entry of the mapping itself wins, then what is merged first.
        for entry in merged {
            if keys.add(&entry.key, entry.place).is_ok() {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    fn key(
        &mut self,
        event: Event<'a>,
        bytes: Range<usize>,
        depth: usize,
    ) -> Result<(String, Place), SourceError> {
        let start = bytes.start;
        let written = match &event {
            Event::Scalar(text, ..) => Some(self.source.restored(text.to_string(), &bytes)),
            _ => None,
        };
        let node = self.node(event, bytes, depth)?;
        match (written, node.value) {
            (Some(key), _) => Ok((key.to_string(), node.place)),
            (None, Value::Scalar(alias)) => Ok((alias.text.to_string(), self.source.place(start))),
            _ => Err(self.source.refused(
                start,
                "a list or a mapping as a key (a text that starts with `{` or `[` has to be quoted)",
            )),
        }
    }

    /// Adds the entries of one `<<`: of a mapping, or of a list of them.
    fn merge(&self, value: Node, start: usize, entries: &mut Vec<Entry>) -> Result<(), SourceError> {
        let mappings = match value.value {
            Value::List(nodes) => nodes.into_iter().map(|node| node.value).collect(),
            value => vec![value],
        };
        for mapping in mappings {
            let Value::Map(merged) = mapping else {
                let why = "a merge key `<<` takes a mapping or a list of mappings";
                return Err(self.source.refused(start, why));
            };
            entries.extend(merged);
        }
        Ok(())
    }

    fn scalar(
        &self,
        text: Cow<'a, str>,
        style: ScalarStyle,
        is_text: bool,
        bytes: Range<usize>,
        start: usize,
        behind: usize,
    ) -> Node {
        let source = self.source;
        if style == ScalarStyle::Plain && !is_text && NULLS.contains(&&*text) {
            return Node { value: Value::Null, place: source.place(start) };
        }
        let quoted = is_text || style != ScalarStyle::Plain;
        let mut text = text.into_owned();
        if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            // Within brackets the parser counts what is behind a scalar in.
            let end = start + length(&source.text()[start..bytes.end]);
            return source.scalar(source.restored(text, &bytes), quoted, start..end);
        }
        let file = source.text();
        if bytes.end == file.len() && !file.ends_with(['\n', '\r']) && text.ends_with('\n') {
            // The parser makes up the line break that the file does not end with.
            text.pop();
        }
        source.scalar(source.restored(text, &bytes), quoted, self.block(behind, &bytes))
    }

    /// The bytes of a block scalar: from its header, which the parser leaves out, to the end of its last line.
    fn block(&self, behind: usize, content: &Range<usize>) -> Range<usize> {
        let text = self.source.text().get(behind..content.end).unwrap_or_default().trim_end_matches(SPACE);
        behind + skip_to_content(text, &['-', '?', ':', '.'])..behind + text.len()
    }

    fn explain(&self, error: &ScanError) -> SourceError {
        let at = self.chars.byte(error.marker().index());
        if error.info().contains("recursion") {
            return self.source.refused(at, "lists and mappings nest more than 64 levels deep");
        }
        self.source.syntax(at, in_own_words(error.info(), &SENTENCES).unwrap_or("not valid YAML"))
    }
}

/// What the parser complains of, in our words.
const SENTENCES: [(&str, &str); 20] = [
    ("unprintable", "a control character"),
    ("tab", "a tab where YAML wants spaces"),
    ("valid YAML whitespace", "a tab where YAML wants spaces"),
    (
        "mapping values are not allowed",
        "a `:` where no key can be: check the indentation, and quote text that holds `: `",
    ),
    ("illegal placement of ':'", "a `:` where no key can be: check whether a bracket above it is not closed"),
    ("unexpected character", "text that starts with `%`, `@` or a backquote has to be quoted"),
    ("anchor or alias", "text that starts with `&` or `*` has to be quoted"),
    ("unknown anchor", "an alias of an anchor that is not defined before it"),
    (" a tag", "text that starts with `!` has to be quoted"),
    ("escape", "an unknown escape between double quotes (between single quotes a backslash is itself)"),
    ("trailing content after", "there is more behind the end of a quoted text"),
    ("quoted scalar", "a quoted text has no end, or goes on in a line that is not indented"),
    ("expected ',' or ']'", "in a list, a comma or the closing `]` is missing"),
    ("expected ',' or '}'", "in a mapping, a comma or the closing `}` is missing"),
    (
        "misplaced bracket",
        "a closing bracket that was not opened (text that starts with one has to be quoted)",
    ),
    ("simple key", "a key without `: ` behind it"),
    ("expected node content", "a value is missing"),
    ("entries are not allowed", "a `- ` where no list can begin"),
    ("indent", BELONGS_NOWHERE),
    ("did not find expected", BELONGS_NOWHERE),
];
const BELONGS_NOWHERE: &str =
    "this belongs to nothing that stands before it: check indentation, brackets and quotes";

/// The name of a type of YAML's own, empty where there is no tag; none for a foreign tag.
fn yaml_type(tag: Option<&Tag>) -> Option<String> {
    let Some(tag) = tag else {
        return Some(String::new());
    };
    let tag = format!("{}{}", tag.handle, tag.suffix);
    if tag == "!" { Some(tag) } else { tag.strip_prefix("tag:yaml.org,2002:").map(str::to_owned) }
}

/// A foreign tag as people write it.
fn written(tag: &Tag) -> Box<str> {
    match tag.handle.as_str() {
        "tag:yaml.org,2002:" => format!("!!{}", tag.suffix),
        handle => format!("{handle}{}", tag.suffix),
    }
    .into()
}

/// How long the plain or quoted scalar is that `text` begins with. A plain one is all of it but for white space.
fn length(text: &str) -> usize {
    let mut rest = text.bytes().enumerate().skip(1).peekable();
    match text.as_bytes().first() {
        Some(b'"') => {
            while let Some((at, byte)) = rest.next() {
                match byte {
                    b'\\' => drop(rest.next()),
                    b'"' => return at + 1,
                    _ => {}
                }
            }
        }
        Some(b'\'') => {
            while let Some((at, byte)) = rest.next() {
                if byte == b'\'' && rest.next_if(|(_, next)| *next == b'\'').is_none() {
                    return at + 1;
                }
            }
        }
        _ => {}
    }
    text.trim_end_matches(SPACE).len()
}

/// How long the white space, comments, anchors, tags and `indicators` at the start of `text` are.
fn skip_to_content(text: &str, indicators: &[char]) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(SPACE);
        let word = match rest.chars().next() {
            Some('!') if rest.starts_with("!<") => rest.find('>').map(|end| end + 1),
            Some('&' | '!') => rest.find(|c: char| SPACE.contains(&c) || ",[]{}".contains(c)),
            Some('#') => rest.find(['\n', '\r']),
            Some(c) if indicators.contains(&c) => Some(1),
            _ => return text.len() - rest.len(),
        };
        rest = &rest[word.unwrap_or(rest.len())..];
    }
}
