//! Where frames come from: memory or files.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Corrupt, Error, Flags, Frame, Recording, Result};

/// Numbered frames.
#[derive(Clone, Debug)]
pub enum Source {
    /// A ring's, as they were when it was asked.
    Memory {
        /// The number of the first.
        first: u64,
        /// All of them.
        frames: Arc<[Arc<Frame>]>,
    },
    /// Those of files.
    Files(Arc<Recording>),
}

impl Source {
    /// The number of the first frame.
    pub fn first(&self) -> u64 {
        match self {
            Self::Memory { first, .. } => *first,
            Self::Files(recording) => recording.track().first(),
        }
    }

    /// The number after that of the last frame.
    pub fn end(&self) -> u64 {
        match self {
            Self::Memory { first, frames } => first + frames.len() as u64,
            Self::Files(recording) => recording.track().first() + recording.track().len() as u64,
        }
    }

    /// A frame.
    pub fn frame(&self, number: u64) -> Result<Arc<Frame>> {
        match self {
            Self::Memory { first, frames } => {
                let index = number.checked_sub(*first).ok_or(Error::Gone)?;
                frames.get(index as usize).cloned().ok_or(Error::Gone)
            }
            Self::Files(recording) => recording.frame(number).map(Arc::new),
        }
    }

    /// When a frame was made.
    pub fn at(&self, number: u64) -> Option<Timestamp> {
        match self {
            Self::Memory { first, frames } => {
                let index = number.checked_sub(*first)?;
                frames.get(index as usize).map(|frame| frame.at)
            }
            Self::Files(recording) => recording.track().mark(number).map(|mark| mark.at),
        }
    }

    /// The error of a frame that can't be read.
    pub(super) fn damaged(&self, number: u64, source: Corrupt) -> Error {
        let path = match self {
            Self::Memory { .. } => "memory".into(),
            Self::Files(recording) => recording.file_of(number),
        };
        Error::Damaged { path, source }
    }

    /// The last key frame at or before a frame.
    pub fn key_of(&self, number: u64) -> u64 {
        let is_key = |number: u64| match self {
            Self::Memory { first, frames } => frames
                .get((number - first) as usize)
                .is_some_and(|frame| frame.flags.has(Flags::KEY)),
            Self::Files(recording) => recording
                .track()
                .mark(number)
                .is_some_and(|mark| mark.flags.has(Flags::KEY)),
        };
        let first = self.first();
        (first..=number.max(first))
            .rev()
            .find(|n| is_key(*n))
            .unwrap_or(first)
    }
}

impl PartialEq for Source {
    /// Whether they are the same frames, not whether they say the same.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Memory { first, frames },
                Self::Memory {
                    first: other_first,
                    frames: others,
                },
            ) => first == other_first && frames.len() == others.len(),
            (Self::Files(one), Self::Files(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for Source {}
