//! What is wrong with a container, found in what it is, what it uses and when its
//! counters rose. Each trouble has a badge of few columns, a tone, and words.
//!
//! Thresholds are for a glance, not for alerts: below them a figure is everyday life.

mod words;

use jiff::Timestamp;

use super::{Tone, columns::Item, duration};
use crate::model::{HealthStatus, State, Usage};

/// When a counter that tells of trouble was last seen to rise. `None`: not while we looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The kernel killed for lack of memory.
    pub oom_kill: Option<Timestamp>,
    /// It was slowed down for being over `memory.high`.
    pub memory_high: Option<Timestamp>,
    /// It reached its memory limit.
    pub memory_max: Option<Timestamp>,
    /// A process or thread was refused.
    pub pids_max: Option<Timestamp>,
}

impl Seen {
    /// Notes what rose between two looks; whether anything did.
    pub fn note(&mut self, before: &Usage, now: &Usage, at: Timestamp) -> bool {
        let mut any = false;
        let mut rose = |slot: &mut Option<Timestamp>, of: fn(&Usage) -> Option<u64>| {
            if of(before).zip(of(now)).is_some_and(|(old, new)| new > old) {
                *slot = Some(at);
                any = true;
            }
        };
        rose(&mut self.oom_kill, |u| u.oom_kills);
        rose(&mut self.memory_high, |u| u.memory_high_events);
        rose(&mut self.memory_max, |u| u.memory_max_events);
        rose(&mut self.pids_max, |u| u.pids_max_events);
        any
    }
}

/// Something that is wrong, the worst kinds first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// The last start failed, or a removal did.
    Failed,
    /// The kernel ended it for lack of memory.
    OomKilled,
    /// The kernel killed some of its processes; it runs on.
    OomKills(u64),
    /// It ends soon after each start.
    Restarts(u32),
    /// So many of its health checks failed in a row.
    Unhealthy(u32),
    /// It ended, and not well: its code, where anybody saw it.
    Exited(Option<i32>),
    /// Processes were refused for the limit.
    PidsRefused(u64),
    /// So much of the processes it may have.
    PidsFull(f64),
    /// So much of its memory limit is used.
    MemoryFull(f64),
    /// Shares of time that some and all of its processes waited for memory.
    MemoryStall(f64, f64),
    /// The same for IO.
    IoStall(f64, f64),
    /// Share of its quota's periods in which it was held back.
    Throttled(f64),
    /// Share of time that some of its processes waited for a processor.
    CpuStall(f64),
    /// It is slowed down for being over `memory.high`, so often in this run.
    MemoryHigh(u64),
    /// It reached its memory limit, so often in this run.
    MemoryMax(u64),
}

use Trouble::*;

/// An event this old is history, and told in a lower voice.
const RECENT_SECS: u64 = 600;
/// An event that may be everyday life is told only while it goes on.
const NOW_SECS: u64 = 30;
/// A run at least this long ends a chain of restarts.
const GOOD_RUN_SECS: u64 = 60;

/// What is wrong, the worst first.
pub fn troubles(item: &Item) -> Vec<Trouble> {
    let mut found = Vec::new();
    let container = item.container;
    if container.error.is_some() && !container.state.has_process() || container.state == State::Dead
    {
        found.push(Failed);
    }
    let is_looping = is_looping(item);
    if let Some(exit) = container.exit.filter(|_| !container.state.has_process()) {
        match (exit.oom_killed, exit.code) {
            (true, _) => found.push(OomKilled),
            // 143 and 130 are SIGTERM and SIGINT: somebody asked, and it obeyed.
            (false, Some(0 | 130 | 143)) => {}
            // The words of the loop say how it ended.
            _ if is_looping => {}
            (false, code) => found.push(Exited(code)),
        }
    }
    let is_young = item.uptime().is_none_or(|up| up.as_secs() < GOOD_RUN_SECS);
    let loops = container.state == State::Restarting || container.state.has_process() && is_young;
    if loops && container.restarts >= 2 {
        found.push(Restarts(container.restarts));
    }
    if let Some(health) = &container.health
        && container.state.has_process()
        && health.status == HealthStatus::Unhealthy
    {
        found.push(Unhealthy(health.failing_streak));
    }
    if let Some(usage) = item.usage {
        used(item, usage, &mut found);
    }
    // Most containers have none: nothing is compared then.
    found.sort_by_key(|trouble| (trouble.tone(item) != Tone::Bad, trouble.rank()));
    found
}

/// Whether it ends again and again soon after its start.
fn is_looping(item: &Item) -> bool {
    let container = item.container;
    let is_young = item.uptime().is_none_or(|up| up.as_secs() < GOOD_RUN_SECS);
    let starts = container.state == State::Restarting || container.state.has_process() && is_young;
    starts && container.restarts >= 2
}

fn used(item: &Item, usage: &Usage, found: &mut Vec<Trouble>) {
    let since = |at: Option<Timestamp>| at.map(|at| duration::between(at, item.now).as_secs());
    let is_now = |at| since(at).is_some_and(|secs| secs < NOW_SECS);
    let mut push = |is_true: bool, trouble: Trouble| {
        if is_true {
            found.push(trouble);
        }
    };
    let count = |n: Option<u64>| n.unwrap_or(0);
    let kills = count(usage.oom_kills);
    push(kills > 0, OomKills(kills));
    let refused = count(usage.pids_max_events);
    push(refused > 0, PidsRefused(refused));
    let share = |share: Option<f64>| share.unwrap_or(0.0);
    let pids = share(item.pids_share());
    push(pids >= 0.95 && refused == 0, PidsFull(pids));
    let limit = item.container.config.limits.memory_bytes;
    let memory = share(item.memory_share().filter(|_| limit.is_some()));
    push(memory >= 0.9, MemoryFull(memory));
    let stalls = &usage.stalls;
    let (some, full) = (share(stalls.memory_some), share(stalls.memory_full));
    push(some >= 0.05, MemoryStall(some, full));
    let (some, full) = (share(stalls.io_some), share(stalls.io_full));
    push(some >= 0.1, IoStall(some, full));
    let held = share(usage.throttled_share);
    push(held >= 0.05, Throttled(held));
    // Being held back is a wait for a processor too: once is enough.
    let waits = share(stalls.cpu_some);
    push(waits >= 0.25 && held < 0.05, CpuStall(waits));
    let high = count(usage.memory_high_events);
    push(is_now(item.seen.memory_high), MemoryHigh(high));
    let max = count(usage.memory_max_events);
    push(is_now(item.seen.memory_max), MemoryMax(max));
}

impl Trouble {
    /// Its place among others; the worst is 0.
    pub fn rank(self) -> u8 {
        match self {
            Failed => 0,
            OomKilled => 1,
            OomKills(_) => 2,
            Restarts(_) => 3,
            Unhealthy(_) => 4,
            Exited(_) => 5,
            PidsRefused(_) => 6,
            PidsFull(_) => 7,
            MemoryFull(_) => 8,
            MemoryStall(..) => 9,
            IoStall(..) => 10,
            Throttled(_) => 11,
            CpuStall(_) => 12,
            MemoryHigh(_) => 13,
            MemoryMax(_) => 14,
        }
    }

    /// Its name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Failed => "failed",
            OomKilled => "oom_killed",
            OomKills(_) => "oom_kills",
            Restarts(_) => "restart_loop",
            Unhealthy(_) => "unhealthy",
            Exited(_) => "exited",
            PidsRefused(_) => "pids_refused",
            PidsFull(_) => "pids_full",
            MemoryFull(_) => "memory_full",
            MemoryStall(..) => "memory_stall",
            IoStall(..) => "io_stall",
            Throttled(_) => "throttled",
            CpuStall(_) => "cpu_stall",
            MemoryHigh(_) => "memory_high",
            MemoryMax(_) => "memory_max",
        }
    }

    /// How loudly it is told.
    pub fn tone(self, item: &Item) -> Tone {
        let is_old = |at: Option<Timestamp>| {
            at.is_none_or(|at| duration::between(at, item.now).as_secs() > RECENT_SECS)
        };
        match self {
            Failed | OomKilled | Restarts(_) | Unhealthy(_) | Exited(_) => Tone::Bad,
            OomKills(_) if is_old(item.seen.oom_kill) => Tone::Warn,
            PidsRefused(_) if is_old(item.seen.pids_max) => Tone::Warn,
            OomKills(_) | PidsRefused(_) => Tone::Bad,
            MemoryFull(share) if share >= 0.97 => Tone::Bad,
            MemoryStall(_, full) if full >= 0.05 => Tone::Bad,
            IoStall(_, full) if full >= 0.25 => Tone::Bad,
            // Holding a container at its quota is what the quota is for.
            _ => Tone::Warn,
        }
    }

    /// Whether it is worth room on the screen that others could use: an exit of long ago
    /// is told by its row anyway.
    pub fn is_urgent(self, item: &Item) -> bool {
        match self {
            Exited(_) | OomKilled | Failed => item
                .container
                .exit
                .is_some_and(|exit| duration::between(exit.at, item.now).as_secs() < RECENT_SECS),
            _ => true,
        }
    }

    /// The badge, in ASCII, so that every terminal shows the same.
    pub fn badge(self) -> String {
        let percent = |share: f64| format!("{:.0}%", share * 100.0);
        match self {
            Failed => "failed".into(),
            OomKilled => "oom".into(),
            OomKills(n) => format!("oom:{n}"),
            Restarts(n) => format!("loop:{n}"),
            Unhealthy(n) => format!("sick:{n}"),
            Exited(Some(code)) => format!("exit:{code}"),
            Exited(None) => "exit:?".into(),
            PidsRefused(n) => format!("pids:{n}"),
            PidsFull(share) => format!("pids {}", percent(share)),
            MemoryFull(share) => format!("mem {}", percent(share)),
            MemoryStall(some, full) => format!("psi-mem {:.0}/{}", some * 100.0, percent(full)),
            IoStall(some, full) => format!("psi-io {:.0}/{}", some * 100.0, percent(full)),
            Throttled(share) => format!("held {}", percent(share)),
            CpuStall(share) => format!("psi-cpu {}", percent(share)),
            MemoryHigh(n) => format!("high:{n}"),
            MemoryMax(n) => format!("max:{n}"),
        }
    }
}

#[cfg(test)]
mod tests;
