//! Directories that are only valid while somebody works on them.
//!
//! Their maker holds a lock on the directory itself. The kernel releases it with the
//! maker, however that ended, so a scratch directory whose lock is free is rubbish, and
//! whoever meets it may remove it.

use std::{
    fs::{DirBuilder, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use super::removal::remove_tree;

/// How the names of all scratch directories begin.
const PREFIX: &str = ".tmp-";

/// A locked directory, removed when dropped.
#[derive(Debug)]
pub struct ScratchDirectory {
    path: PathBuf,
    /// Carries the lock.
    _handle: File,
    /// Whether it stays when dropped.
    abandoned: bool,
}

impl ScratchDirectory {
    /// Makes one in `parent`, readable by its owner only.
    pub fn new(parent: &Path) -> io::Result<Self> {
        loop {
            let mut random = [0_u8; 8];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let name = format!("{PREFIX}{:016x}", u64::from_ne_bytes(random));
            let path = parent.join(name);
            DirBuilder::new().mode(0o700).create(&path)?;
            let handle = match File::open(&path) {
                Ok(handle) => handle,
                // Somebody swept it before we could lock it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            handle.lock()?;
            // A sweeper that came between making and locking has removed it by now.
            if handle.metadata()?.nlink() > 0 {
                return Ok(Self {
                    path,
                    _handle: handle,
                    abandoned: false,
                });
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the directory its final name; `false` if that is taken, and then this one
    /// is removed.
    pub fn rename(self, target: &Path) -> io::Result<bool> {
        match std::fs::rename(&self.path, target) {
            Ok(()) => {
                // Its old name is gone, which dropping takes for removed already.
                Ok(true)
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Leaves it to the next sweep, as if its maker had been killed.
    pub fn abandon(mut self) {
        self.abandoned = true;
    }

    /// Removes it, and says if that failed.
    pub fn remove(self) -> io::Result<()> {
        remove_tree(&self.path)
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        if !self.abandoned {
            // What can't be removed now is removed by the next sweep.
            let _ = remove_tree(&self.path);
        }
    }
}

/// The scratch directories in `parent` that nobody works on any more, now ours.
pub fn stale(parent: &Path) -> io::Result<Vec<ScratchDirectory>> {
    let mut stale = Vec::new();
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let handle = match File::open(entry.path()) {
            Ok(handle) => handle,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match handle.try_lock() {
            Ok(()) => stale.push(ScratchDirectory {
                path: entry.path(),
                _handle: handle,
                abandoned: false,
            }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_without_an_owner_are_stale() {
        let dir = tempfile::tempdir().unwrap();
        let owned = ScratchDirectory::new(dir.path()).unwrap();
        std::fs::create_dir(dir.path().join(".tmp-left")).unwrap();
        std::fs::write(dir.path().join(".tmp-left/file"), "x").unwrap();
        let stale = stale(dir.path()).unwrap();
        assert_eq!(stale.len(), 1);
        assert_ne!(stale[0].path(), owned.path());
        drop((stale, owned));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn renamed_directory_stays_and_a_taken_name_does_not_fail() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("final");
        for first in [true, false] {
            let scratch = ScratchDirectory::new(dir.path()).unwrap();
            std::fs::write(scratch.path().join("file"), "x").unwrap();
            assert_eq!(scratch.rename(&target).unwrap(), first);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
