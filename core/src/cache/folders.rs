//! Which folders of a vault are asked for versions, and when: everything in a folder falls due at one moment, so that
//! one question answers for all of it.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::time::Duration;

use super::clock::Tick;
use super::subject::Subject;
use crate::sync::lock;

/// How long a folder is read secret by secret after the vault would not list it.
const REFUSED: Duration = Duration::from_secs(3600);

/// In how many rounds one secret of a folder is really read, whatever the listing says of it: drawn for each time, so
/// that folders which began together do not read together.
const VERIFIED: RangeInclusive<u8> = 12..=20;

/// How many folders are remembered before those whose time has passed are looked for.
const MANY: usize = 1024;

/// The folders of one vault that hold something.
#[derive(Debug, Default)]
pub(crate) struct Folders(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    folders: HashMap<Box<str>, Folder>,
    /// With how many those whose time has passed are forgotten next.
    crowd: usize,
}

#[derive(Clone, Copy, Debug)]
struct Folder {
    /// The vault of the prefix that this is known of.
    generation: u32,
    /// When the folder is asked for next.
    next: Tick,
    /// Until when it is not asked at all.
    off_until: Tick,
    /// Until when everything that it held is being read, after its listing was belied.
    doubted_until: Tick,
    failures: u8,
    /// In how many rounds one secret of it is really read.
    verified_in: u8,
}

impl Folder {
    fn new(generation: u32) -> Self {
        Self {
            generation,
            next: Tick::PAST,
            off_until: Tick::PAST,
            doubted_until: Tick::PAST,
            failures: 0,
            verified_in: fastrand::u8(VERIFIED),
        }
    }
}

impl Folders {
    fn with<R>(&self, folder: &str, generation: u32, look: impl FnOnce(&mut Folder) -> R) -> R {
        let mut known = lock(&self.0);
        if let Some(folder) = known.folders.get_mut(folder) {
            if folder.generation != generation {
                *folder = Folder::new(generation);
            }
            return look(folder);
        }
        look(known.folders.entry(folder.into()).or_insert_with(|| Folder::new(generation)))
    }

    /// What is known of a folder, if anything is: asking for it remembers nothing.
    fn known(&self, folder: &str, generation: u32) -> Option<Folder> {
        lock(&self.0).folders.get(folder).filter(|folder| folder.generation == generation).copied()
    }

    /// Whether the folder is asked for versions at present.
    pub(super) fn is_on(&self, folder: &str, generation: u32, now: Tick) -> bool {
        self.known(folder, generation).is_none_or(|folder| folder.off_until <= now)
    }

    /// When something in the folder is due: with the rest of it where that is early enough, or else at `due`, which
    /// the next ones go by.
    pub(super) fn align(&self, folder: &str, generation: u32, now: Tick, due: Tick, latest: Tick) -> Tick {
        let aligned = self.with(folder, generation, |folder| {
            if folder.off_until > now || (folder.next > now && folder.next > latest) {
                return due;
            }
            if folder.next <= now {
                folder.next = due;
            }
            folder.next
        });
        self.forget_the_past(now);
        aligned
    }

    /// The folder was asked with success; says whether it is time to really read one secret of it.
    pub(super) fn answered(&self, folder: &str, generation: u32) -> bool {
        self.with(folder, generation, |folder| {
            folder.failures = 0;
            folder.verified_in = folder.verified_in.saturating_sub(1);
            let is_time = folder.verified_in == 0;
            if is_time {
                folder.verified_in = fastrand::u8(VERIFIED);
            }
            is_time
        })
    }

    /// The word of the folder's listing was belied by a read: all that it held is to be read, until when this is not
    /// said again. In every other folder one secret is read in the next round, since what belied this listing may
    /// belie all. Says whether that is news.
    pub(super) fn doubt(&self, doubted: &str, generation: u32, now: Tick, until: Tick) -> bool {
        let is_news = self.with(doubted, generation, |folder| {
            let is_news = folder.doubted_until <= now;
            if is_news {
                folder.doubted_until = until;
            }
            is_news
        });
        if is_news {
            let mut known = lock(&self.0);
            let others = known.folders.iter_mut().filter(|(name, _)| &***name != doubted);
            others.for_each(|(_, folder)| folder.verified_in = 1);
        }
        is_news
    }

    /// The folder was asked in vain; gives how often so far.
    pub(super) fn failed(&self, folder: &str, generation: u32) -> u8 {
        self.with(folder, generation, |folder| {
            folder.failures = folder.failures.saturating_add(1);
            folder.failures
        })
    }

    /// How often the folder was asked in vain.
    pub(super) fn failures(&self, folder: &str, generation: u32) -> u8 {
        self.known(folder, generation).map_or(0, |folder| folder.failures)
    }

    /// The folder is asked at this moment.
    pub(super) fn postpone(&self, folder: &str, generation: u32, next: Tick) {
        self.with(folder, generation, |folder| folder.next = next);
    }

    /// The folder is not to be asked for a long time.
    pub(super) fn refuse(&self, folder: &str, generation: u32, now: Tick) {
        self.with(folder, generation, |folder| folder.off_until = now.after(REFUSED));
    }

    /// How many folders are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.0).folders.len()
    }

    fn forget_the_past(&self, now: Tick) {
        let Known { folders, crowd } = &mut *lock(&self.0);
        if folders.len() > MANY.max(*crowd) {
            folders.retain(|_, folder| folder.next > now || folder.off_until > now);
            *crowd = 2 * folders.len();
        }
    }
}

/// The folder of a resource (`""` is the top) and its name there, if listings can say something of it: they speak of
/// current versions.
pub(super) fn place(subject: &Subject) -> Option<(&str, &str)> {
    let resource = subject.plain()?;
    Some(resource.rsplit_once('/').unwrap_or(("", resource)))
}
