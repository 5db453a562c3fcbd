//! Processes by descriptor: a pid can be given away, a pidfd can't.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::exec::check;

/// Open the process that has this pid now. Compare its [`super::proc::Identity`]
/// afterwards if the pid is old.
pub fn open(pid: Pid) -> io::Result<OwnedFd> {
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Send a signal; `ESRCH` once the process was reaped.
pub fn send_signal(pidfd: impl AsFd, signal: i32) -> rustix::io::Result<()> {
    // rustix' Signal leaves the real-time ones out.
    // SAFETY: plain integers and a null siginfo.
    check(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_fd().as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    })
    .map(drop)
}

/// Wait until it ended (it may still be a zombie); false when the time is over first.
pub fn wait_exit(pidfd: impl AsFd, timeout: Option<Duration>) -> io::Result<bool> {
    let deadline = timeout.map(|timeout| std::time::Instant::now() + timeout);
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(std::time::Instant::now()));
        let left = left.map(|left| Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
        match poll(&mut fds, left.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(ready) => return Ok(ready > 0),
        }
    }
}

/// What the kernel reads and fills for `PIDFD_GET_INFO`, as of Linux 6.15.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Info {
    mask: u64,
    cgroup_id: u64,
    pid: u32,
    tgid: u32,
    ppid: u32,
    ids: [u32; 8],
    exit_code: i32,
}

const INFO_EXIT: u64 = 1 << 3;
/// `_IOWR(0xFF, 11, struct pidfd_info)` with the first published size, 64.
const GET_INFO: libc::c_ulong = 0xC040_FF0B;

/// The wait status of a process that was reaped by somebody else, if the pidfd was
/// opened before and the kernel keeps it (Linux 6.15). `None` while it runs, and where
/// the kernel does not know.
pub fn exit_status(pidfd: impl AsFd) -> Option<i32> {
    let mut info = Info {
        mask: INFO_EXIT,
        ..Info::default()
    };
    // SAFETY: info is at least the 64 bytes that the request number names.
    let result = unsafe { libc::ioctl(pidfd.as_fd().as_raw_fd(), GET_INFO, &raw mut info) };
    (result == 0 && info.mask & INFO_EXIT != 0).then_some(info.exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn exit_is_seen_and_its_status_kept() {
        let mut child = Command::new("sh")
            .args(["-c", "exit 7"])
            .spawn()
            .expect("spawn");
        let pidfd = open(Pid::from_child(&child)).expect("open");
        assert!(wait_exit(&pidfd, Some(Duration::from_secs(10))).expect("poll"));
        child.wait().expect("reap");
        if let Some(status) = exit_status(&pidfd) {
            assert_eq!(status, 7 << 8);
        }
        assert_eq!(send_signal(&pidfd, 0), Err(rustix::io::Errno::SRCH));
    }
}
