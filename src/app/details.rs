//! What is shown of the selected container beside its row: one tab at a time, loaded
//! only while it is on screen.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Failure, ProcessView, Tree,
    log::{LogView, Since},
};
use crate::{
    action::{Action, Scope},
    model::{Change, ContainerId, Process, Sockets},
    record::advice::Advice,
};

/// The tabs, in their order on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Tab {
    Logs,
    Stats,
    Processes,
    Inspect,
    Changes,
    Network,
    Advice,
}

impl Tab {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Logs,
        Self::Stats,
        Self::Processes,
        Self::Inspect,
        Self::Changes,
        Self::Network,
        Self::Advice,
    ];

    /// The action that goes to it; its title is the tab's.
    pub fn action(self) -> Action {
        match self {
            Self::Logs => Action::Logs,
            Self::Stats => Action::Stats,
            Self::Processes => Action::Processes,
            Self::Inspect => Action::Inspect,
            Self::Changes => Action::Changes,
            Self::Network => Action::Network,
            Self::Advice => Action::Advice,
        }
    }

    /// Where keys are declared that only this tab hears.
    pub fn scope(self) -> Option<Scope> {
        match self {
            Self::Logs => Some(Scope::Logs),
            Self::Processes => Some(Scope::Processes),
            Self::Inspect => Some(Scope::Inspect),
            Self::Stats | Self::Changes | Self::Network | Self::Advice => None,
        }
    }

    /// The tab so many places further, round the ends.
    pub fn step(self, by: isize) -> Self {
        let count = Self::ALL.len() as isize;
        Self::ALL[(self as isize + by).rem_euclid(count) as usize]
    }
}

/// Something that is loaded while one looks at it.
#[derive(Clone, Debug, Default)]
pub enum Pending<T> {
    /// Not here yet.
    #[default]
    Loading,
    /// Here.
    Ready(T),
    /// Won't come.
    Failed(Failure),
}

/// What is being loaded: a tab of containers, each in one of its runs, a log from some
/// time on.
pub type Watched = Option<(Vec<(ContainerId, Option<Timestamp>)>, Tab, Since)>;

impl<T> Pending<Vec<T>> {
    /// How many there are, if they came.
    pub fn len(&self) -> usize {
        match self {
            Self::Ready(items) => items.len(),
            _ => 0,
        }
    }

    /// Whether there are none, or none came.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The tab that is shown, its content, and how far it is scrolled.
#[derive(Clone, Debug)]
pub struct Details {
    /// Which tab.
    pub tab: Tab,
    /// Whose details these are.
    pub of: Option<ContainerId>,
    /// What is being loaded.
    pub watched: Watched,
    /// Number of that watch.
    pub watch: u64,
    /// The log.
    pub log: LogView,
    /// Processes.
    pub processes: Pending<Vec<Process>>,
    /// Changed files.
    pub changes: Pending<Vec<Change>>,
    /// What it has open on its networks.
    pub sockets: Pending<Sockets>,
    /// What its limits are worth.
    pub advice: Pending<Advice>,
    /// When that was asked for last, by the dashboard's clock; whether the answer came.
    pub advised: Option<(Duration, bool)>,
    /// How they are arranged.
    pub table: ProcessView,
    /// All that is known.
    pub tree: Tree,
    /// Lines scrolled from the top; a log has a place of its own.
    pub scroll: usize,
}

impl Default for Details {
    fn default() -> Self {
        Self {
            tab: Tab::Logs,
            of: None,
            watched: None,
            watch: 0,
            log: LogView::default(),
            processes: Pending::Loading,
            changes: Pending::Loading,
            sockets: Pending::Loading,
            advice: Pending::Loading,
            advised: None,
            table: ProcessView::default(),
            tree: Tree::default(),
            scroll: 0,
        }
    }
}
