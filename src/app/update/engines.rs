//! Choosing another engine: a list of those that there are, and what each says of itself.

use std::time::Duration;

use super::{
    super::{Effect, EngineList, Failure, Modal, Pending, State},
    modals::line_of,
};
use crate::{
    action::{Code, Key},
    config::KnownEngine,
    format::text::sanitize,
    model::{Capabilities, Greeting},
};

impl State {
    pub(super) fn on_engines(&mut self, known: Vec<KnownEngine>) {
        self.engine_looks += 1;
        let address = self.capabilities.address.as_deref();
        let driven = known.iter().position(|known| known.is_at(address));
        let mut rows = Vec::new();
        for (n, known) in known.into_iter().enumerate() {
            let greeting = match &known.target {
                Ok(target) => {
                    self.effects.push(Effect::Greet {
                        look: (self.engine_looks, n),
                        target: target.clone(),
                    });
                    Pending::Loading
                }
                Err(why) => Pending::Failed(Failure {
                    message: sanitize(why).into_owned(),
                    hint: Some("`wharf context ls` lists contexts".into()),
                }),
            };
            rows.push((known, greeting));
        }
        self.modal = Some(Modal::Engines(EngineList {
            look: self.engine_looks,
            rows,
            cursor: driven.unwrap_or(0),
        }));
    }

    pub(super) fn on_greeted(
        &mut self,
        (look, n): (u64, usize),
        answer: Result<(Greeting, Duration), Failure>,
    ) {
        match &mut self.modal {
            Some(Modal::Engines(list)) if list.look == look => {
                list.rows[n].1 = answer.map_or_else(Pending::Failed, Pending::Ready);
            }
            // It was left meanwhile.
            _ => self.is_dirty = false,
        }
    }

    pub(super) fn on_engines_key(&mut self, key: Key, mut list: EngineList) -> Option<Modal> {
        if let Some(cursor) = line_of(key, list.cursor, list.rows.len()) {
            list.cursor = cursor;
            return Some(Modal::Engines(list));
        }
        match key.code {
            Code::Char('r') => {
                self.effects.push(Effect::ListEngines);
            }
            Code::Enter => {
                let chosen = &list.rows[list.cursor].0;
                let address = self.capabilities.address.as_deref();
                match &chosen.target {
                    _ if chosen.is_at(address) => return None,
                    // They are followed from here, and end with whoever follows them.
                    Ok(_) if self.transfers.going().next().is_some() || self.builds.ours() > 0 => {
                        self.say("a transfer or a build goes on here; end it or wait for it");
                        return Some(Modal::Engines(list));
                    }
                    Ok(target) => self.effects.push(Effect::Drive(target.clone())),
                    // Its part of the page says why not.
                    Err(_) => return Some(Modal::Engines(list)),
                }
                return None;
            }
            Code::Esc | Code::Char('q' | '@') => return None,
            _ => {}
        }
        Some(Modal::Engines(list))
    }

    /// The same dashboard over another engine: what is the user's stays, what was the
    /// engine's goes. `flag` is what its commands are told of the next one.
    pub(in super::super) fn over(&mut self, next: Capabilities, flag: Option<String>) {
        let mut state = Self::new(self.given.0, next, self.area);
        state.configure(self.config.clone(), self.depth);
        state.clock = self.clock;
        state.mistakes = std::mem::take(&mut self.mistakes);
        state.hears_mouse = self.hears_mouse;
        state.table.layout = self.table.layout.clone();
        state.table.cpu = self.table.cpu;
        state.image_columns = std::mem::take(&mut self.image_columns);
        state.containers.sort = self.containers.sort;
        state.shows_all = self.shows_all;
        state.activity = std::mem::take(&mut self.activity);
        state.activity.leave(self.clock, flag);
        state.recent = std::mem::take(&mut self.recent);
        state.plan = self.plan;
        state.engine_looks = self.engine_looks;
        // Of the configuration all has been done already.
        state.effects.clear();
        *self = state;
    }
}
