//! The flags that limit a container, shared by `run`, `create` and `update`.

use clap::Args;

use super::values::{self, Parsed};
use crate::{
    format::limits,
    model::{DeviceRate, Limits},
};

/// The kernel's quota period unless another is asked for, in microseconds.
const PERIOD_US: u64 = 100_000;

/// Flags that limit a container.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Most CPU, in cores
    #[arg(long, value_name = "N", value_parser = values::cpus)]
    cpus: Option<u64>,
    /// CPU weight against others, 2 to 262144
    #[arg(short = 'c', long, value_name = "WEIGHT", value_parser = clap::value_parser!(u64).range(2..=262_144))]
    cpu_shares: Option<u64>,
    /// CPU time a period, in microseconds
    #[arg(long, value_name = "US", conflicts_with = "cpus", value_parser = clap::value_parser!(u64).range(1000..))]
    cpu_quota: Option<u64>,
    /// That period, in microseconds
    #[arg(long, value_name = "US", conflicts_with = "cpus", value_parser = clap::value_parser!(u64).range(1000..=1_000_000))]
    cpu_period: Option<u64>,
    /// Processors that may be used
    #[arg(long, value_name = "LIST", value_parser = values::cpuset)]
    cpuset_cpus: Option<String>,
    /// Memory nodes that may be used
    #[arg(long, value_name = "LIST", value_parser = values::cpuset)]
    cpuset_mems: Option<String>,
    /// Most memory
    #[arg(short, long, value_name = "SIZE", value_parser = values::size)]
    memory: Option<u64>,
    /// Most memory and swap together; -1 is no limit
    #[arg(long, value_name = "SIZE", value_parser = values::memory_swap, allow_hyphen_values = true)]
    memory_swap: Option<i64>,
    /// Memory that is kept for it under pressure
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    memory_reservation: Option<u64>,
    /// How readily its memory is swapped out, 0 to 100 (cgroup v1)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=100))]
    memory_swappiness: Option<u64>,
    /// Memory that is never taken from it (cgroup v2)
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    memory_min: Option<u64>,
    /// Memory at which it is slowed down (cgroup v2)
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    memory_high: Option<u64>,
    /// Let processes wait for memory instead of killing them (cgroup v1)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    oom_kill_disable: Option<bool>,
    /// Most processes and threads; -1 is no limit
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(-1..), allow_negative_numbers = true)]
    pids_limit: Option<i64>,
    /// IO weight against others, 10 to 1000
    #[arg(long, value_name = "WEIGHT", value_parser = clap::value_parser!(u16).range(10..=1000))]
    blkio_weight: Option<u16>,
    /// Bytes read a second
    #[arg(long, value_name = "DEVICE:SIZE", value_parser = values::device_rate)]
    device_read_bps: Vec<DeviceRate>,
    /// Bytes written a second
    #[arg(long, value_name = "DEVICE:SIZE", value_parser = values::device_rate)]
    device_write_bps: Vec<DeviceRate>,
    /// Reads a second
    #[arg(long, value_name = "DEVICE:N", value_parser = values::device_iops)]
    device_read_iops: Vec<DeviceRate>,
    /// Writes a second
    #[arg(long, value_name = "DEVICE:N", value_parser = values::device_iops)]
    device_write_iops: Vec<DeviceRate>,
    /// Bytes a second that each of its interfaces receives
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    net_rate_in: Option<u64>,
    /// Bytes a second that each of its interfaces sends
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    net_rate_out: Option<u64>,
}

impl LimitArgs {
    /// The limits that these flags make, checked against each other.
    pub fn limits(&self) -> Parsed<Limits> {
        let quota = self.cpu_quota.map(|quota_us| {
            let period_us = self.cpu_period.unwrap_or(PERIOD_US);
            quota_us.saturating_mul(1000) / period_us
        });
        if self.cpu_period.is_some() && quota.is_none() {
            return Err("--cpu-period needs --cpu-quota".into());
        }
        let limits = Limits {
            cpu_millis: self.cpus.or(quota),
            cpu_shares: self.cpu_shares,
            cpuset_cpus: self.cpuset_cpus.clone(),
            cpuset_mems: self.cpuset_mems.clone(),
            memory_bytes: self.memory,
            // 0 is docker's way to leave swap to the default.
            memory_swap_bytes: self.memory_swap.filter(|bytes| *bytes != 0),
            memory_reservation_bytes: self.memory_reservation,
            memory_swappiness: self.memory_swappiness,
            memory_min_bytes: self.memory_min,
            memory_high_bytes: self.memory_high,
            oom_kill_disable: self.oom_kill_disable,
            // 0 is docker's other way to say without limit.
            pids: self.pids_limit.map(|n| if n == 0 { -1 } else { n }),
            blkio_weight: self.blkio_weight,
            read_bps: self.device_read_bps.clone(),
            write_bps: self.device_write_bps.clone(),
            read_iops: self.device_read_iops.clone(),
            write_iops: self.device_write_iops.clone(),
            net_rate_in: self.net_rate_in,
            net_rate_out: self.net_rate_out,
        };
        limits::check(&limits).map_err(|(limit, why)| format!("--{} {why}", limit.as_str()))?;
        Ok(limits)
    }
}
