//! Health checks, asked for and told. Docker counts time in nanoseconds, and 0 says nothing.

use std::time::Duration;

use super::models;
use crate::model::{Health, HealthCheck, HealthStatus, HealthTest};

/// What was asked of a check; none if nothing was.
pub fn check(asked: models::HealthConfig) -> Result<Option<HealthCheck>, String> {
    let time = |name: &str, nanos: Option<i64>| match nanos.unwrap_or(0) {
        0 => Ok(None),
        // The daemon's least, too.
        nanos @ 1_000_000.. => Ok(Some(Duration::from_nanos(nanos.unsigned_abs()))),
        _ => Err(format!("{name} in Healthcheck cannot be less than 1ms")),
    };
    let retries = u32::try_from(asked.retries.unwrap_or(0))
        .map_err(|_| "Retries in Healthcheck cannot be negative")?;
    let words = asked.test.unwrap_or_default();
    let test = match words.split_first() {
        None => None,
        Some((kind, rest)) => Some(match (kind.as_str(), rest) {
            ("NONE", _) => HealthTest::None,
            ("CMD", argv) => HealthTest::Command(argv.to_vec()),
            ("CMD-SHELL", [line]) => HealthTest::Shell(line.clone()),
            _ => {
                return Err(format!(
                    "Unknown healthcheck type {kind:?}: CMD, CMD-SHELL or NONE"
                ));
            }
        }),
    };
    let check = HealthCheck {
        test,
        interval: time("Interval", asked.interval)?,
        timeout: time("Timeout", asked.timeout)?,
        start_period: time("StartPeriod", asked.start_period)?,
        start_interval: time("StartInterval", asked.start_interval)?,
        retries: Some(retries).filter(|retries| *retries > 0),
    };
    Ok((check != HealthCheck::default()).then_some(check))
}

/// The same, told.
pub fn config(check: &HealthCheck) -> models::HealthConfig {
    let time = |time: Option<Duration>| {
        time.map(|time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
    };
    models::HealthConfig {
        test: check.test.as_ref().map(|test| match test {
            HealthTest::None => vec!["NONE".into()],
            HealthTest::Command(argv) => [&["CMD".to_owned()], argv.as_slice()].concat(),
            HealthTest::Shell(line) => vec!["CMD-SHELL".into(), line.clone()],
        }),
        interval: time(check.interval),
        timeout: time(check.timeout),
        start_period: time(check.start_period),
        start_interval: time(check.start_interval),
        retries: check.retries.map(i64::from),
    }
}

/// What checks said.
pub fn state(health: &Health) -> models::Health {
    models::Health {
        status: Some(match health.status {
            HealthStatus::Starting => models::HealthStatusEnum::STARTING,
            HealthStatus::Healthy => models::HealthStatusEnum::HEALTHY,
            HealthStatus::Unhealthy => models::HealthStatusEnum::UNHEALTHY,
        }),
        failing_streak: Some(health.failing_streak.into()),
        log: Some(
            health
                .log
                .iter()
                .map(|result| models::HealthcheckResult {
                    start: Some(result.start.to_string()),
                    end: Some(result.end.to_string()),
                    exit_code: Some(result.exit_code.into()),
                    output: Some(result.output.clone()),
                })
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: serde_json::Value) -> Result<Option<HealthCheck>, String> {
        check(serde_json::from_value(text).unwrap())
    }

    #[test]
    fn check_is_told_as_it_was_asked() {
        let asked = json!({"Test": ["CMD-SHELL", "true"], "Interval": 2000000000, "Retries": 4});
        let check = read(asked.clone()).unwrap().unwrap();
        assert_eq!(json!(config(&check)), asked);
        assert_eq!(read(json!({"Test": [], "Interval": 0})), Ok(None));
        assert!(read(json!({"Test": ["HTTP", "x"]})).is_err());
        assert!(read(json!({"Interval": 5})).is_err());
        assert!(read(json!({"Retries": -1})).is_err());
    }
}
