//! Pausing and thawing: asked of the shim, which records it.

use super::{Error, Lifecycle, Result};
use crate::{
    model::{ContainerId, State},
    runtime::{
        attach::{self, Frame},
        paths::ContainerPaths,
    },
};

impl Lifecycle {
    /// Freezes all its processes.
    pub fn pause(&self, id: &ContainerId) -> Result<()> {
        let _held = self.store.lock(id)?;
        self.pause_held(id)
    }

    /// The same under its lock.
    pub(super) fn pause_held(&self, id: &ContainerId) -> Result<()> {
        let state = self.inspect(id)?.state;
        if !state.can_pause() {
            let hint = match state {
                State::Paused => "it is paused already",
                _ => "only a running container can be paused",
            };
            return Err(Error::State { state, hint });
        }
        self.ask_shim(id, &Frame::Pause)
    }

    /// Thaws them.
    pub fn unpause(&self, id: &ContainerId) -> Result<()> {
        let _held = self.store.lock(id)?;
        let state = self.inspect(id)?.state;
        if !state.can_unpause() {
            return Err(Error::State {
                state,
                hint: "only a paused container can be unpaused",
            });
        }
        self.ask_shim(id, &Frame::Unpause)
    }

    /// The same while something else holds the lock: a container that ends.
    pub(super) fn thaw(&self, id: &ContainerId) -> Result<()> {
        match self.ask_shim(id, &Frame::Unpause) {
            // Without a shim nobody is left to record it, and what can't be frozen any
            // more is what was wanted.
            Err(Error::Attach(error)) if error.is_gone() => {
                let path = ContainerPaths::cgroup(id);
                match self.cgroups()?.open(&path)? {
                    Some(cgroup) => Ok(cgroup.thaw()?),
                    None => Ok(()),
                }
            }
            done => done,
        }
    }

    fn ask_shim(&self, id: &ContainerId, frame: &Frame) -> Result<()> {
        Ok(attach::request(&self.paths(id).run, frame)?)
    }
}
