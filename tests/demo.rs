//! `wharf demo --headless 10`, while this test reads the cgroup files itself and holds
//! the printed table against them.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

#[path = "support/mod.rs"]
mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use support::{Sandbox, cgroup::Reading, process};

/// What the kernel said of one container over the demo's run.
#[derive(Debug, Default)]
struct Seen {
    /// Time and CPU seconds, in order.
    cpu: Vec<(Instant, f64)>,
    /// Time and bytes written.
    written: Vec<(Instant, u64)>,
    /// Most processes at once, and the limit.
    pids: u64,
    pids_limit: Option<u64>,
    /// Most OOM kills that one run of it had.
    oom_kills: u64,
    /// How often its cgroup was another one than before: a restart.
    inits: Vec<i32>,
    memory_limit: Option<u64>,
}

#[test]
fn the_printed_table_agrees_with_the_kernel() {
    let s = Sandbox::empty();
    let kills_before = kills_of_the_machine();
    let mut child = s
        .command(&["demo", "--headless", "10"])
        .env("COLUMNS", "250")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = process::read_all(child.stdout.take().unwrap());
    let stderr = process::read_all(child.stderr.take().unwrap());
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let end = Instant::now() + process::DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "the demo never ends");
        look(s.root(), &mut seen);
        thread::sleep(Duration::from_millis(50));
    };
    let table = stdout.join().unwrap();
    assert!(status.success(), "{status}: {}", stderr.join().unwrap());
    println!("{table}");

    let cpu = &seen["demo-cpu"];
    let quota = 0.25;
    let share = rate(&cpu.cpu, |v| *v);
    println!("demo-cpu: {share:.3} cores of {quota}");
    assert!(
        (share / quota - 1.0).abs() <= 0.1,
        "{share} cores of a quota of {quota}"
    );
    let said: f64 = row(&table, "demo-cpu")
        .iter()
        .find_map(|w| w.strip_suffix('%')?.parse().ok())
        .unwrap();
    assert!(
        (said / (quota * 100.0) - 1.0).abs() <= 0.15,
        "the table says {said} % for {share} cores"
    );

    let memory = &seen["demo-memory"];
    println!(
        "demo-memory: {} OOM kills in one run, {} runs",
        memory.oom_kills,
        memory.inits.len()
    );
    assert_eq!(memory.memory_limit, Some(64 << 20));
    assert!(
        memory.inits.len() >= 2,
        "it was never restarted: {memory:?}"
    );
    // The group's own counter goes with the group when it is restarted; the machine's
    // stays.
    assert!(
        memory.oom_kills >= 1 || kills_of_the_machine() > kills_before,
        "no OOM kill was seen in the kernel's files: {memory:?}"
    );

    let forks = &seen["demo-forks"];
    println!("demo-forks: {} of {:?} pids", forks.pids, forks.pids_limit);
    assert_eq!(
        Some(forks.pids),
        forks.pids_limit,
        "pids.current reaches pids.max"
    );
    let limit = forks.pids_limit.unwrap();
    let words = row(&table, "demo-forks");
    let (now, of) = words
        .iter()
        .find_map(|w| {
            w.split_once('/')
                .filter(|(a, b)| a.parse::<u64>().is_ok() && b.parse::<u64>().is_ok())
        })
        .unwrap();
    assert_eq!(of.parse(), Ok(limit));
    assert!(
        now.parse::<u64>().unwrap() + 3 >= limit,
        "the table says {now} of {limit} processes"
    );

    let disk = &seen["demo-disk"];
    let rate = rate(&disk.written, |v| *v as f64);
    println!(
        "demo-disk: {:.2} MiB a second of 4",
        rate / f64::from(1 << 20)
    );
    let limit = f64::from(4 << 20);
    assert!(
        (rate / limit - 1.0).abs() <= 0.15,
        "it wrote {rate} bytes a second of {limit}"
    );

    for name in ["demo-idle", "demo-chatty"] {
        assert!(!row(&table, name).is_empty());
    }
    assert_eq!(
        s.ok(&["ps", "-aq"]),
        "",
        "the headless demo removes its containers"
    );
}

/// OOM kills since this machine started.
fn kills_of_the_machine() -> u64 {
    fs::read_to_string("/proc/vmstat")
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
        .unwrap()
}

/// Average of a counter from a second after its start to its end.
fn rate<T>(samples: &[(Instant, T)], value: impl Fn(&T) -> f64) -> f64 {
    let start = samples[0].0 + Duration::from_secs(1);
    let first = samples
        .iter()
        .find(|(at, _)| *at >= start)
        .expect("it ran for more than a second");
    let last = samples.last().unwrap();
    (value(&last.1) - value(&first.1)) / (last.0 - first.0).as_secs_f64()
}

/// The words of the table's line about `name`.
fn row<'a>(table: &'a str, name: &str) -> Vec<&'a str> {
    table
        .lines()
        .find(|line| line.split_whitespace().any(|word| word == name))
        .unwrap_or_else(|| panic!("{name} is not in the table:\n{table}"))
        .split_whitespace()
        .collect()
}

/// Reads the kernel's files of every container there is.
fn look(root: &Path, seen: &mut BTreeMap<String, Seen>) {
    let Ok(entries) = fs::read_dir(root.join("containers")) else {
        return;
    };
    for entry in entries.flatten() {
        let id = entry.file_name().into_string().unwrap();
        // What is being removed has another name.
        if id.len() != 64 {
            continue;
        }
        let Some(name) = name_of(&entry.path()) else {
            continue;
        };
        // Its cgroup comes and goes with each run.
        let Some(now) = Reading::of(&id) else {
            continue;
        };
        let at = Instant::now();
        let one = seen.entry(name).or_default();
        one.cpu.push((at, now.cpu_secs));
        one.written.push((at, now.write_bytes));
        one.pids = one.pids.max(now.pids);
        one.pids_limit = now.pids_limit;
        one.memory_limit = now.memory_limit;
        one.oom_kills = one.oom_kills.max(now.oom_kills);
        if let Some(first) = now.processes.iter().copied().min()
            && one.inits.last().is_none_or(|last| first > *last)
        {
            one.inits.push(first);
        }
    }
}

fn name_of(container: &Path) -> Option<String> {
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(container.join("config.json")).ok()?).ok()?;
    Some(record["name"].as_str()?.to_owned())
}
