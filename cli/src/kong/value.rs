//! What Kong makes of the value that a reference leads to, for those who come from there.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use strongroom::Registry;
use strongroom::text::Occurrence;

/// How Kong would have taken what the vault holds, where that is not how it was taken here. What the reference was
/// resolved from is looked at in memory.
pub(crate) async fn difference(registry: &Registry, found: &Occurrence, resolved: bool) -> Option<String> {
    let reference = found.reference.as_ref().ok().filter(|_| found.whole)?;
    let vault = registry.vault(reference.prefix()).ok()?;
    let version = reference.version().map_or(1, u64::from);
    if version > 2 && vault.backend().describe().kind == "env" {
        return Some("Kong reads the current variable, as it knows no version of one but 2".to_owned());
    }
    let key =
        reference.key().filter(|_| resolved && reference.options().all(|(name, _)| name != "pointer"))?;
    let document = registry.document(whole(&reference.to_string())).await.ok()?;
    let shape = no_text(document.as_bytes(), key)?;
    Some(format!("Kong takes strings alone, and this is {shape}"))
}

/// The reference to the whole document, from the canonical text of one to a field.
fn whole(written: &str) -> String {
    let path = written.find(['?', '#', '}']).unwrap_or(written.len());
    let key = written[..path].rfind('/').map_or(path, |slash| slash + 1);
    format!("{}{}", &written[..key], &written[path..])
}

/// What a field holds that is a value here, and none in Kong.
fn no_text(document: &[u8], key: &str) -> Option<&'static str> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(document).ok()?;
    match fields.get(key)?.get().as_bytes().first()? {
        b't' | b'f' => Some("a boolean"),
        b'-' | b'0'..=b'9' => Some("a number"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_a_field_without_its_key() {
        for (field, document) in [
            ("{vault://my-vault/a/b}", "{vault://my-vault/a/}"),
            ("{vault://my-vault/a/b/c%2Fd?ttl=1&prefix=x/y#2}", "{vault://my-vault/a/b/?ttl=1&prefix=x/y#2}"),
        ] {
            assert_eq!(whole(field), document);
        }
    }

    #[test]
    fn only_numbers_and_booleans_are_values_here_and_none_in_kong() {
        let document =
            br#"{"n": -1.5, "i": 5432, "t": true, "f": false, "s": "5432", "z": null, "o": {}, "a\u002eb": 1}"#;
        let shape = |key| no_text(document, key);
        assert_eq!(["n", "i", "a.b"].map(shape), [Some("a number"); 3]);
        assert_eq!(["t", "f"].map(shape), [Some("a boolean"); 2]);
        assert_eq!(["s", "z", "o", "none"].map(shape), [None; 4]);
        assert_eq!(no_text(b"no JSON", "n"), None);
    }
}
