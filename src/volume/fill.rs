//! The first use of a volume: what the image has at its place becomes its content, with
//! owners, modes, attributes and hard links.
//!
//! The files are copied beside the volume first and moved in when all are there, so a
//! volume never holds half of them for good: a copy that was cut is thrown away, a move
//! that was cut is completed.

use std::{
    ffi::OsStr,
    fs, io,
    os::{fd::OwnedFd, unix::fs::fchown},
    path::{Path, PathBuf},
    thread,
};

use rustix::fs::{Mode, Stat, Timespec, Timestamps};

use super::{Error, Result, Volumes, device::Backing, error::at};
use crate::{
    layer::{self, ScratchDirectory},
    model::Volume,
};

/// How the name of a directory begins whose files are on their way into a volume.
const FILL: &str = ".fill-";

impl Volumes {
    /// Fills a volume from an image's directory if nothing is in it. `open` is only asked
    /// for that if it is needed, and answers nothing where the image has none.
    pub fn fill<E: From<Error>>(
        &self,
        volume: &Volume,
        open: impl FnOnce() -> std::result::Result<Option<OwnedFd>, E>,
    ) -> std::result::Result<(), E> {
        let is_fillable = match Backing::of(volume)? {
            Backing::Directory => is_empty(&volume.mountpoint)?,
            Backing::Bind { path, .. } => path.is_dir() && is_empty(&path)?,
            // Its content begins anew with each mount, or is the device's.
            Backing::FileSystem { .. } => false,
        };
        if !is_fillable {
            return Ok(());
        }
        let Some(from) = open()? else {
            return Ok(());
        };
        Ok(self.copy_in(volume, &from)?)
    }

    fn copy_in(&self, volume: &Volume, from: &OwnedFd) -> Result<()> {
        let data = self.data();
        let scratch = ScratchDirectory::new(data).map_err(at("make", data))?;
        let files = scratch.path().join("files");
        fs::create_dir(&files).map_err(at("make", &files))?;
        copy(from, &files)?;
        copy_attributes(from, &look_at(from, &files)?, &files)?;
        let _held = self.lock()?;
        // Somebody else was faster, or a container wrote to it meanwhile.
        if !is_empty(&volume.mountpoint)? {
            return Ok(());
        }
        let ready = self.filling(&volume.name);
        fs::rename(&files, &ready).map_err(at("rename", &files))?;
        self.finish_fill(volume, &ready)
    }

    /// Completes what was cut.
    pub(super) fn finish_fills(&self) -> Result<()> {
        let entries = fs::read_dir(self.data()).map_err(at("list", self.data()))?;
        for entry in entries {
            let name = entry.map_err(at("list", self.data()))?.file_name();
            let Some(name) = name.to_str().and_then(|name| name.strip_prefix(FILL)) else {
                continue;
            };
            let _held = self.lock()?;
            let ready = self.filling(name);
            if !ready.exists() {
                continue;
            }
            match self.find(name) {
                Ok(volume) => self.finish_fill(&volume, &ready)?,
                Err(Error::NotFound(_)) => {
                    layer::remove_tree(&ready).map_err(at("remove", &ready))?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Moves the files in, and makes the volume's directory what the image's is. Under the
    /// lock.
    fn finish_fill(&self, volume: &Volume, ready: &Path) -> Result<()> {
        let into = &volume.mountpoint;
        let directory = open_directory(ready)?;
        // Before anything is moved, which sets its time.
        let found = look_at(&directory, ready)?;
        let entries = fs::read_dir(ready).map_err(at("list", ready))?;
        for entry in entries {
            let entry = entry.map_err(at("list", ready))?;
            let target = into.join(entry.file_name());
            match fs::rename(entry.path(), &target) {
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                    // A bind of another file system: what can't be moved is copied.
                    copy_entry(&directory, &entry.file_name(), into)?;
                }
                // A container made something of that name just now: its own stays.
                Err(error) if fs::symlink_metadata(&target).is_err() => {
                    return Err(at("move in", target)(error));
                }
                _ => {}
            }
        }
        copy_attributes(&directory, &found, into)?;
        layer::remove_tree(ready).map_err(at("remove", ready))
    }

    fn filling(&self, name: &str) -> PathBuf {
        self.data().join(format!("{FILL}{name}"))
    }
}

/// Whether a directory holds nothing but what a file system itself puts there.
fn is_empty(path: &Path) -> Result<bool> {
    let mut entries = fs::read_dir(path).map_err(at("list", path))?;
    Ok(entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == "lost+found")))
}

fn open_directory(path: &Path) -> Result<OwnedFd> {
    fs::File::open(path)
        .map(OwnedFd::from)
        .map_err(at("open", path))
}

/// Copies all that is in a directory into another.
fn copy(from: &OwnedFd, to: &Path) -> Result<()> {
    copy_as(from, OsStr::new("."), b"", to)
}

/// Copies one entry of a directory into another.
fn copy_entry(from: &OwnedFd, name: &OsStr, to: &Path) -> Result<()> {
    copy_as(from, name, name.as_encoded_bytes(), to)
}

fn copy_as(from: &OwnedFd, name: &OsStr, as_name: &[u8], to: &Path) -> Result<()> {
    let target = open_directory(to)?;
    let (reader, writer) = io::pipe().map_err(at("make a pipe for", to))?;
    thread::scope(|scope| {
        let packing = scope.spawn(move || {
            let out = io::BufWriter::with_capacity(256 << 10, writer);
            layer::pack_entry(from, name, as_name, out)
        });
        let unpacked = layer::unpack_into(target, reader, None);
        match packing.join() {
            // Whoever unpacks has told why it listens no more.
            Ok(Err(layer::Error::Sink(_)) | Ok(())) => Ok(unpacked.map(drop)?),
            Ok(Err(error)) => Err(error.into()),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn look_at(directory: &OwnedFd, shown: &Path) -> Result<Stat> {
    rustix::fs::fstat(directory).map_err(|errno| at("look at", shown)(errno.into()))
}

/// Owner, mode, attributes and times of one directory for another.
fn copy_attributes(from: &OwnedFd, found: &Stat, to: &Path) -> Result<()> {
    let target = open_directory(to)?;
    let copy = || -> io::Result<()> {
        fchown(&target, Some(found.st_uid), Some(found.st_gid))?;
        // After the owner, whose change may take bits of the mode away.
        rustix::fs::fchmod(&target, Mode::from_raw_mode(found.st_mode & 0o7777))?;
        layer::copy_xattrs(from, &target)?;
        let time = |seconds, nanoseconds| Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds,
        };
        let times = Timestamps {
            last_access: time(found.st_atime, found.st_atime_nsec as i64),
            last_modification: time(found.st_mtime, found.st_mtime_nsec as i64),
        };
        Ok(rustix::fs::futimens(&target, &times)?)
    };
    copy().map_err(at("set the attributes of", to))
}
