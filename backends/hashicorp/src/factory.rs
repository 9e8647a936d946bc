//! The configuration of an `hcv` vault.

use strongroom_core::factory::{BackendFactory, Factories, Field, Settings, Shape};
use strongroom_core::{Error, Vault};

use crate::builder::Wrong;
use crate::session::Sessions;
use crate::transport::Address;
use crate::{HashicorpVault, KvVersion};

/// Makes vaults from configuration: `name: hcv`, aliases `hashicorp` and `openbao`. Those of its vaults that log in
/// alike share one token.
#[derive(Clone, Debug, Default)]
pub struct HashicorpFactory(Sessions);

const PROTOCOL: Field =
    Field::new("protocol", Shape::OneOf(&["http", "https"]), "How to talk to the server.").default("http");
const HOST: Field =
    Field::new("host", Shape::Text, "The server's host name or IP address, without scheme and port.")
        .default("127.0.0.1");
const PORT: Field = Field::new("port", Shape::Integer(1, 65535), "The server's port.").default("8200");
const ADDRESS: Field = Field::new(
    "address",
    Shape::Text,
    "One URL in place of protocol, host and port, or unix:///path/to/socket.",
);
const ADDRESSES: Field = Field::new(
    "addresses",
    Shape::List,
    "URLs of the nodes of one cluster: random start, sticky, fail over.",
);
const MOUNT: Field = Field::new("mount", Shape::Text, "The KV mount; it may hold slashes.").default("secret");
const KV: Field = Field::new(
    "kv",
    Shape::OneOf(&["v1", "v2", "auto"]),
    "The KV version of the mount; auto asks the server.",
)
.default("v1");
const NAMESPACE: Field = Field::new("namespace", Shape::Text, "The namespace of the mount.");
const AUTH_NAMESPACE: Field =
    Field::new("auth_namespace", Shape::Text, "The namespace of the login; unset: that of the mount.");
const SSL_VERIFY: Field =
    Field::new("ssl_verify", Shape::Flag, "Verify the server's certificate.").default("true");
const CA_CERT: Field = Field::new(
    "ca_cert",
    Shape::Text,
    "The certificate authorities to trust (PEM), in place of the system's.",
);
const CA_CERT_FILE: Field = Field::new("ca_cert_file", Shape::Text, "A file that holds them.");
const TLS_SERVER_NAME: Field = Field::new(
    "tls_server_name",
    Shape::Text,
    "The name to expect in the server's certificate, in place of the host.",
);
const CONNECT_TIMEOUT: Field =
    Field::new("connect_timeout", Shape::Seconds, "Seconds that a connection may take to come about.")
        .default("2");
const REQUEST_TIMEOUT: Field =
    Field::new("request_timeout", Shape::Seconds, "Seconds that one try with its body may take.")
        .default("5");
const RETRIES: Field = Field::new(
    "retries",
    Shape::Integer(0, 100),
    "How often a read that failed for a passing reason is tried again.",
)
.default("3");
const TOTAL_TIMEOUT: Field =
    Field::new("total_timeout", Shape::Seconds, "Seconds that a read may take with all its tries and waits.")
        .default("10");
const MAX_IN_FLIGHT: Field =
    Field::new("max_in_flight", Shape::Integer(1, 10_000), "Requests under way at a time.").default("8");
const MAX_RESPONSE_BYTES: Field =
    Field::new("max_response_bytes", Shape::Integer(1, 1 << 30), "How large an answer may be.")
        .default("1048576");
const POLL: Field = Field::new(
    "poll",
    Shape::OneOf(&["auto", "off"]),
    "Ask for the versions of many secrets at once, where the server can tell them.",
)
.default("auto");
const AUTH_METHOD: Field = Field::new("auth_method", Shape::Text, "How to log in.").default("token");

const FIELDS: &[Field] = &[
    PROTOCOL,
    HOST,
    PORT,
    ADDRESS,
    ADDRESSES,
    MOUNT,
    KV,
    NAMESPACE,
    AUTH_NAMESPACE,
    SSL_VERIFY,
    CA_CERT,
    CA_CERT_FILE,
    TLS_SERVER_NAME,
    CONNECT_TIMEOUT,
    REQUEST_TIMEOUT,
    RETRIES,
    TOTAL_TIMEOUT,
    MAX_IN_FLIGHT,
    MAX_RESPONSE_BYTES,
    POLL,
    AUTH_METHOD,
    Field::unbuilt("gcp_auth_role", "logins with a Google Cloud identity"),
    Field::unbuilt("gcp_login_path", "logins with a Google Cloud identity").default("/v1/auth/gcp/login"),
    Field::unbuilt("gcp_service_account", "logins with a Google Cloud identity"),
    Field::unbuilt("gcp_jwt_exp", "logins with a Google Cloud identity"),
    Field::unbuilt("azure_auth_role", "logins with an Azure identity"),
    Field::unbuilt("azure_login_path", "logins with an Azure identity").default("/v1/auth/azure/login"),
    Field::unbuilt("aws_auth_role", "logins with an AWS identity"),
    Field::unbuilt("aws_login_path", "logins with an AWS identity").default("/v1/auth/aws/login"),
    Field::unbuilt("aws_auth_region", "logins with an AWS identity"),
    Field::unbuilt("aws_auth_nonce", "logins with an AWS identity"),
    Field::unbuilt("aws_access_key_id", "logins with an AWS identity"),
    Field::unbuilt("aws_secret_access_key", "logins with an AWS identity"),
    Field::unbuilt("aws_sts_endpoint_url", "logins with an AWS identity"),
    Field::unbuilt("aws_assume_role_arn", "logins with an AWS identity"),
    Field::unbuilt("aws_role_session_name", "logins with an AWS identity").default("kong"),
];

impl BackendFactory for HashicorpFactory {
    fn name(&self) -> &'static str {
        "hcv"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["hashicorp", "openbao"]
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn logs_in(&self) -> bool {
        true
    }

    fn build(&self, settings: &Settings, factories: &Factories) -> Result<Vault, Error> {
        let kv = match settings.one_of(&KV)? {
            Some("v2") => KvVersion::V2,
            Some("auto") => KvVersion::Auto,
            _ => KvVersion::V1,
        };
        let mut builder = HashicorpVault::builder()
            .sessions(&self.0)
            .addresses(addresses(settings)?)
            .mount(settings.mount(&MOUNT)?)
            .kv(kv)
            .ssl_verify(settings.flag(&SSL_VERIFY)?)
            .connect_timeout(settings.seconds(&CONNECT_TIMEOUT)?.unwrap_or_default())
            .request_timeout(settings.seconds(&REQUEST_TIMEOUT)?.unwrap_or_default())
            .total_timeout(settings.seconds(&TOTAL_TIMEOUT)?.unwrap_or_default())
            .poll(settings.one_of(&POLL)? != Some("off"))
            .retries(number(settings, &RETRIES)?)
            .max_in_flight(number(settings, &MAX_IN_FLIGHT)?)
            .max_response_bytes(number(settings, &MAX_RESPONSE_BYTES)?)
            .shared_auth(factories.login(settings.required(&AUTH_METHOD)?, &AUTH_METHOD, settings)?);
        if let Some(namespace) = settings.text(&NAMESPACE)? {
            builder = builder.namespace(namespace);
        }
        if let Some(namespace) = settings.text(&AUTH_NAMESPACE)? {
            builder = builder.auth_namespace(namespace);
        }
        if let Some(pem) = settings.text(&CA_CERT)? {
            builder = builder.ca_cert(pem);
        }
        if let Some(path) = settings.text(&CA_CERT_FILE)? {
            builder = builder.ca_cert_file(path);
        }
        if let Some(name) = settings.text(&TLS_SERVER_NAME)? {
            builder = builder.tls_server_name(name);
        }
        builder.assemble().map_err(|Wrong(name, what)| {
            let field = FIELDS.iter().find(|field| field.is_called(name));
            field.map_or_else(|| settings.fault(&what), |field| settings.error(field, &what))
        })
    }
}

/// The addresses, in whichever of the three ways they are written.
fn addresses(settings: &Settings) -> Result<Vec<String>, Error> {
    let parsed = |field: &Field, text: &str| {
        Address::parse(text).map(|_| text.to_owned()).map_err(|what| settings.error(field, &what))
    };
    let one = settings.text(&ADDRESS)?;
    let several = settings.list(&ADDRESSES)?;
    for part in [&PROTOCOL, &HOST, &PORT] {
        if settings.is_set(part)? && (one.is_some() || settings.is_set(&ADDRESSES)?) {
            let other = if one.is_some() { ADDRESS.name } else { ADDRESSES.name };
            return Err(
                settings.error(part, &format!("cannot stand beside `{other}`, which says it already"))
            );
        }
    }
    match one {
        Some(_) if settings.is_set(&ADDRESSES)? => {
            Err(settings.error(&ADDRESS, "cannot stand beside `addresses`: set one of them"))
        }
        Some(one) => Ok(vec![parsed(&ADDRESS, one)?]),
        None if settings.is_set(&ADDRESSES)? => {
            if several.is_empty() {
                return Err(settings.error(&ADDRESSES, "expected at least one address"));
            }
            several.iter().map(|text| parsed(&ADDRESSES, text)).collect()
        }
        None => {
            let encrypted = settings.one_of(&PROTOCOL)? == Some("https");
            let port = number(settings, &PORT)?;
            let address = Address::from_parts(encrypted, settings.required(&HOST)?, port);
            Ok(vec![address.map_err(|what| settings.error(&HOST, &what))?.to_string()])
        }
    }
}

/// A whole number, which the shape of its field keeps within the bounds of `T`.
fn number<T: TryFrom<u64> + Default>(settings: &Settings, field: &Field) -> Result<T, Error> {
    Ok(settings.integer(field)?.and_then(|number| T::try_from(number).ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests;
