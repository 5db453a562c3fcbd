//! A container's root file system as data: which layers, in which order. The runtime
//! mounts it; looking a file up needs no mount.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{DirBuilder, File, FileTimes, Permissions},
    io,
    os::{
        fd::AsRawFd,
        unix::{
            ffi::OsStringExt,
            fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
        },
    },
    path::{Component, Path, PathBuf},
};

use rustix::fs::{self, FileType, Mode, OFlags};

use super::merged::{Directory, Node};

/// As many links as the kernel follows before it says ELOOP.
const MOST_LINKS: usize = 40;

/// The layers of one overlayfs mount.
///
/// Whoever mounts it should say `redirect_dir=off,metacopy=off,index=off`, whatever the
/// kernel's defaults are: [`super::changes`] and the lookups here read the upper
/// directory as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// Read-only layers, topmost first.
    pub lower: Vec<PathBuf>,
    /// The writable layer.
    pub upper: PathBuf,
    /// Scratch directory of overlayfs, on the same file system as `upper`.
    pub work: PathBuf,
    /// What is written is thrown away with the container: it need not reach the disk.
    pub is_volatile: bool,
}

/// What lies beneath a writable layer that stands on no other: overlayfs wants something.
pub(super) const BOTTOM: &str = "bottom";

/// Makes a writable layer in `directory`: `upper` and `work`. Its own mode, owner and time
/// are what is seen at `/`, so they are those of the layer beneath, `top`; without one an
/// empty directory lies there.
pub fn make_writable(directory: &Path, top: Option<&Path>) -> io::Result<()> {
    let (upper, work) = (directory.join("upper"), directory.join("work"));
    DirBuilder::new().mode(0o755).create(&upper)?;
    DirBuilder::new().mode(0o700).create(&work)?;
    let Some(top) = top else {
        return std::fs::create_dir(directory.join(BOTTOM));
    };
    let below = std::fs::metadata(top)?;
    if (below.uid(), below.gid()) != (0, 0) {
        chown(&upper, Some(below.uid()), Some(below.gid()))?;
    }
    if below.mode() & 0o7777 != 0o755 {
        std::fs::set_permissions(&upper, Permissions::from_mode(below.mode() & 0o7777))?;
    }
    let times = FileTimes::new().set_modified(below.modified()?);
    File::open(&upper)?.set_times(times)
}

impl Overlay {
    /// Opens the regular file at `path`, seen from the container's root; `None` if there
    /// is none. Symbolic links, even absolute ones, are resolved inside the container.
    ///
    /// Only regular files are opened: opening a device or a FIFO that a container put
    /// there could act or hang.
    pub fn find(&self, path: &str) -> io::Result<Option<File>> {
        let mut trail = vec![self.root()?];
        let mut rest = VecDeque::new();
        prepend(&mut rest, Path::new(path));
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                // Like the kernel's, our root is its own parent.
                if trail.len() > 1 {
                    trail.pop();
                }
                continue;
            }
            let here = trail.last().expect("the root is never popped");
            let (node, stat) = match here.lookup(&name)? {
                None => return Ok(None),
                Some(Node::Directory(directory, _)) => {
                    trail.push(directory);
                    continue;
                }
                Some(Node::File(node, stat)) => (node, stat),
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(rustix::io::Errno::LOOP.into());
                    }
                    let target = fs::readlinkat(&node, c"", Vec::new())?.into_bytes();
                    let target = PathBuf::from(OsString::from_vec(target));
                    if target.has_root() {
                        trail.truncate(1);
                    }
                    prepend(&mut rest, &target);
                }
                FileType::RegularFile if rest.is_empty() => {
                    // Through its descriptor, because the name may stand for something
                    // else by now.
                    let path = format!("/proc/self/fd/{}", node.as_raw_fd());
                    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
                    return Ok(Some(fs::open(path, flags, Mode::empty())?.into()));
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    pub(super) fn root(&self) -> io::Result<Directory> {
        let upper = self.upper.exists().then_some(&self.upper);
        Directory::root(upper.into_iter().chain(&self.lower).map(PathBuf::as_path))
    }
}

fn prepend(rest: &mut VecDeque<OsString>, path: &Path) {
    for component in path.components().rev() {
        match component {
            Component::Normal(name) => rest.push_front(name.to_owned()),
            Component::ParentDir => rest.push_front("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        os::unix::fs::symlink,
        path::{Path, PathBuf},
    };

    use super::*;

    struct Stack {
        _dir: tempfile::TempDir,
        overlay: Overlay,
    }

    fn stack() -> Stack {
        let dir = tempfile::tempdir().unwrap();
        let layer = |name: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir(&path).unwrap();
            path
        };
        let overlay = Overlay {
            lower: vec![layer("high"), layer("low")],
            upper: layer("upper"),
            work: layer("work"),
            is_volatile: false,
        };
        Stack { _dir: dir, overlay }
    }

    fn write(layer: &Path, name: &str, text: &str) {
        let path = layer.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(overlay: &Overlay, path: &str) -> Option<String> {
        let mut text = String::new();
        overlay
            .find(path)
            .unwrap()?
            .read_to_string(&mut text)
            .unwrap();
        Some(text)
    }

    fn whiteout(path: PathBuf) {
        fs::mknodat(fs::CWD, path, FileType::CharacterDevice, Mode::empty(), 0).unwrap();
    }

    #[test]
    fn topmost_layer_that_has_the_file_wins() {
        let Stack { overlay, .. } = &stack();
        write(&overlay.lower[1], "etc/passwd", "low");
        assert_eq!(read(overlay, "etc/passwd").as_deref(), Some("low"));
        write(&overlay.lower[0], "etc/passwd", "high");
        assert_eq!(read(overlay, "/etc/passwd").as_deref(), Some("high"));
        write(&overlay.upper, "etc/passwd", "upper");
        assert_eq!(read(overlay, "etc//passwd").as_deref(), Some("upper"));
        assert_eq!(read(overlay, "etc/group"), None);
        assert_eq!(read(overlay, "etc"), None);
        assert_eq!(read(overlay, "etc/passwd/x"), None);
    }

    #[test]
    fn links_are_resolved_in_the_merged_view_and_never_leave_it() {
        let Stack { overlay, .. } = &stack();
        write(&overlay.lower[1], "usr/lib/passwd", "found");
        std::fs::create_dir(overlay.lower[0].join("etc")).unwrap();
        symlink("/usr/lib/passwd", overlay.lower[0].join("etc/passwd")).unwrap();
        symlink("../../../../etc", overlay.upper.join("config")).unwrap();
        symlink("loop", overlay.upper.join("loop")).unwrap();
        assert_eq!(read(overlay, "etc/passwd").as_deref(), Some("found"));
        assert_eq!(read(overlay, "config/passwd").as_deref(), Some("found"));
        assert_eq!(read(overlay, "config/hostname"), None);
        assert!(overlay.find("loop").is_err());
    }

    #[test]
    fn whiteouts_hide_what_is_below() {
        let Stack { overlay, .. } = &stack();
        write(&overlay.lower[1], "etc/passwd", "low");
        write(&overlay.lower[1], "opt/a/b", "low");
        std::fs::create_dir(overlay.upper.join("etc")).unwrap();
        whiteout(overlay.upper.join("etc/passwd"));
        whiteout(overlay.lower[0].join("opt"));
        assert_eq!(read(overlay, "etc/passwd"), None);
        assert_eq!(read(overlay, "opt/a/b"), None);
    }
}
