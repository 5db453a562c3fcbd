//! `wharf serve` under docker's own clients: Debian's docker command, docker's Python SDK
//! and docker-compose, and under requests that no client sends.
//!
//! Each test has an engine, a server and a network namespace of its own.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]
#![recursion_limit = "256"]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod command;
mod hostile;
mod killed;
mod listen;
mod mutants;
mod shapes;
mod transfers;

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Command, Stdio},
};

use support::{
    Sandbox, eventually,
    process::{self, Background, Finished},
    sandbox::BUSYBOX,
};

thread_local! {
    static DESK: tempfile::TempDir = tempfile::tempdir().unwrap();
}

/// A directory of this test's own, for what is not the engine's.
pub fn desk() -> PathBuf {
    DESK.with(|desk| desk.path().to_owned())
}

/// A server over a sandbox's engine.
pub struct Server {
    process: Background,
    /// Its socket.
    pub socket: PathBuf,
}

impl Server {
    /// Starts one, and waits until it answers.
    pub fn start(sandbox: &Sandbox) -> Self {
        Self::with(sandbox, &[])
    }

    /// The same with further arguments.
    pub fn with(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let socket = desk().join("docker.sock");
        let address = format!("unix://{}", socket.display());
        let mut all = vec!["serve", "-H", &address];
        all.extend(arguments);
        let mut command = sandbox.command(&all);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let server = Self {
            process: Background(command.spawn().unwrap()),
            socket,
        };
        eventually("the server answers", || {
            server
                .get("/_ping")
                .is_some_and(|answer| answer.ends_with("OK"))
        });
        server
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// MiB under this name in its status (proc_pid_status(5)).
    pub fn memory(&self, name: &str) -> u64 {
        let field = process::status_field(self.pid(), name).unwrap();
        let kib: u64 = field.trim_end_matches(" kB").parse().unwrap();
        kib >> 10
    }

    /// Ends it in a way that it can't catch.
    pub fn kill(self) {
        drop(self.process);
    }

    /// What it answers to a GET: head and body. Nothing if it can't be reached.
    pub fn get(&self, path: &str) -> Option<String> {
        self.say(&format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        ))
    }

    /// What it answers to a request with a body.
    pub fn send(&self, method: &str, path: &str, body: &str) -> String {
        let len = body.len();
        self.say(&format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
        ))
        .unwrap()
    }

    /// Says something, and hears all that comes.
    pub fn say(&self, text: &str) -> Option<String> {
        say(&self.socket, text)
    }

    /// A program of docker's, told where we are.
    pub fn client(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", desk())
            .env("DOCKER_HOST", format!("unix://{}", self.socket.display()))
            .env("DOCKER_BUILDKIT", "0")
            .args(arguments);
        command
    }

    /// Runs Debian's docker command.
    pub fn docker(&self, arguments: &[&str]) -> Finished {
        process::finish(self.client("/usr/bin/docker", arguments), b"")
    }

    /// The same, which must succeed; its output without the last newline.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let done = self.docker(arguments);
        assert_eq!(done.code, 0, "docker {arguments:?}: {done:?}");
        done.stdout.trim_end_matches('\n').to_owned()
    }

    /// The same, which must fail and say so; what it says.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str]) -> String {
        let done = self.docker(arguments);
        assert_ne!(done.code, 0, "docker {arguments:?}: {done:?}");
        done.stderr
    }

    /// `run -d` without a network, with further flags; the full id.
    #[track_caller]
    pub fn run_detached(&self, flags: &[&str], command: &[&str]) -> String {
        let run = ["run", "-d", "--network", "none"];
        self.ok(&[&run, flags, &[BUSYBOX], command].concat())
    }

    /// Descriptors that it holds.
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.pid());
        std::fs::read_dir(path).unwrap().count()
    }

    /// Waits until it holds no more descriptors than before.
    #[track_caller]
    pub fn holds_at_most(&self, most: usize) {
        if !process::comes_true(|| self.descriptors() <= most) {
            let links = std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap();
            let links = links
                .flatten()
                .map(|entry| std::fs::read_link(entry.path()));
            let links: Vec<_> = links.flatten().collect();
            panic!("more than {most} descriptors: {links:?}");
        }
    }
}

/// Says something at a socket, and hears all that comes. Nothing if nobody listens.
pub fn say(socket: &std::path::Path, text: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(process::DEADLINE)).unwrap();
    // A server that refuses early may have closed already.
    let _ = stream.write_all(text.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// The status of an answer.
#[track_caller]
pub fn status(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1);
    word.and_then(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

/// The body of an answer.
pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// So much of a long text as can be read.
pub fn beginning(text: &str) -> String {
    text.chars().take(150).collect()
}

/// Engines whose containers join no network unless they say so.
pub fn sandbox() -> Sandbox {
    Sandbox::new()
}
