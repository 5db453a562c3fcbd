//! Small dialogs: one of several, a line to type, a yes or no.

use super::{
    Job,
    log::{Place, Since},
};
use crate::{format::text::sanitize, model::ContainerId};

/// A menu: one of several.
#[derive(Clone, Debug)]
pub struct Menu {
    /// What is chosen.
    pub title: String,
    /// Of these.
    pub picks: Vec<Pick>,
    /// The one under the cursor.
    pub cursor: usize,
}

/// A line of a menu.
#[derive(Clone, Debug)]
pub struct Pick {
    /// Its key.
    pub key: Option<char>,
    /// Its name, safe to draw.
    pub label: String,
    /// What it is or does, safe to draw.
    pub note: String,
    /// What choosing it means.
    pub picked: Picked,
}

/// What was chosen in a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked {
    /// Copy this text, which is called so.
    Copy {
        /// Its name in "copied the …".
        what: &'static str,
        /// The text.
        text: String,
    },
    /// Read the log from then on.
    Since(Since),
    /// Send this signal to the process under the cursor.
    Signal(&'static str),
    /// Sort the processes by this column.
    SortProcesses(&'static str),
    /// Take this container off the selected network.
    Disconnect(ContainerId),
}

/// A line that is typed.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What for.
    pub asked: Asked,
    /// What was typed.
    pub text: String,
    /// What is wrong with it.
    pub error: Option<String>,
    /// What it was before, for esc.
    pub before: String,
    /// Where in the log the reader was.
    pub place: Option<Place>,
}

/// What a line is typed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To find it in the tab that is shown.
    Search,
    /// To show only such lines of the log.
    LogFilter,
    /// As the name of a file for the log.
    LogSave,
    /// As the image to pull.
    Pull,
    /// As the image to push.
    Push,
    /// As a further name of an image.
    Tag,
    /// As the place of what is extracted.
    Extract,
    /// As the image that another is compared with.
    Compare,
}

impl Asked {
    /// What stands before the line.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Search => "/",
            Self::LogFilter => "&",
            Self::LogSave => "save to ",
            Self::Extract => "extract to ",
            Self::Pull => "pull ",
            Self::Push => "push ",
            Self::Tag => "name it ",
            Self::Compare => "compare it with ",
        }
    }

    /// What its keys do.
    pub fn keys(self) -> &'static str {
        match self {
            Self::Search => "enter keeps  esc takes it back  ~ before it: a regular expression",
            Self::LogFilter => "enter keeps  esc takes it back  ! before it: lines without it",
            Self::Pull => "enter begins  esc leaves it  NAME[:TAG|@DIGEST]",
            Self::Push => "enter begins  esc leaves it  the name says where to",
            Self::Tag => "enter names it  esc leaves it  NAME[:TAG]",
            Self::Compare => "enter compares  esc leaves it  NAME[:TAG] or an id",
            Self::LogSave | Self::Extract => "enter writes a new file  esc leaves it",
        }
    }
}

/// A question before a single thing that is dangerous.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is asked.
    pub title: String,
    /// What will happen, safe to draw.
    pub lines: Vec<String>,
    /// What yes does.
    pub job: Job,
    /// What that is called in the log of what was done.
    pub what: String,
    /// The command that does the same.
    pub command: Option<String>,
}

impl Pick {
    /// A line of a menu that copies.
    pub fn copy(key: char, label: &str, what: &'static str, text: String) -> Self {
        let note = text.lines().next().unwrap_or("");
        Self {
            key: Some(key),
            label: label.to_owned(),
            note: sanitize(note).into_owned(),
            picked: Picked::Copy { what, text },
        }
    }
}
