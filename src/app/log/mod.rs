//! The log of one container, or of several merged: rows bounded in number and in bytes,
//! what is searched and filtered, and the place where the reader is.
//!
//! The place is a row and a line of it, counted from the log's beginning, so that new
//! lines, other widths and filters move nothing under the reader's eyes.

mod ink;
mod needle;
mod place;
mod pretty;
mod row;
mod since;
mod wrap;

use std::collections::VecDeque;

use jiff::{Timestamp, tz::TimeZone};

pub use ink::{Inker, Span};
pub use needle::Needle;
pub use place::{Frame, Piece, Place};
pub use row::{Kind, LogRow, Times};
pub use since::Since;
pub use wrap::{Fold, byte_at, columns};

use super::Pending;

/// How many rows are kept.
pub const CAPACITY: usize = 20_000;
/// How many bytes, all told.
pub const CAPACITY_BYTES: usize = 8 << 20;
/// A merged log is put in order as far back as this.
const LOOK_BACK: usize = 2_000;

/// Which lines are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Streams {
    #[default]
    Both,
    Errors,
    Output,
}

/// How a log is shown; kept from container to container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// How times are told.
    pub times: Times,
    /// Whether long lines are wrapped.
    pub wraps: bool,
    /// Whether JSON is laid out.
    pub is_pretty: bool,
    /// Whether a log's own colours are shown.
    pub has_colors: bool,
    /// Of which streams.
    pub streams: Streams,
    /// From when on.
    pub since: Since,
    /// Whether the logs of the marked containers are one.
    pub is_merged: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            times: Times::Clock,
            wraps: true,
            is_pretty: false,
            has_colors: true,
            streams: Streams::Both,
            since: Since::Recent,
            is_merged: false,
        }
    }
}

/// A log and how it is looked at.
#[derive(Clone, Debug, Default)]
pub struct LogView {
    rows: VecDeque<LogRow>,
    /// The number of the first row that is kept; numbers are never given twice.
    first: u64,
    bytes: usize,
    hits: usize,
    shown: usize,
    /// Whether the log came, ended or failed.
    pub state: Pending<()>,
    /// Names of those whose log it is.
    pub sources: Vec<Box<str>>,
    /// How it is shown.
    pub manner: Manner,
    /// The last line on screen; `None` follows the end.
    pub bottom: Option<Place>,
    /// Columns that lines which are not wrapped are pushed to the left.
    pub shift: usize,
    /// What is searched.
    pub search: Option<Needle>,
    /// The row of the hit that was gone to.
    pub hit: Option<u64>,
    /// What rows must contain.
    pub filter: Option<Needle>,
    /// What was written up to here was cleared away.
    pub cleared: Option<Timestamp>,
}

impl LogView {
    /// An empty log that is shown in the manner of this one.
    pub fn renewed(&self) -> Self {
        Self {
            manner: self.manner.clone(),
            ..Self::default()
        }
    }

    /// Whether it stays at its end.
    pub fn follows(&self) -> bool {
        self.bottom.is_none()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many of them the filter lets through.
    pub fn shown(&self) -> usize {
        self.shown
    }

    /// How many hold what is searched, and which of them is gone to, from one.
    pub fn hits(&self) -> (usize, usize) {
        let at = self.hit.map_or(0, |hit| {
            let rows = self.numbered().take_while(|(seq, _)| *seq <= hit);
            rows.filter(|(_, row)| row.is_shown && row.is_hit).count()
        });
        (at, self.hits)
    }

    /// The rows, oldest first.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &LogRow> {
        self.rows.iter()
    }

    /// A row by its number.
    pub fn row(&self, seq: u64) -> Option<&LogRow> {
        self.rows
            .get(usize::try_from(seq.checked_sub(self.first)?).ok()?)
    }

    fn numbered(&self) -> impl DoubleEndedIterator<Item = (u64, &LogRow)> {
        let first = self.first;
        let rows = self.rows.iter().enumerate();
        rows.map(move |(n, row)| (first + n as u64, row))
    }

    /// Forgets all rows; numbers go on, so that nothing stands for another row.
    pub fn clear(&mut self) {
        self.first += self.rows.len() as u64;
        self.rows.clear();
        (self.bytes, self.hits, self.shown) = (0, 0, 0);
        (self.bottom, self.hit) = (None, None);
    }

    /// Adds rows. While nobody follows, what is on screen stays there.
    pub fn append(&mut self, rows: Vec<LogRow>) {
        self.state = Pending::Ready(());
        for mut row in rows {
            self.judge(&mut row);
            self.bytes += row.bytes();
            self.shown += usize::from(row.is_shown);
            self.hits += usize::from(row.is_shown && row.is_hit);
            let place = self.place_of(row.at);
            if place == self.rows.len() {
                self.rows.push_back(row);
                continue;
            }
            self.rows.insert(place, row);
            // Those after it have each the next number now.
            let seq = self.first + place as u64;
            for moved in [
                self.bottom.as_mut().map(|place| &mut place.seq),
                self.hit.as_mut(),
            ] {
                if let Some(moved) = moved.filter(|moved| **moved >= seq) {
                    *moved += 1;
                }
            }
        }
        while self.rows.len() > CAPACITY || self.bytes > CAPACITY_BYTES {
            let Some(row) = self.rows.pop_front() else {
                break;
            };
            self.first += 1;
            self.bytes -= row.bytes();
            self.shown -= usize::from(row.is_shown);
            self.hits -= usize::from(row.is_shown && row.is_hit);
        }
        if self.hit.is_some_and(|hit| hit < self.first) {
            self.hit = None;
        }
    }

    /// Where a row of this time belongs. One log is in its order; of several, one may
    /// come late.
    fn place_of(&self, at: Timestamp) -> usize {
        let end = self.rows.len();
        if self.sources.len() < 2 {
            return end;
        }
        let later = self.rows.iter().rev().take(LOOK_BACK);
        end - later.take_while(|row| row.at > at).count()
    }

    /// Says of a row whether it is shown and whether it is a hit.
    fn judge(&self, row: &mut LogRow) {
        let is_ours = matches!(row.kind, Kind::Notice | Kind::Mark);
        let is_of_stream = match self.manner.streams {
            Streams::Both => true,
            Streams::Errors => row.kind == Kind::Error,
            Streams::Output => row.kind == Kind::Output,
        };
        let matches = |needle: &Option<Needle>| {
            needle
                .as_ref()
                .is_none_or(|needle| needle.is_match(&row.text))
        };
        let is_shown = is_ours || is_of_stream && matches(&self.filter);
        let is_hit = !is_ours && self.search.is_some() && matches(&self.search);
        let pretty = match row.pretty.take() {
            _ if !self.manner.is_pretty || is_ours => None,
            Some(known) => Some(known),
            None => pretty::pretty(&row.text).map(Into::into),
        };
        row.pretty = pretty;
        row.is_shown = is_shown;
        row.is_hit = is_hit;
    }

    /// Judges all rows again, after what they are judged by has changed.
    pub fn arrange(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        (self.bytes, self.hits, self.shown) = (0, 0, 0);
        for row in &mut rows {
            self.judge(row);
            self.bytes += row.bytes();
            self.shown += usize::from(row.is_shown);
            self.hits += usize::from(row.is_shown && row.is_hit);
        }
        self.rows = rows;
    }

    /// Draws a rule below the newest row.
    pub fn mark(&mut self, at: Timestamp) {
        let at = self.rows.back().map_or(at, |row| row.at.max(at));
        self.append(vec![LogRow::of(at, Kind::Mark, 0, "")]);
    }

    /// A row as text, as it is copied and saved.
    pub fn line(&self, row: &LogRow, times: bool, zone: &TimeZone) -> String {
        let mut line = String::new();
        if times {
            Times::Full.write(&mut line, row.at, zone);
            line.push(' ');
        }
        if self.sources.len() > 1 {
            line.push_str(self.sources.get(usize::from(row.source)).map_or("", |s| s));
            line.push_str(": ");
        }
        match row.kind {
            Kind::Mark => line.push_str("----------"),
            _ => line.push_str(row.shown_text()),
        }
        line
    }

    /// All that the filter lets through, as text.
    pub fn text(&self, zone: &TimeZone) -> String {
        let times = self.manner.times != Times::Off;
        let mut text = String::with_capacity(self.bytes);
        for row in self.rows.iter().filter(|row| row.is_shown) {
            text.push_str(&self.line(row, times, zone));
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests;
