//! The kernel's own figures of one container, read straight from the cgroup files of
//! whichever version this machine has, to be compared with what wharf prints.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// The cgroup of one container.
pub struct Cgroup {
    id: String,
}

/// One mounted hierarchy.
struct Hierarchy {
    mount: PathBuf,
    is_v2: bool,
    options: Vec<String>,
}

impl Cgroup {
    /// The cgroup of the container with this full id.
    pub fn of(id: &str) -> Self {
        assert_eq!(id.len(), 64, "a full id: {id:?}");
        Self { id: id.to_owned() }
    }

    /// Its directory in the hierarchy that has `controller`, and whether that is v2.
    pub fn directory(&self, controller: &str) -> Option<(PathBuf, bool)> {
        let hierarchy = hierarchies().into_iter().find(|h| h.has(controller))?;
        Some((
            hierarchy.mount.join("wharf").join(&self.id),
            hierarchy.is_v2,
        ))
    }

    /// All its directories that exist.
    pub fn directories(&self) -> Vec<PathBuf> {
        hierarchies()
            .into_iter()
            .map(|h| h.mount.join("wharf").join(&self.id))
            .filter(|path| path.is_dir())
            .collect()
    }

    /// A file of it: `v1` or `v2` by what has `controller` here.
    #[track_caller]
    pub fn file(&self, controller: &str, v1: &str, v2: &str) -> String {
        let (directory, is_v2) = self
            .directory(controller)
            .unwrap_or_else(|| panic!("no hierarchy has {controller}"));
        let path = directory.join(if is_v2 { v2 } else { v1 });
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    fn keyed(text: &str, key: &str) -> Option<u64> {
        text.lines().find_map(|line| {
            line.strip_prefix(key)?
                .strip_prefix(' ')?
                .trim()
                .parse()
                .ok()
        })
    }

    /// CPU time used, seconds.
    pub fn cpu_secs(&self) -> f64 {
        let controller = if self.directory("cpuacct").is_some() {
            "cpuacct"
        } else {
            "cpu"
        };
        let text = self.file(controller, "cpuacct.usage", "cpu.stat");
        match Self::keyed(&text, "usage_usec") {
            Some(us) => us as f64 / 1e6,
            None => text.trim().parse::<f64>().unwrap() / 1e9,
        }
    }

    /// CPU quota in cores.
    pub fn cpu_limit(&self) -> Option<f64> {
        let (_, is_v2) = self.directory("cpu").unwrap();
        let (quota, period) = if is_v2 {
            let text = self.file("cpu", "", "cpu.max");
            let mut words = text.split_whitespace();
            (words.next()?.to_owned(), words.next()?.to_owned())
        } else {
            (
                self.file("cpu", "cpu.cfs_quota_us", ""),
                self.file("cpu", "cpu.cfs_period_us", ""),
            )
        };
        let quota: f64 = quota.trim().parse().ok().filter(|q| *q > 0.0)?;
        Some(quota / period.trim().parse::<f64>().unwrap())
    }

    /// Memory charged, bytes, page cache included.
    pub fn memory_bytes(&self) -> u64 {
        self.file("memory", "memory.usage_in_bytes", "memory.current")
            .trim()
            .parse()
            .unwrap()
    }

    /// Memory that docker shows: charged, less inactive file cache.
    pub fn working_set_bytes(&self) -> u64 {
        let stat = self.file("memory", "memory.stat", "memory.stat");
        let inactive = Self::keyed(&stat, "total_inactive_file")
            .or_else(|| Self::keyed(&stat, "inactive_file"))
            .unwrap();
        self.memory_bytes().saturating_sub(inactive)
    }

    /// Memory limit, bytes.
    pub fn memory_limit(&self) -> Option<u64> {
        self.file("memory", "memory.limit_in_bytes", "memory.max")
            .trim()
            .parse()
            .ok()
            .filter(|n| *n < 1 << 60)
    }

    /// Processes killed for lack of memory.
    pub fn oom_kills(&self) -> u64 {
        Self::keyed(
            &self.file("memory", "memory.oom_control", "memory.events"),
            "oom_kill",
        )
        .unwrap()
    }

    /// Processes and threads.
    pub fn pids(&self) -> u64 {
        self.file("pids", "pids.current", "pids.current")
            .trim()
            .parse()
            .unwrap()
    }

    /// Most processes and threads.
    pub fn pids_limit(&self) -> Option<u64> {
        self.file("pids", "pids.max", "pids.max")
            .trim()
            .parse()
            .ok()
    }

    /// Bytes written to devices.
    pub fn write_bytes(&self) -> u64 {
        let (_, is_v2) = io_controller(self);
        if is_v2 {
            let text = self.file("io", "", "io.stat");
            text.split_whitespace()
                .filter_map(|word| word.strip_prefix("wbytes=")?.parse::<u64>().ok())
                .sum()
        } else {
            let text = self.file("blkio", "blkio.throttle.io_service_bytes", "");
            text.lines()
                .filter(|line| !line.starts_with("Total"))
                .filter_map(|line| line.split_once(" Write ")?.1.trim().parse::<u64>().ok())
                .sum()
        }
    }

    /// The write limits as the kernel has them, in text.
    pub fn write_limit_text(&self) -> String {
        let (controller, _) = io_controller(self);
        self.file(controller, "blkio.throttle.write_bps_device", "io.max")
    }

    /// Most bytes written a second to a device, of the first that has a limit.
    pub fn write_limit(&self) -> Option<u64> {
        self.write_limit_text()
            .split_whitespace()
            .find_map(|word| word.strip_prefix("wbps=").unwrap_or(word).parse().ok())
    }

    /// Whether its processes are frozen: by v2's freezer, which a mixed host has too, or
    /// by v1's.
    pub fn is_frozen(&self) -> bool {
        self.directories().iter().any(|directory| {
            let read = |name| fs::read_to_string(directory.join(name)).unwrap_or_default();
            read("freezer.state").trim() == "FROZEN"
                || Self::keyed(&read("cgroup.events"), "frozen") == Some(1)
        })
    }

    /// All process ids in it, nested groups included.
    pub fn processes(&self) -> Vec<i32> {
        let (directory, _) = self.directory("pids").unwrap();
        let mut found = Vec::new();
        collect_processes(&directory, &mut found);
        found
    }
}

/// All figures at one time.
#[derive(Debug)]
pub struct Reading {
    /// CPU time used, seconds.
    pub cpu_secs: f64,
    /// Bytes written to devices.
    pub write_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Most of them.
    pub pids_limit: Option<u64>,
    /// Memory limit, bytes.
    pub memory_limit: Option<u64>,
    /// CPU quota in cores.
    pub cpu_limit: Option<f64>,
    /// Most bytes written a second.
    pub write_limit: Option<u64>,
    /// Processes killed for lack of memory.
    pub oom_kills: u64,
    /// Process ids.
    pub processes: Vec<i32>,
}

impl Reading {
    /// The figures of a container, if its cgroup is there all the while.
    pub fn of(id: &str) -> Option<Self> {
        let cgroup = Cgroup::of(id);
        let hook = std::panic::AssertUnwindSafe(|| Self {
            cpu_secs: cgroup.cpu_secs(),
            write_bytes: cgroup.write_bytes(),
            pids: cgroup.pids(),
            pids_limit: cgroup.pids_limit(),
            memory_limit: cgroup.memory_limit(),
            cpu_limit: cgroup.cpu_limit(),
            write_limit: cgroup.write_limit(),
            oom_kills: cgroup.oom_kills(),
            processes: cgroup.processes(),
        });
        let is_there = || {
            cgroup
                .directory("pids")
                .is_some_and(|(path, _)| path.is_dir())
        };
        if !is_there() {
            return None;
        }
        match std::panic::catch_unwind(hook) {
            Ok(reading) => Some(reading),
            Err(_) if !is_there() => None,
            Err(cause) => std::panic::resume_unwind(cause),
        }
    }
}

fn io_controller(cgroup: &Cgroup) -> (&'static str, bool) {
    match cgroup.directory("blkio") {
        Some((_, is_v2)) => ("blkio", is_v2),
        None => ("io", true),
    }
}

fn collect_processes(directory: &Path, found: &mut Vec<i32>) {
    // A group that vanishes while it is read has no processes.
    if let Ok(text) = fs::read_to_string(directory.join("cgroup.procs")) {
        found.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
    }
    if let Ok(entries) = fs::read_dir(directory) {
        for entry in entries.flatten() {
            if entry.path().is_dir() {
                collect_processes(&entry.path(), found);
            }
        }
    }
}

impl Hierarchy {
    fn has(&self, controller: &str) -> bool {
        if self.is_v2 {
            fs::read_to_string(self.mount.join("cgroup.controllers"))
                .unwrap_or_default()
                .split_whitespace()
                .any(|word| word == controller)
        } else {
            self.options.iter().any(|option| option == controller)
        }
    }
}

fn hierarchies() -> Vec<Hierarchy> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
    text.lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let mount = left.split(' ').nth(4)?;
            let mut right = right.split(' ');
            let kind = right.next()?;
            let options = right.nth(1)?;
            matches!(kind, "cgroup" | "cgroup2").then(|| Hierarchy {
                mount: mount.into(),
                is_v2: kind == "cgroup2",
                options: options.split(',').map(str::to_owned).collect(),
            })
        })
        .collect()
}

/// Mount points of all cgroup hierarchies.
pub fn mounts() -> Vec<PathBuf> {
    hierarchies().into_iter().map(|h| h.mount).collect()
}

/// Removes the group of this name, and those in it, from every hierarchy. Its processes
/// are over or just ending; where one is left the group stays, for `tests/snapshot` to find.
pub fn remove(group: &str) {
    for mount in mounts() {
        remove_directory(&mount.join(group));
    }
}

/// Removes one directory of a group and those in it.
pub fn remove_directory(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_directory(&entry.path());
        }
    }
    for _ in 0..50 {
        if fs::remove_dir(directory).is_ok() || !directory.exists() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether everything is on cgroup v2.
pub fn is_pure_v2() -> bool {
    hierarchies().iter().all(|h| h.is_v2)
}
