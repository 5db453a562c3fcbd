//! Writes a layer's entries below one directory, and nowhere else.
//!
//! The directory of each entry is opened by openat2(2) relative to the layer's root,
//! through no symbolic link and never upwards; everything else then happens to a single
//! component relative to that descriptor. An archive can therefore not reach a file that
//! it did not make, whatever its names and links say.

use std::{
    ffi::{OsStr, OsString},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{self, AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid},
    io::Errno,
    process,
};

use super::{
    entry::{Entry, Kind, Mark, Name, Time},
    error::{Error, Refusal, Result},
    merged::{OPAQUE, is_directory, is_whiteout},
    removal::remove_entry,
};

/// The attribute by which a directory hands on permissions.
const DEFAULT_ACL: &str = "system.posix_acl_default";

/// A layer being written.
pub(super) struct Tree {
    root: OwnedFd,
    /// The directory that was written to last: neighbours in an archive mostly share it.
    parent: Option<(Vec<u8>, OwnedFd)>,
    /// Times of directories, set at the end because making files in them changes them.
    directories: Vec<(Vec<u8>, Timestamps)>,
    /// Whether nothing lies beneath.
    lowest: bool,
    /// Whether it is a directory that was there, not a layer.
    existing: bool,
    /// Marks so far, those that were left out among them.
    pub(super) marks: u64,
    /// What a file has when it is made, before anything is set.
    born: Born,
    /// Entries so far.
    pub(super) entries: u64,
    /// Bytes of file content so far.
    pub(super) size_bytes: u64,
}

/// What the kernel gives a file that we make: what an entry then has already need not be
/// set again, which is two system calls and two changes of an inode less for nearly all.
#[derive(Clone, Copy)]
struct Born {
    /// Owner and group, if no directory hands on its own.
    owner: Option<(u32, u32)>,
    /// Bits of a mode that are never given.
    umask: u32,
}

impl Born {
    /// What files below `root` get.
    fn below(root: &OwnedFd) -> Self {
        let stat = fs::fstat(root);
        // A set-group-id directory hands on its group, a default ACL its permissions.
        let is_plain = stat.is_ok_and(|stat| stat.st_mode & 0o2000 == 0)
            && matches!(
                fs::fgetxattr(root, DEFAULT_ACL, &mut [0_u8; 0]),
                Err(Errno::NODATA | Errno::NOTSUP)
            );
        match umask() {
            Some(umask) if is_plain => Self {
                owner: Some((process::geteuid().as_raw(), process::getegid().as_raw())),
                umask,
            },
            _ => Self::unknown(),
        }
    }

    /// Nothing that could be relied on.
    fn unknown() -> Self {
        Self {
            owner: None,
            umask: 0o7777,
        }
    }

    /// Learns what a directory hands on to those in it.
    fn inherit(&mut self, directory: &Entry) {
        let has_acl = |(name, _): &(Vec<u8>, Vec<u8>)| name == DEFAULT_ACL.as_bytes();
        if directory.mode & 0o2000 != 0 || directory.xattrs.iter().any(has_acl) {
            *self = Self::unknown();
        }
    }

    fn has_owner(self, entry: &Entry) -> bool {
        self.owner == Some((entry.uid, entry.gid))
    }

    /// Whether a file that is made with the entry's mode has it and keeps it.
    fn has_mode(self, entry: &Entry) -> bool {
        self.has_owner(entry) && entry.mode & (0o7000 | self.umask) == 0
    }
}

/// This process' umask. Read, not set and set back: other threads make files too.
fn umask() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/thread-self/status").ok()?;
    let text = status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(text.trim(), 8).ok()
}

/// Where the content of a file comes from.
pub(super) trait Content {
    /// The next piece; `None` at the end.
    fn next(&mut self) -> Result<Option<&[u8]>>;
}

impl Tree {
    /// A layer below `root`, an empty directory opened for reading.
    pub(super) fn new(root: OwnedFd, lowest: bool) -> Result<Self> {
        fs::fchmod(&root, Mode::from_raw_mode(0o755)).map_err(Error::io("make", "/"))?;
        Ok(Self {
            born: Born::below(&root),
            root,
            parent: None,
            directories: Vec::new(),
            lowest,
            existing: false,
            marks: 0,
            entries: 0,
            size_bytes: 0,
        })
    }

    /// A directory that is there, with whatever is in it.
    pub(super) fn into_existing(root: OwnedFd) -> Self {
        Self {
            root,
            parent: None,
            directories: Vec::new(),
            lowest: false,
            existing: true,
            marks: 0,
            born: Born::unknown(),
            entries: 0,
            size_bytes: 0,
        }
    }

    /// Writes one entry.
    pub(super) fn add(&mut self, entry: &Entry, content: &mut dyn Content) -> Result<()> {
        self.entries += 1;
        let name = entry.clean_name()?;
        let Some((directory, last)) = name.split() else {
            return self.describe_root(entry);
        };
        let mark = match self.existing {
            true => Mark::None,
            false => Mark::of(directory, last).map_err(|reason| entry.refused(reason))?,
        };
        self.marks += u64::from(mark != Mark::None);
        if self.lowest && mark != Mark::None {
            return self.ignore(entry, directory);
        }
        let (path, parent) = match self.parent.take() {
            Some((path, parent)) if path == directory => (path, parent),
            _ => (directory.to_vec(), self.directory(entry, directory)?),
        };
        match mark {
            Mark::None => self.write(entry, &name, &parent, last, content)?,
            Mark::Whiteout(removed) => white_out(entry, &parent, removed)?,
            Mark::Opaque => make_opaque(entry, &parent, OsStr::new("."))?,
        }
        // Writing may have replaced a directory, this one's ancestors never.
        self.parent = Some((path, parent));
        Ok(())
    }

    /// A mark in the lowest layer hides nothing. Overlayfs would list it nevertheless, as
    /// a file that can be neither read nor removed: it filters only what it merges.
    fn ignore(&self, entry: &Entry, directory: &[u8]) -> Result<()> {
        match open_below(&self.root, directory, OFlags::PATH) {
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(failure(entry, error)),
        }
    }

    /// Sets what had to wait for the last entry.
    pub(super) fn finish(self) -> Result<()> {
        // Backwards: the last entry of a directory that was named twice counts, and must
        // be set after the others.
        for (path, times) in &self.directories {
            let failed = || Error::io("set the times of", display(path));
            match open_below(&self.root, path, OFlags::RDONLY) {
                Ok(directory) => fs::futimens(&directory, times).map_err(failed())?,
                // Replaced by something else later in the archive.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(failed()(error)),
            }
        }
        Ok(())
    }

    fn write(
        &mut self,
        entry: &Entry,
        name: &Name,
        parent: &OwnedFd,
        last: &OsStr,
        content: &mut dyn Content,
    ) -> Result<()> {
        let failed = || Error::io("write", display(&entry.name));
        if self.existing {
            keep_kind(entry, parent, last)?;
        }
        match &entry.kind {
            Kind::Directory => {
                make_directory(entry, parent, last)?;
                let directory = open_below(parent, last.as_bytes(), OFlags::RDONLY);
                describe(&directory.map_err(failed())?, entry, Born::unknown())?;
                self.born.inherit(entry);
                self.directories
                    .push((name.as_bytes().to_vec(), timestamps(entry)));
            }
            Kind::File { size, pieces } => {
                let flags = OFlags::WRONLY
                    | OFlags::CREATE
                    | OFlags::EXCL
                    | OFlags::NOFOLLOW
                    | OFlags::CLOEXEC;
                // With all of its mode where that is safe: nobody but root gets at a layer
                // before it is in its place.
                let mode = match self.born.has_mode(entry) {
                    true => entry.mode,
                    false => 0o600,
                };
                let file = self.replacing(entry, parent, last, || {
                    fs::openat(parent, last, flags, Mode::from_raw_mode(mode))
                })?;
                self.size_bytes += write_content(&file, entry, *size, pieces.as_deref(), content)?;
                describe(&file, entry, self.born)?;
                fs::futimens(&file, &timestamps(entry)).map_err(failed())?;
            }
            Kind::HardLink(target) => self.link(entry, target, parent, last)?,
            Kind::Symlink(target) => {
                if target.is_empty() || target.contains(&0) || target.len() > 4095 {
                    return Err(entry.refused(Refusal::Name));
                }
                let target = OsStr::from_bytes(target);
                self.replacing(entry, parent, last, || fs::symlinkat(target, parent, last))?;
                describe_at(parent, last, entry, self.born)?;
            }
            Kind::CharacterDevice { major: 0, minor: 0 } => {
                let (major, minor) = (0, 0);
                return Err(entry.refused(Refusal::Device { major, minor }));
            }
            Kind::CharacterDevice { major, minor } => {
                self.node(
                    entry,
                    parent,
                    last,
                    FileType::CharacterDevice,
                    (*major, *minor),
                )?;
            }
            Kind::BlockDevice { major, minor } => {
                self.node(entry, parent, last, FileType::BlockDevice, (*major, *minor))?;
            }
            Kind::Fifo => self.node(entry, parent, last, FileType::Fifo, (0, 0))?,
        }
        Ok(())
    }

    /// A name may come twice; the later entry stands, as when tar(1) extracts.
    fn replacing<T>(
        &mut self,
        entry: &Entry,
        parent: &OwnedFd,
        last: &OsStr,
        make: impl Fn() -> rustix::io::Result<T>,
    ) -> Result<T> {
        match make() {
            Err(Errno::EXIST) => {
                remove_entry(parent, last).map_err(Error::io("replace", display(&entry.name)))?;
                make().map_err(|error| failure(entry, error))
            }
            result => result.map_err(|error| failure(entry, error)),
        }
    }

    fn link(&mut self, entry: &Entry, target: &[u8], parent: &OwnedFd, last: &OsStr) -> Result<()> {
        let bad_target = || {
            let target = String::from_utf8_lossy(target).into_owned();
            entry.refused(Refusal::LinkTarget(target))
        };
        let name = Name::new(target).map_err(|_| bad_target())?;
        let (directory, target_last) = name.split().ok_or_else(bad_target)?;
        let target_parent =
            open_below(&self.root, directory, OFlags::PATH).map_err(|error| match error {
                Errno::NOENT | Errno::NOTDIR | Errno::LOOP => bad_target(),
                error => failure(entry, error),
            })?;
        match fs::statat(&target_parent, target_last, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if is_directory(&stat) || is_whiteout(&stat) => return Err(bad_target()),
            Ok(_) => {}
            Err(Errno::NOENT) => return Err(bad_target()),
            Err(error) => return Err(failure(entry, error)),
        }
        let own = entry.clean_name()?;
        if own == name {
            return Ok(());
        }
        // Its target would go with the directory that it takes the place of.
        let below = name.as_bytes().strip_prefix(own.as_bytes());
        if below.is_some_and(|rest| rest.starts_with(b"/")) {
            return Err(bad_target());
        }
        self.replacing(entry, parent, last, || {
            fs::linkat(&target_parent, target_last, parent, last, AtFlags::empty())
        })
    }

    fn node(
        &mut self,
        entry: &Entry,
        parent: &OwnedFd,
        last: &OsStr,
        kind: FileType,
        (major, minor): (u32, u32),
    ) -> Result<()> {
        let device = fs::makedev(major, minor);
        self.replacing(entry, parent, last, || {
            fs::mknodat(parent, last, kind, Mode::from_raw_mode(0o600), device)
        })?;
        describe_at(parent, last, entry, self.born)?;
        let mode = Mode::from_raw_mode(entry.mode);
        fs::chmodat(parent, last, mode, AtFlags::empty()).map_err(|error| failure(entry, error))
    }

    fn describe_root(&mut self, entry: &Entry) -> Result<()> {
        if entry.kind != Kind::Directory {
            return Err(entry.refused(Refusal::Name));
        }
        // Its owner made it so, and only what is in it is copied.
        if self.existing {
            return Ok(());
        }
        describe(&self.root, entry, Born::unknown())?;
        self.born.inherit(entry);
        self.directories.push((Vec::new(), timestamps(entry)));
        Ok(())
    }

    /// Opens the directory of an entry, and makes it where the archive left it out.
    fn directory(&self, entry: &Entry, path: &[u8]) -> Result<OwnedFd> {
        match open_below(&self.root, path, OFlags::RDONLY) {
            Ok(directory) => return Ok(directory),
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(error) => return Err(failure(entry, error)),
        }
        let mut here = open_below(&self.root, b"", OFlags::RDONLY);
        for component in path.split(|byte| *byte == b'/') {
            let parent = here.map_err(|error| failure(entry, error))?;
            here = match open_below(&parent, component, OFlags::RDONLY) {
                Err(Errno::NOENT) => {
                    make_directory(entry, &parent, OsStr::from_bytes(component))?;
                    open_below(&parent, component, OFlags::RDONLY)
                }
                Err(Errno::NOTDIR) => {
                    let name = OsStr::from_bytes(component);
                    let stat = fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)
                        .map_err(|error| failure(entry, error))?;
                    if !is_whiteout(&stat) {
                        return Err(entry.refused(Refusal::NotADirectory));
                    }
                    make_directory(entry, &parent, name)?;
                    open_below(&parent, component, OFlags::RDONLY)
                }
                result => result,
            };
        }
        here.map_err(|error| failure(entry, error))
    }
}

/// Refuses what would put a file in a directory's place, with all that is in it, or the
/// other way round.
fn keep_kind(entry: &Entry, parent: &OwnedFd, name: &OsStr) -> Result<()> {
    match fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if is_directory(&stat) != (entry.kind == Kind::Directory) => {
            Err(entry.refused(Refusal::OtherKind))
        }
        Ok(_) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(failure(entry, error)),
    }
}

/// Makes a directory, unless it is there. One that takes the place of a whiteout of this
/// layer hides what the layers below have there.
fn make_directory(entry: &Entry, parent: &OwnedFd, name: &OsStr) -> Result<()> {
    let failed = |error| failure(entry, error);
    let make = || {
        fs::mkdirat(parent, name, Mode::RWXU)?;
        // Not left to the umask.
        fs::chmodat(parent, name, Mode::from_raw_mode(0o755), AtFlags::empty())
    };
    match make() {
        Err(Errno::EXIST) => {}
        result => return result.map_err(failed),
    }
    let stat = fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
    if is_directory(&stat) {
        return Ok(());
    }
    fs::unlinkat(parent, name, AtFlags::empty()).map_err(failed)?;
    make().map_err(failed)?;
    if is_whiteout(&stat) {
        make_opaque(entry, parent, name)?;
    }
    Ok(())
}

/// Marks a file of the layers below as removed. What this layer itself has under that
/// name stays, whatever the order of entries.
fn white_out(entry: &Entry, parent: &OwnedFd, name: &OsStr) -> Result<()> {
    match fs::mknodat(parent, name, FileType::CharacterDevice, Mode::empty(), 0) {
        Err(Errno::EXIST) => {}
        result => return result.map_err(|error| failure(entry, error)),
    }
    let stat = fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| failure(entry, error))?;
    if is_directory(&stat) {
        make_opaque(entry, parent, name)?;
    }
    Ok(())
}

fn make_opaque(entry: &Entry, parent: &OwnedFd, name: &OsStr) -> Result<()> {
    let directory = open_below(parent, name.as_bytes(), OFlags::RDONLY);
    directory
        .and_then(|directory| fs::fsetxattr(&directory, OPAQUE, b"y", fs::XattrFlags::empty()))
        .map_err(|error| failure(entry, error))
}

/// Writes the content, leaving holes where the archive has them; the bytes written.
fn write_content(
    file: &OwnedFd,
    entry: &Entry,
    size: u64,
    pieces: Option<&[(u64, u64)]>,
    content: &mut dyn Content,
) -> Result<u64> {
    let failed = |error| failure(entry, error);
    let whole = [(0, size)];
    let mut written = 0;
    let mut regions = pieces.unwrap_or(&whole).iter().copied();
    let (mut offset, mut left) = regions.next().unwrap_or_default();
    while let Some(mut piece) = content.next()? {
        while !piece.is_empty() {
            while left == 0 {
                (offset, left) = regions
                    .next()
                    .ok_or_else(|| entry.refused(Refusal::Sparse))?;
            }
            let length = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            let done = match rustix::io::pwrite(file, &piece[..length], offset) {
                Ok(0) => return Err(failed(Errno::IO)),
                Ok(done) => done,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(failed(error)),
            };
            piece = &piece[done..];
            offset += done as u64;
            left -= done as u64;
            written += done as u64;
        }
    }
    if pieces.is_some() {
        fs::ftruncate(file, size).map_err(failed)?;
    }
    Ok(written)
}

/// Sets owner, mode and attributes, in this order: a change of owner takes away
/// set-user-id bits and file capabilities.
fn describe(file: &OwnedFd, entry: &Entry, born: Born) -> Result<()> {
    let failed = |error| failure(entry, error);
    if !born.has_owner(entry) {
        let (uid, gid) = owner(entry);
        fs::fchown(file, uid, gid).map_err(failed)?;
    }
    if !born.has_mode(entry) {
        fs::fchmod(file, Mode::from_raw_mode(entry.mode)).map_err(failed)?;
    }
    for (name, value) in &entry.xattrs {
        let name = OsStr::from_bytes(name);
        accept(fs::fsetxattr(file, name, value, fs::XattrFlags::empty())).map_err(failed)?;
    }
    Ok(())
}

/// The same for what must not be opened; the mode of a symbolic link can't be set.
fn describe_at(parent: &OwnedFd, name: &OsStr, entry: &Entry, born: Born) -> Result<()> {
    let failed = |error| failure(entry, error);
    if !born.has_owner(entry) {
        let (uid, gid) = owner(entry);
        fs::chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
    }
    for (attribute, value) in &entry.xattrs {
        let attribute = OsStr::from_bytes(attribute);
        let mut path = OsString::from(format!("/proc/self/fd/{}/", parent.as_raw_fd()));
        path.push(name);
        let flags = fs::XattrFlags::empty();
        accept(fs::lsetxattr(path.as_os_str(), attribute, value, flags)).map_err(failed)?;
    }
    let times = timestamps(entry);
    fs::utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)
}

/// Attributes that this file system does not have, or that this kind of file can't have,
/// are left out, as by tar(1) and docker.
fn accept(result: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match result {
        Err(Errno::NOTSUP | Errno::PERM) => Ok(()),
        result => result,
    }
}

fn owner(entry: &Entry) -> (Option<Uid>, Option<Gid>) {
    (
        Some(Uid::from_raw(entry.uid)),
        Some(Gid::from_raw(entry.gid)),
    )
}

fn timestamps(entry: &Entry) -> Timestamps {
    let spec = |time: Time| Timespec {
        tv_sec: time.seconds,
        tv_nsec: time.nanoseconds.into(),
    };
    Timestamps {
        last_access: spec(entry.accessed.unwrap_or(entry.modified)),
        last_modification: spec(entry.modified),
    }
}

/// Opens a directory below `root`: never upwards, through no link of any kind.
fn open_below(root: &OwnedFd, path: &[u8], access: OFlags) -> rustix::io::Result<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    // Without O_NOFOLLOW, with which a link at the end would be ENOTDIR, not ELOOP.
    let flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    fs::openat2(root, OsStr::from_bytes(path), flags, Mode::empty(), resolve)
}

/// What a system call's failure on an entry means: the archive's fault or this machine's.
fn failure(entry: &Entry, error: Errno) -> Error {
    match error {
        Errno::LOOP => entry.refused(Refusal::ThroughSymlink),
        Errno::NOTDIR => entry.refused(Refusal::NotADirectory),
        Errno::NAMETOOLONG => entry.refused(Refusal::Name),
        Errno::FBIG => entry.refused(Refusal::Number("size")),
        error => Error::io("write", display(&entry.name))(error),
    }
}

fn display(name: &[u8]) -> PathBuf {
    Path::new(&OsString::from_vec(name.to_vec())).into()
}
