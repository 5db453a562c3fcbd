//! A further process in a running container: in all its namespaces, its control groups,
//! under the same system call filter.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use oci_spec::runtime::{Process, Spec};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{DumpableBehavior, Pid, set_dumpable_behavior};

use crate::sys::cgroup::Cgroup;
use crate::sys::channel::Channel;
use crate::sys::pidfd;
use crate::sys::seccomp::Filter;

use super::error::{At, Failure, Result, Stage, Trying};
use super::namespaces::{self, USER, fork_through, set_namespace};
use super::process::{Plan, PlannedStdio, Stdio};
use super::program::Gate;
use super::{Created, Names, child, refuse};

/// What to run, and where.
#[derive(Debug)]
pub struct ExecRequest<'a> {
    /// The container's first process.
    pub init_pid: Pid,
    /// The same, for certain.
    pub init_pidfd: BorrowedFd<'a>,
    /// The container's specification: says which namespaces are its own.
    pub spec: &'a Spec,
    /// The process.
    pub process: &'a Process,
    /// The filter of the container.
    pub seccomp: Option<Filter>,
    /// The control groups of the container.
    pub cgroup: Option<&'a Cgroup>,
    /// Its standard streams.
    pub stdio: Stdio,
    /// How many descriptors from 3 on the program inherits.
    pub preserved: u32,
}

/// Make the process, up to the point just before its program.
///
/// Only a single-threaded process may call this: it clones a helper, which joins the
/// namespaces and clones the process as our child. A pid namespace is joined only by
/// children, and nobody comes back out of a user namespace, so it can't be us.
pub fn exec(request: ExecRequest<'_>) -> Result<Created> {
    refuse::process(request.process)?;
    let pid = request.init_pid.as_raw_nonzero().get();
    let root = File::open(format!("/proc/{pid}/root"));
    // A pid that was given away since would show another's root.
    let alive = pidfd::send_signal(request.init_pidfd, 0).map_err(io::Error::from);
    let root = alive
        .and(root)
        .trying(|| "look into the container".to_owned())?;
    let mut plan = Plan::new(
        request.spec,
        request.process,
        Some(root.as_fd()),
        request.seccomp,
        request.stdio,
    )?;
    drop(root);
    plan.preserved = request.preserved;
    let linux = request.spec.linux().as_ref();
    let listed = linux.and_then(|linux| linux.namespaces().as_ref());
    let flags = listed
        .into_iter()
        .flatten()
        .fold(0, |all, namespace| all | namespaces::flag(namespace.typ()));
    let (ours, theirs) = Channel::pair().trying(|| "make a socket pair".to_owned())?;
    let join = || {
        // From here on the container's processes can see us, and must not look into
        // what a copy of the host's process still holds (CVE-2016-9962).
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        set_namespace(request.init_pidfd, flags)
    };
    let born_in = request.cgroup.and_then(Cgroup::clone_into_unlimited);
    let entrance = super::open_entrance(request.cgroup, born_in.is_some())?;
    let process = fork_through(born_in, join, 0, || {
        if let Some(entrance) = &entrance
            && let Err(failure) = entrance.enter().at(Stage::ControlGroups)
        {
            return child::tell(&theirs, failure);
        }
        run(&plan, flags & USER != 0, &theirs)
    })
    .trying(|| "join the namespaces of the container".to_owned())?;
    drop(theirs);
    let mut created = Created {
        child: Some(process),
        terminal: None,
        channel: ours,
        names: Names::of_process(&plan),
    };
    let pid = created.pid();
    plan.set_oom_score(pid)?;
    created.until_ready(|_| Ok(()))?;
    plan.set_rlimits(pid)?;
    Ok(created)
}

/// Child: in the namespaces already.
fn run(plan: &Plan, has_user: bool, channel: &Channel) -> i32 {
    match set_up(plan, has_user, channel) {
        Ok(terminal) => child::finish(plan, channel, &Gate::Parent, terminal),
        Err(failure) => child::tell(channel, failure),
    }
}

fn set_up(
    plan: &Plan,
    has_user: bool,
    channel: &Channel,
) -> std::result::Result<Option<OwnedFd>, Failure> {
    if has_user {
        child::become_root().at(Stage::IdMap)?;
    }
    child::begin_session()?;
    match plan.stdio {
        PlannedStdio::Descriptors(_) => Ok(None),
        PlannedStdio::Terminal(size) => {
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            let root = openat(CWD, c"/", flags, Mode::empty()).at(Stage::Console)?;
            child::open_terminal(&root, channel, size).map(Some)
        }
    }
}
