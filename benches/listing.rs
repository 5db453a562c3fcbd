//! `wharf ps -a` with 300 containers, 100 of them running, beside `docker ps -a` with the
//! same, where Debian's docker.io is installed. All of it is on a host
//! of its own as far as the network goes.

mod support;

use std::process::Command;

use support::{Contestant, Sandbox, dockerd, host::Host, race, run, time};

const RUNNING: usize = 100;
const STOPPED: usize = 200;

fn main() {
    let _host = Host::enter();
    let sandbox = Sandbox::new();
    fill(|args| sandbox.wharf(args));
    let daemon = dockerd(&sandbox);
    let mut contestants: Vec<Contestant> = vec![
        (
            "wharf ps -a --stats",
            Box::new(|| time(&mut sandbox.wharf(&["ps", "-a", "--stats"]))),
        ),
        (
            "wharf ps -a",
            Box::new(|| time(&mut sandbox.wharf(&["ps", "-a"]))),
        ),
    ];
    if let Some(daemon) = &daemon {
        fill(|args| daemon.command(args));
        contestants.push((
            "docker ps -a",
            Box::new(|| time(&mut daemon.command(&["ps", "-a"]))),
        ));
    }
    race("300 containers, 100 running", 30, &mut contestants);
}

/// Makes the containers with docker's words, which both understand.
fn fill(command: impl Fn(&[&str]) -> Command) {
    for _ in 0..STOPPED {
        run(&mut command(&[
            "create",
            "--network",
            "none",
            "bench:1",
            "true",
        ]));
    }
    for _ in 0..RUNNING {
        run(&mut command(&[
            "run",
            "-d",
            "--network",
            "none",
            "bench:1",
            "sleep",
            "3600",
        ]));
    }
}
