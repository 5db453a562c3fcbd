//! Control groups: v1, v2 and hosts that mix them.
//!
//! ```text
//! hierarchy   what is mounted where, from /proc/self/mountinfo
//! group       a group in all hierarchies: made, joined, listed
//! entrance    the quick way in, for a child that enters by itself
//! state       frozen, killed, removed
//! resources   limits as a checked list of writes; v1 and v2 know their files
//! device      device rules: v1's files, or a v2 program
//! oom         a descriptor that wakes with an OOM kill
//! sampler     counters through held descriptors; counters has the parsers
//! ```
//!
//! Paths are relative and the same in every hierarchy: `wharf/ID` lies at
//! `/sys/fs/cgroup/memory/wharf/ID` and its like. Who creates groups: the shim and the
//! OCI command line. Who reads counters: whoever shows them.

mod counters;
mod device;
mod entrance;
mod error;
mod file;
mod group;
mod hierarchy;
mod missing;
mod oom;
mod resources;
mod sampler;
mod state;
mod v1;
mod v2;

pub use entrance::Entrance;
pub use error::{Error, Result};
pub use group::Cgroup;
pub use hierarchy::{Cgroups, Version};
pub use oom::OomWatch;
pub use resources::Defaults;
pub use sampler::Sampler;
