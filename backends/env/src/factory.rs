//! The configuration of an env vault.

use strongroom_core::factory::{BackendFactory, Factories, Field, Settings, Shape};
use strongroom_core::{Error, Vault};

use crate::EnvVault;

/// Makes env vaults from configuration: `name: env`.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvFactory;

const PREFIX: Field = Field::new("prefix", Shape::Text, "Put in front of every variable's name.");

impl BackendFactory for EnvFactory {
    fn name(&self) -> &'static str {
        "env"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    fn fields(&self) -> &'static [Field] {
        &[PREFIX]
    }

    fn logs_in(&self) -> bool {
        false
    }

    fn build(&self, settings: &Settings, _: &Factories) -> Result<Vault, Error> {
        let prefix = settings.text(&PREFIX)?.unwrap_or_default();
        let vault = EnvVault::new().prefix(prefix);
        Ok(vault
            .map_err(|_| {
                settings.error(&PREFIX, "expected letters, digits, `_` or `-`, not beginning with a digit")
            })?
            .into())
    }
}
