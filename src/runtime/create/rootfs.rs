//! The root file system: mounted by the parent, seen by nobody but the container.

use std::os::fd::{AsFd, OwnedFd};

use oci_spec::runtime::Spec;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{
    MountPropagationFlags, MoveMountFlags, UnmountFlags, mount_change, move_mount, unmount,
};
use rustix::process::{chdir, chroot, fchdir, pivot_root};

use crate::sys::beneath::{self, Kind};
use crate::sys::mount::{Attributes, clone_tree, set_attributes};

use super::error::{At, Error, Failure, Result, Stage, Trying};
use super::mounts::{FileSystem, c_path, read_only};
use super::{Rootfs, devices, overlay};

/// The root of a container that is about to be made.
#[derive(Debug)]
pub(super) struct Root {
    /// Detached until the child attaches it.
    pub tree: OwnedFd,
    pub read_only: bool,
    /// `linux.rootfsPropagation`, and whether it says so for all below.
    propagation: Option<(u64, bool)>,
}

/// Masks and read-only paths.
#[derive(Debug)]
pub(super) struct Covers {
    pub masked: Vec<std::ffi::CString>,
    pub read_only: Vec<std::ffi::CString>,
    empty: FileSystem,
}

impl Root {
    /// Mount it, or clone the mount of a directory.
    pub fn open(spec: &Spec, rootfs: &Rootfs) -> Result<Self> {
        let tree = match rootfs {
            Rootfs::Overlay(overlay) => overlay::mount_detached(overlay)?,
            Rootfs::Directory(path) => {
                let tree = clone_tree(CWD, &c_path(path)?, true)
                    .trying(|| format!("open the root file system {}", path.display()))?;
                if !beneath::is_directory(&tree).trying(|| "look at the root".to_owned())? {
                    let reason = format!("{} is not a directory", path.display());
                    return Err(Error::invalid("root.path", reason));
                }
                tree
            }
        };
        let root = spec.root().as_ref();
        Ok(Self {
            tree,
            read_only: root.and_then(|root| root.readonly()).unwrap_or(false),
            propagation: propagation(spec)?,
        })
    }

    /// The propagation of the container's copies of the host's mounts: what is mounted in
    /// the container shows on the host only where the specification says `shared`.
    pub fn base(&self) -> u64 {
        match self.propagation {
            Some((libc::MS_SHARED, _)) => libc::MS_SHARED,
            Some((libc::MS_PRIVATE | libc::MS_UNBINDABLE, _)) => libc::MS_PRIVATE,
            _ => libc::MS_SLAVE,
        }
    }

    /// Child: put the root on top of `/` of its mount namespace. Our own `/` stays what
    /// it was, below: paths of the host still resolve, until [`Self::enter`].
    pub fn attach(&self) -> std::result::Result<(), Failure> {
        let recursive = MountPropagationFlags::REC;
        let base = match self.base() {
            libc::MS_SHARED => MountPropagationFlags::SHARED,
            libc::MS_PRIVATE => MountPropagationFlags::PRIVATE,
            _ => MountPropagationFlags::DOWNSTREAM,
        };
        mount_change(c"/", base | recursive).at(Stage::Propagation)?;
        if self.base() == libc::MS_SHARED {
            // What we put on a shared mount would be put on the host's too, and
            // pivot_root refuses a shared parent.
            mount_change(c"/", MountPropagationFlags::PRIVATE).at(Stage::Propagation)?;
        } else {
            // The root's own clone came from the host's side and is its peer still.
            self.set_propagation(self.base(), true)
                .at(Stage::Propagation)?;
        }
        move_mount(
            &self.tree,
            c"",
            CWD,
            c"/",
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
        )
        .at(Stage::AttachRoot)
    }

    /// Child: make the root our `/` and let go of the host's tree.
    ///
    /// pivot_root(".", ".") stacks the old root on the new one, from where it is taken
    /// off (pivot_root(2), NOTES). It refuses the initial ramfs, which can't be moved:
    /// there we chroot. That holds, since the new root lies on top of the old `/` itself:
    /// whoever climbs out of it by `..` comes back to it; only mounts of procfs and
    /// sysfs of the host must go, which would let a user namespace mount its own.
    pub fn enter(&self) -> std::result::Result<(), Failure> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let old = openat(CWD, c"/", flags, Mode::empty()).at(Stage::Pivot)?;
        fchdir(&self.tree).at(Stage::Pivot)?;
        match pivot_root(c".", c".") {
            Ok(()) => {
                // Unmounting must not reach the host, whatever the propagation is.
                let quiet = Attributes {
                    propagation: libc::MS_SLAVE,
                    ..Attributes::default()
                };
                set_attributes(&old, true, quiet).at(Stage::Pivot)?;
                unmount(c".", UnmountFlags::DETACH).at(Stage::Pivot)?;
            }
            Err(Errno::INVAL) => {
                for path in [c"/proc", c"/sys"] {
                    match unmount(path, UnmountFlags::DETACH) {
                        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => {}
                        Err(errno) => return Err(errno).at(Stage::Pivot),
                    }
                }
                chroot(c".").at(Stage::Pivot)?;
            }
            Err(errno) => return Err(errno).at(Stage::Pivot),
        }
        chdir(c"/").at(Stage::Pivot)?;
        match self.propagation {
            Some((propagation, recursive)) => self
                .set_propagation(propagation, recursive)
                .at(Stage::RootPropagation),
            None => Ok(()),
        }
    }

    fn set_propagation(&self, propagation: u64, recursive: bool) -> rustix::io::Result<()> {
        let attributes = Attributes {
            propagation,
            ..Attributes::default()
        };
        set_attributes(&self.tree, recursive, attributes)
    }
}

fn propagation(spec: &Spec) -> Result<Option<(u64, bool)>> {
    let linux = spec.linux().as_ref();
    let text = linux.and_then(|linux| linux.rootfs_propagation().as_deref());
    let flag = match text.unwrap_or_default() {
        "" => return Ok(None),
        "shared" | "rshared" => libc::MS_SHARED,
        "slave" | "rslave" => libc::MS_SLAVE,
        "private" | "rprivate" => libc::MS_PRIVATE,
        "unbindable" | "runbindable" => libc::MS_UNBINDABLE,
        other => {
            let field = format!("linux.rootfsPropagation: {other:?}");
            return Err(Error::unsupported(field));
        }
    };
    let recursive = text.is_some_and(|text| text.starts_with('r'));
    Ok(Some((flag, recursive)))
}

impl Covers {
    /// Read them.
    pub fn plan(spec: &Spec) -> Result<Self> {
        let linux = spec.linux().as_ref();
        let paths = |paths: Option<&Vec<String>>| {
            let paths = paths.into_iter().flatten();
            paths
                .map(|path| c_path(std::path::Path::new(path)))
                .collect::<Result<Vec<_>>>()
        };
        Ok(Self {
            masked: paths(linux.and_then(|linux| linux.masked_paths().as_ref()))?,
            read_only: paths(linux.and_then(|linux| linux.readonly_paths().as_ref()))?,
            empty: FileSystem {
                kind: c"tmpfs".to_owned(),
                source: Some(c"tmpfs".to_owned()),
                data: Vec::new(),
                attributes: crate::sys::mount::RDONLY,
            },
        })
    }

    /// Child: cover what is there of them; a path that this kernel lacks needs no cover.
    pub fn apply(&self, root: impl AsFd) -> std::result::Result<(), Failure> {
        let root = root.as_fd();
        for (item, path) in self.read_only.iter().enumerate() {
            let Some(target) = find(root, path).at_item(Stage::ReadOnlyPath, item)? else {
                continue;
            };
            let covered = clone_tree(&target, c"", true).and_then(|tree| {
                set_attributes(&tree, true, read_only())?;
                crate::sys::mount::attach(&tree, &target)
            });
            covered.at_item(Stage::ReadOnlyPath, item)?;
        }
        // One empty tmpfs serves all directories, by clones of its first mount.
        let mut empty = None;
        for (item, path) in self.masked.iter().enumerate() {
            let Some(target) = find(root, path).at_item(Stage::MaskedPath, item)? else {
                continue;
            };
            self.mask(&target, &mut empty)
                .at_item(Stage::MaskedPath, item)?;
        }
        Ok(())
    }

    fn mask(&self, target: &OwnedFd, empty: &mut Option<OwnedFd>) -> rustix::io::Result<()> {
        if !beneath::is_directory(target)? {
            // The host's, and checked to be it: the container's /dev/null may be
            // anything its image brought (CVE-2025-31133).
            let null = clone_tree(CWD, c"/dev/null", false)?;
            if !devices::is_device(&null, (1, 3))? {
                return Err(Errno::NODEV);
            }
            return crate::sys::mount::attach(&null, target);
        }
        match empty {
            Some(first) => {
                let tree = clone_tree(&*first, c"", false)?;
                crate::sys::mount::attach(&tree, target)
            }
            None => {
                let tree = self.empty.make()?;
                crate::sys::mount::attach(&tree, target)?;
                *empty = Some(tree);
                Ok(())
            }
        }
    }
}

fn find(root: impl AsFd, path: &std::ffi::CStr) -> rustix::io::Result<Option<OwnedFd>> {
    match beneath::open(root, path, rustix::fs::OFlags::PATH) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Child: the working directory is made if it is missing, as docker's users know it.
/// What prevents that (a read-only root, a file in the way) shows when it is entered.
pub(super) fn make_working_directory(root: impl AsFd, cwd: &std::ffi::CStr) {
    let _ = beneath::make(root, cwd, Kind::Directory);
}
