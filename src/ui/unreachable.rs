//! The page in place of a screen while no engine has answered yet: what was tried, why it
//! failed, and the way out.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{View, dialogs::wrapped, table};

/// Columns of its text at most: longer lines are hard to read.
const WIDEST: u16 = 76;

/// Whether it is shown.
pub fn is_shown(view: &View<'_>) -> bool {
    view.state.world.is_none() && view.state.stale.is_some()
}

/// Draws it over the whole screen but header and hints.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (state, theme) = (view.state, view.theme);
    let Some(stale) = &state.stale else { return };
    let top = view.regions.notices.bottom();
    let area = Rect {
        y: top,
        height: view.regions.hints.y.saturating_sub(top),
        ..state.area
    };
    let columns = usize::from(area.width.saturating_sub(4).min(WIDEST));
    let mut lines = vec![
        ("The engine does not answer".to_owned(), theme.strong()),
        (String::new(), theme.quiet()),
    ];
    let mut paragraph = |text: &str, style| {
        lines.extend(wrapped(text, columns).into_iter().map(|line| (line, style)));
        lines.push((String::new(), theme.quiet()));
    };
    paragraph(&stale.failure.message, theme.plain());
    if let Some(hint) = &stale.failure.hint {
        paragraph(hint, theme.strong());
    }
    let again = "It is asked again and again; this screen fills by itself once it answers.";
    paragraph(again, theme.quiet());
    if state.capabilities.address.is_some() {
        let other = "wharf -H ADDRESS and wharf context use NAME drive another engine, \
                     wharf --context default its own.";
        paragraph(other, theme.quiet());
    }
    lines.pop();
    let lines: Vec<_> = lines
        .iter()
        .map(|(text, style)| (&**text, *style))
        .collect();
    table::middle(buffer, area, &lines);
}
