//! Two images against each other: the steps, fields and files that one has otherwise than
//! the other, as one list.

use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use super::{Failure, List, Pending, log::Needle};
use crate::{
    engine::{Engine, Result},
    format::{
        bytes,
        difference::ConfigDifference,
        file,
        text::{sanitize, sanitize_bytes},
    },
    model::{ChangeKind, FileDifference, Mark},
};

/// What an engine found.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Of the configs.
    pub config: ConfigDifference,
    /// Of the files, by path.
    pub files: Vec<FileDifference>,
}

/// Asks an engine what two images have otherwise.
pub async fn compare(engine: &dyn Engine, old: &str, new: &str) -> Result<Compared> {
    let files = engine.compare_images(old, new).await?;
    let old = engine.image_config(old).await?;
    let new = engine.image_config(new).await?;
    Ok(Compared {
        config: ConfigDifference::between(&old, &new),
        files,
    })
}

/// An image by what the engine knows it, and by the name under which it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id, or a name that was typed.
    pub reference: String,
    /// Its name.
    pub name: String,
}

/// The comparison.
#[derive(Debug)]
pub struct Comparison {
    /// What is compared.
    pub old: Named,
    /// With what.
    pub new: Named,
    /// Whether it has been told, or why not.
    pub state: Pending<()>,
    /// All differences: steps, fields, files.
    pub lines: Vec<Difference>,
    /// What they come to.
    pub tally: Tally,
    /// Those that are shown.
    pub list: List<usize>,
    /// Whether files that grew or shrank most come first.
    pub is_by_size: bool,
    /// Its number; answers to others are late.
    pub(super) number: u64,
}

/// What differences of files come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Files that were added.
    pub added: usize,
    /// Files that are not the same.
    pub modified: usize,
    /// Files that were removed.
    pub removed: usize,
    /// Bytes that all grew by; below 0 if they shrank.
    pub grown_bytes: i64,
}

/// Something that one image has otherwise.
#[derive(Clone, Debug)]
pub enum Difference {
    /// A step of the history.
    Step {
        /// Which has it.
        mark: Mark,
        /// The command.
        text: String,
    },
    /// A field of the config.
    Field {
        /// Its name.
        name: String,
        /// What the old one has there.
        old: Option<Value>,
        /// What the new one has.
        new: Option<Value>,
    },
    /// A file.
    File(FileDifference),
}

impl Difference {
    /// What happened to it from the old one to the new.
    pub fn mark(&self) -> Mark {
        match self {
            Self::Step { mark, .. } => *mark,
            Self::Field { old: None, .. } => Mark::Added,
            Self::Field { new: None, .. } => Mark::Removed,
            Self::Field { .. } => Mark::Modified,
            Self::File(file) => match file.kind {
                ChangeKind::Added => Mark::Added,
                ChangeKind::Modified => Mark::Modified,
                ChangeKind::Deleted => Mark::Removed,
            },
        }
    }

    /// What it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Step { .. } => "history",
            Self::Field { .. } => "config",
            Self::File(_) => "file",
        }
    }

    /// Its words, safe to draw.
    pub fn text(&self) -> String {
        match self {
            Self::Step { text, .. } => file::command(text),
            Self::Field { name, old, new } => {
                let values = [old, new].map(|value| value.as_ref().map(Value::to_string));
                let text = match values {
                    [Some(old), Some(new)] => format!("{name} {old} -> {new}"),
                    [Some(value), None] | [None, Some(value)] => format!("{name} {value}"),
                    [None, None] => name.clone(),
                };
                sanitize(&text).into_owned()
            }
            Self::File(file) => sanitize_bytes(file.path.as_os_str().as_bytes()).into_owned(),
        }
    }

    /// Bytes by which a file grew, with a sign; nothing where that is none.
    pub fn growth(&self) -> String {
        let grown = match self {
            Self::File(file) => file.grown(),
            _ => 0,
        };
        match grown {
            0 => String::new(),
            more @ 1.. => format!("+{}", bytes::decimal(more.unsigned_abs())),
            less => format!("-{}", bytes::decimal(less.unsigned_abs())),
        }
    }
}

impl Comparison {
    /// Before the answer.
    pub(super) fn new(old: Named, new: Named, number: u64) -> Self {
        Self {
            old,
            new,
            state: Pending::Loading,
            lines: Vec::new(),
            tally: Tally::default(),
            list: List::new("path"),
            is_by_size: false,
            number,
        }
    }

    /// The answer came.
    pub(super) fn take(&mut self, result: std::result::Result<Compared, Failure>) {
        let found = match result {
            Ok(found) => found,
            Err(failure) => {
                self.state = Pending::Failed(failure);
                return;
            }
        };
        let ConfigDifference {
            fields,
            removed_steps,
            added_steps,
        } = found.config;
        let step = |mark| move |text| Difference::Step { mark, text };
        let steps = removed_steps.into_iter().map(step(Mark::Removed));
        let steps = steps.chain(added_steps.into_iter().map(step(Mark::Added)));
        let fields = fields.into_iter();
        let fields = fields.map(|(name, old, new)| Difference::Field { name, old, new });
        let files = found.files.into_iter().map(Difference::File);
        self.lines = steps.chain(fields).chain(files).collect();
        self.tally = Tally::of(&self.lines);
        self.state = Pending::Ready(());
        self.arrange();
    }

    /// Shows what passes the filter, in order.
    pub(super) fn arrange(&mut self) {
        // One that can't be read yet takes nothing away.
        let needle = Needle::new(&self.list.filter).ok().flatten();
        let passes = |line: &Difference| {
            let is_match = |needle: &Needle| needle.is_match(&line.text());
            needle.as_ref().is_none_or(is_match)
        };
        let lines = &self.lines;
        let mut rows: Vec<_> = (0..lines.len()).filter(|&n| passes(&lines[n])).collect();
        if self.is_by_size {
            rows.sort_by_key(|&n| match &lines[n] {
                Difference::File(file) => (true, std::cmp::Reverse(file.grown().unsigned_abs())),
                _ => (false, std::cmp::Reverse(0)),
            });
        }
        self.list.arrange(rows, |n| n);
    }

    /// A line of those that are shown.
    pub fn line(&self, row: usize) -> Option<&Difference> {
        self.lines.get(*self.list.rows.get(row)?)
    }

    /// The line under the cursor.
    pub fn selected(&self) -> Option<&Difference> {
        self.line(self.list.cursor)
    }
}

impl Tally {
    fn of(lines: &[Difference]) -> Self {
        let mut tally = Self::default();
        for line in lines {
            if let Difference::File(file) = line {
                match file.kind {
                    ChangeKind::Added => tally.added += 1,
                    ChangeKind::Modified => tally.modified += 1,
                    ChangeKind::Deleted => tally.removed += 1,
                }
                tally.grown_bytes = tally.grown_bytes.saturating_add(file.grown());
            }
        }
        tally
    }
}
