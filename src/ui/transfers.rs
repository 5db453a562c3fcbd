//! Pulls and pushes: a panel with a bar for each layer and a total, and one line of them
//! on every screen.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    View,
    dialogs::{boxed, centered, wrapped},
    gauge,
    pen::Pen,
    table,
};
use crate::{
    app::{Pending, Underway},
    format::{
        Tone, bytes, duration,
        text::{Align, sanitize},
    },
    model::{Direction, LayerState, LayerTransfer, Phase},
};

/// Columns of a bar.
const BAR: u16 = 24;

/// The line that tells of what goes on, above the hints.
pub fn line(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (view.regions.transfers, view.theme);
    if area.height == 0 {
        return;
    }
    let transfers = &view.state.transfers;
    let mut going = transfers.going();
    let Some(first) = going.next() else { return };
    let others = going.count();
    let mut pen = Pen::line(buffer, area, area.y);
    let key = view
        .state
        .config
        .keymap
        .shown(crate::action::Action::Transfers.spec());
    pen.put_right(" ", theme.quiet());
    if let Some(key) = key {
        pen.put_right(&format!("  {key} shows them "), theme.quiet());
    }
    pen.skip(1)
        .put(arrow(first.direction, view), theme.accent())
        .skip(1);
    let name = sanitize(&first.reference);
    let room = (pen.room() / 3).max(10);
    pen.cell(
        &name,
        room.min(crate::format::text::width(&name) as u16),
        Align::Left,
        theme.strong(),
        theme,
    );
    if others > 0 {
        pen.put(&format!(" and {others} more"), theme.quiet());
    }
    pen.skip(2);
    let (moved, total) = transfers.total();
    let share = (total > 0).then(|| moved as f64 / total as f64);
    if pen.room() > 60 {
        gauge::draw(
            &mut pen,
            Some(share.unwrap_or(0.0)),
            BAR,
            theme.graph(),
            theme,
        );
        pen.skip(2);
    }
    let text = match share {
        Some(share) => format!(
            "{:.0}%  {} of {}",
            share * 100.0,
            bytes::decimal(moved),
            bytes::decimal(total)
        ),
        None => phase(first).to_owned(),
    };
    pen.put(&text, theme.plain());
    if let Some(speed) = first.speed() {
        pen.put(&format!("  {}", bytes::rate(speed)), theme.quiet());
    }
}

/// The panel.
pub fn draw(buffer: &mut Buffer, view: &View<'_>, cursor: usize) {
    let theme = view.theme;
    let columns = view.state.area.width.saturating_sub(4).min(110);
    let list = &view.state.transfers.list;
    let cursor = cursor.min(list.len().saturating_sub(1));
    let layers = list.get(cursor).and_then(|one| one.picture.as_ref());
    let layers = layers.map_or(0, |picture| picture.layers.len()) as u16;
    let most = view.state.area.height.saturating_sub(4);
    let height = (list.len() as u16 + layers.max(4) + 7).clamp(10, most.max(10));
    let area = centered(view, columns, height);
    let inside = boxed(buffer, view, area, "Transfers", theme.plain());
    let foot = inside.bottom().saturating_sub(1);
    let head = (list.len() as u16).min((inside.height / 3).max(1));
    let top = (cursor + 1).saturating_sub(usize::from(head));
    for (y, (n, one)) in (inside.y..inside.y + head).zip(list.iter().enumerate().skip(top)) {
        let line = Rect {
            y,
            height: 1,
            ..inside
        };
        transfer(buffer, view, line, one);
        if n == cursor {
            buffer.set_style(line, theme.selected());
        }
    }
    if let Some(one) = list.get(cursor) {
        let y = inside.y + head;
        Pen::line(buffer, inside, y).fill(theme.rule(), inside.width, theme.quiet());
        let rest = Rect {
            y: y + 1,
            height: foot.saturating_sub(y + 1),
            ..inside
        };
        details(buffer, view, rest, one);
    }
    let mut pen = Pen::line(buffer, inside, foot);
    for (key, does) in [
        ("c", "cancels"),
        ("r", "tries again"),
        ("x", "forgets those that ended"),
        ("esc", "closes, they go on"),
    ] {
        pen.put(key, theme.strong()).put(" ", theme.quiet());
        pen.put(does, theme.quiet()).skip(2);
    }
}

fn arrow(direction: Direction, view: &View<'_>) -> &'static str {
    match direction {
        Direction::Pull => view.theme.sign("↓", "v"),
        Direction::Push => view.theme.sign("↑", "^"),
    }
}

fn phase(one: &Underway) -> &'static str {
    match one.picture.as_ref().map(|picture| picture.phase) {
        None | Some(Phase::Resolving) => "asking the registry",
        Some(Phase::Moving) => "moving",
        Some(Phase::Finishing) => "finishing",
        Some(Phase::Done) => "done",
    }
}

/// One of the list: what, how far, how fast.
fn transfer(buffer: &mut Buffer, view: &View<'_>, line: Rect, one: &Underway) {
    let theme = view.theme;
    let mut pen = Pen::line(buffer, line, line.y);
    let (sign, style) = match &one.end {
        Pending::Loading => (arrow(one.direction, view), theme.accent()),
        Pending::Ready(()) => (theme.sign("✓", "+"), theme.tone(Tone::Good)),
        Pending::Failed(_) => (theme.sign("✗", "x"), theme.tone(Tone::Bad)),
    };
    pen.put(sign, style).skip(1);
    let until = one.until.unwrap_or(view.state.clock);
    let time = duration::short(until.saturating_sub(one.since));
    pen.put_right(&format!("  {time}"), theme.quiet());
    let word = match &one.end {
        Pending::Loading => match one.speed() {
            Some(speed) => bytes::rate(speed),
            None => phase(one).to_owned(),
        },
        Pending::Ready(()) => "done".to_owned(),
        Pending::Failed(_) => "failed".to_owned(),
    };
    pen.put_right(&format!("  {word:>12}"), theme.quiet());
    if let (Some(share), false) = (one.share(), one.is_over()) {
        pen.put_right(&format!(" {:>3.0}%", share * 100.0), theme.plain());
        let bar = BAR.min(pen.room() / 3);
        let name = pen.room().saturating_sub(bar + 1);
        pen.cell(
            &sanitize(&one.reference),
            name,
            Align::Left,
            theme.strong(),
            theme,
        );
        gauge::draw(&mut pen, Some(share), bar, theme.graph(), theme);
    } else {
        let room = pen.room();
        pen.cell(
            &sanitize(&one.reference),
            room,
            Align::Left,
            theme.strong(),
            theme,
        );
    }
}

/// The chosen one: its layers, or why it failed.
fn details(buffer: &mut Buffer, view: &View<'_>, area: Rect, one: &Underway) {
    let theme = view.theme;
    if area.height == 0 {
        return;
    }
    let mut area = area;
    if let Pending::Failed(failure) = &one.end {
        let room = usize::from(area.width);
        let mut lines: Vec<(String, Style)> = Vec::new();
        let message = wrapped(&failure.message, room).into_iter();
        lines.extend(message.map(|line| (line, theme.tone(Tone::Bad))));
        if let Some(hint) = &failure.hint {
            let hint = wrapped(hint, room).into_iter();
            lines.extend(hint.map(|line| (line, theme.plain())));
        }
        for (y, (line, style)) in (area.y..area.bottom()).zip(&lines) {
            Pen::line(buffer, area, y).put(line, *style);
        }
        let taken = (lines.len() as u16 + 1).min(area.height);
        area.y += taken;
        area.height -= taken;
    }
    let Some(picture) = &one.picture else {
        if !one.is_over() {
            table::middle(buffer, area, &[("asking the registry …", theme.quiet())]);
        }
        return;
    };
    // Of many layers those that move are what one looks for.
    let height = usize::from(area.height);
    let mut shown: Vec<&LayerTransfer> = picture.layers.iter().collect();
    let hidden = if shown.len() > height {
        shown.sort_by_key(|layer| match layer.state {
            LayerState::Moving | LayerState::Retrying | LayerState::Unpacking => 0,
            LayerState::Shared | LayerState::Waiting => 1,
            _ => 2,
        });
        let kept = height.saturating_sub(1);
        let hidden = shown.len() - kept;
        shown.truncate(kept);
        hidden
    } else {
        0
    };
    for (y, layer) in (area.y..area.bottom()).zip(&shown) {
        layer_line(
            buffer,
            view,
            Rect {
                y,
                height: 1,
                ..area
            },
            layer,
        );
    }
    if hidden > 0 {
        let y = area.bottom() - 1;
        let text = format!("and {hidden} layers more");
        Pen::line(buffer, area, y).put(&text, theme.quiet());
    }
}

fn layer_line(buffer: &mut Buffer, view: &View<'_>, line: Rect, layer: &LayerTransfer) {
    let theme = view.theme;
    let mut pen = Pen::line(buffer, line, line.y);
    let style = match layer.state {
        LayerState::Done | LayerState::Mounted => theme.tone(Tone::Good),
        LayerState::Retrying => theme.tone(Tone::Warn),
        LayerState::Moving | LayerState::Unpacking => theme.plain(),
        LayerState::Waiting | LayerState::Shared | LayerState::Present => theme.quiet(),
    };
    pen.cell(layer.digest.short(), 12, Align::Left, theme.quiet(), theme)
        .skip(2);
    pen.cell(layer.state.word(), 9, Align::Left, style, theme)
        .skip(2);
    let total = bytes::decimal(layer.total_bytes);
    if layer.state == LayerState::Present {
        pen.put_right(&format!("{total:>8}"), theme.quiet());
        return;
    }
    let sizes = format!("{:>8} of {total:>8}", bytes::decimal(layer.moved_bytes));
    pen.put_right(&format!("  {sizes}"), theme.quiet());
    let share = match layer.state.is_over() {
        true => 1.0,
        false => layer.moved_bytes as f64 / layer.total_bytes.max(1) as f64,
    };
    let bar = pen.room();
    gauge::draw(&mut pen, Some(share), bar, theme.graph(), theme);
}
