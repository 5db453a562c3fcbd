//! Devices and process limits.

use std::path::{Component, Path};

use super::Parsed;
use crate::model::{Device, Ulimit};

/// `HOST[:CONTAINER][:PERMISSIONS]`.
pub fn device(text: &str) -> Parsed<Device> {
    let allowed = "a device is HOST[:CONTAINER][:rwm], such as /dev/fuse or /dev/sda:/dev/disk:r";
    let parts: Vec<_> = text.split(':').collect();
    let (host, container, permissions) = match parts[..] {
        [host] => (host, host, "rwm"),
        [host, second] if is_permissions(second) => (host, host, second),
        [host, second] => (host, second, "rwm"),
        [host, container, third] if is_permissions(third) => (host, container, third),
        _ => return Err(allowed.into()),
    };
    let is_clean = |path: &str| {
        let path = Path::new(path);
        path.is_absolute() && path.components().all(|c| c != Component::ParentDir)
    };
    if !is_clean(host) || !is_clean(container) {
        return Err(allowed.into());
    }
    Ok(Device {
        host: host.into(),
        container: container.into(),
        permissions: permissions.into(),
    })
}

fn is_permissions(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| "rwm".contains(c))
        && text
            .chars()
            .enumerate()
            .all(|(i, c)| !text[..i].contains(c))
}

/// Names of setrlimit(2) in lower case without `RLIMIT_`.
const LIMITS: [&str; 16] = [
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// `NAME=SOFT[:HARD]`; -1 is unlimited.
pub fn ulimit(text: &str) -> Parsed<Ulimit> {
    let Some((name, values)) = text.split_once('=') else {
        return Err("a process limit is NAME=SOFT[:HARD], such as nofile=1024:4096".into());
    };
    if !LIMITS.contains(&name) {
        return Err(format!("no such limit: {}", LIMITS.join(", ")));
    }
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    let number = |text: &str| match text {
        "-1" | "unlimited" => Ok(u64::MAX),
        _ => text
            .parse()
            .map_err(|_| format!("{text:?} is no number, and -1 is without limit")),
    };
    let (soft, hard) = (number(soft)?, number(hard)?);
    if soft > hard {
        return Err("the soft limit is above the hard one".into());
    }
    Ok(Ulimit {
        name: name.into(),
        soft,
        hard,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Option<(String, String, String)> {
        let device = device(text).ok()?;
        let show = |path: &Path| path.display().to_string();
        Some((
            show(&device.host),
            show(&device.container),
            device.permissions,
        ))
    }

    #[test]
    fn device_names_a_place_or_permissions_or_both() {
        let three = |a: &str, b: &str, c: &str| Some((a.into(), b.into(), c.into()));
        assert_eq!(paths("/dev/fuse"), three("/dev/fuse", "/dev/fuse", "rwm"));
        assert_eq!(paths("/dev/sda:r"), three("/dev/sda", "/dev/sda", "r"));
        assert_eq!(paths("/dev/sda:/dev/x"), three("/dev/sda", "/dev/x", "rwm"));
        assert_eq!(
            paths("/dev/sda:/dev/x:rw"),
            three("/dev/sda", "/dev/x", "rw")
        );
        for bad in [
            "fuse",
            "/dev/sda:/dev/x:q",
            "/dev/sda:rr",
            "/dev/a:/b:r:r",
            "/dev/../x",
            "",
        ] {
            assert_eq!(paths(bad), None, "{bad}");
        }
    }

    #[test]
    fn process_limits_have_a_soft_and_a_hard_value() {
        let got = ulimit("nofile=10:20").unwrap();
        assert_eq!((got.soft, got.hard), (10, 20));
        assert_eq!(ulimit("core=-1").map(|u| u.hard), Ok(u64::MAX));
        for bad in ["nofile", "nofile=20:10", "files=1", "nofile=x", "nofile="] {
            assert!(ulimit(bad).is_err(), "{bad}");
        }
    }
}
