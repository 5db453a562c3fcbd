//! What is told of traffic: counted at the host's ends, from the container's side.

use crate::{
    answered, ask_from, serve,
    support::{Sandbox, eventually, host::Host, sandbox::DEBIAN},
};

/// What `ps` knows of a container's traffic: received and sent.
fn moved(sandbox: &Sandbox, name: &str) -> Option<(u64, u64)> {
    let filter = format!("name={name}");
    let text = sandbox.ok(&["ps", "-a", "--stats", "--json", "--filter", &filter]);
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let moved = &all[0]["net_io"];
    let number = |key: &str| moved[key].as_u64();
    Some((number("received_bytes")?, number("sent_bytes")?))
}

#[test]
fn traffic_is_counted_on_the_right_side_and_only_where_there_is_an_interface() {
    let host = Host::enter();
    let sandbox = Sandbox::debian();
    sandbox.ok(&["network", "create", "one"]);
    sandbox.ok(&["network", "create", "two"]);
    serve(
        &sandbox,
        "sink",
        &["--network", "one", "-p", "8080:80"],
        "tcp",
        "0.0.0.0",
    );
    sandbox.start(&[
        "--name",
        "alone",
        "--network",
        "none",
        DEBIAN,
        "sleep",
        "600",
    ]);
    sandbox.start(&[
        "--name",
        "guest",
        "--network",
        "container:sink",
        DEBIAN,
        "sleep",
        "600",
    ]);
    answered("the port", "sink", || host.ask("tcp", "127.0.0.1", 8080));
    assert_eq!(moved(&sandbox, "alone"), None);
    let before = moved(&sandbox, "sink").unwrap();
    // A line of a megabyte goes in, and comes back behind the server's name.
    let big = r#"use IO::Socket::IP;
        my $s = IO::Socket::IP->new(PeerHost => "127.0.0.1", PeerPort => 8080) or die;
        print $s "x" x 1e6, "\n"; my $n = 0;
        while (sysread($s, my $l, 65536)) { $n += length $l }
        print $n;"#;
    let answer: u64 = host.run("perl", &["-e", big]).parse().unwrap();
    assert!(answer >= 1_000_000, "{answer}");
    let after = moved(&sandbox, "sink").unwrap();
    assert!(after.0 >= before.0 + 1_000_000, "{before:?} {after:?}");
    assert!(after.1 >= before.1 + 1_000_000, "{before:?} {after:?}");
    assert!(after.0 < before.0 + 2_000_000, "{before:?} {after:?}");
    // Who shares its network has the same.
    let shared = moved(&sandbox, "guest").unwrap();
    assert!(shared.0 >= after.0, "{shared:?} {after:?}");
    // What comes with a further interface counts too.
    sandbox.start(&[
        "--name",
        "source",
        "--network",
        "two",
        DEBIAN,
        "sleep",
        "600",
    ]);
    sandbox.ok(&["network", "connect", "two", "sink"]);
    let ip = sandbox.inspect("sink", "{{.NetworkSettings.Networks.two.IPAddress}}");
    let before = moved(&sandbox, "source").unwrap();
    answered("the second network", "sink", || {
        ask_from(&sandbox, "source", "tcp", &ip, 80)
    });
    let after = moved(&sandbox, "source").unwrap();
    assert!(after.1 > before.1, "{before:?} {after:?}");
    let text = sandbox.ok(&["stats", "--no-stream", "--format", "{{.Names}} {{.NetIO}}"]);
    let line = text.lines().find(|line| line.starts_with("sink ")).unwrap();
    assert!(line.contains("MB / ") && line.ends_with("MB"), "{line}");
    eventually("a stopped one has none", || {
        sandbox.ok(&["stop", "-t", "0", "source"]);
        moved(&sandbox, "source").is_none()
    });
}
