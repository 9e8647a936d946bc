//! What a reference asks of its vault: what to read, and what to take out of it.

use crate::cache::{Extra, Wish};
use crate::vault::parse_seconds;
use crate::{Error, ErrorKind, ReadRequest, Reference, Vault, escaped};

/// Options that every vault knows.
const COMMON_OPTIONS: &[&str] = &["ttl", "neg_ttl", "resurrect_ttl", "base64_decode", "pointer"];

/// What to read for a reference and what to take out of it, its options checked against what its vault knows.
pub(super) fn plan<'a>(reference: &'a Reference, vault: &Vault) -> Result<(ReadRequest, Wish<'a>), Error> {
    let mut request = ReadRequest::new(reference.resource()).with_version(reference.version());
    let mut extra = Extra::default();
    for (name, value) in reference.options() {
        if vault.backend.options().contains(&name) {
            request = request.with_option(name, value);
        } else {
            set(&mut extra, name, value, vault)?;
        }
    }
    let extra = (extra != Extra::default()).then(|| Box::new(extra));
    Ok((request, Wish { key: reference.key(), extra }))
}

fn set(extra: &mut Extra, name: &str, value: &str, vault: &Vault) -> Result<(), Error> {
    let invalid = |what: &str| Error::new(ErrorKind::InvalidReference, format!("option `{name}`: {what}"));
    let seconds =
        || parse_seconds(value).map_err(|_| invalid("expected seconds: a finite number, at least 0"));
    match name {
        "ttl" => extra.ttl = Some(seconds()?),
        "neg_ttl" => extra.neg_ttl = Some(seconds()?),
        "resurrect_ttl" => extra.resurrect_ttl = Some(seconds()?),
        "base64_decode" => match value {
            "true" => extra.base64 = Some(true),
            "false" => extra.base64 = Some(false),
            _ => return Err(invalid("expected true or false")),
        },
        "pointer" if is_pointer(value) => extra.pointer = Some(value.into()),
        "pointer" => return Err(invalid("expected a JSON pointer such as `/servers/0/name`")),
        _ => {
            let known = COMMON_OPTIONS.iter().chain(vault.backend.options()).copied().collect::<Vec<_>>();
            let message =
                format!("unknown option `{}` (this vault knows {})", escaped(name), known.join(", "));
            return Err(Error::new(ErrorKind::InvalidReference, message));
        }
    }
    Ok(())
}

/// The grammar of RFC 6901: tokens behind slashes, in which `~` is `~0` and `/` is `~1`.
fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|behind| behind.starts_with(['0', '1']));
    escapes && (text.is_empty() || text.starts_with('/'))
}
