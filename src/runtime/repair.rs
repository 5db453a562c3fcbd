//! Taking back what killed processes left: run by each command before its own work, and
//! nearly free where there is nothing to do.
//!
//! What a live process is at is never touched, and locks tell that, not ages: a shim
//! holds `alive` for its life, an operation holds the container's lock, a creator the
//! lock in its half-made directory.
//!
//! ```text
//! found                                              done
//! ID.new, ID.removing, lock free                     finished or taken back
//! run/update.ID, lock free                           kernel and record back to the old limits
//! run/freeze.ID, lock free                           thawed
//! run/step.ID, the build's lease free                the step's container removed
//! run/builds/NAME that refuses a connection          removed
//! alive free, init lives                             a new shim adopts it; a -t one is ended
//! alive free, init gone                              exit recorded as unknown, then restart policy
//! alive free, exit recorded                          cgroup and live directory removed
//! run/connect.ID, lock free                          interfaces and leases as the record has them
//! addresses and ports of no live directory           given back, their rules removed
//! volumes/.tmp-*, volumes/.fill-*, mounted, unused  removed, completed, unmounted
//! images/.tmp-*, layers/.tmp-*, lock free           removed, with blobs that no image names
//! run/boot of another boot                           every open run ended so, then restart policies
//! ```

use std::{collections::HashSet, fs, io, path::Path, time::Duration};

use jiff::Timestamp;

use super::{
    builds, inspect,
    lifecycle::{Error, Lifecycle, Result, RunRecord, failed},
    paths::Root,
    record::{ContainerRecord, ExitRecord},
    shim::{self, restart},
    state::LiveState,
    store::{self, ContainerLock, Listing},
};
use crate::{
    model::{ContainerId, Exit, Limits, RestartPolicy, State},
    sys::{
        fs::{Durability, temporary, write_atomically},
        pidfd,
    },
};

/// What a repair could not do, with the container where it is about one.
pub type Failures = Vec<(Option<ContainerId>, Error)>;

impl Lifecycle {
    /// Repairs whatever needs it. Each container fails alone.
    pub fn repair(&self) -> Failures {
        let mut failures = Failures::new();
        let mut note = |id: Option<&ContainerId>, done: Result<()>| {
            failures.extend(done.err().map(|error| (id.cloned(), error)));
        };
        match self.store().scan() {
            Ok(listing) => {
                for leftover in &listing.leftovers {
                    let done = self.store().finish(leftover);
                    note(None, done.map(drop).map_err(Error::from));
                }
                note(None, self.check_names(&listing));
            }
            Err(error) => note(None, Err(error.into())),
        }
        match self.is_new_boot() {
            Ok(true) => {
                // Before any of them starts again.
                note(None, self.settle());
                note(None, self.after_boot());
            }
            Ok(false) => {}
            Err(error) => note(None, Err(error)),
        }
        match ids_in(&self.root().run, Root::updated) {
            Ok(ids) => ids
                .iter()
                .for_each(|id| note(Some(id), self.finish_update(id))),
            Err(error) => note(None, Err(error)),
        }
        match ids_in(&self.root().run, Root::connected) {
            Ok(ids) => ids
                .iter()
                .for_each(|id| note(Some(id), self.finish_connection(id))),
            Err(error) => note(None, Err(error)),
        }
        match ids_in(&self.root().run, Root::is_frozen) {
            Ok(ids) => ids
                .iter()
                .for_each(|id| note(Some(id), self.finish_freeze(id))),
            Err(error) => note(None, Err(error)),
        }
        match ids_in(&self.root().run, Root::is_step) {
            Ok(ids) => ids
                .iter()
                .for_each(|id| note(Some(id), self.finish_step(id))),
            Err(error) => note(None, Err(error)),
        }
        match ids_in(&self.root().live_containers(), ContainerId::parse) {
            Ok(ids) => ids
                .iter()
                .for_each(|id| note(Some(id), self.recover(id).map(drop))),
            Err(error) => note(None, Err(error)),
        }
        let swept = builds::sweep(self.root());
        note(None, swept.map_err(failed("sweep", self.root().builds())));
        note(None, self.release_strays());
        note(None, self.repair_volumes());
        // Not where there is no store: looking must not make one.
        if self.root().images().exists() {
            note(None, self.images().and_then(|images| Ok(images.sweep()?)));
        }
        failures
    }

    /// Repairs one container whose shim is gone. Says whether there was anything to do.
    pub fn recover(&self, id: &ContainerId) -> Result<bool> {
        if self.busy_shim(id)?.is_some() {
            return Ok(false);
        }
        let held = match self.store().try_lock(id) {
            Ok(Some(held)) => held,
            // Somebody is at it.
            Ok(None) => return Ok(false),
            // A live directory without a container: its removal was cut.
            Err(store::Error::NotFound(_)) => {
                self.clear_cgroup(id)?;
                self.networks().release(id)?;
                store::remove_tree(&self.root().container(id).run)?;
                return Ok(true);
            }
            Err(error) => return Err(error.into()),
        };
        // Under the lock nobody starts it: now the answer stays true.
        if self.busy_shim(id)?.is_some() {
            return Ok(false);
        }
        let record = match self.store().load(id) {
            Ok(record) => record,
            Err(store::Error::NotFound(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let live = inspect::live(&self.root().container(id))?;
        // A terminal is hung up by the kernel with its shim, and nobody can take it over:
        // such a container ends.
        if !record.config.tty && self.still_runs(live.as_ref())? {
            shim::adopt(self.root(), id)?;
            return Ok(true);
        }
        self.end_run(&held, &record, live.as_ref())?;
        Ok(true)
    }

    fn still_runs(&self, live: Option<&LiveState>) -> Result<bool> {
        let process = live
            .filter(|live| live.state.has_process())
            .and_then(|live| live.process.as_ref());
        let Some(process) = process else {
            return Ok(false);
        };
        let look = || match process.open()? {
            // One that has ended is still there until it is reaped.
            Some(pidfd) => Ok(!pidfd::wait_exit(&pidfd, Some(Duration::ZERO))?),
            None => Ok(false),
        };
        look().map_err(failed("look for", "its init process"))
    }

    /// Ends a run that nobody ends any more, and starts the next if its policy says so.
    /// Each step may be the last that is done: the next repair goes on from there.
    fn end_run(
        &self,
        held: &ContainerLock,
        record: &ContainerRecord,
        live: Option<&LiveState>,
    ) -> Result<()> {
        let id = held.id();
        let paths = self.root().container(id);
        // First of all nothing may run any more.
        self.clear_cgroup(id)?;
        self.unplug(record)?;
        self.let_go_volumes(record)?;
        let Some(live) = live else {
            // Its shim died before it had started anything.
            self.forget_run(id)?;
            return Ok(store::remove_tree(&paths.run)?);
        };
        let exit = self.record_exit(record, Some(live))?;
        if record.config.auto_remove {
            return self.remove_ended(held, record, true);
        }
        let stopped = paths.stopped().exists();
        let again = match (live.state, &exit) {
            // The shim had decided that this was the end.
            (State::Exited, _) | (_, None) => false,
            (_, Some(exit)) => restart::restarts(
                record.config.restart,
                exit.exit.code,
                exit.restarts,
                stopped,
            ),
        };
        if again {
            // The live directory stays as it is until a shim has it, so that a kill
            // right here doesn't lose the restart.
            self.run(held, None)?;
            return Ok(());
        }
        Ok(store::remove_tree(&paths.run)?)
    }

    /// Records an unknown exit for a run that has none; the exit record of the last run.
    fn record_exit(
        &self,
        record: &ContainerRecord,
        live: Option<&LiveState>,
    ) -> Result<Option<ExitRecord>> {
        let paths = self.root().container(&record.id);
        let known: Option<ExitRecord> = store::read_json(&paths.exit())?;
        let run: Option<RunRecord> = store::read_json(&paths.started()).unwrap_or_default();
        let began = live
            .and_then(|live| live.started)
            .or_else(|| run.as_ref().map(|run| run.at));
        // The disk may have been full when the shim wanted to record it.
        let unrecorded = live.filter(|live| inspect::is_newer(live, known.as_ref()));
        let exit = match (unrecorded.and_then(|live| live.exit), began) {
            (Some(exit), _) => exit,
            (None, None) => {
                self.forget_run(&record.id)?;
                return Ok(known);
            }
            (None, Some(began)) => {
                if known.as_ref().is_some_and(|known| known.exit.at >= began) {
                    self.forget_run(&record.id)?;
                    return Ok(known);
                }
                Exit {
                    code: None,
                    at: Timestamp::now(),
                    oom_killed: live.is_some_and(|live| live.oom_killed),
                }
            }
        };
        let exit = ExitRecord {
            started: began,
            exit,
            restarts: live.map_or(0, |live| live.restarts),
            error: live.and_then(|live| live.error.clone()),
        };
        store::write_json(&paths.exit(), &exit, record.durability())?;
        self.forget_run(&record.id)?;
        if exit.exit.code.is_none() {
            self.tell(record, "die", &[("exitCode", "?".into())]);
        }
        Ok(Some(exit))
    }

    /// The run is recorded to its end.
    fn forget_run(&self, id: &ContainerId) -> Result<()> {
        let path = self.root().container(id).started();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Takes back addresses and ports of containers that have no live directory: each
    /// that has one was looked at before.
    fn release_strays(&self) -> Result<()> {
        let networks = self.networks();
        for id in networks.holders()? {
            if self.root().container(&id).run.exists() {
                continue;
            }
            // A start makes its directory before its leases, so what has none now and
            // whose lock is free is nobody's.
            match self.store().try_lock(&id) {
                Ok(Some(_held)) if !self.root().container(&id).run.exists() => {
                    networks.release(&id)?;
                }
                Err(store::Error::NotFound(_)) => networks.release(&id)?,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// An update that was cut: back to before it.
    fn finish_update(&self, id: &ContainerId) -> Result<()> {
        let journal = self.root().update(id);
        let drop_journal = || -> Result<()> {
            store::remove_tree(&temporary(&journal))?;
            Ok(store::remove_tree(&journal)?)
        };
        let held = match self.store().try_lock(id) {
            Ok(Some(held)) => held,
            Ok(None) => return Ok(()),
            Err(store::Error::NotFound(_)) => return drop_journal(),
            Err(error) => return Err(error.into()),
        };
        // Cut before it was whole: nothing was changed yet.
        if let Ok(Some((old, tried))) = store::read_json::<(ContainerRecord, Limits)>(&journal) {
            self.undo_update(&held, &old, &tried)?;
        }
        drop_journal()
    }

    /// A killed rename leaves a name too many, a loss of power may take some.
    fn check_names(&self, listing: &Listing) -> Result<()> {
        // Something half-made or half-removed may have a name or not; where somebody is
        // at it right now, the next command looks.
        if listing.leftovers.is_empty() && self.store().count_names()? != listing.ids.len() {
            self.store().reconcile_names()?;
        }
        Ok(())
    }

    fn is_new_boot(&self) -> Result<bool> {
        let path = self.root().boot();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.as_str()) != inspect::this_boot()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(failed("read", path)(error)),
        }
    }

    /// What only the first command after a boot has to do: end the runs that the end of
    /// the last boot cut, start what wants to run, drop names that a loss of power made
    /// stale or put them back.
    fn after_boot(&self) -> Result<()> {
        // One process does it; others needn't wait, as each step is locked by itself.
        let mut first = None;
        for id in self.store().list()? {
            let done = self.after_boot_of(&id);
            first = first.or(done.err().filter(|error| !error.is_missing()));
        }
        self.store().reconcile_names()?;
        let boot = inspect::this_boot().unwrap_or_default();
        store::make_directory(&self.root().run, 0o711)?;
        write_atomically(&self.root().boot(), boot.as_bytes(), Durability::Unsynced)
            .map_err(failed("write", self.root().boot()))?;
        first.map_or(Ok(()), Err)
    }

    fn after_boot_of(&self, id: &ContainerId) -> Result<()> {
        let Some(held) = self.store().try_lock(id)? else {
            return Ok(());
        };
        if self.busy_shim(id)?.is_some() {
            return Ok(());
        }
        let record = self.store().load(id)?;
        let paths = self.root().container(id);
        let was_open = paths.started().exists();
        let exit = self.record_exit(&record, None)?;
        self.unplug(&record)?;
        if was_open {
            self.let_go_volumes(&record)?;
        }
        // Of the last boot, where it survived that at all.
        store::remove_tree(&paths.run)?;
        let Some(exit) = exit else {
            return Ok(());
        };
        if record.config.auto_remove {
            return self.remove_ended(&held, &record, true);
        }
        let stopped = paths.stopped().exists();
        let wanted = match record.config.restart {
            RestartPolicy::No => false,
            // As docker has it: a stop by the user lasts until the next boot.
            RestartPolicy::Always => exit.started.is_some(),
            RestartPolicy::UnlessStopped => exit.started.is_some() && !stopped,
            RestartPolicy::OnFailure { .. } => was_open && !stopped,
        };
        if wanted {
            self.forget_stop(id)?;
            self.run(&held, None)?;
        }
        Ok(())
    }
}

/// The containers that the entries of a directory are about.
fn ids_in(
    path: &Path,
    about: impl Fn(&str) -> Option<ContainerId>,
) -> Result<HashSet<ContainerId>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(failed("list", path)(error)),
    };
    Ok(entries
        .filter_map(|entry| about(entry.ok()?.file_name().to_str()?))
        .collect())
}
