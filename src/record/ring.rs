//! The last minutes in memory, bounded by time and by bytes: what a dashboard steps back
//! in. The oldest key frame goes with all that depends on it, so that what is left can
//! always be read.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{Encoder, Flags, Frame, Source, Track};
use crate::model::World;

/// How long a picture is kept, at least while there is room.
const AGE: Duration = Duration::from_secs(15 * 60);
/// Bytes of all frames.
const BYTES: usize = 10 << 20;
/// The number of the first frame: frames of before may come before it.
const FIRST: u64 = 1 << 32;
/// Memory that a frame takes beside its body.
const OVERHEAD: usize = 96;

/// The last frames.
#[derive(Debug)]
pub struct Ring {
    encoder: Encoder,
    track: Track,
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
    since_key: usize,
    max_bytes: usize,
}

impl Ring {
    /// An empty one for pictures that come about `every` so often.
    pub fn new(every: Duration) -> Self {
        Self {
            encoder: Encoder::new(every),
            track: Track::starting_at(FIRST),
            frames: VecDeque::new(),
            bytes: 0,
            since_key: 0,
            max_bytes: BYTES,
        }
    }

    /// Pictures come about `every` so often from now on.
    pub fn pace(&mut self, every: Duration) {
        self.encoder.pace(every);
    }

    /// Adds a picture. `clock` is a time that only grows.
    pub fn push(&mut self, world: &World, clock: Duration) {
        if self.since_key > self.max_bytes / 4 {
            self.encoder.restart();
        }
        // Compressing into memory has no reason to fail; a picture less is no harm.
        let Ok(frame) = self.encoder.encode(world, clock) else {
            return self.encoder.restart();
        };
        if frame.flags.has(Flags::KEY) {
            self.since_key = 0;
        }
        self.since_key += frame.length();
        self.bytes += frame.body.len() + OVERHEAD;
        self.track.push(frame.at, frame.flags);
        self.frames.push_back(Arc::new(frame));
        while self.is_too_large() && self.drop_oldest() {}
    }

    /// Puts frames of a recording before all others, as far as there is room.
    pub fn prepend(&mut self, mut frames: Vec<Arc<Frame>>) {
        let size = |frames: &[Arc<Frame>]| -> usize {
            frames.iter().map(|f| f.body.len() + OVERHEAD).sum()
        };
        while self.bytes + size(&frames) > self.max_bytes {
            let is_key = |frame: &Arc<Frame>| frame.flags.has(Flags::KEY);
            match frames.iter().skip(1).position(is_key) {
                Some(n) => drop(frames.drain(..=n)),
                None => return,
            }
        }
        let before: Vec<_> = frames.iter().map(|f| (f.at, f.flags)).collect();
        self.track = self.track.after(&before);
        self.bytes += size(&frames);
        for frame in frames.into_iter().rev() {
            self.frames.push_front(frame);
        }
    }

    /// When each was made.
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// The frames as they are now.
    pub fn source(&self) -> Source {
        Source::Memory {
            first: self.track.first(),
            frames: self.frames.iter().cloned().collect(),
        }
    }

    fn is_too_large(&self) -> bool {
        self.bytes > self.max_bytes || self.track.span() > AGE
    }

    /// Drops the oldest frames up to the next key frame; whether there was one.
    fn drop_oldest(&mut self) -> bool {
        let keys = self.frames.iter().skip(1);
        let Some(n) = keys.clone().position(|frame| frame.flags.has(Flags::KEY)) else {
            return false;
        };
        // What remains must be the time that is promised, unless there is no room.
        let is_short = {
            let first = self.track.first();
            let span = self.track.span() - self.track.offset(first + n as u64 + 1);
            span < AGE
        };
        if is_short && self.bytes <= self.max_bytes {
            return false;
        }
        for frame in self.frames.drain(..=n) {
            self.bytes -= frame.body.len() + OVERHEAD;
            self.track.pop_front();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Player, sample};
    use super::*;

    #[test]
    fn ring_keeps_its_time_and_every_picture_in_it_can_be_read() {
        let mut ring = Ring::new(Duration::from_secs(1));
        for n in 0..2000 {
            ring.push(&sample::world(n, 3), Duration::from_secs(n));
        }
        let kept = ring.track().len();
        assert!((901..=1200).contains(&kept), "{kept}");
        let source = ring.source();
        let mut player = Player::default();
        for back in [0, 1, 500, kept as u64 - 1] {
            let number = ring.track().last() - back;
            player.seek(&source, number, number, |_, _| {}).unwrap();
            let read = player.world();
            sample::assert_same(&read, &sample::world(1999 - back, 3));
        }
    }

    #[test]
    fn bytes_are_bounded_whatever_comes() {
        let mut ring = Ring::new(Duration::from_secs(1));
        ring.max_bytes = 20_000;
        for n in 0..900 {
            ring.push(&sample::world(n, 40), Duration::from_secs(n));
            assert!(ring.bytes <= 20_000 + 8_000, "{}", ring.bytes);
        }
        assert!(ring.track().len() > 10);
    }

    #[test]
    fn frames_of_before_come_before() {
        let mut before = Ring::new(Duration::from_secs(1));
        let mut ring = Ring::new(Duration::from_secs(1));
        for n in 0..20 {
            before.push(&sample::world(n, 3), Duration::from_secs(n));
        }
        for n in 25..30 {
            ring.push(&sample::world(n, 3), Duration::from_secs(n));
        }
        let last = ring.track().last();
        ring.prepend(before.frames.iter().cloned().collect());
        assert_eq!((ring.track().len(), ring.track().last()), (25, last));
        assert_eq!(ring.track().gaps().count(), 1);
        let mut player = Player::default();
        let first = ring.track().first();
        player
            .seek(&ring.source(), first + 3, first + 3, |_, _| {})
            .unwrap();
        sample::assert_same(&player.world(), &sample::world(3, 3));
    }
}
