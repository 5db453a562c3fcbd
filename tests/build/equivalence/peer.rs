//! Debian's docker, asked anew: a daemon of our own, in a network namespace of its own.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{Case, image::Image, place};
use crate::support::{
    process::{Background, eventually, signal},
    sandbox::{BUSYBOX, rootfs},
};

struct Docker {
    daemon: Background,
    directory: tempfile::TempDir,
}

impl Docker {
    /// The last line that it said, with the names of its own files cut to their last part.
    fn says(&self, stderr: &[u8]) -> String {
        let text = String::from_utf8_lossy(stderr);
        let line = text.lines().rev().find(|line| !line.trim().is_empty());
        let words = line.unwrap_or_default().split(' ').map(|word| {
            let own = Path::new(word).strip_prefix(self.directory.path());
            let last = own.ok().and_then(|own| own.file_name()?.to_str());
            last.unwrap_or(word)
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn new() -> Self {
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
            docker
                .command(&["version"])
                .output()
                .unwrap()
                .status
                .success()
        });
        docker
    }

    fn command(&self, words: &[&str]) -> Command {
        let socket = self.directory.path().join("socket");
        let mut command = Command::new("/usr/bin/docker");
        command
            .args(words)
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .env("DOCKER_BUILDKIT", "1");
        command
    }

    fn ok(&self, words: &[&str]) {
        let done = self.command(words).output().unwrap();
        assert!(done.status.success(), "docker {words:?}: {done:?}");
    }

    fn image(&self, name: &str) -> Image {
        let archive = self.directory.path().join("archive");
        self.ok(&["save", "-o", archive.to_str().unwrap(), name]);
        Image::read(&archive)
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // It unmounts and ends its containerd itself when it is asked to.
        signal(self.daemon.pid(), libc::SIGTERM);
        let _ = self.daemon.0.wait();
    }
}

/// Writes what docker makes of each case.
pub fn renew(cases: &[Case], context: &Path) {
    let docker = Docker::new();
    docker.ok(&["import", rootfs("busybox.tar").to_str().unwrap(), BUSYBOX]);
    let base = docker.image(BUSYBOX);
    fs::create_dir_all(place("expected")).unwrap();
    for case in cases {
        let mut words = vec!["build", "-q", "--network=none", "-t", "it", "-f"];
        words.push(case.dockerfile.to_str().unwrap());
        words.extend(case.flags.iter().map(String::as_str));
        words.push(context.to_str().unwrap());
        let built = docker.command(&words).output().unwrap();
        let expected: Value = match built.status.success() {
            true => docker.image("it").beyond(&base),
            false => json!({ "refused": true, "says": docker.says(&built.stderr) }),
        };
        let text = serde_json::to_string_pretty(&expected).unwrap() + "\n";
        fs::write(place("expected").join(format!("{}.json", case.name)), text).unwrap();
    }
}
