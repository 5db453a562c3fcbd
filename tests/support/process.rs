//! Running a program with a deadline, and waiting for a fact with one.

use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How long anything may take before a test gives up on it. Far above what is normal:
/// the machine may be loaded, and inside a virtual machine everything is slower.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How a program ended and what it printed.
#[derive(Debug)]
pub struct Finished {
    /// Exit code, 128 + n for signal n.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs `command` to its end with `input` on its stdin; panics after [`DEADLINE`].
///
/// The end is that of its output streams too, so that a background process which
/// inherited them by mistake is found as a hang.
pub fn finish(mut command: Command, input: &[u8]) -> Finished {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let words = format!("{command:?}");
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{words}: {e}"));
    let pid = child.id();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    thread::spawn(move || {
        // A program that doesn't read its input closes it: that is no failure here.
        let _ = stdin.write_all(&input);
    });
    let stdout = drain(child.stdout.take().unwrap());
    let stderr = drain(child.stderr.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait()));
    let end = Instant::now() + DEADLINE;
    let left = || end.saturating_duration_since(Instant::now());
    let Ok(status) = receiver.recv_timeout(left()) else {
        let waiting = wharfs();
        signal(pid as i32, libc::SIGKILL);
        panic!(
            "{words}: still running after {DEADLINE:?}; stdout so far: {:?}; stderr so far: {:?}\n{waiting}",
            stdout.try_iter().collect::<String>(),
            stderr.try_iter().collect::<String>()
        );
    };
    let text = |pieces: mpsc::Receiver<String>, name: &str| {
        let mut all = String::new();
        loop {
            match pieces.recv_timeout(left()) {
                Ok(piece) => all.push_str(&piece),
                Err(mpsc::RecvTimeoutError::Disconnected) => return all,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("{words}: it ended, but somebody still holds its {name}")
                }
            }
        }
    };
    Finished {
        code: exit_code(status.unwrap()),
        stdout: text(stdout, "stdout"),
        stderr: text(stderr, "stderr"),
    }
}

/// What every process of wharf waits for, thread by thread, for a test that hangs.
fn wharfs() -> String {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        let first = command.split(' ').next().unwrap_or_default();
        if !first
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .starts_with("wharf")
        {
            continue;
        }
        let tasks = std::fs::read_dir(entry.path().join("task")).into_iter();
        for task in tasks.flatten().flatten() {
            let text =
                |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let status = text("status");
            let field = |name: &str| {
                let line = status.lines().find(|line| line.starts_with(name));
                line.unwrap_or_default().replace('\t', " ")
            };
            lines.push(format!(
                "  {} {} {} wchan {} syscall {}: {command}",
                task.file_name().to_string_lossy(),
                field("State:"),
                field("TracerPid:"),
                text("wchan"),
                text("syscall").trim(),
            ));
        }
    }
    lines.join("\n")
}

/// Waits for a child; its exit code, 128 + n for signal n.
pub fn wait(mut child: Child) -> i32 {
    let mut code = None;
    eventually("the program ends", || {
        code = child.try_wait().unwrap().map(exit_code);
        code.is_some()
    });
    code.unwrap()
}

/// Waits until `holds`; panics with `what` after [`DEADLINE`].
#[track_caller]
pub fn eventually(what: &str, holds: impl FnMut() -> bool) {
    assert!(comes_true(holds), "not within {DEADLINE:?}: {what}");
}

/// Waits until `holds`; whether it did before [`DEADLINE`].
pub fn comes_true(mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Sends a signal; whether the process existed.
pub fn signal(pid: i32, signal: i32) -> bool {
    assert!(pid > 1, "refusing to signal {pid}");
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::try_from(signal).unwrap(),
    )
    .is_ok()
}

/// All processes below one.
pub fn descendants(pid: i32) -> Vec<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(path).unwrap_or_default();
    let children = children.split_whitespace().flat_map(str::parse);
    children
        .flat_map(|child: i32| std::iter::once(child).chain(descendants(child)))
        .collect()
}

/// A field of `/proc/PID/status`, if the process exists.
pub fn status_field(pid: i32, field: &str) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/status"))
        .ok()?
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .map(|value| value.trim().to_owned())
}

fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn drain(mut from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if sender
                .send(String::from_utf8_lossy(&buffer[..n]).into_owned())
                .is_err()
            {
                return;
            }
        }
    });
    receiver
}

/// A program in the background, killed when it goes out of scope.
pub struct Background(pub Child);

impl Background {
    /// Starts one that hears nothing and whose output is thrown away.
    #[track_caller]
    pub fn silent(command: &mut Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.0.id() as i32
    }

    /// Asks it to end, as a user or systemd would, and waits until it has; one that has
    /// not by [`DEADLINE`] is killed.
    pub fn end(&mut self) {
        let is_over = |child: &mut Child| !matches!(child.try_wait(), Ok(None));
        if !is_over(&mut self.0) {
            signal(self.pid(), libc::SIGTERM);
            comes_true(|| is_over(&mut self.0));
        }
        self.kill();
    }

    /// Ends it in a way that it can't catch, and waits until it has.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads a stream to its end in the background.
pub fn read_all(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is still worth showing.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
