//! `wharf run --rm IMAGE true` on a bridge with one published port beside the same without
//! a network, on a host of the benchmark's own: this thread's network namespace is new.
//! Then what a connection between two containers carries, and how long a message takes to
//! and fro, beside the same between two bare namespaces that are joined by the same kind of
//! bridge (Debian's iperf3 and sockperf). Then how much longer the last of 100 containers
//! on one bridge take to start than the first.

mod support;

use std::{
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use support::{
    Sandbox, disk::Disk, exists, host::Host, process::Background, quantile, race, rank, run, time,
};

const ROUNDS: usize = 60;
const PAIRS: usize = 20;
const STARTS: usize = 100;
/// How many starts at each end of [`STARTS`] stand for the first and the last.
const END: usize = 20;

fn main() {
    let _host = Host::enter();
    let disk = Disk::new();
    let sandbox = Sandbox::below(&disk.path());
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
    starts(&sandbox);
    if exists("iperf3") && exists("sockperf") {
        traffic(&sandbox);
    } else {
        println!("iperf3 or sockperf is not here: apt-get install iperf3 sockperf");
    }
}

/// Starts containers that stay, on one bridge.
fn starts(sandbox: &Sandbox) {
    let words = "run -d --network bench bench:1 sleep 3600";
    let words: Vec<&str> = words.split(' ').collect();
    let mut times: Vec<Duration> = (0..STARTS)
        .map(|_| {
            thread::sleep(support::PAUSE);
            time(&mut sandbox.wharf(&words))
        })
        .collect();
    let last = quantile(&mut times[STARTS - END..], 0.5);
    let first = quantile(&mut times[..END], 0.5);
    println!(
        "{STARTS} containers on one bridge: the first {END} start in {first:.1} ms (median), the \
         last in {last:.1}: {:.2} times as long",
        last / first
    );
    for id in sandbox.containers() {
        run(sandbox.wharf(&["rm", "-f"]).arg(id));
    }
}

fn ip(words: &str) {
    run(Command::new("ip").args(words.split(' ')));
}

/// A bare namespace on a bare bridge.
struct Bare(Background);

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
        let bare = Self(Background(holder));
        for words in [
            format!("addr add 10.99.0.{number}/24 dev eth0"),
            "link set eth0 up".into(),
        ] {
            run(nsenter(pid).arg("ip").args(words.split(' ')));
        }
        bare
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

/// Microseconds that a message of 14 bytes takes one way, by sockperf's ping-pong over TCP.
fn ping_pong(server: u32, client: u32, address: &str) -> f64 {
    let mut listening = nsenter(server)
        .args(["sockperf", "server", "--tcp", "-i", address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sockperf starts");
    thread::sleep(Duration::from_millis(200));
    let output = nsenter(client)
        .args(["sockperf", "ping-pong", "--tcp", "-t", "1", "-i", address])
        .output()
        .expect("sockperf starts");
    // Errors mean that it ended by itself.
    let _ = listening.kill();
    let _ = listening.wait();
    let report = String::from_utf8_lossy(&output.stdout);
    let latency = report
        .split_once("Latency is ")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    latency.unwrap_or_else(|| panic!("sockperf measured nothing: {report}"))
}

fn traffic(sandbox: &Sandbox) {
    ip("link add barebr type bridge");
    ip("addr add 10.99.0.254/24 dev barebr");
    ip("link set barebr up");
    let (one, two) = (Bare::new(1), Bare::new(2));
    let bare = (one.0.pid() as u32, two.0.pid() as u32);
    let mut pids = Vec::new();
    for name in ["one", "two"] {
        let words = format!("run -d --name {name} --network bench bench:1 sleep 3600");
        let words: Vec<&str> = words.split(' ').collect();
        run(&mut sandbox.wharf(&words));
        let pid = inspect(sandbox, name, "{{.State.Pid}}");
        pids.push(pid.parse::<u32>().expect("a pid"));
    }
    let address = inspect(
        sandbox,
        "one",
        "{{.NetworkSettings.Networks.bench.IPAddress}}",
    );
    let pairs = |what: &str, unit: &str, measure: fn(u32, u32, &str) -> f64, better: Better| {
        let mut bares = Vec::new();
        let mut ratios = Vec::new();
        for _ in 0..PAIRS {
            let ours = measure(pids[0], pids[1], &address);
            let theirs = measure(bare.0, bare.1, "10.99.0.1");
            bares.push(theirs);
            ratios.push(match better {
                Better::More => ours / theirs,
                Better::Less => theirs / ours,
            });
        }
        let at = |values: &mut Vec<f64>, q: f64| {
            values.sort_by(f64::total_cmp);
            values[rank(values.len(), q)]
        };
        println!(
            "{what} between two containers against two bare namespaces ({:.1} {unit}), {PAIRS} \
             pairs: as good by {:.2} in the median, from {:.2} to {:.2}",
            at(&mut bares, 0.5),
            at(&mut ratios, 0.5),
            at(&mut ratios, 0.0),
            at(&mut ratios, 1.0)
        );
    };
    pairs("throughput", "Gbit/s", iperf, Better::More);
    pairs("latency", "us", ping_pong, Better::Less);
}

/// Which way a figure is good.
#[derive(Clone, Copy)]
enum Better {
    More,
    Less,
}

fn inspect(sandbox: &Sandbox, name: &str, template: &str) -> String {
    let output = sandbox
        .wharf(&["inspect", "--format", template, name])
        .output()
        .expect("wharf inspect runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
