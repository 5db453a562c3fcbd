//! Files that are whole or not there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fsync, open};

/// How much must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Power loss: file and directory are synced.
    Synced,
    /// Only the death of this process: the kernel has it, and that is enough.
    Unsynced,
}

/// Put `bytes` at `path`, for its owner alone: a reader finds the old file or the new one,
/// never a part. A leftover of a killed writer makes way for the next; who writes at the
/// same time as others holds the lock that makes the temporary name theirs.
pub fn write_atomically(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    let Some(directory) = path.parent() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let temporary = temporary(path);
    let make = || {
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600);
        options.open(&temporary)
    };
    let result = (|| {
        let mut file = match make() {
            // Replaced, not truncated: ext4 would wait for the disk when a truncated file
            // is closed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&temporary)?;
                make()
            }
            made => made,
        }?;
        file.write_all(bytes)?;
        if durability == Durability::Synced {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)?;
        if durability == Durability::Synced {
            sync_directory(directory)?;
        }
        Ok(())
    })();
    if result.is_err() {
        // The first failure is what the caller must hear of.
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// Where [`write_atomically`] writes before it renames.
pub fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Make the names in a directory survive power loss.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    let fd = open(
        directory,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    Ok(fsync(fd)?)
}

/// A lock on a file, let go when it is dropped or its holder dies.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "held, not used: closing it unlocks")] OwnedFd);

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// With other sharers.
    Shared,
    /// Alone.
    Exclusive,
}

impl Lock {
    /// Lock `path`, made if missing; wait for whoever has it.
    pub fn wait(path: &Path, mode: LockMode) -> io::Result<Self> {
        let fd = open_lock(path)?;
        let operation = match mode {
            LockMode::Shared => FlockOperation::LockShared,
            LockMode::Exclusive => FlockOperation::LockExclusive,
        };
        loop {
            match flock(&fd, operation) {
                Err(rustix::io::Errno::INTR) => {}
                result => return Ok(result.map(|()| Self(fd))?),
            }
        }
    }

    /// Lock `path` if nobody has it.
    pub fn attempt(path: &Path, mode: LockMode) -> io::Result<Option<Self>> {
        let fd = open_lock(path)?;
        let operation = match mode {
            LockMode::Shared => FlockOperation::NonBlockingLockShared,
            LockMode::Exclusive => FlockOperation::NonBlockingLockExclusive,
        };
        match flock(&fd, operation) {
            Ok(()) => Ok(Some(Self(fd))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn open_lock(path: &Path) -> io::Result<OwnedFd> {
    Ok(open(
        path,
        OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC,
        Mode::RUSR | Mode::WUSR,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_replaced_whole_and_nothing_is_left() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("record");
        for (text, durability) in [("one", Durability::Synced), ("two", Durability::Unsynced)] {
            write_atomically(&path, text.as_bytes(), durability).expect("write");
            assert_eq!(fs::read_to_string(&path).expect("read"), text);
        }
        assert_eq!(fs::read_dir(dir.path()).expect("list").count(), 1);
    }

    #[test]
    fn leftover_of_a_killed_writer_makes_way() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("record");
        fs::write(temporary(&path), "half of a longer").expect("write");
        write_atomically(&path, b"whole", Durability::Unsynced).expect("write");
        assert_eq!(fs::read_to_string(&path).expect("read"), "whole");
        assert!(!temporary(&path).exists());
    }

    #[test]
    fn exclusive_lock_keeps_others_out_until_dropped() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("lock");
        let held = Lock::wait(&path, LockMode::Exclusive).expect("lock");
        assert!(
            Lock::attempt(&path, LockMode::Shared)
                .expect("try")
                .is_none()
        );
        drop(held);
        assert!(
            Lock::attempt(&path, LockMode::Shared)
                .expect("try")
                .is_some()
        );
    }
}
