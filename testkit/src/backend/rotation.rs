//! Changes reach readers, and handles that nobody touches.

use std::sync::Arc;

use super::{Bench, CANARY, Verdict, lasting, soon, value};

pub(super) async fn changed(bench: Arc<Bench>) -> Verdict {
    bench.write("changed", "old").await;
    bench.expect("changed/name", &value("old")).await?;
    bench.write("changed", "new").await;
    bench.expect("changed/name", &value("new")).await
}

pub(super) async fn by_ttl(bench: Arc<Bench>) -> Verdict {
    follows(&bench, "rotating", "followed-by-ttl").await
}

pub(super) async fn by_notice(bench: Arc<Bench>) -> Verdict {
    follows(&bench, "under-test", "followed-by-notice").await
}

async fn follows(bench: &Bench, prefix: &str, resource: &str) -> Verdict {
    bench.write(resource, "old").await;
    let reference = format!("{{vault://{prefix}/{resource}/name}}");
    let mut live = bench.registry.watch(reference.as_str()).await.map_err(|error| format!("{error:?}"))?;
    for of in ["new", "newer"] {
        bench.write(resource, of).await;
        let followed = async {
            while live.current().map_or(true, |secret| secret.as_bytes() != value(of).as_bytes()) {
                live.changed().await?;
            }
            Ok::<_, strongroom_core::Error>(())
        };
        soon("the changed value", followed).await?.map_err(|error| format!("{error:?}"))?;
    }
    Ok(())
}

pub(super) async fn by_poll(bench: Arc<Bench>) -> Verdict {
    bench.write("polled/one", "one").await;
    bench.write("polled/two", "one").await;
    bench.write("polled/two", "two").await;
    let backend = bench.backend()?;
    let Some(poll) = backend.versions() else { return Err("it polls no more".into()) };
    match poll.poll("polled", &["one", "two"]).await {
        // This server has no such listing, or does not allow it.
        Err(error) => {
            bench.hides("the error of a poll", &format!("{error:?}"))?;
            lasting("polled", &error)
        }
        Ok(states) => {
            let shown = format!("{states:?}");
            let version = |name| states.get(name).map(|state| state.version);
            if shown.contains(CANARY) {
                Err("a poll shows a value".into())
            } else if (version("one"), version("two")) == (Some(1), Some(2)) {
                Ok(())
            } else {
                Err(format!("versions 1 and 2 are said to be {shown}"))
            }
        }
    }
}
