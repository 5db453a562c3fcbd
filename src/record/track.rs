//! Frames in time: what a time line shows, and how a moment is found.
//!
//! A frame's place on the line is the time in which somebody looked: a pause of hours is
//! as long there as a second, and a clock that was set moves nothing.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::Flags;

/// How long a gap is on the line.
const GAP: Duration = Duration::from_secs(1);

/// One frame's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When its picture was made.
    pub at: Timestamp,
    /// What is special about it.
    pub flags: Flags,
    /// Its place on the line, from an origin of the track's own.
    pub offset: Duration,
}

/// Frames, numbered in a row.
#[derive(Clone, Debug, Default)]
pub struct Track {
    first: u64,
    marks: VecDeque<Mark>,
    /// Frames before which nobody looked, by their numbers.
    gaps: VecDeque<u64>,
}

impl Track {
    /// An empty one whose first frame will have a number.
    pub fn starting_at(first: u64) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    /// Adds a frame at the end.
    pub fn push(&mut self, at: Timestamp, flags: Flags) {
        let offset = self.marks.back().map_or(Duration::ZERO, |last| {
            let told = Duration::try_from(at.duration_since(last.at)).unwrap_or_default();
            let is_untold = flags.has(Flags::GAP) || flags.has(Flags::JUMP);
            last.offset + if is_untold { GAP } else { told }
        });
        if flags.has(Flags::GAP) {
            self.gaps.push_back(self.first + self.marks.len() as u64);
        }
        self.marks.push_back(Mark { at, flags, offset });
    }

    /// Forgets the first frame.
    pub fn pop_front(&mut self) {
        if self.marks.pop_front().is_some() {
            self.first += 1;
        }
        while self.gaps.front().is_some_and(|gap| *gap < self.first) {
            self.gaps.pop_front();
        }
    }

    /// The same frames after those of `before`, with the numbers that they have.
    pub fn after(&self, before: &[(Timestamp, Flags)]) -> Self {
        let mut all = Self::starting_at(self.first.saturating_sub(before.len() as u64));
        for (at, flags) in before {
            all.push(*at, *flags);
        }
        for mark in &self.marks {
            all.push(mark.at, mark.flags);
        }
        all
    }

    /// The number of the first frame.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The number of the last frame; that of the first where there is none.
    pub fn last(&self) -> u64 {
        self.first + (self.marks.len() as u64).saturating_sub(1)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// A frame's place.
    pub fn mark(&self, number: u64) -> Option<&Mark> {
        let index = number.checked_sub(self.first)?;
        self.marks.get(usize::try_from(index).ok()?)
    }

    /// All places.
    pub fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.marks.iter()
    }

    /// How long the line is.
    pub fn span(&self) -> Duration {
        match (self.marks.front(), self.marks.back()) {
            (Some(first), Some(last)) => last.offset - first.offset,
            _ => Duration::ZERO,
        }
    }

    /// How far from the beginning of the line a frame is.
    pub fn offset(&self, number: u64) -> Duration {
        let first = self.marks.front().map_or(Duration::ZERO, |m| m.offset);
        self.mark(number)
            .map_or(Duration::ZERO, |mark| mark.offset - first)
    }

    /// The last frame at or before a place on the line.
    pub fn at_offset(&self, offset: Duration) -> u64 {
        let first = self.marks.front().map_or(Duration::ZERO, |m| m.offset);
        let after = self
            .marks
            .partition_point(|mark| mark.offset - first <= offset);
        self.first + (after as u64).saturating_sub(1)
    }

    /// The last frame at or before a time; the first if all are later.
    pub fn at_time(&self, at: Timestamp) -> u64 {
        let found = self.marks.iter().rposition(|mark| mark.at <= at);
        self.first + found.unwrap_or(0) as u64
    }

    /// The frame so far along the line from another: back or forward, within the ends.
    pub fn moved(&self, from: u64, by: Duration, is_back: bool) -> u64 {
        let offset = self.offset(from);
        let to = if is_back {
            offset.saturating_sub(by)
        } else {
            offset + by
        };
        self.at_offset(to)
    }

    /// The frames before which nobody looked for a while; the first is none of them.
    pub fn gaps(&self) -> impl Iterator<Item = u64> {
        self.gaps.iter().copied().filter(|gap| *gap > self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(frames: &[(i64, u8)]) -> Track {
        let mut track = Track::starting_at(10);
        for (second, flags) in frames {
            track.push(Timestamp::from_second(*second).unwrap(), Flags::of(*flags));
        }
        track
    }

    #[test]
    fn gap_is_short_on_the_line_and_a_clock_that_went_back_moves_nothing() {
        let track = track(&[
            (0, 3),
            (1, 0),
            (5000, Flags::GAP),
            (5001, 0),
            (7, Flags::JUMP),
        ]);
        let offsets: Vec<_> = track.marks().map(|mark| mark.offset.as_secs()).collect();
        assert_eq!(offsets, [0, 1, 2, 3, 4]);
        assert_eq!((track.span().as_secs(), track.gaps().count()), (4, 1));
    }

    #[test]
    fn moments_are_found_by_time_and_by_place() {
        let track = track(&[(100, 3), (101, 0), (102, 0), (104, 0)]);
        assert_eq!(track.at_time(Timestamp::from_second(103).unwrap()), 12);
        assert_eq!(track.at_time(Timestamp::from_second(5).unwrap()), 10);
        assert_eq!(track.at_offset(Duration::from_secs(3)), 12);
        assert_eq!(track.at_offset(Duration::from_secs(99)), 13);
        assert_eq!(track.moved(13, Duration::from_secs(60), true), 10);
        assert_eq!(track.moved(11, Duration::from_secs(1), false), 12);
    }

    #[test]
    fn numbers_stay_when_frames_go_and_when_older_ones_come() {
        let mut track = track(&[(100, 3), (101, 1)]);
        track.pop_front();
        assert_eq!((track.first(), track.last(), track.len()), (11, 11, 1));
        let at = |second| Timestamp::from_second(second).unwrap();
        let all = track.after(&[(at(50), Flags::of(1)), (at(51), Flags::of(0))]);
        assert_eq!((all.first(), all.last()), (9, 11));
        assert_eq!(all.mark(11).unwrap().at, at(101));
    }
}
