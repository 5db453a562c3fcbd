//! Blobs on their way in: `ingest/<hex>` holds what has come of a blob so far.
//!
//! Its single writer holds a lock on the file. If the writer dies, the file stays, and
//! the next who wants the blob goes on where it ended; if the writer lives, the next
//! waits and finds the blob in place. So however many processes want one blob, it comes
//! once.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest as _, Sha256};

use super::{
    error::{Error, Result},
    lease::{self, Lease},
    store::ImageStore,
};
use crate::model::Digest;

/// How the lock files of layers being unpacked begin.
const LAYER: &str = "layer-";
/// How long a partial blob is kept for a pull that goes on with it.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A blob that we are the single writer of. Dropped before [`Ingest::commit`], what has
/// come stays for whoever wants it next.
#[derive(Debug)]
pub struct Ingest {
    digest: Digest,
    size: u64,
    path: PathBuf,
    target: PathBuf,
    /// Carries the lock.
    file: File,
    hash: Sha256,
    written: u64,
}

/// What can be done about a blob that is wanted.
#[derive(Debug)]
pub enum Arrival {
    /// It is in place.
    Present,
    /// Another process, or another task of this one, is writing it.
    Busy {
        /// Bytes that have come.
        written: u64,
    },
    /// It is ours to write.
    Ours(Ingest),
}

impl ImageStore {
    /// Whether a blob is in place; under a lease that has it, it then stays.
    pub fn has_blob(&self, digest: &Digest) -> bool {
        self.layout.blob(digest).exists()
    }

    /// Opens a blob that is in place.
    pub fn open_blob(&self, digest: &Digest) -> Result<File> {
        let path = self.layout.blob(digest);
        File::open(&path).map_err(Error::io("open", path))
    }

    /// Begins to write a blob of `size` bytes, or goes on where a dead process ended.
    /// `None` if it is in place. Waits while another process writes it; see
    /// [`ImageStore::try_ingest`] for a way not to.
    pub fn ingest(&self, lease: &Lease, digest: &Digest, size: u64) -> Result<Option<Ingest>> {
        match self.arrive(lease, digest, size, true)? {
            Arrival::Ours(ingest) => Ok(Some(ingest)),
            Arrival::Present | Arrival::Busy { .. } => Ok(None),
        }
    }

    /// The same, but says so instead of waiting.
    pub fn try_ingest(&self, lease: &Lease, digest: &Digest, size: u64) -> Result<Arrival> {
        self.arrive(lease, digest, size, false)
    }

    /// Writes a small blob.
    pub fn put_blob(&self, lease: &Lease, content: &[u8]) -> Result<Digest> {
        let digest = Digest::from_sha256(&Sha256::digest(content).into());
        if let Some(mut ingest) = self.ingest(lease, &digest, content.len() as u64)? {
            ingest.restart()?;
            ingest.append(content)?;
            ingest.commit()?;
        }
        Ok(digest)
    }

    fn arrive(&self, lease: &Lease, digest: &Digest, size: u64, wait: bool) -> Result<Arrival> {
        lease.add([digest])?;
        let directory = self.layout.make_ingest()?;
        let path = directory.join(digest.hex());
        loop {
            if self.has_blob(digest) {
                return Ok(Arrival::Present);
            }
            let file = File::options()
                .read(true)
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&path)
                .map_err(Error::io("open", &path))?;
            if !lock(&file, wait).map_err(Error::io("lock", &path))? {
                let written = file.metadata().map_err(Error::io("look at", &path))?.len();
                return Ok(Arrival::Busy { written });
            }
            // While we waited, its writer may have put it in place, or somebody removed it.
            if !is_at(&file, &path).map_err(Error::io("look at", &path))? {
                continue;
            }
            let mut ingest = Ingest {
                digest: digest.clone(),
                size,
                target: self.layout.blob(digest),
                path,
                file,
                hash: Sha256::new(),
                written: 0,
            };
            ingest.take_over()?;
            return Ok(Arrival::Ours(ingest));
        }
    }

    /// Waits until nobody else unpacks a layer, and keeps it so.
    pub(super) fn lock_layer(&self, diff_id: &Digest) -> Result<LayerLock> {
        let path = self
            .layout
            .make_ingest()?
            .join(format!("{LAYER}{}", diff_id.hex()));
        loop {
            let file = File::options()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&path)
                .map_err(Error::io("open", &path))?;
            file.lock().map_err(Error::io("lock", &path))?;
            if is_at(&file, &path).map_err(Error::io("look at", &path))? {
                return Ok(LayerLock { path, _file: file });
            }
        }
    }

    /// Removes what has come of a blob, unless somebody is writing it.
    pub(super) fn discard(&self, digest: &Digest) -> Result<()> {
        let path = self.layout.ingest().join(digest.hex());
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("open", path)(error)),
        };
        if lock(&file, false).map_err(Error::io("lock", &path))?
            && is_at(&file, &path).map_err(Error::io("look at", &path))?
        {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
        Ok(())
    }

    /// Removes partial blobs that nobody is writing: all of them, or those that nobody
    /// went on with for a day. The bytes that they had.
    pub(super) fn clear_ingest(&self, all: bool) -> Result<u64> {
        let now = SystemTime::now();
        let mut bytes = 0;
        for path in self.layout.ingest_entries()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(lease::PREFIX) {
                continue;
            }
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("open", path)(error)),
            };
            let metadata = file.metadata().map_err(Error::io("look at", &path))?;
            let age = metadata.modified().map(|at| now.duration_since(at));
            // A clock that went back makes an age unknown, not long.
            let is_old = matches!(age, Ok(Ok(age)) if age > KEPT);
            let is_rubbish = name.starts_with(LAYER) || all || is_old;
            if is_rubbish
                && lock(&file, false).map_err(Error::io("lock", &path))?
                && is_at(&file, &path).map_err(Error::io("look at", &path))?
            {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                bytes += metadata.len();
            }
        }
        Ok(bytes)
    }
}

/// While it lives, nobody else unpacks the layer.
pub(super) struct LayerLock {
    path: PathBuf,
    _file: File,
}

impl Drop for LayerLock {
    fn drop(&mut self) {
        // Otherwise the next sweep removes it. Whoever waits for it looks again.
        let _ = fs::remove_file(&self.path);
    }
}

impl Ingest {
    /// Bytes that are there: the next to write are those from here on.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// What has come so far, from its beginning.
    pub fn reader(&self) -> Result<impl Read + use<>> {
        let file = File::open(&self.path).map_err(Error::io("open", &self.path))?;
        Ok(file.take(self.written))
    }

    /// Begins again, where what comes can't begin in the middle.
    pub fn restart(&mut self) -> Result<()> {
        self.file
            .set_len(0)
            .map_err(Error::io("empty", &self.path))?;
        self.hash = Sha256::new();
        self.written = 0;
        Ok(())
    }

    /// Adds bytes. More than the blob's size are refused.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.written + bytes.len() as u64;
        if written > self.size {
            return Err(Error::BlobSize {
                digest: self.digest.clone(),
                expected: self.size,
                found: written,
            });
        }
        self.file
            .write_all(bytes)
            .map_err(Error::io("write", &self.path))?;
        self.hash.update(bytes);
        self.written = written;
        Ok(())
    }

    /// Puts the blob in place if it is what its digest says. One that isn't is thrown
    /// away; one that is too short stays to be gone on with.
    pub fn commit(self) -> Result<()> {
        if self.written != self.size {
            return Err(Error::BlobSize {
                digest: self.digest,
                expected: self.size,
                found: self.written,
            });
        }
        let found = Digest::from_sha256(&self.hash.finalize().into());
        if found != self.digest {
            fs::remove_file(&self.path).map_err(Error::io("remove", &self.path))?;
            return Err(Error::BlobDigest {
                expected: self.digest,
                found,
            });
        }
        fs::rename(&self.path, &self.target).map_err(Error::io("put in place", self.target))
    }

    /// Looks whether what has come is a whole blob that is what its digest says; throws
    /// it away if it is another.
    pub fn verify(self) -> Result<()> {
        let found = Digest::from_sha256(&self.hash.finalize().into());
        if self.written == self.size && found != self.digest {
            fs::remove_file(&self.path).map_err(Error::io("remove", &self.path))?;
            return Err(Error::BlobDigest {
                expected: self.digest,
                found,
            });
        }
        Ok(())
    }

    /// Hashes what a dead writer left.
    fn take_over(&mut self) -> Result<()> {
        let failed = || Error::io("read", &self.path);
        if self.file.metadata().map_err(failed())?.len() > self.size {
            return self.restart();
        }
        let mut file = File::open(&self.path).map_err(failed())?;
        let mut piece = vec![0; 256 << 10];
        loop {
            match file.read(&mut piece).map_err(failed())? {
                0 => return Ok(()),
                length => {
                    self.hash.update(&piece[..length]);
                    self.written += length as u64;
                }
            }
        }
    }
}

fn lock(file: &File, wait: bool) -> io::Result<bool> {
    if wait {
        return file.lock().map(|()| true);
    }
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a path still means the open file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(now) => {
            let ours = file.metadata()?;
            Ok((now.ino(), now.dev()) == (ours.ino(), ours.dev()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
