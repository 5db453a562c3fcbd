//! Removing a container, and giving it another name.

use std::{fs::File, thread, time::Duration};

use super::{Error, Lifecycle, Result, failed};
use crate::{
    model::{ContainerId, NetworkMode, RemoveRequest, State},
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
                let volumes = request.volumes || record.config.auto_remove;
                return self.remove_ended(&held, &record, volumes);
            };
            // It may need the lock to come to its end.
            drop(held);
            match self.outlast_shim(id) {
                Ok(State::Removing) => alive
                    .lock_shared()
                    .map_err(failed("wait for", self.paths(id).alive()))?,
                Ok(_) => {}
                Err(error) if error.is_missing() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes what has neither process nor shim, with `volumes` also those that were made
    /// for it without a name. They go first: were this cut, the container is still there to
    /// be removed again.
    pub(in crate::runtime) fn remove_ended(
        &self,
        held: &ContainerLock,
        record: &ContainerRecord,
        volumes: bool,
    ) -> Result<()> {
        self.clear_cgroup(held.id())?;
        self.unplug(record)?;
        if volumes {
            self.remove_anonymous(record)?;
        }
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

    /// Waits while a shim lives and its container doesn't run; the state after that.
    ///
    /// That is so for milliseconds: the shim clears up after an exit, or, where its
    /// starter was killed, is about to run the program or to fail. flock(2) can't be
    /// waited for together with anything else, so this looks again and again. One that
    /// removes its container needs the lock that the caller may hold: it isn't waited for.
    pub(in crate::runtime) fn outlast_shim(&self, id: &ContainerId) -> Result<State> {
        let mut pause = Duration::from_micros(200);
        loop {
            let state = self.inspect(id)?.state;
            let is_settled = state.can_stop() || state == State::Removing;
            if is_settled || self.busy_shim(id)?.is_none() {
                return Ok(state);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
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
        if self.inspect(id)?.state.has_process() && record.config.network == NetworkMode::Bridge {
            self.networks().rename(id, &old, name)?;
        }
        self.tell(&record, "rename", &[("oldName", old)]);
        Ok(())
    }
}
