//! Limits: what was asked is in the kernel's files, the kernel enforces it, and wharf's
//! figures are the kernel's.

use std::{
    fs,
    os::linux::fs::MetadataExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::support::{Cgroup, Sandbox, eventually, sandbox::BUSYBOX};

#[test]
fn limits_are_in_the_kernels_files() {
    let s = Sandbox::new();
    let id = s.start(&[
        "--name",
        "xx",
        "--cpus",
        "0.5",
        "-m",
        "64m",
        "--pids-limit",
        "33",
        BUSYBOX,
        "sleep",
        "1000",
    ]);
    let cgroup = Cgroup::of(&id);
    assert_eq!(cgroup.cpu_limit(), Some(0.5));
    assert_eq!(cgroup.memory_limit(), Some(64 << 20));
    assert_eq!(cgroup.pids_limit(), Some(33));
    assert!(cgroup.processes().contains(&s.pid("xx")));
}

#[test]
fn cpu_quota_holds_and_stats_agree() {
    let s = Sandbox::new();
    let id = s.start(&[
        "--name",
        "xx",
        "--cpus",
        "0.3",
        BUSYBOX,
        "sh",
        "-c",
        "while :; do :; done",
    ]);
    let cgroup = Cgroup::of(&id);
    std::thread::sleep(Duration::from_millis(500));
    let (began, used) = (Instant::now(), cgroup.cpu_secs());
    std::thread::sleep(Duration::from_secs(3));
    let share = (cgroup.cpu_secs() - used) / began.elapsed().as_secs_f64();
    assert!(
        (0.01..0.345).contains(&share),
        "it used {share} of 0.3 cores"
    );
    let out = s.ok(&[
        "stats",
        "--no-stream",
        "--format",
        "{{.Name}} {{.CPUPerc}}",
        "xx",
    ]);
    let percent = out.strip_prefix("xx ").unwrap();
    let percent: f64 = percent.trim_end_matches('%').parse().unwrap();
    assert!((0.3..45.0).contains(&percent), "stats say {out}");
}

#[test]
fn memory_hog_is_killed_and_the_kill_is_told() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "xx",
        "-m",
        "32m",
        "--memory-swap",
        "32m",
        BUSYBOX,
        "sh",
        "-c",
        "x=0123456789abcdef; while :; do x=$x$x; done",
    ]);
    s.until("xx", "exited");
    assert_eq!(
        s.inspect("xx", "{{.State.OOMKilled}} {{.State.ExitCode}}"),
        "true 137"
    );
    let events = s.ok(&["events", "--since", "1h", "--until", "0s"]);
    assert!(events.contains("oom"), "{events}");
}

#[test]
fn kill_of_a_child_is_counted_while_the_container_runs_on() {
    let s = Sandbox::new();
    let id = s.start(&[
        "--name",
        "xx",
        "-m",
        "32m",
        "--memory-swap",
        "32m",
        BUSYBOX,
        "sh",
        "-c",
        "(x=0123456789abcdef; while :; do x=$x$x; done); echo survived; exec sleep 1000",
    ]);
    eventually("it survived", || s.ok(&["logs", "xx"]).contains("survived"));
    assert!(Cgroup::of(&id).oom_kills() >= 1);
    assert_eq!(s.state("xx"), "running");
}

#[test]
fn fork_bomb_ends_at_the_pids_limit() {
    let s = Sandbox::new();
    // A shell that can't fork gives up: the inner one does, and its children stay.
    let bomb =
        "sh -c 'i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done'; exec sleep 1000";
    let id = s.start(&[
        "--name",
        "xx",
        "--pids-limit",
        "20",
        BUSYBOX,
        "sh",
        "-c",
        bomb,
    ]);
    let cgroup = Cgroup::of(&id);
    assert_eq!(cgroup.pids_limit(), Some(20));
    eventually("pids are at the limit", || cgroup.pids() >= 19);
    std::thread::sleep(Duration::from_millis(300));
    assert!(cgroup.pids() <= 20);
    assert_eq!(s.state("xx"), "running");
    // A place must be free for that.
    s.run(&["exec", "xx", "true"]);
    s.ok(&["rm", "-f", "xx"]);
}

#[test]
fn writes_to_the_device_are_held_at_their_limit() {
    let s = Sandbox::new();
    let device = device_of(s.root());
    let id = s.start(&[
        "--name",
        "xx",
        "--device-write-bps",
        &format!("{}:1mb", device.display()),
        BUSYBOX,
        "sh",
        "-c",
        "while :; do dd if=/dev/zero of=/data bs=256k count=64 oflag=direct 2>/dev/null; done",
    ]);
    let cgroup = Cgroup::of(&id);
    assert!(
        cgroup.write_limit_text().contains("1048576"),
        "{}",
        cgroup.write_limit_text()
    );
    eventually("it wrote", || cgroup.write_bytes() > 1 << 20);
    let (began, written) = (Instant::now(), cgroup.write_bytes());
    std::thread::sleep(Duration::from_secs(3));
    let rate = (cgroup.write_bytes() - written) as f64 / began.elapsed().as_secs_f64();
    assert!(
        (0.03e6..1.4e6).contains(&rate),
        "it wrote {rate} bytes a second of 1 MiB"
    );
}

#[test]
fn update_changes_limits_of_a_running_container_and_keeps_them() {
    let s = Sandbox::new();
    let id = s.start(&[
        "--name", "xx", "--cpus", "0.5", "-m", "64m", BUSYBOX, "sleep", "1000",
    ]);
    s.ok(&[
        "update",
        "--cpus",
        "0.8",
        "-m",
        "96m",
        "--memory-swap",
        "192m",
        "--pids-limit",
        "44",
        "xx",
    ]);
    let check = || {
        let cgroup = Cgroup::of(&id);
        assert_eq!(cgroup.cpu_limit(), Some(0.8));
        assert_eq!(cgroup.memory_limit(), Some(96 << 20));
        assert_eq!(cgroup.pids_limit(), Some(44));
    };
    check();
    s.ok(&["restart", "-t", "0", "xx"]);
    check();
    s.ok(&["update", "-m", "32m", "--memory-swap", "64m", "xx"]);
    assert_eq!(Cgroup::of(&id).memory_limit(), Some(32 << 20));
}

#[test]
fn marks_of_memory_are_the_kernels_on_v2_and_refused_by_their_name_on_v1() {
    let s = Sandbox::new();
    let id = s.start(&["--name", "xx", "-m", "64m", BUSYBOX, "sleep", "1000"]);
    let (directory, is_v2) = Cgroup::of(&id).directory("memory").unwrap();
    let marks = ["memory.min", "memory.low", "memory.high"];
    let change = ["update", "--memory-min", "8m", "--memory-high", "48m", "xx"];
    if !is_v2 {
        let line = s.refused(&change, 1);
        assert!(
            line.contains("memory.high") && line.contains("cgroup v2"),
            "{line}"
        );
        assert_eq!(s.inspect("xx", "{{.HostConfig.MemoryHigh}}"), "0");
        let run = ["run", "--rm", "--memory-min", "8m", BUSYBOX, "true"];
        let line = s.refused(&run, 125);
        assert!(line.contains("memory.min"), "{line}");
        return;
    }
    let now = || marks.map(|name| fs::read_to_string(directory.join(name)).unwrap());
    s.ok(&change);
    s.ok(&["update", "--memory-reservation", "16m", "xx"]);
    let mib = |n: u64| format!("{}\n", n << 20);
    assert_eq!(now(), [mib(8), mib(16), mib(48)]);
    s.ok(&["restart", "-t", "0", "xx"]);
    assert_eq!(now(), [mib(8), mib(16), mib(48)]);
    s.ok(&[
        "update",
        "--unset",
        "memory-min",
        "--unset",
        "memory-high",
        "xx",
    ]);
    assert_eq!(now(), ["0\n".into(), mib(16), "max\n".into()]);
}

#[test]
fn ps_with_stats_shows_the_kernels_figures() {
    let s = Sandbox::new();
    let id = s.start(&[
        "--name", "xx", "-m", "128m", "--pids-limit", "10", BUSYBOX, "sh", "-c",
        "dd if=/dev/zero of=/dev/shm/x bs=1M count=40 2>/dev/null; sleep 1000 & sleep 1000 & exec sleep 1000",
    ]);
    let cgroup = Cgroup::of(&id);
    eventually("it has its memory", || {
        cgroup.working_set_bytes() > 40 << 20 && cgroup.pids() == 3
    });
    let out = s.ok(&[
        "stats",
        "--no-stream",
        "--format",
        "{{.PIDs}} {{.MemUsage}}",
        "xx",
    ]);
    assert!(
        out.starts_with("3 4"),
        "3 processes and some 40 MiB of 128: {out}"
    );
    assert!(out.contains("128"), "{out}");
}

/// The whole disk below a path: throttling is set on disks, not on partitions.
fn device_of(path: &std::path::Path) -> PathBuf {
    let device = fs::metadata(path).unwrap().st_dev();
    let (major, minor) = (libc::major(device), libc::minor(device));
    let mut sysfs = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}"))
        .unwrap_or_else(|e| panic!("{} lies on no block device: {e}", path.display()));
    if sysfs.join("partition").exists() {
        sysfs.pop();
    }
    PathBuf::from("/dev").join(sysfs.file_name().unwrap())
}

#[test]
fn limits_that_are_unset_are_gone_from_the_kernel_and_the_record() {
    let s = Sandbox::new();
    let mut limits = vec![
        ("cpus", "0.5"),
        ("memory", "64m"),
        ("pids-limit", "33"),
        ("cpu-shares", "512"),
    ];
    // A kernel for one processor has no controller for them, and says so.
    if !s.ok(&["info"]).contains("processors can't be assigned") {
        limits.push(("cpuset-cpus", "0"));
    }
    let flags = limits
        .iter()
        .map(|(name, value)| format!("--{name}={value}"));
    let flags: Vec<String> = flags.collect();
    let mut run = vec!["--name", "xx"];
    run.extend(flags.iter().map(String::as_str));
    run.extend([BUSYBOX, "sleep", "1000"]);
    let id = s.start(&run);
    let cgroup = Cgroup::of(&id);
    let unset = limits.iter().map(|(name, _)| *name);
    let mut arguments = vec!["update"];
    arguments.extend(unset.flat_map(|limit| ["--unset", limit]));
    arguments.push("xx");
    s.ok(&arguments);
    assert_eq!(cgroup.cpu_limit(), None);
    assert_eq!(cgroup.memory_limit(), None);
    assert_eq!(cgroup.pids_limit(), None);
    assert_eq!(s.inspect("xx", "{{.HostConfig.Memory}}"), "0");
    // And they can be set again, together with others that go.
    s.ok(&["update", "--cpus", "0.25", "--memory", "32m", "xx"]);
    s.ok(&["update", "--unset", "memory", "--cpus", "0.5", "xx"]);
    assert_eq!(
        (cgroup.cpu_limit(), cgroup.memory_limit()),
        (Some(0.5), None)
    );
    let line = s.refused(&["update", "--unset", "colour", "xx"], 125);
    assert!(line.contains("pids-limit"), "{line}");
}

#[test]
fn tree_of_groups_names_our_containers_and_shows_what_the_kernel_holds() {
    let s = Sandbox::new();
    let args = [
        "--name",
        "xx",
        "--cpus",
        "0.5",
        "-m",
        "64m",
        "--pids-limit",
        "33",
    ];
    let id = s.start(&[&args[..], &[BUSYBOX, "sleep", "1000"]].concat());
    let tree: serde_json::Value = serde_json::from_str(&s.ok(&["cgroups", "--json", &id])).unwrap();
    let all = tree.as_array().unwrap();
    let path = format!("wharf/{id}");
    let find = |path: &str| all.iter().find(|group| group["path"] == path);
    let group = find(&path).unwrap_or_else(|| panic!("{tree}"));
    assert_eq!(
        (&group["name"], &group["kind"]),
        (&"xx".into(), &"container".into())
    );
    assert_eq!(group["cpu_limit"], 0.5);
    assert_eq!(group["memory_limit"], 64 << 20);
    assert_eq!(group["pids_limit"], 33);
    assert_eq!(group["pids"], 1);
    // Those above it are there with it, and nobody else.
    assert!(find("").is_some() && find("wharf").is_some());
    assert_eq!(all.len(), 3, "{tree}");
}

/// cgroup v1 can hold processes at the limit; v2 can't, and then that is said and left out.
#[test]
fn oom_killer_is_off_where_the_kernel_can_do_without() {
    let s = Sandbox::new();
    let plain = ["run", "-d", "--name", "held", "-m", "32m"];
    let held = [
        &plain[..],
        &["--oom-kill-disable", BUSYBOX, "sleep", "1000"],
    ]
    .concat();
    let made = s.run(&held);
    assert_eq!(made.code, 0, "{made:?}");
    let asked = || s.inspect("held", "{{.HostConfig.OomKillDisable}}");
    if !std::path::Path::new("/sys/fs/cgroup/memory/cgroup.procs").exists() {
        assert!(made.stderr.contains("OomKillDisable discarded"), "{made:?}");
        assert_eq!(asked(), "false");
        return;
    }
    assert_eq!((made.stderr.as_str(), asked().as_str()), ("", "true"));
    let now = || {
        let directory = Cgroup::of(&s.id("held")).directory("memory").unwrap().0;
        let text = fs::read_to_string(directory.join("memory.oom_control")).unwrap();
        text.lines().next().unwrap().to_owned()
    };
    assert_eq!(now(), "oom_kill_disable 1");
    // What meets the limit waits there, and goes on once the killer may come.
    let hungry = "x=a; while :; do x=$x$x; done";
    let waits = s.spawn(&["exec", "held", "sh", "-c", hungry]);
    let control = Cgroup::of(&s.id("held")).directory("memory").unwrap().0;
    let control = control.join("memory.oom_control");
    eventually("it waits for memory", || {
        fs::read_to_string(&control)
            .unwrap()
            .contains("under_oom 1")
    });
    assert_eq!(s.state("held"), "running");
    s.ok(&["update", "--oom-kill-disable=false", "held"]);
    drop(waits);
    assert_eq!(
        (now().as_str(), asked().as_str()),
        ("oom_kill_disable 0", "false")
    );
    s.ok(&["update", "--oom-kill-disable", "held"]);
    assert_eq!(now(), "oom_kill_disable 1");
    s.ok(&["update", "--unset", "oom-kill-disable", "held"]);
    assert_eq!(now(), "oom_kill_disable 0");
    // The next run has it from the start.
    s.ok(&["update", "--oom-kill-disable", "held"]);
    s.ok(&["stop", "-t", "0", "held"]);
    s.ok(&["start", "held"]);
    assert_eq!(now(), "oom_kill_disable 1");
    let endless = s.run(&["create", "--oom-kill-disable", BUSYBOX, "true"]);
    assert!(
        endless.stderr.contains("no memory limit is set"),
        "{endless:?}"
    );
}
