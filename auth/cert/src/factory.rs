//! The configuration of a certificate login.

use std::sync::Arc;

use strongroom_core::factory::{AuthFactory, Field, Settings, Shape};
use strongroom_core::{AuthMethod, Error};
use strongroom_credential::Credential;

use crate::{CERTIFICATE, CertAuth, KEY};

/// Makes certificate logins from configuration: `auth_method: cert`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CertFactory;

const CERT: Field =
    Field::new("cert_auth_cert", Shape::Credential, "The certificate chain as PEM text, leaf first.");
const CERT_FILE: Field =
    Field::new("cert_auth_cert_file", Shape::Text, "A file that holds the certificate chain.");
const CERT_KEY: Field = Field::new("cert_auth_cert_key", Shape::Credential, "The private key as PEM text.");
const CERT_KEY_FILE: Field =
    Field::new("cert_auth_cert_key_file", Shape::Text, "A file that holds the private key.");
const ROLE_NAME: Field = Field::new(
    "cert_auth_role_name",
    Shape::Text,
    "The role to log in with; without one the server tries all.",
);
const AUTH_PATH: Field =
    Field::new("cert_auth_path", Shape::Text, "Where the auth method is mounted, below auth/.")
        .default("cert");

impl AuthFactory for CertFactory {
    fn name(&self) -> &'static str {
        "cert"
    }

    fn fields(&self) -> &'static [Field] {
        &[CERT, CERT_FILE, CERT_KEY, CERT_KEY_FILE, ROLE_NAME, AUTH_PATH]
    }

    fn build(&self, settings: &Settings) -> Result<Arc<dyn AuthMethod>, Error> {
        let part = |what, text: &Field, file: &Field| {
            Credential::from_settings(what, settings, text, file)?
                .ok_or_else(|| settings.error(text, &format!("is required, or `{}`", file.name)))
        };
        let (chain, key) = (part(CERTIFICATE, &CERT, &CERT_FILE)?, part(KEY, &CERT_KEY, &CERT_KEY_FILE)?);
        let auth = CertAuth::with(chain, key).mount(settings.mount(&AUTH_PATH)?);
        Ok(Arc::new(match settings.text(&ROLE_NAME)? {
            Some(name) => auth.role_name(name),
            None => auth,
        }))
    }
}
