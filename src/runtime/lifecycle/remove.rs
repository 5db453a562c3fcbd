//! Removing a container, and giving it another name.

use std::fs::File;

use super::{Error, Lifecycle, Result, failed};
use crate::{
    model::{ContainerId, RemoveRequest, State},
    runtime::{
        names,
        paths::ContainerPaths,
        record::ContainerRecord,
        store::{self, ContainerLock},
    },
};

impl Lifecycle {
    /// Removes it with its writable layer and log; with `force` it is killed first.
    pub fn remove(&self, request: &RemoveRequest) -> Result<()> {
        let id = &request.id;
        let record = self.store.load(id)?;
        loop {
            let held = match self.store.lock(id) {
                Ok(held) => held,
                // It removed itself, or another process was faster: it is gone.
                Err(store::Error::NotFound(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let state = self.inspect(id)?.state;
            if state.can_stop() {
                if !request.force {
                    let hint = match state {
                        State::Paused => "unpause and stop it first, or force the removal",
                        _ => "stop it first, or force the removal",
                    };
                    return Err(Error::State { state, hint });
                }
                drop(held);
                self.kill_and_wait(id)?;
                continue;
            }
            let Some(alive) = self.busy_shim(id)? else {
                return self.remove_ended(&held, &record);
            };
            // Its shim has recorded the exit and clears up; it may need the lock for
            // that.
            drop(held);
            alive
                .lock_shared()
                .map_err(failed("wait for", self.paths(id).alive()))?;
        }
    }

    /// Removes what has neither process nor shim.
    pub(in crate::runtime) fn remove_ended(
        &self,
        held: &ContainerLock,
        record: &ContainerRecord,
    ) -> Result<()> {
        self.clear_cgroup(held.id())?;
        self.store.remove(held)?;
        self.tell(record, "destroy", &[]);
        Ok(())
    }

    /// Removes the control group that a dead shim left, with whatever still is in it.
    pub(in crate::runtime) fn clear_cgroup(&self, id: &ContainerId) -> Result<()> {
        if let Some(cgroup) = self.cgroups()?.open(&ContainerPaths::cgroup(id))? {
            cgroup.kill()?;
            cgroup.remove()?;
        }
        Ok(())
    }

    /// The file that a live shim holds locked; `None` if there is no live shim.
    pub(in crate::runtime) fn busy_shim(&self, id: &ContainerId) -> Result<Option<File>> {
        let path = self.paths(id).alive();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open", path)(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(std::fs::TryLockError::WouldBlock) => Ok(Some(file)),
            Err(std::fs::TryLockError::Error(error)) => Err(failed("lock", path)(error)),
        }
    }

    /// Gives it another name.
    pub fn rename(&self, id: &ContainerId, name: &str) -> Result<()> {
        let name = name.strip_prefix('/').unwrap_or(name);
        if !names::is_valid(name) {
            return Err(Error::Invalid(format!("{name:?} is not a valid name")));
        }
        let old = self.store.load(id)?.name;
        if old == name {
            return Err(Error::Invalid(format!("{name} is its name already")));
        }
        self.store.rename(id, name)?;
        let record = self.store.load(id)?;
        self.tell(&record, "rename", &[("oldName", old)]);
        Ok(())
    }
}
