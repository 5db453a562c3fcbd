//! The images screen: what each holds, what it shares, who uses it.

use ratatui::buffer::Buffer;

use super::{View, gauge, list, pen::Pen, table};
use crate::{
    app::image_heads,
    format::{
        Tone, bytes,
        columns::images::ImageItem,
        file,
        text::{Align, counted, sanitize, width},
    },
    model::World,
};

/// Draws the table of images and the layers of the selected one.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (rows, theme) = (view.regions.rows, view.theme);
    let Some(world) = &view.state.world else {
        return table::middle(buffer, rows, &[(theme.reading(), theme.quiet())]);
    };
    let images = &view.state.images;
    if images.rows.is_empty() {
        empty(buffer, view, world);
    } else {
        let heads = image_heads(&view.state.image_columns, world, rows.width);
        let largest = world.images.iter().map(|image| image.size_bytes).max();
        let largest = largest.unwrap_or(1).max(1) as f64;
        let item = |row: usize| {
            let image = &world.images[row];
            let users = world.containers.iter();
            let users = users.filter(|row| row.container.image_id == image.id);
            ImageItem {
                glyphs: theme.glyphs,
                ..ImageItem::new(image, users.count(), world.at)
            }
        };
        let style = |item: &ImageItem<'_>, id: &str| match id {
            "name" if item.name.is_some() => theme.strong(),
            "size" | "own" => theme.plain(),
            "in_use" if item.users > 0 => theme.plain(),
            _ => theme.quiet(),
        };
        let rows = list::Rows {
            item: &item,
            id: &|row: usize| world.images[row].id.clone(),
            style: &style,
            share: &|item: &ImageItem<'_>| Some(item.image.size_bytes as f64 / largest),
        };
        list::draw(buffer, view, &heads, images, &rows);
    }
    details(buffer, view, world);
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
    list::unmatched(buffer, view, &view.state.images.filter);
}

/// The layers of the selected image, the topmost first, and who uses it.
fn details(buffer: &mut Buffer, view: &View<'_>, world: &World) {
    let (area, theme) = (view.regions.details, view.theme);
    list::rule(buffer, view);
    let Some(image) = view.state.selected_image() else {
        return;
    };
    let name = image.title();
    let words = counted(image.layers.len(), "layer");
    list::heading(buffer, view, name, &words);
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
