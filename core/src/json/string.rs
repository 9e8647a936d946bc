//! Strings of JSON, decoded once and into memory that is wiped.

use zeroize::Zeroizing;

use crate::Secret;

/// The inside of a JSON string, not yet decoded.
#[derive(Clone, Copy)]
pub(crate) struct RawString<'a>(pub(super) &'a str);

impl<'a> RawString<'a> {
    /// The text, if it is written without escapes.
    pub(crate) fn plain(&self) -> Option<&'a str> {
        (!self.0.as_bytes().contains(&b'\\')).then_some(self.0)
    }

    /// Decodes into memory that is wiped; none where an escape is half a surrogate pair.
    pub(crate) fn decode(&self) -> Option<Secret> {
        // Decoding never makes a text longer, so the buffer never grows and leaves no copy behind.
        let mut out = Zeroizing::new(Vec::with_capacity(self.0.len()));
        let mut rest = self.0;
        while let Some(at) = rest.find('\\') {
            out.extend_from_slice(rest.get(..at)?.as_bytes());
            let escape = *rest.as_bytes().get(at + 1)?;
            rest = rest.get(at + 2..)?;
            let simple = match escape {
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'u' => {
                    let mut buffer = [0; 4];
                    let (character, behind) = unicode_escape(rest)?;
                    out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                    rest = behind;
                    continue;
                }
                other => other,
            };
            out.push(simple);
        }
        out.extend_from_slice(rest.as_bytes());
        Some(Secret(out))
    }
}

/// The character of a `\u` escape whose hexadecimal digits `rest` starts with, and what stands behind it.
fn unicode_escape(rest: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let high = unit(rest)?;
    let rest = rest.get(4..)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, rest));
    }
    let rest = rest.strip_prefix("\\u")?;
    let low = unit(rest).filter(|low| (0xdc00..0xe000).contains(low))?;
    Some((char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, rest.get(4..)?))
}
