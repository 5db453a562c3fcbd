//! Health checks: a command that is run in a container again and again, and what it said.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Results that are kept.
pub const HEALTH_LOG: usize = 5;
/// Bytes of output that are kept of each.
pub const HEALTH_OUTPUT_BYTES: usize = 4096;

/// What was asked of a check. What is `None` is the image's, then docker's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthCheck {
    /// What is run.
    pub test: Option<HealthTest>,
    /// Between the end of one check and the next.
    pub interval: Option<Duration>,
    /// Until one is ended and counts as failed.
    pub timeout: Option<Duration>,
    /// How long failures don't count after the start.
    pub start_period: Option<Duration>,
    /// Between two checks during that time.
    pub start_interval: Option<Duration>,
    /// Failures in a row until it is unhealthy.
    pub retries: Option<u32>,
}

/// What a health check runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthTest {
    /// Nothing, whatever the image says.
    None,
    /// A program and its arguments.
    Command(Vec<String>),
    /// A line for a shell.
    Shell(String),
}

/// Where a container with a health check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Too young to be judged.
    Starting,
    /// The last check succeeded.
    Healthy,
    /// Too many failed in a row.
    Unhealthy,
}

/// What the checks of a container said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What follows from it.
    pub status: HealthStatus,
    /// Failures in a row.
    pub failing_streak: u32,
    /// The last results, oldest first.
    pub log: Vec<HealthResult>,
    /// When the next check is due; `None` while one runs, and where none will.
    pub next: Option<Timestamp>,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthResult {
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// 0 is healthy; -1 for one that took too long or could not be run.
    pub exit_code: i32,
    /// What it wrote, cut at [`HEALTH_OUTPUT_BYTES`].
    pub output: String,
}

impl HealthCheck {
    /// The default interval.
    pub const INTERVAL: Duration = Duration::from_secs(30);
    /// The default timeout.
    pub const TIMEOUT: Duration = Duration::from_secs(30);
    /// The default interval at the start.
    pub const START_INTERVAL: Duration = Duration::from_secs(5);
    /// The default number of failures.
    pub const RETRIES: u32 = 3;

    /// The same with the image's where nothing was said.
    #[must_use]
    pub fn over(self, image: Option<Self>) -> Self {
        let image = image.unwrap_or_default();
        Self {
            test: self.test.or(image.test),
            interval: self.interval.or(image.interval),
            timeout: self.timeout.or(image.timeout),
            start_period: self.start_period.or(image.start_period),
            start_interval: self.start_interval.or(image.start_interval),
            retries: self.retries.or(image.retries),
        }
    }

    /// The program that a check runs; `None` if there is nothing to run.
    pub fn argv(&self) -> Option<Vec<String>> {
        match self.test.as_ref()? {
            HealthTest::None => None,
            HealthTest::Command(argv) => (!argv.is_empty()).then(|| argv.clone()),
            HealthTest::Shell(line) => Some(vec!["/bin/sh".into(), "-c".into(), line.clone()]),
        }
    }

    /// Between two checks of a container that has run so long and stands so.
    pub fn pause(&self, running: Duration, status: HealthStatus) -> Duration {
        let starts = status == HealthStatus::Starting
            && self.start_period.is_some_and(|period| running < period);
        match starts {
            true => self.start_interval.unwrap_or(Self::START_INTERVAL),
            false => self.interval.unwrap_or(Self::INTERVAL),
        }
    }

    /// When a check is ended.
    pub fn patience(&self) -> Duration {
        self.timeout.unwrap_or(Self::TIMEOUT)
    }
}

impl HealthStatus {
    /// Docker's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Default for Health {
    fn default() -> Self {
        Self {
            status: HealthStatus::Starting,
            failing_streak: 0,
            log: Vec::new(),
            next: None,
        }
    }
}

impl Health {
    /// Adds a result of a container that began to run at `started`; whether the status
    /// changed. The rule is docker's.
    pub fn note(&mut self, result: HealthResult, check: &HealthCheck, started: Timestamp) -> bool {
        let before = self.status;
        if result.exit_code == 0 {
            self.failing_streak = 0;
            self.status = HealthStatus::Healthy;
        } else {
            let ran = Duration::try_from(result.start.duration_since(started)).unwrap_or_default();
            let is_excused = self.status == HealthStatus::Starting
                && check.start_period.is_some_and(|period| ran < period);
            if !is_excused {
                self.failing_streak = self.failing_streak.saturating_add(1);
                if self.failing_streak >= check.retries.unwrap_or(HealthCheck::RETRIES) {
                    self.status = HealthStatus::Unhealthy;
                }
            }
        }
        self.log.push(result);
        let surplus = self.log.len().saturating_sub(HEALTH_LOG);
        self.log.drain(..surplus);
        self.status != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(second: i64, exit_code: i32) -> HealthResult {
        let at = Timestamp::from_second(second).unwrap();
        HealthResult {
            start: at,
            end: at,
            exit_code,
            output: String::new(),
        }
    }

    fn statuses(check: &HealthCheck, results: &[(i64, i32)]) -> Vec<&'static str> {
        let mut health = Health::default();
        results
            .iter()
            .map(|&(second, code)| {
                health.note(result(second, code), check, Timestamp::UNIX_EPOCH);
                health.status.as_str()
            })
            .collect()
    }

    #[test]
    fn so_many_failures_in_a_row_make_it_unhealthy_and_one_success_healthy() {
        let check = HealthCheck::default();
        let codes = [(1, 1), (2, 1), (3, 0), (4, 1), (5, -1), (6, 2), (7, 0)];
        assert_eq!(
            statuses(&check, &codes),
            [
                "starting",
                "starting",
                "healthy",
                "healthy",
                "healthy",
                "unhealthy",
                "healthy"
            ]
        );
    }

    #[test]
    fn failures_of_the_start_period_are_excused_until_the_first_success() {
        let check = HealthCheck {
            start_period: Some(Duration::from_secs(10)),
            retries: Some(1),
            ..HealthCheck::default()
        };
        assert_eq!(
            statuses(&check, &[(1, 1), (9, 1), (10, 1)]),
            ["starting", "starting", "unhealthy"]
        );
        assert_eq!(
            statuses(&check, &[(1, 0), (2, 1)]),
            ["healthy", "unhealthy"]
        );
    }

    #[test]
    fn only_the_newest_results_are_kept() {
        let mut health = Health::default();
        for second in 0..9 {
            health.note(
                result(second, 0),
                &HealthCheck::default(),
                Timestamp::UNIX_EPOCH,
            );
        }
        let seconds = health.log.iter().map(|result| result.start.as_second());
        assert_eq!(seconds.collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
    }

    #[test]
    fn checks_come_faster_during_the_start_period() {
        let check = HealthCheck {
            start_period: Some(Duration::from_secs(60)),
            ..HealthCheck::default()
        };
        let pause = |seconds, status| check.pause(Duration::from_secs(seconds), status).as_secs();
        assert_eq!(pause(1, HealthStatus::Starting), 5);
        assert_eq!(pause(1, HealthStatus::Healthy), 30);
        assert_eq!(pause(61, HealthStatus::Starting), 30);
        assert_eq!(
            HealthCheck::default()
                .pause(Duration::ZERO, HealthStatus::Starting)
                .as_secs(),
            30
        );
    }
}
