//! The images screen: what each holds, what it shares, who uses it.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{View, gauge, pen::Pen, table};
use crate::{
    app::{ImageHead, Pane, image_heads},
    format::{
        Tone, bytes,
        columns::images::ImageItem,
        file,
        text::{Align, sanitize, width},
    },
    model::{Image, World},
};

/// Draws the table of images and the layers of the selected one.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (rows, theme) = (view.regions.rows, view.theme);
    let Some(world) = &view.state.world else {
        return table::middle(buffer, rows, &[(theme.reading(), theme.quiet())]);
    };
    let list = &view.state.images;
    if list.rows.is_empty() {
        empty(buffer, view, world);
    } else {
        titles(buffer, view, world);
        let heads = image_heads(&view.state.image_columns, world, rows.width);
        for (y, n) in (rows.y..rows.bottom()).zip(list.top..list.rows.len()) {
            let line = Rect {
                y,
                height: 1,
                ..rows
            };
            row(
                buffer,
                view,
                world,
                &heads,
                &world.images[list.rows[n]],
                line,
            );
            if n == list.cursor {
                let style = match view.state.pane {
                    Pane::Table => theme.selected(),
                    Pane::Details => theme.strong(),
                };
                buffer.set_style(line, style);
            }
        }
        table::thumb(buffer, view, rows, list.top, list.rows.len());
    }
    details(buffer, view, world);
}

fn titles(buffer: &mut Buffer, view: &View<'_>, world: &World) {
    let (area, theme) = (view.regions.titles, view.theme);
    let mut pen = Pen::line(buffer, area, area.y);
    let sort = view.state.images.sort;
    pen.skip(2);
    for head in image_heads(&view.state.image_columns, world, area.width) {
        let is_sorted = sort.column == head.column.id;
        let style = if is_sorted {
            theme.strong()
        } else {
            theme.quiet()
        };
        let arrow = match (
            is_sorted,
            sort.is_descending != head.column.is_largest_first,
        ) {
            (false, _) => "",
            (true, true) => theme.sign("▾", "v"),
            (true, false) => theme.sign("▴", "^"),
        };
        let text = format!("{}{arrow}", head.column.title);
        pen.cell(&text, head.columns, head.align(), style, theme)
            .skip(2);
    }
}

fn row(
    buffer: &mut Buffer,
    view: &View<'_>,
    world: &World,
    heads: &[ImageHead],
    image: &Image,
    line: Rect,
) {
    let theme = view.theme;
    let users = world
        .containers
        .iter()
        .filter(|row| row.container.image_id == image.id)
        .count();
    let item = ImageItem {
        glyphs: theme.glyphs,
        ..ImageItem::new(image, users, world.at)
    };
    let mut pen = Pen::line(buffer, line, line.y);
    match view.state.images.marks.contains(&image.id) {
        true => pen.put(theme.sign("✓", "+"), theme.strong()).skip(1),
        false => pen.skip(2),
    };
    for head in heads {
        let style = match head.column.id {
            "name" if item.name.is_some() => theme.strong(),
            "size" | "own" => theme.plain(),
            "in_use" if users > 0 => theme.plain(),
            _ => theme.quiet(),
        };
        if head.gauge > 0 {
            let largest = world.images.iter().map(|image| image.size_bytes).max();
            let share = image.size_bytes as f64 / largest.unwrap_or(1).max(1) as f64;
            gauge::draw(&mut pen, Some(share), head.gauge, theme.plain(), theme);
            pen.skip(1);
        }
        let room = head.columns - head.gauge - u16::from(head.gauge > 0);
        let text = (head.column.cell)(&item);
        pen.cell(&text, room, head.column.align, style, theme)
            .skip(2);
    }
}

fn empty(buffer: &mut Buffer, view: &View<'_>, world: &World) {
    let (area, theme) = (view.regions.rows, view.theme);
    let (strong, quiet) = (theme.strong(), theme.quiet());
    if world.images.is_empty() {
        let lines = [
            ("No images yet", strong),
            ("", quiet),
            (
                "wharf image from-host tools sh ls    from this machine's programs",
                quiet,
            ),
            (
                "wharf import ROOTFS.tar NAME:TAG     from a root file system",
                quiet,
            ),
            (
                "wharf demo                           with six containers worth watching",
                quiet,
            ),
        ];
        return table::middle(buffer, area, &lines);
    }
    let text = format!("nothing matches {}", sanitize(&view.state.images.filter));
    table::middle(
        buffer,
        area,
        &[(&text, strong), ("esc clears the filter", quiet)],
    );
}

/// The layers of the selected image, the topmost first, and who uses it.
fn details(buffer: &mut Buffer, view: &View<'_>, world: &World) {
    let (tabs, area, theme) = (view.regions.tabs, view.regions.details, view.theme);
    let mut pen = Pen::line(buffer, tabs, tabs.y);
    pen.fill(theme.rule(), tabs.width, theme.quiet());
    let Some(image) = view.state.selected_image() else {
        return;
    };
    let name = image
        .references
        .first()
        .map_or(image.id.short(), |name| name);
    let mut pen = Pen::line(buffer, tabs, tabs.y);
    pen.skip(1)
        .put(" ", theme.quiet())
        .put(&sanitize(name), theme.strong());
    let words = match image.layers.len() {
        1 => "  1 layer ".to_owned(),
        n => format!("  {n} layers "),
    };
    pen.put(&words, theme.quiet());
    if area.height == 0 {
        return;
    }
    let users: Vec<_> = world
        .containers
        .iter()
        .filter(|row| row.container.image_id == image.id)
        .collect();
    let mut pen = Pen::line(buffer, area, area.y);
    pen.skip(2);
    pen.put(&sanitize(&image.platform), theme.quiet()).skip(2);
    if users.is_empty() {
        pen.put("no container uses it", theme.quiet());
    } else {
        pen.put("used by", theme.quiet());
        for row in users {
            let name = sanitize(&row.container.name);
            let sign = theme.glyphs.state(row.container.state);
            if usize::from(pen.room()) < width(&name) + 6 {
                pen.put(theme.glyphs.ellipsis(), theme.quiet());
                break;
            }
            pen.skip(2).put(sign, theme.tone(Tone::of(&row.container)));
            pen.put(" ", theme.plain()).put(&name, theme.plain());
        }
    }
    let largest = image
        .layers
        .iter()
        .map(|layer| layer.size_bytes)
        .max()
        .unwrap_or(0);
    let top = view.state.layers_scroll;
    let lines = area.y + 2..area.bottom();
    for (y, layer) in lines.zip(image.layers.iter().rev().skip(top)) {
        let mut pen = Pen::line(buffer, area, y);
        pen.skip(2);
        pen.cell(layer.diff_id.short(), 12, Align::Left, theme.quiet(), theme)
            .skip(2);
        let share = layer.size_bytes as f64 / largest.max(1) as f64;
        gauge::draw(&mut pen, Some(share), 16, theme.plain(), theme);
        let size = bytes::decimal(layer.size_bytes);
        pen.skip(1)
            .cell(&size, 9, Align::Right, theme.plain(), theme)
            .skip(2);
        let by = file::command(&layer.created_by);
        let room = pen.room().saturating_sub(1);
        pen.cell(&by, room, Align::Left, theme.quiet(), theme);
    }
}
