//! Makes the contents of a layer from its files, in one walk.
//!
//! After unpacking, not while entries come: an archive may name a path twice, replace a
//! directory by a file, or remove what it made. The files are what is true, they are in
//! the kernel's caches, and there is one way to make contents, whenever they are made.

use std::{
    collections::HashSet,
    ffi::OsStr,
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::{
    fs::{self, AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat},
    io::Errno,
};

use super::{
    super::merged::{is_opaque, is_whiteout},
    writer::Writer,
};
use crate::model::{FileEntry, FileKind};

/// Directories that are held open at once; those above are opened again.
const OPEN: usize = 64;
/// Bytes of the longest path that is looked into. A container can nest directories
/// deeper than any path reaches; what is in those is not listed.
const LONGEST: usize = 3800;

/// Writes the contents of the tree below `root` to a file in `directory`.
pub(in super::super) fn build(root: &OwnedFd, directory: &Path) -> io::Result<()> {
    let mut walk = Walk {
        root,
        writer: Writer::create(directory)?,
        path: Vec::new(),
        levels: Vec::new(),
        linked: HashSet::new(),
    };
    walk.enter(b"", &fs::fstat(root)?, root.try_clone()?)?;
    while let Some(level) = walk.levels.last_mut() {
        match level.names.next() {
            Some(name) => {
                let name = name.to_vec();
                walk.visit(&name)?;
            }
            None => walk.leave()?,
        }
    }
    walk.writer.finish()
}

struct Walk<'a> {
    root: &'a OwnedFd,
    writer: Writer,
    /// Where it is.
    path: Vec<u8>,
    levels: Vec<Level>,
    /// Files with several names that were seen under one.
    linked: HashSet<(u64, u64)>,
}

struct Level {
    /// `None` while it is deep above.
    directory: Option<OwnedFd>,
    names: Names,
    /// Length of the path of the directory above.
    above: usize,
}

impl Walk<'_> {
    fn visit(&mut self, name: &[u8]) -> io::Result<()> {
        let directory = self.directory()?;
        let os_name = OsStr::from_bytes(name);
        let stat = match fs::statat(directory, os_name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // A container removes files while one looks.
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                match fs::openat(directory, os_name, flags, Mode::empty()) {
                    Ok(inside) => self.enter(name, &stat, inside),
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
                    Err(error) => Err(error.into()),
                }
            }
            FileType::Symlink => {
                let target = match fs::readlinkat(directory, os_name, Vec::new()) {
                    Ok(target) => target.into_bytes(),
                    Err(Errno::NOENT | Errno::INVAL) => return Ok(()),
                    Err(error) => return Err(error.into()),
                };
                self.writer.add(&FileEntry {
                    target,
                    ..entry(name, &stat, FileKind::Symlink)
                })
            }
            kind => {
                let is_link = stat.st_nlink > 1 && !self.linked.insert((stat.st_dev, stat.st_ino));
                let kind = match kind {
                    FileType::CharacterDevice if is_whiteout(&stat) => FileKind::Whiteout,
                    FileType::CharacterDevice => FileKind::CharacterDevice,
                    FileType::BlockDevice => FileKind::BlockDevice,
                    FileType::Fifo => FileKind::Fifo,
                    FileType::Socket => FileKind::Socket,
                    _ => FileKind::File,
                };
                self.writer.add(&FileEntry {
                    // Overlayfs gives all whiteouts one inode where it can.
                    is_link: is_link && kind == FileKind::File,
                    ..entry(name, &stat, kind)
                })
            }
        }
    }

    fn enter(&mut self, name: &[u8], stat: &Stat, directory: OwnedFd) -> io::Result<()> {
        self.writer.add(&FileEntry {
            is_opaque: is_opaque(&directory)?,
            ..entry(name, stat, FileKind::Directory)
        })?;
        let above = self.path.len();
        if above > LONGEST {
            return self.writer.leave();
        }
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        if let Some(deep) = self.levels.len().checked_sub(OPEN) {
            self.levels[deep].directory = None;
        }
        self.levels.push(Level {
            names: Names::read(&directory)?,
            directory: Some(directory),
            above,
        });
        Ok(())
    }

    fn leave(&mut self) -> io::Result<()> {
        if let Some(level) = self.levels.pop() {
            self.path.truncate(level.above);
        }
        self.writer.leave()
    }

    fn directory(&mut self) -> io::Result<&OwnedFd> {
        let level = self.levels.last_mut().expect("the walk is in a directory");
        if level.directory.is_none() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            let path = match self.path.as_slice() {
                b"" => OsStr::new("."),
                path => OsStr::from_bytes(path),
            };
            let opened = fs::openat2(self.root, path, flags, Mode::empty(), resolve)?;
            level.directory = Some(opened);
        }
        Ok(level.directory.as_ref().expect("it was opened above"))
    }
}

fn entry(name: &[u8], stat: &Stat, kind: FileKind) -> FileEntry {
    FileEntry {
        name: name.to_vec(),
        kind,
        mode: (stat.st_mode & 0o7777) as u16,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size_bytes: match kind {
            FileKind::File => stat.st_size.unsigned_abs(),
            FileKind::CharacterDevice | FileKind::BlockDevice => stat.st_rdev,
            _ => 0,
        },
        modified: stat.st_mtime,
        modified_ns: stat.st_mtime_nsec as u32,
        target: Vec::new(),
        is_opaque: false,
        is_link: false,
    }
}

/// The names in a directory, ascending, without a piece of memory for each.
struct Names {
    text: Vec<u8>,
    places: std::vec::IntoIter<(u32, u16)>,
}

impl Names {
    fn read(directory: &OwnedFd) -> io::Result<Self> {
        let mut text: Vec<u8> = Vec::new();
        let mut places: Vec<(u32, u16)> = Vec::new();
        for found in Dir::read_from(directory)? {
            let found = found?;
            let name = found.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let at = u32::try_from(text.len())
                .map_err(|_| io::Error::other("a directory with too many entries"))?;
            places.push((at, name.len() as u16));
            text.extend_from_slice(name);
        }
        let name = |&(at, length): &(u32, u16)| &text[at as usize..][..usize::from(length)];
        places.sort_unstable_by(|a, b| name(a).cmp(name(b)));
        Ok(Self {
            text,
            places: places.into_iter(),
        })
    }

    fn next(&mut self) -> Option<&[u8]> {
        let (at, length) = self.places.next()?;
        Some(&self.text[at as usize..][..usize::from(length)])
    }
}
