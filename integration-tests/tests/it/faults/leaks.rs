//! What is left in memory of a secret that was dropped.

use std::process::Command;

#[test]
#[cfg(target_os = "linux")]
fn what_is_dropped_is_wiped() {
    // In a process of its own: other tests hold secrets of theirs, and this one must not know what it looks for.
    let output = Command::new(env!("CARGO_BIN_EXE_leaks")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("nothing of ours is left"), "{said}");
}
