//! The configuration of a token login.

use std::sync::Arc;

use strongroom_core::factory::{AuthFactory, Field, Settings, Shape};
use strongroom_core::{AuthMethod, Error};
use strongroom_credential::line;

use crate::TokenAuth;

/// Makes token logins from configuration: `auth_method: token`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenFactory;

const TOKEN: Field = Field::new("token", Shape::Credential, "The token itself.");
const TOKEN_FILE: Field =
    Field::new("token_file", Shape::Text, "A file that holds the token, read afresh at each login.");

impl AuthFactory for TokenFactory {
    fn name(&self) -> &'static str {
        "token"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    fn fields(&self) -> &'static [Field] {
        &[TOKEN, TOKEN_FILE]
    }

    fn build(&self, settings: &Settings) -> Result<Arc<dyn AuthMethod>, Error> {
        match (settings.secret(&TOKEN)?, settings.text(&TOKEN_FILE)?) {
            (Some(token), None) => {
                // A file may be mended while the program runs, a text may not: say it now.
                line("token", token.as_bytes().to_vec())
                    .map_err(|error| settings.error(&TOKEN, &error.to_string()))?;
                Ok(Arc::new(TokenAuth::new(token)))
            }
            (None, Some(path)) => Ok(Arc::new(TokenAuth::from_file(path))),
            (Some(_), Some(_)) => {
                Err(settings.error(&TOKEN_FILE, "cannot stand beside `token`: set one of them"))
            }
            (None, None) => Err(settings.error(&TOKEN, "is required, or `token_file`")),
        }
    }
}
