//! What the process beside each container does: terminals, detaching, restarts, adoption,
//! rotation, and the exit codes of execs that nobody waited for.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::fd::{AsFd, OwnedFd},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use nix::{
    pty::{Winsize, openpty},
    sys::termios::{LocalFlags, tcgetattr},
};
use wharf::{model::State, runtime::state};

use crate::support::{Sandbox, eventually, process, sandbox::BUSYBOX};

/// A command of wharf in a terminal of 24 rows and 80 columns.
struct Typed {
    child: Child,
    master: File,
    slave: OwnedFd,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Typed {
    fn new(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let pty = openpty(&size(24, 80), None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = sandbox
            .command(arguments)
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let master = File::from(pty.master);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, kept) = (master.try_clone().unwrap(), seen.clone());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                kept.lock().unwrap().extend_from_slice(&bytes[..n]);
            }
        });
        Self {
            child,
            master,
            slave: pty.slave,
            seen,
        }
    }

    fn types(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    #[track_caller]
    fn until(&self, text: &str) {
        eventually(text, || {
            String::from_utf8_lossy(&self.seen.lock().unwrap()).contains(text)
        });
    }

    fn is_raw(&self) -> bool {
        let modes = tcgetattr(self.slave.as_fd()).unwrap();
        !modes.local_flags.contains(LocalFlags::ICANON)
    }

    fn resize(&self, rows: u16, cols: u16) {
        let size = rustix::termios::Winsize {
            ws_row: rows,
            ws_col: cols,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&self.master, size).unwrap();
        // The kernel tells the terminal's own session; the client here is of another.
        process::signal(self.child.id() as i32, libc::SIGWINCH);
    }

    /// Its exit code; its terminal must be as it was.
    #[track_caller]
    fn ends(self) -> i32 {
        let Self { child, slave, .. } = self;
        let code = process::wait(child);
        let modes = tcgetattr(slave.as_fd()).unwrap();
        assert!(modes.local_flags.contains(LocalFlags::ICANON), "still raw");
        code
    }
}

fn size(rows: u16, cols: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: cols,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

#[test]
fn detach_keys_leave_it_running_and_attach_comes_back() {
    let s = Sandbox::new();
    let mut first = Typed::new(&s, &["run", "-it", "--name", "aa", BUSYBOX, "sh"]);
    first.types("echo sum-$((1+1))\n");
    first.until("sum-2");
    assert!(first.is_raw());
    first.types("\x10\x11");
    assert_eq!(first.ends(), 0);
    assert_eq!(s.state("aa"), "running");

    let mut second = Typed::new(&s, &["attach", "aa"]);
    second.types("echo sum-$((2+2))\n");
    second.until("sum-4");
    second.types("exit 5\n");
    assert_eq!(second.ends(), 5);
    assert_eq!(s.inspect("aa", "{{.State.ExitCode}}"), "5");
}

#[test]
fn size_of_the_terminal_reaches_the_process_now_and_later() {
    let s = Sandbox::new();
    let mut typed = Typed::new(&s, &["run", "--rm", "-it", BUSYBOX, "sh"]);
    typed.types("stty size\n");
    typed.until("24 80");
    typed.resize(50, 132);
    eventually("the new size", || {
        typed.types("stty size\n");
        thread::sleep(std::time::Duration::from_millis(50));
        String::from_utf8_lossy(&typed.seen.lock().unwrap()).contains("50 132")
    });
    typed.types("exit\n");
    assert_eq!(typed.ends(), 0);
}

#[test]
fn exec_has_a_terminal_of_its_own() {
    let s = Sandbox::new();
    s.start(&["--name", "aa", BUSYBOX, "sleep", "1000"]);
    let mut typed = Typed::new(&s, &["exec", "-it", "aa", "sh"]);
    typed.types("tty; stty size\n");
    typed.until("/dev/pts/");
    typed.until("24 80");
    typed.types("exit 6\n");
    assert_eq!(typed.ends(), 6);
    assert_eq!(s.state("aa"), "running");
}

#[test]
fn exit_code_is_kept_by_the_shim_that_adopts() {
    let s = Sandbox::new();
    let waits = "while [ ! -e /go ]; do sleep 0.05; done; echo last words; exit 8";
    s.start(&["--name", "aa", BUSYBOX, "sh", "-c", waits]);
    let shim = s.shim("aa");
    process::signal(shim, libc::SIGKILL);
    eventually("the shim is gone", || {
        process::status_field(shim, "State").is_none_or(|s| s.starts_with('Z'))
    });
    // Any command has it adopted.
    assert_eq!(s.state("aa"), "running");
    s.ok(&["exec", "aa", "touch", "/go"]);
    s.until("aa", "exited");
    assert_eq!(s.ok(&["logs", "aa"]), "last words");
    let code = s.inspect("aa", "{{.State.ExitCode}}");
    // Linux 6.15 keeps the exit status for whoever holds a pidfd.
    match kernel_has_exit_status() {
        true => assert_eq!(code, "8"),
        false => assert_ne!(code, "0"),
    }
}

fn kernel_has_exit_status() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|n| n.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

#[test]
fn restarts_end_with_their_number_and_keep_the_last_exit() {
    let s = Sandbox::new();
    s.ok(&[
        "run",
        "-d",
        "--name",
        "aa",
        "--restart",
        "on-failure:2",
        BUSYBOX,
        "sh",
        "-c",
        "echo again; exit 3",
    ]);
    s.until("aa", "exited");
    assert_eq!(s.inspect("aa", "{{.RestartCount}}"), "2");
    assert_eq!(s.inspect("aa", "{{.State.ExitCode}}"), "3");
    assert_eq!(s.ok(&["logs", "aa"]), "again\nagain\nagain");
}

#[test]
fn stop_during_the_wait_for_a_restart_ends_it() {
    let s = Sandbox::new();
    let policy = ["--restart", "always", BUSYBOX, "false"];
    s.ok(&[&["run", "-d", "--name", "aa"], &policy[..]].concat());
    // After some restarts the waits are long enough to be met.
    eventually("it waits", || {
        s.inspect("aa", "{{.RestartCount}}").parse::<u32>().unwrap() >= 3
            && s.state("aa") == "restarting"
    });
    s.ok(&["stop", "aa"]);
    assert_eq!(s.state("aa"), "exited");
    let count = s.inspect("aa", "{{.RestartCount}}");
    thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(s.inspect("aa", "{{.RestartCount}}"), count);
}

#[test]
fn log_is_rotated_by_size_and_its_tail_is_whole() {
    let s = Sandbox::new();
    let id = s.start(&[
        "--name",
        "aa",
        BUSYBOX,
        "sh",
        "-c",
        "yes 0123456789012345678901234567890123456789 | head -n 700000; echo the end",
    ]);
    s.until("aa", "exited");
    let data = s.root().join("containers").join(&id);
    let length = |name: &str| fs::metadata(data.join(name)).unwrap().len();
    assert!(length("log.1") <= 16 << 20 && length("log") <= 16 << 20);
    assert!(!data.join("log.2").exists());
    assert_eq!(s.ok(&["logs", "--tail", "1", "aa"]), "the end");
}

#[test]
fn exit_code_of_a_detached_exec_is_kept() {
    let s = Sandbox::new();
    let id = s.start(&["--name", "aa", BUSYBOX, "sleep", "1000"]);
    s.ok(&["exec", "-d", "aa", "sh", "-c", "sleep 0.2; exit 9"]);
    let execs = s.root().join("run/containers").join(&id).join("exec");
    eventually("its exit is recorded", || {
        fs::read_dir(&execs).unwrap().flatten().any(|entry| {
            let live = state::read_file(&entry.path().join("state")).unwrap();
            live.is_some_and(|live| {
                live.state == State::Exited && live.exit.and_then(|exit| exit.code) == Some(9)
            })
        })
    });
}

#[test]
fn shim_is_small_and_alone() {
    let s = Sandbox::new();
    s.start(&["--name", "aa", BUSYBOX, "sleep", "1000"]);
    s.start(&["--name", "bb", BUSYBOX, "sleep", "1000"]);
    let shim = s.shim("aa");
    // It trims itself a moment after the start.
    eventually("it is small", || {
        let maps = fs::read_to_string(format!("/proc/{shim}/smaps_rollup")).unwrap();
        let anonymous = maps
            .lines()
            .find_map(|line| line.strip_prefix("Anonymous:"))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        anonymous.unwrap() < 1536
    });
    assert_eq!(process::status_field(shim, "Threads").as_deref(), Some("1"));
    let cwd = fs::read_link(format!("/proc/{shim}/cwd")).unwrap();
    assert_eq!(cwd.to_str(), Some("/"));
}
