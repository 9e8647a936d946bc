//! Blocks and ticks by themselves. Not in their own files, which the model checker includes as they are.

use std::time::{Duration, SystemTime};

use super::block::{Block, INLINE, Limits};
use super::clock::{Clock, Tick};

#[test]
fn values_of_every_length_come_back() {
    for length in [0, 1, INLINE - 1, INLINE, INLINE + 1, 255, 256, 5000] {
        let value: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let block = Block::of(&value, Limits::ENDED, 7, Some(3));
        assert_eq!(block.bytes(), value);
        assert_eq!((block.serial(), block.version()), (7, Some(3)));
    }
    assert_eq!(Block::none(0).version(), None);
}

#[test]
fn who_remembers_a_replaced_value_looks_again_and_who_finds_it_is_served() {
    let clock = Clock::new();
    let now = clock.now();
    let live = Limits { fetched: now, stale_from: Tick::NEVER, deadline: Tick::NEVER };
    let block = Block::of(b"x", live, 1, None);
    assert!(block.is_current(now) && block.is_live(now));
    block.move_on(now);
    assert!(!block.is_current(now) && block.is_live(now));
    let over = Block::of(b"x", Limits { deadline: now, ..live }, 1, None);
    over.move_on(now);
    assert!(!over.is_current(now) && !over.is_live(now));
}

#[test]
fn a_block_is_as_small_as_it_looks() {
    assert_eq!(size_of::<Block>(), 96);
}

#[test]
fn far_moments_never_come_and_past_ones_have_come() {
    let clock = Clock::new();
    assert_eq!(clock.now().after(Duration::MAX), Tick::NEVER);
    assert_eq!(clock.now().after(Duration::from_millis(49)), clock.now());
    assert_eq!(clock.now().after(Duration::from_secs(1)).since(clock.now()), Duration::from_secs(1));
    assert_eq!(clock.at(SystemTime::UNIX_EPOCH), Tick::PAST);
    assert!(clock.at(SystemTime::now() + Duration::from_secs(10)) > clock.now());
    assert!(clock.now() > Tick::PAST);
}
