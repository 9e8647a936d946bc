//! Searches this process's own memory for a secret that was read and dropped, and says what is left of it:
//! `cargo run -p strongroom-integration-tests --bin leaks`. Linux only.
//!
//! The secret is written by another process, and here it is only ever known with each byte inverted, so that whatever is
//! found came from reading it. What Strongroom keeps is wiped when it is dropped, and passes over no stack. What the HTTP client and the system
//! have had in their buffers is not ours to wipe: those copies are counted, and may be no more than a handful.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::process::{Command, ExitCode};

use serde_json::json;
use strongroom::auth::TokenAuth;
use strongroom::hashicorp::{HashicorpVault, KvVersion};
use strongroom::{Registry, Secret};
use strongroom_integration_tests::{Api, Server, random};

/// How many copies in the buffers of others are no surprise: where the answer arrived, and where it was taken from.
const OTHERS: usize = 4;

/// How many readers hold a copy each while the secret is in use.
const HELD: usize = 8;

const LENGTH: usize = 48;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [address, token, seed] = &arguments[..] {
        let secret: String = bytes(seed.parse().unwrap()).map(char::from).collect();
        Api::new(address, token).write_kv2("secret", "leaks", &json!({"n": secret}));
        return ExitCode::SUCCESS;
    }
    let server = Server::dev();
    let seed = random();
    let inverted: Vec<u8> = bytes(seed).map(|byte| !byte).collect();
    let itself = std::env::current_exe().unwrap();
    let wrote = Command::new(itself).args([&server.address(), server.token(), &seed.to_string()]).status();
    assert!(wrote.unwrap().success());
    let count = || search(&inverted, false).unwrap();
    let before = count();

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let vault = HashicorpVault::builder()
        .address(server.address())
        .kv(KvVersion::V2)
        .auth(TokenAuth::new(server.token()));
    let registry = Registry::builder().vault("leaks", vault.build().unwrap()).build().unwrap();
    let secrets: Vec<Secret> =
        (0..HELD).map(|_| runtime.block_on(registry.get("{vault://leaks/leaks/n}")).unwrap()).collect();
    let held = count();
    drop(secrets);
    let cached = count();
    runtime.block_on(registry.shutdown());
    drop(registry);
    // What was replaced or dropped is freed by the keeper, a step later.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let dropped = count();
    let on_the_stack = search(&inverted, true).unwrap();
    drop(runtime);
    let ended = count();

    println!("copies in this process's memory");
    println!("  before it was read:                        {before}");
    println!("  while {HELD} readers hold it, and the cache:     {held}");
    println!("  in the cache alone:                        {cached}");
    println!("  after the registry was dropped:            {dropped}");
    println!("    of these, on this thread's stack:        {on_the_stack}");
    println!("  after its runtime and connections ended:   {ended}");
    println!(
        "what is left was in buffers of the HTTP client, which nobody wipes; {OTHERS} copies are no surprise"
    );
    let well = before == 0
        && held >= HELD + cached
        && cached > dropped
        && dropped <= OTHERS
        && ended <= OTHERS
        && on_the_stack == 0;
    println!("{}", if well { "nothing of ours is left" } else { "TOO MUCH IS LEFT" });
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The secret: letters and digits that follow from the seed.
fn bytes(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed | 1;
    (0..LENGTH).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"abcdefghijklmnopqrstuvwxyz234567"[(state >> 59) as usize]
    })
}

/// How often the secret is in the memory that this process may write to, or only on the first thread's stack, where what
/// was moved leaves its copies.
fn search(inverted: &[u8], on_the_stack: bool) -> std::io::Result<usize> {
    let mut memory = File::open("/proc/self/mem")?;
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let mut buffer = vec![0_u8; 1 << 20];
    let own = buffer.as_ptr() as usize..buffer.as_ptr() as usize + buffer.len();
    let mut found = 0;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if on_the_stack && !line.ends_with("[stack]") {
            continue;
        }
        let Some((from, to)) = range.split_once('-').filter(|_| rights.starts_with("rw")) else { continue };
        let address = |text| usize::from_str_radix(text, 16).unwrap_or_default();
        let (mut at, to) = (address(from), address(to));
        while at < to {
            let wanted = buffer.len().min(to - at);
            memory.seek(SeekFrom::Start(at as u64))?;
            let Ok(count) = memory.read(&mut buffer[..wanted]) else { break };
            if count == 0 {
                break;
            }
            for (offset, window) in buffer[..count].windows(inverted.len()).enumerate() {
                let same =
                    window[0] == !inverted[0] && window.iter().zip(inverted).all(|(byte, not)| *byte == !not);
                // What was just read here is no copy of anybody's.
                found += usize::from(same && !own.contains(&(at + offset)));
            }
            if at + count >= to {
                break;
            }
            at += count - (inverted.len() - 1).min(count - 1);
        }
        buffer.fill(0);
    }
    Ok(found)
}
