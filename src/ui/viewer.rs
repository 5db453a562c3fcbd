//! A file that is read on screen.

use ratatui::buffer::Buffer;

use super::{View, pen::Pen, table};
use crate::{
    app::{Pending, Viewer},
    format::{
        Tone, bytes,
        text::{sanitize_bytes, truncate},
    },
};

/// Draws the window of the file that is shown.
pub fn draw(buffer: &mut Buffer, view: &View<'_>, viewer: &Viewer) {
    let (titles, rows, theme) = (view.regions.titles, view.regions.rows, view.theme);
    let mut pen = Pen::line(buffer, titles, titles.y);
    pen.put_right(" ", theme.quiet());
    let size = match &viewer.window {
        Pending::Ready(page) => Some(page.size_bytes),
        _ => None,
    };
    if let Some(size) = size {
        let share = viewer.progress(usize::from(rows.height)).unwrap_or(1.0);
        let at = format!(" {}  {:.0}% ", bytes::decimal(size), share * 100.0);
        pen.put_right(&at, theme.quiet());
        if viewer.is_binary {
            pen.put_right(" bytes ", theme.quiet());
        }
    }
    let path = format!("/{}", sanitize_bytes(&viewer.path));
    let room = usize::from(pen.room()).saturating_sub(2);
    pen.skip(1)
        .put(&truncate(&path, room, theme.glyphs), theme.accent());
    match &viewer.window {
        Pending::Loading if viewer.lines.is_empty() => {
            return table::middle(buffer, rows, &[("reading …", theme.quiet())]);
        }
        Pending::Failed(failure) => {
            let room = usize::from(rows.width).saturating_sub(2);
            let line = truncate(&failure.message, room, theme.glyphs);
            let lines = [
                (&*line, theme.tone(Tone::Bad)),
                ("esc goes back", theme.quiet()),
            ];
            return table::middle(buffer, rows, &lines);
        }
        Pending::Ready(page) if page.size_bytes == 0 => {
            return table::middle(buffer, rows, &[("the file is empty", theme.quiet())]);
        }
        _ => {}
    }
    for (y, line) in (rows.y..rows.bottom()).zip(viewer.lines.iter().skip(viewer.top)) {
        Pen::line(buffer, rows, y).skip(1).put(line, theme.plain());
    }
    table::thumb(buffer, view, rows, viewer.top, viewer.lines.len());
}
