//! An image: a config and an ordered list of layers, known by its references.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Digest, Port};

/// An image as lists and screens show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The digest of its config.
    pub id: Digest,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// Familiar references, such as `debian:12`; none for a dangling image.
    pub references: Vec<String>,
    /// What registries call it: `debian@sha256:…`; none if it never was at one.
    #[serde(default)]
    pub repo_digests: Vec<String>,
    /// When it was made, if its config says so.
    pub created: Option<Timestamp>,
    /// Bytes of all its layers, unpacked.
    pub size_bytes: u64,
    /// Bytes of those layers that another image also uses.
    pub shared_bytes: u64,
    /// Its layers, lowest first.
    pub layers: Vec<Layer>,
    /// Labels of its config.
    pub labels: BTreeMap<String, String>,
    /// `os/architecture`.
    pub platform: String,
    /// What a container of it runs by default.
    pub defaults: ImageDefaults,
}

impl Image {
    /// Its first name; of one that has none the beginning of its id.
    pub fn title(&self) -> &str {
        self.references.first().map_or(self.id.short(), |name| name)
    }
}

/// What an image's config says about the process that it is for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageDefaults {
    /// Program and first arguments.
    pub entrypoint: Vec<String>,
    /// Default arguments.
    pub cmd: Vec<String>,
    /// `KEY=value` pairs.
    pub env: Vec<String>,
    /// Working directory, empty for `/`.
    pub working_dir: String,
    /// `user[:group]`, empty for root.
    pub user: String,
    /// Signal that asks it to stop.
    pub stop_signal: Option<String>,
    /// Ports that it listens on.
    pub exposed: Vec<Port>,
    /// Paths whose content outlives its containers: each becomes a volume.
    pub volumes: Vec<PathBuf>,
}

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The digest of its uncompressed tar.
    pub diff_id: Digest,
    /// Bytes on disk, unpacked.
    pub size_bytes: u64,
    /// The command that made it, from the image's history.
    pub created_by: String,
}
