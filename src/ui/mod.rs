//! Drawing, and nothing else: from the dashboard's state to cells. No function here
//! changes the state, asks an engine or knows what a key does.

mod alerts;
mod arrange;
mod bounds;
mod builds;
mod chart;
mod comparison;
mod details;
mod dialogs;
mod engines;
mod explorer;
mod feeds;
mod form;
mod frame;
mod gauge;
mod groups;
mod hints;
mod image_prune;
mod images;
mod limits;
mod list;
mod menus;
mod networks;
mod pen;
mod results;
pub mod svg;
mod table;
mod theme;
mod timeline;
mod transfers;
mod trouble;
mod unreachable;
mod viewer;
mod volumes;

use ratatui::{buffer::Buffer, style::Style};

use crate::app::{Geometry, MIN_HEIGHT, MIN_WIDTH, Pane, Screen, State, geometry};

use pen::Pen;
use theme::Theme;

/// Draws the dashboard into an empty buffer of the state's size.
pub fn draw(buffer: &mut Buffer, state: &State) {
    let regions = geometry(state);
    let view = View {
        state,
        theme: Theme::new(state.look, state.config.palette(), state.depth),
        regions,
    };
    buffer.set_style(state.area, view.theme.base());
    if regions.is_too_small {
        return too_small(buffer, &view);
    }
    frame::header(buffer, &view);
    frame::notices(buffer, &view);
    match state.screen {
        _ if unreachable::is_shown(&view) => unreachable::draw(buffer, &view),
        Screen::Containers => {
            table::draw(buffer, &view);
            details::draw(buffer, &view);
        }
        Screen::Images => images::draw(buffer, &view),
        Screen::Networks => networks::draw(buffer, &view),
        Screen::Volumes => volumes::draw(buffer, &view),
        Screen::Explorer => explorer::draw(buffer, &view),
        Screen::Comparison => comparison::draw(buffer, &view),
        Screen::Groups => groups::draw(buffer, &view),
        Screen::Alerts => alerts::draw(buffer, &view),
        Screen::Events => feeds::events(buffer, &view),
        Screen::Activity => feeds::activity(buffer, &view),
        Screen::Builds => builds::draw(buffer, &view),
    }
    if !unreachable::is_shown(&view) {
        frame::divider(buffer, &view);
    }
    timeline::draw(buffer, &view);
    transfers::line(buffer, &view);
    hints::draw(buffer, &view);
    unreachable::over(buffer, &view);
    dialogs::toasts(buffer, &view);
    dialogs::modal(buffer, &view);
}

/// What every drawing function is given.
#[derive(Clone, Copy)]
struct View<'a> {
    state: &'a State,
    theme: Theme,
    regions: Geometry,
}

impl View<'_> {
    /// How the cursor of a pane looks: it stands out where the arrows move.
    fn cursor(&self, of: Pane) -> Style {
        match self.state.pane == of {
            true => self.theme.selected(),
            false => self.theme.strong(),
        }
    }
}

fn too_small(buffer: &mut Buffer, view: &View<'_>) {
    let area = view.state.area;
    let lines = [
        format!("{} x {} is too small", area.width, area.height),
        format!("{MIN_WIDTH} x {MIN_HEIGHT} is needed"),
    ];
    let top = area.y + area.height.saturating_sub(2) / 2;
    for (y, line) in (top..area.bottom()).zip(&lines) {
        Pen::line(buffer, area, y).center(line, view.theme.plain());
    }
}

#[cfg(test)]
mod tests;
