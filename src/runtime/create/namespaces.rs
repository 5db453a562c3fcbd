//! Which namespaces are new, which are joined, which are shared with us.
//!
//! The clone itself makes only what can't be made later: the pid namespace, and the
//! user namespace, which must own all others. The child makes the rest by unshare, once
//! it is in its control groups: a cgroup namespace shows as its root the group that the
//! process is in at that moment.

use std::collections::HashMap;
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use oci_spec::runtime::{LinuxIdMapping, LinuxNamespaceType, LinuxTimeOffset, Spec};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{DumpableBehavior, Pid, set_dumpable_behavior};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

use crate::sys::cgroup::Cgroup;
use crate::sys::channel::Channel;
use crate::sys::clone::{self, Child, Clone};

use super::error::{At, Error, Failure, Result, Stage, Trying};

/// The namespaces of a container that is about to be made.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    /// Made new, as `CLONE_NEW*` flags.
    new: u64,
    /// Joined by path, the user namespace first: it gives the right to join the others.
    joined: Vec<(u64, OwnedFd, PathBuf)>,
    uid_map: String,
    gid_map: String,
    time_offsets: Option<String>,
}

/// `CLONE_NEWUSER`.
pub(super) const USER: u64 = libc::CLONE_NEWUSER as u64;
const PID: u64 = libc::CLONE_NEWPID as u64;
const CGROUP: u64 = libc::CLONE_NEWCGROUP as u64;
const NETWORK: u64 = libc::CLONE_NEWNET as u64;
const MOUNT: u64 = libc::CLONE_NEWNS as u64;
const UTS: u64 = libc::CLONE_NEWUTS as u64;
const IPC: u64 = libc::CLONE_NEWIPC as u64;

/// Flag, name under `/proc/PID/ns`.
const KINDS: [(u64, &str); 8] = [
    (USER, "user"),
    (CGROUP, "cgroup"),
    (IPC, "ipc"),
    (UTS, "uts"),
    (NETWORK, "net"),
    (PID, "pid"),
    (MOUNT, "mnt"),
    (clone::NEW_TIME, "time"),
];

/// The flag of a namespace type of the specification.
pub(super) fn flag(kind: LinuxNamespaceType) -> u64 {
    match kind {
        LinuxNamespaceType::Mount => MOUNT,
        LinuxNamespaceType::Cgroup => CGROUP,
        LinuxNamespaceType::Uts => UTS,
        LinuxNamespaceType::Ipc => IPC,
        LinuxNamespaceType::User => USER,
        LinuxNamespaceType::Pid => PID,
        LinuxNamespaceType::Network => NETWORK,
        LinuxNamespaceType::Time => clone::NEW_TIME,
    }
}

impl Namespaces {
    /// Read them, open those that are named by path.
    pub fn plan(spec: &Spec) -> Result<Self> {
        let linux = spec.linux().as_ref();
        let mut plan = Self::default();
        let listed = linux.and_then(|linux| linux.namespaces().as_ref());
        for namespace in listed.into_iter().flatten() {
            let flag = flag(namespace.typ());
            let name = name(flag);
            let field = || format!("linux.namespaces: {name}");
            if (plan.new | plan.joined_flags()) & flag != 0 {
                return Err(Error::invalid(field(), "listed twice"));
            }
            match namespace.path() {
                Some(path) if !path.as_os_str().is_empty() => {
                    let file = File::open(path)
                        .trying(|| format!("open the {name} namespace {}", path.display()))?;
                    plan.joined.push((flag, file.into(), path.clone()));
                }
                _ => plan.new |= flag,
            }
            if !Path::new("/proc/self/ns").join(name).exists() {
                return Err(Error::unsupported(format!("{} (by this kernel)", field())));
            }
        }
        if !plan.has(MOUNT) {
            return Err(Error::unsupported(
                "a container without a mount namespace of its own",
            ));
        }
        plan.joined.sort_by_key(|(flag, _, _)| *flag != USER);
        plan.plan_maps(spec)?;
        plan.plan_time(spec)?;
        Ok(plan)
    }

    fn plan_maps(&mut self, spec: &Spec) -> Result<()> {
        let linux = spec.linux().as_ref();
        let text = |map: Option<&Vec<LinuxIdMapping>>| {
            map.into_iter().flatten().fold(String::new(), |text, line| {
                let (inside, outside) = (line.container_id(), line.host_id());
                format!("{text}{inside} {outside} {}\n", line.size())
            })
        };
        self.uid_map = text(linux.and_then(|linux| linux.uid_mappings().as_ref()));
        self.gid_map = text(linux.and_then(|linux| linux.gid_mappings().as_ref()));
        let (uids, gids) = (self.uid_map.is_empty(), self.gid_map.is_empty());
        if self.new & USER != 0 {
            if uids || gids {
                return Err(Error::invalid(
                    "linux.uidMappings, linux.gidMappings",
                    "a new user namespace needs both",
                ));
            }
        } else if !uids || !gids {
            return Err(Error::invalid(
                "linux.uidMappings, linux.gidMappings",
                "only a new user namespace can have them",
            ));
        }
        Ok(())
    }

    fn plan_time(&mut self, spec: &Spec) -> Result<()> {
        let linux = spec.linux().as_ref();
        let Some(offsets) = linux.and_then(|linux| linux.time_offsets().as_ref()) else {
            return Ok(());
        };
        if offsets.is_empty() {
            return Ok(());
        }
        if self.new & clone::NEW_TIME == 0 {
            return Err(Error::invalid(
                "linux.timeOffsets",
                "only a new time namespace can have them",
            ));
        }
        self.time_offsets = Some(time_offsets(offsets)?);
        Ok(())
    }

    /// Whether the container has one of these for itself, new or by path.
    pub fn has(&self, flag: u64) -> bool {
        (self.new | self.joined_flags()) & flag != 0
    }

    /// Whether the container's mounts and devices are a user namespace's.
    pub fn has_user(&self) -> bool {
        self.has(USER)
    }

    /// Whether it has a cgroup namespace of its own.
    pub fn has_cgroup(&self) -> bool {
        self.has(CGROUP)
    }

    /// Whether nobody else is in the pid namespace.
    pub fn has_new_pid(&self) -> bool {
        self.new & PID != 0
    }

    /// Whether the pid namespace is not ours.
    pub fn has_pid(&self) -> bool {
        self.has(PID)
    }

    /// Whether the network is its own.
    pub fn has_network(&self) -> bool {
        self.has(NETWORK)
    }

    /// Whether System V IPC and message queues are its own.
    pub fn has_ipc(&self) -> bool {
        self.has(IPC)
    }

    /// Whether host and domain name are its own.
    pub fn has_uts(&self) -> bool {
        self.has(UTS)
    }

    /// Whether a user namespace must be given its maps.
    pub fn needs_maps(&self) -> bool {
        self.new & USER != 0
    }

    /// Whether the network namespace is new, with its loopback interface down.
    pub fn has_new_network(&self) -> bool {
        self.new & NETWORK != 0
    }

    /// The path of the joined namespace `item`, for an error's words.
    pub fn path(&self, item: usize) -> Option<String> {
        let (_, _, path) = self.joined.get(item)?;
        Some(path.display().to_string())
    }

    fn joined_flags(&self) -> u64 {
        self.joined.iter().fold(0, |all, (flag, _, _)| all | flag)
    }

    /// The group to be born in. A helper that joins namespaces first is one process more
    /// for a moment, which a limit of processes must not refuse.
    pub fn birth_group<'a>(&self, cgroup: &'a Cgroup) -> Option<BorrowedFd<'a>> {
        match self.joined_flags() & (USER | PID) {
            0 => cgroup.clone_into(),
            _ => cgroup.clone_into_unlimited(),
        }
    }

    /// Clone, with the pid and user namespaces in place.
    pub fn fork(
        &self,
        cgroup: Option<BorrowedFd<'_>>,
        body: impl FnOnce() -> i32,
    ) -> Result<Child> {
        let first = self.joined_flags() & (USER | PID);
        let flags = self.new & (USER | PID);
        if first == 0 {
            return clone::fork(Clone { flags, cgroup }, body)
                .trying(|| "clone the container's first process".to_owned());
        }
        // Somebody else must join these before the clone: our children of later would
        // inherit our pid namespace, and nobody comes back out of a user namespace.
        let enter = || -> rustix::io::Result<()> {
            for (flag, fd, _) in &self.joined {
                if flag & first != 0 {
                    set_namespace(fd, *flag)?;
                }
            }
            Ok(())
        };
        fork_through(cgroup, enter, flags, body)
            .trying(|| "join the user and pid namespaces for the first process".to_owned())
    }

    /// Parent: give the child's user namespace its maps.
    pub fn write_maps(&self, pid: Pid) -> Result<()> {
        for (file, map) in [("uid_map", &self.uid_map), ("gid_map", &self.gid_map)] {
            std::fs::write(format!("/proc/{}/{file}", pid.as_raw_nonzero()), map)
                .trying(|| format!("write {file} {:?}", map.trim_end()))?;
        }
        Ok(())
    }

    /// Child: join and make all the others.
    pub fn enter(&self) -> std::result::Result<(), Failure> {
        for (item, (flag, fd, _)) in self.joined.iter().enumerate() {
            if flag & (USER | PID) == 0 {
                set_namespace(fd, *flag).at_item(Stage::JoinNamespace, item)?;
            }
        }
        let later = self.new & !(USER | PID | clone::NEW_TIME);
        unshare_flags(later).at(Stage::NewNamespaces)?;
        if self.new & clone::NEW_TIME != 0 {
            self.enter_time().at(Stage::TimeOffsets)?;
        }
        Ok(())
    }

    /// Offsets can be set only while nobody is in the namespace, so not by clone3:
    /// unshare makes it for our children, and we follow.
    fn enter_time(&self) -> rustix::io::Result<()> {
        unshare_flags(clone::NEW_TIME)?;
        if let Some(offsets) = &self.time_offsets {
            // Becoming root of a user namespace gave our files in /proc to the host's
            // root; while we may be dumped they are ours.
            set_dumpable_behavior(DumpableBehavior::Dumpable)?;
            write_file(c"/proc/self/timens_offsets", offsets.as_bytes())?;
            set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        }
        let fd = openat(
            CWD,
            c"/proc/self/ns/time_for_children",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        set_namespace(&fd, clone::NEW_TIME)
    }
}

/// Clone a child from a helper that `enter`s somewhere first and ends. The child is
/// ours all the same (`CLONE_PARENT`). Both are born in `cgroup`.
pub(super) fn fork_through(
    cgroup: Option<BorrowedFd<'_>>,
    enter: impl FnOnce() -> rustix::io::Result<()>,
    flags: u64,
    body: impl FnOnce() -> i32,
) -> std::io::Result<Child> {
    let (ours, theirs) = Channel::pair()?;
    let helper = clone::fork(Clone { flags: 0, cgroup }, || {
        let flags = flags | libc::CLONE_PARENT as u64;
        let result = enter()
            .map_err(|errno| errno.raw_os_error())
            .and_then(|()| {
                clone::fork(
                    Clone {
                        flags,
                        cgroup: None,
                    },
                    body,
                )
                .map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))
            });
        let (word, fd) = match &result {
            Ok(child) => (child.pid.as_raw_nonzero().get(), Some(child.pidfd.as_fd())),
            Err(errno) => (-errno, None),
        };
        i32::from(theirs.send(&word.to_ne_bytes(), fd).is_err())
    })?;
    let mut word = [0; 4];
    drop(theirs);
    let received = ours.receive(&mut word);
    let waited = rustix::process::waitid(
        rustix::process::WaitId::PidFd(helper.pidfd.as_fd()),
        rustix::process::WaitIdOptions::EXITED,
    );
    let (_, pidfd) = received?;
    waited?;
    match (Pid::from_raw(i32::from_ne_bytes(word).max(0)), pidfd) {
        (Some(pid), Some(pidfd)) => Ok(Child { pid, pidfd }),
        _ => Err(std::io::Error::from_raw_os_error(-i32::from_ne_bytes(word))),
    }
}

/// setns, by namespace file or, with several flags, by pidfd.
pub(super) fn set_namespace(fd: impl AsFd, flags: u64) -> rustix::io::Result<()> {
    move_into_thread_name_spaces(
        fd.as_fd(),
        ThreadNameSpaceType::from_bits_retain(flags as u32),
    )
}

fn unshare_flags(flags: u64) -> rustix::io::Result<()> {
    if flags == 0 {
        return Ok(());
    }
    clone::unshare(flags)
}

/// Write a whole file in one call, as the kernel's own files want it.
pub(super) fn write_file(path: &CStr, bytes: &[u8]) -> rustix::io::Result<()> {
    let fd = openat(CWD, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(fd, bytes).map(drop)
}

fn name(flag: u64) -> &'static str {
    KINDS
        .iter()
        .find(|(known, _)| *known == flag)
        .map_or("unknown", |(_, name)| name)
}

fn time_offsets(offsets: &HashMap<String, LinuxTimeOffset>) -> Result<String> {
    let mut text = String::new();
    for (clock, offset) in offsets {
        if !matches!(clock.as_str(), "monotonic" | "boottime") {
            return Err(Error::unsupported(format!("linux.timeOffsets.{clock}")));
        }
        let seconds = offset.secs().unwrap_or(0);
        let nanoseconds = offset.nanosecs().unwrap_or(0);
        text += &format!("{clock} {seconds} {nanoseconds}\n");
    }
    Ok(text)
}
