//! One cell of a container's row.

use ratatui::style::Style;

use super::super::{View, gauge, pen::Pen, theme::Theme};
use crate::{
    app::Slot,
    format::{
        Tone,
        columns::{Align, Column, Item},
        text::width,
        trouble::troubles,
    },
    model::State,
};

/// Draws a cell.
pub fn draw(pen: &mut Pen<'_>, view: &View<'_>, slot: &Slot, item: &Item<'_>) {
    let theme = view.theme;
    if slot.column.id == "trouble" {
        return badges(pen, slot, item, theme);
    }
    let text = text(slot.column, item, view);
    let is_live = item.container.state.has_process();
    let share = match slot.column.id {
        "cpu" => view.state.table.cpu.share(item),
        _ => slot.column.share.and_then(|share| share(item)),
    };
    let style = match share.map(|share| (share, Tone::of_share(share))) {
        // Holding a container at its quota is what the quota is for.
        Some((_, Tone::Bad)) if slot.column.id == "cpu" => theme.tone(Tone::Warn),
        Some((_, tone @ (Tone::Warn | Tone::Bad))) if slot.column.id != "cpu" => theme.tone(tone),
        _ => theme.plain(),
    };
    if slot.column.id == "cpu" && item.container.state == State::Paused {
        let style = theme.tone(Tone::Warn);
        pen.cell("paused", slot.columns(), Align::Right, style, theme);
        return;
    }
    if slot.gauge > 0 {
        gauge::draw(pen, share, slot.gauge - 1, style, theme);
        pen.skip(1);
    }
    let is_quiet = !is_live || matches!(text.as_str(), "0" | "0.0%" | "0.00" | "0B/s" | "–" | "-");
    let style = match slot.column.id {
        "name" if is_live => theme.strong(),
        "name" => theme.plain(),
        "restarts" if item.container.restarts > 0 => theme.tone(Tone::Warn),
        "image" | "uptime" => theme.quiet(),
        _ if is_quiet => theme.quiet(),
        _ => style,
    };
    match text.split_once(" / ").or_else(|| text.split_once('/')) {
        Some((used, limit)) if share.is_some() => {
            pair(pen, slot, used, limit, style, theme);
        }
        _ => {
            pen.cell(&text, slot.text, slot.column.align, style, theme);
        }
    }
}

/// As many badges as there is room for, the worst first.
fn badges(pen: &mut Pen<'_>, slot: &Slot, item: &Item<'_>, theme: Theme) {
    let mut room = slot.columns();
    for (n, trouble) in troubles(item).into_iter().enumerate() {
        let badge = trouble.badge();
        let gap = u16::from(n > 0);
        let columns = width(&badge) as u16 + gap;
        let style = theme.tone(trouble.tone(item));
        if columns > room {
            // The first is told as far as it goes; of the rest that there is more.
            let rest = if n == 0 {
                badge.as_str()
            } else {
                theme.sign("…", "~")
            };
            let columns = room.min(if n == 0 { room } else { 1 });
            pen.cell(rest, columns, Align::Left, style, theme);
            room -= columns;
            break;
        }
        pen.skip(gap).put(&badge, style);
        room -= columns;
    }
    pen.skip(room);
}

/// Used and limit: the limit recedes, and goes first when there is no room.
fn pair(pen: &mut Pen<'_>, slot: &Slot, used: &str, limit: &str, style: Style, theme: Theme) {
    let quiet = theme.quiet();
    let whole = (width(used) + 1 + width(limit)) as u16;
    if slot.is_brief || whole > slot.text {
        pen.cell(used, slot.text, Align::Right, style, theme);
        return;
    }
    pen.skip(slot.text - whole).put(used, style);
    pen.put("/", quiet).put(limit, quiet);
}

fn text(column: &Column, item: &Item<'_>, view: &View<'_>) -> String {
    match column.id {
        "restarts" if item.container.restarts == 0 => String::new(),
        "cpu" => {
            let text = view.state.table.cpu.text(item);
            text.unwrap_or_else(|| item.glyphs.unknown().to_owned())
        }
        _ => (column.cell)(item),
    }
}
