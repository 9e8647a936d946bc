//! What the options of a reference ask for, checked against what its vault knows.

use std::time::Duration;

use crate::value::{Base64, Pick};
use crate::vault::parse_seconds;
use crate::{Error, ErrorKind, ReadRequest, Reference, Vault, escaped};

/// The options of a reference, checked against what its vault knows.
pub(super) struct Options<'a> {
    pub(super) request: ReadRequest,
    pointer: Option<&'a str>,
    base64: Base64,
}

/// Options that every vault knows.
const COMMON_OPTIONS: &[&str] = &["ttl", "neg_ttl", "resurrect_ttl", "base64_decode", "pointer"];

impl<'a> Options<'a> {
    pub(super) fn of(reference: &'a Reference, vault: &Vault) -> Result<Self, Error> {
        let base64 = if vault.policy.base64_decode { Base64::ForStrings } else { Base64::No };
        let request = ReadRequest::new(reference.resource()).with_version(reference.version());
        let mut options = Self { request, pointer: None, base64 };
        for (name, value) in reference.options() {
            options.set(name, value, vault)?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &'a str, vault: &Vault) -> Result<(), Error> {
        let invalid =
            |what: &str| Error::new(ErrorKind::InvalidReference, format!("option `{name}`: {what}"));
        match name {
            "ttl" | "neg_ttl" | "resurrect_ttl" => {
                let _: Duration = parse_seconds(value)
                    .map_err(|_| invalid("expected seconds: a finite number, at least 0"))?;
            }
            "base64_decode" => match value {
                "true" => self.base64 = Base64::Asked,
                "false" => self.base64 = Base64::No,
                _ => return Err(invalid("expected true or false")),
            },
            "pointer" if value.is_empty() || value.starts_with('/') => self.pointer = Some(value),
            "pointer" => return Err(invalid("expected a JSON pointer such as `/servers/0/name`")),
            _ if vault.backend.options().contains(&name) => {
                let request = std::mem::replace(&mut self.request, ReadRequest::new(""));
                self.request = request.with_option(name, value);
            }
            _ => {
                let known = COMMON_OPTIONS.iter().chain(vault.backend.options()).copied().collect::<Vec<_>>();
                let message =
                    format!("unknown option `{}` (this vault knows {})", escaped(name), known.join(", "));
                return Err(Error::new(ErrorKind::InvalidReference, message));
            }
        }
        Ok(())
    }

    pub(super) fn pick<'b>(&'b self, reference: &'b Reference, vault: &Vault) -> Pick<'b> {
        Pick {
            resource: reference.resource(),
            key: reference.key(),
            pointer: self.pointer,
            base64: self.base64,
            reveal_keys: vault.policy.reveal_keys,
        }
    }
}
