//! Starting: the run is announced on disk, then a shim takes over.

use std::os::unix::net::UnixStream;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Error, Lifecycle, Result, failed};
use crate::{
    model::{AttachStreams, ContainerId, ExecConfig, ExecId, RestartPolicy, State, StopRequest},
    runtime::{
        attach::{self, Frame},
        inspect,
        record::ExitRecord,
        shim,
        store::{self, ContainerLock},
    },
    sys::fs::{Durability, write_atomically},
};

/// A run that has no exit record yet (`started`): after a loss of power it is all that
/// tells that something was running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// In which boot.
    pub boot_id: String,
    /// Since when.
    pub at: Timestamp,
}

impl RunRecord {
    /// Whether that run ended without an exit record.
    pub fn is_open(&self, exit: Option<&ExitRecord>) -> bool {
        exit.is_none_or(|exit| exit.exit.at < self.at)
    }
}

impl Lifecycle {
    /// Starts it; with `attach`, a connection to its shim that carries all its output.
    /// One that runs already is only attached to.
    pub fn start(
        &self,
        id: &ContainerId,
        attach: Option<AttachStreams>,
    ) -> Result<Option<UnixStream>> {
        self.settle()?;
        let held = self.store.lock(id)?;
        let state = self.outlast_shim(id)?;
        let hint = match state {
            State::Running | State::Restarting => {
                drop(held);
                return attach.map(|streams| self.attach(id, streams)).transpose();
            }
            State::Paused => Some("unpause it"),
            State::Removing => Some("it removes itself"),
            _ => None,
        };
        if let Some(hint) = hint {
            return Err(Error::State { state, hint });
        }
        self.forget_stop(id)?;
        self.run(&held, attach)
    }

    /// Starts what does not run, under its lock.
    pub(in crate::runtime) fn run(
        &self,
        held: &ContainerLock,
        attach: Option<AttachStreams>,
    ) -> Result<Option<UnixStream>> {
        let id = held.id();
        let record = self.store.load(id)?;
        let paths = self.paths(id);
        let run = RunRecord {
            boot_id: inspect::this_boot().unwrap_or_default().to_owned(),
            at: Timestamp::now(),
        };
        // First, so that repair looks at it whenever we are killed from here on.
        store::make_directory(&paths.run, 0o700)?;
        let text = serde_json::to_vec(&run).expect("two strings make JSON");
        // Whoever gave a restart policy wants it back after a loss of power.
        let durability = match record.config.restart {
            RestartPolicy::No => Durability::Unsynced,
            _ => Durability::Synced,
        };
        write_atomically(&paths.started(), &text, durability)
            .map_err(failed("write", paths.started()))?;
        let ready = self
            .ready_volumes(&record)
            .and_then(|()| self.plug(&record));
        let started = ready.and_then(|plugged| {
            let started = shim::spawn(self.root(), id, attach, plugged.as_ref());
            if started.is_err() {
                self.unplug(&record)?;
            }
            Ok(started?)
        });
        if started.is_err() {
            let _ = self.let_go_volumes(&record);
            // It never ran; what the shim could record of it is in the exit record. That
            // failure is the one to tell, and what stays behind is repaired.
            let _ = std::fs::remove_file(paths.started());
            if record.config.auto_remove {
                let _ = self.remove_ended(held, &record, true);
            }
        }
        Ok(started?.control)
    }

    /// Attaches to a running container.
    pub fn attach(&self, id: &ContainerId, streams: AttachStreams) -> Result<UnixStream> {
        let state = self.settled(id)?.state;
        if !state.has_process() {
            return Err(Error::State {
                state,
                hint: "start it first",
            });
        }
        if state == State::Paused {
            return Err(Error::State {
                state,
                hint: "unpause it first",
            });
        }
        Ok(attach::connect(&self.paths(id).run, streams)?)
    }

    /// Has its next health check run now.
    pub fn check_health(&self, id: &ContainerId) -> Result<()> {
        let state = self.settled(id)?.state;
        if state != State::Running {
            let hint = match state {
                State::Paused => "unpause it first",
                _ => "only what runs is checked",
            };
            return Err(Error::State { state, hint });
        }
        Ok(attach::request(&self.paths(id).run, &Frame::Check)?)
    }

    /// Stops and starts it.
    pub fn restart(&self, request: &StopRequest) -> Result<()> {
        self.stop(request)?;
        self.start(&request.id, None)?;
        let record = self.store.load(&request.id)?;
        self.tell(&record, "restart", &[]);
        Ok(())
    }

    /// Runs a further process in it.
    pub fn exec(
        &self,
        id: &ContainerId,
        config: &ExecConfig,
    ) -> Result<(ExecId, Option<UnixStream>)> {
        if config.argv.is_empty() {
            return Err(Error::Invalid("no command to run".into()));
        }
        // Against a stop that comes at the same time; several execs may start at once
        // only one after the other, which takes milliseconds.
        let _held = self.store.lock(id)?;
        self.can_exec(id)?;
        let exec = ExecId::from_bytes(&super::create::random()?);
        let started = shim::spawn_exec(self.root(), id, &exec, config)?;
        Ok((exec, started.control))
    }

    /// Waits for a further process; its exit code.
    pub fn exec_wait(&self, id: &ContainerId, exec: &ExecId) -> Result<Option<i32>> {
        let files = self.paths(id).exec(exec);
        match attach::wait(&files.directory) {
            Ok(exit) => Ok(exit.code),
            // It ended before: its record tells.
            Err(error) if error.is_gone() => {
                let live = crate::runtime::state::read_file(&files.state())
                    .map_err(failed("read", files.state()))?;
                let live = live.ok_or_else(|| store::Error::NotFound(exec.to_string()))?;
                Ok(live.exit.and_then(|exit| exit.code))
            }
            Err(error) => Err(error.into()),
        }
    }
}
