//! The explorer: an image's layers as a stack, and the files of one of them or of all up
//! to it, with what it did to each; or a container's files.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{View, gauge, pen::Pen, table, viewer};
use crate::{
    app::{Explorer, Looked, Pane, Pending},
    format::{
        Tone, bytes, file,
        text::{Align, sanitize, sanitize_bytes, truncate, width},
    },
    model::{self, FileKind, LayerDetails, Mark, TreePage, TreeRow, Waste},
};

/// Columns of the gauge that compares sizes.
const GAUGE: u16 = 8;
/// Columns of a size.
const SIZE: u16 = 8;

/// Draws it.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let Some(explorer) = &view.state.explorer else {
        return;
    };
    heading(buffer, view, explorer);
    layers(buffer, view, explorer);
    match (&explorer.viewer, explorer.shows_waste) {
        (Some(reader), _) => viewer::draw(buffer, view, reader),
        (None, true) => waste(buffer, view, explorer),
        (None, false) => tree(buffer, view, explorer),
    }
}

/// What is looked into, and what of it.
fn heading(buffer: &mut Buffer, view: &View<'_>, explorer: &Explorer) {
    let (area, theme) = (view.regions.tabs, view.theme);
    let mut pen = Pen::line(buffer, area, area.y);
    pen.fill(theme.rule(), area.width, theme.quiet());
    let mut pen = Pen::line(buffer, area, area.y);
    let (shown, style) = match (&explorer.what, explorer.view) {
        (Looked::Volume(_), _) | (Looked::Container(_), model::View::Merged) => {
            ("all its files", theme.quiet())
        }
        (Looked::Container(_), model::View::Layer) => ("what it wrote", theme.tone(Tone::Warn)),
        (_, model::View::Merged) => ("all up to it", theme.quiet()),
        (_, model::View::Layer) => ("it alone", theme.tone(Tone::Warn)),
    };
    let count = explorer.layer_count();
    let shown = match count {
        0 => format!(" {shown} "),
        _ => format!(" layer {} of {count}, {shown} ", explorer.layer + 1),
    };
    pen.put_right(" ", theme.quiet());
    pen.put_right(&shown, style);
    let name = sanitize(&explorer.name);
    let name = truncate(
        &name,
        usize::from(pen.room()).saturating_sub(4),
        theme.glyphs,
    );
    pen.skip(1)
        .put(" ", theme.quiet())
        .put(&name, theme.strong());
    pen.put(" ", theme.quiet());
    let Some(image) = explorer.image() else {
        return;
    };
    let waste = &image.waste;
    let is_poor = waste.efficiency < 0.9;
    let mut parts = vec![
        (sanitize(&image.platform).into_owned(), theme.quiet()),
        (bytes::decimal(waste.total_bytes), theme.plain()),
        (
            format!("efficiency {}", file::percent(waste.efficiency)),
            if is_poor {
                theme.tone(Tone::Warn)
            } else {
                theme.plain()
            },
        ),
    ];
    parts.push(match waste.wasted_bytes {
        0 => ("nothing wasted".to_owned(), theme.quiet()),
        wasted => {
            let style = if is_poor {
                theme.tone(Tone::Warn)
            } else {
                theme.plain()
            };
            (format!("{} wasted", bytes::decimal(wasted)), style)
        }
    });
    for (text, style) in parts {
        if usize::from(pen.room()) < width(&text) + 2 {
            break;
        }
        pen.put(" ", theme.quiet())
            .put(&text, style)
            .put(" ", theme.quiet());
    }
}

/// The stack, topmost first, and below it what there is to know of the chosen one.
fn layers(buffer: &mut Buffer, view: &View<'_>, explorer: &Explorer) {
    let (area, theme) = (view.regions.details, view.theme);
    if area.height == 0 || area.width == 0 {
        return;
    }
    let image = match &explorer.layers {
        Pending::Ready(image) => image,
        Pending::Loading => {
            return table::middle(buffer, area, &[(theme.reading(), theme.quiet())]);
        }
        Pending::Failed(failure) => {
            let room = usize::from(area.width);
            let line = truncate(&failure.message, room, theme.glyphs);
            return table::middle(buffer, area, &[(&line, theme.tone(Tone::Bad))]);
        }
    };
    let count = image.layers.len();
    // What is known of one stands below, where there is room for the stack and for it.
    let about = area
        .height
        .saturating_sub((count as u16).min(area.height / 2) + 1);
    let about = if about < 5 { 0 } else { about };
    let height = usize::from(area.height - about).min(count);
    let cursor = count.saturating_sub(explorer.layer + 1);
    let top = (cursor + 1).saturating_sub(height);
    let largest = image.layers.iter().map(|layer| layer.size_bytes).max();
    for (y, n) in (area.y..).zip(top..(top + height).min(count)) {
        let number = count - n;
        let layer = &image.layers[number - 1];
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        layer_line(buffer, view, line, number, layer, largest.unwrap_or(0));
        if n == cursor {
            buffer.set_style(line, view.cursor(Pane::Details));
        }
    }
    let rest = Rect {
        y: area.y + height as u16 + 1,
        height: about.saturating_sub(1),
        ..area
    };
    if let Some(layer) = image.layers.get(explorer.layer) {
        about_layer(buffer, view, rest, &image.waste, layer);
    }
}

fn layer_line(
    buffer: &mut Buffer,
    view: &View<'_>,
    line: Rect,
    number: usize,
    layer: &LayerDetails,
    largest: u64,
) {
    let theme = view.theme;
    let is_shown = view
        .state
        .explorer
        .as_ref()
        .is_some_and(|e| e.layer + 1 == number);
    let mut pen = Pen::line(buffer, line, line.y);
    let mark = if is_shown {
        theme.sign("▸", ">")
    } else {
        " "
    };
    pen.put(mark, theme.accent());
    pen.cell(&number.to_string(), 3, Align::Right, theme.quiet(), theme)
        .skip(1);
    let size = bytes::decimal(layer.size_bytes);
    pen.cell(&size, SIZE, Align::Right, theme.plain(), theme)
        .skip(1);
    let share = layer.size_bytes as f64 / largest.max(1) as f64;
    gauge::draw(&mut pen, Some(share), GAUGE, theme.graph(), theme);
    pen.skip(1);
    if layer.wasted_bytes > 0 && line.width >= 56 {
        let wasted = format!("-{}", bytes::decimal(layer.wasted_bytes));
        pen.cell(
            &wasted,
            SIZE + 1,
            Align::Right,
            theme.tone(Tone::Warn),
            theme,
        );
        pen.skip(1);
    } else if line.width >= 56 {
        pen.skip(SIZE + 2);
    }
    let shared = match layer.shared_with.len() {
        0 => String::new(),
        n => format!(" {}{n}", theme.sign("⇄", "x")),
    };
    pen.put_right(&shared, theme.quiet());
    let room = pen.room();
    let command = file::command(&layer.created_by);
    pen.cell(&command, room, Align::Left, theme.quiet(), theme);
}

fn about_layer(
    buffer: &mut Buffer,
    view: &View<'_>,
    area: Rect,
    waste: &Waste,
    layer: &LayerDetails,
) {
    let theme = view.theme;
    if area.height == 0 {
        return;
    }
    let mut facts = vec![sum(layer.size_bytes, layer.files)];
    facts.extend(
        layer
            .packed_bytes
            .map(|packed| format!("{} packed", bytes::decimal(packed))),
    );
    let mut lines = vec![(facts.join("  "), theme.plain())];
    if layer.wasted_bytes > 0 {
        let wasted = bytes::decimal(layer.wasted_bytes);
        let line = format!("{wasted} of it are hidden by layers above");
        lines.push((line, theme.tone(Tone::Warn)));
    }
    lines.push(match layer.shared_with.as_slice() {
        [] => ("no other image has it".into(), theme.quiet()),
        names => {
            let names: Vec<_> = names.iter().map(|name| sanitize(name)).collect();
            (format!("also in {}", names.join(" ")), theme.plain())
        }
    });
    lines.push((layer.diff_id.to_string(), theme.quiet()));
    let room = usize::from(area.width).saturating_sub(2).max(1);
    let command = file::command(&layer.created_by);
    for piece in wrapped(&command, room) {
        lines.push((piece, theme.plain()));
    }
    if !waste.files.is_empty() {
        lines.push((String::new(), theme.plain()));
        lines.push(("WASTED MOST".into(), theme.quiet()));
    }
    for found in &waste.files {
        let size = bytes::decimal(found.bytes);
        let path = sanitize_bytes(&found.raw_path);
        let style = match found.is_removed {
            true => theme.tone(Tone::Bad),
            false => theme.tone(Tone::Warn),
        };
        lines.push((format!("{size:>8}  /{path}"), style));
    }
    for (y, (line, style)) in (area.y..area.bottom()).zip(&lines) {
        let mut pen = Pen::line(buffer, area, y);
        let line = truncate(line, room, theme.glyphs);
        pen.skip(1).put(&line, *style);
    }
}

fn sum(size: u64, files: u64) -> String {
    let word = if files == 1 { "file" } else { "files" };
    format!("{} in {files} {word}", bytes::decimal(size))
}

/// A text in lines of so many columns.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a line");
        if last.is_empty() {
            last.push_str(word);
        } else if width(last) + 1 + width(word) <= columns {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Columns of a line of the tree that there is room for.
struct Room {
    permissions: bool,
    owner: bool,
    gauge: bool,
}

impl Room {
    fn of(columns: u16) -> Self {
        Self {
            gauge: columns >= 50,
            permissions: columns >= 64,
            owner: columns >= 86,
        }
    }
}

fn tree(buffer: &mut Buffer, view: &View<'_>, explorer: &Explorer) {
    let (titles, rows, theme) = (view.regions.titles, view.regions.rows, view.theme);
    let room = Room::of(rows.width);
    let mut pen = Pen::line(buffer, titles, titles.y);
    pen.skip(2);
    pen.cell("SIZE", SIZE, Align::Right, theme.quiet(), theme)
        .skip(1);
    if room.gauge {
        pen.skip(GAUGE + 1);
    }
    if room.permissions {
        pen.cell("MODE", 10, Align::Left, theme.quiet(), theme)
            .skip(2);
    }
    if room.owner {
        pen.cell("OWNER", 9, Align::Left, theme.quiet(), theme)
            .skip(2);
    }
    pen.put("NAME", theme.quiet());
    let page = match &explorer.page {
        Pending::Ready(page) if page.total > 0 => page,
        Pending::Ready(_) => return nothing(buffer, view, explorer),
        Pending::Loading => {
            return table::middle(buffer, rows, &[(theme.reading(), theme.quiet())]);
        }
        Pending::Failed(failure) => {
            let room = usize::from(rows.width).saturating_sub(2);
            let line = truncate(&failure.message, room, theme.glyphs);
            let hint = failure.hint.as_deref().unwrap_or("esc goes back");
            let hint = truncate(hint, room, theme.glyphs);
            let lines = [(&*line, theme.tone(Tone::Bad)), (&*hint, theme.quiet())];
            return table::middle(buffer, rows, &lines);
        }
    };
    pen.put_right(" ", theme.quiet());
    pen.put_right(&sum(page.bytes, page.files), theme.quiet());
    for (y, number) in (rows.y..rows.bottom()).zip(explorer.top..page.total) {
        // What is on its way leaves its lines free for a moment.
        let Some(row) = explorer.line(number) else {
            continue;
        };
        let line = Rect {
            y,
            height: 1,
            ..rows
        };
        tree_line(buffer, view, line, row, page, &room);
        if number == explorer.cursor {
            buffer.set_style(line, view.cursor(Pane::Table));
        }
    }
    table::thumb(buffer, view, rows, explorer.top, page.total);
}

fn tree_line(
    buffer: &mut Buffer,
    view: &View<'_>,
    line: Rect,
    row: &TreeRow,
    page: &TreePage,
    room: &Room,
) {
    let theme = view.theme;
    let entry = &row.entry;
    let style = theme.mark(row.mark);
    let mut pen = Pen::line(buffer, line, line.y);
    pen.put(file::sign(row.mark), style).skip(1);
    let (size, size_style) = match (entry.kind, row.bytes) {
        (FileKind::File | FileKind::Directory, 0) => ("0B".to_owned(), theme.quiet()),
        (FileKind::File | FileKind::Directory, size) => (bytes::decimal(size), theme.plain()),
        _ => (theme.glyphs.unknown().to_owned(), theme.quiet()),
    };
    pen.cell(&size, SIZE, Align::Right, size_style, theme)
        .skip(1);
    if room.gauge {
        let share = row.bytes as f64 / page.bytes.max(1) as f64;
        let share = (row.bytes > 0).then_some(share);
        gauge::draw(&mut pen, share, GAUGE, theme.graph(), theme);
        pen.skip(1);
    }
    if room.permissions {
        let text = file::permissions(entry);
        pen.cell(&text, 10, Align::Left, theme.quiet(), theme)
            .skip(2);
    }
    if room.owner {
        let text = format!("{}:{}", entry.uid, entry.gid);
        pen.cell(&text, 9, Align::Left, theme.quiet(), theme)
            .skip(2);
    }
    // Deep trees of narrow screens keep their names.
    let indent = (row.depth as u16 * 2).min(line.width / 3);
    let fold = match (entry.is_directory(), row.is_open) {
        (false, _) => " ",
        (true, false) => theme.sign("▸", "+"),
        (true, true) => theme.sign("▾", "-"),
    };
    pen.skip(indent).put(fold, theme.quiet()).skip(1);
    let name = sanitize_bytes(&entry.name);
    let slash = if entry.is_directory() { "/" } else { "" };
    let name_style = match (row.mark, entry.is_directory()) {
        (Mark::Unchanged, true) => theme.strong(),
        _ => style,
    };
    let free = usize::from(pen.room().saturating_sub(1));
    let text = format!("{name}{slash}");
    pen.put(&truncate(&text, free, theme.glyphs), name_style);
    if entry.kind == FileKind::Symlink {
        let arrow = theme.sign("→", "->");
        let text = format!(" {arrow} {}", sanitize_bytes(&entry.target));
        let free = usize::from(pen.room().saturating_sub(1));
        pen.put(&truncate(&text, free, theme.glyphs), theme.quiet());
    } else if entry.is_link {
        pen.put(" hard link", theme.quiet());
    } else if entry.is_opaque && row.mark != Mark::Added {
        pen.put(" replaced", theme.quiet());
    }
}

fn nothing(buffer: &mut Buffer, view: &View<'_>, explorer: &Explorer) {
    let (rows, theme) = (view.regions.rows, view.theme);
    let (strong, quiet) = (theme.strong(), theme.quiet());
    let lines: [(String, _); 2] = if !explorer.filter.is_empty() {
        let text = format!("nothing matches {}", sanitize(&explorer.filter));
        [(text, strong), ("esc clears the filter".into(), quiet)]
    } else if explorer.view == model::View::Layer {
        let text = match explorer.what {
            Looked::Image(_) => "This layer changes no files",
            Looked::Container(_) => "It wrote nothing yet",
            Looked::Volume(_) => "It is empty",
        };
        let keys = &view.state.config.keymap;
        let key = keys.shown(crate::action::Action::LayerAlone.spec());
        let hint = key.map_or(String::new(), |key| format!("{key} shows all up to it"));
        [(text.into(), strong), (hint, quiet)]
    } else {
        [("Nothing is in it".into(), strong), (String::new(), quiet)]
    };
    let lines: Vec<_> = lines
        .iter()
        .map(|(text, style)| (text.as_str(), *style))
        .collect();
    table::middle(buffer, rows, &lines);
}

/// Paths that later layers overwrite or remove, the most wasteful first.
fn waste(buffer: &mut Buffer, view: &View<'_>, explorer: &Explorer) {
    let (titles, rows, theme) = (view.regions.titles, view.regions.rows, view.theme);
    let mut pen = Pen::line(buffer, titles, titles.y);
    pen.skip(2);
    pen.cell("WASTED", SIZE, Align::Right, theme.quiet(), theme)
        .skip(1);
    let has_gauge = rows.width >= 50;
    if has_gauge {
        pen.skip(GAUGE + 1);
    }
    pen.cell("FILES", 6, Align::Right, theme.quiet(), theme)
        .skip(2);
    pen.cell("BY LAYER", 13, Align::Left, theme.quiet(), theme)
        .skip(2);
    pen.put("PATH", theme.quiet());
    let Some(image) = explorer.image() else {
        return table::middle(buffer, rows, &[(theme.reading(), theme.quiet())]);
    };
    let waste = &image.waste;
    if waste.files.is_empty() {
        let lines = [
            ("Nothing is wasted", theme.strong()),
            (
                "no layer overwrites or removes what one below it has",
                theme.quiet(),
            ),
        ];
        return table::middle(buffer, rows, &lines);
    }
    let hidden = waste.count.saturating_sub(waste.files.len() as u64);
    if hidden > 0 {
        pen.put_right(&format!("{hidden} smaller ones "), theme.quiet());
    }
    for (y, n) in (rows.y..rows.bottom()).zip(explorer.waste_top..waste.files.len()) {
        let found = &waste.files[n];
        let line = Rect {
            y,
            height: 1,
            ..rows
        };
        let (sign, word, style) = match found.is_removed {
            true => ("-", "removes", theme.tone(Tone::Bad)),
            false => ("~", "rewrites", theme.tone(Tone::Warn)),
        };
        let mut pen = Pen::line(buffer, line, y);
        pen.put(sign, style).skip(1);
        let size = bytes::decimal(found.bytes);
        pen.cell(&size, SIZE, Align::Right, theme.plain(), theme)
            .skip(1);
        if has_gauge {
            let share = found.bytes as f64 / waste.wasted_bytes.max(1) as f64;
            gauge::draw(&mut pen, Some(share), GAUGE, theme.graph(), theme);
            pen.skip(1);
        }
        let files = found.files.to_string();
        pen.cell(&files, 6, Align::Right, theme.quiet(), theme)
            .skip(2);
        let by = format!("{:>3} {word}", found.layer + 1);
        pen.cell(&by, 13, Align::Left, theme.quiet(), theme).skip(2);
        let room = usize::from(pen.room().saturating_sub(1));
        let path = format!("/{}", sanitize_bytes(&found.raw_path));
        pen.put(&truncate(&path, room, theme.glyphs), style);
        if n == explorer.waste_cursor {
            buffer.set_style(line, theme.selected());
        }
    }
    table::thumb(buffer, view, rows, explorer.waste_top, waste.files.len());
}
