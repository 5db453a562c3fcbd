//! Device nodes and the customary links of `/dev`.

use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;

use oci_spec::runtime::{LinuxDevice, LinuxDeviceType, Spec};
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, Uid, chownat, fstat, major, makedev, minor, mknodat,
    symlinkat, unlinkat,
};
use rustix::io::Errno;

use crate::sys::beneath::{self, Kind};
use crate::sys::mount::{self, clone_tree};

use super::error::{Error, Result};
use super::mounts::c_path;

/// A device of the container.
#[derive(Debug)]
pub(super) struct Device {
    /// Where, inside the root.
    pub path: CString,
    kind: FileType,
    mode: Mode,
    number: u64,
    uid: u32,
    gid: u32,
}

/// What every container has, as the specification wants it.
const DEFAULT: [(&CStr, u32, u32); 6] = [
    (c"/dev/null", 1, 3),
    (c"/dev/zero", 1, 5),
    (c"/dev/full", 1, 7),
    (c"/dev/random", 1, 8),
    (c"/dev/urandom", 1, 9),
    (c"/dev/tty", 5, 0),
];

/// Where the link points, what it is called.
const LINKS: [(&CStr, &CStr); 5] = [
    (c"/proc/self/fd", c"/dev/fd"),
    (c"/proc/self/fd/0", c"/dev/stdin"),
    (c"/proc/self/fd/1", c"/dev/stdout"),
    (c"/proc/self/fd/2", c"/dev/stderr"),
    (c"/proc/kcore", c"/dev/core"),
];

/// The customary links; `/dev/core` only where the kernel has what it points to.
pub(super) fn links() -> &'static [(&'static CStr, &'static CStr)] {
    if std::path::Path::new("/proc/kcore").exists() {
        &LINKS
    } else {
        &LINKS[..4]
    }
}

/// The specification's devices and those of the default that it does not name.
pub(super) fn plan(spec: &Spec) -> Result<Vec<Device>> {
    let linux = spec.linux().as_ref();
    let named = linux.and_then(|linux| linux.devices().as_ref());
    let mut devices = Vec::with_capacity(DEFAULT.len());
    for device in named.into_iter().flatten() {
        devices.push(Device::new(device)?);
    }
    for (path, major, minor) in DEFAULT {
        if devices.iter().all(|device| device.path.as_c_str() != path) {
            devices.push(Device {
                path: path.to_owned(),
                kind: FileType::CharacterDevice,
                mode: Mode::from_raw_mode(0o666),
                number: makedev(major, minor),
                uid: 0,
                gid: 0,
            });
        }
    }
    Ok(devices)
}

impl Device {
    fn new(device: &LinuxDevice) -> Result<Self> {
        let name = || format!("linux.devices: {}", device.path().display());
        let kind = match device.typ() {
            LinuxDeviceType::B => FileType::BlockDevice,
            LinuxDeviceType::C | LinuxDeviceType::U => FileType::CharacterDevice,
            LinuxDeviceType::P => FileType::Fifo,
            LinuxDeviceType::A => return Err(Error::invalid(name(), "type a names no device")),
        };
        if !device.path().is_absolute() {
            return Err(Error::invalid(name(), "the path is not absolute"));
        }
        let number = |number: i64| {
            u32::try_from(number).map_err(|_| Error::invalid(name(), "a number out of range"))
        };
        let number = match kind {
            FileType::Fifo => 0,
            _ => makedev(number(device.major())?, number(device.minor())?),
        };
        Ok(Self {
            path: c_path(device.path())?,
            kind,
            mode: Mode::from_raw_mode(device.file_mode().unwrap_or(0o666) & 0o7777),
            number,
            uid: device.uid().unwrap_or(0),
            gid: device.gid().unwrap_or(0),
        })
    }

    /// Child: make the node, or bind the host's where the kernel lets nobody make one
    /// (in a user namespace, or without CAP_MKNOD).
    pub fn make(&self, root: BorrowedFd<'_>, may_make: bool) -> rustix::io::Result<()> {
        if !may_make && self.kind != FileType::Fifo {
            return self.bind(root);
        }
        let (directory, name) = beneath::make_parent(root, &self.path)?;
        match mknodat(&directory, name, self.kind, self.mode, self.number) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(()),
            Err(Errno::PERM) => return self.bind(root),
            Err(errno) => return Err(errno),
        }
        if (self.uid, self.gid) != (0, 0) {
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            chownat(
                &directory,
                name,
                Some(uid),
                Some(gid),
                AtFlags::SYMLINK_NOFOLLOW,
            )?;
        }
        Ok(())
    }

    /// The host's node of that name, if it is that device.
    fn bind(&self, root: BorrowedFd<'_>) -> rustix::io::Result<()> {
        let target = beneath::make(root, &self.path, Kind::File)?;
        let tree = clone_tree(CWD, &self.path, false)?;
        let stat = fstat(&tree)?;
        if FileType::from_raw_mode(stat.st_mode) != self.kind || stat.st_rdev != self.number {
            return Err(Errno::NODEV);
        }
        mount::attach(&tree, &target)
    }
}

/// Child: make a link; what is there already stays.
pub(super) fn link(root: BorrowedFd<'_>, target: &CStr, path: &CStr) -> rustix::io::Result<()> {
    let (directory, name) = beneath::make_parent(root, path)?;
    match symlinkat(target, &directory, name) {
        Err(Errno::EXIST) => Ok(()),
        result => result,
    }
}

/// Child: `/dev/ptmx` must be the one of the container's own devpts, never a node that
/// the image brought, which would open the host's.
pub(super) fn link_ptmx(root: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let (directory, name) = beneath::make_parent(root, c"/dev/ptmx")?;
    match unlinkat(&directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    symlinkat(c"pts/ptmx", &directory, name)
}

/// Whether this is the character device of these numbers.
pub(super) fn is_device(
    fd: impl std::os::fd::AsFd,
    numbers: (u32, u32),
) -> rustix::io::Result<bool> {
    let stat = fstat(fd)?;
    Ok(
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
            && (major(stat.st_rdev), minor(stat.st_rdev)) == numbers,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_of_the_specification_replaces_the_default_of_its_name() {
        let spec: Spec = serde_json::from_str(
            r#"{"ociVersion":"1.0.0","linux":{"devices":[
                {"path":"/dev/null","type":"c","major":1,"minor":3,"fileMode":384}]}}"#,
        )
        .expect("spec");
        let devices = plan(&spec).expect("plan");
        assert_eq!(devices.len(), DEFAULT.len());
        assert_eq!(devices[0].mode, Mode::from_raw_mode(0o600));
    }
}
