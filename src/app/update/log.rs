//! The log's tab: how it is shown, what is searched and filtered in it, and whose it is.

use std::time::Duration;

use super::{
    super::{
        Asked, Effect, Logs, Menu, Modal, Pending, Pick, Picked, Prompt, Screen, State, Tab,
        geometry,
        log::{Fold, Frame, Kind, Needle, Since, Streams, Times},
    },
    TOAST,
};
use crate::{action::Action, format::text::sanitize};

/// Most logs that are merged: each costs a reader of its own.
const MOST_MERGED: usize = 32;
/// Columns by which cut lines are pushed.
const SHIFT: usize = 16;
/// Columns of a name before merged lines.
const NAME: usize = 16;

/// Columns before a line's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogMargin {
    /// Of its time.
    pub time: u16,
    /// Of the name of its container.
    pub name: u16,
}

impl LogMargin {
    /// All columns that are not the text's: a free one before, one after each part, the
    /// sign of stderr between, and one free at the end.
    pub fn columns(self) -> u16 {
        let part = |columns: u16| columns + u16::from(columns > 0);
        1 + part(self.time) + part(self.name) + 3
    }
}

impl State {
    /// What stands before each line of the log.
    pub fn log_margin(&self) -> LogMargin {
        let log = &self.details.log;
        let widest = log
            .sources
            .iter()
            .map(|name| crate::format::text::width(name));
        LogMargin {
            time: match log.manner.times {
                Times::Clock => self.time_columns(),
                other => other.columns() as u16,
            },
            name: match log.sources.len() {
                0 | 1 => 0,
                _ => widest.max().unwrap_or(0).min(NAME) as u16,
            },
        }
    }

    /// The part of the screen that the log's text has.
    pub fn log_frame(&self) -> Frame {
        let area = geometry(self).details;
        let columns = area.width.saturating_sub(self.log_margin().columns());
        Frame {
            fold: Fold {
                columns: usize::from(columns).max(1),
                wraps: self.details.log.manner.wraps,
            },
            height: usize::from(area.height).max(1),
        }
    }

    pub(super) fn on_log_action(&mut self, action: Action) {
        let frame = self.log_frame();
        let at = self.now();
        let log = &mut self.details.log;
        match action {
            Action::Follow => log.toggle_follow(frame.fold),
            Action::Wrap => {
                log.manner.wraps = !log.manner.wraps;
                log.shift = 0;
            }
            Action::LogTimes => log.manner.times = log.manner.times.next(),
            Action::LogColors => log.manner.has_colors = !log.manner.has_colors,
            Action::LogJson => {
                log.manner.is_pretty = !log.manner.is_pretty;
                log.arrange();
            }
            Action::LogStreams => {
                log.manner.streams = match log.manner.streams {
                    Streams::Both => Streams::Errors,
                    Streams::Errors => Streams::Output,
                    Streams::Output => Streams::Both,
                };
                log.arrange();
            }
            Action::LogMark => log.mark(at),
            Action::LogNextMark => {
                let is_mark = |row: &crate::app::log::LogRow| row.kind == Kind::Mark;
                if log.seek(1, frame, is_mark).is_none() {
                    self.say("there is no rule; m draws one");
                }
            }
            Action::LogClear => {
                let newest = log.rows().map(|row| row.at).max();
                log.cleared = newest
                    .map(|at| at + Duration::from_nanos(1))
                    .or(log.cleared);
                log.clear();
            }
            Action::LogLeft if !log.manner.wraps => log.shift = log.shift.saturating_sub(SHIFT),
            Action::LogRight if !log.manner.wraps => {
                let widest = log.pieces(frame).into_iter().filter_map(|piece| {
                    let row = log.row(piece.seq)?;
                    Some(row.columns)
                });
                let reach = widest
                    .max()
                    .unwrap_or(0)
                    .saturating_sub(frame.fold.columns / 2);
                log.shift = (log.shift + SHIFT).min(reach.max(log.shift));
            }
            // Wrapped lines have nothing at the side: there are the other tabs.
            Action::LogLeft => self.go_to(self.details.tab.step(-1)),
            Action::LogRight => self.go_to(self.details.tab.step(1)),
            Action::LogSince => self.open_since(),
            Action::LogFilter => {
                let before = log.filter.as_ref().map_or("", |f| &f.query).to_owned();
                self.ask(Asked::LogFilter, before.clone(), before);
            }
            Action::LogSave => {
                let name = self.log_file();
                self.ask(Asked::LogSave, name, String::new());
            }
            _ => self.toggle_merge(),
        }
    }

    pub(super) fn ask(&mut self, asked: Asked, text: String, before: String) {
        self.modal = Some(Modal::Prompt(Prompt {
            asked,
            text,
            error: None,
            before,
            place: self.details.log.bottom,
        }));
    }

    /// Begins a search in the tab that has the arrows; whether it can be searched.
    pub(super) fn begin_search(&mut self) -> bool {
        if self.tab_scope().is_none() || !self.has_details_focus() {
            return false;
        }
        let search = match self.tab() {
            Tab::Logs => &self.details.log.search,
            Tab::Inspect => &self.details.tree.search,
            _ => return false,
        };
        let before = search.as_ref().map_or("", |s| &s.query).to_owned();
        self.ask(Asked::Search, String::new(), before);
        true
    }

    /// Searches the log and goes to the hit that is nearest above.
    pub(super) fn search_log(&mut self, needle: Option<Needle>, prompt: &Prompt) {
        let frame = self.log_frame();
        let log = &mut self.details.log;
        log.search = needle;
        log.hit = None;
        log.bottom = prompt.place;
        log.arrange();
        if log.search.is_some() {
            log.seek(-1, frame, |row| row.is_hit);
        }
    }

    /// Goes to the next hit, or the one before.
    pub(super) fn next_match(&mut self, by: isize) {
        let frame = self.log_frame();
        let found = match self.tab() {
            Tab::Logs if self.details.log.search.is_some() => {
                self.details.log.seek(by, frame, |row| row.is_hit)
            }
            Tab::Inspect if self.details.tree.search.is_some() => self.details.tree.seek(by),
            Tab::Logs | Tab::Inspect => {
                return self.say("nothing is searched; tab goes to the details, / searches them");
            }
            _ => return self.say("logs and inspect can be searched"),
        };
        match (found, by) {
            (None, _) => self.say("no match"),
            (Some(true), 1..) => self.say("from the beginning again"),
            (Some(true), _) => self.say("from the end again"),
            (Some(false), _) => {}
        }
    }

    pub(super) fn filter_log(&mut self, needle: Option<Needle>) {
        self.details.log.filter = needle;
        self.details.log.arrange();
    }

    fn open_since(&mut self) {
        let now = self.details.log.manner.since;
        let pick = |(n, since): (usize, Since)| Pick {
            key: char::from_digit(((n + 1) % 10) as u32, 10),
            label: since.title(),
            note: if since == now { "now" } else { "" }.into(),
            picked: Picked::Since(since),
        };
        self.modal = Some(Modal::Menu(Menu {
            title: "Read the log since".into(),
            picks: Since::ALL.into_iter().enumerate().map(pick).collect(),
            cursor: Since::ALL
                .iter()
                .position(|since| *since == now)
                .unwrap_or(0),
        }));
    }

    fn toggle_merge(&mut self) {
        let log = &mut self.details.log;
        if log.manner.is_merged {
            log.manner.is_merged = false;
            return;
        }
        if self.containers.marks.len() < 2 {
            return self.say("mark containers with space first: their logs become one");
        }
        log.manner.is_merged = true;
        if self.containers.marks.len() > MOST_MERGED {
            self.say(&format!("{MOST_MERGED} logs are merged at most"));
        }
    }

    /// Whether the log is that of all marked containers.
    pub(super) fn is_merged(&self) -> bool {
        self.details.log.manner.is_merged && !self.containers.marks.is_empty()
    }

    /// Whose logs are shown: ids, names, starts.
    pub(super) fn log_sources(&self) -> Vec<crate::model::ContainerRow> {
        if !self.is_merged() {
            return self.selected_container().cloned().into_iter().collect();
        }
        let marks = self.containers.marks.iter().take(MOST_MERGED);
        let world = self.world.as_ref();
        marks
            .filter_map(|id| world?.container(id).cloned())
            .collect()
    }

    /// Loads the logs that are wanted. The lines before stay until the first of these.
    pub(super) fn follow_logs(&mut self) {
        let sources = self.log_sources();
        let started = sources.iter().filter_map(|row| row.container.started).min();
        let now = self.now();
        let (since, tail) = self
            .details
            .log
            .manner
            .since
            .bounds(now, &self.zone, started);
        let log = &mut self.details.log;
        log.state = Pending::Loading;
        log.sources = sources
            .iter()
            .map(|row| sanitize(&row.container.name).into())
            .collect();
        let logs = Logs {
            sources: sources
                .iter()
                .map(|row| (row.container.id.clone(), row.container.name.as_str().into()))
                .collect(),
            since: since.max(log.cleared),
            tail,
        };
        let watch = self.details.watch;
        self.effects.push(Effect::Follow { watch, logs });
    }

    pub(super) fn pick_since(&mut self, since: Since) {
        self.details.log.manner.since = since;
        self.details.log.cleared = None;
    }

    /// A name for a file that does not exist yet, most likely.
    fn log_file(&self) -> String {
        let name = match (self.builds.selected(), self.log_sources().as_slice()) {
            (Some((build, _)), _) if self.screen == Screen::Builds => {
                format!("build-{}", build.title)
            }
            (_, [one]) => one.container.name.clone(),
            (_, many) => format!("{}-containers", many.len()),
        };
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '_'
            }
        };
        let name: String = name.chars().map(plain).collect();
        let at = self.zone.to_datetime(self.now());
        format!("./{name}-{}.log", at.strftime("%Y%m%d-%H%M%S"))
    }

    /// What the log's tab says of itself at the right.
    pub fn log_note(&self) -> String {
        let log = &self.details.log;
        let mut notes = Vec::new();
        if log.sources.len() > 1 && self.screen != Screen::Builds {
            notes.push(format!("{} logs", log.sources.len()));
        }
        notes.extend(log.manner.since.note());
        match log.manner.streams {
            Streams::Both => {}
            Streams::Errors => notes.push("stderr".into()),
            Streams::Output => notes.push("stdout".into()),
        }
        if let Some(filter) = &log.filter {
            notes.push(format!(
                "&{} {}/{}",
                sanitize(&filter.query),
                log.shown(),
                log.len()
            ));
        }
        if let Some(search) = &log.search {
            let (at, all) = log.hits();
            notes.push(format!("/{} {at}/{all}", sanitize(&search.query)));
        }
        if log.shift > 0 {
            notes.push(format!("from column {}", log.shift + 1));
        }
        notes.push(match log.below() {
            _ if log.follows() => "following".into(),
            below => format!("{below} more below, G follows"),
        });
        notes.join("  ")
    }

    pub(super) fn say(&mut self, line: &str) {
        self.tell(false, vec![line.to_owned()], None, TOAST);
    }

    /// What can be copied of the log.
    pub(super) fn log_picks(&self) -> Vec<Pick> {
        let log = &self.details.log;
        let frame = self.log_frame();
        let pieces = log.pieces(frame);
        let has_times = log.manner.times != Times::Off;
        let of = |seq| {
            let row = log.row(seq)?;
            Some(log.line(row, false, &self.zone))
        };
        let last = log.hit.or_else(|| pieces.last().map(|piece| piece.seq));
        let screen: Vec<_> = pieces
            .iter()
            .filter_map(|piece| log.row(piece.seq))
            .map(|row| log.line(row, has_times, &self.zone))
            .collect();
        let mut picks = Vec::new();
        if let Some(line) = last.and_then(of) {
            let label = if log.hit.is_some() {
                "line pointed at"
            } else {
                "last line shown"
            };
            picks.push(Pick::copy('l', label, "log line", line));
        }
        if !screen.is_empty() {
            let lines = screen.join("\n");
            picks.push(Pick::copy('s', "lines on screen", "log lines", lines));
        }
        picks
    }
}
