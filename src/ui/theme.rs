//! Colours and signs, by what they mean. What a meaning looks like is the configuration's
//! choice; what the terminal can't show is brought down to what it can here.

use ratatui::style::{Color, Modifier, Style};

use crate::{
    app::{Depth, Look},
    config::{self, Paint, Palette, Role},
    format::{Glyphs, Tone},
    model::Mark,
};

/// How things look on this terminal.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// Which signs.
    pub glyphs: Glyphs,
    has_color: bool,
    palette: Palette,
    depth: Depth,
}

impl Theme {
    pub fn new(look: Look, palette: Palette, depth: Depth) -> Self {
        Self {
            glyphs: look.glyphs,
            has_color: look.has_color,
            palette: match depth {
                Depth::Sixteen => palette.in_sixteen(),
                Depth::Many | Depth::True => palette,
            },
            depth,
        }
    }

    /// What everything is drawn upon.
    pub fn base(self) -> Style {
        if !self.has_color {
            return Style::new();
        }
        Style::new()
            .fg(self.color(Role::Text))
            .bg(self.color(Role::Background))
    }

    /// Ordinary text.
    pub fn plain(self) -> Style {
        Style::new()
    }

    /// What stands out.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Keys, and where one is.
    pub fn accent(self) -> Style {
        match self.has_color {
            true => self.ink(Role::Accent).add_modifier(Modifier::BOLD),
            false => self.strong(),
        }
    }

    /// What recedes. Not a grey by default: some palettes give it the background's colour.
    pub fn quiet(self) -> Style {
        self.ink(Role::Quiet)
    }

    /// The row under the cursor. Colours and dimness would make patches of it.
    pub fn selected(self) -> Style {
        let style = Style::new().remove_modifier(Modifier::DIM);
        match self.palette.paint(Role::Selection) {
            Paint::Color(_) if self.has_color => style
                .fg(self.color(Role::SelectionText))
                .bg(self.color(Role::Selection)),
            _ => style.fg(Color::Reset).add_modifier(Modifier::REVERSED),
        }
    }

    /// A state.
    pub fn tone(self, tone: Tone) -> Style {
        match (self.has_color, tone) {
            (_, Tone::Quiet) => self.quiet(),
            (true, Tone::Good) => self.ink(Role::Good),
            (true, Tone::Warn) => self.ink(Role::Warn),
            (true, Tone::Bad) => self.ink(Role::Bad),
            (false, Tone::Bad) => self.strong(),
            (false, _) => self.plain(),
        }
    }

    /// What became of a file.
    pub fn mark(self, mark: Mark) -> Style {
        match mark {
            Mark::Unchanged => self.plain(),
            Mark::Added => self.tone(Tone::Good),
            Mark::Modified => self.tone(Tone::Warn),
            Mark::Removed => self.tone(Tone::Bad),
        }
    }

    /// A figure in a graph.
    pub fn graph(self) -> Style {
        match self.has_color {
            true => self.ink(Role::Graph),
            false => self.plain(),
        }
    }

    /// A limit in a graph.
    pub fn limit(self) -> Style {
        self.ink(Role::GraphLimit)
    }

    /// The sign for one of two worlds.
    pub fn sign(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self.glyphs {
            Glyphs::Unicode => unicode,
            Glyphs::Ascii => ascii,
        }
    }

    /// What stands where something is not here yet.
    pub fn reading(self) -> &'static str {
        self.sign("reading …", "reading ...")
    }

    /// A sign, or several, as they are: what fills a line.
    pub fn rule(self) -> &'static str {
        self.sign("─", "-")
    }

    fn ink(self, role: Role) -> Style {
        match self.palette.paint(role) {
            Paint::Color(config::Color::Default) => Style::new(),
            Paint::Color(_) if self.has_color => Style::new().fg(self.color(role)),
            _ => Style::new().add_modifier(Modifier::DIM),
        }
    }

    fn color(self, role: Role) -> Color {
        match self.palette.paint(role) {
            Paint::Color(color) => shown(color, self.depth),
            Paint::Dim | Paint::Reverse => Color::Reset,
        }
    }
}

/// A colour as this terminal can show it.
fn shown(color: config::Color, depth: Depth) -> Color {
    let number = |number: u8| match number {
        0 => Color::Black,
        1 => Color::Red,
        2 => Color::Green,
        3 => Color::Yellow,
        4 => Color::Blue,
        5 => Color::Magenta,
        6 => Color::Cyan,
        7 => Color::Gray,
        8 => Color::DarkGray,
        9 => Color::LightRed,
        10 => Color::LightGreen,
        11 => Color::LightYellow,
        12 => Color::LightBlue,
        13 => Color::LightMagenta,
        14 => Color::LightCyan,
        _ => Color::White,
    };
    match (color, depth) {
        (config::Color::Default, _) => Color::Reset,
        (config::Color::Ansi(n), _) => number(n),
        (config::Color::Rgb(r, g, b), Depth::True) => Color::Rgb(r, g, b),
        (config::Color::Rgb(r, g, b), _) => Color::Indexed(indexed([r, g, b])),
    }
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    let parts = a
        .iter()
        .zip(b)
        .map(|(a, b)| u32::from(a.abs_diff(b)).pow(2));
    parts.sum()
}

/// The nearest of the 216 of the cube and the 24 greys.
fn indexed(color: [u8; 3]) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |part: u8| {
        let all = (0u8..).zip(STEPS);
        all.min_by_key(|(_, step)| step.abs_diff(part))
            .unwrap_or_default()
    };
    let [red, green, blue] = color.map(step);
    let cube = distance(color, [red.1, green.1, blue.1]);
    let light = color.iter().map(|part| u32::from(*part)).sum::<u32>() / 3;
    let grey = (light.saturating_sub(3) / 10).min(23) as u8;
    let level = 8 + 10 * grey;
    if distance(color, [level; 3]) < cube {
        232 + grey
    } else {
        16 + 36 * red.0 + 6 * green.0 + blue.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_that_a_terminal_lacks_become_the_nearest_it_has() {
        let rgb = config::Color::Rgb;
        assert_eq!(shown(rgb(0xff, 0, 0), Depth::Many), Color::Indexed(196));
        assert_eq!(
            shown(rgb(0x80, 0x80, 0x80), Depth::Many),
            Color::Indexed(244)
        );
        assert_eq!(shown(rgb(1, 2, 3), Depth::True), Color::Rgb(1, 2, 3));
        assert_eq!(
            shown(config::Color::Ansi(9), Depth::Sixteen),
            Color::LightRed
        );
    }

    #[test]
    fn states_stay_apart_with_sixteen_colours_in_every_shipped_theme() {
        for (name, palette) in config::SHIPPED {
            for depth in [Depth::Sixteen, Depth::Many] {
                let theme = Theme::new(Look::FULL, palette, depth);
                let tones = [Tone::Good, Tone::Warn, Tone::Bad].map(|tone| theme.tone(tone));
                for (n, tone) in tones.iter().enumerate() {
                    assert!(!tones[n + 1..].contains(tone), "{name} at {depth:?}");
                    assert_ne!(tone.fg, theme.base().bg, "{name} at {depth:?}");
                }
            }
        }
    }

    #[test]
    fn no_colour_wins_over_every_theme() {
        let look = Look {
            has_color: false,
            ..Look::FULL
        };
        for (name, palette) in config::SHIPPED {
            let theme = Theme::new(look, palette, Depth::True);
            let tones = [Tone::Good, Tone::Warn, Tone::Bad, Tone::Quiet];
            let styles = tones.map(|tone| theme.tone(tone));
            let others = [theme.base(), theme.graph(), theme.limit(), theme.accent()];
            for style in styles.into_iter().chain(others).chain([theme.selected()]) {
                let is_plain = |color| matches!(color, None | Some(Color::Reset));
                assert!(
                    is_plain(style.fg) && is_plain(style.bg),
                    "{name}: {style:?}"
                );
            }
        }
    }
}
