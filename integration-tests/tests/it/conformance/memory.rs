//! The vault that tests point a prefix at.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_core::{MemoryVault, Vault};
use strongroom_testkit::{Capabilities, Fixture, run};

use super::Named;

#[derive(Debug, Default)]
struct Memory(Arc<MemoryVault>);

#[async_trait]
impl Fixture for Memory {
    fn vault(&self) -> Vault {
        Vault::shared(self.0.clone())
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::all().without_denial().without_outage()
    }
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
    async fn write(&self, resource: &str, json: &str) {
        self.0.set(resource, json).unwrap();
    }
    async fn delete(&self, resource: &str) {
        self.0.delete(resource);
    }
    async fn deny(&self, _: &str) {}
    async fn cut(&self) {}
    async fn mend(&self) {}
}

pub(super) async fn report() -> Named {
    ("`MemoryVault`", run(Memory::default()).await)
}
