//! A recording on disk, written: one frame at a time, by one writer, within bounds.
//!
//! Nothing is synced: a recording must survive `kill -9`, not a power cut, and a sync
//! each second would keep disks awake. Old files go whole; the newest is never touched.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    Encoder, Error, Result,
    recording::{HEADER, MAGIC, SUFFIX, VERSION, files, number_of},
};
use crate::model::World;

/// A recording's files are so many parts of what it may take: the oldest part goes.
const PARTS: u32 = 16;
/// No file is smaller for it.
const LEAST_BYTES: u64 = 64 << 10;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of all files.
    pub max_bytes: u64,
    /// Age of the oldest frame, about.
    pub max_age: Duration,
}

/// Where a recording goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A directory of files, the oldest of which go.
    Directory(PathBuf),
    /// One new file, which ends when it is full.
    File(PathBuf),
}

/// Writes pictures into a recording.
#[derive(Debug)]
pub struct Writer {
    target: Target,
    bounds: Bounds,
    encoder: Encoder,
    /// Held for the writer's life.
    _lock: Option<File>,
    part: Option<Part>,
    number: u64,
    /// Bytes of all files but the one that is written.
    others: u64,
}

/// The file that is written.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    file: File,
    bytes: u64,
    began: Duration,
}

impl Writer {
    /// Begins to record pictures that come about `every` so often.
    pub fn create(target: Target, bounds: Bounds, every: Duration) -> Result<Self> {
        let mut writer = Self {
            bounds,
            encoder: Encoder::new(every),
            _lock: None,
            part: None,
            number: 0,
            others: 0,
            target,
        };
        match &writer.target {
            Target::Directory(directory) => {
                create(directory)?;
                writer._lock = Some(lock(directory)?);
                let last = files(directory)?.last().and_then(|path| number_of(path));
                writer.number = last.map_or(1, |number| number + 1);
                writer.prune(directory.clone().as_path());
            }
            Target::File(path) => writer.part = Some(Part::create(path, Duration::ZERO)?),
        }
        Ok(writer)
    }

    /// Appends a picture. `clock` is a time that only grows.
    pub fn append(&mut self, world: &World, clock: Duration) -> Result<()> {
        self.rotate(clock)?;
        let path = self.path();
        let frame = self
            .encoder
            .encode(world, clock)
            .map_err(Error::io("compress a picture for", &path))?;
        let bytes = frame.to_bytes();
        if matches!(self.target, Target::File(_))
            && self.bytes() + bytes.len() as u64 > self.bounds.max_bytes
        {
            return Err(Error::Full(path));
        }
        let Some(part) = &mut self.part else {
            return Err(Error::Gone);
        };
        if let Err(source) = part.file.write_all(&bytes) {
            // Half a frame must not stand before a whole one; where even this fails the
            // reader says what it left out.
            let _ = part.file.set_len(part.bytes);
            self.encoder.restart();
            return Err(Error::io("write", path)(source));
        }
        part.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Bytes that the recording takes.
    pub fn bytes(&self) -> u64 {
        self.others + self.part.as_ref().map_or(0, |part| part.bytes)
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        match &self.target {
            Target::Directory(path) | Target::File(path) => path.clone(),
        }
    }

    /// Begins a new file where the one that is written has its size or its age.
    fn rotate(&mut self, clock: Duration) -> Result<()> {
        let Target::Directory(directory) = self.target.clone() else {
            return Ok(());
        };
        let max_bytes = self.part_bytes();
        let max_age = self.bounds.max_age / PARTS;
        let is_due =
            |part: &Part| part.bytes >= max_bytes || clock.saturating_sub(part.began) >= max_age;
        if self.part.as_ref().is_some_and(|part| !is_due(part)) {
            return Ok(());
        }
        self.part = None;
        self.prune(&directory);
        let path = directory.join(format!("{:08}{SUFFIX}", self.number));
        self.part = Some(Part::create(&path, clock)?);
        self.number += 1;
        self.encoder.restart();
        Ok(())
    }

    fn part_bytes(&self) -> u64 {
        (self.bounds.max_bytes / u64::from(PARTS)).max(LEAST_BYTES)
    }

    /// Removes old files until a further one has room. What can't be removed now is tried
    /// again with the next.
    fn prune(&mut self, directory: &Path) {
        let mut kept: Vec<(PathBuf, u64, Duration)> = files(directory)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|path| {
                let metadata = fs::metadata(&path).ok()?;
                let age = SystemTime::now().duration_since(metadata.modified().ok()?);
                Some((path, metadata.len(), age.unwrap_or_default()))
            })
            .collect();
        let room = self.bounds.max_bytes.saturating_sub(self.part_bytes());
        let is_over = |kept: &[(PathBuf, u64, Duration)]| {
            let all: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
            all > room
                || kept
                    .first()
                    .is_some_and(|(.., age)| *age > self.bounds.max_age)
        };
        while !kept.is_empty() && is_over(&kept) {
            // See above.
            let _ = fs::remove_file(&kept[0].0);
            kept.remove(0);
        }
        self.others = kept.iter().map(|(_, bytes, _)| bytes).sum();
    }
}

impl Part {
    fn create(path: &Path, began: Duration) -> Result<Self> {
        let mut file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(Error::io("create", path))?;
        let mut header = [0; HEADER];
        header[..MAGIC.len()].copy_from_slice(MAGIC);
        header[MAGIC.len()..].copy_from_slice(&VERSION.to_le_bytes());
        file.write_all(&header).map_err(Error::io("write", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes: HEADER as u64,
            began,
        })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // A file without a frame says nothing; one that stays does no harm.
        if self.bytes == HEADER as u64 {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a directory for root alone. One above it that is missing too may be an engine's
/// own, which its containers must be able to pass through.
fn create(directory: &Path) -> Result<()> {
    let make = |path: &Path, mode| {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(mode).create(path)
    };
    let above = directory
        .parent()
        .filter(|path| !path.as_os_str().is_empty());
    above
        .map_or(Ok(()), |path| make(path, 0o711))
        .and_then(|()| make(directory, 0o700))
        .map_err(Error::io("create", directory))
}

fn lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Busy(directory.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(Error::io("lock", path)(source)),
    }
}
