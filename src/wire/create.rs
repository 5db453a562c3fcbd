//! What a client asks of a container, into our words. What this engine has not is refused
//! where it would change what the container is, and passed over where it is empty or says
//! what holds anyway.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use serde_json::Value;

use super::{models, refuse};
use crate::{
    format::values,
    model::{
        Attachment, ContainerConfig, DEFAULT_NETWORK, Device, DeviceRate, DeviceRule, HostAddress,
        Limits, LogConfig, Mount, MountKind, Naming, NetworkMode, Port, Publish, RestartPolicy,
        SeccompMode, Security, SharedNamespaces, Ulimit, VolumeMount,
    },
};

/// What a parser answers: a value, or one line that says what is wrong.
pub type Parsed<T> = Result<T, String>;

/// Reads the body of a create.
#[allow(
    clippy::needless_update,
    reason = "what clients can't ask for, now or later, has its default"
)]
pub fn config(mut body: Value) -> Parsed<ContainerConfig> {
    // Both may be one string.
    for key in ["Cmd", "Entrypoint"] {
        if let Some(text) = body.get(key).and_then(Value::as_str).map(str::to_owned) {
            body[key] = Value::from(match text.as_str() {
                "" => Vec::new(),
                _ => vec![text],
            });
        }
    }
    let mac = body
        .get("MacAddress")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let body: models::ContainerCreateBody =
        serde_json::from_value(body).map_err(|error| format!("invalid JSON: {error}"))?;
    let host = body.host_config.unwrap_or_default();
    refuse::refuse(&host)?;
    let image = body.image.filter(|image| !image.is_empty());
    let image = image.ok_or("no image specified")?;
    let health = body
        .healthcheck
        .map(super::health::check)
        .transpose()?
        .flatten();
    let (network, networks) = networks(&host, body.networking_config, mac)?;
    let auto_remove = host.auto_remove.unwrap_or_default();
    let restart = restart(host.restart_policy.as_ref())?;
    if auto_remove && restart != RestartPolicy::No {
        return Err("can't create 'AutoRemove' container with restart policy".into());
    }
    let mut mounts = mounts(&host)?;
    for path in body.volumes.into_iter().flatten() {
        if !mounts
            .iter()
            .any(|mount| mount.target.as_os_str() == path.as_str())
        {
            mounts.push(Mount::anonymous(path));
        }
    }
    Ok(ContainerConfig {
        image,
        command: body.cmd.unwrap_or_default(),
        // One empty word stands for none.
        entrypoint: body.entrypoint.map(|words| match words.as_slice() {
            [word] if word.is_empty() => Vec::new(),
            _ => words,
        }),
        env: body.env.unwrap_or_default(),
        working_dir: text(body.working_dir),
        user: text(body.user),
        groups: host.group_add.clone().unwrap_or_default(),
        shared: SharedNamespaces {
            ipc: host.ipc_mode.as_deref().unwrap_or_default().parse()?,
            pid: host.pid_mode.as_deref().unwrap_or_default().parse()?,
            uts: host.uts_mode.as_deref() == Some("host"),
        },
        hostname: text(body.hostname),
        labels: body.labels.into_iter().flatten().collect(),
        tty: body.tty.unwrap_or_default(),
        open_stdin: body.open_stdin.unwrap_or_default(),
        auto_remove,
        init: host.init.unwrap_or_default(),
        restart,
        stop_signal: text(body.stop_signal),
        stop_timeout_secs: body.stop_timeout,
        read_only: host.readonly_rootfs.unwrap_or_default(),
        mounts,
        volumes_from: host.volumes_from.clone().unwrap_or_default(),
        network,
        networks,
        publish: publish(host.port_bindings.clone().unwrap_or_default())?,
        publish_all: host.publish_all_ports.unwrap_or_default(),
        expose: ports(body.exposed_ports.unwrap_or_default())?,
        naming: naming(&host)?,
        log: log(&host)?,
        limits: limits(&host)?,
        ulimits: ulimits(&host)?,
        devices: devices(&host),
        device_rules: device_rules(&host)?,
        cap_add: capabilities(host.cap_add.clone()),
        cap_drop: capabilities(host.cap_drop.clone()),
        security: security(&host)?,
        privileged: host.privileged.unwrap_or_default(),
        sysctls: host.sysctls.clone().into_iter().flatten().collect(),
        shm_size_bytes: positive(host.shm_size),
        oom_score_adj: host
            .oom_score_adj
            .filter(|n| *n != 0)
            .map(|n| i32::try_from(n).ok().filter(|n| (-1000..=1000).contains(n)))
            .map(|n| n.ok_or("OomScoreAdj: it must be between -1000 and 1000"))
            .transpose()?,
        health,
        ..ContainerConfig::default()
    })
}

/// A text that says something.
fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn positive(number: Option<i64>) -> Option<u64> {
    number
        .and_then(|n| u64::try_from(n).ok())
        .filter(|n| *n > 0)
}

fn restart(policy: Option<&models::RestartPolicy>) -> Parsed<RestartPolicy> {
    use models::RestartPolicyNameEnum as Name;
    let retries = policy
        .and_then(|policy| policy.maximum_retry_count)
        .unwrap_or(0);
    let max_retries = u32::try_from(retries)
        .map_err(|_| "invalid restart policy: maximum retry count cannot be negative")?;
    Ok(match policy.and_then(|policy| policy.name) {
        None | Some(Name::EMPTY | Name::NO) => RestartPolicy::No,
        Some(Name::ON_FAILURE) => RestartPolicy::OnFailure { max_retries },
        Some(Name::ALWAYS) => RestartPolicy::Always,
        Some(Name::UNLESS_STOPPED) => RestartPolicy::UnlessStopped,
    })
}

/// The same for an update.
pub fn restart_policy(policy: &models::RestartPolicy) -> Parsed<RestartPolicy> {
    restart(Some(policy))
}

/// `80/tcp`, `80`.
pub fn port(text: &str) -> Parsed<Port> {
    let (number, transport) = text.split_once('/').unwrap_or((text, "tcp"));
    let number = number.parse().ok().filter(|number| *number != 0);
    Ok(Port {
        number: number.ok_or_else(|| format!("invalid port specification: {text:?}"))?,
        transport: transport.parse()?,
    })
}

fn ports(texts: Vec<String>) -> Parsed<Vec<Port>> {
    let mut ports: Vec<_> = texts.iter().map(|text| port(text)).collect::<Parsed<_>>()?;
    ports.sort();
    Ok(ports)
}

fn publish(bindings: models::PortMap) -> Parsed<Vec<Publish>> {
    let bindings: BTreeMap<_, _> = bindings.into_iter().collect();
    let mut published = Vec::new();
    for (container, hosts) in bindings {
        let container = port(&container)?;
        for binding in hosts.into_iter().flatten() {
            let ip = match binding.host_ip.as_deref() {
                None | Some("") => None,
                Some(ip) => Some(
                    ip.trim_matches(['[', ']'])
                        .parse()
                        .map_err(|_| format!("invalid IP address: {ip:?}"))?,
                ),
            };
            let host = match binding.host_port.as_deref() {
                None | Some("" | "0") => None,
                Some(range) => {
                    let (from, to) = range.split_once('-').unwrap_or((range, range));
                    let number = |text: &str| {
                        text.parse::<u16>()
                            .map_err(|_| format!("invalid port specification: {range:?}"))
                    };
                    Some((number(from)?, number(to)?))
                }
            };
            published.push(Publish {
                ip,
                host,
                container,
            });
        }
    }
    Ok(published)
}

/// Where it lives, and what it joins.
fn networks(
    host: &models::HostConfig,
    config: Option<models::NetworkingConfig>,
    mac: Option<String>,
) -> Parsed<(NetworkMode, Vec<Attachment>)> {
    let mode = host.network_mode.as_deref().unwrap_or_default();
    let mut endpoints: BTreeMap<_, _> = config
        .and_then(|config| config.endpoints_config)
        .unwrap_or_default()
        .into_iter()
        .collect();
    let first = match mode {
        "none" => return Ok((NetworkMode::None, Vec::new())),
        "host" => return Ok((NetworkMode::Host, Vec::new())),
        "" | "default" => DEFAULT_NETWORK,
        mode => match mode.strip_prefix("container:") {
            Some(other) => return Ok((NetworkMode::Container(other.into()), Vec::new())),
            None => mode,
        },
    };
    let own = endpoints
        .remove(first)
        .or_else(|| endpoints.remove("default"));
    let mut own = attachment(first, own.as_ref())?;
    if let Some(mac) = text(mac) {
        own.mac = Some(mac.parse()?);
    }
    let mut all = vec![own];
    for (name, settings) in &endpoints {
        all.push(attachment(name, Some(settings))?);
    }
    Ok((NetworkMode::Bridge, all))
}

/// A wish to be on a network.
pub fn attachment(name: &str, settings: Option<&models::EndpointSettings>) -> Parsed<Attachment> {
    let mut attachment = Attachment::to(name);
    let Some(settings) = settings else {
        return Ok(attachment);
    };
    let address = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let wrong = |ip: &str| format!("invalid IP address: {ip:?}");
    if let Some(ipam) = &settings.ipam_config {
        attachment.ip = match address(&ipam.ipv4_address) {
            Some(ip) => Some(ip.parse::<Ipv4Addr>().map_err(|_| wrong(&ip))?),
            None => None,
        };
        attachment.ip6 = match address(&ipam.ipv6_address) {
            Some(ip) => Some(ip.parse::<Ipv6Addr>().map_err(|_| wrong(&ip))?),
            None => None,
        };
    }
    if let Some(mac) = text(settings.mac_address.clone()) {
        attachment.mac = Some(mac.parse()?);
    }
    attachment.aliases = settings.aliases.clone().unwrap_or_default();
    Ok(attachment)
}

/// How it finds names.
pub fn naming(host: &models::HostConfig) -> Parsed<Naming> {
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let servers = list(&host.dns);
    let servers = servers.iter().map(|ip| {
        ip.parse()
            .map_err(|_| format!("{ip:?} is not the address of a name server"))
    });
    let hosts = list(&host.extra_hosts);
    let hosts = hosts.iter().map(|line| {
        // `name:ip` is the daemon's form; `name=ip` is what clients may write.
        let (name, ip) = line
            .split_once('=')
            .or_else(|| line.split_once(':'))
            .ok_or_else(|| format!("bad format for add-host: {line:?}"))?;
        let ip = match ip {
            "host-gateway" => HostAddress::Gateway,
            ip => HostAddress::Ip(
                ip.trim_matches(['[', ']'])
                    .parse()
                    .map_err(|_| format!("invalid IP address in add-host: {ip:?}"))?,
            ),
        };
        Ok((name.to_owned(), ip))
    });
    Ok(Naming {
        servers: servers.collect::<Parsed<_>>()?,
        search: list(&host.dns_search),
        options: list(&host.dns_options),
        hosts: hosts.collect::<Parsed<_>>()?,
    })
}

fn log(host: &models::HostConfig) -> Parsed<LogConfig> {
    let asked = host.log_config.clone().unwrap_or_default();
    let options: BTreeMap<_, _> = asked.config.into_iter().flatten().collect();
    let options = options
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    values::log_config(asked.typ.as_deref().unwrap_or_default(), options)
}

/// The longest quota that the kernel takes, in microseconds (`max_cfs_runtime`, sched/core.c).
const MOST_CPU_QUOTA: u64 = (1 << 44) - 1;

/// Limits, as create and update have them.
pub fn limits(host: &models::HostConfig) -> Parsed<Limits> {
    let microseconds = |given: Option<i64>, range: RangeInclusive<u64>, refusal: &str| {
        let given = positive(given);
        match given.is_none_or(|n| range.contains(&n)) {
            true => Ok(given),
            false => Err(refusal.to_owned()),
        }
    };
    let period = microseconds(
        host.cpu_period,
        1_000..=1_000_000,
        "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    )?;
    let quota = microseconds(
        host.cpu_quota,
        1_000..=MOST_CPU_QUOTA,
        "CPU cfs quota can not be less than 1ms (i.e. 1000) or larger than 2^44 - 1",
    )?;
    let nano = positive(host.nano_cpus);
    if nano.is_some() && quota.is_some() {
        return Err("Conflicting options: Nano CPUs and CPU Quota cannot both be set.".into());
    }
    let memory = positive(host.memory);
    if memory.is_some_and(|bytes| bytes < 6 << 20) {
        return Err("Minimum memory limit allowed is 6MB".into());
    }
    let swap = host.memory_swap.filter(|bytes| *bytes != 0);
    if let (Some(swap), Some(memory)) = (swap.filter(|bytes| *bytes > 0), memory)
        && (swap as u64) < memory
    {
        return Err(
            "Minimum memoryswap limit should be larger than memory limit, see usage".into(),
        );
    }
    if swap.is_some_and(|bytes| bytes > 0) && memory.is_none() {
        return Err(
            "You should always set the Memory limit when using Memoryswap limit, see usage".into(),
        );
    }
    let rates = |list: &Option<Vec<models::ThrottleDevice>>| -> Parsed<Vec<DeviceRate>> {
        let list = list.iter().flatten();
        list.map(|device| {
            let path = device.path.clone().unwrap_or_default();
            if !path.starts_with('/') || path.contains('\0') {
                return Err(format!("{path:?} is not the path of a device"));
            }
            let rate = device.rate.and_then(|rate| u64::try_from(rate).ok());
            Ok(DeviceRate {
                rate: rate.ok_or_else(|| format!("{path}: a rate is needed"))?,
                path: path.into(),
            })
        })
        .collect()
    };
    let cpuset = |list: &Option<String>| match list.as_deref() {
        None | Some("") => Ok(None),
        Some(list) => values::cpuset(list).map(Some),
    };
    Ok(Limits {
        cpu_millis: match (nano, quota) {
            // A thousandth of a core is the least that is counted here.
            (Some(nano), _) => Some((nano / 1_000_000).max(1)),
            (None, Some(quota)) => Some((quota * 1000 / period.unwrap_or(100_000)).max(1)),
            (None, None) => None,
        },
        cpu_shares: positive(host.cpu_shares),
        cpuset_cpus: cpuset(&host.cpuset_cpus)?,
        cpuset_mems: cpuset(&host.cpuset_mems)?,
        memory_bytes: memory,
        memory_swap_bytes: swap,
        memory_reservation_bytes: positive(host.memory_reservation),
        // -1 is how clients say nothing.
        memory_swappiness: match host.memory_swappiness {
            None | Some(-1) => None,
            Some(n @ 0..=100) => Some(n.unsigned_abs()),
            Some(n) => {
                return Err(format!(
                    "Invalid value: {n}, valid memory swappiness range is 0-100"
                ));
            }
        },
        pids: host.pids_limit.filter(|n| *n != 0),
        blkio_weight: host.blkio_weight.filter(|n| *n != 0),
        read_bps: rates(&host.blkio_device_read_bps)?,
        write_bps: rates(&host.blkio_device_write_bps)?,
        read_iops: rates(&host.blkio_device_read_iops)?,
        write_iops: rates(&host.blkio_device_write_iops)?,
        oom_kill_disable: host.oom_kill_disable,
        ..Limits::default()
    })
}

fn ulimits(host: &models::HostConfig) -> Parsed<Vec<Ulimit>> {
    let list = host.ulimits.iter().flatten();
    list.map(|limit| {
        let name = limit.name.clone().unwrap_or_default();
        let number = |n: Option<i64>| match n.unwrap_or(0) {
            -1 => u64::MAX,
            n => n as u64,
        };
        let (soft, hard) = (number(limit.soft), number(limit.hard));
        if name.is_empty() || soft > hard {
            return Err(format!(
                "invalid ulimit {name:?}: the soft limit is above the hard one"
            ));
        }
        Ok(Ulimit { name, soft, hard })
    })
    .collect()
}

fn devices(host: &models::HostConfig) -> Vec<Device> {
    let list = host.devices.iter().flatten();
    list.map(|device| {
        let host = device.path_on_host.clone().unwrap_or_default();
        let container = text(device.path_in_container.clone()).unwrap_or_else(|| host.clone());
        Device {
            host: host.into(),
            container: container.into(),
            permissions: text(device.cgroup_permissions.clone()).unwrap_or_else(|| "rwm".into()),
        }
    })
    .collect()
}

fn device_rules(host: &models::HostConfig) -> Parsed<Vec<DeviceRule>> {
    let rules = host.device_cgroup_rules.iter().flatten();
    rules.map(|rule| rule.parse()).collect()
}

fn capabilities(list: Option<Vec<String>>) -> Vec<String> {
    let names = list
        .into_iter()
        .flatten()
        .map(|name| name.to_ascii_uppercase());
    names
        .map(|name| name.strip_prefix("CAP_").map(str::to_owned).unwrap_or(name))
        .collect()
}

fn security(host: &models::HostConfig) -> Parsed<Security> {
    let mut security = Security {
        // Two empty lists are what `systempaths=unconfined` is made into.
        unmask: host.masked_paths.as_ref().is_some_and(Vec::is_empty)
            && host.readonly_paths.as_ref().is_some_and(Vec::is_empty),
        ..Security::default()
    };
    for option in host.security_opt.iter().flatten() {
        let (key, value) = option
            .split_once(['=', ':'])
            .map_or((option.as_str(), None), |(key, value)| (key, Some(value)));
        match (key, value) {
            ("no-new-privileges", None | Some("true")) => security.no_new_privileges = true,
            ("no-new-privileges", Some("false")) => {}
            ("seccomp", Some("unconfined")) => security.seccomp = SeccompMode::Unconfined,
            ("seccomp", Some("builtin")) => {}
            // The client has read the file.
            ("seccomp", Some(profile)) => security.seccomp = SeccompMode::Profile(profile.into()),
            ("systempaths", Some("unconfined")) => security.unmask = true,
            // There is nothing of it here that could confine.
            ("apparmor" | "label", Some("unconfined" | "disable")) => {}
            _ => return Err(format!("invalid --security-opt: {option:?}")),
        }
    }
    Ok(security)
}

fn mounts(host: &models::HostConfig) -> Parsed<Vec<Mount>> {
    let mut mounts = Vec::new();
    for bind in host.binds.iter().flatten() {
        mounts.push(bound(bind)?);
    }
    for mount in host.mounts.iter().flatten() {
        mounts.push(mounted(mount)?);
    }
    for (path, options) in host.tmpfs.iter().flatten().collect::<BTreeMap<_, _>>() {
        mounts.push(Mount {
            kind: MountKind::Tmpfs {
                options: options
                    .split(',')
                    .filter(|o| !o.is_empty())
                    .map(str::to_owned)
                    .collect(),
            },
            target: path.into(),
            read_only: false,
        });
    }
    let twice = mounts.iter().enumerate().find(|(index, mount)| {
        mounts[..*index]
            .iter()
            .any(|other| other.target == mount.target)
    });
    match twice {
        Some((_, mount)) => Err(format!("Duplicate mount point: {}", mount.target.display())),
        None => Ok(mounts),
    }
}

/// `SOURCE:TARGET[:OPTIONS]`
fn bound(text: &str) -> Parsed<Mount> {
    Mount::parse_short(text)
        .map_err(|error| format!("invalid volume specification: '{text}': {error}"))
}

fn mounted(mount: &models::Mount) -> Parsed<Mount> {
    use models::MountType as Type;
    let target =
        text(mount.target.clone()).ok_or("invalid mount config: field Target must not be empty")?;
    if !target.starts_with('/') {
        return Err(format!(
            "invalid mount config for type: mount path must be absolute: '{target}'"
        ));
    }
    let read_only = mount.read_only.unwrap_or_default();
    let source = text(mount.source.clone());
    let kind = match mount.typ {
        Some(Type::BIND) => {
            let options = mount.bind_options.clone().unwrap_or_default();
            let source = source
                .ok_or("invalid mount config for type \"bind\": field Source must not be empty")?;
            MountKind::Bind {
                source: source.into(),
                create: options.create_mountpoint.unwrap_or_default(),
                propagation: options
                    .propagation
                    .map(|propagation| propagation.to_string())
                    .filter(|propagation| !propagation.is_empty()),
                recursive: !options.non_recursive.unwrap_or_default(),
                writable_below: options.read_only_non_recursive.unwrap_or_default(),
            }
        }
        Some(Type::TMPFS) => {
            let options = mount.tmpfs_options.clone().unwrap_or_default();
            let mut list = Vec::new();
            if let Some(size) = positive(options.size_bytes) {
                list.push(format!("size={size}"));
            }
            if let Some(mode) = options.mode {
                list.push(format!("mode={mode:o}"));
            }
            MountKind::Tmpfs { options: list }
        }
        Some(Type::VOLUME) => {
            let options = mount.volume_options.clone().unwrap_or_default();
            let driver = options.driver_config.unwrap_or_default();
            MountKind::Volume(VolumeMount {
                name: source,
                no_copy: options.no_copy.unwrap_or_default(),
                subpath: text(options.subpath).map(Into::into),
                driver: text(driver.name),
                options: driver.options.into_iter().flatten().collect(),
                labels: options.labels.into_iter().flatten().collect(),
                ..VolumeMount::default()
            })
        }
        other => {
            let kind = other.map(|kind| kind.to_string()).unwrap_or_default();
            return Err(format!(
                "invalid mount config: mount type {kind:?} is not supported"
            ));
        }
    };
    Ok(Mount {
        kind,
        target: target.into(),
        read_only,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_dockers_command_sends_is_read() {
        let body = r#"{
            "Hostname": "", "Domainname": "", "User": "1:2", "AttachStdin": false,
            "Tty": true, "OpenStdin": true, "StdinOnce": true, "Env": ["A=1"],
            "Cmd": ["sh", "-c", "x"], "Image": "debian:12", "Volumes": {}, "WorkingDir": "/w",
            "Entrypoint": null, "OnBuild": null, "Labels": {"a": "b"},
            "ExposedPorts": {"80/tcp": {}},
            "HostConfig": {
                "Binds": ["/src:/dst:ro"], "ContainerIDFile": "",
                "LogConfig": {"Type": "", "Config": {}}, "NetworkMode": "default",
                "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
                "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
                "AutoRemove": false, "VolumeDriver": "", "VolumesFrom": null,
                "CapAdd": ["CAP_NET_ADMIN"], "CapDrop": null, "CgroupnsMode": "",
                "Dns": [], "ExtraHosts": ["db:10.0.0.1"], "GroupAdd": null, "IpcMode": "",
                "Cgroup": "", "Links": null, "OomScoreAdj": 0, "PidMode": "",
                "SecurityOpt": ["no-new-privileges"], "UTSMode": "", "UsernsMode": "",
                "ShmSize": 0, "ConsoleSize": [24, 80], "Isolation": "", "CpuShares": 0,
                "Memory": 67108864, "NanoCpus": 1500000000, "CgroupParent": "",
                "MemorySwappiness": -1, "OomKillDisable": null, "PidsLimit": 50,
                "Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}],
                "MaskedPaths": null, "ReadonlyPaths": null
            },
            "NetworkingConfig": {"EndpointsConfig": {"default": {"Aliases": ["web"]}}}
        }"#;
        let body = serde_json::from_str(body).unwrap();
        let config = config(body).unwrap();
        assert_eq!(config.limits.cpu_millis, Some(1500));
        assert_eq!(config.limits.memory_bytes, Some(64 << 20));
        assert_eq!(config.restart, RestartPolicy::OnFailure { max_retries: 3 });
        assert_eq!(config.cap_add, ["NET_ADMIN"]);
        assert_eq!(config.networks[0].aliases, ["web"]);
        assert_eq!(config.publish[0].host, Some((8080, 8080)));
        assert!(config.security.no_new_privileges && config.mounts[0].read_only);
        assert_eq!(config.entrypoint, None);
    }

    #[test]
    fn what_would_be_another_container_is_refused_by_its_name() {
        for (key, value) in [
            ("UTSMode", json!("container:x")),
            ("CgroupParent", json!("/x")),
            ("Runtime", json!("runsc")),
        ] {
            let body = json!({"Image": "x", "HostConfig": {key: value}});
            assert!(config(body).unwrap_err().contains(key), "{key}");
        }
        assert_eq!(config(json!({})).unwrap_err(), "no image specified");
        assert!(config(json!({"Image": 3})).is_err());
        let body = json!({"Image": "x", "HostConfig": {"Memory": 1000}});
        assert!(config(body).unwrap_err().contains("6MB"));
    }

    #[test]
    fn quota_and_period_are_what_the_kernel_can_hold() {
        let cpu = |quota: i64, period: i64| {
            let host = json!({"CpuQuota": quota, "CpuPeriod": period});
            config(json!({"Image": "x", "HostConfig": host})).map(|made| made.limits.cpu_millis)
        };
        assert_eq!(cpu(50_000, 0), Ok(Some(500)));
        assert_eq!(cpu(1_000, 1_000_000), Ok(Some(1)));
        assert_eq!(cpu(-1, 100_000), Ok(None));
        assert!(cpu((1 << 44) - 1, 1_000).is_ok());
        for (quota, period) in [
            (999, 0),
            (1 << 44, 0),
            (i64::MAX, 1_000),
            (0, 999),
            (0, 1 << 20),
        ] {
            assert!(
                cpu(quota, period).unwrap_err().contains("CPU cfs"),
                "{quota} {period}"
            );
        }
    }

    #[test]
    fn command_may_be_one_string() {
        let config = config(json!({"Image": "x", "Cmd": "ls", "Entrypoint": [""]})).unwrap();
        assert_eq!(config.command, ["ls"]);
        assert_eq!(config.entrypoint, Some(vec![]));
    }
}
