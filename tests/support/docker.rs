//! Debian's docker: a daemon of the test's own, with its own files, in a network namespace
//! of its own.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use super::process::{Background, eventually, signal};

/// A daemon that goes with all that it made.
pub struct Docker {
    daemon: Background,
    directory: tempfile::TempDir,
}

impl Docker {
    /// Starts it, and waits until it answers.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let script = format!(
            "ip link set lo up; exec dockerd --data-root {} --exec-root {} --pidfile {} -H unix://{} \
             --bridge=none --iptables=false --ip-masq=false -s vfs",
            at("data"),
            at("exec"),
            at("pid"),
            at("socket"),
        );
        let daemon = Command::new("unshare")
            .args(["-n", "--", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let docker = Self {
            daemon: Background(daemon),
            directory,
        };
        eventually("dockerd answers", || {
            let version = docker.command(&["version"]).output().unwrap();
            version.status.success()
        });
        docker
    }

    /// Where its files and its socket are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A command of its client, not yet run.
    pub fn command(&self, words: &[&str]) -> Command {
        let socket = self.directory.path().join("socket");
        let mut command = Command::new("/usr/bin/docker");
        command
            .args(words)
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .env("DOCKER_BUILDKIT", "1");
        command
    }

    /// Runs a command that must succeed; its output.
    #[track_caller]
    pub fn ok(&self, words: &[&str]) -> String {
        let done = self.command(words).output().unwrap();
        assert!(done.status.success(), "docker {words:?}: {done:?}");
        String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // It unmounts and ends its containerd itself when it is asked to.
        signal(self.daemon.pid(), libc::SIGTERM);
        let _ = self.daemon.0.wait();
    }
}
