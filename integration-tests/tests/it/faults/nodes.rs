//! Several addresses of one cluster, as far as no real one can be made to do it at will.

use std::sync::{Arc, OnceLock};

use super::*;

const LOGIN: &str = "/v1/auth/approle/login";

/// Makes vaults until one begins at the first address.
fn registry_at_the_first(addresses: &[&Stub], make: impl Fn() -> HashicorpVaultBuilder) -> Registry {
    let texts: Vec<_> = addresses.iter().map(|stub| stub.address()).collect();
    loop {
        let built = make().addresses(texts.clone()).build().unwrap();
        if built.backend().describe().address.as_deref() == Some(&texts[0]) {
            return Registry::builder().vault("under-test", built).build().unwrap();
        }
    }
}

fn plain() -> HashicorpVaultBuilder {
    vault("", CANARY).request_timeout(Duration::from_millis(1500))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_goes_on_to_the_next_node_whatever_happened_to_it() {
    let sealed = || Reply::json(503, &json!({"errors": ["Vault is sealed"]}));
    for (name, reply) in [
        ("cut", Reply::cut()),
        ("reset", good().reset_after(5)),
        ("silent", Reply::hang()),
        ("sealed", sealed()),
        ("bad gateway", Reply::new(502)),
        ("unavailable", Reply::new(503)),
        ("a standby", Reply::new(307).header("location", "http://10.255.255.1:8200/v1/secret/data/x")),
        (
            "no leader",
            Reply::json(500, &json!({"errors": ["local node not active but active cluster node not found"]})),
        ),
        ("a portal", Reply::new(200).header("content-type", "text/html").body("<html>")),
    ] {
        let (bad, well) = (Stub::new(move |_| reply.clone()), Stub::new(|_| kv2(&json!({"n": "1"}))));
        let registry = registry_at_the_first(&[&bad, &well], plain);
        assert_eq!(read(&registry, "x/n").await.unwrap(), "1", "{name}");
        // It stays where it was served.
        assert_eq!(read(&registry, "x/n").await.unwrap(), "1", "{name}");
        let count = |stub: &Stub| stub.count("GET", "/v1/secret/data/x");
        assert_eq!((count(&bad), count(&well)), (1, 2), "{name}");
    }
    // What one node says of the secret, every node says.
    for status in [400, 403, 404, 405, 500] {
        let (bad, well) = (Stub::new(move |_| Reply::new(status)), Stub::new(|_| kv2(&json!({"n": "1"}))));
        let registry = registry_at_the_first(&[&bad, &well], plain);
        refused(&registry, "x/n").await;
        assert_eq!(well.requests().len(), 0, "{status}");
    }
    // Where all are in trouble, what one of them said is told.
    let (bad, worse) = (Stub::new(move |_| sealed()), Stub::new(|_| Reply::cut()));
    let registry = registry_at_the_first(&[&bad, &worse], plain);
    let (error, said) = refused(&registry, "x/n").await;
    assert_eq!(error.kind(), ErrorKind::Sealed, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_have_arrived_is_not_sent_again() {
    let well = || {
        Stub::new(|request| match request.target.as_str() {
            LOGIN => Reply::json(
                200,
                &json!({"auth": {"client_token": "t", "lease_duration": 60, "renewable": true}}),
            ),
            _ => kv2(&json!({"n": "1"})),
        })
    };
    let make = || plain().auth(AppRoleAuth::new("id", CANARY));
    for reply in [Reply::cut(), Reply::hang(), Reply::new(502)] {
        let (bad, well) = (Stub::new(move |_| reply.clone()), well());
        let registry = registry_at_the_first(&[&bad, &well], make);
        let (error, said) = refused(&registry, "x/n").await;
        assert!(error.is_retryable(), "{said}");
        assert_eq!((bad.count("POST", LOGIN), well.requests().len()), (1, 0));
        // The session's own next try begins at the next node.
        let at_most = Duration::from_secs(20);
        eventually("a login elsewhere", at_most, async || read(&registry, "x/n").await, Result::is_ok).await;
        assert_eq!((bad.count("POST", LOGIN), well.count("POST", LOGIN)), (1, 1));
    }
    // Where nobody listens nothing arrived.
    let dead = Stub::new(|_| Reply::cut());
    let well = well();
    let registry = registry_at_the_first(&[&dead, &well], make);
    drop(dead);
    assert_eq!(read(&registry, "x/n").await.unwrap(), "1");
    assert_eq!(well.count("POST", LOGIN), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standbys_redirect_is_followed_once_and_to_a_configured_address_only() {
    let to = Arc::new(OnceLock::<String>::new());
    let copy = to.clone();
    let standby = Stub::new(move |request| {
        let location = format!("{}{}", copy.get().unwrap(), request.target);
        Reply::new(307).header("location", &location)
    });
    let leader = Stub::new(|request| match request.target.as_str() {
        LOGIN => {
            Reply::json(200, &json!({"auth": {"client_token": "t", "lease_duration": 60, "renewable": true}}))
        }
        _ => kv2(&json!({"n": "1"})),
    });
    to.set(leader.address()).unwrap();
    // A login too: a redirect says that nothing was done.
    let make = || plain().auth(AppRoleAuth::new("id", CANARY));
    let registry = registry_at_the_first(&[&standby, &leader], make);
    assert_eq!(read(&registry, "x/n#1").await.unwrap(), "1");
    assert_eq!((standby.requests().len(), leader.requests().len()), (1, 2));
    assert_eq!(leader.count("GET", "/v1/secret/data/x?version=1"), 1);

    // Two standbys that send us to each other, as after an election.
    let (first, second) = (Arc::new(OnceLock::<String>::new()), Arc::new(OnceLock::<String>::new()));
    let leads_to = |to: &Arc<OnceLock<String>>| {
        let to = to.clone();
        Stub::new(move |request| {
            Reply::new(307).header("location", &format!("{}{}", to.get().unwrap(), request.target))
        })
    };
    let (one, two) = (leads_to(&second), leads_to(&first));
    first.set(one.address()).unwrap();
    second.set(two.address()).unwrap();
    let registry = registry_at_the_first(&[&one, &two], plain);
    let (error, said) = refused(&registry, "x/n").await;
    assert!(error.is_retryable() && said.contains("standby"), "{said}");
    // Each address is asked, and leads to the other once.
    assert_eq!((one.requests().len(), two.requests().len()), (2, 2));

    // A standby that sends us to itself, or to somebody else, is no loop and no leak.
    let foreign = Stub::new(|_| kv2(&json!({"n": "stolen"})));
    for target in [one.address(), foreign.address()] {
        let to = Arc::new(OnceLock::from(target));
        let lost = leads_to(&to);
        refused(&super::registry(plain().address(lost.address())), "x/n").await;
        assert_eq!(lost.requests().len(), 1);
    }
    assert_eq!(foreign.connections(), 0);
}
