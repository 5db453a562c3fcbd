//! What the mouse does: it selects, opens, scrolls and drags what lies under it. A click
//! never does anything to a container that a key would not, and asks as the key does.

use std::time::Duration;

use super::super::{
    Bar, Content, Gesture, Hit, Modal, Pane, Pending, Screen, State, Tab, Value, geometry, hit,
    time_bar,
};
use crate::action::{Code, Key};

/// Two presses on the same place within this time are one double click.
const DOUBLE: Duration = Duration::from_millis(400);
/// Lines that a step of the wheel scrolls.
const WHEEL: isize = 3;

/// What the mouse did before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pointer {
    /// The last press: where and when.
    pressed: Option<(Hit, Duration)>,
    /// What is dragged.
    dragged: Option<Bar>,
}

impl State {
    pub(super) fn on_mouse(&mut self, gesture: Gesture, x: u16, y: u16) {
        match gesture {
            Gesture::Press => {
                let Some(found) = hit(self, x, y) else {
                    self.pointer.pressed = None;
                    return;
                };
                let is_double = self.pointer.pressed.is_some_and(|(before, at)| {
                    before == found && self.clock.saturating_sub(at) <= DOUBLE
                });
                // A third press begins anew.
                self.pointer.pressed = (!is_double).then_some((found, self.clock));
                self.press(found, is_double, (x, y));
            }
            Gesture::Drag => {
                if let Some(bar) = self.pointer.dragged {
                    self.drag(bar, (x, y));
                } else {
                    self.is_dirty = false;
                }
            }
            Gesture::Release => {
                self.pointer.dragged = None;
                self.is_dirty = false;
            }
            Gesture::WheelUp => self.wheel(-WHEEL, x, y),
            Gesture::WheelDown => self.wheel(WHEEL, x, y),
        }
    }

    fn press(&mut self, found: Hit, is_double: bool, at: (u16, u16)) {
        match found {
            Hit::Screen(screen) => {
                self.go_to_screen(screen);
                self.arrange_activity();
            }
            Hit::Tab(tab) => self.go_to(tab),
            // It has no cursor to put there.
            Hit::Row(_) if self.is_reading() => {}
            Hit::Row(row) => {
                self.pane = Pane::Table;
                self.go_to_row(row);
                match (is_double, self.screen) {
                    (true, Screen::Events) => self.jump_to_event(),
                    (true, Screen::Alerts) => self.open_alert(),
                    (true, Screen::Comparison) => self.open_difference(),
                    (true, Screen::Containers | Screen::Images) => self.is_zoomed = true,
                    (true, Screen::Networks) => self.is_zoomed = true,
                    (true, Screen::Volumes) => {
                        let spec = crate::action::Action::BrowseVolume.spec();
                        if self.verdict(spec).is_ok() {
                            self.perform(spec);
                        }
                    }
                    (true, Screen::Builds) => self.builds.fold(),
                    (true, Screen::Groups) => self.fold_tree(None),
                    (true, Screen::Explorer) => {
                        self.perform_in_files(crate::action::Action::OpenFile)
                    }
                    _ => {}
                }
            }
            Hit::Head(column) => self.sort_by(column),
            Hit::ProcessHead(column) => self.sort_processes(column),
            Hit::Details(line) => {
                self.pane = Pane::Details;
                if is_double && !matches!(self.tab(), Tab::Inspect) {
                    self.is_zoomed = !self.is_zoomed;
                } else {
                    self.press_details(usize::from(line));
                }
            }
            Hit::Bar(bar) => {
                self.pointer.dragged = Some(bar);
                self.drag(bar, at);
            }
            Hit::Hint(action) => {
                let spec = action.spec();
                match self.verdict(spec) {
                    Ok(()) => self.perform(spec),
                    Err(reason) => self.tell_refusal(spec, &reason),
                }
            }
            Hit::Choice(n) => self.choose(n),
            Hit::Answer(is_yes) => {
                let key = Key::char(if is_yes { 'y' } else { 'n' });
                self.on_modal_key(key);
            }
            Hit::Dialog => {}
            // What is typed is kept by enter, and left alone by a click elsewhere.
            Hit::Beside => self.on_modal_key(Key::of(Code::Esc)),
        }
    }

    fn choose(&mut self, n: usize) {
        match &mut self.modal {
            Some(Modal::Menu(menu)) => menu.cursor = n,
            Some(Modal::Sort(cursor)) => *cursor = n,
            Some(Modal::Palette(choice)) => choice.cursor = n,
            Some(Modal::Form(form)) => {
                // A field is gone to; what has no text to type is changed by it.
                let is_same = std::mem::replace(&mut form.cursor, n) == n;
                let is_typed = matches!(form.field().value, Value::Text(_));
                let key = if is_same && !is_typed { ' ' } else { '\0' };
                return self.on_modal_key(Key::char(key));
            }
            _ => return,
        }
        self.on_modal_key(Key::of(Code::Enter));
    }

    fn go_to_row(&mut self, row: usize) {
        let cursor = self.extent().cursor;
        self.step(row as isize - cursor as isize);
    }

    fn press_details(&mut self, line: usize) {
        if !matches!(self.screen, Screen::Containers | Screen::Builds) {
            return;
        }
        let tab = self.tab();
        let details = &mut self.details;
        match tab {
            Tab::Processes => {
                let Some(row) = line.checked_sub(1).map(|n| n + details.table.top) else {
                    return;
                };
                if row < details.table.rows.len() {
                    let by = row as isize - details.table.cursor as isize;
                    self.step_process(by);
                }
            }
            Tab::Inspect => {
                let row = line + details.tree.top;
                if row >= details.tree.shown.len() {
                    return;
                }
                let was_there = details.tree.cursor == row;
                details
                    .tree
                    .step(row as isize - details.tree.cursor as isize);
                let is_group = details
                    .tree
                    .selected()
                    .is_some_and(|node| matches!(node.content, Content::Group { .. }));
                if was_there && is_group {
                    details.tree.toggle();
                }
            }
            Tab::Logs => {
                let frame = self.log_frame();
                self.details.log.point(line, frame);
            }
            Tab::Stats | Tab::Changes | Tab::Network | Tab::Advice => {}
        }
    }

    fn drag(&mut self, bar: Bar, (x, y): (u16, u16)) {
        let regions = geometry(self);
        if bar == Bar::Time {
            if let Some(bar) = time_bar(self, regions.timeline) {
                self.timeline.scrub(bar.share(x));
            }
            return;
        }
        let area = match bar {
            Bar::List => regions.rows,
            Bar::Details | Bar::Time => regions.details,
        };
        let last = f64::from(area.height.saturating_sub(1).max(1));
        let share = f64::from(y.saturating_sub(area.y)) / last;
        let share = share.clamp(0.0, 1.0);
        let to = |count: usize| (share * count.saturating_sub(1) as f64).round() as usize;
        if bar == Bar::List {
            return self.go_to_row(to(self.extent().lines));
        }
        let frame = self.log_frame();
        let reach = self.reach(&regions);
        match self.tab() {
            Tab::Logs => self.details.log.go_to_share(share, frame),
            Tab::Processes => {
                let row = to(self.details.table.rows.len());
                self.step_process(row as isize - self.details.table.cursor as isize);
            }
            Tab::Inspect => {
                let row = to(self.details.tree.shown.len());
                let by = row as isize - self.details.tree.cursor as isize;
                self.details.tree.step(by);
            }
            Tab::Changes | Tab::Network | Tab::Advice => self.details.scroll = to(reach + 1),
            Tab::Stats => {}
        }
    }

    fn wheel(&mut self, by: isize, x: u16, y: u16) {
        if self.modal.is_some() {
            let code = if by < 0 { Code::Up } else { Code::Down };
            return self.on_modal_key(Key::of(code));
        }
        let regions = geometry(self);
        let at = ratatui::layout::Position { x, y };
        if regions.rows.contains(at) || regions.titles.contains(at) {
            return self.step(by);
        }
        if !regions.details.contains(at) {
            return;
        }
        if self.screen == Screen::Explorer {
            return self.step_layers(by.signum());
        }
        if let Some(scroll) = self.below_scroll() {
            *scroll = scroll.saturating_add_signed(by);
            return;
        }
        match self.tab() {
            Tab::Logs => {
                let frame = self.log_frame();
                self.details.log.scroll_lines(by, frame);
            }
            Tab::Processes => self.step_process(by),
            Tab::Inspect => self.details.tree.step(by),
            Tab::Changes if matches!(self.details.changes, Pending::Ready(_)) => {
                self.details.scroll = self.details.scroll.saturating_add_signed(by);
            }
            Tab::Network | Tab::Advice => {
                self.details.scroll = self.details.scroll.saturating_add_signed(by);
            }
            Tab::Stats | Tab::Changes => {}
        }
    }

    /// Hears the mouse, or leaves it to the terminal, which then can select text.
    pub(super) fn toggle_mouse(&mut self) {
        self.hears_mouse = !self.hears_mouse;
        self.effects
            .push(super::super::Effect::Mouse(self.hears_mouse));
        self.say(match self.hears_mouse {
            true => "the mouse is heard; M leaves it to the terminal",
            false => "the mouse is the terminal's, which selects text; M takes it back",
        });
    }
}
