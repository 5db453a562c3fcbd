//! Alerts: which rules hold for which containers. A state machine for each pair:
//!
//! ```text
//!            condition            for so long               back beyond `clear`
//!   (calm) ───────────> pending ──────────────> firing ────────────────────────> resolved
//!      ^                   │ condition over,       │ container restarted, gone
//!      └───────────────────┘ or another run        └─────────────────────────> resolved
//! ```
//!
//! Nothing here reads a clock or tells anybody: a picture goes in, what began and what
//! ended comes out.

mod measure;
mod notice;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    config::alert::{Rule, Severity},
    model::{ContainerId, ContainerRow, World},
};

use measure::{Counters, measure};
pub use notice::{Notice, Phase};

/// Alerts that are remembered at most; those that fire are never forgotten.
const REMEMBERED: usize = 200;
/// Values of an alert that are kept for its line.
const RECENT: usize = 60;
/// How long a value must stay beyond `clear`: one good second is no good end.
const CALM: Duration = Duration::from_secs(5);

/// An alert that fired.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its number, counting up.
    pub number: u64,
    /// The rule, as it was.
    pub rule: Arc<Rule>,
    /// The container.
    pub id: ContainerId,
    /// Its name then.
    pub container: String,
    /// Its image then.
    pub image: String,
    /// When it began to fire.
    pub since: Timestamp,
    /// The newest value; kept when it is over.
    pub value: f64,
    /// The worst value.
    pub worst: f64,
    /// Values while it was watched, oldest first.
    pub recent: VecDeque<f32>,
    /// When and why it ended, if it did.
    pub ended: Option<(Timestamp, &'static str)>,
    /// Whether the user has seen it.
    pub is_acknowledged: bool,
}

impl Alert {
    /// Whether it wants attention: fires, and nobody has seen it.
    pub fn is_open(&self) -> bool {
        self.ended.is_none() && !self.is_acknowledged
    }
}

/// What is watched of one rule and one container.
#[derive(Clone, Debug)]
struct Watched {
    /// Since when its condition holds, by the dashboard's clock.
    since: Duration,
    /// The run of the container in which that began.
    run: Option<Timestamp>,
    /// The alert, once it fires.
    number: Option<u64>,
    /// Since when the value is beyond `clear`.
    calm: Option<Duration>,
    recent: VecDeque<f32>,
}

/// All alerts.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    rules: Vec<Arc<Rule>>,
    /// For each rule, what is watched of it.
    watched: Vec<HashMap<ContainerId, Watched>>,
    counters: Counters,
    log: Vec<Alert>,
    last: u64,
    /// Until when nobody is told of a rule and container, by the dashboard's clock.
    silenced: HashMap<(String, ContainerId), Duration>,
}

impl Alerts {
    /// Takes other rules. What fires by one that stayed goes on firing.
    pub fn set_rules(&mut self, rules: &[Rule], now: Timestamp) {
        let rules = rules.iter().filter(|rule| rule.is_enabled);
        let mut watched = Vec::new();
        let mut shared = Vec::new();
        for rule in rules {
            let before = self.rules.iter().position(|old| **old == *rule);
            let kept = before.map(|place| std::mem::take(&mut self.watched[place]));
            watched.push(kept.unwrap_or_default());
            let same = before.map(|place| Arc::clone(&self.rules[place]));
            shared.push(same.unwrap_or_else(|| Arc::new(rule.clone())));
        }
        let left: Vec<u64> = self
            .watched
            .iter()
            .flat_map(|of| of.values().filter_map(|watched| watched.number))
            .collect();
        for alert in &mut self.log {
            if left.contains(&alert.number) {
                alert.ended = Some((now, "its rule changed"));
            }
        }
        self.rules = shared;
        self.watched = watched;
    }

    /// Whether there is anything to watch.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What fired, the open ones first, then those that were seen, then those that are
    /// over; within each the newest first.
    pub fn log(&self) -> &[Alert] {
        &self.log
    }

    /// The worst alert of a container that nobody has seen yet.
    pub fn of(&self, id: &ContainerId) -> Option<Severity> {
        let open = self.log.iter().take_while(|alert| alert.is_open());
        let own = open.filter(|alert| alert.id == *id);
        own.map(|alert| alert.rule.severity).max()
    }

    /// How many are open, and how bad the worst is.
    pub fn open(&self) -> (usize, Option<Severity>) {
        let open = || self.log.iter().take_while(|alert| alert.is_open());
        (
            open().count(),
            open().map(|alert| alert.rule.severity).max(),
        )
    }

    /// Looks at a picture; what is to be told.
    pub fn update(&mut self, world: &World, clock: Duration) -> Vec<Notice> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let longest = self.rules.iter().map(|rule| rule.within).max();
        self.counters
            .update(world, clock, longest.unwrap_or_default());
        let mut notices = Vec::new();
        for place in 0..self.rules.len() {
            let rule = Arc::clone(&self.rules[place]);
            for row in &world.containers {
                let labels = &row.container.config.labels;
                let label = |key: &str| labels.get(key).map(String::as_str);
                if rule.containers.include(&row.container.name, label) {
                    let value = measure(&rule, row, &world.host, world.at, &self.counters, clock);
                    self.step(place, &rule, row, value, world.at, clock, &mut notices);
                }
            }
            self.drop_gone(place, world, &mut notices);
        }
        self.silenced.retain(|_, until| *until > clock);
        if !notices.is_empty() {
            self.order();
        }
        self.refresh();
        notices
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step of one machine, called once"
    )]
    fn step(
        &mut self,
        place: usize,
        rule: &Arc<Rule>,
        row: &ContainerRow,
        value: Option<f64>,
        now: Timestamp,
        clock: Duration,
        notices: &mut Vec<Notice>,
    ) {
        let id = &row.container.id;
        let holds = value.is_some_and(|value| rule.compare.holds(value, rule.threshold));
        let is_counted = rule.metric.what.is_counted();
        let run = row.container.started.filter(|_| !is_counted);
        let all = &mut self.watched[place];
        // Most containers are calm, and cost no more than this look.
        let Some(watched) = all.get_mut(id) else {
            if holds {
                let mut watched = Watched {
                    since: clock,
                    run,
                    number: None,
                    calm: None,
                    recent: VecDeque::new(),
                };
                watched.push(value);
                all.insert(id.clone(), watched);
                if rule.sustained.is_zero() {
                    self.fire(place, rule, row, value, now, clock, notices);
                }
            }
            return;
        };
        if watched.run != run {
            // Another run has nothing to do with what the one before did.
            let number = watched.number;
            all.remove(id);
            self.end(number, now, "restarted", notices);
            return;
        }
        // A level that can't be read says nothing, unless nothing runs any more.
        let is_unknown = value.is_none() && row.container.state.has_process();
        if is_unknown {
            return;
        }
        watched.push(value);
        let Some(number) = watched.number else {
            if !holds {
                all.remove(id);
            } else if clock.saturating_sub(watched.since) >= rule.sustained {
                self.fire(place, rule, row, value, now, clock, notices);
            }
            return;
        };
        let is_beyond = match value {
            // Between threshold and `clear` it goes on.
            Some(value) => !holds && !between(rule, value),
            None => true,
        };
        watched.calm = match is_beyond {
            true => watched.calm.or(Some(clock)),
            false => None,
        };
        let for_so_long = watched.calm.map(|since| clock.saturating_sub(since));
        let patience = if is_counted || value.is_none() {
            Duration::ZERO
        } else {
            CALM
        };
        if for_so_long.is_some_and(|calm| calm >= patience) {
            let word = if value.is_none() { "stopped" } else { "over" };
            all.remove(id);
            self.end(Some(number), now, word, notices);
        }
    }

    /// Brings what fires up to date, in one pass over the log.
    fn refresh(&mut self) {
        for alert in &mut self.log {
            if alert.ended.is_some() {
                break;
            }
            let mut rules = self.rules.iter();
            let place = rules.position(|rule| Arc::ptr_eq(rule, &alert.rule));
            let watched = place.and_then(|place| self.watched[place].get(&alert.id));
            let Some(watched) = watched else {
                continue;
            };
            alert.recent.clone_from(&watched.recent);
            let newest = watched.recent.back().copied().map(f64::from);
            if let Some(value) = newest.filter(|value| value.is_finite()) {
                alert.value = value;
                if alert.rule.compare.holds(value, alert.worst) {
                    alert.worst = value;
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the second half of a step")]
    fn fire(
        &mut self,
        place: usize,
        rule: &Arc<Rule>,
        row: &ContainerRow,
        value: Option<f64>,
        now: Timestamp,
        clock: Duration,
        notices: &mut Vec<Notice>,
    ) {
        let id = &row.container.id;
        let Some(watched) = self.watched[place].get_mut(id) else {
            return;
        };
        self.last += 1;
        watched.number = Some(self.last);
        let value = value.unwrap_or(rule.threshold);
        let silent = self.silenced.get(&(rule.name.clone(), id.clone()));
        let alert = Alert {
            number: self.last,
            rule: Arc::clone(rule),
            id: id.clone(),
            container: row.container.name.clone(),
            image: row.container.config.image.clone(),
            since: now,
            value,
            worst: value,
            recent: watched.recent.clone(),
            ended: None,
            is_acknowledged: silent.is_some_and(|until| *until > clock),
        };
        if !alert.is_acknowledged {
            notices.push(Notice::of(&alert, Phase::Firing, now));
        }
        self.log.push(alert);
        self.order();
    }

    fn end(
        &mut self,
        number: Option<u64>,
        now: Timestamp,
        why: &'static str,
        notices: &mut Vec<Notice>,
    ) {
        let ended = self
            .log
            .iter_mut()
            .find(|alert| Some(alert.number) == number);
        if let Some(alert) = ended {
            alert.ended = Some((now, why));
            notices.push(Notice::of(alert, Phase::Resolved, now));
        }
    }

    fn drop_gone(&mut self, place: usize, world: &World, notices: &mut Vec<Notice>) {
        let gone: Vec<_> = self.watched[place]
            .keys()
            .filter(|id| world.container(id).is_none())
            .cloned()
            .collect();
        for id in gone {
            let number = self.watched[place].remove(&id).and_then(|of| of.number);
            self.end(number, world.at, "removed", notices);
        }
    }

    /// Marks an alert as seen, or takes that back.
    pub fn acknowledge(&mut self, number: u64) {
        if let Some(alert) = self.log.iter_mut().find(|alert| alert.number == number) {
            alert.is_acknowledged = !alert.is_acknowledged;
        }
        self.order();
    }

    /// Tells nobody of this rule and container until then.
    pub fn silence(&mut self, number: u64, until: Duration) {
        if let Some(alert) = self.log.iter_mut().find(|alert| alert.number == number) {
            alert.is_acknowledged = true;
            let pair = (alert.rule.name.clone(), alert.id.clone());
            self.silenced.insert(pair, until);
        }
        self.order();
    }

    /// Forgets what is over.
    pub fn forget_ended(&mut self) {
        self.log.retain(|alert| alert.ended.is_none());
    }

    fn order(&mut self) {
        let rank = |alert: &Alert| match (alert.ended, alert.is_acknowledged) {
            (None, false) => 0,
            (None, true) => 1,
            (Some(_), _) => 2,
        };
        self.log
            .sort_by_key(|alert| (rank(alert), std::cmp::Reverse(alert.number)));
        let firing = self.log.iter().take_while(|alert| alert.ended.is_none());
        let kept = firing.count().max(REMEMBERED);
        self.log.truncate(kept);
    }
}

impl Watched {
    fn push(&mut self, value: Option<f64>) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent
            .push_back(value.map_or(f32::NAN, |value| value as f32));
    }
}

/// Whether a value lies between threshold and `clear`.
fn between(rule: &Rule, value: f64) -> bool {
    let (low, high) = match rule.clear < rule.threshold {
        true => (rule.clear, rule.threshold),
        false => (rule.threshold, rule.clear),
    };
    low < high && value > low && value < high
}

#[cfg(test)]
mod tests;
