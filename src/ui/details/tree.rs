//! All that is known about a container, as a tree.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    super::{Pen, View, table},
    inner,
};
use crate::{
    app::{Content, Node},
    format::{
        Tone,
        text::{Align, width},
    },
};

/// Columns by which a level is set in.
const INDENT: u16 = 2;

/// Draws it.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (inner(view.regions.details), view.theme);
    let tree = &view.state.details.tree;
    let names = tree
        .nodes
        .iter()
        .filter(|node| matches!(node.content, Content::Value { .. }));
    let end = |node: &Node| node.depth * usize::from(INDENT) + width(&node.name);
    let columns = (names.map(end).max().unwrap_or(0) as u16).clamp(12, 36);
    let shown = tree.shown.iter().enumerate().skip(tree.top);
    for (y, (n, &place)) in (area.y..area.bottom()).zip(shown) {
        let mut pen = Pen::line(buffer, area, y);
        draw_node(
            &mut pen,
            view,
            &tree.nodes[place],
            columns,
            tree.is_hit(place),
        );
        if n == tree.cursor && view.state.has_details_focus() {
            let line = Rect {
                y,
                height: 1,
                ..view.regions.details
            };
            buffer.set_style(line, theme.selected());
        }
    }
    table::thumb(
        buffer,
        view,
        view.regions.details,
        tree.top,
        tree.shown.len(),
    );
}

fn draw_node(pen: &mut Pen<'_>, view: &View<'_>, node: &Node, columns: u16, is_hit: bool) {
    let theme = view.theme;
    let indent = node.depth as u16 * INDENT;
    let found = |style| match is_hit {
        true => theme.tone(Tone::Warn).add_modifier(Modifier::BOLD),
        false => style,
    };
    pen.skip(indent);
    match &node.content {
        Content::Group {
            count,
            is_list,
            is_folded,
        } => {
            let sign = match (count, is_folded) {
                (0, _) => " ",
                (_, true) => theme.sign("▸", "+"),
                (_, false) => theme.sign("▾", "-"),
            };
            pen.put(sign, theme.quiet()).put(" ", theme.plain());
            pen.put(&node.name, found(theme.strong())).skip(1);
            let text = match (is_list, count, is_folded) {
                (true, 0, _) => "[]".to_owned(),
                (false, 0, _) => "{}".to_owned(),
                (true, n, true) => format!("[{n}]"),
                (false, n, true) => format!("{{{n}}}"),
                _ => String::new(),
            };
            pen.put(&text, theme.quiet());
        }
        Content::Value { text, note, .. } => {
            pen.skip(2);
            let room = columns.saturating_sub(indent).max(4);
            pen.cell(&node.name, room, Align::Left, found(theme.quiet()), theme);
            pen.skip(2);
            let room = pen.room();
            let columns = room.min(width(text) as u16);
            pen.cell(text, columns, Align::Left, found(theme.plain()), theme);
            if !note.is_empty() {
                pen.skip(2).put(note, theme.quiet());
            }
        }
    }
}
