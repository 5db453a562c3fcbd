//! The engines, each with state of its own that goes with it.

use std::{
    any::Any,
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use tokio::runtime::Runtime;
use wharf::{
    engine::{Engine, embedded::Embedded, remote::Remote},
    model::{Address, ImportRequest},
    runtime::paths::Root,
};

use super::{
    support::{
        docker::{Docker, NO_NETWORKS},
        process::{Background, comes_true, signal},
    },
    tap::Tap,
};

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
    /// What hears the requests to an engine behind a socket.
    pub tap: Option<Tap>,
    /// What runs behind the socket.
    _daemon: Box<dyn Any>,
    /// Where behaviours may keep files.
    pub directory: tempfile::TempDir,
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
    Bench::with(runtime, Arc::new(engine), directory, Box::new(()))
}

/// Its own program, which is not this one.
fn wharf(runtime: &Runtime) -> Result<Bench, String> {
    let directory = directory();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let script = format!(
        "export WHARF_CONFIG=/dev/null; exec {} --root {} serve -H unix://{}",
        env!("CARGO_BIN_EXE_wharf"),
        at("wharf"),
        at("docker.sock"),
    );
    let daemon = Daemon::start(&script, directory.path())?;
    behind(runtime, directory, Box::new(daemon))
}

fn docker(runtime: &Runtime) -> Result<Bench, String> {
    let directory = directory();
    let docker = Docker::below(directory.path(), NO_NETWORKS);
    behind(runtime, directory, Box::new(docker))
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
        "export CONTAINERS_CONF={}; umount /sys/fs/cgroup/unified 2>/dev/null; exec podman --root {} \
         --runroot {} --tmpdir {} --cgroup-manager cgroupfs --events-backend file system service \
         -t 0 unix://{}",
        settings.display(),
        at("data"),
        at("run"),
        at("tmp"),
        at("docker.sock"),
    );
    let daemon = Daemon::start(&script, directory.path())?;
    behind(runtime, directory, Box::new(daemon))
}

fn behind(
    runtime: &Runtime,
    directory: tempfile::TempDir,
    daemon: Box<dyn Any>,
) -> Result<Bench, String> {
    let tap = Tap::before(&directory.path().join("docker.sock"));
    let address = Address::Unix(tap.socket.clone());
    let engine = Remote::at(address, "the test".into()).map_err(|error| error.to_string())?;
    let mut bench = Bench::with(runtime, Arc::new(engine), directory, daemon)?;
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
        daemon: Box<dyn Any>,
    ) -> Result<Self, String> {
        let tar = image(directory.path());
        let imported =
            runtime.block_on(engine.import(Box::new(tar), ImportRequest::named(IMAGE), None));
        imported.map_err(|error| error.to_string())?;
        Ok(Self {
            engine,
            tap: None,
            _daemon: daemon,
            directory,
        })
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

/// A daemon of a shell script's, which listens at `docker.sock` below a directory.
struct Daemon {
    process: Background,
    directory: PathBuf,
}

impl Daemon {
    fn start(script: &str, directory: &Path) -> Result<Self, String> {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", script]);
        let mut daemon = Self {
            process: Background::silent(&mut command),
            directory: directory.to_owned(),
        };
        let socket = directory.join("docker.sock");
        let mut over = None;
        let listens = comes_true(|| {
            over = daemon.process.0.try_wait().ok().flatten();
            over.is_some() || UnixStream::connect(&socket).is_ok()
        });
        match (over, listens) {
            (Some(status), _) => Err(format!("it ended by itself: {status}")),
            (None, false) => Err("it does not listen".into()),
            (None, true) => Ok(daemon),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.process.end();
        // Podman's conmon stays for five minutes after an exec, to be asked how it ended.
        let directory = self.directory.as_os_str().as_encoded_bytes();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let is_ours = words.windows(directory.len()).any(|part| part == directory);
            let pid = entry.file_name().to_str().and_then(|pid| pid.parse().ok());
            if let Some(pid) = pid.filter(|_| is_ours) {
                // It may have ended by itself.
                signal(pid, libc::SIGKILL);
            }
        }
    }
}
