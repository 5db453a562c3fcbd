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
    /// The figures that it rests on, in words; empty where there are none.
    pub figures: String,
    /// What follows from them, in words; empty where nothing does.
    pub why: String,
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
                line.figures = String::new();
                line.why = format!(
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
        // Steps of a twentieth of a core.
        let rounded = |cores: f64| (round_up(cores * 1000.0, 50.0) / 1000.0).max(0.05);
        let wanted = rounded(p99.max(peak * 0.8) * 1.5);
        match (limit, line.held) {
            (Some(limit), Some(held)) if held > HELD_LITTLE => {
                // What it would use is hidden behind its quota: the more it is held back,
                // the further that may be.
                let factor = if held > 0.25 { 1.5 } else { 1.25 };
                let to = rounded(limit * factor);
                let share = held * 100.0;
                line.suggest(Verdict::Tight, to, |to| {
                    format!("held back in {share:.0}% of its periods, {to} would give it room")
                });
            }
            (Some(limit), _) if wanted < limit * 0.5 => {
                line.suggest(Verdict::Roomy, wanted, |to| format!("{to} would do"));
            }
            (Some(_), _) => line.fits("hardly ever held back"),
            (None, _) => line.suggest(Verdict::Unlimited, wanted, |to| {
                format!("{to} would hold a runaway and nothing else")
            }),
        }
        line
    }

    fn memory_line(&self, limit: Option<f64>) -> Line {
        let mut line = self.memory.line(Resource::Memory, limit);
        let Some(peak) = line.peak else {
            return line;
        };
        let wanted = nice_bytes(peak * 1.35);
        let leaves = |to: f64| (to / peak - 1.0) * 100.0;
        match limit {
            Some(limit) if self.kills.seen > 0 => {
                let kills = times(self.kills.seen);
                line.suggest(Verdict::Tight, nice_bytes(peak.max(limit) * 1.5), |to| {
                    format!("killed {kills} for lack of memory, {to} is worth a try")
                });
            }
            Some(limit) if peak > limit * 0.9 => {
                let to = wanted.max(nice_bytes(limit * 1.25));
                let more = leaves(to);
                line.suggest(Verdict::Tight, to, |to| {
                    format!("{to} would leave {more:.0}%")
                });
            }
            Some(limit) if limit > wanted * 1.5 => {
                let more = leaves(wanted);
                line.suggest(Verdict::Roomy, wanted, |to| {
                    format!("{to} would leave {more:.0}%")
                });
            }
            Some(_) => line.fits(""),
            None => {
                let more = leaves(wanted);
                line.suggest(Verdict::Unlimited, wanted, |to| {
                    format!("{to} would leave {more:.0}%")
                });
            }
        }
        line
    }

    fn pids_line(&self, limit: Option<f64>) -> Line {
        let mut line = self.pids.line(Resource::Pids, limit);
        let Some(peak) = line.peak else {
            return line;
        };
        let wanted = round_up(peak * 2.0, 16.0).max(32.0);
        match limit {
            Some(limit) if self.refusals.seen > 0 || peak >= limit * 0.9 => {
                let refused = match self.refusals.seen {
                    0 => String::new(),
                    n => format!("refused {}, ", times(n)),
                };
                let to = wanted.max(round_up(limit * 1.5, 16.0));
                line.suggest(Verdict::Tight, to, |to| {
                    format!("{refused}{to} would give it room")
                });
            }
            Some(limit) if limit > wanted * 4.0 => {
                line.suggest(Verdict::Roomy, wanted, |to| {
                    format!("{to} would stop a fork bomb earlier")
                });
            }
            Some(_) => line.fits(""),
            None => line.suggest(Verdict::Unlimited, wanted, |to| {
                format!("{to} would stop a fork bomb")
            }),
        }
        line
    }
}

fn io_line(resource: Resource, spread: &Spread, limit: Option<f64>) -> Line {
    let mut line = spread.line(resource, limit);
    match (limit, line.p95) {
        (Some(limit), Some(p95)) if p95 >= limit * 0.9 => {
            line.suggest(Verdict::Tight, nice_decimal(limit * 1.5), |to| {
                format!("{to} would give it room")
            });
        }
        (Some(_), Some(_)) => line.fits(""),
        // Most need none, and a good one depends on the device.
        (None, Some(_)) => line.verdict = Verdict::Unlimited,
        (_, None) => {}
    }
    line
}

impl Line {
    fn suggest(&mut self, verdict: Verdict, to: f64, why: impl FnOnce(String) -> String) {
        self.verdict = verdict;
        self.suggestion = Some(to);
        self.why = why(self.resource.words(to));
    }

    fn fits(&mut self, why: &str) {
        self.verdict = Verdict::Fits;
        self.why = why.into();
    }

    /// Figures and what follows from them, in one sentence.
    pub fn reason(&self) -> String {
        match (self.figures.as_str(), self.why.as_str()) {
            (figures, "") => figures.into(),
            ("", why) => why.into(),
            (figures, why) => format!("{figures}: {why}"),
        }
    }
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
            figures: figures(resource, limit, peak, self.quantile(0.99)),
            why: match peak {
                Some(_) => String::new(),
                None => "this kernel does not count it".into(),
            },
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

fn figures(resource: Resource, limit: Option<f64>, peak: Option<f64>, p99: Option<f64>) -> String {
    let (Some(peak), Some(p99)) = (peak, p99) else {
        return String::new();
    };
    let words = |value| resource.words(value);
    let of = match limit {
        Some(limit) => format!("of {}", words(limit)),
        None => "without a limit".into(),
    };
    format!("p99 is {}, peak {} {of}", words(p99), words(peak))
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

    /// A value of it in a sentence.
    fn words(self, value: f64) -> String {
        match self {
            Self::Cpu => format!("{value:.2} cores"),
            other => other.text(value),
        }
    }

    /// A value of it, as tables show it.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Cpu => format!("{value:.2}"),
            Self::Memory => bytes::binary(value as u64),
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
                .reason()
                .ends_with("peak 230MiB of 1GiB: 320MiB would leave 39%"),
            "{}",
            memory.reason()
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
        assert!(cpu.why.starts_with("held back in 60%"), "{}", cpu.why);
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
        assert!(memory.why.starts_with("killed twice"), "{}", memory.why);
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
        assert!(advice.lines[1].why.contains("12s of history"));
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
        assert!(pids.why.contains("refused twice"), "{}", pids.why);
    }
}
