//! Dialogs that arrange the table: what to group by, and which columns it has.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    View,
    dialogs::{boxed, centered},
    pen::Pen,
};
use crate::{
    app::{Choosable, Chooser, Columns, Layout, Show},
    format::{columns::Align, text::sanitize},
};

/// Draws the menu of what containers can be grouped by.
pub fn groups(buffer: &mut Buffer, view: &View<'_>, cursor: usize) {
    let theme = view.theme;
    let choices = view.state.group_choices();
    let area = centered(view, 44, choices.len() as u16 + 2);
    let inside = boxed(buffer, view, area, "Group by", theme.plain());
    let top = (cursor + 1).saturating_sub(usize::from(inside.height));
    for (y, (n, choice)) in (inside.y..inside.bottom()).zip(choices.iter().enumerate().skip(top)) {
        let mut pen = Pen::line(buffer, inside, y);
        let title = choice.as_ref().map_or("nothing".into(), |by| by.title());
        let is_current = *choice == view.state.table.groups.by;
        let style = if is_current {
            theme.strong()
        } else {
            theme.plain()
        };
        let room = pen.room().saturating_sub(4);
        pen.cell(&title, room, Align::Left, style, theme);
        if is_current {
            pen.put(" now", theme.quiet());
        }
        if n == cursor {
            buffer.set_style(line(inside, y), theme.selected());
        }
    }
}

/// Draws the column chooser.
pub fn columns(buffer: &mut Buffer, view: &View<'_>, chooser: &Chooser) {
    let (state, cursor) = (view.state, chooser.cursor);
    match chooser.before {
        Columns::Containers(_) => choose(buffer, view, &state.table.layout, cursor),
        Columns::Images(_) => choose(buffer, view, &state.image_columns, cursor),
    }
}

fn choose<C: Choosable>(buffer: &mut Buffer, view: &View<'_>, layout: &Layout<C>, cursor: usize) {
    let theme = view.theme;
    let columns = &layout.columns;
    let height = (columns.len() as u16 + 4).min(view.state.area.height.saturating_sub(2));
    let area = centered(view, 60, height);
    let inside = boxed(buffer, view, area, "Columns", theme.plain());
    let list = Rect {
        height: inside.height.saturating_sub(2),
        ..inside
    };
    let top = (cursor + 1).saturating_sub(usize::from(list.height));
    for (y, (n, shown)) in (list.y..list.bottom()).zip(columns.iter().enumerate().skip(top)) {
        let mut pen = Pen::line(buffer, list, y);
        let (sign, style) = match shown.show {
            Show::Yes => (theme.sign("✓", "+"), theme.plain()),
            Show::Auto => (theme.sign("~", "~"), theme.plain()),
            Show::No => (" ", theme.quiet()),
        };
        pen.put(sign, theme.strong()).skip(1);
        pen.cell(shown.column.title(), 16, Align::Left, style, theme)
            .skip(1);
        let name = sanitize(shown.column.id());
        pen.cell(&name, 16, Align::Left, theme.quiet(), theme)
            .skip(1);
        match (shown.width, shown.show) {
            (Some(width), _) => pen.put(&format!("{width} wide"), style),
            (None, Show::Auto) => pen.put("when it has to say", theme.quiet()),
            (None, _) => pen.put("", style),
        };
        if n == cursor {
            buffer.set_style(line(list, y), theme.selected());
        }
    }
    let edge = Rect {
        width: list.width + 1,
        ..list
    };
    super::table::thumb(buffer, view, edge, top, columns.len());
    let keys = [
        [
            ("space", "show"),
            ("J K", "move"),
            ("+ -", "width"),
            ("0", "own width"),
        ],
        [
            ("R", "as at first"),
            ("enter", "keep"),
            ("esc", "as before"),
            ("", ""),
        ],
    ];
    for (y, keys) in (list.bottom()..inside.bottom()).zip(keys) {
        let mut pen = Pen::line(buffer, inside, y);
        for (key, text) in keys.into_iter().filter(|(key, _)| !key.is_empty()) {
            pen.put(key, theme.strong()).put(" ", theme.quiet());
            pen.put(text, theme.quiet()).skip(2);
        }
    }
}

fn line(area: Rect, y: u16) -> Rect {
    Rect {
        y,
        height: 1,
        ..area
    }
}
