//! A source that could not be read: it dims its own part of the screen and no other.

use serde::{Deserialize, Serialize};

/// What is wrong with one source of the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which part is unknown or stale because of it.
    pub source: Source,
    /// What was tried and why it failed, in one line.
    pub message: String,
    /// What the operator can do about it.
    pub hint: Option<String>,
}

/// The sources that a world is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The containers' records.
    Containers,
    /// The image store.
    Images,
    /// Counters of cgroups.
    Stats,
    /// Control groups of the host.
    Groups,
    /// The networks.
    Networks,
    /// The volumes.
    Volumes,
    /// Host figures.
    Host,
    /// The engine as a whole.
    Engine,
}
