//! What is written to disk about a container, so that any process can take over.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    model::{ContainerConfig, ContainerId, Digest, Exit},
    sys::fs::Durability,
};

/// A container as it was created (`config.json`): written to a temporary file, synced
/// and renamed. Rename and update replace it; nothing else does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerRecord {
    /// Its id.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// The image's id.
    pub image_id: Digest,
    /// The image's layers, lowest first.
    pub layers: Vec<Digest>,
    /// What the user asked.
    pub config: ContainerConfig,
    /// What will run: the user's words with the image's defaults beneath them.
    pub process: ProcessRecord,
}

impl ContainerRecord {
    /// What its files must survive: what goes with its run need not outlive the power.
    pub fn durability(&self) -> Durability {
        match self.config.auto_remove {
            true => Durability::Unsynced,
            false => Durability::Synced,
        }
    }
}

/// The process of a container, after the image's config was applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessRecord {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// `KEY=value` pairs, `PATH` always among them.
    pub env: Vec<String>,
    /// Working directory, absolute.
    pub cwd: String,
    /// `user[:group]`, empty for root; looked up in the container's own files at each start.
    pub user: String,
    /// Labels, the image's beneath the user's.
    pub labels: BTreeMap<String, String>,
    /// Signal that asks it to stop.
    pub stop_signal: Option<String>,
}

/// How the last run ended (`exit.json`), written by the shim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// When that run began; `None` if its program never started.
    pub started: Option<Timestamp>,
    /// How it ended.
    pub exit: Exit,
    /// Starts by the restart policy so far.
    pub restarts: u32,
    /// Why the program could not be started, in words.
    pub error: Option<String>,
}
