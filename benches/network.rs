//! `wharf run --rm IMAGE true` on a bridge with one published port beside the same without
//! a network, on a host of the benchmark's own: this thread's network namespace is new.
//! Then what a connection between two containers carries beside one between two bare
//! namespaces that are joined by the same kind of bridge, where iperf3 is there.

mod support;

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use nix::sched::{CloneFlags, unshare};

use support::{Sandbox, exists, race, run, time};

const ROUNDS: usize = 60;
const PAIRS: usize = 20;

fn main() {
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace can be made");
    ip("link set lo up");
    let sandbox = Sandbox::new();
    run(&mut sandbox.wharf(&["network", "create", "bench"]));
    let once = |flags: &[&str]| {
        let words = [&["run", "--rm"], flags, &["bench:1", "true"]].concat();
        time(&mut sandbox.wharf(&words))
    };
    race(
        "start to exit of `true`",
        ROUNDS,
        &mut [
            (
                "bridge, one port",
                Box::new(|| once(&["--network", "bench", "-p", "8080:80"])),
            ),
            ("bridge", Box::new(|| once(&["--network", "bench"]))),
            ("none", Box::new(|| once(&["--network", "none"]))),
        ],
    );
    if exists("iperf3") {
        throughput(&sandbox);
    } else {
        println!("iperf3 is not here: apt-get install iperf3");
    }
}

fn ip(words: &str) {
    run(Command::new("ip").args(words.split(' ')));
}

/// A bare namespace on a bare bridge.
struct Bare(Child);

impl Bare {
    fn new(number: u8) -> Self {
        let holder = Command::new("unshare")
            .args(["-n", "sleep", "3600"])
            .spawn()
            .expect("unshare starts");
        // It has its namespace before it is the sleeper.
        thread::sleep(Duration::from_millis(200));
        let pid = holder.id();
        ip(&format!(
            "link add bare{number} type veth peer name eth0 netns {pid}"
        ));
        ip(&format!("link set bare{number} master barebr up"));
        let bare = Self(holder);
        for words in [
            format!("addr add 10.99.0.{number}/24 dev eth0"),
            "link set eth0 up".into(),
        ] {
            run(nsenter(pid).arg("ip").args(words.split(' ')));
        }
        bare
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // Errors mean that it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn nsenter(pid: u32) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["-n", "-t", &pid.to_string()]);
    command
}

/// Gigabits a second from one namespace to another.
fn iperf(server: u32, client: u32, address: &str) -> f64 {
    let mut listening = nsenter(server)
        .args(["iperf3", "-s", "-1"])
        .stdout(Stdio::null())
        .spawn()
        .expect("iperf3 starts");
    thread::sleep(Duration::from_millis(200));
    let output = nsenter(client)
        .args(["iperf3", "-J", "-t", "1", "-c", address])
        .output()
        .expect("iperf3 starts");
    listening.wait().expect("iperf3 ends");
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("iperf3 writes JSON");
    let bits = report["end"]["sum_received"]["bits_per_second"].as_f64();
    bits.expect("iperf3 measured") / 1e9
}

fn throughput(sandbox: &Sandbox) {
    ip("link add barebr type bridge");
    ip("addr add 10.99.0.254/24 dev barebr");
    ip("link set barebr up");
    let (one, two) = (Bare::new(1), Bare::new(2));
    let mut pids = Vec::new();
    for name in ["one", "two"] {
        let words = [
            "run",
            "-d",
            "--name",
            name,
            "--network",
            "bench",
            "bench:1",
            "sleep",
            "3600",
        ];
        run(&mut sandbox.wharf(&words));
        pids.push(
            inspect(sandbox, name, "{{.State.Pid}}")
                .parse::<u32>()
                .expect("a pid"),
        );
    }
    let address = inspect(
        sandbox,
        "one",
        "{{.NetworkSettings.Networks.bench.IPAddress}}",
    );
    let mut ratios: Vec<f64> = (0..PAIRS)
        .map(|_| {
            let ours = iperf(pids[0], pids[1], &address);
            ours / iperf(one.0.id(), two.0.id(), "10.99.0.1")
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let at = |q: f64| ratios[((ratios.len() - 1) as f64 * q).round() as usize];
    println!(
        "throughput between two containers by that between two bare namespaces, {PAIRS} pairs: \
         median {:.2}, from {:.2} to {:.2}",
        at(0.5),
        at(0.0),
        at(1.0)
    );
}

fn inspect(sandbox: &Sandbox, name: &str, template: &str) -> String {
    let output = sandbox
        .wharf(&["inspect", "--format", template, name])
        .output()
        .expect("wharf inspect runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
