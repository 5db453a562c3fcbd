//! The limits editor: for each limit what it is, what is used of it and what it will be;
//! below, what the change does, what speaks against it, and the command that does the same.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    View,
    dialogs::{boxed, centered, wrapped},
    pen::Pen,
};
use crate::{
    app::{Change, Editor, Forecast, NONE, SETTINGS, Setting},
    format::{
        Tone,
        columns::Item,
        limits,
        text::{Align, sanitize},
    },
    model::{ContainerRow, World},
};

/// Columns of the settings' names.
const NAME: u16 = 18;
/// Lines that tell of the change, the command and the keys.
const FOOT: u16 = 6;

/// Draws the editor.
pub fn draw(buffer: &mut Buffer, view: &View<'_>, editor: &Editor) {
    let Some(world) = &view.state.world else {
        return;
    };
    let theme = view.theme;
    let rows: Vec<_> = editor.rows(world).collect();
    let title = match rows.as_slice() {
        [] => "Limits: it is gone".to_owned(),
        [one] => format!("Limits of {}", sanitize(&one.container.name)),
        many => format!("Limits of {} containers", many.len()),
    };
    let width = view.state.area.width.saturating_sub(2).min(100);
    let height = SETTINGS.len() as u16 + 1 + FOOT + 2;
    let area = centered(view, width, height);
    let inside = boxed(buffer, view, area, &title, theme.plain());
    let foot = FOOT.min(inside.height.saturating_sub(4));
    let list = Rect {
        y: inside.y + 1,
        height: inside.height.saturating_sub(1 + foot),
        ..inside
    };
    let columns = columns(inside.width);
    titles(buffer, view, inside, columns);
    let top = (editor.cursor + 1).saturating_sub(usize::from(list.height));
    for (y, line) in (list.y..list.bottom()).zip(top..SETTINGS.len()) {
        setting(buffer, view, editor, &rows, world, (list, y, line), columns);
    }
    let rest = Rect {
        y: list.bottom(),
        height: foot,
        ..inside
    };
    footer(buffer, view, editor, &rows, world, rest);
}

/// Columns of what is set and of what is used; the rest is for what is typed.
fn columns(width: u16) -> (u16, u16) {
    let free = width.saturating_sub(NAME + 4);
    (free * 28 / 100, free * 28 / 100)
}

fn titles(buffer: &mut Buffer, view: &View<'_>, area: Rect, columns: (u16, u16)) {
    let (theme, quiet) = (view.theme, view.theme.quiet());
    let mut pen = Pen::line(buffer, area, area.y);
    pen.cell("", NAME, Align::Left, quiet, theme).skip(1);
    pen.cell("NOW", columns.0, Align::Left, quiet, theme)
        .skip(1);
    pen.cell("USED", columns.1, Align::Left, quiet, theme)
        .skip(2);
    pen.put("NEW", quiet);
}

fn setting(
    buffer: &mut Buffer,
    view: &View<'_>,
    editor: &Editor,
    rows: &[&ContainerRow],
    world: &World,
    (area, y, line): (Rect, u16, usize),
    columns: (u16, u16),
) {
    let (theme, quiet) = (view.theme, view.theme.quiet());
    let (what, text) = (SETTINGS[line], &editor.texts[line]);
    let is_cursor = line == editor.cursor;
    let fault = editor.fault(line);
    let mut pen = Pen::line(buffer, area, y);
    let style = if is_cursor || !text.is_empty() {
        theme.strong()
    } else {
        theme.plain()
    };
    pen.cell(what.as_str(), NAME, Align::Left, style, theme)
        .skip(1);
    let (now, style) = match common(rows, |row| what.value(row)) {
        _ if rows.is_empty() => (String::new(), quiet),
        Some(Some(value)) => (sanitize(&value).into_owned(), theme.plain()),
        Some(None) => (theme.glyphs.unknown().to_owned(), quiet),
        None => ("differ".to_owned(), quiet),
    };
    pen.cell(&now, columns.0, Align::Left, style, theme).skip(1);
    let used = match (what, rows) {
        (Setting::Limit(limit), [one]) => {
            limits::usage(limit, &Item::new(one, &world.host, world.at))
        }
        _ => None,
    };
    let used = used.unwrap_or_default();
    pen.cell(&used, columns.1, Align::Left, quiet, theme)
        .skip(2);
    let style = match (&fault, text.trim()) {
        (Some(_), _) => theme.tone(Tone::Bad),
        (None, _) => theme.tone(Tone::Warn),
    };
    // The end of what is typed is what one looks at.
    let room = usize::from(pen.room().saturating_sub(1));
    let shown: String = {
        let count = text.chars().count();
        text.chars().skip(count.saturating_sub(room)).collect()
    };
    pen.put(&sanitize(&shown), style);
    if is_cursor {
        pen.put(" ", theme.selected());
    }
}

/// What all rows agree on.
fn common<T: PartialEq>(rows: &[&ContainerRow], value: impl Fn(&ContainerRow) -> T) -> Option<T> {
    let mut values = rows.iter().map(|row| value(row));
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

fn footer(
    buffer: &mut Buffer,
    view: &View<'_>,
    editor: &Editor,
    rows: &[&ContainerRow],
    world: &World,
    area: Rect,
) {
    let (theme, quiet) = (view.theme, view.theme.quiet());
    let mut lines: Vec<(String, Style)> = Vec::new();
    let what = SETTINGS[editor.cursor];
    let lack = editor.lack(editor.cursor).map(str::to_owned);
    lines.push(match (editor.fault(editor.cursor), lack) {
        (Some(why), _) => (format!("{}: {why}", what.as_str()), theme.tone(Tone::Bad)),
        (None, Some(why)) => (format!("{}: {why}", what.as_str()), quiet),
        (None, None) => (
            format!(
                "{}: {}; {NONE} takes it away",
                what.as_str(),
                what.allowed()
            ),
            quiet,
        ),
    });
    match editor.change() {
        _ if rows.is_empty() => lines.push(("nothing is left to change".into(), quiet)),
        Err(line) if line != editor.cursor => {
            let text = format!("{} can't be read", SETTINGS[line].as_str());
            lines.push((text, theme.tone(Tone::Bad)));
        }
        Err(_) => {}
        Ok(change) if change.is_empty() => lines.push(("nothing is changed yet".into(), quiet)),
        Ok(change) => preview(view, editor, &change, rows, world, &mut lines),
    }
    let most = usize::from(area.width);
    let mut folded = Vec::new();
    for (line, style) in lines {
        folded.extend(wrapped(&line, most).into_iter().map(|part| (part, style)));
    }
    let bottom = area.bottom().saturating_sub(1);
    for (y, (line, style)) in (area.y..bottom).zip(&folded) {
        let mut pen = Pen::line(buffer, area, y);
        let room = pen.room();
        pen.cell(line, room, Align::Left, *style, theme);
    }
    let mut pen = Pen::line(buffer, area, bottom);
    for (key, text) in [
        ("enter", "apply"),
        ("esc", "leave"),
        ("↓", "next"),
        ("ctrl-u", "clear"),
    ] {
        let key = if key == "↓" {
            theme.sign("↓", "tab")
        } else {
            key
        };
        pen.put(key, theme.strong()).put(" ", quiet);
        pen.put(text, quiet).skip(3);
    }
}

/// What the change does to each, first what speaks against it, last the command.
fn preview(
    view: &View<'_>,
    editor: &Editor,
    change: &Change,
    rows: &[&ContainerRow],
    world: &World,
    lines: &mut Vec<(String, Style)>,
) {
    let theme = view.theme;
    let outcomes: Vec<Forecast<'_>> = rows.iter().map(|row| change.forecast(row, world)).collect();
    let named = |outcome: &Forecast<'_>, text: &str| match rows.len() {
        1 => text.to_owned(),
        _ => format!("{}: {text}", sanitize(&outcome.row.container.name)),
    };
    let refusals = outcomes.iter().filter_map(|outcome| {
        let note = outcome.refusal()?;
        let text = format!("{} {}", note.limit.as_str(), note.text);
        Some(named(outcome, &text))
    });
    let refusals: Vec<_> = refusals.collect();
    let told = 2;
    for refusal in refusals.iter().take(told) {
        let mark = theme.sign("✗", "x");
        let style = match editor.is_refused {
            true => theme.tone(Tone::Bad).patch(theme.strong()),
            false => theme.tone(Tone::Bad),
        };
        lines.push((format!("{mark} {}", sanitize(refusal)), style));
    }
    if refusals.len() > told {
        let text = format!("and {} more can't be changed so", refusals.len() - told);
        lines.push((text, theme.tone(Tone::Bad)));
    }
    let arrow = theme.sign("→", "->");
    for outcome in outcomes
        .iter()
        .filter(|outcome| outcome.refusal().is_none())
    {
        let words = change.words(outcome.row, arrow);
        if words.is_empty() {
            let text = named(outcome, "has these limits already");
            lines.push((text, theme.quiet()));
            continue;
        }
        let noted = words.iter().map(|word| {
            let about = word.split(' ').next();
            let note = outcome
                .notes
                .iter()
                .find(|n| Some(n.limit.as_str()) == about);
            match note {
                Some(note) => format!("{word} ({})", note.text),
                None => word.clone(),
            }
        });
        let noted: Vec<_> = noted.collect();
        let text = named(outcome, &noted.join(", "));
        lines.push((sanitize(&text).into_owned(), theme.plain()));
        if rows.len() > 1 && lines.len() > 3 {
            break;
        }
    }
    let names: Vec<_> = rows.iter().map(|row| row.container.name.as_str()).collect();
    if let Some(row) = rows.first() {
        let request = change.request(row.container.id.clone());
        lines.push((limits::command(&request, &names), theme.quiet()));
    }
}
