//! Moving: the cursor in a table, the view in details, between panes.

use super::super::{Geometry, Pane, Pending, Screen, State, Tab, geometry};
use crate::action::Action;

impl State {
    /// Moves the cursor or scrolls, whichever the arrows mean now.
    pub(super) fn go(&mut self, motion: Action) {
        let regions = geometry(self);
        if self.is_zoomed || self.pane == Pane::Details {
            let page = usize::from(regions.details.height.max(2) - 1);
            self.scroll(motion, page, &regions);
        } else {
            let page = isize::from(regions.rows.height.max(2) as i16 - 1);
            let by = match motion {
                Action::Up => -1,
                Action::Down => 1,
                Action::PageUp => -page,
                Action::PageDown => page,
                Action::First => isize::MIN,
                _ => isize::MAX,
            };
            self.step(by);
        }
    }

    pub(super) fn step(&mut self, by: isize) {
        let Some(world) = self.world.clone() else {
            return;
        };
        match self.screen {
            Screen::Containers => self
                .containers
                .step(by, |row| world.containers[row].container.id.clone()),
            Screen::Images => {
                self.images.step(by, |row| world.images[row].id.clone());
                self.layers_scroll = 0;
            }
        }
    }

    fn scroll(&mut self, motion: Action, page: usize, regions: &Geometry) {
        if self.screen == Screen::Images {
            self.layers_scroll = moved(self.layers_scroll, motion, page, usize::MAX / 2);
            return;
        }
        let reach = self.reach(regions);
        let scroll = self.details.scroll;
        if self.details.tab != Tab::Logs {
            self.details.scroll = moved(scroll, motion, page, reach);
            return;
        }
        // A log is scrolled from its end, which is where one reads it.
        let flipped = match motion {
            Action::Up => Action::Down,
            Action::Down => Action::Up,
            Action::PageUp => Action::PageDown,
            Action::PageDown => Action::PageUp,
            Action::First => Action::Last,
            _ => Action::First,
        };
        self.details.scroll = moved(scroll, flipped, page, reach);
        self.details.follows = self.details.scroll == 0 && motion != Action::Up;
    }

    /// How far the details can be scrolled.
    pub(in super::super) fn reach(&self, regions: &Geometry) -> usize {
        let height = usize::from(regions.details.height);
        let lines = match self.details.tab {
            Tab::Logs => {
                let columns = log_columns(regions.details.width);
                return self.details.log_reach(columns, height);
            }
            Tab::Stats => 0,
            // A summary, titles, two lines a limit, a gap and a command.
            Tab::Advice => match &self.details.advice {
                Pending::Ready(advice) => 4 + 2 * advice.lines.len(),
                _ => 0,
            },
            // One line of titles above each of the two.
            Tab::Processes => 1 + self.details.processes.len(),
            Tab::Changes => 1 + self.details.changes.len(),
            Tab::Inspect => self.details.inspect.len(),
        };
        lines.saturating_sub(height)
    }

    pub(super) fn step_pane(&mut self) {
        self.pane = match self.pane {
            Pane::Table => Pane::Details,
            Pane::Details => Pane::Table,
        };
    }
}

/// Columns of a log line's text: what its time and its margin leave.
fn log_columns(width: u16) -> usize {
    usize::from(width).saturating_sub(LOG_MARGIN)
}

/// Columns of a log line before its text: `HH:MM:SS ┃ `, and one after it.
pub const LOG_MARGIN: usize = 13;

fn moved(from: usize, motion: Action, page: usize, reach: usize) -> usize {
    let to = match motion {
        Action::Up => from.saturating_sub(1),
        Action::Down => from + 1,
        Action::PageUp => from.saturating_sub(page),
        Action::PageDown => from.saturating_add(page),
        Action::First => 0,
        _ => reach,
    };
    to.min(reach)
}
