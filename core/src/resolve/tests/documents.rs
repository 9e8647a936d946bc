use std::collections::BTreeMap;

use serde::Serialize;

use super::*;
use crate::ErrorKind;

#[tokio::test]
async fn strings_that_are_references_are_replaced_and_nothing_else() {
    let document = json!({
        "services": [
            {"auth": {"password": field("password"), "user": "plain"}},
            [field("number"), 7, 1.5, true, null, ""],
        ],
        field("user"): "a key that looks like one",
        "within": format!("x {}", field("user")),
    });
    let expected = json!({
        "services": [
            {"auth": {"password": "canary-hunter2", "user": "plain"}},
            ["8200", 7, 1.5, true, null, ""],
        ],
        field("user"): "a key that looks like one",
        "within": format!("x {}", field("user")),
    });
    assert_eq!(resolved(document).await, expected);
}

#[tokio::test]
async fn a_value_is_never_looked_through_again() {
    let document = json!([field("nested"), format!("<{}>", field("nested"))]);
    let embedded: Value = registry().resolver().embedded().extract(&document).await.unwrap();
    assert_eq!(embedded, json!(["{vault://my-vault/app/user}", "<{vault://my-vault/app/user}>"]));
}

#[tokio::test]
async fn embedded_references_are_replaced_where_that_is_asked_for() {
    let text = format!("postgres://{}:{}@db/{{{{vault://x}}", field("user"), field("password"));
    let document = json!({"url": text, "port": field("port"), "none": "{vault"});
    let embedded: Value = registry().resolver().embedded().extract(&document).await.unwrap();
    let expected =
        json!({"url": "postgres://app:canary-hunter2@db/{vault://x}", "port": "5432", "none": "{vault"});
    assert_eq!(embedded, expected);

    let document =
        json!({"url": format!("canary {{vault://my-vault/a;b}} {{vault://open {}", field("nope"))});
    let error = registry().resolver().embedded().resolve(&document).await.unwrap_err();
    let failures = failures(&error);
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert!(failures.iter().all(|(path, _)| path == "url"), "{failures:?}");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let document = json!({
        "good": field("user"),
        "services": [{}, {}, {"auth": {"password": field("nope")}}],
        "unknown": "{vault://other-vault/a/b}",
        "invalid": "{vault://my-vault/a;b}",
        "again": field("nope"),
    });
    let error = registry().resolve(&document).await.unwrap_err();
    let mut paths: Vec<_> = failures(&error).into_iter().map(|(path, _)| path).collect();
    paths.sort();
    assert_eq!(paths, ["again", "invalid", "services[2].auth.password", "unknown"]);
    assert!(!error.is_retryable());

    let shown = error.to_string();
    assert!(shown.starts_with("4 fields could not be resolved:\n  "), "{shown}");
    assert!(
        shown.contains(
            "\n  services[2].auth.password: could not resolve {vault://my-vault/app/nope}: vault `my-vault` (memory): no such key `nope`"
        ),
        "{shown}"
    );
    let one = crate::Error::from(error);
    assert_eq!(one.kind(), ErrorKind::InvalidReference, "{one:?}");
    assert!(format!("{one:?}").contains("services[2].auth.password"), "{one:?}");
}

#[tokio::test]
async fn failures_say_where_a_field_was_written() {
    let origins = |path: &crate::FieldPath| {
        let known = BTreeMap::from([("auth", "app.yaml:3"), ("auth.port", "app.yaml:9")]);
        known.get(path.to_string().as_str()).map(|origin| (*origin).to_owned())
    };
    let document = json!({"auth": {"port": field("password"), "key": field("nope")}});
    let resolver = registry().resolver().origins(origins);
    let error = resolver.resolve(&document).await.unwrap_err();
    assert_eq!(error.failures()[0].origin.as_deref(), Some("app.yaml:3"));

    #[derive(Debug, serde::Deserialize)]
    struct Auth {
        #[expect(dead_code, reason = "it is refused")]
        port: u16,
    }
    let document = json!({"auth": {"port": field("password")}});
    let error = resolver.extract::<BTreeMap<String, Auth>>(&document).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "auth.port (app.yaml:9): the value of {vault://my-vault/app/password}: expected u16, found a string"
    );
}

#[tokio::test]
async fn anything_that_serializes_is_a_document() {
    #[derive(Serialize)]
    enum Kind {
        Unit,
        Newtype(String),
        Tuple(u8, String),
        Struct { secret: String },
    }
    #[derive(Serialize)]
    struct Everything {
        kinds: Vec<Kind>,
        map: BTreeMap<u16, Option<String>>,
        pair: (i128, char),
        unit: (),
    }
    let document = Everything {
        kinds: vec![
            Kind::Unit,
            Kind::Newtype(field("user")),
            Kind::Tuple(1, field("user")),
            Kind::Struct { secret: field("user") },
        ],
        map: BTreeMap::from([(7, Some(field("user"))), (8, None)]),
        pair: (-5, 'x'),
        unit: (),
    };
    let (small, large): (u16, u128) = registry().extract(&(5_u128, u128::MAX)).await.unwrap();
    assert_eq!((small, large), (5, u128::MAX));
    let expected = json!({
        "kinds": ["Unit", {"Newtype": "app"}, {"Tuple": [1, "app"]}, {"Struct": {"secret": "app"}}],
        "map": {"7": "app", "8": null},
        "pair": [-5, "x"],
        "unit": null,
    });
    assert_eq!(registry().extract::<Value>(&document).await.unwrap(), expected);
}

#[tokio::test]
async fn what_nests_too_deep_is_an_error() {
    let mut document = json!(field("user"));
    for _ in 0..200 {
        document = json!([document]);
    }
    let error = registry().resolve(&document).await.unwrap_err();
    assert!(error.to_string().contains("deeper than 128"), "{error}");
}

#[tokio::test]
async fn resolving_needs_a_document_that_threads_may_not_share() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    #[derive(Serialize)]
    struct Local(std::cell::RefCell<String>);
    let registry = registry();
    let document = Local(std::cell::RefCell::new(field("user")));
    let resolved = is_send(registry.extract::<String>(&document));
    assert_eq!(resolved.await.unwrap(), "app");
}
