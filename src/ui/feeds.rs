//! The screens of what happens and of what was done: a list, newest first, and below it
//! all that is known of the line under the cursor.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{View, dialogs::wrapped, pen::Pen, table};
use crate::{
    app::{Entry, EventRow, Outcome, Pending, log::Times},
    format::{
        Tone, duration,
        text::{Align, sanitize, width},
    },
};

/// Columns of a time with its date.
const TIME: u16 = 23;

/// Draws what happens.
pub fn events(buffer: &mut Buffer, view: &View<'_>) {
    let (state, theme) = (view.state, view.theme);
    let (titles, rows) = (view.regions.titles, view.regions.rows);
    let events = &state.events;
    if events.list.rows.is_empty() {
        let failure = match &events.state {
            Pending::Failed(failure) => Some(failure),
            _ => None,
        };
        let filter = sanitize(&events.list.filter);
        let lines = match (failure, events.is_empty()) {
            (Some(failure), _) => {
                let hint = failure.hint.clone().unwrap_or_default();
                [failure.message.clone(), hint]
            }
            (None, false) => [
                format!("nothing matches {filter}"),
                "esc clears the filter".into(),
            ],
            (None, true) if matches!(events.state, Pending::Loading) => {
                [theme.reading().into(), String::new()]
            }
            (None, true) => ["nothing happened in the last day".into(), String::new()],
        };
        let lines = [(&*lines[0], theme.strong()), (&*lines[1], theme.quiet())];
        return table::middle(buffer, rows, &lines);
    }
    let shown = || (0..events.list.rows.len()).filter_map(|n| events.row(n));
    let widest = shown().take(500).map(|row| width(&row.name)).max();
    let name = (widest.unwrap_or(0) as u16).clamp(8, titles.width / 4);
    let mut pen = Pen::line(buffer, titles, titles.y);
    let time = match titles.width < 100 || state.config.ui.times.is_relative() {
        true => state.time_columns(),
        false => TIME,
    };
    pen.skip(1);
    for (title, columns) in [("TIME", time), ("KIND", 9), ("EVENT", 12), ("NAME", name)] {
        pen.cell(title, columns, Align::Left, theme.quiet(), theme)
            .skip(2);
    }
    pen.put("DETAILS", theme.quiet());
    for (y, n) in (rows.y..rows.bottom()).zip(events.list.top..) {
        let Some(row) = events.row(n) else {
            break;
        };
        let mut pen = Pen::line(buffer, rows, y);
        pen.skip(1);
        let at = when(view, row.at, time);
        pen.cell(&at, time, Align::Left, theme.quiet(), theme)
            .skip(2);
        let kind = row.kind.word();
        pen.cell(kind, 9, Align::Left, theme.quiet(), theme).skip(2);
        pen.cell(&row.action, 12, Align::Left, theme.tone(row.tone), theme)
            .skip(2);
        pen.cell(&row.name, name, Align::Left, theme.plain(), theme)
            .skip(2);
        let room = pen.room().saturating_sub(1);
        pen.cell(&row.details, room, Align::Left, theme.quiet(), theme);
        select(buffer, view, rows, y, n == events.list.cursor);
    }
    table::thumb(buffer, view, rows, events.list.top, events.list.rows.len());
    if let Pending::Failed(failure) = &events.state {
        // What is listed stays; that nothing is added to it must not be missed.
        let last = rows.bottom().saturating_sub(1);
        let text = format!("no further events: {}", failure.message);
        let mut pen = Pen::line(buffer, rows, last);
        let room = pen.room();
        pen.skip(1)
            .cell(&text, room, Align::Left, theme.tone(Tone::Bad), theme);
    }
    if let Some(row) = events.selected() {
        event(buffer, view, row);
    }
}

fn event(buffer: &mut Buffer, view: &View<'_>, row: &EventRow) {
    let theme = view.theme;
    let title = format!("{} {}", row.kind.word(), row.action);
    let mut lines = vec![
        ("name", row.name.clone(), theme.strong()),
        ("id", sanitize(&row.id).into_owned(), theme.plain()),
    ];
    lines.push(("details", row.details.clone(), theme.plain()));
    below(buffer, view, &title, &lines);
}

/// Draws what was done.
pub fn activity(buffer: &mut Buffer, view: &View<'_>) {
    let (state, theme) = (view.state, view.theme);
    let (titles, rows) = (view.regions.titles, view.regions.rows);
    let entries: Vec<&Entry> = state.activity.entries().collect();
    let list = &state.done;
    if list.rows.is_empty() {
        let filter = format!("nothing matches {}", sanitize(&list.filter));
        let lines = match entries.is_empty() {
            true => [
                ("nothing was done yet", theme.strong()),
                (
                    "what you start, stop, change or save is noted here",
                    theme.quiet(),
                ),
            ],
            false => [
                (&*filter, theme.strong()),
                ("esc clears the filter", theme.quiet()),
            ],
        };
        return table::middle(buffer, rows, &lines);
    }
    let mut pen = Pen::line(buffer, titles, titles.y);
    let what = (titles.width / 3).clamp(20, 48);
    pen.skip(3);
    let time = state.time_columns();
    for (title, columns) in [("TIME", time), ("WHAT", what)] {
        pen.cell(title, columns, Align::Left, theme.quiet(), theme)
            .skip(2);
    }
    pen.cell("TOOK", 7, Align::Right, theme.quiet(), theme)
        .skip(2);
    pen.put("RESULT", theme.quiet());
    for (y, n) in (rows.y..rows.bottom()).zip(list.top..) {
        let Some(entry) = list.rows.get(n).and_then(|&row| entries.get(row)) else {
            break;
        };
        let (sign, took, text, style) = outcome(view, entry);
        let mut pen = Pen::line(buffer, rows, y);
        pen.skip(1).put(sign, style).skip(1);
        let at = state.told(entry.at);
        pen.cell(&at, time, Align::Left, theme.quiet(), theme)
            .skip(2);
        pen.cell(&entry.what, what, Align::Left, theme.plain(), theme)
            .skip(2);
        pen.cell(&took, 7, Align::Right, theme.quiet(), theme)
            .skip(2);
        let room = pen.room().saturating_sub(1);
        pen.cell(&text, room, Align::Left, style, theme);
        select(buffer, view, rows, y, n == list.cursor);
    }
    table::thumb(buffer, view, rows, list.top, list.rows.len());
    let row = list.rows.get(list.cursor);
    if let Some(entry) = row.and_then(|&row| entries.get(row)) {
        let (_, _, text, style) = outcome(view, entry);
        let mut lines = vec![("result", text, style)];
        if let Outcome::Failed(_, failure) = &entry.outcome {
            lines.extend(failure.hint.clone().map(|hint| ("", hint, theme.quiet())));
        }
        if let Some(command) = &entry.command {
            lines.push(("command", sanitize(command).into_owned(), theme.strong()));
        }
        below(buffer, view, &entry.what, &lines);
    }
}

/// Sign, time taken, words and look of how it went.
fn outcome(view: &View<'_>, entry: &Entry) -> (&'static str, String, String, Style) {
    let theme = view.theme;
    let took = |time: std::time::Duration| match time.as_secs() {
        0 => format!("{}ms", time.as_millis()),
        1..10 => format!("{:.1}s", time.as_secs_f64()),
        _ => duration::short(time),
    };
    match &entry.outcome {
        Outcome::Running => {
            let age = view.state.clock.saturating_sub(entry.since);
            (
                theme.sign("…", "~"),
                took(age),
                "running".into(),
                theme.tone(Tone::Warn),
            )
        }
        Outcome::Done(time, said) => {
            let said = if said.is_empty() { "done" } else { said };
            (
                theme.sign("✓", "+"),
                took(*time),
                said.to_owned(),
                theme.tone(Tone::Good),
            )
        }
        Outcome::Failed(time, failure) => {
            let text = failure.message.clone();
            (
                theme.sign("✗", "x"),
                took(*time),
                text,
                theme.tone(Tone::Bad),
            )
        }
    }
}

fn when(view: &View<'_>, at: jiff::Timestamp, columns: u16) -> String {
    if columns != TIME || view.state.config.ui.times.is_relative() {
        return view.state.told(at);
    }
    let mut text = String::new();
    Times::Full.write(&mut text, at, &view.state.zone);
    text
}

pub(super) fn select(buffer: &mut Buffer, view: &View<'_>, rows: Rect, y: u16, is_cursor: bool) {
    if is_cursor {
        let line = Rect {
            y,
            height: 1,
            ..rows
        };
        buffer.set_style(line, view.theme.selected());
    }
}

/// Draws names and values below the list.
pub(super) fn below(
    buffer: &mut Buffer,
    view: &View<'_>,
    title: &str,
    lines: &[(&str, String, Style)],
) {
    let (tabs, area, theme) = (view.regions.tabs, view.regions.details, view.theme);
    if area.height == 0 {
        return;
    }
    let mut pen = Pen::line(buffer, tabs, tabs.y);
    pen.fill(theme.rule(), tabs.width, theme.quiet());
    let mut pen = Pen::line(buffer, tabs, tabs.y);
    pen.skip(1).put(" ", theme.quiet());
    let room = pen.room().saturating_sub(2).min(width(title) as u16);
    pen.cell(title, room, Align::Left, theme.strong(), theme)
        .put(" ", theme.quiet());
    let mut y = area.y;
    for (name, value, style) in lines {
        let columns = usize::from(area.width.saturating_sub(14));
        for (n, part) in wrapped(value, columns).iter().enumerate() {
            if y >= area.bottom() {
                return;
            }
            let mut pen = Pen::line(buffer, area, y);
            let name = if n == 0 { name } else { "" };
            pen.skip(2)
                .cell(name, 9, Align::Left, theme.quiet(), theme)
                .skip(1);
            pen.put(part, *style);
            y += 1;
        }
    }
}
