//! Files that are whole or not there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fsync, open};

/// How much must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Power loss: file and directory are synced.
    Synced,
    /// Only the death of this process: the kernel has it, and that is enough.
    Unsynced,
}

/// Put `bytes` at `path`: a reader finds the old file or the new one, never a part. A
/// leftover of a killed writer is overwritten by the next.
pub fn write_atomically(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(".new");
    let temporary = directory.join(temporary);
    let result = (|| {
        let mut file = File::create(&temporary)?;
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
