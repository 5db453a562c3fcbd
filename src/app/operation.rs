//! Operations that were asked for and have not ended: what each row shows meanwhile,
//! and what is told when the last item is through.

use std::{collections::BTreeMap, time::Duration};

use super::{Failure, Target};
use crate::{action::Action, model::ContainerId};

/// What is being done to one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// What.
    pub action: Action,
    /// Since when, by the dashboard's clock.
    pub since: Duration,
}

/// All operations under way.
#[derive(Clone, Debug, Default)]
pub struct Operations {
    running: BTreeMap<Target, Running>,
    batches: BTreeMap<u64, Batch>,
    last: u64,
}

#[derive(Clone, Debug)]
struct Batch {
    action: Action,
    left: usize,
    done: Vec<Target>,
    failed: Vec<(Target, Failure)>,
}

/// An operation whose last item is through.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What was done.
    pub action: Action,
    /// To which it was.
    pub done: Vec<Target>,
    /// Where it failed.
    pub failed: Vec<(Target, Failure)>,
}

impl Operations {
    /// Notes a new operation; its number.
    pub fn begin(&mut self, action: Action, targets: &[Target], since: Duration) -> u64 {
        self.last += 1;
        for target in targets {
            self.running
                .insert(target.clone(), Running { action, since });
        }
        let batch = Batch {
            action,
            left: targets.len(),
            done: Vec::new(),
            failed: Vec::new(),
        };
        self.batches.insert(self.last, batch);
        self.last
    }

    /// Notes the end of one item; the whole operation if that was the last.
    pub fn end(
        &mut self,
        operation: u64,
        target: Target,
        result: Result<(), Failure>,
    ) -> Option<Ended> {
        self.running.remove(&target);
        let batch = self.batches.get_mut(&operation)?;
        batch.left -= 1;
        match result {
            Ok(()) => batch.done.push(target),
            Err(failure) => batch.failed.push((target, failure)),
        }
        if batch.left > 0 {
            return None;
        }
        let batch = self.batches.remove(&operation)?;
        Some(Ended {
            action: batch.action,
            done: batch.done,
            failed: batch.failed,
        })
    }

    /// Adds to an operation that has begun what was never asked for, and why.
    pub fn refuse(&mut self, operation: u64, refused: Vec<(Target, Failure)>) {
        if let Some(batch) = self.batches.get_mut(&operation) {
            batch.failed.extend(refused);
        }
    }

    /// What is being done to a thing.
    pub fn on(&self, target: &Target) -> Option<Running> {
        self.running.get(target).copied()
    }

    /// What is being done to a container.
    pub fn on_container(&self, id: &ContainerId) -> Option<Running> {
        // Asked for each row that is drawn, while mostly nothing is under way.
        let target = || Target::Container(id.clone());
        (!self.is_empty()).then(|| self.on(&target()))?
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }
}
