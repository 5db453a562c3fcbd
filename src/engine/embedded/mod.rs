//! The engine inside this process: state on disk and in the kernel, guarded by locks.
//!
//! Everything here is a thin asynchronous face over [`crate::runtime`]: blocking work
//! goes to threads of its own, streams become bounded channels, and every failure gets
//! its kind. Values of it in any number of processes are equal; none holds state that
//! another would miss.
//!
//! ```text
//! containers   the lifecycle and execs          session   a shim's frames as channels
//! observe      looking: inspect, logs, events   world     one picture a tick, from caches
//! error        which kind a failure is          processes a container's processes
//! networks     networks                      volumes   volumes
//! counters     what one container used
//! files        what images and containers hold
//! groups       the host's control groups usage     what a group uses, from its counters
//! registries   pull, push, login, search
//! builds       building               announce  builds across processes
//! ```

mod announce;
mod archives;
mod builds;
mod containers;
mod counters;
pub(super) mod error;
mod files;
mod groups;
mod images;
mod networks;
mod observe;
mod processes;
mod registries;
mod session;
mod sockets;
mod traffic;
mod upkeep;
mod volumes;
mod watches;
mod world;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::{groups::Forest, world::Picture};
use super::{EngineError, ErrorKind, Result};
use crate::{
    model::{ContainerId, ExecId, Exit, Problem, Source},
    runtime::{
        lifecycle::{self, Lifecycle},
        paths::Root,
        repair,
    },
};

/// The engine of one root.
#[derive(Debug)]
pub struct Embedded {
    lifecycle: Arc<Lifecycle>,
    picture: Arc<Mutex<Picture>>,
    /// The files that were looked at last.
    files: Arc<Mutex<files::Kept>>,
    /// Apart from the picture, so that saying what is shown never waits for one.
    forest: Arc<Mutex<Forest>>,
    /// Exits that came over a session: a container that removes itself may be gone
    /// before anybody asks how it ended.
    exits: Arc<Mutex<HashMap<ContainerId, Exit>>>,
    /// The same of attached execs.
    exec_exits: Arc<Mutex<HashMap<ExecId, Exit>>>,
}

impl Embedded {
    /// Opens the engine at `root`, and first takes back what killed processes left
    /// there. What can't be repaired is a problem of each world, not an error here.
    pub fn open(root: Root) -> Result<Self> {
        let lifecycle = Arc::new(Lifecycle::new(root));
        let failures = match is_root() {
            true => lifecycle.repair(),
            false => Vec::new(),
        };
        let problems = problems(&failures);
        let forest: Arc<Mutex<Forest>> = Arc::default();
        Ok(Self {
            picture: Arc::new(Mutex::new(Picture::new(
                lifecycle.clone(),
                forest.clone(),
                problems,
            ))),
            forest,
            files: Arc::default(),
            exits: Arc::default(),
            exec_exits: Arc::default(),
            lifecycle,
        })
    }

    /// Where it lies.
    pub fn root(&self) -> &Root {
        self.lifecycle.root()
    }

    /// Runs blocking work in a thread of its own. Not in tokio's pool: that has a bound,
    /// and a runtime that shuts down waits for it.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        subject: &str,
        work: impl FnOnce(&Lifecycle) -> lifecycle::Result<T> + Send + 'static,
    ) -> Result<T> {
        let lifecycle = self.lifecycle.clone();
        let done = in_thread(move || work(&lifecycle)).await;
        match done {
            Some(Ok(value)) => Ok(value),
            Some(Err(failure)) => Err(error::facade(operation, subject, failure)),
            None => Err(EngineError::new(ErrorKind::Internal, operation, subject)
                .because("its thread ended without an answer")),
        }
    }

    /// The same about a container, which the message then calls by its name.
    async fn about<T: Send + 'static>(
        &self,
        operation: &'static str,
        id: &ContainerId,
        work: impl FnOnce(&Lifecycle, &ContainerId) -> lifecycle::Result<T> + Send + 'static,
    ) -> Result<T> {
        let owned = id.clone();
        let done = self
            .blocking(operation, id.short(), move |lifecycle| {
                work(lifecycle, &owned)
            })
            .await;
        done.map_err(|mut error| {
            if let Ok(record) = self.lifecycle.store().load(id) {
                error.subject = record.name;
            }
            error
        })
    }

    fn exits(&self) -> MutexGuard<'_, HashMap<ContainerId, Exit>> {
        lock(&self.exits)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None` if the work panicked or no thread could be made.
pub(super) async fn in_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("wharf-engine".into())
        // Nobody is left to tell if the receiver is gone.
        .spawn(move || drop(done.send(work())))
        .ok()?;
    result.await.ok()
}

/// Whether this user may change anything.
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// What a repair could not do, for the screen.
fn problems(failures: &repair::Failures) -> Vec<Problem> {
    let problem = |(id, failure): &(Option<ContainerId>, lifecycle::Error)| {
        let what = id.as_ref().map_or("", |id| id.short());
        Problem {
            source: Source::Engine,
            message: error::line(&format!("repair {what}"), failure),
            hint: None,
        }
    };
    failures.iter().map(problem).collect()
}
