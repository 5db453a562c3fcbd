//! Real servers out of Debian's packages, reached by their own clients from loopback, from
//! another host and from containers, by name, over TCP and UDP, IPv4 and IPv6.

use crate::support::{
    Sandbox, eventually,
    host::{Host, Peer},
    process,
    sandbox::SERVERS,
};

/// nginx with one answer, on both families.
const NGINX: &str = "echo 'server { listen 80; listen [::]:80; \
    location / { return 200 \"served\"; } }' >/etc/nginx/sites-enabled/default; \
    exec nginx -g 'daemon off;'";
const REDIS: &str = "exec redis-server --bind '* -::*' --protected-mode no --save ''";
/// A cluster of its own, open to everybody who can reach it.
const POSTGRES: &str = "bin=$(echo /usr/lib/postgresql/*/bin); \
    install -d -o postgres /data /run/postgresql; \
    setpriv --reuid postgres --regid postgres --clear-groups \
        $bin/initdb -D /data -A trust >/dev/null; \
    echo 'host all all all trust' >>/data/pg_hba.conf; \
    exec setpriv --reuid postgres --regid postgres --clear-groups \
        $bin/postgres -D /data -c listen_addresses='*'";
/// UDP: a line comes back.
const ECHO: &str = crate::support::host::SERVER;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.import("servers.tar", SERVERS);
    sandbox
}

/// Waits until a program in a container that runs says what is expected.
#[track_caller]
fn said(sandbox: &Sandbox, from: &str, words: &[&str], expected: &str) {
    eventually(&format!("{words:?} from {from} say {expected:?}"), || {
        let done = sandbox.run(&[&["exec", from], words].concat());
        done.stdout.contains(expected)
    });
}

/// The same of a program on a host.
#[track_caller]
fn told(what: &str, expected: &str, mut run: impl FnMut() -> process::Finished) {
    eventually(&format!("{what} tells {expected:?}"), || {
        run().stdout.contains(expected)
    });
}

fn curl(address: &str) -> Vec<String> {
    let words = ["curl", "-gsS", "--max-time", "5", address];
    words.iter().map(|&word| word.to_owned()).collect()
}

/// One engine for all of it: the image is large.
#[test]
fn real_servers_are_reached_from_where_they_should_be_and_from_nowhere_else() {
    let host = Host::enter();
    let sandbox = sandbox();
    let peer = Peer::new(&host);
    over_tcp(&peer, &sandbox);
    over_udp(&host, &peer, &sandbox);
    on_an_internal_network(&sandbox);
}

fn over_tcp(peer: &Peer, sandbox: &Sandbox) {
    sandbox.ok(&["network", "create", "--ipv6", "front"]);
    let start = |name: &str, flags: &[&str], script: &str| {
        let words = [&["--name", name, "--network", "front"], flags].concat();
        sandbox.start(&[&words[..], &[SERVERS, "sh", "-c", script]].concat());
    };
    start("web", &["-p", "8080:80", "--network-alias", "www"], NGINX);
    start("cache", &["-p", "6379:6379"], REDIS);
    start(
        "db",
        &["-p", "5432:5432", "--network-alias", "sql"],
        POSTGRES,
    );
    start("client", &[], "exec sleep 600");

    // From the host's loopback, the host's address, and another host.
    for address in [
        "http://127.0.0.1:8080/",
        "http://10.88.0.1:8080/",
        "http://[fd88::1]:8080/",
    ] {
        told(address, "served", || {
            let words = curl(address);
            let mut command = std::process::Command::new(&words[0]);
            command.args(&words[1..]);
            process::finish(command, b"")
        });
    }
    for address in ["http://10.88.0.1:8080/", "http://[fd88::1]:8080/"] {
        told(address, "served", || {
            let words = curl(address);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            process::finish(peer.command(&words), b"")
        });
    }
    // From another container: by name, by alias, and by the host's address.
    for address in [
        "http://web/",
        "http://www/",
        "http://10.88.0.1:8080/",
        "http://[fd88::1]:8080/",
    ] {
        let words = curl(address);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        said(sandbox, "client", &words, "served");
    }
    for of in [
        &["-h", "cache"][..],
        &["-h", "10.88.0.1"],
        &["-h", "fd88::1"],
    ] {
        let words = [&["redis-cli"], of, &["ping"]].concat();
        said(sandbox, "client", &words, "PONG");
    }
    for of in ["db", "sql", "10.88.0.1", "fd88::1"] {
        let query = ["psql", "-U", "postgres", "-h", of, "-Atc", "select 6 * 7"];
        said(sandbox, "client", &query, "42");
    }
    // Each of them itself, by the host's address.
    let words = curl("http://10.88.0.1:8080/");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    said(sandbox, "web", &words, "served");
    // What the servers wrote down of who came: the peer under its own address.
    let log = sandbox.ok(&["exec", "web", "cat", "/var/log/nginx/access.log"]);
    assert!(
        log.contains("10.88.0.2 ") && log.contains("fd88::2 "),
        "{log}"
    );
}

fn over_udp(host: &Host, peer: &Peer, sandbox: &Sandbox) {
    for (name, ip, port) in [
        ("four", "0.0.0.0", "8053:5353/udp"),
        ("six", "::", "8054:5353/udp"),
    ] {
        let words = ["--name", name, "--network", "front", "-p", port, SERVERS];
        let program = ["perl", "-e", ECHO, name, "udp", ip, "5353"];
        sandbox.start(&[&words[..], &program].concat());
    }
    for (by, ip, port) in [("four", "10.88.0.1", 8053), ("six", "fd88::1", 8054)] {
        crate::answered("the host", by, || host.ask("udp", ip, port));
        crate::answered("another host", by, || peer.ask("udp", ip, port));
        crate::answered("a container", by, || {
            crate::ask_from(sandbox, "client", "udp", ip, port)
        });
    }
    crate::answered("loopback", "four", || host.ask("udp", "127.0.0.1", 8053));
    // Who has both families is asked by IPv6 first.
    crate::answered("its name", "six", || {
        crate::ask_from(sandbox, "client", "udp", "six", 5353)
    });
}

/// A server there serves its neighbours, and neither reaches anything else.
fn on_an_internal_network(sandbox: &Sandbox) {
    sandbox.ok(&["network", "create", "--internal", "back"]);
    let cache = ["--name", "inner", "--network", "back", SERVERS];
    sandbox.start(&[&cache[..], &["sh", "-c", REDIS]].concat());
    sandbox.start(&[
        "--name",
        "near",
        "--network",
        "back",
        SERVERS,
        "sleep",
        "600",
    ]);
    said(
        sandbox,
        "near",
        &["redis-cli", "-h", "inner", "ping"],
        "PONG",
    );
    let ip = sandbox.inspect("web", "{{.NetworkSettings.Networks.front.IPAddress}}");
    for address in [
        format!("http://{ip}/"),
        "http://10.88.0.1:8080/".to_owned(),
        "http://web/".to_owned(),
    ] {
        let words = ["exec", "near", "curl", "-sS", "--max-time", "2", &address];
        let done = sandbox.run(&words);
        assert_ne!(done.code, 0, "{address}: {done:?}");
    }
    let done = sandbox.run(&["exec", "web", "redis-cli", "-h", "inner", "ping"]);
    assert!(!done.stdout.contains("PONG"), "{done:?}");
}
