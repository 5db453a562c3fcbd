//! One immutable picture of everything, made anew on each tick.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Container, ContainerId, GroupRow, Image, Limit, Network, Problem, Usage, Volume};

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
    /// All networks, those that are always there first; empty until somebody looked.
    pub networks: Vec<NetworkRow>,
    /// All volumes by name, with what was measured of them; empty until somebody looked.
    pub volumes: Arc<Vec<Volume>>,
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

/// A network and what passes on it now. Who is on it is told by [`World::members`].
#[derive(Clone, Debug)]
pub struct NetworkRow {
    /// What it is.
    pub network: Arc<Network>,
    /// What containers receive and send there, of whom that is known.
    pub flows: HashMap<ContainerId, Flow>,
}

/// Bytes that pass an interface, seen from who is behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// Received, bytes a second.
    pub in_bps: f64,
    /// Sent, bytes a second.
    pub out_bps: f64,
}

impl std::ops::Add for Flow {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            in_bps: self.in_bps + other.in_bps,
            out_bps: self.out_bps + other.out_bps,
        }
    }
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
    /// Read the list of networks, and what passes on them.
    pub networks: bool,
    /// Read the list of volumes.
    pub volumes: bool,
}

impl Visible {
    /// Nothing but which containers there are.
    pub const CONTAINERS: Self = Self {
        stats: false,
        images: false,
        groups: false,
        networks: false,
        volumes: false,
    };
}

impl World {
    /// The row of a container, if it still exists.
    pub fn container(&self, id: &ContainerId) -> Option<&ContainerRow> {
        self.containers.iter().find(|row| row.container.id == *id)
    }
}
