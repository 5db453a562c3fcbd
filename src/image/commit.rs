//! Making an image of another image's layers and one more.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    build::PackedLayer,
    change::ConfigChange,
    error::Result,
    layout::digest_of,
    lease::Unfinished,
    save::oci_manifest,
    store::{ImageStore, new_name},
};
use crate::{
    layer::{self, Position},
    model::{Digest, ImportProgress},
};

/// What a new image gets beside its files.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The image that it stands on.
    pub base: String,
    /// Fields of the config's `config` that the container had its own values for.
    pub process: Map<String, Value>,
    /// Changes of the config, in order.
    pub changes: Vec<ConfigChange>,
    /// The command that made the layer.
    pub created_by: String,
    /// Who made it.
    pub author: Option<String>,
    /// What it is.
    pub comment: String,
    /// What it is to be called; nothing leaves it nameless.
    pub name: Option<String>,
}

impl ImageStore {
    /// Makes an image: the layers of its base and, on top, what `pack` writes as a layer's
    /// tar. Its id. If anything fails, nothing was changed and nothing is left.
    pub fn commit_layer(
        &self,
        commit: &Commit,
        pack: impl FnOnce(&mut dyn Write) -> layer::Result<()> + Send,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<Digest> {
        // Refused before the work, not after it.
        commit.name.as_deref().map(new_name).transpose()?;
        self.sweep()?;
        let lease = self.lease(Unfinished::Discard)?;
        // Kept first, then looked at again: what is found the second time stays.
        let base = self.find(&self.layout.index()?, &commit.base)?;
        let (id, layers) = self.checked_layers(&base.manifest)?;
        let blobs = base.manifest.layers().iter().filter_map(digest_of);
        lease.add(&blobs.chain(layers.iter().cloned()).collect::<Vec<_>>())?;
        lease.add([&id])?;
        let base = self.find(&self.layout.index()?, id.as_str())?;
        let config: Value = self.document(&id, "image config")?;

        let position = match layers.is_empty() {
            true => Position::Lowest,
            false => Position::Above,
        };
        let packed = self.pack_layer(&lease, position, progress, pack)?;
        let text = config_text(config, commit, &packed.diff_id);
        let below = oci_manifest(&base.manifest).layers().clone();
        let below = layers.into_iter().zip(below);
        let below = below.map(|(diff_id, blob)| PackedLayer { diff_id, blob });
        let layers: Vec<_> = below.chain([packed]).collect();
        let names: Vec<_> = commit.name.clone().into_iter().collect();
        self.assemble_layers(lease, &text, &layers, &names)
    }
}

/// The base's config with what changed. What we don't know of it stays as it is.
fn config_text(mut config: Value, commit: &Commit, diff_id: &Digest) -> Vec<u8> {
    let created = Timestamp::now().to_string();
    let mut step = Map::new();
    step.insert("created".into(), json!(created));
    step.insert("created_by".into(), json!(commit.created_by));
    if let Some(author) = &commit.author {
        step.insert("author".into(), json!(author));
    }
    if !commit.comment.is_empty() {
        step.insert("comment".into(), json!(commit.comment));
    }
    let Some(top) = config.as_object_mut() else {
        unreachable!("an image's config was read from it")
    };
    top.insert("created".into(), json!(created));
    match &commit.author {
        Some(author) => top.insert("author".into(), json!(author)),
        None => top.remove("author"),
    };
    // Of the run that made the base; ours has no such container any more.
    for of_another in ["container", "container_config", "docker_version"] {
        top.remove(of_another);
    }
    let process = top.entry("config").or_insert(Value::Null);
    if !process.is_object() {
        *process = json!({});
    }
    let process = process.as_object_mut().expect("it was made one");
    process.extend(commit.process.clone());
    let keeps_command = commit.changes.iter().any(ConfigChange::sets_command);
    for change in &commit.changes {
        change.apply(process, keeps_command);
    }
    let history = top.entry("history").or_insert(Value::Null);
    if !history.is_array() {
        *history = json!([]);
    }
    let history = history.as_array_mut().expect("it was made one");
    history.push(Value::Object(step));
    let rootfs = top.entry("rootfs").or_insert(Value::Null);
    let diff_ids = rootfs.get_mut("diff_ids").and_then(Value::as_array_mut);
    if let Some(diff_ids) = diff_ids {
        diff_ids.push(json!(diff_id));
    }
    serde_json::to_vec(&config).expect("a config has only string keys")
}
