//! Everything that the dashboard knows. One owner, changed by `update` only.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use ratatui::layout::Rect;

use super::{
    Activity, Builds, Comparison, Depth, Details, Effect, Events, Explorer, Failure, GroupsView,
    History, List, Modal, NetworksView, Operations, Plan, Pointer, Tab, Transfers, VolumesView,
    alerts::Alerts, geometry, layout::Layout, limits::UndoStack, table::Table, timeline::Timeline,
};
use crate::{
    action::{Action, Scope},
    config::{Config, alert::Channel},
    format::{Glyphs, columns::images::ImageColumn},
    model::{
        Capabilities, ContainerId, ContainerRow, Digest, GroupRow, Image, Problem, Source, Visible,
        World,
    },
};

/// A picture that is missed for less than this is no reason to hide the last one.
pub(super) const OUTAGE: Duration = Duration::from_millis(1_500);

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which signs.
    pub glyphs: Glyphs,
    /// Whether colours.
    pub has_color: bool,
}

impl Look {
    /// Every sign and colours: for what is no terminal, such as a picture.
    pub const FULL: Self = Self::new(Glyphs::Unicode, true);

    /// A terminal that shows these.
    pub const fn new(glyphs: Glyphs, has_color: bool) -> Self {
        Self { glyphs, has_color }
    }
}

/// The screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Screen {
    Containers,
    Images,
    Networks,
    Volumes,
    Groups,
    Alerts,
    Events,
    Activity,
    Builds,
    /// The files of what was chosen on another screen.
    Explorer,
    /// Two images that were chosen there, against each other.
    Comparison,
}

impl Screen {
    /// All of them, as the header names them, each with the action that goes there.
    pub const ALL: [(Action, Self); 9] = [
        (Action::ScreenContainers, Self::Containers),
        (Action::ScreenImages, Self::Images),
        (Action::ScreenGroups, Self::Groups),
        (Action::ScreenEvents, Self::Events),
        (Action::ScreenAlerts, Self::Alerts),
        (Action::ScreenActivity, Self::Activity),
        (Action::ScreenBuilds, Self::Builds),
        (Action::ScreenNetworks, Self::Networks),
        (Action::ScreenVolumes, Self::Volumes),
    ];
}

/// Which half of the screen the arrows move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Pane {
    Table,
    Details,
}

/// The last picture is old, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// Since when, by the dashboard's clock.
    pub since: Duration,
    /// Why.
    pub failure: Failure,
    /// Whether the page about it was closed.
    pub is_closed: bool,
}

/// A short message over the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// Whether something failed.
    pub is_error: bool,
    /// What happened, a line each.
    pub lines: Vec<String>,
    /// The way out.
    pub hint: Option<String>,
    /// When it goes, by the dashboard's clock.
    pub until: Duration,
}

/// Everything that the dashboard knows.
#[derive(Debug)]
pub struct State {
    /// What the terminal can show.
    pub look: Look,
    /// The terminal's size.
    pub area: Rect,
    /// Time since the dashboard began; the loop sets it before each message.
    pub clock: Duration,
    /// The configuration.
    pub config: Arc<Config>,
    /// Which colours the terminal has.
    pub depth: Depth,
    /// What is wrong with the configuration that was read last.
    pub mistakes: Vec<Problem>,
    /// Where times are told.
    pub zone: TimeZone,
    /// What the engine can do.
    pub capabilities: Capabilities,
    /// The picture; `None` before the first.
    pub world: Option<Arc<World>>,
    /// Set while no new picture comes.
    pub stale: Option<Stale>,
    /// Which screen.
    pub screen: Screen,
    /// Which half of it the arrows move.
    pub pane: Pane,
    /// Whether details have it all.
    pub is_zoomed: bool,
    /// Whether containers are shown that don't run.
    pub shows_all: bool,
    /// The containers' table.
    pub containers: List<ContainerId>,
    /// How it is arranged beyond that.
    pub table: Table,
    /// The images' table.
    pub images: List<Digest>,
    /// Its columns.
    pub image_columns: Layout<ImageColumn>,
    /// The networks and who is on them.
    pub networks: NetworksView,
    /// The volumes.
    pub volumes: VolumesView,
    /// The selected container's tab.
    pub details: Details,
    /// The control groups' tree.
    pub groups: GroupsView,
    /// Which rules hold for which containers.
    pub alerts: Alerts,
    /// Their list, by number.
    pub alert_list: List<u64>,
    /// The moment of a recording that was looked at last, since 1970.
    pub(super) judged: Duration,
    /// What the command of each rule said last, and when.
    pub said: HashMap<String, (Timestamp, String)>,
    /// Of which rule's channels a failure was told.
    pub(super) untold: Vec<(String, Channel)>,
    /// What is looked into on the screen for that.
    pub explorer: Option<Explorer>,
    /// Two images against each other, on the screen for that.
    pub comparison: Option<Comparison>,
    /// How often something was looked into, compared or about to be pruned.
    pub(super) looks: u64,
    /// Lines scrolled in an image's layers.
    pub layers_scroll: usize,
    /// What containers used before now.
    pub histories: HashMap<ContainerId, History>,
    /// Which moment is shown, and what there is of others.
    pub timeline: Timeline,
    /// Pulls and pushes.
    pub transfers: Transfers,
    /// Builds.
    pub builds: Builds,
    /// What was asked and has not ended.
    pub operations: Operations,
    /// How changes of limits are taken back.
    pub undo: UndoStack,
    /// What was done, and how it went.
    pub activity: Activity,
    /// What of it is shown.
    pub done: List<u64>,
    /// What happens.
    pub events: Events,
    /// Short messages, oldest first.
    pub toasts: Vec<Toast>,
    /// What lies over the screen.
    pub modal: Option<Modal>,
    /// What was chosen in the palette, the last first.
    pub(super) recent: Vec<Action>,
    /// Reads a command line.
    pub plan: Plan,
    /// How often the engines were looked at.
    pub(super) engine_looks: u64,
    /// Whether the mouse is heard.
    pub hears_mouse: bool,
    /// What the mouse did before.
    pub(super) pointer: Pointer,
    /// Whether something visible changed.
    pub is_dirty: bool,
    /// Whether it is over.
    pub is_done: bool,
    /// What is printed once the terminal is as before; safe to print.
    pub parting: Option<String>,
    /// What the engine could do to what is no more.
    past_capabilities: Capabilities,
    /// What the terminal can show, and what the engine refuses, whatever the
    /// configuration says.
    pub(super) given: (Look, Option<String>),
    pub(super) shown: Option<Visible>,
    pub(super) effects: Vec<Effect>,
}

impl State {
    /// The dashboard before its first picture.
    pub fn new(look: Look, capabilities: Capabilities, area: Rect) -> Self {
        Self {
            look,
            area,
            clock: Duration::ZERO,
            config: Arc::default(),
            depth: Depth::True,
            mistakes: Vec::new(),
            given: (look, capabilities.read_only_because.clone()),
            zone: TimeZone::system(),
            past_capabilities: Capabilities {
                read_only_because: Some("the screen shows the past; . returns to now".into()),
                ..capabilities.clone()
            },
            capabilities,
            world: None,
            stale: None,
            screen: Screen::Containers,
            pane: Pane::Table,
            is_zoomed: false,
            shows_all: true,
            containers: List::new("state"),
            table: Table::default(),
            images: List::new("created"),
            image_columns: Layout::default(),
            networks: NetworksView::default(),
            volumes: VolumesView::default(),
            details: Details::default(),
            groups: GroupsView::default(),
            alerts: Alerts::default(),
            alert_list: List::new("since"),
            judged: Duration::ZERO,
            said: HashMap::new(),
            untold: Vec::new(),
            explorer: None,
            comparison: None,
            looks: 0,
            layers_scroll: 0,
            histories: HashMap::new(),
            timeline: Timeline::live(),
            transfers: Transfers::default(),
            builds: Builds::default(),
            operations: Operations::default(),
            undo: UndoStack::default(),
            activity: Activity::default(),
            done: List::new("at"),
            events: Events::default(),
            toasts: Vec::new(),
            modal: None,
            recent: Vec::new(),
            plan: super::form::no_plan,
            engine_looks: 0,
            hears_mouse: true,
            pointer: Pointer::default(),
            is_dirty: true,
            is_done: false,
            parting: None,
            shown: None,
            effects: Vec::new(),
        }
    }

    /// The time of the picture.
    pub fn now(&self) -> Timestamp {
        self.world.as_ref().map_or(Timestamp::UNIX_EPOCH, |w| w.at)
    }

    /// A time as lists tell it.
    pub fn told(&self, at: Timestamp) -> String {
        self.config.ui.times.told(at, self.now(), &self.zone)
    }

    /// A date and a time.
    pub fn told_in_full(&self, at: Timestamp) -> String {
        self.config.ui.times.full(at, &self.zone)
    }

    /// Columns of a time in a list.
    pub fn time_columns(&self) -> u16 {
        self.config.ui.times.columns() as u16
    }

    /// The container under the cursor.
    pub fn selected_container(&self) -> Option<&ContainerRow> {
        if self.table.groups.heading.is_some() {
            return None;
        }
        let row = *self.containers.rows.get(self.containers.cursor)?;
        self.world.as_ref()?.containers.get(row)
    }

    /// The image under the cursor.
    pub fn selected_image(&self) -> Option<&Image> {
        let row = *self.images.rows.get(self.images.cursor)?;
        self.world.as_ref()?.images.get(row)
    }

    /// The control group under the cursor.
    pub fn selected_group(&self) -> Option<&GroupRow> {
        let list = &self.groups.list;
        let row = *list.rows.get(list.cursor)?;
        self.world.as_ref()?.groups.get(row)
    }

    /// Where keys of this screen are declared.
    pub fn scope(&self) -> Scope {
        match self.screen {
            Screen::Containers => Scope::Containers,
            Screen::Images => Scope::Images,
            Screen::Networks => Scope::Networks,
            Screen::Volumes => Scope::Volumes,
            Screen::Explorer => Scope::Explorer,
            Screen::Comparison => Scope::Comparison,
            Screen::Groups => Scope::Groups,
            Screen::Alerts => Scope::Alerts,
            Screen::Events => Scope::Events,
            Screen::Activity => Scope::Activity,
            Screen::Builds => Scope::Builds,
        }
    }

    /// Where keys of the tab that is shown are declared, if it has some of its own.
    pub fn tab_scope(&self) -> Option<Scope> {
        let has_tab = match self.screen {
            Screen::Containers => self.selected_container().is_some(),
            Screen::Builds => self.builds.selected().is_some(),
            _ => false,
        };
        has_tab.then(|| self.tab().scope()).flatten()
    }

    /// The tab that is shown: what a build writes is read like a log.
    pub fn tab(&self) -> Tab {
        match self.screen {
            Screen::Builds => Tab::Logs,
            _ => self.details.tab,
        }
    }

    /// Where keys are declared that mean something now, the nearest first.
    pub fn scopes(&self) -> Vec<Scope> {
        let own = [self.scope(), Scope::Global];
        self.tab_scope().into_iter().chain(own).collect()
    }

    /// Whether the arrows move in the details.
    pub fn has_details_focus(&self) -> bool {
        match self.screen {
            Screen::Explorer => self.pane == Pane::Details,
            _ => (self.is_zoomed || self.pane == Pane::Details) && !self.is_feed(),
        }
    }

    /// Whether this screen is a list with nothing beside it.
    pub fn is_feed(&self) -> bool {
        matches!(
            self.screen,
            Screen::Events | Screen::Activity | Screen::Comparison
        )
    }

    /// An engine elsewhere says who it is once it answers.
    pub(super) fn learn(&mut self, capabilities: Capabilities) {
        self.past_capabilities
            .engine
            .clone_from(&capabilities.engine);
        self.capabilities.engine = capabilities.engine;
    }

    /// What can be done: what the engine can, but nothing is changed in the past.
    pub(super) fn allowed(&self) -> &Capabilities {
        match &self.timeline.past {
            Some(_) if !self.timeline.is_replay() => &self.past_capabilities,
            _ => &self.capabilities,
        }
    }

    /// What a container used up to the moment that is shown.
    pub fn history_of(&self, id: &ContainerId) -> Option<&History> {
        let past = self.timeline.past.as_ref();
        match past.and_then(|past| past.history.as_ref()) {
            Some((of, history)) if of == id => Some(history),
            // Until it is read the graph of the present is the nearest.
            _ => self.histories.get(id),
        }
    }

    /// The marked containers that are shown, in the order shown.
    pub fn marked(&self) -> impl Iterator<Item = &ContainerRow> {
        let containers = self.world.as_ref().map(|world| &world.containers);
        self.containers
            .rows
            .iter()
            .filter_map(move |&row| containers?.get(row))
            .filter(|row| self.containers.marks.contains(&row.container.id))
    }

    /// What is wrong with what this screen shows, apart from stale pictures.
    pub fn notices(&self) -> impl Iterator<Item = &Problem> {
        let problems = self.world.as_deref().map_or(&[][..], |w| &w.problems);
        let of_screen = problems.iter().filter(|problem| match problem.source {
            Source::Host | Source::Engine => true,
            Source::Containers | Source::Stats => self.screen != Screen::Images,
            Source::Networks => self.screen == Screen::Networks,
            Source::Volumes => self.screen == Screen::Volumes,
            Source::Images => self.screen == Screen::Images,
            Source::Groups => self.screen == Screen::Groups,
        });
        self.mistakes.iter().chain(of_screen)
    }

    /// Why there is no engine, while a page says so: before the first picture, and over
    /// the last one of an engine elsewhere, which may be gone for long.
    pub fn outage(&self) -> Option<&Stale> {
        let stale = self.stale.as_ref()?;
        let is_over = self.capabilities.address.is_some()
            && self.timeline.past.is_none()
            && self.modal.is_none()
            && !stale.is_closed
            && self.clock >= stale.since + OUTAGE;
        (self.world.is_none() || is_over).then_some(stale)
    }

    /// What must be read for this screen.
    pub(super) fn visible(&self) -> Visible {
        Visible {
            // Alerts are watched on every screen; a container's group shows what its row
            // would.
            // On networks they tell traffic where that is known of whole containers only.
            stats: matches!(
                self.screen,
                Screen::Containers | Screen::Groups | Screen::Builds | Screen::Networks
            ) || !self.alerts.is_empty(),
            images: self.screen == Screen::Images,
            groups: self.screen == Screen::Groups,
            networks: self.screen == Screen::Networks,
            volumes: self.screen == Screen::Volumes,
        }
    }

    /// Brings scrolling back within bounds, after anything that moved them.
    pub(super) fn settle(&mut self) {
        let regions = geometry(self);
        let height = usize::from(regions.rows.height);
        let top = self.extent().top_in_view(height);
        if let Some(list) = self.list_mut() {
            list.scroll_to(top);
        }
        self.settle_below(&regions);
        self.settle_groups(&regions);
        let reach = self.reach(&regions);
        self.details.scroll = self.details.scroll.min(reach);
        let frame = self.log_frame();
        self.details.log.settle(frame);
        let height = usize::from(regions.details.height);
        self.details.tree.scroll_into_view(height);
        // One line of titles above.
        self.details
            .table
            .scroll_into_view(height.saturating_sub(1));
    }
}
