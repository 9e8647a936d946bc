//! What is not there, not there any more, or not for us.

use std::sync::Arc;

use strongroom_core::ErrorKind;

use super::{Bench, Verdict, value};

pub(super) async fn resource(bench: Arc<Bench>) -> Verdict {
    bench.expect_error("never-written/name", &[ErrorKind::NotFound]).await?;
    bench.expect_error("never-written", &[ErrorKind::NotFound]).await
}

pub(super) async fn key(bench: Arc<Bench>) -> Verdict {
    bench.write("keyless", "keyless").await;
    bench.expect_error("keyless/nmae", &[ErrorKind::NotFound]).await
}

pub(super) async fn deleted(bench: Arc<Bench>) -> Verdict {
    bench.write("deleted", "deleted").await;
    bench.expect("deleted/name", &value("deleted")).await?;
    bench.fixture.delete("deleted").await;
    bench.expect_error("deleted/name", &[ErrorKind::NotFound, ErrorKind::Deleted]).await
}

pub(super) async fn written_again(bench: Arc<Bench>) -> Verdict {
    bench.write("again", "before").await;
    bench.expect("again/name", &value("before")).await?;
    bench.fixture.delete("again").await;
    bench.expect_error("again/name", &[ErrorKind::NotFound, ErrorKind::Deleted]).await?;
    bench.write("again", "after").await;
    bench.expect("again/name", &value("after")).await
}

pub(super) async fn denied(bench: Arc<Bench>) -> Verdict {
    bench.write("denied", "denied").await;
    bench.expect("denied/name", &value("denied")).await?;
    bench.fixture.deny("denied").await;
    bench.expect_error("denied/name", &[ErrorKind::PermissionDenied]).await?;
    bench.expect_error("nor-written/name", &[ErrorKind::NotFound]).await
}
