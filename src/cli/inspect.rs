//! `wharf inspect`

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    Context,
    failure::{Failure, Outcome},
    output::print,
    table::of_format,
};
use crate::{
    engine::{EngineError, ErrorKind},
    model::{
        Container, DeviceRate, Image, Limits, Mount, MountKind, RestartPolicy, SeccompMode, State,
    },
};

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// json, or a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Look only among these
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<Kind>,
    /// Containers or images, by name or id
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Arguments of `container inspect`.
#[derive(Args, Debug)]
pub struct ContainerInspectArgs {
    /// json, or a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Containers, by name or id
    #[arg(required = true, value_name = "CONTAINER")]
    names: Vec<String>,
}

/// Arguments of `image inspect`.
#[derive(Args, Debug)]
pub struct ImageInspectArgs {
    /// json, or a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Images, by reference or id
    #[arg(required = true, value_name = "IMAGE")]
    names: Vec<String>,
}

/// What can be inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Container,
    Image,
}

impl From<ContainerInspectArgs> for InspectArgs {
    fn from(args: ContainerInspectArgs) -> Self {
        Self {
            format: args.format,
            kind: Some(Kind::Container),
            names: args.names,
        }
    }
}

/// Prints all that is known about containers or images, in docker's shape.
pub async fn run(args: &InspectArgs, context: &Context) -> Outcome {
    let mut found = Vec::new();
    let mut code = 0;
    for name in &args.names {
        match one(name, args.kind, context).await {
            Ok(value) => found.push(value),
            Err(error) => {
                Failure::from(error).report();
                code = 1;
            }
        }
    }
    tell(&found, args.format.as_deref())?;
    Ok(code)
}

/// The same for images only.
pub async fn run_images(args: &ImageInspectArgs, context: &Context) -> Outcome {
    let args = InspectArgs {
        format: args.format.clone(),
        kind: Some(Kind::Image),
        names: args.names.clone(),
    };
    run(&args, context).await
}

async fn one(name: &str, kind: Option<Kind>, context: &Context) -> Result<Value, EngineError> {
    if kind != Some(Kind::Image) {
        match context.engine.resolve(name).await {
            Ok(id) => return Ok(container(&context.engine.inspect(&id).await?)),
            Err(error) if kind.is_none() && error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    match context.engine.image(name).await {
        Ok(found) => Ok(image(&found, &context.engine.image_config(name).await?)),
        Err(error) if kind.is_none() && error.kind == ErrorKind::NotFound => {
            Err(EngineError::new(ErrorKind::NotFound, "inspect", name)
                .because("no such container or image"))
        }
        Err(error) => Err(error),
    }
}

fn tell(found: &[Value], format: Option<&str>) -> Result<(), Failure> {
    let Some(format) = format else {
        print(&format!("{:#}\n", Value::Array(found.to_vec())))?;
        return Ok(());
    };
    for value in found {
        print(&(of_format(format, value)? + "\n"))?;
    }
    Ok(())
}

/// Docker's time of what never was.
const NEVER: &str = "0001-01-01T00:00:00Z";

fn container(c: &Container) -> Value {
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

fn image(image: &Image, config: &Value) -> Value {
    let (os, architecture) = image
        .platform
        .split_once('/')
        .unwrap_or((&image.platform, ""));
    let sizes = |layer: &crate::model::Layer| {
        json!({
            "DiffId": layer.diff_id,
            "Size": layer.size_bytes,
            "CreatedBy": layer.created_by,
        })
    };
    json!({
        "Id": image.id,
        "RepoTags": image.references,
        "RepoDigests": [],
        "Digest": image.manifest,
        "Created": image.created,
        "Architecture": architecture,
        "Os": os,
        "Size": image.size_bytes,
        "SharedSize": image.shared_bytes,
        "Config": config.get("config").cloned().unwrap_or(json!({})),
        "RootFS": {
            "Type": "layers",
            "Layers": image.layers.iter().map(|layer| &layer.diff_id).collect::<Vec<_>>(),
        },
        "LayerDetails": image.layers.iter().map(sizes).collect::<Vec<_>>(),
        "History": config.get("history").cloned().unwrap_or(json!([])),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::columns::sample;

    #[test]
    fn container_has_dockers_shape() {
        let mut web = sample::container("web", State::Exited);
        web.exit = Some(sample::exit(137));
        web.config.limits.memory_bytes = Some(64 << 20);
        let value = container(&web);
        let ask = |template: &str| of_format(template, &value).unwrap();
        assert_eq!(ask("{{.State.Status}} {{.State.ExitCode}}"), "exited 137");
        assert_eq!(ask("{{.Name}}"), "/web");
        assert_eq!(ask("{{.HostConfig.Memory}}"), "67108864");
        assert_eq!(ask("{{json .Config.Labels}}"), "{}");
        assert_eq!(ask("{{.HostConfig.RestartPolicy.Name}}"), "no");
        assert!(
            of_format("{{.Stat}}", &value)
                .unwrap_err()
                .message
                .contains("State")
        );
    }

    #[test]
    fn exit_that_nobody_saw_is_null_and_never_zero() {
        let mut job = sample::container("job", State::Exited);
        job.exit = Some(sample::exit(0));
        job.exit.as_mut().unwrap().code = None;
        assert_eq!(container(&job)["State"]["ExitCode"], Value::Null);
    }
}
