//! Two images against each other: what became of steps, fields and files.

use ratatui::{buffer::Buffer, style::Style};
use serde_json::Value;

use super::{View, feeds, pen::Pen, table};
use crate::{
    app::{Comparison, Difference, Pending},
    format::{
        bytes, file,
        text::{Align, sanitize},
    },
    model::Mark,
};

/// Columns of a size.
const SIZE: u16 = 9;

/// Draws it.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (theme, rows) = (view.theme, view.regions.rows);
    let Some(comparison) = &view.state.comparison else {
        return;
    };
    title(buffer, view, comparison);
    let list = &comparison.list;
    if list.rows.is_empty() {
        let filter = format!("nothing matches {}", sanitize(&list.filter));
        let lines = match &comparison.state {
            Pending::Loading => [theme.reading(), ""],
            Pending::Failed(failure) => [&*failure.message, failure.hint.as_deref().unwrap_or("")],
            Pending::Ready(()) if comparison.lines.is_empty() => {
                ["These images are the same", "in files, config and history"]
            }
            Pending::Ready(()) => [&*filter, "esc clears the filter"],
        };
        let lines = [(lines[0], theme.strong()), (lines[1], theme.quiet())];
        return table::middle(buffer, rows, &lines);
    }
    for (y, n) in (rows.y..rows.bottom()).zip(list.top..) {
        let Some(line) = comparison.line(n) else {
            break;
        };
        let style = theme.mark(line.mark());
        let mut pen = Pen::line(buffer, rows, y);
        pen.skip(1).put(file::sign(line.mark()), style).skip(1);
        pen.cell(line.kind(), 7, Align::Left, theme.quiet(), theme)
            .skip(1);
        let size = match line {
            Difference::File(file) => file.new_bytes.or(file.old_bytes),
            _ => None,
        };
        // What has no content of its own, such as a directory, has no size to tell.
        let size = size.filter(|size| *size > 0).map(bytes::decimal);
        pen.cell(
            &size.unwrap_or_default(),
            SIZE,
            Align::Right,
            theme.plain(),
            theme,
        )
        .skip(1);
        pen.cell(&line.growth(), SIZE + 1, Align::Right, theme.quiet(), theme)
            .skip(2);
        let room = pen.room().saturating_sub(1);
        pen.cell(&line.text(), room, Align::Left, style, theme);
        feeds::select(buffer, view, rows, y, n == list.cursor);
    }
    table::thumb(buffer, view, rows, list.top, list.rows.len());
    if let Some(line) = comparison.selected() {
        below(buffer, view, line);
    }
}

/// What is compared, and how much differs.
fn title(buffer: &mut Buffer, view: &View<'_>, comparison: &Comparison) {
    let (theme, titles) = (view.theme, view.regions.titles);
    let mut pen = Pen::line(buffer, titles, titles.y);
    let tally = comparison.tally;
    if matches!(comparison.state, Pending::Ready(())) {
        let sign = if tally.grown_bytes < 0 { "-" } else { "+" };
        let grown = bytes::decimal(tally.grown_bytes.unsigned_abs());
        pen.put_right(&format!("{sign}{grown} "), theme.plain());
        let counts = [
            (Mark::Removed, tally.removed),
            (Mark::Modified, tally.modified),
            (Mark::Added, tally.added),
        ];
        for (mark, count) in counts {
            let text = format!("{count} {}  ", file::word(mark));
            let style = match count {
                0 => theme.quiet(),
                _ => theme.mark(mark),
            };
            pen.put_right(&text, style);
        }
    }
    let [old, new] = [&comparison.old, &comparison.new].map(|image| sanitize(&image.name));
    let half = pen.room().saturating_sub(6) / 2;
    let columns = |name: &str| (crate::format::text::width(name) as u16).min(half);
    pen.skip(1);
    pen.cell(&old, columns(&old), Align::Left, theme.strong(), theme);
    pen.put(theme.sign(" → ", " > "), theme.quiet());
    pen.cell(&new, columns(&new), Align::Left, theme.strong(), theme);
}

/// All that is known of a line.
fn below(buffer: &mut Buffer, view: &View<'_>, line: &Difference) {
    let theme = view.theme;
    let told = |value: &Option<Value>| match value {
        Some(value) => sanitize(&value.to_string()).into_owned(),
        None => "nothing".to_owned(),
    };
    let size = |bytes: Option<u64>| bytes.map_or("nothing".to_owned(), bytes::decimal);
    let (plain, strong) = (theme.plain(), theme.strong());
    let lines: Vec<(&str, String, Style)> = match line {
        Difference::Step { .. } => vec![("command", line.text(), strong)],
        Difference::Field { name, old, new } => vec![
            ("field", sanitize(name).into_owned(), strong),
            ("before", told(old), plain),
            ("after", told(new), plain),
        ],
        Difference::File(file) => vec![
            ("path", line.text(), strong),
            ("before", size(file.old_bytes), plain),
            ("after", size(file.new_bytes), plain),
        ],
    };
    let title = format!("{} {}", line.kind(), file::word(line.mark()));
    feeds::below(buffer, view, &title, &lines);
}
