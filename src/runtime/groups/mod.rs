//! Groups that users make for processes outside of containers: made, limited, filled and
//! removed. All lie below [`OWN_GROUPS`], beside the containers' groups and apart from
//! them: repair and removal look only for `wharf/ID`, so they never meet these. They are
//! the host's, not a root's: every wharf on it lists and may change them.
//!
//! Groups of anybody else are looked at and never changed; each change is checked here,
//! whoever asks.

mod foreign;
mod name;

use std::{fs, io};

use crate::{
    model::{FileValue, GroupChange, GroupKind, Limit, Limits, Membership, OWN_GROUPS, ProcessRef},
    runtime::spec,
    sys::cgroup::{self, Cgroup, Cgroups},
};

pub use foreign::{Names, container_id};
pub use name::classify;

/// Most groups above each other: more than a user needs, less than a path's limit.
const MOST_DEEP: usize = 4;
/// Most letters of a name.
const LONGEST: usize = 63;

/// Why a group can't be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is somebody else's.
    #[error("it was not made here: only groups below {OWN_GROUPS} can be changed")]
    Foreign,
    /// A name that can't be used.
    #[error("{name:?} can't be a group's name: {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is one already.
    #[error("there is such a group already")]
    Exists,
    /// Something is in it.
    #[error("processes or other groups are in it")]
    NotEmpty,
    /// There is none.
    #[error("there is no such group")]
    Missing,
    /// There is no such process.
    #[error("there is no process {0}")]
    NoProcess(i32),
    /// A process that must stay where it is.
    #[error("process {pid} can't be moved: {why}")]
    Stays {
        /// The process.
        pid: i32,
        /// Why.
        why: String,
    },
    /// The limits make no sense.
    #[error(transparent)]
    Spec(#[from] spec::Error),
    /// The kernel, or the hierarchy.
    #[error(transparent)]
    Cgroup(#[from] cgroup::Error),
    /// A file.
    #[error("read {path}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// Does a change; answers with the one that takes it back.
pub fn change(cgroups: &Cgroups, change: &GroupChange) -> Result<GroupChange, Error> {
    check(change.path())?;
    match change {
        GroupChange::Create { path, files } => create(cgroups, path, files),
        GroupChange::Remove { path } => {
            let group = open(cgroups, path)?;
            let files = snapshot(&group);
            group.remove_empty().map_err(|failure| match failure {
                cgroup::Error::NotEmpty { .. } => Error::NotEmpty,
                other => other.into(),
            })?;
            clean_up(cgroups);
            Ok(GroupChange::Create {
                path: path.clone(),
                files,
            })
        }
        GroupChange::Limit {
            path,
            limits,
            unset,
        } => {
            let group = open(cgroups, path)?;
            // What is to go must have been there, or nothing is written for it.
            let mut old = Limits::default();
            let now = cgroups.details(path, 0)?.limits.asked();
            for limit in unset {
                old.copy(*limit, &now);
                match limit {
                    // v2 tells a weight of its own scale.
                    Limit::CpuShares => old.cpu_shares = Some(1024),
                    Limit::BlkioWeight => old.blkio_weight = Some(500),
                    _ => {}
                }
            }
            let resources = spec::update(&old, limits, &group.defaults())?;
            let files = group.apply_and_tell(&resources)?;
            Ok(GroupChange::Restore {
                path: path.clone(),
                files,
            })
        }
        GroupChange::Restore { path, files } => {
            let files = open(cgroups, path)?.restore(files)?;
            Ok(GroupChange::Restore {
                path: path.clone(),
                files,
            })
        }
        GroupChange::Move { path, process } => {
            let group = open(cgroups, path)?;
            let membership = move_in(&group, *process)?;
            Ok(GroupChange::Return {
                path: path.clone(),
                process: membership.0,
                membership: membership.1,
            })
        }
        GroupChange::Return {
            path,
            process,
            membership,
        } => {
            let group = open(cgroups, path)?;
            same_process(*process)?;
            group.give_back(process.pid, &membership.0)?;
            Ok(GroupChange::Move {
                path: path.clone(),
                process: *process,
            })
        }
    }
}

/// Whether a path is one that may be changed, with names that are none of the kernel's
/// files and need no escaping anywhere.
fn check(path: &str) -> Result<(), Error> {
    let names = path
        .strip_prefix(OWN_GROUPS)
        .and_then(|rest| rest.strip_prefix('/'))
        .ok_or(Error::Foreign)?;
    if names.split('/').count() > MOST_DEEP {
        return Err(Error::Name {
            name: names.to_owned(),
            why: "at most four groups lie in each other",
        });
    }
    for name in names.split('/') {
        let is_letter = |b: u8| b.is_ascii_alphanumeric();
        let why = if name.is_empty() {
            "it is empty"
        } else if name.len() > LONGEST {
            "it has more than 63 letters"
        } else if !name
            .bytes()
            .all(|b| is_letter(b) || matches!(b, b'-' | b'_'))
        {
            "letters, digits, - and _ are allowed"
        } else if !is_letter(name.as_bytes()[0]) {
            "it begins with a letter or a digit"
        } else if matches!(name, "tasks" | "notify_on_release" | "release_agent") {
            "the kernel has a file of that name"
        } else {
            continue;
        };
        return Err(Error::Name {
            name: name.to_owned(),
            why,
        });
    }
    Ok(())
}

fn open(cgroups: &Cgroups, path: &str) -> Result<Cgroup, Error> {
    cgroups.open(path)?.ok_or(Error::Missing)
}

fn create(cgroups: &Cgroups, path: &str, files: &[FileValue]) -> Result<GroupChange, Error> {
    if cgroups.open(path)?.is_some() {
        return Err(Error::Exists);
    }
    let group = cgroups.create(path)?;
    if let Err(failure) = group.restore(files) {
        // The failure is what matters; an empty group that stays is listed and removable.
        let _ = group.remove_empty();
        clean_up(cgroups);
        return Err(failure.into());
    }
    Ok(GroupChange::Remove {
        path: path.to_owned(),
    })
}

/// The parents that wharf itself made go with the last group.
fn clean_up(cgroups: &Cgroups) {
    for path in [OWN_GROUPS, "wharf"] {
        if let Ok(Some(top)) = cgroups.open(path) {
            // Not empty, most of the time.
            let _ = top.remove_empty();
        }
    }
}

/// The values that make a removed group what it was, in an order that the kernel takes.
fn snapshot(group: &Cgroup) -> Vec<FileValue> {
    const FILES: &[&str] = &[
        "cpu.cfs_period_us",
        "cpu.cfs_quota_us",
        "cpu.shares",
        "cpu.weight",
        "cpu.max",
        "cpuset.cpus",
        "cpuset.mems",
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.soft_limit_in_bytes",
        "memory.low",
        "memory.high",
        "memory.max",
        "memory.swap.max",
        "pids.max",
        "blkio.throttle.read_bps_device",
        "blkio.throttle.write_bps_device",
        "blkio.throttle.read_iops_device",
        "blkio.throttle.write_iops_device",
        "io.max",
    ];
    let mut values = Vec::new();
    for file in FILES {
        let lines = group.lines(file);
        values.extend(lines.into_iter().map(|value| FileValue {
            file: (*file).to_owned(),
            value,
        }));
    }
    values
}

fn move_in(group: &Cgroup, process: ProcessRef) -> Result<(ProcessRef, Membership), Error> {
    let pid = process.pid;
    let known = same_process(process)?;
    let path = format!("/proc/{pid}/cgroup");
    let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::NoProcess(pid),
        _ => Error::Io { path, source },
    })?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &lines {
        let at = line.splitn(3, ':').nth(2).unwrap_or_default();
        let (name, kind) = classify(at.trim_start_matches('/'));
        if matches!(kind, GroupKind::Container(_) | GroupKind::Foreign { .. }) {
            let why =
                format!("it belongs to the container {name}, whose limits can be changed instead");
            return Err(Error::Stays { pid, why });
        }
    }
    if let Err(failure) = group.add(pid) {
        // Half-way in is worse than not at all; the failure is what is told.
        let _ = group.give_back(pid, &lines);
        return Err(failure.into());
    }
    Ok((known, Membership(lines)))
}

/// The process, with its start; it must be the one that was meant, and one that can move.
fn same_process(process: ProcessRef) -> Result<ProcessRef, Error> {
    /// The kernel's own threads carry it (include/linux/sched.h).
    const PF_KTHREAD: u32 = 0x0020_0000;
    let pid = process.pid;
    let stays = |why: &str| Error::Stays {
        pid,
        why: why.to_owned(),
    };
    if pid == 1 {
        return Err(stays("it keeps the machine running"));
    }
    if pid < 1 {
        return Err(Error::NoProcess(pid));
    }
    let stat = procfs::process::Process::new(pid).and_then(|found| found.stat());
    let stat = stat.map_err(|_| Error::NoProcess(pid))?;
    if process
        .started_ticks
        .is_some_and(|ticks| ticks != stat.starttime)
    {
        return Err(Error::NoProcess(pid));
    }
    if stat.flags & PF_KTHREAD != 0 {
        return Err(stays("it is a thread of the kernel"));
    }
    Ok(ProcessRef {
        pid,
        started_ticks: Some(stat.starttime),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_below_our_place_are_taken() {
        for good in ["wharf/groups/a", "wharf/groups/a-1/b_2"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for foreign in [
            "",
            "system.slice",
            "wharf",
            "wharf/groups",
            "wharf/groupsx/a",
        ] {
            assert!(matches!(check(foreign), Err(Error::Foreign)), "{foreign}");
        }
        for bad in [
            "",
            "..",
            "a/../b",
            "a b",
            "-a",
            "cpu.max",
            "tasks",
            "é",
            "a\n",
            "a/b/c/d/e",
        ] {
            let path = format!("{OWN_GROUPS}/{bad}");
            assert!(matches!(check(&path), Err(Error::Name { .. })), "{bad}");
        }
    }

    #[test]
    fn process_one_and_kernel_threads_stay() {
        let of = |pid| {
            same_process(ProcessRef {
                pid,
                started_ticks: None,
            })
        };
        assert!(matches!(of(1), Err(Error::Stays { .. })));
        assert!(matches!(of(0), Err(Error::NoProcess(0))));
        let own = of(std::process::id().cast_signed()).unwrap();
        let other = ProcessRef {
            started_ticks: own.started_ticks.map(|ticks| ticks + 1),
            ..own
        };
        assert!(matches!(same_process(other), Err(Error::NoProcess(_))));
    }
}
