//! Short messages over the screen: what was done, what failed, what can't be done now.

use std::time::Duration;

use super::{
    super::{Failure, Screen, State, Toast},
    operate::verb,
};
use crate::{
    action::{Action, ActionSpec},
    format::{text::sanitize, volume},
};

/// How long a message stays that tells of success.
pub(super) const TOAST: Duration = Duration::from_secs(3);
/// How long one stays that tells of a failure; esc takes it away earlier.
pub(super) const TOAST_ERROR: Duration = Duration::from_secs(12);

impl State {
    pub(super) fn tell_refusal(&mut self, spec: &ActionSpec, reason: &str) {
        let name = match self.screen {
            Screen::Containers => {
                let row = self.selected_container();
                row.map(|row| row.container.name.clone())
            }
            Screen::Groups if spec.action == Action::RemoveGroup => self.group_name(),
            Screen::Networks if spec.action == Action::RemoveNetwork => {
                self.selected_network().map(|row| row.network.name.clone())
            }
            Screen::Volumes if spec.action == Action::RemoveVolume => {
                let volume = self.selected_volume();
                volume.map(|volume| volume::name(volume).to_owned())
            }
            _ => None,
        };
        let line = match name {
            Some(name) => format!("can't {} {name}: {reason}", verb(spec)),
            None => format!("can't {}: {reason}", verb(spec)),
        };
        let line = sanitize(&line).into_owned();
        self.tell(false, vec![line], None, TOAST);
    }

    pub(in super::super) fn tell_failure(&mut self, failure: Failure) {
        self.tell(true, vec![failure.message], failure.hint, TOAST_ERROR);
    }

    pub(super) fn tell(
        &mut self,
        is_error: bool,
        lines: Vec<String>,
        hint: Option<String>,
        lifetime: Duration,
    ) {
        // The newest success is the one that matters; failures must all be seen.
        self.toasts.retain(|toast| toast.is_error);
        if self.toasts.len() == 3 {
            self.toasts.remove(0);
        }
        self.toasts.push(Toast {
            is_error,
            lines,
            hint,
            until: self.clock + lifetime,
        });
    }

    /// A task of ours panicked: it said why on the terminal, where it is read after this.
    pub(in super::super) fn on_panic(&mut self) {
        self.is_dirty = true;
        self.tell_failure(Failure {
            message: "a part of wharf failed; what it said stands above the prompt after this"
                .into(),
            hint: Some("please report it".into()),
        });
    }

    pub(super) fn drop_old_toasts(&mut self) {
        let before = self.toasts.len();
        let clock = self.clock;
        self.toasts.retain(|toast| toast.until > clock);
        self.is_dirty |= self.toasts.len() != before;
    }
}
