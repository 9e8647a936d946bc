//! The configuration of a token login.

use std::sync::Arc;

use strongroom_core::factory::{AuthFactory, Field, Settings, Shape};
use strongroom_core::{AuthMethod, Error};
use strongroom_credential::Credential;

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

    fn fields(&self) -> &'static [Field] {
        &[TOKEN, TOKEN_FILE]
    }

    fn build(&self, settings: &Settings) -> Result<Arc<dyn AuthMethod>, Error> {
        Ok(Arc::new(TokenAuth(Credential::required_line("token", settings, &TOKEN, &TOKEN_FILE)?)))
    }
}
