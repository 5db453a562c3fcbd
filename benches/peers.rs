//! wharf beside its peers, in the same run on the same machine.
//!
//! ```text
//! cargo bench --bench peers              everything
//! cargo bench --bench peers -- start     only that: start, ps, dashboard
//! ```
//!
//! Needs root and `crun`; makes its images with `tests/rootfs`. Rounds of the two sides
//! are interleaved, so that a noisy machine is noisy for both. Docker is measured beside
//! `ps` only where a daemon answers; its absence is said.

// A benchmark panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    env, fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
};
use support::{
    Sandbox,
    sandbox::{BUSYBOX, rootfs, wharf},
};

const ROUNDS: usize = 60;

fn main() {
    let wanted: Vec<String> = env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    println!(
        "load before: {}",
        fs::read_to_string("/proc/loadavg").unwrap().trim()
    );
    if wants("start") {
        start();
    }
    if wants("ps") || wants("dashboard") {
        many(wants("ps"), wants("dashboard"));
    }
}

/// `run --rm --network none IMAGE true` against `crun run` on a ready bundle of the same
/// root file system with the same limits.
fn start() {
    let sandbox = Sandbox::new();
    let bundle = Bundle::new();
    let crun = Elsewhere::new();
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let arguments = [
        "run",
        "--rm",
        "--network",
        "none",
        "-m",
        "256m",
        "--cpus",
        "1",
        "--pids-limit",
        "100",
        BUSYBOX,
        "true",
    ];
    for round in 0..ROUNDS + 5 {
        let mut command = sandbox.command(&arguments);
        let mine = timed(&mut command);
        let other = crun.timed(bundle.command(round));
        // The first rounds warm caches and are not counted.
        if round >= 5 {
            ours.push(mine);
            theirs.push(other);
        }
    }
    report(
        "run --rm --network none IMAGE true",
        &mut ours,
        "crun run",
        &mut theirs,
    );
}

fn report(name: &str, ours: &mut [f64], peer: &str, theirs: &mut [f64]) {
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    let at = |of: &[f64], share: f64| of[((of.len() - 1) as f64 * share).round() as usize] * 1e3;
    println!(
        "{name}, {} interleaved rounds, ms: minimum / median / p95",
        ours.len()
    );
    for (who, of) in [("wharf", &*ours), (peer, &*theirs)] {
        println!(
            "    {who:10} {:6.1} / {:6.1} / {:6.1}",
            of[0] * 1e3,
            at(of, 0.5),
            at(of, 0.95)
        );
    }
    println!(
        "    ratio of medians {:.2}, of minima {:.2}, of p95 {:.2}",
        at(ours, 0.5) / at(theirs, 0.5),
        ours[0] / theirs[0],
        at(ours, 0.95) / at(theirs, 0.95)
    );
}

fn timed(command: &mut Command) -> f64 {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let began = Instant::now();
    let output = command.output().unwrap();
    let elapsed = began.elapsed().as_secs_f64();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    elapsed
}

/// A thread whose mount namespace has no `unified` hierarchy: crun refuses hybrid hosts.
/// Commands started by it inherit that, at no cost to their own time.
struct Elsewhere {
    commands: mpsc::Sender<Command>,
    times: mpsc::Receiver<f64>,
}

impl Elsewhere {
    fn new() -> Self {
        let (commands, receiver) = mpsc::channel::<Command>();
        let (sender, times) = mpsc::channel();
        thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNS).unwrap();
            mount(
                None::<&str>,
                "/",
                None::<&str>,
                MsFlags::MS_REC | MsFlags::MS_PRIVATE,
                None::<&str>,
            )
            .unwrap();
            if Path::new("/sys/fs/cgroup/unified/cgroup.procs").exists() {
                umount2("/sys/fs/cgroup/unified", MntFlags::MNT_DETACH).unwrap();
            }
            for mut command in receiver {
                sender.send(timed(&mut command)).unwrap();
            }
        });
        Self { commands, times }
    }

    fn timed(&self, command: Command) -> f64 {
        self.commands.send(command).unwrap();
        self.times.recv().unwrap()
    }
}

/// An OCI bundle for crun, gone when it goes out of scope.
struct Bundle {
    path: PathBuf,
}

impl Bundle {
    fn new() -> Self {
        let path = env::temp_dir().join(format!("wharf-bench-{}", std::process::id()));
        fs::create_dir_all(path.join("rootfs")).unwrap();
        let tar = Command::new("tar")
            .arg("-C")
            .arg(path.join("rootfs"))
            .arg("-xf")
            .arg(rootfs("busybox.tar"))
            .status();
        assert!(tar.unwrap().success());
        let spec = Command::new("crun")
            .arg("spec")
            .current_dir(&path)
            .status()
            .expect("crun is installed by tests/run");
        assert!(spec.success());
        let text = fs::read_to_string(path.join("config.json")).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
        config["process"]["terminal"] = false.into();
        config["process"]["args"] = serde_json::json!(["true"]);
        config["linux"]["cgroupsPath"] = "/wharf-bench/crun".into();
        config["linux"]["resources"]["memory"] =
            serde_json::json!({"limit": 256 << 20, "swap": 512 << 20});
        config["linux"]["resources"]["cpu"] =
            serde_json::json!({"quota": 100_000, "period": 100_000});
        config["linux"]["resources"]["pids"] = serde_json::json!({"limit": 100});
        fs::write(path.join("config.json"), config.to_string()).unwrap();
        Self { path }
    }

    fn command(&self, round: usize) -> Command {
        let mut command = Command::new("crun");
        command
            .args(["--cgroup-manager=cgroupfs", "run", "--bundle"])
            .arg(&self.path)
            .arg(format!("wharf-bench-{round}"));
        command
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        for entry in fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
            // crun leaves the parent that we named.
            let _ = fs::remove_dir(entry.path().join("wharf-bench"));
        }
        fs::remove_dir_all(&self.path).unwrap();
    }
}

/// 300 containers, 100 of them running: `ps -a`, the dashboard, the shims.
fn many(ps: bool, dashboard: bool) {
    let sandbox = Sandbox::new();
    println!("making 300 containers, 100 of them running");
    for i in 0..200 {
        sandbox.ok(&["create", "--name", &format!("made-{i}"), BUSYBOX, "true"]);
    }
    for i in 0..100 {
        sandbox.start(&["--name", &format!("runs-{i}"), BUSYBOX, "sleep", "100000"]);
    }
    shims(&sandbox);
    if ps {
        let mut ours: Vec<f64> = (0..30)
            .map(|_| timed(&mut sandbox.command(&["ps", "-a"])))
            .collect();
        let mut with_stats: Vec<f64> = (0..10)
            .map(|_| timed(&mut sandbox.command(&["ps", "-a", "--stats"])))
            .collect();
        ours.sort_by(f64::total_cmp);
        with_stats.sort_by(f64::total_cmp);
        println!(
            "ps -a with 300 containers, 100 running: {:.1} ms median, {:.1} ms p95; with --stats {:.1} ms",
            ours[15] * 1e3,
            ours[28] * 1e3,
            with_stats[5] * 1e3
        );
        match docker() {
            Some(docker_ms) => println!(
                "    docker ps -a of the same: {docker_ms:.1} ms, ratio {:.2}",
                ours[15] * 1e3 / docker_ms
            ),
            None => println!("    docker: no daemon answers here, not measured (88 ms elsewhere)"),
        }
    }
    if dashboard {
        self::dashboard(&sandbox);
    }
}

/// `docker ps -a` where a daemon answers that has at least 300 containers.
fn docker() -> Option<f64> {
    let list = Command::new("docker").args(["ps", "-aq"]).output().ok()?;
    let count = String::from_utf8_lossy(&list.stdout).lines().count();
    if !list.status.success() || count < 300 {
        return None;
    }
    let mut times: Vec<f64> = (0..20)
        .map(|_| timed(Command::new("docker").args(["ps", "-a"])))
        .collect();
    times.sort_by(f64::total_cmp);
    Some(times[10] * 1e3)
}

fn shims(sandbox: &Sandbox) {
    let mut private = Vec::new();
    let mut resident = Vec::new();
    for i in 0..100 {
        let shim = sandbox.shim(&format!("runs-{i}"));
        let rollup = fs::read_to_string(format!("/proc/{shim}/smaps_rollup")).unwrap();
        let kb = |key: &str| -> f64 {
            rollup
                .lines()
                .find_map(|l| l.strip_prefix(key))
                .unwrap()
                .trim_matches(|c: char| !c.is_ascii_digit())
                .parse()
                .unwrap()
        };
        private.push(kb("Private_Clean:") + kb("Private_Dirty:"));
        resident.push(kb("Rss:"));
    }
    private.sort_by(f64::total_cmp);
    resident.sort_by(f64::total_cmp);
    println!(
        "shim: private memory {:.0} KiB median, {:.0} KiB at most; resident {:.0} KiB",
        private[50], private[99], resident[50]
    );
}

/// The dashboard in a 160x45 terminal: first frame, then what it uses while nobody
/// touches it.
fn dashboard(sandbox: &Sandbox) {
    let size = nix::pty::Winsize {
        ws_row: 45,
        ws_col: 160,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let mut first = Vec::new();
    for round in 0..6 {
        let pty = nix::pty::openpty(&size, None).unwrap();
        let (slave_in, slave_out) = (pty.slave.try_clone().unwrap(), pty.slave);
        let mut command = sandbox.command(&[]);
        command
            .env("TERM", "xterm-256color")
            .stdin(slave_in)
            .stdout(slave_out.try_clone().unwrap())
            .stderr(slave_out);
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        drop(command);
        let mut master = fs::File::from(pty.master);
        let mut seen = Vec::new();
        let mut buffer = [0; 65536];
        // A frame ends with the end of the synchronized update.
        while !seen.windows(4).any(|w| w == b"runs")
            || !seen.windows(8).any(|w| w == b"\x1b[?2026l")
        {
            let n = master.read(&mut buffer).unwrap();
            assert!(
                n > 0,
                "the dashboard ended: {}",
                String::from_utf8_lossy(&seen)
            );
            seen.extend_from_slice(&buffer[..n]);
        }
        first.push(began.elapsed().as_secs_f64() * 1e3);
        if round == 5 {
            let pid = child.id();
            let reader = master.try_clone().unwrap();
            let counted = thread::spawn(move || count_bytes(reader));
            thread::sleep(Duration::from_secs(5));
            let before = cpu_ticks(pid);
            thread::sleep(Duration::from_secs(30));
            let share = (cpu_ticks(pid) - before) / 30.0 * 100.0;
            let rss = support::process::status_field(pid as i32, "VmRSS").unwrap();
            println!(
                "dashboard, 100 running, idle at 1 s refresh: {share:.2} % of a core, resident {rss}"
            );
            nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(pid as i32),
                nix::sys::signal::Signal::SIGTERM,
            )
            .unwrap();
            child.wait().unwrap();
            drop(master);
            println!(
                "    bytes to the terminal: {:.0} a second",
                counted.join().unwrap() as f64 / 35.0
            );
        } else {
            nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(child.id() as i32),
                nix::sys::signal::Signal::SIGTERM,
            )
            .unwrap();
            // It restores the terminal first: somebody has to read that.
            while master.read(&mut buffer).is_ok_and(|n| n > 0) {}
            child.wait().unwrap();
        }
    }
    first.sort_by(f64::total_cmp);
    println!(
        "    first frame with rows {:.0} ms after exec (median of 6; at most {:.0})",
        first[3], first[5]
    );
    println!("    program: {}", wharf().display());
}

fn count_bytes(mut from: fs::File) -> usize {
    let mut buffer = [0; 65536];
    let mut total = 0;
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        total += n;
    }
    total
}

/// CPU time used so far, seconds.
fn cpu_ticks(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks
        / nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)
            .unwrap()
            .unwrap() as f64
}
