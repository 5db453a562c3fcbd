//! A container's files as an archive or as an image.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use super::{Error, Lifecycle, Result, failed};
use crate::{
    dockerfile,
    image::Commit,
    layer,
    model::{CommitRequest, ContainerId, Digest, ImportProgress},
};

/// As much is handed on at once.
const PIECE: usize = 256 << 10;

/// While it lives, a container is frozen by us. If we are killed, [`super::super::repair`]
/// thaws it.
struct Frozen<'a> {
    lifecycle: &'a Lifecycle,
    id: &'a ContainerId,
    mark: PathBuf,
    /// Carries the lock.
    _file: File,
}

impl Lifecycle {
    /// Writes all files of its root as a tar, whether it runs or not; without what is
    /// mounted into it.
    pub fn export(&self, id: &ContainerId, out: impl Write) -> Result<()> {
        let record = self.store.load(id)?;
        let overlay = self.overlay(&record)?;
        layer::pack_merged(&overlay, None, BufWriter::with_capacity(PIECE, out))?;
        // What vanishes is left out; a whole container is not.
        self.store.load(id)?;
        self.tell(&record, "export", &[]);
        Ok(())
    }

    /// Makes an image of its image and what it changed.
    pub fn commit(
        &self,
        request: &CommitRequest,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<Digest> {
        let changes = dockerfile::changes(&request.changes)
            .map_err(|reason| Error::Invalid(format!("--change: {reason}")))?;
        let id = &request.id;
        let held = self.store.lock(id)?;
        let record = self.store.load(id)?;
        let left_out = self.mount_points(&record)?;
        let commit = Commit {
            changes,
            config: record.config.clone(),
            base: record.image_id.to_string(),
            created_by: record.process.argv.join(" "),
            author: request.author.clone(),
            comment: request.comment.clone(),
            name: request.name.clone(),
        };
        let frozen = match request.pause && self.inspect(id)?.state.can_pause() {
            true => Some(self.freeze(id)?),
            false => None,
        };
        let upper = self.paths(id).upper();
        let made = self.images()?.commit_layer(
            &commit,
            |out| {
                let out = BufWriter::with_capacity(PIECE, out);
                layer::pack_changes(&upper, &|path| left_out.contains(path), None, out)
            },
            progress,
        )?;
        drop((frozen, held));
        let name = request.name.clone().unwrap_or_default();
        self.tell(
            &record,
            "commit",
            &[("imageID", made.to_string()), ("imageRef", name)],
        );
        Ok(made)
    }

    /// Where its writable layer lies, and the paths of it that are only there for mounts.
    pub fn changed_files(&self, id: &ContainerId) -> Result<(PathBuf, HashSet<PathBuf>)> {
        let record = self.store.load(id)?;
        Ok((self.paths(id).upper(), self.mount_points(&record)?))
    }

    /// Freezes it for as long as the guard lives. Under its lock.
    fn freeze<'a>(&'a self, id: &'a ContainerId) -> Result<Frozen<'a>> {
        let mark = self.root().frozen(id);
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&mark)
            .map_err(failed("make", &mark))?;
        file.lock().map_err(failed("lock", &mark))?;
        let frozen = Frozen {
            lifecycle: self,
            id,
            mark,
            _file: file,
        };
        self.pause_held(id)?;
        Ok(frozen)
    }

    /// Thaws a container that a killed process had frozen.
    pub(in crate::runtime) fn finish_freeze(&self, id: &ContainerId) -> Result<()> {
        let mark = self.root().frozen(id);
        let file = match File::open(&mark) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("open", mark)(error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(()),
            Err(fs::TryLockError::Error(error)) => return Err(failed("lock", mark)(error)),
        }
        match self.inspect(id) {
            Ok(container) if container.state.can_unpause() => self.thaw(id)?,
            Ok(_) => {}
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
        fs::remove_file(&mark).map_err(failed("remove", mark))
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        // What can't be done now is by the next repair, which finds the mark.
        if self.lifecycle.thaw(self.id).is_ok() {
            let _ = fs::remove_file(&self.mark);
        }
    }
}
