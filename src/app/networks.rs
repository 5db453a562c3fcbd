//! The networks screen: its list, and the picture of who is on the one under the cursor.

use super::{List, State};
use crate::{
    format::picture::Picture,
    model::{NetworkId, NetworkRow},
};

/// The list, and what of the picture is shown.
#[derive(Debug)]
pub struct NetworksView {
    /// The list.
    pub list: List<NetworkId>,
    /// Whether the picture is of all networks.
    pub is_map: bool,
    /// Lines scrolled in the picture.
    pub scroll: usize,
}

impl Default for NetworksView {
    fn default() -> Self {
        Self {
            list: List::new("name"),
            is_map: false,
            scroll: 0,
        }
    }
}

impl State {
    /// The network under the cursor.
    pub fn selected_network(&self) -> Option<&NetworkRow> {
        let list = &self.networks.list;
        let row = *list.rows.get(list.cursor)?;
        self.world.as_ref()?.networks.get(row)
    }

    /// The picture beside the list.
    pub fn network_picture(&self) -> Option<Picture<'_>> {
        let world = self.world.as_deref()?;
        match self.networks.is_map {
            true => Some(Picture::of_all(world)),
            false => Some(Picture::of(world, self.selected_network()?)),
        }
    }

    /// Lines of the picture.
    pub(super) fn picture_lines(&self) -> usize {
        self.network_picture().map_or(0, |picture| picture.height())
    }
}
