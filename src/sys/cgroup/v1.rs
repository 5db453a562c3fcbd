//! Limits in the files of cgroup v1.

use oci_spec::runtime::{LinuxBlockIo, LinuxCpu, LinuxMemory, LinuxThrottleDevice};

use super::{
    Result,
    resources::{Old, Planner, invalid},
};

/// Memory and swap limits at or above this are how v1 spells "none".
pub(super) const UNLIMITED: u64 = 1 << 62;

/// Tells more than it takes: a line a setting, and a number for the first of them.
pub(super) const OOM_CONTROL: &str = "memory.oom_control";
/// The word of that line.
pub(super) const OOM_SETTING: &str = "oom_kill_disable";

/// Weight, quota and the rest of `cpu`.
///
/// The kernel checks a quota against its period with each write, so of the two the one
/// that keeps every step valid comes first: a longer period before, a shorter one after.
/// A burst may not exceed the quota: a smaller burst goes before it, a bigger one after.
pub fn cpu(plan: &mut Planner<'_>, cpu: &LinuxCpu) -> Result<()> {
    let mut put = |field, name: &str, value: String| plan.write(field, "cpu", "cpu", name, value);
    if let Some(shares) = cpu.shares().filter(|&shares| shares != 0) {
        put(
            "linux.resources.cpu.shares",
            "cpu.shares",
            shares.to_string(),
        )?;
    }
    if let Some(idle) = cpu.idle() {
        put("linux.resources.cpu.idle", "cpu.idle", idle.to_string())?;
    }
    let period = cpu.period().filter(|&period| period != 0);
    let quota = cpu.quota().filter(|&quota| quota != 0);
    let write_period = |plan: &mut Planner<'_>| match period {
        Some(us) => plan.write(
            "linux.resources.cpu.period",
            "cpu",
            "cpu",
            "cpu.cfs_period_us",
            us.to_string(),
        ),
        None => Ok(()),
    };
    let is_longer = period >= plan.present("cpu", "cpu", "cpu.cfs_period_us");
    let burst = cpu.burst();
    let is_more_burst = burst > plan.present("cpu", "cpu", "cpu.cfs_burst_us");
    let write_burst = |plan: &mut Planner<'_>| match burst {
        Some(us) => plan.write(
            "linux.resources.cpu.burst",
            "cpu",
            "cpu",
            "cpu.cfs_burst_us",
            us.to_string(),
        ),
        None => Ok(()),
    };
    if is_longer {
        write_period(plan)?;
    }
    if !is_more_burst {
        write_burst(plan)?;
    }
    if let Some(us) = quota {
        let value = us.max(-1).to_string();
        plan.write(
            "linux.resources.cpu.quota",
            "cpu",
            "cpu",
            "cpu.cfs_quota_us",
            value,
        )?;
    }
    if is_more_burst {
        write_burst(plan)?;
    }
    if !is_longer {
        write_period(plan)?;
    }
    if let Some(us) = cpu.realtime_period().filter(|&us| us != 0) {
        let field = "linux.resources.cpu.realtimePeriod";
        plan.write(field, "cpu", "cpu", "cpu.rt_period_us", us.to_string())?;
    }
    if let Some(us) = cpu.realtime_runtime().filter(|&us| us != 0) {
        let field = "linux.resources.cpu.realtimeRuntime";
        plan.write(field, "cpu", "cpu", "cpu.rt_runtime_us", us.to_string())?;
    }
    Ok(())
}

/// Limits of `memory`.
///
/// The kernel keeps `limit <= memory + swap` at every moment: when the sum grows it goes
/// first, when it shrinks it goes last.
pub fn memory(plan: &mut Planner<'_>, memory: &LinuxMemory) -> Result<()> {
    const LIMIT: &str = "memory.limit_in_bytes";
    const BOTH: &str = "memory.memsw.limit_in_bytes";
    let limit = memory.limit().filter(|&bytes| bytes != 0);
    let counts_swap = plan.has("memory", "memory", BOTH);
    let both = memory.swap().filter(|&bytes| bytes != 0);
    if let (Some(limit), Some(both)) = (limit, both)
        && both > 0
        && (limit > both || limit < 0)
    {
        return Err(invalid(
            "linux.resources.memory.swap",
            format!("{both} is memory and swap together and less than the memory limit {limit}"),
        ));
    }
    if memory.check_before_update() == Some(true)
        && let (Some(limit), Some(used)) = (
            limit.and_then(|limit| u64::try_from(limit).ok()),
            plan.present("memory", "memory", "memory.usage_in_bytes"),
        )
        && used > limit
    {
        return Err(invalid(
            "linux.resources.memory.limit",
            format!("{limit} is less than the {used} bytes in use"),
        ));
    }
    let both = both.filter(|_| counts_swap);
    // "None" is the biggest number of all, in a new group and in the files.
    let now = plan
        .present("memory", "memory", BOTH)
        .filter(|&bytes| bytes < UNLIMITED)
        .unwrap_or(u64::MAX);
    let grows = both.is_some_and(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX) >= now);
    let mut put = |field, name: &str, bytes: Option<i64>| match bytes {
        Some(bytes) => plan.write(field, "memory", "memory", name, bytes.max(-1).to_string()),
        None => Ok(()),
    };
    if grows {
        put("linux.resources.memory.swap", BOTH, both)?;
    }
    put("linux.resources.memory.limit", LIMIT, limit)?;
    if !grows {
        put("linux.resources.memory.swap", BOTH, both)?;
    }
    let soft = memory.reservation().filter(|&bytes| bytes != 0);
    put(
        "linux.resources.memory.reservation",
        "memory.soft_limit_in_bytes",
        soft,
    )?;
    let tcp = memory.kernel_tcp().filter(|&bytes| bytes != 0);
    put(
        "linux.resources.memory.kernelTCP",
        "memory.kmem.tcp.limit_in_bytes",
        tcp,
    )?;
    let kernel = memory.kernel().filter(|&bytes| bytes != 0);
    put(
        "linux.resources.memory.kernel",
        "memory.kmem.limit_in_bytes",
        kernel,
    )?;
    if let Some(value) = memory.swappiness() {
        let field = "linux.resources.memory.swappiness";
        plan.write(
            field,
            "memory",
            "memory",
            "memory.swappiness",
            value.to_string(),
        )?;
    }
    let now = plan.setting("memory", "memory", OOM_CONTROL, OOM_SETTING);
    if let Some(is_disabled) = memory.disable_oom_killer()
        && (is_disabled || now == Some(1))
    {
        let field = "linux.resources.memory.disableOOMKiller";
        let value = u8::from(is_disabled).to_string();
        let old = Old::Setting(OOM_SETTING);
        plan.write_with(field, "memory", "memory", OOM_CONTROL, value, old)?;
    }
    if memory.use_hierarchy() == Some(false) {
        return Err(invalid(
            "linux.resources.memory.useHierarchy",
            "false would let nested groups escape the limit",
        ));
    }
    Ok(())
}

/// Weights and rates of `blkio`.
pub fn block_io(plan: &mut Planner<'_>, io: &LinuxBlockIo) -> Result<()> {
    // BFQ's own file comes with the scheduler; the plain one was CFQ's, until Linux 5.0.
    let weight_file = match plan.has("blkio", "io", "blkio.bfq.weight") {
        true => "blkio.bfq.weight",
        false => "blkio.weight",
    };
    if let Some(weight) = io.weight().filter(|&weight| weight != 0) {
        let field = "linux.resources.blockIO.weight";
        plan.write(field, "blkio", "io", weight_file, weight.to_string())?;
    }
    if let Some(weight) = io.leaf_weight().filter(|&weight| weight != 0) {
        let field = "linux.resources.blockIO.leafWeight";
        plan.write(
            field,
            "blkio",
            "io",
            "blkio.leaf_weight",
            weight.to_string(),
        )?;
    }
    for device in io.weight_device().iter().flatten() {
        let of = format!("{}:{}", device.major(), device.minor());
        let field = "linux.resources.blockIO.weightDevice";
        if let Some(weight) = device.weight() {
            let name = format!("{weight_file}_device");
            let old = Old::DeviceLine("0");
            plan.write_with(field, "blkio", "io", &name, format!("{of} {weight}"), old)?;
        }
        if let Some(weight) = device.leaf_weight() {
            let name = "blkio.leaf_weight_device";
            let old = Old::DeviceLine("0");
            plan.write_with(field, "blkio", "io", name, format!("{of} {weight}"), old)?;
        }
    }
    for (field, name, rates) in throttles(io) {
        for rate in rates.iter().flatten() {
            // 0 removes the limit.
            let value = format!("{}:{} {}", rate.major(), rate.minor(), rate.rate());
            let name = format!("blkio.throttle.{name}_device");
            plan.write_with(field, "blkio", "io", &name, value, Old::DeviceLine("0"))?;
        }
    }
    Ok(())
}

type Throttle<'a> = (
    &'static str,
    &'static str,
    &'a Option<Vec<LinuxThrottleDevice>>,
);

/// The four kinds of rate, by field and by v1's name.
pub(super) fn throttles(io: &LinuxBlockIo) -> [Throttle<'_>; 4] {
    [
        (
            "linux.resources.blockIO.throttleReadBpsDevice",
            "read_bps",
            io.throttle_read_bps_device(),
        ),
        (
            "linux.resources.blockIO.throttleWriteBpsDevice",
            "write_bps",
            io.throttle_write_bps_device(),
        ),
        (
            "linux.resources.blockIO.throttleReadIOPSDevice",
            "read_iops",
            io.throttle_read_iops_device(),
        ),
        (
            "linux.resources.blockIO.throttleWriteIOPSDevice",
            "write_iops",
            io.throttle_write_iops_device(),
        ),
    ]
}
