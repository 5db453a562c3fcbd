//! Containers that share memory and processes with another.

use std::fs;

use super::support::{Sandbox, eventually, sandbox::BUSYBOX};

/// The namespace that a container's first process is in.
fn namespace(s: &Sandbox, name: &str, kind: &str) -> String {
    let link = fs::read_link(format!("/proc/{}/ns/{kind}", s.pid(name)));
    link.unwrap().display().to_string()
}

/// A container that lets others join its memory.
fn start_giver(s: &Sandbox) {
    let shares = ["--name", "giver", "--ipc", "shareable"];
    s.start(&[&shares[..], &[BUSYBOX, "sleep", "1000"]].concat());
}

#[test]
fn shared_memory_of_another_is_joined_and_outlives_neither() {
    let s = Sandbox::new();
    start_giver(&s);
    s.ok(&["exec", "giver", "sh", "-c", "echo hello > /dev/shm/word"]);
    s.start(&[
        "--name",
        "taker",
        "--ipc",
        "container:giver",
        BUSYBOX,
        "sleep",
        "1000",
    ]);
    assert_eq!(namespace(&s, "giver", "ipc"), namespace(&s, "taker", "ipc"));
    assert_ne!(namespace(&s, "giver", "pid"), namespace(&s, "taker", "pid"));
    assert_eq!(s.ok(&["exec", "taker", "cat", "/dev/shm/word"]), "hello");
    s.ok(&["exec", "taker", "sh", "-c", "echo back > /dev/shm/word"]);
    assert_eq!(s.ok(&["exec", "giver", "cat", "/dev/shm/word"]), "back");
    let link = s.ok(&["exec", "taker", "readlink", "/proc/self/ns/ipc"]);
    assert_eq!(link, namespace(&s, "giver", "ipc"));
    let mode = |name| s.inspect(name, "{{.HostConfig.IpcMode}}");
    assert_eq!(mode("giver"), "shareable");
    assert_eq!(mode("taker"), format!("container:{}", s.id("giver")));
    // Who was let in may let others in.
    let third = [
        "run",
        "--rm",
        "--ipc",
        "container:taker",
        BUSYBOX,
        "cat",
        "/dev/shm/word",
    ];
    assert_eq!(s.ok(&third), "back");
    // What it has it keeps, though the giver is gone; once ended it can't have it again.
    s.ok(&["stop", "-t", "0", "giver"]);
    assert_eq!(s.ok(&["exec", "taker", "cat", "/dev/shm/word"]), "back");
    s.ok(&["stop", "-t", "0", "taker"]);
    let told = s.refused(&["start", "taker"], 1);
    assert!(told.contains("shared memory"), "{told}");
    s.ok(&["start", "giver"]);
    s.ok(&["start", "taker"]);
    assert_eq!(namespace(&s, "giver", "ipc"), namespace(&s, "taker", "ipc"));
    s.ok(&["rm", "-f", "giver"]);
    s.ok(&["stop", "-t", "0", "taker"]);
    s.refused(&["start", "taker"], 1);
}

#[test]
fn memory_that_is_not_shared_is_not_joined() {
    let s = Sandbox::new();
    s.start(&["--name", "own", BUSYBOX, "sleep", "1000"]);
    s.start(&["--name", "less", "--ipc", "none", BUSYBOX, "sleep", "1000"]);
    assert_eq!(
        s.ok(&["exec", "less", "grep", "-c", "mqueue", "/proc/mounts"]),
        "1"
    );
    let mounts = s.ok(&["exec", "less", "cat", "/proc/mounts"]);
    assert!(!mounts.contains(" /dev/shm "), "{mounts}");
    for (other, word) in [
        ("own", "shareable"),
        ("less", "shareable"),
        ("nobody", "nobody"),
    ] {
        let whose = format!("container:{other}");
        let told = s.refused(&["run", "--rm", "--ipc", &whose, BUSYBOX, "true"], 125);
        assert!(told.contains(word), "{told}");
    }
    for wrong in ["container:", "theirs"] {
        s.refused(&["create", "--ipc", wrong, BUSYBOX, "true"], 125);
        s.refused(&["create", "--pid", wrong, BUSYBOX, "true"], 125);
    }
    let sysctl = ["--sysctl", "kernel.shmmax=4096", BUSYBOX, "true"];
    let joined = [&["create", "--ipc", "container:own"][..], &sysctl].concat();
    s.refused(&joined, 125);
    // What a container put in the place of its memory is not followed.
    s.start(&[
        "--name",
        "sly",
        "--ipc",
        "shareable",
        "--privileged",
        BUSYBOX,
        "sleep",
        "1000",
    ]);
    let swap = "umount /dev/shm && rmdir /dev/shm && ln -s /etc /dev/shm";
    s.ok(&["exec", "sly", "sh", "-c", swap]);
    s.refused(
        &[
            "run",
            "--rm",
            "--ipc",
            "container:sly",
            BUSYBOX,
            "ls",
            "/dev/shm",
        ],
        125,
    );
}

#[test]
fn processes_of_another_are_seen_and_end_with_it() {
    let s = Sandbox::new();
    s.start(&["--name", "giver", BUSYBOX, "sleep", "4711"]);
    let whose = ["--pid", "container:giver"];
    let taker = [
        &["--name", "taker"],
        &whose[..],
        &[BUSYBOX, "sleep", "1000"],
    ]
    .concat();
    s.start(&taker);
    assert_eq!(namespace(&s, "giver", "pid"), namespace(&s, "taker", "pid"));
    let seen = s.ok(&["exec", "taker", "cat", "/proc/1/cmdline"]);
    assert_eq!(seen, "sleep\x004711\0");
    let mode = s.inspect("taker", "{{.HostConfig.PidMode}}");
    assert_eq!(mode, format!("container:{}", s.id("giver")));
    // The one that joined ends alone, with all that it started.
    let script = "sleep 5150 & sleep 0.1";
    s.ok(&[&["run", "--rm"], &whose[..], &[BUSYBOX, "sh", "-c", script]].concat());
    eventually("what it left is gone", || {
        !s.ok(&["exec", "giver", "ps"]).contains("5150")
    });
    assert_eq!(s.state("giver"), "running");
    // The kernel ends all with the first of them.
    s.ok(&["stop", "-t", "0", "giver"]);
    s.until("taker", "exited");
    assert_eq!(s.inspect("taker", "{{.State.ExitCode}}"), "137");
    let told = s.refused(&["start", "taker"], 1);
    assert!(told.contains("processes"), "{told}");
    s.ok(&["start", "giver"]);
    s.ok(&["start", "taker"]);
    assert_eq!(namespace(&s, "giver", "pid"), namespace(&s, "taker", "pid"));
    s.refused(
        &[
            "create",
            "--init",
            "--pid",
            "container:giver",
            BUSYBOX,
            "true",
        ],
        125,
    );
}

#[test]
fn restart_joins_what_runs_by_then() {
    let s = Sandbox::new();
    start_giver(&s);
    let whose = ["--pid", "container:giver", "--ipc", "container:giver"];
    let taker = ["--restart", "always", "--name", "taker"];
    s.start(&[&taker, &whose[..], &[BUSYBOX, "sleep", "1000"]].concat());
    s.ok(&["kill", "taker"]);
    // A kill by the user is an end that was asked for.
    s.until("taker", "exited");
    s.ok(&["start", "taker"]);
    let killed = s.pid("taker");
    s.ok(&["exec", "taker", "kill", "-9", &inside(&s, "taker")]);
    // Between its two runs it has none.
    eventually("it runs again", || {
        let pid = s.inspect("taker", "{{.State.Pid}}");
        pid != "0"
            && pid != killed.to_string()
            && s.inspect("taker", "{{.RestartCount}}") != "0"
            && s.state("taker") == "running"
    });
    for kind in ["pid", "ipc"] {
        assert_eq!(namespace(&s, "giver", kind), namespace(&s, "taker", kind));
    }
    // Without the other its restart fails, and says why.
    s.ok(&["rm", "-f", "giver"]);
    s.until("taker", "exited");
    assert!(!s.inspect("taker", "{{.State.Error}}").is_empty());
}

/// A container's first process, as those in its namespace see it.
fn inside(s: &Sandbox, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", s.pid(name))).unwrap();
    let line = status.lines().find(|line| line.starts_with("NSpid:"));
    line.unwrap().split_whitespace().last().unwrap().to_owned()
}
