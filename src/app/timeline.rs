//! Time on screen: which moment is shown, of what, and how it moves on.
//!
//! A live dashboard keeps its last minutes in a ring. Frozen, it shows one moment of them
//! while figures go on being collected; a replay has a recording in the ring's place and
//! no present to go back to. Pictures are read elsewhere (see `projector`): here is only
//! which one is wanted.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{Failure, History};
use crate::{
    model::{ContainerId, World},
    record::{Recording, Ring, Source, Track},
};

/// Pictures come about so often.
const EVERY: Duration = Duration::from_secs(1);
/// A replay moves on at most this often, however fast it is.
const LEAST_STEP: Duration = Duration::from_millis(40);
/// Speeds of a replay, as powers of two.
const SPEEDS: std::ops::RangeInclusive<i32> = -3..=10;

/// What of the past a dashboard has.
#[derive(Debug)]
pub struct Timeline {
    kept: Kept,
    /// Where more of the past may be: a recording of this engine.
    pub recording: Option<PathBuf>,
    /// Set while something else than the present is shown.
    pub past: Option<Past>,
}

#[derive(Debug)]
enum Kept {
    Ring(Box<Ring>),
    Recording(Arc<Recording>),
}

/// The moment that is shown, or will be once it is read.
#[derive(Clone, Debug)]
pub struct Past {
    /// The frame that is wanted.
    pub wanted: u64,
    /// The frame that is shown.
    pub shown: Option<u64>,
    /// What the selected container used up to then.
    pub history: Option<(ContainerId, History)>,
    /// Why it can't be read.
    pub failure: Option<Failure>,
    /// Set while time passes.
    playing: Option<Play>,
    /// The speed, as a power of two.
    speed: i32,
    /// What was asked for last.
    asked: Option<(u64, Option<ContainerId>)>,
    /// The newest picture of the present.
    live: Option<Arc<World>>,
}

/// From where on time passes, by both clocks.
#[derive(Clone, Copy, Debug)]
struct Play {
    clock: Duration,
    offset: Duration,
}

/// One moment is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seek {
    /// Where its frame comes from.
    pub source: Source,
    /// The frame's number.
    pub number: u64,
    /// Whose history is wanted too.
    pub of: Option<ContainerId>,
}

/// One moment, read.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Its number.
    pub number: u64,
    /// Everything as it was.
    pub world: Arc<World>,
    /// What that container used up to then.
    pub history: Option<(ContainerId, History)>,
}

/// What a recording says of the time before this dashboard began.
#[derive(Clone, Debug)]
pub struct Before {
    /// Its last frames.
    pub frames: Vec<Arc<crate::record::Frame>>,
    /// What containers used.
    pub histories: std::collections::HashMap<ContainerId, History>,
}

impl Timeline {
    /// The present, and nothing kept yet.
    pub fn live() -> Self {
        Self {
            kept: Kept::Ring(Box::new(Ring::new(EVERY))),
            recording: None,
            past: None,
        }
    }

    /// A recording from a frame on.
    pub fn replay(recording: Arc<Recording>, number: u64, speed: i32) -> Self {
        let mut past = Past::at(number);
        past.speed = speed.clamp(*SPEEDS.start(), *SPEEDS.end());
        past.playing = Some(Play {
            clock: Duration::ZERO,
            offset: recording.track().offset(number),
        });
        Self {
            kept: Kept::Recording(recording),
            recording: None,
            past: Some(past),
        }
    }

    /// When each frame was made.
    pub fn track(&self) -> &Track {
        match &self.kept {
            Kept::Ring(ring) => ring.track(),
            Kept::Recording(recording) => recording.track(),
        }
    }

    /// The frames.
    pub fn source(&self) -> Source {
        match &self.kept {
            Kept::Ring(ring) => ring.source(),
            Kept::Recording(recording) => Source::Files(Arc::clone(recording)),
        }
    }

    /// Whether it has no present.
    pub fn is_replay(&self) -> bool {
        matches!(self.kept, Kept::Recording(_))
    }

    /// Pictures come about `every` so often from now on.
    pub fn pace(&mut self, every: Duration) {
        if let Kept::Ring(ring) = &mut self.kept {
            ring.pace(every);
        }
    }

    /// Keeps a picture of the present; whether it is to be shown.
    pub fn push(&mut self, world: &Arc<World>, clock: Duration) -> bool {
        if let Kept::Ring(ring) = &mut self.kept {
            ring.push(world, clock);
        }
        if let Some(past) = &mut self.past {
            past.live = Some(Arc::clone(world));
        }
        self.past.is_none()
    }

    /// Keeps what was on screen when the present was left.
    pub fn leave(&mut self, live: Option<Arc<World>>) {
        if let Some(past) = &mut self.past {
            past.live = live;
        }
    }

    /// Keeps what was before.
    pub fn prepend(&mut self, frames: Vec<Arc<crate::record::Frame>>) {
        if let Kept::Ring(ring) = &mut self.kept {
            ring.prepend(frames);
        }
    }

    /// Freezes the present, or stops time in a replay; the other way round too. What is
    /// then to be shown, if that is the present.
    pub fn toggle(&mut self, clock: Duration) -> Option<Arc<World>> {
        let end = self.track().last();
        let offset = self
            .past
            .as_ref()
            .map(|past| self.track().offset(past.wanted));
        let (is_empty, is_replay) = (self.track().is_empty(), self.is_replay());
        match &mut self.past {
            None => {
                self.past = (!is_empty).then(|| Past::at(end));
                None
            }
            Some(_) if !is_replay => self.past.take()?.live,
            Some(past) if past.playing.is_some() => {
                past.playing = None;
                None
            }
            Some(past) => {
                // At the end there is nothing to play but all of it.
                let offset = match past.wanted == end {
                    true => Duration::ZERO,
                    false => offset.unwrap_or_default(),
                };
                past.playing = Some(Play { clock, offset });
                None
            }
        }
    }

    /// Goes some frames along, back or forward; the present is left for it.
    pub fn step(&mut self, by: i64) {
        let (first, last) = (self.track().first(), self.track().last());
        self.go(|_, from| from.saturating_add_signed(by).clamp(first, last));
    }

    /// Goes some time along, back or forward.
    pub fn travel(&mut self, by: Duration, is_back: bool) {
        self.go(|track, from| track.moved(from, by, is_back));
    }

    /// Goes to a share of the line.
    pub fn scrub(&mut self, share: f64) {
        self.go(|track, _| track.at_offset(track.span().mul_f64(share.clamp(0.0, 1.0))));
    }

    fn go(&mut self, to: impl FnOnce(&Track, u64) -> u64) {
        let track = self.track();
        if track.is_empty() {
            return;
        }
        let from = self.past.as_ref().map_or(track.last(), |past| past.wanted);
        let number = to(track, from.clamp(track.first(), track.last()));
        let past = self.past.get_or_insert_with(|| Past::at(number));
        past.wanted = number;
        past.playing = None;
    }

    /// Makes a replay faster or slower; whether it is one.
    pub fn quicken(&mut self, by: i32, clock: Duration) -> bool {
        if !self.is_replay() {
            return false;
        }
        let offset = self
            .past
            .as_ref()
            .map(|past| self.track().offset(past.wanted));
        if let (Some(past), Some(offset)) = (&mut self.past, offset) {
            past.speed = (past.speed + by).clamp(*SPEEDS.start(), *SPEEDS.end());
            if past.playing.is_some() {
                past.playing = Some(Play { clock, offset });
            }
        }
        true
    }

    /// When the next frame of a replay is due.
    pub fn next_tick(&self) -> Option<Duration> {
        let past = self.past.as_ref()?;
        let play = past.playing?;
        let next = self.track().offset(past.wanted + 1).max(play.offset);
        let due = play.clock + (next - play.offset).div_f64(past.factor());
        let shown = self.track().offset(past.wanted).saturating_sub(play.offset);
        Some(due.max(play.clock + shown.div_f64(past.factor()) + LEAST_STEP))
    }

    /// Lets time pass; whether anything moved.
    pub fn advance(&mut self, clock: Duration) -> bool {
        let Some(past) = &self.past else { return false };
        let Some(play) = past.playing else {
            return false;
        };
        let passed = clock.saturating_sub(play.clock).mul_f64(past.factor());
        let number = self.track().at_offset(play.offset + passed);
        let is_over = number >= self.track().last();
        let Some(past) = &mut self.past else {
            return false;
        };
        if is_over {
            past.playing = None;
        }
        let has_moved = number != past.wanted;
        past.wanted = number;
        has_moved || is_over
    }

    /// What must be read for what is wanted, unless it was asked for already.
    pub fn seek(&mut self, of: Option<&ContainerId>) -> Option<Seek> {
        let (first, last) = (self.track().first(), self.track().last());
        let past = self.past.as_mut()?;
        // What was frozen may be older than what is kept by now.
        past.wanted = past.wanted.min(last);
        if past.wanted < first && past.shown.is_some() {
            return None;
        }
        past.wanted = past.wanted.max(first);
        let wanted = (past.wanted, of.cloned());
        if past.asked.as_ref() == Some(&wanted) {
            return None;
        }
        past.asked = Some(wanted);
        Some(Seek {
            number: past.wanted,
            of: of.cloned(),
            source: self.source(),
        })
    }
}

impl Past {
    fn at(number: u64) -> Self {
        Self {
            wanted: number,
            shown: None,
            history: None,
            failure: None,
            playing: None,
            speed: 0,
            asked: None,
            live: None,
        }
    }

    /// The newest picture of the present.
    pub fn present(&self) -> Option<Arc<World>> {
        self.live.clone()
    }

    /// How many times faster than it was.
    pub fn factor(&self) -> f64 {
        f64::from(self.speed).exp2()
    }

    /// Whether time passes.
    pub fn is_playing(&self) -> bool {
        self.playing.is_some()
    }
}
