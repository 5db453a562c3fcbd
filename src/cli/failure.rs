//! Why a command failed, as its user is told: one line, a hint, and an exit code.

use crate::{
    engine::{EngineError, ErrorKind},
    format::text::sanitize,
};

/// What every command answers: the exit code of this process, or why it failed.
pub type Outcome = Result<u8, Failure>;

/// Exit code for what failed before or beside the container, as docker has it.
pub const ENGINE_FAILED: u8 = 125;

/// A failed command.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// One line; empty if all was said already.
    pub message: String,
    /// What the user can do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            code: 1,
            message: message.into(),
            hint: None,
        }
    }

    /// A mistake in the arguments.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(message).with_code(ENGINE_FAILED)
    }

    /// A failure whose reasons were printed one by one.
    pub fn silent(code: u8) -> Self {
        Self {
            code,
            message: String::new(),
            hint: None,
        }
    }

    /// The same with another exit code.
    pub fn with_code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// The same with a way out.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Of an engine that could not run a process: docker's 127, 126 and 125.
    pub fn to_run(error: EngineError) -> Self {
        let (code, hint) = match error.kind {
            ErrorKind::CommandNotFound => (
                127,
                Some("it is looked for in the container, along its PATH"),
            ),
            ErrorKind::CommandNotExecutable => (
                126,
                Some("it must be an executable file, for this user and this machine"),
            ),
            _ => (ENGINE_FAILED, None),
        };
        let failure = Self::from(error).with_code(code);
        match (hint, &failure.hint) {
            (Some(hint), None) => failure.with_hint(hint),
            _ => failure,
        }
    }

    /// Says it on stderr, without anything that a terminal would obey.
    pub fn report(&self) {
        if self.message.is_empty() {
            return;
        }
        // Causes may come in several lines; a failure is told in one.
        let line = self.message.replace('\n', "; ");
        eprintln!("wharf: {}", sanitize(&line));
        if let Some(hint) = &self.hint {
            eprintln!("hint: {}", sanitize(&hint.replace('\n', "; ")));
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self {
            code: error.kind.exit_code(error.operation),
            message: error.to_string(),
            hint: error.hint().map(String::from),
        }
    }
}

impl From<std::io::Error> for Failure {
    /// Only our own output fails as plainly as this; a reader that left is no failure.
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::silent(0),
            _ => Self::new(format!("write output: {error}")),
        }
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        let text = error.to_string();
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let mut message = lines.next().unwrap_or_default().to_owned();
        if message.ends_with(':') {
            // What is missing is listed on the next lines.
            let listed: Vec<_> = lines
                .by_ref()
                .take_while(|line| line.starts_with("  "))
                .map(str::trim)
                .collect();
            message = format!("{message} {}", listed.join(" "));
        }
        let tip = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("tip: "));
        let hint = tip.unwrap_or("`--help` after the command lists what it takes");
        Self::usage(message.trim_start_matches("error: ")).with_hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_errors_keep_their_cause_hint_and_docker_code() {
        let missing =
            || EngineError::new(ErrorKind::CommandNotFound, "start", "web").because("no x");
        let failure = Failure::to_run(missing());
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (127, "start web: no x")
        );
        let other = EngineError::new(ErrorKind::NotFound, "create", "nope");
        assert!(other.hint().is_some());
        assert_eq!(Failure::to_run(other).code, 125);
    }

    #[test]
    fn reader_that_left_is_no_failure() {
        let gone = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::from(gone), Failure::silent(0));
    }
}
