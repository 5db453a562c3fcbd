//! Small dialogs: a menu, a single question, a line that is typed.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    View,
    dialogs::{boxed, centered},
    pen::Pen,
};
use crate::{
    app::{Menu, Prompt, Question, menu_area, menu_top},
    format::{
        Tone,
        text::{Align, sanitize, truncate, width},
    },
};

/// Draws a menu.
pub fn menu(buffer: &mut Buffer, view: &View<'_>, menu: &Menu) {
    let theme = view.theme;
    let widest = menu.picks.iter().map(|pick| width(&pick.label)).max();
    let labels = widest.unwrap_or(0) as u16;
    let area = menu_area(view.state, menu);
    let inside = boxed(buffer, view, area, &menu.title, theme.plain());
    let top = menu_top(menu.cursor, inside.height);
    let picks = menu.picks.iter().enumerate().skip(top);
    for (y, (n, pick)) in (inside.y..inside.bottom()).zip(picks) {
        let mut pen = Pen::line(buffer, inside, y);
        let key = pick.key.map(String::from).unwrap_or_default();
        pen.cell(&key, 1, Align::Left, theme.strong(), theme)
            .skip(1);
        pen.cell(&pick.label, labels, Align::Left, theme.plain(), theme)
            .skip(2);
        let room = pen.room();
        pen.cell(&pick.note, room, Align::Left, theme.quiet(), theme);
        if n == menu.cursor {
            let line = Rect {
                y,
                height: 1,
                ..inside
            };
            buffer.set_style(line, theme.selected());
        }
    }
}

/// Draws a question.
pub fn question(buffer: &mut Buffer, view: &View<'_>, question: &Question) {
    let theme = view.theme;
    let widest = question.lines.iter().map(|line| width(line));
    let columns = widest
        .chain([width(&question.title) + 4])
        .max()
        .unwrap_or(0) as u16;
    let area = centered(view, columns + 4, question.lines.len() as u16 + 4);
    let inside = boxed(buffer, view, area, &question.title, theme.tone(Tone::Bad));
    for (y, line) in (inside.y..inside.bottom()).zip(&question.lines) {
        let text = truncate(line, usize::from(inside.width), theme.glyphs);
        Pen::line(buffer, inside, y).put(&text, theme.plain());
    }
    let mut pen = Pen::line(buffer, inside, inside.bottom().saturating_sub(1));
    pen.put("y", theme.strong()).put("  yes    ", theme.quiet());
    pen.put("n", theme.strong()).put("  no", theme.quiet());
}

/// Draws a line that is typed, in place of the hints.
pub fn prompt(pen: &mut Pen<'_>, view: &View<'_>, prompt: &Prompt) {
    let theme = view.theme;
    pen.put_right(" ", theme.plain());
    match &prompt.error {
        Some(error) => {
            let half = usize::from(pen.room() / 2);
            let error = truncate(error, half, theme.glyphs);
            pen.put_right(&error, theme.tone(Tone::Bad));
        }
        None => {
            let keys = prompt.asked.keys();
            let needed = width(prompt.asked.sign()) + width(&prompt.text) + 4;
            // What is typed comes first where there is little room.
            if usize::from(pen.room()) >= needed + width(keys) {
                pen.put_right(keys, theme.quiet());
            }
        }
    }
    pen.put(prompt.asked.sign(), theme.strong());
    let text = sanitize(&prompt.text);
    // Its end is where one types.
    let room = usize::from(pen.room().saturating_sub(2));
    let surplus = width(&text).saturating_sub(room);
    let from = crate::app::log::byte_at(&text, surplus);
    pen.put(&text[from..], theme.plain());
    pen.put(" ", theme.selected());
}
