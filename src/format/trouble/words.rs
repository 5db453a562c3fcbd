//! A trouble in words: what happened, by which limit, when; and what can be done.

use jiff::Timestamp;

use super::Trouble::{self, *};
use crate::format::{bytes, columns::Item, duration, text::sanitize};

impl Trouble {
    /// The cause, as a sentence without its subject and its stop: "killed by the kernel:
    /// out of memory at its 64MiB limit, 12s ago".
    pub fn words(self, item: &Item) -> String {
        let container = item.container;
        let limits = &container.config.limits;
        let percent = |share: f64| format!("{:.0}%", share * 100.0);
        match self {
            Failed => match &container.error {
                Some(error) => format!("could not be started: {}", sanitize(error)),
                None => "could not be removed as a whole".into(),
            },
            OomKilled => format!(
                "killed by the kernel: {}{}",
                out_of_memory(item),
                ago(container.exit.map(|exit| exit.at), item, ", ")
            ),
            OomKills(n) => format!(
                "the kernel killed {} of its processes: {}{}",
                if n == 1 { "one".into() } else { n.to_string() },
                out_of_memory(item),
                match item.seen.oom_kill {
                    Some(_) => ago(item.seen.oom_kill, item, ", the last "),
                    None => ", earlier in this run".into(),
                }
            ),
            Restarts(n) => {
                let last = match container.exit {
                    Some(exit) => format!(
                        "; it last {}{}",
                        ended(exit.code),
                        ago(Some(exit.at), item, ", ")
                    ),
                    None => String::new(),
                };
                let policy = container.config.restart;
                format!("started again {n} times by its policy ({policy}){last}")
            }
            Unhealthy(n) => {
                let health = container.health.as_ref();
                let last = health.and_then(|health| health.log.last());
                let said = last.map(|last| match last.output.trim().lines().next() {
                    None => format!("; the last ended with {}", last.exit_code),
                    Some(line) => format!("; the last said: {}", sanitize(line)),
                });
                format!(
                    "failed its health check {} in a row{}",
                    times(n.into()),
                    said.unwrap_or_default()
                )
            }
            Exited(code) => format!(
                "{}{}",
                ended(code),
                ago(container.exit.map(|exit| exit.at), item, ", ")
            ),
            PidsRefused(n) => format!(
                "was refused a process or thread {}{}{}",
                times(n),
                match limits.pids.filter(|n| *n > 0) {
                    Some(limit) => format!(" for its limit of {limit}"),
                    None => String::new(),
                },
                ago(item.seen.pids_max, item, ", the last ")
            ),
            PidsFull(share) => format!(
                "has {} of its {} processes and threads",
                percent(share),
                limits.pids.unwrap_or_default()
            ),
            MemoryFull(share) => format!(
                "uses {} of its {} of memory; at the limit the kernel kills",
                percent(share),
                bytes::binary(limits.memory_bytes.unwrap_or_default())
            ),
            MemoryStall(some, full) => format!(
                "waits for memory {} of the time, all of it {}",
                percent(some),
                percent(full)
            ),
            IoStall(some, full) => format!(
                "waits for its disks {} of the time, all of it {}",
                percent(some),
                percent(full)
            ),
            Throttled(share) => {
                let quota = item.cpu_limit_cores().unwrap_or_default();
                let held = item.usage.and_then(|usage| usage.throttled_time);
                let held = held.filter(|secs| *secs >= 0.01);
                let lost = held.map(|secs| format!(", {secs:.2}s each second"));
                format!(
                    "held back in {} of its periods{}: it wants more than its {quota} cores",
                    percent(share),
                    lost.unwrap_or_default()
                )
            }
            CpuStall(share) => format!(
                "waits for a processor {} of the time: others have them",
                percent(share)
            ),
            MemoryHigh(n) => format!(
                "slowed down for being over memory.high, {} in this run",
                times(n)
            ),
            MemoryMax(n) => format!(
                "reached its memory limit {} in this run; the kernel took cache back",
                times(n)
            ),
        }
    }

    /// What can be done about it.
    pub fn advice(self) -> &'static str {
        match self {
            Failed => "inspect shows what was asked; correct it and start it again",
            OomKilled | OomKills(_) | MemoryFull(_) | MemoryHigh(_) | MemoryMax(_) => {
                "raise its memory limit, or find in its stats what takes the memory"
            }
            Restarts(_) => "its last log lines tell why it ends; stop it to end the loop",
            Unhealthy(_) => "inspect shows what its checks said; its log tells more",
            Exited(Some(126 | 127)) => "its program is missing or can't be run: see its command",
            Exited(_) => "its last log lines tell why; start it again when that is mended",
            PidsRefused(_) | PidsFull(_) => {
                "raise its limit of processes, or find in its processes what forks"
            }
            MemoryStall(..) => "it lacks memory: raise its limit, or give the machine relief",
            IoStall(..) => "its disks are slow or its IO limits low: see its stats",
            Throttled(_) => "raise its quota of CPU, or let it wait: that is what a quota does",
            CpuStall(_) => "raise its CPU weight, or move others away",
        }
    }
}

fn out_of_memory(item: &Item) -> String {
    match item.container.config.limits.memory_bytes {
        Some(limit) => format!("out of memory at its {} limit", bytes::binary(limit)),
        None => "the machine was out of memory".into(),
    }
}

fn ended(code: Option<i32>) -> String {
    match code {
        Some(code @ 129..=192) => format!("ended by signal {}", code - 128),
        Some(code) => format!("exited with {code}"),
        None => "ended with nobody to see how".into(),
    }
}

fn times(n: u64) -> String {
    match n {
        1 => "once".into(),
        n => format!("{n} times"),
    }
}

fn ago(at: Option<Timestamp>, item: &Item, before: &str) -> String {
    at.map_or(String::new(), |at| {
        let span = duration::short(duration::between(at, item.now));
        format!("{before}{span} ago")
    })
}
