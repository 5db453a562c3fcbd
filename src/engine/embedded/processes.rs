//! The processes of a container, as /proc has them.

use std::{collections::HashMap, fs, io, path::PathBuf, time::Duration};

use jiff::Timestamp;
use rustix::{io::Errno, process::Pid};

use crate::{
    model::{ContainerId, Process, SignalRequest},
    runtime::{
        lifecycle::{Error, Lifecycle},
        paths::ContainerPaths,
    },
    sys::{pidfd, signal as signals},
};

/// Those of `pids` that still exist, in their order.
pub fn list(pids: &[i32]) -> Vec<Process> {
    let users = users();
    let ticks = procfs::ticks_per_second();
    let boot_secs = procfs::boot_time_secs().unwrap_or(0);
    pids.iter()
        .filter_map(|&pid| one(pid, &users, ticks, boot_secs))
        .collect()
}

/// Sends a signal to a process of a container.
///
/// The process is held by a pidfd first and looked at then: it must be in the
/// container's control group and have begun when it was listed. Whatever gets its pid
/// afterwards, the descriptor still means the process that was looked at (or one that
/// ended, which no signal reaches), and never a foreign one.
pub fn signal(
    lifecycle: &Lifecycle,
    id: &ContainerId,
    request: &SignalRequest,
) -> Result<(), Error> {
    let number = signals::parse(&request.signal)
        .ok_or_else(|| Error::Invalid(format!("{:?} is no signal", request.signal)))?;
    let pid = request.pid;
    let gone = || Error::Invalid(format!("process {pid} is not one of it any more"));
    let failed = |operation, source: io::Error| Error::Io {
        operation,
        path: PathBuf::from(format!("/proc/{pid}")),
        source,
    };
    // A number below zero is no pid, and rustix takes none.
    let raw = Some(pid).filter(|pid| *pid > 0);
    let raw = raw.and_then(Pid::from_raw).ok_or_else(gone)?;
    let held = match pidfd::open(raw) {
        Ok(held) => held,
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Err(gone()),
        // A thread's id is no process's.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Err(gone()),
        Err(error) => return Err(failed("open", error)),
    };
    let path = ContainerPaths::cgroup(id);
    let pids = match lifecycle.cgroups()?.open(&path)? {
        Some(cgroup) => cgroup.pids()?,
        None => Vec::new(),
    };
    let is_member = pids.contains(&pid);
    let began = list(&[pid]).first().map(|process| process.started);
    // The clock that start times are counted by is told in whole seconds, which may be
    // one more or less at the next look.
    let is_same = began.is_some_and(|began| {
        began.duration_since(request.started).abs() <= jiff::SignedDuration::from_secs(1)
    });
    if !is_member || !is_same {
        return Err(gone());
    }
    match pidfd::send_signal(&held, number) {
        Ok(()) => Ok(()),
        Err(Errno::SRCH) => Err(gone()),
        Err(errno) => Err(failed("signal", errno.into())),
    }
}

/// `None` if it ended meanwhile.
fn one(pid: i32, users: &HashMap<u32, String>, ticks: u64, boot_secs: u64) -> Option<Process> {
    let process = procfs::process::Process::new(pid).ok()?;
    let stat = process.stat().ok()?;
    let uid = process.uid().ok()?;
    let words = process.cmdline().unwrap_or_default();
    let started_ms = boot_secs * 1000 + stat.starttime * 1000 / ticks;
    Some(Process {
        pid,
        parent: stat.ppid,
        user: users.get(&uid).cloned().unwrap_or_else(|| uid.to_string()),
        state: stat.state,
        threads: u32::try_from(stat.num_threads).unwrap_or(0),
        resident_bytes: stat.rss * procfs::page_size(),
        cpu_time: Duration::from_millis((stat.utime + stat.stime) * 1000 / ticks),
        started: Timestamp::from_millisecond(i64::try_from(started_ms).ok()?).ok()?,
        // A process without a command line of its own shows its name, as ps(1) does.
        command: match words.is_empty() {
            true => format!("[{}]", stat.comm),
            false => words.join(" "),
        },
    })
}

/// The host's users by their number. Read from the file itself: the C library would look
/// for plug-ins, which a static executable must not load.
fn users() -> HashMap<u32, String> {
    let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_that_is_not_the_containers_gets_no_signal() {
        let dir = tempfile::tempdir().unwrap();
        let lifecycle = Lifecycle::new(crate::runtime::paths::Root::at(dir.path()));
        let id = ContainerId::from_bytes(&[7; 32]);
        let own = std::process::id() as i32;
        let request = |pid| SignalRequest {
            id: id.clone(),
            pid,
            started: list(&[own])[0].started,
            // Harmless, should it arrive.
            signal: "WINCH".into(),
        };
        for pid in [own, 1, 0, -1, i32::MAX] {
            assert!(signal(&lifecycle, &id, &request(pid)).is_err(), "{pid}");
        }
        let unknown = SignalRequest {
            signal: "NONSENSE".into(),
            ..request(own)
        };
        assert!(signal(&lifecycle, &id, &unknown).is_err());
    }

    #[test]
    fn this_process_is_listed_with_its_figures_and_a_dead_one_left_out() {
        let own = std::process::id() as i32;
        let found = list(&[own, i32::MAX]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].pid, own);
        assert!(found[0].resident_bytes > 0 && found[0].threads >= 1);
        let age = Timestamp::now().duration_since(found[0].started);
        assert!(age.as_secs() < 3600 * 24 && age.as_secs() >= -2, "{age:?}");
    }
}
