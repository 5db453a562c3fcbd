//! The rows of [`CONTAINERS`].

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{Align, Column, Item, Key, Width, traffic};
use crate::{
    format::{
        bytes, duration, ports as format_ports, status,
        text::sanitize,
        trouble::{Trouble, troubles},
    },
    model::{MountKind, NetworkMode, State},
};

/// A column of text with nothing special about it, to be completed by `..TEXT`.
const TEXT: Column = Column {
    id: "",
    field: "",
    title: "",
    width: Width::Fit { min: 4, max: 40 },
    align: Align::Left,
    cell: |_| String::new(),
    template: None,
    json: |_| Value::Null,
    key: |_| Key::Unknown,
    share: None,
};

/// A column of figures.
pub(super) const FIGURE: Column = Column {
    align: Align::Right,
    ..TEXT
};

/// All columns of a container, in the order in which a wide table shows them.
pub const CONTAINERS: &[Column] = &[
    Column {
        id: "state",
        field: "State",
        title: "STATE",
        cell: |i| i.container.state.to_string(),
        json: |i| json!(i.container.state),
        key: |i| Key::Number(state_rank(i.container.state).into()),
        ..TEXT
    },
    Column {
        id: "name",
        field: "Names",
        title: "NAME",
        width: Width::Whole,
        cell: |i| clean(&i.container.name),
        json: |i| json!(i.container.name),
        key: |i| Key::Text(i.container.name.clone()),
        ..TEXT
    },
    Column {
        id: "id",
        field: "ID",
        title: "ID",
        width: Width::Whole,
        cell: |i| id(i).to_owned(),
        json: |i| json!(i.container.id),
        key: |i| Key::Text(i.container.id.as_str().to_owned()),
        ..TEXT
    },
    Column {
        id: "image",
        field: "Image",
        title: "IMAGE",
        width: Width::Fit { min: 14, max: 40 },
        cell: |i| clean(&i.container.config.image),
        json: |i| json!(i.container.config.image),
        key: |i| Key::Text(i.container.config.image.clone()),
        ..TEXT
    },
    Column {
        id: "cpu",
        field: "CPUPerc",
        title: "CPU",
        width: Width::Fit { min: 6, max: 14 },
        cell: |i| or_unknown(i, i.usage.and_then(|u| u.cpu_cores).map(percent)),
        json: |i| json!(i.usage.and_then(|u| u.cpu_cores)),
        key: |i| number(i.usage.and_then(|u| u.cpu_cores)),
        share: Some(|i| i.cpu_share()),
        ..FIGURE
    },
    Column {
        id: "cpu_share",
        field: "CPUShare",
        title: "CPU/LIMIT",
        cell: |i| or_unknown(i, i.cpu_share().map(percent)),
        json: |i| json!(i.cpu_share()),
        key: |i| number(i.cpu_share()),
        share: Some(|i| i.cpu_share()),
        ..FIGURE
    },
    Column {
        id: "cpu_limit",
        field: "CPULimit",
        title: "CPUS",
        cell: |i| or_unknown(i, i.container.config.limits.cpu_millis.map(cores)),
        json: |i| json!(i.container.config.limits.cpu_millis.map(|m| m as f64 / 1e3)),
        key: |i| number(i.container.config.limits.cpu_millis.map(|m| m as f64)),
        ..FIGURE
    },
    Column {
        id: "memory",
        field: "MemUsage",
        template: Some(|i| {
            let used = i.usage.and_then(|u| u.memory_bytes);
            or_unknown(
                i,
                used.map(|used| bytes::of_limit(used, i.memory_limit_bytes())),
            )
        }),
        title: "MEMORY",
        width: Width::Fit { min: 6, max: 24 },
        cell: |i| {
            let used = i.usage.and_then(|u| u.memory_bytes);
            let limit = i.container.config.limits.memory_bytes;
            or_unknown(i, used.map(|used| bytes::of_limit(used, limit)))
        },
        json: |i| json!(i.usage.and_then(|u| u.memory_bytes)),
        key: |i| number(i.usage.and_then(|u| u.memory_bytes).map(|b| b as f64)),
        share: Some(|i| i.memory_share()),
        ..FIGURE
    },
    Column {
        id: "memory_share",
        field: "MemPerc",
        title: "MEM%",
        cell: |i| or_unknown(i, i.memory_share().map(percent)),
        json: |i| json!(i.memory_share()),
        key: |i| number(i.memory_share()),
        share: Some(|i| i.memory_share()),
        ..FIGURE
    },
    Column {
        id: "memory_limit",
        field: "MemLimit",
        title: "MEM LIMIT",
        cell: |i| or_unknown(i, i.container.config.limits.memory_bytes.map(bytes::binary)),
        json: |i| json!(i.container.config.limits.memory_bytes),
        key: |i| number(i.container.config.limits.memory_bytes.map(|b| b as f64)),
        ..FIGURE
    },
    Column {
        id: "read",
        field: "ReadRate",
        title: "READ",
        width: Width::Fit { min: 6, max: 10 },
        cell: |i| or_unknown(i, i.usage.and_then(|u| u.read_bps).map(bytes::rate)),
        json: |i| json!(i.usage.and_then(|u| u.read_bps)),
        key: |i| number(i.usage.and_then(|u| u.read_bps)),
        ..FIGURE
    },
    Column {
        id: "write",
        field: "WriteRate",
        title: "WRITE",
        width: Width::Fit { min: 6, max: 10 },
        cell: |i| or_unknown(i, i.usage.and_then(|u| u.write_bps).map(bytes::rate)),
        json: |i| json!(i.usage.and_then(|u| u.write_bps)),
        key: |i| number(i.usage.and_then(|u| u.write_bps)),
        ..FIGURE
    },
    Column {
        id: "block_io",
        field: "BlockIO",
        title: "READ / WRITTEN",
        cell: |i| {
            let moved = i.usage.and_then(|u| u.read_bytes.zip(u.write_bytes));
            let text = moved.map(|(r, w)| format!("{} / {}", bytes::decimal(r), bytes::decimal(w)));
            or_unknown(i, text)
        },
        json: |i| {
            let usage = i.usage.copied().unwrap_or_default();
            json!({ "read_bytes": usage.read_bytes, "written_bytes": usage.write_bytes })
        },
        key: |i| {
            let moved = i.usage.and_then(|u| u.read_bytes.zip(u.write_bytes));
            number(moved.map(|(r, w)| r as f64 + w as f64))
        },
        ..FIGURE
    },
    traffic::NET_IN,
    traffic::NET_OUT,
    traffic::NET_IO,
    traffic::NET_ERRORS,
    Column {
        id: "pids",
        field: "PIDs",
        template: Some(|i| or_unknown(i, i.usage.and_then(|u| u.pids).map(|n| n.to_string()))),
        title: "PIDS",
        width: Width::Fit { min: 4, max: 13 },
        cell: |i| {
            let limit = i.container.config.limits.pids.filter(|n| *n > 0);
            let text = i.usage.and_then(|u| u.pids).map(|pids| match limit {
                Some(limit) => format!("{pids}/{limit}"),
                None => pids.to_string(),
            });
            or_unknown(i, text)
        },
        json: |i| json!(i.usage.and_then(|u| u.pids)),
        key: |i| number(i.usage.and_then(|u| u.pids).map(|n| n as f64)),
        share: Some(|i| i.pids_share()),
        ..FIGURE
    },
    Column {
        id: "oom_kills",
        field: "OOMKills",
        title: "OOM",
        cell: |i| or_unknown(i, i.usage.and_then(|u| u.oom_kills).map(|n| n.to_string())),
        json: |i| json!(i.usage.and_then(|u| u.oom_kills)),
        key: |i| number(i.usage.and_then(|u| u.oom_kills).map(|n| n as f64)),
        ..FIGURE
    },
    Column {
        id: "trouble",
        field: "Trouble",
        title: "TROUBLE",
        width: Width::Fit { min: 8, max: 24 },
        cell: |i| {
            let badges: Vec<_> = troubles(i).iter().map(|t| t.badge()).collect();
            badges.join(" ")
        },
        json: |i| {
            let told = |t: &Trouble| json!({ "kind": t.name(), "words": t.words(i) });
            Value::Array(troubles(i).iter().map(told).collect())
        },
        key: |i| {
            let worst = troubles(i).first().map(|t| t.rank());
            number(worst.map(f64::from))
        },
        ..TEXT
    },
    Column {
        id: "throttled",
        field: "Throttled",
        title: "HELD",
        width: Width::Fit { min: 5, max: 8 },
        cell: |i| or_unknown(i, i.usage.and_then(|u| u.throttled_share).map(percent)),
        json: |i| json!(i.usage.and_then(|u| u.throttled_share)),
        key: |i| number(i.usage.and_then(|u| u.throttled_share)),
        ..FIGURE
    },
    Column {
        id: "psi_cpu",
        field: "CPUStall",
        title: "PSI CPU",
        cell: |i| or_unknown(i, i.usage.and_then(|u| u.stalls.cpu_some).map(percent)),
        json: |i| json!(i.usage.and_then(|u| u.stalls.cpu_some)),
        key: |i| number(i.usage.and_then(|u| u.stalls.cpu_some)),
        ..FIGURE
    },
    Column {
        id: "psi_memory",
        field: "MemStall",
        title: "PSI MEM",
        cell: |i| or_unknown(i, i.usage.and_then(|u| u.stalls.memory_some).map(percent)),
        json: |i| json!(i.usage.and_then(|u| u.stalls.memory_some)),
        key: |i| number(i.usage.and_then(|u| u.stalls.memory_some)),
        ..FIGURE
    },
    Column {
        id: "psi_io",
        field: "IOStall",
        title: "PSI IO",
        cell: |i| or_unknown(i, i.usage.and_then(|u| u.stalls.io_some).map(percent)),
        json: |i| json!(i.usage.and_then(|u| u.stalls.io_some)),
        key: |i| number(i.usage.and_then(|u| u.stalls.io_some)),
        ..FIGURE
    },
    Column {
        id: "swap",
        field: "Swap",
        title: "SWAP",
        cell: |i| or_unknown(i, i.usage.and_then(|u| u.swap_bytes).map(bytes::binary)),
        json: |i| json!(i.usage.and_then(|u| u.swap_bytes)),
        key: |i| number(i.usage.and_then(|u| u.swap_bytes).map(|b| b as f64)),
        ..FIGURE
    },
    Column {
        id: "read_iops",
        field: "ReadIOPS",
        title: "READS/S",
        cell: |i| {
            or_unknown(
                i,
                i.usage.and_then(|u| u.read_iops).map(|n| format!("{n:.0}")),
            )
        },
        json: |i| json!(i.usage.and_then(|u| u.read_iops)),
        key: |i| number(i.usage.and_then(|u| u.read_iops)),
        ..FIGURE
    },
    Column {
        id: "write_iops",
        field: "WriteIOPS",
        title: "WRITES/S",
        cell: |i| {
            or_unknown(
                i,
                i.usage
                    .and_then(|u| u.write_iops)
                    .map(|n| format!("{n:.0}")),
            )
        },
        json: |i| json!(i.usage.and_then(|u| u.write_iops)),
        key: |i| number(i.usage.and_then(|u| u.write_iops)),
        ..FIGURE
    },
    Column {
        id: "uptime",
        field: "Uptime",
        title: "UPTIME",
        width: Width::Fixed(6),
        cell: |i| or_unknown(i, i.uptime().map(duration::short)),
        json: |i| json!(i.uptime().map(|up| up.as_secs_f64())),
        key: |i| number(i.uptime().map(|up| up.as_secs_f64())),
        ..FIGURE
    },
    Column {
        id: "restarts",
        field: "Restarts",
        title: "RESTARTS",
        cell: |i| i.container.restarts.to_string(),
        json: |i| json!(i.container.restarts),
        key: |i| Key::Number(f64::from(i.container.restarts)),
        ..FIGURE
    },
    Column {
        id: "status",
        field: "Status",
        title: "STATUS",
        width: Width::Fit { min: 8, max: 40 },
        cell: |i| status(i.container, i.now),
        json: |i| json!(status(i.container, i.now)),
        key: |i| Key::Text(status(i.container, i.now)),
        ..TEXT
    },
    Column {
        id: "exit_code",
        field: "ExitCode",
        title: "EXIT",
        cell: |i| {
            let exit = i
                .container
                .exit
                .filter(|_| !i.container.state.has_process());
            match exit.map(|exit| exit.code) {
                Some(Some(code)) => code.to_string(),
                Some(None) => "?".into(),
                None => or_unknown(i, None),
            }
        },
        json: |i| json!(i.container.exit.and_then(|exit| exit.code)),
        key: |i| number(i.container.exit.and_then(|exit| exit.code).map(f64::from)),
        ..FIGURE
    },
    Column {
        id: "command",
        field: "Command",
        title: "COMMAND",
        width: Width::Fit { min: 14, max: 48 },
        cell: |i| clean(&i.container.argv.join(" ")),
        template: Some(quoted_command),
        json: |i| json!(i.container.argv),
        key: |i| Key::Text(i.container.argv.join(" ")),
        ..TEXT
    },
    Column {
        id: "created",
        field: "RunningFor",
        title: "CREATED",
        width: Width::Whole,
        cell: |i| {
            format!(
                "{} ago",
                duration::words_between(i.container.created, i.now)
            )
        },
        json: |i| json!(i.container.created),
        key: |i| Key::Number(i.container.created.as_millisecond() as f64),
        ..TEXT
    },
    Column {
        id: "created_at",
        field: "CreatedAt",
        title: "CREATED AT",
        cell: |i| clock(i.container.created),
        json: |i| json!(i.container.created),
        key: |i| Key::Number(i.container.created.as_millisecond() as f64),
        ..TEXT
    },
    Column {
        id: "ports",
        field: "Ports",
        title: "PORTS",
        width: Width::Fit { min: 14, max: 60 },
        cell: |i| ports(i).join(", "),
        json: |i| json!(ports(i)),
        key: |i| Key::Text(ports(i).join(", ")),
        ..TEXT
    },
    Column {
        id: "networks",
        field: "Networks",
        title: "NETWORKS",
        width: Width::Whole,
        cell: |i| networks(i).join(","),
        json: |i| json!(networks(i)),
        key: |i| Key::Text(networks(i).join(",")),
        ..TEXT
    },
    Column {
        id: "mounts",
        field: "Mounts",
        title: "MOUNTS",
        cell: |i| clean(&mounts(i).join(",")),
        json: |i| json!(mounts(i)),
        key: |i| Key::Text(mounts(i).join(",")),
        ..TEXT
    },
    Column {
        id: "volumes",
        field: "LocalVolumes",
        title: "LOCAL VOLUMES",
        cell: |i| volumes(i).to_string(),
        json: |i| json!(volumes(i)),
        key: |i| Key::Number(volumes(i) as f64),
        ..FIGURE
    },
    Column {
        id: "size",
        field: "Size",
        title: "SIZE",
        cell: |i| {
            let text = i.size.map(|size| {
                let (own, all) = (size.writable_bytes, size.total_bytes);
                format!("{} (virtual {})", bytes::decimal(own), bytes::decimal(all))
            });
            or_unknown(i, text)
        },
        json: |i| {
            i.size.map_or(Value::Null, |size| {
                json!({ "writable_bytes": size.writable_bytes, "total_bytes": size.total_bytes })
            })
        },
        key: |i| number(i.size.map(|size| size.writable_bytes as f64)),
        ..FIGURE
    },
    Column {
        id: "pid",
        field: "PID",
        title: "PID",
        cell: |i| or_unknown(i, i.container.pid.map(|pid| pid.to_string())),
        json: |i| json!(i.container.pid),
        key: |i| number(i.container.pid.map(f64::from)),
        ..FIGURE
    },
    Column {
        id: "restart_policy",
        field: "RestartPolicy",
        title: "RESTART",
        cell: |i| i.container.config.restart.to_string(),
        json: |i| json!(i.container.config.restart.to_string()),
        key: |i| Key::Text(i.container.config.restart.to_string()),
        ..TEXT
    },
    Column {
        id: "labels",
        field: "Labels",
        title: "LABELS",
        cell: |i| {
            let labels = &i.container.config.labels;
            let pairs: Vec<_> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            clean(&pairs.join(","))
        },
        json: |i| json!(i.container.config.labels),
        key: |i| Key::Number(i.container.config.labels.len() as f64),
        ..TEXT
    },
    Column {
        id: "error",
        field: "Error",
        title: "ERROR",
        cell: |i| clean(i.container.error.as_deref().unwrap_or_default()),
        json: |i| json!(i.container.error),
        key: |i| Key::Text(i.container.error.clone().unwrap_or_default()),
        ..TEXT
    },
];

/// What runs comes first, then what is about to, then the rest.
/// What runs stands first, in the table and among its groups.
pub fn state_rank(state: State) -> u8 {
    match state {
        State::Running => 0,
        State::Paused => 1,
        State::Restarting => 2,
        State::Created => 3,
        State::Exited => 4,
        State::Removing => 5,
        State::Dead => 6,
    }
}

fn id<'a>(item: &Item<'a>) -> &'a str {
    let id = &item.container.id;
    if item.full { id.as_str() } else { id.short() }
}

/// Docker quotes the command, and cuts it at 20 characters unless asked not to.
fn quoted_command(item: &Item) -> String {
    let command = clean(&item.container.argv.join(" "));
    if item.full || command.chars().count() <= 20 {
        return format!("\"{command}\"");
    }
    let start: String = command.chars().take(19).collect();
    format!("\"{start}…\"")
}

/// Where it can be reached from outside; what it only names, too, while it runs.
fn ports(item: &Item) -> Vec<String> {
    let container = item.container;
    let named = match container.state.has_process() {
        true => container.config.expose.as_slice(),
        false => &[],
    };
    format_ports(&container.connectivity.ports, named)
}

/// The names of its networks.
fn networks(item: &Item) -> Vec<String> {
    let config = &item.container.config;
    match &config.network {
        NetworkMode::None => vec!["none".into()],
        NetworkMode::Host => vec!["host".into()],
        NetworkMode::Container(other) => {
            vec![format!("container:{}", other.get(..12).unwrap_or(other))]
        }
        NetworkMode::Bridge => {
            let names = config.networks.iter().map(|one| clean(&one.network));
            names.collect()
        }
    }
}

/// How many volumes it has.
fn volumes(item: &Item) -> usize {
    let mounts = item.container.config.mounts.iter();
    mounts.filter(|mount| mount.volume().is_some()).count()
}

/// Sources of bind mounts, names of volumes and targets of the others.
fn mounts(item: &Item) -> Vec<String> {
    let mounts = &item.container.config.mounts;
    let path = |mount: &crate::model::Mount| match &mount.kind {
        MountKind::Bind { source, .. } => source.display().to_string(),
        MountKind::Volume(volume) => match &volume.name {
            // 64 digits tell nobody anything.
            Some(name) if volume.is_anonymous => name.chars().take(12).collect(),
            name => name.clone().unwrap_or_default(),
        },
        MountKind::Tmpfs { .. } => mount.target.display().to_string(),
    };
    mounts.iter().map(path).collect()
}

/// A time as Go prints it, which is what docker's CreatedAt is.
fn clock(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M:%S %z %Z")
        .to_string()
}

fn clean(text: &str) -> String {
    sanitize(text).into_owned()
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn cores(millis: u64) -> String {
    format!("{}", millis as f64 / 1000.0)
}

pub(super) fn number(figure: Option<f64>) -> Key {
    figure.map_or(Key::Unknown, Key::Number)
}

pub(super) fn or_unknown(item: &Item, text: Option<String>) -> String {
    text.unwrap_or_else(|| item.glyphs.unknown().to_owned())
}
