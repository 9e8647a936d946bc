//! Observers that take their time.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use strongroom_core::{Heard, MemoryVault, Registry, RotationKind, Vault};
use tokio::runtime::{Builder, Runtime};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// A log that is stuck in its first line about a rotation until it is let go.
struct Stuck {
    entered: Sender<()>,
    leave: Mutex<Receiver<()>>,
}

impl Subscriber for Stuck {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("strongroom_core") && metadata.fields().field("kind").is_some()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.entered.send(()).unwrap();
        let _ = self.leave.lock().unwrap().recv_timeout(Duration::from_secs(60));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_log_that_is_stuck_holds_up_no_reader_no_rotation_and_no_change_of_vaults() {
    let vault = Arc::new(MemoryVault::new());
    let set = |name: &str, value: u32| vault.set(name, &format!(r#"{{"v":"{value}"}}"#)).unwrap();
    ["a", "b", "c"].into_iter().for_each(|name| set(name, 1));
    let registry = Registry::builder().vault("my-vault", Vault::shared(vault.clone())).build().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| format!("{{vault://my-vault/{name}/v}}"));
    let here = runtime();
    here.block_on(async {
        registry.get(&*a).await.unwrap();
        registry.get(&*b).await.unwrap();
    });
    let mut events = registry.events();
    let (entered, is_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel();
    let log = Stuck { entered, leave: Mutex::new(may_leave) };
    // While there is a second one, nothing is left out since nobody listens elsewhere.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    set("a", 2);
    let slow = std::thread::spawn({
        let (registry, a) = (registry.clone(), a.clone());
        move || tracing::subscriber::with_default(log, || runtime().block_on(registry.refresh(&*a)).map(drop))
    });
    is_entered.recv_timeout(Duration::from_secs(60)).unwrap();

    set("b", 2);
    let all = async {
        assert_eq!(registry.try_get(&*a).unwrap().as_bytes(), b"2", "it is there before it is told of");
        assert_eq!(registry.refresh(&*a).await.unwrap().value.as_bytes(), b"2");
        assert_eq!(registry.refresh(&*b).await.unwrap().value.as_bytes(), b"2");
        assert_eq!(registry.get(&*c).await.unwrap().as_bytes(), b"1");
        registry.replace("my-vault", Vault::shared(vault.clone())).await.unwrap();
        assert_eq!(registry.get(&*b).await.unwrap().as_bytes(), b"2");
    };
    let started = Instant::now();
    here.block_on(all);
    assert!(started.elapsed() < Duration::from_secs(30), "it waited for the log");

    drop(leave);
    slow.join().unwrap().unwrap();
    for resource in ["a", "b"] {
        let next = async { tokio::time::timeout(Duration::from_secs(30), events.next()).await };
        let heard = here.block_on(next).unwrap();
        let Some(Heard::Event(event)) = heard else { panic!("{heard:?}") };
        assert_eq!((&*event.resource, event.kind), (resource, RotationKind::Changed));
    }
}
