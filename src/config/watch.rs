//! Notices that a configuration file was saved, without polling.
//!
//! Editors write in place or rename a new file over the old one, and some people's file
//! is a link into another directory; so directories are watched, not the file: that of
//! each candidate (or the nearest that exists above it) and that of what it links to.

use std::{
    collections::BTreeSet,
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify},
};
use tokio::{io::unix::AsyncFd, time::sleep};

/// An editor's several steps of one save are one change.
const SETTLE: Duration = Duration::from_millis(15);

/// A watch over files that may not exist yet.
#[derive(Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    inotify: Inotify,
    /// Its descriptor again, for tokio to wait for.
    readiness: AsyncFd<OwnedFd>,
    watched: BTreeSet<PathBuf>,
}

impl Watch {
    /// Watches from now on. Needs a tokio runtime with IO.
    ///
    /// What is no file, such as `/dev/null`, is never saved: any write of anybody would
    /// look like it.
    pub fn new(mut paths: Vec<PathBuf>) -> io::Result<Self> {
        paths.retain(|path| path.metadata().map_or(true, |meta| meta.is_file()));
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let mut watch = Self {
            paths,
            readiness: asynchronous(&inotify)?,
            inotify,
            watched: BTreeSet::new(),
        };
        watch.arm()?;
        Ok(watch)
    }

    /// Waits until one of the files may have changed.
    pub async fn changed(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.readiness.readable().await?;
            let mut is_ours = false;
            loop {
                match self.inotify.read_events() {
                    Ok(events) => {
                        is_ours |= events.iter().any(|event| match &event.name {
                            // Of other files in these directories nothing is wanted.
                            Some(name) => self.watched.iter().any(|dir| {
                                let path = dir.join(name);
                                self.paths.iter().any(|ours| ours.starts_with(&path))
                                    || self.targets().any(|target| target == path)
                            }),
                            None => true,
                        });
                    }
                    Err(Errno::EAGAIN) => break,
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            ready.clear_ready();
            if is_ours {
                sleep(SETTLE).await;
                // What came meanwhile belongs to the same save.
                while matches!(self.inotify.read_events(), Ok(events) if !events.is_empty()) {}
                self.arm()?;
                return Ok(());
            }
        }
    }

    /// Watches what decides about the files as things lie now. A directory that is
    /// watched already stays so; one that is gone dropped out by itself.
    fn arm(&mut self) -> io::Result<()> {
        let parents = self.paths.iter().map(PathBuf::as_path);
        let targets: Vec<_> = self.targets().collect();
        let dirs = parents
            .chain(targets.iter().map(PathBuf::as_path))
            .filter_map(|path| path.ancestors().skip(1).find(|dir| dir.is_dir()))
            .map(Path::to_owned);
        self.watched = dirs.collect();
        let flags = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        for dir in &self.watched {
            match self.inotify.add_watch(dir, flags) {
                // Gone since, or not for us to look into: nothing is to be seen there.
                Ok(_) | Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Where links lead.
    fn targets(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let real = self.paths.iter().map(|path| path.canonicalize());
        real.filter_map(Result::ok)
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe for owners that lie about their descriptor; an OwnedFd can't"
)]
fn asynchronous(inotify: &Inotify) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(inotify.as_fd().try_clone_to_owned()?)
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    async fn is_noticed(watch: &mut Watch) -> bool {
        within(watch, Duration::from_secs(30)).await
    }

    async fn within(watch: &mut Watch, time: Duration) -> bool {
        matches!(timeout(time, watch.changed()).await, Ok(Ok(())))
    }

    #[tokio::test]
    async fn saves_of_every_manner_are_noticed_and_other_files_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("wharf/config.toml");
        let mut watch = Watch::new(vec![file.clone()]).unwrap();
        // The directory comes, then the file, then a new file over it.
        std::fs::create_dir(dir.path().join("wharf")).unwrap();
        assert!(is_noticed(&mut watch).await);
        std::fs::write(&file, "a").unwrap();
        assert!(is_noticed(&mut watch).await);
        std::fs::write(dir.path().join("wharf/other"), "b").unwrap();
        assert!(!within(&mut watch, Duration::from_millis(500)).await);
        std::fs::rename(dir.path().join("wharf/other"), &file).unwrap();
        assert!(is_noticed(&mut watch).await);
        std::fs::remove_file(&file).unwrap();
        assert!(is_noticed(&mut watch).await);
    }

    #[tokio::test]
    async fn file_behind_a_link_is_watched_where_it_lies() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dotfiles")).unwrap();
        let real = dir.path().join("dotfiles/wharf.toml");
        std::fs::write(&real, "a").unwrap();
        let link = dir.path().join("config.toml");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut watch = Watch::new(vec![link]).unwrap();
        std::fs::write(&real, "b").unwrap();
        assert!(is_noticed(&mut watch).await);
    }

    #[tokio::test]
    async fn what_anybody_writes_to_the_null_device_is_no_save() {
        let mut watch = Watch::new(vec!["/dev/null".into()]).unwrap();
        std::fs::write("/dev/null", "a").unwrap();
        assert!(!within(&mut watch, Duration::from_millis(200)).await);
    }
}
