//! Networks on a real kernel, each test on a host of its own: a network namespace that its
//! thread moves into, with a second one as another host where one is needed.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod beside;
mod crash;
mod default;
mod figures;
mod names;
mod plan;
mod ports;
mod rates;
mod servers;

use support::{
    Sandbox, eventually,
    host::{CLIENT, SERVER},
    sandbox::DEBIAN,
};

/// Starts a server in a container.
#[track_caller]
fn serve(sandbox: &Sandbox, name: &str, flags: &[&str], proto: &str, ip: &str) -> String {
    let mut arguments = vec!["--name", name];
    arguments.extend(flags);
    arguments.extend([DEBIAN, "perl", "-e", SERVER, name, proto, ip, "80"]);
    sandbox.start(&arguments)
}

/// What a server answers to a container that runs; nothing if it doesn't.
fn ask_from(sandbox: &Sandbox, name: &str, proto: &str, host: &str, port: u16) -> Option<String> {
    let port = port.to_string();
    let done = sandbox.run(&["exec", name, "perl", "-e", CLIENT, proto, host, &port]);
    (done.code == 0).then_some(done.stdout)
}

/// Waits for an answer: servers take a moment to listen, and a loaded machine more.
#[track_caller]
fn answered(what: &str, by: &str, ask: impl Fn() -> Option<String>) {
    eventually(&format!("{what} is answered by {by}"), || {
        ask().is_some_and(|answer| answer.starts_with(&format!("{by} heard hello")))
    });
}
