//! The live counters of one group, read through descriptors that stay open.
//!
//! A read through a held descriptor costs about a microsecond, an open-read-close ten to
//! twenty times that, and `memory.stat` eight microseconds whatever is done: so the files
//! are opened once, and `memory.stat` is left alone while nothing moved. Nothing here
//! allocates after the first sample.

use std::{
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, fstat},
    io::{Errno, pread},
};

use super::{
    Cgroup, Cgroups, Error, Result, counters, file,
    group::{failed, is_vanished},
    hierarchy::Version,
};
use crate::model::{Sample, Stalls};

/// Room for the longest file. One that does not fit is unknown, never half-counted.
const BUFFER: usize = 16 * 1024;

/// Reads the counters of one group.
#[derive(Debug)]
pub struct Sampler {
    inode: u64,
    cpu: Cpu,
    memory: Option<Memory>,
    io: Option<(Version, OwnedFd)>,
    pids: Option<OwnedFd>,
    /// `pids.events`.
    pids_events: Option<OwnedFd>,
    pressure: Pressure,
    last: Sample,
}

/// The files of pressure stall information, which the v2 tree has also where v1 has the
/// controllers. `None` where the kernel was built or booted without it.
#[derive(Debug)]
struct Pressure {
    cpu: Option<OwnedFd>,
    memory: Option<OwnedFd>,
    io: Option<OwnedFd>,
    /// The last read told of stalls since the one before it.
    is_rising: bool,
}

#[derive(Debug)]
enum Cpu {
    /// Time from `cpuacct.usage`, throttling from `cpu.stat`.
    V1 {
        usage: Option<OwnedFd>,
        stat: Option<OwnedFd>,
    },
    /// All in `cpu.stat`.
    V2(Option<OwnedFd>),
}

#[derive(Debug)]
struct Memory {
    version: Version,
    current: OwnedFd,
    stat: OwnedFd,
    /// `memory.oom_control` or `memory.events`.
    events: Option<OwnedFd>,
    /// `memory.swap.current`, of v2 only.
    swap: Option<OwnedFd>,
}

impl Sampler {
    pub(super) fn new(group: &Cgroup) -> Result<Self> {
        Self::open(&group.cgroups, &group.path)?.ok_or(Error::Gone)
    }

    /// Open the files of a group. `None` if it doesn't exist.
    pub(super) fn open(cgroups: &Cgroups, path: &str) -> Result<Option<Self>> {
        let open = |v1: &str, v2: &str, v1_file: &str, v2_file: &str| {
            let Some(index) = cgroups.home(v1, v2) else {
                return Ok(None);
            };
            let hierarchy = &cgroups.hierarchies[index];
            let name = match hierarchy.version {
                Version::V1 => v1_file,
                Version::V2 => v2_file,
            };
            let found = open_in(&hierarchy.mount, path, name)?;
            Ok(found.map(|fd| (hierarchy.version, fd)))
        };
        let fd = |opened: Option<(Version, OwnedFd)>| opened.map(|(_, fd)| fd);
        let Some(inode) = identity(cgroups, path)? else {
            return Ok(None);
        };
        let cpu = match cgroups.home("cpuacct", "cpu").or(cgroups.unified()) {
            Some(index) if cgroups.hierarchies[index].version == Version::V2 => {
                // Time is counted even where the controller isn't enabled.
                Cpu::V2(open_in(
                    &cgroups.hierarchies[index].mount,
                    path,
                    "cpu.stat",
                )?)
            }
            _ => Cpu::V1 {
                usage: fd(open("cpuacct", "cpu", "cpuacct.usage", "cpu.stat")?),
                stat: fd(open("cpu", "cpu", "cpu.stat", "cpu.stat")?),
            },
        };
        let memory = |v1: &str, v2: &str| open("memory", "memory", v1, v2);
        let current = memory("memory.usage_in_bytes", "memory.current")?;
        let stat = memory("memory.stat", "memory.stat")?;
        let events = memory("memory.oom_control", "memory.events")?;
        let swap = match &current {
            Some((Version::V2, _)) => fd(memory("", "memory.swap.current")?),
            _ => None,
        };
        let memory = current
            .zip(stat)
            .map(|((version, current), (_, stat))| Memory {
                version,
                current,
                stat,
                events: fd(events),
                swap,
            });
        Ok(Some(Self {
            inode,
            cpu,
            memory,
            io: open("blkio", "io", "blkio.throttle.io_service_bytes", "io.stat")?,
            pids: fd(open("pids", "pids", "pids.current", "pids.current")?),
            pids_events: fd(open("pids", "pids", "pids.events", "pids.events")?),
            pressure: Pressure::open(cgroups, path)?,
            last: Sample::default(),
        }))
    }

    /// All counters now. [`Error::Gone`] once the group was removed.
    pub fn sample(&mut self, now_ns: u64) -> Result<Sample> {
        self.read(now_ns, true)
    }

    /// The same, but of a group that did not run since the last sample, what only its own
    /// running changes is taken from that one: throttling, OOM kills, refused processes
    /// and stalls, and, while its total stands still, the parts of its memory. On v1 that
    /// spares seven of eleven reads, the dearest among them.
    pub fn sample_changed(&mut self, now_ns: u64) -> Result<Sample> {
        self.read(now_ns, false)
    }

    fn read(&mut self, now_ns: u64, all: bool) -> Result<Sample> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let buffer = &mut buffer;
        let mut sample = Sample {
            at_ns: now_ns,
            cgroup_inode: self.inode,
            ..Sample::default()
        };
        let last = &self.last;
        self.cpu.read_time(buffer, &mut sample)?;
        let is_idle =
            !all && last.at_ns != 0 && sample.cpu_ns.is_some() && sample.cpu_ns == last.cpu_ns;
        if is_idle {
            sample.periods = last.periods;
            sample.throttled_periods = last.throttled_periods;
            sample.throttled_ns = last.throttled_ns;
            sample.oom_kills = last.oom_kills;
        } else {
            self.cpu.read_throttling(buffer, &mut sample)?;
        }
        if let Some(memory) = &self.memory {
            sample.memory_bytes = counters::number(text(&memory.current, buffer)?.unwrap_or(b""));
            if is_idle && sample.memory_bytes == last.memory_bytes {
                sample.inactive_file_bytes = last.inactive_file_bytes;
                sample.anon_bytes = last.anon_bytes;
                sample.file_bytes = last.file_bytes;
                sample.swap_bytes = last.swap_bytes;
            } else {
                memory.read_stat(buffer, &mut sample)?;
            }
            if is_idle {
                sample.memory_high_events = last.memory_high_events;
                sample.memory_max_events = last.memory_max_events;
            } else if let Some(events) = &memory.events {
                let keys = [b"high".as_slice(), b"max", b"oom_kill"];
                [
                    sample.memory_high_events,
                    sample.memory_max_events,
                    sample.oom_kills,
                ] = counters::values(text(events, buffer)?.unwrap_or(b""), keys);
            }
        }
        if let Some((version, io)) = &self.io {
            match (version, text(io, buffer)?) {
                (_, None) => {}
                (Version::V1, Some(text)) => {
                    let [read, written] = counters::v1_io(text);
                    sample.read_bytes = Some(read);
                    sample.write_bytes = Some(written);
                }
                (Version::V2, Some(text)) => {
                    let [read, written, reads, writes] = counters::v2_io(text);
                    sample.read_bytes = Some(read);
                    sample.write_bytes = Some(written);
                    sample.read_ops = Some(reads);
                    sample.write_ops = Some(writes);
                }
            }
        }
        if let Some(pids) = &self.pids {
            sample.pids = counters::number(text(pids, buffer)?.unwrap_or(b""));
        }
        if is_idle {
            sample.pids_max_events = last.pids_max_events;
        } else if let Some(events) = &self.pids_events {
            sample.pids_max_events = counters::value(text(events, buffer)?.unwrap_or(b""), b"max");
        }
        // What waits for a disk doesn't run either: stalls are over when they stand still.
        if is_idle && !self.pressure.is_rising {
            sample.stalls = last.stalls;
        } else {
            sample.stalls = self.pressure.read(buffer)?;
            self.pressure.is_rising = sample.stalls != last.stalls;
        }
        self.last = sample;
        Ok(sample)
    }
}

impl Cpu {
    /// The time used, and on v2, where it is in the same file, all the rest.
    fn read_time(&self, buffer: &mut [MaybeUninit<u8>], sample: &mut Sample) -> Result<()> {
        match self {
            Self::V1 { usage, .. } => {
                if let Some(usage) = usage {
                    sample.cpu_ns = counters::number(text(usage, buffer)?.unwrap_or(b""));
                }
            }
            Self::V2(Some(stat)) => {
                let keys = [
                    b"usage_usec".as_slice(),
                    b"nr_periods",
                    b"nr_throttled",
                    b"throttled_usec",
                ];
                let [usage, periods, throttled, time] =
                    counters::values(text(stat, buffer)?.unwrap_or(b""), keys);
                sample.cpu_ns = usage.map(|us| us * 1000);
                sample.periods = periods;
                sample.throttled_periods = throttled;
                sample.throttled_ns = time.map(|us| us * 1000);
            }
            Self::V2(None) => {}
        }
        Ok(())
    }

    fn read_throttling(&self, buffer: &mut [MaybeUninit<u8>], sample: &mut Sample) -> Result<()> {
        if let Self::V1 {
            stat: Some(stat), ..
        } = self
        {
            let keys = [b"nr_periods".as_slice(), b"nr_throttled", b"throttled_time"];
            [
                sample.periods,
                sample.throttled_periods,
                sample.throttled_ns,
            ] = counters::values(text(stat, buffer)?.unwrap_or(b""), keys);
        }
        Ok(())
    }
}

impl Pressure {
    fn open(cgroups: &Cgroups, path: &str) -> Result<Self> {
        let open = |name| match cgroups.unified() {
            Some(index) => open_in(&cgroups.hierarchies[index].mount, path, name),
            None => Ok(None),
        };
        Ok(Self {
            cpu: open("cpu.pressure")?,
            memory: open("memory.pressure")?,
            io: open("io.pressure")?,
            is_rising: false,
        })
    }

    fn read(&self, buffer: &mut [MaybeUninit<u8>]) -> Result<Stalls<u64>> {
        let mut totals = |file: &Option<OwnedFd>| match file {
            Some(file) => Ok(counters::stalls(text(file, buffer)?.unwrap_or(b""))),
            None => Ok([None; 2]),
        };
        // A processor is never wanted by all: what has one runs.
        let [cpu_some, _] = totals(&self.cpu)?;
        let [memory_some, memory_full] = totals(&self.memory)?;
        let [io_some, io_full] = totals(&self.io)?;
        Ok(Stalls {
            cpu_some,
            memory_some,
            memory_full,
            io_some,
            io_full,
        })
    }
}

impl Memory {
    fn read_stat(&self, buffer: &mut [MaybeUninit<u8>], sample: &mut Sample) -> Result<()> {
        // v1's plain keys count this group alone, those with total_ also groups below it.
        let keys: &[&[u8]; 4] = match self.version {
            Version::V1 => &[
                b"total_inactive_file",
                b"total_rss",
                b"total_cache",
                b"total_swap",
            ],
            // The last is not there: what is swapped out has a file of its own.
            Version::V2 => &[b"inactive_file", b"anon", b"file", b"swap"],
        };
        [
            sample.inactive_file_bytes,
            sample.anon_bytes,
            sample.file_bytes,
            sample.swap_bytes,
        ] = counters::values(text(&self.stat, buffer)?.unwrap_or(b""), *keys);
        if let Some(swap) = &self.swap {
            sample.swap_bytes = counters::number(text(swap, buffer)?.unwrap_or(b""));
        }
        Ok(())
    }
}

/// The group's identity: the inode of its directory where processes are tracked, or, of a
/// group that somebody made in other hierarchies only, in the first of those. `None` where
/// it is in none.
fn identity(cgroups: &Cgroups, path: &str) -> Result<Option<u64>> {
    let tracker = cgroups
        .unified()
        .or_else(|| cgroups.home("freezer", "freezer"))
        .or_else(|| cgroups.home("pids", "pids"))
        .unwrap_or(0);
    let others = (0..cgroups.hierarchies.len()).filter(|&index| index != tracker);
    for index in std::iter::once(tracker).chain(others) {
        let leaf = cgroups.hierarchies[index].mount.join(path);
        match file::directory(CWD, &leaf) {
            Ok(dir) => {
                let found = fstat(&dir).map_err(|e| failed("look at", leaf, e.into()))?;
                return Ok(Some(found.st_ino));
            }
            Err(e) if is_vanished(&e) => {}
            Err(source) => return Err(failed("open", leaf, source)),
        }
    }
    Ok(None)
}

/// Open a counter file. One that doesn't exist is `None`: the kernel doesn't count that.
fn open_in(mount: &Path, path: &str, name: &str) -> Result<Option<OwnedFd>> {
    let whole = mount.join(path).join(name);
    match rustix::fs::openat(
        CWD,
        &whole,
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    ) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NODEV) => Ok(None),
        Err(e) => Err(failed("open", whole, e.into())),
    }
}

/// The text of an open file from its start; `None` if it doesn't fit.
fn text(fd: impl AsFd, buffer: &mut [MaybeUninit<u8>]) -> Result<Option<&[u8]>> {
    match pread(fd, buffer, 0) {
        Ok((text, rest)) => Ok((!rest.is_empty()).then_some(&*text)),
        Err(Errno::NODEV) => Err(Error::Gone),
        // The kernel answers so for a counter that it can't give here.
        Err(Errno::OPNOTSUPP) => Ok(None),
        Err(e) => Err(failed("read", "a counter of a cgroup".into(), e.into())),
    }
}
