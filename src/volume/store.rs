//! Volumes on disk: made, found and removed, each by one rename.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    Error, Result, Volumes,
    device::{self, Backing},
    error::at,
};
use crate::{
    layer::{ScratchDirectory, stale, usage},
    model::{LOCAL_DRIVER, Volume, VolumeCreateRequest, volume_name},
    sys::fs::{Durability, Lock, LockMode, sync_directory, write_atomically},
};

const RECORD: &str = "volume.json";
const DATA: &str = "_data";
const CHANGED: &str = "changed";

/// The lock of volumes, held: none comes or goes.
#[derive(Debug)]
pub struct VolumesLock(#[expect(dead_code, reason = "held for its lock")] Lock);

impl Volumes {
    /// Waits for the lock.
    pub fn lock(&self) -> Result<VolumesLock> {
        make_directory(&self.data)?;
        let path = self.data.with_extension("lock");
        let lock = Lock::wait(&path, LockMode::Exclusive).map_err(at("lock", path))?;
        Ok(VolumesLock(lock))
    }

    /// All volumes, by name. One whose record is broken is an error of its own.
    pub fn list(&self) -> Result<Vec<Volume>> {
        self.list_of(self.names()?)
    }

    /// Those of these names that are there, in their order.
    pub fn list_of(&self, mut names: Vec<String>) -> Result<Vec<Volume>> {
        names.sort();
        let mut volumes = Vec::with_capacity(names.len());
        for name in names {
            match self.find(&name) {
                Ok(volume) => volumes.push(volume),
                // It went meanwhile.
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(volumes)
    }

    /// Their names, in no order. Whether each can be read is another question.
    pub fn names(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.data) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at("list", &self.data)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(at("list", &self.data))?.file_name();
            names.extend(name.into_string().ok().filter(|name| is_volume(name)));
        }
        Ok(names)
    }

    /// The volume of a name.
    pub fn find(&self, name: &str) -> Result<Volume> {
        let missing = || Error::NotFound(name.to_owned());
        if !is_volume(name) {
            return Err(missing());
        }
        let mut volume: Volume = read_json(&self.record(name))?.ok_or_else(missing)?;
        volume.mountpoint = match Backing::of(&volume)? {
            Backing::Directory => self.files(name),
            Backing::Bind { path, .. } => path,
            Backing::FileSystem { .. } => self.mount_point(name),
        };
        volume.size = self.known_size(name);
        Ok(volume)
    }

    /// Makes a volume unless it is there; whether it was made. `name` is what a volume
    /// without one is called.
    pub fn create(
        &self,
        _held: &VolumesLock,
        request: &VolumeCreateRequest,
        name: &str,
    ) -> Result<(Volume, bool)> {
        let name = volume_name(name).map_err(Error::Invalid)?;
        check_request(request)?;
        match self.find(name) {
            Ok(known) if request.options.is_empty() || known.options == request.options => {
                return Ok((known, false));
            }
            Ok(known) => return Err(Error::Exists(known.name)),
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        let volume = Volume {
            name: name.to_owned(),
            driver: LOCAL_DRIVER.to_owned(),
            created: Timestamp::now(),
            labels: request.labels.clone(),
            options: request.options.clone(),
            anonymous: request.name.is_none(),
            mountpoint: PathBuf::new(),
            size: None,
        };
        let scratch = ScratchDirectory::new(&self.data).map_err(at("make", &self.data))?;
        let data = scratch.path().join(DATA);
        DirBuilder::new()
            .mode(0o755)
            .create(&data)
            .map_err(at("make", &data))?;
        let record = scratch.path().join(RECORD);
        let text = serde_json::to_vec(&volume).expect("a volume has no map with odd keys");
        write_atomically(&record, &text, Durability::Synced).map_err(at("write", &record))?;
        let place = self.data.join(name);
        // 0711 as docker's: a process of a container may look through, nobody lists.
        let opened = fs::Permissions::from_mode(0o711);
        fs::set_permissions(scratch.path(), opened).map_err(at("open up", scratch.path()))?;
        let made = scratch.rename(&place).map_err(at("make", &place))?;
        if !made {
            return Err(Error::Exists(name.to_owned()));
        }
        sync_directory(&self.data).map_err(at("sync", &self.data))?;
        Ok((self.find(name)?, true))
    }

    /// Removes a volume with its files. That nobody uses it was made sure under the lock.
    pub fn remove(&self, held: VolumesLock, name: &str) -> Result<Volume> {
        let volume = self.find(name)?;
        self.unmount(&volume)?;
        let scratch = ScratchDirectory::new(&self.data).map_err(at("make", &self.data))?;
        let gone = scratch.path().join("gone");
        let place = self.data.join(name);
        fs::rename(&place, &gone).map_err(at("remove", &place))?;
        // It is no volume any more; taking its files away may last, and waits for nobody.
        drop(held);
        scratch.remove().map_err(at("remove", &place))?;
        Ok(volume)
    }

    /// Takes away what killed processes left, and completes what they had begun.
    pub fn sweep(&self) -> Result<()> {
        match stale(&self.data) {
            // Each is removed as it is dropped.
            Ok(stale) => drop(stale),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(at("list", &self.data)(error)),
        }
        self.finish_fills()
    }

    /// Notes that a container may have written to a volume.
    pub fn touch(&self, name: &str) -> Result<()> {
        let path = self.changed(name);
        match usage::note_change(&path) {
            // The volume is gone: then there is nothing to note.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.map_err(at("write", path)),
        }
    }

    /// Where all that is known of a volume lies, its files too unless they are on a device.
    pub fn directory(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    /// Where the files of a volume without a device lie.
    pub fn files(&self, name: &str) -> PathBuf {
        self.data.join(name).join(DATA)
    }

    pub(super) fn changed(&self, name: &str) -> PathBuf {
        self.data.join(name).join(CHANGED)
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    pub(super) fn mount_point(&self, name: &str) -> PathBuf {
        self.run.join(name)
    }

    fn record(&self, name: &str) -> PathBuf {
        self.data.join(name).join(RECORD)
    }
}

/// Refuses what no volume could be made from.
pub fn check_request(request: &VolumeCreateRequest) -> Result<()> {
    if let Some(name) = &request.name {
        volume_name(name).map_err(Error::Invalid)?;
    }
    match request.driver.as_deref() {
        None | Some("" | LOCAL_DRIVER) => {}
        Some(driver) => {
            return Err(Error::Invalid(format!(
                "there is no volume driver {driver}: {LOCAL_DRIVER} is the only one"
            )));
        }
    }
    device::validate(&request.options)
}

/// Whether an entry of the directory is a volume.
fn is_volume(name: &str) -> bool {
    volume_name(name).is_ok()
}

pub(super) fn make_directory(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(path)
        .map_err(at("make", path))
}

pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(at("read", path)(error)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| Error::Malformed {
            path: path.to_owned(),
            source,
        })
}
