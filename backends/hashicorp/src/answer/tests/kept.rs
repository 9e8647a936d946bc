//! What the registry does with each meaning.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use strongroom_core::{
    BatchRead, ChangeFeed, Description, Document, Error, Health, Policy, Probe, ReadRequest, Registry, Vault,
    VaultBackend, VersionPoll,
};

use super::M;

/// A vault that has one good answer, and then what a test tells it to say.
#[derive(Clone, Debug)]
struct Scripted(Arc<Script>);

#[derive(Debug)]
struct Script {
    error: Error,
    fails: AtomicBool,
    reads: AtomicUsize,
}

#[async_trait]
impl VaultBackend for Scripted {
    fn describe(&self) -> Description {
        Description::new("scripted")
    }
    fn options(&self) -> &'static [&'static str] {
        &[]
    }
    async fn read(&self, _: &ReadRequest) -> Result<Document, Error> {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        if self.0.fails.load(Ordering::SeqCst) {
            return Err(self.0.error.clone());
        }
        Document::from_json(r#"{"n":"good"}"#)
    }
    async fn check(&self, _: Probe) -> Result<Health, Error> {
        Ok(Health::default())
    }
    fn batch(&self) -> Option<&dyn BatchRead> {
        None
    }
    fn versions(&self) -> Option<&dyn VersionPoll> {
        None
    }
    fn changes(&self) -> Option<&dyn ChangeFeed> {
        None
    }
    async fn close(&self) {}
}

/// The last two columns of the table, as the registry acts by them: whether the last good value goes on being served,
/// and whether the miss is remembered.
#[tokio::test]
async fn what_follows_from_a_meaning_for_what_is_remembered() {
    let every = [
        (M::Absent, false),
        (M::Deleted, false),
        (M::Destroyed, false),
        (M::NoMount, false),
        (M::NoNamespace, false),
        (M::Denied, false),
        (M::HiddenMount, false),
        (M::IsVersioned, true),
        (M::NotKv, true),
        (M::DeadToken, true),
        (M::BadCredential, true),
        (M::BareRefusal, true),
        (M::BadRequest, true),
        (M::WantsTls, true),
        (M::HeaderLost, true),
        (M::Redirect, true),
        (M::Broken, true),
        (M::Standby, true),
        (M::Sealed, true),
        (M::Locked, true),
        (M::TooMany, true),
        (M::TooSlow, true),
        (M::Failing, true),
        (M::Unknown, true),
    ];
    let tries = every.map(|(meaning, served)| async move {
        let error = Error::new(meaning.kind(), "told to");
        let error = if meaning.passes() { error.transient() } else { error };
        let script = Script { error, fails: false.into(), reads: 0.into() };
        let vault = Scripted(Arc::new(script));
        let mut policy = Policy::default();
        policy.ttl = Some(Duration::from_secs(600));
        let registry = Registry::builder().vault("p1", Vault::new(vault.clone()).with_policy(policy));
        let registry = registry.build().unwrap();
        let reads = || vault.0.reads.swap(0, Ordering::SeqCst);
        let held = "{vault://p1/held/n}";
        registry.get(held).await.unwrap();
        vault.0.fails.store(true, Ordering::SeqCst);
        let refreshed = registry.refresh(held).await;
        let refused = format!("{:?}", refreshed.unwrap_err());
        assert_eq!(
            refused.contains("what was read before is still served"),
            served,
            "{meaning:?}: {refused}"
        );
        assert_eq!(registry.get(held).await.is_ok(), served, "{meaning:?}");
        // A miss is not asked for again so soon; after one failure the next reader may be luckier.
        reads();
        let cold = "{vault://p1/cold/n}";
        for _ in 0..2 {
            assert_eq!(registry.get(cold).await.unwrap_err().kind(), meaning.kind());
        }
        assert_eq!(reads(), if served { 2 } else { 1 }, "{meaning:?}");
    });
    let mut set = tokio::task::JoinSet::new();
    tries.into_iter().for_each(|one| drop(set.spawn(one)));
    while let Some(result) = set.join_next().await {
        result.unwrap();
    }
}
