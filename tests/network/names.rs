//! Names: of containers on a network, of the host's resolvers, and none where none are.

use crate::{
    answered, ask_from, serve,
    support::{
        Sandbox, eventually,
        host::{Host, Peer},
        sandbox::DEBIAN,
    },
};

fn resolves(sandbox: &Sandbox, from: &str, name: &str) -> Vec<String> {
    let done = sandbox.run(&["exec", from, "getent", "ahostsv4", name]);
    let mut found: Vec<String> = done
        .stdout
        .lines()
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn containers_find_each_other_by_name_and_alias_while_they_share_a_network() {
    let _host = Host::enter();
    let sandbox = Sandbox::debian();
    sandbox.ok(&["network", "create", "one"]);
    sandbox.ok(&["network", "create", "two"]);
    let flags = ["--network", "one:alias=front,ip=172.17.0.80"];
    serve(&sandbox, "web", &flags, "tcp", "0.0.0.0");
    sandbox.start(&["--name", "in", "--network", "one", DEBIAN, "sleep", "600"]);
    sandbox.start(&["--name", "out", "--network", "two", DEBIAN, "sleep", "600"]);
    let id = sandbox.id("web");
    for name in ["web", "WEB", "front", &id[..12]] {
        assert_eq!(resolves(&sandbox, "in", name), ["172.17.0.80"], "{name}");
    }
    answered("its name", "web", || {
        ask_from(&sandbox, "in", "tcp", "front", 80)
    });
    assert!(resolves(&sandbox, "out", "web").is_empty());
    let reverse = sandbox.ok(&["exec", "in", "getent", "hosts", "172.17.0.80"]);
    assert!(reverse.contains("web"), "{reverse}");

    sandbox.ok(&["network", "connect", "--alias", "guest", "one", "out"]);
    assert_eq!(resolves(&sandbox, "out", "web"), ["172.17.0.80"]);
    let guest = sandbox.inspect("out", "{{.NetworkSettings.Networks.one.IPAddress}}");
    assert_eq!(resolves(&sandbox, "in", "guest"), [guest]);
    answered("after connecting", "web", || {
        ask_from(&sandbox, "out", "tcp", "web", 80)
    });
    let hosts = sandbox.ok(&["exec", "out", "cat", "/etc/hosts"]);
    assert_eq!(
        hosts.matches(&sandbox.id("out")[..12]).count(),
        2,
        "{hosts}"
    );
    sandbox.ok(&["network", "disconnect", "one", "out"]);
    assert!(resolves(&sandbox, "out", "web").is_empty());
    assert!(resolves(&sandbox, "in", "guest").is_empty());
    assert_eq!(ask_from(&sandbox, "out", "tcp", "172.17.0.80", 80), None);

    sandbox.ok(&["rename", "web", "www"]);
    assert_eq!(resolves(&sandbox, "in", "www"), ["172.17.0.80"]);
    assert!(resolves(&sandbox, "in", "web").is_empty());
    sandbox.ok(&["rm", "-f", "www"]);
    assert!(resolves(&sandbox, "in", "www").is_empty());
}

#[test]
fn resolver_outlives_its_shim_and_serves_tcp() {
    let _host = Host::enter();
    let sandbox = Sandbox::debian();
    sandbox.ok(&["network", "create", "one"]);
    sandbox.start(&[
        "--name",
        "web",
        "--network",
        "one",
        "--ip",
        "172.17.0.9",
        DEBIAN,
        "sleep",
        "600",
    ]);
    let old = sandbox.shim("web");
    crate::support::process::signal(old, libc::SIGKILL);
    sandbox.ok(&["ps"]);
    eventually("names are served again", || {
        resolves(&sandbox, "web", "web") == ["172.17.0.9"]
    });
    let over_tcp = [
        "exec",
        "web",
        "sh",
        "-c",
        "RES_OPTIONS=use-vc getent ahostsv4 web",
    ];
    let found = sandbox.ok(&over_tcp);
    assert!(found.contains("172.17.0.9"), "{found}");
}

#[test]
fn internal_network_reaches_nothing_else() {
    let host = Host::enter();
    let sandbox = Sandbox::debian();
    let peer = Peer::new(&host);
    let _server = peer.serve("out", "tcp", "10.88.0.2", 80);
    sandbox.ok(&["network", "create", "--internal", "inner"]);
    sandbox.ok(&["network", "create", "outer"]);
    serve(&sandbox, "web", &["--network", "inner"], "tcp", "0.0.0.0");
    serve(
        &sandbox,
        "other",
        &["--network", "outer", "-p", "8080:80"],
        "tcp",
        "0.0.0.0",
    );
    sandbox.start(&["--name", "in", "--network", "inner", DEBIAN, "sleep", "600"]);
    answered("each other", "web", || {
        ask_from(&sandbox, "in", "tcp", "web", 80)
    });
    answered("the other network", "other", || {
        host.ask("tcp", "127.0.0.1", 8080)
    });
    answered("another host", "out", || host.ask("tcp", "10.88.0.2", 80));
    let details = sandbox.ok(&["network", "inspect", "inner"]);
    let gateway = details
        .split("\"Gateway\": \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap()
        .to_owned();
    let other = sandbox.inspect("other", "{{.NetworkSettings.Networks.outer.IPAddress}}");
    // Even with a route, there is no way.
    let pid = sandbox.pid("in").to_string();
    host.run(
        "nsenter",
        &[
            "-n", "-t", &pid, "ip", "route", "add", "default", "via", &gateway,
        ],
    );
    for (ip, port) in [
        ("10.88.0.2", 80),
        (&gateway, 8080),
        ("10.88.0.1", 8080),
        (&other, 80),
    ] {
        assert_eq!(
            ask_from(&sandbox, "in", "tcp", ip, port),
            None,
            "{ip}:{port}"
        );
    }
    let said = sandbox.refused(
        &[
            "run",
            "--rm",
            "--network",
            "inner",
            "-p",
            "80",
            DEBIAN,
            "true",
        ],
        125,
    );
    assert!(said.contains("way out"), "{said}");
}

#[test]
fn hosts_and_resolv_conf_say_what_was_asked() {
    let _host = Host::enter();
    let sandbox = Sandbox::debian();
    sandbox.ok(&["network", "create", "one"]);
    sandbox.start(&[
        "--name",
        "web",
        "--network",
        "one",
        "--hostname",
        "www.example",
        "--add-host",
        "db:10.9.9.9",
        "--add-host",
        "up:host-gateway",
        "--dns",
        "10.1.2.3",
        "--dns-search",
        "example",
        "--dns-option",
        "timeout:1",
        DEBIAN,
        "sleep",
        "600",
    ]);
    let hosts = sandbox.ok(&["exec", "web", "cat", "/etc/hosts"]);
    let ip = sandbox.inspect("web", "{{.NetworkSettings.Networks.one.IPAddress}}");
    let own = format!("{ip}\twww.example www");
    for line in ["10.9.9.9\tdb", "172.17.0.1\tup", &own] {
        assert!(hosts.lines().any(|known| known == line), "{line}: {hosts}");
    }
    let resolv = sandbox.ok(&["exec", "web", "cat", "/etc/resolv.conf"]);
    assert_eq!(
        resolv,
        "nameserver 127.0.0.11\nsearch example\noptions timeout:1 ndots:0"
    );
    // Who shares its network shares all of these.
    let shared = ["run", "--rm", "--network", "container:web", DEBIAN, "cat"];
    let read = |path: &str| sandbox.ok(&[&shared[..], &[path]].concat());
    assert_eq!(read("/etc/hosts"), hosts);
    assert_eq!(read("/etc/hostname"), "www.example");
}
