//! Namespaces of other containers that a run joins. They are looked for at each start:
//! those containers may have been started again in between, and must run.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    path::PathBuf,
};

use oci_spec::runtime::{LinuxNamespaceType, Spec};

use super::{Failure, failure::Describe};
use crate::{
    model::{IpcMode, PidMode, SharedNamespaces},
    runtime::{donor::Donor, paths::Root, spec},
};

/// What is joined, held open until the container is made.
#[derive(Debug, Default)]
pub(super) struct Joined {
    namespaces: Vec<(LinuxNamespaceType, OwnedFd)>,
    shared_memory: Option<OwnedFd>,
}

impl Joined {
    /// Opens all that is another container's.
    pub fn open(root: &Root, shared: &SharedNamespaces) -> Result<Self, Failure> {
        let mut joined = Self::default();
        if let IpcMode::Container(other) = &shared.ipc {
            let what = "join the other's shared memory";
            let donor = Donor::find(root, other, "shared memory").describe(what)?;
            joined.shared_memory = Some(donor.shared_memory().describe(what)?);
            let namespace = donor.namespace("ipc").describe(what)?;
            joined.namespaces.push((LinuxNamespaceType::Ipc, namespace));
        }
        if let PidMode::Container(other) = &shared.pid {
            let what = "join the other's processes";
            let donor = Donor::find(root, other, "processes").describe(what)?;
            let namespace = donor.namespace("pid").describe(what)?;
            joined.namespaces.push((LinuxNamespaceType::Pid, namespace));
        }
        Ok(joined)
    }

    /// Makes a run join all of them.
    pub fn write(&self, spec: &mut Spec) {
        for (kind, namespace) in &self.namespaces {
            join(spec, *kind, namespace);
        }
    }

    /// The mounts among them, by the source that the specification names.
    pub fn take_trees(&mut self) -> Vec<(PathBuf, OwnedFd)> {
        let tree = self.shared_memory.take();
        tree.map(|tree| (spec::JOINED_SHM.into(), tree))
            .into_iter()
            .collect()
    }
}

/// Makes the next run join a namespace instead of getting a new one.
pub(super) fn join(spec: &mut Spec, kind: LinuxNamespaceType, namespace: &OwnedFd) {
    let path = PathBuf::from(format!("/proc/self/fd/{}", namespace.as_raw_fd()));
    let namespaces = spec
        .linux_mut()
        .as_mut()
        .and_then(|linux| linux.namespaces_mut().as_mut());
    for namespace in namespaces.into_iter().flatten() {
        if namespace.typ() == kind {
            namespace.set_path(Some(path.clone()));
        }
    }
}
