//! A fence in two halves: a reader's, which costs nothing, and that of the one who frees, which makes up for it.
//!
//! A store before [`light`] and a load after it, and a store before [`heavy`] and a load after it: at least one of
//! the two loads sees the other's store.

use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};

/// Who sees to it that the two halves meet.
#[repr(align(128))]
struct Kind(AtomicU8);

/// Apart in memory from all that is written: every reader looks at it.
static KIND: Kind = Kind(AtomicU8::new(UNKNOWN));

/// Nobody has asked yet; readers fence.
const UNKNOWN: u8 = 0;
/// Both sides fence.
const FENCES: u8 = 1;
/// The system fences for the readers.
const SYSTEM: u8 = 2;
/// The system did, and does not any more. Readers fence from now on.
const LOST: u8 = 3;

/// The reader's half.
#[inline]
pub(crate) fn light() {
    if KIND.0.load(Ordering::Relaxed) == SYSTEM {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// Sees to it that readers need no fence, where that can be. The first look at what can be freed does so too, but in a
/// process with many threads it takes the system a moment.
pub fn prepare() {
    if KIND.0.load(Ordering::Acquire) == UNKNOWN {
        let found = if system::register() { SYSTEM } else { FENCES };
        // Whoever decides first decides for all, so nothing else is to be done here.
        let _ = KIND.0.compare_exchange(UNKNOWN, found, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// The half of the one who frees. With another thread of this process running, it takes some microseconds.
#[cold]
pub(crate) fn heavy() {
    prepare();
    fence(Ordering::SeqCst);
    // Asked anew where a fork has forgotten that we were registered.
    if KIND.0.load(Ordering::Acquire) == FENCES || system::barrier() || system::register() {
        return;
    }
    // Somebody has forbidden it since (a seccomp filter). Readers fence from now on; one who has looked before that and not
    // yet loaded is either running, which takes a few instructions, or was interrupted, which is a fence.
    KIND.0.store(LOST, Ordering::SeqCst);
    std::thread::sleep(std::time::Duration::from_millis(20));
    KIND.0.store(FENCES, Ordering::SeqCst);
    fence(Ordering::SeqCst);
}

#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    fn membarrier(command: libc::c_int) -> bool {
        let flags: libc::c_uint = 0;
        // SAFETY: the system call takes three integers, and touches no memory of ours.
        (unsafe { libc::syscall(libc::SYS_membarrier, command, flags, 0) }) == 0
    }

    /// Says that we will ask; the system refuses those who did not.
    pub(super) fn register() -> bool {
        membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) && barrier()
    }

    pub(super) fn barrier() -> bool {
        membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod system {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn barrier() -> bool {
        false
    }
}
