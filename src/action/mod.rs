//! Every action of wharf, declared once.
//!
//! A row of [`ACTIONS`] is all that the rest of the program knows about an action: the
//! dashboard's keymap, hint bar, help and palette, the README's key table and the
//! `about` of each subcommand are made from it. What an action *does* is one match arm
//! in `app::update` (and the subcommand of its `cli` name); when it is *possible* is its
//! row's `needs`, which gives the reason if it isn't.

mod alerts;
mod archives;
mod builds;
mod files;
mod groups;
mod key;
mod keymap;
mod needs;
mod networks;
mod row;
mod rows;
mod tabs;
mod time;
mod volumes;

use std::borrow::Cow;

pub use key::{Code, Key};
pub use keymap::{Clash, Keymap};
pub use needs::{BuildSubject, Subject};

/// Every action, in the order in which help, hints and palette list them.
pub const ACTIONS: &[ActionSpec] = &{
    const PARTS: &[&[ActionSpec]] = &[
        rows::ROWS,
        files::ROWS,
        networks::ROWS,
        volumes::ROWS,
        builds::ROWS,
        groups::ROWS,
        alerts::ROWS,
        time::ROWS,
        archives::ROWS,
        archives::UPKEEP,
        tabs::TABS,
    ];
    // No iterators in a constant.
    const COUNT: usize = {
        let (mut count, mut part) = (0, 0);
        while part < PARTS.len() {
            count += PARTS[part].len();
            part += 1;
        }
        count
    };
    let mut all = [PARTS[0][0]; COUNT];
    let (mut part, mut place, mut n) = (0, 0, 0);
    while n < COUNT {
        if place == PARTS[part].len() {
            part += 1;
            place = 0;
        }
        all[n] = PARTS[part][place];
        place += 1;
        n += 1;
    }
    all
};

/// What the dashboard can do. [`Action::CommandLine`] stands for all that only a
/// subcommand can: such rows have no key and never reach the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each variant's row says what it does")]
pub enum Action {
    Start,
    Stop,
    Restart,
    Pause,
    Unpause,
    Kill,
    CheckHealth,
    Remove,
    Limits,
    UndoLimits,
    Shell,
    Attach,
    Logs,
    Inspect,
    Processes,
    Stats,
    Changes,
    Network,
    Advice,
    ToggleAll,
    Mark,
    MarkAll,
    MarkRange,
    MarkInvert,
    GroupBy,
    FoldGroup,
    CpuDisplay,
    Columns,
    ImageColumns,
    Trouble,
    NextMatch,
    PreviousMatch,
    Follow,
    Wrap,
    LogTimes,
    LogSince,
    LogStreams,
    LogColors,
    LogJson,
    LogFilter,
    LogMark,
    LogNextMark,
    LogClear,
    LogSave,
    LogMerge,
    LogLeft,
    LogRight,
    ProcessSignal,
    ProcessTree,
    ProcessSort,
    Fold,
    FoldAll,
    UnfoldAll,
    FoldUp,
    FoldDown,
    Copy,
    RemoveImage,
    Pull,
    Push,
    TagImage,
    MarkImage,
    CompareImages,
    OpenDifference,
    PruneImages,
    Transfers,
    Explore,
    Browse,
    OpenFile,
    FoldFiles,
    UnfoldFiles,
    UpperLayer,
    LowerLayer,
    LayerAlone,
    Wasted,
    Extract,
    EditFile,
    CreateGroup,
    MoveIntoGroup,
    UndoGroup,
    LimitGroup,
    RemoveGroup,
    FoldTree,
    FoldTrees,
    CreateNetwork,
    Connect,
    Disconnect,
    RemoveNetwork,
    PruneNetworks,
    NetworkMap,
    BrowseVolume,
    CreateVolume,
    MeasureVolumes,
    RemoveVolume,
    PruneVolumes,
    Filter,
    Sort,
    Palette,
    Help,
    Quit,
    Refresh,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    NextPane,
    NextTab,
    PreviousTab,
    Zoom,
    Back,
    ScreenContainers,
    ScreenImages,
    ScreenGroups,
    ScreenNetworks,
    ScreenVolumes,
    Freeze,
    StepBack,
    StepForward,
    MinuteBack,
    MinuteForward,
    ScrubBack,
    ScrubForward,
    Faster,
    Slower,
    ScreenEvents,
    ScreenActivity,
    EventJump,
    Mouse,
    Run,
    Engines,
    ScreenAlerts,
    OpenAlert,
    Acknowledge,
    Silence,
    ForgetAlerts,
    ScreenBuilds,
    Build,
    CancelBuild,
    RetryBuild,
    StepShell,
    FoldBuild,
    ForgetBuilds,
    CommandLine,
}

/// Where an action's keys are heard. Keys of [`Scope::Global`] are heard on every
/// screen, so no screen may use them again. A tab's keys are heard while it is shown; a
/// key that means something else on its screen or everywhere is the tab's only while the
/// arrows move in the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every screen.
    Global,
    /// The containers screen, its details included.
    Containers,
    /// The images screen.
    Images,
    /// The files of an image or a container.
    Explorer,
    /// What two images have otherwise.
    Comparison,
    /// The networks screen.
    Networks,
    /// The volumes screen.
    Volumes,
    /// The control groups screen.
    Groups,
    /// The screen of what happens.
    Events,
    /// The screen of what was done.
    Activity,
    /// The alerts screen.
    Alerts,
    /// The builds screen.
    Builds,
    /// The tab of a container's log.
    Logs,
    /// The tab of its processes.
    Processes,
    /// The tab of all that is known about it.
    Inspect,
    /// No screen: a subcommand only.
    CommandLine,
}

impl Scope {
    /// Where that is, for a reader of the documentation.
    pub fn place(self) -> &'static str {
        match self {
            Self::Global => "everywhere",
            Self::Containers => "containers",
            Self::Images => "images",
            Self::Explorer => "files",
            Self::Comparison => "differences",
            Self::Networks => "networks",
            Self::Volumes => "volumes",
            Self::Groups => "cgroups",
            Self::Events => "events",
            Self::Activity => "activity",
            Self::Alerts => "alerts",
            Self::Builds => "builds",
            Self::Logs => "logs",
            Self::Processes => "processes",
            Self::Inspect => "inspect",
            Self::CommandLine => "command line",
        }
    }

    /// Whether it is a tab of a screen, rather than a screen.
    pub fn is_tab(self) -> bool {
        matches!(self, Self::Logs | Self::Processes | Self::Inspect)
    }
}

/// What could be lost by an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Danger {
    /// Nothing.
    None,
    /// Work in progress; the dashboard asks before.
    Interrupts,
    /// Data; the dashboard asks before.
    Destroys,
}

/// Why an action is not possible, in words that follow "can't stop web: ".
pub type Refusal = Cow<'static, str>;

/// The declaration of one action.
#[derive(Clone, Copy, Debug)]
pub struct ActionSpec {
    /// What the dashboard does.
    pub action: Action,
    /// Its stable name: `container.stop`.
    pub id: &'static str,
    /// One or two words, as hints and menus show it.
    pub title: &'static str,
    /// One short sentence without a final stop.
    pub summary: &'static str,
    /// Where its keys are heard.
    pub scope: Scope,
    /// Its keys, the one to show first.
    pub keys: &'static [Key],
    /// The subcommand that does the same, such as `image inspect`.
    pub cli: Option<&'static str>,
    /// What could be lost.
    pub danger: Danger,
    /// Whether it is possible on the thing at hand, and why not.
    pub needs: fn(&Subject<'_>) -> Result<(), Refusal>,
}

impl ActionSpec {
    /// Whether it is something done to things, rather than a way to look at them.
    pub fn is_operation(&self) -> bool {
        !matches!(self.scope, Scope::Global | Scope::CommandLine) && !self.id.starts_with("view.")
    }

    /// Whether it can be done to several things at once.
    pub fn is_bulk(&self) -> bool {
        use Action::{Kill, Limits, Pause, Remove, RemoveImage, Restart, Start, Stop, Unpause};
        matches!(
            self.action,
            Start | Stop | Restart | Pause | Unpause | Kill | Remove | RemoveImage | Limits
        )
    }
}

impl Action {
    /// Its row; of [`Action::CommandLine`] the first of many.
    pub fn spec(self) -> &'static ActionSpec {
        ACTIONS
            .iter()
            .find(|spec| spec.action == self)
            .expect("a test holds every action against the rows")
    }
}

/// The row whose subcommand is `cli`, for that subcommand's `about`.
pub fn of_subcommand(cli: &str) -> Option<&'static ActionSpec> {
    ACTIONS.iter().find(|spec| spec.cli == Some(cli))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::model::{Capabilities, State};

    #[test]
    fn ids_are_unique_and_dotted() {
        let mut seen = HashSet::new();
        for spec in ACTIONS {
            assert!(seen.insert(spec.id), "{} twice", spec.id);
            let (group, name) = spec.id.split_once('.').expect(spec.id);
            let plain = |s: &str| s.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            assert!(plain(group) && plain(name), "{}", spec.id);
        }
    }

    #[test]
    fn subcommands_are_unique() {
        let mut seen = HashSet::new();
        for cli in ACTIONS.iter().filter_map(|spec| spec.cli) {
            assert!(seen.insert(cli), "{cli} twice");
        }
    }

    #[test]
    fn each_dashboard_action_has_one_row_with_a_key_or_a_place_in_the_palette() {
        let mut seen = HashSet::new();
        for spec in ACTIONS {
            match spec.action {
                Action::CommandLine => {
                    assert!(spec.keys.is_empty() && spec.cli.is_some(), "{}", spec.id);
                    assert_eq!(spec.scope, Scope::CommandLine, "{}", spec.id);
                }
                action => assert!(seen.insert(action), "{} twice", spec.id),
            }
        }
    }

    #[test]
    fn key_means_one_thing_in_a_tab() {
        for scope in [Scope::Logs, Scope::Processes, Scope::Inspect] {
            for key in ACTIONS.iter().flat_map(|spec| spec.keys) {
                let rows = Keymap::default();
                assert!(
                    rows.of_scope(scope, *key).count() <= 1,
                    "{key} in {scope:?}"
                );
            }
        }
    }

    #[test]
    fn titles_and_summaries_are_short_and_have_no_final_stop() {
        for spec in ACTIONS {
            assert!(spec.title.len() <= 16, "{}", spec.title);
            assert!((10..=64).contains(&spec.summary.len()), "{}", spec.summary);
            assert!(!spec.summary.ends_with('.'), "{}", spec.summary);
            assert!(spec.summary.starts_with(char::is_uppercase), "{}", spec.id);
        }
    }

    #[test]
    fn no_key_means_two_things_that_are_possible_at_once() {
        let capabilities = Capabilities::default();
        let keymap = Keymap::default();
        for scope in [
            Scope::Containers,
            Scope::Images,
            Scope::Explorer,
            Scope::Networks,
            Scope::Volumes,
            Scope::Groups,
            Scope::Activity,
            Scope::Alerts,
            Scope::Builds,
        ] {
            for key in ACTIONS.iter().flat_map(|spec| spec.keys) {
                let rows: Vec<_> = keymap.of_key(scope, *key).collect();
                if rows.len() < 2 {
                    continue;
                }
                // Opening what is under the cursor may take zoom's place.
                let is_open = |spec: &&ActionSpec| {
                    use Action::{BrowseVolume, Explore, OpenAlert, OpenFile};
                    matches!(spec.action, OpenAlert | Explore | OpenFile | BrowseVolume)
                };
                if rows.iter().any(is_open) {
                    assert_eq!(*key, Key::of(Code::Enter));
                    continue;
                }
                assert!(rows.iter().all(|spec| spec.scope == scope), "{key}");
                for state in State::ALL {
                    let container = needs::tests::container(state);
                    let subject = Subject {
                        container: Some(&container),
                        ..Subject::of(&capabilities)
                    };
                    let possible = rows.iter().filter(|spec| (spec.needs)(&subject).is_ok());
                    assert!(possible.count() <= 1, "{key} is ambiguous when {state}");
                }
            }
        }
    }
}
