//! The crash sweep: each operation is killed (SIGKILL) at its n-th system call, n swept
//! over the whole operation; the victim is once the command, once the shim, once both.
//! After each kill every container must be listed in a true state, can be removed, and
//! leaves nothing.
//!
//! A fixed part runs always: evenly spread points, and one in every phase that an
//! undisturbed run goes through. `WHARF_SWEEP=full` takes every single system call,
//! `WHARF_SWEEP=N` about N points for each victim.
//!
//! A phase is named after the last system call that changed something outside the
//! process before the kill. The histogram printed at the end counts kills by phase; a
//! phase of the undisturbed run with no kill in it fails the test.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod store;
mod tracer;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
};

use support::{Cgroup, Sandbox, eventually, host::Host, leaks, process, sandbox::BUSYBOX};
use tracer::{Outcome, Victim};

/// One operation: what must be there before it, and its words.
struct Operation {
    name: &'static str,
    prepare: fn(&Sandbox),
    arguments: &'static [&'static str],
    /// How many containers may be there afterwards.
    containers: std::ops::RangeInclusive<usize>,
}

const NOTHING: fn(&Sandbox) = |_| {};
const CREATED: fn(&Sandbox) = |s| {
    s.ok(&[
        "create", "--name", "xx", "-m", "64m", BUSYBOX, "sleep", "1000",
    ]);
};
const RUNNING: fn(&Sandbox) = |s| {
    s.start(&["--name", "xx", "-m", "64m", BUSYBOX, "sleep", "1000"]);
};

#[test]
fn create_can_be_killed_anywhere() {
    sweep(&Operation {
        name: "create",
        prepare: NOTHING,
        arguments: &["create", "--name", "xx", BUSYBOX, "sleep", "1000"],
        containers: 0..=1,
    });
}

#[test]
fn start_can_be_killed_anywhere() {
    sweep(&Operation {
        name: "start",
        prepare: CREATED,
        arguments: &["start", "xx"],
        containers: 1..=1,
    });
}

#[test]
fn exec_can_be_killed_anywhere() {
    sweep(&Operation {
        name: "exec",
        prepare: RUNNING,
        arguments: &["exec", "xx", "true"],
        containers: 1..=1,
    });
}

#[test]
fn stop_can_be_killed_anywhere() {
    sweep(&Operation {
        name: "stop",
        prepare: RUNNING,
        arguments: &["stop", "-t", "0", "xx"],
        containers: 1..=1,
    });
}

#[test]
fn update_can_be_killed_anywhere() {
    sweep(&Operation {
        name: "update",
        prepare: RUNNING,
        arguments: &[
            "update",
            "-m",
            "96m",
            "--memory-swap",
            "192m",
            "--pids-limit",
            "77",
            "xx",
        ],
        containers: 1..=1,
    });
}

#[test]
fn rm_can_be_killed_anywhere() {
    sweep(&Operation {
        name: "rm",
        prepare: RUNNING,
        arguments: &["rm", "-f", "xx"],
        containers: 0..=1,
    });
}

/// A network, and a container on it with an open port.
const ON_NETWORK: fn(&Sandbox) = |s| {
    // It stays from one round to the next.
    s.run(&["network", "create", "one"]);
    s.run(&["network", "create", "two"]);
    s.ok(&[
        "create",
        "--name",
        "xx",
        "--network",
        "one",
        "-p",
        "8080:80",
        BUSYBOX,
        "sleep",
        "1000",
    ]);
};
const RUNS_ON_NETWORK: fn(&Sandbox) = |s| {
    ON_NETWORK(s);
    s.ok(&["start", "xx"]);
};
const RUNS_ON_TWO: fn(&Sandbox) = |s| {
    RUNS_ON_NETWORK(s);
    s.ok(&["network", "connect", "two", "xx"]);
};

#[test]
fn start_on_a_network_can_be_killed_anywhere() {
    sweep_networks(&Operation {
        name: "start on a network",
        prepare: ON_NETWORK,
        arguments: &["start", "xx"],
        containers: 1..=1,
    });
}

#[test]
fn stop_on_a_network_can_be_killed_anywhere() {
    sweep_networks(&Operation {
        name: "stop on a network",
        prepare: RUNS_ON_NETWORK,
        arguments: &["stop", "-t", "0", "xx"],
        containers: 1..=1,
    });
}

#[test]
fn connect_can_be_killed_anywhere() {
    sweep_networks(&Operation {
        name: "connect",
        prepare: RUNS_ON_NETWORK,
        arguments: &["network", "connect", "two", "xx"],
        containers: 1..=1,
    });
}

#[test]
fn disconnect_can_be_killed_anywhere() {
    sweep_networks(&Operation {
        name: "disconnect",
        prepare: RUNS_ON_TWO,
        arguments: &["network", "disconnect", "two", "xx"],
        containers: 1..=1,
    });
}

/// A container with every kind of volume, filled from its image.
const WITH_VOLUMES: fn(&Sandbox) = |s| {
    // They stay from one round to the next.
    s.run(&["volume", "create", "named"]);
    s.run(&[
        "volume",
        "create",
        "-o",
        "type=tmpfs",
        "-o",
        "device=tmpfs",
        "-o",
        "o=size=1m",
        "memory",
    ]);
    s.ok(&[
        "create",
        "--name",
        "xx",
        "-v",
        "named:/etc",
        "-v",
        "memory:/memory",
        "-v",
        "/bin",
        BUSYBOX,
        "sleep",
        "1000",
    ]);
};
const RUNS_WITH_VOLUMES: fn(&Sandbox) = |s| {
    WITH_VOLUMES(s);
    s.ok(&["start", "xx"]);
};

#[test]
fn volume_create_can_be_killed_anywhere() {
    sweep(&Operation {
        name: "volume create",
        prepare: |s| drop(s.run(&["volume", "rm", "-f", "vv"])),
        arguments: &["volume", "create", "vv"],
        containers: 0..=0,
    });
}

#[test]
fn volume_rm_can_be_killed_anywhere() {
    sweep(&Operation {
        name: "volume rm",
        prepare: |s| {
            s.ok(&["run", "--rm", "-v", "vv:/etc", BUSYBOX, "true"]);
        },
        arguments: &["volume", "rm", "vv"],
        containers: 0..=0,
    });
}

#[test]
fn create_with_volumes_can_be_killed_anywhere() {
    sweep(&Operation {
        name: "create with volumes",
        prepare: |s| drop(s.run(&["volume", "rm", "-f", "vv"])),
        arguments: &[
            "create", "--name", "xx", "-v", "vv:/etc", "-v", "/bin", BUSYBOX, "true",
        ],
        containers: 0..=1,
    });
}

#[test]
fn start_with_volumes_can_be_killed_anywhere() {
    sweep(&Operation {
        name: "start with volumes",
        prepare: WITH_VOLUMES,
        arguments: &["start", "xx"],
        containers: 1..=1,
    });
}

#[test]
fn rm_with_volumes_can_be_killed_anywhere() {
    sweep(&Operation {
        name: "rm with volumes",
        prepare: RUNS_WITH_VOLUMES,
        arguments: &["rm", "-fv", "xx"],
        containers: 0..=1,
    });
}

/// Every volume is whole, nothing half-made lies beside them, and none without a name
/// outlives its container.
fn volumes_are_whole(sandbox: &Sandbox, when: &str) {
    for entry in std::fs::read_dir(sandbox.root().join("volumes"))
        .into_iter()
        .flatten()
    {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(
            ["vv", "named", "memory"].contains(&name.as_str()),
            "{when}: volumes/{name} is left"
        );
        for part in ["volume.json", "_data"] {
            assert!(
                entry.path().join(part).exists(),
                "{when}: {name} has no {part}"
            );
        }
        // Filled or not at all.
        let files = std::fs::read_dir(entry.path().join("_data"))
            .unwrap()
            .count();
        let whole = [0, 5];
        assert!(whole.contains(&files), "{when}: {name} has {files} files");
    }
    sandbox.ok(&["volume", "ls", "-s"]);
}

/// On a host of its own; every round ends with no interface, rule or address left.
fn sweep_networks(operation: &Operation) {
    let _host = Host::enter();
    sweep(operation);
}

/// Nothing of a container is left of networks, whichever thread's host this is.
fn networks_are_clean(when: &str) {
    let host = Host;
    eventually(&format!("{when}: no interface is left"), || {
        host.links().iter().all(|name| !name.starts_with("wv"))
    });
    let rules = host.run("nft", &["list", "ruleset"]);
    assert!(!rules.contains(". 8080 :"), "{when}: {rules}");
}

fn sweep(operation: &Operation) {
    let sandbox = Sandbox::new();
    for victim in Victim::ALL {
        sweep_victim(&sandbox, operation, victim);
    }
}

fn sweep_victim(sandbox: &Sandbox, operation: &Operation, victim: Victim) {
    // Undisturbed runs first: the phases, and how many system calls there are.
    (operation.prepare)(sandbox);
    let whole = traced(sandbox, operation, victim, usize::MAX);
    recover(sandbox, operation, "undisturbed");
    let total = whole.phases.len();
    if total == 0 {
        // `create` has no shim: said, so that nobody takes silence for success.
        println!("{} {victim:?}: no such process takes part", operation.name);
        return;
    }
    // A second one: a phase that only the first goes through (directories that it makes
    // for good) is not there to be hit again.
    (operation.prepare)(sandbox);
    let again = traced(sandbox, operation, victim, usize::MAX);
    recover(sandbox, operation, "undisturbed again");
    let mut expected: BTreeSet<&str> = whole.phases.iter().map(String::as_str).collect();
    expected.retain(|phase| again.phases.iter().any(|other| other == phase));
    let mut histogram: BTreeMap<String, usize> = BTreeMap::new();
    let points = points(&whole.phases);
    let mut missed = 0;
    for n in &points {
        (operation.prepare)(sandbox);
        let run = traced(sandbox, operation, victim, *n);
        match run.killed_in {
            Some(phase) => *histogram.entry(phase).or_default() += 1,
            None => missed += 1,
        }
        recover(
            sandbox,
            operation,
            &format!("{victim:?} killed at system call {n} of {total}"),
        );
    }
    // Threads race, so that a phase of the first run need not lie at the same count in
    // another: what was not hit is aimed at again, wherever it is now.
    for _ in 0..40 {
        expected.retain(|phase| !histogram.contains_key(*phase));
        let Some(phase) = expected.first().map(|p| (*p).to_owned()) else {
            break;
        };
        (operation.prepare)(sandbox);
        let run = tracer::run_until_phase(sandbox, operation.arguments, victim, &phase);
        if let Some(phase) = run.killed_in {
            *histogram.entry(phase).or_default() += 1;
        }
        recover(
            sandbox,
            operation,
            &format!("{victim:?} killed after {phase}"),
        );
    }
    let kills: usize = histogram.values().sum();
    println!(
        "{} {victim:?}: {kills} kills at {} of {total} system calls, {missed} runs ended before the count",
        operation.name,
        points.len()
    );
    for (phase, count) in &histogram {
        println!("    {count:5}  after {phase}");
    }
    expected.retain(|phase| !histogram.contains_key(*phase));
    assert!(
        expected.is_empty(),
        "{} {victim:?}: no kill after {expected:?}",
        operation.name
    );
}

fn traced(sandbox: &Sandbox, operation: &Operation, victim: Victim, n: usize) -> Outcome {
    tracer::run(sandbox, operation.arguments, victim, n)
}

/// The counts at which to kill: all, or spread evenly and one in every phase.
fn points(phases: &[String]) -> BTreeSet<usize> {
    let total = phases.len();
    let wanted = match env::var("WHARF_SWEEP").as_deref() {
        Ok("full") => total,
        Ok(number) => number.parse().expect("WHARF_SWEEP is `full` or a number"),
        Err(_) => 12,
    };
    let step = total.div_ceil(wanted.max(1)).max(1);
    let mut points: BTreeSet<usize> = (1..=total).step_by(step).collect();
    let mut seen = BTreeSet::new();
    for (index, phase) in phases.iter().enumerate() {
        if seen.insert(phase) {
            points.insert(index + 1);
        }
    }
    points
}

/// What a user does next: look, and remove. Everything said must be true.
fn recover(sandbox: &Sandbox, operation: &Operation, when: &str) {
    let name = operation.name;
    let list = sandbox.run(&["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}"]);
    assert_eq!(list.code, 0, "{name}, {when}: ps -a: {list:?}");
    let rows: Vec<(String, String)> = list
        .stdout
        .lines()
        .map(|line| {
            let (id, state) = line.split_once(' ').unwrap();
            (id.to_owned(), state.to_owned())
        })
        .collect();
    assert!(
        operation.containers.contains(&rows.len()),
        "{name}, {when}: {} containers are listed: {rows:?}",
        rows.len()
    );
    for (id, _) in &rows {
        // Where only the command died, its shim may still be at work: what is said must
        // become true, not be so within the same millisecond.
        eventually(
            &format!("{name}, {when}: the state of {id} is true"),
            || state_is_true(sandbox, id),
        );
        if operation.name == "update" {
            limits_are_recorded(sandbox, id, when);
        }
    }
    if !rows.is_empty() {
        if name == "create with volumes" {
            // What was cut is made up for by the start.
            sandbox.ok(&["start", "-a", &rows[0].0]);
            let files = std::fs::read_dir(sandbox.root().join("volumes/vv/_data")).unwrap();
            assert_eq!(files.count(), 5, "{name}, {when}: the volume isn't filled");
        }
        let mut arguments = vec!["rm", "-fv"];
        arguments.extend(rows.iter().map(|(id, _)| id.as_str()));
        let removed = sandbox.run(&arguments);
        assert_eq!(removed.code, 0, "{name}, {when}: rm -f: {removed:?}");
    }
    assert_eq!(
        sandbox.ok(&["ps", "-aq"]),
        "",
        "{name}, {when}: rm -f left a container"
    );
    if name.contains("network") || name.contains("connect") {
        networks_are_clean(&format!("{name}, {when}"));
    }
    if name.contains("volume") {
        volumes_are_whole(sandbox, &format!("{name}, {when}"));
    }
    let mut left = sandbox.leaks();
    left.extend(leaks::files(sandbox.root()).into_iter().filter(|line| {
        let stays = [" images/", " layers/", " networks/", " volumes/"];
        stays.iter().all(|part| !line.contains(part))
    }));
    assert!(
        left.is_empty(),
        "{name}, {when}: left behind:\n  {}",
        left.join("\n  ")
    );
}

/// Whether what wharf says of a container is what the kernel says.
fn state_is_true(sandbox: &Sandbox, id: &str) -> bool {
    let said = sandbox.inspect(id, "{{.State.Status}} {{.State.Pid}}");
    let (state, pid) = said.split_once(' ').unwrap();
    let processes = Cgroup::of(id).processes();
    match state {
        "running" | "paused" => {
            let pid: i32 = pid.parse().unwrap();
            processes.contains(&pid)
                && process::status_field(pid, "State").is_some_and(|s| !s.starts_with('Z'))
        }
        "created" | "exited" | "dead" => processes.is_empty(),
        _ => false,
    }
}

/// An update is in the record and in the kernel, or in neither.
fn limits_are_recorded(sandbox: &Sandbox, id: &str, when: &str) {
    if sandbox.state(id) != "running" {
        return;
    }
    let recorded: u64 = sandbox
        .inspect(id, "{{.HostConfig.Memory}}")
        .parse()
        .unwrap();
    let kernels = Cgroup::of(id).memory_limit();
    assert_eq!(
        kernels,
        Some(recorded),
        "update, {when}: the kernel's limit and the recorded one"
    );
}
