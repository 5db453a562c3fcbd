//! Moving: the cursor in a table, the view in details, between panes.

use super::super::{Geometry, Pane, Pending, Screen, State, Tab, geometry};
use crate::{action::Action, format::sockets};

impl State {
    /// Moves the cursor or scrolls, whichever the arrows mean now.
    pub(super) fn go(&mut self, motion: Action) {
        let regions = geometry(self);
        if self.has_details_focus() && self.screen != Screen::Explorer {
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
            match self.has_details_focus() && !self.is_reading() {
                true => self.step_layers(by),
                false => self.step(by),
            }
        }
    }

    pub(super) fn step(&mut self, by: isize) {
        let Some(world) = self.world.clone() else {
            return;
        };
        match self.screen {
            Screen::Containers => self.step_lines(by),
            Screen::Explorer => self.step_files(by),
            Screen::Events | Screen::Activity => self.step_feed(by),
            Screen::Comparison => {
                if let Some(comparison) = &mut self.comparison {
                    comparison.list.step(by, |n| n);
                }
            }
            Screen::Builds => self.builds.step(by),
            Screen::Images => {
                self.images.step(by, |row| world.images[row].id.clone());
                self.layers_scroll = 0;
            }
            Screen::Networks => {
                let list = &mut self.networks.list;
                list.step(by, |row| world.networks[row].network.id.clone());
                self.networks.scroll = 0;
            }
            Screen::Volumes => {
                let list = &mut self.volumes.list;
                list.step(by, |row| world.volumes[row].name.clone());
                self.volumes.scroll = 0;
            }
            Screen::Groups => self
                .groups
                .list
                .step(by, |row| world.groups[row].group.path.clone()),
            Screen::Alerts => {
                let log = self.alerts.log();
                self.alert_list.step(by, |row| log[row].number);
            }
        }
    }

    fn scroll(&mut self, motion: Action, page: usize, regions: &Geometry) {
        let reach = self.below_reach(regions);
        if let Some(scroll) = self.below_scroll() {
            *scroll = moved(*scroll, motion, page, reach);
            return;
        }
        if self.screen == Screen::Alerts {
            return;
        }
        let by = match motion {
            Action::Up => -1,
            Action::Down => 1,
            Action::PageUp => -(page as isize),
            Action::PageDown => page as isize,
            Action::First => isize::MIN,
            _ => isize::MAX,
        };
        match self.tab() {
            Tab::Logs => {
                let frame = self.log_frame();
                self.details.log.go(motion, frame);
            }
            Tab::Processes => self.step_process(by),
            Tab::Inspect => self.details.tree.step(by),
            Tab::Stats | Tab::Changes | Tab::Network | Tab::Advice => {
                let reach = self.reach(regions);
                self.details.scroll = moved(self.details.scroll, motion, page, reach);
            }
        }
    }

    /// Lines scrolled in what stands below the list, where it is no tab of a container.
    pub(super) fn below_scroll(&mut self) -> Option<&mut usize> {
        match self.screen {
            Screen::Images => Some(&mut self.layers_scroll),
            Screen::Networks => Some(&mut self.networks.scroll),
            Screen::Volumes => Some(&mut self.volumes.scroll),
            Screen::Groups => Some(&mut self.groups.scroll),
            _ => None,
        }
    }

    /// How far that can be scrolled.
    fn below_reach(&self, regions: &Geometry) -> usize {
        let height = usize::from(regions.details.height);
        match self.screen {
            Screen::Images => {
                let layers = self.selected_image().map_or(0, |image| image.layers.len());
                layers.saturating_sub(height / 2)
            }
            Screen::Networks => self.picture_lines().saturating_sub(height),
            Screen::Volumes => self.volume_lines().saturating_sub(height),
            Screen::Groups => self.group_lines().saturating_sub(height),
            _ => 0,
        }
    }

    /// Brings that back within bounds.
    pub(in super::super) fn settle_below(&mut self, regions: &Geometry) {
        // How far it reaches is not cheap to tell, and mostly nobody has scrolled.
        if self.below_scroll().is_some_and(|scroll| *scroll > 0) {
            let reach = self.below_reach(regions);
            if let Some(scroll) = self.below_scroll() {
                *scroll = reach.min(*scroll);
            }
        }
    }

    /// Lines of what a container has open on its networks.
    pub(in super::super) fn socket_lines(&self) -> usize {
        match (&self.details.sockets, self.selected_container()) {
            (Pending::Ready(found), Some(row)) => {
                sockets::lines(found, &row.container.connectivity).len()
            }
            _ => 0,
        }
    }

    /// How far the details can be scrolled.
    pub(in super::super) fn reach(&self, regions: &Geometry) -> usize {
        let height = usize::from(regions.details.height);
        let lines = match self.details.tab {
            // A summary, titles, two lines a limit, a gap and a command.
            Tab::Advice => match &self.details.advice {
                Pending::Ready(advice) => 4 + 2 * advice.lines.len(),
                _ => 0,
            },
            // One line of titles above.
            Tab::Changes => 1 + self.details.changes.len(),
            Tab::Network => self.socket_lines(),
            // Each has a cursor or a place of its own.
            Tab::Logs | Tab::Processes | Tab::Inspect | Tab::Stats => 0,
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
