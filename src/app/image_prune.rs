//! The dialog that removes images which nothing needs: what would go and what that frees,
//! asked of the engine before anything is removed.

use super::Pending;
use crate::{
    engine::{Engine, Result},
    model::{PruneImages, PrunedImages},
};

/// The dialog.
#[derive(Clone, Debug)]
pub struct ImagePrune {
    /// Its number; answers to others are late.
    pub(super) number: u64,
    /// Whether all images that no container uses are looked at, or only those without a
    /// name.
    pub is_all: bool,
    /// What would go of those without a name, and of all.
    pub found: [Pending<PrunedImages>; 2],
    /// Lines scrolled.
    pub scroll: usize,
}

impl ImagePrune {
    /// Before the answers.
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            is_all: false,
            found: [Pending::Loading, Pending::Loading],
            scroll: 0,
        }
    }

    /// What would go of those that are looked at.
    pub fn chosen(&self) -> &Pending<PrunedImages> {
        &self.found[usize::from(self.is_all)]
    }
}

/// Asks an engine what would go.
pub async fn preview(engine: &dyn Engine, all: bool) -> Result<PrunedImages> {
    let request = PruneImages {
        all,
        preview: true,
        ..PruneImages::default()
    };
    engine.prune_images(request).await
}
