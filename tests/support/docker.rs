//! Debian's docker: daemons of a test's or a benchmark's own, each with its own files,
//! mounts and control group.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{
    cgroup, host,
    process::{Background, DEADLINE, comes_true, descendants, finish, signal, status_field},
};

/// What has a daemon make no networks.
pub const NO_NETWORKS: &[&str] = &["--bridge=none", "--iptables=false"];

/// A daemon that goes with all that it made.
pub struct Docker {
    daemon: Option<Background>,
    directory: PathBuf,
    group: String,
    flags: Vec<String>,
}

impl Docker {
    /// Starts one with further flags, all whose files are below a directory, and waits
    /// until it answers.
    pub fn below(directory: &Path, flags: &[&str]) -> Self {
        // It makes and removes bridges by fixed names, and those of the machine are others'.
        assert!(host::is_own(), "dockerd runs on a host of the test's own");
        fs::create_dir_all(directory).unwrap();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut docker = Self {
            daemon: None,
            directory: directory.to_owned(),
            group: format!("wharf-docker-{}-{number}", std::process::id()),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        };
        docker.again();
        docker
    }

    /// Starts it once more over what is there.
    pub fn again(&mut self) {
        let answers = self.start();
        let log = || fs::read_to_string(self.directory.join("dockerd.log"));
        assert!(answers, "no answer within {DEADLINE:?}: {:?}", log());
    }

    /// Whether it answers then.
    fn start(&mut self) -> bool {
        let at = |name: &str| self.directory.join(name);
        // Those of the ones before would be taken for whoever has their numbers now.
        let _ = fs::remove_file(at("pid"));
        let _ = fs::remove_file(at("exec/containerd/containerd.pid"));
        let log = fs::File::create(at("dockerd.log")).unwrap();
        let daemon = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "dockerd"])
            // Where systemd is, its groups would be systemd's and named otherwise.
            .args(["--exec-opt", "native.cgroupdriver=cgroupfs"])
            .args(["--cgroup-parent", &format!("/{}", self.group)])
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .args(["-H", &self.address()])
            .args(&self.flags)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        let mut daemon = Background(daemon.expect("util-linux is installed"));
        let answers = || {
            let version = self.command(&["version"]).output();
            version.is_ok_and(|version| version.status.success())
        };
        let is_over = |daemon: &mut Background| !matches!(daemon.0.try_wait(), Ok(None));
        let answered = comes_true(|| is_over(&mut daemon) || answers()) && !is_over(&mut daemon);
        self.daemon = Some(daemon);
        answered
    }

    /// Kills it; its containers run on if it was started with `--live-restore`.
    pub fn kill(&mut self) {
        let pids = self.pids();
        self.daemon = None;
        for pid in pids.into_iter().skip(1) {
            // Its containerd goes a little later, and the next daemon would wait for it.
            signal(pid, libc::SIGKILL);
            comes_true(|| status_field(pid, "State").is_none_or(|state| state.starts_with('Z')));
        }
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join("docker.sock")
    }

    /// Where it listens, as docker's clients are told.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The daemon and the containerd that it runs.
    pub fn pids(&self) -> Vec<i32> {
        let own = self.daemon.iter().map(Background::pid);
        own.flat_map(|pid| std::iter::once(pid).chain(descendants(pid)))
            .collect()
    }

    /// A command of its client, not yet run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = client(&self.socket(), words);
        command.env("HOME", &self.directory);
        command
    }

    /// Runs a command that must succeed; its output without the last newline.
    #[track_caller]
    pub fn ok(&self, words: &[&str]) -> String {
        let done = finish(self.command(words), b"");
        assert_eq!(done.code, 0, "docker {words:?}: {done:?}");
        done.stdout.trim_end_matches('\n').to_owned()
    }

    fn remove_containers(&self) {
        let ids = self.command(&["ps", "-aq"]).output();
        let ids = ids.map(|output| output.stdout).unwrap_or_default();
        let ids = String::from_utf8_lossy(&ids);
        let mut words = vec!["rm", "-f"];
        words.extend(ids.split_whitespace());
        if words.len() > 2 {
            // A container that stays keeps the group from being removed.
            let _ = self.command(&words).output();
        }
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if self.daemon.is_none() {
            // Its containers are still to go; what stays is found by `tests/snapshot`.
            self.start();
        }
        if let Some(mut daemon) = self.daemon.take() {
            self.remove_containers();
            // Asked to end it ends its containerd and unmounts.
            daemon.end();
        }
        cgroup::remove(&self.group);
    }
}

/// Debian's docker command at a socket, not yet run.
pub fn client(socket: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("/usr/bin/docker");
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .args(words);
    command
}
