//! A certificate for this machine from the server's own authority, kept as a secret: what a TLS server follows.

use serde_json::{Value, json};

use super::Server;

impl Server {
    /// Stores a certificate for `localhost`, its key and its authority at `secret/tls/localhost`, in the fields
    /// `certificate`, `private_key` and `issuing_ca`. Each call stores another one.
    ///
    /// # Errors
    /// The server does not do its part.
    pub fn certify_localhost(&self) -> Result<(), String> {
        let api = self.api();
        if api.get("pki/ca/pem").0 != 200 {
            api.try_must("POST", "sys/mounts/pki", &json!({"type": "pki"}))?;
            let root = json!({"common_name": "Strongroom quickstart", "key_type": "ec", "ttl": "48h"});
            api.try_must("POST", "pki/root/generate/internal", &root)?;
            let role = json!({"allow_localhost": true, "key_type": "ec", "ttl": "24h"});
            api.try_must("POST", "pki/roles/localhost", &role)?;
        }
        let issued = api.try_must("POST", "pki/issue/localhost", &json!({"common_name": "localhost"}))?;
        let fields = ["certificate", "private_key", "issuing_ca"];
        let fields = fields.map(|field| (field.to_owned(), issued["data"][field].clone()));
        let data = json!({"data": Value::Object(fields.into_iter().collect())});
        api.try_must("POST", "secret/data/tls/localhost", &data).map(drop)
    }
}
