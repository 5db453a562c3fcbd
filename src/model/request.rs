//! What is asked of an engine, one struct for each method that needs more than an id,
//! and the small answers that are not nouns of their own.

use std::{path::PathBuf, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Attachment, Container, ContainerConfig, ContainerId, Digest, ExecId, Limit, Limits,
    NetworkCreateRequest, Pool, RestartPolicy, VolumeCreateRequest,
};

/// Make a container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateRequest {
    /// Its name; two random words if nothing is said.
    pub name: Option<String>,
    /// All the rest.
    pub config: ContainerConfig,
    /// Where the default network's addresses are chosen from, if it has none yet.
    pub pools: Vec<Pool>,
}

/// Start a container.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// Which.
    pub id: ContainerId,
    /// Streams to attach before its first instruction, so that no byte is lost.
    pub attach: Option<AttachStreams>,
}

/// What a command line that makes something asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Planned {
    /// `wharf run`
    Run(Box<CreateRequest>),
    /// `wharf build`: the files that this needs are read when it is begun.
    Build,
    /// `wharf network create`
    Network(Box<NetworkCreateRequest>),
    /// `wharf network connect`
    Connect {
        /// The container, by name or id.
        container: String,
        /// To which network, and how.
        attachment: Attachment,
    },
    /// `wharf volume create`
    Volume(Box<VolumeCreateRequest>),
}

/// Which streams an attachment carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachStreams {
    /// Ours to its stdin.
    pub stdin: bool,
    /// Its stdout to us.
    pub stdout: bool,
    /// Its stderr to us; part of stdout with a terminal.
    pub stderr: bool,
    /// First size of the terminal.
    pub size: Option<TerminalSize>,
}

/// Size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// Rows of characters.
    pub rows: u16,
    /// Columns of characters.
    pub cols: u16,
}

/// Stop a container: ask by its stop signal, wait, then kill.
#[derive(Clone, Debug)]
pub struct StopRequest {
    /// Which.
    pub id: ContainerId,
    /// Seconds to wait; -1 is for ever; its own setting if nothing is said.
    pub timeout_secs: Option<i64>,
    /// Signal to ask with; its own setting if nothing is said.
    pub signal: Option<String>,
}

/// Send a signal to a container's init process.
#[derive(Clone, Debug)]
pub struct KillRequest {
    /// Which.
    pub id: ContainerId,
    /// Name (with or without `SIG`) or number; `KILL` if nothing is said.
    pub signal: Option<String>,
}

/// Send a signal to one process of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalRequest {
    /// Whose process it is.
    pub id: ContainerId,
    /// Its id on the host.
    pub pid: i32,
    /// When it began, as it was listed: a pid can be given away.
    pub started: Timestamp,
    /// Name (with or without `SIG`) or number.
    pub signal: String,
}

/// Remove a container.
#[derive(Clone, Debug)]
pub struct RemoveRequest {
    /// Which.
    pub id: ContainerId,
    /// Kill it first if it runs.
    pub force: bool,
    /// Remove the volumes too that were made for it without a name.
    pub volumes: bool,
}

/// What `wait` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitCondition {
    /// Return at once unless it runs.
    NotRunning,
    /// The next exit, even if it isn't running yet.
    NextExit,
    /// Its removal.
    Removed,
}

/// Change a container's limits or restart policy. What is `None` stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateRequest {
    /// Which.
    pub id: ContainerId,
    /// New limits; fields that are `None` or empty stay as they are.
    pub limits: Limits,
    /// Limits that are taken away, before the new ones are set.
    pub unset: Vec<Limit>,
    /// New restart policy.
    pub restart: Option<RestartPolicy>,
}

/// Run a further process in a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExecConfig {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// `KEY=value` pairs on top of the container's.
    pub env: Vec<String>,
    /// Working directory inside; the container's if nothing is said.
    pub working_dir: Option<String>,
    /// `user[:group]`; the container's if nothing is said.
    pub user: Option<String>,
    /// Whether it gets a terminal.
    pub tty: bool,
    /// Whether it has all capabilities.
    pub privileged: bool,
    /// Streams to attach; none detaches it.
    pub attach: Option<AttachStreams>,
}

/// What is known of an exec.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecDetails {
    /// Its id.
    pub id: ExecId,
    /// The container that it is in.
    pub container: ContainerId,
    /// What it runs.
    pub config: ExecConfig,
    /// Whether it was started.
    pub is_started: bool,
    /// Whether its process runs.
    pub is_running: bool,
    /// Its exit code, once it ended.
    pub code: Option<i32>,
    /// Its process on the host, while it runs.
    pub pid: Option<i32>,
}

/// A container, and what its record alone knows.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerDetails {
    /// The container.
    pub container: Container,
    /// Its environment, the image's included.
    pub env: Vec<String>,
    /// Where its program begins.
    pub working_dir: String,
    /// `user[:group]`, empty for root.
    pub user: String,
    /// The signal that asks it to stop, if one is named.
    pub stop_signal: Option<String>,
    /// Its log.
    pub log: PathBuf,
    /// Its files of /etc that are ours, while it runs.
    pub etc: PathBuf,
    /// What it wrote.
    pub upper: PathBuf,
    /// Execs in it that have not ended.
    pub execs: Vec<ExecId>,
}

/// What is at a path in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathDetails {
    /// Its last component.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Kind and permissions, as stat(2) has them.
    pub mode: u32,
    /// When it was changed last.
    pub modified: Timestamp,
    /// Where a link leads.
    pub link_target: Option<PathBuf>,
}

/// Read a container's log.
#[derive(Clone, Debug)]
pub struct LogsRequest {
    /// Which.
    pub id: ContainerId,
    /// Go on with what comes.
    pub follow: bool,
    /// Only the last this many lines.
    pub tail: Option<u64>,
    /// Only lines at or after this time.
    pub since: Option<Timestamp>,
    /// Only lines before this time.
    pub until: Option<Timestamp>,
    /// Include stdout.
    pub stdout: bool,
    /// Include stderr.
    pub stderr: bool,
}

/// Which of a process's streams a piece of output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output, or a terminal's.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line of a log, or a part of a very long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: Timestamp,
    /// Where to.
    pub stream: Stream,
    /// Its bytes without the newline; not necessarily UTF-8.
    pub text: Vec<u8>,
    /// Whether more of the same line follows.
    pub partial: bool,
}

/// Which events to tell.
#[derive(Clone, Debug, Default)]
pub struct EventsRequest {
    /// Events at or after this time that are still known.
    pub since: Option<Timestamp>,
    /// End the stream at this time; without it the stream goes on.
    pub until: Option<Timestamp>,
}

/// One process of a container, as `top` and the dashboard list it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Process id on the host.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// User, by number or by the host's name.
    pub user: String,
    /// One letter of state, as proc(5) has it.
    pub state: char,
    /// Threads.
    pub threads: u32,
    /// Resident memory, bytes.
    pub resident_bytes: u64,
    /// CPU time used so far.
    pub cpu_time: Duration,
    /// When it began.
    pub started: Timestamp,
    /// Its command line.
    pub command: String,
}

/// One difference between a container's file system and its image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// Absolute path in the container.
    pub path: PathBuf,
    /// What happened to it.
    pub kind: ChangeKind,
}

/// Kinds of difference, with docker's letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ChangeKind {
    /// `C`
    Modified,
    /// `A`
    Added,
    /// `D`
    Deleted,
}

impl ChangeKind {
    /// Docker's letter for it.
    pub fn letter(self) -> char {
        match self {
            Self::Modified => 'C',
            Self::Added => 'A',
            Self::Deleted => 'D',
        }
    }
}

/// How an import is going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportProgress {
    /// Bytes of input read so far.
    pub read_bytes: u64,
    /// Entries unpacked so far.
    pub entries: u64,
}

/// How an archive of images is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveFormat {
    /// Docker's: `manifest.json` beside configs and unpacked layers.
    #[default]
    Docker,
    /// An OCI image layout, its blobs as they are in the store.
    Oci,
}

/// Write images as one archive.
#[derive(Clone, Debug)]
pub struct SaveRequest {
    /// Which, by reference or id.
    pub references: Vec<String>,
    /// How.
    pub format: SaveFormat,
}

/// An image that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedImage {
    /// Its id.
    pub id: Digest,
    /// Names that the archive gave it, familiar.
    pub references: Vec<String>,
}

/// Copy files into a container or out of one.
#[derive(Clone, Debug)]
pub struct CopyRequest {
    /// Which container.
    pub id: ContainerId,
    /// The path in it; `/.` at its end means a directory's content.
    pub path: PathBuf,
    /// Whether a link at the source's end is followed.
    pub follow_link: bool,
    /// Whether files keep their owner by number; else they belong to root in a container,
    /// and to the caller here.
    pub keep_owner: bool,
    /// What must be there still for anything to be copied over it.
    pub unchanged: Option<PathDetails>,
}

/// Make an image of a root file system's tar.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// What the image is to be called; nothing leaves it nameless.
    pub name: Option<String>,
    /// What it is.
    pub comment: String,
    /// Instructions of a Dockerfile that make its config.
    pub changes: Vec<String>,
}

impl ImportRequest {
    /// With a name and nothing else.
    pub fn named(name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            ..Self::default()
        }
    }
}

/// Make an image of a container's files.
#[derive(Clone, Debug)]
pub struct CommitRequest {
    /// Which container.
    pub id: ContainerId,
    /// What the image is to be called; nothing leaves it nameless.
    pub name: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// What it is.
    pub comment: String,
    /// Instructions of a Dockerfile that change its config.
    pub changes: Vec<String>,
    /// Whether the container is frozen meanwhile, if it runs.
    pub pause: bool,
}
