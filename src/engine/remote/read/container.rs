//! Containers: a row of the list, and one as it is inspected.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    health::{health, health_check},
    lenient, time,
};
use crate::engine::remote::write::bytes;
use crate::model::{
    Attachment, Connectivity, Container, ContainerConfig, ContainerId, Device, DeviceRate, Digest,
    Endpoint, Exit, HostAddress, Limits, LogConfig, LogDriver, Mount, MountKind, Naming, NetworkId,
    NetworkMode, Port, Publish, PublishedPort, RestartPolicy, SeccompMode, Security,
    SharedNamespaces, State, Ulimit, VolumeMount,
};

/// A row of the list: enough to see what changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub id: ContainerId,
    /// What it is called.
    pub name: String,
    /// What state it is in.
    pub state: State,
}

impl Listed {
    /// Of a row.
    pub fn of(row: &Value) -> Option<Self> {
        let id = row["Id"].as_str().or(row["ID"].as_str())?;
        let names = row["Names"].as_array().cloned().unwrap_or_default();
        // Names that others have for it have a slash within.
        let name = names.iter().filter_map(Value::as_str).map(bare);
        let own = name.clone().find(|name| !name.contains('/'));
        Some(Self {
            id: ContainerId::parse(id)?,
            name: own.or(name.clone().next()).unwrap_or_default().to_owned(),
            state: state(row["State"].as_str().unwrap_or_default()),
        })
    }
}

fn bare(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}

/// Docker's states, and podman's words for the same.
fn state(word: &str) -> State {
    match word {
        "created" | "configured" | "initialized" => State::Created,
        "running" => State::Running,
        "paused" => State::Paused,
        "restarting" => State::Restarting,
        "removing" => State::Removing,
        "dead" => State::Dead,
        // "exited", "stopped", "stopping", and what may come.
        _ => State::Exited,
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Inspected {
    id: String,
    #[serde(deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "lenient")]
    created: String,
    #[serde(deserialize_with = "lenient")]
    path: String,
    #[serde(deserialize_with = "lenient")]
    args: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    image: String,
    #[serde(deserialize_with = "lenient")]
    restart_count: u32,
    state: Value,
    #[serde(deserialize_with = "lenient")]
    config: Config,
    #[serde(deserialize_with = "lenient")]
    host_config: HostConfig,
    #[serde(deserialize_with = "lenient")]
    mounts: Vec<Value>,
    network_settings: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    #[serde(deserialize_with = "lenient")]
    image: String,
    #[serde(deserialize_with = "lenient")]
    cmd: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    entrypoint: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient")]
    env: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    working_dir: String,
    #[serde(deserialize_with = "lenient")]
    user: String,
    #[serde(deserialize_with = "lenient")]
    hostname: String,
    #[serde(deserialize_with = "lenient")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "lenient")]
    tty: bool,
    #[serde(deserialize_with = "lenient")]
    open_stdin: bool,
    #[serde(deserialize_with = "lenient")]
    stop_signal: Option<Value>,
    #[serde(deserialize_with = "lenient")]
    healthcheck: Value,
    #[serde(deserialize_with = "lenient")]
    stop_timeout: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    exposed_ports: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    #[serde(deserialize_with = "lenient")]
    auto_remove: bool,
    #[serde(deserialize_with = "lenient")]
    init: bool,
    #[serde(deserialize_with = "lenient")]
    volumes_from: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    network_mode: String,
    #[serde(deserialize_with = "lenient")]
    ipc_mode: String,
    #[serde(deserialize_with = "lenient")]
    pid_mode: String,
    #[serde(rename = "UTSMode", deserialize_with = "lenient")]
    uts_mode: String,
    #[serde(deserialize_with = "lenient")]
    group_add: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    log_config: Value,
    #[serde(deserialize_with = "lenient")]
    oom_kill_disable: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    restart_policy: Value,
    #[serde(deserialize_with = "lenient")]
    port_bindings: Map<String, Value>,
    #[serde(deserialize_with = "lenient")]
    publish_all_ports: bool,
    #[serde(deserialize_with = "lenient")]
    readonly_rootfs: bool,
    #[serde(deserialize_with = "lenient")]
    privileged: bool,
    #[serde(deserialize_with = "lenient")]
    cap_add: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    cap_drop: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    security_opt: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    sysctls: BTreeMap<String, String>,
    #[serde(deserialize_with = "lenient")]
    shm_size: u64,
    #[serde(deserialize_with = "lenient")]
    oom_score_adj: i32,
    #[serde(deserialize_with = "lenient")]
    devices: Vec<Value>,
    #[serde(deserialize_with = "lenient")]
    device_cgroup_rules: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    ulimits: Vec<Value>,
    #[serde(deserialize_with = "lenient")]
    dns: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    dns_search: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    dns_options: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    extra_hosts: Vec<String>,
    #[serde(rename = "NanoCpus", deserialize_with = "lenient")]
    nano_cpus: u64,
    #[serde(deserialize_with = "lenient")]
    cpu_quota: i64,
    #[serde(deserialize_with = "lenient")]
    cpu_period: u64,
    #[serde(deserialize_with = "lenient")]
    cpu_shares: u64,
    #[serde(deserialize_with = "lenient")]
    cpuset_cpus: String,
    #[serde(deserialize_with = "lenient")]
    cpuset_mems: String,
    #[serde(deserialize_with = "lenient")]
    memory: u64,
    #[serde(deserialize_with = "lenient")]
    memory_swap: i64,
    #[serde(deserialize_with = "lenient")]
    memory_reservation: u64,
    #[serde(deserialize_with = "lenient")]
    memory_min: u64,
    #[serde(deserialize_with = "lenient")]
    memory_swappiness: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    memory_high: u64,
    #[serde(deserialize_with = "lenient")]
    pids_limit: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    blkio_weight: u16,
    #[serde(deserialize_with = "lenient")]
    blkio_device_read_bps: Vec<Value>,
    #[serde(deserialize_with = "lenient")]
    blkio_device_write_bps: Vec<Value>,
    #[serde(rename = "BlkioDeviceReadIOps", deserialize_with = "lenient")]
    blkio_device_read_iops: Vec<Value>,
    #[serde(rename = "BlkioDeviceWriteIOps", deserialize_with = "lenient")]
    blkio_device_write_iops: Vec<Value>,
}

/// A container as it is inspected; in words what is wrong with an answer that is none.
pub fn container(value: &Value) -> Result<Container, String> {
    let found = Inspected::deserialize(value)
        .map_err(|error| format!("the engine's answer can't be read: {error}"))?;
    let id = ContainerId::parse(&found.id)
        .ok_or_else(|| format!("{:?} is no id of a container", found.id))?;
    let now = &found.state;
    let state = state(now["Status"].as_str().unwrap_or_default());
    let finished = time(now["FinishedAt"].as_str().unwrap_or_default());
    let exit = finished.filter(|_| !state.has_process()).map(|at| Exit {
        code: now["ExitCode"]
            .as_i64()
            .and_then(|code| i32::try_from(code).ok()),
        at,
        oom_killed: now["OOMKilled"].as_bool().unwrap_or_default(),
    });
    let pid = now["Pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
    let mut argv = vec![found.path.clone()];
    argv.extend(found.args.iter().cloned());
    let error = now["Error"].as_str().filter(|text| !text.is_empty());
    Ok(Container {
        name: bare(&found.name).to_owned(),
        image_id: image_id(&found.image),
        argv,
        created: time(&found.created).unwrap_or(jiff::Timestamp::UNIX_EPOCH),
        state,
        pid: pid.filter(|pid| *pid > 0 && state.has_process()),
        started: time(now["StartedAt"].as_str().unwrap_or_default()),
        exit,
        restarts: found.restart_count,
        error: error.map(str::to_owned),
        health: health(&now["Health"]),
        connectivity: connectivity(&id, &found.network_settings),
        config: config(found),
        id,
    })
}

/// Podman leaves the algorithm out.
fn image_id(text: &str) -> Digest {
    Digest::parse(text)
        .or_else(|| Digest::parse(&format!("sha256:{text}")))
        .unwrap_or_else(|| Digest::from_sha256(&[0; 32]))
}

fn config(found: Inspected) -> ContainerConfig {
    let (config, host) = (found.config, found.host_config);
    let some = |text: String| (!text.is_empty()).then_some(text);
    let network = network_mode(&host.network_mode);
    ContainerConfig {
        image: config.image,
        command: config.cmd,
        entrypoint: config.entrypoint,
        env: config.env,
        working_dir: some(config.working_dir),
        user: some(config.user),
        groups: host.group_add,
        shared: SharedNamespaces {
            // What another engine has words of its own for is its container's own.
            ipc: host.ipc_mode.parse().unwrap_or_default(),
            pid: host.pid_mode.parse().unwrap_or_default(),
            uts: host.uts_mode == "host",
        },
        hostname: some(config.hostname),
        labels: config.labels,
        tty: config.tty,
        open_stdin: config.open_stdin,
        auto_remove: host.auto_remove,
        init: host.init,
        restart: restart(&host.restart_policy),
        stop_signal: config.stop_signal.and_then(|signal| match signal {
            Value::String(text) => some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }),
        health: health_check(&config.healthcheck),
        stop_timeout_secs: config.stop_timeout,
        read_only: host.readonly_rootfs,
        volumes_from: host.volumes_from,
        mounts: found.mounts.iter().filter_map(mount).collect(),
        networks: match network {
            NetworkMode::Bridge => attachments(&found.network_settings),
            _ => Vec::new(),
        },
        network,
        publish: host.port_bindings.iter().flat_map(publish).collect(),
        publish_all: host.publish_all_ports,
        expose: config
            .exposed_ports
            .keys()
            .filter_map(|port| parse_port(port))
            .collect(),
        naming: Naming {
            servers: host.dns.iter().filter_map(|ip| ip.parse().ok()).collect(),
            search: host.dns_search,
            options: host.dns_options,
            hosts: host
                .extra_hosts
                .iter()
                .filter_map(|h| extra_host(h))
                .collect(),
        },
        log: log_config(&host.log_config),
        limits: Limits {
            // Docker has no such limits.
            net_rate_in: None,
            net_rate_out: None,
            cpu_millis: match (host.nano_cpus, host.cpu_quota, host.cpu_period) {
                (0, quota @ 1.., period) => {
                    let period = if period == 0 { 100_000 } else { period };
                    Some(quota.unsigned_abs() * 1000 / period)
                }
                (0, ..) => None,
                (nano, ..) => Some(nano / 1_000_000),
            },
            cpu_shares: (host.cpu_shares > 0).then_some(host.cpu_shares),
            cpuset_cpus: some(host.cpuset_cpus),
            cpuset_mems: some(host.cpuset_mems),
            memory_bytes: (host.memory > 0).then_some(host.memory),
            memory_swap_bytes: (host.memory_swap != 0).then_some(host.memory_swap),
            memory_reservation_bytes: (host.memory_reservation > 0)
                .then_some(host.memory_reservation),
            memory_swappiness: host.memory_swappiness.and_then(|n| u64::try_from(n).ok()),
            memory_min_bytes: (host.memory_min > 0).then_some(host.memory_min),
            memory_high_bytes: (host.memory_high > 0).then_some(host.memory_high),
            oom_kill_disable: host.oom_kill_disable.filter(|is_disabled| *is_disabled),
            pids: host.pids_limit.filter(|most| *most != 0),
            blkio_weight: (host.blkio_weight > 0).then_some(host.blkio_weight),
            read_bps: host.blkio_device_read_bps.iter().filter_map(rate).collect(),
            write_bps: host
                .blkio_device_write_bps
                .iter()
                .filter_map(rate)
                .collect(),
            read_iops: host
                .blkio_device_read_iops
                .iter()
                .filter_map(rate)
                .collect(),
            write_iops: host
                .blkio_device_write_iops
                .iter()
                .filter_map(rate)
                .collect(),
        },
        ulimits: host.ulimits.iter().filter_map(ulimit).collect(),
        devices: host.devices.iter().filter_map(device).collect(),
        device_rules: host
            .device_cgroup_rules
            .iter()
            .filter_map(|rule| rule.parse().ok())
            .collect(),
        cap_add: host.cap_add,
        cap_drop: host.cap_drop,
        security: security(&host.security_opt),
        privileged: host.privileged,
        sysctls: host.sysctls,
        shm_size_bytes: (host.shm_size > 0).then_some(host.shm_size),
        oom_score_adj: (host.oom_score_adj != 0).then_some(host.oom_score_adj),
    }
}

fn log_config(value: &Value) -> LogConfig {
    let word = value["Type"].as_str().unwrap_or_default();
    let option = |name: &str| value["Config"][name].as_str();
    LogConfig {
        driver: word
            .parse()
            .unwrap_or_else(|_| LogDriver::Other(word.to_owned())),
        max_size_bytes: option("max-size").and_then(bytes),
        max_files: option("max-file").and_then(|files| files.parse().ok()),
    }
}

fn network_mode(word: &str) -> NetworkMode {
    match word.split_once(':') {
        Some(("container", other)) => NetworkMode::Container(other.to_owned()),
        _ => match word {
            "none" => NetworkMode::None,
            "host" => NetworkMode::Host,
            _ => NetworkMode::Bridge,
        },
    }
}

fn restart(policy: &Value) -> RestartPolicy {
    let retries = policy["MaximumRetryCount"].as_u64().unwrap_or_default();
    match policy["Name"].as_str().unwrap_or_default() {
        "always" => RestartPolicy::Always,
        "unless-stopped" => RestartPolicy::UnlessStopped,
        "on-failure" => RestartPolicy::OnFailure {
            max_retries: u32::try_from(retries).unwrap_or(u32::MAX),
        },
        _ => RestartPolicy::No,
    }
}

fn mount(value: &Value) -> Option<Mount> {
    let target = PathBuf::from(value["Destination"].as_str()?);
    let text = |key: &str| value[key].as_str().filter(|text| !text.is_empty());
    let kind = match value["Type"].as_str().unwrap_or("bind") {
        "tmpfs" => MountKind::Tmpfs {
            options: Vec::new(),
        },
        "volume" => MountKind::Volume(VolumeMount {
            name: text("Name").map(str::to_owned),
            // Docker gives volumes that nobody named 64 random digits.
            is_anonymous: text("Name").is_some_and(|name| ContainerId::parse(name).is_some()),
            source: text("Source").map(PathBuf::from),
            driver: text("Driver").map(str::to_owned),
            ..VolumeMount::default()
        }),
        _ => MountKind::Bind {
            source: text("Source")?.into(),
            create: false,
            propagation: text("Propagation").map(str::to_owned),
            recursive: true,
            writable_below: false,
        },
    };
    Some(Mount {
        kind,
        target,
        read_only: !value["RW"].as_bool().unwrap_or(true),
    })
}

fn publish((port, bindings): (&String, &Value)) -> Vec<Publish> {
    let Some(container) = parse_port(port) else {
        return Vec::new();
    };
    let bindings = bindings.as_array().into_iter().flatten();
    bindings
        .map(|binding| {
            let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number > 0);
            let host = binding["HostPort"].as_str().unwrap_or_default();
            let host = match host.split_once('-') {
                Some((first, last)) => number(first).zip(number(last)),
                None => number(host).map(|one| (one, one)),
            };
            Publish {
                ip: binding["HostIp"].as_str().and_then(|ip| ip.parse().ok()),
                host,
                container,
            }
        })
        .collect()
}

pub(super) fn parse_port(text: &str) -> Option<Port> {
    let (number, transport) = text.split_once('/').unwrap_or((text, "tcp"));
    Some(Port {
        number: number.parse().ok()?,
        transport: transport.parse().ok()?,
    })
}

fn extra_host(text: &str) -> Option<(String, HostAddress)> {
    let (name, address) = text.split_once([':', '='])?;
    let address = match address {
        "host-gateway" => HostAddress::Gateway,
        ip => HostAddress::Ip(ip.trim_matches(['[', ']']).parse().ok()?),
    };
    Some((name.to_owned(), address))
}

fn rate(value: &Value) -> Option<DeviceRate> {
    Some(DeviceRate {
        path: value["Path"].as_str()?.into(),
        rate: value["Rate"].as_u64()?,
    })
}

fn ulimit(value: &Value) -> Option<Ulimit> {
    let bound = |key: &str| Some(u64::try_from(value[key].as_i64()?).unwrap_or(u64::MAX));
    let name = value["Name"].as_str()?.to_ascii_lowercase();
    Some(Ulimit {
        name: name.strip_prefix("rlimit_").unwrap_or(&name).to_owned(),
        soft: bound("Soft")?,
        hard: bound("Hard")?,
    })
}

fn device(value: &Value) -> Option<Device> {
    Some(Device {
        host: value["PathOnHost"].as_str()?.into(),
        container: value["PathInContainer"].as_str()?.into(),
        permissions: value["CgroupPermissions"].as_str().unwrap_or("rwm").into(),
    })
}

fn security(options: &[String]) -> Security {
    let mut security = Security::default();
    for option in options {
        match option.split_once(['=', ':']).unwrap_or((option, "")) {
            ("no-new-privileges", value) => security.no_new_privileges = value != "false",
            ("seccomp", "unconfined") => security.seccomp = SeccompMode::Unconfined,
            ("seccomp", text) => security.seccomp = SeccompMode::Profile(text.to_owned()),
            ("systempaths", "unconfined") => security.unmask = true,
            _ => {}
        }
    }
    security
}

fn attachments(settings: &Value) -> Vec<Attachment> {
    let networks = settings["Networks"].as_object();
    let wish = |(name, place): (&String, &Value)| Attachment {
        network: name.clone(),
        aliases: strings(&place["Aliases"]),
        ip: ipam(place, "IPv4Address"),
        ip6: ipam(place, "IPv6Address"),
        mac: None,
    };
    networks.into_iter().flatten().map(wish).collect()
}

fn ipam<T: std::str::FromStr>(place: &Value, key: &str) -> Option<T> {
    place["IPAMConfig"][key].as_str()?.parse().ok()
}

fn strings(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

fn connectivity(id: &ContainerId, settings: &Value) -> Connectivity {
    let networks = settings["Networks"].as_object();
    let endpoints = networks.into_iter().flatten();
    let endpoints = endpoints.filter_map(|(name, place)| endpoint(id, name, place));
    let ports = settings["Ports"].as_object();
    let ports = ports.into_iter().flatten().flat_map(|(port, bindings)| {
        let container = parse_port(port);
        let bindings = bindings.as_array().into_iter().flatten();
        bindings.filter_map(move |binding| {
            Some(PublishedPort {
                ip: match binding["HostIp"].as_str()? {
                    "" => IpAddr::from([0, 0, 0, 0]),
                    ip => ip.parse().ok()?,
                },
                host: binding["HostPort"].as_str()?.parse().ok()?,
                container: container?,
            })
        })
    });
    Connectivity {
        endpoints: endpoints.collect(),
        ports: ports.collect(),
    }
}

/// A place on a network; one that a stopped container only wishes for has no address.
fn endpoint(id: &ContainerId, name: &str, place: &Value) -> Option<Endpoint> {
    let prefix = |key: &str| place[key].as_u64().and_then(|n| u8::try_from(n).ok());
    fn parsed<T: std::str::FromStr>(place: &Value, key: &str) -> Option<T> {
        place[key].as_str()?.parse().ok()
    }
    let names = match strings(&place["DNSNames"]) {
        names if names.is_empty() => strings(&place["Aliases"]),
        names => names,
    };
    Some(Endpoint {
        container: id.clone(),
        network: NetworkId::parse(place["NetworkID"].as_str()?)?,
        network_name: name.to_owned(),
        interface: String::new(),
        mac: parsed(place, "MacAddress")?,
        ip: parsed(place, "IPAddress").zip(prefix("IPPrefixLen")),
        ip6: parsed(place, "GlobalIPv6Address").zip(prefix("GlobalIPv6PrefixLen")),
        gateway: parsed(place, "Gateway"),
        gateway6: parsed(place, "IPv6Gateway"),
        names,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shown_is_read() {
        let web = json!({
            "Id": "c".repeat(64), "Name": "/web", "Image": format!("sha256:{}", "d".repeat(64)),
            "Created": "2024-05-01T10:00:00Z", "Path": "nginx", "Args": ["-g"],
            "RestartCount": 2,
            "State": {
                "Status": "exited", "Pid": 0, "ExitCode": 137, "OOMKilled": true,
                "StartedAt": "2024-05-01T10:00:01Z", "FinishedAt": "2024-05-01T11:00:00.5Z",
            },
            "Config": { "Env": ["A=b"], "Tty": true, "ExposedPorts": { "80/tcp": {} } },
            "HostConfig": {
                "NanoCpus": 1_500_000_000, "Memory": 64 << 20, "PidsLimit": 9,
                "NetworkMode": "default", "SecurityOpt": ["no-new-privileges"],
                "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": 3 },
                "PortBindings": { "80/tcp": [{ "HostIp": "", "HostPort": "8080" }] },
                "Ulimits": [{ "Name": "nofile", "Soft": 5, "Hard": -1 }],
            },
            "Mounts": [{ "Type": "bind", "Source": "/a", "Destination": "/b", "RW": false }],
        });
        let read = container(&web).unwrap();
        let config = &read.config;
        assert_eq!(read.argv, ["nginx", "-g"]);
        assert_eq!(
            (read.state, read.restarts, read.pid),
            (State::Exited, 2, None)
        );
        let exit = read.exit.unwrap();
        assert_eq!((exit.code, exit.oom_killed), (Some(137), true));
        assert_eq!(config.limits.cpu_millis, Some(1500));
        assert_eq!(
            (config.limits.memory_bytes, config.limits.pids),
            (Some(64 << 20), Some(9))
        );
        assert_eq!(config.restart, RestartPolicy::OnFailure { max_retries: 3 });
        assert_eq!(config.network, NetworkMode::Bridge);
        assert!(config.security.no_new_privileges && config.tty);
        assert_eq!(config.publish[0].host, Some((8080, 8080)));
        assert_eq!(
            (config.ulimits[0].soft, config.ulimits[0].hard),
            (5, u64::MAX)
        );
        assert!(config.mounts[0].read_only);
    }

    #[test]
    fn nulls_unknown_words_and_missing_parts_do_no_harm() {
        let id = "a".repeat(64);
        let poor = json!({
            "Id": id, "Name": "/x", "Image": "b".repeat(64),
            "State": { "Status": "configured", "Pid": 0 },
            "Config": { "Env": null, "Cmd": null, "Labels": null, "StopSignal": 15 },
            "HostConfig": { "RestartPolicy": null, "Devices": null, "PidsLimit": null },
            "Mounts": null, "NetworkSettings": null, "Unheard": [1],
        });
        let read = container(&poor).unwrap();
        assert_eq!((read.name.as_str(), read.state), ("x", State::Created));
        assert_eq!(read.config.stop_signal.as_deref(), Some("15"));
        assert_eq!(read.image_id.hex(), "b".repeat(64));
        assert!(container(&json!({"Id": "../../etc"})).is_err());
        assert!(container(&json!("text")).is_err());
    }
}
