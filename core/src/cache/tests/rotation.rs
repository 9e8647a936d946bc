//! Rotation under paused time: how often a vault is asked, whatever happens, and what becomes of the values.

use super::*;
use crate::sync::lock;
use crate::{Heard, Live, RotationEvents, RotationKind};

mod denials;
mod telling;

impl Scripted {
    /// A vault that tells versions, with so many secrets in each folder.
    fn with_folders(folders: usize, secrets: usize) -> Self {
        let vault = Self::default();
        *vault.0.listing.lock().unwrap() = Some(Ok(()));
        for at in 0..folders * secrets {
            vault.set(&format!("f{}/s{}", at / secrets, at % secrets), r#"{"a":"x"}"#, 1);
        }
        vault
    }

    fn lists(&self, answer: Result<(), Error>) {
        *self.0.listing.lock().unwrap() = Some(answer);
    }

    /// Who asks may list still, and no longer read.
    fn denies_reads(&self) {
        *self.0.denied.lock().unwrap() = Some(Error::new(ErrorKind::PermissionDenied, "permission denied"));
    }

    fn polls(&self) -> usize {
        self.0.polls.swap(0, Ordering::SeqCst)
    }
}

/// A registry in which the word of listings is good for as long as a test takes.
fn listing_registry(vault: &Scripted) -> Registry {
    let policy = Policy { resurrect_ttl: Duration::from_secs(24 * 3600), ..policy(60) };
    registry_with(vault, policy, CacheLimits::default())
}

async fn watch_all(registry: &Registry, folders: usize, secrets: usize) -> Vec<Live> {
    let mut live = Vec::new();
    for at in 0..folders * secrets {
        let reference = format!("{{vault://my-vault/f{}/s{}/a}}", at / secrets, at % secrets);
        live.push(registry.watch(&reference).await.unwrap());
    }
    live
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn heard(events: &mut RotationEvents) -> Vec<(String, RotationKind, Option<u64>, Option<u64>)> {
    let mut all = Vec::new();
    while let Some(heard) = events.try_next() {
        let Heard::Event(event) = heard else { panic!("{heard:?}") };
        assert_eq!(&*event.prefix, "my-vault");
        all.push((event.resource.to_string(), event.kind, event.old, event.new));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn one_question_a_folder_keeps_everything_in_it_fresh() {
    let vault = Scripted::with_folders(10, 100);
    let registry = listing_registry(&vault);
    let live = watch_all(&registry, 10, 100).await;
    vault.reads();
    for _ in 0..60 {
        seconds(10).await;
        assert!(live.iter().all(|live| live.age() <= Duration::from_secs(60) && !live.is_stale()));
    }
    let (polls, reads) = (vault.polls(), vault.reads());
    assert!((100..=135).contains(&polls), "{polls} questions in ten ttls of ten folders");
    assert!(
        reads <= 10,
        "{reads}: nothing has changed, and one a folder is looked at in the twelfth round at the earliest"
    );
}

#[tokio::test(start_paused = true)]
async fn only_what_has_changed_is_read() {
    let vault = Scripted::with_folders(1, 100);
    let registry = listing_registry(&vault);
    let live = watch_all(&registry, 1, 100).await;
    vault.reads();
    for version in 2..6 {
        vault.set("f0/s7", &format!(r#"{{"a":"{version}"}}"#), version);
        seconds(61).await;
        assert_eq!(live[7].current().unwrap().as_bytes(), version.to_string().as_bytes());
        assert_eq!(live[7].version(), Some(version));
    }
    assert_eq!(vault.reads(), 4);
    assert!(vault.polls() <= 7);
}

#[tokio::test(start_paused = true)]
async fn what_a_listing_says_is_gone_is_read_before_it_goes() {
    let vault = Scripted::with_folders(1, 10);
    let registry = listing_registry(&vault);
    let live = watch_all(&registry, 1, 10).await;
    vault.reads();
    vault.answer("f0/s3", Err(Error::new(ErrorKind::Deleted, "deleted")));
    vault.0.answers.lock().unwrap().remove("f0/s4");
    seconds(62).await;
    assert_eq!(live[3].current().unwrap_err().kind(), ErrorKind::Deleted);
    assert_eq!(live[4].current().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(vault.reads(), 3, "a deletion says so itself, an absence is asked for twice");
    seconds(600).await;
    let reads = vault.reads();
    assert!(
        reads <= 1,
        "{reads}: the listing says that they are still gone, and one of the others may be looked at"
    );
    vault.set("f0/s3", r#"{"a":"back"}"#, 2);
    seconds(61).await;
    assert_eq!(live[3].current().unwrap().as_bytes(), b"back");
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_will_not_list_is_read_secret_by_secret() {
    let vault = Scripted::with_folders(2, 50);
    vault.lists(Err(Error::new(ErrorKind::Unsupported, "no such listing")));
    let registry = registry(&vault, 60);
    let live = watch_all(&registry, 2, 50).await;
    vault.reads();
    for _ in 0..55 {
        seconds(60).await;
        assert!(live.iter().all(|live| !live.is_stale()));
    }
    let (polls, reads) = (vault.polls(), vault.reads());
    assert_eq!(polls, 2, "once a folder and hour");
    assert!((5_000..=7_200).contains(&reads), "{reads} reads of 100 secrets in 55 ttls");
}

#[tokio::test(start_paused = true)]
async fn a_folder_of_which_a_few_fall_due_apart_is_listed_still() {
    let vault = Scripted::with_folders(1, 300);
    vault.0.least.store(50, Ordering::SeqCst);
    let registry = listing_registry(&vault);
    let reference = |at: usize| format!("{{vault://my-vault/f0/s{at}/a}}");
    let mut live = Vec::new();
    for at in 0..200 {
        live.push(registry.watch(reference(at)).await.unwrap());
    }
    // Their reads take so long that the folder is asked for meanwhile, and next when they are too old: each falls due by
    // itself at first, and some happen to do so together.
    seconds(130).await;
    vault.polls();
    while vault.polls() == 0 {
        seconds(1).await;
    }
    seconds(45).await;
    vault.slow(Duration::from_secs(16));
    let late: Vec<_> = (200..300)
        .map(|at| {
            let registry = registry.clone();
            tokio::spawn(async move { registry.watch(reference(at)).await.unwrap() })
        })
        .collect();
    for late in late {
        live.push(late.await.unwrap());
    }
    vault.slow(Duration::ZERO);
    vault.polls();
    vault.reads();
    seconds(1200).await;
    let (polls, reads) = (vault.polls(), vault.reads());
    assert!((20..=60).contains(&polls), "{polls} questions in twenty ttls");
    // Those few, once or twice, and one that is verified now and then.
    assert!(reads <= 2 * 100 + 3, "{reads} reads");
    assert!(live.iter().all(|live| !live.is_stale()));
    // Where the few are all that is held, they are read from then on.
    drop(live);
    registry.invalidate("my-vault").unwrap();
    let mut few = Vec::new();
    for at in 0..5 {
        few.push(registry.watch(reference(at)).await.unwrap());
    }
    seconds(60).await;
    vault.polls();
    seconds(600).await;
    assert!(vault.polls() <= 1 && few.iter().all(|live| !live.is_stale()));
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_fails_while_reads_succeed_is_given_up() {
    let vault = Scripted::with_folders(1, 50);
    let registry = registry(&vault, 60);
    let live = watch_all(&registry, 1, 50).await;
    vault.lists(Err(passing()));
    seconds(1800).await;
    assert!(live.iter().all(|live| !live.is_stale()));
    assert!((3..=5).contains(&vault.polls()));
    vault.reads();
    seconds(600).await;
    assert_eq!(vault.polls(), 0);
    assert!((500..=700).contains(&vault.reads()));
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_lists_and_fails_is_asked_at_a_falling_rate() {
    let vault = Scripted::with_folders(1, 100);
    let registry = registry(&vault, 60);
    let live = watch_all(&registry, 1, 100).await;
    vault.reads();
    vault.lists(Err(passing()));
    for at in 0..100 {
        vault.answer(&format!("f0/s{at}"), Err(passing()));
    }
    seconds(90).await;
    assert!(live.iter().all(|live| live.current().is_ok()));
    seconds(3600).await;
    let (polls, reads) = (vault.polls(), vault.reads());
    assert!((55..=140).contains(&polls) && reads <= polls + 1, "{polls} questions, {reads} reads in an hour");
    assert!(live.iter().all(|live| live.current().is_err()), "past resurrect_ttl");
    vault.lists(Ok(()));
    for at in 0..100 {
        vault.set(&format!("f0/s{at}"), r#"{"a":"back"}"#, 2);
    }
    seconds(70).await;
    assert!(live.iter().all(|live| live.current().unwrap().as_bytes() == b"back"));
}

#[tokio::test(start_paused = true)]
async fn pinned_versions_and_single_secrets_are_read() {
    let vault = Scripted::with_folders(1, 10);
    let registry = registry(&vault, 60);
    let _only = registry.watch("{vault://my-vault/f0/s1/a}").await.unwrap();
    let _first = registry.watch("{vault://my-vault/f0/s2/a#1}").await.unwrap();
    let _second = registry.watch("{vault://my-vault/f0/s3/a#1}").await.unwrap();
    vault.reads();
    seconds(600).await;
    assert_eq!(vault.polls(), 0);
    assert!((30..=42).contains(&vault.reads()));
}

#[tokio::test(start_paused = true)]
async fn many_secrets_of_a_quick_vault_keep_up_with_their_ttl() {
    let vault = Scripted::default();
    for at in 0..10_000 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    vault.slow(Duration::from_millis(5));
    let limits = CacheLimits { entries: 20_000, ..CacheLimits::default() };
    let registry = registry_with(&vault, policy(60), limits);
    let references: Vec<_> = (0..10_000).map(|at| format!("{{vault://my-vault/r/{at}/a}}")).collect();
    let mut live = Vec::new();
    registry.get_many(&references).await;
    for reference in &references {
        live.push(registry.watch(reference).await.unwrap());
    }
    vault.reads();
    for _ in 0..12 {
        seconds(20).await;
        let stale = live.iter().filter(|live| live.is_stale()).count();
        assert_eq!(stale, 0);
    }
    let reads = vault.reads();
    assert!((40_000..=52_000).contains(&reads), "{reads} reads in four ttls");
}

#[tokio::test(start_paused = true)]
async fn retries_are_a_small_part_of_what_a_vault_is_asked() {
    let vault = Scripted::default();
    for at in 0..1000 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    let registry = registry(&vault, 60);
    let mut live = Vec::new();
    for at in 0..1000 {
        live.push(registry.watch(&format!("{{vault://my-vault/r/{at}/a}}")).await.unwrap());
    }
    vault.reads();
    for at in 0..1000 {
        vault.answer(&format!("r/{at}"), Err(passing()));
    }
    seconds(60).await;
    let first = vault.reads();
    assert!((950..=1060).contains(&first), "{first}: each once, and a few again");
    seconds(600).await;
    let retries = vault.reads();
    assert!((250..=320).contains(&retries), "{retries} retries in ten minutes");
    for at in 0..1000 {
        vault.set(&format!("r/{at}"), r#"{"a":"back"}"#, 2);
    }
    seconds(120).await;
    let back = live.iter().filter(|live| live.current().is_ok_and(|now| now.as_bytes() == b"back")).count();
    assert_eq!(back, 1000, "two minutes after the vault came back");
}

#[tokio::test(start_paused = true)]
async fn background_reads_let_readers_go_first() {
    let vault = Scripted::default();
    for at in 0..200 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    let registry = registry(&vault, 20);
    let mut live = Vec::new();
    for at in 0..100 {
        live.push(registry.watch(&format!("{{vault://my-vault/r/{at}/a}}")).await.unwrap());
    }
    vault.reads();
    // A reader that waits for long.
    vault.slow(Duration::from_secs(100));
    let waiting = tokio::spawn({
        let registry = registry.clone();
        async move { registry.get("{vault://my-vault/r/150/a}").await }
    });
    seconds(60).await;
    assert_eq!(vault.reads(), 2, "the reader's own, and one in the background");
    waiting.await.unwrap().unwrap();
    vault.slow(Duration::ZERO);
    seconds(120).await;
    assert!(live.iter().all(|live| !live.is_stale()));
}

/// What may be wrong with a question that says nothing of listings.
fn faults() -> [Error; 3] {
    [
        Error::new(ErrorKind::Unauthenticated, "the token is dead"),
        Error::new(ErrorKind::Unavailable, "the certificate is not trusted"),
        Error::new(ErrorKind::Closed, "shut down"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_says_nothing_of_listings_does_not_end_polling() {
    for fault in faults() {
        let vault = Scripted::with_folders(1, 50);
        let registry = listing_registry(&vault);
        let live = watch_all(&registry, 1, 50).await;
        vault.reads();
        vault.lists(Err(fault.clone()));
        for at in 0..50 {
            vault.answer(&format!("f0/s{at}"), Err(fault.clone()));
        }
        seconds(70).await;
        let (polls, reads) = (vault.polls(), vault.reads());
        assert!(polls > 1 && reads <= polls, "{fault}: {polls} questions, {reads} reads while it fails");
        vault.lists(Ok(()));
        for at in 0..50 {
            vault.set(&format!("f0/s{at}"), r#"{"a":"x"}"#, 1);
        }
        seconds(62).await;
        assert!(live.iter().all(|live| !live.is_stale()), "{fault}");
        vault.reads();
        vault.polls();
        seconds(600).await;
        assert!((10..=13).contains(&vault.polls()), "{fault}");
        let reads = vault.reads();
        assert!(reads <= 1, "{fault}: {reads}");
    }
}

/// A `ttl` short enough for hundreds of rounds in one test, in seconds.
const SHORT: u64 = 5;

/// So many folders of a vault that tells versions, and handles on everything in them.
async fn polled(folders: usize, secrets: usize) -> (Scripted, Registry, Vec<Live>) {
    let vault = Scripted::with_folders(folders, secrets);
    let policy = Policy { resurrect_ttl: Duration::from_secs(24 * 3600), ..policy(SHORT) };
    let registry = registry_with(&vault, policy, CacheLimits::default());
    let live = watch_all(&registry, folders, secrets).await;
    vault.reads();
    (vault, registry, live)
}

#[tokio::test(start_paused = true)]
async fn fifty_folders_at_a_minute_cost_less_than_a_request_a_second() {
    let vault = Scripted::with_folders(50, 2);
    let registry = listing_registry(&vault);
    let live = watch_all(&registry, 50, 2).await;
    seconds(1_000).await;
    vault.reads();
    vault.polls();
    seconds(2_700).await;
    let (polls, reads) = (vault.polls(), vault.reads());
    assert!(polls + reads <= 2_700, "{polls} questions and {reads} reads in 45 minutes");
    assert!((110..=220).contains(&reads), "{reads}: one a folder in 12 to 20 rounds");
    assert!(live.iter().all(|live| !live.is_stale()));
}

#[tokio::test(start_paused = true)]
async fn readers_of_a_polled_folder_do_not_wait_for_a_vault_that_is_down() {
    let vault = Scripted::with_folders(1, 20);
    let registry = registry(&vault, 60);
    let mut events = registry.events();
    let live = watch_all(&registry, 1, 20).await;
    vault.lists(Err(passing()));
    for at in 0..20 {
        vault.answer(&format!("f0/s{at}"), Err(passing()));
    }
    vault.slow(Duration::from_secs(10));
    seconds(75).await;
    let failing = heard(&mut events).iter().filter(|event| event.1 == RotationKind::Failing).count();
    assert_eq!(failing, 20, "all of them are known to fail");
    vault.reads();
    vault.polls();
    for _ in 0..30 {
        seconds(1).await;
        for slot in live.iter().map(Live::slot) {
            let due = slot.flights.with(|state| state.schedule().due());
            let queue = lock(&registry.0.cache.rotation.due);
            assert!(queue.holds(due, &Arc::downgrade(slot)), "it is due, and nobody would see to it");
        }
        let asked = tokio::time::Instant::now();
        for at in 0..20 {
            let text = format!("{{vault://my-vault/f0/s{at}/a}}");
            assert_eq!(registry.get(&text).await.unwrap().as_bytes(), b"x");
        }
        assert!(asked.elapsed() < Duration::from_millis(1), "{:?}", asked.elapsed());
    }
    let (polls, reads) = (vault.polls(), vault.reads());
    assert!(reads <= polls + 1, "{reads} reads, {polls} questions");
    assert!(live.iter().all(|live| live.current().is_ok()));
    vault.lists(Ok(()));
    vault.slow(Duration::ZERO);
    for at in 0..20 {
        vault.set(&format!("f0/s{at}"), r#"{"a":"x"}"#, 1);
    }
    seconds(70).await;
    let recovered = heard(&mut events).iter().filter(|event| event.1 == RotationKind::Recovered).count();
    assert_eq!(recovered, 20);
    assert!(live.iter().all(|live| !live.is_stale()));
}

#[tokio::test(start_paused = true)]
async fn folders_are_remembered_only_where_they_are_asked() {
    let vault = Scripted::with_folders(50, 2);
    let registry = registry(&vault, 0);
    let live = watch_all(&registry, 50, 2).await;
    assert_eq!(live[0].slot().mount.folders.len(), 0, "nothing is due where there is no ttl");
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_of_what_a_listing_revives() {
    let vault = Scripted::with_folders(1, 2);
    let registry = listing_registry(&vault);
    let live = watch_all(&registry, 1, 2).await;
    let news = async |slot: &Slot| {
        let seen = slot.flights.seen();
        slot.flights.news(seen).await;
    };
    // Nothing is read: a listing says that all is as it was.
    vault.reads();
    tokio::time::timeout(Duration::from_secs(61), news(live[0].slot())).await.unwrap();
    assert_eq!(vault.reads(), 0);
}
