//! No value is in any message, whatever a type's own code makes of it.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::*;
use crate::Secret;

const CANARY: &str = "canary-hunter2";

async fn message<T: de::DeserializeOwned>(document: Value) -> String {
    let Err(error) = registry().extract::<T>(&document).await else { panic!("it is to be refused") };
    let one = crate::Error::from(error.clone());
    format!("{error} {error:?} {:?} {one} {one:?}", error.failures())
}

async fn refused<T: de::DeserializeOwned>(document: Value) -> String {
    let shown = message::<T>(document).await;
    for hidden in [CANARY, "CANARY", "hunter2", "canary"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    shown
}

/// Refuses whatever it gets and quotes it.
struct Echo;

impl<'de> Deserialize<'de> for Echo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Err(de::Error::custom(format!("not good: {text:?} {} {}", text.to_uppercase(), &text[7..])))
    }
}

/// The same from within the visitor, in every other way that serde has.
struct EchoVisitor<const WAY: u8>;

impl<'de, const WAY: u8> Deserialize<'de> for EchoVisitor<WAY> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Quote<const WAY: u8>;
        impl<const WAY: u8> Visitor<'_> for Quote<WAY> {
            type Value = EchoVisitor<WAY>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("something better")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Err(match WAY {
                    0 => E::custom(text),
                    1 => E::invalid_value(de::Unexpected::Str(text), &text),
                    2 => E::unknown_variant(text, &["a"]),
                    3 => E::unknown_field(text, &["a"]),
                    4 => E::invalid_length(1, &text),
                    _ => E::invalid_type(de::Unexpected::Other(text), &"better"),
                })
            }
        }
        deserializer.deserialize_str(Quote::<WAY>)
    }
}

#[tokio::test]
async fn a_type_that_quotes_what_it_got_is_not_quoted() {
    let document = || json!({"a": [field("password")]});
    type In<T> = std::collections::HashMap<String, Vec<T>>;
    for shown in [
        refused::<In<Echo>>(document()).await,
        refused::<In<EchoVisitor<0>>>(document()).await,
        refused::<In<EchoVisitor<1>>>(document()).await,
        refused::<In<EchoVisitor<2>>>(document()).await,
        refused::<In<EchoVisitor<3>>>(document()).await,
        refused::<In<EchoVisitor<4>>>(document()).await,
        refused::<In<EchoVisitor<5>>>(document()).await,
    ] {
        assert!(shown.starts_with("a[0]: the value of {vault://my-vault/app/password}: "), "{shown}");
    }
    let shown = refused::<In<EchoVisitor<0>>>(document()).await;
    assert!(shown.contains("expected something better"), "{shown}");
}

#[tokio::test]
async fn serdes_own_messages_hold_no_value() {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "they are refused")]
    struct Strict {
        level: Option<Level>,
        port: Option<u16>,
        address: Option<std::net::IpAddr>,
        zero: Option<std::num::NonZeroU8>,
    }
    #[derive(serde::Deserialize)]
    enum Level {
        Debug,
    }
    for key in ["level", "port", "address", "zero"] {
        let shown = refused::<Strict>(json!({key: field("password")})).await;
        assert!(shown.starts_with(&format!("{key}: ")), "{shown}");
        // A literal may be a credential that stands where it should not.
        let shown = refused::<Strict>(json!({key: CANARY})).await;
        assert!(shown.starts_with(&format!("{key}: ")), "{shown}");
    }
}

#[tokio::test]
async fn types_that_look_at_everything_before_they_refuse_show_nothing() {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "they are refused")]
    enum Untagged {
        Number(u16),
        Port { port: u16 },
    }
    #[derive(serde::Deserialize)]
    #[serde(tag = "kind")]
    #[expect(dead_code, reason = "they are refused")]
    enum Tagged {
        A { port: u16 },
    }
    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "they are refused")]
    struct Flat {
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "they are refused")]
    struct FlatAndStrict {
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "they are refused")]
    struct Inner {
        port: u16,
    }
    #[derive(serde::Deserialize)]
    #[serde(try_from = "Raw")]
    #[expect(dead_code, reason = "they are refused")]
    struct Checked(String);
    #[derive(serde::Deserialize)]
    struct Raw {
        password: String,
    }
    impl TryFrom<Raw> for Checked {
        type Error = String;
        fn try_from(raw: Raw) -> Result<Self, String> {
            Err(format!("{} is too short", raw.password))
        }
    }
    let port = || json!({"x": {"kind": "A", "port": field("password")}});
    type In<T> = std::collections::HashMap<String, T>;
    assert!(refused::<In<Untagged>>(port()).await.contains("untagged"));
    assert!(refused::<In<Tagged>>(port()).await.contains("expected u16, found a string"));
    assert!(refused::<In<Flat>>(port()).await.contains("expected u16, found a string"));
    let strict = json!({"port": 1, "other": field("password")});
    assert!(refused::<FlatAndStrict>(strict).await.contains("unknown field `other`"));
    let shown = refused::<Checked>(json!({"password": field("password")})).await;
    assert!(shown.contains("not shown"), "{shown}");
    // Code that has seen literals alone may speak; the literals are masked.
    let shown = refused::<Checked>(json!({"password": "canary"})).await;
    assert!(shown.contains("<redacted> is too short"), "{shown}");
}

/// Keeps what it saw first and tells it when it sees something harmless.
#[tokio::test]
async fn what_remembers_a_secret_may_not_speak_later() {
    struct Later;
    impl<'de> Deserialize<'de> for Later {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Two;
            impl<'de> Visitor<'de> for Two {
                type Value = Later;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("two")
                }
                fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Later, A::Error> {
                    let first: String = seq.next_element()?.unwrap();
                    seq.next_element_seed(Tells(first))?;
                    Ok(Later)
                }
            }
            struct Tells(String);
            impl<'de> de::DeserializeSeed<'de> for Tells {
                type Value = ();
                fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                    deserializer.deserialize_u64(self)
                }
            }
            impl Visitor<'_> for Tells {
                type Value = ();
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "something other than {}", self.0)
                }
                fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
                    Err(E::custom(&self.0))
                }
            }
            deserializer.deserialize_seq(Two)
        }
    }
    refused::<Later>(json!([field("password"), 7])).await;
    refused::<Later>(json!([field("password"), "text"])).await;
    refused::<Later>(json!([field("password"), field("port")])).await;
    refused::<Later>(json!([field("password"), field("user")])).await;
}

#[tokio::test]
async fn debug_shows_no_value() {
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "they are shown")]
    struct Login {
        user: String,
        password: Secret,
    }
    let document = json!({"user": field("user"), "password": field("password"), "literal": CANARY});
    let resolved = registry().resolve(&document).await.unwrap();
    let login: Login = resolved.extract().unwrap();
    let shown = format!("{resolved:?} {resolved:#?} {login:?} {:?}", registry().resolver());
    assert!(!shown.contains(CANARY), "{shown}");
}
