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
    cpu_limit: Option<f64>,
    write_limit: Option<u64>,
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
        prefer_containers();
        look(s.root(), &mut seen);
        thread::sleep(Duration::from_millis(50));
    };
    let table = stdout.join().unwrap();
    assert!(status.success(), "{status}: {}", stderr.join().unwrap());
    println!("{table}");

    // All is looked at before anything fails: one bad figure must not hide another.
    let mut wrong = Vec::new();
    let mut check = |fine: bool, what: String| {
        println!("{} {what}", if fine { "fine: " } else { "WRONG:" });
        if !fine {
            wrong.push(what);
        }
    };

    let quota = seen["demo-cpu"]
        .cpu_limit
        .expect("a quota in the kernel's files");
    let share = rate(&seen["demo-cpu"].cpu, |v| *v);
    check(
        (share / quota - 1.0).abs() <= 0.1,
        format!("demo-cpu used {share:.3} cores of a quota of {quota}"),
    );
    // The column of CPU tells tenths, a trouble doesn't.
    let said: f64 = row(&table, "demo-cpu")
        .iter()
        .filter(|w| w.contains('.'))
        .find_map(|w| w.strip_suffix('%')?.parse().ok())
        .unwrap();
    check(
        (said / (share * 100.0) - 1.0).abs() <= 0.15,
        format!("the table says {said} % of a core"),
    );

    let memory = &seen["demo-memory"];
    let restarts = memory.inits.len() - 1;
    check(
        memory.memory_limit == Some(64 << 20) && restarts >= 1,
        format!(
            "demo-memory had {restarts} restarts below {:?} bytes",
            memory.memory_limit
        ),
    );
    // The group's own counter goes with the group when it is restarted; the machine's
    // stays.
    let machine = kills_of_the_machine() - kills_before;
    check(
        memory.oom_kills.max(machine) >= 1,
        format!(
            "the kernel counts {} OOM kills in one run, {machine} on the machine",
            memory.oom_kills
        ),
    );
    let told = s.known_events().matches("\"oom\"").count();
    check(told >= 1, format!("the event log tells {told} OOM kills"));

    let forks = &seen["demo-forks"];
    check(
        forks.pids_limit == Some(forks.pids),
        format!(
            "demo-forks had {} processes of {:?}",
            forks.pids, forks.pids_limit
        ),
    );
    let words = row(&table, "demo-forks");
    let (now, of) = words
        .iter()
        .find_map(|w| {
            let (now, of) = w.split_once('/')?;
            Some((now.parse::<u64>().ok()?, of.parse::<u64>().ok()?))
        })
        .expect("the table has processes and their limit");
    check(
        Some(of) == forks.pids_limit && now + 3 >= of,
        format!("the table says {now} of {of} processes"),
    );

    let limit = seen["demo-disk"]
        .write_limit
        .expect("a write limit in the kernel's files");
    let written = rate(&seen["demo-disk"].written, |v| *v as f64);
    check(
        (written / limit as f64 - 1.0).abs() <= 0.15,
        format!("demo-disk wrote {written:.0} bytes a second of {limit}"),
    );
    check(
        row(&table, "demo-disk")
            .iter()
            .any(|w| w.ends_with("MB/s") && !w.starts_with('0')),
        "the table has its rate".into(),
    );
    for name in ["demo-idle", "demo-chatty"] {
        assert!(!row(&table, name).is_empty());
    }
    assert_eq!(
        s.ok(&["ps", "-aq"]),
        "",
        "the headless demo removes its containers"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Gives the engine's groups the most weight that there is, so that other work on this
/// machine doesn't keep a container below its quota: the quota is what is held.
fn prefer_containers() {
    for mount in support::cgroup::mounts() {
        for (file, most) in [("cpu.shares", "262144"), ("cpu.weight", "10000")] {
            // The group is there while containers are, and goes with the last.
            let _ = fs::write(mount.join("wharf").join(file), most);
        }
    }
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
        // One that is being made or removed has a longer name.
        let Some(name) = name_of(&entry.path()).filter(|_| id.len() == 64) else {
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
        one.cpu_limit = now.cpu_limit;
        one.write_limit = now.write_limit;
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
