//! `clone3(2)`: the one way this program makes a process of its own image.
//!
//! Only a single-threaded process may call [`fork`]: the child gets a copy of this
//! thread alone, and a lock that another thread held at that moment (the allocator's,
//! say) would stay held in it for ever.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// What the child shares with us and where it is born.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clone<'a> {
    /// `CLONE_NEW*` flags of namespaces, `CLONE_PARENT`, `CLONE_FILES`.
    pub flags: u64,
    /// A cgroup v2 directory to be born in (`CLONE_INTO_CGROUP`, Linux 5.7).
    pub cgroup: Option<BorrowedFd<'a>>,
}

/// New time namespace; only clone3 and unshare take it.
pub const NEW_TIME: u64 = 0x80;

const INTO_CGROUP: u64 = 0x2_0000_0000;
const CLEAR_SIGHAND: u64 = 0x1_0000_0000;

/// A process that we are the parent of.
#[derive(Debug)]
pub struct Child {
    /// Its id in our pid namespace.
    pub pid: Pid,
    /// Names it safely even after it was reaped and its id was given away.
    pub pidfd: OwnedFd,
}

/// Clone this process; the child runs `body` and ends with the code it returns.
///
/// Signal handlers are reset in the child (`CLONE_CLEAR_SIGHAND`): ours would run in a
/// process that is no longer us. `body` must not allocate, print or panic; a panic
/// aborts the child. With `CLONE_PARENT` the child is our parent's.
pub fn fork(clone: Clone<'_>, body: impl FnOnce() -> i32) -> io::Result<Child> {
    let mut pidfd: libc::c_int = -1;
    // SAFETY: clone_args is plain data, for which all zeroes is valid.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = clone.flags | libc::CLONE_PIDFD as u64 | CLEAR_SIGHAND;
    args.pidfd = (&raw mut pidfd) as u64;
    if clone.flags & libc::CLONE_PARENT as u64 == 0 {
        args.exit_signal = libc::SIGCHLD as u64;
    }
    if let Some(cgroup) = clone.cgroup {
        args.flags |= INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: args is valid for its size and outlives the call. No CLONE_VM is ever
    // passed, so the child runs on a copy of this stack and may return through it.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw mut args,
            std::mem::size_of::<libc::clone_args>(),
        )
    };
    let pid = match pid {
        // Docker's default seccomp profile hides clone3, whose flags it could not see
        // behind the pointer; our own init runs under it.
        -1 if io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS)
            && clone.cgroup.is_none() =>
        {
            let flags = clone.flags | libc::CLONE_PIDFD as u64 | args.exit_signal;
            // SAFETY: as above; no stack means a copy of this one, and the kernel writes
            // one descriptor's number to pidfd, which outlives the call.
            unsafe { libc::syscall(libc::SYS_clone, flags, 0, &raw mut pidfd, 0, 0) }
        }
        pid => pid,
    };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let guard = AbortOnUnwind;
            let code = body();
            std::mem::forget(guard);
            exit(code)
        }
        pid => Ok(Child {
            pid: Pid::from_raw(pid as i32).expect("clone3 gave a positive id"),
            // SAFETY: the kernel stored a fresh descriptor, which only we know.
            pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) },
        }),
    }
}

/// Leave the namespaces of these `CLONE_NEW*` flags for new ones.
pub fn unshare(namespaces: u64) -> rustix::io::Result<()> {
    let flags = namespaces as libc::c_int & !libc::CLONE_FILES;
    // SAFETY: of all that unshare can split, only a descriptor table (CLONE_FILES)
    // could surprise other owners; it was masked out.
    super::exec::check(unsafe { libc::unshare(flags) }.into()).map(drop)
}

/// Put `fd` at the number `slot`, whatever was there: for a helper that shares our
/// descriptor table (`CLONE_FILES`) and hands us what it opened.
pub fn replace(fd: OwnedFd, slot: std::os::fd::RawFd) -> rustix::io::Result<()> {
    // SAFETY: both are plain integers; the caller reserved the slot for this.
    let result = unsafe { libc::dup3(fd.as_raw_fd(), slot, libc::O_CLOEXEC) };
    super::exec::check(result.into()).map(drop)
}

/// What a helper opens where we ourselves can't go and come back from, such as another
/// mount namespace: it has these `CLONE_NEW*` of its own, shares our descriptor table and
/// ends. `open` is bound as the body of [`fork`] is.
pub fn fetch(
    namespaces: u64,
    open: impl FnOnce() -> rustix::io::Result<OwnedFd>,
) -> io::Result<OwnedFd> {
    // Reserved here, replaced there: so its number is known to both.
    let slot: OwnedFd = File::open("/dev/null")?.into();
    let number = slot.as_raw_fd();
    let flags = namespaces | libc::CLONE_FILES as u64;
    let helper = fork(
        Clone {
            flags,
            cgroup: None,
        },
        || match open().and_then(|fd| replace(fd, number)) {
            Ok(()) => 0,
            Err(errno) => errno.raw_os_error(),
        },
    )?;
    let status = waitid(WaitId::PidFd(helper.pidfd.as_fd()), WaitIdOptions::EXITED)?;
    match status.and_then(|status| status.exit_status()) {
        Some(0) => Ok(slot),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(io::ErrorKind::Interrupted.into()),
    }
}

/// End this process at once: no destructors, no exit handlers, which are the parent's.
pub fn exit(code: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(code) }
}

struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        exit(125);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    use std::os::fd::AsFd;

    #[test]
    fn a_child_ends_with_the_code_of_its_body() {
        let child = fork(Clone::default(), || 42).expect("fork");
        let status = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED)
            .expect("wait")
            .expect("exited");
        assert_eq!(status.exit_status(), Some(42));
    }
}
