//! Who a process is, for longer than its pid is its own.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

/// A process for as long as the machine runs: the kernel gives a pid away again, but
/// not together with the same start time; and no two boots share an id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its id in our pid namespace.
    pub pid: i32,
    /// When it started, in clock ticks since the boot.
    pub start_time: u64,
    /// The inode of its pidfd, never given twice in one boot where the kernel has pidfs
    /// (Linux 6.9).
    pub pidfs_inode: Option<u64>,
    /// The boot.
    pub boot_id: String,
}

impl Identity {
    /// The process that has `pid` now.
    pub fn of(pid: Pid, pidfd: &OwnedFd) -> io::Result<Self> {
        Ok(Self {
            pid: pid.as_raw_nonzero().get(),
            start_time: start_time(pid)?,
            pidfs_inode: pidfs_inode(pidfd),
            boot_id: boot_id()?,
        })
    }

    /// A pidfd of it if it still exists (it may be a zombie).
    pub fn open(&self) -> io::Result<Option<OwnedFd>> {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return Ok(None);
        };
        if self.boot_id != boot_id()? {
            return Ok(None);
        }
        let pidfd = match super::pidfd::open(pid) {
            Ok(pidfd) => pidfd,
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(None),
            Err(error) => return Err(error),
        };
        if let (Some(then), Some(now)) = (self.pidfs_inode, pidfs_inode(&pidfd)) {
            return Ok((then == now).then_some(pidfd));
        }
        // The pidfd was opened first: if the start time read after is right, it was
        // the same process all the while.
        match start_time(pid) {
            Ok(start) => Ok((start == self.start_time).then_some(pidfd)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The id of this boot.
pub fn boot_id() -> io::Result<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(text.trim().to_owned())
}

/// The inode that pidfs gave the process; before pidfs all pidfds share one inode of
/// another file system.
pub fn pidfs_inode(pidfd: &OwnedFd) -> Option<u64> {
    const PIDFS_MAGIC: u64 = 0x5049_4446;
    let magic = rustix::fs::fstatfs(pidfd).ok()?.f_type as u64;
    (magic == PIDFS_MAGIC).then(|| rustix::fs::fstat(pidfd).ok().map(|stat| stat.st_ino))?
}

/// When the process started, in clock ticks since the boot.
pub fn start_time(pid: Pid) -> io::Result<u64> {
    let stat = stat_fields(pid)?;
    field(&stat, 22)
}

/// The one-letter state: R, S, D, T, t, Z, X, I.
pub fn state(pid: Pid) -> io::Result<char> {
    let stat = stat_fields(pid)?;
    field(&stat, 3)
}

/// The wait status of a process that ended and was not reaped yet; `None` for any other.
pub fn zombie_status(pid: Pid) -> Option<i32> {
    let stat = stat_fields(pid).ok()?;
    let state: char = field(&stat, 3).ok()?;
    (state == 'Z').then(|| field(&stat, 52).ok())?
}

/// `/proc/PID/stat` from its third field on: the second, the name, may hold blanks and
/// brackets, so the last bracket is what ends it.
fn stat_fields(pid: Pid) -> io::Result<String> {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    let mut text = match fs::read_to_string(path) {
        // The process ended between open and read.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {
            return Err(io::ErrorKind::NotFound.into());
        }
        result => result?,
    };
    let name_end = text.rfind(')').ok_or(io::ErrorKind::InvalidData)?;
    Ok(text.split_off(name_end + 1))
}

fn field<T: std::str::FromStr>(fields: &str, number: usize) -> io::Result<T> {
    fields
        .split_ascii_whitespace()
        .nth(number - 3)
        .and_then(|field| field.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_again_and_another_start_time_is_not() {
        let pid = rustix::process::getpid();
        let pidfd = crate::sys::pidfd::open(pid).expect("pidfd");
        let mut identity = Identity::of(pid, &pidfd).expect("identity");
        assert!(identity.open().expect("open").is_some());
        identity.pidfs_inode = None;
        assert!(identity.open().expect("open").is_some());
        identity.start_time += 1;
        assert!(identity.open().expect("open").is_none());
    }
}
