//! The server holds no state: killed at any time, the next one answers truly.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::{
    Server, desk, sandbox, say,
    support::{eventually, host::Host, process, sandbox::BUSYBOX},
};

#[test]
fn killed_under_load_it_harms_no_container_and_the_next_one_knows_all() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let counter = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done";
    let ids = ["aa", "bb", "cc"]
        .map(|name| server.run_detached(&["--name", name], &["sh", "-c", counter]));
    let pids: Vec<_> = ids.iter().map(|id| sandbox.pid(id)).collect();
    let made = {
        let exec = server.send(
            "POST",
            &format!("/containers/{}/exec", ids[0]),
            r#"{"Cmd": ["sleep", "600"]}"#,
        );
        let at = exec.find("\"Id\":\"").unwrap() + 6;
        exec[at..at + 64].to_owned()
    };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for client in 0..50 {
            let (socket, ids, over) = (&server.socket, &ids, &over);
            scope.spawn(move || {
                let id = &ids[client % ids.len()];
                let paths = [
                    "/containers/json?all=1".to_owned(),
                    format!("/containers/{id}/json"),
                    format!("/containers/{id}/logs?stdout=1&tail=5"),
                    format!("/containers/{id}/top"),
                ];
                // Until nobody answers any more.
                while !over.load(Ordering::Relaxed) {
                    for path in &paths {
                        let head = "HTTP/1.1\r\nHost: x\r\nConnection: close";
                        say(socket, &format!("GET {path} {head}\r\n\r\n"));
                    }
                }
            });
        }
        eventually("they are all at it", || server.descriptors() > 30);
        assert!(process::signal(server.pid(), libc::SIGKILL));
        over.store(true, Ordering::Relaxed);
    });
    server.kill();
    for (id, pid) in ids.iter().zip(&pids) {
        assert_eq!(sandbox.pid(id), *pid);
    }
    // The socket of the one that was killed is taken over.
    let next = Server::start(&sandbox);
    let names = next.ok(&["ps", "--format", "{{.Names}}"]);
    let mut names: Vec<_> = names.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["aa", "bb", "cc"]);
    // The exec that was made through the one before is started through this one.
    let answer = next.send(
        "POST",
        &format!("/exec/{made}/start"),
        r#"{"Detach": true}"#,
    );
    assert_eq!(crate::status(&answer), 200, "{answer}");
    let shown = next.get(&format!("/exec/{made}/json")).unwrap();
    assert!(shown.contains("\"Running\":true"), "{shown}");
    let last = |server: &Server| {
        server
            .ok(&["logs", "--tail", "1", "aa"])
            .parse::<u32>()
            .ok()
    };
    let before = last(&next);
    eventually("it goes on counting", || last(&next) > before);
    next.ok(&["rm", "-f", "aa", "bb", "cc"]);
}

#[test]
fn two_servers_over_one_engine_agree() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let one = Server::start(&sandbox);
    let id = one.ok(&["create", "--network", "none", BUSYBOX, "sleep", "600"]);
    let other_socket = desk().join("other.sock");
    let address = format!("unix://{}", other_socket.display());
    let _other = sandbox.spawn(&["serve", "-H", &address]);
    let other = |arguments: &[&str]| {
        let mut command = one.client("/usr/bin/docker", arguments);
        command.env("DOCKER_HOST", &address);
        let done = process::finish(command, b"");
        (done.code == 0).then(|| done.stdout.trim().to_owned())
    };
    eventually("the other answers", || other(&["start", &id]).is_some());
    assert_eq!(one.ok(&["ps", "-q", "--no-trunc"]), id);
    one.ok(&["rm", "-f", &id]);
    assert_eq!(other(&["ps", "-aq"]).as_deref(), Some(""));
}
