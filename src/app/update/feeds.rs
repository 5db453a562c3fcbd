//! The screens of what happens and of what was done.

use std::time::Duration;

use super::super::{Effect, Pick, Screen, State};
use crate::model::EventKind;

/// How far back events are told when one first looks.
const PAST: Duration = Duration::from_secs(24 * 3600);

impl State {
    /// Keeps events coming while one looks at them, and only then.
    pub(super) fn watch_events(&mut self) {
        let is_wanted = self.screen == Screen::Events && self.world.is_some();
        if is_wanted == self.events.is_watched {
            return;
        }
        self.events.is_watched = is_wanted;
        if !is_wanted {
            return self.effects.push(Effect::UnwatchEvents);
        }
        self.events.watch += 1;
        let after = |at: jiff::Timestamp| at + Duration::from_nanos(1);
        let since = self.events.newest().map(after);
        self.effects.push(Effect::WatchEvents {
            watch: self.events.watch,
            since: since.or_else(|| self.now().checked_sub(PAST).ok()),
        });
    }

    /// What the screen of what was done shows.
    pub(super) fn arrange_activity(&mut self) {
        let list = &mut self.done;
        let needle = super::super::log::Needle::new(&list.filter).ok().flatten();
        let entries: Vec<_> = self.activity.entries().collect();
        let rows = (0..entries.len())
            .filter(|&n| {
                needle
                    .as_ref()
                    .is_none_or(|needle| needle.is_match(&entries[n].line()))
            })
            .collect();
        if list.cursor == 0 {
            list.selected = None;
        }
        list.arrange(rows, |row| entries[row].number);
    }

    pub(super) fn step_feed(&mut self, by: isize) {
        match self.screen {
            Screen::Events => self.events.step(by),
            _ => {
                let numbers: Vec<_> = self.activity.entries().map(|entry| entry.number).collect();
                self.done.step(by, |row| numbers[row]);
            }
        }
    }

    /// Goes to the container of the event under the cursor.
    pub(super) fn jump_to_event(&mut self) {
        let Some(event) = self.events.selected() else {
            return self.say("there is no event");
        };
        let (kind, name) = (event.kind, event.name.clone());
        let found = self.world.as_ref().and_then(|world| {
            let mut rows = world.containers.iter();
            let row = rows.find(|row| row.container.id.as_str() == event.id)?;
            Some(row.container.id.clone())
        });
        match (kind, found) {
            (EventKind::Container, Some(id)) => self.jump_to(&id),
            (EventKind::Container, None) => self.say(&format!("{name} is gone")),
            (EventKind::Image, _) => self.go_to_screen(Screen::Images),
            (EventKind::Network, _) => self.say(&format!("{name} is a network")),
            (EventKind::Volume, _) => self.say(&format!("{name} is a volume")),
        }
    }

    /// Shows a container in the table, whatever hides it there.
    pub(super) fn jump_to(&mut self, id: &crate::model::ContainerId) {
        self.go_to_screen(Screen::Containers);
        self.pane = super::super::Pane::Table;
        self.select(id);
        self.arrange();
        if self.containers.selected.as_ref() != Some(id) {
            self.shows_all = true;
            self.table.groups.unfold_all();
            self.set_filter(String::new());
            self.select(id);
            self.arrange();
        }
    }

    pub(super) fn event_picks(&self) -> Vec<Pick> {
        let Some(event) = self.events.selected() else {
            return Vec::new();
        };
        vec![
            Pick::copy('n', "name", "name", event.raw_name.clone()),
            Pick::copy('i', "id", "id", event.id.clone()),
            Pick::copy('l', "line", "line", event.line()),
        ]
    }

    pub(super) fn done_picks(&self) -> Vec<Pick> {
        let row = self.done.rows.get(self.done.cursor);
        let Some(entry) = row.and_then(|&row| self.activity.entries().nth(row)) else {
            return Vec::new();
        };
        let command = entry.command.clone();
        command
            .map(|command| Pick::copy('c', "command", "command", command))
            .into_iter()
            .chain([Pick::copy('l', "line", "line", entry.line())])
            .collect()
    }
}
