//! What is shown of the selected container beside its row: one tab at a time, loaded
//! only while it is on screen.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::Failure;
use crate::{
    action::Action,
    format::text::{sanitize_bytes, width},
    model::{Change, ContainerId, LogLine, Process, Stream},
    record::advice::Advice,
};

/// How many lines of a log are kept.
const LOG_CAPACITY: usize = 5_000;

/// The tabs, in their order on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Tab {
    Logs,
    Stats,
    Processes,
    Inspect,
    Changes,
    Advice,
}

impl Tab {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Logs,
        Self::Stats,
        Self::Processes,
        Self::Inspect,
        Self::Changes,
        Self::Advice,
    ];

    /// The action that goes to it; its title is the tab's.
    pub fn action(self) -> Action {
        match self {
            Self::Logs => Action::Logs,
            Self::Stats => Action::Stats,
            Self::Processes => Action::Processes,
            Self::Inspect => Action::Inspect,
            Self::Changes => Action::Changes,
            Self::Advice => Action::Advice,
        }
    }

    /// The tab so many places further, round the ends.
    pub fn step(self, by: isize) -> Self {
        let count = Self::ALL.len() as isize;
        Self::ALL[(self as isize + by).rem_euclid(count) as usize]
    }
}

/// A line of a log, safe to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// When it was written.
    pub at: Timestamp,
    /// Whether to stderr.
    pub is_error: bool,
    /// What it says, sanitized; colours of its own are dropped.
    pub text: Box<str>,
    /// Columns that it takes.
    pub columns: usize,
}

impl From<&LogLine> for LogRow {
    fn from(line: &LogLine) -> Self {
        let plain = without_colours(&line.text);
        let text = sanitize_bytes(plain.trim_ascii_end());
        Self {
            at: line.at,
            is_error: line.stream == Stream::Stderr,
            columns: width(&text),
            text: text.into(),
        }
    }
}

/// Something that is loaded while one looks at it.
#[derive(Clone, Debug, Default)]
pub enum Pending<T> {
    /// Not here yet.
    #[default]
    Loading,
    /// Here.
    Ready(T),
    /// Won't come.
    Failed(Failure),
}

/// What is being loaded: a container's tab, in one of its runs.
pub type Watched = Option<(ContainerId, Tab, Option<Timestamp>)>;

impl<T> Pending<Vec<T>> {
    /// How many there are, if they came.
    pub fn len(&self) -> usize {
        match self {
            Self::Ready(items) => items.len(),
            _ => 0,
        }
    }

    /// Whether there are none, or none came.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The tab that is shown, its content, and how far it is scrolled.
#[derive(Clone, Debug)]
pub struct Details {
    /// Which tab.
    pub tab: Tab,
    /// Whose details these are.
    pub of: Option<ContainerId>,
    /// What is being loaded.
    pub watched: Watched,
    /// Number of that watch.
    pub watch: u64,
    /// The log, oldest line first.
    pub log: VecDeque<LogRow>,
    /// Whether the log came, ended or failed.
    pub log_state: Pending<()>,
    /// Processes.
    pub processes: Pending<Vec<Process>>,
    /// Changed files.
    pub changes: Pending<Vec<Change>>,
    /// What its limits are worth.
    pub advice: Pending<Advice>,
    /// When that was asked for last, by the dashboard's clock; whether the answer came.
    pub advised: Option<(Duration, bool)>,
    /// Inspect's lines: a title, or a name and its value.
    pub inspect: Vec<(String, String)>,
    /// Lines scrolled: from the top, but in a log from its end.
    pub scroll: usize,
    /// Whether the log stays at its end.
    pub follows: bool,
    /// Whether long lines are wrapped.
    pub wraps: bool,
}

impl Default for Details {
    fn default() -> Self {
        Self {
            tab: Tab::Logs,
            of: None,
            watched: None,
            watch: 0,
            log: VecDeque::new(),
            log_state: Pending::Loading,
            processes: Pending::Loading,
            changes: Pending::Loading,
            advice: Pending::Loading,
            advised: None,
            inspect: Vec::new(),
            scroll: 0,
            follows: true,
            wraps: true,
        }
    }
}

impl Details {
    /// Adds lines to the log. While nobody follows, what is on screen stays there.
    pub fn append(&mut self, lines: Vec<LogRow>) {
        self.log_state = Pending::Ready(());
        let added = lines.len();
        self.log.extend(lines);
        let surplus = self.log.len().saturating_sub(LOG_CAPACITY);
        self.log.drain(..surplus);
        self.scroll = if self.follows { 0 } else { self.scroll + added };
    }

    /// Lines of screen that a log line takes.
    pub fn height(&self, row: &LogRow, columns: usize) -> usize {
        if self.wraps {
            row.columns.div_ceil(columns.max(1)).max(1)
        } else {
            1
        }
    }

    /// How far the log can be scrolled back from its end, its first line at the top.
    pub fn log_reach(&self, columns: usize, height: usize) -> usize {
        let mut taken = 0;
        let first_screen = self
            .log
            .iter()
            .take_while(|row| {
                taken += self.height(row, columns);
                taken <= height
            })
            .count();
        self.log.len() - first_screen
    }
}

/// The text without `ESC [ … m`: a log's own colours mean nothing on this screen, and
/// spelling them out would drown its words. All other sequences stay for sanitizing.
fn without_colours(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if !text.contains(&0x1b) {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        if let Some(sequence) = rest.strip_prefix(b"\x1b[") {
            let end = sequence
                .iter()
                .position(|b| !matches!(b, b'0'..=b'9' | b';' | b':'));
            if let Some(end) = end.filter(|&end| sequence[end] == b'm') {
                rest = &sequence[end + 1..];
                continue;
            }
        }
        out.push(byte);
        rest = after;
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> LogRow {
        LogRow::from(&LogLine {
            at: Timestamp::UNIX_EPOCH,
            stream: Stream::Stdout,
            text: text.as_bytes().to_vec(),
            partial: false,
        })
    }

    #[test]
    fn colours_are_dropped_and_other_sequences_are_spelled_out() {
        assert_eq!(&*row("\x1b[1;31mred\x1b[0m").text, "red");
        assert_eq!(
            &*row("a\x1b]0;owned\x07\x1b[2J").text,
            "a\\x1b]0;owned\\x07\\x1b[2J"
        );
        assert_eq!(&*row("cut \x1b[31").text, "cut \\x1b[31");
    }

    #[test]
    fn old_lines_make_room_and_a_reader_keeps_his_place() {
        let mut details = Details::default();
        details.append((0..LOG_CAPACITY).map(|n| row(&n.to_string())).collect());
        details.follows = false;
        details.scroll = 10;
        details.append(vec![row("new")]);
        assert_eq!(details.log.len(), LOG_CAPACITY);
        assert_eq!(details.scroll, 11);
        details.follows = true;
        details.append(vec![row("newer")]);
        assert_eq!(details.scroll, 0);
    }

    #[test]
    fn scrolling_back_ends_with_the_first_line_at_the_top() {
        let mut details = Details::default();
        details.append(vec![row("0123456789"), row("a"), row("b"), row("c")]);
        assert_eq!(details.log_reach(5, 3), 2, "two lines of the first, then a");
        assert_eq!(details.log_reach(80, 9), 0);
    }
}
