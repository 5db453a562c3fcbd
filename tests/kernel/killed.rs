//! `kill -9` of any of our processes, and reboot: the next command understands and
//! repairs.

use std::{fs, time::Duration};

use crate::support::{Sandbox, eventually, process, sandbox::BUSYBOX};

#[test]
fn killed_shim_is_replaced_and_the_container_runs_on() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "a",
        BUSYBOX,
        "sh",
        "-c",
        "trap 'exit 8' TERM; while :; do echo x; sleep 0.05; done",
    ]);
    let (pid, shim) = (s.pid("a"), s.shim("a"));
    process::signal(shim, libc::SIGKILL);
    eventually("the shim is gone", || {
        process::status_field(shim, "State").is_none_or(|s| s.starts_with('Z'))
    });
    assert_eq!(s.state("a"), "running");
    assert_eq!(s.pid("a"), pid, "the same process");
    let lines = || s.ok(&["logs", "a"]).lines().count();
    let before = lines();
    eventually("its log goes on", || lines() > before + 2);
    assert_eq!(s.ok(&["exec", "a", "echo", "in"]), "in");
    s.ok(&["stop", "a"]);
    assert_eq!(s.state("a"), "exited");
}

#[test]
fn killed_init_is_an_exit_by_sigkill() {
    let s = Sandbox::new();
    s.start(&["--name", "a", BUSYBOX, "sleep", "1000"]);
    process::signal(s.pid("a"), libc::SIGKILL);
    s.until("a", "exited");
    assert_eq!(s.inspect("a", "{{.State.ExitCode}}"), "137");
    s.ok(&["start", "a"]);
    assert_eq!(s.state("a"), "running");
}

#[test]
fn both_killed_is_an_exit_with_a_code_that_nobody_knows() {
    let s = Sandbox::new();
    s.start(&["--name", "a", BUSYBOX, "sleep", "1000"]);
    let (pid, shim) = (s.pid("a"), s.shim("a"));
    process::signal(shim, libc::SIGKILL);
    process::signal(pid, libc::SIGKILL);
    eventually("both are gone", || {
        process::status_field(pid, "State").is_none_or(|s| s.starts_with('Z'))
    });
    s.until("a", "exited");
    assert_ne!(
        s.inspect("a", "{{.State.ExitCode}}"),
        "0",
        "unknown is never success"
    );
    s.ok(&["start", "a"]);
    assert_eq!(s.state("a"), "running");
}

#[test]
fn container_with_a_terminal_ends_with_its_shim() {
    let s = Sandbox::new();
    s.start(&["--name", "a", "-t", BUSYBOX, "sh", "-c", "cat"]);
    process::signal(s.shim("a"), libc::SIGKILL);
    eventually("it is over", || s.state("a") == "exited");
    s.ok(&["rm", "a"]);
}

#[test]
fn restart_policy_holds_after_both_were_killed() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "a",
        "--restart",
        "always",
        BUSYBOX,
        "sleep",
        "1000",
    ]);
    let (pid, shim) = (s.pid("a"), s.shim("a"));
    process::signal(shim, libc::SIGKILL);
    process::signal(pid, libc::SIGKILL);
    eventually("the next commands start it again", || {
        s.state("a") == "running" && s.inspect("a", "{{.State.Pid}}") != pid.to_string()
    });
}

#[test]
fn killed_rm_command_leaves_something_that_can_be_removed() {
    let s = Sandbox::new();
    for wait_ms in [1, 3, 6, 10, 15] {
        s.start(&["--name", "a", BUSYBOX, "sleep", "1000"]);
        let victim = s.spawn(&["rm", "-f", "a"]);
        std::thread::sleep(Duration::from_millis(wait_ms));
        drop(victim);
        let list = s.ok(&["ps", "-aq"]);
        if !list.is_empty() {
            s.run(&["rm", "-f", &list]);
        }
        assert_eq!(s.ok(&["ps", "-aq"]), "", "after {wait_ms} ms");
    }
}

#[test]
fn after_a_reboot_containers_are_exited_and_start_again() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "a",
        BUSYBOX,
        "sh",
        "-c",
        "echo kept >/file; exec sleep 1000",
    ]);
    s.start(&["--name", "b", BUSYBOX, "sleep", "1000"]);
    eventually("it wrote", || {
        s.ok(&["exec", "a", "ls", "/"]).contains("file")
    });
    // What a reboot does: every process is gone, and with them what lay in /run. One of
    // two machines keeps /run on its disk, so both are shown.
    let pids: Vec<(i32, i32)> = ["a", "b"]
        .iter()
        .map(|name| (s.pid(name), s.shim(name)))
        .collect();
    for (pid, shim) in &pids {
        process::signal(*shim, libc::SIGKILL);
        process::signal(*pid, libc::SIGKILL);
    }
    eventually("all are gone", || {
        pids.iter()
            .all(|(pid, _)| process::status_field(*pid, "State").is_none_or(|s| s.starts_with('Z')))
    });
    let _ids = s.known_ids();
    fs::remove_dir_all(s.root().join("run")).unwrap();
    assert_eq!(s.state("a"), "exited");
    assert_eq!(s.state("b"), "exited");
    s.ok(&["start", "a"]);
    assert_eq!(s.ok(&["exec", "a", "cat", "/file"]), "kept");
    s.ok(&["rm", "b"]);
}

#[test]
fn state_of_another_boot_is_not_believed() {
    let s = Sandbox::new();
    let id = s.start(&["--name", "a", BUSYBOX, "sleep", "1000"]);
    let state = s.root().join("run/containers").join(&id).join("state");
    let saved = fs::read(&state).unwrap();
    s.ok(&["kill", "a"]);
    s.until("a", "exited");
    // Its live record says `running` again, as a stale copy would: the kernel has no such
    // process, so it isn't.
    fs::create_dir_all(state.parent().unwrap()).unwrap();
    fs::write(&state, saved).unwrap();
    assert_eq!(s.state("a"), "exited");
    s.ok(&["start", "a"]);
    assert_eq!(s.state("a"), "running");
}

#[test]
fn container_whose_init_is_in_tracing_stop_can_be_removed() {
    use nix::{sys::ptrace, unistd::Pid};
    let s = Sandbox::new();
    s.start(&["--name", "a", BUSYBOX, "sleep", "1000"]);
    let pid = Pid::from_raw(s.pid("a"));
    ptrace::seize(pid, ptrace::Options::empty()).unwrap();
    ptrace::interrupt(pid).unwrap();
    nix::sys::wait::waitpid(pid, None).unwrap();
    s.ok(&["rm", "-f", "a"]);
    assert_eq!(s.ok(&["ps", "-aq"]), "");
    // As its tracer we are told of its death, and only then is it reaped.
    let _ = nix::sys::wait::waitpid(pid, None);
}
