//! Our requests as the engine's JSON.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::model::{
    Attachment, ContainerConfig, DeviceRate, DeviceRule, ExecConfig, HealthCheck, HealthTest,
    HostAddress, IpcMode, Limit, Limits, LogConfig, Mount, MountKind, NetworkCreateRequest,
    NetworkMode, Port, RestartPolicy, SeccompMode, UpdateRequest,
};

/// The body of a create.
pub fn container(config: &ContainerConfig) -> Result<Value, String> {
    let mut host = host_config(config)?;
    limits(&config.limits, &mut host)?;
    let attached = !config.open_stdin;
    let networks: Map<_, _> = match config.network {
        NetworkMode::Bridge => config
            .networks
            .iter()
            .map(|wish| (wish.network.clone(), endpoint(wish)))
            .collect(),
        _ => Map::new(),
    };
    let mac = config.networks.iter().find_map(|wish| wish.mac);
    let exposed = config.publish.iter().map(|publish| publish.container);
    let exposed = exposed.chain(config.expose.iter().copied());
    let mut body = json!({
        "Image": config.image,
        "Cmd": none_if_empty(&config.command),
        "Entrypoint": config.entrypoint,
        "Env": config.env,
        "WorkingDir": config.working_dir.clone().unwrap_or_default(),
        "User": config.user.clone().unwrap_or_default(),
        "Hostname": config.hostname.clone().unwrap_or_default(),
        "Labels": config.labels,
        "Tty": config.tty,
        "OpenStdin": config.open_stdin,
        // As docker's client: whoever is attached last closes it.
        "StdinOnce": config.open_stdin,
        "AttachStdin": config.open_stdin,
        "AttachStdout": attached || config.tty,
        "AttachStderr": attached || config.tty,
        "StopTimeout": config.stop_timeout_secs,
        "ExposedPorts": exposed.map(|port| (port.to_string(), json!({}))).collect::<Map<_, _>>(),
        "HostConfig": host,
    });
    if let Some(check) = &config.health {
        body["Healthcheck"] = health(check);
    }
    if let Some(signal) = &config.stop_signal {
        body["StopSignal"] = json!(signal);
    }
    if !networks.is_empty() {
        body["NetworkingConfig"] = json!({ "EndpointsConfig": networks });
    }
    if let Some(mac) = mac {
        body["MacAddress"] = json!(mac);
    }
    Ok(body)
}

fn health(check: &HealthCheck) -> Value {
    let span = |span: Option<Duration>| {
        let nanoseconds = span.unwrap_or_default().as_nanos();
        u64::try_from(nanoseconds).unwrap_or(u64::MAX)
    };
    let mut body = json!({
        "Interval": span(check.interval),
        "Timeout": span(check.timeout),
        "StartPeriod": span(check.start_period),
        "StartInterval": span(check.start_interval),
        "Retries": check.retries.unwrap_or_default(),
    });
    match &check.test {
        None => {}
        Some(HealthTest::None) => body["Test"] = json!(["NONE"]),
        Some(HealthTest::Shell(line)) => body["Test"] = json!(["CMD-SHELL", line]),
        Some(HealthTest::Command(argv)) => {
            let mut words = vec!["CMD".to_owned()];
            words.extend(argv.iter().cloned());
            body["Test"] = json!(words);
        }
    }
    body
}

fn none_if_empty(words: &[String]) -> Option<&[String]> {
    (!words.is_empty()).then_some(words)
}

fn host_config(config: &ContainerConfig) -> Result<Value, String> {
    let (binds, mounts): (Vec<_>, Vec<_>) = config
        .mounts
        .iter()
        .partition(|mount| matches!(mount.kind, MountKind::Bind { create: true, .. }));
    let bound = |value: u64| i64::try_from(value).unwrap_or(-1);
    let ulimits: Vec<_> = config
        .ulimits
        .iter()
        .map(|limit| json!({ "Name": limit.name, "Soft": bound(limit.soft), "Hard": bound(limit.hard) }))
        .collect();
    let devices: Vec<_> = config
        .devices
        .iter()
        .map(|device| {
            json!({
                "PathOnHost": device.host, "PathInContainer": device.container,
                "CgroupPermissions": device.permissions,
            })
        })
        .collect();
    let device_rules: Vec<_> = config
        .device_rules
        .iter()
        .map(DeviceRule::to_string)
        .collect();
    let naming = &config.naming;
    let hosts = naming.hosts.iter().map(|(name, address)| match address {
        HostAddress::Ip(ip) => format!("{name}:{ip}"),
        HostAddress::Gateway => format!("{name}:host-gateway"),
    });
    let mut host = json!({
        "AutoRemove": config.auto_remove,
        "Init": config.init,
        "NetworkMode": network_mode(config),
        // Nothing is said of what is its own: engines have defaults for that.
        "IpcMode": match &config.shared.ipc {
            IpcMode::Private => String::new(),
            mode => mode.to_string(),
        },
        "PidMode": config.shared.pid,
        "UTSMode": if config.shared.uts { "host" } else { "" },
        "GroupAdd": config.groups,
        "RestartPolicy": restart(config.restart),
        "PortBindings": port_bindings(config),
        "PublishAllPorts": config.publish_all,
        "ReadonlyRootfs": config.read_only,
        "Privileged": config.privileged,
        "CapAdd": config.cap_add,
        "CapDrop": config.cap_drop,
        "SecurityOpt": security(config),
        "MaskedPaths": config.security.unmask.then(Vec::<String>::new),
        "ReadonlyPaths": config.security.unmask.then(Vec::<String>::new),
        "Sysctls": config.sysctls,
        "ShmSize": config.shm_size_bytes.unwrap_or_default(),
        "OomScoreAdj": config.oom_score_adj.unwrap_or_default(),
        "MemorySwappiness": config.limits.memory_swappiness,
        "VolumesFrom": config.volumes_from,
        "Binds": binds.into_iter().filter_map(bind).collect::<Vec<_>>(),
        "Mounts": mounts.into_iter().map(mount).collect::<Result<Vec<_>, _>>()?,
        "Devices": devices,
        "DeviceCgroupRules": device_rules,
        "Ulimits": ulimits,
        "Dns": naming.servers,
        "DnsSearch": naming.search,
        "DnsOptions": naming.options,
        "ExtraHosts": hosts.collect::<Vec<_>>(),
    });
    // Else the engine's own default.
    if config.log != LogConfig::default() {
        host["LogConfig"] =
            json!({ "Type": config.log.driver.to_string(), "Config": config.log.options() });
    }
    Ok(host)
}

fn network_mode(config: &ContainerConfig) -> String {
    match &config.network {
        NetworkMode::None => "none".into(),
        NetworkMode::Host => "host".into(),
        NetworkMode::Container(other) => format!("container:{other}"),
        NetworkMode::Bridge => match config.networks.first() {
            // Everybody's default network, whatever it is called there.
            None => "default".into(),
            Some(first) => first.network.clone(),
        },
    }
}

/// How a container is on a network.
pub fn endpoint(wish: &Attachment) -> Value {
    let mut ipam = json!({});
    if let Some(ip) = wish.ip {
        ipam["IPv4Address"] = json!(ip);
    }
    if let Some(ip) = wish.ip6 {
        ipam["IPv6Address"] = json!(ip);
    }
    let mut place = json!({ "IPAMConfig": ipam, "Aliases": wish.aliases });
    if let Some(mac) = wish.mac {
        place["MacAddress"] = json!(mac);
    }
    place
}

fn restart(policy: RestartPolicy) -> Value {
    let (name, retries) = match policy {
        RestartPolicy::No => ("no", 0),
        RestartPolicy::OnFailure { max_retries } => ("on-failure", max_retries),
        RestartPolicy::Always => ("always", 0),
        RestartPolicy::UnlessStopped => ("unless-stopped", 0),
    };
    json!({ "Name": name, "MaximumRetryCount": retries })
}

fn port_bindings(config: &ContainerConfig) -> Value {
    let mut bindings: Map<String, Value> = Map::new();
    for publish in &config.publish {
        let host = match publish.host {
            None => String::new(),
            Some((first, last)) if first == last => first.to_string(),
            Some((first, last)) => format!("{first}-{last}"),
        };
        let ip = publish.ip.map(|ip| ip.to_string()).unwrap_or_default();
        let binding = json!({ "HostIp": ip, "HostPort": host });
        let port: Port = publish.container;
        let known = bindings.entry(port.to_string()).or_insert(json!([]));
        if let Some(known) = known.as_array_mut() {
            known.push(binding);
        }
    }
    bindings.into()
}

fn security(config: &ContainerConfig) -> Vec<String> {
    let security = &config.security;
    let mut options = Vec::new();
    if security.no_new_privileges {
        options.push("no-new-privileges".into());
    }
    match &security.seccomp {
        SeccompMode::Default => {}
        SeccompMode::Unconfined => options.push("seccomp=unconfined".into()),
        SeccompMode::Profile(text) => options.push(format!("seccomp={text}")),
    }
    options
}

/// A bind whose source is made if it is missing: the short form says so.
fn bind(mount: &Mount) -> Option<String> {
    let MountKind::Bind {
        source,
        propagation,
        ..
    } = &mount.kind
    else {
        return None;
    };
    let mut options = vec![if mount.read_only { "ro" } else { "rw" }];
    options.extend(propagation.as_deref());
    let (source, target) = (source.display(), mount.target.display());
    Some(format!("{source}:{target}:{}", options.join(",")))
}

fn mount(mount: &Mount) -> Result<Value, String> {
    Ok(match &mount.kind {
        MountKind::Bind {
            source,
            propagation,
            recursive,
            writable_below,
            ..
        } => {
            let mut options = json!({
                "NonRecursive": !recursive, "ReadOnlyNonRecursive": *writable_below,
            });
            if let Some(propagation) = propagation {
                options["Propagation"] = json!(propagation);
            }
            json!({
                "Type": "bind", "Source": source, "Target": mount.target,
                "ReadOnly": mount.read_only, "BindOptions": options,
            })
        }
        MountKind::Volume(volume) => {
            let mut options = json!({ "NoCopy": volume.no_copy, "Labels": volume.labels });
            if let Some(subpath) = &volume.subpath {
                options["Subpath"] = json!(subpath);
            }
            if volume.driver.is_some() || !volume.options.is_empty() {
                options["DriverConfig"] =
                    json!({ "Name": volume.driver, "Options": volume.options });
            }
            json!({
                "Type": "volume", "Source": volume.name.clone().unwrap_or_default(),
                "Target": mount.target, "ReadOnly": mount.read_only, "VolumeOptions": options,
            })
        }
        MountKind::Tmpfs { options } => {
            let mut tmpfs = json!({});
            for option in options {
                match option.split_once('=') {
                    Some(("size", size)) => {
                        tmpfs["SizeBytes"] = json!(bytes(size).ok_or_else(|| {
                            format!("the size {size} of a tmpfs can't be told to this engine")
                        })?);
                    }
                    Some(("mode", mode)) => {
                        tmpfs["Mode"] = json!(u32::from_str_radix(mode, 8).map_err(|_| {
                            format!("the mode {mode} of a tmpfs is no octal number")
                        })?);
                    }
                    _ => return Err(format!("this engine takes no option {option} of a tmpfs")),
                }
            }
            json!({ "Type": "tmpfs", "Target": mount.target, "TmpfsOptions": tmpfs })
        }
    })
}

/// A number with a unit of 1024s, as tmpfs(5) takes it.
pub fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = match text.char_indices().next_back()? {
        (_, last) if last.is_ascii_digit() => (text, 1),
        (at, 'k' | 'K') => (&text[..at], 1 << 10),
        (at, 'm' | 'M') => (&text[..at], 1 << 20),
        (at, 'g' | 'G') => (&text[..at], 1 << 30),
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

fn limits(limits: &Limits, into: &mut Value) -> Result<(), String> {
    for limit in Limit::ALL.into_iter().filter(|limit| limits.has(*limit)) {
        sayable(limit)?;
    }
    let rates = |rates: &[DeviceRate]| -> Vec<Value> {
        let one = |rate: &DeviceRate| json!({ "Path": rate.path, "Rate": rate.rate });
        rates.iter().map(one).collect()
    };
    let set: [(Limit, &str, Value); 14] = [
        (
            Limit::Cpus,
            "NanoCpus",
            json!(limits.cpu_millis.map(|n| n * 1_000_000)),
        ),
        (Limit::CpuShares, "CpuShares", json!(limits.cpu_shares)),
        (Limit::CpusetCpus, "CpusetCpus", json!(limits.cpuset_cpus)),
        (Limit::CpusetMems, "CpusetMems", json!(limits.cpuset_mems)),
        (Limit::Memory, "Memory", json!(limits.memory_bytes)),
        (
            Limit::MemorySwap,
            "MemorySwap",
            json!(limits.memory_swap_bytes),
        ),
        (
            Limit::MemoryReservation,
            "MemoryReservation",
            json!(limits.memory_reservation_bytes),
        ),
        (
            Limit::OomKillDisable,
            "OomKillDisable",
            json!(limits.oom_kill_disable),
        ),
        (Limit::Pids, "PidsLimit", json!(limits.pids)),
        (
            Limit::BlkioWeight,
            "BlkioWeight",
            json!(limits.blkio_weight),
        ),
        (
            Limit::ReadBps,
            "BlkioDeviceReadBps",
            json!(rates(&limits.read_bps)),
        ),
        (
            Limit::WriteBps,
            "BlkioDeviceWriteBps",
            json!(rates(&limits.write_bps)),
        ),
        (
            Limit::ReadIops,
            "BlkioDeviceReadIOps",
            json!(rates(&limits.read_iops)),
        ),
        (
            Limit::WriteIops,
            "BlkioDeviceWriteIOps",
            json!(rates(&limits.write_iops)),
        ),
    ];
    for (limit, key, value) in set {
        if limits.has(limit) {
            into[key] = value;
        }
    }
    Ok(())
}

/// Whether the API has a word for a limit.
fn sayable(limit: Limit) -> Result<(), String> {
    match limit.needs() {
        Some(ability) => Err(format!("--{}: {}", limit.as_str(), ability.lack())),
        None => Ok(()),
    }
}

/// The body of an update. Limits that are taken away have docker's value for that, or none
/// at all.
pub fn update(request: &UpdateRequest) -> Result<Value, String> {
    let mut body = json!({});
    limits(&request.limits, &mut body)?;
    for limit in &request.unset {
        sayable(*limit)?;
        let (key, none) = match limit {
            Limit::Pids => ("PidsLimit", json!(-1)),
            Limit::MemorySwap => ("MemorySwap", json!(-1)),
            Limit::OomKillDisable => ("OomKillDisable", json!(false)),
            // Docker takes 0 for "as it is": what is set there can't be taken away.
            other => {
                let name = other.as_str();
                return Err(format!(
                    "this engine can't take --{name} away, only change it"
                ));
            }
        };
        if body.get(key).is_none() {
            body[key] = none;
        }
    }
    if let Some(policy) = request.restart {
        body["RestartPolicy"] = restart(policy);
    }
    Ok(body)
}

/// The body of an exec.
pub fn exec(config: &ExecConfig) -> Value {
    let streams = config.attach.unwrap_or_default();
    let mut body = json!({
        "Cmd": config.argv,
        "Env": config.env,
        "WorkingDir": config.working_dir.clone().unwrap_or_default(),
        "User": config.user.clone().unwrap_or_default(),
        "Tty": config.tty,
        "Privileged": config.privileged,
        "AttachStdin": streams.stdin,
        "AttachStdout": streams.stdout,
        "AttachStderr": streams.stderr,
        "Detach": config.attach.is_none(),
    });
    if let Some(size) = console_size(config) {
        body["ConsoleSize"] = size;
    }
    body
}

/// The size of an exec's terminal from its first moment on. Engines before API 1.42 don't
/// know of it, and are told once it runs.
pub fn console_size(config: &ExecConfig) -> Option<Value> {
    let size = config.attach?.size.filter(|_| config.tty)?;
    Some(json!([size.rows, size.cols]))
}

/// The body of a network's create.
pub fn network(request: &NetworkCreateRequest) -> Value {
    let ranges = request.subnets.iter().map(|subnet| {
        let mut range = json!({ "Subnet": subnet });
        let is_in = |ip: &&std::net::IpAddr| subnet.contains(*ip);
        if let Some(gateway) = request.gateways.iter().find(is_in) {
            range["Gateway"] = json!(gateway);
        }
        if let Some(part) = request.ranges.iter().find(|part| subnet.contains(*part)) {
            range["IPRange"] = json!(part);
        }
        range
    });
    let mut options = json!({});
    if let Some(mtu) = request.mtu {
        options["com.docker.network.driver.mtu"] = json!(mtu.to_string());
    }
    json!({
        "Name": request.name,
        "CheckDuplicate": true,
        "Driver": request.driver.as_str(),
        "Internal": request.internal,
        "EnableIPv6": request.ipv6,
        "Attachable": true,
        "Options": options,
        "Labels": request.labels,
        "IPAM": { "Driver": "default", "Config": ranges.collect::<Vec<_>>() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_engine_cannot_limit_is_refused_and_never_left_out() {
        let rate = DeviceRate {
            path: "/dev/vda".into(),
            rate: 1,
        };
        let all = Limits {
            cpu_millis: Some(1),
            cpu_shares: Some(1),
            cpuset_cpus: Some("0".into()),
            cpuset_mems: Some("0".into()),
            memory_bytes: Some(1),
            memory_swap_bytes: Some(1),
            memory_reservation_bytes: Some(1),
            memory_swappiness: None,
            memory_min_bytes: Some(1),
            memory_high_bytes: Some(1),
            oom_kill_disable: Some(true),
            pids: Some(1),
            blkio_weight: Some(10),
            read_bps: vec![rate.clone()],
            write_bps: vec![rate.clone()],
            read_iops: vec![rate.clone()],
            write_iops: vec![rate],
            net_rate_in: Some(1),
            net_rate_out: Some(1),
        };
        for limit in Limit::ALL {
            let mut config = ContainerConfig::default();
            config.limits.copy(limit, &all);
            let body = container(&config);
            match limit.needs() {
                Some(_) => assert!(
                    body.unwrap_err()
                        .starts_with(&format!("--{}", limit.as_str()))
                ),
                None => assert_ne!(body, container(&ContainerConfig::default()), "{limit:?}"),
            }
        }
        let tmpfs = |option: &str| Mount {
            kind: MountKind::Tmpfs {
                options: vec![option.into()],
            },
            target: "/t".into(),
            read_only: false,
        };
        assert_eq!(
            mount(&tmpfs("size=64m")).unwrap()["TmpfsOptions"]["SizeBytes"],
            64 << 20
        );
        assert_eq!(
            mount(&tmpfs("mode=1777")).unwrap()["TmpfsOptions"]["Mode"],
            0o1777
        );
        assert!(mount(&tmpfs("nr_inodes=5")).is_err());
    }

    #[test]
    fn limits_are_only_named_where_they_are_set() {
        let mut body = json!({});
        let one = Limits {
            cpu_millis: Some(500),
            ..Limits::default()
        };
        limits(&one, &mut body).unwrap();
        assert_eq!(body, json!({ "NanoCpus": 500_000_000 }));
    }
}
