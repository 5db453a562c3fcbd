//! The palette's keys, and doing what was chosen in it.

use super::super::{Argument, Choice, Found, Modal, Screen, State, Target, modal::edit};
use crate::action::{Code, Danger, Key};

/// How many actions are remembered as used last.
const RECENT: usize = 20;

impl State {
    pub(super) fn open_palette(&mut self) {
        let mut choice = Choice::default();
        choice.found = self.find(&choice.query);
        self.modal = Some(Modal::Palette(choice));
    }

    pub(super) fn on_palette_key(&mut self, key: Key, mut choice: Choice) -> Option<Modal> {
        match (key.code, key.ctrl) {
            (Code::Esc, _) => return None,
            (Code::Enter, _) => {
                if choice.cursor < choice.found.len() {
                    let found = choice.found.swap_remove(choice.cursor);
                    self.do_found(&found);
                }
                // What was chosen may have opened something of its own.
                return self.modal.take();
            }
            (Code::Tab, _) => {
                if let Some(found) = choice.found.get(choice.cursor) {
                    choice.query = found.label();
                    if found.argument.is_none() && Self::takes_argument(found.spec) {
                        choice.query.push(' ');
                    }
                    self.search_palette(&mut choice);
                }
            }
            (Code::Up, _) | (Code::Char('p'), true) => {
                choice.cursor = choice.cursor.saturating_sub(1);
            }
            (Code::Down, _) | (Code::Char('n'), true) => {
                let last = choice.found.len().saturating_sub(1);
                choice.cursor = (choice.cursor + 1).min(last);
            }
            _ => {
                if edit(&mut choice.query, key) {
                    self.search_palette(&mut choice);
                }
            }
        }
        Some(Modal::Palette(choice))
    }

    pub(super) fn search_palette(&self, choice: &mut Choice) {
        choice.found = self.find(&choice.query);
        choice.cursor = 0;
    }

    fn do_found(&mut self, found: &Found) {
        let spec = found.spec;
        if let Err(reason) = self.verdict_of(found) {
            return match found.name.as_str() {
                "" => self.tell_refusal(spec, &reason),
                name => self.say(&format!("can't {} {name}: {reason}", spec.title)),
            };
        }
        self.recent.retain(|action| *action != spec.action);
        self.recent.insert(0, spec.action);
        self.recent.truncate(RECENT);
        match &found.argument {
            None => self.perform(spec),
            Some(Argument::Column(column)) => self.sort_by(column),
            Some(Argument::Since(since)) => self.pick_since(*since),
            Some(Argument::Target(target)) if spec.is_bulk() => {
                let (action, targets) = (spec.action, vec![target.clone()]);
                match spec.danger {
                    Danger::None => self.operate(action, targets),
                    _ => self.modal = Some(Modal::Confirm { action, targets }),
                }
            }
            Some(Argument::Target(target)) => {
                if let Target::Container(id) = target
                    && (self.screen != Screen::Containers
                        || self.containers.selected.as_ref() != Some(id))
                {
                    self.jump_to(id);
                }
                self.perform(spec);
            }
        }
    }
}
