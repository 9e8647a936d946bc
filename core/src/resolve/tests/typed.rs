use std::collections::HashMap;

use serde::Deserialize;

use super::*;
use crate::Secret;

async fn extract<T: serde::de::DeserializeOwned>(document: Value) -> Result<T, String> {
    registry().extract(&document).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn values_take_the_type_that_is_asked_for() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Level {
        Debug,
    }
    #[derive(Deserialize)]
    struct Inner {
        port: u16,
        negative: i8,
        big: u128,
        ratio: f64,
        whole: f32,
    }
    #[derive(Deserialize)]
    struct Outer {
        inner: Inner,
        yes: bool,
        flag: Option<bool>,
        none: Option<String>,
        level: Level,
        letter: char,
        empty: String,
        zeros: String,
        list: Vec<u32>,
        map: HashMap<u16, Secret>,
        defaulted: Option<Secret>,
    }
    let outer: Outer = extract(json!({
        "inner": {
            "port": field("port"), "negative": field("negative"), "big": field("big"),
            "ratio": field("ratio"), "whole": field("number"),
        },
        "yes": field("yes"),
        "flag": field("flag"),
        "none": null,
        "level": field("level"),
        "letter": field("letter"),
        "empty": field("empty"),
        "zeros": field("zeros"),
        "list": [field("number"), 7],
        "map": {"1": field("password"), "2": "literal"},
    }))
    .await
    .unwrap();
    assert_eq!((outer.inner.port, outer.inner.negative, outer.inner.big), (5432, -3, u128::MAX));
    assert_eq!((outer.inner.ratio, outer.inner.whole), (0.25, 8200.0));
    assert_eq!((outer.yes, outer.flag, outer.none, outer.level), (true, Some(false), None, Level::Debug));
    assert_eq!((outer.letter, outer.empty.as_str(), outer.zeros.as_str()), ('x', "", "0123"));
    assert_eq!(outer.list, [8200, 7]);
    assert_eq!(outer.map[&1].as_str().unwrap(), "canary-hunter2");
    assert_eq!(outer.map[&2].as_str().unwrap(), "literal");
    assert!(outer.defaulted.is_none());
}

#[tokio::test]
async fn what_is_no_such_number_is_refused() {
    for key in ["zeros", "spaced", "empty", "ratio", "password", "big", "negative"] {
        let error = extract::<u16>(json!(field(key))).await.unwrap_err();
        assert!(error.ends_with("expected u16, found a string"), "{error}");
    }
    let error = extract::<bool>(json!(field("port"))).await.unwrap_err();
    assert!(error.ends_with("expected a boolean, found a string"), "{error}");
    // Only what came from a vault is typed by its text.
    assert_eq!(
        extract::<u16>(json!("8200")).await.unwrap_err(),
        "the document: expected u16, found a string"
    );
    // And it is never a list, a mapping or null.
    for error in [
        extract::<Vec<u8>>(json!(field("user"))).await.unwrap_err(),
        extract::<HashMap<String, String>>(json!(field("user"))).await.unwrap_err(),
        extract::<()>(json!(field("empty"))).await.unwrap_err(),
    ] {
        assert!(error.contains("found a string"), "{error}");
    }
}

#[tokio::test]
async fn bytes_stay_bytes() {
    let binary = "{vault://my-vault/app/binary?base64_decode}";
    let secret: Secret = extract(json!(binary)).await.unwrap();
    assert_eq!(secret.as_bytes(), [0xff, 0, 0xff]);
    let error = extract::<String>(json!(binary)).await.unwrap_err();
    assert!(error.ends_with("expected a string, found bytes that are no UTF-8 text"), "{error}");
    let text = format!("a{binary}b");
    let spliced: Secret = registry().resolver().embedded().extract(&json!(text)).await.unwrap();
    assert_eq!(spliced.as_bytes(), [b'a', 0xff, 0, 0xff, b'b']);
}

#[tokio::test]
async fn enums_of_every_shape() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Login {
        Debug,
        Token(String),
        Pair(String, u16),
        User { name: String, port: u16 },
    }
    let all: Vec<Login> = extract(json!([
        "debug", field("level"), {"debug": null},
        {"token": field("user")}, {"pair": [field("user"), field("port")]},
        {"user": {"name": field("user"), "port": field("port")}},
    ]))
    .await
    .unwrap();
    assert_eq!(all[..3], [Login::Debug, Login::Debug, Login::Debug]);
    assert_eq!(all[3], Login::Token("app".into()));
    assert_eq!(all[4], Login::Pair("app".into(), 5432));
    assert_eq!(all[5], Login::User { name: "app".into(), port: 5432 });
    for (document, expected) in [
        (json!(field("user")), "unknown variant, expected one of `debug`, `token`, `pair`, `user`"),
        (json!({"user": {"name": "x", "port": field("user")}}), "expected u16, found a string"),
        (json!("token"), "expected the variant's content too"),
        (json!(7), "expected the name of a variant"),
        (json!({"debug": 1}), "expected a variant without content"),
        (json!({"debug": 1, "token": 2}), "a mapping of one entry"),
    ] {
        let error = extract::<Login>(document).await.unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn flattened_and_untagged_types_get_texts_and_secrets() {
    #[derive(Deserialize)]
    struct Shared {
        password: Secret,
        #[serde(default)]
        retries: u8,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u16),
        Login { user: String, password: Secret },
    }
    #[derive(Deserialize)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Tagged {
        Debug { password: Secret },
    }
    #[derive(Deserialize)]
    struct Outer {
        #[serde(flatten)]
        shared: Shared,
        either: Vec<Either>,
        tagged: Tagged,
    }
    let outer: Outer = extract(json!({
        "password": field("password"), "retries": 3,
        "either": [7, {"user": field("user"), "password": field("password")}],
        "tagged": {"kind": field("level"), "password": "{vault://my-vault/app/binary?base64_decode}"},
    }))
    .await
    .unwrap();
    assert_eq!((outer.shared.password.as_str().unwrap(), outer.shared.retries), ("canary-hunter2", 3));
    assert!(matches!(outer.either[0], Either::Number(7)));
    assert!(
        matches!(&outer.either[1], Either::Login { user, password } if user == "app" && password.as_bytes() == b"canary-hunter2")
    );
    let Tagged::Debug { password } = outer.tagged;
    assert_eq!(password.as_bytes(), [0xff, 0, 0xff]);
}

#[tokio::test]
async fn messages_name_what_is_missing_unknown_or_twice() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "they are refused")]
    struct Strict {
        user: String,
        port: u16,
    }
    let good = || (field("user"), field("port"));
    let (user, port) = good();
    let error = extract::<Strict>(json!({"user": user})).await.unwrap_err();
    assert_eq!(error, "the document: the field `port` is missing");
    let error = extract::<Strict>(json!({"user": user, "port": port, "prot": port})).await.unwrap_err();
    assert_eq!(error, "prot: unknown field `prot`, expected one of `user`, `port`");
    let error = extract::<Strict>(json!({"user": [user], "port": port})).await.unwrap_err();
    assert_eq!(error, "user: expected a string, found a list");
    let error = extract::<Vec<Strict>>(json!([{"user": "x", "port": 70000}])).await.unwrap_err();
    assert_eq!(error, "[0].port: expected u16, found an integer");
    let error = extract::<(u8, u8)>(json!([1, 2, 3])).await.unwrap_err();
    assert_eq!(error, "the document: expected fewer elements in the list: the length differs");
}
