//! What happens to containers and images, as it happens: the newest few thousand events,
//! newest first, while one looks at them.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::{Pending, list::List, log::Needle};
use crate::{
    format::{Tone, text::sanitize},
    model::{Event, EventKind},
};

/// How many events are kept.
const CAPACITY: usize = 2_000;

/// The events and how they are looked at.
#[derive(Clone, Debug)]
pub struct Events {
    rows: VecDeque<EventRow>,
    /// The number of the first that is kept.
    first: u64,
    /// Those that are shown, newest first.
    pub list: List<u64>,
    /// Whether they came, ended or failed.
    pub state: Pending<()>,
    /// Number of the watch that brings them.
    pub watch: u64,
    /// Whether they are being watched.
    pub is_watched: bool,
}

/// An event, safe to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// When.
    pub at: Timestamp,
    /// To what kind of thing.
    pub kind: EventKind,
    /// What.
    pub action: String,
    /// How good or bad that is.
    pub tone: Tone,
    /// The thing's name, or its id.
    pub name: String,
    /// The same as it was told.
    pub raw_name: String,
    /// The thing's id.
    pub id: String,
    /// Details, as `name=value`.
    pub details: String,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            rows: VecDeque::new(),
            first: 0,
            list: List::new("at"),
            state: Pending::Loading,
            watch: 0,
            is_watched: false,
        }
    }
}

impl Events {
    /// Adds events, oldest first.
    pub fn append(&mut self, events: Vec<Event>) {
        self.state = Pending::Ready(());
        self.rows.extend(events.into_iter().map(EventRow::from));
        let surplus = self.rows.len().saturating_sub(CAPACITY);
        self.rows.drain(..surplus);
        self.first += surplus as u64;
        self.arrange();
    }

    /// Finds again what is shown. At the top one stays with the newest.
    pub fn arrange(&mut self) {
        // What is no expression yet is being typed: everything is shown meanwhile.
        let needle = Needle::new(&self.list.filter).ok().flatten();
        let rows: Vec<usize> = (0..self.rows.len())
            .rev()
            .filter(|&n| {
                needle
                    .as_ref()
                    .is_none_or(|needle| needle.is_match(&self.rows[n].line()))
            })
            .collect();
        if self.list.cursor == 0 {
            self.list.selected = None;
        }
        let first = self.first;
        self.list.arrange(rows, |row| first + row as u64);
    }

    /// Moves the cursor.
    pub fn step(&mut self, by: isize) {
        let first = self.first;
        self.list.step(by, |row| first + row as u64);
    }

    /// A shown event, from the newest.
    pub fn row(&self, n: usize) -> Option<&EventRow> {
        self.rows.get(*self.list.rows.get(n)?)
    }

    /// The event under the cursor.
    pub fn selected(&self) -> Option<&EventRow> {
        self.row(self.list.cursor)
    }

    /// How many there are, shown or not.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The time of the newest.
    pub fn newest(&self) -> Option<Timestamp> {
        self.rows.back().map(|row| row.at)
    }
}

impl EventRow {
    /// Its words, as they are filtered and copied.
    pub fn line(&self) -> String {
        let kind = self.kind.word();
        format!(
            "{} {kind} {} {} {}",
            self.at, self.action, self.name, self.details
        )
    }
}

impl From<Event> for EventRow {
    fn from(event: Event) -> Self {
        let name = event.attributes.get("name");
        let raw_name = name.unwrap_or(&event.id).clone();
        let details: Vec<_> = event
            .attributes
            .iter()
            .filter(|(key, _)| *key != "name")
            .map(|(key, value)| format!("{}={}", sanitize(key), sanitize(value)))
            .collect();
        let code = event.attributes.get("exitCode").map(String::as_str);
        let tone = match (event.action.as_str(), code) {
            ("oom", _) => Tone::Bad,
            ("die", Some("0")) => Tone::Quiet,
            ("die", _) => Tone::Bad,
            ("kill" | "pause" | "restart" | "stop" | "destroy", _) => Tone::Warn,
            ("start" | "unpause", _) => Tone::Good,
            _ => Tone::Quiet,
        };
        Self {
            at: event.at,
            kind: event.kind,
            action: sanitize(&event.action).into_owned(),
            tone,
            name: sanitize(&raw_name).into_owned(),
            raw_name,
            id: event.id,
            details: details.join(" "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: i64, action: &str) -> Event {
        Event {
            at: Timestamp::from_second(n).unwrap(),
            kind: EventKind::Container,
            action: action.into(),
            id: "ab".into(),
            attributes: [("name".into(), format!("c\u{1b}{n}"))].into(),
        }
    }

    #[test]
    fn newest_is_first_and_the_cursor_stays_with_what_it_was_put_on() {
        let mut events = Events::default();
        events.append((0..5).map(|n| event(n, "start")).collect());
        assert_eq!(events.selected().unwrap().name, "c\\x1b4");
        events.append(vec![event(5, "start")]);
        assert_eq!(events.selected().unwrap().name, "c\\x1b5", "at the top");
        events.step(1);
        events.append(vec![event(6, "die")]);
        assert_eq!(events.selected().unwrap().name, "c\\x1b4");
        events.list.filter = "!die".into();
        events.arrange();
        assert_eq!(events.list.rows.len(), 6);
        events.append((0..CAPACITY as i64).map(|n| event(n, "x")).collect());
        assert_eq!(events.len(), CAPACITY);
    }
}
