//! A drawn screen as an SVG picture, for the documentation.

use std::fmt::Write;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

/// Size of a character's cell.
const CELL: (f32, f32) = (8.4, 18.0);
/// Room round the screen.
const MARGIN: f32 = 12.0;
const BACKGROUND: Rgb = Rgb(0x12, 0x16, 0x1d);
const FOREGROUND: Rgb = Rgb(0xd4, 0xd9, 0xe1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rgb(u8, u8, u8);

/// How a run of cells looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ink {
    fore: Rgb,
    back: Rgb,
    is_bold: bool,
}

/// The picture.
pub fn picture(buffer: &Buffer) -> String {
    let area = buffer.area;
    let width = f32::from(area.width) * CELL.0 + 2.0 * MARGIN;
    let height = f32::from(area.height) * CELL.1 + 2.0 * MARGIN;
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.1} {height:.1}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n\
         <g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\" \
         xml:space=\"preserve\">\n",
        hex(BACKGROUND)
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let ink = ink(&buffer[(area.x + x, area.y + y)]);
            let start = x;
            let mut text = String::new();
            while x < area.width {
                let cell = &buffer[(area.x + x, area.y + y)];
                if self::ink(cell) != ink {
                    break;
                }
                let columns = crate::format::text::width(cell.symbol()).max(1) as u16;
                text.push_str(cell.symbol());
                x += columns;
            }
            run(&mut out, start, y, x.min(area.width) - start, &text, ink);
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn run(out: &mut String, x: u16, y: u16, columns: u16, text: &str, ink: Ink) {
    let left = MARGIN + f32::from(x) * CELL.0;
    let top = MARGIN + f32::from(y) * CELL.1;
    if ink.back != BACKGROUND {
        let width = f32::from(columns) * CELL.0;
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
            CELL.1,
            hex(ink.back)
        );
    }
    // Words one by one, each held to its columns: fonts differ in width.
    let mut at = 0;
    for word in text.split_inclusive(' ') {
        let columns = crate::format::text::width(word);
        let plain = word.trim_end_matches(' ');
        if let Some(drawn) = shapes(plain, left + at as f32 * CELL.0, top) {
            let _ = writeln!(out, "<path d=\"{drawn}\" fill=\"{}\"/>", hex(ink.fore));
        } else if !plain.is_empty() {
            let weight = if ink.is_bold {
                " font-weight=\"bold\""
            } else {
                ""
            };
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
                 fill=\"{}\"{weight}>{}</text>",
                left + at as f32 * CELL.0,
                top + CELL.1 * 0.76,
                crate::format::text::width(plain) as f32 * CELL.0,
                hex(ink.fore),
                escaped(plain)
            );
        }
        at += columns;
    }
}

/// Lines, blocks and braille as shapes: fonts that lack them would tear graphs apart.
/// `None` if any of it is other text.
fn shapes(text: &str, left: f32, top: f32) -> Option<String> {
    let mut path = String::new();
    let (width, height) = CELL;
    let (middle, centre) = (top + height / 2.0, width / 2.0);
    for (n, sign) in text.chars().enumerate() {
        let x = left + n as f32 * width;
        let mut rect = |x: f32, y: f32, w: f32, h: f32| {
            // Writing to a String cannot fail.
            let _ = write!(path, "M{x:.1} {y:.1}h{w:.1}v{h:.1}h-{w:.1}z");
        };
        match sign {
            '─' => rect(x, middle - 0.5, width, 1.0),
            '━' => rect(x, middle - 1.25, width, 2.5),
            '╾' => {
                rect(x, middle - 1.25, centre, 2.5);
                rect(x + centre, middle - 0.5, centre, 1.0);
            }
            '╌' => rect(x + 1.0, middle - 0.5, width - 3.0, 1.0),
            '│' => rect(x + centre - 0.5, top, 1.0, height),
            '┃' => rect(x + centre - 1.0, top, 2.0, height),
            '▐' => rect(x + centre, top, centre, height),
            '\u{2800}'..='\u{28ff}' => {
                let bits = sign as u32 - 0x2800;
                for (bit, (column, row)) in BRAILLE.iter().enumerate() {
                    if bits & (1 << bit) != 0 {
                        let x = x + (0.25 + 0.5 * column) * width - 1.0;
                        rect(x, top + (0.125 + 0.25 * row) * height - 1.0, 2.0, 2.0);
                    }
                }
            }
            _ => return None,
        }
    }
    (!text.is_empty()).then_some(path)
}

/// Column and row of each bit of a braille sign.
const BRAILLE: [(f32, f32); 8] = [
    (0.0, 0.0),
    (0.0, 1.0),
    (0.0, 2.0),
    (1.0, 0.0),
    (1.0, 1.0),
    (1.0, 2.0),
    (0.0, 3.0),
    (1.0, 3.0),
];

fn ink(cell: &Cell) -> Ink {
    let has = |modifier| cell.modifier.contains(modifier);
    let mut fore = rgb(cell.fg, FOREGROUND);
    let mut back = rgb(cell.bg, BACKGROUND);
    if has(Modifier::DIM) {
        fore = mix(fore, back);
    }
    if has(Modifier::REVERSED) {
        std::mem::swap(&mut fore, &mut back);
    }
    Ink {
        fore,
        back,
        is_bold: has(Modifier::BOLD),
    }
}

fn mix(a: Rgb, b: Rgb) -> Rgb {
    let half = |a: u8, b: u8| ((u16::from(a) * 11 + u16::from(b) * 9) / 20) as u8;
    Rgb(half(a.0, b.0), half(a.1, b.1), half(a.2, b.2))
}

/// The colours that the theme uses; any other is the terminal's own.
fn rgb(color: Color, own: Rgb) -> Rgb {
    match color {
        Color::Red => Rgb(0xf0, 0x6a, 0x6a),
        Color::Green => Rgb(0x7c, 0xc3, 0x7c),
        Color::Yellow => Rgb(0xe2, 0xb8, 0x5b),
        Color::Cyan => Rgb(0x62, 0xb6, 0xcb),
        Color::Rgb(red, green, blue) => Rgb(red, green, blue),
        _ => own,
    }
}

fn hex(color: Rgb) -> String {
    format!("#{:02x}{:02x}{:02x}", color.0, color.1, color.2)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};

    use super::*;

    #[test]
    fn every_word_is_held_to_its_columns_and_markup_is_escaped() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, "a<b 漢字", Style::new().fg(Color::Red));
        let picture = picture(&buffer);
        assert!(picture.contains(">a&lt;b</text>"), "{picture}");
        assert!(picture.contains("textLength=\"33.6\""), "{picture}");
        assert!(picture.contains("#f06a6a"));
    }
}
