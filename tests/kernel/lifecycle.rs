//! A container's life: created, started, stopped, restarted, renamed, removed.

use std::time::{Duration, Instant};

use crate::support::{Sandbox, eventually, process, sandbox::BUSYBOX};

#[test]
fn run_returns_the_exit_code_and_the_output_of_its_command() {
    let s = Sandbox::new();
    let done = s.run(&[
        "run",
        "--rm",
        BUSYBOX,
        "sh",
        "-c",
        "echo out; echo err >&2; exit 7",
    ]);
    assert_eq!(
        (done.code, done.stdout.as_str(), done.stderr.as_str()),
        (7, "out\n", "err\n")
    );
    assert_eq!(s.ok(&["ps", "-aq"]), "");
}

#[test]
fn death_by_a_signal_is_128_and_the_signal() {
    let s = Sandbox::new();
    // Below an init of ours: process 1 of a pid namespace can't be killed from inside.
    let done = s.run(&["run", "--rm", "--init", BUSYBOX, "sh", "-c", "kill -9 $$"]);
    assert_eq!(done.code, 137, "{done:?}");
}

#[test]
fn created_container_is_listed_and_starts_later() {
    let s = Sandbox::new();
    let id = s.ok(&["create", "--name", "later", BUSYBOX, "sleep", "1000"]);
    assert_eq!(id.len(), 64);
    assert_eq!(s.state("later"), "created");
    assert_eq!(s.ok(&["ps", "-q", "--no-trunc"]), "", "ps lists what runs");
    assert_eq!(s.ok(&["ps", "-aq", "--no-trunc"]), id);
    assert_eq!(s.ok(&["start", "later"]), "later");
    assert_eq!(s.state("later"), "running");
    assert_eq!(s.ok(&["ps", "-q", "--no-trunc"]), id);
}

/// Waits until a container said that its traps are set: before that a signal is lost on it.
fn is_ready(s: &Sandbox, name: &str) {
    eventually("its traps are set", || {
        s.ok(&["logs", name]).contains("ready")
    });
}

#[test]
fn stop_asks_by_sigterm_and_kills_after_its_time() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "polite",
        BUSYBOX,
        "sh",
        "-c",
        "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done",
    ]);
    s.start(&["--name", "deaf", BUSYBOX, "sleep", "1000"]);
    is_ready(&s, "polite");
    let began = Instant::now();
    s.ok(&["stop", "-t", "300", "polite"]);
    assert!(
        began.elapsed() < Duration::from_secs(200),
        "it waited for its whole time"
    );
    assert_eq!(
        s.inspect("polite", "{{.State.Status}} {{.State.ExitCode}}"),
        "exited 3"
    );
    // Process 1 of a pid namespace ignores signals that it has no handler for.
    let began = Instant::now();
    s.ok(&["stop", "-t", "1", "deaf"]);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(
        s.inspect("deaf", "{{.State.Status}} {{.State.ExitCode}}"),
        "exited 137"
    );
    s.ok(&["stop", "deaf"]);
}

#[test]
fn stop_signal_of_the_container_is_used() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "xx",
        "--stop-signal",
        "USR1",
        BUSYBOX,
        "sh",
        "-c",
        "trap 'exit 4' USR1; echo ready; while :; do sleep 0.05; done",
    ]);
    is_ready(&s, "xx");
    s.ok(&["stop", "xx"]);
    assert_eq!(s.inspect("xx", "{{.State.ExitCode}}"), "4");
}

#[test]
fn kill_sends_the_signal_that_was_named() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "xx",
        BUSYBOX,
        "sh",
        "-c",
        "trap 'echo got it' HUP; echo ready; while :; do sleep 0.05; done",
    ]);
    eventually("ready", || s.ok(&["logs", "xx"]) == "ready");
    s.ok(&["kill", "-s", "HUP", "xx"]);
    eventually("the signal arrived", || {
        s.ok(&["logs", "xx"]).contains("got it")
    });
    s.ok(&["kill", "xx"]);
    s.until("xx", "exited");
    assert_eq!(s.inspect("xx", "{{.State.ExitCode}}"), "137");
}

#[test]
fn restart_makes_a_new_process_of_the_same_container() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "xx",
        BUSYBOX,
        "sh",
        "-c",
        "echo x >>/runs; exec sleep 1000",
    ]);
    let before = s.pid("xx");
    eventually("first run wrote", || {
        s.ok(&["exec", "xx", "cat", "/runs"]) == "x"
    });
    s.ok(&["restart", "-t", "0", "xx"]);
    assert_ne!(s.pid("xx"), before);
    eventually("its files are kept", || {
        s.ok(&["exec", "xx", "cat", "/runs"]) == "x\nx"
    });
}

#[test]
fn pause_freezes_and_unpause_thaws() {
    let s = Sandbox::new();
    let id = s.start(&[
        "--name",
        "xx",
        BUSYBOX,
        "sh",
        "-c",
        "while :; do date +%N >/tick; done",
    ]);
    let cgroup = crate::support::Cgroup::of(&id);
    s.ok(&["pause", "xx"]);
    assert_eq!(s.state("xx"), "paused");
    assert!(cgroup.is_frozen());
    let used = cgroup.cpu_secs();
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        cgroup.cpu_secs() - used < 0.05,
        "a frozen container computes"
    );
    s.refused(&["pause", "xx"], 1);
    s.refused(&["exec", "xx", "true"], 1);
    s.ok(&["unpause", "xx"]);
    assert_eq!(s.state("xx"), "running");
    eventually("it computes again", || cgroup.cpu_secs() - used > 0.05);
    s.refused(&["unpause", "xx"], 1);
}

#[test]
fn paused_container_is_stopped_and_removed_by_force() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    s.ok(&["pause", "xx"]);
    s.ok(&["stop", "-t", "0", "xx"]);
    assert_eq!(s.state("xx"), "exited");
    s.ok(&["start", "xx"]);
    s.ok(&["pause", "xx"]);
    s.ok(&["rm", "-f", "xx"]);
    assert_eq!(s.ok(&["ps", "-aq"]), "");
}

#[test]
fn rename_moves_the_name_and_refuses_a_taken_one() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    s.ok(&["create", "--name", "yy", BUSYBOX, "true"]);
    s.refused(&["rename", "xx", "yy"], 1);
    s.ok(&["rename", "xx", "zz"]);
    assert_eq!(s.inspect("zz", "{{.Name}}").trim_start_matches('/'), "zz");
    s.refused(&["inspect", "xx"], 1);
    s.ok(&["create", "--name", "xx", BUSYBOX, "true"]);
}

#[test]
fn running_container_is_only_removed_by_force() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    s.refused(&["rm", "xx"], 1);
    assert_eq!(s.state("xx"), "running");
    assert_eq!(s.ok(&["rm", "-f", "xx"]), "xx");
    s.refused(&["inspect", "xx"], 1);
}

#[test]
fn wait_prints_the_exit_code_of_a_container_that_ends_later() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sh", "-c", "sleep 0.5; exit 5"]);
    assert_eq!(s.ok(&["wait", "xx"]), "5");
    assert_eq!(s.ok(&["wait", "xx"]), "5", "and of one that ended");
}

#[test]
fn restart_policy_starts_again_and_stops_when_the_user_says_so() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "xx",
        "--restart",
        "on-failure:2",
        BUSYBOX,
        "sh",
        "-c",
        "echo run; exit 1",
    ]);
    s.until("xx", "exited");
    assert_eq!(
        s.inspect("xx", "{{.RestartCount}} {{.State.ExitCode}}"),
        "2 1"
    );
    assert_eq!(s.ok(&["logs", "xx"]), "run\nrun\nrun");

    s.start(&[
        "--name",
        "yy",
        "--restart",
        "always",
        BUSYBOX,
        "sleep",
        "1000",
    ]);
    let before = s.pid("yy");
    process::signal(before, libc::SIGKILL);
    eventually("it runs again", || {
        s.state("yy") == "running" && s.inspect("yy", "{{.State.Pid}}") != before.to_string()
    });
    s.ok(&["stop", "-t", "0", "yy"]);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(s.state("yy"), "exited");
}

#[test]
fn init_reaps_orphans_and_forwards_signals() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "xx",
        "--init",
        BUSYBOX,
        "sh",
        "-c",
        "(sleep 0.1 &) ; trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done",
    ]);
    is_ready(&s, "xx");
    // The shell's own children are zombies for a moment each: those go, orphans that
    // nobody reaps would stay.
    let list = "grep -l 'State:.Z' /proc/[0-9]*/status || true";
    eventually("no zombie stays", || {
        s.ok(&["exec", "xx", "sh", "-c", list]).is_empty()
    });
    s.ok(&["stop", "xx"]);
    assert_eq!(s.inspect("xx", "{{.State.ExitCode}}"), "9");
}

#[test]
fn the_users_words_reach_the_process() {
    let s = Sandbox::new();
    let out = s.ok(&[
        "run",
        "--rm",
        "-e",
        "A=b c",
        "-w",
        "/tmp",
        "-h",
        "box",
        "-u",
        "wharf",
        "--entrypoint",
        "sh",
        BUSYBOX,
        "-c",
        "echo $A; pwd; hostname; id -u; id -g; id -G; umask; echo $PATH; echo $HOME",
    ]);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[..5], ["b c", "/tmp", "box", "1000", "1000"]);
    assert_eq!(lines[5], "1000 1001", "groups of the image's own files");
    assert_eq!(lines[6], "0022");
    assert!(lines[7].contains("/usr/bin"), "{out}");
}

#[test]
fn exec_joins_the_container_with_its_own_user_directory_and_environment() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", "-e", "BASE=1", BUSYBOX, "sleep", "1000"]);
    let out = s.ok(&[
        "exec",
        "-u",
        "1000:1001",
        "-w",
        "/usr",
        "-e",
        "MORE=2",
        "xx",
        "sh",
        "-c",
        "id -u; id -g; pwd; echo $BASE$MORE; hostname",
    ]);
    let hostname = s.ok(&["exec", "xx", "hostname"]);
    assert_eq!(out, format!("1000\n1001\n/usr\n12\n{hostname}"));
    assert_eq!(s.run(&["exec", "xx", "sh", "-c", "exit 6"]).code, 6);
    assert_eq!(s.run(&["exec", "xx", "/none"]).code, 127);
    assert_eq!(s.run(&["exec", "xx", "/etc/passwd"]).code, 126);
    let out = s.run_with_input(&["exec", "-i", "xx", "cat"], b"through");
    assert_eq!(out.stdout, "through");
    s.ok(&[
        "exec",
        "-d",
        "xx",
        "sh",
        "-c",
        "echo done >/flag; sleep 1000",
    ]);
    eventually("the detached exec ran", || {
        s.ok(&["exec", "xx", "cat", "/flag"]) == "done"
    });
    assert!(s.ok(&["top", "xx"]).contains("sleep 1000"));
}

#[test]
fn diff_tells_what_the_container_changed() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "xx",
        BUSYBOX,
        "sh",
        "-c",
        "echo x >/new; rm /etc/group; echo y >>/etc/passwd; sleep 1000",
    ]);
    eventually("it changed", || {
        s.ok(&["exec", "xx", "ls", "/"]).contains("new")
    });
    s.ok(&["stop", "-t", "0", "xx"]);
    let out = s.ok(&["diff", "xx"]);
    for line in ["A /new", "D /etc/group", "C /etc/passwd", "C /etc"] {
        assert!(out.lines().any(|l| l == line), "{line} in {out}");
    }
}

#[test]
fn events_tell_the_story() {
    let s = Sandbox::new();
    s.ok(&["run", "--name", "xx", BUSYBOX, "true"]);
    s.ok(&["rm", "xx"]);
    let out = s.ok(&["events", "--since", "1h", "--until", "0s"]);
    let mut from = 0;
    for word in ["create", "start", "die", "destroy"] {
        let at = out[from..].find(word);
        assert!(at.is_some(), "{word} after byte {from} of {out}");
        from += at.unwrap();
    }
}
