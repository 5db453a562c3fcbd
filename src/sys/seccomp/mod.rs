//! System call filters: from a profile to a classic BPF program, and its installation.
//!
//! ```text
//! oci, docker   the two notations of a profile
//! default       docker's default profile, compiled ahead from assets/seccomp.json
//! policy        what a profile comes to on this machine: a verdict a system call
//! program       the policy as instructions
//! syscalls      names and numbers
//! ```
//!
//! The kernel runs the program at each system call, unless it knows the answer: since
//! 5.11 it tries, when a filter is installed, every number with no arguments known, and
//! keeps a bitmap of those that are allowed whatever the arguments. So a program must
//! decide by number first, and load an argument only on the way of those few calls that
//! need it. Ours is a binary search over ranges of equal verdict: some eight comparisons,
//! where libseccomp's default is a list of hundreds.

#[cfg(target_arch = "x86_64")]
mod default;
mod docker;
mod oci;
mod policy;
mod program;
mod syscalls;
#[cfg(test)]
mod tests;

use std::io;

use super::capability;

/// Result of everything in this folder.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a profile is refused. Each names the rule.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not of the profile's form.
    #[error("read the seccomp profile")]
    Syntax(#[from] serde_json::Error),
    /// A rule that is wrong or unsupported.
    #[error("seccomp profile, {rule}: {why}")]
    Rule {
        /// Which, such as `syscalls[3] (clone)`.
        rule: String,
        /// What is wrong.
        why: String,
    },
    /// Something outside of the rules.
    #[error("seccomp profile, {field}: {why}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The kernel takes no more than 4096 instructions.
    #[error("seccomp profile: {0} instructions are more than the kernel's 4096")]
    TooLong(usize),
}

/// A calling convention with numbers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arch {
    X86_64,
    /// 32-bit programs on x86.
    X86,
    /// 32-bit pointers in 64-bit mode: the same machine to the kernel, marked by a bit
    /// in the number.
    X32,
    Aarch64,
}

impl Arch {
    #[cfg(target_arch = "x86_64")]
    const NATIVE: Self = Self::X86_64;
    #[cfg(target_arch = "aarch64")]
    const NATIVE: Self = Self::Aarch64;
}

/// A filter, ready to be installed.
#[derive(Clone, Debug)]
pub struct Filter {
    program: Vec<libc::sock_filter>,
    flags: libc::c_ulong,
}

impl Filter {
    /// Docker's default profile for a process whose bounding set is `capabilities`: some
    /// system calls are only allowed with the capability that they need anyway.
    pub fn default_profile(capabilities: capability::Set) -> Result<Self> {
        #[cfg(target_arch = "x86_64")]
        return default::PROFILE.filter(capabilities);
        // Not compiled ahead there: the same from its source, a millisecond later.
        #[cfg(not(target_arch = "x86_64"))]
        Self::from_docker_json(include_str!("../../../assets/seccomp.json"), capabilities)
    }

    /// The profile of an OCI bundle.
    pub fn from_oci(seccomp: &oci_spec::runtime::LinuxSeccomp) -> Result<Self> {
        oci::filter(seccomp)
    }

    /// A profile in docker's format, as `--security-opt seccomp=FILE` names one.
    pub fn from_docker_json(json: &str, capabilities: capability::Set) -> Result<Self> {
        docker::parse(json)?.filter(capabilities)
    }

    /// Number of instructions.
    pub fn instructions(&self) -> usize {
        self.program.len()
    }

    /// Put this thread under the filter, for good. Needs no_new_privs or CAP_SYS_ADMIN.
    /// Allocates nothing and takes no lock: made for the moment before execve.
    pub fn install(&self) -> io::Result<()> {
        let program = libc::sock_fprog {
            len: self.program.len() as libc::c_ushort,
            filter: self.program.as_ptr().cast_mut(),
        };
        // SAFETY: `program` points to a whole program that outlives the call; the kernel
        // copies it and writes nothing.
        let result = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::c_ulong::from(libc::SECCOMP_SET_MODE_FILTER),
                self.flags,
                &raw const program,
            )
        };
        match result {
            0 => Ok(()),
            // With TSYNC, the thread that could not follow.
            1.. => Err(io::ErrorKind::Deadlock.into()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
