//! The kernel, typed: the only folder with `unsafe` code, and no policy.
//!
//! What [`rustix`] already wraps safely is called directly by those who need it; here
//! lies what it lacks, and what takes several calls to do right once. Functions that
//! return [`rustix::io::Result`] allocate nothing and take no lock: they may be called
//! between clone and execve.

pub mod beneath;
mod bpf;
pub mod capability;
pub mod cgroup;
pub mod channel;
pub mod clone;
pub mod detached;
pub mod exe;
pub mod exec;
pub mod fs;
pub mod heap;
pub mod host;
pub mod mount;
pub mod net;
pub mod netlink;
pub mod netns;
pub mod nft;
pub mod notice;
pub mod open_files;
pub mod pidfd;
pub mod proc;
pub mod process;
pub mod pty;
pub mod seccomp;
pub mod signal;
