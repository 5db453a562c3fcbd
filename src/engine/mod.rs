//! The facade over every engine: the traits that the dashboard and the commands drive,
//! and nothing of how an engine does it.
//!
//! # By example
//!
//! `wharf run --rm IMAGE true` is four calls. The attachment is part of the start, so
//! that not one byte of output is lost:
//!
//! ```text
//! let id      = engine.create(CreateRequest { name, config }).await?;
//! let session = engine.start(StartRequest { id, attach: Some(streams) }).await?;
//! copy(session, our stdio).await;
//! let exit    = engine.wait(&id, WaitCondition::NotRunning).await?;   // auto_remove: the shim removes
//! ```
//!
//! The dashboard asks for one [`World`] a tick and for nothing else; what a user does
//! becomes one call of [`Containers`] or [`Images`], whose error kind decides the toast.
//!
//! Streams (logs, events, output) are bounded receivers: a reader that stops reading
//! stops the sender, never the container.

pub mod embedded;
mod error;
#[cfg(test)]
pub mod fake;
mod fetch;
mod questions;
pub mod recorded;
pub mod remote;
mod usage;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

pub use crate::runtime::lifecycle::{CopyFrom, CopyTo};
pub use error::{EngineError, ErrorKind, Result};
pub use fetch::fetch;

/// How the names of images are read; the same everywhere.
pub use crate::image::{Reference, ReferenceError, registry_host};

use crate::model::{
    Ability, AttachStreams, BuildEvent, BuildRequest, Capabilities, Change, CommitRequest,
    ConnectRequest, Container, ContainerDetails, ContainerId, ContainerRow, CopyRequest, Counters,
    CreateRequest, Digest, Event, EventsRequest, ExecConfig, ExecDetails, ExecId, Exit,
    ExtractRequest, Extracted, FileDifference, FilePage, FoundRepository, Greeting, GroupChange,
    GroupDetails, GroupOf, Image, ImageLayers, ImportProgress, ImportRequest, KillRequest,
    LoadedImage, LogLine, LoginRequest, LogsRequest, Network, NetworkCreateRequest, NetworkDetails,
    PathDetails, Process, PruneImages, PruneVolumes, PrunedImages, PrunedVolumes, PullRequest,
    PushRequest, ReadRequest, RegistrySettings, RemoteManifest, RemoveRequest, SaveRequest,
    SearchRequest, SignalRequest, Sockets, StartRequest, StopRequest, StoreUsage, Stream,
    TerminalSize, Transfer, TreePage, TreeRequest, UpdateRequest, Verified, Visible, Volume,
    VolumeCreateRequest, VolumeDetails, WaitCondition, World,
};

/// Whatever makes and runs containers.
pub trait Engine:
    Observe
    + Containers
    + Execs
    + Images
    + Upkeep
    + Registries
    + Networks
    + Volumes
    + Archives
    + Build
    + Files
    + Groups
{
}
impl<
    T: Observe
        + Containers
        + Execs
        + Images
        + Upkeep
        + Registries
        + Networks
        + Volumes
        + Archives
        + Build
        + Files
        + Groups,
> Engine for T
{
}

/// Looking without touching.
#[async_trait]
pub trait Observe: Send + Sync {
    /// What this engine is and can do.
    fn capabilities(&self) -> Capabilities;

    /// Who it is and what it has, in little time and changing nothing.
    async fn greet(&self) -> Result<Greeting> {
        let visible = Visible {
            images: true,
            ..Visible::default()
        };
        let world = self.world(visible).await?;
        let has_process = |row: &&ContainerRow| row.container.state.has_process();
        Ok(Greeting {
            engine: self.capabilities().engine,
            host: world.host.name.clone(),
            cpus: world.host.cpus,
            memory_bytes: world.host.memory_total_bytes,
            containers: world.containers.len(),
            running: world.containers.iter().filter(has_process).count(),
            images: world.images.len(),
            ..Greeting::default()
        })
    }

    /// One picture of everything. A source that fails is a problem in the world, not an
    /// error; rates are against the world before it from this engine value.
    async fn world(&self, visible: Visible) -> Result<Arc<World>>;

    /// The container that a user means by a full id, a unique id prefix or a name.
    async fn resolve(&self, reference: &str) -> Result<ContainerId>;

    /// One container, freshly read.
    async fn inspect(&self, id: &ContainerId) -> Result<Container>;

    /// The same, and what its record alone knows.
    async fn details(&self, id: &ContainerId) -> Result<ContainerDetails> {
        Err(EngineError::lacks(Ability::Details, "inspect", id.short()))
    }

    /// Its counters now.
    async fn counters(&self, id: &ContainerId) -> Result<Counters> {
        Err(EngineError::lacks(
            Ability::Details,
            "count what is used by",
            id.short(),
        ))
    }

    /// Lines of its log, oldest first; ends by itself unless `follow` is set.
    async fn logs(&self, request: LogsRequest) -> Result<mpsc::Receiver<Result<LogLine>>>;

    /// Its processes.
    async fn processes(&self, id: &ContainerId) -> Result<Vec<Process>>;

    /// What it has open on its networks.
    async fn sockets(&self, id: &ContainerId) -> Result<Sockets> {
        Err(
            EngineError::new(ErrorKind::Unsupported, "list the sockets of", id.short())
                .because("this engine can't look into networks"),
        )
    }

    /// What differs from its image.
    async fn changes(&self, id: &ContainerId) -> Result<Vec<Change>>;

    /// Bytes on disk that its writable layer takes. Walks the layer: slow, so asked for
    /// only where somebody wants to see it.
    async fn writable_bytes(&self, id: &ContainerId) -> Result<u64>;

    /// What happens from now on, and what happened since the time asked for.
    async fn events(&self, request: EventsRequest) -> Result<mpsc::Receiver<Result<Event>>>;
}

/// The lifecycle. Each call returns when what it says is true.
#[async_trait]
pub trait Containers: Send + Sync {
    /// Make a container; nothing runs yet.
    async fn create(&self, request: CreateRequest) -> Result<ContainerId>;

    /// Start it. Returns once its program runs; with `attach`, its streams.
    async fn start(&self, request: StartRequest) -> Result<Option<Session>>;

    /// Attach to a running container.
    async fn attach(&self, id: &ContainerId, streams: AttachStreams) -> Result<Session>;

    /// Ask it to stop, wait, kill. Stopping what doesn't run is no error.
    async fn stop(&self, request: StopRequest) -> Result<()>;

    /// Stop and start.
    async fn restart(&self, request: StopRequest) -> Result<()>;

    /// Send a signal.
    async fn kill(&self, request: KillRequest) -> Result<()>;

    /// Send a signal to one of its processes, and to no process that isn't.
    async fn signal(&self, request: SignalRequest) -> Result<()>;

    /// Freeze all its processes.
    async fn pause(&self, id: &ContainerId) -> Result<()>;

    /// Thaw them.
    async fn unpause(&self, id: &ContainerId) -> Result<()>;

    /// Remove it with its writable layer and log.
    async fn remove(&self, request: RemoveRequest) -> Result<()>;

    /// Give it another name.
    async fn rename(&self, id: &ContainerId, name: &str) -> Result<()>;

    /// Give its terminal another size.
    async fn resize(&self, id: &ContainerId, _size: TerminalSize) -> Result<()> {
        Err(EngineError::lacks(Ability::Details, "resize", id.short()))
    }

    /// Wait for its exit or removal.
    async fn wait(&self, id: &ContainerId, condition: WaitCondition) -> Result<Exit>;

    /// Change limits or restart policy, live where it runs.
    async fn update(&self, request: UpdateRequest) -> Result<()>;

    /// Run its next health check now. Returns once that is on its way.
    async fn check_health(&self, id: &ContainerId) -> Result<()> {
        Err(
            EngineError::new(ErrorKind::Unsupported, "check the health of", id.short())
                .because("this engine checks it by itself only"),
        )
    }
}

/// Further processes in a running container.
#[async_trait]
pub trait Execs: Send + Sync {
    /// Run one. Without streams it is detached.
    async fn exec(&self, id: &ContainerId, config: ExecConfig) -> Result<Exec>;

    /// Make one that is started later, maybe through another engine value.
    async fn create_exec(&self, id: &ContainerId, _config: ExecConfig) -> Result<ExecId> {
        Err(EngineError::lacks(
            Ability::Details,
            "make an exec in",
            id.short(),
        ))
    }

    /// Start one that was made; with `attach`, its streams.
    async fn start_exec(
        &self,
        exec: &ExecId,
        _attach: Option<AttachStreams>,
    ) -> Result<Option<Session>> {
        Err(EngineError::lacks(
            Ability::Details,
            "find the exec",
            exec.short(),
        ))
    }

    /// What is known of one.
    async fn inspect_exec(&self, exec: &ExecId) -> Result<ExecDetails> {
        Err(EngineError::lacks(
            Ability::Details,
            "find the exec",
            exec.short(),
        ))
    }

    /// Give its terminal another size.
    async fn resize_exec(&self, exec: &ExecId, _size: TerminalSize) -> Result<()> {
        Err(EngineError::lacks(
            Ability::Details,
            "find the exec",
            exec.short(),
        ))
    }

    /// Wait for it; its exit code.
    async fn exec_wait(&self, id: &ContainerId, exec: &ExecId) -> Result<i32>;
}

/// The image store.
#[async_trait]
pub trait Images: Send + Sync {
    /// All images, newest first.
    async fn images(&self) -> Result<Arc<Vec<Image>>>;

    /// The image that a user means by a reference, an id or an id prefix.
    async fn image(&self, reference: &str) -> Result<Image>;

    /// Its config as the OCI image specification writes it, as JSON.
    async fn image_config(&self, reference: &str) -> Result<serde_json::Value>;

    /// Make an image of one layer from a root file system's tar: plain, gzip or zstd.
    async fn import(
        &self,
        source: Box<dyn std::io::Read + Send>,
        request: ImportRequest,
        progress: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<Digest>;

    /// Make an image from executables of this host and the libraries they need.
    async fn image_from_host(&self, reference: &str, commands: &[String]) -> Result<Digest>;

    /// Give an image a further name.
    async fn tag(&self, source: &str, target: &str) -> Result<()>;

    /// Remove a name and, with the last one, the image and the layers nobody else uses.
    /// Says what went: names first, then digests.
    async fn remove_image(&self, reference: &str, force: bool) -> Result<Vec<String>>;
}

/// Networks. An engine without any refuses to make one.
#[async_trait]
pub trait Networks: Send + Sync {
    /// All networks, those that are always there first.
    async fn networks(&self) -> Result<Vec<Network>> {
        Ok(Vec::new())
    }

    /// The network of a name or an id, and who is on it.
    async fn network(&self, reference: &str) -> Result<NetworkDetails> {
        Err(EngineError::lacks(
            Ability::Networks,
            "look at the network",
            reference,
        ))
    }

    /// Make one.
    async fn create_network(&self, request: NetworkCreateRequest) -> Result<Network> {
        Err(EngineError::lacks(
            Ability::Networks,
            "create the network",
            request.name,
        ))
    }

    /// Remove one that nobody is on.
    async fn remove_network(&self, reference: &str) -> Result<()> {
        Err(EngineError::lacks(
            Ability::Networks,
            "remove the network",
            reference,
        ))
    }

    /// Remove all that no container names, but those that are spared by name; what went.
    async fn prune_networks(&self, _spared: &[String]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Put a container on one more network, at once if it runs.
    async fn connect(&self, request: ConnectRequest) -> Result<()> {
        let subject = request.container.short().to_owned();
        Err(EngineError::lacks(Ability::Networks, "connect", subject))
    }

    /// Take a container off a network, at once if it runs.
    async fn disconnect(&self, id: &ContainerId, _network: &str) -> Result<()> {
        Err(EngineError::lacks(
            Ability::Networks,
            "disconnect",
            id.short(),
        ))
    }
}

/// Volumes. An engine without any refuses to make one.
///
/// Containers name theirs in [`crate::model::ContainerConfig::mounts`]: those that are
/// missing are made with the container, those without a name are removed with it if
/// [`crate::model::RemoveRequest::volumes`] says so or it removes itself.
#[async_trait]
pub trait Volumes: Send + Sync {
    /// All volumes by name, and who uses them. Nothing is measured.
    async fn volumes(&self) -> Result<Vec<VolumeDetails>> {
        Ok(Vec::new())
    }

    /// The volume of a name, and who uses it.
    async fn volume(&self, name: &str) -> Result<VolumeDetails> {
        Err(EngineError::lacks(
            Ability::Volumes,
            "look at the volume",
            name,
        ))
    }

    /// Make one. One that is there with the same options is left as it is.
    async fn create_volume(&self, request: VolumeCreateRequest) -> Result<Volume> {
        let name = request.name.unwrap_or_default();
        Err(EngineError::lacks(
            Ability::Volumes,
            "create the volume",
            name,
        ))
    }

    /// Remove one that no container uses, running or not.
    async fn remove_volume(&self, name: &str) -> Result<()> {
        Err(EngineError::lacks(
            Ability::Volumes,
            "remove the volume",
            name,
        ))
    }

    /// Remove those that no container uses, or say which would go.
    async fn prune_volumes(&self, _request: PruneVolumes) -> Result<PrunedVolumes> {
        Ok(PrunedVolumes::default())
    }

    /// Volumes with their sizes, all if none is named. Those whose size may have changed
    /// since it was last asked for are walked, which takes as long as they are big.
    async fn measure_volumes(&self, _names: &[String]) -> Result<Vec<VolumeDetails>> {
        self.volumes().await
    }

    /// Write all files of a volume as a tar.
    async fn export_volume(&self, name: &str, _out: Box<dyn std::io::Write + Send>) -> Result<()> {
        Err(EngineError::lacks(
            Ability::Volumes,
            "export the volume",
            name,
        ))
    }

    /// Unpack an uncompressed tar into a volume, beside what is in it. How many entries
    /// came.
    async fn import_volume(
        &self,
        name: &str,
        _source: Box<dyn std::io::Read + Send>,
    ) -> Result<u64> {
        Err(EngineError::lacks(
            Ability::Volumes,
            "import into the volume",
            name,
        ))
    }
}

/// What the store of images holds, and keeping it in order.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Read everything that images consist of, and say what is damaged. What is, is set
    /// aside so that the next pull repairs it. No references mean all images.
    async fn verify_images(&self, _references: &[String]) -> Result<Verified> {
        Err(EngineError::lacks(Ability::Upkeep, "verify", "images"))
    }

    /// Remove images that no container uses, or say which would go.
    async fn prune_images(&self, _request: PruneImages) -> Result<PrunedImages> {
        Err(EngineError::lacks(Ability::Prune, "prune", "images"))
    }

    /// What takes how much room.
    async fn image_usage(&self) -> Result<StoreUsage> {
        Err(EngineError::lacks(Ability::Prune, "measure", "images"))
    }

    /// Files that two images have otherwise.
    async fn compare_images(&self, _old: &str, _new: &str) -> Result<Vec<FileDifference>> {
        Err(EngineError::lacks(Ability::Upkeep, "compare", "images"))
    }
}

/// Building images.
#[async_trait]
pub trait Build: Send + Sync {
    /// Builds an image from a Dockerfile. What happens is told until the last event, which
    /// says what was built or why nothing was; a receiver that is dropped stops the build.
    async fn build(&self, _request: BuildRequest) -> Result<mpsc::Receiver<BuildEvent>> {
        Err(EngineError::lacks(Ability::Build, "build", "an image"))
    }

    /// The builds of other processes, those under way first, then each as it begins. An
    /// engine that doesn't know of any tells of none.
    async fn other_builds(&self) -> Result<mpsc::Receiver<OtherBuild>> {
        Ok(mpsc::channel(1).1)
    }

    /// A shell, or whatever `config` runs, in the container that a failed build kept, with
    /// all that its step had. The terminal's size is in the config's streams.
    async fn rerun_step(&self, id: &ContainerId, _config: ExecConfig) -> Result<Session> {
        Err(EngineError::lacks(
            Ability::Build,
            "open a shell in",
            id.short(),
        ))
    }

    /// Forgets what steps made that were not used for `age`; with `all` the directories
    /// too that steps keep things in. How many steps were forgotten.
    async fn prune_cache(&self, _age: Duration, _all: bool) -> Result<usize> {
        Ok(0)
    }
}

/// Images and containers' files as archives. An engine without a store of its own leaves
/// all as it is here.
#[async_trait]
pub trait Archives: Send + Sync {
    /// Write images as one archive that others load.
    async fn save(
        &self,
        _request: SaveRequest,
        _out: Box<dyn std::io::Write + Send>,
        _progress: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<()> {
        Err(EngineError::lacks(Ability::Archives, "save", "images"))
    }

    /// Load every image of an archive: docker's or an OCI layout; plain, gzip or zstd.
    async fn load(
        &self,
        _source: Box<dyn std::io::Read + Send>,
        _progress: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<Vec<LoadedImage>> {
        Err(EngineError::lacks(Ability::Archives, "load", "images"))
    }

    /// Write all files of a container's root as a tar.
    async fn export(&self, id: &ContainerId, _out: Box<dyn std::io::Write + Send>) -> Result<()> {
        Err(EngineError::lacks(Ability::Archives, "export", id.short()))
    }

    /// What is at a path in a container; a link at its end is not followed.
    async fn path_details(&self, request: CopyRequest) -> Result<PathDetails> {
        Err(EngineError::lacks(
            Ability::Archives,
            "look into",
            request.id.short(),
        ))
    }

    /// Copy a file or a directory out of a container, running or not.
    async fn copy_out(&self, request: CopyRequest, _to: CopyTo) -> Result<()> {
        Err(EngineError::lacks(
            Ability::Archives,
            "copy from",
            request.id.short(),
        ))
    }

    /// Copy a file or a directory into a container, running or not.
    async fn copy_in(&self, request: CopyRequest, _from: CopyFrom) -> Result<()> {
        Err(EngineError::lacks(
            Ability::Archives,
            "copy into",
            request.id.short(),
        ))
    }

    /// Make an image of a container's files. Its id.
    async fn commit(&self, request: CommitRequest) -> Result<Digest> {
        Err(EngineError::lacks(
            Ability::Archives,
            "commit",
            request.id.short(),
        ))
    }
}

/// Images between registries and the store, and the registries themselves.
///
/// A transfer is a stream of pictures, each replacing the one before it; one that comes
/// while nobody reads is left out. The last one says how it ended, or an error comes in
/// its place. Dropping the stream cancels the transfer, wherever it is.
#[async_trait]
pub trait Registries: Send + Sync {
    /// Fetch an image and name it.
    async fn pull(&self, request: PullRequest) -> Result<Transfers> {
        Err(EngineError::lacks(
            Ability::Registries,
            "pull",
            request.reference,
        ))
    }

    /// Send an image to the registry that its name says.
    async fn push(&self, request: PushRequest) -> Result<Transfers> {
        Err(EngineError::lacks(
            Ability::Registries,
            "push",
            request.reference,
        ))
    }

    /// All tags that a registry has of a repository.
    async fn tags(&self, repository: &str, _: RegistrySettings) -> Result<Vec<String>> {
        Err(EngineError::lacks(
            Ability::Registries,
            "list the tags of",
            repository,
        ))
    }

    /// What a registry has under a name, as it is there.
    async fn manifest(&self, reference: &str, _: RegistrySettings) -> Result<RemoteManifest> {
        Err(EngineError::lacks(
            Ability::Registries,
            "inspect manifest",
            reference,
        ))
    }

    /// Repositories that are about something.
    async fn search(&self, request: SearchRequest) -> Result<Vec<FoundRepository>> {
        Err(EngineError::lacks(
            Ability::Registries,
            "search",
            request.term,
        ))
    }

    /// Ask a registry whether it takes a login, and keep it. Where it is kept.
    async fn log_in(&self, request: LoginRequest) -> Result<String> {
        Err(EngineError::lacks(
            Ability::Registries,
            "log in to",
            request.registry,
        ))
    }

    /// Forget a login; false if there was none.
    async fn log_out(&self, registry: &str) -> Result<bool> {
        Err(EngineError::lacks(
            Ability::Registries,
            "log out of",
            registry,
        ))
    }
}

/// The pictures of a transfer.
pub type Transfers = mpsc::Receiver<Result<Transfer>>;

/// What images and containers hold. All in pages: neither side ever has more of an image
/// than is looked at.
#[async_trait]
pub trait Files: Send + Sync {
    /// The layers of an image, what made each, who else has it, and what is wasted.
    async fn image_layers(&self, reference: &str) -> Result<ImageLayers> {
        Err(EngineError::lacks(
            Ability::Files,
            "list the layers of",
            reference,
        ))
    }

    /// Lines of the tree of an image's or a container's files. A container's are those of
    /// its image and its own; volumes are not.
    async fn tree(&self, request: TreeRequest) -> Result<TreePage> {
        Err(EngineError::lacks(
            Ability::Files,
            "list",
            request.of.subject(),
        ))
    }

    /// A piece of a regular file; of a removed one as it was before.
    async fn read_file(&self, request: ReadRequest) -> Result<FilePage> {
        Err(EngineError::lacks(
            Ability::Files,
            "read",
            request.of.subject(),
        ))
    }

    /// Copy a file or a directory to a path of this host at which nothing is. It belongs
    /// to the caller then, and runs as nobody else.
    async fn extract(&self, request: ExtractRequest) -> Result<Extracted> {
        Err(EngineError::lacks(
            Ability::Files,
            "extract from",
            request.of.subject(),
        ))
    }
}

/// The control groups of the host: everybody's are looked at, those that users of wharf
/// made are changed. An engine without any leaves all as it is here.
#[async_trait]
pub trait Groups: Send + Sync {
    /// Whose counters and limits the pictures have from now on, by path; the list itself
    /// is always whole. Each costs descriptors, so a viewer names what is on its screen.
    fn count_groups(&self, _shown: Vec<Arc<str>>) {}

    /// All limits of one group, as the kernel holds them, and how often it met them.
    async fn group_details(&self, of: &GroupOf) -> Result<GroupDetails> {
        let subject = match of {
            GroupOf::Container(id) => id.short().to_owned(),
            GroupOf::Path(path) => path.to_string(),
        };
        Err(EngineError::lacks(
            Ability::Groups,
            "read the limits of",
            subject,
        ))
    }

    /// The processes in a group and below it.
    async fn group_processes(&self, path: &str) -> Result<Vec<Process>> {
        Err(EngineError::lacks(
            Ability::Groups,
            "list the processes of",
            path,
        ))
    }

    /// Does a change, all of it or nothing. Answers with the change that takes it back.
    async fn change_group(&self, change: GroupChange) -> Result<GroupChange> {
        Err(EngineError::lacks(Ability::Groups, "change", change.path()))
    }
}

/// A build of another process.
#[derive(Debug)]
pub struct OtherBuild {
    /// What it is called: its image's first name, or where its files come from.
    pub title: String,
    /// What happened so far, of output only the end, and what happens. Dropping it stops
    /// nothing; it ends with the build.
    pub events: mpsc::Receiver<BuildEvent>,
    /// Stops the build.
    pub stop: mpsc::Sender<()>,
}

/// An attachment to the streams of a process.
///
/// Dropping `input` closes its stdin; dropping the whole detaches.
#[derive(Debug)]
pub struct Session {
    /// Bytes for its stdin.
    pub input: mpsc::Sender<Bytes>,
    /// Its output as it comes; ends when the process's streams end.
    pub output: mpsc::Receiver<(Stream, Bytes)>,
    /// New sizes for its terminal.
    pub resize: mpsc::Sender<TerminalSize>,
}

/// A process that was started in a container.
#[derive(Debug)]
pub struct Exec {
    /// Its id.
    pub id: ExecId,
    /// Its streams, if any were asked for.
    pub session: Option<Session>,
}
