//! Rates of a container's interfaces: kept by the kernel, shown, changed while it runs,
//! taken away again, and refused where they can't hold.

use std::time::{Duration, Instant};

use crate::{
    answered, serve,
    support::{Sandbox, host::Host, sandbox::BUSYBOX},
};

/// The token buckets of a host's or a container's interfaces, a line each.
fn buckets(host: &Host, pid: Option<i32>) -> Vec<String> {
    let text = match pid {
        None => host.run("tc", &["qdisc", "show"]),
        Some(pid) => {
            let pid = pid.to_string();
            host.run("nsenter", &["-n", "-t", &pid, "tc", "qdisc", "show"])
        }
    };
    let lines = text.lines().filter(|line| line.contains(" tbf "));
    lines.map(str::to_owned).collect()
}

/// Sends so many bytes to a server, which sends them back: how long that takes.
fn echo(host: &Host, port: u16, bytes: u32) -> Duration {
    let script = r#"use IO::Socket::IP;
        my ($port, $bytes) = @ARGV;
        my $s = IO::Socket::IP->new(PeerHost => "127.0.0.1", PeerPort => $port) or die;
        print $s "x" x $bytes, "\n"; my $n = 0;
        while (sysread($s, my $l, 65536)) { $n += length $l }
        print $n;"#;
    let start = Instant::now();
    let told = host.run(
        "perl",
        &["-e", script, &port.to_string(), &bytes.to_string()],
    );
    assert!(told.parse::<u32>().unwrap() > bytes, "{told}");
    start.elapsed()
}

#[test]
fn rates_hold_are_changed_while_it_runs_and_taken_away() {
    let host = Host::enter();
    let sandbox = Sandbox::debian();
    sandbox.ok(&["network", "create", "one"]);
    sandbox.ok(&["network", "create", "two"]);
    let flags = ["--network", "one", "-p", "8080:80", "--net-rate-in", "256k"];
    serve(&sandbox, "web", &flags, "tcp", "0.0.0.0");
    answered("the port", "web", || host.ask("tcp", "127.0.0.1", 8080));
    let pid = sandbox.pid("web");
    let rates = |host: &Host| (buckets(host, None).len(), buckets(host, Some(pid)).len());
    assert_eq!(rates(&host), (1, 0));
    // 1 MiB can't come in faster than in 4 s, but for what may wait and burst: load makes
    // it slower, never faster.
    let took = echo(&host, 8080, 1 << 20);
    assert!(took > Duration::from_secs(3), "{took:?}");

    sandbox.ok(&[
        "update",
        "--net-rate-in",
        "8m",
        "--net-rate-out",
        "256k",
        "web",
    ]);
    assert_eq!(rates(&host), (1, 1));
    let outside = buckets(&host, None).remove(0);
    assert!(
        outside.contains("rate 67108Kbit") || outside.contains("rate 67Mbit"),
        "{outside}"
    );
    let took = echo(&host, 8080, 1 << 20);
    assert!(took > Duration::from_secs(3), "{took:?}");
    // A network that comes later has them too, as has the next run.
    sandbox.ok(&["network", "connect", "two", "web"]);
    assert_eq!(rates(&host), (2, 2));
    sandbox.ok(&["restart", "-t", "0", "web"]);
    let pid = sandbox.pid("web");
    assert_eq!(buckets(&host, None).len(), 2);
    assert_eq!(buckets(&host, Some(pid)).len(), 2);
    let template = "{{.HostConfig.NetRateIn}} {{.HostConfig.NetRateOut}}";
    assert_eq!(sandbox.inspect("web", template), "8388608 262144");

    let unset = [
        "update",
        "--unset",
        "net-rate-in",
        "--unset",
        "net-rate-out",
        "web",
    ];
    sandbox.ok(&unset);
    assert_eq!(buckets(&host, None).len(), 0);
    assert_eq!(buckets(&host, Some(pid)).len(), 0);
}

#[test]
fn rates_that_cannot_hold_are_refused() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    let run = |flags: &[&str]| {
        let words = [&["run", "--rm"], flags, &[BUSYBOX, "true"]].concat();
        sandbox.refused(&words, 125)
    };
    let said = run(&["--network", "none", "--net-rate-in", "1m"]);
    assert!(said.contains("network of its own"), "{said}");
    let said = run(&["--network", "bridge", "--net-rate-in", "1"]);
    assert!(said.contains("at least 1k"), "{said}");
    let said = run(&[
        "--network",
        "bridge",
        "--net-rate-out",
        "1m",
        "--cap-add",
        "NET_ADMIN",
    ]);
    assert!(said.contains("CAP_NET_ADMIN"), "{said}");
    sandbox.start(&["--name", "alone", BUSYBOX, "sleep", "600"]);
    let said = sandbox.refused(&["update", "--net-rate-out", "1m", "alone"], 1);
    assert!(said.contains("network of its own"), "{said}");
}
