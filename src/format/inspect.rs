//! All that is known about a container as JSON, in docker's shape: what `wharf inspect`
//! prints and the dashboard shows as a tree.

use std::time::Duration;

use serde_json::{Value, json};

use crate::model::{
    Attachment, Container, DEFAULT_NETWORK, DeviceRate, DeviceRule, Endpoint, Health, HealthCheck,
    HealthResult, HealthTest, HostAddress, LOCAL_DRIVER, Limits, Mount, MountKind, NetworkMode,
    RestartPolicy, SeccompMode, State,
};

/// Docker's time of what never was.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// All that is known about a container.
pub fn container(c: &Container) -> Value {
    let config = &c.config;
    let (path, args) = match c.argv.split_first() {
        Some((path, args)) => (path.as_str(), args),
        None => ("", &[][..]),
    };
    let started = c.started.map_or(NEVER.into(), |at| at.to_string());
    let finished = c.exit.map_or(NEVER.into(), |exit| exit.at.to_string());
    let mut all = json!({
        "Id": c.id,
        "Created": c.created,
        "Path": path,
        "Args": args,
        "State": {
            "Status": c.state,
            "Running": c.state.has_process(),
            "Paused": c.state == State::Paused,
            "Restarting": c.state == State::Restarting,
            "OOMKilled": c.exit.is_some_and(|exit| exit.oom_killed),
            "Dead": c.state == State::Dead,
            "Pid": c.pid.unwrap_or(0),
            // Null is ours: an exit that nobody could see. Docker would say 0.
            "ExitCode": c.exit.map_or(Some(0), |exit| exit.code),
            "Error": c.error.clone().unwrap_or_default(),
            "StartedAt": started,
            "FinishedAt": finished,
        },
        "Image": c.image_id,
        "Name": format!("/{}", c.name),
        "RestartCount": c.restarts,
        "Driver": "overlayfs",
        "Platform": "linux",
        "Mounts": config.mounts.iter().map(mount).collect::<Vec<_>>(),
        "Config": {
            "Hostname": config.hostname.as_deref().unwrap_or(c.id.short()),
            "User": config.user.clone().unwrap_or_default(),
            "Tty": config.tty,
            "OpenStdin": config.open_stdin,
            "Env": config.env,
            "Cmd": config.command,
            "Image": config.image,
            "WorkingDir": config.working_dir.clone().unwrap_or_default(),
            "Entrypoint": config.entrypoint,
            "Labels": config.labels,
            "StopSignal": config.stop_signal,
            "StopTimeout": config.stop_timeout_secs,
        },
        "HostConfig": host_config(c),
        "NetworkSettings": network_settings(c),
    });
    // As docker has it: not there at all where nothing is checked.
    if let Some(known) = &c.health {
        all["State"]["Health"] = health(known);
    }
    if let Some(check) = &config.health {
        all["Config"]["Healthcheck"] = health_check(check);
    }
    all
}

fn health(health: &Health) -> Value {
    let result = |result: &HealthResult| {
        json!({
            "Start": result.start,
            "End": result.end,
            "ExitCode": result.exit_code,
            "Output": result.output,
        })
    };
    json!({
        "Status": health.status,
        "FailingStreak": health.failing_streak,
        "Log": health.log.iter().map(result).collect::<Vec<_>>(),
    })
}

/// Times in nanoseconds, 0 for docker's default.
fn health_check(check: &HealthCheck) -> Value {
    let time = |time: Option<Duration>| time.map_or(0, |time| time.as_nanos() as u64);
    let test = match &check.test {
        None => Vec::new(),
        Some(HealthTest::None) => vec!["NONE".to_owned()],
        Some(HealthTest::Shell(line)) => vec!["CMD-SHELL".to_owned(), line.clone()],
        Some(HealthTest::Command(argv)) => {
            let words = argv.iter().cloned();
            std::iter::once("CMD".to_owned()).chain(words).collect()
        }
    };
    json!({
        "Test": test,
        "Interval": time(check.interval),
        "Timeout": time(check.timeout),
        "StartPeriod": time(check.start_period),
        "StartInterval": time(check.start_interval),
        "Retries": check.retries.unwrap_or(0),
    })
}

fn extra_host((name, address): &(String, HostAddress)) -> String {
    match address {
        HostAddress::Ip(ip) => format!("{name}:{ip}"),
        HostAddress::Gateway => format!("{name}:host-gateway"),
    }
}

fn wished_ports(c: &Container) -> Value {
    let mut ports = serde_json::Map::new();
    for publish in &c.config.publish {
        let host = match publish.host {
            None => String::new(),
            Some((first, last)) if first == last => first.to_string(),
            Some((first, last)) => format!("{first}-{last}"),
        };
        let ip = publish.ip.map(|ip| ip.to_string()).unwrap_or_default();
        push(&mut ports, publish.container.to_string(), ip, host);
    }
    Value::Object(ports)
}

fn push(ports: &mut serde_json::Map<String, Value>, port: String, ip: String, host: String) {
    let binding = json!({ "HostIp": ip, "HostPort": host });
    match ports.get_mut(&port).and_then(Value::as_array_mut) {
        Some(known) => known.push(binding),
        None => drop(ports.insert(port, json!([binding]))),
    }
}

fn network_settings(c: &Container) -> Value {
    let on = &c.connectivity;
    let mut ports = serde_json::Map::new();
    for open in &on.ports {
        let port = open.container.to_string();
        push(&mut ports, port, open.ip.to_string(), open.host.to_string());
    }
    if c.state.has_process() {
        for port in &c.config.expose {
            ports.entry(port.to_string()).or_insert(Value::Null);
        }
    }
    let mut networks = serde_json::Map::new();
    match c.config.network {
        NetworkMode::Bridge => {
            for wish in &c.config.networks {
                let endpoint = on
                    .endpoints
                    .iter()
                    .find(|one| one.network_name == wish.network);
                networks.insert(wish.network.clone(), place(wish, endpoint));
            }
        }
        NetworkMode::Container(_) => {}
        _ => drop(networks.insert(network(c), json!({}))),
    }
    let first = on.endpoints.first();
    let mut settings = json!({
        "Ports": ports,
        "Networks": networks,
    });
    // As docker has it: those of the default network stand above the others too.
    let default = first.filter(|one| one.network_name == DEFAULT_NETWORK);
    settings["IPAddress"] = json!(
        default
            .and_then(|one| one.ip)
            .map_or(String::new(), |(ip, _)| ip.to_string())
    );
    settings["Gateway"] = json!(
        default
            .and_then(|one| one.gateway)
            .map_or(String::new(), |ip| ip.to_string())
    );
    settings["MacAddress"] = json!(default.map_or(String::new(), |one| one.mac.to_string()));
    settings
}

/// A container's place on a network; what only a running one has is empty.
fn place(wish: &Attachment, endpoint: Option<&Endpoint>) -> Value {
    fn text(value: Option<impl ToString>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    let ip = endpoint.and_then(|one| one.ip);
    let ip6 = endpoint.and_then(|one| one.ip6);
    json!({
        "IPAMConfig": {
            "IPv4Address": text(wish.ip),
            "IPv6Address": text(wish.ip6),
        },
        "Aliases": wish.aliases,
        "DNSNames": endpoint.map(|one| one.names.clone()).unwrap_or_default(),
        "NetworkID": text(endpoint.map(|one| &one.network)),
        "EndpointID": "",
        "Gateway": text(endpoint.and_then(|one| one.gateway)),
        "IPAddress": text(ip.map(|(ip, _)| ip)),
        "IPPrefixLen": ip.map_or(0, |(_, prefix)| prefix),
        "IPv6Gateway": text(endpoint.and_then(|one| one.gateway6)),
        "GlobalIPv6Address": text(ip6.map(|(ip, _)| ip)),
        "GlobalIPv6PrefixLen": ip6.map_or(0, |(_, prefix)| prefix),
        "MacAddress": text(endpoint.map(|one| one.mac)),
    })
}

fn network(c: &Container) -> String {
    match &c.config.network {
        NetworkMode::None => "none".into(),
        NetworkMode::Host => "host".into(),
        NetworkMode::Container(other) => format!("container:{other}"),
        NetworkMode::Bridge => {
            let first = c.config.networks.first();
            first.map_or_else(String::new, |attachment| attachment.network.clone())
        }
    }
}

fn host_config(c: &Container) -> Value {
    let config = &c.config;
    let (restart, retries) = match config.restart {
        RestartPolicy::No => ("no", 0),
        RestartPolicy::OnFailure { max_retries } => ("on-failure", max_retries),
        RestartPolicy::Always => ("always", 0),
        RestartPolicy::UnlessStopped => ("unless-stopped", 0),
    };
    let devices = config.devices.iter().map(|device| {
        json!({
            "PathOnHost": device.host,
            "PathInContainer": device.container,
            "CgroupPermissions": device.permissions,
        })
    });
    let rules = config.device_rules.iter().map(DeviceRule::to_string);
    // Docker writes -1 for what is unlimited; setrlimit's infinity does not fit JSON numbers.
    let bound = |value: u64| i64::try_from(value).unwrap_or(-1);
    let ulimits = config.ulimits.iter().map(
        |limit| json!({ "Name": limit.name, "Soft": bound(limit.soft), "Hard": bound(limit.hard) }),
    );
    let [ipc, pid, uts] = config.shared.modes();
    let own = json!({
        "AutoRemove": config.auto_remove,
        "Init": config.init,
        "NetworkMode": network(c),
        "IpcMode": ipc,
        "PidMode": pid,
        "UTSMode": uts,
        "GroupAdd": config.groups,
        "PortBindings": wished_ports(c),
        "PublishAllPorts": config.publish_all,
        "Dns": config.naming.servers,
        "DnsSearch": config.naming.search,
        "DnsOptions": config.naming.options,
        "ExtraHosts": config.naming.hosts.iter().map(extra_host).collect::<Vec<_>>(),
        "LogConfig": { "Type": config.log.driver.to_string(), "Config": config.log.options() },
        "RestartPolicy": { "Name": restart, "MaximumRetryCount": retries },
        "VolumesFrom": config.volumes_from,
        "Binds": config.mounts.iter().filter_map(bind).collect::<Vec<_>>(),
        "Devices": devices.collect::<Vec<_>>(),
        "DeviceCgroupRules": rules.collect::<Vec<_>>(),
        "Ulimits": ulimits.collect::<Vec<_>>(),
        "CapAdd": config.cap_add,
        "CapDrop": config.cap_drop,
        "SecurityOpt": security(c),
        "Privileged": config.privileged,
        "ReadonlyRootfs": config.read_only,
        "Sysctls": config.sysctls,
        "ShmSize": config.shm_size_bytes.unwrap_or(64 << 20),
        "OomScoreAdj": config.oom_score_adj.unwrap_or(0),
    });
    match (own, limits(&config.limits)) {
        (Value::Object(mut all), Value::Object(limits)) => {
            all.extend(limits);
            Value::Object(all)
        }
        (own, _) => own,
    }
}

/// Docker's names and its 0 for "not limited".
fn limits(limits: &Limits) -> Value {
    let rates = |rates: &[DeviceRate]| -> Vec<Value> {
        let one = |rate: &DeviceRate| json!({ "Path": rate.path, "Rate": rate.rate });
        rates.iter().map(one).collect()
    };
    json!({
        "NanoCpus": limits.cpu_millis.unwrap_or(0) * 1_000_000,
        "CpuShares": limits.cpu_shares.unwrap_or(0),
        "CpusetCpus": limits.cpuset_cpus.clone().unwrap_or_default(),
        "CpusetMems": limits.cpuset_mems.clone().unwrap_or_default(),
        "Memory": limits.memory_bytes.unwrap_or(0),
        "MemorySwap": limits.memory_swap_bytes.unwrap_or(0),
        "MemoryReservation": limits.memory_reservation_bytes.unwrap_or(0),
        "MemorySwappiness": limits.memory_swappiness,
        "MemoryMin": limits.memory_min_bytes.unwrap_or(0),
        "MemoryHigh": limits.memory_high_bytes.unwrap_or(0),
        "OomKillDisable": limits.oom_kill_disable.unwrap_or(false),
        "PidsLimit": limits.pids,
        "BlkioWeight": limits.blkio_weight.unwrap_or(0),
        "BlkioDeviceReadBps": rates(&limits.read_bps),
        "BlkioDeviceWriteBps": rates(&limits.write_bps),
        "BlkioDeviceReadIOps": rates(&limits.read_iops),
        "BlkioDeviceWriteIOps": rates(&limits.write_iops),
        "NetRateIn": limits.net_rate_in.unwrap_or(0),
        "NetRateOut": limits.net_rate_out.unwrap_or(0),
    })
}

fn security(c: &Container) -> Vec<String> {
    let security = &c.config.security;
    let mut options = Vec::new();
    if security.no_new_privileges {
        options.push("no-new-privileges".to_owned());
    }
    match &security.seccomp {
        SeccompMode::Default => {}
        SeccompMode::Unconfined => options.push("seccomp=unconfined".into()),
        SeccompMode::Profile(text) => options.push(format!("seccomp={text}")),
    }
    if security.unmask {
        options.push("systempaths=unconfined".into());
    }
    options
}

fn mount(mount: &Mount) -> Value {
    let mut shown = json!({
        "Type": "tmpfs",
        "Source": "",
        "Destination": mount.target,
        "Mode": "",
        "RW": !mount.read_only,
        "Propagation": "",
    });
    match &mount.kind {
        MountKind::Bind {
            source,
            propagation,
            ..
        } => {
            shown["Type"] = json!("bind");
            shown["Source"] = json!(source);
            shown["Propagation"] = json!(propagation.as_deref().unwrap_or("rprivate"));
        }
        MountKind::Volume(volume) => {
            shown["Type"] = json!("volume");
            shown["Name"] = json!(volume.name);
            shown["Source"] = json!(volume.source);
            shown["Driver"] = json!(volume.driver.as_deref().unwrap_or(LOCAL_DRIVER));
        }
        MountKind::Tmpfs { .. } => {}
    }
    shown
}

/// Binds and volumes in docker's short form.
fn bind(mount: &Mount) -> Option<String> {
    let source = match &mount.kind {
        MountKind::Bind { source, .. } => source.display().to_string(),
        MountKind::Volume(volume) if !volume.is_anonymous => volume.name.clone()?,
        _ => return None,
    };
    let mode = if mount.read_only { ":ro" } else { "" };
    Some(format!("{source}:{}{mode}", mount.target.display()))
}
