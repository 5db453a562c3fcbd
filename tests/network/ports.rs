//! Published ports: from loopback, from another host, from other containers, and who is
//! refused.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    process::Stdio,
    time::Duration,
};

use crate::{
    answered, ask_from, serve,
    support::{
        Sandbox, eventually,
        host::{Host, Peer},
        process,
        sandbox::DEBIAN,
    },
};

#[test]
fn published_port_is_reached_from_everywhere() {
    let host = Host::enter();
    let sandbox = Sandbox::debian();
    let peer = Peer::new(&host);
    sandbox.ok(&["network", "create", "--ipv6", "one"]);
    sandbox.ok(&["network", "create", "--ipv6", "two"]);
    sandbox.start(&["--name", "near", "--network", "one", DEBIAN, "sleep", "600"]);
    sandbox.start(&["--name", "far", "--network", "two", DEBIAN, "sleep", "600"]);
    for (proto, port) in [("tcp", 8080u16), ("udp", 8053)] {
        let flag = format!("{port}:80/{proto}");
        let flags = ["--network", "one", "-p", &flag];
        let name = format!("{proto}4");
        serve(&sandbox, &name, &flags, proto, "0.0.0.0");
        answered("loopback", &name, || host.ask(proto, "127.0.0.1", port));
        answered("our own address", &name, || {
            host.ask(proto, "10.88.0.1", port)
        });
        answered("another host", &name, || peer.ask(proto, "10.88.0.1", port));
        for from in ["near", "far"] {
            answered(from, &name, || {
                ask_from(&sandbox, from, proto, "10.88.0.1", port)
            });
        }
        answered("itself", &name, || {
            ask_from(&sandbox, &name, proto, "10.88.0.1", port)
        });
        sandbox.ok(&["rm", "-f", &name]);
        let name = format!("{proto}6");
        serve(&sandbox, &name, &flags, proto, "::");
        answered("loopback, IPv6", &name, || host.ask(proto, "::1", port));
        answered("another host, IPv6", &name, || {
            peer.ask(proto, "fd88::1", port)
        });
        for from in ["near", "far"] {
            answered(from, &name, || {
                ask_from(&sandbox, from, proto, "fd88::1", port)
            });
        }
        answered("itself, IPv6", &name, || {
            ask_from(&sandbox, &name, proto, "fd88::1", port)
        });
        // What was removed is closed.
        sandbox.ok(&["rm", "-f", &name]);
        assert_eq!(peer.ask("tcp", "10.88.0.1", port), None);
        assert_eq!(host.ask(proto, "::1", port), None);
    }
}

/// A server that hears a client to its end, and says all of it again.
const ECHO: &str = r#"
use IO::Socket::IP;
my $s = IO::Socket::IP->new(Listen => 8, LocalHost => "::", LocalPort => 80, V6Only => 1)
    or die "listen: $@";
while (my $c = $s->accept) { local $/; my $all = <$c>; print $c $all; close $c; }
"#;

#[test]
fn loopback_of_ipv6_carries_much_both_ways_and_the_end_of_each() {
    let _host = Host::enter();
    let sandbox = Sandbox::debian();
    sandbox.ok(&["network", "create", "--ipv6", "one"]);
    let mut words = vec!["--name", "echo", "--network", "one", "-p", "8080:80"];
    words.extend([DEBIAN, "perl", "-e", ECHO]);
    sandbox.start(&words);
    let mut said = vec![0_u8; 20_000_000];
    for (at, byte) in said.iter_mut().enumerate() {
        *byte = (at * at / 251) as u8;
    }
    let hear = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect("[::1]:8080")?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(&said)?;
        stream.shutdown(Shutdown::Write)?;
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard)?;
        Ok(heard)
    };
    // The server takes a moment to listen: until then clients are hung up on.
    eventually("all that was said is heard", || {
        hear().is_ok_and(|heard| heard == said)
    });
    sandbox.ok(&["rm", "-f", "echo"]);
}

#[test]
fn client_at_loopback_of_ipv6_that_is_reset_leaves_nothing_in_the_shim() {
    let _host = Host::enter();
    let sandbox = Sandbox::debian();
    sandbox.ok(&["network", "create", "--ipv6", "one"]);
    // It takes a client, hears nothing and says nothing.
    let deaf = ECHO.replace(
        "local $/; my $all = <$c>; print $c $all; close $c;",
        "push @c, $c;",
    );
    let mut words = vec!["--name", "deaf", "--network", "one", "-p", "8080:80"];
    words.extend([DEBIAN, "perl", "-e", &deaf]);
    sandbox.start(&words);
    let pid = sandbox.ok(&["inspect", "--format", "{{.State.Pid}}", "deaf"]);
    let shim = process::status_field(pid.parse().unwrap(), "PPid").unwrap();
    let descriptors = || {
        let all = std::fs::read_dir(format!("/proc/{shim}/fd")).unwrap();
        all.count()
    };
    let before = descriptors();
    // The server takes a moment to listen: until then clients are hung up on.
    let mut client = None;
    eventually("the shim passes it on", || {
        let stream = client.get_or_insert_with(|| TcpStream::connect("[::1]:8080").unwrap());
        stream.set_nonblocking(true).unwrap();
        let is_open = stream
            .peek(&mut [0])
            .is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        if !is_open {
            client = None;
        }
        is_open && descriptors() == before + 2
    });
    let mut client = client.unwrap();
    client.write_all(b"hello").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    // A close without lingering resets it.
    let lingers = Some(Duration::ZERO);
    rustix::net::sockopt::set_socket_linger(&client, lingers).unwrap();
    drop(client);
    eventually("nothing of it is left", || descriptors() == before);
    sandbox.ok(&["rm", "-f", "deaf"]);
}

/// A client that sends from one and the same port, and says so when somebody answers.
const PATIENT: &str = r#"
use IO::Socket::IP;
my $s = IO::Socket::IP->new(PeerHost => "10.88.0.1", PeerPort => 8053, Proto => "udp",
    LocalPort => 5555) or die "bind: $@";
$s->blocking(0);
$| = 1;
while (1) {
    $s->send("hello\n");
    select(undef, undef, undef, 0.1);
    my $l;
    print $l if defined $s->recv($l, 1500);
}
"#;

#[test]
fn udp_client_that_never_pauses_finds_each_container_that_opens_its_port() {
    let host = Host::enter();
    let sandbox = Sandbox::debian();
    let peer = Peer::new(&host);
    sandbox.ok(&["network", "create", "one"]);
    // With the first container on a network the host begins to track connections.
    sandbox.start(&["--name", "near", "--network", "one", DEBIAN, "sleep", "600"]);
    let mut client = peer
        .command(&["perl", "-e", PATIENT])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let heard = process::read_all(client.stdout.take().unwrap());
    let client = process::Background(client);
    let flows = || std::fs::read_to_string("/proc/thread-self/net/nf_conntrack").unwrap();
    let flags = ["--network", "one", "-p", "8053:80/udp"];
    for name in ["first", "second"] {
        eventually("the host knows the client", || {
            flows().contains("sport=5555 dport=8053")
        });
        serve(&sandbox, name, &flags, "udp", "0.0.0.0");
        eventually("it is led to the container", || {
            let ip = sandbox.inspect(name, "{{.NetworkSettings.Networks.one.IPAddress}}");
            let answered = format!("src={ip} dst=10.88.0.2 sport=80 dport=5555 [ASSURED]");
            flows().contains(&answered)
        });
        sandbox.ok(&["rm", "-f", name]);
        assert!(!flows().contains("sport=80 dport=5555"), "{}", flows());
    }
    drop(client);
    let heard = heard.join().unwrap();
    for name in ["first", "second"] {
        assert!(heard.contains(&format!("{name} heard hello")), "{heard}");
    }
}

#[test]
fn nothing_is_reached_from_outside_unless_it_is_published() {
    let host = Host::enter();
    let sandbox = Sandbox::debian();
    let peer = Peer::new(&host);
    sandbox.ok(&["network", "create", "one"]);
    sandbox.ok(&["network", "create", "two"]);
    let flags = ["--network", "one", "-p", "127.0.0.1:8080:80"];
    serve(&sandbox, "web", &flags, "tcp", "0.0.0.0");
    sandbox.start(&["--name", "far", "--network", "two", DEBIAN, "sleep", "600"]);
    let template = "{{.NetworkSettings.Networks.one.IPAddress}}";
    let ip = sandbox.inspect("web", template);
    // The host itself reaches it by its address, and by loopback.
    answered("the container's address", "web", || {
        host.ask("tcp", &ip, 80)
    });
    answered("loopback", "web", || host.ask("tcp", "127.0.0.1", 8080));
    assert_eq!(peer.ask("tcp", &ip, 80), None);
    assert_eq!(peer.ask("tcp", "10.88.0.1", 8080), None);
    assert_eq!(ask_from(&sandbox, "far", "tcp", &ip, 80), None);
    // The way that loopback takes is not open to containers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let gateway = sandbox.inspect("far", "{{.NetworkSettings.Networks.two.Gateway}}");
    let script = format!("ip route add 127.0.0.1 via {gateway}");
    let _ = sandbox.run(&["exec", "far", "sh", "-c", &script]);
    assert_eq!(ask_from(&sandbox, "far", "tcp", &gateway, port), None);
}

#[test]
fn containers_reach_the_outside_under_the_hosts_address() {
    let host = Host::enter();
    let sandbox = Sandbox::debian();
    let peer = Peer::new(&host);
    peer.run(&["ip", "route", "del", "default"]);
    let _server = peer.serve("out", "tcp", "10.88.0.2", 80);
    sandbox.ok(&["network", "create", "one"]);
    sandbox.start(&["--name", "in", "--network", "one", DEBIAN, "sleep", "600"]);
    answered("another host", "out", || {
        ask_from(&sandbox, "in", "tcp", "10.88.0.2", 80)
    });
}

#[test]
fn port_in_use_is_refused_before_the_start_with_its_holder() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    sandbox.ok(&["network", "create", "one"]);
    let busybox = crate::support::sandbox::BUSYBOX;
    let first = [
        "--name",
        "first",
        "--network",
        "one",
        "-p",
        "8080:80",
        busybox,
        "sleep",
        "600",
    ];
    sandbox.start(&first);
    for port in ["8080:81", "127.0.0.1:8080:81"] {
        let said = sandbox.refused(
            &[
                "run",
                "--rm",
                "--network",
                "one",
                "-p",
                port,
                busybox,
                "true",
            ],
            125,
        );
        assert!(said.contains("in use by container first"), "{said}");
    }
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = format!("{port}:80");
    let said = sandbox.refused(
        &[
            "run",
            "--rm",
            "--network",
            "one",
            "-p",
            &taken,
            busybox,
            "true",
        ],
        125,
    );
    let own = format!("process {}", std::process::id());
    assert!(said.contains("in use by") && said.contains(&own), "{said}");
    // What runs holds its port against others too.
    assert!(std::net::TcpListener::bind("0.0.0.0:8080").is_err());
    let range = format!("{port}-{}:80", port.saturating_add(20));
    sandbox.ok(&[
        "run",
        "--rm",
        "--network",
        "one",
        "-p",
        &range,
        busybox,
        "true",
    ]);
    assert_eq!(
        sandbox.ok(&["ps", "-aq", "--no-trunc"]),
        sandbox.id("first")
    );
    sandbox.ok(&["rm", "-f", "first"]);
    drop(std::net::TcpListener::bind("0.0.0.0:8080").unwrap());
}

#[test]
fn sctp_is_opened_where_the_kernel_has_it_and_refused_by_name_where_not() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    let busybox = crate::support::sandbox::BUSYBOX;
    let words = ["run", "--rm", "--network", "bridge", "-p", "8080:80/sctp"];
    let words = [&words[..], &[busybox, "true"]].concat();
    if std::path::Path::new("/proc/net/sctp").exists() {
        sandbox.ok(&words);
    } else {
        let said = sandbox.refused(&words, 125);
        assert!(said.contains("this kernel has no sctp"), "{said}");
    }
}

#[test]
fn ports_are_told_as_docker_tells_them() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    sandbox.ok(&["network", "create", "one"]);
    let busybox = crate::support::sandbox::BUSYBOX;
    sandbox.start(&[
        "--name",
        "web",
        "--network",
        "one",
        "-p",
        "8080:80",
        "-p",
        "127.0.0.1::53/udp",
        "--expose",
        "99",
        "-P",
        busybox,
        "sleep",
        "600",
    ]);
    assert_eq!(sandbox.ok(&["port", "web", "80"]), "0.0.0.0:8080");
    let any = sandbox.ok(&["port", "web", "99/tcp"]);
    assert!(any.starts_with("0.0.0.0:"), "{any}");
    let udp = sandbox.ok(&["port", "web", "53/udp"]);
    assert!(udp.starts_with("127.0.0.1:"), "{udp}");
    let template = "{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}";
    assert_eq!(sandbox.inspect("web", template), "8080");
    let listed = sandbox.ok(&["ps", "--format", "{{.Ports}}"]);
    assert!(listed.contains("0.0.0.0:8080->80/tcp"), "{listed}");
    let said = sandbox.refused(&["port", "web", "81"], 1);
    assert!(said.contains("81/tcp is not published"), "{said}");
}
