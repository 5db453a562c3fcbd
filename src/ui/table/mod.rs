//! The containers' table: what each is, how it is, what it uses of what it may.

mod cells;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{View, pen::Pen};
use crate::{
    action::Action,
    app::{GAP, GUTTER, Line, Pane, Running, Slot, slots},
    format::{
        Tone,
        columns::{Align, Item},
        duration, status,
        text::{sanitize, width},
        totals::Totals,
    },
    model::{ContainerRow, State, World},
};

/// Draws titles, lines and sums.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (titles, rows) = (view.regions.titles, view.regions.rows);
    if rows.height == 0 {
        return;
    }
    let Some(world) = &view.state.world else {
        return middle(buffer, rows, &[(view.theme.reading(), view.theme.quiet())]);
    };
    let (list, groups) = (&view.state.containers, &view.state.table.groups);
    let lines = view.state.table_lines();
    if lines == 0 {
        return empty(buffer, view, world);
    }
    let slots = slots(view.state, titles.width);
    title_line(buffer, view, &slots);
    let cursor = view.state.cursor_line();
    for (y, n) in (rows.y..rows.bottom()).zip(list.top..lines) {
        let line = Rect {
            y,
            height: 1,
            ..rows
        };
        match groups.line(n) {
            Line::Heading(n) => heading(buffer, view, n, line, &slots),
            Line::Row(n) => {
                let row = list.rows.get(n).and_then(|&row| world.containers.get(row));
                if let Some(row) = row {
                    draw_row(buffer, view, world, row, line, &slots);
                }
            }
        }
        if view.state.stale.is_some() {
            buffer.set_style(line, view.theme.quiet());
        }
        if n == cursor {
            buffer.set_style(line, view.cursor(Pane::Table));
        }
    }
    totals(buffer, view, &slots);
    thumb(buffer, view, rows, list.top, lines);
}

fn draw_row(
    buffer: &mut Buffer,
    view: &View<'_>,
    world: &World,
    row: &ContainerRow,
    line: Rect,
    slots: &[Slot],
) {
    let (theme, container) = (view.theme, &*row.container);
    let item = Item {
        glyphs: theme.glyphs,
        ..view.state.table.item(row, world)
    };
    let tone = Tone::of(container);
    let is_marked = view.state.containers.marks.contains(&container.id);
    let is_cursor = view.state.containers.selected.as_ref() == Some(&container.id);
    let mut pen = Pen::line(buffer, line, line.y);
    let mark = match (is_marked, is_cursor && view.state.pane == Pane::Details) {
        (true, _) => theme.sign("✓", "+"),
        (false, true) => theme.sign("▸", ">"),
        (false, false) => " ",
    };
    pen.put(mark, theme.strong());
    match view.state.alerts.of(&container.id) {
        Some(severity) => {
            let style = theme.tone(super::alerts::tone(severity));
            let sign = super::alerts::severity_sign(severity, theme);
            pen.put(sign, style.patch(theme.strong()));
        }
        None => drop(pen.skip(1)),
    }
    pen.put(theme.glyphs.state(container.state), theme.tone(tone));
    pen.skip(1);
    let running = view.state.operations.on_container(&container.id);
    let is_live = container.state.has_process() && running.is_none();
    let mut n = 0;
    while n < slots.len() {
        if n > 0 {
            pen.skip(GAP);
        }
        // What doesn't run has no figures: their room tells what became of it.
        let figures = slots[n..].iter().take_while(|slot| slot.is_figure());
        let run = if is_live { 0 } else { figures.clone().count() };
        if run == 0 {
            cells::draw(&mut pen, view, &slots[n], &item);
            n += 1;
            continue;
        }
        let room = figures.map(|slot| slot.columns() + GAP).sum::<u16>() - GAP;
        let (text, tone) = match n == first_figure(slots) {
            true => phrase(view, row, running),
            false => (String::new(), Tone::Quiet),
        };
        pen.cell(&text, room, Align::Left, theme.tone(tone), theme);
        n += run;
    }
}

fn first_figure(slots: &[Slot]) -> usize {
    slots.iter().position(Slot::is_figure).unwrap_or(0)
}

/// The heading of a group: its name, how many run, and what they use together.
fn heading(buffer: &mut Buffer, view: &View<'_>, n: usize, line: Rect, slots: &[Slot]) {
    let theme = view.theme;
    let Some(group) = view.state.table.groups.list.get(n) else {
        return;
    };
    let sign = match group.is_folded {
        true => theme.sign("▸", "+"),
        false => theme.sign("▾", "-"),
    };
    let name = format!("{sign} {}", group.key.name);
    sums(
        buffer,
        view,
        line,
        &name,
        &group.totals,
        slots,
        theme.strong(),
    );
}

/// The line of sums at the foot.
fn totals(buffer: &mut Buffer, view: &View<'_>, slots: &[Slot]) {
    let area = view.regions.totals;
    if area.height > 0 {
        let totals = &view.state.table.totals;
        sums(buffer, view, area, "all", totals, slots, view.theme.plain());
    }
}

/// A name over the first columns that have no sum, then the sums below their columns.
fn sums(
    buffer: &mut Buffer,
    view: &View<'_>,
    line: Rect,
    name: &str,
    totals: &Totals,
    slots: &[Slot],
    style: Style,
) {
    let (theme, quiet) = (view.theme, view.theme.quiet());
    let cell = |slot: &Slot| match slot.column.id {
        "name" => String::new(),
        "cpu" => {
            let all = view.state.world.as_ref().map_or(1, |world| world.host.cpus);
            let cores = totals.usage.cpu_cores;
            cores.map_or(String::new(), |cores| {
                view.state.table.cpu.of_cores(cores, all)
            })
        }
        "restarts" if totals.restarts == 0 => String::new(),
        id => totals.cell(id),
    };
    let cells: Vec<_> = slots.iter().map(cell).collect();
    let first = cells
        .iter()
        .position(|cell| !cell.is_empty())
        .unwrap_or(cells.len());
    let room = slots[..first]
        .iter()
        .map(|slot| slot.columns() + GAP)
        .sum::<u16>();
    let mut pen = Pen::line(buffer, line, line.y);
    // A heading begins further left than its rows, where their marks are.
    pen.skip(2);
    let words = totals.words();
    let name_room = (room + GUTTER - 2).saturating_sub(GAP);
    let wanted = width(name) + 2 + width(&words);
    if wanted <= usize::from(name_room) {
        pen.put(name, style).skip(2).put(&words, quiet);
        pen.skip(name_room - wanted as u16);
    } else {
        pen.cell(name, name_room, Align::Left, style, theme);
    }
    for (slot, cell) in slots[first..].iter().zip(&cells[first..]) {
        pen.skip(GAP);
        pen.cell(cell, slot.columns(), slot.column.align, style, theme);
    }
}

/// What is said of a container in place of its figures.
fn phrase(view: &View<'_>, row: &ContainerRow, running: Option<Running>) -> (String, Tone) {
    let container = &row.container;
    if let Some(running) = running {
        let age = duration::short(view.state.clock.saturating_sub(running.since));
        let mark = view.theme.glyphs.ellipsis();
        return (format!("{}{mark} {age}", doing(running.action)), Tone::Warn);
    }
    let mut text = status(container, view.state.now());
    if container.exit.is_some_and(|exit| exit.oom_killed) && container.state == State::Exited {
        text.push_str(", out of memory");
    }
    if let Some(error) = &container.error {
        text.push_str(": ");
        text.push_str(&sanitize(error));
    }
    let tone = match Tone::of(container) {
        Tone::Quiet if container.error.is_some() => Tone::Bad,
        tone => tone,
    };
    (text, tone)
}

/// The word for an action that has not ended.
fn doing(action: Action) -> &'static str {
    match action {
        Action::Start => "starting",
        Action::Stop => "stopping",
        Action::Restart => "restarting",
        Action::Pause => "pausing",
        Action::Unpause => "unpausing",
        Action::Kill => "killing",
        Action::CheckHealth => "checking",
        Action::Remove => "removing",
        Action::Limits => "changing limits",
        Action::UndoLimits => "restoring limits",
        other => other.spec().title,
    }
}

fn title_line(buffer: &mut Buffer, view: &View<'_>, slots: &[Slot]) {
    let (area, theme) = (view.regions.titles, view.theme);
    let sort = view.state.containers.sort;
    let mut pen = Pen::line(buffer, area, area.y);
    pen.skip(GUTTER);
    for (n, slot) in slots.iter().enumerate() {
        if n > 0 {
            pen.skip(GAP);
        }
        let is_sorted = sort.column == slot.column.id;
        let style = if is_sorted {
            theme.strong()
        } else {
            theme.quiet()
        };
        let arrow = match (is_sorted, sort.is_descending) {
            (false, _) => "",
            (true, true) => theme.sign("▾", "v"),
            (true, false) => theme.sign("▴", "^"),
        };
        let title = match slot.column.id {
            "cpu" => view.state.table.cpu.title(),
            _ => slot.column.title,
        };
        let text = format!("{title}{arrow}");
        // Above a gauge the title stands where the gauge begins.
        let align = match slot.gauge {
            0 => slot.column.align,
            _ => Align::Left,
        };
        pen.cell(&text, slot.columns(), align, style, theme);
    }
}

/// What to do where there is nothing to show.
fn empty(buffer: &mut Buffer, view: &View<'_>, world: &World) {
    let (area, theme) = (view.regions.rows, view.theme);
    let (quiet, strong) = (theme.quiet(), theme.strong());
    let filter = &view.state.containers.filter;
    let all = world.containers.len();
    if all == 0 {
        let lines = [
            ("No containers yet", strong),
            ("", quiet),
            (
                "wharf demo                           six containers worth watching",
                quiet,
            ),
            (
                "wharf image from-host tools sh ls    an image from this machine's programs",
                quiet,
            ),
            (
                "wharf import ROOTFS.tar NAME:TAG     an image from a root file system",
                quiet,
            ),
            ("wharf run -d IMAGE COMMAND           a container", quiet),
        ];
        return middle(buffer, area, &lines);
    }
    if !filter.is_empty() {
        let text = match &view.state.table.fault {
            Some(fault) => fault.clone(),
            None => format!("nothing matches {}", sanitize(filter)),
        };
        return middle(
            buffer,
            area,
            &[(&text, strong), ("esc clears the filter", quiet)],
        );
    }
    let text = match view.state.config.keymap.shown(Action::ToggleAll.spec()) {
        Some(key) => format!("{key} shows all {all}"),
        None => format!("the palette shows all {all}"),
    };
    middle(
        buffer,
        area,
        &[("no container is running", strong), (&text, quiet)],
    );
}

/// Lines in the middle of an area, all beginning in the same column.
pub fn middle(buffer: &mut Buffer, area: Rect, lines: &[(&str, Style)]) {
    let columns = lines.iter().map(|(text, _)| width(text)).max().unwrap_or(0) as u16;
    let free = |all: u16, taken: u16| all.saturating_sub(taken) / 2;
    let top = area.y + free(area.height, lines.len() as u16);
    for (y, (text, style)) in (top..area.bottom()).zip(lines) {
        let mut pen = Pen::line(buffer, area, y);
        pen.skip(free(area.width, columns)).put(text, *style);
    }
}

/// A thumb for a window that begins at `top` of so many lines; none if all are shown.
pub fn thumb(buffer: &mut Buffer, view: &View<'_>, area: Rect, top: usize, lines: usize) {
    let height = usize::from(area.height);
    if lines <= height || height == 0 || area.width == 0 {
        return;
    }
    let size = (height * height / lines).max(1);
    let place = (top * (height - size))
        .div_ceil(lines - height)
        .min(height - size);
    for n in place..place + size {
        let sign = view.theme.sign("▐", "|");
        buffer.set_string(
            area.right() - 1,
            area.y + n as u16,
            sign,
            view.theme.quiet(),
        );
    }
}
