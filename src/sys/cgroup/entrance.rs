//! The quick way into a group: a process that goes there by itself.
//!
//! Moving another process costs a grace period of RCU, 4 to 14 ms: the kernel stops all
//! forks and exits of the machine for it (`cgroup_threadgroup_rwsem`), unless another move
//! did so a few milliseconds before. Two ways need no such stop. A child cloned with
//! `CLONE_INTO_CGROUP` is born in a v2 group. And a thread that moves itself alone, by
//! writing 0 to a v1 group's `tasks`, can't fork or exit meanwhile (Linux 5.6); for a
//! process of one thread that is a move of the whole process.
//!
//! Measured on a hybrid host with eight v1 trees, after a pause, median of 30: writing the
//! child's pid to each `cgroup.procs` 10.6 ms (the first 10.2, each later one 0.02), the
//! child's own eight writes 0.33 ms. Writing one's own pid to where one is already, ahead
//! of time, shifts the same wait elsewhere: 7.8 ms, then 0.3 ms within the next 5 to 10 ms.
//! Letting the parent join, fork and leave costs 12.7 ms.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    fs::{Mode, OFlags, openat},
    io::write,
};

use super::{Cgroup, Result, hierarchy::Version};

/// The open doors of a group. Made before the clone, used by the child.
#[derive(Debug)]
pub struct Entrance {
    doors: Vec<OwnedFd>,
}

impl Cgroup {
    /// Open the way in for a child that has one thread. `is_born_inside`: it will be
    /// cloned into [`Cgroup::clone_into`].
    pub fn entrance(&self, is_born_inside: bool) -> Result<Entrance> {
        let mut doors = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let name = match self.hierarchy(member).version {
                Version::V1 => "tasks",
                Version::V2 if is_born_inside => continue,
                // A lone thread can't leave its v2 domain: here the whole price is paid.
                Version::V2 => "cgroup.procs",
            };
            let flags = OFlags::WRONLY | OFlags::CLOEXEC;
            let door = openat(member.dir.as_fd(), name, flags, Mode::empty());
            doors.push(door.map_err(|e| self.io("open", member, name, e.into()))?);
        }
        Ok(Entrance { doors })
    }
}

impl Entrance {
    /// Go in. Allocates nothing: made for the time between clone and execve.
    pub fn enter(&self) -> rustix::io::Result<()> {
        for door in &self.doors {
            write(door, b"0")?;
        }
        Ok(())
    }
}
