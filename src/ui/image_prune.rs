//! What a prune of images would remove, and what that frees.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    View,
    dialogs::{boxed, centered, wrapped},
    pen::Pen,
};
use crate::{
    app::{ImagePrune, Pending},
    format::{
        Tone, bytes,
        columns::images::ImageItem,
        text::{Align, counted, sanitize},
    },
    model::PrunedImages,
};

/// Columns of a size.
const SIZE: u16 = 9;

/// Draws the dialog.
pub fn draw(buffer: &mut Buffer, view: &View<'_>, pruning: &ImagePrune) {
    let theme = view.theme;
    let most = view.state.area.height.saturating_sub(2);
    let lines = |found: &Pending<PrunedImages>| match found {
        Pending::Ready(found) => found.images.len() as u16 + u16::from(found.partial_bytes > 0),
        _ => 1,
    };
    // As high as the longer list needs, so that changing between them moves nothing.
    let longest = pruning.found.iter().map(lines).max().unwrap_or(0).max(3);
    let area = centered(view, 72, longest.saturating_add(7).min(most));
    let inside = boxed(buffer, view, area, "Prune images", theme.plain());
    let choices = ["images without a name", "all that no container uses"];
    for (y, (n, title)) in (inside.y..inside.bottom()).zip(choices.into_iter().enumerate()) {
        let is_chosen = pruning.is_all == (n == 1);
        let style = if is_chosen {
            theme.strong()
        } else {
            theme.quiet()
        };
        let mut pen = Pen::line(buffer, inside, y);
        pen.put(
            if is_chosen {
                theme.sign("▸ ", "> ")
            } else {
                "  "
            },
            theme.accent(),
        );
        let columns = inside.width.saturating_sub(31).min(28);
        pen.cell(title, columns, Align::Left, style, theme).skip(2);
        match &pruning.found[n] {
            Pending::Ready(found) => {
                let count = counted(found.images.len(), "image");
                pen.cell(&count, 11, Align::Right, style, theme).skip(2);
                let bytes = bytes::decimal(found.freed_bytes());
                pen.cell(&bytes, SIZE, Align::Right, style, theme);
                pen.put(" free", theme.quiet());
            }
            Pending::Loading => drop(pen.put(theme.reading(), theme.quiet())),
            Pending::Failed(_) => drop(pen.put("can't be told", theme.tone(Tone::Bad))),
        }
    }
    let mut pen = Pen::line(buffer, inside, inside.y + 2);
    pen.put_right("     SIZE       OWN ", theme.quiet());
    let list = Rect {
        y: inside.y + 3,
        height: inside.height.saturating_sub(5),
        ..inside
    };
    match pruning.chosen() {
        Pending::Ready(found) => images(buffer, view, list, found, pruning.scroll),
        Pending::Loading => {}
        Pending::Failed(failure) => {
            let hint = failure.hint.as_deref().unwrap_or_default();
            let text = format!("{}\n{hint}", failure.message);
            let columns = usize::from(list.width);
            let parts = text.lines().flat_map(|line| wrapped(line, columns));
            for (y, part) in (list.y..list.bottom()).zip(parts) {
                Pen::line(buffer, list, y).put(&part, theme.tone(Tone::Bad));
            }
        }
    }
    let mut pen = Pen::line(buffer, inside, inside.bottom().saturating_sub(1));
    for (key, text) in [
        ("enter", "remove them"),
        ("esc", "leave them"),
        ("tab", "the other"),
        ("j k", "scroll"),
    ] {
        pen.put(key, theme.strong()).put(" ", theme.quiet());
        pen.put(text, theme.quiet()).skip(3);
    }
}

/// What would go, each with all that it shows and what of that no other image has.
fn images(buffer: &mut Buffer, view: &View<'_>, area: Rect, found: &PrunedImages, scroll: usize) {
    let theme = view.theme;
    if found.images.is_empty() && found.partial_bytes == 0 {
        let mut pen = Pen::line(buffer, area, area.y);
        pen.skip(2).put("nothing would go", theme.quiet());
        return;
    }
    let room = usize::from(area.height);
    let all = found.images.len() + usize::from(found.partial_bytes > 0);
    let top = scroll.min(all.saturating_sub(room));
    let shown = found.images.iter().skip(top).take(room);
    let below = area.y + shown.len() as u16;
    for (y, image) in (area.y..).zip(shown) {
        let item = ImageItem {
            glyphs: theme.glyphs,
            ..ImageItem::new(image, 0, view.state.now())
        };
        let mut pen = Pen::line(buffer, area, y);
        let name = image.references.first().map(|name| sanitize(name));
        let columns = pen.room().saturating_sub(2 * SIZE + 20);
        pen.skip(2);
        match name {
            Some(name) => pen.cell(&name, columns, Align::Left, theme.plain(), theme),
            None => pen.cell(image.id.short(), columns, Align::Left, theme.quiet(), theme),
        };
        let age = item.age().unwrap_or_default();
        pen.skip(1);
        pen.cell(&age, 14, Align::Right, theme.quiet(), theme)
            .skip(1);
        let size = bytes::decimal(image.size_bytes);
        pen.cell(&size, SIZE, Align::Right, theme.quiet(), theme)
            .skip(1);
        let own = bytes::decimal(item.own_bytes());
        pen.cell(&own, SIZE, Align::Right, theme.plain(), theme)
            .skip(1);
    }
    if found.partial_bytes > 0 && below < area.bottom() {
        let mut pen = Pen::line(buffer, area, below);
        let text = format!(
            "{} of downloads that came in part",
            bytes::decimal(found.partial_bytes)
        );
        pen.skip(2).put(&text, theme.quiet());
    }
    let edge = Rect {
        width: area.width + 1,
        ..area
    };
    super::table::thumb(buffer, view, edge, top, all);
}
