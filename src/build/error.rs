//! Why a build failed.

use std::ops::RangeInclusive;

use crate::dockerfile::ParseError;

/// Why a build failed, and at which lines of the Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What went wrong.
    pub message: String,
    /// Lines of the Dockerfile, from 1.
    pub lines: Option<RangeInclusive<usize>>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The exit code of the command that failed.
    pub exit_code: Option<i32>,
    /// The user stopped it.
    pub is_cancelled: bool,
}

/// Result of this folder's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// One of a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            lines: None,
            hint: None,
            exit_code: None,
            is_cancelled: false,
        }
    }

    /// The build was stopped.
    pub fn cancelled() -> Self {
        Self {
            is_cancelled: true,
            ..Self::new("the build was stopped")
        }
    }

    /// The same at some lines, unless it has some.
    pub fn at(mut self, lines: &RangeInclusive<usize>) -> Self {
        self.lines.get_or_insert_with(|| lines.clone());
        self
    }

    /// The same with a way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        Self {
            lines: Some(error.lines),
            hint: error.hint,
            ..Self::new(error.message)
        }
    }
}

/// Adds what was tried, and takes the whole chain of causes along.
pub(super) fn failed<E: std::error::Error>(what: impl Into<String>) -> impl FnOnce(E) -> Error {
    let what = what.into();
    move |error| {
        let mut message = format!("{what}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(&format!(": {error}"));
            cause = error.source();
        }
        Error::new(message)
    }
}
