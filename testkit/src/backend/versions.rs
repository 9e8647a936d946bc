//! Versions, where the product keeps them.

use std::sync::Arc;

use strongroom_core::ErrorKind;

use super::{Bench, Verdict, under_test, value};

pub(super) async fn old(bench: Arc<Bench>) -> Verdict {
    bench.write("versioned", "one").await;
    bench.write("versioned", "two").await;
    bench.expect("versioned/name#1", &value("one")).await?;
    bench.expect("versioned/name#2", &value("two")).await?;
    bench.expect("versioned/name", &value("two")).await?;
    match bench.registry.fetch(under_test("versioned/name")).await {
        Ok(fetched) if fetched.version == Some(2) => Ok(()),
        Ok(fetched) => Err(format!("the current version is said to be {:?}, not 2", fetched.version)),
        Err(error) => Err(format!("{error:?}")),
    }
}

pub(super) async fn missing(bench: Arc<Bench>) -> Verdict {
    bench.write("few-versions", "one").await;
    bench.expect_error("few-versions/name#99", &[ErrorKind::NotFound]).await
}

pub(super) async fn none(bench: Arc<Bench>) -> Verdict {
    bench.write("unversioned", "one").await;
    bench.expect_error("unversioned/name#1", &[ErrorKind::Unsupported]).await
}
