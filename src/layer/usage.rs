//! What a tree of files takes on disk: walked, and kept with the time it was measured for
//! whoever asks again before anybody can have written to it.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    path::Path,
    time::{Instant, SystemTime},
};

use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};

use crate::{
    model::VolumeSize,
    sys::fs::{Durability, write_atomically},
};

/// Directories below each other that are looked into. A descriptor is open for each, and
/// what lies deeper was put there to be a nuisance: it is not counted.
const DEEPEST: usize = 128;

/// Bytes on disk and files of a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Bytes.
    pub bytes: u64,
    /// Files and directories.
    pub files: u64,
}

/// Walks all below an open directory; one with several names counts once. What vanishes
/// on the way does not count.
pub fn walk(directory: &OwnedFd) -> io::Result<Taken> {
    let mut total = Total::default();
    total.walk(directory, 0)?;
    Ok(total.taken)
}

/// Measures and keeps what was found at `kept`; current if nobody noted a change meanwhile.
pub fn measure(
    kept: &Path,
    changed: &Path,
    look: impl FnOnce() -> io::Result<Taken>,
) -> io::Result<VolumeSize> {
    let (began, at) = (Instant::now(), Timestamp::now());
    let Taken { bytes, files } = look()?;
    let mut size = VolumeSize {
        bytes,
        files,
        at,
        took_ms: began.elapsed().as_millis() as u64,
        is_current: false,
    };
    let text = serde_json::to_vec(&size).expect("numbers make JSON");
    // Where what was measured is gone, or the disk is full, it is known for now only.
    let _ = write_atomically(kept, &text, Durability::Unsynced);
    size.is_current = is_current(at, changed);
    Ok(size)
}

/// What was kept, current if nobody noted a change since; nothing where nothing was, or
/// where it can't be read.
pub fn known(kept: &Path, changed: &Path) -> Option<VolumeSize> {
    let mut size: VolumeSize = serde_json::from_slice(&fs::read(kept).ok()?).ok()?;
    size.is_current = is_current(size.at, changed);
    Some(size)
}

/// Whether nobody noted a change since.
fn is_current(at: Timestamp, changed: &Path) -> bool {
    match fs::metadata(changed).and_then(|found| found.modified()) {
        Ok(changed) => Timestamp::try_from(changed).is_ok_and(|changed| at > changed),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Notes that something may have been written.
pub fn note_change(changed: &Path) -> io::Result<()> {
    File::create(changed)?.set_modified(SystemTime::now())
}

#[derive(Default)]
struct Total {
    taken: Taken,
    /// Files with several names that were counted.
    counted: HashSet<(u64, u64)>,
}

impl Total {
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
            self.taken.bytes += found.st_blocks as u64 * 512;
            self.taken.files += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_current_until_a_change_is_noted() {
        let dir = tempfile::tempdir().unwrap();
        let [kept, changed, tree] = ["size", "changed", "tree"].map(|name| dir.path().join(name));
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/one"), [1; 10_000]).unwrap();
        fs::hard_link(tree.join("a/one"), tree.join("a/b/two")).unwrap();
        let root = OwnedFd::from(File::open(&tree).unwrap());
        assert_eq!(known(&kept, &changed), None);
        let size = measure(&kept, &changed, || walk(&root)).unwrap();
        assert_eq!(size.files, 3);
        assert!((10_000..40_000).contains(&size.bytes), "{size:?}");
        assert!(known(&kept, &changed).unwrap().is_current);
        note_change(&changed).unwrap();
        assert!(!known(&kept, &changed).unwrap().is_current);
        measure(&kept, &changed, || walk(&root)).unwrap();
        assert!(known(&kept, &changed).unwrap().is_current);
        fs::write(&kept, "damaged").unwrap();
        assert_eq!(known(&kept, &changed), None);
    }
}
