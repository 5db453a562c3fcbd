//! The merged view of stacked layers, as overlayfs would show it, without mounting.
//!
//! Every step opens a single name relative to a directory descriptor and follows no
//! symbolic link, so whatever a container does to its files meanwhile, nothing outside
//! the layers is ever reached.

use std::{
    collections::BTreeSet,
    ffi::{CString, OsStr, OsString},
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags, Stat};

/// Overlayfs' mark of a directory that hides the ones below it.
pub(super) const OPAQUE: &str = "trusted.overlay.opaque";

/// One directory of the merged view.
pub(super) struct Directory {
    /// That directory in each layer that has it and isn't hidden, topmost first.
    layers: Vec<OwnedFd>,
}

/// What a name stands for in the merged view.
pub(super) enum Node {
    /// A directory, with the metadata of its topmost part.
    Directory(Directory, Stat),
    /// Anything else: a descriptor that only names it, and its metadata.
    File(OwnedFd, Stat),
}

impl Directory {
    /// The root directory of the layers at `paths`, topmost first.
    pub(super) fn root<'a>(paths: impl Iterator<Item = &'a Path>) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let layers = paths
            .map(|path| Ok(fs::open(path, flags, Mode::empty())?))
            .collect::<io::Result<_>>()?;
        Ok(Self { layers })
    }

    /// Whether it is the same directory of the same layers.
    pub(super) fn is_same(&self, other: &Self) -> io::Result<bool> {
        if self.layers.len() != other.layers.len() {
            return Ok(false);
        }
        for (ours, theirs) in self.layers.iter().zip(&other.layers) {
            let (ours, theirs) = (fs::fstat(ours)?, fs::fstat(theirs)?);
            if (ours.st_dev, ours.st_ino) != (theirs.st_dev, theirs.st_ino) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The topmost part of it, whose metadata are its own.
    pub(super) fn top(&self) -> &OwnedFd {
        &self.layers[0]
    }

    /// What `name`, a single component, stands for.
    pub(super) fn lookup(&self, name: &OsStr) -> io::Result<Option<Node>> {
        let mut found: Option<(Self, Stat)> = None;
        for layer in &self.layers {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let node = match fs::openat(layer, name, flags, Mode::empty()) {
                Ok(node) => node,
                Err(rustix::io::Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            };
            let stat = fs::fstat(&node)?;
            if is_whiteout(&stat) {
                break;
            }
            if !is_directory(&stat) {
                if found.is_none() {
                    return Ok(Some(Node::File(node, stat)));
                }
                break;
            }
            let directory = open_directory(&node, OsStr::new("."))?;
            let opaque = is_opaque(&directory)?;
            match &mut found {
                Some((above, _)) => above.layers.push(directory),
                None => {
                    let layers = vec![directory];
                    found = Some((Self { layers }, stat));
                }
            }
            if opaque {
                break;
            }
        }
        Ok(found.map(|(directory, stat)| Node::Directory(directory, stat)))
    }

    /// The names in it, whiteouts applied.
    pub(super) fn names(&self) -> io::Result<BTreeSet<OsString>> {
        let mut shown = BTreeSet::new();
        let mut hidden = BTreeSet::new();
        for layer in &self.layers {
            let mut hidden_here = Vec::new();
            for name in names(layer)? {
                if hidden.contains(&name) || shown.contains(&name) {
                    continue;
                }
                match fs::statat(layer, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) if is_whiteout(&stat) => hidden_here.push(name),
                    Ok(_) => {
                        shown.insert(name);
                    }
                    Err(rustix::io::Errno::NOENT) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            hidden.extend(hidden_here);
        }
        Ok(shown)
    }
}

/// Opens the directory `name` below `parent`, following no link.
pub(super) fn open_directory(parent: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(fs::openat(parent, name, flags, Mode::empty())?)
}

/// The names in one directory, without `.` and `..`.
pub(super) fn names(directory: &OwnedFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name: CString = entry?.file_name().to_owned();
        if !matches!(name.as_bytes(), b"." | b"..") {
            names.push(OsStr::from_bytes(name.as_bytes()).to_owned());
        }
    }
    Ok(names)
}

/// Whether overlayfs takes it for the mark of a removed file.
pub(super) fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

/// Whether it is a directory.
pub(super) fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Whether a directory hides what lies below it.
pub(super) fn is_opaque(directory: &OwnedFd) -> io::Result<bool> {
    let mut value = [0_u8; 4];
    match fs::fgetxattr(directory, OPAQUE, &mut value[..]) {
        Ok(length) => Ok(&value[..length] == b"y"),
        // Without CAP_SYS_ADMIN the kernel hides the whole `trusted` namespace; a value
        // that is longer than ours is not "y".
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::NOTSUP | rustix::io::Errno::RANGE) => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}
