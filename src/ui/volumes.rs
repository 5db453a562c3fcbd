//! The volumes screen: the list with what each takes, and who uses the selected one.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    View,
    dialogs::{boxed, centered},
    list,
    pen::Pen,
    table,
};
use crate::{
    app::{Pending, Prune, PruneItem, Pruned, volume_heads},
    format::{
        Tone, bytes,
        columns::volumes::VolumeItem,
        text::{Align, sanitize, truncate, width},
        volume as words,
    },
    model::{ContainerRow, Mount, Source, World},
};

/// Columns of a fact's name.
const FACT: u16 = 8;

/// Draws it.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (view.regions.rows, view.theme);
    let Some(world) = &view.state.world else {
        return table::middle(buffer, area, &[(theme.reading(), theme.quiet())]);
    };
    let volumes = &view.state.volumes.list;
    if volumes.rows.is_empty() {
        empty(buffer, view, world);
    } else {
        let heads = volume_heads(world, area.width);
        let size = |item: &VolumeItem<'_>| item.volume.size.map(|size| size.bytes as f64);
        let sizes = world.volumes.iter().filter_map(|volume| volume.size);
        let largest = sizes.map(|size| size.bytes).max().unwrap_or(1).max(1) as f64;
        let item = |row: usize| VolumeItem {
            glyphs: theme.glyphs,
            ..VolumeItem::new(&world.volumes[row], world)
        };
        let style = |item: &VolumeItem<'_>, id: &str| match id {
            "name" if !item.volume.anonymous => theme.strong(),
            "size" if item.volume.size.is_some() => theme.plain(),
            "users" if item.users() > 0 => theme.plain(),
            _ => theme.quiet(),
        };
        let rows = list::Rows {
            item: &item,
            id: &|row: usize| world.volumes[row].name.clone(),
            style: &style,
            share: &|item: &VolumeItem<'_>| size(item).map(|bytes| bytes / largest),
        };
        list::draw(buffer, view, &heads, volumes, &rows);
    }
    details(buffer, view, world);
}

fn empty(buffer: &mut Buffer, view: &View<'_>, world: &World) {
    let (area, theme) = (view.regions.rows, view.theme);
    let (strong, quiet) = (theme.strong(), theme.quiet());
    let filter = &view.state.volumes.list.filter;
    if list::is_past(buffer, view, "volumes") {
        return;
    }
    if !world.volumes.is_empty() && !filter.is_empty() {
        return list::unmatched(buffer, view, filter);
    }
    if list::is_unread(buffer, view, Source::Volumes, "volumes") {
        return;
    }
    let lines = [
        ("No volumes yet", strong),
        ("", quiet),
        (
            "n                                 makes one here            ",
            quiet,
        ),
        (
            "wharf run -v data:/srv IMAGE      makes one for a container ",
            quiet,
        ),
        (
            "wharf volume import data < a.tar  fills one from an archive ",
            quiet,
        ),
    ];
    table::middle(buffer, area, &lines);
}

/// What is known of the selected one, and who uses it.
fn details(buffer: &mut Buffer, view: &View<'_>, world: &World) {
    list::rule(buffer, view);
    let Some(volume) = view.state.selected_volume() else {
        return;
    };
    let theme = view.theme;
    let item = VolumeItem::new(volume, world);
    let said = match item.size() {
        None => "never measured".to_owned(),
        Some(size) => {
            let bytes = bytes::decimal(size.bytes);
            let files = match size.files {
                0 => String::new(),
                1 => " in one file".to_owned(),
                n => format!(" in {n} files"),
            };
            match size.is_current {
                true => format!("{bytes}{files}"),
                false => format!("{bytes}{files}, measured {}", item.measured()),
            }
        }
    };
    list::heading(buffer, view, words::name(volume), &said);
    let area = view.regions.details;
    let inner = Rect {
        x: area.x + 2,
        width: area.width.saturating_sub(3),
        ..area
    };
    let facts = words::facts(volume, world.at);
    let users: Vec<_> = world.users(&volume.name).collect();
    let scroll = view.state.volumes.scroll;
    let widths = Widths::of(&users, inner.width);
    for (y, n) in (inner.y..inner.bottom()).zip(scroll..) {
        let mut pen = Pen::line(buffer, inner, y);
        if let Some((name, text)) = facts.get(n) {
            pen.cell(name, FACT, Align::Left, theme.quiet(), theme)
                .skip(2);
            let room = pen.room();
            pen.cell(text, room, Align::Left, theme.plain(), theme);
            continue;
        }
        match (n - facts.len(), users.is_empty()) {
            (0, _) => {}
            (1, true) => nobody(&mut pen, view),
            (1, false) => widths.titles(&mut pen, view),
            (n, _) => {
                if let Some((row, mount)) = users.get(n - 2) {
                    widths.user(&mut pen, view, row, mount);
                }
            }
        }
    }
    let lines = facts.len() + 2 + users.len();
    table::thumb(buffer, view, area, scroll, lines);
}

/// Nobody uses it, and what that means.
fn nobody(pen: &mut Pen<'_>, view: &View<'_>) {
    use crate::action::Action::{PruneVolumes, RemoveVolume};
    let theme = view.theme;
    pen.put("no container uses it", theme.plain());
    let does = [(RemoveVolume, "removes it"), (PruneVolumes, "all such")];
    list::offers(pen, view, &does);
}

/// Columns of those who use a volume.
struct Widths {
    name: u16,
    state: u16,
    target: u16,
}

impl Widths {
    fn of(users: &[(&ContainerRow, &Mount)], room: u16) -> Self {
        let widest = |of: &dyn Fn(&(&ContainerRow, &Mount)) -> usize| {
            users.iter().map(of).max().unwrap_or(0) as u16
        };
        let name = widest(&|(row, _)| width(&sanitize(&row.container.name)));
        let target = widest(&|(_, mount)| width(&target(mount)));
        Self {
            name: name.clamp(7, 28).min(room / 3).max(7),
            state: widest(&|(row, _)| row.container.state.as_str().len()).max(5),
            target: target.clamp(10, 60).min(room / 2).max(10),
        }
    }

    fn titles(&self, pen: &mut Pen<'_>, view: &View<'_>) {
        let (theme, quiet) = (view.theme, view.theme.quiet());
        pen.skip(2)
            .cell("USED BY", self.name, Align::Left, quiet, theme)
            .skip(2);
        pen.cell("STATE", self.state, Align::Left, quiet, theme)
            .skip(2);
        pen.cell("MOUNTED AT", self.target, Align::Left, quiet, theme)
            .skip(2);
        pen.put("MAY", quiet);
    }

    fn user(&self, pen: &mut Pen<'_>, view: &View<'_>, row: &ContainerRow, mount: &Mount) {
        let theme = view.theme;
        let container = &row.container;
        let tone = theme.tone(Tone::of(container));
        pen.put(theme.glyphs.state(container.state), tone).skip(1);
        let name = sanitize(&container.name);
        pen.cell(&name, self.name, Align::Left, theme.strong(), theme)
            .skip(2);
        let state = container.state.as_str();
        pen.cell(state, self.state, Align::Left, theme.quiet(), theme)
            .skip(2);
        let target = target(mount);
        pen.cell(&target, self.target, Align::Left, theme.plain(), theme)
            .skip(2);
        let (may, style) = match (mount.read_only, container.state.has_process()) {
            (true, _) => ("read", theme.quiet()),
            (false, true) => ("read and write", theme.plain()),
            (false, false) => ("read and write", theme.quiet()),
        };
        pen.put(may, style);
        let part = mount.volume().and_then(|volume| volume.subpath.as_ref());
        if let Some(part) = part {
            let text = format!("  only {}", sanitize(&part.to_string_lossy()));
            let room = pen.room();
            pen.cell(&text, room, Align::Left, theme.quiet(), theme);
        }
    }
}

fn target(mount: &Mount) -> String {
    sanitize(&mount.target.to_string_lossy()).into_owned()
}

/// The question before a prune of networks or volumes.
pub fn prune(buffer: &mut Buffer, view: &View<'_>, prune: &Prune) {
    let theme = view.theme;
    let most = usize::from(view.state.area.width.saturating_sub(10)).min(90);
    let items = &prune.items;
    let shown = |item: &PruneItem| match prune.what {
        // Names that were made up are long and say nothing.
        Pruned::Volumes { .. } if item.name.len() == 64 => {
            sanitize(words::short(&item.name)).into_owned()
        }
        _ => sanitize(&item.name).into_owned(),
    };
    let widest = items.iter().map(|item| width(&shown(item))).max();
    let names = widest.unwrap_or(0).min(most / 2) as u16;
    let notes = items.iter().map(|item| width(&item.note)).max();
    let columns = usize::from(names) + 2 + notes.unwrap_or(0);
    let title = prune.title();
    let columns = columns.clamp(width(&title).max(64), most.max(64)) as u16;
    let wanted = items.len().max(1) as u16 + 6;
    let height = wanted.min(view.state.area.height.saturating_sub(2));
    let frame = match items.is_empty() {
        true => theme.plain(),
        false => theme.tone(Tone::Bad),
    };
    let area = centered(view, columns + 4, height);
    let inside = boxed(buffer, view, area, &title, frame);
    let rows = inside.height.saturating_sub(4);
    let scroll = prune
        .scroll
        .min(items.len().saturating_sub(usize::from(rows)));
    for (y, item) in (inside.y..inside.y + rows).zip(&items[scroll..]) {
        let mut pen = Pen::line(buffer, inside, y);
        pen.cell(&shown(item), names, Align::Left, theme.strong(), theme)
            .skip(2);
        let room = pen.room();
        pen.cell(&item.note, room, Align::Left, theme.quiet(), theme);
    }
    if items.is_empty() {
        let text = match prune.what {
            Pruned::Networks => "every network is named by a container, or is always there",
            Pruned::Volumes { all: false } => "no container left an unnamed volume behind",
            Pruned::Volumes { all: true } => "every volume is used by a container",
        };
        Pen::line(buffer, inside, inside.y).put(text, theme.plain());
    }
    let edge = Rect {
        width: inside.width + 1,
        height: rows,
        ..inside
    };
    table::thumb(buffer, view, edge, scroll, items.len());
    let mut pen = Pen::line(buffer, inside, inside.bottom().saturating_sub(3));
    let (text, style) = sum(prune, view);
    pen.put(
        &truncate(&text, usize::from(inside.width), theme.glyphs),
        style,
    );
    let mut pen = Pen::line(buffer, inside, inside.bottom().saturating_sub(1));
    if prune.is_ready() {
        pen.put("y", theme.strong()).put("  yes    ", theme.quiet());
    }
    let no = if items.is_empty() { "closes" } else { "no" };
    pen.put("n", theme.strong())
        .put("  ", theme.quiet())
        .put(no, theme.quiet());
    if let Pruned::Volumes { all } = prune.what {
        let does = match all {
            true => "only those that nobody named",
            false => "those with a name too",
        };
        pen.put("    a", theme.strong())
            .put("  ", theme.quiet())
            .put(does, theme.quiet());
    }
}

/// What will be free then.
fn sum(prune: &Prune, view: &View<'_>) -> (String, ratatui::style::Style) {
    let theme = view.theme;
    match (&prune.measured, prune.what) {
        _ if prune.items.is_empty() => (String::new(), theme.quiet()),
        (Pending::Loading, _) => {
            let text = theme.sign("measuring what they take …", "measuring what they take ...");
            (text.to_owned(), theme.quiet())
        }
        (Pending::Failed(failure), _) => (failure.message.clone(), theme.tone(Tone::Bad)),
        (Pending::Ready(()), Pruned::Networks) => {
            let text = "No container names them, running or not.";
            (text.to_owned(), theme.plain())
        }
        (Pending::Ready(()), Pruned::Volumes { .. }) => {
            let bytes = bytes::decimal(prune.items.iter().map(|item| item.bytes).sum());
            let text = format!("{bytes} will be free. What is in them can't be had back.");
            (text, theme.plain())
        }
    }
}
