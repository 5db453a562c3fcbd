//! What it costs to watch 100 running containers for a while, in a terminal of 160x45: our
//! dashboard beside `podman stats`, `docker stats`, oxker and systemd-cgtop, all once a
//! second, each with its own 100 containers (systemd-cgtop with all groups of the
//! machine), the daemon's share counted. A peer that is not installed is said and left out.

mod support;

use std::{path::Path, process::Command, thread, time::Duration};

use support::{
    Sandbox, cgroup, dockerd, exists,
    host::Host,
    run,
    screen::{Screen, cpu_secs},
};

const CONTAINERS: usize = 100;
const WATCHED: Duration = Duration::from_secs(20);
/// The control group that podman is told to make its own below.
const GROUP: &str = "wharf-bench";

fn main() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    println!(
        "{CONTAINERS} running containers, watched {} s each",
        WATCHED.as_secs()
    );
    println!(
        "  {:<16} {:>9} {:>12} {:>10}",
        "", "% of core", "bytes/s", "MiB"
    );
    fill(|args| sandbox.wharf(args), &[]);
    let own = watch("wharf", sandbox.wharf(&[]), &[], b"q");
    if installed("systemd-cgtop") {
        let mut command = Command::new("systemd-cgtop");
        command.args(["--delay=1", "--depth=9"]);
        against(own, watch("systemd-cgtop", command, &[], b"q"));
    }
    if let Some(daemon) = dockerd(&sandbox) {
        fill(|args| daemon.command(args), &["--network", "none"]);
        let pids = daemon.pids();
        against(
            own,
            watch("docker stats", daemon.command(&["stats"]), &pids, b"\x03"),
        );
        if installed("oxker") {
            let mut command = Command::new("oxker");
            command.arg("--host").arg(daemon.address());
            against(own, watch("oxker", command, &pids, b"q"));
        }
    }
    if installed("podman") {
        let podman = Podman(&sandbox);
        run(podman
            .command(&["import"])
            .arg(sandbox.path().join("rootfs.tar"))
            .arg("bench:1"));
        let further = format!(
            "--network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
             --cgroup-parent /{GROUP}"
        );
        let further: Vec<&str> = further.split_whitespace().collect();
        fill(|args| podman.command(args), &further);
        against(
            own,
            watch(
                "podman stats",
                podman.command(&["stats", "--interval", "1"]),
                &[],
                b"\x03",
            ),
        );
        run(&mut podman.command(&["rm", "--all", "--force", "--time", "0"]));
        cgroup::remove(GROUP);
    }
}

fn installed(program: &str) -> bool {
    let is_here = exists(program);
    if !is_here {
        println!("  {program} is not here");
    }
    is_here
}

fn fill(command: impl Fn(&[&str]) -> Command, further: &[&str]) {
    for number in 0..CONTAINERS {
        let name = format!("bench-{number}");
        let mut command = command(&["run", "-d", "--name", &name]);
        run(command.args(further).args(["bench:1", "sleep", "36000"]));
    }
}

/// Share of a core that watching takes, a row printed.
fn watch(name: &str, command: Command, daemons: &[i32], keys: &[u8]) -> f64 {
    let mut screen = Screen::open(command, "\x1b");
    thread::sleep(Duration::from_secs(6));
    let cpu = |screen: &Screen| {
        screen.cpu_secs() + daemons.iter().map(|pid| cpu_secs(*pid as u32)).sum::<f64>()
    };
    let (before, bytes) = (cpu(&screen), screen.bytes());
    thread::sleep(WATCHED);
    let secs = WATCHED.as_secs_f64();
    let share = (cpu(&screen) - before) / secs * 100.0;
    println!(
        "  {name:<16} {share:>9.2} {:>12.0} {:>10.1}",
        (screen.bytes() - bytes) as f64 / secs,
        screen.resident_kib() as f64 / 1024.0,
    );
    screen.quit(keys);
    share
}

fn against(own: f64, peer: f64) {
    println!("  {:<16} {:>9.3} of it is ours", "", own / peer);
}

/// podman with directories of its own. Its containers run by runc: crun refuses a host
/// that mounts cgroup v1 and v2 beside each other.
struct Podman<'a>(&'a Sandbox);

impl Podman<'_> {
    fn command(&self, args: &[&str]) -> Command {
        let dir = |name: &str| Path::new(self.0.path()).join("podman").join(name);
        let mut command = Command::new("podman");
        command
            .arg("--root")
            .arg(dir("root"))
            .arg("--runroot")
            .arg(dir("run"))
            .arg("--tmpdir")
            .arg(dir("tmp"))
            .args(["--cgroup-manager", "cgroupfs", "--runtime", "runc"])
            .args(["--storage-driver", "overlay", "--events-backend", "file"])
            .args(args);
        command
    }
}
