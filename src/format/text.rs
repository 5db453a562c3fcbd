//! Foreign text made safe to print, and text fitted into columns.

use std::{borrow::Cow, fmt::Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Glyphs;

/// Columns between the stops of a tabulator, as terminals have them.
const TAB: usize = 8;

/// Which side of its column a text is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Figures.
    Right,
}

/// Text from a container, an image or a user, on one line and without any effect on a
/// terminal: control characters, escape sequences and whatever reorders or hides text
/// are shown in words (`\x1b`, `\u{202e}`), tabulators as the space that they take.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut column = 0;
    for c in text.chars() {
        let before = out.len();
        match c {
            '\t' => (0..TAB - column % TAB).for_each(|_| out.push(' ')),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if is_unsafe(c) && (c as u32) < 0x100 => {
                write!(out, "\\x{:02x}", c as u32).expect("writing to a String cannot fail");
            }
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
        column += width(&out[before..]);
    }
    Cow::Owned(out)
}

/// The same for bytes that need not be UTF-8: what isn't, is shown as `\xff`.
pub fn sanitize_bytes(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => sanitize(text),
        Err(_) => {
            let mut out = String::with_capacity(bytes.len() + 16);
            for chunk in bytes.utf8_chunks() {
                out.push_str(&sanitize(chunk.valid()));
                for byte in chunk.invalid() {
                    write!(out, "\\x{byte:02x}").expect("writing to a String cannot fail");
                }
            }
            Cow::Owned(out)
        }
    }
}

/// Bytes as text for programs: as they are where they are UTF-8, else `\xff` for what
/// isn't.
pub fn lossless(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut out = String::with_capacity(bytes.len() + 16);
            for chunk in bytes.utf8_chunks() {
                out.push_str(chunk.valid());
                for byte in chunk.invalid() {
                    write!(out, "\\x{byte:02x}").expect("writing to a String cannot fail");
                }
            }
            Cow::Owned(out)
        }
    }
}

/// Controls (C0, DEL, C1), the bidirectional overrides and isolates, line separators,
/// and characters that take no room and so hide in names.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// How many things: `1 image`, `3 images`.
pub fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        n => format!("{n} {thing}s"),
    }
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The text cut to so many columns, its end marked.
pub fn truncate(text: &str, columns: usize, glyphs: Glyphs) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mark = glyphs.ellipsis();
    let Some(room) = columns.checked_sub(width(mark)) else {
        return Cow::Borrowed("");
    };
    let mut taken = 0;
    let end = text
        .char_indices()
        .find(|(_, c)| {
            taken += c.width().unwrap_or(0);
            taken > room
        })
        .map_or(text.len(), |(index, _)| index);
    Cow::Owned(format!("{}{mark}", &text[..end]))
}

/// The text cut or filled up to exactly so many columns.
pub fn fit(text: &str, columns: usize, align: Align, glyphs: Glyphs) -> String {
    let cut = truncate(text, columns, glyphs);
    let fill = " ".repeat(columns - width(&cut).min(columns));
    match align {
        Align::Left => format!("{cut}{fill}"),
        Align::Right => format!("{fill}{cut}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_effect_and_stay_visible() {
        assert_eq!(sanitize("a\x1b[31mb\x07"), "a\\x1b[31mb\\x07");
        assert_eq!(sanitize("two\r\nlines"), "two\\r\\nlines");
        assert_eq!(sanitize("c1 \u{9b}2J"), "c1 \\x9b2J");
        assert_eq!(sanitize("evil\u{202e}txt"), "evil\\u{202e}txt");
        assert!(matches!(sanitize("plain ünïcode 漢"), Cow::Borrowed(_)));
    }

    #[test]
    fn tabulators_go_to_the_next_stop() {
        assert_eq!(sanitize("ab\tc"), "ab      c");
        assert_eq!(sanitize("漢\tc"), "漢      c");
    }

    #[test]
    fn bytes_that_are_no_utf8_are_shown_as_numbers() {
        assert_eq!(
            sanitize_bytes(b"ok \xff\xfe end\x00"),
            "ok \\xff\\xfe end\\x00"
        );
    }

    #[test]
    fn wide_characters_are_never_halved() {
        assert_eq!(truncate("漢字漢字", 5, Glyphs::Unicode), "漢字…");
        assert_eq!(truncate("漢字漢字", 4, Glyphs::Unicode), "漢…");
        assert_eq!(truncate("abc", 0, Glyphs::Unicode), "");
        assert_eq!(fit("漢字漢字", 4, Align::Left, Glyphs::Ascii), "漢~ ");
        assert_eq!(fit("7", 3, Align::Right, Glyphs::Ascii), "  7");
    }
}
