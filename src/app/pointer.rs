//! What lies under the pointer: the same places that are drawn, asked by a column and a
//! line.

use ratatui::layout::{Position, Rect};

use super::{
    Menu, Modal, PROCESS_GAP, Screen, State, Tab,
    form::{form_area, form_top},
    geometry,
    group_slots::group_head,
    heads::list_head,
    hints::hint_bar,
    list::Extent,
    process_columns,
    slots::head_at,
    time_bar,
};
use crate::{
    action::Action,
    format::text::{sanitize, width},
};

/// What a mouse does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Gesture {
    Press,
    Drag,
    Release,
    WheelUp,
    WheelDown,
}

/// What lies under the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The name of a screen.
    Screen(Screen),
    /// The name of a tab.
    Tab(Tab),
    /// A line of the screen's list, by its place.
    Row(usize),
    /// A column's head: sort by it.
    Head(&'static str),
    /// A head of the processes' columns.
    ProcessHead(&'static str),
    /// A line of the details.
    Details(u16),
    /// A scroll bar.
    Bar(Bar),
    /// A hint.
    Hint(Action),
    /// A line of what lies over the screen.
    Choice(usize),
    /// Yes or no in a question.
    Answer(bool),
    /// Inside of what lies over the screen, but nothing to choose.
    Dialog,
    /// Beside it.
    Beside,
}

/// Whose scroll bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Bar {
    List,
    Details,
    Time,
}

/// A name in the header.
#[derive(Clone, Debug)]
pub struct ScreenPlace {
    /// Where it stands.
    pub place: Rect,
    /// Which screen.
    pub screen: Screen,
    /// Its key; empty if it has none.
    pub key: String,
    /// Its title, if there is room for it.
    pub title: &'static str,
    /// How many of what it lists want attention.
    pub count: Option<String>,
}

/// From this width on, the header names all screens where no address stands in it.
const NAMES: u16 = 140;

/// The names of the screens in the header.
pub fn screen_places(state: &State, header: Rect) -> Vec<ScreenPlace> {
    // Whose containers these are is said before what their screens are called.
    let address = state.capabilities.address.as_deref().map_or(0, width);
    let names = NAMES.saturating_add(address as u16);
    // After ` wharf `.
    let mut x = header.x + 7;
    let mut places = Vec::new();
    for (action, screen) in Screen::ALL {
        let spec = action.spec();
        let key = state.config.keymap.shown(spec).unwrap_or_default();
        // What has no key is still to be clicked at.
        let is_named = header.width >= names || screen == state.screen || key.is_empty();
        let title = if is_named { spec.title } else { "" };
        let count = match screen {
            Screen::Alerts => state.alerts.open().0,
            Screen::Builds => state.builds.going(),
            _ => 0,
        };
        let count = (count > 0).then(|| count.to_string());
        x += 2;
        let gap = u16::from(is_named && !key.is_empty());
        // A free column, the figure and its sign.
        let counted = count.as_ref().map_or(0, |count| count.len() as u16 + 2);
        let columns = width(&key) as u16 + gap + title.len() as u16 + counted;
        places.push(ScreenPlace {
            place: Rect::new(x, header.y, columns, 1),
            screen,
            key,
            title,
            count,
        });
        x += columns;
    }
    places
}

/// What the line of tabs calls those whose details they are, and how wide that is.
pub fn tabs_name(state: &State, tabs: Rect) -> Option<(String, u16)> {
    let row = state.selected_container()?;
    let details = &state.details;
    let name = match details.tab == Tab::Logs && details.log.sources.len() > 1 {
        true => "marked".to_owned(),
        false => sanitize(&row.container.name).into_owned(),
    };
    let columns = (tabs.width / 3).min(40).min(width(&name) as u16);
    Some((name, columns))
}

/// The names of the tabs.
pub fn tab_places(state: &State, tabs: Rect) -> Vec<(Rect, Tab)> {
    let Some((_, columns)) = tabs_name(state, tabs) else {
        return Vec::new();
    };
    // A free column, the name between two, two more.
    let mut x = tabs.x + 1 + 1 + columns + 1 + 2;
    let place = |tab: Tab| {
        let columns = tab.action().spec().title.len() as u16 + 2;
        let place = Rect::new(x, tabs.y, columns, 1).intersection(tabs);
        x += columns;
        (place, tab)
    };
    Tab::ALL.into_iter().map(place).collect()
}

/// An area in the middle of the screen.
pub fn centered(state: &State, width: u16, height: u16) -> Rect {
    let area = state.area;
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 2,
        width,
        height,
    )
}

/// The area of a menu.
pub fn menu_area(state: &State, menu: &Menu) -> Rect {
    let widest =
        |of: &dyn Fn(&super::Pick) -> usize| menu.picks.iter().map(of).max().unwrap_or(0) as u16;
    let labels = widest(&|pick| width(&pick.label));
    let notes = widest(&|pick| width(&pick.note)).min(60);
    let columns = (2 + labels + 2 + notes + 4).max(width(&menu.title) as u16 + 8);
    let columns = columns.min(state.area.width.saturating_sub(4));
    centered(state, columns, menu.picks.len() as u16 + 2)
}

/// The area of the palette.
pub fn palette_area(state: &State, found: usize) -> Rect {
    let width = state.area.width.saturating_sub(8).min(88);
    let height = (found as u16 + 4).min(state.area.height.saturating_sub(4));
    Rect {
        y: state.area.y + 2,
        ..centered(state, width, height.max(5))
    }
    .intersection(state.area)
}

/// The area of the sort menu.
pub fn sort_area(state: &State, columns: usize) -> Rect {
    centered(state, 34, columns as u16 + 2)
}

/// What is inside of a dialog's frame.
pub fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}

/// The first line shown of a menu whose cursor must be seen.
pub fn menu_top(cursor: usize, height: u16) -> usize {
    (cursor + 1).saturating_sub(usize::from(height))
}

/// What lies under the pointer; `None` where nothing does.
pub fn hit(state: &State, x: u16, y: u16) -> Option<Hit> {
    let at = Position { x, y };
    if let Some(modal) = &state.modal {
        return Some(dialog_hit(state, modal, at));
    }
    let regions = geometry(state);
    let screens = screen_places(state, regions.header);
    if let Some(place) = screens.iter().find(|place| place.place.contains(at)) {
        return Some(Hit::Screen(place.screen));
    }
    if regions.hints.contains(at) {
        let bar = hint_bar(state, regions.hints);
        let hint = bar.hints.iter().find(|hint| hint.place.contains(at))?;
        return Some(Hit::Hint(hint.spec.action));
    }
    if regions.timeline.contains(at) {
        let bar = time_bar(state, regions.timeline)?;
        return bar.line.contains(at).then_some(Hit::Bar(Bar::Time));
    }
    if regions.tabs.contains(at) && state.screen == Screen::Containers {
        let tabs = tab_places(state, regions.tabs);
        let (_, tab) = tabs.iter().find(|(place, _)| place.contains(at))?;
        return Some(Hit::Tab(*tab));
    }
    if regions.titles.contains(at) {
        let (room, at) = (regions.titles.width, x - regions.titles.x);
        let column = match (state.screen, &state.world) {
            (Screen::Images | Screen::Networks | Screen::Volumes, _) => list_head(state, room, at),
            (Screen::Groups, Some(_)) if !state.groups.list.rows.is_empty() => group_head(room, at),
            (Screen::Explorer | Screen::Comparison, _) => None,
            _ => head_at(state, room, at),
        };
        return column.map(Hit::Head);
    }
    let is_edge = |area: Rect| x + 1 == area.right();
    if regions.rows.contains(at) {
        let Extent { top, lines, .. } = state.extent();
        if is_edge(regions.rows) && lines > usize::from(regions.rows.height) {
            return Some(Hit::Bar(Bar::List));
        }
        let row = top + usize::from(y - regions.rows.y);
        return (row < lines).then_some(Hit::Row(row));
    }
    if regions.details.contains(at) && !state.is_feed() {
        if is_edge(regions.details) && details_overflow(state, regions.details.height) {
            return Some(Hit::Bar(Bar::Details));
        }
        let is_heads = y == regions.details.y && state.details.tab == Tab::Processes;
        if is_heads && state.screen == Screen::Containers {
            return process_head(regions.details, x).map(Hit::ProcessHead);
        }
        return Some(Hit::Details(y - regions.details.y));
    }
    None
}

fn process_head(details: Rect, at: u16) -> Option<&'static str> {
    // One free column on either side.
    let mut x = details.x + 1;
    for column in process_columns(details.width.saturating_sub(2)) {
        let end = match column.columns {
            0 => details.right(),
            columns => x + columns,
        };
        if (x..end).contains(&at) {
            return Some(column.id).filter(|id| !id.is_empty());
        }
        x = end + PROCESS_GAP;
    }
    None
}

fn dialog_hit(state: &State, modal: &Modal, at: Position) -> Hit {
    let listed = |area: Rect, skip: u16, cursor: usize, count: usize| {
        let lines = inside(area);
        let lines = Rect {
            y: lines.y + skip,
            height: lines.height.saturating_sub(skip),
            ..lines
        };
        let row = menu_top(cursor, lines.height) + usize::from(at.y.saturating_sub(lines.y));
        match (lines.contains(at), area.contains(at)) {
            (true, _) if row < count => Hit::Choice(row),
            (_, true) => Hit::Dialog,
            _ => Hit::Beside,
        }
    };
    let hints = geometry(state).hints;
    if hints.contains(at) {
        let mut x = hints.x + 1;
        for (key, does) in modal.keys() {
            let columns = (key.len() + 1 + does.len()) as u16;
            if (x..x + columns).contains(&at.x) {
                return match *key {
                    "y enter" => Hit::Answer(true),
                    "n esc" => Hit::Answer(false),
                    "esc" => Hit::Beside,
                    _ => Hit::Dialog,
                };
            }
            x += columns + 2;
        }
        return Hit::Dialog;
    }
    match modal {
        Modal::Menu(menu) => listed(menu_area(state, menu), 0, menu.cursor, menu.picks.len()),
        Modal::Form(form) => {
            let area = form_area(state, form);
            let lines = inside(area);
            let (top, room) = form_top(form, lines.height);
            let line = usize::from(at.y.saturating_sub(lines.y));
            let is_field = lines.contains(at) && line < usize::from(room);
            match (is_field, area.contains(at)) {
                (true, _) if top + line < form.fields.len() => Hit::Choice(top + line),
                // A click beside it would lose all that was typed.
                _ => Hit::Dialog,
            }
        }
        Modal::Sort(cursor) => {
            let count = state.sort_columns().len();
            listed(sort_area(state, count), 0, *cursor, count)
        }
        Modal::Palette(choice) => {
            let count = choice.found.len();
            listed(palette_area(state, count), 2, choice.cursor, count)
        }
        _ => Hit::Dialog,
    }
}

/// Whether the details have more lines than the screen.
fn details_overflow(state: &State, height: u16) -> bool {
    let height = usize::from(height);
    let details = &state.details;
    matches!(state.screen, Screen::Containers | Screen::Builds)
        && match state.tab() {
            Tab::Logs => details.log.shown() > height,
            Tab::Processes => details.table.rows.len() + 1 > height,
            Tab::Inspect => details.tree.shown.len() > height,
            Tab::Changes => details.changes.len() + 1 > height,
            Tab::Network => state.socket_lines() > height,
            // Its lines are few; keys scroll them on the least of screens.
            Tab::Stats | Tab::Advice => false,
        }
}
