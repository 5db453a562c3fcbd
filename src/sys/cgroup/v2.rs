//! Limits in the files of cgroup v2, converted from the specification's v1 words as
//! runc converts them, so that one spec means the same on both.

use std::sync::atomic::Ordering::Relaxed;

use oci_spec::runtime::{LinuxBlockIo, LinuxCpu, LinuxMemory};

use super::{
    Result,
    resources::{Old, Planner, invalid, unsupported},
    v1::throttles,
};

/// An `io.max` line without limits, behind its device.
pub(super) const IO_MAX_NONE: &str = "rbps=max wbps=max riops=max wiops=max";

/// The period that the kernel begins with.
const DEFAULT_PERIOD_US: u64 = 100_000;

/// Whether anything beyond a set of processors is asked.
pub(super) fn asks_for_cpu_time(cpu: &LinuxCpu) -> bool {
    cpu.shares().is_some_and(|n| n != 0)
        || cpu.quota().is_some_and(|n| n != 0)
        || cpu.period().is_some_and(|n| n != 0)
        || cpu.burst().is_some()
        || cpu.idle().is_some()
}

/// Weight, quota and the rest of `cpu`.
pub fn cpu(plan: &mut Planner<'_>, cpu: &LinuxCpu) -> Result<()> {
    let put = |plan: &mut Planner<'_>, field, name: &str, value: String| {
        plan.write(field, "cpu", "cpu", name, value)
    };
    // An idle group has no weight of its own: the weight is refused while idle is set,
    // and clearing idle resets the weight.
    if let Some(idle) = cpu.idle() {
        put(
            plan,
            "linux.resources.cpu.idle",
            "cpu.idle",
            idle.to_string(),
        )?;
    }
    if let Some(shares) = cpu.shares().filter(|&shares| shares != 0) {
        let weight = weight_of_shares(shares).to_string();
        put(plan, "linux.resources.cpu.shares", "cpu.weight", weight)?;
    }
    let period = cpu.period().filter(|&period| period != 0);
    let quota = cpu.quota().filter(|&quota| quota != 0);
    let now = plan.present("cpu", "cpu", "cpu.max.burst");
    let burst = |plan: &mut Planner<'_>| match cpu.burst() {
        Some(us) => put(
            plan,
            "linux.resources.cpu.burst",
            "cpu.max.burst",
            us.to_string(),
        ),
        None => Ok(()),
    };
    let is_more_burst = cpu.burst() > now;
    if !is_more_burst {
        burst(plan)?;
    }
    match (quota, period) {
        (Some(quota), period) => {
            let quota = if quota < 0 {
                "max".into()
            } else {
                quota.to_string()
            };
            let period = period.unwrap_or_else(|| present_period(plan));
            put(
                plan,
                "linux.resources.cpu.quota",
                "cpu.max",
                format!("{quota} {period}"),
            )?;
        }
        (None, Some(period)) => {
            let quota = present_quota(plan);
            put(
                plan,
                "linux.resources.cpu.period",
                "cpu.max",
                format!("{quota} {period}"),
            )?;
        }
        (None, None) => {}
    }
    if is_more_burst {
        burst(plan)?;
    }
    if cpu.realtime_period().is_some_and(|us| us != 0)
        || cpu.realtime_runtime().is_some_and(|us| us != 0)
    {
        return Err(unsupported(
            "linux.resources.cpu.realtimeRuntime",
            "cgroup v2 has no limits of realtime scheduling",
        ));
    }
    Ok(())
}

/// `cpu.max` of a group that exists: quota or `max`, and period.
fn present_max(plan: &Planner<'_>) -> Option<(String, u64)> {
    if plan.group.is_new.load(Relaxed) {
        return None;
    }
    let (member, _) = plan.group.controller("cpu", "cpu")?;
    let text = plan.group.text(member, "cpu.max").ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    Some((quota.to_owned(), period.parse().ok()?))
}

fn present_period(plan: &Planner<'_>) -> u64 {
    present_max(plan).map_or(DEFAULT_PERIOD_US, |(_, period)| period)
}

fn present_quota(plan: &Planner<'_>) -> String {
    present_max(plan).map_or_else(|| "max".into(), |(quota, _)| quota)
}

/// Limits of `memory`. The specification counts memory and swap together, v2 apart.
pub fn memory(plan: &mut Planner<'_>, memory: &LinuxMemory) -> Result<()> {
    const SWAP: &str = "memory.swap.max";
    refuse_v1_only(memory)?;
    let limit = memory.limit().filter(|&bytes| bytes != 0);
    let both = memory.swap().filter(|&bytes| bytes != 0);
    let swap = match (limit, both) {
        (_, None) => match limit {
            // No limit of memory with no word about swap: none of swap either.
            Some(limit) if limit < 0 => Some("max".to_owned()),
            _ => None,
        },
        (_, Some(both)) if both < 0 => Some("max".to_owned()),
        (Some(limit), Some(both)) if limit > 0 && both >= limit => Some((both - limit).to_string()),
        (None, Some(both)) => {
            let limit = plan.present("memory", "memory", "memory.max");
            let swap = limit.and_then(|limit| u64::try_from(both).ok()?.checked_sub(limit));
            Some(
                swap.ok_or_else(|| bad_swap(both, "memory has no limit, or a higher one"))?
                    .to_string(),
            )
        }
        (Some(limit), Some(both)) => {
            return Err(bad_swap(both, &format!("the memory limit is {limit}")));
        }
    };
    if memory.check_before_update() == Some(true)
        && let (Some(limit), Some(used)) = (
            limit.and_then(|limit| u64::try_from(limit).ok()),
            plan.present("memory", "memory", "memory.current"),
        )
        && used > limit
    {
        return Err(invalid(
            "linux.resources.memory.limit",
            format!("{limit} is less than the {used} bytes in use"),
        ));
    }
    // Without swap accounting there is no file; the limit of memory still holds.
    let swap = swap.filter(|_| {
        plan.has("memory", "memory", SWAP) || !plan.has("memory", "memory", "memory.max")
    });
    if let Some(value) = swap {
        plan.write(
            "linux.resources.memory.swap",
            "memory",
            "memory",
            SWAP,
            value,
        )?;
    }
    let put = |plan: &mut Planner<'_>, field, name: &str, bytes: Option<i64>| match bytes {
        Some(bytes) => {
            let value = if bytes < 0 {
                "max".into()
            } else {
                bytes.to_string()
            };
            plan.write(field, "memory", "memory", name, value)
        }
        None => Ok(()),
    };
    put(plan, "linux.resources.memory.limit", "memory.max", limit)?;
    let low = memory.reservation().filter(|&bytes| bytes != 0);
    put(
        plan,
        "linux.resources.memory.reservation",
        "memory.low",
        low,
    )
}

fn bad_swap(both: i64, why: &str) -> super::Error {
    invalid(
        "linux.resources.memory.swap",
        format!("{both} is memory and swap together, and {why}"),
    )
}

/// What v2 dropped.
fn refuse_v1_only(memory: &LinuxMemory) -> Result<()> {
    let kernel = memory.kernel().is_some_and(|bytes| bytes != 0);
    let asked = [
        (kernel, "linux.resources.memory.kernel"),
        (
            memory.kernel_tcp().is_some_and(|bytes| bytes != 0),
            "linux.resources.memory.kernelTCP",
        ),
        (
            memory.swappiness().is_some(),
            "linux.resources.memory.swappiness",
        ),
        (
            memory.disable_oom_killer() == Some(true),
            "linux.resources.memory.disableOOMKiller",
        ),
    ];
    match asked.into_iter().find(|(is_asked, _)| *is_asked) {
        Some((_, field)) => Err(unsupported(field, "cgroup v2 has nothing like it")),
        None => Ok(()),
    }
}

/// Weights and rates of `io`.
pub fn block_io(plan: &mut Planner<'_>, io: &LinuxBlockIo) -> Result<()> {
    if io.leaf_weight().is_some_and(|weight| weight != 0) {
        return Err(unsupported(
            "linux.resources.blockIO.leafWeight",
            "cgroup v2 has nothing like it",
        ));
    }
    // BFQ keeps v1's scale; the general file has its own.
    let is_bfq = plan.has("blkio", "io", "io.bfq.weight");
    let (name, convert): (_, fn(u16) -> u64) = match is_bfq {
        true => ("io.bfq.weight", u64::from),
        false => ("io.weight", io_weight),
    };
    if let Some(weight) = io.weight().filter(|&weight| weight != 0) {
        let value = convert(weight).to_string();
        plan.write("linux.resources.blockIO.weight", "blkio", "io", name, value)?;
    }
    for device in io.weight_device().iter().flatten() {
        let field = "linux.resources.blockIO.weightDevice";
        if device.leaf_weight().is_some_and(|weight| weight != 0) {
            return Err(unsupported(field, "cgroup v2 has no leafWeight"));
        }
        if let Some(weight) = device.weight() {
            let value = format!("{}:{} {}", device.major(), device.minor(), convert(weight));
            let old = Old::DeviceLine("default");
            plan.write_with(field, "blkio", "io", name, value, old)?;
        }
    }
    let keys = ["rbps", "wbps", "riops", "wiops"];
    for (key, (field, _, rates)) in keys.into_iter().zip(throttles(io)) {
        for rate in rates.iter().flatten() {
            let limit = match rate.rate() {
                0 => "max".to_owned(),
                limit => limit.to_string(),
            };
            let value = format!("{}:{} {key}={limit}", rate.major(), rate.minor());
            let old = Old::DeviceLine(IO_MAX_NONE);
            plan.write_with(field, "blkio", "io", "io.max", value, old)?;
        }
    }
    Ok(())
}

/// `cpu.weight` (1 to 10000, default 100) from shares (2 to 262144, default 1024).
///
/// The straight line between the two ranges maps the default 1024 to 39 and so gives
/// every container less than a plain process. runc and crun changed to this curve, which
/// maps 2, 1024 and 262144 to 1, 100 and 10000.
fn weight_of_shares(shares: u64) -> u64 {
    if shares <= 2 {
        return 1;
    }
    if shares >= 262_144 {
        return 10_000;
    }
    let log = (shares as f64).log2();
    let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
    10f64.powf(exponent).ceil() as u64
}

/// `io.weight` (1 to 10000) from a blkio weight (10 to 1000), on a straight line.
fn io_weight(weight: u16) -> u64 {
    1 + u64::from(weight.clamp(10, 1000) - 10) * 9999 / 990
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_their_ends_and_their_middle() {
        let weights = [0, 2, 3, 512, 1024, 2048, 262_144, 300_000].map(weight_of_shares);
        assert_eq!(weights, [1, 1, 2, 59, 100, 174, 10_000, 10_000]);
    }

    #[test]
    fn io_weights_span_both_ranges() {
        assert_eq!([10, 500, 1000].map(io_weight), [1, 4950, 10_000]);
    }
}
