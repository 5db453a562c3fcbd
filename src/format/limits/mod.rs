//! Limits as people type and read them: each has one text, which `wharf update` takes and
//! the dashboard's editor shows, and one line that says what it means.

mod effect;

use super::{
    bytes,
    text::sanitize,
    values::{self, Parsed},
};
pub use effect::{Note, notes, usage};

use crate::model::{DeviceRate, Limit, Limits, UpdateRequest};

/// Least memory that a container can be given, as docker has it: below, the kernel can't
/// even set the process up.
pub const LEAST_MEMORY_BYTES: u64 = 6 << 20;

/// The limit that is called so.
pub fn name(text: &str) -> Parsed<Limit> {
    Limit::ALL
        .into_iter()
        .find(|limit| limit.as_str() == text)
        .ok_or_else(|| format!("there are {}", Limit::ALL.map(Limit::as_str).join(", ")))
}

/// What a value is, where none is given.
pub fn allowed(limit: Limit) -> &'static str {
    match limit {
        Limit::Cpus => "most CPU in cores, such as 1.5",
        Limit::CpuShares => "CPU weight against others, 2 to 262144; 1024 is usual",
        Limit::CpusetCpus => "processors that may be used, such as 0-2,5",
        Limit::CpusetMems => "memory nodes that may be used, such as 0",
        Limit::Memory => "most memory, such as 512m or 2g",
        Limit::MemorySwap => "memory and swap together, such as 1g; -1 is no limit",
        Limit::MemoryReservation => "memory kept for it under pressure, such as 256m",
        Limit::MemoryMin => "memory never taken from it, such as 64m (cgroup v2)",
        Limit::MemoryHigh => "memory at which it is slowed down, such as 448m (cgroup v2)",
        Limit::OomKillDisable => "true lets it wait for memory instead of being killed (cgroup v1)",
        Limit::Pids => "most processes and threads; -1 is no limit",
        Limit::BlkioWeight => "IO weight against others, 10 to 1000",
        Limit::ReadBps | Limit::WriteBps => "bytes a second, such as /dev/sda:10m",
        Limit::ReadIops | Limit::WriteIops => "operations a second, such as /dev/sda:200",
        Limit::NetRateIn => "bytes a second that each interface receives, such as 10m",
        Limit::NetRateOut => "bytes a second that each interface sends, such as 10m",
    }
}

/// Reads one limit into `limits`. Several devices are set apart by blanks.
pub fn read(limit: Limit, text: &str, limits: &mut Limits) -> Parsed<()> {
    let text = text.trim();
    match limit {
        Limit::Cpus => limits.cpu_millis = Some(values::cpus(text)?),
        Limit::CpuShares => {
            let shares = number(text, limit)?;
            limits.cpu_shares = Some(within(shares, 2, 262_144, limit)?);
        }
        Limit::CpusetCpus => limits.cpuset_cpus = Some(values::cpuset(text)?),
        Limit::CpusetMems => limits.cpuset_mems = Some(values::cpuset(text)?),
        Limit::Memory => limits.memory_bytes = Some(values::size(text)?),
        Limit::MemorySwap => limits.memory_swap_bytes = Some(values::memory_swap(text)?),
        Limit::MemoryReservation => limits.memory_reservation_bytes = Some(values::size(text)?),
        Limit::MemoryMin => limits.memory_min_bytes = Some(values::size(text)?),
        Limit::MemoryHigh => limits.memory_high_bytes = Some(values::size(text)?),
        Limit::OomKillDisable => {
            limits.oom_kill_disable = Some(text.parse().map_err(|_| refusal(limit))?);
        }
        Limit::Pids => {
            let pids = match text {
                "-1" | "0" => -1,
                _ => i64::try_from(number(text, limit)?).map_err(|_| refusal(limit))?,
            };
            limits.pids = Some(pids);
        }
        Limit::BlkioWeight => {
            let weight = within(number(text, limit)?, 10, 1000, limit)?;
            limits.blkio_weight = Some(weight as u16);
        }
        Limit::ReadBps => limits.read_bps = rates(text, values::device_rate)?,
        Limit::WriteBps => limits.write_bps = rates(text, values::device_rate)?,
        Limit::ReadIops => limits.read_iops = rates(text, values::device_iops)?,
        Limit::WriteIops => limits.write_iops = rates(text, values::device_iops)?,
        Limit::NetRateIn => limits.net_rate_in = Some(values::size(text)?),
        Limit::NetRateOut => limits.net_rate_out = Some(values::size(text)?),
    }
    Ok(())
}

/// One limit as [`read`] takes it; `None` where it isn't set.
pub fn show(limit: Limit, limits: &Limits) -> Option<String> {
    match limit {
        Limit::Cpus => limits.cpu_millis.map(|m| format!("{}", m as f64 / 1000.0)),
        Limit::CpuShares => limits.cpu_shares.map(|n| n.to_string()),
        Limit::CpusetCpus => limits.cpuset_cpus.clone(),
        Limit::CpusetMems => limits.cpuset_mems.clone(),
        Limit::Memory => limits.memory_bytes.map(size),
        Limit::MemorySwap => limits.memory_swap_bytes.map(|both| match both {
            0.. => size(both.unsigned_abs()),
            _ => "-1".into(),
        }),
        Limit::MemoryReservation => limits.memory_reservation_bytes.map(size),
        Limit::MemoryMin => limits.memory_min_bytes.map(size),
        Limit::MemoryHigh => limits.memory_high_bytes.map(size),
        Limit::OomKillDisable => limits.oom_kill_disable.map(|is| is.to_string()),
        Limit::Pids => limits.pids.map(|n| n.to_string()),
        Limit::BlkioWeight => limits.blkio_weight.map(|n| n.to_string()),
        Limit::ReadBps => listed(&limits.read_bps, size),
        Limit::WriteBps => listed(&limits.write_bps, size),
        Limit::ReadIops => listed(&limits.read_iops, |n| n.to_string()),
        Limit::WriteIops => listed(&limits.write_iops, |n| n.to_string()),
        Limit::NetRateIn => limits.net_rate_in.map(size),
        Limit::NetRateOut => limits.net_rate_out.map(size),
    }
}

/// What became of limits that were asked for, where it is less or worse than it seems: in
/// docker's words.
pub fn warnings(asked: &Limits, made: &Limits) -> Vec<&'static str> {
    let waits = |limits: &Limits| limits.oom_kill_disable == Some(true);
    let warning = match (waits(asked), waits(made)) {
        (true, false) => "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
        (true, true) if made.memory_bytes.is_none() => {
            "OOM killer is disabled for the container, but no memory limit is set, this can \
             result in the system running out of resources."
        }
        _ => return Vec::new(),
    };
    vec![warning]
}

/// Least rate of an interface, bytes a second: one packet of usual size every second and
/// a half.
pub const LEAST_NET_RATE: u64 = 1024;

/// Whether limits agree with each other; if not, which one is at fault and why.
pub fn check(limits: &Limits) -> Result<(), (Limit, String)> {
    let memory = limits.memory_bytes;
    if let Some(memory) = memory.filter(|bytes| *bytes < LEAST_MEMORY_BYTES) {
        let (have, least) = (bytes::binary(memory), bytes::binary(LEAST_MEMORY_BYTES));
        return Err((
            Limit::Memory,
            format!("{have}: at least {least} are needed"),
        ));
    }
    for (limit, least) in [
        (Limit::MemoryReservation, limits.memory_reservation_bytes),
        (Limit::MemoryMin, limits.memory_min_bytes),
    ] {
        if let (Some(least), Some(most)) = (least, memory)
            && least > most
        {
            let most = bytes::binary(most);
            return Err((limit, format!("above the memory limit of {most}")));
        }
    }
    if let Some(high) = limits.memory_high_bytes
        && high < LEAST_MEMORY_BYTES
    {
        let (have, least) = (bytes::binary(high), bytes::binary(LEAST_MEMORY_BYTES));
        return Err((
            Limit::MemoryHigh,
            format!("{have}: at least {least} are needed"),
        ));
    }
    for (limit, rate) in [
        (Limit::NetRateIn, limits.net_rate_in),
        (Limit::NetRateOut, limits.net_rate_out),
    ] {
        if rate.is_some_and(|rate| rate < LEAST_NET_RATE) {
            return Err((limit, "at least 1k a second is needed".into()));
        }
    }
    match (limits.memory_swap_bytes, memory) {
        (Some(1..), None) => Err((
            Limit::MemorySwap,
            "counts memory and swap together: it needs a limit of memory".into(),
        )),
        (Some(both @ 1..), Some(memory)) if both.cast_unsigned() < memory => Err((
            Limit::MemorySwap,
            format!(
                "counts memory and swap together: it is below the {} of memory",
                bytes::binary(memory)
            ),
        )),
        _ => Ok(()),
    }
}

/// The command that does the same to the containers called so; safe to print.
pub fn command(request: &UpdateRequest, names: &[&str]) -> String {
    let mut words = vec!["wharf".to_owned(), "update".to_owned()];
    for limit in &request.unset {
        words.push(format!("--unset {}", limit.as_str()));
    }
    for limit in Limit::ALL {
        let Some(text) = show(limit, &request.limits) else {
            continue;
        };
        words.extend(
            text.split(' ')
                .map(|value| format!("--{} {}", limit.as_str(), sanitize(value))),
        );
    }
    if let Some(policy) = request.restart {
        words.push(format!("--restart {policy}"));
    }
    words.extend(names.iter().map(|name| sanitize(name).into_owned()));
    words.join(" ")
}

/// Bytes in the largest unit that says them exactly: `64m`, `1536k`.
fn size(bytes: u64) -> String {
    let exact = [(40, 't'), (30, 'g'), (20, 'm'), (10, 'k')]
        .into_iter()
        .find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift));
    match exact {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

fn listed(rates: &[DeviceRate], figure: impl Fn(u64) -> String) -> Option<String> {
    let one = |rate: &DeviceRate| format!("{}:{}", rate.path.display(), figure(rate.rate));
    let all: Vec<_> = rates.iter().map(one).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

fn rates(text: &str, read: fn(&str) -> Parsed<DeviceRate>) -> Parsed<Vec<DeviceRate>> {
    text.split_whitespace().map(read).collect()
}

fn number(text: &str, limit: Limit) -> Parsed<u64> {
    text.parse().map_err(|_| refusal(limit))
}

fn within(n: u64, least: u64, most: u64, limit: Limit) -> Parsed<u64> {
    if (least..=most).contains(&n) {
        Ok(n)
    } else {
        Err(refusal(limit))
    }
}

fn refusal(limit: Limit) -> String {
    allowed(limit).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_shown_is_read_back() {
        for (limit, text) in [
            (Limit::Cpus, "0.5"),
            (Limit::CpuShares, "512"),
            (Limit::CpusetCpus, "0-2,5"),
            (Limit::CpusetMems, "0"),
            (Limit::Memory, "64m"),
            (Limit::MemorySwap, "-1"),
            (Limit::MemoryReservation, "1536k"),
            (Limit::MemoryMin, "16m"),
            (Limit::MemoryHigh, "48m"),
            (Limit::OomKillDisable, "true"),
            (Limit::Pids, "-1"),
            (Limit::BlkioWeight, "500"),
            (Limit::NetRateIn, "10m"),
            (Limit::NetRateOut, "1536k"),
            (Limit::ReadBps, "/dev/sda:10m /dev/sdb:1g"),
            (Limit::WriteBps, "/dev/sda:1025"),
            (Limit::ReadIops, "/dev/sda:200"),
            (Limit::WriteIops, "/dev/sda:1"),
        ] {
            let mut limits = Limits::default();
            read(limit, text, &mut limits).unwrap();
            assert!(limits.has(limit));
            assert_eq!(show(limit, &limits).as_deref(), Some(text));
            assert_eq!(show(limit, &Limits::default()), None);
            assert_eq!(name(limit.as_str()), Ok(limit));
        }
    }

    #[test]
    fn what_is_out_of_range_says_what_is_allowed() {
        for (limit, text) in [
            (Limit::CpuShares, "1"),
            (Limit::Pids, "-2"),
            (Limit::Pids, "x"),
            (Limit::BlkioWeight, "1001"),
            (Limit::ReadIops, "/dev/sda"),
            (Limit::Memory, "much"),
        ] {
            let refused = read(limit, text, &mut Limits::default());
            assert!(!refused.unwrap_err().is_empty(), "{text}");
        }
    }

    #[test]
    fn limits_that_contradict_each_other_name_the_one_at_fault() {
        let fault = |memory, swap, reservation| {
            let limits = Limits {
                memory_bytes: memory,
                memory_swap_bytes: swap,
                memory_reservation_bytes: reservation,
                ..Limits::default()
            };
            check(&limits).err().map(|(limit, _)| limit)
        };
        assert_eq!(
            fault(Some(64 << 20), Some(32 << 20), None),
            Some(Limit::MemorySwap)
        );
        assert_eq!(fault(None, Some(32 << 20), None), Some(Limit::MemorySwap));
        assert_eq!(fault(Some(1 << 20), None, None), Some(Limit::Memory));
        let above = fault(Some(64 << 20), None, Some(65 << 20));
        assert_eq!(above, Some(Limit::MemoryReservation));
        assert_eq!(fault(Some(64 << 20), Some(-1), Some(1 << 20)), None);
    }

    #[test]
    fn command_is_what_one_would_type() {
        let request = UpdateRequest {
            id: crate::model::ContainerId::from_bytes(&[1; 32]),
            limits: Limits {
                cpu_millis: Some(500),
                memory_bytes: Some(64 << 20),
                ..Limits::default()
            },
            unset: vec![Limit::Pids],
            restart: Some(crate::model::RestartPolicy::Always),
        };
        assert_eq!(
            command(&request, &["web", "db"]),
            "wharf update --unset pids-limit --cpus 0.5 --memory 64m --restart always web db"
        );
    }

    proptest! {
        #[test]
        fn every_size_survives_its_text(bytes in 0u64..1 << 50) {
            prop_assert_eq!(values::size(&size(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_makes_a_parser_fall_over(text in "\\PC{0,24}", n in 0..Limit::ALL.len()) {
            let mut limits = Limits::default();
            let _ = read(Limit::ALL[n], &text, &mut limits);
        }
    }
}
