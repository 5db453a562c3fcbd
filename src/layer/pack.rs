//! Writes a tree as a tar: a container's changes as a layer, its whole root file system,
//! or a directory as it is.
//!
//! Every step opens one name relative to a directory's descriptor and follows no link, so
//! a container that runs meanwhile can't make us read anything else. What vanishes on the
//! way is left out; a file that shrinks is filled up with zeros, because its size stands
//! before its content.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{self, FileType, Mode, OFlags, SeekFrom, Stat},
    io::Errno,
};

use super::{
    entry::Time,
    error::{Error, Result},
    header::{self, Header},
    merged::{self, Directory, Node, is_directory, is_opaque, is_whiteout},
    overlay::Overlay,
};
use crate::sys::open_files;

/// Longest name that any reader of ours takes.
const LONGEST_NAME: usize = 4095;
/// Bytes of holes from which on a file is written as a sparse one. Docker and podman read
/// those, but what they keep of a layer to write it again (tar-split) does not know them,
/// so they can't push such an image: zeros, which pack well, are the lesser evil.
const WORTH_HOLES: u64 = 1 << 30;
/// Where reading and writing in pieces stops paying.
const PIECE: usize = 256 << 10;

/// What the names of a directory mean.
enum View {
    /// The upper directory of an overlay: its marks become those of a layer.
    Changes(OwnedFd),
    /// Stacked layers as one file system.
    Merged(Directory),
    /// Just files.
    Plain(OwnedFd),
}

/// What was packed.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// Entries written.
    pub(super) entries: u64,
    /// Bytes of files, those with several names counted once.
    pub(super) size_bytes: u64,
    /// Whiteouts and opaque marks among the entries.
    pub(super) marks: u64,
    /// Paths from the root that are not in the tar: those that were to be left out, and
    /// what tar has no way to say.
    pub(super) left_out: Vec<PathBuf>,
}

/// Writes what a container changed as a layer. `skip` says which paths, absolute in the
/// container, are left out; no time is later than `latest`, in seconds since 1970.
pub fn pack_changes(
    upper: &Path,
    skip: &dyn Fn(&Path) -> bool,
    latest: Option<i64>,
    out: impl Write,
) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = fs::open(upper, flags, Mode::empty()).map_err(Error::io("open", upper))?;
    pack(View::Changes(directory), Some(skip), latest, out).map(|_| ())
}

/// The same, and what was packed.
pub(super) fn pack_all_changes(
    upper: &Path,
    skip: &dyn Fn(&Path) -> bool,
    out: impl Write,
) -> Result<Packed> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = fs::open(upper, flags, Mode::empty()).map_err(Error::io("open", upper))?;
    pack(View::Changes(directory), Some(skip), None, out)
}

/// Writes all files of stacked layers, with no time later than `latest`, in seconds since
/// 1970.
pub fn pack_merged(overlay: &Overlay, latest: Option<i64>, out: impl Write) -> Result<()> {
    let root = overlay.root().map_err(Error::io("open", &overlay.upper))?;
    pack(View::Merged(root), None, latest, out).map(|_| ())
}

/// Writes what is at `name` in an open directory, a directory with all below it, under
/// another name. An empty name takes the directory's own content without itself.
pub fn pack_entry(parent: &OwnedFd, name: &OsStr, as_name: &[u8], out: impl Write) -> Result<()> {
    let failed = || Error::io("read", Path::new(name));
    let parent = merged::open_directory(parent, OsStr::new(".")).map_err(failed())?;
    let mut packer = Packer::new(None, out);
    let view = View::Plain(parent);
    if let Some(node) = view.lookup(name).map_err(failed())? {
        packer.add(node, as_name.to_vec())?;
    }
    packer.finish().map(|_| ())
}

fn pack(
    root: View,
    skip: Option<&dyn Fn(&Path) -> bool>,
    latest: Option<i64>,
    out: impl Write,
) -> Result<Packed> {
    open_files::raise();
    let mut packer = Packer::new(skip, out);
    packer.latest = latest;
    let (fd, stat) = root.itself().map_err(Error::io("read", "/"))?;
    packer.directory(
        Found {
            fd,
            stat,
            inside: Some(root),
        },
        Vec::new(),
    )?;
    packer.finish()
}

/// A file or a directory that was found by its name.
struct Found {
    /// Only names it, unless it is a directory.
    fd: OwnedFd,
    stat: Stat,
    inside: Option<View>,
}

impl View {
    fn itself(&self) -> io::Result<(OwnedFd, Stat)> {
        let fd = match self {
            Self::Changes(fd) | Self::Plain(fd) => fd.try_clone()?,
            Self::Merged(directory) => directory.top().try_clone()?,
        };
        let stat = fs::fstat(&fd)?;
        Ok((fd, stat))
    }

    fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = match self {
            Self::Changes(fd) | Self::Plain(fd) => merged::names(fd)?,
            Self::Merged(directory) => directory.names()?.into_iter().collect(),
        };
        names.sort();
        Ok(names)
    }

    fn lookup(&self, name: &OsStr) -> io::Result<Option<Found>> {
        let directory = match self {
            Self::Changes(directory) | Self::Plain(directory) => directory,
            Self::Merged(directory) => {
                return Ok(match directory.lookup(name)? {
                    None => None,
                    Some(Node::File(fd, stat)) => Some(Found {
                        fd,
                        stat,
                        inside: None,
                    }),
                    Some(Node::Directory(directory, stat)) => Some(Found {
                        fd: directory.top().try_clone()?,
                        stat,
                        inside: Some(Self::Merged(directory)),
                    }),
                });
            }
        };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match fs::openat(directory, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stat = fs::fstat(&fd)?;
        if !is_directory(&stat) {
            return Ok(Some(Found {
                fd,
                stat,
                inside: None,
            }));
        }
        let fd = merged::open_directory(&fd, OsStr::new("."))?;
        let inside = fd.try_clone()?;
        let inside = Some(match self {
            Self::Changes(_) => Self::Changes(inside),
            _ => Self::Plain(inside),
        });
        Ok(Some(Found { fd, stat, inside }))
    }
}

struct Packer<'a, W> {
    out: W,
    skip: Option<&'a dyn Fn(&Path) -> bool>,
    latest: Option<i64>,
    /// First names of files that have several.
    links: HashMap<(u64, u64), Vec<u8>>,
    packed: Packed,
}

impl<'a, W: Write> Packer<'a, W> {
    fn new(skip: Option<&'a dyn Fn(&Path) -> bool>, out: W) -> Self {
        let links = HashMap::new();
        Self {
            out,
            skip,
            latest: None,
            links,
            packed: Packed::default(),
        }
    }

    fn finish(mut self) -> Result<Packed> {
        header::end(&mut self.out)
            .and_then(|()| self.out.flush())
            .map_err(Error::Sink)?;
        Ok(self.packed)
    }

    fn add(&mut self, found: Found, name: Vec<u8>) -> Result<()> {
        if name.len() > LONGEST_NAME {
            let source = io::Error::from(Errno::NAMETOOLONG);
            return Err(Error::io("write", display(&name))(source));
        }
        match found.inside {
            Some(_) => self.directory(found, name),
            None => self.file(&found, name),
        }
    }

    fn directory(&mut self, found: Found, name: Vec<u8>) -> Result<()> {
        let failed = || Error::io("read", display(&name));
        let mut header = Self::header(&found, b'5', &name)?;
        header.name = match name.is_empty() {
            true => b"./".to_vec(),
            false => [&name[..], b"/"].concat(),
        };
        self.write(&header)?;
        let view = found.inside.expect("only directories come here");
        let prefix = match name.is_empty() {
            true => Vec::new(),
            false => [&name[..], b"/"].concat(),
        };
        if matches!(view, View::Changes(_)) && is_opaque(&found.fd).map_err(failed())? {
            self.mark(&[&prefix[..], b".wh..wh..opq"].concat())?;
        }
        // One descriptor a level is enough.
        drop(found.fd);
        for entry in view.names().map_err(failed())? {
            let inner = [&prefix[..], entry.as_bytes()].concat();
            let is_skipped =
                |skip: &dyn Fn(&Path) -> bool| skip(&Path::new("/").join(display(&inner)));
            if self.skip.is_some_and(is_skipped) {
                self.packed.left_out.push(display(&inner));
                continue;
            }
            let found = match view.lookup(&entry) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("read", display(&inner))(error)),
            };
            if matches!(view, View::Changes(_)) {
                if entry.as_bytes().starts_with(b".wh.") {
                    return Err(Error::MarkName(display(&inner)));
                }
                if is_whiteout(&found.stat) {
                    let mark = [&prefix[..], b".wh.", entry.as_bytes()].concat();
                    self.mark(&mark)?;
                    continue;
                }
            }
            self.add(found, inner)?;
        }
        Ok(())
    }

    fn file(&mut self, found: &Found, name: Vec<u8>) -> Result<()> {
        let stat = &found.stat;
        let inode = (stat.st_dev, stat.st_ino);
        if stat.st_nlink > 1
            && let Some(first) = self.links.get(&inode)
        {
            let mut header = Self::header(found, b'1', &name)?;
            header.link.clone_from(first);
            header.xattrs.clear();
            return self.write(&header);
        }
        let header = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                self.regular(found, &name)?;
                None
            }
            FileType::Symlink => {
                let mut header = Self::header(found, b'2', &name)?;
                let target = fs::readlinkat(&found.fd, c"", Vec::new());
                header.link = target
                    .map_err(Error::io("read", display(&name)))?
                    .into_bytes();
                Some(header)
            }
            FileType::CharacterDevice => Some(Self::header(found, b'3', &name)?),
            FileType::BlockDevice => Some(Self::header(found, b'4', &name)?),
            FileType::Fifo => Some(Self::header(found, b'6', &name)?),
            // A socket is the business of the process behind it: tar has no way to say it.
            _ => {
                self.packed.left_out.push(display(&name));
                return Ok(());
            }
        };
        if let Some(header) = header {
            self.write(&header)?;
        }
        if stat.st_nlink > 1 {
            self.links.insert(inode, name);
        }
        Ok(())
    }

    fn regular(&mut self, found: &Found, name: &[u8]) -> Result<()> {
        let failed = |error: io::Error| Error::io("read", display(name))(error);
        // Through its descriptor, because the name may stand for something else by now.
        let path = format!("/proc/self/fd/{}", found.fd.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file: File = fs::open(path, flags, Mode::empty())
            .map_err(|errno| failed(errno.into()))?
            .into();
        let mut header = Self::header(found, b'0', name)?;
        let size = u64::try_from(found.stat.st_size).unwrap_or(0);
        self.packed.size_bytes += size;
        let is_sparse = size.saturating_sub((found.stat.st_blocks as u64) * 512) >= WORTH_HOLES;
        let pieces = match is_sparse {
            true => pieces(&file, size).map_err(failed)?,
            false => vec![(0, size)],
        };
        if pieces == [(0, size)] || size == 0 {
            header.size = size;
            self.write(&header)?;
            return self
                .content(&file, 0, size, name)
                .and_then(|()| self.pad(size));
        }
        let mut map = format!("{}\n", pieces.len()).into_bytes();
        for (offset, length) in &pieces {
            map.extend_from_slice(format!("{offset}\n{length}\n").as_bytes());
        }
        map.resize(map.len().next_multiple_of(512), 0);
        let data: u64 = pieces.iter().map(|(_, length)| length).sum();
        header.size = map.len() as u64 + data;
        header.sparse_size = Some(size);
        self.write(&header)?;
        self.out.write_all(&map).map_err(Error::Sink)?;
        for (offset, length) in pieces {
            self.content(&file, offset, length, name)?;
        }
        self.pad(header.size)
    }

    fn content(&mut self, file: &File, offset: u64, length: u64, name: &[u8]) -> Result<()> {
        let mut file = file;
        let failed = |error: io::Error| Error::io("read", display(name))(error);
        fs::seek(file, SeekFrom::Start(offset)).map_err(|errno| failed(errno.into()))?;
        let mut buffer = vec![0; PIECE.min(usize::try_from(length).unwrap_or(PIECE))];
        let mut left = length;
        while left > 0 {
            let room = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            let read = match file.read(&mut buffer[..room]) {
                // It shrank.
                Ok(0) => {
                    buffer[..room].fill(0);
                    room
                }
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            self.out.write_all(&buffer[..read]).map_err(Error::Sink)?;
            left -= read as u64;
        }
        Ok(())
    }

    fn mark(&mut self, name: &[u8]) -> Result<()> {
        self.packed.marks += 1;
        self.write(&Header {
            name: name.to_vec(),
            flag: b'0',
            mode: 0o600,
            ..Header::default()
        })
    }

    fn header(found: &Found, flag: u8, name: &[u8]) -> Result<Header> {
        let stat = &found.stat;
        let is_device = matches!(flag, b'3' | b'4');
        Ok(Header {
            name: name.to_vec(),
            flag,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            modified: Time {
                seconds: stat.st_mtime,
                nanoseconds: stat.st_mtime_nsec as u32,
            },
            device: match is_device {
                true => (fs::major(stat.st_rdev), fs::minor(stat.st_rdev)),
                false => (0, 0),
            },
            xattrs: xattrs(&found.fd).map_err(Error::io("read", display(name)))?,
            ..Header::default()
        })
    }

    fn write(&mut self, header: &Header) -> Result<()> {
        let is_later = self
            .latest
            .is_some_and(|latest| header.modified.seconds >= latest);
        let clamped = self.latest.filter(|_| is_later).map(|seconds| Header {
            modified: Time {
                seconds,
                nanoseconds: 0,
            },
            ..header.clone()
        });
        let header = clamped.as_ref().unwrap_or(header);
        self.packed.entries += 1;
        header.write(&mut self.out).map_err(Error::Sink)
    }

    fn pad(&mut self, length: u64) -> Result<()> {
        header::pad(&mut self.out, length).map_err(Error::Sink)
    }
}

/// Where a file has data: offset and length, ascending. A hole at the end is said by an
/// empty piece, as GNU tar does.
fn pieces(file: &File, size: u64) -> io::Result<Vec<(u64, u64)>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < size {
        let start = match fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) => start.min(size),
            // No data from here on.
            Err(Errno::NXIO) => size,
            Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(vec![(0, size)]),
            Err(error) => return Err(error.into()),
        };
        if start == size {
            pieces.push((size, 0));
            break;
        }
        at = fs::seek(file, SeekFrom::Hole(start))?.min(size);
        pieces.push((start, at - start));
    }
    Ok(pieces)
}

/// Attributes that are the file's own: neither overlayfs' nor this host's label.
fn xattrs(node: &OwnedFd) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    // A descriptor that only names its file has no attributes; its link in /proc does.
    let path = format!("/proc/self/fd/{}", node.as_raw_fd());
    let mut list = vec![0_u8; 1024];
    let names = loop {
        match fs::listxattr(&path, &mut list[..]) {
            Ok(length) => break &list[..length],
            Err(Errno::RANGE) => list.resize(list.len() * 4, 0),
            Err(Errno::NOTSUP | Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
    };
    let mut attributes = Vec::new();
    for name in names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let is_foreign = name.starts_with(b"trusted.overlay.")
            || name.starts_with(b"user.overlay.")
            || name == b"security.selinux";
        if is_foreign {
            continue;
        }
        let mut value = vec![0_u8; 1024];
        loop {
            match fs::getxattr(&path, OsStr::from_bytes(name), &mut value[..]) {
                Ok(length) => {
                    value.truncate(length);
                    attributes.push((name.to_vec(), value));
                    break;
                }
                Err(Errno::RANGE) => value.resize(value.len() * 8, 0),
                Err(Errno::NODATA) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    attributes.sort();
    Ok(attributes)
}

/// Gives a file the attributes of another, as far as its file system takes them.
pub fn copy_xattrs(from: &OwnedFd, to: &OwnedFd) -> io::Result<()> {
    for (name, value) in xattrs(from)? {
        match fs::fsetxattr(
            to,
            OsStr::from_bytes(&name),
            &value,
            fs::XattrFlags::empty(),
        ) {
            Ok(()) | Err(Errno::NOTSUP) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

fn display(name: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(name))
}
