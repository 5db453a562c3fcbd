//! Which devices a container may use: docker's few, those that the user gave, or all.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use nix::sys::stat::{major, minor};
use oci_spec::runtime::{
    LinuxDevice, LinuxDeviceBuilder, LinuxDeviceCgroup, LinuxDeviceCgroupBuilder, LinuxDeviceType,
};

use super::{Error, built};
use crate::model::{Device, DeviceRule};

/// Device nodes and the rules of the cgroup that go with them.
#[derive(Debug, Default)]
pub struct Devices {
    /// Nodes to make, beyond those that every container has.
    pub nodes: Vec<LinuxDevice>,
    /// Rules, the later ones stronger.
    pub rules: Vec<LinuxDeviceCgroup>,
}

/// Characters that every container may read and write: null, zero, full, random,
/// urandom, tty, console, ptmx and all of pts.
const USUAL: &[(i64, Option<i64>)] = &[
    (1, Some(3)),
    (1, Some(5)),
    (1, Some(7)),
    (1, Some(8)),
    (1, Some(9)),
    (5, Some(0)),
    (5, Some(1)),
    (5, Some(2)),
    (136, None),
];

/// Deny everything, but let any node be made (making one gives no access) and the usual
/// ones be used; then what the user gave and allowed.
pub fn confined(given: &[Device], allowed: &[DeviceRule]) -> Result<Devices, Error> {
    let any = |allow, kind, access: &str| rule(allow, kind, None, None, access);
    let mut devices = Devices {
        nodes: Vec::new(),
        rules: vec![
            any(false, LinuxDeviceType::A, "rwm"),
            any(true, LinuxDeviceType::C, "m"),
            any(true, LinuxDeviceType::B, "m"),
        ],
    };
    for &(major, minor) in USUAL {
        let usual = rule(true, LinuxDeviceType::C, Some(major), minor, "rwm");
        devices.rules.push(usual);
    }
    for device in given {
        add(&mut devices, device)?;
    }
    for given in allowed {
        let kinds: &[_] = match given.kind {
            'b' => &[LinuxDeviceType::B],
            'c' => &[LinuxDeviceType::C],
            // As one rule it would be for all numbers, whichever it names.
            _ => &[LinuxDeviceType::B, LinuxDeviceType::C],
        };
        let [major, minor] = [given.major, given.minor].map(|number| number.map(i64::from));
        let of = |&kind: &LinuxDeviceType| rule(true, kind, major, minor, &given.permissions);
        devices.rules.extend(kinds.iter().map(of));
    }
    Ok(devices)
}

/// Everything that the host has.
pub fn privileged(given: &[Device]) -> Result<Devices, Error> {
    let mut devices = Devices::default();
    walk(
        Path::new("/dev"),
        Path::new("/dev"),
        &mut |host, container| {
            // Those that every container has of its own.
            const OWN: &[&str] = &[
                "console", "ptmx", "null", "zero", "full", "random", "urandom", "tty",
            ];
            let name = host.strip_prefix("/dev").unwrap_or(host);
            if OWN.iter().all(|own| name != Path::new(own)) {
                devices.nodes.push(node(host, container)?);
            }
            Ok(())
        },
    )?;
    for device in given {
        add(&mut devices, device)?;
    }
    let all = rule(true, LinuxDeviceType::A, None, None, "rwm");
    devices.rules = vec![all];
    Ok(devices)
}

/// Adds a device, or all devices of a directory.
fn add(devices: &mut Devices, device: &Device) -> Result<(), Error> {
    let found = fs::metadata(&device.host).map_err(failed(&device.host))?;
    if found.is_dir() {
        return walk(&device.host, &device.container, &mut |host, container| {
            push(devices, node(host, container)?, &device.permissions);
            Ok(())
        });
    }
    let node = node(&device.host, &device.container)?;
    push(devices, node, &device.permissions);
    Ok(())
}

fn push(devices: &mut Devices, node: LinuxDevice, permissions: &str) {
    let (major, minor) = (Some(node.major()), Some(node.minor()));
    let rule = rule(true, node.typ(), major, minor, permissions);
    devices.rules.push(rule);
    devices.nodes.retain(|known| known.path() != node.path());
    devices.nodes.push(node);
}

/// Calls `each` with every device node below `host` and where it belongs in the
/// container. Links and the kernel's own file systems are passed over.
fn walk(
    host: &Path,
    container: &Path,
    each: &mut dyn FnMut(&Path, &Path) -> Result<(), Error>,
) -> Result<(), Error> {
    const NOT_DEVICES: &[&str] = &["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"];
    for entry in fs::read_dir(host).map_err(failed(host))? {
        let entry = entry.map_err(failed(host))?;
        let (path, name) = (entry.path(), entry.file_name());
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && NOT_DEVICES.iter().all(|not| name != *not) {
            walk(&path, &container.join(name), each)?;
        } else if kind.is_block_device() || kind.is_char_device() {
            each(&path, &container.join(name))?;
        }
    }
    Ok(())
}

fn node(host: &Path, container: &Path) -> Result<LinuxDevice, Error> {
    let found = fs::metadata(host).map_err(failed(host))?;
    let kind = found.file_type();
    let typ = if kind.is_block_device() {
        LinuxDeviceType::B
    } else if kind.is_char_device() {
        LinuxDeviceType::C
    } else {
        return Err(Error::Invalid(format!(
            "{} is not a device",
            host.display()
        )));
    };
    Ok(built(
        LinuxDeviceBuilder::default()
            .path(container)
            .typ(typ)
            .major(major(found.rdev()) as i64)
            .minor(minor(found.rdev()) as i64)
            .file_mode(found.mode() & 0o7777)
            .uid(found.uid())
            .gid(found.gid())
            .build(),
    ))
}

/// The number of a block device that a rate limit names.
pub fn block_number(path: &PathBuf) -> Result<(i64, i64), Error> {
    let found = fs::metadata(path).map_err(failed(path))?;
    if !found.file_type().is_block_device() {
        return Err(Error::Invalid(format!(
            "{} is not a block device",
            path.display()
        )));
    }
    Ok((major(found.rdev()) as i64, minor(found.rdev()) as i64))
}

fn rule(
    allow: bool,
    typ: LinuxDeviceType,
    major: Option<i64>,
    minor: Option<i64>,
    access: &str,
) -> LinuxDeviceCgroup {
    let mut rule = LinuxDeviceCgroupBuilder::default()
        .allow(allow)
        .typ(typ)
        .access(access);
    if let Some(major) = major {
        rule = rule.major(major);
    }
    if let Some(minor) = minor {
        rule = rule.minor(minor);
    }
    built(rule.build())
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    move |source| Error::Io {
        operation: "use device",
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confined_container_is_denied_all_but_the_usual() {
        let devices = confined(&[], &[]).unwrap();
        assert!(devices.nodes.is_empty());
        assert!(!devices.rules[0].allow());
        assert_eq!(devices.rules[0].access().as_deref(), Some("rwm"));
        assert_eq!(devices.rules.len(), 3 + USUAL.len());
        assert!(devices.rules[1..].iter().all(|rule| rule.allow()));
    }

    #[test]
    fn given_device_gets_a_node_and_a_rule_with_its_permissions() {
        let given = Device {
            host: "/dev/zero".into(),
            container: "/dev/nothing".into(),
            permissions: "r".into(),
        };
        let devices = confined(&[given], &[]).unwrap();
        let node = &devices.nodes[0];
        assert_eq!(node.path(), Path::new("/dev/nothing"));
        assert_eq!((node.major(), node.minor()), (1, 5));
        let rule = devices.rules.last().unwrap();
        assert_eq!((rule.major(), rule.minor()), (Some(1), Some(5)));
        assert_eq!(rule.access().as_deref(), Some("r"));
    }

    #[test]
    fn what_is_no_device_is_refused() {
        for host in ["/etc/passwd", "/dev/there-is-none"] {
            let given = Device {
                host: host.into(),
                container: "/dev/x".into(),
                permissions: "rwm".into(),
            };
            assert!(confined(&[given], &[]).is_err(), "{host}");
        }
        assert!(block_number(&"/dev/null".into()).is_err());
    }
}
