//! Containers of builds: each runs one step over layers that no image may name yet, and
//! belongs to its build. A mark in the run directory names the lease that the build
//! holds; once nobody holds that, whoever repairs removes the container.

use std::{collections::BTreeMap, fs, io, os::unix::net::UnixStream};

use super::{Error, Lifecycle, Result, create::random, failed};
use crate::{
    image::{Lease, ResolvedImage},
    model::{
        AttachStreams, ContainerConfig, ContainerId, Digest, ExecConfig, ImageDefaults, Pool,
        RemoveRequest,
    },
    runtime::{spec, store},
    sys::fs::{Durability, write_atomically},
};

impl Lifecycle {
    /// Makes the container of a step over some layers, which the build's lease keeps. What
    /// runs must be said in full.
    pub fn create_step(
        &self,
        mut config: ContainerConfig,
        pools: &[Pool],
        layers: Vec<Digest>,
        lease: &Lease,
    ) -> Result<ContainerId> {
        spec::validate(&config)?;
        self.find_networks(&mut config, pools)?;
        let id = ContainerId::from_bytes(&random()?);
        let mark = self.root().step(&id);
        store::make_directory(&self.root().run, 0o700)?;
        // First, so that no kill leaves a container that nobody knows to be a step's.
        write_atomically(&mark, lease.name().as_bytes(), Durability::Unsynced)
            .map_err(failed("write", &mark))?;
        let taken = self.store.lock_names()?;
        let images = self.images()?;
        let image = ResolvedImage {
            // There is none; the topmost layer says as well what it stands on.
            id: match layers.last() {
                Some(top) => top.clone(),
                None => Digest::from_sha256(&[0; 32]),
            },
            references: Vec::new(),
            defaults: ImageDefaults::default(),
            labels: BTreeMap::new(),
            layers,
            health: None,
        };
        self.make(taken, &images, id, None, config, image)
    }

    /// Runs another program in a terminal, in place of the one of a step that has ended; all
    /// else is as that had it: files, mounts, environment, directory and user.
    pub fn rerun_step(
        &self,
        id: &ContainerId,
        config: &ExecConfig,
        streams: AttachStreams,
    ) -> Result<UnixStream> {
        let held = self.store.lock(id)?;
        let mut record = self.store.load(id)?;
        record.process.argv.clone_from(&config.argv);
        record.process.env = spec::merge_env(record.process.env, &config.env);
        (record.config.tty, record.config.open_stdin) = (true, true);
        self.store.write(&held, &record)?;
        drop(held);
        let control = self.start(id, Some(streams))?;
        Ok(control.expect("streams were asked for"))
    }

    /// Removes the container of a step, whatever it does.
    pub fn remove_step(&self, id: &ContainerId) -> Result<()> {
        let request = RemoveRequest {
            id: id.clone(),
            force: true,
            volumes: true,
        };
        match self.remove(&request) {
            Err(Error::Store(store::Error::NotFound(_))) | Ok(()) => {}
            Err(error) => return Err(error),
        }
        let mark = self.root().step(id);
        match fs::remove_file(&mark) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", mark)(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes the container of a step whose build is dead.
    pub(in crate::runtime) fn finish_step(&self, id: &ContainerId) -> Result<()> {
        let mark = self.root().step(id);
        let lease = match fs::read_to_string(&mark) {
            Ok(lease) => lease,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("read", mark)(error)),
        };
        match self.images()?.is_held(&lease)? {
            true => Ok(()),
            false => self.remove_step(id),
        }
    }
}
