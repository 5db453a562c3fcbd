//! All that is known about a container as JSON, in docker's shape: what `wharf inspect`
//! prints and the dashboard shows as a tree.

use serde_json::{Value, json};

use crate::model::{
    Container, DeviceRate, Limits, Mount, MountKind, RestartPolicy, SeccompMode, State,
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
    json!({
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
        "NetworkSettings": { "Networks": { (network(c)): {} } },
    })
}

fn network(c: &Container) -> String {
    match c.config.network {
        crate::model::NetworkMode::None => "none".into(),
        crate::model::NetworkMode::Host => "host".into(),
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
    // Docker writes -1 for what is unlimited; setrlimit's infinity does not fit JSON numbers.
    let bound = |value: u64| i64::try_from(value).unwrap_or(-1);
    let ulimits = config.ulimits.iter().map(
        |limit| json!({ "Name": limit.name, "Soft": bound(limit.soft), "Hard": bound(limit.hard) }),
    );
    let own = json!({
        "AutoRemove": config.auto_remove,
        "Init": config.init,
        "NetworkMode": network(c),
        "RestartPolicy": { "Name": restart, "MaximumRetryCount": retries },
        "Binds": config.mounts.iter().filter_map(bind).collect::<Vec<_>>(),
        "Devices": devices.collect::<Vec<_>>(),
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
        "MemoryMin": limits.memory_min_bytes.unwrap_or(0),
        "MemoryHigh": limits.memory_high_bytes.unwrap_or(0),
        "PidsLimit": limits.pids,
        "BlkioWeight": limits.blkio_weight.unwrap_or(0),
        "BlkioDeviceReadBps": rates(&limits.read_bps),
        "BlkioDeviceWriteBps": rates(&limits.write_bps),
        "BlkioDeviceReadIOps": rates(&limits.read_iops),
        "BlkioDeviceWriteIOps": rates(&limits.write_iops),
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
    let (kind, source, propagation) = match &mount.kind {
        MountKind::Bind {
            source,
            propagation,
            ..
        } => (
            "bind",
            json!(source),
            propagation.as_deref().unwrap_or("rprivate"),
        ),
        MountKind::Tmpfs { .. } => ("tmpfs", json!(""), ""),
    };
    json!({
        "Type": kind,
        "Source": source,
        "Destination": mount.target,
        "Mode": "",
        "RW": !mount.read_only,
        "Propagation": propagation,
    })
}

fn bind(mount: &Mount) -> Option<String> {
    let MountKind::Bind { source, .. } = &mount.kind else {
        return None;
    };
    let mode = if mount.read_only { ":ro" } else { "" };
    Some(format!(
        "{}:{}{mode}",
        source.display(),
        mount.target.display()
    ))
}
