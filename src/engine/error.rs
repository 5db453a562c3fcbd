//! The one error of the facade: few, stable kinds, and one table from kind to exit code
//! and hint. What went wrong underneath stays in `source`.

use std::fmt;

use crate::model::Ability;

/// Result of every engine call.
pub type Result<T> = std::result::Result<T, EngineError>;

/// What failed, on what, and why.
#[derive(Debug)]
pub struct EngineError {
    /// What class of failure it is.
    pub kind: ErrorKind,
    /// What was tried: `start`, `import`, …
    pub operation: &'static str,
    /// On what: a name, a path, a reference. Empty where there is none.
    pub subject: String,
    /// The cause, most general first.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// What the user can do about it, where the kind alone doesn't say.
    pub hint: Option<String>,
}

/// Classes of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No such container, image or exec.
    NotFound,
    /// Several things match.
    Ambiguous,
    /// The input is malformed.
    Invalid,
    /// The thing is not in a state in which that is possible, or the name is taken.
    Conflict,
    /// The program to run does not exist in the container.
    CommandNotFound,
    /// The program to run can't be executed.
    CommandNotExecutable,
    /// The user may not do that.
    NeedsRoot,
    /// This kernel or this engine can't do that.
    Unsupported,
    /// A registry wants other credentials.
    Denied,
    /// A registry can't be reached, or doesn't answer.
    Unreachable,
    /// The disk is full.
    NoSpace,
    /// Anything else.
    Internal,
}

impl ErrorKind {
    /// The exit code of a command that failed with it, as docker's users know them.
    pub fn exit_code(self, operation: &str) -> u8 {
        match (self, operation) {
            (Self::CommandNotFound, _) => 127,
            (Self::CommandNotExecutable, _) => 126,
            (_, "run") => 125,
            _ => 1,
        }
    }

    /// A general way out, shown where the error has no better one.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::NotFound => Some("`wharf ps -a` and `wharf images` list what there is"),
            Self::Ambiguous => Some("give more digits of the id, or the name"),
            Self::NeedsRoot => Some("run it as root"),
            Self::Denied => Some("`wharf login` tells it who you are; or the name is wrong"),
            Self::Unreachable => Some("look at the name, the network and the proxy's settings"),
            Self::NoSpace => Some("free some space, then try again; nothing was changed"),
            _ => None,
        }
    }
}

impl EngineError {
    /// An error with no cause yet.
    pub fn new(kind: ErrorKind, operation: &'static str, subject: impl Into<String>) -> Self {
        Self {
            kind,
            operation,
            subject: subject.into(),
            source: None,
            hint: None,
        }
    }

    /// That an engine does not have an ability: what it refuses with, whatever it is.
    pub fn lacks(ability: Ability, operation: &'static str, subject: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, operation, subject).because(ability.lack())
    }

    /// The same, with its cause.
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same, with a way out.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The way out to show: its own, or its kind's.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref().or_else(|| self.kind.hint())
    }
}

impl fmt::Display for EngineError {
    /// One line: what was tried, on what, and every cause in turn.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation)?;
        if !self.subject.is_empty() {
            write!(f, " {}", self.subject)?;
        }
        let mut cause: Option<&dyn std::error::Error> = self.source.as_deref().map(|s| s as _);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for EngineError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_operation_subject_and_every_cause_on_one_line() {
        let error =
            EngineError::new(ErrorKind::NotFound, "start", "web").because("no such container");
        assert_eq!(error.to_string(), "start web: no such container");
        assert!(error.hint().is_some());
    }
}
