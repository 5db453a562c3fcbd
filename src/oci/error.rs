//! What the OCI command line reports.

use std::io;

use crate::runtime::create;
use crate::sys::{cgroup, seccomp};

pub(super) type Result<T> = std::result::Result<T, Error>;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The container is not in a state for this, or the words make no sense.
    #[error("{0}")]
    Refused(String),
    #[error("container {0:?} does not exist")]
    Missing(String),
    #[error("{what}")]
    Io { what: String, source: io::Error },
    #[error("read {what}")]
    Json {
        what: String,
        source: serde_json::Error,
    },
    #[error(transparent)]
    Create(#[from] create::Error),
    #[error(transparent)]
    Cgroup(#[from] cgroup::Error),
    #[error("linux.seccomp")]
    Seccomp(#[from] seccomp::Error),
}

impl Error {
    /// The exit code: of a program that could not be run what a shell says, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Create(error) if error.exit_code() != 125 => error.exit_code(),
            _ => 1,
        }
    }

    /// The error with all that caused it, in one line.
    pub fn line(&self) -> String {
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let text = error.to_string();
            if !line.ends_with(&text) {
                line += &format!(": {text}");
            }
            cause = error.source();
        }
        line
    }
}

/// Names what was tried when it fails.
pub(super) trait Trying<T> {
    fn trying(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Trying<T> for std::result::Result<T, E> {
    fn trying(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::Io {
            what: what(),
            source: error.into(),
        })
    }
}

pub(super) fn refused<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::Refused(message.into()))
}
