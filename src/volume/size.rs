//! What a volume takes: measured by walking it, kept with the time it was measured, and
//! not measured again while nobody can have written to it.

use std::{fs, io, os::fd::OwnedFd};

use rustix::fs::fstatvfs;

use super::{Result, Volumes, device::Backing, error::at};
use crate::{
    layer::usage::{self, Taken},
    model::VolumeSize,
};

const SIZE: &str = "size.json";

impl Volumes {
    /// What is known of a volume's size.
    pub(super) fn known_size(&self, name: &str) -> Option<VolumeSize> {
        usage::known(&self.data().join(name).join(SIZE), &self.changed(name))
    }

    /// Measures a volume and keeps what was found. One with a file system of its own is
    /// asked for it, where it is mounted; others are walked.
    pub fn measure(&self, name: &str) -> Result<VolumeSize> {
        let volume = self.find(name)?;
        let path = &volume.mountpoint;
        let root = match fs::File::open(path) {
            Ok(root) => Some(OwnedFd::from(root)),
            // Its file system is not mounted, or what it binds is gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(at("open", path)(error)),
        };
        let backing = Backing::of(&volume)?;
        let look = || match (root, backing) {
            (None, _) => Ok(Taken::default()),
            (Some(root), Backing::FileSystem { .. }) => {
                let found = fstatvfs(&root)?;
                Ok(Taken {
                    bytes: (found.f_blocks - found.f_bfree) * found.f_frsize,
                    files: found.f_files - found.f_ffree,
                })
            }
            (Some(root), _) => usage::walk(&root),
        };
        let kept = self.data().join(name).join(SIZE);
        usage::measure(&kept, &self.changed(name), look).map_err(at("measure", path))
    }
}
