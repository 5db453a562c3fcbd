//! What the benchmarks share: an engine of their own, interleaved rounds, quantiles.
//!
//! Each benchmark prints figures beside a peer that ran in the same rounds; none asserts
//! a time. Machines are noisy: quote the ratios.

#![allow(
    dead_code,
    reason = "each benchmark is a crate of its own and uses a part"
)]
#![allow(
    clippy::unwrap_used,
    reason = "what it has of the tests panics as they do"
)]

pub mod disk;
pub mod replay;
pub mod screen;

#[path = "../../tests/support/cgroup.rs"]
pub mod cgroup;
#[path = "../../tests/support/docker.rs"]
pub mod docker;
#[path = "../../tests/support/host.rs"]
pub mod host;
#[path = "../../tests/support/process.rs"]
pub mod process;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use docker::{Docker, NO_NETWORKS};

/// The program that is measured.
pub const WHARF: &str = env!("CARGO_BIN_EXE_wharf");

/// An engine below a temporary directory; all that it made goes with it.
pub struct Sandbox {
    dir: tempfile::TempDir,
}

impl Sandbox {
    /// A new engine that holds the image `bench:1`, a busybox root file system.
    pub fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// The same in a directory below this one.
    pub fn below(place: &Path) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "benchmarks make real containers: run them as root"
        );
        let dir = tempfile::tempdir_in(place).expect("a temporary directory can be made");
        let sandbox = Self { dir };
        make_busybox(&sandbox.rootfs());
        let tar = sandbox.path().join("rootfs.tar");
        run(Command::new("tar")
            .arg("-C")
            .arg(sandbox.rootfs())
            .arg("-cf")
            .arg(&tar)
            .arg("."));
        run(sandbox.wharf(&["import"]).arg(&tar).arg("bench:1"));
        sandbox
    }

    /// The directory that everything of it lies in.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The unpacked root file system, for peers that take a directory.
    pub fn rootfs(&self) -> PathBuf {
        self.path().join("rootfs")
    }

    /// A wharf command on this engine.
    pub fn wharf(&self, args: &[&str]) -> Command {
        let mut command = Command::new(WHARF);
        command
            .arg("--root")
            .arg(self.path().join("engine"))
            // Where the network is the subject, a benchmark names it: nothing touches the
            // machine's own.
            .env("WHARF_NETWORK", "none")
            .args(args);
        command
    }

    /// The ids of all containers, in full.
    pub fn containers(&self) -> Vec<String> {
        let ids = self
            .wharf(&["ps", "-aq", "--no-trunc"])
            .output()
            .expect("wharf ps runs");
        String::from_utf8_lossy(&ids.stdout)
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for id in self.containers() {
            run(self.wharf(&["rm", "-f"]).arg(id));
        }
    }
}

/// Debian's static busybox with its applets as links: enough to run `true` and `sleep`.
fn make_busybox(root: &Path) {
    let bin = root.join("bin");
    fs::create_dir_all(&bin).expect("directories can be made");
    for dir in ["proc", "sys", "dev", "etc", "tmp"] {
        fs::create_dir_all(root.join(dir)).expect("directories can be made");
    }
    fs::copy("/bin/busybox", bin.join("busybox"))
        .expect("needs Debian's busybox-static: apt-get install busybox-static");
    for applet in ["true", "sh", "sleep", "cat", "yes"] {
        std::os::unix::fs::symlink("busybox", bin.join(applet)).expect("links can be made");
    }
}

/// Runs a command that must succeed, in silence.
pub fn run(command: &mut Command) {
    let output = command.output().expect("the command starts");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Wall time from the spawn of a command to its exit; it must succeed.
pub fn time(command: &mut Command) -> Duration {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let start = Instant::now();
    let child = command.spawn().expect("the command starts");
    let output = child.wait_with_output().expect("the command ends");
    let elapsed = start.elapsed();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    elapsed
}

/// A name, and one run of it.
pub type Contestant<'a> = (&'a str, Box<dyn FnMut() -> Duration + 'a>);

/// Before each run, so that none pays for or profits from what the one before left under
/// way: a move between control groups costs the next one nothing for about 10 ms.
pub const PAUSE: Duration = Duration::from_millis(50);

/// Runs all contestants in turn, `rounds` times, and prints a row for each; the ratio is
/// of its median to the last one's. Two rounds before are not counted.
pub fn race(title: &str, rounds: usize, contestants: &mut [Contestant]) {
    let mut times = vec![Vec::with_capacity(rounds); contestants.len()];
    for round in 0..rounds + 2 {
        for (index, (_, run)) in contestants.iter_mut().enumerate() {
            thread::sleep(PAUSE);
            let elapsed = run();
            if round >= 2 {
                times[index].push(elapsed);
            }
        }
    }
    println!("{title}, {rounds} interleaved rounds");
    println!(
        "  {:<24} {:>9} {:>9} {:>9} {:>7}",
        "", "min ms", "median", "p95", "ratio"
    );
    let peer = quantile(&mut times[contestants.len() - 1], 0.5);
    for ((name, _), times) in contestants.iter().zip(&mut times) {
        let [min, median, p95] = [0.0, 0.5, 0.95].map(|q| quantile(times, q));
        println!(
            "  {name:<24} {min:>9.2} {median:>9.2} {p95:>9.2} {:>7.2}",
            median / peer
        );
    }
}

/// The `q`-quantile of some times, in milliseconds.
pub fn quantile(times: &mut [Duration], q: f64) -> f64 {
    times.sort_unstable();
    times[rank(times.len(), q)].as_secs_f64() * 1e3
}

/// Where the `q`-quantile stands among so many sorted figures.
pub fn rank(count: usize, q: f64) -> usize {
    ((count - 1) as f64 * q).round() as usize
}

/// Debian's dockerd below a sandbox's directory, if it is here, with the image `bench:1`.
pub fn dockerd(sandbox: &Sandbox) -> Option<Docker> {
    if !exists("dockerd") {
        println!("  dockerd is not here: apt-get install docker.io");
        return None;
    }
    let docker = Docker::below(&sandbox.path().join("docker"), NO_NETWORKS);
    let tar = sandbox.path().join("rootfs.tar");
    run(docker.command(&["import"]).arg(tar).arg("bench:1"));
    Some(docker)
}

/// Whether a program is on the PATH.
pub fn exists(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
