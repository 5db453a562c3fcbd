//! What the dashboard costs while 100 containers run and nobody touches a key: share of a
//! core, resident memory, bytes to the terminal, time to the first frame; and the private
//! memory of one shim. A bare read of the same counters is in `sampling`.

mod support;

use std::{
    fs,
    io::{Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    param::clock_ticks_per_second,
    process::{ioctl_tiocsctty, setsid},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use support::{Sandbox, quantile, run};

const CONTAINERS: usize = 100;
const WATCHED: Duration = Duration::from_secs(30);

fn main() {
    let sandbox = Sandbox::new();
    for index in 0..CONTAINERS {
        run(&mut sandbox.wharf(&[
            "run",
            "-d",
            "--name",
            &format!("bench-{index}"),
            "bench:1",
            "sleep",
            "3600",
        ]));
    }
    let mut first_frames: Vec<Duration> = (0..6)
        .map(|_| {
            let mut screen = Screen::open(&sandbox);
            screen.quit();
            screen.first_frame
        })
        .collect();
    let mut screen = Screen::open(&sandbox);
    thread::sleep(Duration::from_secs(5));
    let (cpu, bytes) = (screen.cpu_secs(), screen.bytes.load(Ordering::Relaxed));
    thread::sleep(WATCHED);
    let secs = WATCHED.as_secs_f64();
    println!("dashboard, {CONTAINERS} running containers, 160x45, {secs} s without a key");
    println!(
        "  first frame            {:>8.1} ms, median of 6",
        quantile(&mut first_frames, 0.5)
    );
    println!(
        "  share of one core      {:>8.2} %",
        (screen.cpu_secs() - cpu) / secs * 100.0
    );
    let written = screen.bytes.load(Ordering::Relaxed) - bytes;
    println!("  bytes to the terminal  {:>8.0} /s", written as f64 / secs);
    println!(
        "  resident               {:>8.1} MiB",
        screen.resident_kib() as f64 / 1024.0
    );
    screen.quit();
    let mut shims = shim_private_kib();
    shims.sort_unstable();
    match (shims.get(shims.len() / 2), shims.last()) {
        (Some(median), Some(most)) => println!(
            "  private memory of a shim {median} KiB median, {most} KiB at most, of {}",
            shims.len()
        ),
        _ => println!("  no shim was found"),
    }
}

/// The dashboard in a terminal of its own.
struct Screen {
    process: Child,
    terminal: fs::File,
    bytes: Arc<AtomicU64>,
    first_frame: Duration,
}

impl Screen {
    fn open(sandbox: &Sandbox) -> Self {
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
        let mut command = sandbox.wharf(&[]);
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
        let process = command.spawn().expect("the dashboard starts");
        drop(command);
        let terminal = fs::File::from(master);
        let bytes = Arc::new(AtomicU64::new(0));
        let (send, first) = std::sync::mpsc::channel();
        let (mut reader, count) = (
            terminal.try_clone().expect("descriptors are left"),
            bytes.clone(),
        );
        thread::spawn(move || {
            let (mut seen, mut buffer) = (Vec::new(), [0; 65536]);
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                count.fetch_add(n as u64, Ordering::Relaxed);
                if seen.len() < 1 << 20 {
                    seen.extend_from_slice(&buffer[..n]);
                    // A row of the table is on the screen: this is the first frame.
                    if seen.windows(6).any(|w| w == b"bench-") {
                        // The receiver is gone after the first time.
                        let _ = send.send(Instant::now());
                        seen = vec![0; 1 << 20];
                    }
                }
            }
        });
        let first = first
            .recv_timeout(Duration::from_secs(10))
            .expect("a frame within 10 s");
        Self {
            process,
            terminal,
            bytes,
            first_frame: first - started,
        }
    }

    fn cpu_secs(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))
            .expect("the dashboard runs");
        let after_name = stat.rsplit(')').next().expect("proc(5)");
        let fields: Vec<u64> = after_name
            .split_whitespace()
            .map(|field| field.parse().unwrap_or(0))
            .collect();
        (fields[11] + fields[12]) as f64 / clock_ticks_per_second() as f64
    }

    fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        field_kib(
            &fs::read_to_string(path).expect("the dashboard runs"),
            "VmRSS:",
        )
    }

    fn quit(&mut self) {
        self.terminal.write_all(b"q").expect("the terminal is open");
        self.process.wait().expect("it ends");
    }
}

/// Private memory of every shim on this machine.
fn shim_private_kib() -> Vec<u64> {
    let processes = fs::read_dir("/proc").expect("proc is mounted").flatten();
    processes
        .filter(|entry| {
            fs::read(entry.path().join("cmdline")).is_ok_and(|line| line.starts_with(b"wharf-shim"))
        })
        .filter_map(|entry| fs::read_to_string(entry.path().join("smaps_rollup")).ok())
        .map(|rollup| field_kib(&rollup, "Private_Clean:") + field_kib(&rollup, "Private_Dirty:"))
        .collect()
}

fn field_kib(text: &str, field: &str) -> u64 {
    let line = text.lines().find(|line| line.starts_with(field));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
