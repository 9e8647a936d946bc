//! Which backends and logins this build can make from configuration.
//!
//! The one list that a new backend or login is added to. Nothing registers itself.

use strongroom_core::factory::{Absent, Factories};

/// What exists, and the cargo feature that brings it; none where nothing does yet.
const BACKENDS: &[Absent] = &[
    Absent::new("hcv", Some("hashicorp")).aliases(&["hashicorp", "openbao"]),
    Absent::new("env", Some("env")),
    Absent::new("file", Some("file")).aliases(&["fs"]),
    Absent::new("aws", None),
    Absent::new("gcp", None),
    Absent::new("azure", None),
    Absent::new("azure-certs", None),
    Absent::new("conjur", None),
    Absent::new("konnect", None),
];

const LOGINS: &[Absent] = &[
    Absent::new("token", Some("auth-token")).field_prefixes(&["token"]),
    Absent::new("kubernetes", Some("auth-kubernetes")).field_prefixes(&["kube_"]),
    Absent::new("approle", Some("auth-approle")).field_prefixes(&["approle_"]),
    Absent::new("cert", Some("auth-cert")).field_prefixes(&["cert_auth_"]),
    Absent::new("jwt", Some("auth-jwt")).aliases(&["oauth2"]).field_prefixes(&["jwt_", "oauth2_"]),
    Absent::new("aws_iam", None),
    Absent::new("aws_ec2", None),
    Absent::new("azure", None),
    Absent::new("gcp_iam", None),
    Absent::new("gcp_gce", None),
];

/// The backends and logins that this build's cargo features brought, with the names of those they did not, so
/// that messages can say what to enable. Add your own with [`Factories::with_backend`] and
/// [`Factories::with_login`].
#[must_use]
pub fn factories() -> Factories {
    let factories = Factories::new();
    #[cfg(feature = "hashicorp")]
    let factories = factories
        .with_backend(strongroom_hashicorp::HashicorpFactory::default())
        .with_login(strongroom_hashicorp::NoAuthFactory);
    #[cfg(feature = "env")]
    let factories = factories.with_backend(strongroom_env::EnvFactory);
    #[cfg(all(feature = "file", unix))]
    let factories = factories.with_backend(strongroom_file::FileFactory);
    #[cfg(feature = "auth-token")]
    let factories = factories.with_login(strongroom_auth_token::TokenFactory);
    #[cfg(feature = "auth-kubernetes")]
    let factories = factories.with_login(strongroom_auth_kubernetes::KubernetesFactory);
    #[cfg(feature = "auth-approle")]
    let factories = factories.with_login(strongroom_auth_approle::AppRoleFactory);
    #[cfg(feature = "auth-cert")]
    let factories = factories.with_login(strongroom_auth_cert::CertFactory);
    #[cfg(feature = "auth-jwt")]
    let factories = factories.with_login(strongroom_auth_jwt::JwtFactory);

    let built = |absent: &&Absent| factories.backend(absent.name).is_some();
    let absent: Vec<_> = BACKENDS.iter().filter(|absent| !built(absent)).copied().collect();
    let factories = absent.into_iter().fold(factories, Factories::with_absent_backend);
    let built = |absent: &&Absent| factories.logins().any(|login| login.name() == absent.name);
    let absent: Vec<_> = LOGINS.iter().filter(|absent| !built(absent)).copied().collect();
    absent.into_iter().fold(factories, Factories::with_absent_login)
}
