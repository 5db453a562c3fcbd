//! Further processes in two steps, as an API has them: an exec is made, and started
//! later, maybe by another process. In between it is a directory with its config; all
//! of it goes with the container's run.

use std::{fs, io, os::unix::net::UnixStream};

use super::{Error, Lifecycle, Result, create::random, failed};
use crate::{
    model::{
        AttachStreams, ContainerId, ExecConfig, ExecDetails, ExecId, Exit, State, TerminalSize,
    },
    runtime::{
        attach::{self, Frame},
        inspect, shim,
        state::{self, LiveState},
        store,
    },
    sys::fs::{Durability, write_atomically},
};

/// Exit codes of a program that isn't there, and of one that can't be run.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

impl Lifecycle {
    /// Makes an exec; nothing runs yet.
    pub fn create_exec(&self, id: &ContainerId, config: &ExecConfig) -> Result<ExecId> {
        if config.argv.is_empty() {
            return Err(Error::Invalid("no command to run".into()));
        }
        let _held = self.store.lock(id)?;
        self.can_exec(id)?;
        let exec = ExecId::from_bytes(&random()?);
        let files = self.paths(id).exec(&exec);
        store::make_directory(&files.directory, 0o700)?;
        let text = serde_json::to_vec(config).expect("an exec's config is JSON");
        write_atomically(&files.config(), &text, Durability::Unsynced)
            .map_err(failed("write", files.config()))?;
        if let Ok(record) = self.store.load(id) {
            let action = format!("exec_create: {}", config.argv.join(" "));
            self.tell(&record, &action, &[("execID", exec.to_string())]);
        }
        Ok(exec)
    }

    /// Starts an exec that was made. One that can't be started has ended, with docker's
    /// exit code for it.
    pub fn start_exec(
        &self,
        exec: &ExecId,
        attach: Option<AttachStreams>,
    ) -> Result<(ContainerId, Option<UnixStream>)> {
        let id = self.container_of(exec)?;
        let _held = self.store.lock(&id)?;
        self.can_exec(&id)?;
        let files = self.paths(&id).exec(exec);
        let mut config: ExecConfig = store::read_json(&files.config())?
            .ok_or_else(|| store::Error::NotFound(exec.to_string()))?;
        let before = state::read_file(&files.state()).map_err(failed("read", files.state()))?;
        if before.is_some() || fs::exists(files.alive()).unwrap_or(false) {
            return Err(Error::Invalid("it was started already".into()));
        }
        config.attach = attach;
        match shim::spawn_exec(self.root(), &id, exec, &config) {
            Ok(started) => Ok((id, started.control)),
            Err(error) => {
                let code = match &error {
                    shim::Error::Failed(failure)
                        if failure.kind == shim::FailureKind::CommandNotFound =>
                    {
                        NOT_FOUND
                    }
                    _ => NOT_EXECUTABLE,
                };
                // What is told of it later is a convenience; this failure is told now.
                let _ = self.record_failed(&id, exec, &config, code);
                Err(error.into())
            }
        }
    }

    /// Puts an exec that never ran on record again.
    fn record_failed(
        &self,
        id: &ContainerId,
        exec: &ExecId,
        config: &ExecConfig,
        code: i32,
    ) -> Result<()> {
        let files = self.paths(id).exec(exec);
        store::make_directory(&files.directory, 0o700)?;
        let text = serde_json::to_vec(config).expect("an exec's config is JSON");
        let write = || -> io::Result<()> {
            write_atomically(&files.config(), &text, Durability::Unsynced)?;
            state::Writer::open(files.state())?.write(&LiveState {
                state: State::Exited,
                boot_id: inspect::this_boot().unwrap_or_default().to_owned(),
                process: None,
                shim_pid: 0,
                started: None,
                restarts: 0,
                oom_killed: false,
                exit: Some(Exit {
                    code: Some(code),
                    at: jiff::Timestamp::now(),
                    oom_killed: false,
                }),
                error: None,
            })
        };
        write().map_err(failed("write", files.config()))
    }

    /// What is known of an exec.
    pub fn inspect_exec(&self, exec: &ExecId) -> Result<ExecDetails> {
        let container = self.container_of(exec)?;
        let files = self.paths(&container).exec(exec);
        let config = store::read_json(&files.config())?.unwrap_or_default();
        let live = state::read_file(&files.state()).map_err(failed("read", files.state()))?;
        let pid = live.as_ref().and_then(LiveState::pid);
        let exit = live.as_ref().and_then(|live| live.exit);
        // A shim that was killed left no exit behind.
        let is_running = live.is_some() && exit.is_none() && is_held(&files.alive());
        Ok(ExecDetails {
            id: exec.clone(),
            container,
            config,
            is_started: live.is_some(),
            is_running,
            code: exit.and_then(|exit| exit.code),
            pid: pid.filter(|_| is_running),
        })
    }

    /// Execs of a container that have not ended.
    pub fn execs(&self, id: &ContainerId) -> Vec<ExecId> {
        let entries = fs::read_dir(self.paths(id).execs()).into_iter().flatten();
        let ids = entries
            .flatten()
            .filter_map(|entry| ExecId::parse(entry.file_name().to_str()?));
        let has_ended = |exec: &ExecId| {
            let files = self.paths(id).exec(exec);
            let live = state::read_file(&files.state()).ok().flatten();
            live.is_some_and(|live| live.state == State::Exited)
        };
        ids.filter(|exec| !has_ended(exec)).collect()
    }

    /// Gives the terminal of an exec another size.
    pub fn resize_exec(&self, exec: &ExecId, size: TerminalSize) -> Result<()> {
        let id = self.container_of(exec)?;
        let files = self.paths(&id).exec(exec);
        Ok(attach::send(&files.directory, &Frame::Resize(size))?)
    }

    /// Gives the terminal of a container another size.
    pub fn resize(&self, id: &ContainerId, size: TerminalSize) -> Result<()> {
        let state = self.inspect(id)?.state;
        if !state.has_process() {
            return Err(Error::State {
                state,
                hint: "only a running container's terminal has a size",
            });
        }
        Ok(attach::send(&self.paths(id).run, &Frame::Resize(size))?)
    }

    /// The container that an exec is in.
    fn container_of(&self, exec: &ExecId) -> Result<ContainerId> {
        let ids = self.store.list()?;
        let found = ids
            .into_iter()
            .find(|id| self.paths(id).exec(exec).directory.exists());
        Ok(found.ok_or_else(|| store::Error::NotFound(exec.to_string()))?)
    }

    /// Whether a further process can run in it now.
    pub(super) fn can_exec(&self, id: &ContainerId) -> Result<()> {
        let state = self.inspect(id)?.state;
        if state.can_exec() {
            return Ok(());
        }
        let hint = match state {
            State::Paused => "unpause it first",
            State::Restarting => "wait until it runs again",
            _ => "start it first",
        };
        Err(Error::State { state, hint })
    }
}

/// Whether somebody holds a lock.
fn is_held(path: &std::path::Path) -> bool {
    let Ok(file) = fs::File::options().write(true).open(path) else {
        return false;
    };
    matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock))
}
