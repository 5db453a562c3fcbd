//! What the kernel holds as a group's limits, and how often the group met them.
//!
//! The other direction of `resources`: any group of the host can be read, ours or not.
//! A file that isn't there is an unknown limit: its controller is not given to this part
//! of the tree, or the kernel was built without it. Files are opened, read and closed:
//! limits change seldom, and only one group is looked at closely.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::io::Errno;

use super::{
    Cgroups, Error, Result, counters,
    group::{failed, is_vanished},
    hierarchy::Version,
    v1::UNLIMITED,
};
use crate::model::{
    BlockDevice, Bound, DeviceCounters, DeviceLimits, GroupDetails, GroupEvents, GroupLimits,
    HugeLimit,
};

impl Cgroups {
    /// The limits that a row of a list shows: of CPU, memory and processes. Three files.
    pub fn main_limits(&self, path: &str) -> Result<GroupLimits> {
        let mut limits = GroupLimits::default();
        let files = Files {
            cgroups: self,
            path,
        };
        files.quota(&mut limits)?;
        limits.memory_max = files.memory_bound("memory.limit_in_bytes", "memory.max")?;
        limits.pids_max = files.bound("pids", "pids", "pids.max", "pids.max")?;
        Ok(limits)
    }

    /// All that is known of a group. [`Error::Gone`] where it is in no hierarchy.
    pub fn details(&self, path: &str, now_ns: u64) -> Result<GroupDetails> {
        if !self
            .hierarchies
            .iter()
            .any(|hierarchy| hierarchy.mount.join(path).is_dir())
        {
            return Err(Error::Gone);
        }
        let files = Files {
            cgroups: self,
            path,
        };
        Ok(GroupDetails {
            at_ns: now_ns,
            limits: files.limits()?,
            events: files.events()?,
            memory_peak_bytes: files.number(
                "memory",
                "memory",
                "memory.max_usage_in_bytes",
                "memory.peak",
            )?,
            devices: files.devices()?,
        })
    }

    /// A device by its number, `254:0`, with the name that sysfs has for it.
    fn device(&self, number: &str) -> Option<BlockDevice> {
        let (major, minor) = number.split_once(':')?;
        let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
        // A link such as ../../devices/pci0000:00/…/block/vda/vda1.
        let link = fs::read_link(self.block.join(format!("{major}:{minor}")));
        let name = link.ok().and_then(|to| {
            let name = to.file_name()?.to_str()?;
            Some(Arc::from(name))
        });
        Some(BlockDevice {
            major,
            minor,
            name: name.unwrap_or_else(|| Arc::from(number)),
        })
    }
}

/// The files of one group, each found in the hierarchy of its controller.
struct Files<'a> {
    cgroups: &'a Cgroups,
    path: &'a str,
}

impl Files<'_> {
    fn limits(&self) -> Result<GroupLimits> {
        let mut limits = GroupLimits::default();
        self.quota(&mut limits)?;
        limits.cpu_weight = self.number("cpu", "cpu", "", "cpu.weight")?;
        limits.cpu_shares = self.number("cpu", "cpu", "cpu.shares", "")?;
        let set = |v1, v2| self.line("cpuset", "cpuset", v1, v2);
        limits.cpuset_cpus = set("cpuset.effective_cpus", "cpuset.cpus.effective")?;
        limits.cpuset_mems = set("cpuset.effective_mems", "cpuset.mems.effective")?;
        limits.memory_min = self.memory_bound("", "memory.min")?;
        limits.memory_low = self.memory_bound("", "memory.low")?;
        limits.memory_high = self.memory_bound("", "memory.high")?;
        limits.memory_max = self.memory_bound("memory.limit_in_bytes", "memory.max")?;
        limits.memory_soft = self.memory_bound("memory.soft_limit_in_bytes", "")?;
        limits.swap_max = self.memory_bound("", "memory.swap.max")?;
        limits.memory_swap_max = self.memory_bound("memory.memsw.limit_in_bytes", "")?;
        limits.pids_max = self.bound("pids", "pids", "pids.max", "pids.max")?;
        limits.io_weight = self.io_weight()?;
        limits.io = self.io()?;
        limits.hugetlb = self.hugetlb()?;
        Ok(limits)
    }

    fn events(&self) -> Result<GroupEvents> {
        let mut events = GroupEvents::default();
        match self.text("memory", "memory", "memory.oom_control", "memory.events")? {
            Some((Version::V1, text)) => {
                events.oom_kill = counters::value(text.as_bytes(), b"oom_kill");
                events.max = self.number("memory", "memory", "memory.failcnt", "")?;
            }
            Some((Version::V2, text)) => {
                let keys = [b"low".as_slice(), b"high", b"max", b"oom", b"oom_kill"];
                [
                    events.low,
                    events.high,
                    events.max,
                    events.oom,
                    events.oom_kill,
                ] = counters::values(text.as_bytes(), keys);
            }
            None => {}
        }
        let pids = self.text("pids", "pids", "pids.events", "pids.events")?;
        events.pids_max = pids.and_then(|(_, text)| counters::value(text.as_bytes(), b"max"));
        Ok(events)
    }

    /// Quota and period: two files of v1, one line of v2.
    fn quota(&self, limits: &mut GroupLimits) -> Result<()> {
        let (quota, period) = match self.text("cpu", "cpu", "cpu.cfs_quota_us", "cpu.max")? {
            Some((Version::V1, quota)) => {
                let period = self.number("cpu", "cpu", "cpu.cfs_period_us", "")?;
                (quota, period)
            }
            Some((Version::V2, text)) => {
                let mut words = text.split_whitespace().map(str::to_owned);
                let quota = words.next().unwrap_or_default();
                (quota, words.next().and_then(|period| period.parse().ok()))
            }
            None => return Ok(()),
        };
        limits.cpu_period_us = period.filter(|us| *us > 0);
        limits.cpu_millis = match quota.trim() {
            "-1" | "max" => Some(Bound::Unlimited),
            quota => quota
                .parse::<u64>()
                .ok()
                .zip(limits.cpu_period_us)
                .map(|(quota, period)| Bound::At(quota.saturating_mul(1000) / period)),
        };
        Ok(())
    }

    fn io_weight(&self) -> Result<Option<u64>> {
        // BFQ's own file comes with that scheduler. "default 100" on v2, a number on v1.
        for (v1, v2) in [
            ("blkio.bfq.weight", "io.bfq.weight"),
            ("blkio.weight", "io.weight"),
        ] {
            if let Some((_, text)) = self.text("blkio", "io", v1, v2)? {
                let first = text.lines().next().unwrap_or_default();
                return Ok(first.trim_start_matches("default ").trim().parse().ok());
            }
        }
        Ok(None)
    }

    fn io(&self) -> Result<Vec<DeviceLimits>> {
        let mut found: Vec<DeviceLimits> = Vec::new();
        let mut entry = |number: &str, set: &mut dyn FnMut(&mut DeviceLimits)| {
            let Some(device) = self.cgroups.device(number) else {
                return;
            };
            match found.iter_mut().find(|limits| limits.device == device) {
                Some(limits) => set(limits),
                None => {
                    let mut limits = DeviceLimits {
                        device,
                        ..DeviceLimits::default()
                    };
                    set(&mut limits);
                    found.push(limits);
                }
            }
        };
        let slot = |limits: &mut DeviceLimits, n: usize, value| match n {
            0 => limits.read_bps = Some(value),
            1 => limits.write_bps = Some(value),
            2 => limits.read_iops = Some(value),
            _ => limits.write_iops = Some(value),
        };
        let v1 = ["read_bps", "write_bps", "read_iops", "write_iops"];
        for (n, name) in v1.into_iter().enumerate() {
            let file = format!("blkio.throttle.{name}_device");
            let Some((_, text)) = self.text("blkio", "io", &file, "")? else {
                continue;
            };
            for line in text.lines() {
                if let Some((number, value)) = line.split_once(' ')
                    && let Ok(value) = value.trim().parse()
                {
                    entry(number, &mut |limits| slot(limits, n, value));
                }
            }
        }
        if let Some((_, text)) = self.text("blkio", "io", "", "io.max")? {
            for line in text.lines() {
                let Some((number, rest)) = line.split_once(' ') else {
                    continue;
                };
                for word in rest.split_whitespace() {
                    let Some((key, value)) = word.split_once('=') else {
                        continue;
                    };
                    let keys = ["rbps", "wbps", "riops", "wiops"];
                    let place = keys.iter().position(|known| *known == key);
                    if let (Some(n), Ok(value)) = (place, value.parse()) {
                        entry(number, &mut |limits| slot(limits, n, value));
                    }
                }
            }
        }
        Ok(found)
    }

    fn devices(&self) -> Result<Vec<DeviceCounters>> {
        let v1 = "blkio.throttle.io_service_bytes";
        let mut found = match self.text("blkio", "io", v1, "io.stat")? {
            Some((Version::V1, text)) => {
                let mut found = Vec::new();
                for (number, bytes) in counters::v1_devices(&text) {
                    found.extend(self.cgroups.device(number).map(|device| DeviceCounters {
                        device,
                        read_bytes: bytes[0],
                        write_bytes: bytes[1],
                        ..DeviceCounters::default()
                    }));
                }
                let ops = self.text("blkio", "io", "blkio.throttle.io_serviced", "")?;
                let ops = ops.map_or(String::new(), |(_, text)| text);
                for (number, ops) in counters::v1_devices(&ops) {
                    let same = |of: &&mut DeviceCounters| {
                        format!("{}:{}", of.device.major, of.device.minor) == number
                    };
                    if let Some(counters) = found.iter_mut().find(same) {
                        counters.read_ops = Some(ops[0]);
                        counters.write_ops = Some(ops[1]);
                    }
                }
                found
            }
            Some((Version::V2, text)) => counters::v2_devices(&text)
                .into_iter()
                .filter_map(|(number, [read, written, reads, writes])| {
                    Some(DeviceCounters {
                        device: self.cgroups.device(number)?,
                        read_bytes: read,
                        write_bytes: written,
                        read_ops: Some(reads),
                        write_ops: Some(writes),
                    })
                })
                .collect(),
            None => Vec::new(),
        };
        found.sort_by(|a, b| a.device.cmp(&b.device));
        Ok(found)
    }

    /// One limit for each size of page that has a file. `hugetlb.2MB.rsvd.max` and its
    /// like count reservations and are another thing.
    fn hugetlb(&self) -> Result<Vec<HugeLimit>> {
        let Some((version, dir)) = self.dir("hugetlb", "hugetlb") else {
            return Ok(Vec::new());
        };
        let (limit, used) = match version {
            Version::V1 => ("limit_in_bytes", "usage_in_bytes"),
            Version::V2 => ("max", "current"),
        };
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if is_vanished(&e) => return Ok(Vec::new()),
            Err(source) => return Err(failed("list", dir, source)),
        };
        let mut found = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let size = name
                .to_str()
                .and_then(|name| name.strip_prefix("hugetlb.")?.strip_suffix(limit))
                .and_then(|size| size.strip_suffix('.'))
                .filter(|size| !size.contains('.'));
            let Some(size) = size else {
                continue;
            };
            let used = read(&dir.join(format!("hugetlb.{size}.{used}")))?;
            found.push(HugeLimit {
                size: size.to_owned(),
                max: read(&entry.path())?.and_then(|text| memory_bound(&text)),
                used_bytes: used.and_then(|text| text.trim().parse().ok()),
            });
        }
        found.sort_by(|a, b| a.size.cmp(&b.size));
        Ok(found)
    }

    fn memory_bound(&self, v1: &str, v2: &str) -> Result<Option<Bound>> {
        let text = self.text("memory", "memory", v1, v2)?;
        Ok(text.and_then(|(_, text)| memory_bound(&text)))
    }

    fn bound(&self, v1: &str, v2: &str, v1_file: &str, v2_file: &str) -> Result<Option<Bound>> {
        let text = self.text(v1, v2, v1_file, v2_file)?;
        Ok(text.and_then(|(_, text)| bound(&text)))
    }

    fn number(&self, v1: &str, v2: &str, v1_file: &str, v2_file: &str) -> Result<Option<u64>> {
        let text = self.text(v1, v2, v1_file, v2_file)?;
        Ok(text.and_then(|(_, text)| text.trim().parse().ok()))
    }

    fn line(&self, v1: &str, v2: &str, v1_file: &str, v2_file: &str) -> Result<Option<String>> {
        let text = self.text(v1, v2, v1_file, v2_file)?;
        let line = text.map(|(_, text)| text.trim().to_owned());
        Ok(line.filter(|line| !line.is_empty()))
    }

    /// The directory of the group where a controller lives.
    fn dir(&self, v1: &str, v2: &str) -> Option<(Version, PathBuf)> {
        let hierarchy = &self.cgroups.hierarchies[self.cgroups.home(v1, v2)?];
        Some((hierarchy.version, hierarchy.mount.join(self.path)))
    }

    /// The text of a controller's file, whichever version it has; an empty name is a file
    /// that the version doesn't have.
    fn text(
        &self,
        v1: &str,
        v2: &str,
        v1_file: &str,
        v2_file: &str,
    ) -> Result<Option<(Version, String)>> {
        let Some((version, dir)) = self.dir(v1, v2) else {
            return Ok(None);
        };
        let name = match version {
            Version::V1 => v1_file,
            Version::V2 => v2_file,
        };
        if name.is_empty() {
            return Ok(None);
        }
        Ok(read(&dir.join(name))?.map(|text| (version, text)))
    }
}

/// A file's text; `None` where the kernel doesn't have it here. What is not UTF-8 is no
/// file of the kernel's, and is unknown too.
fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if is_vanished(&e) || is_unsupported(&e) => Ok(None),
        Err(source) => Err(failed("read", path.to_owned(), source)),
    }
}

fn is_unsupported(e: &io::Error) -> bool {
    e.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error())
        || e.kind() == io::ErrorKind::InvalidData
}

fn bound(text: &str) -> Option<Bound> {
    match text.trim() {
        "max" | "-1" => Some(Bound::Unlimited),
        number => number.parse().ok().map(Bound::At),
    }
}

/// v1 spells no limit as the biggest number of whole pages.
fn memory_bound(text: &str) -> Option<Bound> {
    bound(text).map(|bound| match bound {
        Bound::At(bytes) if bytes >= UNLIMITED => Bound::Unlimited,
        bound => bound,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host below a temporary directory, and its group `a/b` with these files.
    fn host(mountinfo: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Cgroups) {
        let dir = tempfile::tempdir().unwrap();
        for line in mountinfo.lines() {
            let point = line.split(' ').nth(4).unwrap();
            let at = dir.path().join(point.trim_start_matches('/'));
            fs::create_dir_all(at.join("a/b")).unwrap();
            if line.contains(" - cgroup2 ") {
                fs::write(
                    at.join("cgroup.controllers"),
                    "cpuset cpu io memory pids hugetlb",
                )
                .unwrap();
            }
        }
        for (name, text) in files {
            fs::write(dir.path().join("sys/fs/cgroup").join(name), text).unwrap();
        }
        let block = dir.path().join("sys/dev/block");
        fs::create_dir_all(&block).unwrap();
        std::os::unix::fs::symlink("../../block/vda", block.join("254:0")).unwrap();
        let cgroups = Cgroups::from_mounts(mountinfo, dir.path(), false).unwrap();
        (dir, cgroups)
    }

    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    const V1: &str = "\
33 23 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
34 23 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
35 23 0:31 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio
36 23 0:32 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
";

    #[test]
    fn all_limits_of_v2_are_read() {
        let (_dir, cgroups) = host(
            V2,
            &[
                ("a/b/cpu.max", "150000 100000\n"),
                ("a/b/cpu.weight", "59\n"),
                ("a/b/cpuset.cpus.effective", "0-1\n"),
                ("a/b/memory.min", "0\n"),
                ("a/b/memory.low", "4096\n"),
                ("a/b/memory.high", "max\n"),
                ("a/b/memory.max", "67108864\n"),
                ("a/b/memory.swap.max", "0\n"),
                ("a/b/memory.peak", "5000\n"),
                (
                    "a/b/memory.events",
                    "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\n",
                ),
                ("a/b/pids.max", "max\n"),
                ("a/b/pids.events", "max 7\n"),
                ("a/b/io.weight", "default 100\n254:0 50\n"),
                (
                    "a/b/io.max",
                    "254:0 rbps=1048576 wbps=max riops=max wiops=120\n",
                ),
                (
                    "a/b/io.stat",
                    "254:0 rbytes=10 wbytes=20 rios=3 wios=4 dbytes=0 dios=0\n7:0 \n",
                ),
                ("a/b/hugetlb.2MB.max", "max\n"),
                ("a/b/hugetlb.2MB.current", "2097152\n"),
                ("a/b/hugetlb.2MB.rsvd.max", "max\n"),
            ],
        );
        let details = cgroups.details("a/b", 9).unwrap();
        let limits = &details.limits;
        assert_eq!(limits.cpu_millis, Some(Bound::At(1500)));
        assert_eq!((limits.cpu_weight, limits.cpu_shares), (Some(59), None));
        assert_eq!(limits.cpuset_cpus.as_deref(), Some("0-1"));
        assert_eq!(limits.memory_min, Some(Bound::At(0)));
        assert_eq!(limits.memory_high, Some(Bound::Unlimited));
        assert_eq!(limits.memory_max, Some(Bound::At(64 << 20)));
        assert_eq!(limits.swap_max, Some(Bound::At(0)));
        assert_eq!(limits.memory_soft, None);
        assert_eq!(limits.pids_max, Some(Bound::Unlimited));
        assert_eq!(limits.io_weight, Some(100));
        assert_eq!(limits.io.len(), 1);
        assert_eq!(&*limits.io[0].device.name, "vda");
        assert_eq!(limits.io[0].read_bps, Some(1 << 20));
        assert_eq!(
            (limits.io[0].write_bps, limits.io[0].write_iops),
            (None, Some(120))
        );
        assert_eq!(limits.hugetlb.len(), 1);
        assert_eq!(limits.hugetlb[0].used_bytes, Some(2 << 20));
        assert_eq!(details.events.oom_kill, Some(5));
        assert_eq!(details.events.pids_max, Some(7));
        assert_eq!(details.memory_peak_bytes, Some(5000));
        assert_eq!(details.devices.len(), 1);
        assert_eq!(details.devices[0].write_ops, Some(4));
    }

    #[test]
    fn all_limits_of_v1_are_read_and_its_biggest_number_is_none() {
        let (_dir, cgroups) = host(
            V1,
            &[
                ("cpu/a/b/cpu.cfs_quota_us", "-1\n"),
                ("cpu/a/b/cpu.cfs_period_us", "100000\n"),
                ("cpu/a/b/cpu.shares", "512\n"),
                ("memory/a/b/memory.limit_in_bytes", "9223372036854771712\n"),
                ("memory/a/b/memory.soft_limit_in_bytes", "4096\n"),
                ("memory/a/b/memory.memsw.limit_in_bytes", "8192\n"),
                ("memory/a/b/memory.failcnt", "6\n"),
                ("memory/a/b/memory.oom_control", "oom_kill 2\n"),
                ("pids/a/b/pids.max", "20\n"),
                (
                    "blkio/a/b/blkio.throttle.read_bps_device",
                    "254:0 1048576\n",
                ),
                ("blkio/a/b/blkio.throttle.write_iops_device", "254:0 5\n"),
                (
                    "blkio/a/b/blkio.throttle.io_service_bytes",
                    "254:0 Read 10\n254:0 Write 20\n254:0 Total 30\nTotal 30\n",
                ),
                (
                    "blkio/a/b/blkio.throttle.io_serviced",
                    "254:0 Read 1\n254:0 Write 2\nTotal 3\n",
                ),
            ],
        );
        let details = cgroups.details("a/b", 9).unwrap();
        let limits = &details.limits;
        assert_eq!(limits.cpu_millis, Some(Bound::Unlimited));
        assert_eq!(limits.cpu_shares, Some(512));
        assert_eq!(limits.memory_max, Some(Bound::Unlimited));
        assert_eq!(limits.memory_soft, Some(Bound::At(4096)));
        assert_eq!(limits.memory_swap_max, Some(Bound::At(8192)));
        assert_eq!(limits.memory_low, None);
        assert_eq!(limits.pids_max, Some(Bound::At(20)));
        assert_eq!(limits.io.len(), 1);
        assert_eq!(limits.io[0].write_iops, Some(5));
        assert_eq!(
            (details.events.max, details.events.oom_kill),
            (Some(6), Some(2))
        );
        assert_eq!(details.devices[0].read_bytes, 10);
        assert_eq!(details.devices[0].write_ops, Some(2));
    }

    #[test]
    fn malformed_and_missing_files_are_unknown_and_a_missing_group_is_gone() {
        let (_dir, cgroups) = host(
            V2,
            &[
                ("a/b/cpu.max", "lots\n"),
                ("a/b/memory.max", "\n"),
                ("a/b/io.max", "nonsense\n1:x rbps=3\n254:0 rbps\n"),
                ("a/b/io.stat", "(unknown) rbytes=1\n"),
            ],
        );
        let details = cgroups.details("a/b", 0).unwrap();
        assert_eq!(details.limits, GroupLimits::default());
        assert_eq!(details.devices, []);
        assert!(cgroups.details("a/c", 0).unwrap_err().is_gone());
        assert_eq!(cgroups.main_limits("a/c").unwrap(), GroupLimits::default());
    }
}
