//! A name means one resource, and never leads out of the vault.

use std::sync::Arc;

use strongroom_core::{ErrorKind, ReadRequest};

use super::{Bench, Verdict, lasting, under_test, value};

pub(super) async fn folders(bench: Arc<Bench>) -> Verdict {
    for (resource, of) in
        [("folder/a", "a"), ("folder/b", "b"), ("folder2/a", "2a"), ("folder/deep/er/a", "deep")]
    {
        bench.write(resource, of).await;
    }
    bench.expect("folder/a/name", &value("a")).await?;
    bench.expect("folder/b/name", &value("b")).await?;
    bench.expect("folder2/a/name", &value("2a")).await?;
    bench.expect("folder/deep/er/a/name", &value("deep")).await
}

pub(super) async fn any(bench: Arc<Bench>) -> Verdict {
    let names = [
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("what?", "what%3F"),
        ("c#", "c%23"),
        ("one+one", "one+one"),
        ("%2e%2e", "%252e%252e"),
        ("...", "..."),
        ("-rf", "-rf"),
        ("~", "~"),
        ("*", "*"),
        ("a&b=c", "a&b=c"),
        ("$(id)", "$(id)"),
        ("'quoted\"", "'quoted\""),
        ("semi;colon", "semi%3Bcolon"),
        ("é", "é"),
        ("\u{65e5}\u{672c}", "\u{65e5}\u{672c}"),
    ];
    for (at, (name, _)) in names.iter().enumerate() {
        bench.write(name, &at.to_string()).await;
    }
    for (at, (_, encoded)) in names.iter().enumerate() {
        bench.expect(&format!("{encoded}/name"), &value(&at.to_string())).await?;
    }
    Ok(())
}

/// What a name that nobody wrote may come to.
const REFUSALS: &[ErrorKind] = &[
    ErrorKind::NotFound,
    ErrorKind::InvalidReference,
    ErrorKind::InvalidValue,
    ErrorKind::PermissionDenied,
    ErrorKind::Unsupported,
];

pub(super) async fn hostile(bench: Arc<Bench>) -> Verdict {
    bench.write("hostile", "hostile").await;
    for path in [
        "hostile%20/name",
        "%20hostile/name",
        "hostile%2F%2E/name",
        "x%2F..%2Fhostile/name",
        "..%2Fhostile/name",
        "%2e%2e/hostile/name",
        "hostile%00/name",
        "hostile%0d%0aX:%20y/name",
        "hostile%3F/name",
        "hostile%23/name",
        "%252e%252e%252fhostile/name",
        "hostile%E2%80%AE/name",
        "hostile:/name",
        "__proto__/name",
        "http:%2F%2Fevil.example%2F/name",
    ] {
        bench.expect_error(path, REFUSALS).await?;
    }
    bench.expect_error(&format!("{}/name", "long".repeat(500)), REFUSALS).await
}

pub(super) async fn unreachable(bench: Arc<Bench>) -> Verdict {
    bench.write("reachable", "reachable").await;
    let backend = bench.backend()?;
    for resource in ["../reachable", "x/../reachable", "./reachable", "x/../../reachable", "..", "."] {
        match backend.read(&ReadRequest::new(resource)).await {
            Ok(_) => return Err(format!("`{resource}` is given")),
            Err(error) => bench.hides(resource, &format!("{error:?}"))?,
        }
    }
    Ok(())
}

pub(super) async fn unknown_option(bench: Arc<Bench>) -> Verdict {
    bench.write("optional", "optional").await;
    // The backend's own options are the only ones that it has.
    let Err(error) = bench.registry.refresh(under_test("optional/name?host=evil.example")).await else {
        return Err("a value instead of an error".into());
    };
    bench.judge("optional", &error, &[ErrorKind::InvalidReference])?;
    lasting("optional", &error)
}
