//! What made an image, step by step.

use jiff::Timestamp;
use serde_json::Value;

use crate::model::{Digest, Image};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The image that it came to, if that is known: of the newest one it is.
    pub id: Option<Digest>,
    /// When it was done, if that is known.
    pub created: Option<Timestamp>,
    /// The command that did it.
    pub created_by: String,
    /// Bytes of its layer; 0 if it made none.
    pub bytes: u64,
    /// What was said of it.
    pub comment: String,
}

/// The steps of an image by its config, newest first.
pub fn steps(image: &Image, config: &Value) -> Vec<Step> {
    let text = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let mut layers = image.layers.iter();
    let mut steps = Vec::new();
    for step in config["history"].as_array().into_iter().flatten() {
        // A step that made no layer has none to take.
        let is_empty = step["empty_layer"].as_bool() == Some(true);
        let layer = if is_empty { None } else { layers.next() };
        steps.push(Step {
            id: None,
            created: step["created"].as_str().and_then(|at| at.parse().ok()),
            created_by: text(step, "created_by"),
            bytes: layer.map_or(0, |layer| layer.size_bytes),
            comment: text(step, "comment"),
        });
    }
    // Layers that the history forgot.
    for layer in layers {
        steps.push(Step {
            id: None,
            created: None,
            created_by: String::new(),
            bytes: layer.size_bytes,
            comment: String::new(),
        });
    }
    steps.reverse();
    if let Some(newest) = steps.first_mut() {
        newest.id = Some(image.id.clone());
    }
    steps
}
