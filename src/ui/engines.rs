//! The list of engines, and below it all that the one under the cursor says of itself.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    View,
    dialogs::{boxed, centered, wrapped},
    pen::Pen,
};
use crate::{
    app::{EngineList, Greeted, Pending},
    config::KnownEngine,
    format::{
        Tone, bytes,
        text::{Align, counted, sanitize, width},
    },
};

/// Columns of the names at most.
const WIDEST_NAME: usize = 24;
/// Lines of what is said of the one under the cursor.
const BELOW: u16 = 7;
/// Engines that are shown at once even where that leaves less room below.
const LEAST_ROWS: u16 = 3;

/// Draws it.
pub fn draw(buffer: &mut Buffer, view: &View<'_>, list: &EngineList) {
    let theme = view.theme;
    let columns = view.state.area.width.saturating_sub(4).min(100);
    let most = view.state.area.height.saturating_sub(2);
    let wanted = list.rows.len() as u16 + BELOW + 5;
    let height = wanted.min(most);
    let area = centered(view, columns, height);
    let inside = boxed(buffer, view, area, "Engines", theme.plain());
    let foot = inside.bottom().saturating_sub(1);
    let room = inside.height.saturating_sub(BELOW + 3).max(LEAST_ROWS);
    let head = (list.rows.len() as u16).min(room);
    let top = (list.cursor + 1).saturating_sub(usize::from(head));
    let names = list.rows.iter().map(|(known, _)| width(&known.name));
    let names = names.max().unwrap_or(0).min(WIDEST_NAME) as u16;
    let rows = list.rows.iter().enumerate();
    for (y, (n, (known, greeting))) in (inside.y..inside.y + head).zip(rows.skip(top)) {
        let line = Rect {
            y,
            height: 1,
            ..inside
        };
        row(buffer, view, line, known, greeting, names);
        if n == list.cursor {
            buffer.set_style(line, theme.selected());
        }
    }
    let edge = Rect {
        width: inside.width + 1,
        height: head,
        ..inside
    };
    super::table::thumb(buffer, view, edge, top, list.rows.len());
    let y = inside.y + head;
    Pen::line(buffer, inside, y).fill(theme.rule(), inside.width, theme.quiet());
    if let Some((known, greeting)) = list.rows.get(list.cursor) {
        let lines = page(view, known, greeting, usize::from(inside.width));
        for (y, (text, style)) in (y + 1..foot.saturating_sub(1)).zip(&lines) {
            Pen::line(buffer, inside, y).put(text, *style);
        }
    }
    let mut pen = Pen::line(buffer, inside, foot);
    for (key, does) in [
        ("enter", "drives it"),
        ("r", "asks again"),
        ("esc", "closes"),
    ] {
        pen.put(key, theme.strong()).put("  ", theme.quiet());
        pen.put(does, theme.quiet()).skip(4);
    }
}

/// One of them: whether it is driven, who it is, where it is.
fn row(
    buffer: &mut Buffer,
    view: &View<'_>,
    line: Rect,
    known: &KnownEngine,
    greeting: &Greeted,
    names: u16,
) {
    let theme = view.theme;
    let is_driven = known.is_at(view.state.capabilities.address.as_deref());
    let mut pen = Pen::line(buffer, line, line.y);
    let (sign, tone) = match greeting {
        Pending::Loading => (theme.sign("·", "."), theme.quiet()),
        Pending::Ready(_) => (theme.sign("●", "*"), theme.tone(Tone::Good)),
        Pending::Failed(_) => (theme.sign("✗", "x"), theme.tone(Tone::Bad)),
    };
    pen.put(sign, tone).skip(1);
    let style = match is_driven {
        true => theme.strong(),
        false => theme.plain(),
    };
    pen.cell(&sanitize(&known.name), names, Align::Left, style, theme)
        .skip(2);
    let right = match greeting {
        Pending::Loading => "asked".to_owned(),
        Pending::Ready((greeting, _)) => {
            format!("{}/{} running", greeting.running, greeting.containers)
        }
        Pending::Failed(_) => "no answer".to_owned(),
    };
    pen.put_right(&format!("  {right:>14}"), theme.quiet());
    if let Pending::Ready((greeting, _)) = greeting {
        let columns = (pen.room() / 3).min(26);
        let engine = sanitize(&greeting.engine);
        pen.put_right(
            &format!("{:<1$}", engine, usize::from(columns)),
            theme.plain(),
        );
        pen.put_right("  ", theme.plain());
    }
    let room = pen.room();
    let place = known.place();
    let mark = if is_driven { "driven: " } else { "" };
    pen.cell(
        &format!("{mark}{}", sanitize(&place)),
        room,
        Align::Left,
        theme.quiet(),
        theme,
    );
}

/// All that is known of one.
fn page(
    view: &View<'_>,
    known: &KnownEngine,
    greeting: &Greeted,
    columns: usize,
) -> Vec<(String, Style)> {
    let theme = view.theme;
    let place = format!("{}  {}", known.place(), known.origin);
    let mut lines = vec![(sanitize(&place).into_owned(), theme.quiet())];
    match greeting {
        Pending::Loading => lines.push(("It was asked who it is.".into(), theme.plain())),
        Pending::Failed(failure) => {
            let parts = wrapped(&failure.message, columns).into_iter();
            lines.extend(parts.map(|part| (part, theme.tone(Tone::Bad))));
            if let Some(hint) = &failure.hint {
                let parts = wrapped(hint, columns).into_iter();
                lines.extend(parts.map(|part| (part, theme.strong())));
            }
        }
        Pending::Ready((greeting, took)) => {
            let api = greeting.api.as_deref();
            let api = api.map_or(String::new(), |api| format!(", API {api}"));
            let took = took.as_millis();
            let who = format!("{}{api}, answered in {took} ms", greeting.engine);
            let machine = [
                greeting.host.clone(),
                greeting.system.clone(),
                match greeting.kernel.is_empty() {
                    true => String::new(),
                    false => format!("Linux {}", greeting.kernel),
                },
                format!("{} CPUs", greeting.cpus),
                greeting.memory_bytes.map(bytes::binary).unwrap_or_default(),
            ];
            let machine: Vec<_> = machine
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect();
            let has = format!(
                "{}, {} of them running, {}",
                counted(greeting.containers, "container"),
                greeting.running,
                counted(greeting.images, "image"),
            );
            for text in [who, machine.join(", "), has] {
                let text = sanitize(&text).into_owned();
                let parts = wrapped(&text, columns).into_iter();
                lines.extend(parts.map(|part| (part, theme.plain())));
            }
        }
    }
    lines
}
