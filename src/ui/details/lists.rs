//! The tab that is a plain list: changed files.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    super::{Pen, View, table},
    inner, instead,
};
use crate::{
    app::Pending,
    format::{
        Tone,
        text::{Align, sanitize},
    },
    model::ChangeKind,
};

/// Draws the changed files.
pub fn changes(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (inner(view.regions.details), view.theme);
    let Some(changes) = ready(buffer, view, &view.state.details.changes) else {
        return;
    };
    if changes.is_empty() {
        return table::middle(buffer, area, &[("it has changed no files", theme.quiet())]);
    }
    let mut pen = Pen::line(buffer, area, area.y);
    pen.put("   PATH", theme.quiet());
    for (y, change) in lines(view, area, 1).zip(changes.iter().skip(view.state.details.scroll)) {
        let tone = match change.kind {
            ChangeKind::Added => theme.tone(Tone::Good),
            ChangeKind::Deleted => theme.tone(Tone::Bad),
            ChangeKind::Modified => theme.tone(Tone::Warn),
        };
        let mut pen = Pen::line(buffer, area, y);
        pen.put(change.kind.letter().encode_utf8(&mut [0; 4]), tone)
            .skip(2);
        let room = pen.room();
        let path = change.path.to_string_lossy();
        pen.cell(&sanitize(&path), room, Align::Left, theme.plain(), theme);
    }
    mark(buffer, view, 1 + changes.len());
}

/// The lines of an area below its titles.
fn lines(_: &View<'_>, area: Rect, titles: u16) -> std::ops::Range<u16> {
    area.y + titles.min(area.height)..area.bottom()
}

fn mark(buffer: &mut Buffer, view: &View<'_>, lines: usize) {
    table::thumb(
        buffer,
        view,
        view.regions.details,
        view.state.details.scroll,
        lines,
    );
}

pub fn ready<'a, T>(
    buffer: &mut Buffer,
    view: &View<'_>,
    pending: &'a Pending<Vec<T>>,
) -> Option<&'a [T]> {
    match pending {
        Pending::Ready(items) => return Some(items),
        Pending::Loading => instead(buffer, view, None),
        Pending::Failed(failure) => instead(buffer, view, Some(failure)),
    }
    None
}
