//! What was done from this dashboard, with its result and the command that does the
//! same: the newest few hundred.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::{Failure, Target};
use crate::action::Action;

/// How many entries are kept.
const CAPACITY: usize = 500;

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    entries: VecDeque<Entry>,
    last: u64,
    /// What a command is told so that it means the engine that is driven.
    flag: Option<String>,
}

/// One thing that was done.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number.
    pub number: u64,
    /// When it was begun.
    pub at: Timestamp,
    /// The same by the dashboard's clock.
    pub since: Duration,
    /// What it is: `stop web`. Safe to draw.
    pub what: String,
    /// The command that does the same, as a shell reads it.
    pub command: Option<String>,
    /// How it went.
    pub outcome: Outcome,
    key: Key,
}

/// How a thing went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended.
    Running,
    /// It was done, after so long; what there is to say of it.
    Done(Duration, String),
    /// It was not, after so long.
    Failed(Duration, Failure),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Deed,
    Operation(u64, Target),
}

impl Activity {
    /// Another engine is driven from now on. What was begun goes on, and nobody here hears
    /// how it ends.
    pub fn leave(&mut self, clock: Duration, flag: Option<String>) {
        for entry in &mut self.entries {
            if entry.outcome == Outcome::Running {
                entry.end(clock, Ok("left to go on".into()));
            }
        }
        self.flag = flag;
    }

    /// Notes that an item of an operation was begun.
    pub fn begin_item(
        &mut self,
        (at, since): (Timestamp, Duration),
        operation: u64,
        target: Target,
        what: String,
        command: Option<String>,
    ) {
        let key = Key::Operation(operation, target);
        self.begin(at, since, what, command, key);
    }

    /// Notes that a single thing was begun; its number.
    pub fn begin_deed(
        &mut self,
        (at, since): (Timestamp, Duration),
        what: String,
        command: Option<String>,
    ) -> u64 {
        self.begin(at, since, what, command, Key::Deed)
    }

    /// Notes the end of an item.
    pub fn end_item(
        &mut self,
        clock: Duration,
        operation: u64,
        target: &Target,
        result: &Result<(), Failure>,
    ) {
        let wanted = Key::Operation(operation, target.clone());
        let result = result.clone().map(|()| String::new());
        let mut entries = self.entries.iter_mut().rev();
        if let Some(entry) = entries.find(|entry| entry.key == wanted) {
            entry.end(clock, result);
        }
    }

    /// Notes the end of a single thing; what it was.
    pub fn end_deed(
        &mut self,
        clock: Duration,
        number: u64,
        result: Result<String, Failure>,
    ) -> Option<&Entry> {
        let mut entries = self.entries.iter_mut().rev();
        let entry = entries.find(|entry| entry.number == number)?;
        entry.end(clock, result);
        Some(entry)
    }

    /// The entries, newest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }

    fn begin(
        &mut self,
        at: Timestamp,
        since: Duration,
        what: String,
        command: Option<String>,
        key: Key,
    ) -> u64 {
        self.last += 1;
        let command = match (&self.flag, command) {
            (Some(flag), Some(command)) => {
                Some(command.replacen("wharf ", &format!("wharf {flag} "), 1))
            }
            (_, command) => command,
        };
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            number: self.last,
            at,
            since,
            what,
            command,
            outcome: Outcome::Running,
            key,
        });
        self.last
    }
}

impl Entry {
    /// Its words, as they are filtered and copied.
    pub fn line(&self) -> String {
        let result = match &self.outcome {
            Outcome::Running => "running",
            Outcome::Done(_, said) if said.is_empty() => "done",
            Outcome::Done(_, said) => said,
            Outcome::Failed(_, failure) => &failure.message,
        };
        let command = self.command.as_deref().unwrap_or("");
        format!("{} {}: {result} {command}", self.at, self.what)
    }

    fn end(&mut self, clock: Duration, result: Result<String, Failure>) {
        let took = clock.saturating_sub(self.since);
        self.outcome = match result {
            Ok(said) => Outcome::Done(took, said),
            Err(failure) => Outcome::Failed(took, failure),
        };
    }
}

/// The command that does an action to a thing of this name.
pub fn command(action: Action, name: &str) -> Option<String> {
    let cli = action.spec().cli?;
    // The dashboard asks before, and then means it.
    let force = match action {
        Action::Remove => " --force",
        _ => "",
    };
    Some(format!("wharf {cli}{force} {}", quoted(name)))
}

/// A word as a shell reads it, in quotes only where it needs them.
pub fn quoted(word: &str) -> String {
    // More than shlex leaves alone, for the eyes.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    // No argument of a program can hold a NUL.
    let quoted = shlex::try_quote(word).map(std::borrow::Cow::into_owned);
    quoted.unwrap_or_else(|_| word.replace('\0', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_or_read_them() {
        assert_eq!(quoted("web-1"), "web-1");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(shlex::split(&quoted("it's $HOME")).unwrap(), ["it's $HOME"]);
        assert_eq!(quoted(""), "''");
        assert_eq!(
            command(Action::Remove, "web").unwrap(),
            "wharf rm --force web"
        );
        assert_eq!(
            command(Action::RemoveImage, "a:1").unwrap(),
            "wharf rmi a:1"
        );
    }

    #[test]
    fn old_entries_make_room() {
        let mut activity = Activity::default();
        let now = (Timestamp::UNIX_EPOCH, Duration::ZERO);
        let first = activity.begin_deed(now, "first".into(), None);
        for n in 0..CAPACITY {
            activity.begin_deed(now, n.to_string(), None);
        }
        assert_eq!(activity.entries().count(), CAPACITY);
        assert!(
            activity
                .end_deed(Duration::ZERO, first, Ok(String::new()))
                .is_none()
        );
    }
}
