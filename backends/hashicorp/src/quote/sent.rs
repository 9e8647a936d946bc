//! Finding what was sent in what comes back, however the other side has written it.

use std::ops::Range;

use zeroize::Zeroizing;

/// Nobody's secret is shorter, and masking single letters would leave no word whole.
const SHORTEST: usize = 4;

/// Where one of `secrets` is in `text`: in order, and none of them touches another.
pub(super) fn places(text: &str, secrets: &[&[u8]]) -> Vec<Range<usize>> {
    let secrets = secrets.iter().map(|secret| secret.trim_ascii());
    let secrets: Vec<_> = secrets.filter(|secret| secret.len() >= SHORTEST).map(folded).collect();
    if secrets.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for spelling in [Spelling::Plain, Spelling::Percent, Spelling::Form, Spelling::Backslash] {
        let reading = Reading::of(text, spelling);
        found.extend(secrets.iter().flat_map(|secret| reading.places(secret)));
    }
    found.sort_unstable_by_key(|place| place.start);
    joined(found)
}

/// A secret that is part of another, or begins where another has not ended, must not cut that one in two.
fn joined(found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for place in found {
        match joined.last_mut() {
            Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
            _ => joined.push(place),
        }
    }
    joined
}

/// With one space for each run of white space, as a server may have it that takes a text apart.
fn folded(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut folded = Zeroizing::new(Vec::with_capacity(secret.len()));
    for byte in secret {
        match byte.is_ascii_whitespace() {
            true if folded.ends_with(b" ") => {}
            true => folded.push(b' '),
            false => folded.push(*byte),
        }
    }
    folded
}

/// How a text may be written.
#[derive(Clone, Copy)]
enum Spelling {
    /// As it stands.
    Plain,
    /// `%20`, as in a URL.
    Percent,
    /// The same with `+` for a space, as in a form.
    Form,
    /// `\"` and `\u0026`, as in JSON and in what programs print; `\u{1b}` as we do.
    Backslash,
}

/// What a text says in one spelling.
struct Reading {
    bytes: Zeroizing<Vec<u8>>,
    /// Where each byte is written in the text; always whole characters of it.
    written: Vec<Range<usize>>,
}

impl Reading {
    fn of(text: &str, spelling: Spelling) -> Self {
        // No spelling is shorter than what it says, so the buffer never grows and leaves no copy behind.
        let bytes = Zeroizing::new(Vec::with_capacity(text.len()));
        let mut reading = Self { bytes, written: Vec::with_capacity(text.len()) };
        let (mut at, mut buffer) = (0, [0; 4]);
        while let Some((bytes, length)) = text.get(at..).and_then(|rest| spelling.next(rest, &mut buffer)) {
            for byte in bytes {
                reading.push(*byte, at..at + length);
            }
            at += length;
        }
        reading
    }

    fn push(&mut self, byte: u8, written: Range<usize>) {
        let is_white = byte.is_ascii_whitespace();
        match self.written.last_mut() {
            Some(last) if is_white && self.bytes.ends_with(b" ") => last.end = written.end,
            _ => {
                self.bytes.push(if is_white { b' ' } else { byte });
                self.written.push(written);
            }
        }
    }

    fn places<'a>(&'a self, secret: &'a [u8]) -> impl Iterator<Item = Range<usize>> + 'a {
        let windows = self.bytes.windows(secret.len()).zip(self.written.windows(secret.len()));
        windows.filter(move |(bytes, _)| *bytes == secret).filter_map(|(_, written)| {
            let (first, last) = (written.first()?, written.last()?);
            Some(first.start..last.end)
        })
    }
}

impl Spelling {
    /// What the beginning of `rest` says, and how much of it says that; none at the end.
    fn next<'b>(self, rest: &str, buffer: &'b mut [u8; 4]) -> Option<(&'b [u8], usize)> {
        let first = rest.chars().next()?;
        let byte = match (self, first) {
            (Self::Percent | Self::Form, '%') => hex(rest, 1..3).map(|byte| (byte, 3)),
            (Self::Form, '+') => Some((u32::from(b' '), 1)),
            (Self::Backslash, '\\') => {
                if let Some((character, length)) = escape(rest) {
                    return Some((character.encode_utf8(buffer).as_bytes(), length));
                }
                None
            }
            _ => None,
        };
        match byte.and_then(|(byte, length)| Some((u8::try_from(byte).ok()?, length))) {
            Some((byte, length)) => {
                buffer[0] = byte;
                Some((&buffer[..1], length))
            }
            None => Some((first.encode_utf8(buffer).as_bytes(), first.len_utf8())),
        }
    }
}

/// The character of the escape that `rest` begins with, and how long that is.
fn escape(rest: &str) -> Option<(char, usize)> {
    let simple = match rest.as_bytes().get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'x' => return Some((char::from_u32(hex(rest, 2..4)?)?, 4)),
        b'u' if rest.as_bytes().get(2) == Some(&b'{') => {
            let end = 3 + rest.get(3..)?.find('}')?;
            return Some((char::from_u32(hex(rest, 3..end)?)?, end + 1));
        }
        b'u' => {
            let high = hex(rest, 2..6)?;
            if let Some(character) = char::from_u32(high) {
                return Some((character, 6));
            }
            let low = hex(rest.get(6..)?.strip_prefix("\\u")?, 0..4)?;
            let pair = char::decode_utf16([high, low].map(|unit| u16::try_from(unit).unwrap_or_default()));
            return Some((pair.into_iter().next()?.ok()?, 12));
        }
        mark @ (b'"' | b'\'' | b'\\' | b'/') => char::from(*mark),
        _ => return None,
    };
    Some((simple, 2))
}

fn hex(text: &str, digits: Range<usize>) -> Option<u32> {
    let digits = text.get(digits)?;
    // The parser takes a sign too.
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_digits.then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str, secret: &str) -> String {
        let mut left = text.to_owned();
        for place in places(text, &[secret.as_bytes()]).into_iter().rev() {
            left.replace_range(place, "*");
        }
        left
    }

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        for (secret, written) in [
            ("5up3r  5ecret", "5up3r  5ecret"),
            ("5up3r  5ecret", "5up3r 5ecret"),
            ("5up3r\t5ecret", "5up3r\\t5ecret"),
            ("a b&c=d%+é", "a b&c=d%+é"),
            ("a b&c=d%+é", "a%20b%26c%3Dd%25%2B%C3%A9"),
            ("a b&c=d%+é", "a+b%26c%3dd%25%2b%c3%a9"),
            ("a b&c=d%+é", "a b\\u0026c=d%+\\u00e9"),
            ("50%20off", "50%20off"),
            ("50%20off", "50%2520off"),
            ("c:\\\"q\"/x", "c:\\\\\\\"q\\\"\\/x"),
            ("k\u{1b}ey😀", "k\\u{1b}ey😀"),
            ("k\u{1b}ey😀", "k\\x1bey\\ud83d\\ude00"),
            ("k\u{1b}ey😀", "k%1Bey%F0%9F%98%80"),
            ("100%", "100%"),
            ("  padded ", "padded"),
        ] {
            for (before, behind) in [("", ""), ("id ", " is bad"), ("é%\\\"", "\"\\%é"), ("+", "+")] {
                let left = left(&format!("{before}{written}{behind}"), secret);
                assert_eq!(left, format!("{before}*{behind}"), "{secret} as {written}");
            }
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in ["", "abc", "a\\u{110000}b", "%", "%zz\\", "\\u{", "\\ud800\\u0041", "\\xé", "%+1a", "%é"]
        {
            assert_eq!(left(text, "canary"), text);
        }
        assert_eq!([left("abc", "abc"), left("a   b", "    "), left("x", "")], ["abc", "a   b", "x"]);
    }

    /// Every text of up to `left` characters of `alphabet`.
    fn each(alphabet: &str, left: usize, text: &mut String, judge: &mut impl FnMut(&str)) {
        judge(text);
        if left > 0 {
            for character in alphabet.chars() {
                text.push(character);
                each(alphabet, left - 1, text, judge);
                text.pop();
            }
        }
    }

    #[test]
    fn any_secret_of_a_few_characters_is_found_in_any_spelling() {
        each("%+\\/\"u2é& \n", 4, &mut String::new(), &mut |inside| {
            let secret = format!("a{inside}bc");
            if secret.len() < SHORTEST {
                return;
            }
            let percent = crate::path::encode(&secret);
            let json = serde_json::to_string(&secret).unwrap();
            for written in [&secret, &percent, &percent.replace("%20", "+"), &json] {
                let found = places(&format!("<{written}>"), &[secret.as_bytes()]);
                assert_eq!(found.len(), 1, "{secret:?} as {written}");
            }
        });
    }

    #[test]
    fn any_text_is_cut_at_its_characters() {
        let secrets: [&[u8]; 3] = ["éé".as_bytes(), b"\xa9\xc3\xa9\xc3", b"%\xc3\xa9x"];
        each("é%C3A9x\\", 5, &mut String::new(), &mut |text| {
            for place in places(text, &secrets) {
                assert!(text.get(place).is_some(), "{text}");
            }
        });
    }
}
