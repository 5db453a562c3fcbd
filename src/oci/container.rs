//! A container of this command line on disk: `ROOT/ID/`, with its state and the FIFO
//! behind which its process waits.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use oci_spec::runtime::Spec;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::sys::cgroup::{Cgroup, Cgroups};
use crate::sys::fs::{Durability, Lock, LockMode, write_atomically};
use crate::sys::proc::{self, Identity};

use super::error::{Error, Result, Trying, refused};

/// What is kept of a container.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its first process.
    pub process: Identity,
    /// Its bundle.
    pub bundle: PathBuf,
    /// When it was created.
    pub created: Timestamp,
    /// Its control groups.
    pub cgroup: String,
    /// Its specification, as it was then.
    pub spec: Spec,
}

/// Where a container is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Its process is set up and waits.
    Created,
    /// Its program runs.
    Running,
    /// All its processes are frozen.
    Paused,
    /// Its program ended.
    Stopped,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }
}

/// A container under a root, locked while this value lives if it was loaded to be changed.
#[derive(Debug)]
pub(super) struct Container {
    pub id: String,
    pub record: Record,
    directory: PathBuf,
    #[allow(dead_code, reason = "held, not read")]
    lock: Option<Lock>,
}

/// A container that is being created: its directory goes unless it is kept.
#[derive(Debug)]
pub(super) struct Draft {
    id: String,
    directory: PathBuf,
    lock: Option<Lock>,
}

impl Draft {
    /// Take the id.
    pub fn new(root: &Path, id: &str) -> Result<Self> {
        check_id(id)?;
        let directory = root.join(id);
        fs::create_dir_all(root).trying(|| format!("make {}", root.display()))?;
        match fs::create_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return refused(format!("container {id:?} exists already"));
            }
            result => result.trying(|| format!("make {}", directory.display()))?,
        }
        let lock = lock(&directory)?;
        Ok(Self {
            id: id.to_owned(),
            directory,
            lock: Some(lock),
        })
    }

    /// The FIFO that the process will wait on, open at both ends: so that neither
    /// opening nor reading it depends on anybody being at the other.
    pub fn fifo(&self) -> Result<OwnedFd> {
        let path = self.directory.join(FIFO);
        let step = || format!("make {}", path.display());
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .trying(step)?;
        rustix::fs::open(&path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).trying(step)
    }

    /// Write the record; the container exists.
    pub fn keep(mut self, record: Record) -> Result<Container> {
        save(&self.directory, &record)?;
        Ok(Container {
            id: std::mem::take(&mut self.id),
            record,
            directory: std::mem::take(&mut self.directory),
            lock: self.lock.take(),
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.lock.is_some() {
            // Whatever stays is taken away by `delete --force`.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

const FIFO: &str = "exec.fifo";
const STATE: &str = "state.json";

impl Container {
    /// Load it to change it, or to act on it.
    pub fn load(root: &Path, id: &str) -> Result<Self> {
        check_id(id)?;
        let directory = root.join(id);
        if !directory.is_dir() {
            return Err(Error::Missing(id.to_owned()));
        }
        let lock = lock(&directory)?;
        let mut container = Self::look(root, id)?;
        container.lock = Some(lock);
        Ok(container)
    }

    /// Load it to look at it, without a lock: a hook that asks for the state runs while
    /// somebody holds that.
    pub fn look(root: &Path, id: &str) -> Result<Self> {
        check_id(id)?;
        let directory = root.join(id);
        let path = directory.join(STATE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Missing(id.to_owned()));
            }
            result => result.trying(|| format!("read {}", path.display()))?,
        };
        let record = serde_json::from_slice(&text).map_err(|source| Error::Json {
            what: path.display().to_string(),
            source,
        })?;
        Ok(Self {
            id: id.to_owned(),
            record,
            directory,
            lock: None,
        })
    }

    /// The ids under a root.
    pub fn ids(root: &Path) -> Result<Vec<String>> {
        let entries = match fs::read_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            result => result.trying(|| format!("list {}", root.display()))?,
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut ids: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
        ids.sort();
        Ok(ids)
    }

    /// Take away what a creation that was killed left of an id.
    pub fn remove_leftover(root: &Path, id: &str) -> Result<()> {
        check_id(id)?;
        match fs::remove_dir_all(root.join(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.trying(|| format!("remove {id}")),
        }
    }

    /// A pidfd of its first process, unless that ended.
    pub fn process(&self) -> Result<Option<OwnedFd>> {
        let identity = &self.record.process;
        let step = || format!("look for process {}", identity.pid);
        let Some(pidfd) = identity.open().trying(step)? else {
            return Ok(None);
        };
        let pid = rustix::process::Pid::from_raw(identity.pid);
        let ended = match pid.map(proc::state) {
            Some(Ok(state)) => matches!(state, 'Z' | 'X'),
            _ => true,
        };
        Ok((!ended).then_some(pidfd))
    }

    /// Where it is in its life.
    pub fn status(&self) -> Result<Status> {
        if self.process()?.is_none() {
            return Ok(Status::Stopped);
        }
        if self.directory.join(FIFO).exists() {
            return Ok(Status::Created);
        }
        match self.cgroup()? {
            Some(cgroup) if cgroup.is_frozen()? => Ok(Status::Paused),
            _ => Ok(Status::Running),
        }
    }

    /// Its control groups, if they still exist.
    pub fn cgroup(&self) -> Result<Option<Cgroup>> {
        Ok(Cgroups::detect()?.open(&self.record.cgroup)?)
    }

    /// Let its process go on: a byte into the FIFO, which then goes.
    pub fn release(&self) -> Result<()> {
        let path = self.directory.join(FIFO);
        let step = || format!("start by {}", path.display());
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fifo = rustix::fs::open(&path, flags, Mode::empty()).trying(step)?;
        rustix::io::write(fifo, &[0]).trying(step)?;
        fs::remove_file(&path).trying(step)
    }

    /// Write the record anew.
    pub fn save(&self) -> Result<()> {
        save(&self.directory, &self.record)
    }

    /// Forget it: control groups first, then the record.
    pub fn remove(self) -> Result<Record> {
        if let Some(cgroup) = self.cgroup()? {
            cgroup.kill()?;
            cgroup.remove()?;
        }
        fs::remove_dir_all(&self.directory)
            .trying(|| format!("remove {}", self.directory.display()))?;
        Ok(self.record)
    }
}

fn save(directory: &Path, record: &Record) -> Result<()> {
    let path = directory.join(STATE);
    let text = serde_json::to_vec(record).map_err(|source| Error::Json {
        what: path.display().to_string(),
        source,
    })?;
    // It lies in /run and is nothing after a reboot: no sync.
    write_atomically(&path, &text, Durability::Unsynced)
        .trying(|| format!("write {}", path.display()))
}

fn lock(directory: &Path) -> Result<Lock> {
    Lock::wait(&directory.join("lock"), LockMode::Exclusive)
        .trying(|| format!("lock {}", directory.display()))
}

fn check_id(id: &str) -> Result<()> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_+-.".contains(letter);
    if id.is_empty() || id.len() > 255 || matches!(id, "." | "..") || !id.chars().all(plain) {
        return refused(format!(
            "{id:?} is not a container's id: letters, digits, _ + - ."
        ));
    }
    Ok(())
}

/// Open a file that is to be there.
pub(super) fn open(path: &Path) -> Result<File> {
    File::open(path).trying(|| format!("open {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_the_root() {
        for id in ["", ".", "..", "a/b", "a b", "\u{e4}"] {
            assert!(check_id(id).is_err(), "{id:?}");
        }
        for id in ["a", "0-_+.x"] {
            assert!(check_id(id).is_ok(), "{id:?}");
        }
    }

    #[test]
    fn draft_that_is_not_kept_leaves_nothing() {
        let root = tempfile::tempdir().expect("temp dir");
        let draft = Draft::new(root.path(), "x").expect("draft");
        draft.fifo().expect("fifo");
        assert!(Draft::new(root.path(), "x").is_err());
        drop(draft);
        assert_eq!(Container::ids(root.path()).expect("ids").len(), 0);
    }
}
