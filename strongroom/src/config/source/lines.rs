//! From an offset in a text to its line and column, quickly even in a file of one long line.

use super::Place;

/// Characters are counted up to each block of so many bytes.
const BLOCK: usize = 256;

/// Where the characters of a text stand.
pub(super) struct Chars<'a> {
    text: &'a str,
    /// How many characters begin before each block.
    before: Vec<usize>,
}

impl<'a> Chars<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut count = 0;
        let blocks = text.as_bytes().chunks(BLOCK).map(|block| {
            let before = count;
            count += starts(block).count();
            before
        });
        let mut before: Vec<usize> = blocks.collect();
        if before.is_empty() {
            before.push(0);
        }
        Self { text, before }
    }

    /// How many characters begin before `byte`.
    fn count(&self, byte: usize) -> usize {
        let block = (byte / BLOCK).min(self.before.len() - 1);
        let bytes = self.text.as_bytes().get(block * BLOCK..byte).unwrap_or_default();
        self.before[block] + starts(bytes).count()
    }

    /// Where the character `index` begins, or the end of the text.
    pub(super) fn byte(&self, index: usize) -> usize {
        let block = self.before.partition_point(|&count| count <= index) - 1;
        let bytes = &self.text.as_bytes()[block * BLOCK..];
        let start = starts(bytes).nth(index - self.before[block]);
        start.map_or(self.text.len(), |at| block * BLOCK + at)
    }
}

/// The offsets at which characters begin.
fn starts(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let indexed = bytes.iter().enumerate();
    indexed.filter(|(_, byte)| **byte & 0xc0 != 0x80).map(|(at, _)| at)
}

/// Where the lines of a text begin.
pub(super) struct Lines<'a> {
    chars: Chars<'a>,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let behind_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { chars: Chars::new(text), starts: std::iter::once(0).chain(behind_breaks).collect() }
    }

    pub(super) fn place(&self, byte: usize) -> Place {
        let byte = byte.min(self.chars.text.len());
        let line = self.starts.partition_point(|&start| start <= byte);
        let column = self.chars.count(byte) - self.chars.count(self.starts[line - 1]) + 1;
        let counted = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place { line: counted(line), column: counted(column) }
    }

    /// The offset of a line and of a column in bytes, both counted from 1.
    pub(super) fn byte(&self, line: usize, column: usize) -> usize {
        let start = self.starts.get(line.saturating_sub(1)).copied();
        start.unwrap_or(self.chars.text.len()) + column.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_agree_with_counting_by_hand() {
        for unit in ["a", "é\n", "日b\r\n", "\u{1f600}", "\n", "ab\ncd€"] {
            let text = unit.repeat(700);
            let (lines, chars) = (Lines::new(&text), Chars::new(&text));
            for (index, (byte, _)) in text.char_indices().enumerate() {
                let before = &text[..byte];
                let line = before.matches('\n').count() + 1;
                let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
                let place = lines.place(byte);
                assert_eq!((place.line as usize, place.column as usize), (line, column), "{byte}");
                assert_eq!(chars.byte(index), byte);
            }
            assert_eq!(chars.byte(text.chars().count() + 5), text.len());
            assert_eq!(lines.place(usize::MAX), lines.place(text.len()));
        }
    }

    #[test]
    fn an_empty_text_has_one_place() {
        assert_eq!(Lines::new("").place(0), Place { line: 1, column: 1 });
        assert_eq!(Chars::new("").byte(0), 0);
    }
}
