//! What can happen to the dashboard, and what it can ask for.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Gesture, Tab,
    advisor::Inquiry,
    alerts::Notice,
    comparison::Compared,
    follow::Logs,
    layout::Saved,
    log::LogRow,
    timeline::{Before, Moment, Seek},
};
use crate::{
    action::{Action, Key},
    config::{KnownEngine, Loaded, Target as Place, alert::Channel},
    engine::EngineError,
    format::text::sanitize,
    model::{
        BuildEvent, Change, ContainerId, Digest, Direction, Event, ExtractRequest, FilePage,
        Greeting, GroupChange, GroupDetails, ImageLayers, NetworkId, Planned, Process,
        PrunedImages, ReadRequest, RegistrySettings, SignalRequest, Sockets, Transfer, TreePage,
        TreeRequest, UpdateRequest, Visible, VolumeDetails, World,
    },
    record::advice::Advice,
};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(Key),
    /// The mouse did something at a column and a line.
    Mouse(Gesture, u16, u16),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resize(u16, u16),
    /// A new picture, or why there is none.
    World(Result<Arc<World>, Failure>),
    /// Lines of the log that is watched.
    Log(u64, Vec<LogRow>),
    /// That log ended, or could not be read.
    LogEnded(u64, Option<Failure>),
    /// Processes of the container that is watched.
    Processes(u64, Result<Vec<Process>, Failure>),
    /// Its changed files.
    Changes(u64, Result<Vec<Change>, Failure>),
    /// What a container has open on its networks.
    Sockets(u64, Result<Sockets, Failure>),
    /// Limits of the group that is watched, and how often it met them.
    Group(u64, Result<Box<GroupDetails>, Failure>),
    /// Its processes.
    GroupProcesses(u64, Result<Vec<Process>, Failure>),
    /// A group was changed; the first is what was done, the second takes it back.
    GroupChanged(Result<(GroupChange, GroupChange), Failure>),
    /// One item of an operation ended.
    Operated(u64, Target, Result<(), Failure>),
    /// A moment of the past, or why it can't be read.
    Moment(Result<Moment, Failure>),
    /// What limits of a container are worth.
    Advice(ContainerId, Result<Advice, Failure>),
    /// What was recorded before this dashboard began.
    Before(Before),
    /// The last lines of a container's log.
    Tail(ContainerId, Result<Vec<LogRow>, Failure>),
    /// Something that nobody waits for failed.
    Failed(Failure),
    /// A picture of a transfer; none when it ended without a word.
    Transfer(u64, Result<Option<Transfer>, Failure>),
    /// What happened to a build, by its number, and when.
    Build(u64, Vec<(Timestamp, BuildEvent)>),
    /// Nothing more is told of a build; why it could not be begun or followed.
    BuildEnded(u64, Option<Failure>),
    /// A build that was begun elsewhere: its number from now on, and its title.
    OtherBuild(u64, String),
    /// Paths that begin as was typed.
    Paths(String, Vec<String>),
    /// The layers of the image that is explored, by the number of the look.
    Layers(u64, Result<Box<ImageLayers>, Failure>),
    /// What two images have otherwise, by the number of the look.
    Compared(u64, Result<Box<Compared>, Failure>),
    /// What a prune would remove, of all unused images or of those without a name.
    ImagePrune(u64, bool, Result<PrunedImages, Failure>),
    /// Lines of its tree.
    Tree(u64, Result<Box<TreePage>, Failure>),
    /// A window of a file.
    File(u64, Result<FilePage, Failure>),
    /// What volumes take that a prune would remove, by the number of the question.
    Measured(u64, Result<Vec<VolumeDetails>, Failure>),
    /// Events of the watch of this number.
    Events(u64, Vec<Event>),
    /// They ended, or could not be read.
    EventsEnded(u64, Option<Failure>),
    /// A single thing was done; what there is to say of it.
    Done(u64, Result<Said, Failure>),
    /// The terminal is ours again.
    Returned(Result<(), Failure>),
    /// Somebody was told of an alert of a rule, or not.
    /// The end of what a command said, if it said anything.
    Notified(String, Channel, Result<Option<String>, Failure>),
    /// The engines that there are.
    Engines(Vec<KnownEngine>),
    /// Who one of them is, by the number of the look and its place, and how long it took
    /// to say so.
    Greeted((u64, usize), Result<(Greeting, Duration), Failure>),
    /// The configuration was saved and read anew.
    Config(Arc<Loaded>),
    /// The time came at which something on screen changes by itself.
    Tick,
    /// A signal asks to leave.
    Terminate,
}

/// Something is to be done; the loop does it.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Do an action to several things, each with a [`Message::Operated`] of its own.
    Operate {
        /// Number of the operation.
        operation: u64,
        /// What.
        action: Action,
        /// To which.
        targets: Vec<Target>,
    },
    /// Change limits, each request with a [`Message::Operated`] of its own.
    Update {
        /// Number of the operation.
        operation: u64,
        /// What of which containers.
        requests: Vec<UpdateRequest>,
    },
    /// Read the last lines of a container's log.
    Tail(ContainerId),
    /// Pull or push.
    Transfer {
        /// Its number.
        number: u64,
        /// Which way.
        direction: Direction,
        /// Which image.
        reference: String,
        /// How registries are reached.
        registries: Box<RegistrySettings>,
    },
    /// End a transfer where it is.
    CancelTransfer(u64),
    /// Build what the words of a command line say.
    Build {
        /// Its number.
        number: u64,
        /// The words.
        words: Vec<String>,
    },
    /// Stop a build where it is, and remove what its failed step left.
    CancelBuild(u64),
    /// Tell of the builds of other processes.
    WatchBuilds,
    /// Find paths that begin as was typed.
    FindPaths {
        /// What was typed.
        typed: String,
        /// Whether only directories are wanted.
        is_directory: bool,
    },
    /// Tell an image's layers.
    Layers {
        /// The number of the look.
        number: u64,
        /// Which image.
        image: String,
    },
    /// Compare two images.
    Compare {
        /// The number of the look.
        number: u64,
        /// By name or id.
        old: String,
        /// As above.
        new: String,
    },
    /// Tell what a prune of images would remove.
    PreviewImagePrune {
        /// As above.
        number: u64,
        /// Of all that no container uses, not only those without a name.
        is_all: bool,
    },
    /// Tell lines of a tree of files.
    Tree {
        /// As above.
        number: u64,
        /// Which.
        request: Box<TreeRequest>,
    },
    /// Read a window of a file.
    ReadFile {
        /// As above.
        number: u64,
        /// Which.
        request: ReadRequest,
    },
    /// Measure volumes that a prune would remove.
    Measure {
        /// The number of the question.
        number: u64,
        /// Which.
        names: Vec<String>,
    },
    /// Keep the table's layout for the next run.
    Save(Saved),
    /// Load a tab's content, and stop loading the one before.
    Watch {
        /// Number of the watch; messages with another are late and dropped.
        watch: u64,
        /// Of which container.
        id: ContainerId,
        /// Which content.
        tab: Tab,
    },
    /// Load what is told of a control group, and stop loading whatever else is.
    WatchGroup {
        /// Number of the watch.
        watch: u64,
        /// Its path.
        path: Arc<str>,
    },
    /// Count these groups.
    CountGroups(Vec<Arc<str>>),
    /// Change a group.
    ChangeGroup(GroupChange),
    /// Load logs and what is added to them, and stop loading what was before.
    Follow {
        /// As above.
        watch: u64,
        /// Which.
        logs: Logs,
    },
    /// Stop loading.
    Unwatch,
    /// Weigh limits.
    Advise(Box<Inquiry>),
    /// Read a moment of the past.
    Seek(Seek),
    /// Tell what happens, and what happened since some time.
    WatchEvents {
        /// Number of the watch.
        watch: u64,
        /// Since when.
        since: Option<Timestamp>,
    },
    /// Tell it no more.
    UnwatchEvents,
    /// Hear the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Hand text to the clipboard of whoever looks at the terminal.
    Copy(String),
    /// Do a single thing, with one [`Message::Done`].
    Do {
        /// Its number in the log of what was done.
        deed: u64,
        /// What.
        job: Job,
    },
    /// Read what is visible now.
    Show(Visible),
    /// Read everything at once.
    Refresh,
    /// Give the terminal to a process of a container.
    Interact {
        /// Which container.
        id: ContainerId,
        /// How.
        passage: Passage,
    },
    /// Give the terminal to an editor for a copy of a container's file, and put that back;
    /// with one [`Message::Done`].
    Edit {
        /// Its number in the log of what was done.
        deed: u64,
        /// Which container.
        id: ContainerId,
        /// The file in it.
        path: PathBuf,
    },
    /// Tell somebody of an alert.
    Notify {
        /// Of what.
        notice: Arc<Notice>,
        /// How.
        channel: Channel,
    },
    /// Let the terminal itself tell something.
    Signal {
        /// Whether it rings.
        is_loud: bool,
        /// Lines for the desktop.
        lines: Vec<String>,
    },
    /// Tell which engines there are.
    ListEngines,
    /// Ask one who it is.
    Greet {
        /// The number of the look, and its place in it.
        look: (u64, usize),
        /// Where it is; none is the one inside.
        target: Option<Place>,
    },
    /// Drive another engine from now on.
    Drive(Option<Place>),
    /// Take pictures in another rhythm.
    Pace(Duration),
    /// Forget what is on screen and draw all of it.
    Redraw,
}

/// A single thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// Write a new file.
    Save {
        /// Where.
        path: PathBuf,
        /// What.
        text: String,
    },
    /// Send a signal to one process of a container.
    Signal(SignalRequest),
    /// Give an image a further name.
    Tag {
        /// Which, by its id.
        source: String,
        /// The name.
        target: String,
    },
    /// Remove images that no container uses: all, or those without a name.
    PruneImages {
        /// Which.
        all: bool,
    },
    /// Copy a file or a directory to this host.
    Extract(ExtractRequest),
    /// Make a container and start it, or make something else.
    Make(Planned),
    /// Take a container off a network.
    Disconnect {
        /// Which container.
        id: ContainerId,
        /// Its name.
        name: String,
        /// The network's.
        network: String,
    },
    /// Remove these networks, as far as still nobody names them.
    PruneNetworks(Vec<String>),
    /// Remove these volumes, as far as still nobody uses them; what each takes.
    PruneVolumes(Vec<(String, u64)>),
    /// Measure volumes whose size may have changed.
    MeasureVolumes,
}

/// What there is to say of a thing that was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// In words, safe to draw.
    pub line: String,
    /// What was made.
    pub made: Option<Made>,
}

/// What was made, and the cursor goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// A container.
    Container(ContainerId),
    /// A network.
    Network(NetworkId),
    /// A volume.
    Volume(String),
}

/// How the terminal is given to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// A new shell in it.
    Shell,
    /// Its own streams.
    Attach,
    /// A shell in place of what failed in a step of a build.
    Step,
}

/// What an operation is done to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A container.
    Container(ContainerId),
    /// An image, by the name under which it was shown.
    Image(Digest, String),
    /// A network, and its name.
    Network(NetworkId, String),
    /// A volume.
    Volume(String),
}

/// An error, ready for the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was tried, on what, and why it failed.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

impl Failure {
    /// A signal ended what was under way.
    pub(super) fn asked_to_end() -> Self {
        Self {
            message: "a signal asked to end".into(),
            hint: None,
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self {
            message: sanitize(&error.to_string()).into_owned(),
            hint: error.hint().map(|hint| sanitize(hint).into_owned()),
        }
    }
}
