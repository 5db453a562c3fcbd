//! Ending a container's process: stop, kill, and waiting for the end.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{Error, Lifecycle, Result, Watch, failed};
use crate::{
    model::{
        Container, ContainerId, Event, EventKind, Exit, KillRequest, RestartPolicy, State,
        StopRequest, WaitCondition,
    },
    runtime::{
        attach::{self, Frame},
        events, inspect,
        record::{ContainerRecord, ExitRecord},
        store,
    },
    sys::{
        fs::{Durability, write_atomically},
        pidfd, signal,
    },
};

/// Seconds between the signal that asks and the one that kills, where nothing is said.
const STOP_TIMEOUT_SECS: i64 = 10;
/// How long a killed process may take to end: it may be in the middle of slow I/O.
const KILL_TIMEOUT: Duration = Duration::from_secs(60);

impl Lifecycle {
    /// Asks it to stop, waits, kills. What doesn't run is no error.
    pub fn stop(&self, request: &StopRequest) -> Result<()> {
        let record = self.store.load(&request.id)?;
        let asks = match &request.signal {
            Some(name) => parse(name)?,
            None => stop_signal(&record),
        };
        let seconds = request
            .timeout_secs
            .or(record.config.stop_timeout_secs)
            .unwrap_or(STOP_TIMEOUT_SECS);
        let Some(mut watch) = self.ask_to_end(&request.id, asks)? else {
            return Ok(());
        };
        // A negative number of seconds is for ever.
        let patience = u64::try_from(seconds).ok().map(Duration::from_secs);
        if !self.ended(&request.id, &mut watch, patience)? {
            self.kill_and_wait(&request.id)?;
        }
        self.tell(&record, "stop", &[]);
        Ok(())
    }

    /// Sends a signal. A signal that ends it also ends its restarts; by SIGKILL it has
    /// ended when this returns.
    pub fn kill(&self, request: &KillRequest) -> Result<()> {
        let number = parse(request.signal.as_deref().unwrap_or("KILL"))?;
        let record = self.store.load(&request.id)?;
        let state = self.inspect(&request.id)?.state;
        if !state.can_kill() {
            return Err(Error::State {
                state,
                hint: "only a running container can get a signal",
            });
        }
        if number == libc::SIGKILL {
            self.kill_and_wait(&request.id)?;
        } else if number == stop_signal(&record) {
            self.ask_to_end(&request.id, number)?;
        } else {
            let _held = self.store.lock(&request.id)?;
            self.signal(&request.id, number)?;
        }
        Ok(())
    }

    /// Ends it for certain; returns when its exit is recorded.
    pub(super) fn kill_and_wait(&self, id: &ContainerId) -> Result<()> {
        let Some(mut watch) = self.ask_to_end(id, libc::SIGKILL)? else {
            return Ok(());
        };
        if self.ended(id, &mut watch, Some(KILL_TIMEOUT))? {
            Ok(())
        } else {
            Err(Error::DoesNotEnd)
        }
    }

    /// Records that the user wants it stopped, then sends the signal, so that no restart
    /// comes in between. `None` if it doesn't run.
    fn ask_to_end(&self, id: &ContainerId, number: i32) -> Result<Option<Watch>> {
        let _held = self.store.lock(id)?;
        // One whose starter was killed may be about to run.
        if !self.outlast_shim(id)?.can_stop() {
            return Ok(None);
        }
        let container = self.inspect(id)?;
        let paths = self.paths(id);
        let watch = Watch::new(&paths)?;
        // Only an `unless-stopped` container asks for it after a loss of power.
        let durability = match container.config.restart {
            RestartPolicy::UnlessStopped => Durability::Synced,
            _ => Durability::Unsynced,
        };
        write_atomically(&paths.stopped(), b"", durability)
            .map_err(failed("write", paths.stopped()))?;
        match container.state {
            State::Restarting => match attach::request(&paths.run, &Frame::Settle) {
                Err(error) if !error.is_gone() => return Err(error.into()),
                _ => {}
            },
            state => {
                self.signal(id, number)?;
                if state == State::Paused {
                    // What is frozen can't act on any signal, and on cgroup v1 not even
                    // die of one.
                    self.thaw(id)?;
                }
            }
        }
        Ok(Some(watch))
    }

    /// Waits until it neither runs nor will be restarted.
    fn ended(
        &self,
        id: &ContainerId,
        watch: &mut Watch,
        patience: Option<Duration>,
    ) -> Result<bool> {
        let deadline = patience.map(|patience| Instant::now() + patience);
        loop {
            match self.settled(id) {
                Ok(container) if container.state.can_stop() => {}
                Err(error) if !error.is_missing() => return Err(error),
                _ => return Ok(true),
            }
            if !watch.wait(deadline)? {
                return Ok(false);
            }
        }
    }

    /// Sends a signal to its init process, and to no other that has its number now.
    fn signal(&self, id: &ContainerId, number: i32) -> Result<()> {
        let Some(live) = inspect::live(&self.paths(id))? else {
            return Ok(());
        };
        let Some(process) = live.process else {
            return Ok(());
        };
        let subject = || format!("/proc/{}", process.pid);
        let Some(pidfd) = process.open().map_err(failed("open", subject()))? else {
            return Ok(());
        };
        // Told before: its end is told by another process, and may be told at once.
        if let Ok(record) = self.store.load(id) {
            let name = signal::name(number).unwrap_or_else(|| number.to_string());
            self.tell(&record, "kill", &[("signal", name)]);
        }
        match pidfd::send_signal(&pidfd, number) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(errno) => Err(failed("signal", subject())(errno.into())),
        }
    }

    /// Waits for its exit or removal. `seen` knows the exits of containers that removed
    /// themselves since.
    pub fn wait(&self, id: &ContainerId, condition: WaitCondition) -> Result<Exit> {
        let paths = self.paths(id);
        let mut watch = Watch::new(&paths)?;
        let first = self.settled(id)?;
        let (mut last, mut told) = (first.exit, false);
        let before = self.exit_of(id)?;
        if condition == WaitCondition::NotRunning && !first.state.can_stop() {
            return Ok(never_ran(&first));
        }
        loop {
            let container = match self.settled(id) {
                Ok(container) => container,
                // Removed: what we saw last is how it ended, or what was told of its end.
                Err(error) if error.is_missing() => {
                    let last = match told {
                        true => last,
                        false => self.told_exit(&first).or(last),
                    };
                    return Ok(last.unwrap_or_else(|| never_ran(&first)));
                }
                Err(error) => return Err(error),
            };
            last = container.exit.or(last);
            match condition {
                WaitCondition::NotRunning if !container.state.can_stop() => {
                    return Ok(never_ran(&container));
                }
                WaitCondition::NextExit => {
                    let now = self.exit_of(id)?;
                    if let Some(now) = now.filter(|now| Some(now) != before.as_ref()) {
                        return Ok(now.exit);
                    }
                }
                _ => {}
            }
            // One that removes itself may be gone before we look again: then only its
            // shim has told how it ended.
            if condition != WaitCondition::NextExit
                && !told
                && container.state.can_stop()
                && let Ok(exit) = attach::wait(&paths.run)
            {
                (last, told) = (Some(exit), true);
                continue;
            }
            watch.wait(None)?;
            // A run may have begun since, with a directory and a shim of its own.
            watch = Watch::new(&paths)?;
        }
    }

    /// The last end that was told of a container that is gone, with all its records.
    fn told_exit(&self, container: &Container) -> Option<Exit> {
        let (known, _) = events::Reader::open(self.root(), Some(container.created)).ok()?;
        let is_end = |event: &&Event| {
            event.kind == EventKind::Container
                && event.action == "die"
                && event.id == container.id.as_str()
        };
        let end = known.iter().rfind(is_end)?;
        Some(Exit {
            // One that nobody could see is no number.
            code: end.attributes.get("exitCode")?.parse().ok(),
            at: end.at,
            oom_killed: false,
        })
    }

    fn exit_of(&self, id: &ContainerId) -> Result<Option<ExitRecord>> {
        Ok(store::read_json(&self.paths(id).exit())?)
    }

    /// Forgets the user's wish to have it stopped: it is being started.
    pub(in crate::runtime) fn forget_stop(&self, id: &ContainerId) -> Result<()> {
        let path = self.paths(id).stopped();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failed("remove", path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// How it ended; one that never ran counts as ended well, as docker has it.
fn never_ran(container: &Container) -> Exit {
    container.exit.unwrap_or(Exit {
        code: Some(0),
        at: container.created,
        oom_killed: false,
    })
}

/// The signal that asks it to stop.
fn stop_signal(record: &ContainerRecord) -> i32 {
    let named = record.process.stop_signal.as_deref();
    named.and_then(signal::parse).unwrap_or(libc::SIGTERM)
}

fn parse(name: &str) -> Result<i32> {
    signal::parse(name).ok_or_else(|| Error::Invalid(format!("there is no signal {name}")))
}
