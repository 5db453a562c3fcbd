//! Images, and what is told while they move.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{NEVER, models};
use crate::{
    format::history::Step,
    model::{Image, LayerState, LayerTransfer, Transfer},
};

/// One line of a list.
pub fn summary(image: &Image, containers: i64, shared: bool) -> models::ImageSummary {
    models::ImageSummary {
        id: image.id.to_string(),
        parent_id: String::new(),
        repo_tags: image.references.clone(),
        repo_digests: image.repo_digests.clone(),
        created: image.created.map_or(0, |at| at.as_second()),
        size: image.size_bytes as i64,
        shared_size: match shared {
            true => image.shared_bytes as i64,
            false => -1,
        },
        labels: image.labels.clone().into_iter().collect::<HashMap<_, _>>(),
        containers,
        ..Default::default()
    }
}

/// A line of a list, for a client of a version before 1.43 if it `is_older`: those show no
/// image that has no names.
pub fn line(mut summary: models::ImageSummary, is_older: bool) -> Value {
    if is_older && summary.repo_tags.is_empty() && summary.repo_digests.is_empty() {
        summary.repo_tags = vec!["<none>:<none>".into()];
        summary.repo_digests = vec!["<none>@<none>".into()];
    }
    let mut line = json!(summary);
    // The size by the name that clients of versions before 1.44 read.
    line["VirtualSize"] = summary.size.into();
    line
}

/// `GET /images/NAME/json`, by its config as the OCI image specification writes it.
pub fn inspect(image: &Image, config: &Value) -> Value {
    let text = |key: &str| config[key].as_str().unwrap_or_default();
    // The names in it are the same; an empty list is what strict clients want for none.
    let mut process = match &config["config"] {
        Value::Object(process) => process.clone(),
        _ => Map::new(),
    };
    for (key, empty) in [
        ("Env", json!([])),
        ("Cmd", Value::Null),
        ("Entrypoint", Value::Null),
        ("Labels", json!({})),
        ("User", json!("")),
        ("WorkingDir", json!("")),
    ] {
        let value = process.entry(key).or_insert(empty.clone());
        if value.is_null() {
            *value = empty;
        }
    }
    let layers: Vec<_> = image
        .layers
        .iter()
        .map(|layer| layer.diff_id.as_str())
        .collect();
    let comment = config["history"].as_array().and_then(|steps| steps.last());
    let mut answer = json!({
        "Id": image.id.as_str(),
        "RepoTags": image.references,
        "RepoDigests": image.repo_digests,
        "Parent": "",
        "Comment": comment.and_then(|step| step["comment"].as_str()).unwrap_or_default(),
        "Created": image.created.map_or(NEVER.into(), |at| at.to_string()),
        "Container": "",
        "DockerVersion": text("docker_version"),
        "Author": text("author"),
        "Config": process,
        "Architecture": text("architecture"),
        "Os": text("os"),
        "Size": image.size_bytes,
        "VirtualSize": image.size_bytes,
        "GraphDriver": {"Name": "overlayfs", "Data": null},
        "RootFS": {"Type": "layers", "Layers": layers},
        "Metadata": {"LastTagTime": NEVER},
    });
    for (key, field) in [("variant", "Variant"), ("os.version", "OsVersion")] {
        if !text(key).is_empty() {
            answer[field] = text(key).into();
        }
    }
    answer
}

/// `GET /images/NAME/history`
pub fn history(image: &Image, steps: &[Step]) -> Value {
    let tags = |step: &Step| match (&step.id, image.references.is_empty()) {
        (Some(_), false) => json!(image.references),
        _ => Value::Null,
    };
    let one = |step: &Step| {
        json!({
            "Id": step.id.as_ref().map_or("<missing>", |id| id.as_str()),
            "Created": step.created.map_or(0, |at| at.as_second()),
            "CreatedBy": step.created_by,
            "Tags": tags(step),
            "Size": step.bytes,
            "Comment": step.comment,
        })
    };
    steps.iter().map(one).collect()
}

/// What is told of a transfer: only what has changed since the picture before.
#[derive(Debug, Default)]
pub struct Progress {
    layers: HashMap<String, (LayerState, u64)>,
    pushes: bool,
}

impl Progress {
    /// Of a pull or a push.
    pub fn new(pushes: bool) -> Self {
        Self {
            pushes,
            ..Self::default()
        }
    }

    /// The messages that a picture makes.
    pub fn messages(&mut self, transfer: &Transfer) -> Vec<Value> {
        let mut messages = Vec::new();
        for layer in &transfer.layers {
            let now = (layer.state, layer.moved_bytes);
            let short = layer.digest.short().to_owned();
            let before = self.layers.insert(layer.digest.to_string(), now);
            if before.is_none() && !layer.state.is_over() {
                let status = match self.pushes {
                    true => "Preparing",
                    false => "Pulling fs layer",
                };
                messages.push(json!({"status": status, "progressDetail": {}, "id": short}));
            }
            if before != Some(now) {
                messages.extend(self.message(layer, &short));
            }
        }
        messages
    }

    fn message(&self, layer: &LayerTransfer, short: &str) -> Option<Value> {
        let moving = |status: &str| {
            json!({
                "status": status,
                "progressDetail": {"current": layer.moved_bytes, "total": layer.total_bytes},
                "progress": bar(layer.moved_bytes, layer.total_bytes),
                "id": short,
            })
        };
        let status = match (layer.state, self.pushes) {
            (LayerState::Moving, true) => return Some(moving("Pushing")),
            (LayerState::Moving, false) => return Some(moving("Downloading")),
            (LayerState::Unpacking, _) => return Some(moving("Extracting")),
            (LayerState::Waiting | LayerState::Shared, _) => "Waiting",
            (LayerState::Retrying, _) => "Retrying",
            (LayerState::Done, true) => "Pushed",
            (LayerState::Done, false) => "Pull complete",
            (LayerState::Present, true) => "Layer already exists",
            (LayerState::Present, false) => "Already exists",
            (LayerState::Mounted, _) => "Mounted",
        };
        Some(json!({"status": status, "progressDetail": {}, "id": short}))
    }
}

/// Docker's bar of fifty places.
fn bar(current: u64, total: u64) -> String {
    use crate::format::bytes::decimal;
    if total == 0 {
        return decimal(current);
    }
    let done = (current.min(total) * 50 / total) as usize;
    let bar = match done {
        0..50 => format!("{}>{}", "=".repeat(done), " ".repeat(49 - done)),
        _ => "=".repeat(49) + ">",
    };
    format!("[{bar}]  {}/{}", decimal(current), decimal(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_is_always_fifty_places_wide() {
        for current in [0, 1, 50, 99, 100, 200] {
            let text = bar(current, 100);
            assert_eq!(text.find(']'), Some(51), "{text}");
        }
        assert_eq!(bar(5, 0), "5B");
    }
}
