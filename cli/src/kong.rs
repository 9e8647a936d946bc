//! What Kong Gateway makes of a reference, for those who come from there.
//!
//! Its parser decodes a path twice, turns `+` into a space, and drops or takes without a word what is an error here
//! (`docs/from-kong.md`). The same steps are taken here, and what comes out is compared.

mod value;

use std::fmt::Write as _;

use strongroom::text::Occurrence;
use strongroom::{Error, Reference, Registry, escaped};

/// What Kong would have made of each reference, where that is something else than was made of it here: of its text,
/// and of what it leads to.
pub(crate) async fn differences<T>(
    registry: &Registry,
    found: &[Occurrence],
    outcomes: &[Result<T, Error>],
) -> Vec<Option<String>> {
    let mut differences = Vec::with_capacity(found.len());
    for (found, outcome) in found.iter().zip(outcomes) {
        let both = [difference(found), value::difference(registry, found, outcome.is_ok()).await];
        let told: Vec<_> = both.into_iter().flatten().collect();
        differences.push((!told.is_empty()).then(|| told.join("; ")));
    }
    differences
}

/// How Kong would read this reference, where that is not how it was read here.
fn difference(found: &Occurrence) -> Option<String> {
    if !found.whole {
        return Some("Kong leaves a longer text alone, whatever is in it".to_owned());
    }
    let kong = read(&found.written)?;
    let differing = match &found.reference {
        Err(_) => vec![kong.describe(None)],
        Ok(reference) if kong.same_as(reference) => other_options(reference),
        Ok(reference) => vec![kong.describe(Some(reference))],
    };
    (!differing.is_empty()).then(|| differing.join("; "))
}

/// A reference as Kong reads it. Text that its decoding leaves without meaning is shown as well as can be.
struct Reading {
    prefix: String,
    resource: String,
    key: Option<String>,
    /// What its form decoding gives, a name once for each value.
    options: Vec<(String, String)>,
    version: Option<f64>,
}

/// How many options Kong looks at.
const MOST_OPTIONS: usize = 100;

/// What Kong reads; none where it refuses the text.
fn read(written: &str) -> Option<Reading> {
    let url = written.strip_prefix("{vault://")?.strip_suffix('}')?;
    // In this order: fragment, authority, query, parameters, path.
    let (url, version) = match url.split_once('#') {
        Some((url, version)) => (url, Some(number(version)?)),
        None => (url, None),
    };
    let (authority, rest) = url.split_at(url.find('/')?);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = rest.split(';').next().unwrap_or_default();
    let mut segments: Vec<Vec<u8>> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| decode(segment.as_bytes(), false))
        .collect();
    let key = if segments.len() > 1 && !path.ends_with('/') { segments.pop() } else { None };
    if segments.is_empty() {
        return None;
    }
    let again = |text: &[u8]| String::from_utf8_lossy(&decode(text, true)).into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).take(MOST_OPTIONS).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
        (again(name.as_bytes()), again(value.as_bytes()))
    });
    Some(Reading {
        prefix: host(authority)?.to_owned(),
        resource: again(&segments.join(&b'/')),
        key: key.map(|key| again(&key)),
        options: pairs.filter(|(name, _)| !name.is_empty()).collect(),
        version,
    })
}

/// What is left of `user:password@[host]:port`.
fn host(authority: &str) -> Option<&str> {
    let authority = authority.split_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    Some(inside.filter(|inside| !inside.is_empty()).unwrap_or(host)).filter(|host| !host.is_empty())
}

/// Lua's idea of a number, which knows fractions, exponents, signs and hexadecimal digits.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => Some(sign * hexadecimal(digits)?),
        None => text.parse().ok(),
    }
}

/// `1.8p3`: hexadecimal digits and a power of two.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, power) = text.split_once(['p', 'P']).unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mantissa = u64::from_str_radix(&format!("{whole}{fraction}"), 16).ok()? as f64;
    let power = power.parse::<i32>().ok()? - 4 * i32::try_from(fraction.len()).ok()?;
    Some(mantissa * 2_f64.powi(power))
}

/// Percent-decodes once; what is no escape stays.
fn decode(text: &[u8], plus: bool) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let escape = match (byte, digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
            _ => None,
        };
        at += if escape.is_some() { 3 } else { 1 };
        decoded.push(escape.unwrap_or(if plus && *byte == b'+' { b' ' } else { *byte }));
    }
    decoded
}

impl Reading {
    fn same_as(&self, reference: &Reference) -> bool {
        self.same_place(reference) && self.same_options(reference) && self.same_version(reference)
    }

    fn same_place(&self, reference: &Reference) -> bool {
        (self.prefix.as_str(), self.resource.as_str(), self.key.as_deref())
            == (reference.prefix(), reference.resource(), reference.key())
    }

    fn same_options(&self, reference: &Reference) -> bool {
        self.options.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(reference.options())
    }

    /// Versions beyond 2^53 are rounded by Kong.
    fn same_version(&self, reference: &Reference) -> bool {
        let exact = |version: u64| u64::try_from(version as f64 as u128).ok().filter(|same| *same == version);
        match (self.version, reference.version()) {
            (None, None) => true,
            (Some(number), Some(version)) => {
                exact(version.get()).is_some_and(|version| number == version as f64)
            }
            _ => false,
        }
    }

    /// What Kong takes it for: all of it, or what is not the same as in `reference`.
    fn describe(&self, reference: Option<&Reference>) -> String {
        let mut text =
            String::from(if reference.is_some() { "Kong reads it as" } else { "Kong accepts it as" });
        // Writing to a string cannot fail.
        if reference.is_none_or(|reference| !self.same_place(reference)) {
            let _ =
                write!(text, " prefix `{}`, resource `{}`", escaped(&self.prefix), escaped(&self.resource));
            let _ = match &self.key {
                Some(key) => write!(text, ", key `{}`", escaped(key)),
                None => write!(text, ", no key"),
            };
        }
        if reference.is_some_and(|reference| !self.same_options(reference)) {
            let _ = write!(text, " one with {} options", self.options.len());
        }
        if let Some(version) =
            self.version.filter(|_| reference.is_none_or(|reference| !self.same_version(reference)))
        {
            let _ = write!(text, " version {version}");
        }
        text
    }
}

/// Options that mean something else in Kong, or nothing.
fn other_options(reference: &Reference) -> Vec<String> {
    let other = |(name, value): (&str, &str)| match name {
        "ttl" if value.parse() == Ok(0.0) => {
            Some("Kong reads it anew each minute because of `ttl=0`".to_owned())
        }
        "ttl" | "neg_ttl" | "resurrect_ttl" | "base64_decode" | "prefix" => None,
        "pointer" => Some("Kong ignores `pointer`".to_owned()),
        other => Some(format!("Kong ignores `{}`, or lets it change the vault", escaped(other))),
    };
    reference.options().filter_map(other).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn compared(written: &str) -> &'static str {
        match (Reference::parse(written), read(written)) {
            (Ok(reference), Some(kong)) if kong.same_as(&reference) => "same",
            (Ok(_), Some(_)) => "differs",
            (Ok(_), None) => "Kong refuses it",
            (Err(_), Some(_)) => "stricter",
            (Err(_), None) => "both_reject",
        }
    }

    /// The vectors say how Kong's own parser, run on the same text, compares.
    #[test]
    fn the_vectors_compare_as_they_do_with_kongs_own_parser() {
        let vectors = include_str!("../../core/tests/vectors/references.jsonl");
        for vector in vectors.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let text = vector["ref"].as_str().unwrap();
            assert_eq!(compared(text), vector["kong"], "{text}");
        }
    }

    #[track_caller]
    fn assert_note(written: &str, note: Option<&str>) {
        assert_eq!(difference(&Occurrence::new("a", written)).as_deref(), note, "{written}");
    }

    #[test]
    fn what_is_read_alike_has_no_note() {
        for same in ["{vault://my-vault/a/b}", "{vault://my-vault/a/b/?ttl=60#2}", "{vault://env/a?prefix=x}"]
        {
            assert_note(same, None);
        }
        assert_note("{vault://my-vault}", None);
        assert_note("no reference", None);
    }

    #[test]
    fn a_note_says_what_kong_would_read() {
        assert_note(
            "{vault://my-vault/a+b/k%252F}",
            Some("Kong reads it as prefix `my-vault`, resource `a b`, key `k/`"),
        );
        assert_note(
            "{vault://my-vault/a/k;x?y=1}",
            Some("Kong accepts it as prefix `my-vault`, resource `a`, key `k`"),
        );
        assert_note(
            "{vault://user:pass@my-vault:80/a#1.5}",
            Some("Kong accepts it as prefix `my-vault`, resource `a`, no key version 1.5"),
        );
        assert_note("{vault://my-vault/a?pointer=/x}", Some("Kong ignores `pointer`"));
        assert_note("{vault://my-vault/a?host=x}", Some("Kong ignores `host`, or lets it change the vault"));
        assert_note("{vault://my-vault/a?ttl=0}", Some("Kong reads it anew each minute because of `ttl=0`"));
    }
}
