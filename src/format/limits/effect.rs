//! What a change of limits will do to a container: what the kernel would refuse, and why,
//! before it is asked; and what the user should know of the rest.

use super::{check, show};
use crate::{
    format::{bytes, columns::Item},
    model::{Limit, Limits, NetworkMode},
};

/// One thing to know about a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Which limit it is about.
    pub limit: Limit,
    /// Whether the change can't be made.
    pub is_refusal: bool,
    /// In words that follow the limit's name.
    pub text: String,
}

/// What is used now of a limit, as short as it can be said; `None` where it isn't known.
pub fn usage(limit: Limit, item: &Item) -> Option<String> {
    let usage = item.usage?;
    match limit {
        Limit::Cpus => {
            let cores = usage.cpu_cores?;
            Some(match usage.throttled_share.filter(|held| *held >= 0.01) {
                Some(held) => format!("{cores:.2}, held {:.0}%", held * 100.0),
                None => format!("{cores:.2}"),
            })
        }
        Limit::Memory | Limit::MemoryHigh => usage.memory_bytes.map(bytes::binary),
        Limit::MemorySwap => {
            let both = usage.memory_bytes? + usage.swap_bytes?;
            Some(bytes::binary(both))
        }
        Limit::Pids => usage.pids.map(|n| n.to_string()),
        Limit::ReadBps => usage.read_bps.map(bytes::rate),
        Limit::WriteBps => usage.write_bps.map(bytes::rate),
        Limit::ReadIops => usage.read_iops.map(|n| format!("{n:.0}/s")),
        Limit::WriteIops => usage.write_iops.map(|n| format!("{n:.0}/s")),
        Limit::NetRateIn => usage.net_in_bps.map(bytes::rate),
        Limit::NetRateOut => usage.net_out_bps.map(bytes::rate),
        Limit::CpuShares
        | Limit::CpusetCpus
        | Limit::CpusetMems
        | Limit::MemoryReservation
        | Limit::MemoryMin
        | Limit::OomKillDisable
        | Limit::BlkioWeight => None,
    }
}

/// What there is to know about giving `item` the limits `after`; refusals first.
pub fn notes(after: &Limits, item: &Item) -> Vec<Note> {
    let before = &item.container.config.limits;
    let mut notes = Vec::new();
    if let Err((limit, text)) = check(after) {
        notes.push(refusal(limit, text));
    }
    let changed = |limit| show(limit, before) != show(limit, after);
    for limit in [Limit::MemoryMin, Limit::MemoryHigh, Limit::BlkioWeight] {
        if changed(limit) && after.has(limit) && item.host.lacks.contains(&limit) {
            notes.push(refusal(limit, lacking(limit)));
        }
    }
    if changed(Limit::MemoryHigh) {
        notes.extend(high(after, item));
    }
    if changed(Limit::Cpus) {
        notes.extend(cpus(after, item));
    }
    if changed(Limit::CpusetCpus) {
        notes.extend(cpuset(after, item));
    }
    if changed(Limit::Memory) {
        notes.extend(memory(after, item));
    }
    if changed(Limit::MemorySwap) || changed(Limit::Memory) {
        notes.extend(swap(after, item));
    }
    if changed(Limit::Pids) {
        notes.extend(pids(after, item));
    }
    for limit in [Limit::NetRateIn, Limit::NetRateOut] {
        let has_network = item.container.config.network == NetworkMode::Bridge;
        if changed(limit) && after.has(limit) && !has_network {
            let text = "can't be set: it has no network of its own";
            notes.push(refusal(limit, text.into()));
        }
    }
    notes.sort_by_key(|note| !note.is_refusal);
    notes
}

fn refusal(limit: Limit, text: String) -> Note {
    Note {
        limit,
        is_refusal: true,
        text,
    }
}

fn note(limit: Limit, text: String) -> Note {
    Note {
        limit,
        is_refusal: false,
        text,
    }
}

/// Why this machine's kernel can't set it.
fn lacking(limit: Limit) -> String {
    match limit {
        Limit::BlkioWeight => "can't be set: the kernel has no scheduler with weights",
        _ => "can't be set: it needs the memory controller of cgroup v2",
    }
    .into()
}

/// Above the mark the kernel takes pages back and makes the group wait; it kills nothing.
fn high(after: &Limits, item: &Item) -> Option<Note> {
    let high = after.memory_high_bytes?;
    if after.memory_bytes.is_some_and(|most| high >= most) {
        return Some(note(
            Limit::MemoryHigh,
            "it has no effect: the memory limit is met first".into(),
        ));
    }
    let used = item.usage?.memory_bytes?;
    (used > high).then(|| {
        let text = format!(
            "it uses {} now and will be slowed down",
            bytes::binary(used)
        );
        note(Limit::MemoryHigh, text)
    })
}

fn cpus(after: &Limits, item: &Item) -> Option<Note> {
    let quota = after.cpu_millis? as f64 / 1000.0;
    // The kernel would take more; docker's users expect the engine's answer.
    let all = item.host.cpus;
    if all > 0 && quota > f64::from(all) {
        let text = format!("{quota}: this machine has {all}, and the engine gives no more");
        return Some(refusal(Limit::Cpus, text));
    }
    let cores = item.usage?.cpu_cores?;
    let text = match cores > quota {
        true => format!("it uses {cores:.2} now and will be held back to {quota}"),
        false => format!("it uses {:.0}% of that now", cores / quota * 100.0),
    };
    Some(note(Limit::Cpus, text))
}

fn cpuset(after: &Limits, item: &Item) -> Option<Note> {
    let wanted = numbers(after.cpuset_cpus.as_deref()?);
    let online = item.host.cpus_online.as_deref()?;
    let there: Vec<_> = numbers(online).collect();
    let missing = wanted.into_iter().find(|(from, to)| {
        !(*from..=*to).all(|n| there.iter().any(|(a, b)| (*a..=*b).contains(&n)))
    })?;
    let (from, to) = missing;
    let first = (from..=to).find(|n| !there.iter().any(|(a, b)| (*a..=*b).contains(n)))?;
    let text = format!("processor {first} isn't there: this machine has {online}");
    Some(refusal(Limit::CpusetCpus, text))
}

/// The ranges of a list in the kernel's form; what isn't one is left out.
fn numbers(list: &str) -> impl Iterator<Item = (u32, u32)> + '_ {
    list.trim().split(',').filter_map(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some((from.parse().ok()?, to.parse().ok()?))
    })
}

/// Lowering the limit below what is used makes the kernel take pages back. Files can be
/// dropped; what is anonymous or the kernel's own can't without swap: then v1 refuses
/// (EBUSY), and v2 kills.
fn memory(after: &Limits, item: &Item) -> Option<Note> {
    let limit = after.memory_bytes?;
    let usage = item.usage?;
    let used = usage.memory_bytes?;
    let firm = match (usage.anon_bytes, usage.kernel_bytes) {
        (Some(anon), kernel) => anon + kernel.unwrap_or(0),
        (None, _) => used,
    };
    if firm > limit {
        let text = format!(
            "it uses {} that can't be given back: the kernel would refuse, or kill it",
            bytes::binary(firm)
        );
        return Some(refusal(Limit::Memory, text));
    }
    let text = match used > limit {
        true => format!(
            "{} of its file cache will be dropped",
            bytes::binary(used - limit)
        ),
        false => format!(
            "it uses {:.0}% of that now",
            used as f64 / limit as f64 * 100.0
        ),
    };
    Some(note(Limit::Memory, text))
}

fn swap(after: &Limits, item: &Item) -> Option<Note> {
    let both = after
        .memory_swap_bytes
        .filter(|both| *both > 0)?
        .unsigned_abs();
    let usage = item.usage?;
    let used = usage.anon_bytes? + usage.kernel_bytes.unwrap_or(0) + usage.swap_bytes?;
    (used > both).then(|| {
        let text = format!("memory and swap are {} already", bytes::binary(used));
        refusal(Limit::MemorySwap, text)
    })
}

fn pids(after: &Limits, item: &Item) -> Option<Note> {
    let limit = u64::try_from(after.pids?).ok()?;
    let pids = item.usage?.pids?;
    (pids >= limit).then(|| {
        let text = format!("it has {pids} already: none is ended, but no further one can begin");
        note(Limit::Pids, text)
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        format::columns::sample,
        model::{ContainerRow, Host, State, Usage},
    };

    const MIB: u64 = 1 << 20;

    fn told(change: impl FnOnce(&mut Limits)) -> Vec<(bool, String)> {
        let mut container = sample::container("web", State::Running);
        container.config.limits = Limits {
            cpu_millis: Some(500),
            memory_bytes: Some(64 * MIB),
            ..Limits::default()
        };
        let mut after = container.config.limits.clone();
        change(&mut after);
        let row = ContainerRow {
            container: container.into(),
            usage: Some(Usage {
                cpu_cores: Some(0.5),
                throttled_share: Some(0.6),
                memory_bytes: Some(60 * MIB),
                anon_bytes: Some(38 * MIB),
                kernel_bytes: Some(2 * MIB),
                swap_bytes: Some(0),
                pids: Some(31),
                ..Usage::default()
            }),
        };
        let host = Host {
            cpus: 4,
            cpus_online: Some("0-2,5".into()),
            lacks: vec![Limit::MemoryMin],
            ..Host::default()
        };
        let item = Item::new(&row, &host, Timestamp::UNIX_EPOCH);
        let all = notes(&after, &item).into_iter();
        all.map(|n| (n.is_refusal, format!("{} {}", n.limit.as_str(), n.text)))
            .collect()
    }

    #[test]
    fn nothing_changed_is_nothing_to_tell() {
        assert_eq!(told(|_| ()), []);
    }

    #[test]
    fn memory_below_what_cannot_be_given_back_is_refused_and_file_cache_is_not() {
        let (refused, text) = told(|l| l.memory_bytes = Some(39 * MIB)).remove(0);
        assert!(
            refused && text.contains("40MiB that can't be given back"),
            "{text}"
        );
        let (refused, text) = told(|l| l.memory_bytes = Some(50 * MIB)).remove(0);
        assert!(
            !refused && text.contains("10MiB of its file cache"),
            "{text}"
        );
        let (refused, text) = told(|l| l.memory_bytes = Some(120 * MIB)).remove(0);
        assert!(!refused && text.contains("50% of that"), "{text}");
    }

    #[test]
    fn processors_that_are_not_there_are_named() {
        let (refused, text) = told(|l| l.cpuset_cpus = Some("1-3".into())).remove(0);
        assert!(
            refused && text.contains("processor 3 isn't there"),
            "{text}"
        );
        assert_eq!(told(|l| l.cpuset_cpus = Some("0-2,5".into())), []);
        let (refused, text) = told(|l| l.cpu_millis = Some(5000)).remove(0);
        assert!(refused && text.contains("this machine has 4"), "{text}");
    }

    #[test]
    fn what_the_kernel_has_not_is_refused_and_a_mark_that_is_passed_is_told() {
        let (refused, text) = told(|l| l.memory_min_bytes = Some(8 * MIB)).remove(0);
        assert!(refused && text.contains("cgroup v2"), "{text}");
        let (refused, text) = told(|l| l.memory_high_bytes = Some(48 * MIB)).remove(0);
        assert!(
            !refused && text.contains("60MiB now and will be slowed"),
            "{text}"
        );
        let (refused, text) = told(|l| l.memory_high_bytes = Some(64 * MIB)).remove(0);
        assert!(!refused && text.contains("met first"), "{text}");
        let (refused, text) = told(|l| l.memory_high_bytes = Some(MIB)).remove(0);
        assert!(refused && text.contains("at least"), "{text}");
    }

    #[test]
    fn less_quota_or_fewer_processes_than_used_is_told_and_allowed() {
        let (refused, text) = told(|l| l.cpu_millis = Some(250)).remove(0);
        assert!(!refused && text.contains("held back to 0.25"), "{text}");
        let (refused, text) = told(|l| l.pids = Some(31)).remove(0);
        assert!(!refused && text.contains("no further one"), "{text}");
        assert_eq!(told(|l| l.pids = Some(-1)), []);
    }

    #[test]
    fn contradiction_and_swap_in_use_are_refused() {
        let (refused, text) = told(|l| l.memory_swap_bytes = Some(32 * 1024 * 1024)).remove(0);
        assert!(refused && text.contains("below the 64MiB"), "{text}");
        let both = told(|l| {
            l.memory_bytes = Some(39 * MIB);
            l.memory_swap_bytes = Some(39 * 1024 * 1024);
        });
        assert!(
            both.iter().filter(|(refused, _)| *refused).count() >= 2,
            "{both:?}"
        );
    }
}
