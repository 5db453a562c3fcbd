//! The new mount API (Linux 5.2, `mount_setattr` 5.12): mounts as descriptors, which
//! get a place in the tree last.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::ffi::CStr;
use rustix::io::Result;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount,
    open_tree, unmount,
};

use super::exec::check;

/// `MOUNT_ATTR_RDONLY`.
pub const RDONLY: u64 = 0x1;
/// `MOUNT_ATTR_NOSUID`.
pub const NOSUID: u64 = 0x2;
/// `MOUNT_ATTR_NODEV`.
pub const NODEV: u64 = 0x4;
/// `MOUNT_ATTR_NOEXEC`.
pub const NOEXEC: u64 = 0x8;
/// The bits that choose how access times are kept: one value, not single bits.
pub const ATIME: u64 = 0x70;
/// `MOUNT_ATTR_RELATIME`, the default.
pub const RELATIME: u64 = 0;
/// `MOUNT_ATTR_NOATIME`.
pub const NOATIME: u64 = 0x10;
/// `MOUNT_ATTR_STRICTATIME`.
pub const STRICTATIME: u64 = 0x20;
/// `MOUNT_ATTR_NODIRATIME`.
pub const NODIRATIME: u64 = 0x80;
/// `MOUNT_ATTR_NOSYMFOLLOW` (Linux 5.14).
pub const NOSYMFOLLOW: u64 = 0x20_0000;
/// `MOUNT_ATTR_IDMAP`, with a user namespace's descriptor.
pub const IDMAP: u64 = 0x10_0000;

/// What `mount_setattr(2)` changes, laid out as the kernel reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Bits to set.
    pub set: u64,
    /// Bits to clear.
    pub clear: u64,
    /// One `MS_SHARED|SLAVE|PRIVATE|UNBINDABLE`, or 0 to leave it.
    pub propagation: u64,
    /// The user namespace of an [`IDMAP`].
    pub userns: u64,
}

impl Attributes {
    /// Whether it would change nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Change the mount behind `fd`, and with `recursive` all mounts below it.
pub fn set_attributes(fd: impl AsFd, recursive: bool, attributes: Attributes) -> Result<()> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a C string and the struct is valid for its size.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd.as_fd().as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            std::mem::size_of::<Attributes>(),
        )
    })
    .map(drop)
}

/// A detached copy of the mount that shows `path` below `dir` (the mount behind `dir`
/// itself for an empty path). Follows symbolic links unless the path is empty.
pub fn clone_tree(dir: impl AsFd, path: &CStr, recursive: bool) -> Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(dir, path, flags)
}

/// Put a detached mount on the directory or file behind `target`.
pub fn attach(tree: impl AsFd, target: impl AsFd) -> Result<()> {
    move_mount(
        tree,
        c"",
        target,
        c"",
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH,
    )
}

/// Take what is mounted at `path` out of the tree; it ends when nobody uses it any more.
pub fn detach(path: impl rustix::path::Arg) -> Result<()> {
    unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)
}

/// A new file system that is being configured.
#[derive(Debug)]
pub struct Context(OwnedFd);

impl Context {
    /// Begin a file system of this type.
    pub fn open(kind: &CStr) -> Result<Self> {
        fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).map(Self)
    }

    /// Set `key`, to `value` if there is one. The kernel takes at most 255 bytes.
    pub fn set(&self, key: &CStr, value: Option<&CStr>) -> Result<()> {
        match value {
            Some(value) => fsconfig_set_string(&self.0, key, value),
            None => fsconfig_set_flag(&self.0, key),
        }
    }

    /// Make it, detached, with these attributes of its mount.
    pub fn mount(self, attributes: u64) -> Result<OwnedFd> {
        fsconfig_create(&self.0)?;
        fsmount(
            &self.0,
            FsMountFlags::FSMOUNT_CLOEXEC,
            MountAttrFlags::from_bits_retain(attributes as u32),
        )
    }
}
