//! The processes: a tree or a list, with what each uses.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    super::{Pen, View, table, theme::Theme},
    inner, lists,
};
use crate::{
    app::{PROCESS_GAP, ProcessColumn, process_columns},
    format::{
        bytes, duration,
        text::{Align, sanitize},
    },
    model::Process,
};

/// Draws them.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (inner(view.regions.details), view.theme);
    let details = &view.state.details;
    let Some(processes) = lists::ready(buffer, view, &details.processes) else {
        return;
    };
    if processes.is_empty() {
        let text = "it has no processes now";
        return table::middle(buffer, area, &[(text, theme.quiet())]);
    }
    let arranged = &details.table;
    let columns = process_columns(area.width);
    titles(buffer, view, area, &columns);
    let rows = arranged.rows.iter().enumerate().skip(arranged.top);
    for (y, (n, row)) in (area.y + 1..area.bottom()).zip(rows) {
        let Some(process) = processes.get(row.index) else {
            continue;
        };
        let line = Rect {
            y,
            height: 1,
            ..view.regions.details
        };
        draw_row(buffer, view, area, y, &columns, process, row.depth);
        if n == arranged.cursor && view.state.has_details_focus() {
            buffer.set_style(line, theme.selected());
        }
    }
    let below = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..view.regions.details
    };
    table::thumb(buffer, view, below, arranged.top, arranged.rows.len());
}

fn titles(buffer: &mut Buffer, view: &View<'_>, area: Rect, columns: &[ProcessColumn]) {
    let theme = view.theme;
    let arranged = &view.state.details.table;
    let arrow = match arranged.is_descending {
        true => theme.sign("▾", "v"),
        false => theme.sign("▴", "^"),
    };
    let mut pen = Pen::line(buffer, area, area.y);
    for column in columns {
        let (text, style) = match arranged.sort == column.id {
            true => (format!("{}{arrow}", column.title), theme.strong()),
            false => (column.title.to_owned(), theme.quiet()),
        };
        let room = if column.columns == 0 {
            pen.room()
        } else {
            column.columns
        };
        pen.cell(&text, room, column.align, style, theme)
            .skip(PROCESS_GAP);
    }
}

fn draw_row(
    buffer: &mut Buffer,
    view: &View<'_>,
    area: Rect,
    y: u16,
    columns: &[ProcessColumn],
    process: &Process,
    depth: usize,
) {
    let theme = view.theme;
    let mut pen = Pen::line(buffer, area, y);
    for column in columns.iter().filter(|column| column.columns > 0) {
        let text = match column.title {
            "PID" => process.pid.to_string(),
            "PARENT" => process.parent.to_string(),
            "USER" => sanitize(&process.user).into_owned(),
            "S" => sanitize(process.state.encode_utf8(&mut [0; 4])).into_owned(),
            "THREADS" => process.threads.to_string(),
            "CPU" => match view.state.details.table.rate(process.pid) {
                Some(cores) => format!("{:.1}%", cores * 100.0),
                None => theme.glyphs.unknown().to_owned(),
            },
            "MEMORY" => bytes::binary(process.resident_bytes),
            _ => duration::short(process.cpu_time),
        };
        let is_quiet = matches!(column.title, "PARENT" | "THREADS" | "S") || text == "0.0%";
        let style = if is_quiet {
            theme.quiet()
        } else {
            theme.plain()
        };
        pen.cell(&text, column.columns, column.align, style, theme)
            .skip(PROCESS_GAP);
    }
    branch(&mut pen, theme, depth);
    let room = pen.room();
    let command = sanitize(&process.command);
    pen.cell(&command, room, Align::Left, theme.plain(), theme);
}

/// What leads to a child; deeper than there is room for, a number says how deep.
fn branch(pen: &mut Pen<'_>, theme: Theme, depth: usize) {
    const DEEPEST: usize = 12;
    match depth {
        0 => {}
        1..=DEEPEST => {
            pen.skip(2 * (depth as u16 - 1));
            pen.put(theme.sign("└ ", "` "), theme.quiet());
        }
        _ => {
            pen.skip(2 * (DEEPEST as u16 - 1));
            pen.put(&format!("+{depth} "), theme.quiet());
        }
    }
}
