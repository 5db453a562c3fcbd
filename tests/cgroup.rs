//! Control groups on the real kernel, whatever versions it has mounted. Needs root.
//!
//! Each test has groups of its own below `wharf/`, and leaves none, also when it fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::Write as _,
    ops::Deref,
    os::fd::AsFd,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use oci_spec::runtime::LinuxResources;
use rustix::event::{PollFd, PollFlags, poll};
use serde_json::{Value, json};
use wharf::{
    model::{Bound, GroupChange, Limit, Limits, ProcessRef, Sample},
    runtime::groups,
    sys::{
        cgroup::{Cgroup, Cgroups, Error, Tree},
        clone,
    },
};

/// A group that is gone after its test.
struct Group(Cgroup);

impl Group {
    fn new(name: &str) -> Self {
        let path = format!("wharf/test-{}-{name}", std::process::id());
        Self(Cgroups::detect().unwrap().create(&path).unwrap())
    }

    fn limit(&self, resources: Value) {
        self.apply(&of(resources)).unwrap();
    }

    /// A shell in it.
    fn shell(&self, script: &str) -> Shell {
        let mut child = Command::new("sh")
            .args(["-c", &format!("read go; {script}")])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.add(child.id().cast_signed()).unwrap();
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        Shell(child)
    }

    /// Its directory in the hierarchy of a controller, and whether that is v2.
    fn directory(&self, controller: &str) -> (PathBuf, bool) {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mut v2 = None;
        for line in mounts.lines() {
            let (mount, fs) = line.split_once(" - ").unwrap();
            let point = PathBuf::from(mount.split(' ').nth(4).unwrap());
            if fs.starts_with("cgroup2 ") {
                v2 = Some(point);
            } else if fs.starts_with("cgroup ")
                && fs.split([',', ' ']).any(|option| option == controller)
            {
                return (point.join(self.path()), false);
            }
        }
        (v2.unwrap().join(self.path()), true)
    }

    /// The text of a file, by its v1 or v2 name.
    fn file(&self, controller: &str, v1: &str, v2: &str) -> String {
        let (directory, is_v2) = self.directory(controller);
        let path = directory.join(if is_v2 { v2 } else { v1 });
        let text = fs::read_to_string(&path);
        text.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
            .trim()
            .to_owned()
    }
}

impl Deref for Group {
    type Target = Cgroup;
    fn deref(&self) -> &Cgroup {
        &self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The test's own failure is what counts.
        let _ = self.kill();
        let _ = self.remove();
    }
}

/// A process that ends with its test.
struct Shell(Child);

impl Shell {
    fn wait(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }

    fn code(&mut self) -> Option<i32> {
        self.wait().code()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn of(resources: Value) -> LinuxResources {
    serde_json::from_value(resources).unwrap()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        sleep(Duration::from_millis(5));
    }
}

fn sample(group: &Cgroup) -> Sample {
    group.sampler().unwrap().sample(1).unwrap()
}

#[test]
fn limits_are_what_the_files_say() {
    let group = Group::new("limits");
    group.limit(json!({
        "cpu": { "shares": 512, "quota": 50000, "period": 200000 },
        "memory": { "limit": 67108864, "swap": 67108864, "reservation": 33554432 },
        "pids": { "limit": 20 },
    }));
    let file = |controller, v1, v2| group.file(controller, v1, v2);
    let is_v2 = group.directory("cpu").1;
    if is_v2 {
        assert_eq!(file("cpu", "", "cpu.max"), "50000 200000");
        assert_eq!(file("cpu", "", "cpu.weight"), "59");
    } else {
        assert_eq!(file("cpu", "cpu.shares", ""), "512");
        assert_eq!(file("cpu", "cpu.cfs_quota_us", ""), "50000");
        assert_eq!(file("cpu", "cpu.cfs_period_us", ""), "200000");
    }
    assert_eq!(
        file("memory", "memory.limit_in_bytes", "memory.max"),
        "67108864"
    );
    let soft = file("memory", "memory.soft_limit_in_bytes", "memory.low");
    assert_eq!(soft, "33554432");
    if !group.directory("memory").1 {
        assert_eq!(
            file("memory", "memory.memsw.limit_in_bytes", ""),
            "67108864"
        );
    }
    assert_eq!(file("pids", "pids.max", "pids.max"), "20");
}

#[test]
fn limits_of_a_live_group_go_up_and_down_in_any_order() {
    let group = Group::new("update");
    let mib = 1 << 20;
    for limit in [64, 256, 32, 128, 16] {
        group.limit(json!({ "memory": { "limit": limit * mib, "swap": 2 * limit * mib } }));
        let text = group.file("memory", "memory.limit_in_bytes", "memory.max");
        assert_eq!(text, (limit * mib).to_string());
    }
    group.limit(json!({ "memory": { "limit": -1, "swap": -1 } }));
    for (quota, period) in [(10_000, 100_000), (200_000, 1_000_000), (1_000, 10_000)] {
        group.limit(json!({ "cpu": { "quota": quota, "period": period } }));
    }
    group.limit(json!({ "cpu": { "quota": -1 } }));
    group.limit(json!({ "pids": { "limit": -1 } }));
    assert_eq!(group.file("pids", "pids.max", "pids.max"), "max");
}

#[test]
fn a_refused_update_changes_nothing() {
    let group = Group::new("refused");
    group.limit(json!({ "cpu": { "shares": 2048, "quota": 50000, "period": 100_000 } }));
    let live = Cgroups::detect()
        .unwrap()
        .open(group.path())
        .unwrap()
        .unwrap();
    let before = [
        group.file("cpu", "cpu.shares", "cpu.weight"),
        group.file("cpu", "cpu.cfs_quota_us", "cpu.max"),
    ];
    // The kernel takes no quota below a millisecond.
    let error = live
        .apply(&of(
            json!({ "cpu": { "shares": 100, "quota": 1, "period": 100_000 } }),
        ))
        .unwrap_err();
    assert!(matches!(&error, Error::Write { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("cpu.") && message.contains('1'),
        "{message}"
    );
    let after = [
        group.file("cpu", "cpu.shares", "cpu.weight"),
        group.file("cpu", "cpu.cfs_quota_us", "cpu.max"),
    ];
    assert_eq!(before, after);
}

#[test]
fn what_can_not_be_limited_is_refused_by_name() {
    let group = Group::new("unsupported");
    let cases = [
        json!({ "network": { "classID": 7 } }),
        json!({ "rdma": { "mlx5_1": { "hcaHandles": 3 } } }),
        json!({ "unified": { "cgroup.procs": "1" } }),
        json!({ "unified": { "../memory.max": "1" } }),
        json!({ "hugepageLimits": [{ "pageSize": "../1", "limit": 0 }] }),
        json!({ "memory": { "limit": 100, "swap": 50 } }),
    ];
    for case in cases {
        let field = case.as_object().unwrap().keys().next().unwrap().clone();
        let error = group.apply(&of(case)).unwrap_err().to_string();
        assert!(
            error.contains(&format!("linux.resources.{field}")),
            "{error}"
        );
    }
}

#[test]
fn a_quota_holds_within_a_tenth() {
    let group = Group::new("quota");
    group.limit(json!({ "cpu": { "quota": 10_000, "period": 100_000 } }));
    let _busy = group.shell("while :; do :; done");
    until("it is held back", || {
        sample(&group)
            .throttled_periods
            .is_some_and(|held| held > 0)
    });
    let mut sampler = group.sampler().unwrap();
    let mut seen = Vec::new();
    // A busy machine may give it less in one attempt, but never more.
    while !seen.iter().any(|share| *share >= 0.09) {
        assert!(seen.len() < 5, "{seen:?} of a core, not 0.1");
        let (start, before) = (Instant::now(), sampler.sample(1).unwrap());
        sleep(Duration::from_secs(3));
        let (after, wall) = (sampler.sample(2).unwrap(), start.elapsed());
        let used = after.cpu_ns.unwrap() - before.cpu_ns.unwrap();
        let share = used as f64 / wall.as_nanos() as f64;
        assert!(share <= 0.11, "{share} of a core, not 0.1");
        seen.push(share);
    }
}

#[test]
fn no_more_processes_than_the_limit() {
    let group = Group::new("pids");
    group.limit(json!({ "pids": { "limit": 3 } }));
    let mut shell = group.shell("sleep 60 & sleep 60 & sleep 60 & sleep 60");
    until("the limit is reached", || sample(&group).pids == Some(3));
    assert_ne!(shell.code(), Some(0), "the third fork should be refused");
    assert!(sample(&group).pids <= Some(3));
    assert!(sample(&group).pids_max_events >= Some(1));
}

#[test]
fn an_oom_kill_wakes_the_watch_and_is_counted() {
    let group = Group::new("oom");
    group.limit(json!({ "memory": { "limit": 16 << 20, "swap": 16 << 20 } }));
    let watch = group.oom_watch().unwrap();
    assert_eq!(watch.kills().unwrap(), 0);
    let mut quiet = [PollFd::new(&watch, PollFlags::IN)];
    let soon = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    assert_eq!(
        poll(&mut quiet, Some(&soon)).unwrap(),
        0,
        "nothing happened yet"
    );
    let mut shell = group.shell("exec dd if=/dev/zero of=/dev/null bs=64M count=1");
    let late = rustix::event::Timespec {
        tv_sec: 10,
        tv_nsec: 0,
    };
    let mut wakes = [PollFd::new(&watch, PollFlags::IN)];
    assert_eq!(
        poll(&mut wakes, Some(&late)).unwrap(),
        1,
        "the watch did not wake"
    );
    assert!(!shell.wait().success());
    until("the kill is counted", || watch.kills().unwrap() == 1);
    assert_eq!(sample(&group).oom_kills, Some(1));
}

#[test]
fn a_frozen_group_stands_still_and_can_be_killed() {
    let group = Group::new("freeze");
    let mut busy = group.shell("while :; do :; done");
    group.freeze().unwrap();
    assert!(group.is_frozen().unwrap());
    let before = sample(&group).cpu_ns;
    sleep(Duration::from_millis(200));
    assert_eq!(sample(&group).cpu_ns, before);
    group.thaw().unwrap();
    assert!(!group.is_frozen().unwrap());
    until("it runs on", || sample(&group).cpu_ns > before);
    group.freeze().unwrap();
    group.kill().unwrap();
    assert!(!busy.wait().success());
    until("it is empty", || group.is_empty().unwrap());
}

#[test]
fn devices_are_refused_unless_allowed_and_the_rules_can_change() {
    let group = Group::new("devices");
    let allow = |minor: i64, access: &str| json!({ "allow": true, "type": "c", "major": 1, "minor": minor, "access": access });
    let deny = json!({ "allow": false, "access": "rwm" });
    let reads = |path: &str| group.shell(&format!("exec 3<{path}")).code() == Some(0);
    let writes = |path: &str| group.shell(&format!("exec 3>{path}")).code() == Some(0);
    group.limit(json!({ "devices": [deny, allow(3, "rw"), allow(5, "r")] }));
    assert!(reads("/dev/null") && writes("/dev/null"), "null is allowed");
    assert!(
        reads("/dev/zero") && !writes("/dev/zero"),
        "zero may only be read"
    );
    assert!(
        !reads("/dev/full") && !reads("/dev/urandom"),
        "the others are not"
    );
    let live = Cgroups::detect()
        .unwrap()
        .open(group.path())
        .unwrap()
        .unwrap();
    let rules = json!({ "devices": [deny, allow(3, "rwm"), allow(7, "rw")] });
    live.apply(&of(rules.clone())).unwrap();
    live.apply(&of(rules)).unwrap();
    assert!(writes("/dev/null") && writes("/dev/full") && !reads("/dev/zero"));
    live.apply(&of(json!({ "devices": [
        { "allow": true, "access": "rwm" },
        { "allow": false, "type": "c", "major": 1, "minor": 5, "access": "w" },
    ] })))
    .unwrap();
    assert!(reads("/dev/urandom") && reads("/dev/zero") && !writes("/dev/zero"));
}

#[test]
fn a_child_that_goes_in_by_itself_is_in_every_hierarchy() {
    let group = Group::new("entrance");
    let born = group.clone_into();
    let entrance = group.entrance(born.is_some()).unwrap();
    let (gone_in, told) = std::io::pipe().unwrap();
    let (waits, go_on) = std::io::pipe().unwrap();
    let place = clone::Clone {
        flags: 0,
        cgroup: born,
    };
    let child = clone::fork(place, || {
        if entrance.enter().is_err() || rustix::io::write(&told, b"1").is_err() {
            return 1;
        }
        i32::from(rustix::io::read(&waits, &mut [0; 1]).is_err())
    })
    .unwrap();
    rustix::io::read(&gone_in, &mut [0; 1]).unwrap();
    let pid = child.pid.as_raw_nonzero().get();
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    rustix::io::write(&go_on, b"1").unwrap();
    let status = rustix::process::waitid(
        rustix::process::WaitId::PidFd(child.pidfd.as_fd()),
        rustix::process::WaitIdOptions::EXITED,
    );
    assert_eq!(status.unwrap().unwrap().exit_status(), Some(0));
    for line in text.lines() {
        let has_group =
            !line.contains("name=") && group.directory(line.split(':').nth(1).unwrap()).0.is_dir();
        assert!(!has_group || line.ends_with(group.path()), "{text}");
    }
}

#[test]
fn removal_takes_groups_that_the_container_made_and_waits_for_its_end() {
    let group = Group::new("nested");
    let mut shells = Vec::new();
    for controller in ["memory", "pids", "unified"] {
        let (directory, _) = group.directory(controller);
        let below = directory.join("a/b");
        // On v2 all three are the same.
        fs::create_dir_all(&below).unwrap();
        let shell = group.shell("exec sleep 60");
        fs::write(below.join("cgroup.procs"), shell.0.id().to_string()).unwrap();
        shells.push(shell);
    }
    assert_eq!(group.pids().unwrap().len(), 3);
    group.kill().unwrap();
    // Not reaped before: what counts is that they ended.
    group.remove().unwrap();
    for controller in ["memory", "pids", "unified"] {
        assert!(!group.directory(controller).0.exists());
    }
    assert!(group.sampler().is_err_and(|e| e.is_gone()));
    assert!(
        Cgroups::detect()
            .unwrap()
            .open(group.path())
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_sample_of_changes_says_what_a_whole_one_says() {
    let group = Group::new("changes");
    group.limit(json!({ "cpu": { "quota": 10_000, "period": 100_000 } }));
    let (mut whole, mut changes) = (group.sampler().unwrap(), group.sampler().unwrap());
    let mut both = |now| {
        // Frozen, so that nothing happens between the two.
        group.freeze().unwrap();
        changes.sample_changed(now).unwrap();
        let pair = (whole.sample(now + 1), changes.sample_changed(now + 1));
        group.thaw().unwrap();
        (pair.0.unwrap(), pair.1.unwrap())
    };
    let (empty, same) = both(1);
    assert_eq!(empty, same);
    let busy = group.shell("while :; do :; done");
    until("it runs and is held back", || {
        let now = sample(&group);
        let waited = empty.stalls.cpu_some.is_none() || now.stalls.cpu_some > empty.stalls.cpu_some;
        now.throttled_periods > empty.throttled_periods && waited
    });
    let (running, same) = both(10);
    assert_eq!(running, same);
    assert!(running.cpu_ns > empty.cpu_ns && running.pids == Some(1));
    assert!(running.throttled_periods > empty.throttled_periods);
    // Where the kernel tells of stalls: what is held back waits for a processor.
    if empty.stalls.cpu_some.is_some() {
        assert!(running.stalls.cpu_some > empty.stalls.cpu_some);
    }
    drop(busy);
    until("the shell is gone", || sample(&group).pids == Some(0));
    let (ended, same) = both(20);
    assert_eq!(ended, same);
    assert_eq!(ended.pids, Some(0));
}

#[test]
fn a_vanished_group_is_gone_for_sampler_and_watch() {
    let group = Group::new("gone");
    let mut sampler = group.sampler().unwrap();
    let watch = group.oom_watch().unwrap();
    sampler.sample(1).unwrap();
    group.remove().unwrap();
    assert!(sampler.sample(2).is_err_and(|e| e.is_gone()));
    assert!(watch.kills().is_err_and(|e| e.is_gone()));
    group.remove().unwrap();
}

#[test]
fn groups_are_made_and_removed_beside_each_other() {
    let cgroups = Cgroups::detect().unwrap();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let cgroups = &cgroups;
            scope.spawn(move || {
                for round in 0..30 {
                    let path = format!("wharf/test-{}-{worker}-{round}", std::process::id());
                    let group = cgroups.create(&path).unwrap();
                    group.remove().unwrap();
                }
            });
        }
    });
}

#[test]
fn groups_whose_makers_were_killed_take_processes() {
    // What they leave: directories that nothing was written to yet.
    let above = Group::new("half-made");
    let cgroups = Cgroups::detect().unwrap();
    let path = format!("{}/parent/leaf", above.path());
    fs::create_dir_all(above.directory("cpuset").0.join("parent/leaf")).unwrap();
    let taken_over = Group(cgroups.create(&path).unwrap());
    assert_eq!(taken_over.shell("exit 7").code(), Some(7));
    let beside = Group(cgroups.create(&format!("{path}-2")).unwrap());
    assert_eq!(beside.shell("exit 8").code(), Some(8));
}

#[test]
fn limits_are_read_back_as_they_were_set() {
    let group = Group::new("read-back");
    group.limit(json!({
        "cpu": { "quota": 50000, "period": 200000 },
        "memory": { "limit": 67108864, "swap": 67108864 },
        "pids": { "limit": 20 },
    }));
    let cgroups = Cgroups::detect().unwrap();
    let details = cgroups.details(group.path(), 7).unwrap();
    let limits = &details.limits;
    assert_eq!(limits.cpu_millis, Some(Bound::At(250)));
    assert_eq!(limits.cpu_period_us, Some(200_000));
    assert_eq!(limits.memory_max, Some(Bound::At(64 << 20)));
    assert_eq!(limits.pids_max, Some(Bound::At(20)));
    // A kernel without cpusets has nothing to tell of them.
    let (directory, _) = group.directory("cpuset");
    let has_set = directory.join("cpuset.cpus").exists();
    assert_eq!(limits.cpuset_cpus.is_some(), has_set);
    assert_eq!(details.events.oom_kill, Some(0));
    assert_eq!(
        cgroups.main_limits(group.path()).unwrap().memory_max,
        limits.memory_max
    );
    let free = Group::new("unlimited");
    let limits = cgroups.details(free.path(), 7).unwrap().limits;
    assert_eq!(limits.cpu_millis, Some(Bound::Unlimited));
    assert_eq!(limits.memory_max, Some(Bound::Unlimited));
    free.remove().unwrap();
    assert!(cgroups.details(free.path(), 7).unwrap_err().is_gone());
}

#[test]
fn tree_has_every_group_and_follows_what_comes_and_goes() {
    let group = Group::new("tree");
    let cgroups = Cgroups::detect().unwrap();
    let mut tree = Tree::new(&cgroups);
    assert!(tree.refresh().unwrap());
    let has = |tree: &Tree, path: &str| tree.groups().iter().any(|found| *found.path == *path);
    assert!(has(&tree, "") && has(&tree, group.path()));
    let path = format!("{}/deep/er", group.path());
    let deep = cgroups.create(&path).unwrap();
    // Other tests make groups at the same time: only ours is waited for.
    until("the new group is found", || {
        tree.refresh().unwrap();
        has(&tree, &path)
    });
    deep.remove().unwrap();
    until("the removed group is gone", || {
        tree.refresh().unwrap();
        !has(&tree, &path)
    });
}

/// A user's group, changed as the dashboard does it.
fn change(cgroups: &Cgroups, change: &GroupChange) -> GroupChange {
    groups::change(cgroups, change).unwrap_or_else(|e| panic!("{change:?}: {e}"))
}

#[test]
fn users_group_is_made_filled_limited_and_all_of_it_is_taken_back() {
    let cgroups = Cgroups::detect().unwrap();
    let path = format!("wharf/groups/test-{}", std::process::id());
    let undo_create = change(
        &cgroups,
        &GroupChange::Create {
            path: path.clone(),
            files: Vec::new(),
        },
    );
    let group = Group(cgroups.open(&path).unwrap().unwrap());
    let mut sleeper = Shell(Command::new("sleep").arg("60").spawn().unwrap());
    let pid = sleeper.0.id().cast_signed();
    let before = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let process = ProcessRef {
        pid,
        started_ticks: None,
    };
    let undo_move = change(
        &cgroups,
        &GroupChange::Move {
            path: path.clone(),
            process,
        },
    );
    assert_eq!(group.pids().unwrap(), [pid]);
    assert_eq!(group.own_pids().unwrap(), [pid]);
    // Something is in it.
    let remove = GroupChange::Remove { path: path.clone() };
    let refused = groups::change(&cgroups, &remove).unwrap_err();
    assert!(matches!(refused, groups::Error::NotEmpty), "{refused}");

    let asked = Limits {
        cpu_millis: Some(500),
        memory_bytes: Some(64 << 20),
        pids: Some(9),
        ..Limits::default()
    };
    let limits = || cgroups.details(&path, 1).unwrap().limits;
    let old = limits();
    let undo_limit = change(
        &cgroups,
        &GroupChange::Limit {
            path: path.clone(),
            limits: Box::new(asked),
            unset: Vec::new(),
        },
    );
    let new = limits();
    assert_eq!(new.cpu_millis, Some(Bound::At(500)));
    assert_eq!(new.memory_max, Some(Bound::At(64 << 20)));
    assert_eq!(new.pids_max, Some(Bound::At(9)));
    let undo_unset = change(
        &cgroups,
        &GroupChange::Limit {
            path: path.clone(),
            limits: Box::default(),
            unset: vec![Limit::Cpus, Limit::Pids, Limit::CpuShares],
        },
    );
    assert_eq!(limits().cpu_millis, Some(Bound::Unlimited));
    assert_eq!(limits().pids_max, Some(Bound::Unlimited));
    assert_eq!(limits().memory_max, new.memory_max);
    change(&cgroups, &undo_unset);
    assert_eq!(limits(), new);
    let redo = change(&cgroups, &undo_limit);
    assert_eq!(limits(), old);
    change(&cgroups, &redo);
    assert_eq!(limits(), new);

    change(&cgroups, &undo_move);
    assert_eq!(
        fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap(),
        before
    );
    // Removed and made again, it is what it was.
    let undo_remove = change(&cgroups, &undo_create);
    assert!(cgroups.open(&path).unwrap().is_none());
    change(&cgroups, &undo_remove);
    assert_eq!(limits(), new);
    sleeper.0.kill().unwrap();
    sleeper.wait();
    change(&cgroups, &remove);
    assert!(cgroups.open(&path).unwrap().is_none());
}

#[test]
fn foreign_groups_and_processes_of_containers_are_left_alone() {
    let cgroups = Cgroups::detect().unwrap();
    let foreign = Group::new("foreign");
    let remove = GroupChange::Remove {
        path: foreign.path().to_owned(),
    };
    let refused = groups::change(&cgroups, &remove).unwrap_err();
    assert!(matches!(refused, groups::Error::Foreign), "{refused}");
    assert!(cgroups.open(foreign.path()).unwrap().is_some());

    // A group that looks like a container's.
    let id = format!("{:064x}", std::process::id());
    let container = Group(cgroups.create(&format!("wharf/{id}")).unwrap());
    let shell = container.shell("sleep 60");
    let path = format!("wharf/groups/test-{}-own", std::process::id());
    let create = GroupChange::Create {
        path: path.clone(),
        files: Vec::new(),
    };
    let undo = change(&cgroups, &create);
    let _own = Group(cgroups.open(&path).unwrap().unwrap());
    let process = ProcessRef {
        pid: shell.0.id().cast_signed(),
        started_ticks: None,
    };
    let into = GroupChange::Move { path, process };
    let refused = groups::change(&cgroups, &into).unwrap_err();
    assert!(matches!(refused, groups::Error::Stays { .. }), "{refused}");
    assert!(container.pids().unwrap().contains(&process.pid));
    let taken = groups::change(&cgroups, &create).unwrap_err();
    assert!(matches!(taken, groups::Error::Exists), "{taken}");
    change(&cgroups, &undo);
}
