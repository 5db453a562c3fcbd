//! What is left when everything is killed, and that it is taken back.

use crate::support::{Sandbox, eventually, host::Host, process, sandbox::BUSYBOX};

#[test]
fn address_ports_and_rules_of_the_killed_are_taken_back_by_the_next_command() {
    let host = Host::enter();
    let sandbox = Sandbox::new();
    sandbox.ok(&["network", "create", "--subnet", "10.7.0.0/30", "pair"]);
    let flags = [
        "--name",
        "web",
        "--network",
        "pair",
        "-p",
        "8080:80",
        BUSYBOX,
        "sleep",
        "600",
    ];
    sandbox.start(&flags);
    let (shim, init) = (sandbox.shim("web"), sandbox.pid("web"));
    process::signal(shim, libc::SIGKILL);
    process::signal(init, libc::SIGKILL);
    eventually("its end is seen", || sandbox.state("web") == "exited");
    let rules = host.run("nft", &["list", "ruleset"]);
    assert!(!rules.contains("8080"), "{rules}");
    eventually("its interface is gone", || {
        host.links().iter().all(|name| !name.starts_with("wv"))
    });
    // There is one address only, and one such port.
    sandbox.ok(&[
        "run",
        "--rm",
        "--network",
        "pair",
        "-p",
        "8080:80",
        BUSYBOX,
        "true",
    ]);
    sandbox.ok(&["start", "web"]);
    sandbox.ok(&["restart", "-t", "0", "web"]);
    assert_eq!(
        sandbox.inspect("web", "{{.NetworkSettings.Networks.pair.IPAddress}}"),
        "10.7.0.2"
    );
}

#[test]
fn network_survives_restarts_by_the_policy() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    sandbox.ok(&["network", "create", "one"]);
    sandbox.start(&[
        "--name",
        "web",
        "--network",
        "one",
        "--restart",
        "always",
        "-p",
        "8080:80",
        BUSYBOX,
        "sh",
        "-c",
        "ip -o -4 addr show eth0; sleep 600",
    ]);
    let template = "{{.NetworkSettings.Networks.one.IPAddress}}";
    let before = sandbox.inspect("web", template);
    let told = || sandbox.ok(&["logs", "web"]).matches(&before).count();
    eventually("it has told its address", || told() == 1);
    process::signal(sandbox.pid("web"), libc::SIGKILL);
    eventually("it runs again", || {
        sandbox.inspect("web", "{{.RestartCount}} {{.State.Status}}") == "1 running"
    });
    assert_eq!(sandbox.inspect("web", template), before);
    eventually("it has the same address", || told() == 2);
}
