//! The last line: keys that do something now and where each stands, and how the list is
//! arranged. Drawing and the mouse read it from here.

use ratatui::layout::Rect;

use super::{BuildRun, Looked, Screen, State, Subjects};
use crate::{
    action::{ACTIONS, Action, ActionSpec, Scope},
    format::text::{sanitize, width},
    model::World,
};

/// The line.
#[derive(Clone, Debug, Default)]
pub struct HintBar {
    /// The keys, from the left.
    pub hints: Vec<Hint>,
    /// How the list is arranged, from the right.
    pub notes: Vec<(String, Note)>,
}

/// A key that does something now.
#[derive(Clone, Debug)]
pub struct Hint {
    /// Where it stands.
    pub place: Rect,
    /// The key.
    pub key: String,
    /// What it does.
    pub spec: &'static ActionSpec,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Note {
    Count,
    Narrowed,
    Marks,
}

/// What the line says in this area.
pub fn hint_bar(state: &State, area: Rect) -> HintBar {
    let mut bar = HintBar::default();
    let mut right = area.right().saturating_sub(1);
    if state.world.is_some() {
        for (text, note) in notes(state) {
            let columns = width(&text) as u16;
            if columns > right.saturating_sub(area.x + 1) {
                continue;
            }
            right -= columns;
            bar.notes.push((text, note));
        }
    }
    let mut x = area.x + 1;
    let subjects = state.subjects();
    for spec in offered(state, &subjects) {
        let Some(key) = state.config.keymap.shown(spec) else {
            continue;
        };
        let columns = (width(&key) + 1 + spec.title.len()) as u16;
        if x + columns + 2 > right {
            break;
        }
        bar.hints.push(Hint {
            place: Rect::new(x, area.y, columns, 1),
            key,
            spec,
        });
        x += columns + 2;
    }
    bar
}

/// The actions worth a hint: what can be done to the selected things, then how to see
/// more. Movements are known to everyone.
fn offered<'a>(
    state: &'a State,
    subjects: &'a Subjects<'_>,
) -> impl Iterator<Item = &'static ActionSpec> {
    let has_focus = state.has_details_focus();
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
                | Action::Network
                | Action::Advice => false,
                Action::NextMatch | Action::PreviousMatch => false,
                // Only an image's files lie in layers to choose from.
                Action::UpperLayer | Action::LowerLayer | Action::Wasted => {
                    let explorer = state.explorer.as_ref();
                    explorer.is_some_and(|explorer| explorer.layer_count() > 0)
                }
                Action::LayerAlone => {
                    let explorer = state.explorer.as_ref();
                    explorer.is_some_and(|of| !matches!(of.what, Looked::Volume(_)))
                }
                // There is nothing yet that they could be done to.
                _ if spec.scope == Scope::Alerts && state.alert_list.rows.is_empty() => false,
                Action::ForgetBuilds => state.builds.all.iter().any(BuildRun::is_over),
                Action::Mark => state.table_lines() > 0,
                Action::MarkAll | Action::MarkInvert => !state.containers.marks.is_empty(),
                Action::UndoLimits => !state.undo.is_empty(),
                Action::FoldGroup => state.table.groups.by.is_some(),
                Action::Trouble => state.table.shows_trouble(state.clock),
                _ => true,
            }
            && subjects.verdict(spec).is_ok()
    });
    // Where the arrows move, the tab's own keys are what one looks for.
    let of_tab = state.tab_scope().filter(|_| has_focus);
    let of_tab = ACTIONS.iter().filter(move |spec| {
        Some(spec.scope) == of_tab
            && !matches!(spec.action, Action::LogLeft | Action::LogRight)
            && subjects.verdict(spec).is_ok()
    });
    let rest = [
        Action::Filter,
        Action::Copy,
        Action::Sort,
        Action::Zoom,
        Action::Palette,
    ];
    let (is_feed, is_alerts) = (state.is_feed(), state.screen == Screen::Alerts);
    let is_comparison = state.screen == Screen::Comparison;
    let is_builds = state.screen == Screen::Builds;
    // Enter opens what is under the cursor there.
    let is_entered = matches!(
        state.screen,
        Screen::Explorer | Screen::Images | Screen::Volumes
    );
    let rest = rest.into_iter().filter(move |action| match action {
        Action::Sort if is_comparison => true,
        Action::Sort | Action::Zoom if is_feed => false,
        // Its order is that of time.
        Action::Sort if is_builds => false,
        Action::Zoom if is_entered => false,
        // They stand in the order of their need, and enter goes to the container.
        Action::Sort | Action::Zoom => !is_alerts,
        _ => true,
    });
    // Help and quit come first of all: they are what a newcomer needs.
    always
        .into_iter()
        .map(Action::spec)
        .chain(of_tab)
        .chain(first)
        .chain(rest.map(Action::spec))
}

/// Filter, marks, and how many are shown of how many.
fn notes(state: &State) -> Vec<(String, Note)> {
    let mut notes = Vec::new();
    let count = |of: fn(&World) -> usize| state.world.as_deref().map_or(0, of);
    let shown = match state.screen {
        // Those in folded groups pass the filter too.
        Screen::Containers => state.table.totals.count,
        _ => state.extent().lines,
    };
    let all = match state.screen {
        Screen::Containers => count(|world| world.containers.len()),
        Screen::Images => count(|world| world.images.len()),
        Screen::Networks => count(|world| world.networks.len()),
        Screen::Volumes => count(|world| world.volumes.len()),
        Screen::Groups => count(|world| world.groups.len()),
        Screen::Alerts => state.alerts.log().len(),
        Screen::Events => state.events.len(),
        Screen::Activity => state.activity.entries().count(),
        Screen::Comparison => state.comparison.as_ref().map_or(0, |c| c.lines.len()),
        // Folded and unfolded lines are no count of anything.
        Screen::Builds | Screen::Explorer => shown,
    };
    if shown != all {
        notes.push((format!("  {shown} of {all}"), Note::Count));
    }
    let filter = state.filter();
    if !filter.is_empty() {
        notes.push((format!("  /{}", sanitize(filter)), Note::Narrowed));
    }
    if state.screen == Screen::Images && !state.images.marks.is_empty() {
        let marks = state.images.marks.len();
        notes.push((format!("  {marks} marked"), Note::Marks));
    }
    if state.screen == Screen::Containers {
        if !state.shows_all {
            notes.push(("  running only".into(), Note::Narrowed));
        }
        if let Some(by) = &state.table.groups.by {
            notes.push((format!("  by {}", by.title()), Note::Count));
        }
        if state.table.range.is_some() {
            notes.push(("  marking, V ends".into(), Note::Narrowed));
        }
        let marks = state.containers.marks.len();
        if marks > 0 {
            notes.push((format!("  {marks} marked"), Note::Marks));
        }
    }
    notes
}
