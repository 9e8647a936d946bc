//! The configuration of a Kubernetes login.

use std::sync::Arc;

use strongroom_core::factory::{AuthFactory, Field, Settings, Shape};
use strongroom_core::{AuthMethod, Error};

use crate::{DEFAULT_TOKEN_FILE, KubernetesAuth};

/// Makes Kubernetes logins from configuration: `auth_method: kubernetes`.
#[derive(Clone, Copy, Debug, Default)]
pub struct KubernetesFactory;

const ROLE: Field = Field::new("kube_role", Shape::Text, "The role to log in with.");
const AUTH_PATH: Field =
    Field::new("kube_auth_path", Shape::Text, "Where the auth method is mounted, below auth/.")
        .default("kubernetes");
const TOKEN_FILE: Field = Field::new(
    "kube_api_token_file",
    Shape::Text,
    "The service account token's file, read afresh at each login.",
)
.default(DEFAULT_TOKEN_FILE);

impl AuthFactory for KubernetesFactory {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn fields(&self) -> &'static [Field] {
        &[ROLE, AUTH_PATH, TOKEN_FILE]
    }

    fn build(&self, settings: &Settings) -> Result<Arc<dyn AuthMethod>, Error> {
        let auth = KubernetesAuth::new(settings.required(&ROLE)?)
            .mount(settings.mount(&AUTH_PATH)?)
            .token_file(settings.required(&TOKEN_FILE)?);
        Ok(Arc::new(auth))
    }
}
