//! Stopping a build from outside: what it runs is killed, and nothing begins any more.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio_util::sync::CancellationToken;

use crate::{model::ContainerId, runtime::lifecycle::Lifecycle};

/// Stops a build from outside. All its clones are one.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Stopping>);

#[derive(Debug, Default)]
struct Stopping {
    is_set: AtomicBool,
    containers: Mutex<Vec<ContainerId>>,
    transfers: Mutex<Vec<CancellationToken>>,
    programs: Mutex<Vec<(u32, OwnedFd)>>,
}

impl Stop {
    /// Stops the build: nothing begins any more, and what runs is killed.
    pub fn set(&self, lifecycle: &Lifecycle) {
        self.0.is_set.store(true, Ordering::SeqCst);
        let transfers = self.0.transfers.lock();
        let transfers = transfers.unwrap_or_else(PoisonError::into_inner);
        transfers.iter().for_each(CancellationToken::cancel);
        for (_, program) in self.programs().iter() {
            // One that ended by itself is no matter.
            let _ = pidfd_send_signal(program, Signal::KILL);
        }
        for id in self.lock().iter() {
            // One that ended by itself is no matter.
            let _ = lifecycle.kill(&crate::model::KillRequest {
                id: id.clone(),
                signal: Some("KILL".into()),
            });
        }
    }

    /// Whether the build shall stop.
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::SeqCst)
    }

    /// Has a transfer cancelled when the build is stopped.
    pub fn cancels(&self, transfer: CancellationToken) {
        if self.is_set() {
            transfer.cancel();
        }
        let transfers = self.0.transfers.lock();
        transfers
            .unwrap_or_else(PoisonError::into_inner)
            .push(transfer);
    }

    /// Has a child of ours killed when the build is stopped.
    pub(super) fn kills(&self, child: u32) {
        let pid = i32::try_from(child).ok().and_then(Pid::from_raw);
        // Nobody has waited for it, so that the number is still its own.
        let opened = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty()));
        if let Some(Ok(program)) = opened {
            self.programs().push((child, program));
        }
    }

    /// Forgets a child that has ended.
    pub(super) fn spares(&self, child: u32) {
        self.programs().retain(|(known, _)| *known != child);
    }

    fn programs(&self) -> std::sync::MutexGuard<'_, Vec<(u32, OwnedFd)>> {
        self.0
            .programs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, id: &ContainerId) {
        self.lock().push(id.clone());
    }

    pub(super) fn remove(&self, id: &ContainerId) {
        self.lock().retain(|other| other != id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ContainerId>> {
        self.0
            .containers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
