//! A running container whose namespaces are joined by another.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, openat2},
    thread::{ThreadNameSpaceType, move_into_thread_name_spaces},
};

use super::{
    inspect,
    paths::Root,
    spec,
    store::{self, ContainerStore},
};
use crate::{
    model::{ContainerConfig, ContainerId, State},
    sys::{clone, mount, pidfd},
};

/// Why another container's namespaces can't be joined.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none of that name.
    #[error("no such container: {0}")]
    Missing(String),
    /// It does not run.
    #[error("container {}, whose {what} it shares, is {state}", id.short())]
    NotRunning {
        /// Which.
        id: ContainerId,
        /// What was to be shared.
        what: &'static str,
        /// Where it stands.
        state: State,
    },
    /// It keeps its shared memory to itself.
    #[error(
        "container {} does not share its memory: --ipc shareable makes one that does", _0.short()
    )]
    NotShareable(ContainerId),
    /// Its record.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A namespace of it.
    #[error("open the {what} of container {}", id.short())]
    Io {
        /// Which.
        id: ContainerId,
        /// What was to be opened.
        what: &'static str,
        /// Why that failed.
        source: io::Error,
    },
}

/// A container that runs, by a process that can't be taken for another's.
#[derive(Debug)]
pub struct Donor {
    id: ContainerId,
    config: ContainerConfig,
    what: &'static str,
    pid: i32,
    process: OwnedFd,
}

/// Which container it is.
pub fn resolve(store: &ContainerStore, reference: &str) -> Result<ContainerId, Error> {
    store.resolve(reference).map_err(|error| match error {
        store::Error::NotFound(_) => Error::Missing(reference.to_owned()),
        error => error.into(),
    })
}

impl Donor {
    /// Finds it; `what` of it is to be shared, for an error's words.
    pub fn find(root: &Root, reference: &str, what: &'static str) -> Result<Self, Error> {
        let store = ContainerStore::new(root.clone());
        let id = resolve(&store, reference)?;
        let container = inspect::inspect(&store, &id)?;
        let live = inspect::live(&root.container(&id))?;
        let Some(process) = live.and_then(|live| live.process) else {
            let state = container.state;
            return Err(Error::NotRunning { id, what, state });
        };
        match process.open() {
            Ok(Some(pidfd)) => Ok(Self {
                config: container.config,
                what,
                pid: process.pid,
                process: pidfd,
                id,
            }),
            Ok(None) => Err(Error::NotRunning {
                id,
                what,
                state: State::Exited,
            }),
            Err(source) => Err(Error::Io { id, what, source }),
        }
    }

    /// One of its namespaces, by its name below `/proc/PID/ns`.
    pub fn namespace(&self, name: &str) -> Result<OwnedFd, Error> {
        let namespace = File::open(format!("/proc/{}/ns/{name}", self.pid));
        // While its process is there, the number was its own.
        if pidfd::send_signal(&self.process, 0).is_err() {
            return Err(Error::NotRunning {
                id: self.id.clone(),
                what: self.what,
                state: State::Exited,
            });
        }
        Ok(namespace.map_err(|error| self.failed(error))?.into())
    }

    /// Its `/dev/shm`, as a detached mount. Only a single-threaded process may call this.
    pub fn shared_memory(&self) -> Result<OwnedFd, Error> {
        if !self.config.shared.ipc.is_shareable() {
            return Err(Error::NotShareable(self.id.clone()));
        }
        let mounts = self.namespace("mnt")?;
        // A mount can be cloned only by who is in its mount namespace. What the container
        // may have put in its place must not lead us on.
        let open = || {
            move_into_thread_name_spaces(mounts.as_fd(), ThreadNameSpaceType::MOUNT)?;
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let found = openat2(
                CWD,
                spec::SHM,
                flags,
                Mode::empty(),
                ResolveFlags::NO_SYMLINKS,
            )?;
            mount::clone_tree(found, c"", false)
        };
        clone::fetch(0, open).map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Io {
            id: self.id.clone(),
            what: self.what,
            source,
        }
    }
}
