//! What a prune of networks or volumes would remove, shown before anything is.

use jiff::Timestamp;

use super::{Failure, Pending, State};
use crate::{
    format::{bytes, columns::networks::subnets, duration, volume as words},
    model::{Volume, VolumeDetails},
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
    /// What would go.
    pub items: Vec<PruneItem>,
    /// Whether it is known what they take; nothing is measured of networks.
    pub measured: Pending<()>,
    /// Lines scrolled.
    pub scroll: usize,
    /// The number of the question what they take; answers to others are late.
    pub number: u64,
}

/// One thing that would go.
#[derive(Clone, Debug)]
pub struct PruneItem {
    /// Its name.
    pub name: String,
    /// Bytes that it takes, once they are measured.
    pub bytes: u64,
    /// What there is to say of it, safe to draw.
    pub note: String,
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
                    let age = duration::ago(network.created, world.at);
                    PruneItem {
                        name: network.name.clone(),
                        bytes: 0,
                        note: format!("{}  made {age}", subnets(network).unwrap_or_default()),
                    }
                })
                .collect(),
            Pruned::Volumes { all } => world
                .unused_volumes(all)
                .map(|volume| PruneItem::of(volume, world.at))
                .collect(),
        };
        Self::of(what, items, number)
    }

    fn of(what: Pruned, items: Vec<PruneItem>, number: u64) -> Self {
        Self {
            what,
            measured: match what {
                Pruned::Volumes { .. } if !items.is_empty() => Pending::Loading,
                _ => Pending::Ready(()),
            },
            items,
            scroll: 0,
            number,
        }
    }

    /// What would go, by name.
    pub fn names(&self) -> Vec<String> {
        self.items.iter().map(|item| item.name.clone()).collect()
    }

    /// Whether yes can be said: what would go is known, and it is something.
    pub fn is_ready(&self) -> bool {
        !self.items.is_empty() && matches!(self.measured, Pending::Ready(()))
    }

    /// The question's title.
    pub fn title(&self) -> String {
        let count = self.items.len();
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
    pub fn take(&mut self, now: Timestamp, result: Result<Vec<VolumeDetails>, Failure>) {
        let measured = match result {
            Ok(measured) => measured,
            Err(failure) => {
                self.measured = Pending::Failed(failure);
                return;
            }
        };
        let unused = measured.iter().filter(|found| found.users.is_empty());
        self.items = unused
            .map(|found| PruneItem::of(&found.volume, now))
            .collect();
        self.measured = Pending::Ready(());
        self.scroll = 0;
    }
}

impl PruneItem {
    fn of(volume: &Volume, now: Timestamp) -> Self {
        let size = match volume.size {
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
        let age = duration::ago(volume.created, now);
        let labels = words::pairs(&volume.labels, " ");
        Self {
            name: volume.name.clone(),
            bytes: volume.size.map_or(0, |size| size.bytes),
            note: format!("{size}  made {age}  {labels}"),
        }
    }
}
