//! The engines, each with state of its own that goes with it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::runtime::Runtime;
use wharf::{
    engine::{Engine, embedded::Embedded, remote::Remote},
    model::{Address, ImportRequest},
    runtime::paths::Root,
};

use super::tap::Tap;

/// The image that is there at first: busybox, its links, and nothing else.
pub const IMAGE: &str = "conformance:1";

/// How an engine is started.
pub struct Start {
    /// What it is called.
    pub name: &'static str,
    /// Starts it.
    pub open: fn(&Runtime) -> Result<Bench, String>,
}

/// An engine under test.
pub struct Bench {
    /// It.
    pub engine: Arc<dyn Engine>,
    /// Where behaviours may keep files.
    pub directory: tempfile::TempDir,
    /// What hears the requests to an engine behind a socket.
    pub tap: Option<Tap>,
    daemon: Option<Daemon>,
}

/// All of them.
pub const ALL: &[Start] = &[
    Start {
        name: "embedded",
        open: embedded,
    },
    Start {
        name: "wharf",
        open: wharf,
    },
    Start {
        name: "docker",
        open: docker,
    },
    Start {
        name: "podman",
        open: podman,
    },
];

fn embedded(runtime: &Runtime) -> Result<Bench, String> {
    let directory = directory();
    let root = Root::at(directory.path().join("wharf"));
    let engine = Embedded::open(root).map_err(|error| error.to_string())?;
    Bench::with(runtime, Arc::new(engine), directory, None)
}

/// Its own program, which is not this one.
fn wharf(runtime: &Runtime) -> Result<Bench, String> {
    let directory = directory();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let script = format!(
        "ip link set lo up; export WHARF_CONFIG=/dev/null; exec {} --root {} serve -H unix://{}",
        env!("CARGO_BIN_EXE_wharf"),
        at("wharf"),
        at("docker.sock"),
    );
    let daemon = Daemon::start(&script, &directory.path().join("docker.sock"))?;
    behind(runtime, directory, daemon)
}

fn docker(runtime: &Runtime) -> Result<Bench, String> {
    let directory = directory();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let script = format!(
        "ip link set lo up; exec dockerd --iptables=false --bridge none --cgroup-parent /wharf-conformance \
         --data-root {} --exec-root {} --pidfile {} -H unix://{}",
        at("data"),
        at("exec"),
        at("pid"),
        at("docker.sock"),
    );
    let daemon = Daemon::start(&script, &directory.path().join("docker.sock"))?;
    behind(runtime, directory, daemon)
}

/// Its runtime refuses a host whose hierarchies are of both versions, so it gets one
/// without the second.
fn podman(runtime: &Runtime) -> Result<Bench, String> {
    let directory = directory();
    let at = |name: &str| directory.path().join(name).display().to_string();
    // Its own limits are above what a machine may allow, and its networks would stay.
    let settings = directory.path().join("containers.conf");
    let text = format!(
        "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n\
         [network]\nnetwork_config_dir = \"{}\"\n",
        at("networks"),
    );
    fs::write(&settings, text).map_err(|error| error.to_string())?;
    let script = format!(
        "ip link set lo up; export CONTAINERS_CONF={}; umount /sys/fs/cgroup/unified 2>/dev/null; exec podman --root {} \
         --runroot {} --tmpdir {} --cgroup-manager cgroupfs --events-backend file system service \
         -t 0 unix://{}",
        settings.display(),
        at("data"),
        at("run"),
        at("tmp"),
        at("docker.sock"),
    );
    let daemon = Daemon::start(&script, &directory.path().join("docker.sock"))?;
    behind(runtime, directory, daemon)
}

fn behind(
    runtime: &Runtime,
    directory: tempfile::TempDir,
    daemon: Daemon,
) -> Result<Bench, String> {
    let tap = Tap::before(&daemon.socket);
    let address = Address::Unix(tap.socket.clone());
    let engine = Remote::at(address, "the test".into()).map_err(|error| error.to_string())?;
    let mut bench = Bench::with(runtime, Arc::new(engine), directory, Some(daemon))?;
    bench.tap = Some(tap);
    Ok(bench)
}

fn directory() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("wharf-test-")
        .tempdir()
        .unwrap()
}

impl Bench {
    fn with(
        runtime: &Runtime,
        engine: Arc<dyn Engine>,
        directory: tempfile::TempDir,
        daemon: Option<Daemon>,
    ) -> Result<Self, String> {
        let tar = image(directory.path());
        let imported =
            runtime.block_on(engine.import(Box::new(tar), ImportRequest::named(IMAGE), None));
        imported.map_err(|error| error.to_string())?;
        Ok(Self {
            engine,
            directory,
            tap: None,
            daemon,
        })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            daemon.end();
        }
    }
}

/// A root file system of busybox alone, as a tar.
fn image(directory: &Path) -> fs::File {
    let root = directory.join("rootfs");
    for name in ["bin", "tmp", "proc", "sys", "dev", "etc"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox-static is installed");
    let applets = [
        "sh", "cat", "echo", "sleep", "true", "false", "id", "env", "ls", "head", "yes", "stty",
        "kill", "dd", "rm", "mkdir", "pwd", "seq",
    ];
    for name in applets {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    let file = directory.join("rootfs.tar");
    let mut tar = tar::Builder::new(fs::File::create(&file).unwrap());
    tar.follow_symlinks(false);
    tar.append_dir_all(".", &root).unwrap();
    tar.finish().unwrap();
    fs::File::open(file).unwrap()
}

/// A daemon in a network namespace of its own.
struct Daemon {
    process: Child,
    socket: PathBuf,
}

impl Daemon {
    fn start(script: &str, socket: &Path) -> Result<Self, String> {
        let mut process = Command::new("unshare")
            .args([
                "--mount",
                "--net",
                "--propagation",
                "private",
                "sh",
                "-c",
                script,
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        for _ in 0..600 {
            if std::os::unix::net::UnixStream::connect(socket).is_ok() {
                return Ok(Self {
                    process,
                    socket: socket.to_owned(),
                });
            }
            if let Ok(Some(status)) = process.try_wait() {
                return Err(format!("it ended by itself: {status}"));
            }
            thread::sleep(Duration::from_millis(100));
        }
        let _ = process.kill();
        Err("it did not listen within a minute".into())
    }

    fn end(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.process.wait();
        self.end_leftovers();
        let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten();
        for hierarchy in hierarchies.flatten() {
            // Only an empty group of this name goes.
            let _ = fs::remove_dir(hierarchy.path().join("wharf-conformance"));
        }
    }

    /// Podman's conmon stays for five minutes after an exec, to be asked how it ended.
    fn end_leftovers(&self) {
        let Some(directory) = self.socket.parent() else {
            return;
        };
        let directory = directory.as_os_str().as_encoded_bytes();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let is_ours = words.windows(directory.len()).any(|part| part == directory);
            let pid = entry.file_name().to_str().and_then(|pid| pid.parse().ok());
            if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw)
                && is_ours
            {
                // It may have ended by itself.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}
