//! From the bytes of a log line to text and colours: a small interpreter of SGR, the one
//! kind of escape sequence that means something on this screen. Every other sequence is
//! dropped, and nothing of a line ever reaches the terminal as it came.

use std::fmt::Write;

use anstyle_parse::{DefaultCharAccumulator, Params, Parser, Perform};
use ratatui::style::{Color, Modifier, Style};

use super::wrap::columns_of;
use crate::format::text::sanitize;

/// Columns between the stops of a tabulator.
const TAB: usize = 8;
/// Marks that may stand on one character; more are no writing of any language.
const MARKS: usize = 6;

/// From a byte on, text looks so, up to the next of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// How it looks.
    pub style: Style,
}

/// A line's text, safe to draw, and its colours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inked {
    /// The text.
    pub text: String,
    /// Its colours; what comes before the first has none.
    pub spans: Vec<Span>,
}

/// Reads the lines of one stream, whose colours go on from line to line until they are
/// reset, as on a terminal.
#[derive(Clone, Debug, Default)]
pub struct Inker {
    style: Style,
}

impl Inker {
    /// Reads one line.
    pub fn read(&mut self, line: &[u8]) -> Inked {
        let mut pen = Pen {
            style: self.style,
            ..Pen::default()
        };
        if pen.style != Style::new() {
            pen.mark();
        }
        let line = line.trim_ascii_end();
        if line.iter().all(|b| (0x20..0x7f).contains(b)) {
            // The common line, in one piece.
            pen.out.text = String::from_utf8_lossy(line).into_owned();
            return pen.out;
        }
        let mut parser = Parser::<DefaultCharAccumulator>::new();
        for chunk in line.utf8_chunks() {
            for &byte in chunk.valid().as_bytes() {
                parser.advance(&mut pen, byte);
            }
            for byte in chunk.invalid() {
                for spelled in format!("\\x{byte:02x}").bytes() {
                    parser.advance(&mut pen, spelled);
                }
            }
        }
        self.style = pen.style;
        pen.out
    }
}

#[derive(Default)]
struct Pen {
    out: Inked,
    style: Style,
    column: usize,
    marks: usize,
}

impl Pen {
    /// From here on the style is another.
    fn mark(&mut self) {
        let start = self.out.text.len() as u32;
        let mut style = self.style;
        if style.fg.is_some() && style.fg == style.bg {
            // What can't be read on a screen can't be found either.
            style.bg = None;
        }
        if self
            .out
            .spans
            .last()
            .is_some_and(|span| span.start == start)
        {
            self.out.spans.pop();
        }
        let before = self
            .out
            .spans
            .last()
            .map_or(Style::new(), |span| span.style);
        if before != style {
            self.out.spans.push(Span { start, style });
        }
    }

    fn put(&mut self, c: char) {
        let columns = columns_of(c);
        self.marks = if columns == 0 { self.marks + 1 } else { 0 };
        if self.marks > MARKS {
            return;
        }
        self.column += columns;
        self.out.text.push(c);
    }

    fn select(&mut self, codes: &[&[u16]]) {
        let mut rest = codes;
        if rest.is_empty() {
            self.style = Style::new();
        }
        while let Some((code, after)) = rest.split_first() {
            rest = after;
            let Some(&number) = code.first() else {
                continue;
            };
            let style = self.style;
            self.style = match number {
                0 => Style::new(),
                1 => style.add_modifier(Modifier::BOLD),
                2 => style.add_modifier(Modifier::DIM),
                3 => style.add_modifier(Modifier::ITALIC),
                4 if code.get(1) == Some(&0) => without(style, Modifier::UNDERLINED),
                4 => style.add_modifier(Modifier::UNDERLINED),
                7 => style.add_modifier(Modifier::REVERSED),
                9 => style.add_modifier(Modifier::CROSSED_OUT),
                // Blinking disturbs and hidden text hides: neither is taken over.
                21 | 22 => without(style, Modifier::BOLD | Modifier::DIM),
                23 => without(style, Modifier::ITALIC),
                24 => without(style, Modifier::UNDERLINED),
                27 => without(style, Modifier::REVERSED),
                29 => without(style, Modifier::CROSSED_OUT),
                30..=37 | 90..=97 => style.fg(basic(number)),
                40..=47 | 100..=107 => style.bg(basic(number - 10)),
                38 | 48 => {
                    let (color, left) = extended(&code[1..], rest);
                    rest = left;
                    match (color, number) {
                        (Some(color), 38) => style.fg(color),
                        (Some(color), _) => style.bg(color),
                        (None, _) => style,
                    }
                }
                39 => Style { fg: None, ..style },
                49 => Style { bg: None, ..style },
                _ => style,
            };
        }
        self.mark();
    }
}

impl Perform for Pen {
    fn print(&mut self, c: char) {
        let mut buffer = [0; 4];
        let text = c.encode_utf8(&mut buffer);
        for c in sanitize(text).chars() {
            self.put(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\t' => (0..TAB - self.column % TAB).for_each(|_| self.put(' ')),
            b'\r' => "\\r".chars().for_each(|c| self.put(c)),
            byte => {
                let mut spelled = String::new();
                write!(spelled, "\\x{byte:02x}").expect("writing to a String cannot fail");
                spelled.chars().for_each(|c| self.put(c));
            }
        }
    }

    fn csi_dispatch(&mut self, codes: &Params, intermediates: &[u8], ignore: bool, action: u8) {
        if action == b'm' && intermediates.is_empty() && !ignore {
            let codes: Vec<&[u16]> = codes.iter().collect();
            self.select(&codes);
        }
    }
}

fn without(style: Style, modifier: Modifier) -> Style {
    Style {
        add_modifier: style.add_modifier.difference(modifier),
        ..style
    }
}

/// The colour of 30 to 37 and 90 to 97.
fn basic(number: u16) -> Color {
    const COLORS: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    let index = match number {
        90.. => number - 90 + 8,
        _ => number.saturating_sub(30),
    };
    COLORS[usize::from(index) % COLORS.len()]
}

/// The colour after 38 or 48, in either way of writing it (`38:5:n`, `38;5;n`), and the
/// codes that it leaves.
fn extended<'a, 'b>(own: &[u16], rest: &'a [&'b [u16]]) -> (Option<Color>, &'a [&'b [u16]]) {
    let byte = |n: u16| u8::try_from(n).ok();
    let rgb = |r, g, b| Some(Color::Rgb(byte(r)?, byte(g)?, byte(b)?));
    match *own {
        [5, n] => return (byte(n).map(Color::Indexed), rest),
        [2, r, g, b] | [2, _, r, g, b, ..] => return (rgb(r, g, b), rest),
        [_, ..] => return (None, rest),
        [] => {}
    }
    let plain = |n: usize| rest.get(n).and_then(|code| code.first().copied());
    match plain(0) {
        Some(5) => (
            plain(1).and_then(byte).map(Color::Indexed),
            rest.get(2..).unwrap_or(&[]),
        ),
        Some(2) => {
            let color = match (plain(1), plain(2), plain(3)) {
                (Some(r), Some(g), Some(b)) => rgb(r, g, b),
                _ => None,
            };
            (color, rest.get(4..).unwrap_or(&[]))
        }
        _ => (None, rest),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Inked {
        Inker::default().read(line.as_bytes())
    }

    #[test]
    fn colours_are_kept_beside_the_text() {
        let inked = read("a \x1b[1;31mred\x1b[0m end");
        assert_eq!(inked.text, "a red end");
        let red = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        let (start, style) = (2, red);
        assert_eq!(inked.spans[0], Span { start, style });
        assert_eq!(inked.spans[1].start, 5);
        assert_eq!(inked.spans[1].style, Style::new());
    }

    #[test]
    fn every_way_to_write_a_colour_is_understood() {
        let style = |text: &str| read(text).spans.last().map(|span| span.style);
        let fg = |color| Some(Style::new().fg(color));
        assert_eq!(style("\x1b[38;5;208mx"), fg(Color::Indexed(208)));
        assert_eq!(style("\x1b[38:5:208mx"), fg(Color::Indexed(208)));
        assert_eq!(style("\x1b[38;2;1;2;3mx"), fg(Color::Rgb(1, 2, 3)));
        assert_eq!(style("\x1b[38:2::1:2:3mx"), fg(Color::Rgb(1, 2, 3)));
        assert_eq!(style("\x1b[97mx"), fg(Color::White));
        assert_eq!(style("\x1b[31;39mx"), None);
        assert_eq!(style("\x1b[38;5mx"), None, "half a colour");
        assert_eq!(style("\x1b[38;2;999;0;0mx"), None, "no such red");
        assert_eq!(style("\x1b[30;40mx"), fg(Color::Black), "black on black");
        assert_eq!(style("\x1b[5;8mx"), None, "neither blinking nor hidden");
    }

    #[test]
    fn colours_go_on_with_the_next_line() {
        let mut inker = Inker::default();
        inker.read(b"\x1b[31mfirst");
        let second = inker.read(b"second");
        assert_eq!(second.spans.len(), 1);
        inker.read(b"third\x1b[m");
        assert!(inker.read(b"fourth").spans.is_empty());
    }

    #[test]
    fn hostile_sequences_leave_nothing_and_controls_are_spelled_out() {
        for (line, text) in [
            ("a\x1b]0;owned\x07b", "ab"),
            ("a\x1b]52;c;cm0gLXJmIC8=\x1b\\b", "ab"),
            ("a\x1b[2J\x1b[1;1Hb", "ab"),
            ("a\x1bPq#0;2;0;0;0\x1b\\b", "ab"),
            ("a\x1b[?1049lb\x1bcd", "abd"),
            ("cut \x1b[31", "cut "),
            (
                "bell \x07 back \x08 nul \0.",
                "bell \\x07 back \\x08 nul \\x00.",
            ),
            ("10%\r20%\r", "10%\\r20%"),
            ("evil\u{202e}txt \u{9b}2J", "evil\\u{202e}txt \\x9b2J"),
            ("ab\tc", "ab      c"),
        ] {
            assert_eq!(read(line).text, text, "{line:?}");
        }
        assert_eq!(
            Inker::default().read(b"ok \xff\xfe.").text,
            "ok \\xff\\xfe."
        );
    }

    #[test]
    fn heap_of_marks_on_one_letter_is_cut() {
        let line = format!("e{}nd", "\u{301}".repeat(5_000));
        assert_eq!(read(&line).text.chars().count(), 1 + MARKS + 2);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_or_reach_the_screen_as_controls(
            bytes in proptest::collection::vec(prop_oneof![
                Just(0x1b_u8), Just(b'['), Just(b'm'), Just(b';'), Just(b':'), any::<u8>(),
            ], 0..300),
        ) {
            let inked = Inker::default().read(&bytes);
            prop_assert!(!inked.text.chars().any(char::is_control));
            for span in &inked.spans {
                prop_assert!(inked.text.is_char_boundary(span.start as usize));
            }
        }
    }
}
