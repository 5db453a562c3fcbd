//! Control groups of a bundle: where, and with what limits.

use oci_spec::runtime::{LinuxDeviceCgroup, LinuxDeviceType, LinuxResources, Spec};

use super::args::Update;
use super::container::{Container, Status};
use super::error::{Error, Result, refused};
use super::lifecycle::{read_json, running_cgroup};

/// The path below each hierarchy: the bundle's, or one of our own.
pub(super) fn cgroup_path(spec: &Spec, id: &str) -> Result<String> {
    let linux = spec.linux().as_ref();
    let Some(path) = linux.and_then(|linux| linux.cgroups_path().as_ref()) else {
        return Ok(format!("wharf/{id}"));
    };
    let path = path.to_string_lossy();
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Ok(format!("wharf/{id}"));
    }
    if path.contains(':') {
        return refused(format!(
            "linux.cgroupsPath {path:?}: systemd's form is not supported"
        ));
    }
    Ok(path.to_owned())
}

/// Devices that every container may use, whatever its rules say: it gets their nodes.
const DEFAULT_DEVICES: [(LinuxDeviceType, i64, i64, &str); 10] = [
    (LinuxDeviceType::C, -1, -1, "m"),
    (LinuxDeviceType::B, -1, -1, "m"),
    (LinuxDeviceType::C, 1, 3, "rwm"),
    (LinuxDeviceType::C, 1, 8, "rwm"),
    (LinuxDeviceType::C, 1, 7, "rwm"),
    (LinuxDeviceType::C, 5, 0, "rwm"),
    (LinuxDeviceType::C, 1, 5, "rwm"),
    (LinuxDeviceType::C, 1, 9, "rwm"),
    (LinuxDeviceType::C, 136, -1, "rwm"),
    (LinuxDeviceType::C, 5, 2, "rwm"),
];

/// The limits of a specification. Devices are denied but for those it allows and the
/// default ones, as runc does it.
pub(super) fn with_default_devices(spec: &Spec) -> LinuxResources {
    let linux = spec.linux().as_ref();
    let resources = linux.and_then(|linux| linux.resources().clone());
    let mut resources = resources.unwrap_or_default();
    let rule = |allow, kind, major: Option<i64>, minor: Option<i64>, access: &str| {
        let mut rule = LinuxDeviceCgroup::default();
        rule.set_allow(allow);
        rule.set_typ(Some(kind));
        rule.set_major(major);
        rule.set_minor(minor);
        rule.set_access(Some(access.to_owned()));
        rule
    };
    let mut rules = vec![rule(false, LinuxDeviceType::A, None, None, "rwm")];
    rules.extend(resources.devices().iter().flatten().cloned());
    let number = |number: i64| (number >= 0).then_some(number);
    for (kind, major, minor, access) in DEFAULT_DEVICES {
        rules.push(rule(true, kind, number(major), number(minor), access));
    }
    resources.set_devices(Some(rules));
    resources
}

/// Change limits; what is not named stays.
pub(super) fn update(root: &std::path::Path, options: &Update) -> Result<()> {
    let mut container = Container::load(root, &options.id)?;
    if container.status()? == Status::Stopped {
        return refused("cannot update a container that has stopped");
    }
    let change: serde_json::Value = match &options.resources {
        Some(file) => read_json(file)?,
        None => from_options(options),
    };
    let json = |source| Error::Json {
        what: "the limits".to_owned(),
        source,
    };
    let resources: LinuxResources = serde_json::from_value(change.clone()).map_err(json)?;
    running_cgroup(&container)?.apply(&resources)?;
    // The record keeps what holds now, for those who ask later.
    let mut spec = serde_json::to_value(&container.record.spec).map_err(json)?;
    merge(&mut spec["linux"]["resources"], &change);
    container.record.spec = serde_json::from_value(spec).map_err(json)?;
    container.save()
}

fn from_options(options: &Update) -> serde_json::Value {
    let mut change = serde_json::json!({});
    let mut set = |part: &str, field: &str, value: Option<serde_json::Value>| {
        if let Some(value) = value {
            change[part][field] = value;
        }
    };
    set("blockIO", "weight", options.blkio_weight.map(Into::into));
    set("cpu", "period", options.cpu_period.map(Into::into));
    set("cpu", "quota", options.cpu_quota.map(Into::into));
    set("cpu", "shares", options.cpu_share.map(Into::into));
    set("cpu", "cpus", options.cpuset_cpus.clone().map(Into::into));
    set("cpu", "mems", options.cpuset_mems.clone().map(Into::into));
    set("memory", "limit", options.memory.map(Into::into));
    set(
        "memory",
        "reservation",
        options.memory_reservation.map(Into::into),
    );
    set("memory", "swap", options.memory_swap.map(Into::into));
    set("pids", "limit", options.pids_limit.map(Into::into));
    change
}

fn merge(into: &mut serde_json::Value, change: &serde_json::Value) {
    match change {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                merge(&mut into[name], value);
            }
        }
        value => *into = value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn change_is_merged_into_what_was() {
        let mut limits = json!({"memory": {"limit": 1, "swap": 2}});
        merge(
            &mut limits,
            &json!({"memory": {"limit": 3}, "pids": {"limit": 4}}),
        );
        assert_eq!(
            limits,
            json!({"memory": {"limit": 3, "swap": 2}, "pids": {"limit": 4}})
        );
    }

    #[test]
    fn cgroup_path_is_relative_and_not_systemds() {
        let path = |path: &str| {
            let spec = json!({"ociVersion": "1.0.0", "linux": {"cgroupsPath": path}});
            cgroup_path(&serde_json::from_value(spec).expect("spec"), "x")
        };
        assert_eq!(path("/a/b").expect("path"), "a/b");
        assert_eq!(path("").expect("path"), "wharf/x");
        assert!(path("system.slice:runc:x").is_err());
    }
}
