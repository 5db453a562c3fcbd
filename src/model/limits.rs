//! What a container may use at most: the limits of its cgroup.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
    /// Memory that is kept for it under pressure, in bytes (soft limit).
    pub memory_reservation_bytes: Option<u64>,
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
