//! What the start of a container and of an exec have in common.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use oci_spec::runtime::Process;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::{Failure, failure::Describe};
use crate::{
    layer::{LayerStore, Overlay},
    runtime::{create, paths::Root, record::ContainerRecord, spec::SeccompChoice},
    sys::{capability, pidfd, proc, seccomp::Filter},
};

/// A container's layers, with what it wrote on top.
pub(super) fn overlay(root: &Root, record: &ContainerRecord) -> Result<Overlay, Failure> {
    let paths = root.container(&record.id);
    let layers = LayerStore::open(root.layers()).describe("open the layers")?;
    Ok(Overlay {
        is_volatile: record.config.auto_remove,
        ..layers.overlay(&record.layers, paths.upper(), paths.work())
    })
}

/// The system call filter of a process.
pub(super) fn filter(
    process: Option<&Process>,
    choice: &SeccompChoice,
) -> Result<Option<Filter>, Failure> {
    let bounding = process
        .and_then(|process| process.capabilities().as_ref()?.bounding().as_ref())
        .into_iter()
        .flatten();
    let capabilities = bounding.fold(capability::Set::default(), |set, capability| {
        set.with(create::capability_number(*capability))
    });
    match choice {
        SeccompChoice::Unconfined => Ok(None),
        SeccompChoice::Default => Filter::default_profile(capabilities).map(Some),
        SeccompChoice::Profile(json) => Filter::from_docker_json(json, capabilities).map(Some),
    }
    .describe("prepare the system call filter")
}

/// The exit code of a process that has ended, 128 + n for signal n; `None` if we are not
/// its parent and the kernel did not keep it.
///
/// Never waits: a process that somebody traces is its tracer's to reap, who may never do
/// so. Then /proc tells its status.
pub(super) fn exit_code(pid: i32, process: &OwnedFd) -> Option<i32> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    match waitid(WaitId::PidFd(process.as_fd()), options) {
        Ok(Some(status)) => status
            .exit_status()
            .or_else(|| status.terminating_signal().map(|signal| 128 + signal)),
        // Traced, or, after an adoption, not our child: the kernel keeps the status once
        // its parent has reaped it, which may happen between the two questions.
        _ => zombie_status(pid, process)
            .or_else(|| pidfd::exit_status(process))
            .map(code_of_status),
    }
}

/// The wait status of a process that nobody has reaped yet.
fn zombie_status(pid: i32, process: &OwnedFd) -> Option<i32> {
    let status = proc::zombie_status(Pid::from_raw(pid)?)?;
    // Still there, so the number was its own when it was looked up.
    pidfd::send_signal(process, 0).is_ok().then_some(status)
}

/// The code that a wait status stands for.
fn code_of_status(status: i32) -> i32 {
    match status & 0x7f {
        0 => (status >> 8) & 0xff,
        signal => 128 + signal,
    }
}

/// As far from the kernel's OOM killer as a process that still can be killed may be.
const OOM_SCORE_ADJ: &str = "-999";

/// Protects this process from the OOM killer, where that is allowed
/// (CAP_SYS_RESOURCE); only once its children have their own score.
pub(super) fn protect() -> io::Result<()> {
    std::fs::write("/proc/self/oom_score_adj", OOM_SCORE_ADJ)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_status_of_exit_and_signal() {
        assert_eq!(code_of_status(7 << 8), 7);
        assert_eq!(code_of_status(9), 137);
        assert_eq!(code_of_status(11 | 0x80), 139);
    }
}
