//! The network that a container joins when nothing is said, as docker's users know it, and
//! what is told where a host can make none.

use std::process::Command;

use crate::{
    answered, ask_from, serve,
    support::{
        Sandbox, eventually,
        host::{Host, Peer},
        process,
        sandbox::{BUSYBOX, DEBIAN, wharf},
    },
};

#[test]
fn container_joins_the_bridge_if_nothing_is_said() {
    let host = Host::enter();
    let sandbox = Sandbox::debian().with_default_network("bridge");
    let peer = Peer::new(&host);
    let _server = peer.serve("out", "tcp", "10.88.0.2", 80);
    serve(&sandbox, "open", &["-p", "8080:80"], "tcp", "0.0.0.0");
    serve(&sandbox, "closed", &[], "tcp", "0.0.0.0");
    answered("the published port", "open", || {
        peer.ask("tcp", "10.88.0.1", 8080)
    });
    answered("the world", "out", || {
        ask_from(&sandbox, "closed", "tcp", "10.88.0.2", 80)
    });
    let ip = sandbox.inspect("closed", "{{.NetworkSettings.Networks.bridge.IPAddress}}");
    answered("the neighbour", "closed", || {
        ask_from(&sandbox, "open", "tcp", &ip, 80)
    });
    assert_eq!(peer.ask("tcp", &ip, 80), None, "nothing else is open");
    // By address only, as on docker's default network.
    let found = sandbox.run(&["exec", "open", "getent", "hosts", "closed"]);
    assert_ne!(found.code, 0, "{found:?}");
    let listed = sandbox.ok(&["ps", "--format", "{{.Networks}}"]);
    assert_eq!(listed, "bridge\nbridge");
    // What says something is as before.
    let alone = ["run", "--rm", "--network", "none", DEBIAN, "ls"];
    let links = sandbox.ok(&[&alone[..], &["/sys/class/net"]].concat());
    assert_eq!(links, "lo");
}

#[test]
fn default_network_stays_and_its_bridge_goes_with_a_prune() {
    let host = Host::enter();
    let sandbox = Sandbox::new().with_default_network("bridge");
    let said = sandbox.ok(&["run", "--rm", BUSYBOX, "ls", "/sys/class/net"]);
    assert_eq!(said, "eth0\nlo");
    let subnet = ["network", "inspect", "bridge", "--format"];
    let template = "{{(index .IPAM.Config 0).Subnet}}";
    assert_eq!(
        sandbox.ok(&[&subnet[..], &[template]].concat()),
        "172.17.0.0/16"
    );
    // The kernel takes a namespace down, and its links, some time after its last user.
    eventually("only the bridge is left", || host.links().len() == 2);
    sandbox.ok(&["network", "prune", "-f"]);
    assert_eq!(host.links(), ["lo"]);
    sandbox.ok(&["run", "--rm", BUSYBOX, "true"]);
}

#[test]
fn host_that_can_make_no_network_says_so_once_and_how_to_do_without() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    let powerless = |flags: &[&str]| {
        let own = sandbox.command(&[]);
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", "-net_admin", "--"]);
        command.arg(wharf());
        command
            .arg("run")
            .args(flags)
            .args(["--rm", BUSYBOX, "true"]);
        command.env_clear();
        for (name, value) in own.get_envs() {
            command.env(name, value.unwrap());
        }
        process::finish(command, b"")
    };
    let refused = powerless(&["--network", "bridge"]);
    assert_eq!(refused.code, 125, "{refused:?}");
    let lines: Vec<&str> = refused.stderr.lines().collect();
    assert!(
        lines[0].contains("can't give containers networks"),
        "{lines:?}"
    );
    assert!(lines[1].contains("--network none"), "{lines:?}");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(sandbox.ok(&["ps", "-aq"]), "", "nothing is left of it");
}
