//! Where everything is: from the state and its area to regions, and nothing else. Who
//! draws, who scrolls and who asks what a click means use the same answer.

use ratatui::layout::Rect;

use super::{Screen, State};

/// The narrowest terminal that shows anything useful.
pub const MIN_WIDTH: u16 = 60;
/// The lowest.
pub const MIN_HEIGHT: u16 = 12;
/// Lines of the hint bar.
pub const HINT_LINES: u16 = 1;

/// From this width on, details stand beside the table.
const WIDE: u16 = 200;
/// Columns that the table gets there, at least.
const TABLE_BESIDE: u16 = 116;
/// From this height on, a free line sets the header apart.
const TALL: u16 = 30;
/// The table's height changes in steps of this, so that a container more or less
/// doesn't move the half of the screen below it.
const TABLE_STEP: u16 = 4;

/// From this width on, an image's layers stand beside its files.
const LAYERS_BESIDE: u16 = 110;

/// Lines below the lists of events and of what was done.
const FEED_BELOW: u16 = 6;

/// The regions of a screen; empty ones have no area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Geometry {
    /// Whether there is no room for anything.
    pub is_too_small: bool,
    /// Host figures and screens.
    pub header: Rect,
    /// What is wrong, one line each.
    pub notices: Rect,
    /// The table's titles.
    pub titles: Rect,
    /// The table's rows.
    pub rows: Rect,
    /// The line of sums below them.
    pub totals: Rect,
    /// The line between table and details, where that is upright.
    pub divider: Rect,
    /// The names of the tabs.
    pub tabs: Rect,
    /// The tab's content.
    pub details: Rect,
    /// The time line, while something else than the present is shown.
    pub timeline: Rect,
    /// What is pulled and pushed, while anything is.
    pub transfers: Rect,
    /// Keys that do something now.
    pub hints: Rect,
}

/// The regions of `state`'s screen.
pub fn geometry(state: &State) -> Geometry {
    let area = state.area;
    if area.width < MIN_WIDTH || area.height < MIN_HEIGHT {
        return Geometry {
            is_too_small: true,
            ..Geometry::default()
        };
    }
    let line = |y: u16, height: u16| Rect::new(area.x, y, area.width, height);
    let notices = (state.notices().count() + usize::from(state.stale.is_some())).min(3) as u16;
    let gap = u16::from(area.height >= TALL && notices == 0);
    let top = area.y + 1 + notices + gap;
    let hints = line(area.bottom() - HINT_LINES, HINT_LINES);
    let time = u16::from(state.timeline.past.is_some());
    let moving = u16::from(state.transfers.going().next().is_some());
    let transfers = line(hints.y - moving, moving);
    let timeline = line(transfers.y - time, time);
    let body = line(top, timeline.y - top);
    let base = Geometry {
        timeline,
        transfers,
        header: line(area.y, 1),
        notices: line(area.y + 1, notices),
        hints,
        ..Geometry::default()
    };
    if state.is_feed() {
        // A list, and where there is room all of one line of it.
        let below = if body.height >= 14 { FEED_BELOW } else { 0 };
        let (table, rest) = split_top(body, body.height - below);
        let (titles, rows) = split_top(table, 1);
        let (tabs, details) = split_top(rest, 1);
        return Geometry {
            titles,
            rows,
            tabs,
            details,
            ..base
        };
    }
    if state.screen == Screen::Explorer {
        return explorer(state, body, base);
    }
    if state.is_zoomed {
        let (tabs, details) = split_top(body, 1);
        return Geometry {
            tabs,
            details,
            ..base
        };
    }
    if area.width >= WIDE {
        let table_width = TABLE_BESIDE.max(area.width * 55 / 100);
        let (table, rest) = split_left(body, table_width);
        let (divider, side) = split_left(rest, 1);
        let (titles, rows) = split_top(table, 1);
        let (rows, totals) = split_totals(state, rows);
        let (tabs, details) = split_top(side, 1);
        return Geometry {
            titles,
            rows,
            totals,
            divider,
            tabs,
            details,
            ..base
        };
    }
    let (table, side) = split_top(body, table_height(state, body.height));
    let (titles, rows) = split_top(table, 1);
    let (rows, totals) = split_totals(state, rows);
    let (tabs, details) = split_top(side, 1);
    Geometry {
        titles,
        rows,
        totals,
        tabs,
        details,
        ..base
    }
}

/// The layers beside the files, or above them; of a container only files.
fn explorer(state: &State, body: Rect, base: Geometry) -> Geometry {
    let (tabs, body) = split_top(body, 1);
    let count = state
        .explorer
        .as_ref()
        .map_or(0, |explorer| match explorer.layers {
            super::Pending::Failed(ref failure) if failure.message.is_empty() => 0,
            _ => explorer.layer_count().max(1),
        });
    let has_layers = count > 0 && !state.is_zoomed;
    let (details, divider, files) = if !has_layers {
        (Rect::default(), Rect::default(), body)
    } else if body.width >= LAYERS_BESIDE {
        let (layers, rest) = split_left(body, (body.width * 2 / 5).clamp(40, 72));
        let (divider, files) = split_left(rest, 1);
        (layers, divider, files)
    } else {
        let most = (body.height / 3).max(1);
        let (layers, files) = split_top(body, (count as u16).min(most));
        (layers, Rect::default(), files)
    };
    let (titles, rows) = split_top(files, 1);
    Geometry {
        tabs,
        details,
        divider,
        titles,
        rows,
        ..base
    }
}

/// Titles and rows: as many as there are, between a third and a half of the room.
fn table_height(state: &State, body: u16) -> u16 {
    let lines = state.extent().lines + usize::from(state.screen == Screen::Containers);
    let wanted = u16::try_from(lines + 2).unwrap_or(u16::MAX);
    let stepped = wanted.div_ceil(TABLE_STEP).saturating_mul(TABLE_STEP);
    let least = (body / 3).max(4);
    stepped.clamp(least, (body * 11 / 20).max(least))
}

/// A line for sums, where there is more than one thing to add and room for it.
fn split_totals(state: &State, rows: Rect) -> (Rect, Rect) {
    let is_shown = state.screen == Screen::Containers && state.table.totals.count > 1;
    let height = u16::from(is_shown && rows.height > 4);
    split_top(rows, rows.height - height)
}

fn split_top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    (
        Rect { height, ..area },
        Rect {
            y: area.y + height,
            height: area.height - height,
            ..area
        },
    )
}

fn split_left(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    (
        Rect { width, ..area },
        Rect {
            x: area.x + width,
            width: area.width - width,
            ..area
        },
    )
}
