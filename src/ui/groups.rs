//! The groups screen: the host's control groups as a tree with what each uses of what it
//! may, and below it the selected one in full.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    View,
    bounds::{NetRates, Subject},
    details::stats,
    dialogs::{boxed, centered},
    gauge, list,
    pen::Pen,
    table,
};
use crate::{
    app::{GROUP_GAP, GROUP_GUTTER, GroupPrompt, GroupSlot, History, Pane, Pending, group_slots},
    format::{
        Tone, bytes,
        columns::groups::GroupItem,
        duration,
        text::{Align, sanitize, width},
        tree::TreeLine,
    },
    model::{GroupKind, GroupLimits, GroupRow, Process, World},
};

/// From this width on, processes stand beside the limits.
const WIDE: u16 = 120;

/// Draws the tree and what is known of the selected group.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (rows, theme) = (view.regions.rows, view.theme);
    let list = &view.state.groups.list;
    match &view.state.world {
        None => return table::middle(buffer, rows, &[(theme.reading(), theme.quiet())]),
        Some(world) if list.rows.is_empty() => empty(buffer, view, world),
        Some(world) => tree(buffer, view, world),
    }
    details(buffer, view);
}

fn tree(buffer: &mut Buffer, view: &View<'_>, world: &World) {
    let (rows, theme) = (view.regions.rows, view.theme);
    let list = &view.state.groups.list;
    let slots = group_slots(rows.width);
    titles(buffer, view, &slots);
    for (y, n) in (rows.y..rows.bottom()).zip(list.top..list.rows.len()) {
        let (Some(row), Some(tree)) = (
            world.groups.get(list.rows[n]),
            view.state.groups.lines.get(n),
        ) else {
            continue;
        };
        let line = Rect {
            y,
            height: 1,
            ..rows
        };
        let item = GroupItem {
            cpu_above: tree.cpu_above,
            memory_above: tree.memory_above,
            glyphs: theme.glyphs,
            ..GroupItem::new(row, world)
        };
        let is_cursor = n == list.cursor;
        draw_row(buffer, view, line, &item, tree, &slots, is_cursor);
        if view.state.stale.is_some() {
            buffer.set_style(line, theme.quiet());
        }
        if is_cursor {
            buffer.set_style(line, view.cursor(Pane::Table));
        }
    }
    table::thumb(buffer, view, rows, list.top, list.rows.len());
}

fn draw_row(
    buffer: &mut Buffer,
    view: &View<'_>,
    line: Rect,
    item: &GroupItem<'_>,
    tree: &TreeLine,
    slots: &[GroupSlot],
    is_cursor: bool,
) {
    let theme = view.theme;
    let mut pen = Pen::line(buffer, line, line.y);
    let mark = match is_cursor && view.state.pane == Pane::Details {
        true => theme.sign("▸", ">"),
        false => " ",
    };
    pen.put(mark, theme.strong()).skip(GROUP_GUTTER - 1);
    for (n, slot) in slots.iter().enumerate() {
        if n > 0 {
            pen.skip(GROUP_GAP);
        }
        match slot.column.id {
            "name" => name(&mut pen, view, item, tree, slot.text),
            _ => figure(&mut pen, view, item, slot),
        }
    }
}

/// Guides, fold mark, name, and in quiet words what it is.
fn name(pen: &mut Pen<'_>, view: &View<'_>, item: &GroupItem<'_>, tree: &TreeLine, columns: u16) {
    let theme = view.theme;
    let group = &item.row.group;
    let start = pen.room();
    // Deep trees of narrow screens keep their names: guides go first.
    let most = usize::from(columns / 6);
    let skipped = tree.guides.len().saturating_sub(most);
    for goes_on in tree.guides.iter().skip(skipped.max(1)) {
        let guide = match goes_on {
            true => theme.sign("│ ", "| "),
            false => "  ",
        };
        pen.put(guide, theme.quiet());
    }
    if group.depth > 1 {
        let branch = match tree.is_last {
            true => theme.sign("└─", "`-"),
            false => theme.sign("├─", "|-"),
        };
        pen.put(branch, theme.quiet());
    }
    let fold = match (tree.below > 0 && group.depth > 0, tree.is_folded) {
        (false, _) if group.depth > 1 => theme.sign("─", "-"),
        (false, _) => " ",
        (true, true) => theme.sign("▸", "+"),
        (true, false) => theme.sign("▾", "-"),
    };
    pen.put(fold, theme.quiet()).put(" ", theme.quiet());
    let taken = start - pen.room();
    let mut room = columns.saturating_sub(taken);
    let name = item.name();
    let style = match &group.kind {
        GroupKind::Container(_) | GroupKind::Own | GroupKind::Foreign { .. } => theme.strong(),
        _ => theme.plain(),
    };
    let taken = (width(&name) as u16).min(room);
    pen.cell(&name, taken, Align::Left, style, theme);
    room -= taken;
    let mut notes = Vec::new();
    if tree.is_folded {
        notes.push(format!("+{}", tree.below));
    }
    match &group.kind {
        GroupKind::Container(_) | GroupKind::Own | GroupKind::Foreign { .. } => {
            notes.push(group.kind.word().to_owned());
        }
        _ => {}
    }
    for note in notes {
        let columns = width(&note) as u16 + 2;
        if columns <= room {
            pen.skip(2).put(&note, theme.quiet());
            room -= columns;
        }
    }
    pen.skip(room);
}

fn figure(pen: &mut Pen<'_>, view: &View<'_>, item: &GroupItem<'_>, slot: &GroupSlot) {
    let theme = view.theme;
    let (used, limit) = (slot.column.cell)(item);
    let share = slot.column.share.and_then(|share| share(item));
    let style = match (slot.column.id, share.map(Tone::of_share)) {
        // Holding a group at its quota is what the quota is for.
        ("cpu", Some(Tone::Bad)) if item.cpu_quota().is_some() => theme.tone(Tone::Warn),
        ("cpu", _) => theme.plain(),
        ("memory", _) if item.memory_limit().is_none() => theme.plain(),
        (_, Some(tone @ (Tone::Warn | Tone::Bad))) => theme.tone(tone),
        ("throttled", _)
            if item
                .row
                .usage
                .is_some_and(|u| u.throttled_share > Some(0.1)) =>
        {
            theme.tone(Tone::Warn)
        }
        ("pressure", _) if item.worst_stall().is_some_and(|(_, share)| share > 0.1) => {
            theme.tone(Tone::Warn)
        }
        _ => theme.plain(),
    };
    if slot.gauge > 0 {
        gauge::draw(pen, share, slot.gauge - 1, style, theme);
        pen.skip(1);
    }
    let is_quiet = matches!(
        used.as_str(),
        "0" | "0.0%" | "0%" | "0B" | "0B/s" | "–" | "-"
    );
    let style = if is_quiet { theme.quiet() } else { style };
    if let Some(limit) = limit {
        let whole = (width(&used) + 1 + width(&limit)) as u16;
        if whole <= slot.text {
            pen.skip(slot.text - whole).put(&used, style);
            pen.put("/", theme.quiet()).put(&limit, theme.quiet());
            return;
        }
    }
    pen.cell(&used, slot.text, slot.column.align, style, theme);
}

fn titles(buffer: &mut Buffer, view: &View<'_>, slots: &[GroupSlot]) {
    let (area, theme) = (view.regions.titles, view.theme);
    let sort = view.state.groups.list.sort;
    let mut pen = Pen::line(buffer, area, area.y);
    pen.skip(GROUP_GUTTER);
    for (n, slot) in slots.iter().enumerate() {
        if n > 0 {
            pen.skip(GROUP_GAP);
        }
        let is_sorted = sort.column == slot.column.id;
        let style = match is_sorted {
            true => theme.strong(),
            false => theme.quiet(),
        };
        let arrow = match (is_sorted, sort.is_descending) {
            (false, _) => "",
            (true, true) => theme.sign("▾", "v"),
            (true, false) => theme.sign("▴", "^"),
        };
        let align = match slot.gauge {
            0 => slot.column.align,
            _ => Align::Left,
        };
        let text = format!("{}{arrow}", slot.column.title);
        pen.cell(&text, slot.columns(), align, style, theme);
    }
}

fn empty(buffer: &mut Buffer, view: &View<'_>, world: &World) {
    let (area, theme) = (view.regions.rows, view.theme);
    let (strong, quiet) = (theme.strong(), theme.quiet());
    let filter = &view.state.groups.list.filter;
    if !world.groups.is_empty() && !filter.is_empty() {
        return list::unmatched(buffer, view, filter);
    }
    if view.state.timeline.is_replay() {
        let text = "a recording holds containers, no control groups";
        return table::middle(buffer, area, &[(text, quiet)]);
    }
    if view.state.notices().next().is_none() {
        return table::middle(buffer, area, &[(theme.reading(), quiet)]);
    }
    let lines = [
        ("No control groups can be read", strong),
        ("", quiet),
        ("why is told above", quiet),
    ];
    table::middle(buffer, area, &lines);
}

/// The selected group: its path, its use beside its limits, its processes.
fn details(buffer: &mut Buffer, view: &View<'_>) {
    let (tabs, area) = (view.regions.tabs, view.regions.details);
    list::rule(buffer, view);
    let Some(row) = view.state.selected_group() else {
        return;
    };
    heading(buffer, view, tabs, row);
    if area.height == 0 {
        return;
    }
    let inner = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    };
    let has_focus = view.state.pane == Pane::Details || view.state.is_zoomed;
    if inner.width < WIDE {
        // There is no room for both: the arrows choose.
        match has_focus && !view.state.is_zoomed {
            true => processes(buffer, view, inner),
            false => usage(buffer, view, inner, row),
        }
        return;
    }
    let right = (inner.width * 2 / 5).max(48);
    let left = Rect {
        width: inner.width - right - 3,
        ..inner
    };
    usage(buffer, view, left, row);
    let place = Rect {
        x: left.right() + 3,
        width: right,
        ..inner
    };
    processes(buffer, view, place);
}

fn heading(buffer: &mut Buffer, view: &View<'_>, tabs: Rect, row: &GroupRow) {
    let theme = view.theme;
    let group = &row.group;
    let mut pen = Pen::line(buffer, tabs, tabs.y);
    let path = match &*group.path {
        "" => "/".into(),
        path => sanitize(path),
    };
    let style = view.cursor(Pane::Details);
    pen.skip(1).put(" ", theme.quiet());
    let room = usize::from(pen.room()).saturating_sub(30);
    let path = crate::format::text::truncate(&path, room, theme.glyphs).into_owned();
    pen.put(&path, style);
    let kind = match &group.kind {
        GroupKind::Foreign { engine, .. } => format!("container of {engine}"),
        GroupKind::Own => "made here".into(),
        kind => kind.word().to_owned(),
    };
    pen.put(&format!("  {kind} "), theme.quiet());
    if &*group.hierarchies != "all" {
        let text = format!(" only in {} ", sanitize(&group.hierarchies));
        pen.put_right(&text, theme.quiet());
    }
}

fn usage(buffer: &mut Buffer, view: &View<'_>, area: Rect, row: &GroupRow) {
    let state = view.state;
    let Some(world) = &state.world else { return };
    let details = match &state.groups.details {
        Pending::Ready(details) => Some(details),
        _ => None,
    };
    let none = History::default();
    let history = state.groups.histories.get(&row.group.path);
    let subject = Subject {
        usage: row.usage.unwrap_or_default(),
        limits: match (details, &row.limits) {
            (Some(details), _) => details.limits.clone(),
            (None, Some(limits)) => (**limits).clone(),
            (None, None) => GroupLimits::default(),
        },
        details,
        before: state.groups.before.as_ref(),
        history: history.unwrap_or(&none),
        net_rates: NetRates::default(),
        host: &world.host,
    };
    stats::draw_subject(buffer, view, area, &subject);
}

fn processes(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let theme = view.theme;
    let found = match &view.state.groups.processes {
        Pending::Loading => {
            return table::middle(buffer, area, &[(theme.reading(), theme.quiet())]);
        }
        Pending::Failed(failure) => {
            let line = sanitize(&failure.message);
            return table::middle(buffer, area, &[(&line, theme.quiet())]);
        }
        Pending::Ready(found) => found,
    };
    if found.is_empty() {
        return table::middle(buffer, area, &[("no process is in it", theme.quiet())]);
    }
    let mut pen = Pen::line(buffer, area, area.y);
    let title = |pen: &mut Pen<'_>, text: &str, columns, align| {
        pen.cell(text, columns, align, theme.quiet(), theme).skip(2);
    };
    title(&mut pen, "PID", 7, Align::Right);
    title(&mut pen, "USER", 8, Align::Left);
    title(&mut pen, "CPU TIME", 8, Align::Right);
    title(&mut pen, "MEMORY", 8, Align::Right);
    pen.put("COMMAND", theme.quiet());
    let top = view.state.groups.scroll;
    for (y, process) in (area.y + 1..area.bottom()).zip(found.iter().skip(top)) {
        process_line(buffer, view, area, y, process);
    }
    let below = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    table::thumb(buffer, view, below, top, found.len());
}

fn process_line(buffer: &mut Buffer, view: &View<'_>, area: Rect, y: u16, process: &Process) {
    let (theme, plain, quiet) = (view.theme, view.theme.plain(), view.theme.quiet());
    let mut pen = Pen::line(buffer, area, y);
    let pid = process.pid.to_string();
    pen.cell(&pid, 7, Align::Right, plain, theme).skip(2);
    let user = sanitize(&process.user);
    pen.cell(&user, 8, Align::Left, quiet, theme).skip(2);
    let time = duration::short(process.cpu_time);
    pen.cell(&time, 8, Align::Right, plain, theme).skip(2);
    let memory = bytes::binary(process.resident_bytes);
    pen.cell(&memory, 8, Align::Right, plain, theme).skip(2);
    let room = pen.room().saturating_sub(1);
    let command = sanitize(&process.command);
    pen.cell(&command, room, Align::Left, plain, theme);
}

/// What a change of a group needs to be told.
pub fn prompt(buffer: &mut Buffer, view: &View<'_>, prompt: &GroupPrompt) {
    let theme = view.theme;
    let title = prompt.title();
    let has_limits = prompt.fields.len() > 1;
    let columns = (width(&title) as u16 + 8).max(if has_limits { 66 } else { 54 });
    let lines = prompt.fields.len() as u16;
    let area = centered(view, columns, lines + 4);
    let inside = boxed(buffer, view, area, &sanitize(&title), theme.plain());
    // Where there is little room the lines round the cursor are seen.
    let room = inside.height.saturating_sub(2).max(1);
    let top = (prompt.cursor + 1).saturating_sub(usize::from(room));
    let fields = prompt.fields.iter().enumerate().skip(top);
    for (y, (n, field)) in (inside.y..inside.y + room).zip(fields) {
        let is_cursor = n == prompt.cursor;
        let mut pen = Pen::line(buffer, inside, y);
        match field.limit {
            Some(limit) => {
                let style = match is_cursor {
                    true => theme.strong(),
                    false => theme.plain(),
                };
                pen.cell(limit.as_str(), 19, Align::Left, style, theme);
                let now = match &*field.now {
                    "" => "none",
                    now => now,
                };
                pen.cell(&sanitize(now), 14, Align::Left, theme.quiet(), theme)
                    .skip(1);
                pen.put(theme.sign("→ ", "> "), theme.quiet());
            }
            None => {
                pen.put("> ", theme.strong());
            }
        }
        pen.put(&sanitize(&field.text), theme.strong());
        if is_cursor {
            pen.put(" ", theme.selected());
        }
    }
    let mut pen = Pen::line(buffer, inside, inside.bottom().saturating_sub(2));
    match &prompt.fault {
        Some(fault) => pen.put(&sanitize(fault), theme.tone(Tone::Bad)),
        None => pen.put(prompt.allowed(), theme.quiet()),
    };
    let mut pen = Pen::line(buffer, inside, inside.bottom().saturating_sub(1));
    pen.put("enter", theme.strong())
        .put("  does it    ", theme.quiet());
    pen.put("esc", theme.strong())
        .put("  leaves it", theme.quiet());
    if has_limits {
        pen.put("    none", theme.strong())
            .put("  takes it away", theme.quiet());
    }
}
