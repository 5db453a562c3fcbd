//! `wharf ps -a` with 300 containers, 100 of them running, beside `docker ps -a` with the
//! same, where Debian's docker.io is installed. The daemon gets its own directories,
//! mount and network namespace; what it made is removed again.

mod support;

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use support::{Contestant, Sandbox, exists, race, run, time};

const RUNNING: usize = 100;
const STOPPED: usize = 200;

fn main() {
    let sandbox = Sandbox::new();
    fill(|args| sandbox.wharf(args));
    let daemon = exists("dockerd").then(|| Daemon::start(&sandbox));
    let mut contestants: Vec<Contestant> = vec![
        (
            "wharf ps -a --stats",
            Box::new(|| time(&mut sandbox.wharf(&["ps", "-a", "--stats"]))),
        ),
        (
            "wharf ps -a",
            Box::new(|| time(&mut sandbox.wharf(&["ps", "-a"]))),
        ),
    ];
    match &daemon {
        None => println!("dockerd is not here: apt-get install docker.io"),
        Some(daemon) => {
            let tar = sandbox.path().join("rootfs.tar");
            run(daemon.docker(&["import"]).arg(tar).arg("bench:1"));
            fill(|args| daemon.docker(args));
            contestants.push((
                "docker ps -a",
                Box::new(|| time(&mut daemon.docker(&["ps", "-a"]))),
            ));
        }
    }
    race("300 containers, 100 running", 30, &mut contestants);
}

/// Makes the containers with docker's words, which both understand.
fn fill(command: impl Fn(&[&str]) -> Command) {
    for _ in 0..STOPPED {
        run(&mut command(&[
            "create",
            "--network",
            "none",
            "bench:1",
            "true",
        ]));
    }
    for _ in 0..RUNNING {
        run(&mut command(&[
            "run",
            "-d",
            "--network",
            "none",
            "bench:1",
            "sleep",
            "3600",
        ]));
    }
}

/// Debian's docker daemon over a socket and directories of its own.
struct Daemon {
    process: Child,
    socket: PathBuf,
}

impl Daemon {
    fn start(sandbox: &Sandbox) -> Self {
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

    fn docker(&self, args: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .arg("-H")
            .arg(format!("unix://{}", self.socket.display()))
            .args(args);
        command
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
        for controller in std::fs::read_dir("/sys/fs/cgroup")
            .into_iter()
            .flatten()
            .flatten()
        {
            // Only groups of that name, and only empty ones, go.
            let _ = std::fs::remove_dir(controller.path().join("wharf-bench"));
        }
    }
}
