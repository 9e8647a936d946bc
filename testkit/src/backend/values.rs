//! What is there is given as it is.

use std::sync::Arc;

use strongroom_core::ErrorKind;

use super::{Bench, CANARY, Verdict, value};

pub(super) async fn found(bench: Arc<Bench>) -> Verdict {
    bench.write("found", "found").await;
    bench.expect("found/name", &value("found")).await
}

pub(super) async fn whole(bench: Arc<Bench>) -> Verdict {
    let json = format!(r#"{{"a":"{CANARY}","b":"2","c":"3"}}"#);
    bench.fixture.write("whole", &json).await;
    bench.expect("whole", &json).await?;
    bench.expect("whole/", &json).await
}

pub(super) async fn literals(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("literals", r#"{"n":8200,"t":true,"f":false,"z":null,"o":{"k":"v"}}"#).await;
    bench.expect("literals/n", "8200").await?;
    bench.expect("literals/t", "true").await?;
    bench.expect("literals/f", "false").await?;
    bench.expect("literals/o?pointer=/k", "v").await?;
    bench.expect_error("literals/z", &[ErrorKind::InvalidValue]).await?;
    bench.expect_error("literals/o", &[ErrorKind::InvalidValue]).await
}

pub(super) async fn digits(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("digits", r#"{"n":12345678901234567890}"#).await;
    bench.expect("digits/n", "12345678901234567890").await
}

pub(super) async fn unicode(bench: Arc<Bench>) -> Verdict {
    let text = "pässwörd \u{1f511} \u{65e5}\u{672c}";
    bench.fixture.write("unicode", &format!(r#"{{"text":"{text}","empty":"","lines":"a\nb\t\"c\\"}}"#)).await;
    bench.expect("unicode/text", text).await?;
    bench.expect("unicode/empty", "").await?;
    bench.expect("unicode/lines", "a\nb\t\"c\\").await
}

pub(super) async fn long(bench: Arc<Bench>) -> Verdict {
    let text = CANARY.repeat(3000);
    bench.fixture.write("long", &format!(r#"{{"text":"{text}"}}"#)).await;
    match bench.get("long/text").await {
        Ok(secret) if secret.as_bytes() == text.as_bytes() => Ok(()),
        Ok(secret) => Err(format!("{} bytes instead of {}, or others", secret.len(), text.len())),
        Err(error) => Err(format!("{error:?}")),
    }
}
