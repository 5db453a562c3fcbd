//! A control group of the host: what it is, what the kernel lets it use, and what can be
//! done to it. Containers' groups and everybody else's alike.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

use super::{ContainerId, DeviceRate, Limit, Limits, Usage};

/// A limit as the kernel holds it. Where it can't be read, it is a `None` around this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The kernel sets no limit.
    Unlimited,
    /// At most this much.
    At(u64),
}

impl Bound {
    /// The limit, if there is one.
    pub fn at(self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::At(most) => Some(most),
        }
    }
}

impl Serialize for Bound {
    /// A number, or `"max"` as the kernel says it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unlimited => serializer.serialize_str("max"),
            Self::At(most) => serializer.serialize_u64(*most),
        }
    }
}

/// The limits of one group, as the kernel holds them: unknown is `None`, which is not
/// the same as [`Bound::Unlimited`]. A field that only one version of cgroups has says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupLimits {
    /// CPU quota in thousandths of a core.
    pub cpu_millis: Option<Bound>,
    /// The period that the quota counts in, microseconds.
    pub cpu_period_us: Option<u64>,
    /// CPU weight, 1 to 10000 with 100 in the middle. v2.
    pub cpu_weight: Option<u64>,
    /// CPU shares, 2 to 262144 with 1024 in the middle. v1.
    pub cpu_shares: Option<u64>,
    /// Processors that it may use in fact, as a list such as `0-2,5`.
    pub cpuset_cpus: Option<String>,
    /// Memory nodes that it may use in fact, in the same form.
    pub cpuset_mems: Option<String>,
    /// Memory that is never taken from it, bytes; 0 is none. v2.
    pub memory_min: Option<Bound>,
    /// Memory that is taken from it only when nothing else is left, bytes. v2.
    pub memory_low: Option<Bound>,
    /// Memory above which it is slowed down, bytes. v2.
    pub memory_high: Option<Bound>,
    /// Memory above which the kernel kills in it, bytes.
    pub memory_max: Option<Bound>,
    /// Memory to which it is pressed back when the host is short of it, bytes. v1.
    pub memory_soft: Option<Bound>,
    /// Swap alone, bytes. v2.
    pub swap_max: Option<Bound>,
    /// Memory and swap together, bytes. v1.
    pub memory_swap_max: Option<Bound>,
    /// Processes and threads.
    pub pids_max: Option<Bound>,
    /// IO weight: 1 to 10000 on v2, 10 to 1000 on v1.
    pub io_weight: Option<u64>,
    /// Limits of devices; a device without any is not listed.
    pub io: Vec<DeviceLimits>,
    /// Huge pages, one for each size that the kernel has.
    pub hugetlb: Vec<HugeLimit>,
}

impl From<&Limits> for GroupLimits {
    /// What was asked for a container, where the kernel can't be: while it doesn't run, or
    /// in a picture of the past.
    fn from(asked: &Limits) -> Self {
        let bound = |value: Option<u64>| Some(value.map_or(Bound::Unlimited, Bound::At));
        let mut limits = Self {
            cpu_millis: bound(asked.cpu_millis),
            cpu_shares: asked.cpu_shares,
            cpuset_cpus: asked.cpuset_cpus.clone(),
            cpuset_mems: asked.cpuset_mems.clone(),
            memory_max: bound(asked.memory_bytes),
            memory_soft: bound(asked.memory_reservation_bytes),
            memory_min: asked.memory_min_bytes.map(Bound::At),
            memory_high: asked.memory_high_bytes.map(Bound::At),
            pids_max: bound(asked.pids.and_then(|most| u64::try_from(most).ok())),
            io_weight: asked.blkio_weight.map(u64::from),
            ..Self::default()
        };
        let mut rate = |rates: &[DeviceRate], set: fn(&mut DeviceLimits, u64)| {
            for rate in rates {
                let name = rate.path.file_name().unwrap_or_default().to_string_lossy();
                let same = |of: &&mut DeviceLimits| *of.device.name == *name;
                if let Some(found) = limits.io.iter_mut().find(same) {
                    set(found, rate.rate);
                    continue;
                }
                let mut found = DeviceLimits::default();
                found.device.name = name.as_ref().into();
                set(&mut found, rate.rate);
                limits.io.push(found);
            }
        };
        rate(&asked.read_bps, |of, n| of.read_bps = Some(n));
        rate(&asked.write_bps, |of, n| of.write_bps = Some(n));
        rate(&asked.read_iops, |of, n| of.read_iops = Some(n));
        rate(&asked.write_iops, |of, n| of.write_iops = Some(n));
        limits
    }
}

impl GroupLimits {
    /// The same in the words in which limits are asked for, as far as these have words.
    pub fn asked(&self) -> Limits {
        let at = |bound: Option<Bound>| bound.and_then(Bound::at);
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let memory = at(self.memory_max);
        let both = match (at(self.memory_swap_max), at(self.swap_max), memory) {
            (Some(both), ..) => Some(signed(both)),
            (None, Some(swap), Some(memory)) => Some(signed(memory.saturating_add(swap))),
            _ => None,
        };
        let rates = |of: fn(&DeviceLimits) -> Option<u64>| {
            let rate = |device: &DeviceLimits| {
                let path = std::path::Path::new("/dev").join(&*device.device.name);
                of(device).map(|rate| DeviceRate { path, rate })
            };
            self.io.iter().filter_map(rate).collect()
        };
        Limits {
            cpu_millis: at(self.cpu_millis),
            cpu_shares: self.cpu_shares,
            cpuset_cpus: self.cpuset_cpus.clone(),
            cpuset_mems: self.cpuset_mems.clone(),
            memory_bytes: memory,
            memory_swap_bytes: both,
            memory_reservation_bytes: at(self.memory_soft.or(self.memory_low)).filter(|n| *n > 0),
            memory_swappiness: None,
            memory_min_bytes: at(self.memory_min).filter(|n| *n > 0),
            memory_high_bytes: at(self.memory_high),
            oom_kill_disable: None,
            pids: at(self.pids_max).map(signed),
            blkio_weight: None,
            read_bps: rates(|device| device.read_bps),
            write_bps: rates(|device| device.write_bps),
            read_iops: rates(|device| device.read_iops),
            write_iops: rates(|device| device.write_iops),
            // A group has no interfaces.
            net_rate_in: None,
            net_rate_out: None,
        }
    }
}

/// What a group may do to one block device. `None` is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeviceLimits {
    /// Which.
    pub device: BlockDevice,
    /// Bytes read a second.
    pub read_bps: Option<u64>,
    /// Bytes written a second.
    pub write_bps: Option<u64>,
    /// Reads a second.
    pub read_iops: Option<u64>,
    /// Writes a second.
    pub write_iops: Option<u64>,
}

/// A block device, by its number; the name is for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct BlockDevice {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Its name, such as `vda`; `254:0` where none is known.
    pub name: Arc<str>,
}

/// A limit of huge pages of one size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HugeLimit {
    /// The size as the kernel spells it: `2MB`.
    pub size: String,
    /// Bytes that it may use.
    pub max: Option<Bound>,
    /// Bytes that it uses.
    pub used_bytes: Option<u64>,
}

/// What moved between a group and one device since the group was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeviceCounters {
    /// Which.
    pub device: BlockDevice,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Reads.
    pub read_ops: Option<u64>,
    /// Writes.
    pub write_ops: Option<u64>,
}

/// How often a group met its limits since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupEvents {
    /// Times that memory was taken although it was below `low`. v2.
    pub low: Option<u64>,
    /// Times that it was slowed down for being over `high`. v2.
    pub high: Option<u64>,
    /// Times that it was about to pass its memory limit; v1's `failcnt`.
    pub max: Option<u64>,
    /// Times that the limit left nothing but killing. v2.
    pub oom: Option<u64>,
    /// Processes that the kernel killed for it.
    pub oom_kill: Option<u64>,
    /// Processes or threads that were refused.
    pub pids_max: Option<u64>,
}

/// All that is read of the one group that somebody looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupDetails {
    /// CLOCK_MONOTONIC when it was read, in nanoseconds.
    pub at_ns: u64,
    /// Its limits.
    pub limits: GroupLimits,
    /// How often it met them.
    pub events: GroupEvents,
    /// Most memory that it ever used, bytes.
    pub memory_peak_bytes: Option<u64>,
    /// What moved, a device each.
    pub devices: Vec<DeviceCounters>,
}

/// What a group belongs to, as its path tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// The whole machine.
    Host,
    /// The group of a container of this engine.
    Container(ContainerId),
    /// A container of somebody else, told by its id.
    Foreign {
        /// Whose: `docker`, `podman`, `cri-o`, `containerd`, `kubernetes`, `wharf`.
        engine: &'static str,
        /// Its id, shortened.
        id: String,
    },
    /// A pod of kubernetes.
    Pod,
    /// A slice of systemd: groups of groups.
    Slice,
    /// A service of systemd.
    Service,
    /// A scope of systemd: processes that something else started.
    Scope,
    /// Made here by a user of wharf.
    Own,
    /// The top of what wharf makes, or of what its users make.
    Top,
    /// Nothing more is known.
    Plain,
}

impl GroupKind {
    /// The word for it; of a foreign container its engine.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Container(_) => "container",
            Self::Foreign { engine, .. } => engine,
            Self::Pod => "pod",
            Self::Slice => "slice",
            Self::Service => "service",
            Self::Scope => "scope",
            Self::Own => "own",
            Self::Top => "wharf",
            Self::Plain => "group",
        }
    }
}

/// One group of the host's tree.
#[derive(Clone, Debug)]
pub struct GroupRow {
    /// What it is.
    pub group: Arc<Group>,
    /// What it uses; `None` where nobody asked for it, or nothing counts it.
    pub usage: Option<Usage>,
    /// The limits that its row shows; `None` where nobody asked.
    pub limits: Option<Arc<GroupLimits>>,
}

/// What a group is, as long as it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its path below the mount of each hierarchy, without a slash at either end; empty
    /// for the host.
    pub path: Arc<str>,
    /// How many groups are above it.
    pub depth: u16,
    /// Its own name, readable: the last part of its path, a unit's name unescaped.
    pub name: Arc<str>,
    /// What it belongs to.
    pub kind: GroupKind,
    /// The hierarchies that have it: `v2`, or v1's controllers.
    pub hierarchies: Arc<str>,
}

impl Group {
    /// Where the path of the group above it ends; `None` for the host.
    pub fn parent(&self) -> Option<&str> {
        if self.path.is_empty() {
            return None;
        }
        Some(self.path.rsplit_once('/').map_or("", |(above, _)| above))
    }

    /// Whether it is one that a user made here: those alone may be changed.
    pub fn is_own(&self) -> bool {
        self.kind == GroupKind::Own
    }
}

/// The path below which groups of users lie. Containers' groups lie beside it, under
/// their ids, so that no sweep of those ever meets these.
pub const OWN_GROUPS: &str = "wharf/groups";

/// A value of one of a group's files, as the kernel wrote it: what a change is taken back
/// with, exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileValue {
    /// The file's name, such as `cpu.max`.
    pub file: String,
    /// What to write into it.
    pub value: String,
}

/// Where a process was, to put it back: the lines of `/proc/PID/cgroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership(pub Vec<String>);

/// Something that is done to a group of a user. An engine answers each with the change
/// that takes it back.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupChange {
    /// Make a group.
    Create {
        /// Its path.
        path: String,
        /// What is written into its files then.
        files: Vec<FileValue>,
    },
    /// Remove an empty one.
    Remove {
        /// Its path.
        path: String,
    },
    /// Set limits.
    Limit {
        /// Its path.
        path: String,
        /// New limits; fields that are `None` or empty stay as they are.
        limits: Box<Limits>,
        /// Limits that are taken away.
        unset: Vec<Limit>,
    },
    /// Write values back that a change of limits found.
    Restore {
        /// The group's path.
        path: String,
        /// The values, in the order in which they are written.
        files: Vec<FileValue>,
    },
    /// Move a process in, with all its threads.
    Move {
        /// The group's path.
        path: String,
        /// The process.
        process: ProcessRef,
    },
    /// Put a process back where it was.
    Return {
        /// The path of the group that it leaves.
        path: String,
        /// The process.
        process: ProcessRef,
        /// Where it was.
        membership: Membership,
    },
}

/// A process, and when it started where that is known: a pid alone may be another's by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessRef {
    /// Its pid.
    pub pid: i32,
    /// Its start, in clock ticks since boot.
    pub started_ticks: Option<u64>,
}

impl GroupChange {
    /// The path of the group.
    pub fn path(&self) -> &str {
        match self {
            Self::Create { path, .. }
            | Self::Remove { path }
            | Self::Limit { path, .. }
            | Self::Restore { path, .. }
            | Self::Move { path, .. }
            | Self::Return { path, .. } => path,
        }
    }
}

impl GroupChange {
    /// What is to be done: `make batch`.
    pub fn asked(&self) -> String {
        let name = self.path().rsplit('/').next().unwrap_or_default();
        match self {
            Self::Create { .. } => format!("make the group {name}"),
            Self::Remove { .. } => format!("remove the group {name}"),
            Self::Limit { .. } => format!("set limits of the group {name}"),
            Self::Restore { .. } => format!("take the limits of the group {name} back"),
            Self::Move { process, .. } => {
                format!("move process {} into the group {name}", process.pid)
            }
            Self::Return { process, .. } => format!("put process {} back", process.pid),
        }
    }
}

impl fmt::Display for GroupChange {
    /// What was done: `made batch`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.path().rsplit('/').next().unwrap_or_default();
        match self {
            Self::Create { .. } => write!(f, "made {name}"),
            Self::Remove { .. } => write!(f, "removed {name}"),
            Self::Limit { .. } => write!(f, "set limits of {name}"),
            Self::Restore { .. } => write!(f, "took the limits of {name} back"),
            Self::Move { process, .. } => write!(f, "moved {} into {name}", process.pid),
            Self::Return { process, .. } => write!(f, "put {} back", process.pid),
        }
    }
}

/// Which group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GroupOf {
    /// That of a container.
    Container(ContainerId),
    /// The one at a path.
    Path(Arc<str>),
}
