//! The configuration of an AppRole login.

use std::sync::Arc;

use strongroom_core::factory::{AuthFactory, Field, Settings, Shape};
use strongroom_core::{AuthMethod, Error};
use strongroom_credential::Credential;

use crate::AppRoleAuth;

/// Makes AppRole logins from configuration: `auth_method: approle`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppRoleFactory;

const ROLE_ID: Field = Field::new("approle_role_id", Shape::Text, "The role id.");
const SECRET_ID: Field =
    Field::new("approle_secret_id", Shape::Credential, "The secret id, or the wrapping token around it.");
const SECRET_ID_FILE: Field =
    Field::new("approle_secret_id_file", Shape::Text, "A file that holds it, read afresh at each login.");
const AUTH_PATH: Field =
    Field::new("approle_auth_path", Shape::Text, "Where it is mounted, below auth/.").default("approle");
const WRAPPED: Field =
    Field::new("approle_response_wrapping", Shape::Flag, "The secret id is wrapped.").default("false");
const ROLE_NAME: Field =
    Field::new("approle_role_name", Shape::Text, "The name of the role that a wrapping token has to be for.");

impl AuthFactory for AppRoleFactory {
    fn name(&self) -> &'static str {
        "approle"
    }

    fn fields(&self) -> &'static [Field] {
        &[ROLE_ID, SECRET_ID, SECRET_ID_FILE, AUTH_PATH, WRAPPED, ROLE_NAME]
    }

    fn build(&self, settings: &Settings) -> Result<Arc<dyn AuthMethod>, Error> {
        let role_id = settings.required(&ROLE_ID)?;
        if role_id.trim().is_empty() {
            return Err(settings.error(&ROLE_ID, "is blank"));
        }
        let secret_id = Credential::required_line("secret id", settings, &SECRET_ID, &SECRET_ID_FILE)?;
        let auth = AppRoleAuth::with(role_id, secret_id).mount(settings.mount(&AUTH_PATH)?);
        let (wrapped, role_name) = (settings.flag(&WRAPPED)?, settings.text(&ROLE_NAME)?.map(Into::into));
        Ok(Arc::new(AppRoleAuth { wrapped, role_name, ..auth }))
    }
}
