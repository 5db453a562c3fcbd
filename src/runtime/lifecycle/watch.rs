//! Waiting for something to change about one container, without polling.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::inotify::AddWatchFlags,
};
use rustix::process::Pid;

use super::{Result, failed};
use crate::{
    runtime::{inspect, paths::ContainerPaths},
    sys::{notice::Notice, pidfd},
};

/// Notices changes of a container's records and of its live state.
///
/// The order of use keeps anything from slipping by: make it, look, wait, look again.
#[derive(Debug)]
pub struct Watch {
    notice: Notice,
    /// The shim: its sudden death changes no file.
    shim: Option<OwnedFd>,
}

impl Watch {
    /// Watches from now on.
    pub fn new(paths: &ContainerPaths) -> Result<Self> {
        let mut notice = Notice::new().map_err(failed("watch", &paths.data))?;
        let records = AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_DELETE_SELF;
        // The file, not its directory: the container writes to the FIFOs beside it.
        let live = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_DELETE_SELF;
        for (path, flags) in [(&paths.data, records), (&paths.state(), live)] {
            match notice.add(path, flags) {
                Ok(()) => {}
                // Gone, or not there yet: a run always ends with an exit record, and
                // that is in the other.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("watch", path)(error)),
            }
        }
        let shim = inspect::live(paths)?.and_then(|live| Pid::from_raw(live.shim_pid));
        // One that is gone already is seen by the look that follows.
        let shim = shim.and_then(|pid| pidfd::open(pid).ok());
        Ok(Self { notice, shim })
    }

    /// Waits for a change until `deadline`; false once that is over.
    pub fn wait(&mut self, deadline: Option<Instant>) -> Result<bool> {
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(false);
            }
            // Rounded up, so that a wait never spins through its last millisecond.
            let timeout = left.map_or(PollTimeout::NONE, |left| {
                let ms = i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX);
                PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX)
            });
            let mut fds = vec![PollFd::new(self.notice.as_fd(), PollFlags::POLLIN)];
            if let Some(shim) = &self.shim {
                fds.push(PollFd::new(shim.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut fds, timeout) {
                Ok(0) => continue,
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(failed("wait for", "a container")(errno.into())),
                Ok(_) => {}
            }
            let shim_ended = fds.get(1).is_some_and(|fd| fd.any().unwrap_or(true));
            if shim_ended {
                self.shim = None;
            }
            // Emptied before the caller looks, so that what comes later is told again.
            self.notice.take();
            return Ok(true);
        }
    }

    /// Waits until the shim ended, however long its last work takes.
    pub fn wait_shim(&self, timeout: Duration) -> io::Result<bool> {
        match &self.shim {
            Some(shim) => pidfd::wait_exit(shim, Some(timeout)),
            None => Ok(true),
        }
    }
}
