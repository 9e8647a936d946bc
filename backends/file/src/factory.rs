//! The configuration of a file vault.

use strongroom_core::factory::{BackendFactory, Factories, Field, Settings, Shape};
use strongroom_core::{Error, Vault};

use crate::FileVault;

/// Makes file vaults from configuration: `name: file`, or `name: fs`.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileFactory;

const PREFIX: Field = Field::new("prefix", Shape::Text, "The directory whose files are read; required.");

impl BackendFactory for FileFactory {
    fn name(&self) -> &'static str {
        "file"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["fs"]
    }

    fn fields(&self) -> &'static [Field] {
        &[PREFIX]
    }

    fn logs_in(&self) -> bool {
        false
    }

    fn build(&self, settings: &Settings, _: &Factories) -> Result<Vault, Error> {
        Ok(FileVault::new(settings.required(&PREFIX)?).into())
    }
}
