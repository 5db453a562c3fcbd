//! state, list, ps, spec, features: what is printed.

use std::path::Path;

use serde_json::{Value, json};

use super::args::Format;
use super::container::{Container, Status};
use super::error::{Result, refused};
use super::lifecycle::{running_cgroup, write_new};

/// The state of a container, as the specification and runc have it.
pub(super) fn state(root: &Path, id: &str) -> Result<()> {
    let state = describe(&Container::look(root, id)?)?;
    println!("{state:#}");
    Ok(())
}

fn describe(container: &Container) -> Result<Value> {
    let status = container.status()?;
    let record = &container.record;
    let root = record.spec.root().as_ref();
    let pid = match status {
        Status::Stopped => 0,
        _ => record.process.pid,
    };
    Ok(json!({
        "ociVersion": record.spec.version(),
        "id": container.id,
        "pid": pid,
        "status": status.name(),
        "bundle": record.bundle,
        "rootfs": root.map(|root| record.bundle.join(root.path())),
        "created": record.created.to_string(),
        "annotations": record.spec.annotations().clone().unwrap_or_default(),
        "owner": "",
    }))
}

/// All containers.
pub(super) fn list(root: &Path, format: Format, quiet: bool) -> Result<()> {
    let mut states = Vec::new();
    for id in Container::ids(root)? {
        match Container::look(root, &id) {
            Ok(container) => states.push(describe(&container)?),
            // One that is being created, or was deleted just now.
            Err(super::error::Error::Missing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let text = |state: &Value, field: &str| match &state[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if quiet {
        for state in &states {
            println!("{}", text(state, "id"));
        }
    } else if format == Format::Json {
        println!("{}", Value::Array(states));
    } else {
        let fields = ["id", "pid", "status", "bundle", "created"];
        let rows: Vec<Vec<String>> = std::iter::once(fields.map(str::to_uppercase).to_vec())
            .chain(
                states
                    .iter()
                    .map(|state| fields.map(|field| text(state, field)).to_vec()),
            )
            .collect();
        for row in &rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
                line += &format!("{cell:<width$}  ");
            }
            println!("{}", line.trim_end());
        }
    }
    Ok(())
}

/// The processes of a container.
pub(super) fn processes(root: &Path, id: &str, format: Format) -> Result<()> {
    let container = Container::look(root, id)?;
    if container.status()? == Status::Stopped {
        return refused("container not running");
    }
    let pids = running_cgroup(&container)?.pids()?;
    if format == Format::Json {
        println!("{}", json!(pids));
        return Ok(());
    }
    println!("{:>8}  CMD", "PID");
    for pid in pids {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = command.split(|byte| *byte == 0);
        let words: Vec<_> = words.map(String::from_utf8_lossy).collect();
        let line = words.join(" ");
        println!("{pid:>8}  {}", line.trim_end().escape_debug());
    }
    Ok(())
}

/// Write a specification to start from.
pub(super) fn spec(bundle: Option<&Path>) -> Result<()> {
    let path = bundle.unwrap_or(Path::new(".")).join("config.json");
    write_new(&path, &format!("{:#}\n", template()))
}

fn template() -> Value {
    let capabilities = json!(["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]);
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": true,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "TERM=xterm",
            ],
            "cwd": "/",
            "capabilities": {
                "bounding": capabilities,
                "effective": capabilities,
                "permitted": capabilities,
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": true},
        "hostname": "wharf",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
             "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs",
             "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
             "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
        ],
        "linux": {
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "namespaces": [
                {"type": "pid"}, {"type": "network"}, {"type": "ipc"},
                {"type": "uts"}, {"type": "mount"}, {"type": "cgroup"},
            ],
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
                "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
            ],
            "readonlyPaths": [
                "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
            ],
        },
    })
}

/// What this runtime can do.
pub(super) fn features() {
    let features = json!({
        "ociVersionMin": "1.0.0",
        "ociVersionMax": "1.3.0",
        "hooks": [
            "prestart", "createRuntime", "createContainer", "startContainer",
            "poststart", "poststop",
        ],
        "mountOptions": crate::runtime::create::mount_options(),
        "linux": {
            "namespaces": ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
            "cgroup": {"v1": true, "v2": true, "systemd": false, "systemdUser": false},
            "seccomp": {"enabled": true},
            "apparmor": {"enabled": false},
            "selinux": {"enabled": false},
            "intelRdt": {"enabled": false},
            "mountExtensions": {"idmap": {"enabled": false}},
        },
    });
    println!("{features:#}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_is_a_specification() {
        let spec: oci_spec::runtime::Spec =
            serde_json::from_value(template()).expect("specification");
        assert!(spec.linux().is_some());
    }
}
