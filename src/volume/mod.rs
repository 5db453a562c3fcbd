//! Volumes: directories of this host that outlive the containers that use them, kept as
//! files that any process of wharf reads.
//!
//! ```text
//! DATA/volumes/NAME/volume.json   what it is
//! DATA/volumes/NAME/_data/        its files
//! DATA/volumes/NAME/size.json     what it took when it was measured
//! DATA/volumes/NAME/changed       touched whenever a container may have written to it
//! DATA/volumes/.tmp-<random>/     being made, filled or removed; locked by whoever does it
//! DATA/volumes/.fill-NAME/        files of an image, complete, on their way into it
//! DATA/volumes.lock               which volumes there are
//! RUN/volumes/NAME                where one with a file system of its own is mounted
//! ```
//!
//! A volume appears and goes by one rename, so nothing half-made is ever seen. Who uses
//! one is told by the containers' records, which are none of this folder's business:
//! whoever removes a volume looks at them with the lock in hand, and whoever makes a
//! container has it on record before its volumes are made. So the lock of volumes is the
//! last but that of networks, with which it is never held together:
//! `names` -> `images/lock` -> `containers/ID/lock` -> `volumes.lock`.
//!
//! ```text
//! store    records, the lock, sweeping        fill     first use: files of the image
//! device   volumes on a device or in memory   size     what a volume takes
//! ```

mod device;
mod error;
mod fill;
mod size;
mod store;

use std::path::PathBuf;

pub use device::Source;
pub use error::{Error, Result};
pub use store::{VolumesLock, check_request};

/// The volumes of one engine.
#[derive(Clone, Debug)]
pub struct Volumes {
    /// What must survive a reboot.
    data: PathBuf,
    /// Mount points, which need not.
    run: PathBuf,
}

impl Volumes {
    /// Of an engine that keeps its volumes below `data`, and mounts those that have a
    /// device below `run`. Nothing is touched.
    pub fn new(data: PathBuf, run: PathBuf) -> Self {
        Self { data, run }
    }
}
