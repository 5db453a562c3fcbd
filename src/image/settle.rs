//! What a pull brought is named before it is on the disk: waiting for the disk would be
//! most of its time, and a registry has it all. Until the disk has it, a note stands in
//! `unsynced/`. If the power goes before that, the next boot's first command finds the
//! note of another boot, looks at everything that it lists, and unpacks anew what can't
//! be vouched for.
//!
//! What was made here (a commit, a build, an import, a load) is nowhere else, and is
//! synced before it is named.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use oci_spec::image::ImageConfiguration;

use super::{
    error::{Error, Result},
    layout::{Layout, digest_of, sync_file_system},
    lease::{PREFIX, Unfinished},
    store::ImageStore,
};
use crate::{layer::Position, model::Digest, sys::proc};

/// The kernel has written by itself what is older, so that a sync is cheap.
const WRITTEN: Duration = Duration::from_secs(60);

/// A list of digests that may not be on the disk.
struct Note {
    path: PathBuf,
    file: File,
    text: String,
    /// Whether the index names what it lists. It may for a lease, too.
    is_named: bool,
}

impl ImageStore {
    /// Writes everything to the disk.
    pub(super) fn sync(&self) -> Result<()> {
        let notes = self.notes()?;
        let (images, layers) = (self.layout.directory(), self.layers.directory());
        let device = |path: &Path| {
            let metadata = fs::metadata(path).map_err(Error::io("look at", path))?;
            Ok::<_, Error>(metadata.dev())
        };
        sync_file_system(layers)?;
        if device(images)? != device(layers)? {
            sync_file_system(images)?;
        }
        // Of other boots as little is known as before.
        notes.into_iter().filter(Note::is_ours).try_for_each(remove)
    }

    /// Sees to it that nothing is used which a loss of power may have taken a part of.
    /// Costs one look where nothing was pulled lately.
    pub fn settle(&self) -> Result<()> {
        match self.notes()? {
            notes if notes.iter().all(Note::is_ours) => Ok(()),
            _ => self.settle_others(),
        }
    }

    /// The same, and syncs what was pulled some time ago.
    pub(super) fn settle_old(&self) -> Result<()> {
        self.settle()?;
        let is_old = |note: &Note| {
            let age = note.file.metadata().and_then(|m| m.modified());
            let age = age.map(|at| SystemTime::now().duration_since(at));
            // A clock that went back makes an age unknown, not short.
            !matches!(age, Ok(Ok(age)) if age < WRITTEN)
        };
        match self.notes()?.iter().any(is_old) {
            true => self.sync(),
            false => Ok(()),
        }
    }

    /// Looks at all that notes and leases of other boots list.
    fn settle_others(&self) -> Result<()> {
        // One process does it; those that come meanwhile wait for it.
        let path = self.layout.make_unsynced()?.join("lock");
        let lock = File::options().append(true).create(true).open(&path);
        let lock = lock.map_err(Error::io("open", &path))?;
        lock.lock().map_err(Error::io("lock", &path))?;
        let mut others = self.notes()?;
        others.retain(|note| !note.is_ours());
        if others.is_empty() {
            return Ok(());
        }
        let suspects: HashSet<Digest> = others.iter().flat_map(Note::digests).collect();
        for digest in &suspects {
            if self.has_blob(digest) && self.check_blob(digest, &mut |_| {})?.is_some() {
                let path = self.layout.blob(digest);
                fs::remove_file(&path).map_err(Error::io("remove", path))?;
            }
            self.layers.distrust(digest)?;
        }
        self.unpack_again(&suspects)?;
        self.sync()?;
        others
            .into_iter()
            .filter(|note| note.is_named)
            .try_for_each(remove)?;
        // What was never named goes with the leases that kept it.
        let _lock = self.layout.lock()?;
        self.collect()
    }

    /// Removes notes of which nothing is left. Under the exclusive lock.
    pub(super) fn forget_notes(&self) -> Result<()> {
        for note in self.read_notes(&self.layout.unsynced(), true)? {
            let is_left = |digest: Digest| {
                self.has_blob(&digest) || self.layers.directory().join(digest.hex()).exists()
            };
            if !note.digests().any(is_left) {
                remove(note)?;
            }
        }
        Ok(())
    }

    /// Unpacks those layers of our images from their blobs. One whose blob is gone stays
    /// missing, which using the image tells and pulling it mends.
    fn unpack_again(&self, suspects: &HashSet<Digest>) -> Result<()> {
        let lease = self.lease(Unfinished::Discard)?;
        for descriptor in self.layout.index()?.iter().filter(|d| Layout::is_image(d)) {
            let Ok(found) = self.load_descriptor(descriptor) else {
                continue;
            };
            let Ok(config) = self.layout.json::<ImageConfiguration>(&found.id) else {
                continue;
            };
            let blobs = found.manifest.layers().iter().map(digest_of);
            let Ok(diff_ids) = self.diff_ids(&found.id, &config) else {
                continue;
            };
            let positions = Position::of(&diff_ids);
            for ((diff_id, blob), position) in diff_ids.iter().zip(blobs).zip(positions) {
                let Some(blob) = blob.filter(|_| suspects.contains(diff_id)) else {
                    continue;
                };
                lease.add([&blob])?;
                if self.has_blob(&blob) {
                    let source = self.open_blob(&blob)?;
                    self.unpack_layer(&lease, diff_id, position, source, &mut |_| {})?;
                }
            }
        }
        lease.end()
    }

    /// All notes, and the leases of other boots.
    fn notes(&self) -> Result<Vec<Note>> {
        let mut notes = self.read_notes(&self.layout.unsynced(), true)?;
        let leases = self.read_notes(&self.layout.ingest(), false)?;
        notes.extend(leases.into_iter().filter(|lease| !lease.is_ours()));
        Ok(notes)
    }

    fn read_notes(&self, directory: &Path, is_named: bool) -> Result<Vec<Note>> {
        let mut notes = Vec::new();
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(notes),
            Err(error) => return Err(Error::io("list", directory)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(Error::io("list", directory))?;
            let name = entry.file_name();
            if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
                continue;
            }
            let path = entry.path();
            let read = || -> io::Result<Note> {
                let file = File::open(&path)?;
                Ok(Note {
                    text: io::read_to_string(&file)?,
                    path: path.clone(),
                    file,
                    is_named,
                })
            };
            match read() {
                Ok(note) => notes.push(note),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("read", path)(error)),
            }
        }
        Ok(notes)
    }
}

impl Note {
    /// Whether it was written in this boot.
    fn is_ours(&self) -> bool {
        let first = self.text.lines().next().unwrap_or_default();
        first.split(' ').nth(1) == Some(this_boot())
    }

    fn digests(&self) -> impl Iterator<Item = Digest> {
        let lines = self.text.lines().skip(1);
        lines.filter_map(|hex| Digest::parse(&format!("sha256:{hex}")))
    }
}

/// The id of this boot; empty where there is none to be had.
pub(super) fn this_boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| proc::boot_id().unwrap_or_default())
}

fn remove(note: Note) -> Result<()> {
    match fs::remove_file(&note.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", note.path)(error))
        }
        _ => Ok(()),
    }
}
