//! Volumes: directories that outlive the containers that use them.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Container, ContainerId, LabelFilter, Mount};

/// What keeps volumes where nothing else is said.
pub const LOCAL_DRIVER: &str = "local";

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its name, which no other volume of the engine has.
    pub name: String,
    /// What keeps it.
    pub driver: String,
    /// When it was made.
    pub created: Timestamp,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Options of the driver: `type`, `device` and `o`, as mount(8) has them.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Whether it was made for a container without a name.
    #[serde(default)]
    pub anonymous: bool,
    /// Where its files lie on the host.
    #[serde(default)]
    pub mountpoint: PathBuf,
    /// What it takes; `None` if nobody has measured it yet.
    #[serde(default)]
    pub size: Option<VolumeSize>,
}

/// What a volume took when it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSize {
    /// Bytes on disk.
    pub bytes: u64,
    /// Files and directories in it.
    pub files: u64,
    /// When that was.
    pub at: Timestamp,
    /// How long looking took, milliseconds.
    pub took_ms: u64,
    /// Whether no container could write to it since.
    #[serde(default)]
    pub is_current: bool,
}

/// A container that uses a volume, running or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeUser {
    /// Which.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// Where it sees the volume.
    pub target: PathBuf,
    /// Whether it may only read.
    pub read_only: bool,
    /// Whether it has processes now.
    pub is_running: bool,
}

impl VolumeUser {
    /// A container, by one of its mounts.
    pub fn of(container: &Container, mount: &Mount) -> Self {
        Self {
            id: container.id.clone(),
            name: container.name.clone(),
            target: mount.target.clone(),
            read_only: mount.read_only,
            is_running: container.state.has_process(),
        }
    }
}

/// A volume, and who uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeDetails {
    /// What it is.
    pub volume: Volume,
    /// Containers whose mounts name it.
    pub users: Vec<VolumeUser>,
}

/// Make a volume. One that is there is left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeCreateRequest {
    /// Its name; 64 random digits if nothing is said.
    pub name: Option<String>,
    /// What keeps it; [`LOCAL_DRIVER`] if nothing is said.
    pub driver: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

/// Remove volumes that no container uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneVolumes {
    /// Those with a name too.
    pub all: bool,
    /// Labels that they must have, or not.
    pub labels: Vec<LabelFilter>,
    /// Only say which would go.
    pub preview: bool,
}

/// What a prune of volumes removed, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunedVolumes {
    /// Their names.
    pub names: Vec<String>,
    /// Bytes that they took.
    pub bytes: u64,
}
