//! What can go wrong with volumes.

use std::{io, path::PathBuf};

use crate::layer;

/// Why something about volumes could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing has that name.
    #[error("there is no volume {0}")]
    NotFound(String),
    /// Containers use it.
    #[error("{name} is in use by {}", users.join(", "))]
    InUse {
        /// Which.
        name: String,
        /// The containers' names.
        users: Vec<String>,
    },
    /// There is one of that name that is another.
    #[error("there is a volume {0} already, with another driver or other options")]
    Exists(String),
    /// What was asked makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Its device can't be mounted.
    #[error("mount the volume {name}: {what}")]
    Mount {
        /// Which.
        name: String,
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Its files.
    #[error(transparent)]
    Layer(#[from] layer::Error),
    /// A file.
    #[error("{operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("parse {}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

/// Result of an operation on volumes.
pub type Result<T> = std::result::Result<T, Error>;

/// Adds what was tried and on what to an I/O error.
pub(super) fn at(
    operation: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io {
        operation,
        path: path.into(),
        source,
    }
}
