//! What our output goes to, and the colours that it may have.

use std::{
    env,
    io::{self, IsTerminal, Write},
};

use crate::{
    config::is_on,
    format::{Glyphs, Tone},
};

/// What is known about standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Columns of the terminal; `None` for a pipe or a file, where nothing is cut.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub color: bool,
    /// Which signs may be used.
    pub glyphs: Glyphs,
}

impl Output {
    /// Of this process's standard output.
    ///
    /// `NO_COLOR` (no-color.org) and `TERM=dumb` forbid colour, `CLICOLOR_FORCE` allows
    /// it in a pipe, and `COLUMNS` overrides the width, as for ps(1). `WHARF_ASCII` asks
    /// for plain signs whatever the locale says.
    pub fn of_stdout() -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_terminal = io::stdout().is_terminal();
        let is_dumb = env::var("TERM").is_ok_and(|term| term == "dumb");
        let columns = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let width = columns.or_else(|| {
            is_terminal
                .then(crossterm::terminal::size)
                .and_then(Result::ok)
                .map(|(columns, _)| usize::from(columns))
        });
        Self {
            width: width.filter(|columns| *columns > 0),
            color: !is_set("NO_COLOR") && ((is_terminal && !is_dumb) || is_set("CLICOLOR_FORCE")),
            glyphs: match env::var("WHARF_ASCII").is_ok_and(|value| is_on(&value) == Some(true)) {
                true => Glyphs::Ascii,
                false => Glyphs::from_locale(|name| env::var(name).ok()),
            },
        }
    }

    /// A text in the colour of a tone.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Quiet => "2",
        };
        self.escape(code, text)
    }

    /// A text that stands out.
    pub fn bold(&self, text: &str) -> String {
        self.escape("1", text)
    }

    fn escape(&self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Prints to standard output; unlike `print!`, a reader that left is an error to handle.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The same with a newline after it.
pub fn line(text: &str) -> io::Result<()> {
    print(&format!("{text}\n"))
}
