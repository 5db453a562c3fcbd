//! A program in a terminal of its own, 160x45: what it costs, what it writes, how fast it
//! answers a key.

use std::{
    fs,
    io::{Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    param::clock_ticks_per_second,
    process::{ioctl_tiocsctty, setsid},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// A program and the terminal that it has.
pub struct Screen {
    process: Child,
    terminal: fs::File,
    /// All that it wrote so far.
    bytes: Arc<AtomicU64>,
    started: Instant,
    /// When the awaited text was on the screen.
    seen: std::sync::mpsc::Receiver<Instant>,
}

impl Screen {
    /// Starts a program and reads all that it writes; `awaited` is looked for in that.
    pub fn open(command: Command, awaited: &'static str) -> Self {
        let (started, process, terminal) = spawn(command);
        let bytes = Arc::new(AtomicU64::new(0));
        let (send, seen) = std::sync::mpsc::channel();
        let mut reader = terminal.try_clone().expect("descriptors are left");
        let count = bytes.clone();
        thread::spawn(move || {
            let (mut text, mut buffer) = (Vec::new(), [0; 65536]);
            let awaited = awaited.as_bytes();
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                count.fetch_add(n as u64, Ordering::Relaxed);
                if text.len() < 1 << 20 {
                    text.extend_from_slice(&buffer[..n]);
                    if text.windows(awaited.len()).any(|w| w == awaited) {
                        // The receiver is gone after the first time.
                        let _ = send.send(Instant::now());
                        text = vec![0; 1 << 20];
                    }
                }
            }
        });
        Self {
            process,
            terminal,
            bytes,
            started,
            seen,
        }
    }

    /// From its start until the awaited text was written.
    pub fn first_frame(&self) -> Duration {
        let seen = self.seen.recv_timeout(Duration::from_secs(30));
        seen.expect("a frame within 30 s") - self.started
    }

    /// Processor time that it took so far.
    pub fn cpu_secs(&self) -> f64 {
        cpu_secs(self.process.id())
    }

    /// Bytes that it wrote so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Resident memory.
    pub fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        field_kib(&fs::read_to_string(path).expect("it runs"), "VmRSS:")
    }

    /// Types, and waits for its end.
    pub fn quit(&mut self, keys: &[u8]) {
        self.terminal.write_all(keys).expect("the terminal is open");
        for _ in 0..100 {
            if self.process.try_wait().expect("it is our child").is_some() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.process.kill().expect("it is our child");
        self.process.wait().expect("it ends");
    }
}

/// Times from a key to the first byte that answers it, of a program in raw mode: keys are
/// typed in turn, with a pause after each, and what comes in the pauses is dropped.
pub fn answers(command: Command, ready: Duration, keys: &[u8], rounds: usize) -> Vec<Duration> {
    let (_, mut process, mut terminal) = spawn(command);
    thread::sleep(ready);
    let mut times = Vec::with_capacity(rounds);
    let mut buffer = [0; 65536];
    for round in 0..rounds {
        while is_readable(&terminal, Duration::from_millis(7 + (round % 13) as u64)) {
            // What it wrote before the key.
            let _ = terminal.read(&mut buffer);
        }
        let start = Instant::now();
        let key = keys[round % keys.len()];
        terminal.write_all(&[key]).expect("the terminal is open");
        if is_readable(&terminal, Duration::from_secs(2)) {
            times.push(start.elapsed());
        }
    }
    process.kill().expect("it is our child");
    process.wait().expect("it ends");
    times
}

/// Keys, and the text that is written once they have done what they do.
pub struct Step<'a> {
    pub keys: &'a [u8],
    pub awaited: &'a str,
}

/// Types each step's keys and waits for its text; how long each took, and the peak of
/// resident memory in KiB.
pub fn steps(command: Command, steps: &[Step<'_>]) -> (Vec<Duration>, u64) {
    let (_, mut process, mut terminal) = spawn(command);
    thread::sleep(Duration::from_millis(500));
    let mut times = Vec::with_capacity(steps.len());
    let mut buffer = [0; 65536];
    for step in steps {
        // What it wrote before the keys.
        while is_readable(&terminal, Duration::from_millis(150)) {
            let _ = terminal.read(&mut buffer);
        }
        let start = Instant::now();
        terminal.write_all(step.keys).expect("the terminal is open");
        let (mut text, awaited) = (Vec::new(), step.awaited.as_bytes());
        while !text.windows(awaited.len()).any(|w| w == awaited) {
            let is_late = !is_readable(&terminal, Duration::from_secs(30));
            let written = String::from_utf8_lossy(&text);
            assert!(!is_late, "{:?} is not in {written:?}", step.awaited);
            let length = terminal.read(&mut buffer).expect("the terminal is open");
            text.extend_from_slice(&buffer[..length]);
        }
        times.push(start.elapsed());
    }
    let status = fs::read_to_string(format!("/proc/{}/status", process.id()));
    let peak = field_kib(&status.expect("it runs"), "VmHWM:");
    process.kill().expect("it is our child");
    process.wait().expect("it ends");
    (times, peak)
}

fn is_readable(terminal: &fs::File, wait: Duration) -> bool {
    let wait = Timespec {
        tv_sec: wait.as_secs() as i64,
        tv_nsec: i64::from(wait.subsec_nanos()),
    };
    let mut wanted = [PollFd::new(terminal, PollFlags::IN)];
    poll(&mut wanted, Some(&wait)).is_ok_and(|n| n > 0)
}

fn spawn(mut command: Command) -> (Instant, Child, fs::File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal is left");
    grantpt(&master)
        .and_then(|()| unlockpt(&master))
        .expect("the terminal opens");
    let name = ptsname(&master, Vec::new()).expect("the terminal has a name");
    let name = name.to_str().expect("its name is ASCII").to_owned();
    let slave = fs::File::options()
        .read(true)
        .write(true)
        .open(name)
        .expect("it opens");
    let size = Winsize {
        ws_row: 45,
        ws_col: 160,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&slave, size).expect("a terminal has a size");
    let stdio = || Stdio::from(slave.try_clone().expect("descriptors are left"));
    command
        .stdin(stdio())
        .stdout(stdio())
        .stderr(stdio())
        .env("TERM", "xterm-256color");
    // SAFETY: two system calls, nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            Ok(ioctl_tiocsctty(slave.as_fd())?)
        });
    }
    let started = Instant::now();
    let process = command.spawn().expect("the program starts");
    (started, process, fs::File::from(master))
}

/// Processor time of a process with all its threads; 0 once it is gone.
pub fn cpu_secs(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let mut fields = after_name.split_whitespace().skip(11);
    let mut field = || fields.next().and_then(|field| field.parse().ok());
    let ticks = field().unwrap_or(0_u64) + field().unwrap_or(0);
    ticks as f64 / clock_ticks_per_second() as f64
}

/// The figure of a `Field:  123 kB` line; 0 if there is none.
pub fn field_kib(text: &str, field: &str) -> u64 {
    let line = text.lines().find(|line| line.starts_with(field));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
