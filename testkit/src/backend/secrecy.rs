//! Nothing shows a value or a credential.

use std::sync::Arc;

use strongroom_core::Probe;

use super::{Bench, Verdict};

pub(super) async fn checked(bench: Arc<Bench>) -> Verdict {
    match bench.registry.check("under-test", Probe::Careful).await {
        Ok(health) => bench.hides("the health", &format!("{health:?}")),
        Err(error) => Err(format!("{error:?}")),
    }
}

pub(super) async fn silent(bench: Arc<Bench>) -> Verdict {
    bench.write("silent", "silent").await;
    let secret = bench.get("silent/name").await.map_err(|error| format!("{error:?}"))?;
    let live = bench.registry.watch(super::under_test("silent/name")).await;
    let vault = bench.registry.vault("under-test").map_err(|error| format!("{error:?}"))?;
    let backend = vault.backend();
    bench.hides("`Debug` of what was read", &format!("{secret:?} {live:?} {:?}", bench.registry))?;
    bench.hides("`Debug` of the backend", &format!("{vault:?} {vault:#?}"))?;
    bench.hides(
        "`Debug` of a capability",
        &format!("{:?} {:?} {:?}", backend.batch(), backend.versions(), backend.changes()),
    )?;
    bench.hides("the description", &backend.describe().to_string())
}
