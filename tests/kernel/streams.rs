//! Input, output, logs and terminals.

use std::{
    io::{Read, Write},
    process::Stdio,
};

use crate::support::{Sandbox, eventually, process, sandbox::BUSYBOX};

#[test]
fn stdin_reaches_the_container_and_ends() {
    let s = Sandbox::new();
    let done = s.run_with_input(&["run", "--rm", "-i", BUSYBOX, "cat"], b"one\ntwo\n");
    assert_eq!((done.code, done.stdout.as_str()), (0, "one\ntwo\n"));
    let done = s.run_with_input(&["run", "--rm", BUSYBOX, "cat"], b"not asked for");
    assert_eq!((done.code, done.stdout.as_str()), (0, ""));
}

#[test]
fn not_one_byte_of_a_large_output_is_lost() {
    let s = Sandbox::new();
    let done = s.run(&[
        "run",
        "--rm",
        BUSYBOX,
        "sh",
        "-c",
        "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done",
    ]);
    assert_eq!(done.stdout.lines().count(), 30000);
    assert!(done.stdout.ends_with("line 29999\n"));
    let input = vec![b'x'; 3 << 20];
    let done = s.run_with_input(&["run", "--rm", "-i", BUSYBOX, "wc", "-c"], &input);
    assert_eq!(done.stdout.trim(), (3 << 20).to_string());
}

#[test]
fn logs_keep_both_streams_and_can_be_cut() {
    let s = Sandbox::new();
    s.ok(&[
        "run",
        "--name",
        "xx",
        "-d",
        BUSYBOX,
        "sh",
        "-c",
        "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done; printf 'no end'",
    ]);
    s.until("xx", "exited");
    let all = s.run(&["logs", "xx"]);
    assert_eq!(all.stdout.matches("out").count(), 5);
    assert_eq!(all.stderr.matches("err").count(), 5);
    assert!(all.stdout.contains("no end"));
    let tail = s.run(&["logs", "--tail", "3", "xx"]);
    let lines = tail.stdout.lines().count() + tail.stderr.lines().count();
    assert_eq!(lines, 3);
    let stamped = s.run(&["logs", "-t", "--tail", "1", "xx"]).stdout;
    assert!(
        stamped.starts_with("20") && stamped.contains('T'),
        "{stamped}"
    );
    assert_eq!(s.run(&["logs", "--since", "1s", "xx"]).code, 0);
}

#[test]
fn logs_follow_until_the_container_ends() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "xx",
        BUSYBOX,
        "sh",
        "-c",
        "for i in 1 2 3; do echo tick $i; sleep 0.3; done",
    ]);
    assert_eq!(s.ok(&["logs", "-f", "xx"]), "tick 1\ntick 2\ntick 3");
}

#[test]
fn attach_sees_new_output_and_passes_input() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "xx",
        "-i",
        BUSYBOX,
        "sh",
        "-c",
        "while read line; do [ $line = end ] && break; echo got $line; done; echo end; exit 4",
    ]);
    let mut child = s
        .command(&["attach", "xx"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"hello\n").unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut seen = [0; 10];
    stdout.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"got hello\n");
    stdin.write_all(b"end\n").unwrap();
    assert_eq!(
        process::wait(child),
        4,
        "attach ends with the container's exit code"
    );
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "end\n");
}

#[test]
fn killed_client_does_not_take_the_container_along() {
    let s = Sandbox::new();
    let client = s
        .command(&[
            "run",
            "--name",
            "xx",
            BUSYBOX,
            "sh",
            "-c",
            "while :; do echo x; sleep 0.05; done",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let client = process::Background(client);
    eventually("it runs", || {
        s.run(&["inspect", "-f", "{{.State.Status}}", "xx"])
            .stdout
            .trim()
            == "running"
    });
    process::signal(client.pid(), libc::SIGKILL);
    drop(client);
    let lines = || s.ok(&["logs", "xx"]).lines().count();
    let before = lines();
    eventually("it goes on", || lines() > before + 3);
    assert_eq!(s.state("xx"), "running");
}

#[test]
fn slow_client_does_not_block_the_container() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", "-i", BUSYBOX, "sh", "-c", "read x; i=0; while [ $i -lt 40000 ]; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; i=$((i+1)); done; echo finished >/flag; exec sleep 1000"]);
    // Attached, and never reading.
    let mut client = s
        .command(&["attach", "xx"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(b"go\n").unwrap();
    let client = process::Background(client);
    eventually("the container finished", || {
        s.run(&["exec", "xx", "cat", "/flag"]).stdout.trim() == "finished"
    });
    drop(client);
}

#[test]
fn terminal_has_its_size_and_ends_lines_with_cr_lf() {
    let s = Sandbox::new();
    let id = s.start(&[
        "--name",
        "xx",
        "-t",
        BUSYBOX,
        "sh",
        "-c",
        "tty; echo line; exec sleep 1000",
    ]);
    eventually("it printed", || {
        s.run(&["logs", "xx"]).stdout.contains("line")
    });
    assert!(s.run(&["logs", "xx"]).stdout.contains("/dev/pts/0"));
    let fd = std::fs::read_link(format!("/proc/{}/fd/0", s.pid("xx"))).unwrap();
    assert_eq!(
        fd.to_str(),
        Some("/dev/pts/0"),
        "from the container's own devpts"
    );
    assert_eq!(id.len(), 64);
    assert_eq!(
        s.ok(&[
            "exec",
            "xx",
            "sh",
            "-c",
            "test -c /dev/console && echo console"
        ]),
        "console"
    );
}

#[test]
fn escape_sequences_of_a_container_are_not_sent_to_the_terminal_by_ps() {
    let s = Sandbox::new();
    s.ok(&[
        "create",
        "--name",
        "xx",
        BUSYBOX,
        "echo",
        "\u{1b}[31mred\u{7}",
    ]);
    let out = s.ok(&["ps", "-a", "--no-trunc"]);
    assert!(!out.contains('\u{1b}') && !out.contains('\u{7}'), "{out:?}");
}

#[test]
fn reader_that_leaves_ends_the_command_and_not_the_container() {
    let s = Sandbox::new();
    let mut child = s
        .command(&["run", "--name", "aa", BUSYBOX, "yes"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = [0; 2];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut seen).unwrap();
    drop(stdout);
    assert_eq!(process::wait(child), 128 + libc::SIGPIPE);
    assert_eq!(s.state("aa"), "running");
    s.ok(&["rm", "-f", "aa"]);
}
