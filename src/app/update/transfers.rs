//! Pulls and pushes: asking what, beginning, following, cancelling.

use super::{
    super::{Asked, Effect, Failure, Modal, Prompt, State, activity::quoted},
    TOAST,
    modals::line_of,
};
use crate::{
    action::{Action, Code, Key},
    format::text::sanitize,
    model::{Direction, Transfer},
};

impl State {
    pub(super) fn ask_what_to_transfer(&mut self, action: Action) {
        let name = self
            .selected_image()
            .and_then(|image| image.references.first().cloned());
        let (asked, text) = match action {
            Action::Push => (Asked::Push, name.unwrap_or_default()),
            Action::TagImage => (Asked::Tag, name.unwrap_or_default()),
            _ => (Asked::Pull, String::new()),
        };
        self.ask(asked, text, String::new());
    }

    /// What was typed is a name.
    pub(super) fn on_name_typed(&mut self, prompt: &mut Prompt) {
        let name = prompt.text.trim().to_owned();
        if name.is_empty() {
            prompt.error = Some("a name is needed".into());
            return;
        }
        if name.contains(char::is_whitespace) {
            prompt.error = Some("a name has no blanks".into());
            return;
        }
        match prompt.asked {
            Asked::Pull => self.transfer(Direction::Pull, name),
            Asked::Push => self.transfer(Direction::Push, name),
            _ => {
                let Some(source) = self.selected_image().map(|image| image.id.to_string()) else {
                    return;
                };
                let what = format!("name an image {}", sanitize(&name));
                let command = format!("wharf tag {source} {}", quoted(&name));
                let job = super::super::Job::Tag {
                    source,
                    target: name,
                };
                self.begin(what, Some(command), job);
            }
        }
    }

    fn transfer(&mut self, direction: Direction, reference: String) {
        let word = verb(direction);
        let now = (self.now(), self.clock);
        let what = format!("{word} {}", sanitize(&reference));
        let command = format!("wharf {word} {}", quoted(&reference));
        let deed = self.activity.begin_deed(now, what, Some(command));
        let number = self
            .transfers
            .begin(direction, reference.clone(), deed, self.clock);
        self.effects.push(Effect::Transfer {
            number,
            direction,
            reference,
            registries: Box::new(self.config.registries.clone()),
        });
    }

    pub(super) fn on_transfer(&mut self, number: u64, result: Result<Option<Transfer>, Failure>) {
        let clock = self.clock;
        let Some(one) = self.transfers.find(number) else {
            return;
        };
        if one.is_over() {
            return;
        }
        let (deed, direction) = (one.deed, one.direction);
        let name = sanitize(&one.reference).into_owned();
        let ended = match result {
            Ok(Some(picture)) => {
                let outcome = picture.outcome.clone();
                one.show(picture, clock);
                let Some(outcome) = outcome else { return };
                Ok(outcome.is_up_to_date)
            }
            // The stream ended without a word: it was cancelled.
            Ok(None) => Err(Failure {
                message: format!("{} {name}: cancelled", verb(direction)),
                hint: Some("what was moved is kept for the next try".into()),
            }),
            Err(failure) => Err(failure),
        };
        one.end(ended.clone().map(drop), clock);
        match ended {
            Ok(is_up_to_date) => {
                let line = match (direction, is_up_to_date) {
                    (_, true) => format!("{name} is up to date"),
                    (Direction::Pull, _) => format!("pulled {name}"),
                    (Direction::Push, _) => format!("pushed {name}"),
                };
                self.activity.end_deed(clock, deed, Ok(line.clone()));
                self.tell(false, vec![line], None, TOAST);
            }
            Err(failure) => {
                self.activity.end_deed(clock, deed, Err(failure.clone()));
                self.tell_failure(failure);
            }
        }
        self.effects.push(Effect::Refresh);
    }

    pub(super) fn open_transfers(&mut self) {
        if self.transfers.list.is_empty() {
            return self.say("nothing was pulled or pushed from here");
        }
        self.modal = Some(Modal::Transfers(0));
    }

    pub(super) fn on_transfers_key(&mut self, key: Key, cursor: usize) -> Option<Modal> {
        let count = self.transfers.list.len();
        let cursor = cursor.min(count.saturating_sub(1));
        if let Some(cursor) = line_of(key, cursor, count) {
            return Some(Modal::Transfers(cursor));
        }
        match key.code {
            Code::Char('c') => {
                let going = self.transfers.list.get(cursor).filter(|one| !one.is_over());
                if let Some(number) = going.map(|one| one.number) {
                    self.effects.push(Effect::CancelTransfer(number));
                }
                Some(Modal::Transfers(cursor))
            }
            Code::Char('r') => {
                let ended = self.transfers.list.get(cursor).filter(|one| one.is_over());
                if let Some((direction, name)) = ended.map(|o| (o.direction, o.reference.clone())) {
                    self.transfer(direction, name);
                    return Some(Modal::Transfers(0));
                }
                Some(Modal::Transfers(cursor))
            }
            Code::Char('x') => {
                self.transfers.forget_ended();
                (!self.transfers.list.is_empty()).then_some(Modal::Transfers(0))
            }
            Code::Esc | Code::Enter | Code::Char('q') => None,
            _ => Some(Modal::Transfers(cursor)),
        }
    }
}

fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Pull => "pull",
        Direction::Push => "push",
    }
}
