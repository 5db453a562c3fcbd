//! The containers' table: what each is, how it is, what it uses of what it may.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{View, gauge, pen::Pen, theme::Theme};
use crate::{
    action::Action,
    app::{Pane, Running, Target, columns::TABLE},
    format::{
        Tone,
        columns::{self, Align, CONTAINERS, Column, Item},
        duration, status,
        text::{sanitize, width},
    },
    model::{ContainerRow, State, World},
};

/// Columns before the name: the mark, the state, a gap.
const GUTTER: u16 = 4;
/// Columns between columns.
const GAP: u16 = 2;

/// How a column of the table takes part in the room there is.
struct Slot {
    column: &'static Column,
    /// Columns of its text.
    text: u16,
    /// Columns of its gauge, with the gap after it.
    gauge: u16,
    /// Whether only what is used is told, without the limit.
    is_brief: bool,
}

impl Slot {
    fn columns(&self) -> u16 {
        self.text + self.gauge
    }
}

/// Draws titles and rows.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (titles, rows) = (view.regions.titles, view.regions.rows);
    if rows.height == 0 {
        return;
    }
    let Some(world) = &view.state.world else {
        return middle(buffer, rows, &[("reading …", view.theme.quiet())]);
    };
    if view.state.containers.rows.is_empty() {
        return empty(buffer, view, world);
    }
    let slots = slots(world, titles.width);
    title_line(buffer, view, &slots);
    let list = &view.state.containers;
    for (y, n) in (rows.y..rows.bottom()).zip(list.top..list.rows.len()) {
        let row = &world.containers[list.rows[n]];
        let line = Rect {
            y,
            height: 1,
            ..rows
        };
        draw_row(buffer, view, world, row, line, &slots);
        if view.state.stale.is_some() {
            buffer.set_style(line, view.theme.quiet());
        }
        if n == list.cursor {
            let style = match view.state.pane {
                Pane::Table => view.theme.selected(),
                Pane::Details => view.theme.strong(),
            };
            buffer.set_style(line, style);
        }
    }
    scroll_mark(buffer, view);
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
        ..Item::new(row, &world.host, world.at)
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
    let target = Target::Container(container.id.clone());
    let running = view.state.operations.on(&target);
    let is_live = container.state.has_process();
    for (n, slot) in slots.iter().enumerate() {
        if n > 0 {
            pen.skip(GAP);
        }
        // What doesn't run has no figures: their room tells what became of it.
        if slot.column.id == "cpu" && (running.is_some() || !is_live) {
            let (text, tone) = phrase(view, row, running);
            let rest = slots[n..]
                .iter()
                .filter(|slot| slot.column.id != "restarts");
            let room = rest.map(|slot| slot.columns() + GAP).sum::<u16>() - GAP;
            pen.cell(&text, room, Align::Left, theme.tone(tone), theme);
            if slots
                .last()
                .is_some_and(|slot| slot.column.id == "restarts")
            {
                pen.skip(GAP);
                draw_cell(&mut pen, view, &slots[slots.len() - 1], &item);
            }
            return;
        }
        draw_cell(&mut pen, view, slot, &item);
    }
}

fn draw_cell(pen: &mut Pen<'_>, view: &View<'_>, slot: &Slot, item: &Item<'_>) {
    let theme = view.theme;
    let text = cell_text(slot.column, item);
    let is_live = item.container.state.has_process();
    let share = slot.column.share.and_then(|share| share(item));
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
    let is_quiet = !is_live || matches!(text.as_str(), "0" | "0.0%" | "0B/s" | "–" | "-");
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

fn cell_text(column: &Column, item: &Item<'_>) -> String {
    match column.id {
        "restarts" if item.container.restarts == 0 => String::new(),
        _ => (column.cell)(item),
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
        Action::Remove => "removing",
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
        let text = format!("{}{arrow}", slot.column.title);
        // Above a gauge the title stands where the gauge begins.
        let align = match slot.gauge {
            0 => slot.column.align,
            _ => Align::Left,
        };
        pen.cell(&text, slot.columns(), align, style, theme);
    }
}

/// Shares the room out: first the least that each column needs, by weight, then more.
fn slots(world: &World, room: u16) -> Vec<Slot> {
    let widest = |id: &str, least: u16| {
        let texts = world.containers.iter().map(|row| match id {
            "name" => width(&row.container.name),
            _ => width(&row.container.config.image),
        });
        (texts.max().unwrap_or(0) as u16).max(least)
    };
    let name_wanted = widest("name", 8);
    let image_wanted = widest("image", 6).min(32);
    // Least text, wanted text, gauge, weight: the lightest column goes first.
    let plan = |id: &str| match id {
        "name" => (name_wanted.min(20), name_wanted.min(40), 0, 9),
        "image" => (image_wanted.min(12), image_wanted, 0, 5),
        "cpu" => (7, 7, 10, 8),
        "memory" => (9, 18, 10, 7),
        "read" | "write" => (9, 9, 0, 3),
        "pids" => (7, 9, 0, 4),
        "uptime" => (6, 6, 0, 6),
        _ => (8, 8, 0, 2),
    };
    let room = room.saturating_sub(GUTTER + 1);
    let mut plans: Vec<_> = TABLE
        .iter()
        .filter_map(|id| Some((columns::find(CONTAINERS, id)?, plan(id))))
        .collect();
    let least = |plans: &[(_, (u16, u16, u16, u8))], gauge: bool| {
        let each = plans
            .iter()
            .map(|(_, plan)| plan.0 + GAP + if gauge { plan.2.min(6) } else { 0 });
        each.sum::<u16>().saturating_sub(GAP)
    };
    while least(&plans, true) > room && plans.len() > 1 {
        let lightest = plans
            .iter()
            .enumerate()
            .min_by_key(|(_, (_, plan))| plan.3)
            .map_or(0, |(n, _)| n);
        plans.remove(lightest);
    }
    let mut free = room.saturating_sub(least(&plans, true));
    let mut slots: Vec<_> = plans
        .iter()
        .map(|(column, plan)| Slot {
            column,
            text: plan.0,
            gauge: plan.2.min(6),
            is_brief: column.id == "memory",
        })
        .collect();
    // What is left goes to limits, then names, then gauges, then images.
    let grow = |slot: &mut u16, to: u16, free: &mut u16| {
        let more = to.saturating_sub(*slot).min(*free);
        *slot += more;
        *free -= more;
    };
    for id in ["pids", "memory", "name", "image"] {
        for (slot, (_, plan)) in slots.iter_mut().zip(&plans) {
            if slot.column.id == id && (id != "memory" || free >= plan.1 - plan.0) {
                grow(&mut slot.text, plan.1, &mut free);
                slot.is_brief = false;
            }
        }
    }
    for (slot, (_, plan)) in slots.iter_mut().zip(&plans) {
        grow(&mut slot.gauge, plan.2, &mut free);
    }
    // On wide screens gauges may say it more exactly.
    let gauges = slots.iter().filter(|slot| slot.gauge > 0).count().max(1) as u16;
    let each = (free / gauges).min(8);
    for slot in slots.iter_mut().filter(|slot| slot.gauge > 0) {
        slot.gauge += each;
    }
    slots
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
        let text = format!("nothing matches {}", sanitize(filter));
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

/// Where in a long list the screen is: a thumb at its right edge.
fn scroll_mark(buffer: &mut Buffer, view: &View<'_>) {
    let list = &view.state.containers;
    thumb(buffer, view, view.regions.rows, list.top, list.rows.len());
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
