//! Removing a tree that others have filled: of any depth, with any names, never
//! following a link.

use std::{
    ffi::OsStr,
    io,
    os::fd::OwnedFd,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{self, AtFlags, Mode, OFlags},
    io::Errno,
};

use super::merged::{names, open_directory};

/// Levels that are descended before a directory is moved up to the top instead. A
/// container can nest directories deeper than any path or descriptor limit reaches.
const DEEPEST: usize = 64;

/// Removes whatever is at `path`, if anything is. Two removals at once share the work.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let top = match fs::open(path, flags, Mode::empty()) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return gone(fs::unlink(path)),
        Err(error) => return Err(error.into()),
    };
    // Each pass empties the directory but for those that were moved up into it.
    loop {
        empty(&top, &top, 0)?;
        match fs::rmdir(path) {
            Err(Errno::NOTEMPTY) => {}
            result => return gone(result),
        }
    }
}

/// Removes what `name`, a single component below `parent`, stands for.
pub(super) fn remove_entry(parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
    remove_below(parent, parent, name, 0)
}

fn remove_below(top: &OwnedFd, parent: &OwnedFd, name: &OsStr, depth: usize) -> io::Result<()> {
    match fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => {}
        result => return gone(result),
    }
    if depth == DEEPEST {
        static MOVED: AtomicU64 = AtomicU64::new(0);
        let number = MOVED.fetch_add(1, Ordering::Relaxed);
        let name_above = format!(".removing-{}-{number}", std::process::id());
        return gone(fs::renameat(parent, name, top, name_above));
    }
    let directory = match open_directory(parent, name) {
        Ok(directory) => directory,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    loop {
        empty(top, &directory, depth + 1)?;
        match fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOTEMPTY) => {}
            result => return gone(result),
        }
    }
}

fn empty(top: &OwnedFd, directory: &OwnedFd, depth: usize) -> io::Result<()> {
    for name in names(directory)? {
        remove_below(top, directory, &name, depth)?;
    }
    Ok(())
}

fn gone(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_deeper_than_any_path_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("tree");
        std::fs::create_dir(&top).unwrap();
        let mut here = open_directory(
            &fs::open(dir.path(), OFlags::DIRECTORY, Mode::empty()).unwrap(),
            OsStr::new("tree"),
        )
        .unwrap();
        for _ in 0..3000 {
            fs::mkdirat(&here, "d", Mode::RWXU).unwrap();
            fs::symlinkat("/etc", &here, "link").unwrap();
            here = open_directory(&here, OsStr::new("d")).unwrap();
        }
        remove_tree(&top).unwrap();
        assert!(!top.exists());
        assert!(Path::new("/etc/passwd").exists());
        remove_tree(&top).unwrap();
    }
}
