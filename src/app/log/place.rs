//! Where in a log the reader is, and how moving changes that. Each step walks only as
//! far as a screen reaches, however long the log.

use jiff::Timestamp;

use super::{Fold, LogRow, LogView};
use crate::action::Action;

/// A line of screen: one of a row's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The row's number.
    pub seq: u64,
    /// Which of its lines.
    pub line: usize,
}

/// The part of the screen that a log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// How lines are laid.
    pub fold: Fold,
    /// Lines.
    pub height: usize,
}

/// Some lines of a row that are on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The row's number.
    pub seq: u64,
    /// The first of its lines on screen.
    pub line: usize,
    /// How many of them.
    pub count: usize,
}

impl LogView {
    /// What is on screen, from the top.
    pub fn pieces(&self, frame: Frame) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut left = frame.height;
        let Some(bottom) = self.bottom_line(frame.fold) else {
            return pieces;
        };
        for (seq, row) in self.back_from(bottom.seq) {
            let lines = match seq == bottom.seq {
                true => bottom.line + 1,
                false => frame.fold.height(row.shown_text()),
            };
            let count = lines.min(left);
            pieces.push(Piece {
                seq,
                line: lines - count,
                count,
            });
            left -= count;
            if left == 0 {
                break;
            }
        }
        pieces.reverse();
        pieces
    }

    /// Moves the reader.
    pub fn go(&mut self, motion: Action, frame: Frame) {
        let page = frame.height.saturating_sub(1).max(1);
        match motion {
            Action::Up => self.back(1, frame),
            Action::PageUp => self.back(page, frame),
            Action::First => self.bottom = self.least(frame),
            Action::Down => self.on(1, frame.fold),
            Action::PageDown => self.on(page, frame.fold),
            _ => self.bottom = None,
        }
    }

    /// Moves so many lines, down or (below zero) up.
    pub fn scroll_lines(&mut self, by: isize, frame: Frame) {
        match by {
            ..0 => self.back(by.unsigned_abs(), frame),
            _ => self.on(by.unsigned_abs(), frame.fold),
        }
    }

    /// Stops following, or follows again.
    pub fn toggle_follow(&mut self, fold: Fold) {
        self.bottom = match self.bottom {
            Some(_) => None,
            None => self.bottom_line(fold),
        };
    }

    /// Goes to the last row that was written by a time; to the first if all are later.
    pub fn show_until(&mut self, at: Timestamp, fold: Fold) {
        let shown = || self.numbered().filter(|(_, row)| row.is_shown);
        let last = shown().rfind(|(_, row)| row.at <= at);
        self.bottom = last.or_else(|| shown().next()).map(|(seq, row)| Place {
            seq,
            line: fold.height(row.shown_text()).saturating_sub(1),
        });
    }

    /// Brings the place back into what is kept and shown.
    pub fn settle(&mut self, frame: Frame) {
        let Some(bottom) = self.bottom else {
            return;
        };
        self.bottom = self.bottom_line(frame.fold).map(|now| {
            // What was on screen may have made room: then the oldest that is left.
            let is_near = bottom.seq < self.first + frame.height as u64;
            match is_near.then(|| self.least(frame)).flatten() {
                Some(least) => now.max(least),
                None => now,
            }
        });
    }

    /// Goes to the next row for which `wanted` says yes, `by` being 1 or -1; round the
    /// ends. Whether it had to go round; `None` if there is no such row.
    pub fn seek(
        &mut self,
        by: isize,
        frame: Frame,
        wanted: impl Fn(&LogRow) -> bool,
    ) -> Option<bool> {
        let found: Vec<u64> = self
            .numbered()
            .filter(|(_, row)| row.is_shown && wanted(row))
            .map(|(seq, _)| seq)
            .collect();
        let from = self.hit.or_else(|| {
            let pieces = self.pieces(frame);
            let edge = if by < 0 {
                pieces.last()
            } else {
                pieces.first()
            };
            // The row at the edge is not behind the reader yet.
            edge.map(|piece| piece.seq.saturating_add_signed(-(by as i64)))
        });
        let (&first, &last) = (found.first()?, found.last()?);
        let next = match from {
            None => None,
            Some(from) if by < 0 => found.iter().rev().find(|seq| **seq < from),
            Some(from) => found.iter().find(|seq| **seq > from),
        };
        let is_round = next.is_none() && from.is_some();
        let to = next.copied().unwrap_or(if by < 0 { last } else { first });
        self.show_row(to, frame);
        Some(is_round)
    }

    /// Makes a row the hit and brings it to the middle of the screen, at the line (and
    /// column) where what is searched is.
    pub fn show_row(&mut self, seq: u64, frame: Frame) {
        self.hit = Some(seq);
        let Some(row) = self.row(seq) else {
            return;
        };
        let text = row.shown_text();
        let byte = self
            .search
            .as_ref()
            .and_then(|search| search.hits(text).first().copied())
            .map_or(0, |(start, _)| start);
        let line = frame
            .fold
            .lines(text)
            .position(|range| byte < range.end)
            .unwrap_or(0);
        if !frame.fold.wraps {
            let before = super::columns(&text[..byte]);
            let end = self.shift + frame.fold.columns.saturating_sub(8);
            if before < self.shift || before > end {
                self.shift = before.saturating_sub(frame.fold.columns / 2);
            }
        }
        let visible = self.pieces(frame).into_iter().any(|piece| {
            piece.seq == seq && (piece.line..piece.line + piece.count).contains(&line)
        });
        if visible {
            // It stays where it is, whatever comes.
            self.bottom = self.bottom_line(frame.fold);
            return;
        }
        self.bottom = Some(Place { seq, line });
        self.on(frame.height / 2, frame.fold);
        if let (Some(bottom), Some(least)) = (self.bottom, self.least(frame)) {
            self.bottom = Some(bottom.max(least));
        }
    }

    /// Points at the row on this line of the screen, which then stays where it is.
    pub fn point(&mut self, line: usize, frame: Frame) {
        let mut left = line;
        let under = self.pieces(frame).into_iter().find(|piece| {
            let is_here = left < piece.count;
            left = left.saturating_sub(piece.count);
            is_here
        });
        if let Some(piece) = under {
            self.hit = Some(piece.seq);
            self.bottom = self.bottom_line(frame.fold);
        }
    }

    /// How many shown rows are below the screen.
    pub fn below(&self) -> usize {
        let Some(bottom) = self.bottom else {
            return 0;
        };
        let after = self
            .numbered()
            .rev()
            .take_while(|(seq, _)| *seq > bottom.seq);
        after.filter(|(_, row)| row.is_shown).count()
    }

    /// Lines above the bottom of the screen and lines in all, for a scroll bar: rows
    /// stand for lines where there are too many to measure.
    pub fn extent(&self) -> (usize, usize) {
        let all = self.shown();
        (all - self.below().min(all), all)
    }

    /// Goes to a share of the log, as a drag of its scroll bar asks.
    pub fn go_to_share(&mut self, share: f64, frame: Frame) {
        let all = self.shown();
        let wanted = (share.clamp(0.0, 1.0) * all as f64).round() as usize;
        if wanted >= all {
            self.bottom = None;
            return;
        }
        let seq = {
            let mut shown = self.numbered().filter(|(_, row)| row.is_shown);
            shown.nth(wanted).map(|(seq, _)| seq)
        };
        self.bottom = seq.map(|seq| Place { seq, line: 0 });
        if let (Some(bottom), Some(least)) = (self.bottom, self.least(frame)) {
            self.bottom = Some(bottom.max(least));
        }
    }

    /// The last line on screen, as it is now.
    fn bottom_line(&self, fold: Fold) -> Option<Place> {
        let last = self.first + (self.rows.len() as u64).checked_sub(1)?;
        let wanted = self
            .bottom
            .map_or(last, |place| place.seq.clamp(self.first, last));
        let shown = self.back_from(wanted).next();
        // Where nothing is shown above it, the next below.
        let (seq, row) = shown.or_else(|| self.on_from(wanted).next())?;
        let height = fold.height(row.shown_text());
        let line = match self.bottom {
            Some(place) if place.seq == seq => place.line.min(height - 1),
            _ => height - 1,
        };
        Some(Place { seq, line })
    }

    /// Shown rows from this number on, upwards.
    fn back_from(&self, seq: u64) -> impl Iterator<Item = (u64, &LogRow)> {
        let count = usize::try_from((seq + 1).saturating_sub(self.first)).unwrap_or(0);
        let rows = self.rows.range(..count.min(self.rows.len())).rev();
        (0..=seq).rev().zip(rows).filter(|(_, row)| row.is_shown)
    }

    /// Shown rows from this number on, downwards.
    fn on_from(&self, seq: u64) -> impl Iterator<Item = (u64, &LogRow)> {
        let from = usize::try_from(seq.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let rows = self.rows.range(from.min(self.rows.len())..);
        (seq.max(self.first)..)
            .zip(rows)
            .filter(|(_, row)| row.is_shown)
    }

    fn back(&mut self, by: usize, frame: Frame) {
        let Some(from) = self.bottom_line(frame.fold) else {
            return;
        };
        let mut left = by;
        let mut to = from;
        for (seq, row) in self.back_from(from.seq) {
            let line = match seq == from.seq {
                true => from.line,
                // Stepping onto the row above takes one line itself.
                false if left == 0 => break,
                false => {
                    left -= 1;
                    frame.fold.height(row.shown_text()) - 1
                }
            };
            let step = left.min(line);
            left -= step;
            to = Place {
                seq,
                line: line - step,
            };
        }
        self.bottom = match self.least(frame) {
            Some(least) => Some(to.max(least)),
            // All of it fits.
            None => self.bottom_line(frame.fold),
        };
    }

    fn on(&mut self, by: usize, fold: Fold) {
        let (Some(_), Some(from)) = (self.bottom, self.bottom_line(fold)) else {
            return;
        };
        let mut left = by;
        let mut to = from;
        let mut is_end = true;
        for (seq, row) in self.on_from(from.seq) {
            let height = fold.height(row.shown_text());
            if seq != from.seq {
                if left == 0 {
                    is_end = false;
                    break;
                }
                left -= 1;
                to = Place { seq, line: 0 };
            }
            let step = left.min(height - 1 - to.line);
            left -= step;
            to.line += step;
            if to.line + 1 < height {
                is_end = false;
                break;
            }
        }
        self.bottom = (!is_end).then_some(to);
    }

    /// The highest place: the one with the first row at the top of the screen; `None`
    /// if all fits.
    fn least(&self, frame: Frame) -> Option<Place> {
        let mut taken = 0;
        for (seq, row) in self.on_from(self.first) {
            let height = frame.fold.height(row.shown_text());
            if taken + height >= frame.height {
                let line = frame.height.saturating_sub(taken + 1);
                return Some(Place { seq, line });
            }
            taken += height;
        }
        None
    }
}
