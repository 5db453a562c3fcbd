//! Leases: what a pull or a load under way puts in the store is kept from everybody who
//! clears the store up, although no image names it yet.
//!
//! A lease is a file below `ingest/`, locked by its holder, that lists digests of blobs
//! and layers. The kernel releases the lock with the holder, so the lease of a dead
//! process is void, and what it had put in place is found by it. It is on the disk before
//! anything is placed under it: after a loss of power, too, whatever was placed but not
//! synced is found and goes.

use std::{
    collections::HashSet,
    fs::{self, File, TryLockError},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::PathBuf,
};

use super::{
    error::{Error, Result},
    layout::{Layout, sync_directory},
    settle::this_boot,
    store::ImageStore,
};
use crate::model::Digest;

/// How the files of leases begin.
pub(super) const PREFIX: &str = "lease-";

/// What becomes of blobs that were placed under a lease and that no image names when it
/// ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// They go back among the partial ones, where the next pull finds them.
    Resume,
    /// They are removed.
    Discard,
}

/// The lease of a living process. Dropped before [`ImageStore::assemble`] was done with
/// it, what was placed under it is cleared up.
#[derive(Debug)]
pub struct Lease {
    store: ImageStore,
    path: PathBuf,
    /// Carries the lock.
    file: Option<File>,
}

/// What the leases in the store say. Under the exclusive lock.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// Digests that living processes use.
    pub(super) held: HashSet<String>,
    /// Digests whose blobs are worth keeping for the next pull.
    pub(super) resumable: HashSet<String>,
    /// Leases of the dead, now ours.
    pub(super) dead: Vec<(PathBuf, File)>,
}

impl ImageStore {
    /// Takes a lease, empty yet.
    pub fn lease(&self, unfinished: Unfinished) -> Result<Lease> {
        let directory = self.layout.make_ingest()?;
        loop {
            let mut random = [0_u8; 8];
            getrandom::fill(&mut random)
                .map_err(io::Error::other)
                .map_err(Error::io("name a lease in", &directory))?;
            let path = directory.join(format!("{PREFIX}{:016x}", u64::from_ne_bytes(random)));
            let take = || -> io::Result<Option<File>> {
                let mut file = File::options()
                    .append(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)?;
                file.lock()?;
                // A sweeper that came between making and locking has removed it by now.
                if file.metadata()?.nlink() == 0 {
                    return Ok(None);
                }
                let first = format!("{} {}\n", unfinished.word(), this_boot());
                file.write_all(first.as_bytes())?;
                file.sync_all()?;
                Ok(Some(file))
            };
            if let Some(file) = take().map_err(Error::io("make", &path))? {
                sync_directory(&directory)?;
                return Ok(Lease {
                    store: self.clone(),
                    path,
                    file: Some(file),
                });
            }
        }
    }
}

impl ImageStore {
    /// Whether a living process has the lease of that name.
    pub fn is_held(&self, name: &str) -> Result<bool> {
        // A name is a label's value, which anybody may write.
        if !name.starts_with(PREFIX) || name.contains('/') {
            return Ok(false);
        }
        let path = self.layout.ingest().join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Error::io("open", path)(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
        }
    }
}

impl Lease {
    /// What it is called as long as it lives; see [`ImageStore::is_held`].
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Keeps these blobs and layers from now on: those that are there stay, and so do
    /// those that come. Waits for whoever is clearing up.
    pub fn add<'a>(&self, digests: impl IntoIterator<Item = &'a Digest>) -> Result<()> {
        let mut text = String::new();
        for digest in digests {
            text.push_str(digest.hex());
            text.push('\n');
        }
        let _lock = self.store.layout.lock_shared()?;
        let mut file = self.file.as_ref().expect("it is taken by dropping only");
        file.write_all(text.as_bytes())
            .map_err(Error::io("write", &self.path))
    }

    /// Makes what it lists survive a loss of power. Cheap while nothing else is written.
    pub(super) fn sync(&self) -> Result<()> {
        let file = self.file.as_ref().expect("it is taken by dropping only");
        file.sync_data().map_err(Error::io("sync", &self.path))
    }

    /// Ends it: what was placed under it has a name now, but is not on the disk. It
    /// becomes the note that says so; if the power goes before that is written, the lease
    /// itself says the same.
    pub(super) fn end_unsynced(mut self) -> Result<()> {
        let name = self.path.file_name().unwrap_or_default();
        let note = self.store.layout.make_unsynced()?.join(name);
        fs::rename(&self.path, &note).map_err(Error::io("put in place", note))?;
        self.file = None;
        Ok(())
    }

    /// Ends it: what was placed under it has a name now.
    pub(super) fn end(mut self) -> Result<()> {
        fs::remove_file(&self.path).map_err(Error::io("remove", &self.path))?;
        self.file = None;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Void from here on. What can't be cleared up now is by the next sweep.
            let _ = self.store.sweep();
        }
    }
}

impl Unfinished {
    fn word(self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Discard => "discard",
        }
    }
}

impl Leases {
    /// Reads them all. Under the exclusive lock, so that none grows meanwhile.
    pub(super) fn read(layout: &Layout) -> Result<Self> {
        let mut leases = Self::default();
        for path in layout.ingest_entries()? {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            if !name.starts_with(PREFIX.as_bytes()) {
                continue;
            }
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("open", path)(error)),
            };
            let text = io::read_to_string(&file).map_err(Error::io("read", &path))?;
            let mut lines = text.lines();
            let first = lines.next().unwrap_or_default();
            let is_resumable = first.split(' ').next() == Some("resume");
            match file.try_lock() {
                Ok(()) => {
                    if is_resumable {
                        leases.resumable.extend(lines.map(str::to_owned));
                    }
                    leases.dead.push((path, file));
                }
                Err(TryLockError::WouldBlock) => {
                    leases.held.extend(lines.map(str::to_owned));
                }
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
            }
        }
        Ok(leases)
    }

    /// Removes the leases of the dead: what they had placed is cleared up.
    pub(super) fn forget_dead(self) -> Result<()> {
        for (path, _lock) in self.dead {
            match fs::remove_file(&path) {
                // Its holder ended it between our looking and our lock.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(Error::io("remove", path))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_that_ended_meanwhile_is_no_failure() {
        let directory = tempfile::tempdir().unwrap();
        let [ended, dead] = ["ended", "dead"].map(|name| directory.path().join(name));
        let file = |path: &PathBuf| (path.clone(), File::create(path).unwrap());
        let leases = Leases {
            dead: [&ended, &dead].map(file).into(),
            ..Leases::default()
        };
        fs::remove_file(ended).unwrap();
        leases.forget_dead().unwrap();
        assert!(!dead.exists());
    }
}
