//! `wharf ps -a` with 300 containers, 100 of them running, beside `docker ps -a` with the
//! same, where Debian's docker.io is installed. The daemon gets its own directories,
//! mount and network namespace; what it made is removed again.

mod support;

use std::process::Command;

use support::{Contestant, Sandbox, docker::Daemon, exists, race, run, time};

const RUNNING: usize = 100;
const STOPPED: usize = 200;

fn main() {
    let sandbox = Sandbox::new();
    fill(|args| sandbox.wharf(args));
    let daemon = exists("dockerd").then(|| Daemon::start(&sandbox));
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
    match &daemon {
        None => println!("dockerd is not here: apt-get install docker.io"),
        Some(daemon) => {
            let tar = sandbox.path().join("rootfs.tar");
            run(daemon.docker(&["import"]).arg(tar).arg("bench:1"));
            fill(|args| daemon.docker(args));
            contestants.push((
                "docker ps -a",
                Box::new(|| time(&mut daemon.docker(&["ps", "-a"]))),
            ));
        }
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
