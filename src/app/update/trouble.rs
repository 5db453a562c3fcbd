//! Explaining what is wrong with a container.

use super::{
    super::{Effect, Explanation, Failure, Modal, Pending, State, log::LogRow},
    TOAST,
};
use crate::{
    format::{text::sanitize, trouble},
    model::ContainerId,
};

impl State {
    /// Opens the explanation of the selected container, if there is anything to explain.
    pub(super) fn explain(&mut self) {
        let (Some(row), Some(world)) = (self.selected_container(), &self.world) else {
            return;
        };
        let id = row.container.id.clone();
        if trouble::troubles(&self.table.item(row, world)).is_empty() {
            let told = format!("nothing is wrong with {}", sanitize(&row.container.name));
            return self.tell(false, vec![told], None, TOAST);
        }
        self.effects.push(Effect::Tail(id.clone()));
        self.modal = Some(Modal::Trouble(Explanation {
            id,
            log: Pending::Loading,
            scroll: 0,
        }));
    }

    pub(super) fn on_tail(&mut self, id: &ContainerId, result: Result<Vec<LogRow>, Failure>) {
        match &mut self.modal {
            Some(Modal::Trouble(explanation)) if explanation.id == *id => {
                explanation.log = result.map_or_else(Pending::Failed, Pending::Ready);
            }
            // It was left meanwhile.
            _ => self.is_dirty = false,
        }
    }
}
