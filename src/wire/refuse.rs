//! What a client may ask of the host for a container, and this engine has not.

use super::{create::Parsed, models};

/// Refuses what would make another container than this engine can make.
pub fn refuse(host: &models::HostConfig) -> Parsed<()> {
    let set = |text: &Option<String>, harmless: &[&str]| {
        let text = text.as_deref().unwrap_or_default();
        !text.is_empty() && !harmless.contains(&text)
    };
    let many = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let is_positive = |number: Option<i64>| number.is_some_and(|n| n > 0);
    let asked = [
        ("CgroupParent", set(&host.cgroup_parent, &[])),
        (
            "BlkioWeightDevice",
            host.blkio_weight_device
                .as_ref()
                .is_some_and(|list| !list.is_empty()),
        ),
        ("CpuRealtimePeriod", is_positive(host.cpu_realtime_period)),
        ("CpuRealtimeRuntime", is_positive(host.cpu_realtime_runtime)),
        (
            "DeviceRequests",
            host.device_requests
                .as_ref()
                .is_some_and(|list| !list.is_empty()),
        ),
        ("VolumeDriver", set(&host.volume_driver, &["local"])),
        ("UTSMode", set(&host.uts_mode, &["private", "host"])),
        ("UsernsMode", set(&host.userns_mode, &["host"])),
        ("Links", many(&host.links)),
        (
            "StorageOpt",
            host.storage_opt.as_ref().is_some_and(|map| !map.is_empty()),
        ),
        ("Runtime", set(&host.runtime, &["wharf", "runc"])),
    ];
    match asked.into_iter().find(|(_, is_asked)| *is_asked) {
        Some((field, _)) => Err(format!(
            "HostConfig.{field} is not supported by this engine"
        )),
        None => Ok(()),
    }
}
