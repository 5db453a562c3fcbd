//! What can be done with a container, each as one blocking call that returns when what
//! it says is true. Any number of processes may call at once: the container's lock makes
//! one operation at a time of it, and none is held while something is waited for.

mod archive;
mod changes;
mod copy;
mod create;
mod end;
mod exec;
mod files;
mod live;
mod network;
mod remove;
mod start;
mod step;
mod update;
mod volume;
mod watch;

use std::{io, path::PathBuf, sync::OnceLock};

pub use copy::{CopyFrom, CopyTo};
pub use start::RunRecord;
pub use watch::Watch;

use super::{
    attach, donor, events, inspect,
    paths::{ContainerPaths, Root},
    record::ContainerRecord,
    shim, spec,
    store::{self, ContainerStore},
};
use crate::{
    image::{self, ImageStore},
    layer,
    model::{Container, ContainerId, EventKind, State},
    network::{self as networks, Networks},
    sys::cgroup::{self, Cgroups},
    volume::{self as volumes, Volumes},
};

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Records.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What was asked makes no sense.
    #[error(transparent)]
    Spec(#[from] spec::Error),
    /// The image.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// Its layers.
    #[error(transparent)]
    Layer(#[from] layer::Error),
    /// The shim could not start it.
    #[error(transparent)]
    Shim(#[from] shim::Error),
    /// The shim could not be talked to.
    #[error(transparent)]
    Attach(#[from] attach::Error),
    /// Control groups.
    #[error(transparent)]
    Cgroup(#[from] cgroup::Error),
    /// Networks.
    #[error(transparent)]
    Network(#[from] networks::Error),
    /// Volumes.
    #[error(transparent)]
    Volume(#[from] volumes::Error),
    /// The container whose namespace is to be joined.
    #[error(transparent)]
    Donor(#[from] donor::Error),
    /// Not possible in the state that it is in.
    #[error("it is {state}")]
    State {
        /// That state.
        state: State,
        /// What would make it possible.
        hint: &'static str,
    },
    /// The input is malformed.
    #[error("{0}")]
    Invalid(String),
    /// Its output is not kept. In docker's words, which its users look for.
    #[error("configured logging driver does not support reading")]
    NotLogged,
    /// It did not end although it was killed.
    #[error("it does not end, even by SIGKILL")]
    DoesNotEnd,
    /// A file or a process.
    #[error("{operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    /// Whether there is no such container (any more).
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Store(store::Error::NotFound(_)))
    }
}

/// Result of an operation.
pub type Result<T> = std::result::Result<T, Error>;

/// What the environment says of how many bytes a layer may unpack to. One that can't be
/// read bounds as the default does.
fn most_layer_bytes() -> Option<u64> {
    std::env::var("WHARF_MAX_LAYER_BYTES").ok()?.parse().ok()
}

/// Adds what was tried and on what to an I/O error.
pub(super) fn failed(
    operation: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io {
        operation,
        path: path.into(),
        source,
    }
}

/// The containers of one engine, and what can be done with them.
#[derive(Debug)]
pub struct Lifecycle {
    store: ContainerStore,
    cgroups: OnceLock<Cgroups>,
}

impl Lifecycle {
    /// Of the engine at `root`. Nothing is touched.
    pub fn new(root: Root) -> Self {
        Self {
            store: ContainerStore::new(root),
            cgroups: OnceLock::new(),
        }
    }

    /// The records.
    pub fn store(&self) -> &ContainerStore {
        &self.store
    }

    /// Where everything lies.
    pub fn root(&self) -> &Root {
        self.store.root()
    }

    /// The image store, opened anew: it reads little, and its locks are per use.
    pub fn images(&self) -> Result<ImageStore> {
        let root = self.root();
        let store = ImageStore::open(&root.images(), &root.layers())?;
        Ok(match most_layer_bytes() {
            Some(most) => store.with_most_layer_bytes(most),
            None => store,
        })
    }

    /// Sees to it that no image is used which a loss of power may have taken a part of.
    /// Takes the locks of images, so it comes before any container's.
    pub(in crate::runtime) fn settle(&self) -> Result<()> {
        Ok(self.images()?.settle()?)
    }

    /// The networks.
    pub fn networks(&self) -> Networks {
        super::networks(self.root())
    }

    /// The volumes.
    pub fn volumes(&self) -> Volumes {
        super::volumes(self.root())
    }

    /// The control group hierarchies, found once.
    pub fn cgroups(&self) -> Result<&Cgroups> {
        if let Some(cgroups) = self.cgroups.get() {
            return Ok(cgroups);
        }
        let found = Cgroups::detect()?;
        Ok(self.cgroups.get_or_init(|| found))
    }

    /// A container as it is now.
    pub fn inspect(&self, id: &ContainerId) -> Result<Container> {
        Ok(inspect::inspect(&self.store, id)?)
    }

    /// A container as it is now, after repair if its shim is gone.
    pub fn settled(&self, id: &ContainerId) -> Result<Container> {
        let container = self.inspect(id)?;
        if container.state.can_stop() && self.recover(id)? {
            return self.inspect(id);
        }
        Ok(container)
    }

    fn paths(&self, id: &ContainerId) -> ContainerPaths {
        self.root().container(id)
    }

    /// The same of an image: what was done to it, its id, and a name that it has or had.
    pub fn tell_of_image(&self, action: &str, id: &str, name: &str) {
        let attributes = [("name", name.to_owned())];
        let event = events::now(EventKind::Image, action, id, attributes);
        let _ = events::append(self.root(), &event);
    }

    /// Tells those who follow events. What was done is done: a full disk doesn't undo
    /// it, so nobody is told that telling failed.
    pub(super) fn tell(&self, record: &ContainerRecord, action: &str, details: &[(&str, String)]) {
        let event = events::of_container(record, action, details);
        let _ = events::append(self.root(), &event);
    }
}
