//! What was asked of the host for a container, in docker's `HostConfig`.

use std::collections::HashMap;

use super::{container::network_mode, models};
use crate::model::{
    ContainerConfig, DeviceRule, HostAddress, MASKED_PATHS, Mount, MountKind, READ_ONLY_PATHS,
    RestartPolicy, SeccompMode,
};

/// What was asked of the host.
pub fn host_config(config: &ContainerConfig) -> models::HostConfig {
    let limits = &config.limits;
    let rates = |rates: &[crate::model::DeviceRate]| {
        let device = |rate: &crate::model::DeviceRate| models::ThrottleDevice {
            path: Some(rate.path.display().to_string()),
            rate: Some(rate.rate as i64),
        };
        Some(rates.iter().map(device).collect())
    };
    let number = |number: Option<u64>| Some(number.unwrap_or(0) as i64);
    let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
    let (masked, read_only) = match config.security.unmask || config.privileged {
        true => (Some(Vec::new()), Some(Vec::new())),
        false => (words(MASKED_PATHS), words(READ_ONLY_PATHS)),
    };
    let [ipc, pid, uts] = config.shared.modes();
    models::HostConfig {
        // Of another system, or of no container here.
        cpu_count: Some(0),
        cpu_percent: Some(0),
        io_maximum_iops: Some(0),
        io_maximum_bandwidth: Some(0),
        cgroup: Some(String::new()),
        cpu_shares: number(limits.cpu_shares),
        memory: number(limits.memory_bytes),
        cgroup_parent: Some(String::new()),
        blkio_weight: Some(limits.blkio_weight.unwrap_or(0)),
        blkio_weight_device: Some(Vec::new()),
        blkio_device_read_bps: rates(&limits.read_bps),
        blkio_device_write_bps: rates(&limits.write_bps),
        blkio_device_read_iops: rates(&limits.read_iops),
        blkio_device_write_iops: rates(&limits.write_iops),
        cpu_period: Some(0),
        cpu_quota: Some(0),
        cpu_realtime_period: Some(0),
        cpu_realtime_runtime: Some(0),
        cpuset_cpus: Some(limits.cpuset_cpus.clone().unwrap_or_default()),
        cpuset_mems: Some(limits.cpuset_mems.clone().unwrap_or_default()),
        devices: Some(
            config
                .devices
                .iter()
                .map(|device| models::DeviceMapping {
                    path_on_host: Some(device.host.display().to_string()),
                    path_in_container: Some(device.container.display().to_string()),
                    cgroup_permissions: Some(device.permissions.clone()),
                })
                .collect(),
        ),
        device_cgroup_rules: (!config.device_rules.is_empty()).then(|| {
            config
                .device_rules
                .iter()
                .map(DeviceRule::to_string)
                .collect()
        }),
        memory_swappiness: limits.memory_swappiness.map(|n| n as i64),
        memory_reservation: number(limits.memory_reservation_bytes),
        memory_swap: Some(match (limits.memory_swap_bytes, limits.memory_bytes) {
            (Some(bytes), _) => bytes,
            // Twice the memory is what holds where nothing is said.
            (None, Some(bytes)) => (bytes as i64).saturating_mul(2),
            (None, None) => 0,
        }),
        nano_cpus: Some((limits.cpu_millis.unwrap_or(0) as i64).saturating_mul(1_000_000)),
        oom_kill_disable: Some(limits.oom_kill_disable.unwrap_or(false)),
        init: config.init.then_some(true),
        pids_limit: limits.pids,
        ulimits: Some(
            config
                .ulimits
                .iter()
                .map(|limit| models::ResourcesUlimits {
                    name: Some(limit.name.clone()),
                    soft: Some(limit.soft as i64),
                    hard: Some(limit.hard as i64),
                })
                .collect(),
        ),
        binds: Some(config.mounts.iter().filter_map(bind).collect()),
        container_id_file: Some(String::new()),
        log_config: Some(models::HostConfigLogConfig {
            typ: Some(config.log.driver.to_string()),
            config: Some(config.log.options().into_iter().collect()),
        }),
        network_mode: Some(network_mode(config)),
        port_bindings: Some(bindings(config)),
        restart_policy: Some(restart_policy(config.restart)),
        auto_remove: Some(config.auto_remove),
        volume_driver: Some(String::new()),
        volumes_from: (!config.volumes_from.is_empty()).then(|| config.volumes_from.clone()),
        cap_add: Some(config.cap_add.clone()),
        cap_drop: Some(config.cap_drop.clone()),
        cgroupns_mode: Some(models::HostConfigCgroupnsModeEnum::PRIVATE),
        dns: Some(
            config
                .naming
                .servers
                .iter()
                .map(|ip| ip.to_string())
                .collect(),
        ),
        dns_options: Some(config.naming.options.clone()),
        dns_search: Some(config.naming.search.clone()),
        extra_hosts: Some(
            config
                .naming
                .hosts
                .iter()
                .map(|(name, address)| match address {
                    HostAddress::Ip(ip) => format!("{name}:{ip}"),
                    HostAddress::Gateway => format!("{name}:host-gateway"),
                })
                .collect(),
        ),
        group_add: (!config.groups.is_empty()).then(|| config.groups.clone()),
        ipc_mode: Some(ipc),
        oom_score_adj: Some(config.oom_score_adj.unwrap_or(0).into()),
        pid_mode: Some(pid),
        privileged: Some(config.privileged),
        publish_all_ports: Some(config.publish_all),
        readonly_rootfs: Some(config.read_only),
        security_opt: Some(security_options(config)),
        tmpfs: {
            let tmpfs = config.mounts.iter().filter_map(|mount| match &mount.kind {
                MountKind::Tmpfs { options } => {
                    Some((mount.target.display().to_string(), options.join(",")))
                }
                _ => None,
            });
            let tmpfs: HashMap<_, _> = tmpfs.collect();
            (!tmpfs.is_empty()).then_some(tmpfs)
        },
        shm_size: Some(config.shm_size_bytes.unwrap_or(64 << 20) as i64),
        sysctls: (!config.sysctls.is_empty()).then(|| config.sysctls.clone().into_iter().collect()),
        runtime: Some("wharf".into()),
        uts_mode: Some(uts),
        userns_mode: Some(String::new()),
        isolation: Some(models::HostConfigIsolationEnum::EMPTY),
        masked_paths: masked,
        readonly_paths: read_only,
        ..Default::default()
    }
}

/// A mount as `-v` writes it.
fn bind(mount: &Mount) -> Option<String> {
    let (source, propagation) = match &mount.kind {
        MountKind::Bind {
            source,
            propagation,
            ..
        } => (source.display().to_string(), propagation.as_deref()),
        // One without a name of its own is asked for by its path alone.
        MountKind::Volume(volume) if !volume.is_anonymous => (volume.name.clone()?, None),
        _ => return None,
    };
    let options = [mount.read_only.then_some("ro"), propagation];
    let options: Vec<_> = options.into_iter().flatten().collect();
    let mut text = format!("{source}:{}", mount.target.display());
    if !options.is_empty() {
        text = format!("{text}:{}", options.join(","));
    }
    Some(text)
}

fn bindings(config: &ContainerConfig) -> models::PortMap {
    let mut map = models::PortMap::new();
    for publish in &config.publish {
        let bindings = map.entry(publish.container.to_string()).or_default();
        bindings.get_or_insert_default().push(models::PortBinding {
            host_ip: Some(publish.ip.map(|ip| ip.to_string()).unwrap_or_default()),
            host_port: Some(match publish.host {
                None => String::new(),
                Some((from, to)) if from == to => from.to_string(),
                Some((from, to)) => format!("{from}-{to}"),
            }),
        });
    }
    map
}

fn restart_policy(policy: RestartPolicy) -> models::RestartPolicy {
    use models::RestartPolicyNameEnum as Name;
    let (name, retries) = match policy {
        RestartPolicy::No => (Name::NO, 0),
        RestartPolicy::OnFailure { max_retries } => (Name::ON_FAILURE, max_retries),
        RestartPolicy::Always => (Name::ALWAYS, 0),
        RestartPolicy::UnlessStopped => (Name::UNLESS_STOPPED, 0),
    };
    models::RestartPolicy {
        name: Some(name),
        maximum_retry_count: Some(retries.into()),
    }
}

fn security_options(config: &ContainerConfig) -> Vec<String> {
    let security = &config.security;
    let seccomp = match &security.seccomp {
        SeccompMode::Default => None,
        SeccompMode::Unconfined => Some("seccomp=unconfined".to_owned()),
        SeccompMode::Profile(text) => Some(format!("seccomp={text}")),
    };
    let no_new = security
        .no_new_privileges
        .then(|| "no-new-privileges".to_owned());
    no_new.into_iter().chain(seccomp).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::create;

    #[test]
    fn what_was_asked_is_what_inspect_shows() {
        let asked = json!({
            "Image": "debian:12", "Cmd": ["sleep", "9"], "Tty": true,
            "HostConfig": {
                "Binds": ["/src:/dst:ro"], "NetworkMode": "net",
                "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
                "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
                "Memory": 67108864, "NanoCpus": 500000000, "PidsLimit": 50,
                "IpcMode": "container:web", "PidMode": "container:db",
                "CapDrop": ["ALL"], "ReadonlyRootfs": true, "ShmSize": 1048576,
                "SecurityOpt": ["no-new-privileges"], "Tmpfs": {"/t": "size=1m"},
                "ExtraHosts": ["db:10.0.0.1"], "Sysctls": {"net.ipv4.ip_forward": "1"},
                "LogConfig": {"Type": "local", "Config": {"max-size": "10m"}},
                "OomKillDisable": true,
            }
        });
        let config = create::config(asked.clone()).unwrap();
        let shown = json!(host_config(&config));
        for (key, value) in asked["HostConfig"].as_object().unwrap() {
            assert_eq!(shown[key], *value, "{key}");
        }
        // And what is shown can be asked again.
        let again = create::config(json!({"Image": "debian:12", "HostConfig": shown}));
        let wanted = crate::model::Limits {
            // What holds where nothing is said is said.
            memory_swap_bytes: Some(128 << 20),
            ..config.limits
        };
        assert_eq!(again.unwrap().limits, wanted);
    }
}
