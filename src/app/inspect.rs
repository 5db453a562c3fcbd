//! All that is known about a container, as lines of a name and a value. A line without
//! a value is a title.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    format::{bytes, text::sanitize},
    model::{Container, DeviceRate, MountKind, NetworkMode, SeccompMode},
};

/// The lines, safe to draw.
pub fn lines(container: &Container, zone: &TimeZone) -> Vec<(String, String)> {
    let mut lines = Lines::default();
    identity(container, zone, &mut lines);
    process(container, &mut lines);
    limits(container, &mut lines);
    confinement(container, &mut lines);
    mounts(container, &mut lines);
    let config = &container.config;
    if !config.env.is_empty() {
        lines.title("environment");
        for pair in &config.env {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            lines.add(name, value);
        }
    }
    if !config.labels.is_empty() {
        lines.title("labels");
        for (name, value) in &config.labels {
            lines.add(name, value);
        }
    }
    lines.0
}

#[derive(Default)]
struct Lines(Vec<(String, String)>);

impl Lines {
    fn title(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push((String::new(), String::new()));
        }
        self.0.push((title.to_owned(), String::new()));
    }

    fn add(&mut self, name: &str, value: impl AsRef<str>) {
        let value = match value.as_ref() {
            "" => "\"\"".into(),
            value => sanitize(value).into_owned(),
        };
        self.0.push((sanitize(name).into_owned(), value));
    }

    fn add_some<T: AsRef<str>>(&mut self, name: &str, value: Option<T>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn add_if(&mut self, name: &str, is_set: bool) {
        if is_set {
            self.add(name, "yes");
        }
    }
}

fn identity(container: &Container, zone: &TimeZone, lines: &mut Lines) {
    let time = |at| time(at, zone);
    lines.title("container");
    lines.add("id", container.id.as_str());
    lines.add("name", &container.name);
    lines.add("image", &container.config.image);
    lines.add("image id", container.image_id.as_str());
    lines.add("state", container.state.as_str());
    lines.add_some("error", container.error.as_deref());
    lines.add_some("pid", container.pid.map(|pid| pid.to_string()));
    lines.add("created", time(container.created));
    lines.add_some("started", container.started.map(time));
    if let Some(exit) = container.exit {
        let code = exit.code.map_or("unknown".into(), |code| code.to_string());
        let oom = if exit.oom_killed {
            ", out of memory"
        } else {
            ""
        };
        lines.add("exit", format!("{code}{oom}, {}", time(exit.at)));
    }
    lines.add("restarts", container.restarts.to_string());
    lines.add("restart policy", container.config.restart.to_string());
}

fn process(container: &Container, lines: &mut Lines) {
    let config = &container.config;
    lines.title("process");
    lines.add("command", container.argv.join(" "));
    lines.add_some("directory", config.working_dir.as_deref());
    lines.add_some("user", config.user.as_deref());
    lines.add_some("host name", config.hostname.as_deref());
    lines.add_if("terminal", config.tty);
    lines.add_if("stdin open", config.open_stdin);
    lines.add_if("init", config.init);
    lines.add_if("removed on exit", config.auto_remove);
    lines.add_some("stop signal", config.stop_signal.as_deref());
    let timeout = config.stop_timeout_secs.map(|secs| format!("{secs} s"));
    lines.add_some("stop timeout", timeout);
}

fn limits(container: &Container, lines: &mut Lines) {
    let limits = &container.config.limits;
    lines.title("limits");
    let before = lines.0.len();
    let cores = limits
        .cpu_millis
        .map(|millis| format!("{} cores", millis as f64 / 1e3));
    lines.add_some("cpu", cores);
    lines.add_some("cpu shares", limits.cpu_shares.map(|n| n.to_string()));
    lines.add_some("processors", limits.cpuset_cpus.as_deref());
    lines.add_some("memory nodes", limits.cpuset_mems.as_deref());
    lines.add_some("memory", limits.memory_bytes.map(bytes::binary));
    let swap = limits
        .memory_swap_bytes
        .map(|swap| match u64::try_from(swap) {
            Ok(swap) => bytes::binary(swap),
            Err(_) => "no limit".into(),
        });
    lines.add_some("memory + swap", swap);
    lines.add_some(
        "reserved",
        limits.memory_reservation_bytes.map(bytes::binary),
    );
    lines.add_some("processes", limits.pids.map(|n| n.to_string()));
    lines.add_some("io weight", limits.blkio_weight.map(|n| n.to_string()));
    let rates = |lines: &mut Lines, name, rates: &[DeviceRate], unit: fn(u64) -> String| {
        for rate in rates {
            lines.add(
                name,
                format!("{} on {}", unit(rate.rate), rate.path.display()),
            );
        }
    };
    let per_second: fn(u64) -> String = |rate| bytes::rate(rate as f64);
    let operations: fn(u64) -> String = |rate| format!("{rate} operations/s");
    rates(lines, "read", &limits.read_bps, per_second);
    rates(lines, "write", &limits.write_bps, per_second);
    rates(lines, "read", &limits.read_iops, operations);
    rates(lines, "write", &limits.write_iops, operations);
    for limit in &container.config.ulimits {
        let value = |n: u64| match n {
            u64::MAX => "unlimited".to_owned(),
            n => n.to_string(),
        };
        let text = format!("{} (hard {})", value(limit.soft), value(limit.hard));
        lines.add(&format!("ulimit {}", limit.name), text);
    }
    if lines.0.len() == before {
        lines.add("none", "the machine's");
    }
}

fn confinement(container: &Container, lines: &mut Lines) {
    let config = &container.config;
    lines.title("confinement");
    lines.add(
        "network",
        match config.network {
            NetworkMode::None => "loopback only",
            NetworkMode::Host => "the host's",
        },
    );
    lines.add_if("privileged", config.privileged);
    lines.add_if("read-only root", config.read_only);
    lines.add_if("no new privileges", config.security.no_new_privileges);
    lines.add(
        "seccomp",
        match config.security.seccomp {
            SeccompMode::Default => "default profile",
            SeccompMode::Unconfined => "unconfined",
            SeccompMode::Profile(_) => "own profile",
        },
    );
    let list = |values: &[String]| (!values.is_empty()).then(|| values.join(" "));
    lines.add_some("capabilities +", list(&config.cap_add));
    lines.add_some("capabilities -", list(&config.cap_drop));
    for (name, value) in &config.sysctls {
        lines.add(name, value);
    }
    for device in &config.devices {
        let text = format!("{} ({})", device.container.display(), device.permissions);
        lines.add(&device.host.display().to_string(), text);
    }
}

fn mounts(container: &Container, lines: &mut Lines) {
    if container.config.mounts.is_empty() {
        return;
    }
    lines.title("mounts");
    for mount in &container.config.mounts {
        let mode = if mount.read_only {
            "read-only"
        } else {
            "writable"
        };
        let source = match &mount.kind {
            MountKind::Bind { source, .. } => source.display().to_string(),
            MountKind::Tmpfs { options } => format!("tmpfs {}", options.join(",")),
        };
        let target = mount.target.display().to_string();
        lines.add(&target, format!("{} ({mode})", source.trim_end()));
    }
}

fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}
