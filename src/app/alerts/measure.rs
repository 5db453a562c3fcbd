//! What rules measure of a container: levels as they are, events counted over time.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;

use crate::{
    config::alert::{Measure, Rule},
    format::columns::Item,
    model::{ContainerId, ContainerRow, HealthStatus, Host, State, World},
};

/// Events of one container that are remembered at most.
const EVENTS: usize = 1_000;

/// Counters of all containers as they were last, and what happened since.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    of: HashMap<ContainerId, Counter>,
}

#[derive(Clone, Debug, Default)]
struct Counter {
    started: Option<Timestamp>,
    restarts: u32,
    /// Kills in this run; unknown until they were read once.
    oom_kills: Option<u64>,
    /// Kills of this run that were counted.
    counted: u64,
    exited: Option<Timestamp>,
    /// When what happened, by the dashboard's clock, oldest first.
    events: Vec<(Duration, Measure)>,
}

impl Counters {
    /// Compares a picture with the one before. What a container did before it was seen
    /// for the first time is not news.
    pub fn update(&mut self, world: &World, clock: Duration, longest: Duration) {
        for row in &world.containers {
            let id = &row.container.id;
            match self.of.get_mut(id) {
                Some(counter) => counter.update(row, clock, longest),
                None => drop(self.of.insert(id.clone(), Counter::of(row))),
            }
        }
        if self.of.len() > world.containers.len() {
            self.of.retain(|id, _| world.container(id).is_some());
        }
    }

    /// How many events of a kind a container had since a time.
    fn count(&self, id: &ContainerId, what: Measure, since: Duration) -> Option<f64> {
        let events = &self.of.get(id)?.events;
        let counted = events.iter().filter(|(at, of)| *of == what && *at >= since);
        Some(counted.count() as f64)
    }
}

impl Counter {
    fn of(row: &ContainerRow) -> Self {
        Self {
            started: row.container.started,
            restarts: row.container.restarts,
            oom_kills: row.usage.and_then(|usage| usage.oom_kills),
            exited: row.container.exit.map(|exit| exit.at),
            ..Self::default()
        }
    }

    fn update(&mut self, row: &ContainerRow, clock: Duration, longest: Duration) {
        let container = &row.container;
        let again = container.restarts.saturating_sub(self.restarts);
        self.restarts = container.restarts;
        self.add(clock, Measure::Restarts, u64::from(again));
        // An exit is told of the run that ended, so it goes before the next one's start.
        if let Some(exit) = container.exit.filter(|exit| self.exited != Some(exit.at)) {
            self.exited = Some(exit.at);
            let is_uncounted = exit.oom_killed && self.counted == 0;
            self.add(clock, Measure::OomKills, u64::from(is_uncounted));
            self.counted = 0;
        }
        if container.started != self.started {
            self.started = container.started;
            self.counted = 0;
            // A new run's group begins at none.
            self.oom_kills = Some(0);
        }
        if let Some(kills) = row.usage.and_then(|usage| usage.oom_kills) {
            let new = kills.saturating_sub(self.oom_kills.unwrap_or(kills));
            self.oom_kills = Some(kills);
            self.counted += new;
            self.add(clock, Measure::OomKills, new);
        }
        if let Some(start) = clock.checked_sub(longest) {
            let old = self.events.iter().take_while(|(at, _)| *at < start).count();
            self.events.drain(..old);
        }
    }

    fn add(&mut self, clock: Duration, what: Measure, count: u64) {
        for _ in 0..count.min(EVENTS as u64) {
            if self.events.len() == EVENTS {
                self.events.remove(0);
            }
            self.events.push((clock, what));
        }
    }
}

/// The value of a rule's metric; `None` where it is unknown or there is none.
pub fn measure(
    rule: &Rule,
    row: &ContainerRow,
    host: &Host,
    now: Timestamp,
    counters: &Counters,
    clock: Duration,
) -> Option<f64> {
    let container = &*row.container;
    let what = rule.metric.what;
    if what.is_counted() {
        let since = clock.saturating_sub(rule.within);
        return counters.count(&container.id, what, since);
    }
    if what == Measure::ExitCode {
        let exit = container
            .exit
            .filter(|_| container.state == State::Exited)?;
        return exit.code.map(f64::from);
    }
    if what == Measure::FailedChecks {
        let health = container.health.as_ref();
        let health = health.filter(|_| container.state.has_process())?;
        return Some(match health.status {
            HealthStatus::Unhealthy => f64::from(health.failing_streak.max(1)),
            _ => 0.0,
        });
    }
    let usage = row.usage.as_ref()?;
    let limits = &container.config.limits;
    let item = || Item::new(row, host, now);
    match what {
        Measure::Cpu => usage.cpu_cores,
        // Without a limit of its own there is no share of it: the machine's is no trouble
        // of this container.
        Measure::CpuShare => limits.cpu_millis.and_then(|_| item().cpu_share()),
        Measure::MemoryShare => limits.memory_bytes.and_then(|_| item().memory_share()),
        Measure::PidsShare => item().pids_share(),
        Measure::Throttled => usage.throttled_share,
        Measure::Memory => usage.memory_bytes.map(|bytes| bytes as f64),
        Measure::CpuSome => usage.stalls.cpu_some,
        Measure::MemorySome => usage.stalls.memory_some,
        Measure::MemoryFull => usage.stalls.memory_full,
        Measure::IoSome => usage.stalls.io_some,
        Measure::IoFull => usage.stalls.io_full,
        Measure::OomKills | Measure::Restarts | Measure::ExitCode | Measure::FailedChecks => None,
    }
}
