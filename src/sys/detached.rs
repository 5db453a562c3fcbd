//! Starting a program that is nobody's child: it outlives us, and its end is nothing
//! that we have to wait for.
//!
//! Safe in a process with threads: memory is shared with the caller until execve, as
//! in vfork(2), so nothing is copied and no page table is built, and the code between
//! clone and execve makes system calls only. Two clones, because the kernel gives an
//! orphan away: the first child ends at once, and its child becomes init's (or the
//! nearest subreaper's).

use std::ffi::{CString, c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::Pid;

use super::{
    exec::{Strings, close_from_on_exec, execveat},
    open_files,
};

/// Descriptors of ours are moved above the numbers that the program gets.
const ABOVE: RawFd = 64;
const STACK_BYTES: usize = 64 * 1024;

/// What the children need, in the caller's memory.
struct Plan<'a> {
    program: BorrowedFd<'a>,
    args: Strings,
    env: Strings,
    descriptors: Vec<RawFd>,
    stack: Vec<u128>,
    /// Written by the children.
    pid: libc::pid_t,
    error: i32,
}

/// Runs the program behind `program`, with no environment, with `descriptors` as its
/// descriptors 0, 1, 2, … and no other. Returns once it runs: its pid, which it has for
/// as long as it lives.
///
/// It starts with every signal blocked: a handler of ours must not run in a process
/// that shares our memory. It unblocks them itself.
pub fn spawn(
    program: BorrowedFd<'_>,
    args: Vec<CString>,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<Pid> {
    assert!((descriptors.len() as RawFd) < ABOVE);
    let moved: Vec<_> = descriptors
        .iter()
        .map(|fd| fcntl_dupfd_cloexec(fd, ABOVE))
        .collect::<Result<_, _>>()?;
    let program = fcntl_dupfd_cloexec(program, ABOVE)?;
    let mut plan = Plan {
        program: program.as_fd(),
        args: Strings::new(args),
        env: Strings::new(Vec::new()),
        descriptors: moved.iter().map(AsRawFd::as_raw_fd).collect(),
        stack: vec![0; STACK_BYTES / size_of::<u128>()],
        pid: 0,
        error: 0,
    };
    let mut stack = vec![0u128; STACK_BYTES / size_of::<u128>()];
    let blocked = SignalsBlocked::new()?;
    let child = clone_vm(middle, &mut stack, &raw mut plan);
    drop(blocked);
    let child = child?;
    // SAFETY: the middle child is ours and not waited for elsewhere: nobody knows it.
    let reaped = unsafe { libc::waitpid(child, std::ptr::null_mut(), libc::__WALL) };
    // ECHILD: the caller ignores SIGCHLD, and the kernel has reaped it.
    let lost = reaped < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EINTR);
    debug_assert!(
        !lost,
        "a child that has exited is waited for without sleeping"
    );
    match plan.error {
        0 => Pid::from_raw(plan.pid).ok_or_else(|| io::ErrorKind::Other.into()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Takes a descriptor that the starter of this process gave it by its number, once; it
/// is closed by the next execve. `EBADF` if it gave none, or if it was taken before.
pub fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let bad = || io::Error::from_raw_os_error(libc::EBADF);
    let bit = 1u64.checked_shl(number as u32).ok_or_else(bad)?;
    // SAFETY: plain integers; the number may name nothing, which is an error.
    if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if TAKEN.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
        return Err(bad());
    }
    // SAFETY: it is open, and given out this once. That nobody else in this process
    // opened it is the caller's part: it asks before it opens anything.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Clones with shared memory; the caller sleeps until the child execs or ends. No exit
/// signal: the caller's SIGCHLD handler has nothing to do with it.
fn clone_vm(
    body: extern "C" fn(*mut c_void) -> c_int,
    stack: &mut [u128],
    plan: *mut Plan<'_>,
) -> io::Result<libc::pid_t> {
    let top = stack.as_mut_ptr_range().end;
    // SAFETY: the stack is live, aligned and used by this child alone, which is done
    // with it when clone returns (CLONE_VFORK); `plan` is of the type that `body` casts
    // it to, and nobody else touches it meanwhile.
    let pid = unsafe {
        libc::clone(
            body,
            top.cast(),
            libc::CLONE_VM | libc::CLONE_VFORK,
            plan.cast(),
        )
    };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(pid)
}

/// The child that ends at once.
extern "C" fn middle(plan: *mut c_void) -> c_int {
    // SAFETY: `spawn` passed a Plan and sleeps until we are gone.
    let plan: &mut Plan<'_> = unsafe { &mut *plan.cast() };
    let stack: *mut [u128] = plan.stack.as_mut_slice();
    // SAFETY: the grandchild reads other fields than the stack it stands on.
    match clone_vm(last, unsafe { &mut *stack }, plan) {
        Ok(pid) => plan.pid = pid,
        Err(error) => plan.error = error.raw_os_error().unwrap_or(libc::EAGAIN),
    }
    0
}

/// The child that becomes the program.
extern "C" fn last(plan: *mut c_void) -> c_int {
    // SAFETY: as in `middle`, which sleeps until we exec or end.
    let plan: &mut Plan<'_> = unsafe { &mut *plan.cast() };
    plan.error = become_program(plan).raw_os_error();
    127
}

fn become_program(plan: &Plan<'_>) -> Errno {
    for (target, source) in plan.descriptors.iter().enumerate() {
        // SAFETY: plain integers; this process has a descriptor table of its own, so
        // what is overwritten is a copy.
        if unsafe { libc::dup2(*source, target as RawFd) } < 0 {
            return Errno::from_raw_os_error(
                io::Error::last_os_error()
                    .raw_os_error()
                    .unwrap_or(libc::EBADF),
            );
        }
    }
    if let Err(error) = open_files::restore() {
        return error;
    }
    if let Err(error) = close_from_on_exec(plan.descriptors.len() as RawFd) {
        return error;
    }
    execveat(plan.program, &plan.args, &plan.env)
}

/// Every signal blocked in this thread, until dropped.
struct SignalsBlocked(libc::sigset_t);

impl SignalsBlocked {
    fn new() -> io::Result<Self> {
        // SAFETY: both sets are initialised before they are read.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            match libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) {
                0 => Ok(Self(before)),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the set is what the kernel gave for this thread.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use super::*;

    fn run(program: &str, script: &str) -> io::Result<String> {
        let program = File::open(program)?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let (mut reader, writer) = io::pipe()?;
        let args = ["sh", "-c", script].map(|arg| CString::new(arg).expect("no nul"));
        spawn(
            program.as_fd(),
            args.to_vec(),
            &[null.as_fd(), writer.as_fd(), null.as_fd(), writer.as_fd()],
        )?;
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn program_is_not_our_child_and_has_only_what_it_was_given() {
        let text = run("/bin/sh", "echo $PPID; ls /proc/$$/fd; env").expect("spawn");
        let mut lines = text.lines();
        let parent: u32 = lines.next().expect("parent").parse().expect("pid");
        assert_ne!(parent, std::process::id());
        let rest: Vec<_> = lines.filter(|line| !line.starts_with("PWD")).collect();
        assert_eq!(rest, ["0", "1", "2", "3"]);
    }

    #[test]
    fn program_that_cannot_run_is_an_error_here() {
        let error = run("/etc/passwd", "").expect_err("not a program");
        assert_eq!(error.raw_os_error(), Some(libc::EACCES));
    }
}
