//! What a container may use at most: the limits of its cgroup and of its interfaces.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Ability;

/// The limits of one container. `None` means that nothing was asked: the kernel's
/// own default, which is "no limit" for all but the weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// CPU quota in thousandths of a core; 1500 is one core and a half.
    pub cpu_millis: Option<u64>,
    /// CPU weight in docker's (cgroup v1's) scale, 2 to 262144, default 1024.
    pub cpu_shares: Option<u64>,
    /// Processors that may be used, in the kernel's list form, such as `0-2,5`.
    pub cpuset_cpus: Option<String>,
    /// Memory nodes that may be used, in the same form.
    pub cpuset_mems: Option<String>,
    /// Memory limit in bytes.
    pub memory_bytes: Option<u64>,
    /// Memory and swap together, in bytes, as docker's `--memory-swap`; -1 is no limit.
    pub memory_swap_bytes: Option<i64>,
    /// Memory that is kept for it under pressure, in bytes: the soft limit on cgroup v1,
    /// `memory.low` on v2.
    pub memory_reservation_bytes: Option<u64>,
    /// How readily its memory is swapped out, 0 to 100. cgroup v1 only.
    pub memory_swappiness: Option<u64>,
    /// Memory that is never taken from it, in bytes: `memory.min`. cgroup v2 only.
    pub memory_min_bytes: Option<u64>,
    /// Memory above which it is slowed down and pressed back, in bytes: `memory.high`.
    /// cgroup v2 only.
    pub memory_high_bytes: Option<u64>,
    /// Whether processes that need memory beyond the limit wait instead of being killed.
    /// cgroup v1 only.
    pub oom_kill_disable: Option<bool>,
    /// Most processes and threads; -1 is no limit.
    pub pids: Option<i64>,
    /// Relative IO weight, 10 to 1000.
    pub blkio_weight: Option<u16>,
    /// Reads from devices, bytes a second.
    pub read_bps: Vec<DeviceRate>,
    /// Writes to devices, bytes a second.
    pub write_bps: Vec<DeviceRate>,
    /// Reads from devices, operations a second.
    pub read_iops: Vec<DeviceRate>,
    /// Writes to devices, operations a second.
    pub write_iops: Vec<DeviceRate>,
    /// What each of its interfaces receives, bytes a second.
    pub net_rate_in: Option<u64>,
    /// What each of its interfaces sends, bytes a second.
    pub net_rate_out: Option<u64>,
}

/// One of the limits, by the name that it has everywhere: the flag of `run` and `update`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the fields of Limits say it")]
pub enum Limit {
    Cpus,
    CpuShares,
    CpusetCpus,
    CpusetMems,
    Memory,
    MemorySwap,
    MemoryReservation,
    MemoryMin,
    MemoryHigh,
    OomKillDisable,
    Pids,
    BlkioWeight,
    ReadBps,
    WriteBps,
    ReadIops,
    WriteIops,
    NetRateIn,
    NetRateOut,
}

impl Limit {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 18] = [
        Self::Cpus,
        Self::CpuShares,
        Self::CpusetCpus,
        Self::CpusetMems,
        Self::Memory,
        Self::MemorySwap,
        Self::MemoryReservation,
        Self::MemoryMin,
        Self::MemoryHigh,
        Self::OomKillDisable,
        Self::Pids,
        Self::BlkioWeight,
        Self::ReadBps,
        Self::WriteBps,
        Self::ReadIops,
        Self::WriteIops,
        Self::NetRateIn,
        Self::NetRateOut,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpus => "cpus",
            Self::CpuShares => "cpu-shares",
            Self::CpusetCpus => "cpuset-cpus",
            Self::CpusetMems => "cpuset-mems",
            Self::Memory => "memory",
            Self::MemorySwap => "memory-swap",
            Self::MemoryReservation => "memory-reservation",
            Self::MemoryMin => "memory-min",
            Self::MemoryHigh => "memory-high",
            Self::OomKillDisable => "oom-kill-disable",
            Self::Pids => "pids-limit",
            Self::BlkioWeight => "blkio-weight",
            Self::ReadBps => "device-read-bps",
            Self::WriteBps => "device-write-bps",
            Self::ReadIops => "device-read-iops",
            Self::WriteIops => "device-write-iops",
            Self::NetRateIn => "net-rate-in",
            Self::NetRateOut => "net-rate-out",
        }
    }

    /// What an engine must be able to do besides changing limits at all, to set this one.
    pub fn needs(self) -> Option<Ability> {
        match self {
            Self::MemoryMin | Self::MemoryHigh | Self::NetRateIn | Self::NetRateOut => {
                Some(Ability::FineLimits)
            }
            _ => None,
        }
    }
}

impl Limits {
    /// Takes one limit from `other` as it is there, set or not.
    pub fn copy(&mut self, limit: Limit, other: &Self) {
        match limit {
            Limit::Cpus => self.cpu_millis = other.cpu_millis,
            Limit::CpuShares => self.cpu_shares = other.cpu_shares,
            Limit::CpusetCpus => self.cpuset_cpus.clone_from(&other.cpuset_cpus),
            Limit::CpusetMems => self.cpuset_mems.clone_from(&other.cpuset_mems),
            Limit::Memory => self.memory_bytes = other.memory_bytes,
            Limit::MemorySwap => self.memory_swap_bytes = other.memory_swap_bytes,
            Limit::MemoryReservation => {
                self.memory_reservation_bytes = other.memory_reservation_bytes;
            }
            Limit::MemoryMin => self.memory_min_bytes = other.memory_min_bytes,
            Limit::MemoryHigh => self.memory_high_bytes = other.memory_high_bytes,
            Limit::OomKillDisable => self.oom_kill_disable = other.oom_kill_disable,
            Limit::Pids => self.pids = other.pids,
            Limit::BlkioWeight => self.blkio_weight = other.blkio_weight,
            Limit::ReadBps => self.read_bps.clone_from(&other.read_bps),
            Limit::WriteBps => self.write_bps.clone_from(&other.write_bps),
            Limit::ReadIops => self.read_iops.clone_from(&other.read_iops),
            Limit::WriteIops => self.write_iops.clone_from(&other.write_iops),
            Limit::NetRateIn => self.net_rate_in = other.net_rate_in,
            Limit::NetRateOut => self.net_rate_out = other.net_rate_out,
        }
    }

    /// Whether one limit is set.
    pub fn has(&self, limit: Limit) -> bool {
        match limit {
            Limit::Cpus => self.cpu_millis.is_some(),
            Limit::CpuShares => self.cpu_shares.is_some(),
            Limit::CpusetCpus => self.cpuset_cpus.is_some(),
            Limit::CpusetMems => self.cpuset_mems.is_some(),
            Limit::Memory => self.memory_bytes.is_some(),
            Limit::MemorySwap => self.memory_swap_bytes.is_some(),
            Limit::MemoryReservation => self.memory_reservation_bytes.is_some(),
            Limit::MemoryMin => self.memory_min_bytes.is_some(),
            Limit::MemoryHigh => self.memory_high_bytes.is_some(),
            Limit::OomKillDisable => self.oom_kill_disable.is_some(),
            Limit::Pids => self.pids.is_some(),
            Limit::BlkioWeight => self.blkio_weight.is_some(),
            Limit::ReadBps => !self.read_bps.is_empty(),
            Limit::WriteBps => !self.write_bps.is_empty(),
            Limit::ReadIops => !self.read_iops.is_empty(),
            Limit::WriteIops => !self.write_iops.is_empty(),
            Limit::NetRateIn => self.net_rate_in.is_some(),
            Limit::NetRateOut => self.net_rate_out.is_some(),
        }
    }

    /// These limits after a change: what `unset` names goes first, then what `set` has
    /// comes over the rest.
    pub fn changed(&self, set: &Self, unset: &[Limit]) -> Self {
        let mut new = self.clone();
        let none = Self::default();
        for limit in unset {
            new.copy(*limit, &none);
        }
        for limit in Limit::ALL.into_iter().filter(|limit| set.has(*limit)) {
            new.copy(limit, set);
        }
        new
    }
}

/// A rate limit on one block device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRate {
    /// The device node on the host, such as `/dev/vda`.
    pub path: PathBuf,
    /// Bytes or operations a second.
    pub rate: u64,
}

/// A process resource limit (setrlimit(2)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// The limit's name in lower case without `RLIMIT_`, such as `nofile`.
    pub name: String,
    /// Soft limit; `u64::MAX` is unlimited.
    pub soft: u64,
    /// Hard limit; `u64::MAX` is unlimited.
    pub hard: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays_and_what_is_unset_goes() {
        let old = Limits {
            pids: Some(5),
            memory_bytes: Some(64 << 20),
            cpuset_cpus: Some("0".into()),
            ..Limits::default()
        };
        let set = Limits {
            pids: Some(9),
            cpu_millis: Some(500),
            ..Limits::default()
        };
        let new = old.changed(&set, &[Limit::CpusetCpus]);
        assert_eq!((new.pids, new.cpu_millis), (Some(9), Some(500)));
        assert_eq!(new.memory_bytes, Some(64 << 20));
        assert_eq!(new.cpuset_cpus, None);
        for limit in Limit::ALL {
            assert_eq!(
                Limits::default().changed(&new, &[]).has(limit),
                new.has(limit)
            );
        }
    }
}
