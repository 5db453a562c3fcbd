//! The one place that changes [`State`]: a message in, effects out. Nothing here waits,
//! reads a clock or touches the terminal.

mod alerts;
mod builds;
mod comparison;
mod configure;
mod copy;
mod dialog;
mod engines;
mod explorer;
mod feeds;
mod form;
mod groups;
mod image_prune;
mod limits;
mod log;
mod modals;
mod motion;
mod networks;
mod operate;
mod palette;
mod pointer;
mod processes;
mod table;
mod tell;
mod time;
mod transfers;
mod trouble;
mod volumes;
mod watch;

pub use log::LogMargin;
pub use pointer::Pointer;
use tell::{TOAST, TOAST_ERROR};

use std::{sync::Arc, time::Duration};

use super::{Effect, Message, Modal, Passage, Pending, Screen, Stale, State, Tab, state::OUTAGE};
use crate::{
    action::{Action, ActionSpec, Key},
    model::World,
};

impl State {
    /// What happens next.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        self.is_dirty |= !matches!(message, Message::Tick);
        match message {
            Message::Key(key) => self.on_key(key),
            Message::Mouse(gesture, x, y) => self.on_mouse(gesture, x, y),
            Message::Paste(text) => self.on_paste(&text),
            Message::Resize(width, height) => {
                self.area = ratatui::layout::Rect::new(0, 0, width, height);
            }
            Message::World(Ok(world)) => self.on_world(world),
            Message::World(Err(failure)) => {
                let stale = self.stale.get_or_insert_with(|| Stale {
                    since: self.clock,
                    failure: failure.clone(),
                    is_closed: false,
                });
                stale.failure = failure;
            }
            Message::Log(watch, lines) if watch == self.details.watch => {
                if matches!(self.details.log.state, Pending::Loading) {
                    self.details.log.clear();
                }
                self.details.log.append(lines);
                self.rewind_log(false);
            }
            Message::LogEnded(watch, failure) if watch == self.details.watch => {
                if matches!(self.details.log.state, Pending::Loading) {
                    self.details.log.clear();
                }
                self.details.log.state = failure.map_or(Pending::Ready(()), Pending::Failed);
            }
            Message::Processes(watch, result) if watch == self.details.watch => {
                self.on_processes(result.map_or_else(Pending::Failed, Pending::Ready));
            }
            Message::Changes(watch, result) if watch == self.details.watch => {
                self.details.changes = result.map_or_else(Pending::Failed, Pending::Ready);
            }
            Message::Sockets(watch, result) if watch == self.details.watch => {
                self.details.sockets = result.map_or_else(Pending::Failed, Pending::Ready);
            }
            Message::Group(watch, result) if watch == self.details.watch => {
                self.on_group(result);
            }
            Message::GroupProcesses(watch, result) if watch == self.details.watch => {
                self.groups.processes = result.map_or_else(Pending::Failed, Pending::Ready);
            }
            Message::GroupChanged(result) => self.on_group_changed(result),
            // An answer to a question that is no longer asked.
            Message::Log(..)
            | Message::LogEnded(..)
            | Message::Processes(..)
            | Message::Group(..)
            | Message::GroupProcesses(..)
            | Message::Sockets(..)
            | Message::Changes(..) => self.is_dirty = false,
            Message::Operated(operation, target, result) => {
                self.on_operated(operation, target, result);
            }
            Message::Events(watch, events) if watch == self.events.watch => {
                self.events.append(events);
            }
            Message::EventsEnded(watch, failure) if watch == self.events.watch => {
                self.events.state = failure.map_or(Pending::Ready(()), Pending::Failed);
            }
            Message::Events(..) | Message::EventsEnded(..) => self.is_dirty = false,
            Message::Done(deed, result) => self.on_done(deed, result),
            Message::Returned(result) => {
                if let Err(failure) = result {
                    self.tell_failure(failure);
                }
                self.effects.push(Effect::Redraw);
                self.effects.push(Effect::Refresh);
            }
            Message::Moment(moment) => self.on_moment(moment),
            Message::Advice(id, advice) => self.on_advice(&id, advice),
            Message::Before(before) => self.on_before(before),
            Message::Notified(rule, channel, result) => {
                self.on_notified(&rule, channel, result);
            }
            Message::Engines(known) => self.on_engines(known),
            Message::Greeted(which, answer) => self.on_greeted(which, answer),
            Message::Config(loaded) => self.on_config(&loaded),
            Message::Tail(id, result) => self.on_tail(&id, result),
            Message::Failed(failure) => self.tell_failure(failure),
            Message::Transfer(number, result) => self.on_transfer(number, result),
            Message::Build(number, events) => self.on_build(number, &events),
            Message::BuildEnded(number, failure) => self.on_build_ended(number, failure),
            Message::OtherBuild(number, title) => self.on_other_build(number, &title),
            Message::Paths(typed, offers) => self.on_paths(&typed, offers),
            Message::Layers(number, result) => self.on_layers(number, result),
            Message::Compared(number, result) => self.on_compared(number, result.map(|c| *c)),
            Message::ImagePrune(number, is_all, result) => {
                self.on_image_prune(number, is_all, result);
            }
            Message::Tree(number, result) => self.on_tree(number, result),
            Message::Measured(number, result) => self.on_measured(number, result),
            Message::File(number, result) => self.on_file(number, result),
            Message::Tick => {
                let is_outage = self.outage().is_some();
                self.is_dirty |= self.timeline.advance(self.clock) | is_outage;
            }
            Message::Terminate => self.is_done = true,
        }
        self.drop_old_toasts();
        if self.screen == Screen::Activity {
            self.arrange_activity();
        }
        self.settle();
        self.watch();
        self.ask_for_files();
        self.seek();
        self.advise();
        self.watch_events();
        self.show();
        std::mem::take(&mut self.effects)
    }

    /// When something on screen changes by itself, by the dashboard's clock.
    pub fn next_tick(&self) -> Option<Duration> {
        let toasts = self.toasts.iter().map(|toast| toast.until);
        let outage = self.stale.as_ref().map(|stale| stale.since + OUTAGE);
        let outage = outage.filter(|at| *at > self.clock);
        toasts.chain(self.timeline.next_tick()).chain(outage).min()
    }

    fn on_key(&mut self, key: Key) {
        if key == Key::ctrl('c') {
            self.is_done = true;
        } else if self.modal.is_some() {
            self.on_modal_key(key);
        } else {
            self.on_plain_key(key);
        }
    }

    fn on_plain_key(&mut self, key: Key) {
        let mut refused = None;
        for spec in self.meant(key) {
            match self.verdict(spec) {
                Ok(()) => return self.perform(spec),
                Err(reason) => refused = refused.or(Some((spec, reason))),
            }
        }
        match refused {
            Some((spec, reason)) => self.tell_refusal(spec, &reason),
            None => self.is_dirty = false,
        }
    }

    /// What a key means here: the nearest first, where the arrows are.
    fn meant(&self, key: Key) -> Vec<&'static ActionSpec> {
        let of_tab: Vec<_> = match self.tab_scope() {
            Some(scope) => self.config.keymap.of_scope(scope, key).collect(),
            None => Vec::new(),
        };
        let of_screen: Vec<_> = self.config.keymap.of_key(self.scope(), key).collect();
        let is_tabs = self.has_details_focus() && !of_tab.is_empty();
        if is_tabs || of_screen.is_empty() {
            of_tab
        } else {
            of_screen
        }
    }

    /// Does an action that is possible.
    pub(super) fn perform(&mut self, spec: &'static ActionSpec) {
        match spec.action {
            Action::Start
            | Action::Stop
            | Action::Restart
            | Action::Pause
            | Action::Unpause
            | Action::Kill
            | Action::CheckHealth
            | Action::Remove
            | Action::RemoveImage
            | Action::RemoveNetwork
            | Action::RemoveVolume => self.ask_or_operate(spec),
            Action::CreateNetwork
            | Action::Connect
            | Action::Disconnect
            | Action::PruneNetworks
            | Action::NetworkMap => self.perform_on_network(spec.action),
            Action::BrowseVolume
            | Action::CreateVolume
            | Action::MeasureVolumes
            | Action::PruneVolumes => self.perform_on_volume(spec.action),
            Action::CreateGroup
            | Action::MoveIntoGroup
            | Action::UndoGroup
            | Action::RemoveGroup
            | Action::LimitGroup
            | Action::FoldTree
            | Action::FoldTrees => self.perform_on_group(spec.action),
            Action::Pull | Action::Push | Action::TagImage => {
                self.ask_what_to_transfer(spec.action);
            }
            Action::Transfers => self.open_transfers(),
            Action::MarkImage => self.mark_image(),
            Action::CompareImages => self.choose_to_compare(),
            Action::OpenDifference => self.open_difference(),
            Action::PruneImages => self.open_image_prune(),
            Action::Sort if self.screen == Screen::Comparison => self.sort_differences(),
            Action::Explore
            | Action::Browse
            | Action::OpenFile
            | Action::FoldFiles
            | Action::UnfoldFiles
            | Action::UpperLayer
            | Action::LowerLayer
            | Action::LayerAlone
            | Action::Wasted
            | Action::Extract
            | Action::EditFile => self.perform_in_files(spec.action),
            Action::Sort if self.screen == Screen::Explorer => self.perform_in_files(Action::Sort),
            Action::NextTab if self.screen == Screen::Explorer => self.fold_files(true),
            Action::PreviousTab if self.screen == Screen::Explorer => self.fold_files(false),
            Action::NextTab if self.screen == Screen::Groups => self.fold_tree(Some(false)),
            Action::PreviousTab if self.screen == Screen::Groups => self.fold_tree(Some(true)),
            Action::Build
            | Action::CancelBuild
            | Action::RetryBuild
            | Action::StepShell
            | Action::FoldBuild
            | Action::ForgetBuilds => self.perform_on_build(spec.action),
            Action::Limits => self.open_limits(spec),
            Action::UndoLimits => self.undo_limits(),
            Action::Shell => self.interact(Passage::Shell),
            Action::Attach => self.interact(Passage::Attach),
            Action::Logs => self.go_to(Tab::Logs),
            Action::Stats => self.go_to(Tab::Stats),
            Action::Processes => self.go_to(Tab::Processes),
            Action::Inspect => self.go_to(Tab::Inspect),
            Action::Changes => self.go_to(Tab::Changes),
            Action::Network => self.go_to(Tab::Network),
            Action::Advice => self.go_to(Tab::Advice),
            Action::NextTab => self.go_to(self.details.tab.step(1)),
            Action::PreviousTab => self.go_to(self.details.tab.step(-1)),
            Action::ToggleAll => {
                self.shows_all = !self.shows_all;
                self.arrange();
            }
            Action::Trouble => self.explain(),
            Action::GroupBy => self.open_groups(),
            Action::FoldGroup => self.fold(),
            Action::CpuDisplay => self.next_cpu_display(),
            Action::Columns | Action::ImageColumns => self.open_columns(),
            Action::MarkRange => self.mark_range(),
            Action::MarkInvert => self.invert_marks(),
            Action::Mark => self.mark(),
            Action::MarkAll => self.mark_all(),
            Action::NextMatch => self.next_match(1),
            Action::PreviousMatch => self.next_match(-1),
            Action::Follow
            | Action::Wrap
            | Action::LogTimes
            | Action::LogSince
            | Action::LogStreams
            | Action::LogColors
            | Action::LogJson
            | Action::LogFilter
            | Action::LogMark
            | Action::LogNextMark
            | Action::LogClear
            | Action::LogSave
            | Action::LogMerge
            | Action::LogLeft
            | Action::LogRight => self.on_log_action(spec.action),
            Action::ProcessSignal | Action::ProcessTree | Action::ProcessSort => {
                self.on_process_action(spec.action);
            }
            Action::Fold => self.details.tree.toggle(),
            Action::FoldAll => self.details.tree.fold_all(true),
            Action::UnfoldAll => self.details.tree.fold_all(false),
            Action::FoldUp => self.details.tree.up(),
            Action::FoldDown => self.details.tree.down(),
            Action::Copy => self.copy_selected(),
            // These screens are lists, with nothing beside them and one order.
            Action::Zoom | Action::NextPane | Action::Sort if self.is_feed() => {}
            // Where the arrows move in a log, that is what is meant to be searched.
            Action::Filter if self.begin_search() => {}
            Action::Filter => self.modal = Some(Modal::Filter(self.filter().to_owned())),
            Action::Sort
                if self.screen == Screen::Containers
                    && self.has_details_focus()
                    && self.details.tab == Tab::Processes =>
            {
                self.open_process_sort();
            }
            Action::Sort => self.open_sort(),
            Action::Palette => self.open_palette(),
            Action::Engines => self.effects.push(Effect::ListEngines),
            Action::Run => self.open_form(),
            Action::Help => self.modal = Some(Modal::Help(0)),
            Action::Zoom => self.is_zoomed = !self.is_zoomed,
            Action::NextPane => self.step_pane(),
            Action::Up
            | Action::Down
            | Action::PageUp
            | Action::PageDown
            | Action::First
            | Action::Last => self.go(spec.action),
            Action::Back => self.back(),
            Action::ScreenContainers => self.go_to_screen(Screen::Containers),
            Action::ScreenImages => self.go_to_screen(Screen::Images),
            Action::ScreenGroups => self.go_to_screen(Screen::Groups),
            Action::ScreenNetworks => self.go_to_screen(Screen::Networks),
            Action::ScreenVolumes => self.go_to_screen(Screen::Volumes),
            Action::ScreenAlerts => self.go_to_screen(Screen::Alerts),
            Action::OpenAlert => self.open_alert(),
            Action::Acknowledge => self.acknowledge(),
            Action::Silence => self.silence(),
            Action::ForgetAlerts => self.forget_ended_alerts(),
            Action::ScreenEvents => self.go_to_screen(Screen::Events),
            Action::ScreenBuilds => self.go_to_screen(Screen::Builds),
            Action::ScreenActivity => {
                self.go_to_screen(Screen::Activity);
                self.arrange_activity();
            }
            Action::Mouse => self.toggle_mouse(),
            Action::EventJump => self.jump_to_event(),
            Action::Refresh => {
                if let Some(explorer) = &mut self.explorer {
                    explorer.renew();
                }
                self.effects.push(Effect::Refresh);
                self.effects.push(Effect::Redraw);
            }
            Action::Freeze
            | Action::StepBack
            | Action::StepForward
            | Action::MinuteBack
            | Action::MinuteForward
            | Action::ScrubBack
            | Action::ScrubForward
            | Action::Faster
            | Action::Slower => self.travel(spec.action),
            // They end with this process.
            Action::Quit if self.builds.ours() > 0 => {
                self.modal = Some(Modal::Confirm {
                    action: Action::Quit,
                    targets: Vec::new(),
                });
            }
            Action::Quit => self.is_done = true,
            // Rows without a key and a place in the palette: only subcommands.
            Action::CommandLine => {}
        }
    }

    fn interact(&mut self, passage: Passage) {
        if let Some(row) = self.selected_container() {
            let id = row.container.id.clone();
            self.effects.push(Effect::Interact { id, passage });
        }
    }

    fn go_to(&mut self, tab: Tab) {
        if self.screen == Screen::Containers && self.details.tab != tab {
            self.details.tab = tab;
            self.details.scroll = 0;
            self.details.log.bottom = None;
        }
    }

    fn go_to_screen(&mut self, screen: Screen) {
        self.screen = screen;
        self.is_zoomed = false;
        if screen != Screen::Comparison {
            self.comparison = None;
        }
        match screen {
            Screen::Groups => self.arrange(),
            _ => self.rearrange(),
        }
    }

    /// Takes back one thing: zoom, what a failure said, marks, filter, pane.
    fn back(&mut self) {
        let is_hidden = self.world.is_some() && self.outage().is_some();
        if let (true, Some(stale)) = (is_hidden, &mut self.stale) {
            stale.is_closed = true;
        } else if self.is_zoomed {
            self.is_zoomed = false;
        } else if !self.toasts.is_empty() {
            self.toasts.clear();
        } else if self.screen == Screen::Explorer {
            self.leave_files();
        } else if self.screen == Screen::Comparison && self.filter().is_empty() {
            self.leave_comparison();
        } else if self.has_details_focus() && self.take_search_back() {
        } else if self.drop_range() {
            // The marks are as they were before it.
        } else if self.screen == Screen::Containers && !self.containers.marks.is_empty() {
            self.containers.marks.clear();
        } else if self.screen == Screen::Images && !self.images.marks.is_empty() {
            self.images.marks.clear();
        } else if !self.filter().is_empty() {
            self.set_filter(String::new());
        } else {
            self.pane = super::Pane::Table;
        }
    }

    fn on_world(&mut self, world: Arc<World>) {
        if self.stale.take().is_some() {
            // What was followed ended with whoever told it.
            self.details.watched = None;
            self.events.is_watched = false;
        }
        for row in &world.containers {
            if !row.container.state.has_process() {
                continue;
            }
            let id = &row.container.id;
            // Looking a name up first saves cloning it each second.
            if !self.histories.contains_key(id) {
                self.histories.insert(id.clone(), Default::default());
            }
            if let Some(history) = self.histories.get_mut(id) {
                history.push(&row.usage.unwrap_or_default());
            }
        }
        self.note_rises(&world);
        if self.histories.len() > world.containers.len() {
            self.histories.retain(|id, _| world.container(id).is_some());
        }
        self.groups.note(&world);
        if self.timeline.push(&world, self.clock) {
            self.show_world(world);
        }
    }

    /// Puts a picture on screen, of now or of the past.
    fn show_world(&mut self, world: Arc<World>) {
        let exists = |id: &_| world.container(id).is_some();
        self.containers.marks.retain(exists);
        self.watch_alerts(&world);
        self.world = Some(world);
        self.rearrange();
        self.extend_range();
    }

    /// Takes back what narrows the details: a search, then a filter.
    fn take_search_back(&mut self) -> bool {
        let tab = self.tab();
        let log = &mut self.details.log;
        match tab {
            Tab::Logs if log.search.take().is_some() => log.hit = None,
            Tab::Logs if log.hit.take().is_some() => return true,
            Tab::Logs if log.filter.take().is_some() => {}
            Tab::Inspect => return self.details.tree.search.take().is_some(),
            _ => return false,
        }
        log.arrange();
        true
    }

    /// Keeps what the collector reads in step with what is on screen.
    fn show(&mut self) {
        let visible = self.visible();
        if self.shown != Some(visible) {
            self.shown = Some(visible);
            self.effects.push(Effect::Show(visible));
        }
    }
}

#[cfg(test)]
mod tests;
