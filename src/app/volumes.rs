//! The volumes screen: its list, and who uses the one under the cursor.

use super::{List, State};
use crate::model::Volume;

/// The list, and what of the details is shown.
#[derive(Debug)]
pub struct VolumesView {
    /// The list, by name.
    pub list: List<String>,
    /// Lines scrolled in the details.
    pub scroll: usize,
}

impl Default for VolumesView {
    fn default() -> Self {
        Self {
            list: List::new("name"),
            scroll: 0,
        }
    }
}

impl State {
    /// The volume under the cursor.
    pub fn selected_volume(&self) -> Option<&Volume> {
        let list = &self.volumes.list;
        let row = *list.rows.get(list.cursor)?;
        self.world.as_ref()?.volumes.get(row)
    }

    /// Lines of what there is to say of the volume under the cursor.
    pub(super) fn volume_lines(&self) -> usize {
        let (Some(world), Some(volume)) = (&self.world, self.selected_volume()) else {
            return 0;
        };
        let facts = crate::format::volume::facts(volume, world.at).len();
        // A free line and titles above those who use it.
        facts + 2 + world.users(&volume.name).count().max(1)
    }
}
