//! What the store holds, what is wrong with it, and what may go.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ChangeKind, Digest, Image};

/// What a look at everything found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Images that were looked at, each name counted.
    pub images: usize,
    /// Blobs that were read.
    pub blobs: usize,
    /// Layers that were walked.
    pub layers: usize,
    /// What is not as it should be.
    pub damaged: Vec<Damage>,
}

/// Something of the store that is damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// What it is.
    pub part: DamagedPart,
    /// Which: a blob's digest, or a layer's diff-id.
    pub digest: Digest,
    /// What is wrong.
    pub reason: String,
    /// Images that need it.
    pub images: Vec<String>,
}

/// Parts of the store that can be damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DamagedPart {
    /// A manifest, a config, or a layer as it came.
    Blob,
    /// An unpacked layer.
    Layer,
}

/// Which images shall go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneImages {
    /// All that no container uses, not only those without a name.
    pub all: bool,
    /// Only those created before.
    pub until: Option<Timestamp>,
    /// Only those that all of these match.
    pub labels: Vec<LabelFilter>,
    /// Remove nothing, only say what would go.
    pub preview: bool,
}

/// `label=KEY`, `label=KEY=VALUE`, or the same with `!=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFilter {
    /// The label.
    pub key: String,
    /// Its value; any if none is given.
    pub value: Option<String>,
    /// Whether it must not be so.
    pub negated: bool,
}

impl LabelFilter {
    /// Whether some labels match.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let has = labels
            .get(&self.key)
            .is_some_and(|have| self.value.as_ref().is_none_or(|value| value == have));
        has != self.negated
    }
}

/// What went, or would.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrunedImages {
    /// Images, as they were.
    pub images: Vec<Image>,
    /// Bytes of their layers and blobs that nobody else needs.
    pub bytes: u64,
    /// Bytes of blobs that had come in part.
    pub partial_bytes: u64,
}

impl PrunedImages {
    /// Bytes that are free then.
    pub fn freed_bytes(&self) -> u64 {
        self.bytes + self.partial_bytes
    }
}

/// What takes room in the image store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreUsage {
    /// Each image.
    pub images: Vec<ImageUsage>,
    /// Layers, each once.
    pub layers: usize,
    /// Bytes of them, unpacked.
    pub layer_bytes: u64,
    /// Of these, bytes of layers that no container uses.
    pub reclaimable_layer_bytes: u64,
    /// What is kept as it came; an engine elsewhere doesn't tell it.
    #[serde(flatten)]
    pub packed: Option<PackedUsage>,
}

/// What takes room as it came from registries and archives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedUsage {
    /// Bytes of layers as they came, manifests and configs.
    pub blob_bytes: u64,
    /// Of these, bytes of images that no container uses.
    pub reclaimable_blob_bytes: u64,
    /// Bytes of blobs that have come in part.
    pub partial_bytes: u64,
}

/// What takes the room of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageUsage {
    /// Which.
    pub id: Digest,
    /// Its names.
    pub references: Vec<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Bytes of its layers, unpacked.
    pub size_bytes: u64,
    /// Of these, bytes that another image has too.
    pub shared_bytes: u64,
    /// Containers of it.
    pub containers: usize,
}

/// A file that two images have otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDifference {
    /// Absolute path in the images.
    pub path: PathBuf,
    /// What happened to it from one to the other.
    pub kind: ChangeKind,
    /// Bytes in the one; nothing if it isn't there.
    pub old_bytes: Option<u64>,
    /// Bytes in the other.
    pub new_bytes: Option<u64>,
}

impl FileDifference {
    /// Bytes that it grew by.
    pub fn grown(&self) -> i64 {
        let signed = |bytes: Option<u64>| i64::try_from(bytes.unwrap_or(0)).unwrap_or(i64::MAX);
        signed(self.new_bytes) - signed(self.old_bytes)
    }
}
