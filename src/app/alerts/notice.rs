//! What is told of an alert, and to whom it goes.

use std::sync::Arc;

use jiff::Timestamp;

use super::Alert;
use crate::{config::alert::Rule, format::text::sanitize, model::ContainerId};

/// Whether an alert begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It begins.
    Firing,
    /// It ends.
    Resolved,
}

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Whether it begins or ends.
    pub phase: Phase,
    /// The container.
    pub id: ContainerId,
    /// Its name.
    pub container: String,
    /// Its image.
    pub image: String,
    /// The value.
    pub value: f64,
    /// When.
    pub at: Timestamp,
}

impl Notice {
    pub(super) fn of(alert: &Alert, phase: Phase, at: Timestamp) -> Self {
        Self {
            rule: Arc::clone(&alert.rule),
            phase,
            id: alert.id.clone(),
            container: alert.container.clone(),
            image: alert.image.clone(),
            value: alert.value,
            at,
        }
    }

    /// One line that is safe on a terminal.
    pub fn line(&self) -> String {
        let rule = &self.rule;
        let line = match self.phase {
            Phase::Firing => format!(
                "{}: {} {} ({})",
                self.container,
                rule.metric.name,
                rule.told(self.value),
                rule.name
            ),
            Phase::Resolved => format!("{}: {} is over", self.container, rule.name),
        };
        sanitize(&line).into_owned()
    }

    /// The facts by name, for a command's environment and a webhook's JSON.
    pub fn facts(&self) -> [(&'static str, String); 10] {
        let phase = match self.phase {
            Phase::Firing => "firing",
            Phase::Resolved => "resolved",
        };
        let rule = &self.rule;
        [
            ("name", rule.name.clone()),
            ("state", phase.to_owned()),
            ("severity", rule.severity.as_str().to_owned()),
            ("condition", rule.condition()),
            ("value", rule.told(self.value)),
            ("container", self.container.clone()),
            ("id", self.id.as_str().to_owned()),
            ("image", self.image.clone()),
            ("time", self.at.to_string()),
            ("summary", self.line()),
        ]
    }
}
