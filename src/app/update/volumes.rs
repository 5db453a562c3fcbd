//! Keys of the volumes screen, and of the question before a prune.

use super::super::{Effect, Failure, Form, Job, Looked, Modal, Prune, Pruned, State};
use crate::{
    action::{Action, Code, Key},
    format::text::counted,
    model::VolumeDetails,
};

impl State {
    pub(super) fn perform_on_volume(&mut self, action: Action) {
        match action {
            Action::CreateVolume => self.open(Box::new(Form::volume())),
            Action::PruneVolumes => self.ask_to_prune(Pruned::Volumes { all: false }),
            Action::MeasureVolumes => {
                let command = "wharf volume ls --size".to_owned();
                self.begin("measure volumes".into(), Some(command), Job::MeasureVolumes);
            }
            Action::BrowseVolume => {
                if let Some(name) = self.selected_volume().map(|volume| volume.name.clone()) {
                    self.explore(Looked::Volume(name.clone()), name);
                }
            }
            _ => {}
        }
    }

    /// Asks what those take that a prune would remove.
    pub(super) fn measure(&mut self, prune: &Prune) {
        if let (Pruned::Volumes { .. }, false) = (prune.what, prune.items.is_empty()) {
            self.effects.push(Effect::Measure {
                number: prune.number,
                names: prune.names(),
            });
        }
    }

    pub(super) fn on_measured(&mut self, number: u64, result: Result<Vec<VolumeDetails>, Failure>) {
        let now = self.now();
        if let Some(Modal::Prune(prune)) = &mut self.modal
            && prune.number == number
        {
            prune.take(now, result);
        }
    }

    pub(super) fn on_prune_key(&mut self, key: Key, mut prune: Prune) -> Option<Modal> {
        match (key.code, prune.what) {
            (Code::Char('y') | Code::Enter, _) if prune.is_ready() => {
                self.prune(prune);
                return None;
            }
            (Code::Char('y') | Code::Enter, _) if !prune.items.is_empty() => {
                // What goes is known before it goes.
            }
            (Code::Char('n' | 'q' | 'y') | Code::Esc | Code::Enter, _) => return None,
            (Code::Char('a'), Pruned::Volumes { all }) => {
                self.looks += 1;
                let prune = Prune::new(self, Pruned::Volumes { all: !all }, self.looks);
                self.measure(&prune);
                return Some(Modal::Prune(prune));
            }
            (Code::Down | Code::Char('j'), _) => {
                let last = prune.items.len().saturating_sub(1);
                prune.scroll = (prune.scroll + 1).min(last);
            }
            (Code::Up | Code::Char('k'), _) => prune.scroll = prune.scroll.saturating_sub(1),
            _ => {}
        }
        Some(Modal::Prune(prune))
    }

    fn prune(&mut self, prune: Prune) {
        let (thing, command, job) = match prune.what {
            Pruned::Networks => (
                "network",
                "wharf network prune --force",
                Job::PruneNetworks(prune.names()),
            ),
            Pruned::Volumes { all } => (
                "volume",
                match all {
                    true => "wharf volume prune --all --force",
                    false => "wharf volume prune --force",
                },
                Job::PruneVolumes(
                    prune
                        .items
                        .iter()
                        .map(|item| (item.name.clone(), item.bytes))
                        .collect(),
                ),
            ),
        };
        let what = format!("prune {}", counted(prune.items.len(), thing));
        self.begin(what, Some(command.to_owned()), job);
    }
}
