//! The processes: a tree or a list, with what each uses.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    super::{Pen, View, table, theme::Theme},
    inner, lists,
};
use crate::{
    format::{
        bytes, duration,
        text::{Align, sanitize},
    },
    model::Process,
};

/// A column: its id, its title, its width, its side, and how much it weighs where there
/// is little room.
struct Column(&'static str, &'static str, u16, Align, u8);

const COLUMNS: [Column; 8] = [
    Column("pid", "PID", 8, Align::Right, 9),
    Column("", "PARENT", 8, Align::Right, 1),
    Column("user", "USER", 10, Align::Left, 6),
    Column("", "S", 1, Align::Left, 5),
    Column("threads", "THREADS", 8, Align::Right, 2),
    Column("cpu", "CPU", 7, Align::Right, 8),
    Column("memory", "MEMORY", 9, Align::Right, 7),
    Column("", "CPU TIME", 9, Align::Right, 4),
];

/// Columns that a command line gets at least.
const COMMAND: u16 = 24;

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
    let columns = fitting(area.width);
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

/// The columns that there is room for, the lightest left out first.
fn fitting(width: u16) -> Vec<&'static Column> {
    let mut columns: Vec<&Column> = COLUMNS.iter().collect();
    let taken = |columns: &[&Column]| columns.iter().map(|c| c.2 + 2).sum::<u16>();
    while taken(&columns) + COMMAND > width && columns.len() > 2 {
        let lightest = (0..columns.len())
            .min_by_key(|&n| columns[n].4)
            .unwrap_or(0);
        columns.remove(lightest);
    }
    columns
}

fn titles(buffer: &mut Buffer, view: &View<'_>, area: Rect, columns: &[&Column]) {
    let theme = view.theme;
    let arranged = &view.state.details.table;
    let arrow = match arranged.is_descending {
        true => theme.sign("▾", "v"),
        false => theme.sign("▴", "^"),
    };
    let title = |id: &str, title: &str| match arranged.sort == id {
        true => (format!("{title}{arrow}"), theme.strong()),
        false => (title.to_owned(), theme.quiet()),
    };
    let mut pen = Pen::line(buffer, area, area.y);
    for Column(id, name, width, align, _) in columns {
        let (text, style) = title(id, name);
        pen.cell(&text, *width, *align, style, theme).skip(2);
    }
    let (text, style) = title("command", "COMMAND");
    pen.put(&text, style);
}

fn draw_row(
    buffer: &mut Buffer,
    view: &View<'_>,
    area: Rect,
    y: u16,
    columns: &[&Column],
    process: &Process,
    depth: usize,
) {
    let theme = view.theme;
    let mut pen = Pen::line(buffer, area, y);
    for Column(_, name, width, align, _) in columns {
        let text = match *name {
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
        let is_quiet = matches!(*name, "PARENT" | "THREADS" | "S") || text == "0.0%";
        let style = if is_quiet {
            theme.quiet()
        } else {
            theme.plain()
        };
        pen.cell(&text, *width, *align, style, theme).skip(2);
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
