//! A stage of a build, as far as it is.

use crate::{
    dockerfile::{ImageDocument, Step},
    image::{Cached, PackedLayer},
};

/// Who made a step, in an image's history.
const COMMENT: &str = "wharf build";

/// A stage that is done, or as far as it is.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its layers, lowest first.
    pub layers: Vec<PackedLayer>,
    /// Its config.
    pub document: ImageDocument,
    /// Whether a `CMD` stood in this stage.
    pub(super) has_own_cmd: bool,
    /// When the last step was done that did something: the time of those that only say
    /// something, so that a build that does nothing new makes the same image.
    pub(super) created: String,
}

impl Made {
    pub(super) fn say(&mut self, created_by: String) {
        self.document.history.push(Step {
            created: Some(self.created.clone()),
            created_by: Some(created_by),
            comment: Some(COMMENT.into()),
            empty_layer: true,
            ..Step::default()
        });
    }

    pub(super) fn add(&mut self, step: Cached, created_by: String) {
        self.created = step.created;
        self.say(created_by);
        if let Some(layer) = step.layer {
            let step = self.document.history.last_mut().expect("it was just said");
            step.empty_layer = false;
            self.layers.push(layer);
        }
    }
}
