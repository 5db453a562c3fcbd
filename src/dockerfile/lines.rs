//! From text to lines: directives at the top, comments out, continuations joined.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::ParseError;

/// The directives of a file: `# name=value` comments before anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Directives {
    /// `syntax`: a frontend that the file asks for, as it is written.
    pub syntax: Option<String>,
    /// `check`: which rules of `--check` to skip, and whether warnings are errors.
    pub check: Option<String>,
    /// `escape`: what escapes, `\` unless said.
    pub escape: char,
}

impl Default for Directives {
    fn default() -> Self {
        Self {
            syntax: None,
            check: None,
            escape: '\\',
        }
    }
}

/// One instruction's line, its continuations joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, without leading blanks.
    pub text: String,
    /// Where it stands, from 1.
    pub lines: RangeInclusive<usize>,
    /// Comments directly before it, without their `#`.
    pub comments: Vec<String>,
    /// The number of the last blank line among its continuations: allowed, but frowned on.
    pub blank: Option<usize>,
}

/// Gives one line after the other, and raw lines to who reads a here-document.
pub struct Lines<'a> {
    rest: std::iter::Enumerate<std::str::SplitInclusive<'a, char>>,
    /// The number of the line that came last.
    pub number: usize,
    /// What the top of the file says. Complete after the first line came.
    pub directives: Directives,
    /// Names of directives that were seen; none once the top is over.
    seen: Option<Vec<&'static str>>,
}

impl<'a> Lines<'a> {
    pub fn of(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            rest: text.split_inclusive('\n').enumerate(),
            number: 0,
            directives: Directives::default(),
            seen: Some(Vec::new()),
        }
    }

    /// The next line as it stands, its end included.
    pub fn raw(&mut self) -> Option<&'a str> {
        let (index, line) = self.rest.next()?;
        self.number = index + 1;
        Some(line)
    }

    /// The next instruction.
    pub fn next(&mut self) -> Result<Option<Line>, ParseError> {
        let mut comments: Vec<String> = Vec::new();
        while let Some(raw) = self.raw() {
            let line = raw.trim_end_matches(['\r', '\n']).trim_start();
            if let Some(comment) = line.strip_prefix('#') {
                if !self.is_directive(comment)? {
                    match comment.trim() {
                        "" => comments.clear(),
                        comment => comments.push(comment.to_owned()),
                    }
                }
                continue;
            }
            self.seen = None;
            if line.is_empty() {
                comments.clear();
                continue;
            }
            return Ok(Some(self.joined(line, comments)));
        }
        Ok(None)
    }

    fn joined(&mut self, line: &str, comments: Vec<String>) -> Line {
        let from = self.number;
        let mut blank = None;
        let (first, mut continues) = self.without_continuation(line);
        let mut text = first.to_owned();
        while continues {
            let Some(raw) = self.raw() else { break };
            let line = raw.trim_end_matches(['\r', '\n']);
            match line.trim_start() {
                "" => blank = Some(self.number),
                comment if comment.starts_with('#') => {}
                _ => {
                    let (more, again) = self.without_continuation(line);
                    text.push_str(more);
                    continues = again;
                }
            }
        }
        Line {
            text,
            lines: from..=self.number,
            comments,
            blank,
        }
    }

    /// A line without the escape character at its end, and whether there was one. Two in
    /// a row escape each other: the line ends there.
    fn without_continuation<'b>(&self, line: &'b str) -> (&'b str, bool) {
        let escape = self.directives.escape;
        let Some(before) = line.trim_end_matches([' ', '\t']).strip_suffix(escape) else {
            return (line, false);
        };
        if before.ends_with(escape) {
            return (line, false);
        }
        (before, true)
    }

    fn is_directive(&mut self, comment: &str) -> Result<bool, ParseError> {
        let Some(seen) = &mut self.seen else {
            return Ok(false);
        };
        let here = self.number..=self.number;
        let pair = comment.trim_start().split_once('=');
        let pair = pair.map(|(name, value)| (name.trim_end().to_ascii_lowercase(), value.trim()));
        let known = pair.as_ref().filter(|(_, value)| !value.is_empty());
        let known = known.and_then(|(name, value)| {
            let known = ["syntax", "escape", "check"];
            let name = known.into_iter().find(|known| known == name)?;
            Some((name, *value))
        });
        let Some((name, value)) = known else {
            self.seen = None;
            return Ok(false);
        };
        if seen.contains(&name) {
            let message = format!("the directive {name} stands here a second time");
            return Err(ParseError::new(here, message));
        }
        seen.push(name);
        match (name, value) {
            ("syntax", _) => self.directives.syntax = Some(value.to_owned()),
            ("check", _) => self.directives.check = Some(value.to_owned()),
            (_, "\\") => self.directives.escape = '\\',
            (_, "`") => self.directives.escape = '`',
            _ => {
                let message = format!("the escape directive says {value:?}");
                return Err(ParseError::new(here, message).hint("it can be \\ or `"));
            }
        }
        Ok(true)
    }
}
