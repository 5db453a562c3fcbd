//! The last line: keys that do something now, and how the list is arranged.

use ratatui::buffer::Buffer;

use super::{View, pen::Pen};
use crate::{
    action::{ACTIONS, Action, ActionSpec},
    app::{Modal, Pane, Screen},
    format::{
        Tone,
        text::{sanitize, width},
    },
};

/// Draws the line.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme, state) = (view.regions.hints, view.theme, view.state);
    let mut pen = Pen::line(buffer, area, area.y);
    pen.skip(1);
    if let Some(Modal::Filter(_)) = state.modal {
        pen.put("/", theme.strong())
            .put(&sanitize(state.filter()), theme.plain());
        pen.put(" ", theme.selected());
        pen.put_right(" ", theme.plain());
        pen.put_right("enter keeps  esc takes it back", theme.quiet());
        return;
    }
    if let Some(Modal::Prompt(prompt)) = &state.modal {
        return super::menus::prompt(&mut pen, view, prompt);
    }
    pen.put_right(" ", theme.plain());
    if state.world.is_some() {
        arrangement(&mut pen, view);
    }
    for spec in offered(view) {
        let Some(key) = spec.keys.first() else {
            continue;
        };
        let key = key.to_string();
        if usize::from(pen.room()) < width(&key) + 1 + spec.title.len() + 2 {
            break;
        }
        pen.put(&key, theme.strong()).put(" ", theme.quiet());
        pen.put(spec.title, theme.quiet()).skip(2);
    }
}

/// The actions worth a hint: what can be done to the selected things, then how to see
/// more. Movements are known to everyone.
fn offered<'a>(view: &'a View<'_>) -> impl Iterator<Item = &'static ActionSpec> + 'a {
    let state = view.state;
    let is_zoomed = state.is_zoomed || state.pane == Pane::Details;
    let always = [Action::Help, Action::Quit];
    let first = ACTIONS.iter().filter(move |spec| {
        spec.scope == state.scope()
            && match spec.action {
                // The tabs stand above with their names.
                Action::Logs
                | Action::Stats
                | Action::Processes
                | Action::Inspect
                | Action::Changes
                | Action::Advice => false,
                Action::NextMatch | Action::PreviousMatch => false,
                Action::MarkAll => !state.containers.marks.is_empty(),
                _ => true,
            }
            && state.verdict(spec).is_ok()
    });
    // Where the arrows move, the tab's own keys are what one looks for.
    let of_tab = state.tab_scope().filter(|_| is_zoomed);
    let of_tab = ACTIONS.iter().filter(move |spec| {
        Some(spec.scope) == of_tab && !matches!(spec.action, Action::LogLeft | Action::LogRight)
    });
    let rest = [
        Action::Filter,
        Action::Copy,
        Action::Sort,
        Action::Zoom,
        Action::Palette,
    ];
    // Help and quit come first of all: they are what a newcomer needs.
    always
        .into_iter()
        .map(Action::spec)
        .chain(of_tab)
        .chain(first)
        .chain(rest.into_iter().map(Action::spec))
}

/// At the right: filter, marks, and how many are shown of how many.
fn arrangement(pen: &mut Pen<'_>, view: &View<'_>) {
    let (theme, state) = (view.theme, view.state);
    let all = state
        .world
        .as_ref()
        .map_or((0, 0), |world| (world.containers.len(), world.images.len()));
    let (shown, all) = match state.screen {
        Screen::Containers => (state.containers.rows.len(), all.0),
        Screen::Images => (state.images.rows.len(), all.1),
    };
    if shown != all {
        pen.put_right(&format!("  {shown} of {all}"), theme.plain());
    }
    let filter = state.filter();
    if !filter.is_empty() {
        pen.put_right(&format!("  /{}", sanitize(filter)), theme.tone(Tone::Warn));
    }
    if state.screen == Screen::Containers {
        if !state.shows_all {
            pen.put_right("  running only", theme.tone(Tone::Warn));
        }
        let marks = state.containers.marks.len();
        if marks > 0 {
            pen.put_right(&format!("  {marks} marked"), theme.strong());
        }
    }
}
