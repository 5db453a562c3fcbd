//! What can be wrong with a recording.

use std::{io, path::PathBuf};

/// Result of what touches a recording.
pub type Result<T> = std::result::Result<T, Error>;

/// Something in a frame that no writer of ours wrote, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Corrupt(pub(super) &'static str);

/// Why a recording can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is no recording of wharf", .0.display())]
    Foreign(PathBuf),
    /// It was written by a newer wharf.
    #[error("{} is of version {version}; this wharf reads up to {}", path.display(), super::recording::VERSION)]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// Nothing is in it.
    #[error("{} holds no recording", .0.display())]
    Empty(PathBuf),
    /// Somebody else writes it.
    #[error("another wharf is recording to {}", .0.display())]
    Busy(PathBuf),
    /// The one file has grown to its bound.
    #[error("{} is full", .0.display())]
    Full(PathBuf),
    /// A frame can't be read.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: Corrupt,
    },
    /// Nobody takes what is exported.
    #[error("write output")]
    Output(#[source] io::Error),
    /// The frame is no longer kept.
    #[error("that moment is no longer kept")]
    Gone,
}

impl Error {
    pub(super) fn io(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            operation,
            path,
            source,
        }
    }
}
