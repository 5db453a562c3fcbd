//! `kill -9` of any of our processes, and reboot: the next command understands and
//! repairs.

use std::{fs, time::Duration};

use crate::support::{Sandbox, eventually, process, sandbox::BUSYBOX};

#[test]
fn killed_shim_is_replaced_and_the_container_runs_on() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "xx",
        BUSYBOX,
        "sh",
        "-c",
        "trap 'exit 8' TERM; while :; do echo x; sleep 0.05; done",
    ]);
    let (pid, shim) = (s.pid("xx"), s.shim("xx"));
    process::signal(shim, libc::SIGKILL);
    eventually("the shim is gone", || {
        process::status_field(shim, "State").is_none_or(|s| s.starts_with('Z'))
    });
    assert_eq!(s.state("xx"), "running");
    assert_eq!(s.pid("xx"), pid, "the same process");
    let lines = || s.ok(&["logs", "xx"]).lines().count();
    let before = lines();
    eventually("its log goes on", || lines() > before + 2);
    assert_eq!(s.ok(&["exec", "xx", "echo", "in"]), "in");
    s.ok(&["stop", "xx"]);
    assert_eq!(s.state("xx"), "exited");
}

#[test]
fn killed_init_is_an_exit_by_sigkill() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    process::signal(s.pid("xx"), libc::SIGKILL);
    s.until("xx", "exited");
    assert_eq!(s.inspect("xx", "{{.State.ExitCode}}"), "137");
    s.ok(&["start", "xx"]);
    assert_eq!(s.state("xx"), "running");
}

#[test]
fn both_killed_is_an_exit_with_a_code_that_nobody_knows() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    let (pid, shim) = (s.pid("xx"), s.shim("xx"));
    process::signal(shim, libc::SIGKILL);
    process::signal(pid, libc::SIGKILL);
    eventually("both are gone", || {
        process::status_field(pid, "State").is_none_or(|s| s.starts_with('Z'))
    });
    s.until("xx", "exited");
    assert_ne!(
        s.inspect("xx", "{{.State.ExitCode}}"),
        "0",
        "unknown is never success"
    );
    s.ok(&["start", "xx"]);
    assert_eq!(s.state("xx"), "running");
}

#[test]
fn container_with_a_terminal_ends_with_its_shim() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", "-t", BUSYBOX, "sh", "-c", "cat"]);
    process::signal(s.shim("xx"), libc::SIGKILL);
    eventually("it is over", || s.state("xx") == "exited");
    s.ok(&["rm", "xx"]);
}

#[test]
fn restart_policy_holds_after_both_were_killed() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "xx",
        "--restart",
        "always",
        BUSYBOX,
        "sleep",
        "1000",
    ]);
    let (pid, shim) = (s.pid("xx"), s.shim("xx"));
    process::signal(shim, libc::SIGKILL);
    process::signal(pid, libc::SIGKILL);
    eventually("the next commands start it again", || {
        s.state("xx") == "running" && s.inspect("xx", "{{.State.Pid}}") != pid.to_string()
    });
}

#[test]
fn killed_rm_command_leaves_something_that_can_be_removed() {
    let s = Sandbox::new();
    for wait_ms in [1, 3, 6, 10, 15] {
        s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
        let victim = s.spawn(&["rm", "-f", "xx"]);
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
        "xx",
        BUSYBOX,
        "sh",
        "-c",
        "echo kept >/file; exec sleep 1000",
    ]);
    s.start(&["--name", "yy", BUSYBOX, "sleep", "1000"]);
    eventually("it wrote", || {
        s.ok(&["exec", "xx", "ls", "/"]).contains("file")
    });
    // What a reboot does: every process is gone, and with them what lay in /run. One of
    // two machines keeps /run on its disk, so both are shown.
    let pids: Vec<(i32, i32)> = ["xx", "yy"]
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
    assert_eq!(s.state("xx"), "exited");
    assert_eq!(s.state("yy"), "exited");
    s.ok(&["start", "xx"]);
    assert_eq!(s.ok(&["exec", "xx", "cat", "/file"]), "kept");
    s.ok(&["rm", "yy"]);
}

#[test]
fn state_of_another_boot_is_not_believed() {
    let s = Sandbox::new();
    let id = s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    let state = s.root().join("run/containers").join(&id).join("state");
    let saved = fs::read(&state).unwrap();
    s.ok(&["kill", "xx"]);
    s.until("xx", "exited");
    // Its live record says `running` again, as a stale copy would: the kernel has no such
    // process, so it isn't.
    fs::create_dir_all(state.parent().unwrap()).unwrap();
    fs::write(&state, saved).unwrap();
    assert_eq!(s.state("xx"), "exited");
    s.ok(&["start", "xx"]);
    assert_eq!(s.state("xx"), "running");
}

#[test]
fn container_whose_init_is_in_tracing_stop_can_be_removed() {
    use nix::{sys::ptrace, unistd::Pid};
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    let pid = Pid::from_raw(s.pid("xx"));
    ptrace::seize(pid, ptrace::Options::empty()).unwrap();
    ptrace::interrupt(pid).unwrap();
    nix::sys::wait::waitpid(pid, None).unwrap();
    s.ok(&["rm", "-f", "xx"]);
    assert_eq!(s.ok(&["ps", "-aq"]), "");
    // As its tracer we are told of its death, and only then is it reaped.
    let _ = nix::sys::wait::waitpid(pid, None);
}
