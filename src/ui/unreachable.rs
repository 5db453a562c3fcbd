//! The page while no engine answers: what was tried, why it failed, and the way out. In
//! place of a screen before the first picture, and over the last one after it.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    View,
    dialogs::{boxed, centered, wrapped},
    pen::Pen,
    table,
};
use crate::{
    action::Action,
    app::Stale,
    format::{Tone, duration, text::width},
};

/// Columns of its text at most: longer lines are hard to read.
const WIDEST: u16 = 76;
const TITLE: &str = "The engine does not answer";

/// Whether it stands in place of the screen.
pub fn is_shown(view: &View<'_>) -> bool {
    view.state.world.is_none() && view.state.stale.is_some()
}

/// Draws it over the whole screen but header and hints.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (state, theme) = (view.state, view.theme);
    let Some(stale) = state.outage() else { return };
    let top = view.regions.notices.bottom();
    let area = Rect {
        y: top,
        height: view.regions.hints.y.saturating_sub(top),
        ..state.area
    };
    let columns = area.width.saturating_sub(4).min(WIDEST);
    let mut lines = vec![
        (TITLE.to_owned(), theme.strong()),
        (String::new(), theme.quiet()),
    ];
    lines.extend(told(view, stale, columns));
    let again = "It is asked again and again; this screen fills by itself once it answers.";
    lines.extend(paragraph(again, theme.quiet(), columns));
    if state.capabilities.address.is_some() {
        let key = state.config.keymap.shown(Action::Engines.spec());
        let key = key.unwrap_or_else(|| "wharf context ls".into());
        let other = format!(
            "{key} lists other engines. wharf -H ADDRESS and wharf context use NAME drive \
             another, wharf --context default its own."
        );
        lines.extend(paragraph(&other, theme.quiet(), columns));
    }
    lines.pop();
    let lines: Vec<_> = lines
        .iter()
        .map(|(text, style)| (&**text, *style))
        .collect();
    table::middle(buffer, area, &lines);
}

/// Draws it over the last picture.
pub fn over(buffer: &mut Buffer, view: &View<'_>) {
    let (state, theme) = (view.state, view.theme);
    let Some(stale) = state.outage().filter(|_| state.world.is_some()) else {
        return;
    };
    let columns = state.area.width.saturating_sub(10).min(WIDEST);
    let mut lines = told(view, stale, columns);
    let age = duration::short(state.clock.saturating_sub(stale.since));
    let again = format!(
        "It is asked again and again, and this page goes by itself once it answers. Behind it \
         stands what was so {age} ago."
    );
    lines.extend(paragraph(&again, theme.quiet(), columns));
    let widest = lines.iter().map(|(text, _)| width(text)).max().unwrap_or(0);
    let area = centered(view, widest.max(40) as u16 + 4, lines.len() as u16 + 3);
    let inside = boxed(buffer, view, area, TITLE, theme.tone(Tone::Bad));
    for (y, (text, style)) in (inside.y..inside.bottom()).zip(&lines) {
        Pen::line(buffer, inside, y).put(text, *style);
    }
    let mut pen = Pen::line(buffer, inside, inside.bottom().saturating_sub(1));
    for (action, does) in [
        (Action::Back, "looks behind it"),
        (Action::Engines, "other engines"),
        (Action::Quit, "leaves"),
    ] {
        let key = state.config.keymap.shown(action.spec()).unwrap_or_default();
        pen.put(&key, theme.strong())
            .put(&format!("  {does}    "), theme.quiet());
    }
}

/// What was tried and why it failed, then what helps.
fn told(view: &View<'_>, stale: &Stale, columns: u16) -> Vec<(String, Style)> {
    let theme = view.theme;
    let mut lines = paragraph(&stale.failure.message, theme.plain(), columns);
    if let Some(hint) = &stale.failure.hint {
        lines.extend(paragraph(hint, theme.strong(), columns));
    }
    lines
}

/// Lines of a text, and an empty one after them.
fn paragraph(text: &str, style: Style, columns: u16) -> Vec<(String, Style)> {
    let lines = wrapped(text, usize::from(columns)).into_iter();
    let mut lines: Vec<_> = lines.map(|line| (line, style)).collect();
    lines.push((String::new(), style));
    lines
}
