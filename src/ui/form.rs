//! A form that makes something: its fields, and the command that it is.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    View,
    dialogs::{boxed, wrapped},
    pen::Pen,
};
use crate::{
    app::{Form, Value, form_area, form_top, log::byte_at},
    format::{
        Tone,
        text::{Align, sanitize, truncate, width},
    },
};

/// Columns of a field's name.
const NAME: u16 = 11;

/// Draws it.
pub fn draw(buffer: &mut Buffer, view: &View<'_>, form: &Form) {
    let theme = view.theme;
    let place = form_area(view.state, form);
    let inside = boxed(buffer, view, place, form.makes.title(), theme.plain());
    let (top, room) = form_top(form, inside.height);
    let below = inside.height - room;
    let top = top as u16;
    for (n, field) in form.fields.iter().enumerate().skip(usize::from(top)) {
        let y = inside.y + n as u16 - top;
        if y >= inside.y + room {
            break;
        }
        let is_here = n == form.cursor;
        let mut pen = Pen::line(buffer, inside, y);
        let style = if is_here {
            theme.strong()
        } else {
            theme.quiet()
        };
        let mark = if is_here { theme.sign("▸", ">") } else { " " };
        pen.put(mark, theme.strong()).skip(1);
        pen.cell(field.title, NAME, Align::Left, style, theme);
        match &field.value {
            Value::Text(text) => {
                let text = sanitize(text);
                let most = usize::from(pen.room().saturating_sub(1));
                let from = byte_at(&text, width(&text).saturating_sub(most));
                pen.put(&text[from..], theme.plain());
                if is_here {
                    pen.put(" ", theme.selected()).skip(1);
                    let words = match form.offers.is_empty() {
                        true if text.is_empty() => field.hint.to_owned(),
                        true => String::new(),
                        false => sanitize(&form.offers.join("  ")).into_owned(),
                    };
                    let room = pen.room();
                    pen.cell(&words, room, Align::Left, theme.quiet(), theme);
                } else if text.is_empty() {
                    pen.put(theme.glyphs.unknown(), theme.quiet());
                }
            }
            Value::OneOf(n, of) => {
                for (m, word) in of.iter().enumerate() {
                    let style = match (m == *n, is_here) {
                        (true, true) => theme.selected(),
                        (true, false) => theme.plain(),
                        (false, _) => theme.quiet(),
                    };
                    if is_here || m == *n {
                        pen.put(word, style).skip(2);
                    }
                }
            }
            Value::Is(is_set) => {
                let sign = match is_set {
                    true => theme.sign("[✓]", "[x]"),
                    false => "[ ]",
                };
                let style = if is_here {
                    theme.selected()
                } else {
                    theme.plain()
                };
                pen.put(sign, style).skip(1);
                pen.put(field.hint, theme.quiet());
            }
        }
    }
    let foot = Rect {
        y: inside.y + room,
        height: below,
        ..inside
    };
    command(buffer, view, foot, form);
}

fn command(buffer: &mut Buffer, view: &View<'_>, area: Rect, form: &Form) {
    let theme = view.theme;
    let mut y = area.y + 1;
    if let Ok(command) = form.command() {
        let command = sanitize(&command).into_owned();
        for part in wrapped(&command, usize::from(area.width)) {
            if y + 1 >= area.bottom() {
                break;
            }
            let part = truncate(&part, usize::from(area.width), theme.glyphs);
            Pen::line(buffer, area, y).put(&part, theme.strong());
            y += 1;
        }
    }
    if let (Err(error), true) = (&form.planned, form.is_touched) {
        let last = area.bottom().saturating_sub(1);
        let text = sanitize(error).into_owned();
        let text = truncate(&text, usize::from(area.width), theme.glyphs);
        Pen::line(buffer, area, last).put(&text, theme.tone(Tone::Bad));
    }
}
