//! Alerts in the dashboard: looked at with each picture, told to whom their rules say,
//! and listed on a screen of their own.

use std::{sync::Arc, time::Duration};

use super::super::{
    Effect, Failure, Screen, State, Tab,
    alerts::{Alert, Alerts, Notice, Phase},
};
use crate::{config::alert::Channel, model::World};

/// How long a silenced alert tells nobody.
const SILENCE: Duration = Duration::from_secs(3_600);
/// Moments of a recording so far apart are not one after the other.
const LEAP: Duration = Duration::from_secs(60);
/// What fires at once beyond this is told to the terminal as a number.
const TOLD_AT_ONCE: usize = 3;

impl State {
    /// Looks at a new picture.
    pub(super) fn watch_alerts(&mut self, world: &World) {
        let notices = self.alerts.update(world, self.clock);
        self.arrange_alerts();
        self.signal(&notices);
        for notice in notices {
            let notice = Arc::new(notice);
            for channel in [Channel::Command, Channel::Webhook] {
                if notice.rule.notify.contains(&channel) {
                    self.effects.push(Effect::Notify {
                        notice: Arc::clone(&notice),
                        channel,
                    });
                }
            }
        }
    }

    /// Looks at a moment of a recording, by the recording's own time. Nobody is told: it
    /// was long ago. After a leap nothing is known of what lies between, and what held
    /// before it is forgotten.
    pub(super) fn judge_past(&mut self, world: &World) {
        let at = Duration::try_from(world.at.as_duration()).unwrap_or_default();
        let is_next = at
            .checked_sub(self.judged)
            .is_some_and(|passed| passed <= LEAP);
        if !is_next {
            self.alerts = Alerts::default();
            self.alerts.set_rules(&self.config.alerts, world.at);
        }
        self.judged = at;
        self.alerts.update(world, at);
        self.arrange_alerts();
    }

    /// What the terminal itself tells: of ends it says nothing.
    fn signal(&mut self, notices: &[Notice]) {
        let firing = |channel: Channel| {
            notices.iter().filter(move |notice| {
                notice.phase == Phase::Firing && notice.rule.notify.contains(&channel)
            })
        };
        let is_loud = firing(Channel::Bell).next().is_some();
        let mut lines: Vec<_> = firing(Channel::Osc9).map(Notice::line).collect();
        if lines.len() > TOLD_AT_ONCE {
            lines = vec![format!("{} alerts; the first: {}", lines.len(), lines[0])];
        }
        if is_loud || !lines.is_empty() {
            self.effects.push(Effect::Signal { is_loud, lines });
        }
    }

    /// Arranges the list anew. Its cursor stays on its alert.
    pub(in super::super) fn arrange_alerts(&mut self) {
        let log = self.alerts.log();
        let wanted = self.alert_list.filter.to_lowercase();
        let rows = (0..log.len()).filter(|&row| {
            let alert = &log[row];
            wanted.is_empty()
                || alert.container.to_lowercase().contains(&wanted)
                || alert.rule.name.to_lowercase().contains(&wanted)
        });
        self.alert_list
            .arrange(rows.collect(), |row| log[row].number);
    }

    /// The alert under the cursor.
    pub fn selected_alert(&self) -> Option<&Alert> {
        let row = *self.alert_list.rows.get(self.alert_list.cursor)?;
        self.alerts.log().get(row)
    }

    pub(super) fn acknowledge(&mut self) {
        if let Some(number) = self.selected_alert().map(|alert| alert.number) {
            self.alerts.acknowledge(number);
            self.arrange_alerts();
        }
    }

    pub(super) fn silence(&mut self) {
        let Some(alert) = self.selected_alert() else {
            return;
        };
        let line = format!(
            "{} tells nobody of {} for an hour",
            alert.rule.name, alert.container
        );
        let number = alert.number;
        self.alerts.silence(number, self.clock + SILENCE);
        self.arrange_alerts();
        let line = crate::format::text::sanitize(&line).into_owned();
        self.tell(false, vec![line], None, super::TOAST);
    }

    pub(super) fn forget_ended_alerts(&mut self) {
        self.alerts.forget_ended();
        self.arrange_alerts();
    }

    /// Shows the container of the alert under the cursor, and what it uses.
    pub(super) fn open_alert(&mut self) {
        let Some(id) = self.selected_alert().map(|alert| alert.id.clone()) else {
            return;
        };
        let exists = self
            .world
            .as_ref()
            .is_some_and(|world| world.container(&id).is_some());
        if !exists {
            let line = "the container is gone".to_owned();
            return self.tell(false, vec![line], None, super::TOAST);
        }
        self.go_to_screen(Screen::Containers);
        self.shows_all = true;
        self.containers.filter.clear();
        self.containers.selected = Some(id);
        self.arrange();
        self.go_to(Tab::Stats);
    }

    /// A command or a server was told, or not: of failures each rule and channel is told
    /// once, until it works again.
    pub(super) fn on_notified(
        &mut self,
        rule: &str,
        channel: Channel,
        result: Result<Option<String>, Failure>,
    ) {
        if channel == Channel::Command {
            let said = match &result {
                Ok(said) => said
                    .clone()
                    .unwrap_or_else(|| "done, without a word".into()),
                Err(failure) => failure.message.clone(),
            };
            self.said.insert(rule.to_owned(), (self.now(), said));
        }
        let place = self
            .untold
            .iter()
            .position(|(of, by)| of == rule && *by == channel);
        match (result, place) {
            (Ok(_), Some(place)) => drop(self.untold.swap_remove(place)),
            (Err(failure), None) => {
                self.untold.push((rule.to_owned(), channel));
                self.tell_failure(failure);
            }
            _ => {}
        }
    }
}
