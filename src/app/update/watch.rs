//! What is loaded for the details, in step with what is selected.

use super::super::{Details, Effect, Screen, State, Tab};
use crate::model::Ability;

impl State {
    /// Keeps what is loaded for the details in step with what is selected.
    pub(super) fn watch(&mut self) {
        if self.screen == Screen::Groups {
            return self.watch_group();
        }
        if self.screen == Screen::Builds {
            self.stop_watching();
            return self.watch_build();
        }
        self.groups.watched = None;
        self.builds.logged = None;
        let selected = match self.screen {
            Screen::Containers => self.selected_container().map(|row| &row.container).cloned(),
            _ => None,
        };
        let id = selected.as_ref().map(|container| container.id.clone());
        if self.details.of != id {
            self.forget_details();
            self.details.of = id;
        }
        let tab = self.details.tab;
        if let (Some(container), Tab::Inspect) = (&selected, tab) {
            self.details.tree.show(container);
        }
        let sources: Vec<_> = match (tab, &selected) {
            (Tab::Logs, Some(_)) => {
                let rows = self.log_sources();
                let run = |row: &crate::model::ContainerRow| {
                    (row.container.id.clone(), row.container.started)
                };
                rows.iter().map(run).collect()
            }
            (_, Some(container)) => vec![(container.id.clone(), container.started)],
            _ => Vec::new(),
        };
        // What an engine can't tell it is not asked for again and again.
        let is_told = match tab {
            Tab::Stats => self.capabilities.can(Ability::Groups).is_ok(),
            _ => tab.is_loaded(),
        };
        let is_wanted = is_told && !sources.is_empty();
        let since = self.details.log.manner.since;
        let wanted = is_wanted.then_some((sources, tab, since));
        if self.details.watched == wanted {
            return;
        }
        self.forget_group();
        self.details.watch += 1;
        match wanted.as_ref() {
            Some((_, Tab::Logs, _)) => self.follow_logs(),
            Some((sources, tab, _)) => self.effects.push(Effect::Watch {
                watch: self.details.watch,
                id: sources[0].0.clone(),
                tab: *tab,
            }),
            None => self.effects.push(Effect::Unwatch),
        }
        self.details.watched = wanted;
    }

    /// What is shown comes by itself.
    fn stop_watching(&mut self) {
        let was_of_group = self.groups.watched.take().is_some();
        if self.details.watched.take().is_some() || was_of_group {
            self.details.of = None;
            self.forget_group();
            self.details.watch += 1;
            self.effects.push(Effect::Unwatch);
        }
    }

    pub(super) fn forget_details(&mut self) {
        let merged = self.is_merged();
        let before = std::mem::take(&mut self.details);
        self.details = Details {
            tab: before.tab,
            watch: before.watch,
            table: before.table.renewed(),
            tree: before.tree.renewed(),
            // The log of several is not that of the one under the cursor.
            log: match merged {
                true => before.log,
                false => before.log.renewed(),
            },
            watched: before.watched.filter(|_| merged),
            ..Details::default()
        };
    }
}
