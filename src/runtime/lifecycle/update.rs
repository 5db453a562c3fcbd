//! Changing the limits or the restart policy of a container, live where it runs.

use std::{fs, os::fd::AsFd};

use super::{Lifecycle, Result, failed};
use crate::{
    model::{ContainerId, Limit, Limits, UpdateRequest},
    network::Rates,
    runtime::{
        paths::ContainerPaths,
        record::ContainerRecord,
        spec,
        store::{self, ContainerLock},
    },
    sys::fs::Durability,
};

impl Lifecycle {
    /// Applies the change to the running container first and records it when the kernel
    /// has taken it; if it doesn't take all of it, what it took is taken back.
    pub fn update(&self, request: &UpdateRequest) -> Result<()> {
        let held = self.store.lock(&request.id)?;
        let old = self.store.load(&request.id)?;
        let mut new = old.clone();
        // Memory that grows past a swap limit which nobody asked for takes that along.
        new.config.limits = old.config.limits.changed(&request.limits, &request.unset);
        self.discard(&mut new.config.limits)?;
        if let Some(policy) = request.restart {
            new.config.restart = policy;
        }
        spec::validate(&new.config)?;
        if new == old {
            return Ok(());
        }
        // While this file exists, what the kernel has is uncertain; repair then brings
        // both back to the old record, which it holds with the limits that were tried.
        let journal = self.root().update(&request.id);
        store::write_json(&journal, &(&old, &new.config.limits), Durability::Unsynced)?;
        let changed = self
            .apply(&request.id, &old.config.limits, &new.config.limits)
            .and_then(|()| Ok(self.store.write(&held, &new)?));
        if changed.is_err() {
            self.undo_update(&held, &old, &new.config.limits)?;
        }
        fs::remove_file(&journal).map_err(failed("remove", &journal))?;
        changed?;
        self.tell(&new, "update", &[]);
        Ok(())
    }

    /// Takes out what docker leaves out where the kernel hasn't got it.
    pub(super) fn discard(&self, limits: &mut Limits) -> Result<()> {
        if limits.oom_kill_disable.is_some()
            && self.cgroups()?.lacks().contains(&Limit::OomKillDisable)
        {
            limits.oom_kill_disable = None;
        }
        Ok(())
    }

    /// Takes an update back: the limits of the old record, and the record itself.
    pub(in crate::runtime) fn undo_update(
        &self,
        held: &ContainerLock,
        old: &ContainerRecord,
        tried: &Limits,
    ) -> Result<()> {
        let limits = self.apply(held.id(), tried, &old.config.limits);
        if self.store.load(held.id())? != *old {
            self.store.write(held, old)?;
        }
        limits
    }

    /// Gives the kernel the new limits, if the container runs; what only the old ones
    /// have goes back to what the kernel begins with.
    fn apply(&self, id: &ContainerId, old: &Limits, new: &Limits) -> Result<()> {
        if !self.inspect(id)?.state.has_process() {
            return Ok(());
        }
        if let Some(cgroup) = self.cgroups()?.open(&ContainerPaths::cgroup(id))? {
            cgroup.apply(&spec::update(old, new, &cgroup.defaults())?)?;
        }
        let rates = Rates::of(new);
        if rates != Rates::of(old)
            && let Some(namespace) = self.running_namespace(id)?
        {
            self.networks().shape(id, namespace.as_fd(), rates)?;
        }
        Ok(())
    }
}
