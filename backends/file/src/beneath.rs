//! Opening a path that cannot lead out of a directory: not by dots, not by links, not by a link that somebody puts in
//! its place at the wrong moment.
//!
//! Linux resolves such a path itself (`openat2`). Where it does not know how, or is not allowed to, we take one step
//! at a time: each component is opened without following links, a link is read and its target walked in the same
//! way, and `..` goes back to a directory that we came through, never above the first.

use std::path::Path;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;

/// How many links one path may hold, as many as Linux allows.
const LINKS: usize = 40;

/// Directories on the way are only walked through, which takes no right to list them.
#[cfg(any(target_os = "linux", target_os = "android"))]
const WAY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const WAY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// For reading. A pipe or device that nobody writes to does not hold us up.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

/// Opens the directory itself, which is the configuration's to name: it may be reached by links.
pub(crate) fn root(path: &Path) -> Result<OwnedFd, Errno> {
    openat(CWD, path, WAY, Mode::empty())
}

/// Opens a file below `root`. `XDEV` says that the path leads out of it.
pub(crate) fn file(root: &OwnedFd, path: &str) -> Result<OwnedFd, Errno> {
    open(root, path, FILE)
}

/// Opens a directory below `root`.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn directory(root: &OwnedFd, path: &str) -> Result<OwnedFd, Errno> {
    if path.is_empty() { Ok(root.try_clone().map_err(|_| Errno::MFILE)?) } else { open(root, path, WAY) }
}

fn open(root: &OwnedFd, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    match by_the_kernel(root, path, flags) {
        // Unknown to the kernel, or forbidden by a filter that does not know it.
        Err(Errno::NOSYS | Errno::PERM) => {}
        opened => return opened,
    }
    step_by_step(root, path, flags)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn by_the_kernel(root: &OwnedFd, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    use rustix::fs::{ResolveFlags, openat2};

    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut tries = 0;
    loop {
        match openat2(root, path, flags, Mode::empty(), resolve) {
            // Something was renamed meanwhile, so that the kernel could not be sure.
            Err(Errno::AGAIN | Errno::INTR) if tries < 32 => tries += 1,
            opened => return opened,
        }
    }
}

fn step_by_step(root: &OwnedFd, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut came_through = vec![root.try_clone().map_err(|_| Errno::MFILE)?];
    let mut ahead = Vec::new();
    let mut links = 0;
    push(&mut ahead, path.as_bytes())?;
    while let Some(name) = ahead.pop() {
        if name == b".." {
            came_through.pop();
        }
        let Some(here) = came_through.last() else { return Err(Errno::XDEV) };
        if name == b".." {
            continue;
        }
        let wanted = if ahead.is_empty() { flags } else { WAY };
        let opened = openat(here.as_fd(), name.as_slice(), wanted | OFlags::NOFOLLOW, Mode::empty());
        match opened {
            Ok(opened) => came_through.push(opened),
            // What these say of a link; of anything else, reading it as one says that it is none.
            Err(fault @ (Errno::LOOP | Errno::NOTDIR | Errno::MLINK)) => {
                let Ok(target) = readlinkat(here.as_fd(), name.as_slice(), Vec::new()) else {
                    return Err(fault);
                };
                links += 1;
                if links > LINKS {
                    return Err(Errno::LOOP);
                }
                push(&mut ahead, target.as_bytes())?;
            }
            Err(fault) => return Err(fault),
        }
    }
    came_through.pop().ok_or(Errno::XDEV)
}

/// Puts the components of a path in front of those that are ahead.
fn push(ahead: &mut Vec<Vec<u8>>, path: &[u8]) -> Result<(), Errno> {
    if path.starts_with(b"/") {
        return Err(Errno::XDEV);
    }
    let parts = path.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
    ahead.extend(parts.rev().map(<[u8]>::to_vec));
    Ok(())
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    type Open = fn(&OwnedFd, &str, OFlags) -> Result<OwnedFd, Errno>;
    const WAYS: [Open; 2] = [by_the_kernel, step_by_step];

    fn read(way: Open, root: &OwnedFd, path: &str) -> Result<String, Errno> {
        let mut text = String::new();
        fs::File::from(way(root, path, FILE)?).read_to_string(&mut text).map_err(|_| Errno::ISDIR)?;
        Ok(text)
    }

    #[test]
    fn what_is_inside_is_found_by_either_way() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("a/b/..2026_01")).unwrap();
        fs::write(at("a/b/..2026_01/key"), "inside").unwrap();
        symlink("..2026_01", at("a/b/..data")).unwrap();
        symlink("..data/key", at("a/b/key")).unwrap();
        symlink("./b/../b//key", at("a/round")).unwrap();
        symlink("a", at("to-a")).unwrap();
        let root = root(dir.path()).unwrap();
        for way in WAYS {
            for path in
                ["a/b/..2026_01/key", "a/b/..data/key", "a/b/key", "a/round", "to-a/b/key", "to-a/../a/b/key"]
            {
                assert_eq!(read(way, &root, path).as_deref(), Ok("inside"), "{path}");
            }
            assert_eq!(read(way, &root, "a/b"), Err(Errno::ISDIR));
            assert_eq!(read(way, &root, "a/b/"), Err(Errno::ISDIR));
            assert_eq!(read(way, &root, "a/x"), Err(Errno::NOENT));
            assert_eq!(read(way, &root, "a/b/key/x"), Err(Errno::NOTDIR));
        }
    }

    #[test]
    fn nothing_leads_out_by_either_way() {
        let dir = tempfile::tempdir().unwrap();
        let (outside, inside) = (dir.path().join("outside"), dir.path().join("inside"));
        fs::create_dir_all(inside.join("sub")).unwrap();
        fs::write(&outside, "canary").unwrap();
        symlink("../outside", inside.join("up")).unwrap();
        symlink(&outside, inside.join("absolute")).unwrap();
        symlink("../../outside", inside.join("sub/up")).unwrap();
        symlink("..", inside.join("parent")).unwrap();
        symlink("/", inside.join("slash")).unwrap();
        symlink("/proc/self/cwd", inside.join("magic")).unwrap();
        symlink("loop", inside.join("loop")).unwrap();
        let root = root(&inside).unwrap();
        for way in WAYS {
            for path in [
                "../outside",
                "up",
                "absolute",
                "sub/up",
                "parent/outside",
                "slash/etc/passwd",
                "sub/../../outside",
                "magic/Cargo.toml",
                "/etc/passwd",
                "..",
                "sub/../..",
            ] {
                assert_eq!(read(way, &root, path), Err(Errno::XDEV), "{path}");
            }
            assert_eq!(read(way, &root, "loop"), Err(Errno::LOOP));
        }
    }

    #[test]
    fn a_race_against_links_is_never_won() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("inside");
        for (path, text) in [("inside/a", "inside"), ("outside", "canary")] {
            fs::create_dir_all(dir.path().join(path)).unwrap();
            fs::write(dir.path().join(path).join("key"), text).unwrap();
        }
        symlink("../outside", inside.join("link")).unwrap();
        let root = root(&inside).unwrap();
        std::thread::scope(|scope| {
            let swapping = scope.spawn(|| {
                for _ in 0..3000 {
                    // The directory and the link that leads out change places.
                    for (from, to) in [("a", "aside"), ("link", "a"), ("a", "link"), ("aside", "a")] {
                        fs::rename(inside.join(from), inside.join(to)).unwrap();
                    }
                }
            });
            let mut found = [0; 2];
            while !swapping.is_finished() {
                for (way, found) in WAYS.into_iter().zip(&mut found) {
                    match read(way, &root, "a/key") {
                        Ok(text) => {
                            assert_eq!(text, "inside");
                            *found += 1;
                        }
                        Err(fault) => {
                            // It was not there, led out, or was no link any more when it was looked at as one.
                            let fair = [Errno::NOENT, Errno::XDEV, Errno::AGAIN, Errno::NOTDIR];
                            assert!(fair.contains(&fault), "{fault}");
                        }
                    }
                }
            }
            assert!(found[0] > 0 && found[1] > 0, "{found:?}");
        });
    }
}
