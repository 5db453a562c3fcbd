//! Files to be copied: found below an open directory without ever leaving it, hashed
//! for the cache, written below another.
//!
//! Both sides are hostile: a context may hold links that lead out, an image may hold
//! links where a copy wants directories. So every name is resolved by the kernel with
//! `RESOLVE_IN_ROOT` or `RESOLVE_BENEATH` (openat2(2)), or one by one without following.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{
        self, AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, Uid,
    },
    io::Errno,
};
use sha2::{Digest as _, Sha256};

use super::mode::ModeChange;

/// How files are changed on their way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Owner and group; none keeps them.
    pub owner: Option<(u32, u32)>,
    /// What becomes of the mode of files and directories; none keeps it.
    pub mode: Option<ModeChange>,
    /// No time is later than this, in seconds since 1970.
    pub latest: Option<i64>,
}

/// Whether a path, relative to the tree's root, is left out.
pub type Leave<'a> = &'a dyn Fn(&Path) -> bool;

/// Opens something below a directory that must not lead out of it; links on the way are
/// followed, `O_PATH`.
pub fn open_beneath(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let path = relative(path);
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    Ok(fs::openat2(root, path, flags, Mode::empty(), how)?)
}

/// The same where the directory is a root of its own: absolute links stay inside.
pub fn open_in_root(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    Ok(fs::openat2(root, path, flags, Mode::empty(), how)?)
}

fn relative(path: &Path) -> &Path {
    let path = path.strip_prefix("/").unwrap_or(path);
    match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    }
}

/// Where the link at a path points, if it is one; links above it are followed.
pub fn link(root: BorrowedFd<'_>, path: &Path) -> io::Result<Option<PathBuf>> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let node = match fs::openat2(root, path, flags, Mode::empty(), how) {
        Ok(node) => node,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if kind(&fs::fstat(&node)?) != FileType::Symlink {
        return Ok(None);
    }
    let target = fs::readlinkat(&node, c"", Vec::new())?;
    Ok(Some(OsStr::from_bytes(target.as_bytes()).into()))
}

/// Names in a directory, sorted.
pub fn names(directory: BorrowedFd<'_>) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    let readable = reopen(directory, OFlags::RDONLY | OFlags::DIRECTORY)?;
    for entry in fs::Dir::new(readable)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// A descriptor that only names its file, opened in earnest.
fn reopen(node: BorrowedFd<'_>, flags: OFlags) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", node.as_raw_fd());
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    Ok(fs::open(path, flags, Mode::empty())?)
}

/// Something that a descriptor names, opened to be read; what blocks or acts when it is
/// opened (a FIFO, a device) is refused.
pub fn open_file(node: BorrowedFd<'_>) -> io::Result<File> {
    match kind(&fs::fstat(node)?) {
        FileType::RegularFile => Ok(reopen(node, OFlags::RDONLY)?.into()),
        FileType::Directory => Err(io::ErrorKind::IsADirectory.into()),
        _ => Err(io::Error::other("it is no regular file")),
    }
}

/// A directory that a descriptor names, opened in earnest.
pub fn open_directory(node: BorrowedFd<'_>) -> io::Result<File> {
    Ok(reopen(node, OFlags::RDONLY | OFlags::DIRECTORY)?.into())
}

fn child(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(fs::openat(directory, name, flags, Mode::empty())?)
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Feeds a tree to a hash: names, kinds, modes, owners, attributes and contents, not
/// times. `name` is what it is called; `path` where it lies, for `leave`.
pub fn hash(
    node: BorrowedFd<'_>,
    name: &OsStr,
    path: &Path,
    leave: Leave<'_>,
    change: &Change,
    into: &mut Sha256,
) -> io::Result<()> {
    let stat = fs::fstat(node)?;
    let (uid, gid) = change.owner.unwrap_or((stat.st_uid, stat.st_gid));
    let mode = (stat.st_mode & 0o170_000) | change.mode(stat.st_mode & 0o7777, &stat);
    let mut field = |bytes: &[u8]| {
        into.update((bytes.len() as u64).to_le_bytes());
        into.update(bytes);
    };
    field(name.as_bytes());
    for number in [mode, uid, gid] {
        field(&number.to_le_bytes());
    }
    for (name, value) in attributes(node)? {
        field(&name);
        field(&value);
    }
    match kind(&stat) {
        FileType::RegularFile => {
            field(&(stat.st_size as u64).to_le_bytes());
            let mut file = File::from(reopen(node, OFlags::RDONLY)?);
            let mut buffer = [0; 64 << 10];
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    read => into.update(&buffer[..read]),
                }
            }
        }
        FileType::Symlink => field(fs::readlinkat(node, c"", Vec::new())?.as_bytes()),
        FileType::Directory => {
            for name in names(node)? {
                let path = path.join(&name);
                let inner = child(node, &name)?;
                let is_directory = kind(&fs::fstat(&inner)?) == FileType::Directory;
                if !is_directory && leave(&path) {
                    continue;
                }
                if is_directory && leave(&path) && !keeps_something(inner.as_fd(), &path, leave)? {
                    continue;
                }
                hash(inner.as_fd(), &name, &path, leave, change, into)?;
            }
            into.update(b"end");
        }
        _ => field(&stat.st_rdev.to_le_bytes()),
    }
    Ok(())
}

/// Whether a directory that is left out holds something that isn't.
fn keeps_something(directory: BorrowedFd<'_>, path: &Path, leave: Leave<'_>) -> io::Result<bool> {
    for name in names(directory)? {
        let path = path.join(&name);
        if !leave(&path) {
            return Ok(true);
        }
        let inner = child(directory, &name)?;
        let is_directory = kind(&fs::fstat(&inner)?) == FileType::Directory;
        if is_directory && keeps_something(inner.as_fd(), &path, leave)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Copies trees below a directory.
pub struct Copier<'a> {
    /// What is changed on the way.
    pub change: Change,
    /// What is left out, by paths of the source tree.
    pub leave: Leave<'a>,
    /// Files with several names, by device and inode, and where the first one went.
    links: HashMap<(u64, u64), (OwnedFd, OsString)>,
}

impl<'a> Copier<'a> {
    /// With nothing copied yet.
    pub fn new(change: Change, leave: Leave<'a>) -> Self {
        Self {
            change,
            leave,
            links: HashMap::new(),
        }
    }

    /// Copies what is in a directory into another.
    pub fn contents(
        &mut self,
        from: BorrowedFd<'_>,
        path: &Path,
        to: BorrowedFd<'_>,
    ) -> io::Result<()> {
        for name in names(from)? {
            let inner = child(from, &name)?;
            self.node(inner.as_fd(), &path.join(&name), to, &name)?;
        }
        Ok(())
    }

    /// Copies something into a directory under a name.
    pub fn node(
        &mut self,
        from: BorrowedFd<'_>,
        path: &Path,
        to: BorrowedFd<'_>,
        name: &OsStr,
    ) -> io::Result<()> {
        let stat = fs::fstat(from)?;
        if kind(&stat) == FileType::Directory {
            if (self.leave)(path) && !keeps_something(from, path, self.leave)? {
                return Ok(());
            }
            return self.directory(from, &stat, path, to, name);
        }
        if (self.leave)(path) {
            return Ok(());
        }
        self.remove_other(to, name)?;
        let inode = (stat.st_dev, stat.st_ino);
        if stat.st_nlink > 1
            && let Some((directory, first)) = self.links.get(&inode)
        {
            fs::linkat(directory, first, to, name, AtFlags::empty())?;
            return Ok(());
        }
        match kind(&stat) {
            FileType::RegularFile => self.regular(from, &stat, to, name)?,
            FileType::Symlink => {
                fs::symlinkat(fs::readlinkat(from, c"", Vec::new())?, to, name)?;
            }
            FileType::Socket => return Ok(()),
            other => fs::mknodat(to, name, other, Mode::from(0o600), stat.st_rdev)?,
        }
        if kind(&stat) != FileType::RegularFile {
            self.attributes(from, &stat, to, name)?;
        }
        if stat.st_nlink > 1 {
            let directory = to.try_clone_to_owned()?;
            self.links.insert(inode, (directory, name.to_owned()));
        }
        Ok(())
    }

    /// Copies a file, all through the descriptors that it is read and written by: most of
    /// what is copied are files, and each name that the kernel need not look up counts.
    fn regular(
        &self,
        from: BorrowedFd<'_>,
        stat: &Stat,
        to: BorrowedFd<'_>,
        name: &OsStr,
    ) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let target: File = fs::openat(to, name, flags, Mode::from(0o600))?.into();
        let mut source = File::from(reopen(from, OFlags::RDONLY)?);
        // By copy_file_range(2), which shares what can be shared.
        io::copy(&mut source, &mut &target)?;
        let (uid, gid) = self.change.owner.unwrap_or((stat.st_uid, stat.st_gid));
        fs::fchown(&target, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        // After the owner, whose change takes the upper bits away.
        let mode = self.change.mode(stat.st_mode & 0o7777, stat);
        fs::fchmod(&target, Mode::from_raw_mode(mode))?;
        for (name, value) in attributes(from)? {
            let name = OsStr::from_bytes(&name);
            fs::fsetxattr(&target, name, &value, fs::XattrFlags::empty())?;
        }
        let times = self.change.times(stat.st_mtime, stat.st_mtime_nsec as i64);
        fs::futimens(&target, &times)?;
        Ok(())
    }

    fn directory(
        &mut self,
        from: BorrowedFd<'_>,
        stat: &Stat,
        path: &Path,
        to: BorrowedFd<'_>,
        name: &OsStr,
    ) -> io::Result<()> {
        match fs::mkdirat(to, name, Mode::from(0o700)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let inner = child(to, name)?;
        if kind(&fs::fstat(&inner)?) != FileType::Directory {
            let message = format!("{} is in the way of a directory", name.display());
            return Err(io::Error::new(io::ErrorKind::NotADirectory, message));
        }
        self.contents(from, path, inner.as_fd())?;
        // Last: what is written into it would change its time.
        self.attributes(from, stat, to, name)
    }

    /// Makes room for a file: what is there goes, unless it is a directory.
    fn remove_other(&self, to: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
        match fs::unlinkat(to, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::ISDIR) => {
                let message = format!("the directory {} is in the way", name.display());
                Err(io::Error::new(io::ErrorKind::IsADirectory, message))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn attributes(
        &self,
        from: BorrowedFd<'_>,
        stat: &Stat,
        to: BorrowedFd<'_>,
        name: &OsStr,
    ) -> io::Result<()> {
        let node = child(to, name)?;
        let place = format!("/proc/self/fd/{}", node.as_raw_fd());
        let (uid, gid) = self.change.owner.unwrap_or((stat.st_uid, stat.st_gid));
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        fs::chownat(to, name, Some(uid), Some(gid), flags)?;
        if kind(stat) != FileType::Symlink {
            let mode = self.change.mode(stat.st_mode & 0o7777, stat);
            fs::chmod(&place, Mode::from_raw_mode(mode))?;
            for (name, value) in attributes(from)? {
                let name = OsStr::from_bytes(&name);
                fs::setxattr(&place, name, &value, fs::XattrFlags::empty())?;
            }
        }
        let times = self.change.times(stat.st_mtime, stat.st_mtime_nsec as i64);
        fs::utimensat(to, name, &times, flags)?;
        Ok(())
    }
}

/// Writes a file of root's, in place of what was there.
pub fn write(to: BorrowedFd<'_>, name: &OsStr, content: &[u8], change: &Change) -> io::Result<()> {
    match fs::unlinkat(to, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(fs::openat(to, name, flags, Mode::from(0o600))?);
    io::Write::write_all(&mut file, content)?;
    let (uid, gid) = change.owner.unwrap_or((0, 0));
    fs::fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    let mode = change.mode.as_ref();
    let mode = mode.map_or(0o644, |mode| mode.apply(0o644, false));
    fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    if let Some(latest) = change.latest {
        let times = change.times(latest, 0);
        fs::futimens(&file, &times)?;
    }
    Ok(())
}

/// Whether a descriptor names a directory.
pub fn is_directory(node: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(kind(&fs::fstat(node)?) == FileType::Directory)
}

impl Change {
    fn mode(&self, mode: u32, stat: &Stat) -> u32 {
        let is_directory = kind(stat) == FileType::Directory;
        let change = self.mode.as_ref();
        change.map_or(mode, |change| change.apply(mode, is_directory))
    }

    fn times(&self, seconds: i64, nanoseconds: i64) -> Timestamps {
        let time = match self.latest {
            Some(latest) if seconds >= latest => Timespec {
                tv_sec: latest,
                tv_nsec: 0,
            },
            _ => Timespec {
                tv_sec: seconds,
                tv_nsec: nanoseconds,
            },
        };
        Timestamps {
            last_access: time,
            last_modification: time,
        }
    }
}

/// Makes a directory and those above it that are missing, inside a root; those that are
/// made belong to `owner`. Answers with the directory.
pub fn make_directories(
    root: BorrowedFd<'_>,
    path: &Path,
    owner: (u32, u32),
) -> io::Result<OwnedFd> {
    let mut done = PathBuf::from("/");
    let mut here = open_in_root(root, &done)?;
    for part in path.components() {
        let std::path::Component::Normal(name) = part else {
            continue;
        };
        done.push(name);
        here = match open_in_root(root, &done) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::mkdirat(&here, name, Mode::from(0o755))?;
                let (uid, gid) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
                fs::chownat(&here, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
                child(here.as_fd(), name)?
            }
            Err(error) => return Err(error),
        };
        if kind(&fs::fstat(&here)?) != FileType::Directory {
            let message = format!("{} is no directory", done.display());
            return Err(io::Error::new(io::ErrorKind::NotADirectory, message));
        }
    }
    Ok(here)
}

/// Attributes that go with a file: `user.*` and capabilities. Others are this host's, or
/// a file system's own.
fn attributes(node: BorrowedFd<'_>) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let path = format!("/proc/self/fd/{}", node.as_raw_fd());
    let mut list = vec![0; 4096];
    let length = match fs::listxattr(&path, &mut list[..]) {
        Ok(length) => length,
        Err(Errno::NOTSUP | Errno::NOENT) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut attributes = Vec::new();
    for name in list[..length].split(|byte| *byte == 0) {
        if !name.starts_with(b"user.") && name != b"security.capability" {
            continue;
        }
        if name.starts_with(b"user.overlay.") {
            continue;
        }
        let mut value = vec![0; 64 << 10];
        let length = fs::getxattr(&path, OsStr::from_bytes(name), &mut value[..])?;
        value.truncate(length);
        attributes.push((name.to_vec(), value));
    }
    attributes.sort();
    Ok(attributes)
}
