//! Containers on disk: made, found, renamed, locked and removed so that a process killed
//! between any two instructions leaves a state that [`super::repair`] finishes.
//!
//! One directory entry decides what exists. `containers/ID.new` is being made,
//! `containers/ID` is a container, `containers/ID.removing` is being removed: each change
//! is one rename(2), so no half of one is ever seen. A name is a file in `names/` that
//! holds an id; the record is what counts, the file is an index to it that is only
//! written under the names lock.
//!
//! ```text
//! create   names.lock, mkdir ID.new, lock it, names/NAME, unlock names, record, rename to ID
//! rename   names.lock + lock, names/NEW, record, remove names/OLD
//! remove   lock, rename to ID.removing, names/NAME, the tree, its lock file last
//! ```

mod files;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use self::files::remove_file;
pub use self::files::{make_directory, read_json, remove_tree, write_json};
use super::{
    paths::{ContainerPaths, Root},
    record::ContainerRecord,
};
use crate::{
    model::ContainerId,
    sys::fs::{Durability, sync_directory},
};

/// Suffix of a container's directory while it is being made.
const NEW: &str = ".new";
/// Suffix of a container's directory while it is being removed.
const REMOVING: &str = ".removing";

/// What can go wrong with the records.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing has that id, prefix or name.
    #[error("no such container")]
    NotFound(String),
    /// A prefix of several ids.
    #[error("several containers have ids that begin with it")]
    Ambiguous(String),
    /// Another container has the name.
    #[error("the name {name} is in use by container {}", owner.short())]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        owner: ContainerId,
    },
    /// A file could not be read or written.
    #[error("{operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("parse {}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

/// Result of the store.
pub type Result<T> = std::result::Result<T, Error>;

/// Adds what was tried and on what to an I/O error.
fn at<'a>(operation: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Error + 'a {
    move |source| Error::Io {
        operation,
        path: path.to_owned(),
        source,
    }
}

/// The containers of one engine.
#[derive(Clone, Debug)]
pub struct ContainerStore {
    root: Root,
}

/// The names lock, held.
#[derive(Debug)]
pub struct NamesLock(#[expect(dead_code, reason = "held for its lock")] File);

/// One container's lock, held: no other operation on it runs.
#[derive(Debug)]
pub struct ContainerLock {
    id: ContainerId,
    #[expect(dead_code, reason = "held for its lock")]
    file: File,
}

impl ContainerLock {
    /// Whose lock it is.
    pub fn id(&self) -> &ContainerId {
        &self.id
    }
}

/// A directory that an interrupted create or remove left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// Was being made.
    New(ContainerId),
    /// Was being removed.
    Removing(ContainerId),
}

/// What `containers/` holds.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Containers, in no order.
    pub ids: Vec<ContainerId>,
    /// Ends of interrupted work, or work that goes on now.
    pub leftovers: Vec<Leftover>,
}

impl ContainerStore {
    /// The store of an engine. Nothing is touched.
    pub fn new(root: Root) -> Self {
        Self { root }
    }

    /// Where it lies.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Waits for the names lock. Taken before the images' and any container's.
    pub fn lock_names(&self) -> Result<NamesLock> {
        let path = self.root.names_lock();
        let open = || {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
        };
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_directory(&self.root.data, 0o711)?;
                open()
            }
            other => other,
        }
        .map_err(at("open", &path))?;
        file.lock().map_err(at("lock", &path))?;
        Ok(NamesLock(file))
    }

    /// Who has a name. A file whose container is gone, or has another name on record,
    /// gives it to nobody.
    pub fn owner(&self, name: &str) -> Result<Option<ContainerId>> {
        let path = self.root.names().join(name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at("read", &path)(error)),
        };
        let Some(id) = ContainerId::parse(text.trim_end()) else {
            return Ok(None);
        };
        // One being removed keeps its name until it gives it back itself: were the name
        // free already, it might take away the file of whoever took it since.
        if self.being_made(&id).exists() || self.being_removed(&id).exists() {
            return Ok(Some(id));
        }
        match self.load(&id) {
            Ok(record) => Ok((record.name == name).then_some(id)),
            Err(Error::NotFound(_)) => Ok(None),
            // What can't be read is not taken away.
            Err(_) => Ok(Some(id)),
        }
    }

    /// Writes a new container. `prepare` may add to its directory before anybody sees
    /// it; the returned lock is held, so that the creator may go on with a start.
    ///
    /// The record of a container that removes itself is not synced: it must survive a
    /// kill of this process, not a loss of power.
    pub fn create(
        &self,
        names: NamesLock,
        record: &ContainerRecord,
        prepare: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<ContainerLock> {
        let id = &record.id;
        if let Some(owner) = self.owner(&record.name)? {
            return Err(Error::NameTaken {
                name: record.name.clone(),
                owner,
            });
        }
        let containers = self.root.containers();
        make_directory(&containers, 0o700)?;
        let new = self.being_made(id);
        DirBuilder::new()
            .mode(0o700)
            .create(&new)
            .map_err(at("make", &new))?;
        let made = self.fill(names, record, &new, prepare);
        if made.is_err() {
            // The first failure is what the caller must hear of; what can't be taken
            // away now is taken away by the next repair.
            let _ = self.discard(record, &new);
        }
        made
    }

    /// What [`Self::create`] does once the directory exists.
    fn fill(
        &self,
        names: NamesLock,
        record: &ContainerRecord,
        new: &Path,
        prepare: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<ContainerLock> {
        let id = &record.id;
        let lock_path = new.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(at("make", &lock_path))?;
        file.lock().map_err(at("lock", &lock_path))?;
        self.write_name(&record.name, id)?;
        // From here on the name is taken, and the held lock shows that we live.
        drop(names);

        let durability = record.durability();
        prepare(new).map_err(at("prepare", new))?;
        write_json(&new.join("config.json"), record, durability)?;
        let path = self.root.container(id).data;
        fs::rename(new, &path).map_err(at("rename", new))?;
        if durability == Durability::Synced {
            let containers = self.root.containers();
            sync_directory(&containers).map_err(at("sync", &containers))?;
        }
        Ok(ContainerLock {
            id: id.clone(),
            file,
        })
    }

    /// Takes back what [`Self::fill`] did.
    fn discard(&self, record: &ContainerRecord, new: &Path) -> Result<()> {
        self.release_name(&record.name, &record.id)?;
        fs::remove_dir_all(new).map_err(at("remove", new))
    }

    /// Reads one container's record.
    pub fn load(&self, id: &ContainerId) -> Result<ContainerRecord> {
        read_json(&self.root.container(id).record())?.ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// Replaces a container's record, as rename and update do.
    pub fn write(&self, _held: &ContainerLock, record: &ContainerRecord) -> Result<()> {
        let path = self.root.container(&record.id).record();
        write_json(&path, record, record.durability())
    }

    /// All containers, in no order.
    pub fn list(&self) -> Result<Vec<ContainerId>> {
        Ok(self.scan()?.ids)
    }

    /// All that lies in `containers/`, with one readdir.
    pub fn scan(&self) -> Result<Listing> {
        let path = self.root.containers();
        let mut listing = Listing::default();
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listing),
            Err(error) => return Err(at("list", &path)(error)),
        };
        for entry in entries {
            let name = entry.map_err(at("list", &path))?.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some(id) = ContainerId::parse(name) {
                listing.ids.push(id);
            } else if let Some(id) = name.strip_suffix(NEW).and_then(ContainerId::parse) {
                listing.leftovers.push(Leftover::New(id));
            } else if let Some(id) = name.strip_suffix(REMOVING).and_then(ContainerId::parse) {
                listing.leftovers.push(Leftover::Removing(id));
            }
        }
        Ok(listing)
    }

    /// The container that a full id, a name or a unique prefix of an id means, in that
    /// order, as docker has it.
    pub fn resolve(&self, reference: &str) -> Result<ContainerId> {
        let missing = || Error::NotFound(reference.to_owned());
        if let Some(id) = ContainerId::parse(reference) {
            return if self.root.container(&id).data.exists() {
                Ok(id)
            } else {
                Err(missing())
            };
        }
        let name = reference.strip_prefix('/').unwrap_or(reference);
        if super::names::is_valid(name)
            && let Some(owner) = self.owner(name)?
        {
            return Ok(owner);
        }
        if reference.is_empty() || !reference.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(missing());
        }
        let prefix = reference.to_ascii_lowercase();
        let mut found = self
            .list()?
            .into_iter()
            .filter(|id| id.as_str().starts_with(&prefix));
        match (found.next(), found.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => Err(missing()),
            (Some(_), Some(_)) => Err(Error::Ambiguous(reference.to_owned())),
        }
    }

    /// Waits for a container's lock.
    pub fn lock(&self, id: &ContainerId) -> Result<ContainerLock> {
        self.take_lock(id, &self.root.container(id).data, true)?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// Takes a container's lock if nobody holds it; `None` if somebody does.
    pub fn try_lock(&self, id: &ContainerId) -> Result<Option<ContainerLock>> {
        self.take_lock(id, &self.root.container(id).data, false)
    }

    fn take_lock(&self, id: &ContainerId, dir: &Path, wait: bool) -> Result<Option<ContainerLock>> {
        let path = dir.join("lock");
        // Not created here: the lock of a container that is gone must not come back.
        let file = match OpenOptions::new().write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NotFound(id.to_string()));
            }
            Err(error) => return Err(at("open", &path)(error)),
        };
        if wait {
            file.lock().map_err(at("lock", &path))?;
        } else {
            match file.try_lock() {
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => return Ok(None),
                Err(fs::TryLockError::Error(error)) => return Err(at("lock", &path)(error)),
            }
        }
        // While we waited, its holder may have removed or renamed the container: then
        // what we hold is the lock of nothing.
        let ours = file.metadata().map_err(at("inspect", &path))?;
        match fs::metadata(&path) {
            Ok(now) if now.ino() == ours.ino() && now.dev() == ours.dev() => {
                Ok(Some(ContainerLock {
                    id: id.clone(),
                    file,
                }))
            }
            Ok(_) => Err(Error::NotFound(id.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::NotFound(id.to_string()))
            }
            Err(error) => Err(at("inspect", &path)(error)),
        }
    }

    /// Gives a container another name.
    pub fn rename(&self, id: &ContainerId, name: &str) -> Result<()> {
        let _names = self.lock_names()?;
        let held = self.lock(id)?;
        let mut record = self.load(id)?;
        if let Some(owner) = self.owner(name)? {
            return Err(Error::NameTaken {
                name: name.to_owned(),
                owner,
            });
        }
        self.write_name(name, id)?;
        let old = std::mem::replace(&mut record.name, name.to_owned());
        if let Err(error) = self.write(&held, &record) {
            // The record still has the old name; the new one's file is an index to it
            // that the next repair drops if it can't be dropped now.
            let _ = fs::remove_file(self.root.names().join(name));
            return Err(error);
        }
        self.release_name(&old, id)
    }

    /// Removes a container that has no process and no cgroup any more: its live
    /// directory, then, by one rename, its existence, then its name and its files.
    pub fn remove(&self, held: &ContainerLock) -> Result<()> {
        let id = held.id();
        let ContainerPaths { data, run } = self.root.container(id);
        remove_tree(&run)?;
        let removing = self.being_removed(id);
        fs::rename(&data, &removing).map_err(at("rename", &data))?;
        self.clear(id, &removing)
    }

    /// Finishes an interrupted create or remove unless somebody is at it. Says whether
    /// it did.
    pub fn finish(&self, leftover: &Leftover) -> Result<bool> {
        let (id, dir) = match leftover {
            Leftover::New(id) => (id, self.being_made(id)),
            Leftover::Removing(id) => (id, self.being_removed(id)),
        };
        // A creator makes the directory and takes its lock under the names lock, so
        // with that in our hands a free or missing lock means a dead one.
        let _names = self.lock_names()?;
        match self.take_lock(id, &dir, false) {
            Ok(Some(_held)) => self.clear(id, &dir).map(|()| true),
            Ok(None) => Ok(false),
            // Its creator finished in the meantime: it is a container now.
            Err(Error::NotFound(_)) if !dir.exists() => Ok(false),
            // No lock file: either nothing was put in yet or nothing is left in it.
            Err(Error::NotFound(_)) => self.clear(id, &dir).map(|()| true),
            Err(error) => Err(error),
        }
    }

    /// Takes the name, then all files, the lock file last: while it exists, others wait
    /// for it instead of racing us.
    fn clear(&self, id: &ContainerId, dir: &Path) -> Result<()> {
        match read_json::<ContainerRecord>(&dir.join("config.json")) {
            Ok(Some(record)) => self.release_name(&record.name, id)?,
            // Its record was never written or is broken: look for its name.
            Ok(None) | Err(Error::Malformed { .. }) => self.release_names_of(id)?,
            Err(error) => return Err(error),
        }
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(at("list", dir)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(at("list", dir))?;
            if entry.file_name() != "lock" {
                remove_tree(&entry.path())?;
            }
        }
        remove_tree(dir)
    }

    /// How many names there are. With as many containers none is stale or lost.
    pub fn count_names(&self) -> Result<usize> {
        let path = self.root.names();
        match fs::read_dir(&path) {
            Ok(entries) => Ok(entries.count()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(at("list", &path)(error)),
        }
    }

    /// Drops names that a killed rename left, and puts back those that a loss of power
    /// took. Only under the names lock is it certain which these are.
    pub fn reconcile_names(&self) -> Result<()> {
        let _names = self.lock_names()?;
        remove_file(&self.root.names().join(".new"))?;
        for (name, id) in self.names()? {
            if self.owner(&name)?.is_none() {
                self.release_name(&name, &id)?;
            }
        }
        for id in self.list()? {
            match self.load(&id) {
                Ok(record) if self.owner(&record.name)?.is_none() => {
                    self.write_name(&record.name, &id)?;
                }
                // Removed meanwhile, or broken, which is told elsewhere.
                _ => {}
            }
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<(String, ContainerId)>> {
        let path = self.root.names();
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at("list", &path)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(at("list", &path))?;
            let Ok(text) = fs::read_to_string(entry.path()) else {
                continue;
            };
            if let (Ok(name), Some(id)) = (
                entry.file_name().into_string(),
                ContainerId::parse(text.trim_end()),
            ) {
                names.push((name, id));
            }
        }
        Ok(names)
    }

    /// Writes a name's file whole, over one whose container is gone. The temporary name
    /// can't clash: writers hold the names lock.
    fn write_name(&self, name: &str, id: &ContainerId) -> Result<()> {
        let names = self.root.names();
        make_directory(&names, 0o700)?;
        let (path, temporary) = (names.join(name), names.join(".new"));
        let written = fs::write(&temporary, id.as_str())
            .map_err(at("write", &temporary))
            .and_then(|()| fs::rename(&temporary, &path).map_err(at("rename", &temporary)));
        if written.is_err() {
            // On a full disk not even a name fits; the failure itself is what is told.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Removes a name's file if it still is this container's.
    fn release_name(&self, name: &str, id: &ContainerId) -> Result<()> {
        let path = self.root.names().join(name);
        match fs::read_to_string(&path) {
            Ok(text) if text.trim_end() == id.as_str() => remove_file(&path),
            _ => Ok(()),
        }
    }

    fn release_names_of(&self, id: &ContainerId) -> Result<()> {
        for (name, owner) in self.names()? {
            if owner == *id {
                self.release_name(&name, id)?;
            }
        }
        Ok(())
    }

    fn being_made(&self, id: &ContainerId) -> PathBuf {
        self.root.containers().join(format!("{id}{NEW}"))
    }

    fn being_removed(&self, id: &ContainerId) -> PathBuf {
        self.root.containers().join(format!("{id}{REMOVING}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContainerConfig, Digest};

    fn store() -> (tempfile::TempDir, ContainerStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = ContainerStore::new(Root::at(dir.path().join("root")));
        (dir, store)
    }

    fn record(byte: u8, name: &str) -> ContainerRecord {
        ContainerRecord {
            id: ContainerId::from_bytes(&[byte; 32]),
            name: name.into(),
            created: jiff::Timestamp::UNIX_EPOCH,
            image_id: Digest::from_sha256(&[1; 32]),
            layers: vec![],
            config: ContainerConfig::default(),
            process: Default::default(),
        }
    }

    fn create(store: &ContainerStore, record: &ContainerRecord) -> Result<ContainerLock> {
        store.create(store.lock_names()?, record, |_| Ok(()))
    }

    #[test]
    fn created_container_is_found_by_id_prefix_and_name() {
        let (_dir, store) = store();
        let made = record(0xab, "web");
        drop(create(&store, &made).unwrap());
        for reference in [made.id.as_str(), "abab", "web", "/web", "ABAB"] {
            assert_eq!(store.resolve(reference).unwrap(), made.id, "{reference}");
        }
        assert_eq!(store.load(&made.id).unwrap(), made);
        for unknown in ["", "ac", "wex", "../names", "."] {
            assert!(
                matches!(store.resolve(unknown), Err(Error::NotFound(_))),
                "{unknown}"
            );
        }
    }

    #[test]
    fn prefix_of_two_ids_is_ambiguous_and_a_name_goes_before_a_prefix() {
        let (_dir, store) = store();
        let (one, mut two) = (record(0xaa, "one"), record(0xaa, "aaa"));
        two.id = ContainerId::parse(&format!("aa{}", "0".repeat(62))).unwrap();
        drop((create(&store, &one).unwrap(), create(&store, &two).unwrap()));
        assert!(matches!(store.resolve("aa"), Err(Error::Ambiguous(_))));
        assert_eq!(store.resolve("aaa").unwrap(), two.id);
    }

    #[test]
    fn taken_name_is_refused_and_nothing_is_left_of_the_attempt() {
        let (_dir, store) = store();
        drop(create(&store, &record(1, "web")).unwrap());
        assert!(matches!(
            create(&store, &record(2, "web")),
            Err(Error::NameTaken { .. })
        ));
        let listing = store.scan().unwrap();
        assert_eq!((listing.ids.len(), listing.leftovers.len()), (1, 0));
    }

    #[test]
    fn failed_preparation_leaves_neither_name_nor_directory() {
        let (_dir, store) = store();
        let names = store.lock_names().unwrap();
        store
            .create(names, &record(1, "web"), |_| Err(io::Error::other("full")))
            .unwrap_err();
        assert_eq!(store.owner("web").unwrap(), None);
        assert!(store.scan().unwrap().leftovers.is_empty());
    }

    #[test]
    fn one_of_many_racing_creators_gets_the_name() {
        let (_dir, store) = store();
        let won = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for byte in 1..=16 {
                let (store, won) = (&store, &won);
                scope.spawn(move || {
                    let made = create(store, &record(byte, "web")).is_ok();
                    won.fetch_add(made.into(), std::sync::atomic::Ordering::Relaxed)
                });
            }
        });
        assert_eq!((won.into_inner(), store.list().unwrap().len()), (1, 1));
    }

    #[test]
    fn rename_frees_the_old_name_and_refuses_a_taken_one() {
        let (_dir, store) = store();
        let (one, two) = (record(1, "one"), record(2, "two"));
        drop((create(&store, &one).unwrap(), create(&store, &two).unwrap()));
        assert!(matches!(
            store.rename(&one.id, "two"),
            Err(Error::NameTaken { .. })
        ));
        store.rename(&one.id, "three").unwrap();
        assert_eq!(store.resolve("three").unwrap(), one.id);
        assert_eq!(store.owner("one").unwrap(), None);
        assert_eq!(store.load(&one.id).unwrap().name, "three");
    }

    #[test]
    fn removed_container_leaves_no_file_and_no_name() {
        let (_dir, store) = store();
        let made = record(1, "web");
        let held = create(&store, &made).unwrap();
        fs::create_dir_all(store.root().container(&made.id).run).unwrap();
        store.remove(&held).unwrap();
        assert!(matches!(store.load(&made.id), Err(Error::NotFound(_))));
        assert!(matches!(store.lock(&made.id), Err(Error::NotFound(_))));
        for dir in [
            store.root().containers(),
            store.root().names(),
            store.root().live_containers(),
        ] {
            assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "{}", dir.display());
        }
    }

    #[test]
    fn lock_taken_after_a_removal_is_refused() {
        let (_dir, store) = store();
        let made = record(1, "web");
        let held = create(&store, &made).unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| store.lock(&made.id));
            std::thread::sleep(std::time::Duration::from_millis(20));
            store.remove(&held).unwrap();
            drop(held);
            assert!(matches!(waiter.join().unwrap(), Err(Error::NotFound(_))));
        });
    }

    #[test]
    fn interrupted_create_and_remove_are_finished_but_not_while_their_lock_is_held() {
        let (_dir, store) = store();
        let made = record(1, "web");
        let held = create(&store, &made).unwrap();
        let data = store.root().container(&made.id).data;
        for (leftover, dir) in [
            (
                Leftover::Removing(made.id.clone()),
                store.being_removed(&made.id),
            ),
            (Leftover::New(made.id.clone()), store.being_made(&made.id)),
        ] {
            fs::rename(&data, &dir).unwrap();
            assert_eq!(store.scan().unwrap().leftovers.first(), Some(&leftover));
            assert!(!store.finish(&leftover).unwrap());
            fs::rename(&dir, &data).unwrap();
        }
        drop(held);
        let dir = store.being_made(&made.id);
        fs::rename(&data, &dir).unwrap();
        fs::remove_file(dir.join("config.json")).unwrap();
        assert!(store.finish(&Leftover::New(made.id.clone())).unwrap());
        assert!(!dir.exists() && store.names().unwrap().is_empty());
        // Killed between mkdir and the lock file.
        fs::create_dir(&dir).unwrap();
        assert!(store.finish(&Leftover::New(made.id)).unwrap());
        assert!(!dir.exists());
    }

    #[test]
    fn leftover_that_became_a_container_meanwhile_keeps_its_name() {
        let (_dir, store) = store();
        let made = record(1, "web");
        drop(create(&store, &made).unwrap());
        assert!(!store.finish(&Leftover::New(made.id.clone())).unwrap());
        assert_eq!(store.resolve("web").unwrap(), made.id);
    }

    #[test]
    fn stale_names_are_nobodys_may_be_taken_and_are_dropped() {
        let (_dir, store) = store();
        let made = record(1, "web");
        drop(create(&store, &made).unwrap());
        store.write_name("old", &made.id).unwrap();
        assert_eq!(store.owner("old").unwrap(), None);
        assert!(store.resolve("old").is_err());
        store
            .write_name("gone", &ContainerId::from_bytes(&[9; 32]))
            .unwrap();
        drop(create(&store, &record(2, "gone")).unwrap());
        store.reconcile_names().unwrap();
        let mut names: Vec<_> = store.names().unwrap().into_iter().map(|n| n.0).collect();
        names.sort();
        assert_eq!(names, ["gone", "web"]);
    }

    #[test]
    fn lost_name_is_restored_from_the_record() {
        let (_dir, store) = store();
        let made = record(1, "web");
        drop(create(&store, &made).unwrap());
        fs::remove_file(store.root().names().join("web")).unwrap();
        assert_eq!(store.count_names().unwrap(), 0);
        store.reconcile_names().unwrap();
        assert_eq!(store.resolve("web").unwrap(), made.id);
    }
}
