//! What is wrong with a container: each trouble with its cause and what can be done, then
//! what the container said last.

use ratatui::{buffer::Buffer, style::Style};

use super::{
    View,
    dialogs::{boxed, centered, wrapped},
    results,
};
use crate::{
    app::{Explanation, Pending, log::Kind},
    format::{
        Tone,
        columns::Item,
        text::{sanitize, truncate},
        trouble::troubles,
    },
};

/// Draws it.
pub fn draw(buffer: &mut Buffer, view: &View<'_>, explanation: &Explanation) {
    let theme = view.theme;
    let Some(world) = &view.state.world else {
        return;
    };
    let width = view.state.area.width.saturating_sub(6).min(96);
    let most = usize::from(width.saturating_sub(4));
    let mut lines: Vec<(String, Style)> = Vec::new();
    let mut name = explanation.id.short().to_owned();
    match world.container(&explanation.id) {
        None => lines.push(("it is gone".into(), theme.quiet())),
        Some(row) => {
            name = sanitize(&row.container.name).into_owned();
            let item = Item {
                glyphs: theme.glyphs,
                ..view.state.table.item(row, world)
            };
            let found = troubles(&item);
            if found.is_empty() {
                lines.push(("nothing is wrong with it any more".into(), theme.quiet()));
            }
            for trouble in found {
                let style = theme.tone(trouble.tone(&item));
                let text = format!("{}  {}", trouble.badge(), trouble.words(&item));
                lines.extend(wrapped(&text, most).into_iter().map(|part| (part, style)));
                let advice = wrapped(trouble.advice(), most.saturating_sub(2)).into_iter();
                lines.extend(advice.map(|part| (format!("  {part}"), theme.quiet())));
            }
        }
    }
    lines.push((String::new(), theme.plain()));
    match &explanation.log {
        Pending::Loading => lines.push(("reading its log".into(), theme.quiet())),
        Pending::Failed(failure) => lines.push((
            truncate(&failure.message, most, theme.glyphs).into_owned(),
            theme.tone(Tone::Bad),
        )),
        Pending::Ready(rows) if rows.is_empty() => {
            lines.push(("it wrote nothing to its log".into(), theme.quiet()));
        }
        Pending::Ready(rows) => {
            lines.push(("Last lines of its log".into(), theme.strong()));
            lines.extend(rows.iter().map(|row| {
                let at = view.state.told(row.at);
                let text = format!("{at}  {}", row.text);
                let style = match row.kind == Kind::Error {
                    true => theme.tone(Tone::Warn),
                    false => theme.plain(),
                };
                (truncate(&text, most, theme.glyphs).into_owned(), style)
            }));
        }
    }
    let height = (lines.len() as u16 + 4).min(view.state.area.height.saturating_sub(2));
    let area = centered(view, width, height);
    let title = format!("Trouble of {name}");
    let inside = boxed(buffer, view, area, &title, theme.plain());
    results::read(buffer, view, inside, &lines, explanation.scroll);
}
