//! Colours and signs, by what they mean. Foreground and background stay the terminal's
//! own, so that it fits dark and light ones; colour is for states and nothing else.

use ratatui::style::{Color, Modifier, Style};

use crate::{
    app::Look,
    format::{Glyphs, Tone},
};

/// How things look on this terminal.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// Which signs.
    pub glyphs: Glyphs,
    has_color: bool,
}

impl Theme {
    pub fn new(look: Look) -> Self {
        Self {
            glyphs: look.glyphs,
            has_color: look.has_color,
        }
    }

    /// Ordinary text.
    pub fn plain(self) -> Style {
        Style::new()
    }

    /// What stands out.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What recedes. Not a grey: some palettes give it the background's colour.
    pub fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The row under the cursor. Colours and dimness would make patches of it.
    pub fn selected(self) -> Style {
        Style::new()
            .fg(Color::Reset)
            .add_modifier(Modifier::REVERSED)
            .remove_modifier(Modifier::DIM)
    }

    /// A state.
    pub fn tone(self, tone: Tone) -> Style {
        let color = match tone {
            Tone::Good => Color::Green,
            Tone::Warn => Color::Yellow,
            Tone::Bad => Color::Red,
            Tone::Quiet => return self.quiet(),
        };
        match (self.has_color, tone) {
            (true, _) => Style::new().fg(color),
            (false, Tone::Bad) => self.strong(),
            (false, _) => self.plain(),
        }
    }

    /// A figure in a graph.
    pub fn graph(self) -> Style {
        if self.has_color {
            Style::new().fg(Color::Cyan)
        } else {
            self.plain()
        }
    }

    /// The sign for one of two worlds.
    pub fn sign(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self.glyphs {
            Glyphs::Unicode => unicode,
            Glyphs::Ascii => ascii,
        }
    }

    /// A sign, or several, as they are: what fills a line.
    pub fn rule(self) -> &'static str {
        self.sign("─", "-")
    }
}
