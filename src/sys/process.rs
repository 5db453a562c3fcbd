//! Attributes of this process that rustix does not set.

use std::ffi::CStr;

use rustix::io::Result;

use super::exec::check;

/// Get a new session keyring: a process would else keep the one of whoever started it,
/// and could read the keys there.
pub fn new_session_keyring() -> Result<()> {
    const JOIN_SESSION_KEYRING: libc::c_int = 1;
    let no_name = std::ptr::null::<libc::c_char>();
    // SAFETY: null asks for a keyring without a name.
    check(unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, no_name) }).map(drop)
}

/// Whether the working directory lies below this process's root. The kernel spells one
/// that does not `(unreachable)/...`, and knows none that was removed.
pub fn is_inside_root() -> Result<bool> {
    let mut path = [0u8; 4096];
    // SAFETY: the buffer is valid for the length that is given.
    let result = unsafe { libc::syscall(libc::SYS_getcwd, path.as_mut_ptr(), path.len()) };
    match check(result) {
        Ok(_) => Ok(path[0] == b'/'),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Set the execution domain (`PER_LINUX32` and the like).
pub fn set_personality(persona: libc::c_ulong) -> Result<()> {
    // SAFETY: plain integer.
    check(unsafe { libc::personality(persona) }.into()).map(drop)
}

/// Set the I/O priority of this process: class in the upper three bits.
pub fn set_io_priority(priority: i32) -> Result<()> {
    const WHO_PROCESS: libc::c_int = 1;
    // SAFETY: plain integers.
    check(unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, priority) }).map(drop)
}

/// What `sched_setattr(2)` takes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// Size of this structure; set by [`set_scheduling`].
    pub size: u32,
    /// `SCHED_*`.
    pub policy: u32,
    /// `SCHED_FLAG_*`.
    pub flags: u64,
    /// For the policies that are not real-time.
    pub nice: i32,
    /// For the real-time policies.
    pub priority: u32,
    /// Nanoseconds, for the deadline policy.
    pub runtime: u64,
    /// Nanoseconds, for the deadline policy.
    pub deadline: u64,
    /// Nanoseconds, for the deadline policy.
    pub period: u64,
}

/// Set policy and priority of this process.
pub fn set_scheduling(mut scheduling: Scheduling) -> Result<()> {
    scheduling.size = std::mem::size_of::<Scheduling>() as u32;
    // SAFETY: the structure is valid for the size that it states.
    check(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const scheduling, 0) }).map(drop)
}

/// Set the host name of this UTS namespace.
pub fn set_host_name(name: &CStr) -> Result<()> {
    // SAFETY: pointer and length are of one live string.
    check(unsafe { libc::sethostname(name.as_ptr(), name.count_bytes()) }.into()).map(drop)
}

/// Set the domain name of this UTS namespace.
pub fn set_domain_name(name: &CStr) -> Result<()> {
    // SAFETY: pointer and length are of one live string.
    check(unsafe { libc::setdomainname(name.as_ptr(), name.count_bytes()) }.into()).map(drop)
}

/// Overwrite the arguments that `/proc/PID/cmdline` shows of this process. For a copy of
/// ours that stays in the container as its pid 1: its arguments name paths of the host.
pub fn hide_arguments(area: ArgumentArea) {
    // SAFETY: the area was read from /proc/self/stat of this image: the writable memory
    // on the stack into which the kernel copied the arguments. Zeroes are valid C
    // strings to whoever would still read them.
    unsafe { std::ptr::write_bytes(area.start as *mut u8, 0, area.length) };
}

/// Where the kernel laid the arguments and the environment of this process.
#[derive(Clone, Copy, Debug)]
pub struct ArgumentArea {
    start: usize,
    length: usize,
}

impl ArgumentArea {
    /// Find it.
    pub fn find() -> std::io::Result<Self> {
        let text = std::fs::read_to_string("/proc/self/stat")?;
        // Fields 48 to 51 are arg_start, arg_end, env_start, env_end; the third is the
        // first behind the name's bracket.
        let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
        let mut numbers = fields.split_ascii_whitespace().skip(45);
        let mut next = || numbers.next().and_then(|field| field.parse::<usize>().ok());
        let (Some(start), Some(end)) = (next(), next()) else {
            return Err(std::io::ErrorKind::InvalidData.into());
        };
        Ok(Self {
            start,
            length: end.saturating_sub(start),
        })
    }
}
