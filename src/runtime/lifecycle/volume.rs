//! A container's volumes: named when it is made, ready before it runs, let go when it
//! ended; and what can be done with volumes alone.

use std::{
    io::{BufWriter, Read, Write},
    os::fd::OwnedFd,
    path::PathBuf,
};

use rustix::fs::OFlags;

use super::{Error, Lifecycle, Result, create::random, failed};
use crate::{
    layer,
    model::{
        ContainerConfig, ContainerId, EventKind, Mount, MountKind, PruneVolumes, PrunedVolumes,
        Volume, VolumeCreateRequest, VolumeDetails, VolumeUser, container_path,
    },
    runtime::{create::mount_overlay, events, record::ContainerRecord, spec, store::ContainerLock},
    sys::beneath,
    volume,
};

impl Lifecycle {
    /// Gives a container the mounts of those that it names, below its own.
    pub(super) fn inherit_mounts(&self, config: &mut ContainerConfig) -> Result<()> {
        for from in config.volumes_from.clone() {
            let (name, mode) = from.split_once(':').unwrap_or((&from, ""));
            let read_only = match mode {
                "" | "rw" | "z" | "Z" => false,
                "ro" => true,
                other => {
                    return Err(Error::Invalid(format!(
                        "--volumes-from {from}: {other:?} is neither ro nor rw"
                    )));
                }
            };
            let other = self.store.load(&self.store.resolve(name)?)?;
            for mount in other.config.mounts {
                let is_taken = config.mounts.iter().any(|own| own.target == mount.target);
                if !is_taken && !matches!(mount.kind, MountKind::Tmpfs { .. }) {
                    config.mounts.push(Mount {
                        read_only: mount.read_only || read_only,
                        ..mount
                    });
                }
            }
        }
        spec::check_sources(config, &self.volumes())?;
        let drivers = config.mounts.iter().filter_map(Mount::volume);
        for volume in drivers {
            // Refused now rather than with half of a container made.
            volume::check_request(&as_request(volume))?;
        }
        Ok(())
    }

    /// Gives a container the volumes that its image asks for, and a name to each that has
    /// none.
    pub(super) fn name_volumes(
        &self,
        config: &mut ContainerConfig,
        of_image: &[PathBuf],
    ) -> Result<()> {
        for path in of_image {
            let target = path.to_str().map(container_path);
            // What is no place of a container can't be mounted on.
            let Some(Ok(target)) = target else { continue };
            if config.mounts.iter().all(|mount| mount.target != target) {
                config.mounts.push(Mount::anonymous(target));
            }
        }
        for mount in &mut config.mounts {
            if let MountKind::Volume(volume) = &mut mount.kind
                && volume.name.is_none()
            {
                volume.name = Some(ContainerId::from_bytes(&random()?).to_string());
                volume.is_anonymous = true;
            }
        }
        Ok(())
    }

    /// Makes the volumes of a new container, or takes all back.
    pub(super) fn give_volumes(
        &self,
        held: &ContainerLock,
        record: &ContainerRecord,
    ) -> Result<()> {
        let mut made = Vec::new();
        let given = self.make_volumes(record, true, &mut made);
        if given.is_err() {
            // That failure is the one to tell; what stays behind is an ordinary container,
            // and volumes that anybody may use.
            let _ = self.remove_ended(held, record, true);
            for name in made {
                let _ = self.remove_volume(&name);
            }
        }
        given
    }

    /// Makes the volumes of a container that are missing, and with `fill` gives those that
    /// are empty what its image has at their place; those that are new come into `made`. Under the container's lock, after it
    /// is on record: from then on nobody removes them.
    pub(super) fn make_volumes(
        &self,
        record: &ContainerRecord,
        fill: bool,
        made: &mut Vec<String>,
    ) -> Result<()> {
        let volumes = self.volumes();
        for mount in &record.config.mounts {
            let Some(wish) = mount.volume() else { continue };
            let name = wish.name.as_deref().unwrap_or_default();
            let held = volumes.lock()?;
            let (volume, is_new) = volumes.create(&held, &as_request(wish), name)?;
            drop(held);
            if is_new {
                self.tell_of_volume("create", &volume, []);
                made.push(volume.name.clone());
            }
            if fill && !wish.no_copy && wish.subpath.is_none() {
                volumes.fill(&volume, || self.image_directory(record, mount))?;
            }
        }
        let mark = self.paths(&record.id).unfilled();
        match std::fs::remove_file(&mark) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failed("remove", mark)(error))
            }
            _ => Ok(()),
        }
    }

    /// What a container's image has where a volume is mounted.
    fn image_directory(&self, record: &ContainerRecord, mount: &Mount) -> Result<Option<OwnedFd>> {
        let overlay = self.overlay(record)?;
        let root = mount_overlay(&overlay).map_err(|error| {
            failed("mount", &overlay.upper)(std::io::Error::other(error.to_string()))
        })?;
        let path = std::ffi::CString::new(mount.target.as_os_str().as_encoded_bytes())
            .map_err(|_| Error::Invalid("a path can't hold a NUL byte".into()))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        match beneath::open(&root, &path, flags) {
            Ok(directory) => Ok(Some(directory)),
            // It has none, or a file, or a link to nowhere.
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => {
                Ok(None)
            }
            Err(errno) => Err(failed("open", &mount.target)(errno.into())),
        }
    }

    /// Before a run: what somebody took away is made again, and what has a device of its
    /// own is mounted.
    pub(super) fn ready_volumes(&self, record: &ContainerRecord) -> Result<()> {
        if record.config.mounts.iter().all(|m| m.volume().is_none()) {
            return Ok(());
        }
        // Its maker was killed before it came to that.
        let fill = self.paths(&record.id).unfilled().exists();
        self.make_volumes(record, fill, &mut Vec::new())?;
        let volumes = self.volumes();
        for mount in &record.config.mounts {
            let Some(name) = mount.volume_name() else {
                continue;
            };
            let held = volumes.lock()?;
            let volume = volumes.find(name)?;
            volumes.mount(&held, &volume)?;
            if !mount.read_only {
                volumes.touch(name)?;
            }
            let details = [
                ("container", record.id.to_string()),
                ("destination", mount.target.display().to_string()),
                ("read/write", (!mount.read_only).to_string()),
                ("propagation", String::new()),
            ];
            self.tell_of_volume("mount", &volume, details);
        }
        Ok(())
    }

    /// After a run: its volumes may have changed, and file systems that nobody uses now are
    /// taken away.
    pub(in crate::runtime) fn let_go_volumes(&self, record: &ContainerRecord) -> Result<()> {
        if record.config.mounts.iter().all(|m| m.volume().is_none()) {
            return Ok(());
        }
        let volumes = self.volumes();
        for mount in &record.config.mounts {
            let Some(name) = mount.volume_name() else {
                continue;
            };
            if !mount.read_only {
                volumes.touch(name)?;
            }
            if let Ok(volume) = volumes.find(name) {
                let container = ("container", record.id.to_string());
                self.tell_of_volume("unmount", &volume, [container]);
            }
        }
        Ok(volumes.unmount_idle(|| self.mounted_volumes(Some(&record.id)))?)
    }

    /// What killed processes left of volumes.
    pub(in crate::runtime) fn repair_volumes(&self) -> Result<()> {
        let volumes = self.volumes();
        volumes.sweep()?;
        Ok(volumes.unmount_idle(|| self.mounted_volumes(None))?)
    }

    /// The volumes of containers that run or are about to, but for one.
    fn mounted_volumes(&self, except: Option<&ContainerId>) -> Vec<String> {
        let mut names = Vec::new();
        for id in self.store.list().unwrap_or_default() {
            if Some(&id) == except {
                continue;
            }
            // A run is announced on disk before its volumes are mounted.
            let is_used = self.paths(&id).started().exists()
                || self.inspect(&id).is_ok_and(|one| one.state.can_stop());
            if is_used && let Ok(record) = self.store.load(&id) {
                let mounts = record.config.mounts.iter();
                names.extend(mounts.filter_map(Mount::volume_name).map(str::to_owned));
            }
        }
        names
    }

    /// Removes the volumes that were made for a container without a name, but for those
    /// that another has too.
    pub(in crate::runtime) fn remove_anonymous(&self, record: &ContainerRecord) -> Result<()> {
        for mount in &record.config.mounts {
            let Some(name) = mount
                .volume()
                .filter(|v| v.is_anonymous)
                .and(mount.volume_name())
            else {
                continue;
            };
            match self.remove_unused(name, Some(&record.id)) {
                Ok(())
                | Err(Error::Volume(volume::Error::NotFound(_) | volume::Error::InUse { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// All volumes and who uses them, by name.
    pub fn list_volumes(&self) -> Result<Vec<VolumeDetails>> {
        let volumes = self.volumes().list()?;
        let users = self.volume_users()?;
        Ok(volumes
            .into_iter()
            .map(|volume| details(volume, &users))
            .collect())
    }

    /// One volume and who uses it.
    pub fn volume(&self, name: &str) -> Result<VolumeDetails> {
        let volume = self.volumes().find(name)?;
        Ok(details(volume, &self.volume_users()?))
    }

    /// Makes a volume, unless it is there.
    pub fn create_volume(&self, request: &VolumeCreateRequest) -> Result<Volume> {
        let name = match &request.name {
            Some(name) => name.clone(),
            None => ContainerId::from_bytes(&random()?).to_string(),
        };
        let volumes = self.volumes();
        let held = volumes.lock()?;
        let (volume, is_new) = volumes.create(&held, request, &name)?;
        drop(held);
        if is_new {
            self.tell_of_volume("create", &volume, []);
        }
        Ok(volume)
    }

    /// Removes a volume that no container uses.
    pub fn remove_volume(&self, name: &str) -> Result<()> {
        self.remove_unused(name, None)
    }

    fn remove_unused(&self, name: &str, except: Option<&ContainerId>) -> Result<()> {
        let volumes = self.volumes();
        let held = volumes.lock()?;
        volumes.find(name)?;
        let users: Vec<String> = self
            .volume_users()?
            .into_iter()
            .filter(|(used, user)| used == name && Some(&user.id) != except)
            .map(|(_, user)| user.name)
            .collect();
        if !users.is_empty() {
            return Err(volume::Error::InUse {
                name: name.to_owned(),
                users,
            }
            .into());
        }
        let volume = volumes.remove(held, name)?;
        self.tell_of_volume("destroy", &volume, []);
        Ok(())
    }

    /// Removes volumes that no container uses, or says which would go.
    pub fn prune_volumes(&self, request: &PruneVolumes) -> Result<PrunedVolumes> {
        let mut pruned = PrunedVolumes::default();
        for VolumeDetails { volume, users } in self.list_volumes()? {
            let is_meant = users.is_empty()
                && (request.all || volume.anonymous)
                && request.labels.iter().all(|l| l.matches(&volume.labels));
            if !is_meant {
                continue;
            }
            let size = match volume.size.filter(|size| size.is_current) {
                Some(size) => size,
                None => self.volumes().measure(&volume.name)?,
            };
            if !request.preview {
                match self.remove_volume(&volume.name) {
                    Ok(()) => {}
                    // Somebody was faster, with it or for it.
                    Err(Error::Volume(
                        volume::Error::NotFound(_) | volume::Error::InUse { .. },
                    )) => continue,
                    Err(error) => return Err(error),
                }
            }
            pruned.names.push(volume.name);
            pruned.bytes += size.bytes;
        }
        Ok(pruned)
    }

    /// Measures volumes whose size is not known for certain; all if none is named.
    pub fn measure_volumes(&self, names: &[String]) -> Result<Vec<VolumeDetails>> {
        let mut all = self.list_volumes()?;
        for name in names {
            if !all.iter().any(|one| one.volume.name == *name) {
                return Err(volume::Error::NotFound(name.clone()).into());
            }
        }
        all.retain(|one| names.is_empty() || names.contains(&one.volume.name));
        for VolumeDetails { volume, users } in &mut all {
            if volume.size.is_none_or(|size| !size.is_current) {
                let size = match self.volumes().measure(&volume.name) {
                    Ok(size) => Some(size),
                    Err(volume::Error::NotFound(_)) => None,
                    Err(error) => return Err(error.into()),
                };
                volume.size = size;
                settle(volume, users);
            }
        }
        Ok(all)
    }

    /// Writes all files of a volume as a tar.
    pub fn export_volume(&self, name: &str, out: impl Write) -> Result<()> {
        let (root, _) = self.open_volume(name)?;
        let out = BufWriter::with_capacity(256 << 10, out);
        Ok(layer::pack_entry(
            &root,
            std::ffi::OsStr::new("."),
            b"",
            out,
        )?)
    }

    /// Unpacks a tar into a volume, beside what is in it; the entries that came.
    pub fn import_volume(&self, name: &str, source: impl Read) -> Result<u64> {
        let (root, _) = self.open_volume(name)?;
        let volumes = self.volumes();
        volumes.touch(name)?;
        let entries = layer::unpack_into(root, source, None);
        volumes.touch(name)?;
        Ok(entries?)
    }

    /// A volume's files and where they are.
    pub(super) fn open_volume(&self, name: &str) -> Result<(OwnedFd, PathBuf)> {
        let source = self.volumes().source(name)?;
        match std::fs::File::open(&source.path) {
            Ok(root) => Ok((root.into(), source.path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::Invalid(format!(
                    "the volume {name} has nothing at {} now: it is only mounted while a \
                     container with it runs",
                    source.path.display()
                )))
            }
            Err(error) => Err(failed("open", source.path)(error)),
        }
    }

    /// Which containers use which volume.
    fn volume_users(&self) -> Result<Vec<(String, VolumeUser)>> {
        let mut users = Vec::new();
        for id in self.store.list()? {
            let container = match self.inspect(&id) {
                Ok(container) => container,
                Err(error) if error.is_missing() => continue,
                Err(error) => return Err(error),
            };
            for mount in &container.config.mounts {
                let Some(name) = mount.volume_name() else {
                    continue;
                };
                users.push((name.to_owned(), VolumeUser::of(&container, mount)));
            }
        }
        Ok(users)
    }

    fn tell_of_volume<'a>(
        &self,
        action: &str,
        volume: &Volume,
        details: impl IntoIterator<Item = (&'a str, String)>,
    ) {
        let attributes = [("driver", volume.driver.clone())]
            .into_iter()
            .chain(details);
        let event = events::now(EventKind::Volume, action, &volume.name, attributes);
        // What was done is done, whether anybody hears of it or not.
        let _ = events::append(self.root(), &event);
    }
}

fn as_request(wish: &crate::model::VolumeMount) -> VolumeCreateRequest {
    VolumeCreateRequest {
        name: wish.name.clone().filter(|_| !wish.is_anonymous),
        driver: wish.driver.clone(),
        labels: wish.labels.clone(),
        options: wish.options.clone(),
    }
}

fn details(mut volume: Volume, users: &[(String, VolumeUser)]) -> VolumeDetails {
    let mine = users.iter().filter(|(name, _)| *name == volume.name);
    let users: Vec<_> = mine.map(|(_, user)| user.clone()).collect();
    settle(&mut volume, &users);
    VolumeDetails { volume, users }
}

/// What may be written to right now has no size that holds.
fn settle(volume: &mut Volume, users: &[VolumeUser]) {
    let is_written = users.iter().any(|user| user.is_running && !user.read_only);
    if let Some(size) = &mut volume.size {
        size.is_current &= !is_written;
    }
}
