//! How an operation on several things went, item by item.

use ratatui::{buffer::Buffer, style::Style};

use super::{
    View,
    dialogs::{boxed, centered, wrapped},
    pen::Pen,
};
use crate::{
    app::Results,
    format::{Tone, text::width},
};

/// Draws it.
pub fn draw(buffer: &mut Buffer, view: &View<'_>, results: &Results) {
    let theme = view.theme;
    let most = usize::from(view.state.area.width.saturating_sub(10)).min(90);
    let mut lines: Vec<(String, Style)> = Vec::new();
    let mut hints: Vec<&str> = Vec::new();
    for (name, result) in &results.items {
        match result {
            Ok(()) => {
                let text = format!("{} {name}", theme.sign("✓", "+"));
                lines.push((text, theme.quiet()));
            }
            Err(failure) => {
                let text = format!("{} {name}: {}", theme.sign("✗", "x"), failure.message);
                let parts = wrapped(&text, most).into_iter();
                lines.extend(parts.map(|part| (part, theme.tone(Tone::Bad))));
                let hint = failure.hint.as_deref().filter(|hint| !hints.contains(hint));
                hints.extend(hint);
            }
        }
    }
    for hint in hints {
        lines.push((String::new(), theme.plain()));
        let parts = wrapped(hint, most).into_iter();
        lines.extend(parts.map(|part| (part, theme.plain())));
    }
    let widest = lines.iter().map(|(text, _)| width(text));
    let columns = widest
        .chain([width(&results.title) + 4, 30])
        .max()
        .unwrap_or(0) as u16;
    let height = (lines.len() as u16 + 4).min(view.state.area.height.saturating_sub(2));
    let area = centered(view, columns + 4, height);
    let inside = boxed(buffer, view, area, &results.title, theme.tone(Tone::Bad));
    read(buffer, view, inside, &lines, results.scroll);
}

/// Draws lines that can be scrolled, and below them how to leave.
pub fn read(
    buffer: &mut Buffer,
    view: &View<'_>,
    inside: ratatui::layout::Rect,
    lines: &[(String, Style)],
    scroll: usize,
) {
    let theme = view.theme;
    let bottom = inside.bottom().saturating_sub(2);
    let height = usize::from(bottom.saturating_sub(inside.y));
    let scroll = scroll.min(lines.len().saturating_sub(height));
    for (y, (text, style)) in (inside.y..bottom).zip(lines.iter().skip(scroll)) {
        Pen::line(buffer, inside, y).put(text, *style);
    }
    let edge = ratatui::layout::Rect {
        width: inside.width + 1,
        height: height as u16,
        ..inside
    };
    super::table::thumb(buffer, view, edge, scroll, lines.len());
    let mut pen = Pen::line(buffer, inside, inside.bottom().saturating_sub(1));
    pen.put("esc", theme.strong()).put("  close", theme.quiet());
    if lines.len() > height {
        pen.skip(3).put("j k", theme.strong());
        pen.put("  scroll", theme.quiet());
    }
}
