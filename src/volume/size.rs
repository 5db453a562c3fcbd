//! What a volume takes: measured by walking it, kept with the time it was measured, and
//! not measured again while nobody can have written to it.

use std::{collections::HashSet, fs, io, os::fd::OwnedFd, time::Instant};

use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstatvfs, openat, statat};

use super::{Result, Volumes, device::Backing, error::at, store::read_json};
use crate::{
    model::VolumeSize,
    sys::fs::{Durability, write_atomically},
};

const SIZE: &str = "size.json";

/// Directories below each other that are looked into. A descriptor is open for each, and
/// what lies deeper was put there to be a nuisance: it is not counted.
const DEEPEST: usize = 128;

impl Volumes {
    /// What is known of a volume's size.
    pub(super) fn known_size(&self, name: &str) -> Result<Option<VolumeSize>> {
        let path = self.data().join(name).join(SIZE);
        let Some(mut size) = read_json::<VolumeSize>(&path).unwrap_or_default() else {
            return Ok(None);
        };
        let changed = fs::metadata(self.changed(name)).and_then(|found| found.modified());
        size.is_current = match changed {
            Ok(changed) => Timestamp::try_from(changed).is_ok_and(|changed| size.at > changed),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        Ok(Some(size))
    }

    /// Measures a volume and keeps what was found. One with a file system of its own is
    /// asked for it, where it is mounted; others are walked.
    pub fn measure(&self, name: &str) -> Result<VolumeSize> {
        let volume = self.find(name)?;
        let (began, at_) = (Instant::now(), Timestamp::now());
        let path = &volume.mountpoint;
        let root = match fs::File::open(path) {
            Ok(root) => Some(OwnedFd::from(root)),
            // Its file system is not mounted, or what it binds is gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(at("open", path)(error)),
        };
        let mut total = Total::default();
        match (root, Backing::of(&volume)?) {
            (None, _) => {}
            (Some(root), Backing::FileSystem { .. }) => {
                let found = fstatvfs(&root).map_err(|errno| at("measure", path)(errno.into()))?;
                total.bytes = (found.f_blocks - found.f_bfree) * found.f_frsize;
                total.files = found.f_files - found.f_ffree;
            }
            (Some(root), _) => total
                .walk(&root, 0)
                .map_err(|errno| at("measure", path)(errno.into()))?,
        }
        let size = VolumeSize {
            bytes: total.bytes,
            files: total.files,
            at: at_,
            took_ms: began.elapsed().as_millis() as u64,
            is_current: false,
        };
        let kept = self.data().join(name).join(SIZE);
        let text = serde_json::to_vec(&size).expect("numbers make JSON");
        match write_atomically(&kept, &text, Durability::Unsynced) {
            // It was removed meanwhile, or the disk is full: then it is known for now.
            Ok(()) | Err(_) => {}
        }
        Ok(self.known_size(name)?.unwrap_or(size))
    }
}

#[derive(Default)]
struct Total {
    bytes: u64,
    files: u64,
    /// Files with several names that were counted.
    counted: HashSet<(u64, u64)>,
}

impl Total {
    /// Adds all below an open directory. What vanishes on the way does not count.
    fn walk(&mut self, directory: &OwnedFd, depth: usize) -> rustix::io::Result<()> {
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let Ok(found) = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let is_directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
            let has_names = found.st_nlink > 1 && !is_directory;
            if has_names && !self.counted.insert((found.st_dev, found.st_ino)) {
                continue;
            }
            self.bytes += found.st_blocks as u64 * 512;
            self.files += 1;
            if !is_directory || depth == DEEPEST {
                continue;
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            if let Ok(inner) = openat(directory, name, flags, Mode::empty()) {
                self.walk(&inner, depth + 1)?;
            }
        }
        Ok(())
    }
}
