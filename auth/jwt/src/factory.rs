//! The configuration of a JWT login.

use std::sync::Arc;

use strongroom_core::factory::{AuthFactory, Field, Settings, Shape};
use strongroom_core::{AuthMethod, Error};
use strongroom_credential::Credential;

use crate::{JwtAuth, JwtSource, OAuth2};

/// Makes JWT logins from configuration: `auth_method: jwt`, alias `oauth2`.
#[derive(Clone, Copy, Debug, Default)]
pub struct JwtFactory;

const ROLE: Field =
    Field::new("jwt_role", Shape::Text, "The role to log in with.").aliases(&["oauth2_role_name"]);
const AUTH_PATH: Field =
    Field::new("jwt_auth_path", Shape::Text, "Where the auth method is mounted, below auth/.").default("jwt");
const FILE: Field =
    Field::new("jwt_file", Shape::Text, "A file that holds the JWT, read afresh at each login.");
const ENDPOINT: Field = Field::new(
    "oauth2_token_endpoint",
    Shape::Text,
    "The identity provider's token endpoint, https unless loopback.",
);
const CLIENT_ID: Field = Field::new("oauth2_client_id", Shape::Text, "The client id.");
const CLIENT_SECRET: Field = Field::new("oauth2_client_secret", Shape::Credential, "The client secret.");
const CLIENT_SECRET_FILE: Field =
    Field::new("oauth2_client_secret_file", Shape::Text, "A file that holds the client secret.");
const AUDIENCES: Field = Field::new("oauth2_audiences", Shape::List, "The audiences to ask for.");
const SCOPES: Field = Field::new("oauth2_scopes", Shape::List, "The scopes to ask for.");
const CA_FILE: Field = Field::new(
    "oauth2_ca_cert_file",
    Shape::Text,
    "The certificate authorities to trust for the endpoint (PEM), in place of the system's.",
);

impl AuthFactory for JwtFactory {
    fn name(&self) -> &'static str {
        "jwt"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["oauth2"]
    }

    fn fields(&self) -> &'static [Field] {
        &[
            ROLE,
            AUTH_PATH,
            FILE,
            ENDPOINT,
            CLIENT_ID,
            CLIENT_SECRET,
            CLIENT_SECRET_FILE,
            AUDIENCES,
            SCOPES,
            CA_FILE,
        ]
    }

    fn build(&self, settings: &Settings) -> Result<Arc<dyn AuthMethod>, Error> {
        let source = match (settings.text(&FILE)?, settings.text(&ENDPOINT)?) {
            (Some(path), None) => JwtSource::file(path),
            (None, Some(endpoint)) => JwtSource::oauth2(oauth2(settings, endpoint)?),
            (Some(_), Some(_)) => {
                return Err(settings.error(&ENDPOINT, "cannot stand beside `jwt_file`: set one of them"));
            }
            (None, None) => return Err(settings.error(&FILE, "is required, or `oauth2_token_endpoint`")),
        };
        let auth = JwtAuth::new(settings.required(&ROLE)?, source).mount(settings.mount(&AUTH_PATH)?);
        Ok(Arc::new(auth))
    }
}

fn oauth2(settings: &Settings, endpoint: &str) -> Result<OAuth2, Error> {
    let scheme = endpoint.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("https" | "http")) {
        return Err(settings.error(&ENDPOINT, "expected a URL: https, or http to a loopback address"));
    }
    let secret = Credential::required_line("client secret", settings, &CLIENT_SECRET, &CLIENT_SECRET_FILE)?;
    let grant = OAuth2::with_credential(endpoint, settings.required(&CLIENT_ID)?, secret)
        .audiences(settings.list(&AUDIENCES)?)
        .scopes(settings.list(&SCOPES)?);
    Ok(match settings.text(&CA_FILE)? {
        Some(path) => grant.ca_file(path),
        None => grant,
    })
}
