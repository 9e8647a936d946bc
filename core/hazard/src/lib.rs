//! A shared pointer that is replaced while others read it: [`Swap`], read without a lock, a fence or a count.
//!
//! It is Strongroom's own `ArcSwap`. A reader notes in a place of its thread's what it is about to read (a *hazard
//! pointer*) and looks whether that is still there; whoever has replaced something frees it once no place names it.
//! The order between the two needs a fence on each side, and here the reader's costs nothing: where the system can
//! (Linux has `membarrier`), the one who frees has it carried out on all other threads. So reading is two plain stores and
//! a few loads, and freeing is dearer, which suits what is read a million times for each time that it changes.
//!
//! What was replaced goes to a [`Retired`], which frees it and does not leave that to a reader. It is to be swept by the
//! one who replaces, or by a thread in the background.
//!
//! ```
//! use std::sync::Arc;
//! use strongroom_hazard::{Retired, Swap};
//!
//! let (value, retired) = (Swap::new(Arc::new("old")), Retired::new());
//! let read = value.load();
//! retired.retire(value.swap(Arc::new("new")), |_| unreachable!("somebody reads it"));
//! assert_eq!((*read, *value.load()), ("old", "new"));
//!
//! drop(read);
//! retired.sweep(|old| assert_eq!(*old, "old"));
//! ```
//!
//! After a fork, a child that goes on without `exec` has the notes of threads that it does not have: what they were reading
//! at that moment is never freed there.
//!
//! All `unsafe` code of Strongroom is in this crate.

mod barrier;
mod list;
mod orphans;
mod place;
mod record;
mod retired;
mod swap;
mod sync;

#[cfg(test)]
mod tests;

pub use barrier::prepare;
pub use retired::{Replaced, Retired};
pub use swap::{Guard, Swap};
