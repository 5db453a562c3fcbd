//! The end of a container's last run: what is recorded and given back, in which order, and
//! how one that removes itself does so.

use std::io;

use jiff::Timestamp;

use super::{Failure, container::Shim, stdio};
use crate::{
    model::{Exit, State},
    runtime::{lifecycle::Lifecycle, record::ExitRecord},
    sys::fs::{Durability, write_atomically},
};

impl Shim {
    /// The last exit: recorded, told, and for `--rm` the container removed.
    pub(super) fn end(mut self, exit: Exit) -> io::Result<()> {
        self.leave_networks();
        // What can't be let go of is let go by the next repair.
        let lifecycle = Lifecycle::new(self.root.clone());
        let _ = lifecycle.let_go_volumes(&self.record);
        if self.record.config.auto_remove {
            return self.remove(exit);
        }
        // A restart that failed has recorded more than the exit.
        if self.live.error.is_none() {
            self.record_exit(exit, State::Exited);
        }
        self.clear_run_directory();
        self.relay.dismiss(exit)
    }

    /// Removes the container. Told last: who waits for a `--rm` container waits for its
    /// removal too.
    fn remove(mut self, exit: Exit) -> io::Result<()> {
        self.live.state = State::Removing;
        self.live.exit = Some(exit);
        self.write_state();
        // Nobody who holds the lock waits for us, so this doesn't last. An error means
        // that another was faster, or that the next repair has something to finish.
        let lifecycle = Lifecycle::new(self.root.clone());
        if let Ok(held) = self.store.lock(&self.id)
            && lifecycle.remove_anonymous(&self.record).is_ok()
            && self.store.remove(&held).is_ok()
        {
            self.event("destroy", &[]);
        }
        self.relay.dismiss(exit)
    }

    /// Records an exit: first what survives a loss of power, then what is asked often.
    pub(super) fn record_exit(&mut self, exit: Exit, state: State) {
        self.live.state = state;
        self.live.exit = Some(exit);
        self.write_exit(exit);
        self.write_state();
    }

    /// Records a start that failed.
    pub(super) fn record_failure(&mut self, failure: &Failure) {
        let exit = Exit {
            code: Some(failure.exit_code()),
            at: Timestamp::now(),
            oom_killed: false,
        };
        self.live.error = Some(failure.message.clone());
        self.live.process = None;
        self.record_exit(exit, State::Exited);
        self.clear_run_directory();
    }

    fn write_exit(&self, exit: Exit) {
        if self.record.config.auto_remove {
            return;
        }
        let record = ExitRecord {
            started: self.live.started,
            exit,
            restarts: self.live.restarts,
            error: self.live.error.clone(),
        };
        let json = serde_json::to_vec(&record).expect("an exit record has no map");
        // A full disk must not keep the exit from being told; the live state, which
        // takes no new room, has it until a reboot.
        let written = write_atomically(&self.paths.exit(), &json, Durability::Synced);
        if written.is_ok() {
            let _ = std::fs::remove_file(self.paths.started());
        }
    }

    /// Removes what only a running container needs.
    fn clear_run_directory(&self) {
        stdio::remove_fifos(&self.paths);
        // It goes with the run directory at the latest.
        let _ = std::fs::remove_file(self.paths.control());
    }
}
