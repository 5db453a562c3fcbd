//! The API's server: docker's own command over it beside the same over Debian's dockerd
//! (where docker.io is installed), requests a second over one connection with 100
//! containers, and what 1,000 followed logs take of memory. Where containers are listed
//! the command also asks [one](support::replay) that has the answer ready: what it takes
//! then is its own, and no server can make it less.

mod support;

use std::{
    io::{BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use support::{
    Contestant, Sandbox,
    disk::Disk,
    docker, dockerd, exists,
    host::Host,
    process::Background,
    quantile, race,
    replay::{Replay, read_body, read_head},
    run, time,
};

const RUNNING: usize = 100;
const STOPPED: usize = 200;
const REQUESTS: usize = 2000;
const LOGS: usize = 1000;

/// `wharf serve` over a sandbox's engine.
struct Server {
    process: Background,
    socket: PathBuf,
}

impl Server {
    fn start(sandbox: &Sandbox) -> Self {
        let socket = sandbox.path().join("docker.sock");
        let address = format!("unix://{}", socket.display());
        let process = Background::silent(&mut sandbox.wharf(&["serve", "-H", &address]));
        let server = Self { process, socket };
        for _ in 0..100 {
            if UnixStream::connect(&server.socket).is_ok() {
                return server;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("the server did not answer within 5 s");
    }

    fn docker(&self, args: &[&str]) -> Command {
        docker::client(&self.socket, args)
    }

    /// One request after the other over one connection; the time of each.
    fn ask(&self, path: &str, times: usize) -> Vec<Duration> {
        let stream = UnixStream::connect(&self.socket).expect("it listens");
        let mut writer = stream.try_clone().expect("a descriptor can be cloned");
        let mut reader = BufReader::new(stream);
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let mut one = || {
            let start = Instant::now();
            writer.write_all(request.as_bytes()).expect("it reads");
            let head = read_head(&mut reader);
            let body = read_body(&mut reader, &head);
            assert!(body.len() > 2, "{path} answers with nothing");
            start.elapsed()
        };
        (0..times).map(|_| one()).collect()
    }

    fn resident_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.pid());
        let status = std::fs::read_to_string(status).expect("it runs");
        support::screen::field_kib(&status, "VmRSS:")
    }
}

fn main() {
    if !exists("docker") {
        println!("docker's command is not here: apt-get install docker.io");
        return;
    }
    let _host = Host::enter();
    let disk = Disk::new();
    let sandbox = Sandbox::below(&disk.path());
    let server = Server::start(&sandbox);
    fill(RUNNING, |args| server.docker(args), "sleep");

    let first = sandbox.containers().remove(0);
    for (what, path) in [
        ("list", "/containers/json?all=1".to_owned()),
        ("inspect", format!("/containers/{first}/json")),
    ] {
        let mut times = server.ask(&path, REQUESTS);
        let all: Duration = times.iter().sum();
        let [median, p99] = [0.5, 0.99].map(|q| quantile(&mut times, q));
        println!(
            "{what}, {RUNNING} containers: {:.0} requests a second, median {median:.2} ms, p99 \
             {p99:.2} ms",
            REQUESTS as f64 / all.as_secs_f64()
        );
    }

    let before = server.resident_kib();
    let mut followed = Vec::new();
    for id in sandbox.containers().iter().cycle().take(LOGS) {
        let mut stream = UnixStream::connect(&server.socket).expect("it listens");
        write!(
            stream,
            "GET /containers/{id}/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        .expect("it reads");
        let mut head = [0; 12];
        stream.read_exact(&mut head).expect("it answers");
        assert_eq!(&head, b"HTTP/1.1 200");
        followed.push(stream);
    }
    let after = server.resident_kib();
    println!(
        "{LOGS} followed logs: {} MiB resident, {} MiB before",
        after / 1024,
        before / 1024
    );
    drop(followed);

    fill(STOPPED, |args| server.docker(args), "true");
    let daemon = dockerd(&sandbox);
    let replay = Replay::of(&server.socket);
    let once = ["run", "--rm", "--network", "none", "bench:1", "true"];
    let list = ["ps", "-a"];
    let mut lists: Vec<Contestant> = vec![
        (
            "docker ps -a on wharf",
            Box::new(|| time(&mut server.docker(&list))),
        ),
        (
            "docker ps -a by itself",
            Box::new(|| time(&mut docker::client(&replay.socket, &list))),
        ),
    ];
    let mut runs: Vec<Contestant> = vec![(
        "docker run --rm on wharf",
        Box::new(|| time(&mut server.docker(&once))),
    )];
    if let Some(daemon) = &daemon {
        fill(RUNNING, |args| daemon.command(args), "sleep");
        fill(STOPPED, |args| daemon.command(args), "true");
        lists.push((
            "docker ps -a on dockerd",
            Box::new(|| time(&mut daemon.command(&list))),
        ));
        runs.push((
            "docker run on dockerd",
            Box::new(|| time(&mut daemon.command(&once))),
        ));
    }
    race("300 containers, 100 running", 20, &mut lists);
    race("a container that does nothing", 10, &mut runs);
}

/// Makes containers that run `sleep`, or that wait to run something else.
fn fill(count: usize, command: impl Fn(&[&str]) -> Command, program: &str) {
    for _ in 0..count {
        let args: &[&str] = match program {
            "sleep" => &["run", "-d", "--network", "none", "bench:1", "sleep", "3600"],
            other => &["create", "--network", "none", "bench:1", other],
        };
        run(&mut command(args));
    }
}
