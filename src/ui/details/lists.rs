//! The tabs that are lists: processes, changed files, inspect.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    super::{Pen, View, table},
    inner, instead,
};
use crate::{
    app::Pending,
    format::{
        Tone, bytes, duration,
        text::{Align, sanitize, width},
    },
    model::ChangeKind,
};

/// Draws the processes.
pub fn processes(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (inner(view.regions.details), view.theme);
    let Some(processes) = ready(buffer, view, &view.state.details.processes) else {
        return;
    };
    const COLUMNS: [(&str, u16); 7] = [
        ("PID", 8),
        ("PARENT", 8),
        ("USER", 10),
        ("S", 1),
        ("THREADS", 7),
        ("MEMORY", 9),
        ("CPU TIME", 9),
    ];
    let mut pen = Pen::line(buffer, area, area.y);
    for (title, columns) in COLUMNS {
        let align = if matches!(title, "USER" | "S") {
            Align::Left
        } else {
            Align::Right
        };
        pen.cell(title, columns, align, theme.quiet(), theme)
            .skip(2);
    }
    pen.put("COMMAND", theme.quiet());
    for (y, process) in lines(view, area, 1).zip(processes.iter().skip(view.state.details.scroll)) {
        let cells = [
            process.pid.to_string(),
            process.parent.to_string(),
            sanitize(&process.user).into_owned(),
            process.state.to_string(),
            process.threads.to_string(),
            bytes::binary(process.resident_bytes),
            duration::short(process.cpu_time),
        ];
        let mut pen = Pen::line(buffer, area, y);
        for ((title, columns), text) in COLUMNS.iter().zip(&cells) {
            let align = if matches!(*title, "USER" | "S") {
                Align::Left
            } else {
                Align::Right
            };
            let style = match *title {
                "PARENT" | "THREADS" | "S" => theme.quiet(),
                _ => theme.plain(),
            };
            pen.cell(text, *columns, align, style, theme).skip(2);
        }
        let room = pen.room();
        pen.cell(
            &sanitize(&process.command),
            room,
            Align::Left,
            theme.plain(),
            theme,
        );
    }
    mark(buffer, view, 1 + processes.len());
}

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

/// Draws all that is known.
pub fn inspect(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (inner(view.regions.details), view.theme);
    let all = &view.state.details.inspect;
    let names = all.iter().filter(|(_, value)| !value.is_empty());
    let widest = names.map(|(name, _)| width(name)).max().unwrap_or(0) as u16;
    let columns = widest.clamp(12, 36);
    for (y, (name, value)) in lines(view, area, 0).zip(all.iter().skip(view.state.details.scroll)) {
        let mut pen = Pen::line(buffer, area, y);
        if value.is_empty() {
            pen.put(name, theme.strong());
            continue;
        }
        pen.skip(2)
            .cell(name, columns, Align::Left, theme.quiet(), theme);
        pen.skip(2);
        let room = pen.room();
        pen.cell(value, room, Align::Left, theme.plain(), theme);
    }
    mark(buffer, view, all.len());
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

fn ready<'a, T>(
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
