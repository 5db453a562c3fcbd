//! What changed since the last picture, as inotify tells it.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor},
};

use crate::{model::ContainerId, runtime::paths::Root};

/// What a watch stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// The directory of all records.
    Records,
    /// The directory of all live directories.
    Lives,
    /// The images' directory.
    Images,
    /// The networks' directory.
    Networks,
    /// The volumes' directory, or that of one of them.
    Volumes,
    /// What some of these are in, while one of them is not made yet.
    Above,
    /// One container's record or live directory.
    Container(ContainerId),
}

/// Watches over everything that a picture is made from but counters.
#[derive(Debug)]
pub struct Watches {
    inotify: Inotify,
    places: HashMap<WatchDescriptor, Place>,
    /// Directories that are not made yet.
    missing: Vec<(PathBuf, AddWatchFlags, Place)>,
}

/// What must be read again.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Everything: notices were lost, or there are no watches.
    pub all: bool,
    /// Which containers exist.
    pub listing: bool,
    /// These containers.
    pub containers: HashSet<ContainerId>,
    /// The image list.
    pub images: bool,
    /// The list of networks.
    pub networks: bool,
    /// The list of volumes, or what was measured of them.
    pub volumes: bool,
}

impl Changes {
    /// Everything must be read.
    pub fn all() -> Self {
        Self {
            all: true,
            listing: true,
            images: true,
            networks: true,
            volumes: true,
            ..Self::default()
        }
    }
}

/// Directory entries that come and go by one rename, or by mkdir and rmdir.
const ENTRIES: AddWatchFlags = AddWatchFlags::IN_MOVED_TO
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_CREATE)
    .union(AddWatchFlags::IN_DELETE);
/// Records are replaced by a rename.
const RECORDS: AddWatchFlags = AddWatchFlags::IN_MOVED_TO;
/// Networks and volumes come by a rename and go by another, or by unlink.
const LISTED: AddWatchFlags = AddWatchFlags::IN_MOVED_TO
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_DELETE);
/// What was measured of a volume comes by a rename, and the mark that it may have changed
/// is opened to be written.
const SIZES: AddWatchFlags = AddWatchFlags::IN_MOVED_TO.union(AddWatchFlags::IN_CLOSE_WRITE);
/// Directories are made.
const MADE: AddWatchFlags = AddWatchFlags::IN_CREATE.union(AddWatchFlags::IN_MOVED_TO);
/// Files of a run come and go with it. Writes are not watched by directory: a container
/// writes to the FIFOs there.
const LIFE: AddWatchFlags = AddWatchFlags::IN_CREATE.union(AddWatchFlags::IN_DELETE_SELF);
/// The live state is written in place.
const STATE: AddWatchFlags = AddWatchFlags::IN_MODIFY;
/// The lock of a shim is closed when it dies.
const ALIVE: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE;

impl Watches {
    /// Watches the directories of all containers. Those of each are added by
    /// [`Self::watch`].
    pub fn new(root: &Root) -> Result<Self, Errno> {
        let mut watches = Self {
            inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?,
            places: HashMap::new(),
            missing: vec![
                (root.containers(), ENTRIES, Place::Records),
                (root.live_containers(), ENTRIES, Place::Lives),
                (root.images(), AddWatchFlags::IN_MOVED_TO, Place::Images),
                (root.networks(), LISTED, Place::Networks),
                (root.volumes(), LISTED, Place::Volumes),
            ],
        };
        // Before they are looked for, so that none is made unseen.
        watches.add(&root.data, MADE, Place::Above)?;
        watches.add(&root.run, MADE, Place::Above)?;
        watches.find_missing()?;
        Ok(watches)
    }

    /// Watches what was made meanwhile; whether there was any.
    fn find_missing(&mut self) -> Result<bool, Errno> {
        let before = self.missing.len();
        for (path, flags, place) in std::mem::take(&mut self.missing) {
            match self.add(&path, flags, place.clone()) {
                Err(Errno::ENOENT) => self.missing.push((path, flags, place)),
                done => done?,
            }
        }
        Ok(self.missing.len() < before)
    }

    /// Watches what is measured of a volume. Called before it is read.
    pub fn watch_volume(&mut self, directory: &Path) -> Result<(), Errno> {
        match self.add(directory, SIZES, Place::Volumes) {
            // It is gone again.
            Err(Errno::ENOENT) => Ok(()),
            done => done,
        }
    }

    /// Watches one container. Called before it is read, so that nothing slips by.
    pub fn watch(&mut self, root: &Root, id: &ContainerId) -> Result<(), Errno> {
        let paths = root.container(id);
        let watched = [
            (&paths.data, RECORDS),
            (&paths.run, LIFE),
            (&paths.state(), STATE),
            (&paths.alive(), ALIVE),
        ];
        for (path, flags) in watched {
            match self.add(path, flags, Place::Container(id.clone())) {
                // It doesn't run, or is gone.
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, flags: AddWatchFlags, place: Place) -> Result<(), Errno> {
        let descriptor = self.inotify.add_watch(path, flags)?;
        self.places.insert(descriptor, place);
        Ok(())
    }

    /// What changed since the last call.
    pub fn changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        loop {
            let events = match self.inotify.read_events() {
                Ok(events) => events,
                Err(Errno::EAGAIN) => return changes,
                Err(Errno::EINTR) => continue,
                Err(_) => return Changes::all(),
            };
            for event in events {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    return Changes::all();
                }
                let Some(place) = self.places.get(&event.wd) else {
                    continue;
                };
                match place {
                    Place::Records => changes.listing = true,
                    // What is kept beside the index says nothing new.
                    Place::Images => {
                        changes.images |= event.name.as_deref() == Some("index.json".as_ref());
                    }
                    Place::Networks => changes.networks = true,
                    Place::Volumes => changes.volumes = true,
                    Place::Above if self.missing.is_empty() => {}
                    Place::Above => {
                        if self.find_missing() != Ok(false) {
                            return Changes::all();
                        }
                    }
                    Place::Container(id) => {
                        changes.containers.insert(id.clone());
                    }
                    Place::Lives => {
                        let name = event.name.as_ref().and_then(|name| name.to_str());
                        changes.containers.extend(name.and_then(ContainerId::parse));
                    }
                }
                if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                    self.places.remove(&event.wd);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn id(byte: u8) -> ContainerId {
        ContainerId::from_bytes(&[byte; 32])
    }

    fn root(dir: &Path) -> Root {
        let root = Root::at(dir);
        for path in [root.containers(), root.live_containers(), root.images()] {
            fs::create_dir_all(path).unwrap();
        }
        root
    }

    #[test]
    fn record_state_and_image_changes_are_told_apart_and_logs_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let root = root(dir.path());
        let paths = root.container(&id(1));
        fs::create_dir(&paths.data).unwrap();
        let mut watches = Watches::new(&root).unwrap();
        watches.watch(&root, &id(1)).unwrap();
        assert_eq!(watches.changes(), Changes::default());

        fs::write(paths.log(), "line").unwrap();
        fs::write(paths.log(), "another").unwrap();
        assert_eq!(watches.changes(), Changes::default());
        fs::create_dir(&paths.run).unwrap();
        assert_eq!(watches.changes().containers, [id(1)].into());
        watches.watch(&root, &id(1)).unwrap();
        fs::write(paths.state(), "made").unwrap();
        fs::write(paths.stdout(), "").unwrap();
        assert_eq!(watches.changes().containers, [id(1)].into());
        watches.watch(&root, &id(1)).unwrap();
        fs::write(paths.stdout(), "output").unwrap();
        assert_eq!(watches.changes(), Changes::default());
        fs::write(paths.state(), "changed").unwrap();
        assert_eq!(watches.changes().containers, [id(1)].into());
        fs::write(root.images().join("new"), "").unwrap();
        fs::rename(root.images().join("new"), root.images().join("index.json")).unwrap();
        let changes = watches.changes();
        assert!(changes.images && changes.containers.is_empty());
        fs::create_dir(root.container(&id(2)).data).unwrap();
        assert!(watches.changes().listing);
    }

    #[test]
    fn networks_and_volumes_are_seen_from_their_first_on_and_what_is_measured_of_them() {
        let dir = tempfile::tempdir().unwrap();
        let root = root(dir.path());
        let mut watches = Watches::new(&root).unwrap();
        assert_eq!(watches.changes(), Changes::default());
        fs::create_dir(root.networks()).unwrap();
        assert!(watches.changes().networks);
        let network = root.networks().join("front.new");
        fs::write(&network, "{}").unwrap();
        assert_eq!(watches.changes(), Changes::default());
        fs::rename(&network, root.networks().join("front.json")).unwrap();
        let changes = watches.changes();
        assert!(changes.networks && !changes.volumes, "{changes:?}");
        fs::remove_file(root.networks().join("front.json")).unwrap();
        assert!(watches.changes().networks);

        fs::create_dir(root.volumes()).unwrap();
        assert!(watches.changes().volumes);
        let (scratch, volume) = (root.volumes().join(".tmp-1"), root.volumes().join("data"));
        fs::create_dir(&scratch).unwrap();
        assert_eq!(watches.changes(), Changes::default());
        fs::rename(&scratch, &volume).unwrap();
        assert!(watches.changes().volumes);
        watches.watch_volume(&volume).unwrap();
        fs::create_dir(volume.join("_data")).unwrap();
        fs::write(volume.join("_data/file"), "written by a container").unwrap();
        assert_eq!(watches.changes(), Changes::default());
        fs::write(volume.join("changed"), "").unwrap();
        assert!(watches.changes().volumes);
        fs::rename(&volume, &scratch).unwrap();
        assert!(watches.changes().volumes);
    }
}
