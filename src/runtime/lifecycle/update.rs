//! Changing the limits or the restart policy of a container, live where it runs.

use std::fs;

use super::{Lifecycle, Result, failed};
use crate::{
    model::{ContainerId, Limits, UpdateRequest},
    runtime::{
        paths::ContainerPaths,
        record::ContainerRecord,
        spec,
        store::{self, ContainerLock},
    },
};

impl Lifecycle {
    /// Applies the change to the running container first and records it when the kernel
    /// has taken it; if it doesn't take all of it, what it took is taken back.
    pub fn update(&self, request: &UpdateRequest) -> Result<()> {
        let held = self.store.lock(&request.id)?;
        let old = self.store.load(&request.id)?;
        let mut new = old.clone();
        merge(&mut new.config.limits, &request.limits);
        if let Some(policy) = request.restart {
            new.config.restart = policy;
        }
        spec::validate(&new.config)?;
        if new == old {
            return Ok(());
        }
        // While this file exists, what the kernel has is uncertain; repair then brings
        // both back to the old record, which it holds.
        let journal = self.root().update(&request.id);
        store::write_json(&journal, &old, false)?;
        let changed = self
            .apply(&request.id, &new.config.limits)
            .and_then(|()| Ok(self.store.write(&held, &new)?));
        if changed.is_err() {
            self.undo_update(&held, &old)?;
        }
        fs::remove_file(&journal).map_err(failed("remove", &journal))?;
        changed?;
        self.tell(&new, "update", &[]);
        Ok(())
    }

    /// Takes an update back: the limits of the old record, and the record itself.
    pub(in crate::runtime) fn undo_update(
        &self,
        held: &ContainerLock,
        old: &ContainerRecord,
    ) -> Result<()> {
        let limits = self.apply(held.id(), &old.config.limits);
        if self.store.load(held.id())? != *old {
            self.store.write(held, old)?;
        }
        limits
    }

    /// Gives the kernel these limits, if the container runs.
    fn apply(&self, id: &ContainerId, limits: &Limits) -> Result<()> {
        if !self.inspect(id)?.state.has_process() {
            return Ok(());
        }
        if let Some(cgroup) = self.cgroups()?.open(&ContainerPaths::cgroup(id))? {
            cgroup.apply(&spec::resources(limits)?)?;
        }
        Ok(())
    }
}

/// The new limits over the old: what is `None` or empty stays as it is.
fn merge(old: &mut Limits, new: &Limits) {
    macro_rules! take {
        ($($field:ident)*) => {
            $(if new.$field.is_some() { old.$field.clone_from(&new.$field); })*
        };
    }
    // Memory that grows past a swap limit which nobody asked for takes that along.
    take!(cpu_millis cpu_shares cpuset_cpus cpuset_mems memory_bytes memory_swap_bytes
          memory_reservation_bytes pids blkio_weight);
    for (old, new) in [
        (&mut old.read_bps, &new.read_bps),
        (&mut old.write_bps, &new.write_bps),
        (&mut old.read_iops, &new.read_iops),
        (&mut old.write_iops, &new.write_iops),
    ] {
        if !new.is_empty() {
            old.clone_from(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        let mut limits = Limits {
            pids: Some(5),
            memory_bytes: Some(64 << 20),
            ..Limits::default()
        };
        merge(
            &mut limits,
            &Limits {
                pids: Some(9),
                cpu_millis: Some(500),
                ..Limits::default()
            },
        );
        assert_eq!((limits.pids, limits.cpu_millis), (Some(9), Some(500)));
        assert_eq!(limits.memory_bytes, Some(64 << 20));
    }
}
