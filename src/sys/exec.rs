//! Replacing this process by another program.

use std::ffi::{CStr, CString, c_char};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::{Errno, Result};

/// Strings as execve wants them, laid out before the clone: an array of pointers that
/// ends with null, kept beside the strings it points into.
#[derive(Debug)]
pub struct Strings {
    owned: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl Strings {
    /// Lay them out.
    pub fn new(strings: Vec<CString>) -> Self {
        // A CString's bytes lie on the heap and do not move with it.
        let pointers = strings
            .iter()
            .map(|string| string.as_ptr())
            .chain([std::ptr::null()])
            .collect();
        Self {
            owned: strings,
            pointers,
        }
    }

    /// The strings.
    pub fn as_slice(&self) -> &[CString] {
        &self.owned
    }
}

/// Run the program at `path`. Returns only if that failed, and says why.
pub fn execve(path: &CStr, args: &Strings, env: &Strings) -> Errno {
    // SAFETY: both arrays are null-terminated and point to live C strings.
    unsafe { libc::execve(path.as_ptr(), args.pointers.as_ptr(), env.pointers.as_ptr()) };
    last_errno()
}

/// Run the program behind `fd`. Returns only if that failed, and says why.
pub fn execveat(fd: BorrowedFd<'_>, args: &Strings, env: &Strings) -> Errno {
    // SAFETY: as in `execve`; the empty path with AT_EMPTY_PATH means fd itself.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            fd.as_raw_fd(),
            c"".as_ptr(),
            args.pointers.as_ptr(),
            env.pointers.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    last_errno()
}

/// Mark all descriptors from `first` on to be closed by execve.
pub fn close_from_on_exec(first: RawFd) -> Result<()> {
    close_range(first, libc::CLOSE_RANGE_CLOEXEC)
}

/// Close all descriptors from `first` on, behind the backs of their owners: only for a
/// child that never returns to the code that holds them.
pub fn close_from(first: RawFd) -> Result<()> {
    close_range(first, 0)
}

fn close_range(first: RawFd, flags: u32) -> Result<()> {
    // SAFETY: plain integers. Closing descriptors that others own is I/O unsafe in
    // general; `close_from`'s contract keeps it to processes about to end or exec.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) }).map(drop)
}

/// The result of a libc call as rustix words it.
pub(super) fn check(result: libc::c_long) -> Result<libc::c_long> {
    if result < 0 {
        Err(last_errno())
    } else {
        Ok(result)
    }
}

fn last_errno() -> Errno {
    // SAFETY: errno's address is always valid in this thread.
    Errno::from_raw_os_error(unsafe { *libc::__errno_location() })
}

/// Make these the standard input, output and error of this process.
pub fn set_stdio(descriptors: [BorrowedFd<'_>; 3]) -> Result<()> {
    for (number, fd) in descriptors.iter().enumerate() {
        debug_assert!(fd.as_raw_fd() > 2, "it would be overwritten");
        // SAFETY: plain integers; 0 to 2 are this process's own to replace.
        check(unsafe { libc::dup2(fd.as_raw_fd(), number as RawFd) }.into())?;
    }
    Ok(())
}

/// Close every descriptor from `first` on but `keep`, which move to `first` and the
/// numbers after it. For a child that is about to exec and never returns to the code
/// that owns the others.
pub fn keep_only<const N: usize>(first: RawFd, keep: [BorrowedFd<'_>; N]) -> Result<[OwnedFd; N]> {
    let end = first + N as RawFd;
    // Out of the way first: one may lie where another is to go.
    let mut moved = [-1; N];
    for (slot, fd) in moved.iter_mut().zip(keep) {
        // SAFETY: plain integers.
        let result = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, end) };
        *slot = check(result.into())? as RawFd;
    }
    for (fd, number) in moved.iter().zip(first..) {
        // SAFETY: plain integers; the caller gave up what lies there.
        check(unsafe { libc::dup3(*fd, number, libc::O_CLOEXEC) }.into())?;
    }
    close_from(end)?;
    // SAFETY: each number was just made by dup3, and nobody else knows of it.
    Ok(std::array::from_fn(|index| unsafe {
        OwnedFd::from_raw_fd(first + index as RawFd)
    }))
}
