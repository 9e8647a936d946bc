//! What the kernel tells of changes: of each directory on the way to a file that was read. Where it tells nothing (not
//! Linux, a network mount, too many watches) files are looked at every few seconds all the same.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod kernel {
    use std::collections::HashSet;

    use rustix::fd::{AsRawFd, OwnedFd};
    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

    use crate::beneath;

    /// The directories that are watched, by their paths below the root.
    #[derive(Debug, Default)]
    pub(crate) struct Watch {
        queue: Option<OwnedFd>,
        directories: HashSet<String>,
    }

    impl Watch {
        /// Watches the directories on the way to a file. What cannot be watched is left out.
        pub(crate) fn add(&mut self, root: &OwnedFd, resource: &str) {
            let ends = resource.match_indices('/').map(|(at, _)| at);
            for directory in std::iter::once("").chain(ends.map(|end| &resource[..end])) {
                if !self.directories.contains(directory) && self.watch(root, directory).is_some() {
                    self.directories.insert(directory.into());
                }
            }
        }

        fn watch(&mut self, root: &OwnedFd, directory: &str) -> Option<()> {
            let queue = match &mut self.queue {
                Some(queue) => queue,
                none => none.insert(inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?),
            };
            let directory = beneath::directory(root, directory).ok()?;
            let flags = WatchFlags::ATTRIB
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR;
            // By its descriptor, so that it is the very directory that was opened, wherever it was moved meanwhile.
            let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
            inotify::add_watch(&*queue, path, flags).ok().map(drop)
        }

        /// Whether anything has happened since the last call. Does not wait.
        pub(crate) fn has_news(&mut self) -> bool {
            let Some(queue) = &self.queue else { return false };
            let mut buffer = [0; 4096];
            let mut news = false;
            while rustix::io::read(queue, &mut buffer).is_ok_and(|len| len > 0) {
                news = true;
            }
            // A directory may be another one now, which is to be watched too.
            if news {
                self.directories.clear();
            }
            news
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod kernel {
    use rustix::fd::OwnedFd;

    /// No watch.
    #[derive(Debug, Default)]
    pub(crate) struct Watch;

    impl Watch {
        pub(crate) fn add(&mut self, _: &OwnedFd, _: &str) {}

        pub(crate) fn has_news(&mut self) -> bool {
            false
        }
    }
}

pub(crate) use kernel::Watch;
