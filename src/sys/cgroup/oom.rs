//! A descriptor that becomes readable when the kernel kills in a group for lack of
//! memory, and the count of those kills.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::{
    event::{EventfdFlags, eventfd},
    fs::inotify,
    io::Errno,
};

use super::{Cgroup, Error, Result, file, hierarchy::Version};

/// A watch on one group; poll its descriptor for reading, then ask [`OomWatch::kills`].
#[derive(Debug)]
pub struct OomWatch {
    notice: OwnedFd,
    counter: OwnedFd,
}

impl OomWatch {
    /// v1: an eventfd, registered by writing its number and that of an open
    /// `memory.oom_control` to `cgroup.event_control`. v2: inotify on `memory.events`,
    /// which the kernel touches with each event. Both also wake when the group goes.
    pub(super) fn new(group: &Cgroup) -> Result<Self> {
        let unsupported = || Error::Unsupported {
            field: "a watch for OOM kills".into(),
            why: "the memory controller isn't there".into(),
        };
        let (member, version) = group
            .controller("memory", "memory")
            .ok_or_else(unsupported)?;
        let dir = member.dir.as_fd();
        let name = match version {
            Version::V1 => "memory.oom_control",
            Version::V2 => "memory.events",
        };
        let counter = file::open(dir, name).map_err(|e| group.io("open", member, name, e))?;
        let failed = |e: Errno| group.io("watch", member, name, e.into());
        let notice = match version {
            Version::V1 => {
                let notice =
                    eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(failed)?;
                let request = format!("{} {}", notice.as_raw_fd(), counter.as_raw_fd());
                group.put(member, "cgroup.event_control", &request)?;
                notice
            }
            Version::V2 => {
                let notice =
                    inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)
                        .map_err(failed)?;
                let path = group.dir_path(member).join(name);
                inotify::add_watch(&notice, &path, inotify::WatchFlags::MODIFY).map_err(failed)?;
                notice
            }
        };
        Ok(Self { notice, counter })
    }

    /// Processes killed in the group so far; makes the descriptor quiet until the next.
    /// [`Error::Gone`] once the group is removed.
    ///
    /// The kernel counts a kill a moment after it wakes the watch: who was woken and
    /// finds no more kills than before should look again with the exit of a process.
    pub fn kills(&self) -> Result<u64> {
        let mut events = [0; 1024];
        // Empty (EAGAIN) is fine: then nothing new was said.
        while rustix::io::read(&self.notice, &mut events).is_ok_and(|n| n == events.len()) {}
        let mut buffer = [0; 512];
        let length = match rustix::io::pread(&self.counter, &mut buffer, 0) {
            Ok(length) => length,
            Err(Errno::NODEV) => return Err(Error::Gone),
            Err(e) => {
                return Err(Error::Io {
                    action: "read",
                    path: "memory.oom_control or memory.events".into(),
                    source: e.into(),
                });
            }
        };
        Ok(super::counters::value(&buffer[..length], b"oom_kill").unwrap_or(0))
    }
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.notice.as_fd()
    }
}
