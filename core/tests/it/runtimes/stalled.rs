//! Runtimes that stand still for a while, or for ever, and what was left in them.

use strongroom_core::Live;

use super::*;

/// Longer than it takes until a runtime that stands still is left.
const A_WHILE: Duration = Duration::from_secs(5);

#[test]
fn what_a_runtime_rotates_goes_on_after_it_stood_still() {
    let (vault, registry) = rotating();
    let runtime = runtime();
    let live = runtime.block_on(registry.watch(NAME)).unwrap();
    runtime.spawn(async { std::thread::sleep(A_WHILE) });
    std::thread::sleep(A_WHILE);
    // Nobody asks for anything here.
    until_read_again(&vault, &live);
}

#[test]
fn a_host_that_stood_still_is_the_host_again() {
    let (vault, registry) = rotating();
    let (host, other) = (runtime(), runtime());
    host.spawn({
        let registry = registry.clone();
        async move { registry.run(std::future::pending()).await }
    });
    let live = host.block_on(registry.watch(NAME)).unwrap();
    let read_in = |key: &str| {
        let reference = format!("{{vault://my-vault/{key}/name}}");
        let read = async { tokio::time::timeout(Duration::from_secs(30), registry.get(&*reference)).await };
        other.block_on(read).expect("somebody reads").unwrap();
        let read_in = *vault.read_in.lock().unwrap();
        read_in.unwrap()
    };
    assert_eq!(read_in("before"), host.handle().id());
    let (go_on, told) = std::sync::mpsc::channel::<()>();
    host.spawn(async move { told.recv() });
    // Not before it was seen that nobody drives the host.
    assert_eq!(read_in("meanwhile"), other.handle().id());
    go_on.send(()).unwrap();
    let is_back = (0..200).any(|at| {
        std::thread::sleep(Duration::from_millis(100));
        read_in(&format!("afterwards-{at}")) == host.handle().id()
    });
    assert!(is_back, "it was chosen");
    until_read_again(&vault, &live);
}

/// Waits until something has been read a few times, and is shown.
fn until_read_again(vault: &Slow, live: &Live) {
    let before = vault.reads.load(Ordering::SeqCst);
    let is_read = (0..400).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        vault.reads.load(Ordering::SeqCst) >= before + 3 && !live.is_stale()
    });
    assert!(is_read, "nothing is rotated any more");
}

#[test]
fn a_configuration_left_in_a_runtime_that_nobody_drives_is_followed_from_another() {
    let (_, registry) = rotating();
    let document = serde_json::json!({"name": NAME});
    type Config = HashMap<String, String>;
    let first = on_this_thread();
    let config = first.block_on(registry.watch_config::<Config>(&document)).unwrap();
    let second = on_this_thread();
    second.block_on(async {
        let changes = async {
            while config.current().unwrap()["name"].as_str() < "4" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), changes).await.expect("it is left behind");
    });
    drop(first);
}
