//! What the dashboard costs while 100 and 1,000 containers run and nobody touches a key:
//! share of a core, resident memory, bytes to the terminal, time to the first frame; how
//! fast it answers a key, beside a process that only echoes; and the private memory of
//! one shim. What peers cost is in `watching`.

mod support;

use std::{fs, process::Command, thread, time::Duration};

use support::{
    Sandbox, quantile, run,
    screen::{Screen, answers, field_kib},
};

const WATCHED: Duration = Duration::from_secs(30);
const KEYS: usize = 300;

fn main() {
    let sandbox = Sandbox::new();
    fill(&sandbox, 0..100);
    let mut first_frames: Vec<Duration> = (0..6)
        .map(|_| {
            let mut screen = Screen::open(sandbox.wharf(&[]), "bench-");
            let first_frame = screen.first_frame();
            screen.quit(b"q");
            first_frame
        })
        .collect();
    watch(&sandbox, 100);
    println!(
        "  first frame            {:>8.1} ms, median of 6",
        quantile(&mut first_frames, 0.5)
    );
    shims();
    fill(&sandbox, 100..1000);
    watch(&sandbox, 1000);
    keys(&sandbox);
}

fn fill(sandbox: &Sandbox, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let name = format!("bench-{number}");
        run(&mut sandbox.wharf(&["run", "-d", "--name", &name, "bench:1", "sleep", "36000"]));
    }
}

fn watch(sandbox: &Sandbox, containers: usize) {
    let mut screen = Screen::open(sandbox.wharf(&[]), "bench-");
    screen.first_frame();
    thread::sleep(Duration::from_secs(5));
    let (cpu, bytes) = (screen.cpu_secs(), screen.bytes());
    thread::sleep(WATCHED);
    let secs = WATCHED.as_secs_f64();
    println!("dashboard, {containers} running containers, 160x45, {secs} s without a key");
    println!(
        "  share of one core      {:>8.2} %",
        (screen.cpu_secs() - cpu) / secs * 100.0
    );
    println!(
        "  bytes to the terminal  {:>8.0} /s",
        (screen.bytes() - bytes) as f64 / secs
    );
    println!(
        "  resident               {:>8.1} MiB",
        screen.resident_kib() as f64 / 1024.0
    );
    screen.quit(b"q");
}

/// The cursor goes down and up; the echo process writes back what is typed.
fn keys(sandbox: &Sandbox) {
    let mut echo = Command::new("sh");
    echo.args(["-c", "stty raw -echo; exec cat"]);
    let mut echo = answers(echo, Duration::from_secs(1), b"jk", KEYS);
    let mut own = answers(sandbox.wharf(&[]), Duration::from_secs(5), b"jjjk", KEYS);
    println!("from a key to its answer, {KEYS} keys, 1,000 running containers");
    for (name, times) in [("echo", &mut echo), ("wharf", &mut own)] {
        let [median, late, last] = [0.5, 0.99, 1.0].map(|q| quantile(times, q));
        println!(
            "  {name:<6} {median:>7.2} ms median {late:>7.2} p99 {last:>7.2} at most, of {}",
            times.len()
        );
    }
}

/// Private memory of every shim on this machine.
fn shims() {
    let processes = fs::read_dir("/proc").expect("proc is mounted").flatten();
    let mut shims: Vec<u64> = processes
        .filter(|entry| {
            fs::read(entry.path().join("cmdline")).is_ok_and(|line| line.starts_with(b"wharf-shim"))
        })
        .filter_map(|entry| fs::read_to_string(entry.path().join("smaps_rollup")).ok())
        .map(|rollup| field_kib(&rollup, "Private_Clean:") + field_kib(&rollup, "Private_Dirty:"))
        .collect();
    shims.sort_unstable();
    match (shims.get(shims.len() / 2), shims.last()) {
        (Some(median), Some(most)) => println!(
            "  private memory of a shim {median} KiB median, {most} KiB at most, of {}",
            shims.len()
        ),
        _ => println!("  no shim was found"),
    }
}
