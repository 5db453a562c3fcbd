//! What limits would fit, from what was used: figures, a suggestion, and its reason in
//! words.
//!
//! A limit is weighed by what it does when it is reached. CPU beyond a quota waits, so
//! the 99th percentile and the share of periods held back decide; memory beyond its limit
//! kills, so the peak decides, and more is left above it; a process beyond the limit is
//! refused, so the peak decides there too.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    format::{bytes, duration},
    model::{Limits, Usage},
};

/// Below this much history nothing is suggested.
const LEAST: Duration = Duration::from_secs(60);
/// From here on a day's ups and downs are in it.
const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3600);
/// A second that nobody saw is not counted; a sample stands for this much at most.
const SAMPLE: Duration = Duration::from_secs(60);
/// Held back in a smaller share of its periods, a container hardly notices its quota.
const HELD_LITTLE: f64 = 0.05;

/// What can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Resource {
    Cpu,
    Memory,
    Pids,
    Read,
    Write,
}

/// How a limit fits what is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is reached, or nearly.
    Tight,
    /// It leaves some room and not too much.
    Fits,
    /// It is far above all that was used.
    Roomy,
    /// There is none.
    Unlimited,
    /// Nothing can be said yet, or nothing is known.
    Unknown,
}

/// How much the history says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Less than a minute: nothing is suggested.
    None,
    /// Less than an hour.
    Low,
    /// Less than a day.
    Medium,
    /// A day and more.
    High,
}

/// One limit, weighed.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Of what.
    pub resource: Resource,
    /// The limit now, in cores, bytes, processes or bytes a second.
    pub limit: Option<f64>,
    /// The most that was used.
    pub peak: Option<f64>,
    /// What was not passed in 95 of 100 samples.
    pub p95: Option<f64>,
    /// What was not passed in 99 of 100.
    pub p99: Option<f64>,
    /// Share of its periods in which it was held back; CPU only.
    pub held: Option<f64>,
    /// Share of the limit that was never used.
    pub headroom: Option<f64>,
    /// How it fits.
    pub verdict: Verdict,
    /// A limit that would fit better.
    pub suggestion: Option<f64>,
    /// Why, in words.
    pub reason: String,
}

/// All limits of one container, weighed.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// How long somebody looked.
    pub observed: Duration,
    /// How much that says.
    pub confidence: Confidence,
    /// Each limit.
    pub lines: Vec<Line>,
}

/// What a container used, counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    observed: Duration,
    last: Option<Timestamp>,
    cpu: Spread,
    memory: Spread,
    pids: Spread,
    read: Spread,
    write: Spread,
    held_sum: f64,
    held_count: u32,
    kills: Counter,
    refusals: Counter,
}

impl Tally {
    /// Counts what was used at a time.
    pub fn add(&mut self, at: Timestamp, usage: &Usage) {
        if let Some(last) = self.last.replace(at) {
            // A clock that went back is no time, and one that leapt is a gap.
            let passed = Duration::try_from(at.duration_since(last)).unwrap_or_default();
            if passed <= SAMPLE {
                self.observed += passed;
            }
        }
        self.cpu.add(usage.cpu_cores);
        self.memory
            .add(usage.memory_bytes.map(|bytes| bytes as f64));
        self.pids.add(usage.pids.map(|pids| pids as f64));
        self.read.add(usage.read_bps);
        self.write.add(usage.write_bps);
        if let Some(share) = usage.throttled_share {
            self.held_sum += share;
            self.held_count += 1;
        }
        self.kills.add(usage.oom_kills);
        self.refusals.add(usage.pids_max_events);
    }

    /// Weighs the limits of the container that used it.
    pub fn advise(&self, limits: &Limits) -> Advice {
        let confidence = match self.observed {
            time if time < LEAST => Confidence::None,
            time if time < HOUR => Confidence::Low,
            time if time < DAY => Confidence::Medium,
            _ => Confidence::High,
        };
        let mut lines = vec![
            self.cpu_line(limits.cpu_millis.map(|millis| millis as f64 / 1000.0)),
            self.memory_line(limits.memory_bytes.map(|bytes| bytes as f64)),
            self.pids_line(limits.pids.filter(|n| *n > 0).map(|n| n as f64)),
        ];
        let rate = |rates: &[crate::model::DeviceRate]| {
            let highest = rates.iter().map(|rate| rate.rate).max();
            highest.map(|rate| rate as f64)
        };
        lines.push(io_line(Resource::Read, &self.read, rate(&limits.read_bps)));
        lines.push(io_line(
            Resource::Write,
            &self.write,
            rate(&limits.write_bps),
        ));
        if confidence == Confidence::None {
            for line in &mut lines {
                line.suggestion = None;
                line.verdict = Verdict::Unknown;
                line.reason = format!(
                    "{} of history say too little: a minute is the least",
                    duration::short(self.observed)
                );
            }
        }
        Advice {
            observed: self.observed,
            confidence,
            lines,
        }
    }

    fn cpu_line(&self, limit: Option<f64>) -> Line {
        let held = (self.held_count > 0).then(|| self.held_sum / f64::from(self.held_count));
        let mut line = Line {
            held: held.filter(|_| limit.is_some()),
            ..self.cpu.line(Resource::Cpu, limit)
        };
        let (Some(p99), Some(peak)) = (line.p99, line.peak) else {
            return line;
        };
        // Hundredths of a core near one, coarser above.
        let rounded = |cores: f64| (round_up(cores * 1000.0, 50.0) / 1000.0).max(0.05);
        let figures = format!("p99 is {}, peak {}", cores(p99), cores(peak));
        match (limit, line.held) {
            (Some(limit), Some(held)) if held > HELD_LITTLE => {
                // What it would use is hidden behind its quota: the more it is held back,
                // the further that may be.
                let factor = if held > 0.25 { 1.5 } else { 1.25 };
                let to = rounded(limit * factor);
                line.verdict = Verdict::Tight;
                line.suggestion = Some(to);
                line.reason = format!(
                    "held back in {:.0} % of its periods, {figures} of {}: {} would give it room",
                    held * 100.0,
                    cores(limit),
                    cores(to)
                );
            }
            (Some(limit), _) if limit > rounded(p99 * 1.5) * 2.0 => {
                let to = rounded(p99.max(peak * 0.8) * 1.5);
                line.verdict = Verdict::Roomy;
                line.suggestion = (to < limit * 0.75).then_some(to);
                line.reason = format!(
                    "{figures} of {}: {} would do",
                    cores(limit),
                    cores(line.suggestion.unwrap_or(limit))
                );
            }
            (Some(limit), _) => {
                line.verdict = Verdict::Fits;
                line.reason = format!("{figures} of {}, hardly ever held back", cores(limit));
            }
            (None, _) => {
                let to = rounded(p99.max(peak * 0.8) * 1.5);
                line.verdict = Verdict::Unlimited;
                line.suggestion = Some(to);
                line.reason = format!(
                    "{figures}, no quota: {} would hold a runaway and nothing else",
                    cores(to)
                );
            }
        }
        line
    }

    fn memory_line(&self, limit: Option<f64>) -> Line {
        let mut line = self.memory.line(Resource::Memory, limit);
        let (Some(p99), Some(peak)) = (line.p99, line.peak) else {
            return line;
        };
        let figures = format!("p99 is {}, peak {}", memory(p99), memory(peak));
        let above = |to: f64| {
            format!(
                "{} would leave {:.0} %",
                memory(to),
                (to / peak - 1.0) * 100.0
            )
        };
        let wanted = nice_bytes(peak * 1.35);
        match limit {
            Some(limit) if self.kills.seen > 0 => {
                let to = nice_bytes(peak.max(limit) * 1.5);
                line.verdict = Verdict::Tight;
                line.suggestion = Some(to);
                line.reason = format!(
                    "killed {} for lack of memory at {}: {} is worth a try",
                    times(self.kills.seen),
                    memory(limit),
                    memory(to)
                );
            }
            Some(limit) if peak > limit * 0.9 => {
                line.verdict = Verdict::Tight;
                line.suggestion = Some(wanted.max(nice_bytes(limit * 1.25)));
                line.reason = format!(
                    "{figures} of {}: {} above its peak",
                    memory(limit),
                    above(line.suggestion.unwrap_or(wanted))
                );
            }
            Some(limit) if limit > wanted * 1.5 => {
                line.verdict = Verdict::Roomy;
                line.suggestion = Some(wanted);
                line.reason = format!("{figures} of {}: {}", memory(limit), above(wanted));
            }
            Some(limit) => {
                line.verdict = Verdict::Fits;
                line.reason = format!("{figures} of {}", memory(limit));
            }
            None => {
                line.verdict = Verdict::Unlimited;
                line.suggestion = Some(wanted);
                line.reason = format!("{figures}, no limit: {}", above(wanted));
            }
        }
        line
    }

    fn pids_line(&self, limit: Option<f64>) -> Line {
        let mut line = self.pids.line(Resource::Pids, limit);
        let (Some(p99), Some(peak)) = (line.p99, line.peak) else {
            return line;
        };
        let figures = format!("p99 is {p99:.0}, peak {peak:.0}");
        let wanted = round_up(peak * 2.0, 16.0).max(32.0);
        match limit {
            Some(limit) if self.refusals.seen > 0 || peak >= limit * 0.9 => {
                let to = wanted.max(round_up(limit * 1.5, 16.0));
                line.verdict = Verdict::Tight;
                line.suggestion = Some(to);
                let refused = match self.refusals.seen {
                    0 => String::new(),
                    n => format!(", refused {}", times(n)),
                };
                line.reason =
                    format!("{figures} of {limit:.0}{refused}: {to:.0} would give it room");
            }
            Some(limit) if limit > wanted * 4.0 => {
                line.verdict = Verdict::Roomy;
                line.suggestion = Some(wanted);
                line.reason =
                    format!("{figures} of {limit:.0}: {wanted:.0} would stop a fork bomb earlier");
            }
            Some(limit) => {
                line.verdict = Verdict::Fits;
                line.reason = format!("{figures} of {limit:.0}");
            }
            None => {
                line.verdict = Verdict::Unlimited;
                line.suggestion = Some(wanted);
                line.reason = format!("{figures}, no limit: {wanted:.0} would stop a fork bomb");
            }
        }
        line
    }
}

fn io_line(resource: Resource, spread: &Spread, limit: Option<f64>) -> Line {
    let mut line = spread.line(resource, limit);
    let (Some(p95), Some(p99), Some(peak)) = (line.p95, line.p99, line.peak) else {
        return line;
    };
    let figures = format!("p99 is {}, peak {}", bytes::rate(p99), bytes::rate(peak));
    match limit {
        Some(limit) if p95 >= limit * 0.9 => {
            let to = nice_decimal(limit * 1.5);
            line.verdict = Verdict::Tight;
            line.suggestion = Some(to);
            line.reason = format!(
                "{figures} of {}: {} would give it room",
                bytes::rate(limit),
                bytes::rate(to)
            );
        }
        Some(limit) => {
            line.verdict = Verdict::Fits;
            line.reason = format!("{figures} of {}", bytes::rate(limit));
        }
        None => {
            line.verdict = Verdict::Unlimited;
            line.reason = format!("{figures}, no limit");
        }
    }
    line
}

/// How values are spread: buckets of two percent, so that a week takes no more room than
/// a minute.
#[derive(Clone, Debug, Default)]
struct Spread {
    buckets: BTreeMap<i32, u32>,
    count: u64,
    peak: f64,
}

impl Spread {
    const WIDTH: f64 = 1.02;

    fn add(&mut self, value: Option<f64>) {
        let Some(value) = value.filter(|value| value.is_finite() && *value >= 0.0) else {
            return;
        };
        let bucket = if value > 0.0 {
            (value.ln() / Self::WIDTH.ln()).ceil() as i32
        } else {
            i32::MIN
        };
        *self.buckets.entry(bucket).or_default() += 1;
        self.count += 1;
        self.peak = self.peak.max(value);
    }

    /// What a share of the values does not pass, within two percent.
    fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (share * self.count as f64).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += u64::from(*count);
            if seen >= wanted {
                return Some(match *bucket {
                    i32::MIN => 0.0,
                    bucket => Self::WIDTH.powi(bucket).min(self.peak),
                });
            }
        }
        None
    }

    fn line(&self, resource: Resource, limit: Option<f64>) -> Line {
        let peak = (self.count > 0).then_some(self.peak);
        Line {
            resource,
            limit,
            peak,
            p95: self.quantile(0.95),
            p99: self.quantile(0.99),
            held: None,
            headroom: peak
                .zip(limit)
                .map(|(peak, limit)| (1.0 - peak / limit).max(0.0)),
            verdict: Verdict::Unknown,
            suggestion: None,
            reason: "this kernel does not count it".into(),
        }
    }
}

/// How much a counter grew while somebody looked.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    last: Option<u64>,
    seen: u64,
}

impl Counter {
    fn add(&mut self, value: Option<u64>) {
        let Some(value) = value else { return };
        // A counter that went back is another run's: what it says is new.
        self.seen += match self.last {
            Some(last) => value.checked_sub(last).unwrap_or(value),
            None => value,
        };
        self.last = Some(value);
    }
}

fn round_up(value: f64, step: f64) -> f64 {
    (value / step - 1e-9).ceil() * step
}

/// The next of 16 steps between powers of two, at least 4 MiB.
fn nice_bytes(value: f64) -> f64 {
    let value = value.max(4.0 * 1024.0 * 1024.0);
    round_up(value, value.log2().floor().exp2() / 16.0)
}

/// The same between powers of ten.
fn nice_decimal(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1.0).log10().floor());
    round_up(value, power / 2.0)
}

fn cores(cores: f64) -> String {
    match cores {
        c if c >= 10.0 => format!("{c:.1} cores"),
        c => format!("{c:.2} cores"),
    }
}

fn memory(value: f64) -> String {
    bytes::binary(value as u64)
}

fn times(count: u64) -> String {
    match count {
        1 => "once".into(),
        2 => "twice".into(),
        n => format!("{n} times"),
    }
}

impl Resource {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// A value of it, as tables show it.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Cpu => format!("{value:.2}"),
            Self::Memory => memory(value),
            Self::Pids => format!("{value:.0}"),
            Self::Read | Self::Write => bytes::rate(value),
        }
    }
}

impl Confidence {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Verdict {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tight => "tight",
            Self::Fits => "fits",
            Self::Roomy => "roomy",
            Self::Unlimited => "unlimited",
            Self::Unknown => "unknown",
        }
    }
}

impl Advice {
    /// The flags of `wharf update` that would do what is suggested; none if nothing is.
    pub fn flags(&self) -> Vec<String> {
        let flag = |line: &Line| {
            let to = line.suggestion?;
            match line.resource {
                Resource::Cpu => Some(format!("--cpus {to:.2}")),
                // Bytes that are no whole MiB would be read back as another figure.
                Resource::Memory => Some(format!("--memory {:.0}k", to / 1024.0)).map(|flag| {
                    match to as u64 % (1 << 20) {
                        0 => format!("--memory {}m", to as u64 >> 20),
                        _ => flag,
                    }
                }),
                Resource::Pids => Some(format!("--pids-limit {to:.0}")),
                // Which device is not ours to say.
                Resource::Read | Resource::Write => None,
            }
        };
        self.lines.iter().filter_map(flag).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn tally(seconds: u64, usage: impl Fn(u64) -> Usage) -> Tally {
        let mut tally = Tally::default();
        for n in 0..=seconds {
            let at = Timestamp::from_second(n as i64).unwrap();
            tally.add(at, &usage(n));
        }
        tally
    }

    fn line(advice: &Advice, resource: Resource) -> &Line {
        let found = advice.lines.iter().find(|line| line.resource == resource);
        found.unwrap()
    }

    #[test]
    fn memory_far_below_its_limit_is_told_what_would_do() {
        let tally = tally(3600, |n| Usage {
            memory_bytes: Some(if n == 1800 { 230 } else { 212 } * MIB),
            ..Usage::default()
        });
        let advice = tally.advise(&Limits {
            memory_bytes: Some(1024 * MIB),
            ..Limits::default()
        });
        assert_eq!(advice.confidence, Confidence::Medium);
        let memory = line(&advice, Resource::Memory);
        assert_eq!(memory.verdict, Verdict::Roomy);
        assert_eq!(memory.suggestion, Some((320 * MIB) as f64));
        assert!(
            memory
                .reason
                .ends_with("peak 230MiB of 1GiB: 320MiB would leave 39 %"),
            "{}",
            memory.reason
        );
        let p99 = memory.p99.unwrap() / MIB as f64;
        assert!((212.0..=217.0).contains(&p99), "{p99}");
        assert_eq!(advice.flags(), ["--memory 320m"]);
    }

    #[test]
    fn quota_that_holds_back_is_raised_and_the_share_is_said() {
        let tally = tally(120, |n| Usage {
            cpu_cores: Some(0.5),
            throttled_share: Some(if n % 2 == 0 { 0.8 } else { 0.4 }),
            ..Usage::default()
        });
        let limits = Limits {
            cpu_millis: Some(500),
            ..Limits::default()
        };
        let advice = tally.advise(&limits);
        let cpu = line(&advice, Resource::Cpu);
        assert_eq!((cpu.verdict, cpu.suggestion), (Verdict::Tight, Some(0.75)));
        assert!(
            cpu.reason.starts_with("held back in 60 %"),
            "{}",
            cpu.reason
        );
        assert_eq!(advice.confidence, Confidence::Low);
    }

    #[test]
    fn kills_weigh_more_than_figures() {
        let tally = tally(600, |n| Usage {
            memory_bytes: Some(60 * MIB),
            oom_kills: Some(if n < 300 { 1 } else { 2 }),
            ..Usage::default()
        });
        let advice = tally.advise(&Limits {
            memory_bytes: Some(64 * MIB),
            ..Limits::default()
        });
        let memory = line(&advice, Resource::Memory);
        assert_eq!(memory.suggestion, Some((96 * MIB) as f64));
        assert!(
            memory.reason.starts_with("killed twice"),
            "{}",
            memory.reason
        );
    }

    #[test]
    fn too_little_history_suggests_nothing_and_says_so() {
        let tally = tally(12, |_| Usage {
            memory_bytes: Some(MIB),
            pids: Some(1),
            ..Usage::default()
        });
        let advice = tally.advise(&Limits::default());
        assert_eq!(advice.confidence, Confidence::None);
        assert!(advice.flags().is_empty());
        assert!(advice.lines[1].reason.contains("12s of history"));
    }

    #[test]
    fn time_in_which_nobody_looked_is_not_counted() {
        let mut tally = tally(30, |_| Usage::default());
        tally.add(Timestamp::from_second(90_000).unwrap(), &Usage::default());
        tally.add(Timestamp::from_second(10).unwrap(), &Usage::default());
        assert_eq!(tally.observed, Duration::from_secs(30));
    }

    #[test]
    fn restarted_counters_count_on() {
        let mut counter = Counter::default();
        for value in [Some(2), None, Some(3), Some(1), Some(1)] {
            counter.add(value);
        }
        assert_eq!(counter.seen, 4);
    }

    #[test]
    fn what_is_not_counted_is_unknown() {
        let advice = tally(100, |_| Usage::default()).advise(&Limits::default());
        for line in &advice.lines {
            assert_eq!((line.peak, line.verdict), (None, Verdict::Unknown));
        }
    }

    #[test]
    fn refused_processes_raise_the_limit() {
        let tally = tally(100, |n| Usage {
            pids: Some(40),
            pids_max_events: Some(n / 50),
            ..Usage::default()
        });
        let limits = Limits {
            pids: Some(64),
            ..Limits::default()
        };
        let advice = tally.advise(&limits);
        let pids = line(&advice, Resource::Pids);
        assert_eq!(pids.suggestion, Some(96.0));
        assert!(pids.reason.contains("refused twice"), "{}", pids.reason);
    }
}
