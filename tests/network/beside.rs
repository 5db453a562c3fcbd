//! A docker daemon on the same host: its rules stay as they are, and both work.

use std::process::{Command, Stdio};

use crate::{
    answered, serve,
    support::{
        Sandbox, eventually,
        host::{Host, Peer},
        process::{self, Background},
        sandbox::rootfs,
    },
};

/// Debian's dockerd with its own bridge and rules, on this thread's host.
struct Docker {
    daemon: Background,
    socket: String,
    _directory: tempfile::TempDir,
}

impl Docker {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let socket = format!("unix://{}", at("docker.sock"));
        let daemon = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "dockerd"])
            .args(["--cgroup-parent", "/wharf-beside", "--data-root", &at("d")])
            .args(["--exec-root", &at("e"), "--pidfile", &at("pid")])
            .args(["-H", &socket])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let docker = Self {
            daemon: Background(daemon),
            socket,
            _directory: directory,
        };
        eventually("dockerd answers", || docker.run(&["version"]).is_some());
        docker
    }

    fn run(&self, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new("docker");
        command.args(["-H", &self.socket]).args(arguments);
        let done = process::finish(command, b"");
        (done.code == 0).then(|| done.stdout.trim().to_owned())
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // It ends its containerd when it is asked to end, and only then.
        process::signal(self.daemon.pid(), libc::SIGTERM);
        let _ = self.daemon.0.wait();
        // It leaves the group that it put its containers under.
        for hierarchy in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
            let _ = std::fs::remove_dir(hierarchy.path().join("wharf-beside"));
        }
    }
}

/// All rules but ours.
fn rules_of_others(host: &Host) -> Vec<String> {
    let tables = host.run("nft", &["list", "tables"]);
    let others = tables.lines().filter(|line| !line.contains("wharf"));
    others
        .map(|line| {
            let mut words = vec!["-s", "list"];
            words.extend(line.split(' '));
            host.run("nft", &words)
        })
        .collect()
}

#[test]
fn docker_keeps_its_rules_and_both_are_reached() {
    let host = Host::enter();
    let peer = Peer::new(&host);
    let sandbox = Sandbox::debian();
    // Where it is docker that makes a host forward, it has the host forward for nobody else.
    host.run("sh", &["-c", "echo 0 > /proc/sys/net/ipv4/ip_forward"]);
    let docker = Docker::start();
    let tar = rootfs("debian.tar").display().to_string();
    docker.run(&["import", &tar, "debian:1"]).unwrap();
    let words = "run -d --name theirs -p 9090:80 debian:1 perl -e";
    let mut words: Vec<&str> = words.split(' ').collect();
    words.extend([crate::SERVER, "theirs", "tcp", "0.0.0.0", "80"]);
    docker.run(&words).unwrap();
    let theirs = || {
        answered("docker's, by loopback,", "theirs", || {
            host.ask("tcp", "127.0.0.1", 9090)
        });
        answered("docker's, from another host,", "theirs", || {
            peer.ask("tcp", "10.88.0.1", 9090)
        });
    };
    theirs();
    let before = rules_of_others(&host);
    assert!(
        before.iter().any(|rules| rules.contains("DOCKER")),
        "{before:?}"
    );

    sandbox.ok(&["network", "create", "one"]);
    serve(
        &sandbox,
        "ours",
        &["--network", "one", "-p", "8080:80"],
        "tcp",
        "0.0.0.0",
    );
    answered("ours, by loopback,", "ours", || {
        host.ask("tcp", "127.0.0.1", 8080)
    });
    theirs();
    // Docker has the host drop what it doesn't know on its way through, and nobody can
    // overrule that from a table of their own: it is told, with what helps.
    let told = [
        "network",
        "inspect",
        "one",
        "--format",
        "{{json .Warnings}}",
    ];
    let told = sandbox.ok(&told);
    assert!(told.contains("FORWARD"), "{told}");
    assert_eq!(peer.ask("tcp", "10.88.0.1", 8080), None);
    assert_eq!(rules_of_others(&host), before);
    let bridge = told.split("iptables -I FORWARD -o ").nth(1).unwrap();
    let bridge = bridge.split(' ').next().unwrap();
    for direction in ["-i", "-o"] {
        host.run(
            "iptables",
            &["-I", "FORWARD", direction, bridge, "-j", "ACCEPT"],
        );
    }
    answered("ours, from another host,", "ours", || {
        peer.ask("tcp", "10.88.0.1", 8080)
    });
    for direction in ["-i", "-o"] {
        host.run(
            "iptables",
            &["-D", "FORWARD", direction, bridge, "-j", "ACCEPT"],
        );
    }
    sandbox.ok(&["rm", "-f", "ours"]);
    sandbox.ok(&["network", "prune", "-f"]);
    assert_eq!(rules_of_others(&host), before);
    theirs();
    docker.run(&["rm", "-f", "theirs"]).unwrap();
}
