//! A docker daemon on the same host: its rules stay as they are, and both work.

use crate::{
    answered, serve,
    support::{
        Sandbox,
        docker::Docker,
        host::{Host, Peer},
        sandbox::rootfs,
    },
};

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
    let files = tempfile::tempdir().unwrap();
    // With its bridge, its rules and all.
    let docker = Docker::below(files.path(), &[]);
    let tar = rootfs("debian.tar").display().to_string();
    docker.ok(&["import", &tar, "debian:1"]);
    let words = "run -d --name theirs -p 9090:80 debian:1 perl -e";
    let mut words: Vec<&str> = words.split(' ').collect();
    words.extend([crate::SERVER, "theirs", "tcp", "0.0.0.0", "80"]);
    docker.ok(&words);
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
    let open = |verb: &str| {
        for direction in ["-i", "-o"] {
            let rule = ["FORWARD", direction, bridge, "-j", "ACCEPT"];
            host.run("iptables", &[&[verb], &rule[..]].concat());
        }
    };
    open("-I");
    answered("ours, from another host,", "ours", || {
        peer.ask("tcp", "10.88.0.1", 8080)
    });
    open("-D");
    sandbox.ok(&["rm", "-f", "ours"]);
    sandbox.ok(&["network", "prune", "-f"]);
    assert_eq!(rules_of_others(&host), before);
    theirs();
}
