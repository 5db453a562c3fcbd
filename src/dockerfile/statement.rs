//! What stands in a Dockerfile, one instruction after the other, with its words as they
//! are written.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::{
    LONGEST, ParseError,
    heredoc::Heredoc,
    lines::{Directives, Line, Lines},
    words,
};

/// A Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dockerfile {
    /// What its top says.
    pub directives: Directives,
    /// Its instructions.
    pub statements: Vec<Statement>,
}

/// One instruction with its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Its name in small letters, whether there is such an instruction or not.
    pub name: String,
    /// Its name as it is written.
    pub written: String,
    /// Its flags, unquoted.
    pub flags: Vec<String>,
    /// Its arguments. For `ENV` and `LABEL` names and values by turns; for `ONBUILD` the
    /// words of its trigger; for a `RUN` in shell form one: the rest of the line.
    pub arguments: Vec<String>,
    /// Whether the arguments stand in a JSON array.
    pub is_json: bool,
    /// Its here-documents.
    pub heredocs: Vec<Heredoc>,
    /// The joined line.
    pub text: String,
    /// Where it stands, from 1, here-documents included.
    pub lines: RangeInclusive<usize>,
    /// Comments directly before it.
    pub comments: Vec<String>,
    /// The number of a blank line among its continuations.
    pub blank: Option<usize>,
    /// `ONBUILD`'s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Box<Statement>>,
}

impl Dockerfile {
    /// Reads a file.
    ///
    /// # Errors
    /// Text that is no UTF-8, too long, holds no instruction, or whose lines can't be
    /// read. Whether instructions exist and make sense is [`super::stages`]' to say.
    pub fn parse(text: &[u8]) -> Result<Self, ParseError> {
        if text.len() > LONGEST {
            let message = format!("the file has more than {LONGEST} bytes");
            return Err(ParseError::new(1..=1, message));
        }
        let text = std::str::from_utf8(text).map_err(|error| {
            let before = &text[..error.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            ParseError::new(line..=line, "the text is not UTF-8")
        })?;
        let mut lines = Lines::of(text);
        let mut statements = Vec::new();
        while let Some(line) = lines.next()? {
            statements.push(Statement::read(line, &mut lines)?);
        }
        if statements.is_empty() {
            let end = lines.number.max(1);
            return Err(ParseError::new(end..=end, "the file has no instructions")
                .hint("begin it with FROM image"));
        }
        Ok(Self {
            directives: lines.directives,
            statements,
        })
    }
}

impl Statement {
    fn read(line: Line, lines: &mut Lines<'_>) -> Result<Self, ParseError> {
        let at = line.lines.clone();
        let mut statement = Self::of(&line.text, lines.directives.escape)
            .map_err(|message| ParseError::new(at.clone(), message))?;
        statement.lines = at.clone();
        statement.comments = line.comments;
        statement.blank = line.blank;
        if statement.may_have_heredocs() {
            for mut heredoc in Heredoc::opened_in(&statement.text) {
                if !heredoc.read(lines) {
                    let message = format!("the here-document {} has no end", heredoc.name);
                    let hint = format!("end it with {} alone on a line", heredoc.name);
                    return Err(ParseError::new(at, message).hint(hint));
                }
                statement.heredocs.push(heredoc);
            }
            statement.lines = *at.start()..=lines.number;
            if let Some(trigger) = &mut statement.trigger {
                trigger.heredocs = statement.heredocs.clone();
            }
        }
        Ok(statement)
    }

    /// One from a joined line; `ONBUILD` has another in it.
    pub fn of(text: &str, escape: char) -> Result<Self, String> {
        let parts = words::parts(text);
        let name = parts.name.to_ascii_lowercase();
        let rest = parts.rest.as_str();
        let mut trigger = None;
        let mut array = None;
        let arguments = match name.as_str() {
            "env" | "label" => {
                let pairs = words::pairs(rest, &name.to_ascii_uppercase(), escape)?;
                pairs
                    .into_iter()
                    .flat_map(|pair| [pair.name, pair.value])
                    .collect()
            }
            "arg" => words::words(rest, escape),
            "expose" | "from" => words::plain(rest),
            "add" | "copy" | "volume" => {
                array = words::json(rest)?;
                array.clone().unwrap_or_else(|| words::plain(rest))
            }
            "run" | "cmd" | "entrypoint" | "shell" => {
                array = words::json(rest)?;
                array.clone().unwrap_or_else(|| whole(rest))
            }
            "healthcheck" => {
                let (kind, command) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                let command = command.trim_start();
                array = words::json(command)?;
                let command = array.clone().unwrap_or_else(|| whole(command));
                whole(kind).into_iter().chain(command).collect()
            }
            "onbuild" if !rest.is_empty() => {
                let inner = Self::of_trigger(rest, escape)?;
                let words = std::iter::once(inner.written.clone());
                let words = words.chain(inner.arguments.iter().cloned()).collect();
                trigger = Some(Box::new(inner));
                words
            }
            _ => whole(rest),
        };
        Ok(Self {
            name,
            written: parts.name,
            flags: parts.flags,
            arguments,
            is_json: array.is_some(),
            heredocs: Vec::new(),
            text: text.to_owned(),
            lines: 1..=1,
            comments: Vec::new(),
            blank: None,
            trigger,
        })
    }

    /// Triggers don't nest: `ONBUILD ONBUILD` is refused later, and must not cost stack.
    fn of_trigger(text: &str, escape: char) -> Result<Self, String> {
        let parts = words::parts(text);
        if parts.name.eq_ignore_ascii_case("onbuild") {
            return Err("ONBUILD can't have ONBUILD as its trigger".into());
        }
        Self::of(text, escape)
    }

    fn may_have_heredocs(&self) -> bool {
        match (&self.trigger, self.name.as_str()) {
            (Some(trigger), _) => trigger.may_have_heredocs(),
            (None, "add" | "copy" | "run") => !self.is_json,
            _ => false,
        }
    }
}

fn whole(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    vec![text.to_owned()]
}
