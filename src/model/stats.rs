//! Raw counters at one time ([`Sample`]) and what two of them say ([`Usage`]).
//!
//! Unknown is `None`, never 0: a kernel that can't count a thing must not look like a
//! container that does nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The counters of one cgroup, as the kernel gave them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// CLOCK_MONOTONIC when it was read, in nanoseconds.
    pub at_ns: u64,
    /// Identity of the cgroup (inode of its directory); another one resets all rates.
    pub cgroup_inode: u64,
    /// CPU time used, nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Quota periods that passed.
    pub periods: Option<u64>,
    /// Quota periods in which it was held back.
    pub throttled_periods: Option<u64>,
    /// Time that it was held back, nanoseconds.
    pub throttled_ns: Option<u64>,
    /// Memory charged to it, bytes, page cache included.
    pub memory_bytes: Option<u64>,
    /// Page cache that can be dropped without writing (inactive_file), bytes.
    pub inactive_file_bytes: Option<u64>,
    /// Anonymous memory, bytes.
    pub anon_bytes: Option<u64>,
    /// File-backed memory (page cache), bytes.
    pub file_bytes: Option<u64>,
    /// Memory that was swapped out, bytes.
    pub swap_bytes: Option<u64>,
    /// Processes that the kernel killed for lack of memory.
    pub oom_kills: Option<u64>,
    /// How often it was slowed down for being over `memory.high`. cgroup v2 only.
    pub memory_high_events: Option<u64>,
    /// How often it was about to pass its memory limit. cgroup v2 only.
    pub memory_max_events: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// How often a process or thread was refused for its limit.
    pub pids_max_events: Option<u64>,
    /// Time that its processes waited for what they lack.
    pub stalls: Stalls<u64>,
    /// Bytes read from devices.
    pub read_bytes: Option<u64>,
    /// Bytes written to devices.
    pub write_bytes: Option<u64>,
    /// Read operations.
    pub read_ops: Option<u64>,
    /// Write operations.
    pub write_ops: Option<u64>,
    /// What passed the interfaces of its network namespace.
    pub traffic: Option<Traffic>,
}

/// What passed an interface, or several, from the side of who has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes received.
    pub in_bytes: u64,
    /// Bytes sent.
    pub out_bytes: u64,
    /// Packets received.
    pub in_packets: u64,
    /// Packets sent.
    pub out_packets: u64,
    /// Packets that came damaged.
    pub in_errors: u64,
    /// Packets that could not be sent.
    pub out_errors: u64,
    /// Packets that came and were dropped.
    pub in_drops: u64,
    /// Packets that were to be sent and were dropped.
    pub out_drops: u64,
}

impl std::ops::Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            in_bytes: self.in_bytes + other.in_bytes,
            out_bytes: self.out_bytes + other.out_bytes,
            in_packets: self.in_packets + other.in_packets,
            out_packets: self.out_packets + other.out_packets,
            in_errors: self.in_errors + other.in_errors,
            out_errors: self.out_errors + other.out_errors,
            in_drops: self.in_drops + other.in_drops,
            out_drops: self.out_drops + other.out_drops,
        }
    }
}

/// Everything that is counted of one container, as the kernel gave it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counters {
    /// Its control group's.
    pub sample: Sample,
    /// CPU time of the whole host since it was started, idle time included, nanoseconds.
    pub host_cpu_ns: Option<u64>,
    /// Its interfaces but loopback.
    pub interfaces: Vec<InterfaceCounters>,
}

/// What went over one interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceCounters {
    /// Its name in the container.
    pub name: String,
    /// Bytes, packets, errors and drops that came.
    pub received: [u64; 4],
    /// The same that went.
    pub sent: [u64; 4],
}

/// What pressure stall information (PSI) tells: as [`Sample`], microseconds since the
/// group was made; as [`Usage`], shares of the time between two samples, 0 to 1.
///
/// *Some*: at least one process waited; *full*: all that could have run did. See
/// Documentation/accounting/psi.rst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stalls<T> {
    /// Some waited for a processor, a quota's hold included.
    pub cpu_some: Option<T>,
    /// Some waited for memory.
    pub memory_some: Option<T>,
    /// All waited for memory.
    pub memory_full: Option<T>,
    /// Some waited for IO.
    pub io_some: Option<T>,
    /// All waited for IO.
    pub io_full: Option<T>,
}

/// What a container uses now: gauges as they are, counters as rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Cores in use: 1.0 is one core. `None` until two samples exist.
    pub cpu_cores: Option<f64>,
    /// Share of quota periods in which it was held back, 0 to 1.
    pub throttled_share: Option<f64>,
    /// Seconds that its processors' run queues were held back a second; above 1 where
    /// several were.
    pub throttled_time: Option<f64>,
    /// Working set: memory less inactive file cache, bytes, as docker shows it.
    pub memory_bytes: Option<u64>,
    /// Anonymous memory, bytes.
    pub anon_bytes: Option<u64>,
    /// File-backed memory, bytes.
    pub file_bytes: Option<u64>,
    /// What the kernel itself holds for it (stacks, page tables, sockets, …), bytes: all
    /// that is neither anonymous nor file-backed.
    pub kernel_bytes: Option<u64>,
    /// Memory that was swapped out, bytes.
    pub swap_bytes: Option<u64>,
    /// OOM kills in this run.
    pub oom_kills: Option<u64>,
    /// Times in this run that it was slowed down for being over `memory.high`.
    pub memory_high_events: Option<u64>,
    /// Times in this run that it was about to pass its memory limit.
    pub memory_max_events: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Processes or threads in this run that were refused for the limit.
    pub pids_max_events: Option<u64>,
    /// Shares of time in which its processes waited for what they lack.
    pub stalls: Stalls<f64>,
    /// Bytes read a second.
    pub read_bps: Option<f64>,
    /// Bytes written a second.
    pub write_bps: Option<f64>,
    /// Read operations a second.
    pub read_iops: Option<f64>,
    /// Write operations a second.
    pub write_iops: Option<f64>,
    /// Bytes read since the cgroup was made.
    pub read_bytes: Option<u64>,
    /// Bytes written since the cgroup was made.
    pub write_bytes: Option<u64>,
    /// Bytes received a second, over all its interfaces.
    pub net_in_bps: Option<f64>,
    /// Bytes sent a second.
    pub net_out_bps: Option<f64>,
    /// Packets received a second.
    pub net_in_pps: Option<f64>,
    /// Packets sent a second.
    pub net_out_pps: Option<f64>,
    /// Bytes received by the interfaces that it has.
    pub net_in_bytes: Option<u64>,
    /// Bytes sent by them.
    pub net_out_bytes: Option<u64>,
    /// Packets that were damaged or could not be sent.
    pub net_errors: Option<u64>,
    /// Packets that were dropped.
    pub net_drops: Option<u64>,
}

impl Usage {
    /// Usage at `now`, with rates against `before` where that was the same cgroup.
    ///
    /// A counter that went back gives no rate: the kernel does not do that to one
    /// group, so the two samples are not of the same thing.
    pub fn between(before: Option<&Sample>, now: &Sample) -> Self {
        let before = before.filter(|b| b.cgroup_inode == now.cgroup_inode && b.at_ns < now.at_ns);
        let elapsed_secs = before.map(|b| Duration::from_nanos(now.at_ns - b.at_ns).as_secs_f64());
        let grown = |field: fn(&Sample) -> Option<u64>| {
            Some(field(now)?.checked_sub(field(before?)?)? as f64)
        };
        let rate = |field| Some(grown(field)? / elapsed_secs?);
        let stalled = |field| Some((rate(field)? / 1e6).min(1.0));
        let periods = grown(|s| s.periods);
        let throttled = grown(|s| s.throttled_periods);
        Self {
            cpu_cores: rate(|s| s.cpu_ns).map(|ns_per_sec| ns_per_sec / 1e9),
            throttled_share: periods
                .zip(throttled)
                .map(|(all, held)| if all > 0.0 { held / all } else { 0.0 }),
            memory_bytes: now
                .memory_bytes
                .map(|all| all.saturating_sub(now.inactive_file_bytes.unwrap_or(0))),
            throttled_time: rate(|s| s.throttled_ns).map(|ns_per_sec| ns_per_sec / 1e9),
            anon_bytes: now.anon_bytes,
            file_bytes: now.file_bytes,
            kernel_bytes: now
                .memory_bytes
                .zip(now.anon_bytes)
                .zip(now.file_bytes)
                .map(|((all, anon), file)| all.saturating_sub(anon).saturating_sub(file)),
            swap_bytes: now.swap_bytes,
            oom_kills: now.oom_kills,
            memory_high_events: now.memory_high_events,
            memory_max_events: now.memory_max_events,
            pids: now.pids,
            pids_max_events: now.pids_max_events,
            stalls: Stalls {
                cpu_some: stalled(|s| s.stalls.cpu_some),
                memory_some: stalled(|s| s.stalls.memory_some),
                memory_full: stalled(|s| s.stalls.memory_full),
                io_some: stalled(|s| s.stalls.io_some),
                io_full: stalled(|s| s.stalls.io_full),
            },
            read_bps: rate(|s| s.read_bytes),
            write_bps: rate(|s| s.write_bytes),
            read_iops: rate(|s| s.read_ops),
            write_iops: rate(|s| s.write_ops),
            read_bytes: now.read_bytes,
            write_bytes: now.write_bytes,
            net_in_bps: rate(|s| Some(s.traffic?.in_bytes)),
            net_out_bps: rate(|s| Some(s.traffic?.out_bytes)),
            net_in_pps: rate(|s| Some(s.traffic?.in_packets)),
            net_out_pps: rate(|s| Some(s.traffic?.out_packets)),
            net_in_bytes: now.traffic.map(|traffic| traffic.in_bytes),
            net_out_bytes: now.traffic.map(|traffic| traffic.out_bytes),
            net_errors: now.traffic.map(|t| t.in_errors + t.out_errors),
            net_drops: now.traffic.map(|t| t.in_drops + t.out_drops),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_ns: u64, cpu_ns: u64) -> Sample {
        Sample {
            at_ns,
            cpu_ns: Some(cpu_ns),
            cgroup_inode: 7,
            ..Sample::default()
        }
    }

    #[test]
    fn half_a_second_of_cpu_in_a_second_is_half_a_core() {
        let usage = Usage::between(Some(&sample(0, 100)), &sample(1_000_000_000, 500_000_100));
        assert_eq!(usage.cpu_cores, Some(0.5));
    }

    #[test]
    fn first_sample_has_gauges_and_no_rates() {
        let now = Sample {
            memory_bytes: Some(10),
            inactive_file_bytes: Some(4),
            ..sample(5, 5)
        };
        let usage = Usage::between(None, &now);
        assert_eq!((usage.cpu_cores, usage.memory_bytes), (None, Some(6)));
    }

    #[test]
    fn another_cgroup_or_a_counter_that_went_back_gives_no_rate() {
        let other = Sample {
            cgroup_inode: 8,
            ..sample(0, 0)
        };
        assert_eq!(Usage::between(Some(&other), &sample(1, 1)).cpu_cores, None);
        assert_eq!(
            Usage::between(Some(&sample(0, 9)), &sample(1, 1)).cpu_cores,
            None
        );
    }

    #[test]
    fn stalls_are_shares_of_the_time_that_passed() {
        let stalled = |at_ns, io_some| Sample {
            stalls: Stalls {
                io_some: Some(io_some),
                ..Stalls::default()
            },
            ..sample(at_ns, 0)
        };
        let usage = Usage::between(Some(&stalled(0, 0)), &stalled(2_000_000_000, 500_000));
        assert_eq!(usage.stalls.io_some, Some(0.25));
        assert_eq!(usage.stalls.memory_full, None);
    }

    #[test]
    fn traffic_is_a_rate_in_each_direction_and_errors_are_one_sum() {
        let passed = |at_ns, in_bytes, out_bytes| Sample {
            traffic: Some(Traffic {
                in_bytes,
                out_bytes,
                in_errors: 2,
                out_errors: 3,
                ..Traffic::default()
            }),
            ..sample(at_ns, 0)
        };
        let second = 1_000_000_000;
        let usage = Usage::between(Some(&passed(0, 100, 0)), &passed(second, 1100, 7));
        assert_eq!(
            (usage.net_in_bps, usage.net_out_bps),
            (Some(1000.0), Some(7.0))
        );
        assert_eq!(
            (usage.net_in_bytes, usage.net_errors),
            (Some(1100), Some(5))
        );
        // An interface went: what is left counts less.
        let usage = Usage::between(Some(&passed(0, 100, 9)), &passed(second, 50, 9));
        assert_eq!((usage.net_in_bps, usage.net_out_bps), (None, Some(0.0)));
        let usage = Usage::between(Some(&sample(0, 0)), &passed(second, 1, 1));
        assert_eq!(usage.net_in_bps, None);
    }

    #[test]
    fn unknown_counters_stay_unknown() {
        let usage = Usage::between(Some(&sample(0, 0)), &sample(1, 1));
        assert_eq!(
            (usage.write_bps, usage.pids, usage.memory_bytes),
            (None, None, None)
        );
    }
}
