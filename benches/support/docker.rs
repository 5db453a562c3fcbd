//! Debian's docker daemon over a socket, directories and namespaces of its own.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use super::{Sandbox, run};

/// A daemon that goes with all that it made.
pub struct Daemon {
    process: Child,
    socket: PathBuf,
}

impl Daemon {
    /// Starts it below a sandbox's directory.
    pub fn start(sandbox: &Sandbox) -> Self {
        let dir = sandbox.path().join("docker");
        let socket = dir.join("socket");
        let process = Command::new("unshare")
            .args(["--mount", "--net", "--propagation", "private", "dockerd"])
            .args([
                "--bridge",
                "none",
                "--iptables=false",
                "--cgroup-parent",
                "/wharf-bench",
            ])
            .arg("--data-root")
            .arg(dir.join("data"))
            .arg("--exec-root")
            .arg(dir.join("exec"))
            .arg("--pidfile")
            .arg(dir.join("pid"))
            .arg("-H")
            .arg(format!("unix://{}", socket.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dockerd starts");
        let daemon = Self { process, socket };
        for _ in 0..100 {
            let version = daemon.docker(&["version"]).output().expect("docker starts");
            if version.status.success() {
                return daemon;
            }
            thread::sleep(Duration::from_millis(200));
        }
        panic!("dockerd did not answer within 20 s");
    }

    /// Where it listens, as docker's clients are told.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// A docker command on it.
    pub fn docker(&self, args: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.arg("-H").arg(self.host()).args(args);
        command
    }

    /// The daemon and the containerd that it runs.
    pub fn pids(&self) -> Vec<u32> {
        let own = self.process.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
        let children = children.unwrap_or_default();
        let children = children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok());
        std::iter::once(own).chain(children).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let ids = self.docker(&["ps", "-aq"]).output().expect("docker starts");
        for id in String::from_utf8_lossy(&ids.stdout).lines() {
            run(&mut self.docker(&["rm", "-f", id]));
        }
        let pid = rustix::process::Pid::from_child(&self.process);
        // Errors mean that it is gone already.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.process.wait();
        remove_groups();
    }
}

/// Removes the group that peers are told to make theirs below, in every hierarchy.
pub fn remove_groups() {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten();
    for hierarchy in hierarchies.flatten() {
        let group = hierarchy.path().join("wharf-bench");
        // Only those of these names, and only empty ones, go; podman makes the first.
        let _ = fs::remove_dir(group.join("conmon"));
        let _ = fs::remove_dir(group);
    }
}
