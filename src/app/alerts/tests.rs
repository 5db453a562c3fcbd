//! The machine by its pictures: one a second, values as given.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::{
    config::{Config, Known},
    model::{Container, Exit, State, Usage},
};

fn alerts(text: &str) -> Alerts {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    // Only the rules of the test.
    let off = "[[alerts]]\nname=\"oom-kill\"\nenabled=false\n\
               [[alerts]]\nname=\"restart-loop\"\nenabled=false\n\
               [[alerts]]\nname=\"throttled\"\nenabled=false\n\
               [[alerts]]\nname=\"memory\"\nenabled=false\n";
    std::fs::write(&file, format!("{off}{text}")).unwrap();
    let overrides = crate::config::Overrides {
        file: Some(file),
        ..Default::default()
    };
    let loaded = crate::config::Loader::new(overrides, Known::default(), |_| None).load();
    assert_eq!(loaded.problems, []);
    let mut alerts = Alerts::default();
    alerts.set_rules(&loaded.config.alerts, Timestamp::UNIX_EPOCH);
    alerts
}

/// A container whose memory is what it is told to be.
struct Bench {
    alerts: Alerts,
    second: u64,
    container: Container,
    oom_kills: Option<u64>,
}

impl Bench {
    fn new(text: &str) -> Self {
        let mut container = crate::format::columns::sample::container("web-1", State::Running);
        container.config.limits.memory_bytes = Some(100);
        container.started = Some(Timestamp::UNIX_EPOCH);
        Self {
            alerts: alerts(text),
            second: 0,
            container,
            oom_kills: Some(0),
        }
    }

    fn world(&self, memory: Option<u64>) -> World {
        let usage = Usage {
            memory_bytes: memory,
            oom_kills: self.oom_kills,
            ..Usage::default()
        };
        World {
            at: Timestamp::from_second(self.second as i64).unwrap(),
            containers: vec![ContainerRow {
                container: Arc::new(self.container.clone()),
                usage: self.container.state.has_process().then_some(usage),
            }],
            ..World::default()
        }
    }

    /// A second with so much memory in use; what is told.
    fn tick(&mut self, memory: impl Into<Option<u64>>) -> Vec<Phase> {
        self.second += 1;
        let world = self.world(memory.into());
        let notices = self.alerts.update(&world, Duration::from_secs(self.second));
        notices.iter().map(|notice| notice.phase).collect()
    }

    fn ticks(&mut self, count: u64, memory: u64) -> Vec<Phase> {
        (0..count).flat_map(|_| self.tick(memory)).collect()
    }
}

const MEMORY: &str = "[[alerts]]\nname=\"m\"\nwhen=\"memory_share > 90%\"\nfor=\"5s\"\n";

#[test]
fn condition_must_hold_for_the_whole_time() {
    let mut bench = Bench::new(MEMORY);
    assert_eq!(bench.ticks(5, 95), []);
    assert_eq!(bench.tick(80), []);
    assert_eq!(bench.ticks(5, 95), []);
    assert_eq!(bench.tick(95), [Phase::Firing]);
    assert_eq!(bench.alerts.open(), (1, Some(Severity::Warning)));
    assert_eq!(bench.ticks(20, 99), []);
    assert!((bench.alerts.log()[0].worst - 0.99).abs() < 1e-6);
}

#[test]
fn value_that_plays_about_the_threshold_makes_one_alert() {
    let mut bench = Bench::new(MEMORY);
    assert_eq!(bench.ticks(6, 95), [Phase::Firing]);
    // Below the threshold, not yet beyond `clear` (85.5 %).
    for _ in 0..10 {
        assert_eq!(bench.ticks(2, 88), []);
        assert_eq!(bench.ticks(2, 92), []);
    }
    // A short calm is no end either.
    assert_eq!(bench.ticks(4, 10), []);
    assert_eq!(bench.tick(95), []);
    assert_eq!(bench.ticks(6, 10), [Phase::Resolved]);
    assert_eq!(bench.alerts.open(), (0, None));
    assert_eq!(bench.alerts.log()[0].ended.unwrap().1, "over");
    assert_eq!(bench.ticks(6, 95), [Phase::Firing]);
    assert_eq!(bench.alerts.log().len(), 2);
}

#[test]
fn restarted_container_begins_anew() {
    let mut bench = Bench::new(MEMORY);
    assert_eq!(bench.ticks(6, 95), [Phase::Firing]);
    bench.container.started = Some(Timestamp::from_second(7).unwrap());
    assert_eq!(bench.tick(95), [Phase::Resolved]);
    assert_eq!(bench.ticks(5, 95), []);
    assert_eq!(bench.tick(95), [Phase::Firing]);
}

#[test]
fn unknown_value_changes_nothing_and_a_stop_ends_it() {
    let mut bench = Bench::new(MEMORY);
    assert_eq!(bench.ticks(6, 95), [Phase::Firing]);
    for _ in 0..20 {
        assert_eq!(bench.tick(None), []);
    }
    bench.container.state = State::Exited;
    assert_eq!(bench.tick(None), [Phase::Resolved]);
    assert_eq!(bench.alerts.log()[0].ended.unwrap().1, "stopped");
}

#[test]
fn removed_container_ends_its_alerts() {
    let mut bench = Bench::new(MEMORY);
    assert_eq!(bench.ticks(6, 95), [Phase::Firing]);
    let notices = bench
        .alerts
        .update(&World::default(), Duration::from_secs(9));
    assert_eq!(notices.len(), 1);
    assert_eq!(bench.alerts.log()[0].ended.unwrap().1, "removed");
}

#[test]
fn restarts_are_counted_over_a_time_and_not_from_before() {
    let mut bench = Bench::new("[[alerts]]\nname=\"r\"\nwhen=\"restarts >= 3\"\nwithin=\"1m\"\n");
    bench.container.restarts = 40;
    assert_eq!(bench.tick(1), []);
    for restarts in 41..=42 {
        bench.container.restarts = restarts;
        bench.container.started = Some(Timestamp::from_second(i64::from(restarts)).unwrap());
        assert_eq!(bench.tick(1), []);
    }
    bench.container.restarts = 43;
    assert_eq!(bench.tick(1), [Phase::Firing]);
    // Another run does not end it; time does.
    bench.container.started = Some(Timestamp::from_second(99).unwrap());
    assert_eq!(bench.ticks(50, 1), []);
    assert_eq!(bench.ticks(20, 1), [Phase::Resolved]);
}

#[test]
fn kill_for_lack_of_memory_is_counted_once_whoever_tells_of_it() {
    let text = "[[alerts]]\nname=\"o\"\nwhen=\"oom_kills >= 2\"\nwithin=\"10m\"\n";
    // A process of it is killed, seen in the counter; then itself, seen at its exit.
    let mut bench = Bench::new(text);
    bench.oom_kills = Some(7);
    assert_eq!(bench.ticks(2, 1), []);
    let die = |bench: &mut Bench, at| {
        bench.container.state = State::Exited;
        bench.container.exit = Some(Exit {
            code: Some(137),
            at: Timestamp::from_second(at).unwrap(),
            oom_killed: true,
        });
    };
    bench.oom_kills = Some(8);
    assert_eq!(bench.tick(1), []);
    // The exit is of the same kill.
    die(&mut bench, 50);
    assert_eq!(bench.tick(None), []);
    // A new run dies so fast that its counter was never read.
    bench.container.started = Some(Timestamp::from_second(51).unwrap());
    die(&mut bench, 52);
    assert_eq!(bench.tick(None), [Phase::Firing]);
}

#[test]
fn acknowledged_and_silenced_alerts_want_no_attention() {
    let mut bench = Bench::new(MEMORY);
    bench.ticks(6, 95);
    let number = bench.alerts.log()[0].number;
    assert!(bench.alerts.of(&bench.container.id).is_some());
    bench.alerts.acknowledge(number);
    assert_eq!(bench.alerts.open(), (0, None));
    assert!(bench.alerts.of(&bench.container.id).is_none());
    bench.alerts.silence(number, Duration::from_secs(1_000));
    bench.ticks(10, 1);
    // It fires again, and nobody is told.
    assert_eq!(bench.ticks(6, 95), []);
    assert_eq!(bench.alerts.log()[0].ended, None);
    bench.alerts.forget_ended();
    assert_eq!(bench.alerts.log().len(), 1);
}

#[test]
fn rules_that_stay_go_on_and_others_end() {
    let mut bench = Bench::new(MEMORY);
    bench.ticks(6, 95);
    let rules: Vec<_> = bench
        .alerts
        .rules
        .iter()
        .map(|rule| (**rule).clone())
        .collect();
    bench.alerts.set_rules(&rules, Timestamp::UNIX_EPOCH);
    assert_eq!(bench.tick(95), []);
    assert_eq!(bench.alerts.open().0, 1);
    bench
        .alerts
        .set_rules(&Config::default().alerts, Timestamp::UNIX_EPOCH);
    assert_eq!(bench.alerts.open().0, 0);
    assert_eq!(bench.alerts.log()[0].ended.unwrap().1, "its rule changed");
}

#[test]
fn rules_are_about_the_containers_they_name() {
    let text = format!("{MEMORY}containers=\"db-*\"\n");
    let mut bench = Bench::new(&text);
    assert_eq!(bench.ticks(20, 99), []);
    bench.container.name = "db-1".into();
    assert_eq!(bench.ticks(20, 99), [Phase::Firing]);
}

#[test]
fn many_ended_alerts_are_forgotten_and_firing_ones_never() {
    let mut bench = Bench::new("[[alerts]]\nname=\"m\"\nwhen=\"memory_share > 90%\"\nfor=\"0s\"\n");
    for _ in 0..300 {
        bench.tick(95);
        bench.ticks(6, 1);
    }
    assert!(bench.alerts.log().len() <= REMEMBERED + 1);
    bench.tick(95);
    assert!(bench.alerts.log()[0].is_open());
}
