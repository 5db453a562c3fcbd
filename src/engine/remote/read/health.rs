//! Health checks: what was asked, and what they said.

use std::time::Duration;

use serde_json::Value;

use super::time;
use crate::model::{Health, HealthCheck, HealthResult, HealthStatus, HealthTest};

/// What was asked of a container's checks; `None` if nothing was.
pub fn health_check(value: &Value) -> Option<HealthCheck> {
    let words = value["Test"].as_array().cloned().unwrap_or_default();
    let words: Vec<String> = words
        .iter()
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect();
    let test = match words.split_first() {
        Some((kind, _)) if kind == "NONE" => Some(HealthTest::None),
        Some((kind, rest)) if kind == "CMD" => Some(HealthTest::Command(rest.to_vec())),
        Some((kind, rest)) if kind == "CMD-SHELL" => Some(HealthTest::Shell(rest.join(" "))),
        _ => None,
    };
    // Nanoseconds; 0 is not said.
    let span = |key: &str| {
        let nanoseconds = value[key].as_u64().filter(|n| *n > 0)?;
        Some(Duration::from_nanos(nanoseconds))
    };
    let retries = value["Retries"].as_u64().filter(|n| *n > 0);
    let check = HealthCheck {
        test,
        interval: span("Interval"),
        timeout: span("Timeout"),
        start_period: span("StartPeriod"),
        start_interval: span("StartInterval"),
        retries: retries.and_then(|n| u32::try_from(n).ok()),
    };
    (check != HealthCheck::default()).then_some(check)
}

/// What a container's checks said; `None` if it has none.
pub fn health(value: &Value) -> Option<Health> {
    let status = match value["Status"].as_str()? {
        "starting" => HealthStatus::Starting,
        "healthy" => HealthStatus::Healthy,
        "unhealthy" => HealthStatus::Unhealthy,
        _ => return None,
    };
    let results = value["Log"].as_array().into_iter().flatten();
    let results = results.filter_map(|result| {
        let at = |key: &str| time(result[key].as_str()?);
        Some(HealthResult {
            start: at("Start")?,
            end: at("End").or(at("Start"))?,
            exit_code: i32::try_from(result["ExitCode"].as_i64()?).ok()?,
            output: result["Output"].as_str().unwrap_or_default().to_owned(),
        })
    });
    Some(Health {
        status,
        failing_streak: u32::try_from(value["FailingStreak"].as_u64().unwrap_or_default())
            .unwrap_or(u32::MAX),
        log: results.collect(),
        next: None,
    })
}
