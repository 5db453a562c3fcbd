//! One immutable picture of everything, made anew on each tick.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Container, ContainerId, GroupRow, Image, Limit, Problem, Usage};

/// Everything that the dashboard and `ps` show, at one time. Cheap to clone and to
/// hand on: its parts are shared with the world before it where nothing changed.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Counts up by one with each world of an engine.
    pub generation: u64,
    /// When it was made.
    pub at: Timestamp,
    /// The machine.
    pub host: Host,
    /// All containers, newest first.
    pub containers: Vec<ContainerRow>,
    /// All images, newest first.
    pub images: Arc<Vec<Image>>,
    /// The host's control groups, parents before their children; empty while nobody looks.
    pub groups: Vec<GroupRow>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// A container and what it uses now.
#[derive(Clone, Debug)]
pub struct ContainerRow {
    /// What it is.
    pub container: Arc<Container>,
    /// What it uses; `None` while it doesn't run.
    pub usage: Option<Usage>,
}

/// Figures of the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// Host name.
    pub name: String,
    /// Processors online.
    pub cpus: u32,
    /// Which ones, in the kernel's list form, such as `0-2,5`.
    pub cpus_online: Option<String>,
    /// Cores in use, all processes.
    pub cpu_cores: Option<f64>,
    /// Memory installed, bytes.
    pub memory_total_bytes: Option<u64>,
    /// Memory that is not available, bytes.
    pub memory_used_bytes: Option<u64>,
    /// Load averages over 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
    /// What this kernel can't limit or count, each said once, in words.
    pub missing: Vec<String>,
    /// Limits that it can't set; asking for one is refused before anything is done.
    #[serde(skip)]
    pub lacks: Vec<Limit>,
}

/// What a viewer needs: the less is visible, the less is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visible {
    /// Read the counters of running containers.
    pub stats: bool,
    /// Read the image list.
    pub images: bool,
    /// List the host's control groups.
    pub groups: bool,
}

impl World {
    /// The row of a container, if it still exists.
    pub fn container(&self, id: &ContainerId) -> Option<&ContainerRow> {
        self.containers.iter().find(|row| row.container.id == *id)
    }
}
