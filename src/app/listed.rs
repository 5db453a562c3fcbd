//! The list of the screen that is shown, whatever it is of: where it stands, what narrows
//! it, and its order.

use super::{
    Screen, State,
    list::{Extent, List, Sort},
};

/// A list without what its rows are of.
pub(super) trait Listed {
    fn extent(&self) -> Extent;
    fn filter(&self) -> &str;
    fn set_filter(&mut self, filter: String);
    fn sort(&self) -> Sort;
    fn set_sort(&mut self, sort: Sort);
    fn scroll_to(&mut self, top: usize);
}

impl<Id> Listed for List<Id> {
    fn extent(&self) -> Extent {
        Extent {
            top: self.top,
            cursor: self.cursor,
            lines: self.rows.len(),
        }
    }

    fn filter(&self) -> &str {
        &self.filter
    }

    fn set_filter(&mut self, filter: String) {
        self.filter = filter;
    }

    fn sort(&self) -> Sort {
        self.sort
    }

    fn set_sort(&mut self, sort: Sort) {
        self.sort = sort;
    }

    fn scroll_to(&mut self, top: usize) {
        self.top = top;
    }
}

impl State {
    /// The list of this screen. Files are none: they are asked for as they come on screen.
    pub(super) fn list(&self) -> Option<&dyn Listed> {
        Some(match self.screen {
            Screen::Containers => &self.containers,
            Screen::Images => &self.images,
            Screen::Networks => &self.networks.list,
            Screen::Volumes => &self.volumes.list,
            Screen::Groups => &self.groups.list,
            Screen::Alerts => &self.alert_list,
            Screen::Events => &self.events.list,
            Screen::Activity => &self.done,
            Screen::Builds => &self.builds.list,
            Screen::Comparison => &self.comparison.as_ref()?.list,
            Screen::Explorer => return None,
        })
    }

    /// The same to change it.
    pub(super) fn list_mut(&mut self) -> Option<&mut dyn Listed> {
        Some(match self.screen {
            Screen::Containers => &mut self.containers,
            Screen::Images => &mut self.images,
            Screen::Networks => &mut self.networks.list,
            Screen::Volumes => &mut self.volumes.list,
            Screen::Groups => &mut self.groups.list,
            Screen::Alerts => &mut self.alert_list,
            Screen::Events => &mut self.events.list,
            Screen::Activity => &mut self.done,
            Screen::Builds => &mut self.builds.list,
            Screen::Comparison => &mut self.comparison.as_mut()?.list,
            Screen::Explorer => return None,
        })
    }

    /// Where the list of this screen stands.
    pub fn extent(&self) -> Extent {
        let explorer = self.explorer.as_ref();
        match self.screen {
            // Headings are lines too.
            Screen::Containers => Extent {
                top: self.containers.top,
                cursor: self.cursor_line(),
                lines: self.table_lines(),
            },
            Screen::Explorer => explorer.map_or_else(Extent::default, |of| of.extent()),
            _ => self.list().map_or_else(Extent::default, Listed::extent),
        }
    }

    /// The filter of this screen's list.
    pub fn filter(&self) -> &str {
        match (self.list(), &self.explorer) {
            (Some(list), _) => list.filter(),
            (None, Some(explorer)) => &explorer.filter,
            (None, None) => "",
        }
    }

    /// What this screen's list is sorted by.
    pub fn sort(&self) -> Sort {
        self.list().map_or(self.images.sort, Listed::sort)
    }
}
