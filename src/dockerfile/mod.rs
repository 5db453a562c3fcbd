//! A Dockerfile as it is written: directives, instructions with their flags, arguments
//! and here-documents, each with its lines. What the words mean is expanded when the
//! build comes to them, so nothing is replaced here.
//!
//! The rules are the Dockerfile reference's and, where that is silent, BuildKit's: which
//! lines join, what is a comment inside an instruction, when an array is JSON, what a
//! here-document's word may be. They are many and odd, and no library on crates.io keeps
//! them all, so the parser is ours.
//!
//! ```text
//! lines        text -> directives, and lines with their continuations joined
//! words        one joined line -> flags, words, pairs, JSON arrays
//! heredoc      the words that open here-documents
//! statement    lines and words put together: what stands there, unchecked
//! instruction  what it means: typed, its flags and arguments checked
//! flags        --flag of an instruction, held against those it has
//! mounts       RUN --mount
//! expand       quotes, escapes and variables in a word
//! document     the image config that instructions change
//! change       one instruction as a change of a config, for commit
//! lint         what had better not be: the rules of build --check
//! ignore       which files of a context .dockerignore leaves out
//! ```

mod change;
mod document;
pub mod expand;
mod flags;
mod heredoc;
pub mod ignore;
mod instruction;
mod lines;
pub mod lint;
mod mounts;
mod statement;
mod words;

use std::ops::RangeInclusive;

pub use change::{change, changes};
pub use document::{Healthcheck, ImageDocument, RootFs, Settings, Step};
pub use heredoc::Heredoc;
pub use instruction::{
    Command, Copy, Health, HealthTest, Instruction, InstructionKind, Run, Sources, Stage,
    StagedFile, Stages, stages,
};
pub use mounts::{CacheSharing, Mount, MountKind};
pub use statement::{Dockerfile, Statement};

/// Bytes of the longest Dockerfile that is read.
pub const LONGEST: usize = 16 << 20;

/// What is wrong with a Dockerfile, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}: {message}", lines.start())]
pub struct ParseError {
    /// Its lines, from 1.
    pub lines: RangeInclusive<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ParseError {
    fn new(lines: RangeInclusive<usize>, message: impl Into<String>) -> Self {
        Self {
            lines,
            message: message.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

#[cfg(test)]
mod tests;
