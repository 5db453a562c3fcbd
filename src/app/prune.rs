//! What a prune of networks or volumes would remove, shown before anything is.

use super::{Failure, Pending, State};
use crate::{
    format::{bytes, columns::networks::subnets, duration, text::sanitize, volume as words},
    model::{Volume, VolumeDetails, VolumeSize},
};

/// What is pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pruned {
    /// Networks that no container names.
    Networks,
    /// Volumes that no container uses: those that nobody named, or all.
    Volumes {
        /// Those with a name too.
        all: bool,
    },
}

/// The question.
#[derive(Clone, Debug)]
pub struct Prune {
    /// What is pruned.
    pub what: Pruned,
    /// What would go, by name.
    pub names: Vec<String>,
    /// What each of them takes, once it is measured.
    pub sizes: Vec<u64>,
    /// The same with what there is to say of each, safe to draw.
    pub lines: Vec<(String, String)>,
    /// Bytes that would be free then; nothing is measured of networks.
    pub bytes: Pending<u64>,
    /// Lines scrolled.
    pub scroll: usize,
    /// The number of the question what they take; answers to others are late.
    pub number: u64,
}

impl Prune {
    /// What would go as the picture has it, before anything is measured.
    pub fn new(state: &State, what: Pruned, number: u64) -> Self {
        let Some(world) = state.world.as_deref() else {
            return Self::of(what, Vec::new(), number);
        };
        let items = match what {
            Pruned::Networks => world
                .unused_networks()
                .map(|row| {
                    let network = &row.network;
                    let age = duration::words_between(network.created, world.at).to_lowercase();
                    let note = format!("{}  made {age} ago", subnets(network).unwrap_or_default());
                    (network.name.clone(), note)
                })
                .collect(),
            Pruned::Volumes { all } => world
                .unused_volumes(all)
                .map(|volume| (volume.name.clone(), note(volume, volume.size, state)))
                .collect(),
        };
        Self::of(what, items, number)
    }

    fn of(what: Pruned, items: Vec<(String, String)>, number: u64) -> Self {
        let (names, notes): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        let lines = names.iter().map(|name| sanitize(name).into_owned());
        Self {
            what,
            lines: lines.zip(notes).collect(),
            bytes: match what {
                Pruned::Volumes { .. } if !names.is_empty() => Pending::Loading,
                _ => Pending::Ready(0),
            },
            names,
            sizes: Vec::new(),
            scroll: 0,
            number,
        }
    }

    /// Whether yes can be said: what would go is known, and it is something.
    pub fn is_ready(&self) -> bool {
        !self.names.is_empty() && matches!(self.bytes, Pending::Ready(_))
    }

    /// The question's title.
    pub fn title(&self) -> String {
        let count = self.names.len();
        let things = match (self.what, count) {
            (Pruned::Networks, 1) => "network",
            (Pruned::Networks, _) => "networks",
            (Pruned::Volumes { .. }, 1) => "volume",
            (Pruned::Volumes { .. }, _) => "volumes",
        };
        match count {
            0 => format!("Prune {things}"),
            1 => format!("Remove this {things}?"),
            n => format!("Remove these {n} {things}?"),
        }
    }

    /// What they take is known now; those that somebody uses meanwhile stay.
    pub fn take(&mut self, state: &State, result: Result<Vec<VolumeDetails>, Failure>) {
        let measured = match result {
            Ok(measured) => measured,
            Err(failure) => {
                self.bytes = Pending::Failed(failure);
                return;
            }
        };
        let unused = measured.iter().filter(|found| found.users.is_empty());
        let unused: Vec<_> = unused.map(|found| &found.volume).collect();
        let size = |volume: &Volume| volume.size.map_or(0, |size| size.bytes);
        let item = |volume: &&Volume| (volume.name.clone(), note(volume, volume.size, state));
        *self = Self {
            bytes: Pending::Ready(unused.iter().map(|volume| size(volume)).sum()),
            sizes: unused.iter().map(|volume| size(volume)).collect(),
            ..Self::of(self.what, unused.iter().map(item).collect(), self.number)
        };
    }
}

fn note(volume: &Volume, size: Option<VolumeSize>, state: &State) -> String {
    let size = match size {
        None => "not measured".to_owned(),
        Some(size) => {
            let files = match size.files {
                0 => "empty".to_owned(),
                1 => "one file".to_owned(),
                n => format!("{n} files"),
            };
            format!("{}  {files}", bytes::decimal(size.bytes))
        }
    };
    let age = duration::words_between(volume.created, state.now()).to_lowercase();
    let labels = volume.labels.iter();
    let labels: Vec<_> = labels.map(|(key, value)| words::pair(key, value)).collect();
    format!("{size}  made {age} ago  {}", labels.join(" "))
}
