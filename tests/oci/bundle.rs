//! A bundle of busybox in a directory of its own, and the two runtimes that run it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::support::{cgroup, process::comes_true};

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    Ours,
    Runc,
}

/// A bundle that goes with everything it made when it is dropped.
pub struct Bundle {
    pub dir: tempfile::TempDir,
    pub config: Value,
    pub runtime: Runtime,
    pub id: String,
    /// Shell commands before the runtime, in a mount namespace of their own.
    pub before: String,
}

const APPLETS: &[&str] = &[
    "sh", "cat", "ls", "id", "env", "sort", "grep", "stat", "hostname", "readlink", "sleep",
    "true", "false", "mkdir", "mount", "umount", "touch", "echo", "tty", "stty", "kill", "test",
    "awk", "sed", "chmod", "dd", "ln", "ps", "head", "wc", "ip", "unshare", "chroot",
];

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Bundle {
    pub fn new(runtime: Runtime, script: &str) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let bin = dir.path().join("rootfs/bin");
        fs::create_dir_all(&bin).expect("mkdir");
        fs::copy("/bin/busybox", bin.join("busybox")).expect("busybox-static is installed");
        for applet in APPLETS {
            symlink("busybox", bin.join(applet)).expect("link");
        }
        for place in ["proc", "dev", "sys", "tmp", "etc"] {
            fs::create_dir(dir.path().join("rootfs").join(place)).expect("mkdir");
        }
        let passwd = "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n";
        fs::write(dir.path().join("rootfs/etc/passwd"), passwd).expect("write");
        // Debian's temp dirs are for one user; a user namespace is somebody else.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(dir.path(), open).expect("chmod");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            config: config(script),
            runtime,
            id: format!("wharf-test-{}-{number}", std::process::id()),
            before: String::new(),
            dir,
        }
    }

    pub fn rootfs(&self) -> PathBuf {
        self.dir.path().join("rootfs")
    }

    /// A command of the runtime. The bundle's path is `$B` to the shell before it.
    pub fn command(&self, args: &[&str]) -> Command {
        self.write();
        let root = self.dir.path().join("state");
        let (program, face): (&str, &[&str]) = match self.runtime {
            Runtime::Ours => (env!("CARGO_BIN_EXE_wharf"), &["oci"]),
            Runtime::Runc => ("runc", &[]),
        };
        let mut command = if self.before.is_empty() {
            Command::new(program)
        } else {
            let script = format!("set -e; {}; exec \"$@\"", self.before);
            let mut command = Command::new("unshare");
            command.args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                &script,
                "sh",
            ]);
            command.arg(program);
            command
        };
        command
            .args(face)
            .arg("--root")
            .arg(root)
            .args(args)
            .env("B", self.dir.path())
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    pub fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the runtime runs")
    }

    /// `run`: standard output, standard error, exit code.
    pub fn run(&self) -> (String, String, Option<i32>) {
        let output = self.output(&["run", &self.id]);
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
            output.status.code(),
        )
    }

    /// The pid that `state` tells, and the status.
    pub fn state(&self) -> Option<(i64, String)> {
        let output = self.output(&["state", &self.id]);
        let state: Value = serde_json::from_slice(&output.stdout).ok()?;
        let status = state["status"].as_str()?.to_owned();
        Some((state["pid"].as_i64()?, status))
    }

    /// Wait until `state` says so.
    pub fn reaches(&self, status: &str) -> bool {
        comes_true(|| self.state().is_some_and(|(_, now)| now == status))
    }

    fn write(&self) {
        let text = self.config.to_string();
        fs::write(self.dir.path().join("config.json"), text).expect("write");
    }

    /// A file of the bundle.
    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    pub fn mount(&mut self, mount: Value) {
        let mounts = self.config["mounts"].as_array_mut().expect("mounts");
        mounts.push(mount);
    }

    /// Replace the namespace of a type by one at a path, or leave it out.
    pub fn namespace(&mut self, kind: &str, path: Option<&str>) {
        let list = &mut self.config["linux"]["namespaces"];
        let list = list.as_array_mut().expect("namespaces");
        list.retain(|namespace| namespace["type"] != kind);
        if let Some(path) = path {
            list.push(json!({"type": kind, "path": path}));
        }
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        if self.dir.path().join("config.json").exists() {
            self.before.clear();
            self.output(&["delete", "--force", &self.id]);
        }
        assert!(
            self.state().is_none(),
            "{} of {:?} is still there",
            self.id,
            self.runtime
        );
    }
}

fn config(script: &str) -> Value {
    let capabilities = json!([
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_MKNOD",
        "CAP_NET_BIND_SERVICE",
        "CAP_SETGID",
        "CAP_SETPCAP",
        "CAP_SETUID",
        "CAP_SYS_CHROOT",
    ]);
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["/bin/sh", "-c", script],
            "env": ["PATH=/bin", "TERM=xterm", "FOO=bar"],
            "cwd": "/",
            "capabilities": {
                "bounding": capabilities,
                "effective": capabilities,
                "permitted": capabilities,
            },
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs"},
        "hostname": "inside",
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
                "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
            ],
            "readonlyPaths": [
                "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
            ],
        },
    })
}

/// What is left of a container in any cgroup hierarchy.
pub fn cgroups_of(id: &str) -> Vec<PathBuf> {
    let mounts = cgroup::mounts().into_iter();
    let places = mounts.flat_map(|mount| [mount.join("wharf").join(id), mount.join(id)]);
    places.filter(|place| place.exists()).collect()
}
