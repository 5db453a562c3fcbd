//! Limits as docker's users give them, as the OCI runtime specification writes them.

use std::collections::HashMap;

use oci_spec::runtime::{
    LinuxBlockIoBuilder, LinuxCpuBuilder, LinuxMemoryBuilder, LinuxPidsBuilder, LinuxResources,
    LinuxThrottleDevice, LinuxThrottleDeviceBuilder,
};

use super::{Error, built, device};
use crate::{
    model::{DeviceRate, Limit, Limits},
    sys::cgroup::Defaults,
};

/// The period that a CPU quota counts in, microseconds: docker's and the kernel's.
pub const CPU_PERIOD_US: u64 = 100_000;

/// The limits alone, without device rules: what an update applies.
pub fn resources(limits: &Limits) -> Result<LinuxResources, Error> {
    let mut resources = LinuxResources::default();
    resources.set_cpu(cpu(limits));
    resources.set_memory(memory(limits));
    resources.set_pids(limits.pids.map(|limit| {
        // 0 is docker's other word for no limit.
        let limit = if limit <= 0 { -1 } else { limit };
        built(LinuxPidsBuilder::default().limit(limit).build())
    }));
    resources.set_block_io(block_io(limits)?);
    resources.set_unified(unified(limits));
    Ok(resources)
}

/// What brings a live group from `old` to `new`: the new limits, and for each that only
/// the old ones have what the kernel begins with.
pub fn update(old: &Limits, new: &Limits, defaults: &Defaults) -> Result<LinuxResources, Error> {
    let gone = |limit| old.has(limit) && !new.has(limit);
    let mut all = new.clone();
    if gone(Limit::CpuShares) {
        all.cpu_shares = Some(1024);
    }
    if gone(Limit::CpusetCpus) {
        all.cpuset_cpus.clone_from(&defaults.cpuset_cpus);
    }
    if gone(Limit::CpusetMems) {
        all.cpuset_mems.clone_from(&defaults.cpuset_mems);
    }
    if gone(Limit::Pids) {
        all.pids = Some(-1);
    }
    if gone(Limit::BlkioWeight) {
        all.blkio_weight = Some(defaults.blkio_weight);
    }
    for (new, old) in [
        (&mut all.read_bps, &old.read_bps),
        (&mut all.write_bps, &old.write_bps),
        (&mut all.read_iops, &old.read_iops),
        (&mut all.write_iops, &old.write_iops),
    ] {
        let lost = old
            .iter()
            .filter(|rate| new.iter().all(|n| n.path != rate.path));
        let lost: Vec<_> = lost
            .cloned()
            .map(|rate| DeviceRate { rate: 0, ..rate })
            .collect();
        new.extend(lost);
    }
    let mut resources = resources(&all)?;
    if gone(Limit::Cpus) {
        let mut cpu = resources.cpu().clone().unwrap_or_default();
        cpu.set_quota(Some(-1));
        cpu.set_period(Some(CPU_PERIOD_US));
        resources.set_cpu(Some(cpu));
    }
    let mut memory = resources.memory().unwrap_or_default();
    let mut is_changed = false;
    if gone(Limit::Memory) {
        memory.set_limit(Some(-1));
    }
    if gone(Limit::Memory) || (gone(Limit::MemorySwap) && new.memory_bytes.is_none()) {
        memory.set_swap(Some(-1));
        is_changed = true;
    }
    if old.oom_kill_disable == Some(true) && new.oom_kill_disable != Some(true) {
        memory.set_disable_oom_killer(Some(false));
        is_changed = true;
    }
    if gone(Limit::MemoryReservation) {
        memory.set_reservation(Some(defaults.memory_reservation));
        is_changed = true;
    }
    if is_changed {
        resources.set_memory(Some(memory));
    }
    let mut unified = resources.unified().clone().unwrap_or_default();
    if gone(Limit::MemoryMin) {
        unified.insert("memory.min".into(), "0".into());
    }
    if gone(Limit::MemoryHigh) {
        unified.insert("memory.high".into(), "max".into());
    }
    resources.set_unified(Some(unified).filter(|unified| !unified.is_empty()));
    Ok(resources)
}

fn cpu(limits: &Limits) -> Option<oci_spec::runtime::LinuxCpu> {
    let mut cpu = LinuxCpuBuilder::default();
    let mut any = false;
    if let Some(millis) = limits.cpu_millis.filter(|millis| *millis > 0) {
        let quota = i64::try_from(millis.saturating_mul(CPU_PERIOD_US / 1000));
        cpu = cpu.quota(quota.unwrap_or(i64::MAX)).period(CPU_PERIOD_US);
        any = true;
    }
    if let Some(shares) = limits.cpu_shares.filter(|shares| *shares > 0) {
        cpu = cpu.shares(shares);
        any = true;
    }
    if let Some(cpus) = limits.cpuset_cpus.as_ref().filter(|set| !set.is_empty()) {
        cpu = cpu.cpus(cpus);
        any = true;
    }
    if let Some(mems) = limits.cpuset_mems.as_ref().filter(|set| !set.is_empty()) {
        cpu = cpu.mems(mems);
        any = true;
    }
    any.then(|| built(cpu.build()))
}

fn memory(limits: &Limits) -> Option<oci_spec::runtime::LinuxMemory> {
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let mut memory = LinuxMemoryBuilder::default();
    let limit = limits.memory_bytes.filter(|bytes| *bytes > 0);
    if let Some(limit) = limit {
        memory = memory.limit(signed(limit));
    }
    // As much swap again as memory, unless the user says otherwise.
    let swap = match limits.memory_swap_bytes {
        None | Some(0) => limit.map(|limit| signed(limit.saturating_mul(2))),
        said => said,
    };
    if let Some(swap) = swap {
        memory = memory.swap(swap);
    }
    let reservation = limits.memory_reservation_bytes.filter(|bytes| *bytes > 0);
    if let Some(reservation) = reservation {
        memory = memory.reservation(signed(reservation));
    }
    let swappiness = limits.memory_swappiness;
    if let Some(swappiness) = swappiness {
        memory = memory.swappiness(swappiness);
    }
    let waits = limits.oom_kill_disable == Some(true);
    if waits {
        memory = memory.disable_oom_killer(true);
    }
    let is_any = waits || swap.is_some() || reservation.is_some() || swappiness.is_some();
    is_any.then(|| built(memory.build()))
}

/// What only v2 has, and the specification knows by the kernel's own names alone: where the
/// memory controller is v1's, whoever applies it refuses it by that name.
fn unified(limits: &Limits) -> Option<HashMap<String, String>> {
    let files = [
        ("memory.min", limits.memory_min_bytes),
        ("memory.high", limits.memory_high_bytes),
    ];
    let asked = files.into_iter().filter_map(|(file, bytes)| {
        let bytes = bytes.filter(|bytes| *bytes > 0)?;
        Some((file.to_owned(), bytes.to_string()))
    });
    let asked: HashMap<_, _> = asked.collect();
    (!asked.is_empty()).then_some(asked)
}

fn block_io(limits: &Limits) -> Result<Option<oci_spec::runtime::LinuxBlockIo>, Error> {
    let rates = [
        &limits.read_bps,
        &limits.write_bps,
        &limits.read_iops,
        &limits.write_iops,
    ];
    let weight = limits.blkio_weight.filter(|weight| *weight > 0);
    if weight.is_none() && rates.iter().all(|rates| rates.is_empty()) {
        return Ok(None);
    }
    let mut block_io = LinuxBlockIoBuilder::default();
    if let Some(weight) = weight {
        block_io = block_io.weight(weight);
    }
    let [read_bps, write_bps, read_iops, write_iops] = rates;
    if !read_bps.is_empty() {
        block_io = block_io.throttle_read_bps_device(throttles(read_bps)?);
    }
    if !write_bps.is_empty() {
        block_io = block_io.throttle_write_bps_device(throttles(write_bps)?);
    }
    if !read_iops.is_empty() {
        block_io = block_io.throttle_read_iops_device(throttles(read_iops)?);
    }
    if !write_iops.is_empty() {
        block_io = block_io.throttle_write_iops_device(throttles(write_iops)?);
    }
    Ok(Some(built(block_io.build())))
}

fn throttles(rates: &[DeviceRate]) -> Result<Vec<LinuxThrottleDevice>, Error> {
    rates
        .iter()
        .map(|rate| {
            let (major, minor) = device::block_number(&rate.path)?;
            Ok(built(
                LinuxThrottleDeviceBuilder::default()
                    .major(major)
                    .minor(minor)
                    .rate(rate.rate)
                    .build(),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_asked_is_nothing_set() {
        let resources = resources(&Limits::default()).unwrap();
        assert!(resources.cpu().is_none() && resources.memory().is_none());
        assert!(resources.pids().is_none() && resources.block_io().is_none());
    }

    #[test]
    fn one_and_a_half_cores_are_150_ms_of_100() {
        let limits = Limits {
            cpu_millis: Some(1500),
            cpu_shares: Some(512),
            ..Limits::default()
        };
        let resources = resources(&limits).unwrap();
        let cpu = resources.cpu().as_ref().unwrap();
        assert_eq!((cpu.quota(), cpu.period()), (Some(150_000), Some(100_000)));
        assert_eq!(cpu.shares(), Some(512));
    }

    #[test]
    fn swap_is_twice_the_memory_unless_said_otherwise() {
        let swap = |memory_swap_bytes| {
            let limits = Limits {
                memory_bytes: Some(64 << 20),
                memory_swap_bytes,
                ..Limits::default()
            };
            resources(&limits).unwrap().memory().unwrap().swap()
        };
        assert_eq!(swap(None), Some(128 << 20));
        assert_eq!(swap(Some(64 << 20)), Some(64 << 20));
        assert_eq!(swap(Some(-1)), Some(-1));
    }

    #[test]
    fn limit_that_is_taken_away_becomes_what_the_kernel_begins_with() {
        let old = Limits {
            cpu_millis: Some(500),
            cpu_shares: Some(2),
            cpuset_cpus: Some("0".into()),
            memory_bytes: Some(64 << 20),
            memory_reservation_bytes: Some(32 << 20),
            memory_min_bytes: Some(8 << 20),
            memory_high_bytes: Some(48 << 20),
            pids: Some(9),
            ..Limits::default()
        };
        let defaults = Defaults {
            cpuset_cpus: Some("0-7".into()),
            cpuset_mems: None,
            blkio_weight: 100,
            memory_reservation: -1,
        };
        let back = update(&old, &Limits::default(), &defaults).unwrap();
        let cpu = back.cpu().as_ref().unwrap();
        assert_eq!((cpu.quota(), cpu.shares()), (Some(-1), Some(1024)));
        assert_eq!(cpu.cpus().as_deref(), Some("0-7"));
        let memory = back.memory().unwrap();
        assert_eq!((memory.limit(), memory.swap()), (Some(-1), Some(-1)));
        assert_eq!(memory.reservation(), Some(-1));
        assert_eq!(back.pids().unwrap().limit(), -1);
        let files = |resources: &LinuxResources| {
            let unified = resources.unified().clone().unwrap_or_default();
            ["memory.min", "memory.high"].map(|file| unified.get(file).cloned())
        };
        assert_eq!(files(&back), [Some("0".into()), Some("max".into())]);
        let same = update(&old, &old, &defaults).unwrap();
        assert_eq!(same, resources(&old).unwrap());
        let set = [Some("8388608".into()), Some("50331648".into())];
        assert_eq!(files(&same), set);
    }

    #[test]
    fn pids_of_zero_or_less_are_no_limit() {
        for (asked, set) in [(5, 5), (0, -1), (-1, -1)] {
            let limits = Limits {
                pids: Some(asked),
                ..Limits::default()
            };
            assert_eq!(resources(&limits).unwrap().pids().unwrap().limit(), set);
        }
    }
}
