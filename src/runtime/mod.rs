//! Containers as the disk and the kernel know them: where their files lie, what is
//! recorded of them, how they are made, watched and ended.

pub mod attach;
pub mod builds;
pub mod create;
pub mod donor;
pub mod events;
pub mod groups;
pub mod inspect;
pub mod lifecycle;
pub mod logs;
pub mod names;
pub mod paths;
pub mod record;
pub mod repair;
pub mod shim;
pub mod spec;
pub mod state;
pub mod store;

use crate::{network::Networks, volume::Volumes};
use paths::Root;

/// The networks of the engine at `root`.
pub fn networks(root: &Root) -> Networks {
    Networks::new(root.networks(), root.live_networks(), &root.word())
}

/// The volumes of the engine at `root`.
pub fn volumes(root: &Root) -> Volumes {
    Volumes::new(root.volumes(), root.live_volumes())
}
