//! What can go wrong with a control group.

use std::{io, path::PathBuf};

/// Result of everything in this folder.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure, with the file it happened on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel's list of mounts could not be read.
    #[error("read {}", path.display())]
    Mounts {
        /// The list.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No hierarchy is mounted.
    #[error("no cgroup hierarchy is mounted; mount cgroup2 on /sys/fs/cgroup")]
    NotMounted,
    /// A name that would leave our part of the hierarchy.
    #[error("cgroup path {path:?} is empty or has an empty, `.` or `..` part")]
    Path {
        /// The name.
        path: String,
    },
    /// An operation on a file or directory failed.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried, such as `make`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel refused a value.
    #[error("write {value:?} to {}", path.display())]
    Write {
        /// What was written.
        value: String,
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// v2 gives controllers to the children of a group only while no process is in it.
    #[error(
        "processes live in the cgroup {}, so groups below it get no {controller} controller; \
         move them into a child group",
        path.display()
    )]
    Occupied {
        /// The group.
        path: PathBuf,
        /// What was to be given.
        controller: String,
    },
    /// Something was asked that this kernel or this hierarchy can't do.
    #[error("this host can't set {field}: {why}")]
    Unsupported {
        /// The field of the OCI specification, such as `memory.swappiness`.
        field: String,
        /// What is missing.
        why: String,
    },
    /// A field has a value that makes no sense.
    #[error("{field}: {why}")]
    Invalid {
        /// The field of the OCI specification.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// A device rule or program was refused.
    #[error("set the device rules of {}", path.display())]
    Devices {
        /// The group.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An update failed half-way, and what it had changed could not all be put back.
    #[error("undo a failed update: {}", left.join(", "))]
    HalfDone {
        /// Files that keep their new value.
        left: Vec<String>,
        /// What failed first.
        source: Box<Error>,
    },
    /// It takes too long.
    #[error("{action} {} within {seconds} s", path.display())]
    Timeout {
        /// What was awaited, such as `freeze`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// How long.
        seconds: u64,
    },
    /// Something is in a group that was to be removed as an empty one.
    #[error("processes or other groups are in {}", path.display())]
    NotEmpty {
        /// The group, where something is in it.
        path: PathBuf,
    },
    /// The group does not exist any more.
    #[error("the cgroup is gone")]
    Gone,
}

impl Error {
    /// Whether the group vanished, which a reader takes as "it ended", not as a fault.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }
}
