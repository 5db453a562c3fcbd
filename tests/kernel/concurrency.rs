//! Two processes acting on one container, and many on many, at once.

use std::{process::Stdio, thread};

use crate::support::{Sandbox, process, sandbox::BUSYBOX};

#[test]
fn of_many_that_want_one_name_exactly_one_gets_it() {
    let s = Sandbox::new();
    let children: Vec<_> = (0..12)
        .map(|_| {
            s.command(&["create", "--name", "one", BUSYBOX, "true"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let won = children
        .into_iter()
        .map(process::wait)
        .filter(|code| *code == 0)
        .count();
    assert_eq!(won, 1);
    assert_eq!(s.ok(&["ps", "-aq"]).lines().count(), 1);
}

#[test]
fn start_stop_and_remove_of_one_container_at_once_end_in_a_true_state() {
    let s = Sandbox::new();
    for round in 0..5 {
        s.ok(&["create", "--name", "xx", BUSYBOX, "sleep", "1000"]);
        let all: Vec<_> = [
            &["start", "xx"][..],
            &["stop", "-t", "0", "xx"],
            &["start", "xx"],
            &["pause", "xx"],
            &["rm", "-f", "xx"],
        ]
        .iter()
        .map(|arguments| {
            s.command(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
        for child in all {
            let code = process::wait(child);
            assert!(code <= 1, "round {round}: a command ended by {code}");
        }
        s.run(&["rm", "-f", "xx"]);
        assert_eq!(s.ok(&["ps", "-aq"]), "", "round {round}");
    }
}

#[test]
fn two_starts_of_one_container_make_one_process() {
    let s = Sandbox::new();
    let id = s.ok(&["create", "--name", "xx", BUSYBOX, "sleep", "1000"]);
    let all: Vec<_> = (0..6)
        .map(|_| {
            s.command(&["start", "xx"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in all {
        assert_eq!(process::wait(child), 0, "starting what runs is no error");
    }
    assert_eq!(crate::support::Cgroup::of(&id).processes().len(), 1);
}

#[test]
fn many_runs_at_once_all_succeed() {
    let s = Sandbox::new();
    thread::scope(|scope| {
        let all: Vec<_> = (0..10)
            .map(|i| {
                let s = &s;
                let mut command = s.command(&["run", "--rm", BUSYBOX, "echo", &i.to_string()]);
                command.env("N", i.to_string());
                (i, scope.spawn(move || process::finish(command, b"")))
            })
            .collect();
        for (i, done) in all {
            let done = done.join().unwrap();
            assert_eq!(
                (done.code, done.stdout),
                (0, format!("{i}\n")),
                "{}",
                done.stderr
            );
        }
    });
    assert_eq!(s.ok(&["ps", "-aq"]), "");
}

#[test]
fn exec_races_with_removal_and_nothing_hangs() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    let execs: Vec<_> = (0..6)
        .map(|_| {
            s.command(&["exec", "xx", "sleep", "0.2"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    s.ok(&["rm", "-f", "xx"]);
    for child in execs {
        assert_ne!(process::wait(child), 101, "a command panicked");
    }
}
