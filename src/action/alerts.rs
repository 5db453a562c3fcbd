//! The rows of the alerts screen.

use super::{Action, ActionSpec, Code, Key, Scope, row::view};

pub(super) const ROWS: &[ActionSpec] = &[
    view(
        Action::OpenAlert,
        "alert.open",
        "go to",
        Scope::Alerts,
        &[Key::of(Code::Enter)],
    )
    .says("Show the container of the alert"),
    view(
        Action::Acknowledge,
        "alert.acknowledge",
        "acknowledge",
        Scope::Alerts,
        &[Key::char('a')],
    )
    .says("Say that the alert was seen, or take that back"),
    view(
        Action::Silence,
        "alert.silence",
        "silence",
        Scope::Alerts,
        &[Key::char('s')],
    )
    .says("Tell nobody of this rule and container for an hour"),
    view(
        Action::ForgetAlerts,
        "alert.forget",
        "forget ended",
        Scope::Alerts,
        &[Key::char('d')],
    )
    .says("Take alerts that are over off the list"),
];
