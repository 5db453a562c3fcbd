//! Requests that no client sends: refused with docker's statuses, nothing changed, nothing
//! kept.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
};

use crate::{
    Server, beginning, body, sandbox, status,
    support::{eventually, host::Host},
};

#[test]
fn malformed_requests_are_refused_and_change_nothing() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let post = |path: &str, body: &str| server.send("POST", path, body);
    for (answer, wanted) in [
        (post("/containers/create", "{"), 400),
        (post("/containers/create", "[]"), 400),
        (post("/containers/create", "null"), 400),
        (post("/containers/create", "{}"), 400),
        (post("/containers/create", r#"{"Image": 3}"#), 400),
        (post("/containers/create", r#"{"Image": "no/such"}"#), 404),
        (
            post(
                "/containers/create?name=a%2Fb",
                r#"{"Image": "busybox:1", "Cmd": ["true"]}"#,
            ),
            400,
        ),
        (
            post(
                "/containers/create",
                r#"{"Image": "busybox:1", "Cmd": ["true"], "HostConfig": {"CgroupParent": "/x"}}"#,
            ),
            400,
        ),
        (
            post(
                "/containers/create",
                r#"{"Image": "busybox:1", "HostConfig": {"Binds": ["/a"]}}"#,
            ),
            400,
        ),
        (post("/containers/none/start", ""), 404),
        (post("/containers/none/exec", "{}"), 404),
        (post("/exec/none/start", "{}"), 404),
        (post(&format!("/exec/{}/start", "0".repeat(64)), "{}"), 404),
        (post("/networks/create", "{}"), 400),
        (
            post("/networks/create", r#"{"Name": "n", "Driver": "overlay"}"#),
            400,
        ),
        (
            post(
                "/networks/create",
                r#"{"Name": "n", "IPAM": {"Config": [{"Subnet": "x"}]}}"#,
            ),
            400,
        ),
        (post("/volumes/create", "["), 400),
        (post("/images/create", ""), 400),
        (post("/auth", "{}"), 400),
        (post("/build?version=2", ""), 400),
        (post("/build?buildargs=x", ""), 400),
        (post("/images/load", "no archive"), 400),
        (post("/no/such/page", ""), 404),
        (post("/v1.50", ""), 404),
        (post("/v1.99/containers/create", "{}"), 400),
        (post("/v1.10/containers/create", "{}"), 400),
        (server.get("/containers/json?filters=x").unwrap(), 400),
        (server.get("/containers/json?limit=x").unwrap(), 400),
        (server.get("/containers/json?before=none").unwrap(), 404),
        (server.get("/containers/%ff/json").unwrap(), 400),
        (server.get("/containers/..%2f..%2fetc/json").unwrap(), 404),
        (server.get("/events?since=5&until=1").unwrap(), 400),
        (server.get("/images/%00/json").unwrap(), 400),
        (server.get("/nodes").unwrap(), 503),
        (server.get("/plugins/x/json").unwrap(), 404),
        (server.send("PATCH", "/containers/json", ""), 404),
    ] {
        assert_eq!(status(&answer), wanted, "{answer}");
        assert!(body(&answer).starts_with("{\"message\":\""), "{answer}");
    }
    assert_eq!(server.ok(&["ps", "-aq"]), "");
    assert_eq!(server.ok(&["volume", "ls", "-q"]), "");
    let networks = server.ok(&["network", "ls", "-q", "--filter", "type=custom"]);
    assert_eq!(networks, "");
}

#[test]
fn archives_stay_in_their_container() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let id = server.run_detached(&[], &["sleep", "600"]);
    server.ok(&["exec", &id, "ln", "-s", "/../../../../etc", "/out"]);
    let head = |path: &str| {
        server
            .say(&format!(
                "HEAD /containers/{id}/archive?path={path} HTTP/1.1\r\nHost: x\r\n\
                 Connection: close\r\n\r\n"
            ))
            .unwrap()
    };
    // The host has this file, the container has not.
    assert!(std::path::Path::new("/etc/os-release").exists());
    for path in ["/../../../../etc/os-release", "/out/os-release"] {
        assert_eq!(status(&head(path)), 404, "{path}");
    }
    assert_ne!(status(&head("/proc/1/root/etc/os-release")), 200);
    assert_eq!(status(&head("")), 400);
    let root = head("/");
    assert!(
        root.to_lowercase().contains("x-docker-container-path-stat"),
        "{root}"
    );
    server.ok(&["rm", "-f", &id]);
}

#[test]
fn requests_cut_anywhere_leave_nothing_open() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let id = server.run_detached(&["-i"], &["cat"]);
    let requests = [
        "GET /containers/json HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{\"Image\": \"x\"".to_owned(),
        format!("GET /containers/{id}/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /containers/{id}/stats HTTP/1.1\r\nHost: x\r\n\r\n"),
        "GET /events HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        format!(
            "POST /containers/{id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\
             Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
        ),
        format!("POST /containers/{id}/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
        "PUT /containers/none/archive?path=/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab".to_owned(),
    ];
    // Lazily opened once: what a first request opens stays.
    server.ok(&["ps"]);
    let before = server.descriptors();
    for request in &requests {
        for cut in [1, request.len() / 3, request.len() - 1, request.len()] {
            let mut stream = UnixStream::connect(&server.socket).unwrap();
            stream.write_all(&request.as_bytes()[..cut]).unwrap();
            drop(stream);
        }
    }
    // A wait is over with its container.
    server.ok(&["rm", "-f", &id]);
    server.holds_at_most(before);
    assert_eq!(server.ok(&["ps", "-aq"]), "");
}

#[test]
fn body_that_is_too_large_is_refused_before_it_comes() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let huge = format!("{{\"Image\": \"{}\"}}", "x".repeat(5 << 20));
    let answer = server.send("POST", "/containers/create", &huge);
    assert_eq!(status(&answer), 413, "{}", beginning(&answer));
    let head = format!("GET /_ping HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let answer = server.say(&head).unwrap();
    assert_eq!(status(&answer), 431, "{}", beginning(&answer));
    assert!(server.get("/_ping").unwrap().ends_with("OK"));
}

#[test]
fn idle_connections_and_slow_readers_hinder_nobody() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::with(&sandbox, &["--connections", "600"]);
    let id = server.run_detached(&[], &["sh", "-c", "yes | head -c 30000000"]);
    server.ok(&["wait", &id]);
    let before = server.descriptors();
    let mut idle = Vec::new();
    for _ in 0..500 {
        idle.push(UnixStream::connect(&server.socket).unwrap());
    }
    // Somebody asks for a log and never reads it.
    let mut slow = UnixStream::connect(&server.socket).unwrap();
    write!(
        slow,
        "GET /containers/{id}/logs?stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    .unwrap();
    let mut first = [0; 15];
    slow.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    assert_eq!(server.ok(&["ps", "-q"]), "");
    let memory = server.memory("VmRSS");
    assert!(memory < 200, "{memory} MiB");
    // More than one client may have are refused, and say why.
    for _ in 0..98 {
        idle.push(UnixStream::connect(&server.socket).unwrap());
    }
    let mut refused = String::new();
    eventually("a connection is refused", || {
        refused = server.get("/_ping").unwrap();
        let is_refused = status(&refused) != 200;
        if !is_refused {
            idle.push(UnixStream::connect(&server.socket).unwrap());
        }
        is_refused
    });
    assert_eq!(status(&refused), 429, "{refused}");
    drop((idle, slow));
    server.holds_at_most(before);
    server.ok(&["rm", "-f", &id]);
}

#[test]
fn logs_are_followed_by_more_clients_than_a_user_has_watches() {
    const CLIENTS: usize = 1000;
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::with(&sandbox, &["--connections", "2000"]);
    let script = "until [ -e /go ]; do sleep 0.1; done; echo hello; sleep 3600";
    let id = server.run_detached(&[], &["sh", "-c", script]);
    let before = server.descriptors();
    let mut clients: Vec<UnixStream> = (0..CLIENTS)
        .map(|_| {
            let mut client = UnixStream::connect(&server.socket).unwrap();
            write!(
                client,
                "GET /containers/{id}/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            .unwrap();
            let mut first = [0; 15];
            client.read_exact(&mut first).unwrap();
            assert_eq!(&first, b"HTTP/1.1 200 OK");
            client
        })
        .collect();
    server.ok(&["exec", &id, "touch", "/go"]);
    for client in &mut clients {
        let mut heard = Vec::new();
        while !heard.ends_with(b"hello\n\r\n") {
            let mut piece = [0; 512];
            let len = client.read(&mut piece).unwrap();
            assert!(len > 0, "{}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&piece[..len]);
        }
    }
    let memory = server.memory("VmRSS");
    assert!(memory < 100, "{memory} MiB");
    drop(clients);
    server.holds_at_most(before);
    server.ok(&["rm", "-f", &id]);
}
