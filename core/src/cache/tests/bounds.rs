//! What references out of requests cannot do: grow the cache without end.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_no_handle_holds_is_bounded() {
    let vault = scripted();
    for at in 0..1000 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    let limits = CacheLimits { entries: 100, misses: 10, ..CacheLimits::default() };
    let registry = registry_with(&vault, policy(0), limits);
    let live = registry.watch(NAME).await.unwrap();
    for at in 0..2000 {
        let _ = registry.get(format!("{{vault://my-vault/r/{at}/a}}")).await;
    }
    assert!(registry.0.cache.table.len() <= 100, "{}", registry.0.cache.table.len());
    assert_eq!(live.current().unwrap().as_bytes(), b"ACME Inc.");
    vault.reads();
    assert_eq!(text(registry.get(NAME).await), "ACME Inc.");
    assert_eq!(vault.reads(), 0, "what a handle holds stays");
    // Misses do not push out what is there.
    registry.get("{vault://my-vault/r/7/a}").await.unwrap();
    vault.reads();
    for at in 5000..5050 {
        let _ = registry.get(format!("{{vault://my-vault/r/{at}/a}}")).await;
    }
    assert!(registry.0.cache.table.len() <= 100);
    let weight = registry_with(&vault, policy(0), CacheLimits { bytes: 20_000, ..CacheLimits::default() });
    for at in 0..1000 {
        weight.get(format!("{{vault://my-vault/r/{at}/a}}")).await.unwrap();
    }
    assert!((10..100).contains(&weight.0.cache.table.len()), "{}", weight.0.cache.table.len());
}

#[tokio::test(start_paused = true)]
async fn what_handles_hold_beyond_the_bounds_is_not_looked_through_for_each_that_comes() {
    let vault = scripted();
    for at in 0..20_000 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    let limits = CacheLimits { entries: 1_000, ..CacheLimits::default() };
    let registry = registry_with(&vault, policy(0), limits);
    let text = |at: usize| format!("{{vault://my-vault/r/{at}/a}}");
    let table = &registry.0.cache.table;
    let mut live = Vec::new();
    for at in 0..10_000 {
        live.push(registry.watch(text(at)).await.unwrap());
    }
    assert!(table.looks() <= 60, "{} times while ten times the bound was added", table.looks());
    let before = table.looks();
    for at in 10_000..11_000 {
        registry.get(text(at)).await.unwrap();
    }
    assert!(table.looks() - before <= 3, "{} times while a tenth was added", table.looks() - before);
    assert!((10_000..=10_625).contains(&table.len()), "{}", table.len());
    drop(live);
    tokio::time::sleep(Duration::from_secs(2)).await;
    registry.get(text(19_000)).await.unwrap();
    assert!(table.len() <= 1_000, "{}", table.len());
}

/// What is counted of one secret that a handle holds.
fn weight_of(live: &crate::Live) -> usize {
    live.slot().flights.with(|state| state.weigh(live.slot()).unwrap().1)
}

fn cells_of(live: &crate::Live) -> usize {
    live.slot().flights.with(|state| live.slot().cells(state).count())
}

#[tokio::test(start_paused = true)]
async fn keys_and_options_out_of_requests_leave_a_watched_secret_as_small_as_it_is() {
    let vault = scripted();
    let registry = registry(&vault, 60);
    let live = registry.watch(NAME).await.unwrap();
    let user = registry.watch(USER).await.unwrap();
    vault.reads();
    for at in 0..20_000 {
        let unknown = registry.get(format!("{{vault://my-vault/customer/acme/key-{at}}}")).await;
        assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
        let other = registry.get(format!("{{vault://my-vault/customer/acme/name?neg_ttl={at}}}")).await;
        assert_eq!(text(other), "ACME Inc.");
    }
    assert_eq!(vault.reads(), 0, "the document answers them all");
    assert!(cells_of(&live) <= 260, "{} cells", cells_of(&live));
    assert!(weight_of(&live) < 64 << 10, "{} bytes", weight_of(&live));
    // Handles are followed all the same, and texts that were given up mean what they mean.
    vault.set("customer/acme", r#"{"name":"New","user":"new"}"#, 2);
    live.refresh().await.unwrap();
    assert_eq!(
        (live.current().unwrap().as_bytes(), user.current().unwrap().as_bytes()),
        (&b"New"[..], &b"new"[..])
    );
    let given_up = "{vault://my-vault/customer/acme/name?neg_ttl=7}";
    merged(&registry).await;
    assert_eq!(text(registry.get(given_up).await), "New");
    assert_eq!(registry.try_get(given_up).unwrap().as_bytes(), b"New");
}

#[tokio::test(start_paused = true)]
async fn a_large_watched_secret_that_is_asked_for_in_many_ways_stays_as_large_as_it_is() {
    let vault = scripted();
    vault.set("large", &format!(r#"{{"a":"{}"}}"#, "x".repeat(1 << 18)), 1);
    let registry = registry(&vault, 60);
    let live = registry.watch("{vault://my-vault/large/a}").await.unwrap();
    for at in 0..300 {
        let whole = registry.get(format!("{{vault://my-vault/large/?neg_ttl={at}}}")).await.unwrap();
        assert!(whole.as_bytes().len() > 1 << 18);
    }
    assert!(weight_of(&live) < 6 << 18, "{} bytes", weight_of(&live));
    assert_eq!(vault.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn handles_to_many_fields_of_one_secret_keep_them_all() {
    let vault = scripted();
    let fields: Vec<_> = (0..1000).map(|at| format!(r#""f{at}":"{at}""#)).collect();
    vault.set("many", &format!("{{{}}}", fields.join(",")), 1);
    let registry = registry(&vault, 60);
    let mut handles = Vec::new();
    for at in 0..1000 {
        handles.push(registry.watch(format!("{{vault://my-vault/many/f{at}}}")).await.unwrap());
        let _ = registry.get(format!("{{vault://my-vault/many/unknown-{at}}}")).await;
    }
    let fields: Vec<_> = (0..1000).map(|at| format!(r#""f{at}":"new-{at}""#)).collect();
    vault.set("many", &format!("{{{}}}", fields.join(",")), 2);
    handles[0].refresh().await.unwrap();
    for (at, handle) in handles.iter().enumerate() {
        assert_eq!(handle.current().unwrap().as_bytes(), format!("new-{at}").as_bytes());
    }
    let last = handles.pop().unwrap();
    drop(handles);
    // Room for the many that were held goes with them.
    for at in 0..3000 {
        let _ = registry.get(format!("{{vault://my-vault/many/other-{at}}}")).await;
    }
    assert!(cells_of(&last) <= 260, "{} cells", cells_of(&last));
    assert_eq!(last.current().unwrap().as_bytes(), b"new-999");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_grows_by_its_fields_makes_others_go() {
    let vault = scripted();
    for at in 0..400 {
        let fields: Vec<_> = (0..100).map(|field| format!(r#""f{field}":"{field:0>100}""#)).collect();
        vault.set(&format!("r/{at}"), &format!("{{{}}}", fields.join(",")), 1);
    }
    let limits = CacheLimits { bytes: 8 << 20, ..CacheLimits::default() };
    let registry = registry_with(&vault, policy(0), limits);
    let get = async |at: usize, field: usize| {
        registry.get(format!("{{vault://my-vault/r/{at}/f{field}}}")).await.unwrap();
    };
    for at in 0..400 {
        get(at, 0).await;
    }
    let before = registry.0.cache.table.len();
    for at in 0..400 {
        for field in 1..100 {
            get(at, field).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let weight = registry.0.cache.table.weight();
    assert!(weight <= 9 << 20, "{weight} bytes");
    assert!(registry.0.cache.table.len() < before);
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_once_is_not_asked_for_in_the_background_and_leaves_nothing_in_the_queue() {
    let vault = scripted();
    let registry = registry_with(&vault, policy(600), CacheLimits { misses: 10, ..CacheLimits::default() });
    let mut held = registry.watch(NAME).await.unwrap();
    for at in 0..20_000 {
        let missing = registry.get(format!("{{vault://my-vault/nope/{at}/a}}")).await;
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
        if at % 1000 == 0 {
            tokio::time::sleep(STEP * 2).await;
        }
    }
    tokio::time::sleep(STEP * 2).await;
    assert!(registry.0.cache.queued() <= 2_000, "{} are queued", registry.0.cache.queued());
    vault.reads();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let reads = vault.reads();
    assert!((6..=14).contains(&reads), "{reads} reads, where one handle is held");
    // What a handle holds is looked for, though it is missing.
    vault.answer("customer/acme", Err(Error::new(ErrorKind::Deleted, "deleted")));
    held.changed().await.unwrap();
    assert!(held.current().is_err());
    vault.set("customer/acme", r#"{"name":"back"}"#, 2);
    held.changed().await.unwrap();
    assert_eq!(held.current().unwrap().as_bytes(), b"back");
}

#[tokio::test(start_paused = true)]
async fn what_is_refreshed_again_and_again_is_queued_a_few_times() {
    let vault = scripted();
    let registry = registry(&vault, 5_000);
    let live = registry.watch(NAME).await.unwrap();
    for _ in 0..2_500 {
        live.refresh().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(registry.0.cache.queued() <= 1_100, "{} are queued", registry.0.cache.queued());
    // What counts is still among them.
    let before = vault.0.reads.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(5_000)).await;
    assert!(vault.0.reads.load(Ordering::SeqCst) > before);
}

/// What is new has become part of the big map: that takes a moment by the real clock.
async fn merged(registry: &Registry) {
    while registry.0.cache.index.has_pending() {
        std::thread::sleep(Duration::from_millis(10));
        tokio::time::sleep(STEP * 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_room_for_a_text_others_make_some() {
    let vault = scripted();
    for at in 0..50 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    let limits = CacheLimits { entries: 50, ..CacheLimits::default() };
    let registry = registry_with(&vault, policy(0), limits);
    let spelt = |at: usize, way: usize| format!("{{vault://my-vault/r/{at}/a?neg_ttl={way}}}");
    for way in 0..10 {
        for at in 0..40 {
            registry.get(spelt(at, way)).await.unwrap();
        }
        merged(&registry).await;
    }
    // By now there were 400 texts, and there is room for 100.
    let known = |way: usize| (0..40).filter(|at| registry.try_get(spelt(*at, way)).is_some()).count();
    let all: usize = (0..10).map(known).sum();
    assert!((50..=100).contains(&all), "{all} texts are known");
    for _ in 0..3 {
        registry.get(spelt(3, 77)).await.unwrap();
        merged(&registry).await;
    }
    assert!(registry.try_get(spelt(3, 77)).is_some(), "what is asked for again is remembered");
    // Long ones count by their length.
    let limits = CacheLimits { bytes: 1 << 20, ..CacheLimits::default() };
    let registry = registry_with(&vault, policy(0), limits);
    let long = |at: usize| format!("{{vault://my-vault/r/{at}/a?neg_ttl={}1}}", "0".repeat(200_000));
    for at in 0..40 {
        registry.get(long(at)).await.unwrap();
    }
    merged(&registry).await;
    let known = (0..40).filter(|at| registry.try_get(long(*at)).is_some()).count();
    assert!((1..=5).contains(&known), "{known} of 200,000 bytes each");
}
