//! What a container changed, as `docker diff` tells it: the merged view with the writable
//! layer against the merged view without it.

use std::{
    ffi::OsStr,
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{self, AtFlags, FileType, Mode, OFlags, Stat},
    io::Errno,
};

use super::{
    error::{Error, Result},
    merged::{self, Directory, Node, is_directory, is_opaque, is_whiteout},
    overlay::Overlay,
};
use crate::model::{Change, ChangeKind};

/// Everything that differs from the image, by path. A directory is listed if it was
/// changed itself or if anything below it is listed; of a removed directory only the top
/// is. Only the writable layer is walked.
///
/// A container may go on writing meanwhile: what vanishes while it is looked at is left
/// out.
pub fn changes(overlay: &Overlay) -> Result<Vec<Change>> {
    let failed = |source| Error::io("compare", &overlay.upper)(source);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let upper = match fs::open(&overlay.upper, flags, Mode::empty()) {
        Ok(upper) => upper,
        Err(Errno::NOENT) => return Ok(Vec::new()),
        Err(error) => return Err(failed(io::Error::from(error))),
    };
    let lower = overlay.lower.iter().map(PathBuf::as_path);
    let lower = Directory::root(lower).map_err(failed)?;
    let mut changes = Vec::new();
    let top = Place {
        upper: &upper,
        lower: Some(&lower),
        opaque: false,
        path: Path::new("/"),
    };
    top.compare(&mut changes).map_err(failed)?;
    changes.sort();
    Ok(changes)
}

/// One directory of the writable layer, and what the image has at its place.
struct Place<'a> {
    upper: &'a OwnedFd,
    lower: Option<&'a Directory>,
    /// Whether it hides the image's directory, by its own mark or by one above it.
    opaque: bool,
    path: &'a Path,
}

impl Place<'_> {
    fn compare(&self, changes: &mut Vec<Change>) -> io::Result<()> {
        if let Some(lower) = self.lower.filter(|_| self.opaque) {
            self.hidden(lower, changes)?;
        }
        for name in merged::names(self.upper)? {
            match self.compare_entry(&name, changes) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result?,
            }
        }
        Ok(())
    }

    fn compare_entry(&self, name: &OsStr, changes: &mut Vec<Change>) -> io::Result<()> {
        let path = self.path.join(name);
        let stat = fs::statat(self.upper, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let below = match self.lower {
            Some(lower) => lower.lookup(name)?,
            None => None,
        };
        if is_whiteout(&stat) {
            // One that hides nothing is overlayfs' own business.
            if below.is_some() {
                let kind = ChangeKind::Deleted;
                changes.push(Change { path, kind });
            }
            return Ok(());
        }
        let kind = match &below {
            None => Some(ChangeKind::Added),
            Some(Node::Directory(_, old)) => differs(old, &stat).then_some(ChangeKind::Modified),
            Some(Node::File(node, old)) => {
                let differs = differs(old, &stat) || self.capability_differs(node, name, &stat)?;
                differs.then_some(ChangeKind::Modified)
            }
        };
        let before = changes.len();
        if is_directory(&stat) {
            let upper = merged::open_directory(self.upper, name)?;
            let lower = match &below {
                Some(Node::Directory(lower, _)) => Some(lower),
                _ => None,
            };
            let inside = Place {
                opaque: self.opaque || is_opaque(&upper)?,
                upper: &upper,
                lower,
                path: &path,
            };
            inside.compare(changes)?;
        }
        let touched = (changes.len() > before).then_some(ChangeKind::Modified);
        if let Some(kind) = kind.or(touched) {
            changes.push(Change { path, kind });
        }
        Ok(())
    }

    /// What the image has in an opaque directory and the container no longer.
    fn hidden(&self, lower: &Directory, changes: &mut Vec<Change>) -> io::Result<()> {
        for name in lower.names()? {
            match fs::statat(self.upper, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => {}
                Err(Errno::NOENT) => changes.push(Change {
                    path: self.path.join(name),
                    kind: ChangeKind::Deleted,
                }),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether only the capabilities of a program were changed.
    fn capability_differs(&self, old: &OwnedFd, name: &OsStr, stat: &Stat) -> io::Result<bool> {
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(false);
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let new = fs::openat(self.upper, name, flags, Mode::empty())?;
        Ok(capability(old)? != capability(&new)?)
    }
}

/// Whether metadata says that one is not the other, unchanged. A directory's time says
/// nothing beyond what its listing says.
pub(super) fn differs(old: &Stat, new: &Stat) -> bool {
    let owner_and_kind = |stat: &Stat| (stat.st_mode, stat.st_uid, stat.st_gid, stat.st_rdev);
    let content = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
    owner_and_kind(old) != owner_and_kind(new)
        || (!is_directory(old) && content(old) != content(new))
}

fn capability(node: &OwnedFd) -> io::Result<Option<Vec<u8>>> {
    // A descriptor that only names its file has no attributes; its link in /proc does.
    let path = format!("/proc/self/fd/{}", node.as_raw_fd());
    let mut value = vec![0; 64];
    match fs::getxattr(path, "security.capability", &mut value[..]) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
