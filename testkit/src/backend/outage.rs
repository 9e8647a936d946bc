//! The product is out of reach for a while.

use std::sync::Arc;
use std::time::Duration;

use strongroom_core::{ErrorKind, Probe};

use super::{Bench, Verdict, soon, value};

const FAILURES: &[ErrorKind] = &[ErrorKind::Unavailable, ErrorKind::Timeout];

pub(super) async fn may_pass(bench: Arc<Bench>) -> Verdict {
    bench.write("out-of-reach", "reach").await;
    bench.fixture.cut().await;
    let Err(error) = bench.get("out-of-reach/name").await else {
        return Err("a value from behind the cut".into());
    };
    bench.judge("out-of-reach", &error, FAILURES)?;
    if !error.is_retryable() {
        return Err(format!("{error:?} is said to last"));
    }
    match bench.registry.check("under-test", Probe::Careful).await {
        Ok(_) => return Err("a check succeeds behind the cut".into()),
        Err(error) => bench.judge("the check", &error, FAILURES)?,
    }
    bench.fixture.mend().await;
    bench.expect("out-of-reach/name", &value("reach")).await
}

pub(super) async fn stale(bench: Arc<Bench>) -> Verdict {
    bench.write("outlived", "before").await;
    let live = bench.registry.watch("{vault://rotating/outlived/name}").await;
    let live = live.map_err(|error| format!("{error:?}"))?;
    bench.fixture.cut().await;
    let is =
        |expected: &str| live.current().is_ok_and(|secret| secret.as_bytes() == value(expected).as_bytes());
    let becomes = |stale| {
        let live = &live;
        async move {
            while live.is_stale() != stale {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    soon("staleness", becomes(true)).await?;
    if !is("before") {
        return Err("the last good value is not served".into());
    }
    bench.fixture.mend().await;
    soon("freshness", becomes(false)).await?;
    if is("before") { Ok(()) } else { Err("after the outage the value is another".into()) }
}
