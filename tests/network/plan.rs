//! Ranges, addresses and what is refused about them; others' rules and routes.

use crate::support::{Sandbox, eventually, host::Host, sandbox::BUSYBOX};

#[test]
fn ranges_keep_clear_of_the_host_and_of_each_other() {
    let host = Host::enter();
    let sandbox = Sandbox::new();
    host.run("ip", &["link", "add", "other", "type", "bridge"]);
    host.run("ip", &["addr", "add", "172.17.5.1/24", "dev", "other"]);
    host.run("ip", &["link", "set", "other", "up"]);
    host.run("ip", &["route", "add", "172.18.0.0/16", "dev", "other"]);
    let subnet = |name: &str| {
        sandbox.ok(&["network", "create", name]);
        let template = "{{(index .IPAM.Config 0).Subnet}}";
        sandbox.ok(&["network", "inspect", name, "--format", template])
    };
    assert_eq!(subnet("a"), "172.19.0.0/16");
    assert_eq!(subnet("b"), "172.20.0.0/16");
    for (range, whose) in [("172.17.5.128/25", "host"), ("172.20.1.0/24", "network b")] {
        let said = sandbox.refused(&["network", "create", "--subnet", range, "c"], 1);
        assert!(said.contains("overlaps") && said.contains(whose), "{said}");
    }
}

#[test]
fn addresses_are_given_as_asked_and_never_twice() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    sandbox.ok(&["network", "create", "--subnet", "10.7.0.0/29", "tiny"]);
    let start = |name: &str, more: &[&str]| {
        let flags = [&["--name", name, "--network", "tiny"], more].concat();
        sandbox.start(&[&flags[..], &[BUSYBOX, "sleep", "600"]].concat());
        sandbox.inspect(name, "{{.NetworkSettings.Networks.tiny.IPAddress}}")
    };
    let fixed = start(
        "one",
        &["--ip", "10.7.0.4", "--mac-address", "02:00:00:00:00:04"],
    );
    assert_eq!(fixed, "10.7.0.4");
    let link = sandbox.ok(&["exec", "one", "cat", "/sys/class/net/eth0/address"]);
    assert_eq!(link, "02:00:00:00:00:04");
    let said = sandbox.refused(
        &[
            "run",
            "--rm",
            "--network",
            "tiny",
            "--ip6",
            "fd00::4",
            BUSYBOX,
            "true",
        ],
        125,
    );
    assert!(said.contains("no IPv6"), "{said}");
    let mut all = vec![fixed];
    for name in ["two", "three", "four", "five"] {
        all.push(start(name, &[]));
    }
    all.sort();
    assert_eq!(
        all,
        ["10.7.0.2", "10.7.0.3", "10.7.0.4", "10.7.0.5", "10.7.0.6"]
    );
    let run = |more: &[&str]| {
        let flags = [&["run", "--rm", "--network", "tiny"], more].concat();
        sandbox.refused(&[&flags[..], &[BUSYBOX, "true"]].concat(), 125)
    };
    assert!(run(&[]).contains("no address left"));
    assert!(run(&["--ip", "10.7.0.4"]).contains("in use by container one"));
    assert!(run(&["--ip", "10.7.0.1"]).contains("gateway"));
    assert!(run(&["--ip", "10.7.1.4"]).contains("10.7.0.0/29"));
}

#[test]
fn nonsense_is_refused_in_one_line_and_nothing_changes() {
    let host = Host::enter();
    let sandbox = Sandbox::new();
    sandbox.ok(&["network", "create", "one"]);
    let before = sandbox.ok(&["network", "ls", "--json"]);
    let refuse = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let done = sandbox.run(&words);
        assert_ne!(done.code, 0, "{words:?}");
        let lines = done
            .stderr
            .lines()
            .filter(|line| !line.starts_with("hint:"));
        assert_eq!(lines.count(), 1, "{words:?}: {}", done.stderr);
    };
    for words in [
        "network create one",
        "network create bridge",
        "network create host",
        "network create -x",
        "network create --driver overlay x",
        "network create --driver host x",
        "network create --subnet 10.0.0.0/33 x",
        "network create --subnet 10.0.0.9/24 x",
        "network create --subnet 10.0.0.0/31 x",
        "network create --subnet 10.0.0.0/24 --gateway 10.0.1.1 x",
        "network create --subnet 10.0.0.0/24 --ip-range 10.0.1.0/28 x",
        "network create --subnet 127.0.0.0/8 x",
        "network create --mtu 1 x",
        "network rm bridge",
        "network rm nobody",
        "network inspect nobody",
        "network connect one nobody",
    ] {
        refuse(words);
    }
    for flags in [
        "--network nobody",
        "--network one --network host",
        "--network one --network one",
        "--network one -p 70000:80",
        "--network one -p 80:80:80:80",
        "--network one -p 1-3:1-2",
        "--network one -p 10.99.99.99:80:80",
        "--network one -p 8080:80 -p 8080:81",
        "--network none -p 80:80",
        "--network one --ip nonsense",
        "--network one --mac-address 01:00:00:00:00:00",
        "--network container:nobody",
        "--network one:color=red",
    ] {
        refuse(&format!("run --rm {flags} {BUSYBOX} true"));
    }
    assert_eq!(sandbox.ok(&["network", "ls", "--json"]), before);
    assert_eq!(sandbox.ok(&["ps", "-aq"]), "");
    eventually("no container's link is left", || {
        !host.links().iter().any(|name| name.starts_with("wv"))
    });
}

#[test]
fn rules_of_others_are_untouched() {
    let host = Host::enter();
    let sandbox = Sandbox::new();
    let rules = "add table inet foreign
        add chain inet foreign passing { type filter hook forward priority 0; policy drop; }
        add rule inet foreign passing ct state established accept
        add table ip nat
        add chain ip nat PREROUTING { type nat hook prerouting priority -100; }
        add rule ip nat PREROUTING tcp dport 99 dnat to 10.0.0.9:99";
    let file = sandbox.root().join("foreign.nft");
    std::fs::write(&file, rules).unwrap();
    host.run("nft", &["-f", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    let list = || {
        let tables = [["inet", "foreign"], ["ip", "nat"]];
        tables.map(|[family, table]| host.run("nft", &["-s", "list", "table", family, table]))
    };
    let before = list();
    sandbox.ok(&["network", "create", "one"]);
    sandbox.start(&[
        "--name",
        "web",
        "--network",
        "one",
        "-p",
        "8080:80",
        BUSYBOX,
        "sleep",
        "600",
    ]);
    assert_eq!(list(), before);
    let warned = sandbox.ok(&[
        "network",
        "inspect",
        "one",
        "--format",
        "{{json .Warnings}}",
    ]);
    assert!(warned.contains("foreign"), "{warned}");
    // Ours come back after somebody has flushed all of them.
    host.run("nft", &["flush", "ruleset"]);
    sandbox.ok(&["run", "--rm", "--network", "one", BUSYBOX, "true"]);
    let all = host.run("nft", &["list", "ruleset"]);
    assert!(all.contains("tcp . 8080 : "), "{all}");
    sandbox.ok(&["rm", "-f", "web"]);
    sandbox.ok(&["network", "prune", "-f"]);
    assert_eq!(host.run("nft", &["list", "ruleset"]), "");
    eventually("no link is left", || host.links() == ["lo"]);
}
