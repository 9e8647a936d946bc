//! Certificates that change while connections live.

use strongroom_integration_tests::Ca;
use strongroom_integration_tests::pki::{LOOPBACK, Validity};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_authority_is_taken_from_its_file_without_a_restart() {
    let (old, new) = (Ca::new(), Ca::new());
    let mut server = Server::builder().tls_with(&old, &old.server_cert(&LOOPBACK)).start();
    server.api().write_kv2("secret", "x", &json!({"n": "one"}));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, old.pem()).unwrap();
    let registry = registry(vault(&server.address(), server.token()).ca_cert_file(&file));
    assert_eq!(read(&registry, "x/n").await.unwrap(), "one");

    // The server is faster than whoever distributes the authority: no connection is made, and nothing is sent.
    server.replace_certificate(&new, &new.server_cert(&LOOPBACK));
    // Connections that are open stay; a new registry has none.
    let (address, token) = (server.address(), server.token().to_owned());
    let fresh = || super::registry(vault(&address, &token).ca_cert_file(&file));
    let refused = async || read(&fresh(), "x/n").await.map_err(|error| format!("{error:?}"));
    let untrusted =
        |read: &Result<String, String>| read.as_ref().is_err_and(|said| said.contains("not trusted"));
    eventually("distrust", Duration::from_secs(10), refused, untrusted).await;

    // Half a file is no authority; what serves goes on as long as it can.
    std::fs::write(&file, &new.pem()[..40]).unwrap();
    let _ = read(&registry, "x/n").await;
    std::fs::write(&file, new.pem()).unwrap();
    let again = async || read(&registry, "x/n").await.map_err(|error| format!("{error:?}"));
    eventually("trust", Duration::from_secs(10), again, Result::is_ok).await;
    assert_eq!(read(&fresh(), "x/n").await.unwrap(), "one");

    // Expired: fails closed until there is a good one, in the same process.
    server.replace_certificate(&new, &new.server_cert_valid(Validity::Expired));
    let expired = |read: &Result<String, String>| read.as_ref().is_err_and(|said| said.contains("xpired"));
    eventually("expiry", Duration::from_secs(10), refused, expired).await;
    server.replace_certificate(&new, &new.server_cert(&LOOPBACK));
    eventually("renewal", Duration::from_secs(10), refused, Result::is_ok).await;
}
