//! Paths of a container, resolved inside its root and never outside.
//!
//! The kernel resolves (`openat2` with `RESOLVE_IN_ROOT`, Linux 5.6): an absolute
//! symbolic link starts at the root again and `..` stops there, with no window between
//! check and use. What is missing is made one component at a time below descriptors
//! that were resolved so. Nothing here allocates; paths are worked on in a fixed buffer.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, mknodat, openat, openat2,
    readlinkat_raw, statat,
};
use rustix::io::{Errno, Result};

/// What a missing path becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// An empty file, to be mounted upon.
    File,
}

/// As many links as the kernel itself follows in one path.
const MAX_LINKS: usize = 40;

/// Open `path` below `root`, following links inside of it only. Magic links
/// (`/proc/PID/root` and the like), which jump, are refused.
pub fn open(root: impl AsFd, path: &CStr, flags: OFlags) -> Result<OwnedFd> {
    resolve(root, path, flags, ResolveFlags::empty())
}

/// As [`open`], but no component may be a symbolic link.
pub fn open_without_links(root: impl AsFd, path: &CStr, flags: OFlags) -> Result<OwnedFd> {
    resolve(root, path, flags, ResolveFlags::NO_SYMLINKS)
}

fn resolve(root: impl AsFd, path: &CStr, flags: OFlags, resolve: ResolveFlags) -> Result<OwnedFd> {
    let resolve = resolve | ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    // EAGAIN: a rename elsewhere raced with `..`; the kernel wants us to ask again.
    for _ in 0..64 {
        match openat2(
            root.as_fd(),
            path,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            resolve,
        ) {
            Err(Errno::AGAIN) => {}
            result => return result,
        }
    }
    Err(Errno::AGAIN)
}

/// Open `path` below `root` as `O_PATH`; make it, and the directories above it, where
/// missing. A dangling link is followed to where it points inside the root, so that
/// `/etc/resolv.conf -> ../run/resolv.conf` can be mounted upon in a bare image.
pub fn make(root: impl AsFd, path: &CStr, kind: Kind) -> Result<OwnedFd> {
    let root = root.as_fd();
    match open(root, path, OFlags::PATH) {
        Err(Errno::NOENT) => {}
        found => return found,
    }
    let mut path = Buffer::new(path.to_bytes())?;
    for _ in 0..MAX_LINKS {
        if let Some(made) = make_once(root, &mut path, kind)? {
            return Ok(made);
        }
    }
    Err(Errno::LOOP)
}

/// Make the directories above `path` and open the last of them, for a caller who makes
/// the last component (a device, a link) himself.
pub fn make_parent(root: impl AsFd, path: &CStr) -> Result<(OwnedFd, &CStr)> {
    let bytes = path.to_bytes();
    let split = bytes.iter().rposition(|byte| *byte == b'/');
    let start = split.map_or(0, |slash| slash + 1);
    let name =
        CStr::from_bytes_with_nul(&path.to_bytes_with_nul()[start..]).map_err(|_| Errno::INVAL)?;
    if matches!(name.to_bytes(), b"" | b"." | b"..") {
        return Err(Errno::INVAL);
    }
    let mut parent = Buffer::new(&bytes[..split.unwrap_or(0)])?;
    let directory = make(root, parent.as_c_str(), Kind::Directory)?;
    Ok((directory, name))
}

/// Walk the components from the root. Each prefix is resolved anew by the kernel; the
/// first that is missing is made below the descriptor of the prefix before it. `None`
/// where a dangling link was met: `path` then says where it points.
fn make_once(root: impl AsFd, path: &mut Buffer, kind: Kind) -> Result<Option<OwnedFd>> {
    let root = root.as_fd();
    let mut directory = openat(root, c".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let bytes = path.as_bytes();
    let mut end = 0;
    while let Some((start, stop)) = component(bytes, end) {
        end = stop;
        let last = component(bytes, stop).is_none();
        let mut prefix = Buffer::new(&bytes[..stop])?;
        match open(root, prefix.as_c_str(), OFlags::PATH) {
            Ok(found) => {
                directory = found;
                continue;
            }
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
        let mut name = Buffer::new(&bytes[start..stop])?;
        let name = name.as_c_str();
        let made = if last && kind == Kind::File {
            mknodat(&directory, name, FileType::RegularFile, 0o644.into(), 0)
        } else {
            mkdirat(&directory, name, 0o755.into())
        };
        match made {
            Ok(()) => {}
            // It exists and still the prefix does not resolve: a dangling link, or
            // somebody made it just now, and then the next look finds it.
            Err(Errno::EXIST) => {
                *path = link(&directory, name, &bytes[..start], &bytes[stop..])?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        directory = openat(
            &directory,
            name,
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
    }
    Ok(Some(directory))
}

/// The path with its dangling component replaced by where that points.
fn link(directory: &OwnedFd, name: &CStr, before: &[u8], after: &[u8]) -> Result<Buffer> {
    let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let mut next = Buffer::empty();
    if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
        let mut target = [const { std::mem::MaybeUninit::uninit() }; LIMIT];
        let (target, rest) = readlinkat_raw(directory, name, &mut target[..])?;
        if rest.is_empty() {
            return Err(Errno::NAMETOOLONG);
        }
        if target.first() != Some(&b'/') {
            next.push(before)?;
        }
        next.push(target)?;
    } else {
        next.push(before)?;
        next.push(name.to_bytes())?;
    }
    next.push(after)?;
    Ok(next)
}

/// The next component after `from`: where it starts and where it stops.
fn component(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let start = from + bytes[from..].iter().position(|byte| *byte != b'/')?;
    let length = bytes[start..].iter().position(|byte| *byte == b'/');
    Some((start, length.map_or(bytes.len(), |length| start + length)))
}

/// Whether what is behind `fd` is a directory.
pub fn is_directory(fd: impl AsFd) -> Result<bool> {
    Ok(FileType::from_raw_mode(fstat(fd)?.st_mode) == FileType::Directory)
}

const LIMIT: usize = 4096;

/// A path that is being put together, with room for its final zero.
struct Buffer {
    bytes: [u8; LIMIT],
    length: usize,
}

impl Buffer {
    fn empty() -> Self {
        Self {
            bytes: [0; LIMIT],
            length: 0,
        }
    }

    fn new(path: &[u8]) -> Result<Self> {
        let mut buffer = Self::empty();
        buffer.push(path)?;
        Ok(buffer)
    }

    fn push(&mut self, part: &[u8]) -> Result<()> {
        let end = self.length + part.len();
        if end >= LIMIT {
            return Err(Errno::NAMETOOLONG);
        }
        self.bytes[self.length..end].copy_from_slice(part);
        self.length = end;
        Ok(())
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The path, `.` if it is empty.
    fn as_c_str(&mut self) -> &CStr {
        if self.length == 0 {
            return c".";
        }
        self.bytes[self.length] = 0;
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c".")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn root() -> (tempfile::TempDir, OwnedFd) {
        let dir = tempfile::tempdir().expect("temp dir");
        let fd = fs::File::open(dir.path()).expect("open").into();
        (dir, fd)
    }

    #[test]
    fn missing_directories_and_the_file_are_made() {
        let (dir, root) = root();
        make(&root, c"/a/b/c", Kind::File).expect("make");
        assert!(dir.path().join("a/b/c").is_file());
        make(&root, c"a/b/d/", Kind::Directory).expect("make");
        assert!(dir.path().join("a/b/d").is_dir());
    }

    #[test]
    fn absolute_link_stays_inside_the_root() {
        let (dir, root) = root();
        symlink("/outside", dir.path().join("link")).expect("link");
        make(&root, c"link/x", Kind::Directory).expect("make");
        assert!(dir.path().join("outside/x").is_dir());
        assert!(!std::path::Path::new("/outside").exists());
    }

    #[test]
    fn dangling_link_with_dots_stays_inside_the_root() {
        let (dir, root) = root();
        fs::create_dir(dir.path().join("etc")).expect("mkdir");
        symlink(
            "../../../../run/resolv.conf",
            dir.path().join("etc/resolv.conf"),
        )
        .expect("link");
        make(&root, c"etc/resolv.conf", Kind::File).expect("make");
        assert!(dir.path().join("run/resolv.conf").is_file());
    }

    #[test]
    fn link_to_itself_is_an_error() {
        let (dir, root) = root();
        symlink("loop", dir.path().join("loop")).expect("link");
        assert_eq!(make(&root, c"loop/x", Kind::File).err(), Some(Errno::LOOP));
    }

    #[test]
    fn file_in_the_way_is_an_error() {
        let (dir, root) = root();
        fs::write(dir.path().join("file"), "").expect("write");
        assert_eq!(
            make(&root, c"file/x", Kind::Directory).err(),
            Some(Errno::NOTDIR)
        );
    }

    #[test]
    fn parent_of_a_device_is_made() {
        let (dir, root) = root();
        let (_, name) = make_parent(&root, c"/dev/net/tun").expect("make");
        assert_eq!(name, c"tun");
        assert!(dir.path().join("dev/net").is_dir());
        assert!(make_parent(&root, c"dev/..").is_err());
    }
}
