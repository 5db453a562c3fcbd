//! The selected container beside its row: the names of the tabs, and one tab's content.

mod advice;
mod lists;
pub mod logs;
mod network;
mod processes;
pub mod stats;
mod tree;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{View, pen::Pen, table};
use crate::{
    app::{Failure, Pane, Pending, Tab, tab_places, tabs_name},
    format::{
        duration,
        text::{Align, sanitize},
    },
};

/// Draws tabs and content.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let area = view.regions.details;
    tabs(buffer, view);
    if area.height == 0 || view.state.selected_container().is_none() {
        return;
    }
    match view.state.details.tab {
        Tab::Logs => logs::draw(buffer, view),
        Tab::Stats => stats::draw(buffer, view),
        Tab::Processes => processes::draw(buffer, view),
        Tab::Inspect => tree::draw(buffer, view),
        Tab::Changes => lists::changes(buffer, view),
        Tab::Network => network::draw(buffer, view),
        Tab::Advice => advice::draw(buffer, view),
    }
}

fn tabs(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (view.regions.tabs, view.theme);
    let has_focus = view.state.is_zoomed || view.state.pane == Pane::Details;
    let rule = theme.quiet();
    let mut pen = Pen::line(buffer, area, area.y);
    pen.fill(theme.rule(), area.width, rule);
    let mut pen = Pen::line(buffer, area, area.y);
    pen.skip(1);
    let Some((name, room)) = tabs_name(view.state, area) else {
        return;
    };
    pen.put(" ", rule);
    pen.cell(&name, room, Align::Left, theme.strong(), theme);
    pen.put(" ", rule).skip(2);
    for (_, tab) in tab_places(view.state, area) {
        let style = match (tab == view.state.details.tab, has_focus) {
            (true, true) => theme.selected(),
            (true, false) => theme.strong(),
            (false, _) => theme.quiet(),
        };
        pen.put(" ", style).put(tab.action().spec().title, style);
        pen.put(" ", style);
    }
    let note = note(view);
    if !note.is_empty() {
        pen.skip(1).put_right(" ", rule);
        pen.put_right(&format!(" {note} "), rule);
    }
}

/// What the tab says of itself at the right end of the line.
fn note(view: &View<'_>) -> String {
    let details = &view.state.details;
    let timeline = &view.state.timeline;
    if timeline.past.is_some()
        && !timeline.is_replay()
        && matches!(details.tab, Tab::Processes | Tab::Changes | Tab::Network)
    {
        // What was not recorded can't be taken back in time.
        return "of now, not of then".into();
    }
    match details.tab {
        Tab::Logs if matches!(details.log.state, Pending::Failed(_)) => String::new(),
        Tab::Logs => view.state.log_note(),
        Tab::Inspect => match &details.tree.search {
            Some(search) => {
                let (at, all) = details.tree.hits();
                format!("/{} {at}/{all}", sanitize(&search.query))
            }
            None => health_note(view),
        },
        Tab::Processes if !details.processes.is_empty() => {
            format!("{} processes", details.processes.len())
        }
        Tab::Changes if !details.changes.is_empty() => {
            format!("{} changes", details.changes.len())
        }
        _ => health_note(view),
    }
}

/// Where its health checks stand, and when the next is due.
fn health_note(view: &View<'_>) -> String {
    let Some(row) = view.state.selected_container() else {
        return String::new();
    };
    let health = row.container.health.as_ref();
    let Some(health) = health.filter(|_| row.container.state.has_process()) else {
        return String::new();
    };
    let now = view.state.now();
    let next = match health.next {
        Some(next) => format!(
            "next check in {}",
            duration::short(duration::between(now, next))
        ),
        None => "being checked".into(),
    };
    match health.failing_streak {
        0 => format!("{}, {next}", health.status),
        n => format!("{}, {n} failed, {next}", health.status),
    }
}

/// Says that something is on its way, or why it isn't.
fn instead(buffer: &mut Buffer, view: &View<'_>, failure: Option<&Failure>) {
    let theme = view.theme;
    let area = view.regions.details;
    let Some(failure) = failure else {
        return table::middle(buffer, area, &[(theme.reading(), theme.quiet())]);
    };
    let mut lines: Vec<(&str, Style)> = vec![(&failure.message, theme.strong())];
    if let Some(hint) = &failure.hint {
        lines.push((hint, theme.quiet()));
    }
    table::middle(buffer, area, &lines);
}

/// The line of an area, one column in from either side.
fn inner(area: Rect) -> Rect {
    Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    }
}
