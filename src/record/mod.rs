//! What was used over time: kept in memory, on disk, exported, and weighed.
//!
//! ```text
//! world ─> Encoder ─> Frame ─┬─> Ring    the last minutes, in memory
//!                            └─> Writer  files, bounded by size and age
//! Source (Ring's frames | Recording) ─> Player ─> Decoder ─> world, figures
//! ```
//!
//! A frame a second, each readable as soon as it is written: a recorder that is killed
//! loses the second that it was at. A [`Track`] says when each frame was made, where
//! nobody looked, and where the clock was set, so that a time line can be drawn without
//! reading a single picture.
//!
//! ```text
//! figure   the figures, declared once        encoder decoder   pictures as frames
//! frame    a frame in a file                 wire              numbers in a frame
//! track    frames in time                    ring              in memory
//! writer   files, written                    recording         files, read
//! source   where frames come from            player            any moment of them
//! export   JSON, CSV, OpenMetrics            advice            limits, weighed
//! ```

pub mod advice;
mod decoder;
mod encoder;
mod error;
pub mod export;
mod figure;
mod frame;
mod player;
mod recording;
mod ring;
#[cfg(test)]
mod sample;
mod source;
mod track;
mod wire;
mod writer;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::{Corrupt, Error, Result};
pub use figure::{FIGURES, Figure, Unit};
pub use frame::{Flags, Frame};
pub use player::Player;
pub use recording::Recording;
pub use ring::Ring;
pub use source::Source;
pub use track::{Mark, Track};
pub use writer::{Bounds, Target, Writer};

/// What a dashboard shows.
#[derive(Clone, Debug)]
pub enum Showing {
    /// The present; what was recorded here before is taken over.
    Live(std::path::PathBuf),
    /// A recording.
    Replay {
        /// Which.
        recording: std::sync::Arc<Recording>,
        /// The frame to begin at.
        number: u64,
        /// How fast, as a power of two.
        speed: i32,
    },
}

/// The directory of a root's own recording, below its data directory.
pub const DIRECTORY: &str = "recording";
