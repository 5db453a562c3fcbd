//! Making an image of another image's layers and one more.

use std::io::Write;

use jiff::Timestamp;

use super::{
    build::PackedLayer,
    error::{Error, Result},
    layout::digest_of,
    lease::Unfinished,
    save::oci_manifest,
    store::{ImageStore, new_name},
};
use crate::{
    dockerfile::{ImageDocument, InstructionKind, Settings, Step, change},
    layer::{self, Position},
    model::{ContainerConfig, Digest, ImportProgress},
};

/// What a new image gets beside its files.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The image that it stands on.
    pub base: String,
    /// What the container was made with.
    pub config: ContainerConfig,
    /// Changes of the config, in order.
    pub changes: Vec<InstructionKind>,
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
        let document: ImageDocument = self.document(&id, "image config")?;

        let position = match layers.is_empty() {
            true => Position::Lowest,
            false => Position::Above,
        };
        let packed = self.pack_layer(&lease, position, progress, pack)?;
        let text = changed(document, commit, &packed.diff_id)?;
        let below = oci_manifest(&base.manifest).layers().clone();
        let below = layers.into_iter().zip(below);
        let below = below.map(|(diff_id, blob)| PackedLayer { diff_id, blob });
        let layers: Vec<_> = below.chain([packed]).collect();
        let names: Vec<_> = commit.name.clone().into_iter().collect();
        self.assemble_layers(lease, &text, &layers, &names)
    }
}

/// The base's config with what changed. What we don't know of it stays as it is.
fn changed(mut document: ImageDocument, commit: &Commit, diff_id: &Digest) -> Result<Vec<u8>> {
    let created = Timestamp::now().to_string();
    document.history.push(Step {
        created: Some(created.clone()),
        created_by: Some(commit.created_by.clone()),
        author: commit.author.clone(),
        comment: Some(commit.comment.clone()).filter(|comment| !comment.is_empty()),
        ..Step::default()
    });
    document.created = Some(created);
    document.author.clone_from(&commit.author);
    // Of the run that made the base; ours has no such container any more.
    for of_another in ["container", "container_config", "docker_version"] {
        document.rest.remove(of_another);
    }
    own(&mut document.config, &commit.config);
    change(&mut document.config, &commit.changes).map_err(Error::Change)?;
    document.rootfs.diff_ids.push(diff_id.to_string());
    Ok(serde_json::to_vec(&document).expect("a config has only string keys"))
}

/// What the user said of the process when the container was made.
fn own(settings: &mut Settings, config: &ContainerConfig) {
    if let Some(entrypoint) = &config.entrypoint {
        settings.entrypoint = Some(entrypoint.clone()).filter(|words| !words.is_empty());
        // The image's command was made for the image's entrypoint.
        settings.cmd = None;
    }
    if !config.command.is_empty() {
        settings.cmd = Some(config.command.clone());
    }
    if let Some(directory) = &config.working_dir {
        settings.working_dir.clone_from(directory);
    }
    if let Some(user) = &config.user {
        settings.user.clone_from(user);
    }
    if let Some(signal) = &config.stop_signal {
        settings.stop_signal = Some(signal.clone());
    }
    for (name, value) in config.env.iter().filter_map(|pair| pair.split_once('=')) {
        settings.set_env(name, value);
    }
    settings.labels = Some(config.labels.clone()).filter(|labels| !labels.is_empty());
}
