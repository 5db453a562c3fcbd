//! The process beside each running container, and how it is started.
//!
//! A shim is a re-exec of our own executable with [`NAME`] as its first argument. It is
//! nobody's child, has one thread, and is all that a running container needs: parent of
//! its init, owner of its streams, its log, its exit record and its restart policy.
//!
//! ```text
//! spawn      the starter's side: directory, lock, socket, process, answer
//! face       the shim's first steps: own session, no stray descriptors, which work
//! container  start, watch, restart
//! end        what is recorded and given back, and removed
//! health     the health checks of a run
//! network    namespace, ports and names
//! joined     namespaces of other containers
//! exec       the same for one more process in a running container
//! stdio      FIFOs, pipes or terminal of the process
//! relay      one poll(2) over streams, clients and whatever else is watched
//! client     one connection to the control socket
//! restart    the policy's decisions, without I/O
//! run        what a container's start and an exec's have in common
//! failure    errors of all layers below, as they cross to the starter
//! ```

mod client;
mod container;
mod end;
mod exec;
mod face;
mod failure;
mod health;
mod joined;
mod network;
mod relay;
pub(super) mod restart;
mod run;
mod spawn;
mod stdio;

use std::io;

use serde::{Deserialize, Serialize};

pub use face::main;
pub use health::{HealthRecord, read as read_health};
pub use spawn::{Plugged, Started, adopt, spawn, spawn_exec};

/// The name by which `main` knows that it is to be a shim.
pub const NAME: &str = "wharf-shim";

/// What can go wrong with starting a shim, and with what it was to start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another shim has the container: it runs, or is about to.
    #[error("it is already running")]
    AlreadyRunning,
    /// The shim could not be started.
    #[error("{operation}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The shim ended without an answer.
    #[error("the shim ended before it could say why")]
    Lost,
    /// The shim could not start the process.
    #[error("{0}")]
    Failed(Failure),
}

/// Why a process could not be started, as its shim reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What class of failure it is.
    pub kind: FailureKind,
    /// What was tried and every cause, in one line.
    pub message: String,
}

/// Classes of failure that a caller tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// There is no such program in the container.
    CommandNotFound,
    /// The program can't be executed.
    CommandNotExecutable,
    /// What was asked makes no sense.
    Invalid,
    /// This kernel can't do it.
    Unsupported,
    /// The disk is full.
    NoSpace,
    /// A container that it needs is not there.
    Missing,
    /// A container that it needs is not as it must be.
    Conflict,
    /// Anything else.
    Internal,
}

impl Failure {
    /// The exit code that stands for it, as docker's users know them.
    pub fn exit_code(&self) -> i32 {
        match self.kind {
            FailureKind::CommandNotFound => 127,
            FailureKind::CommandNotExecutable => 126,
            _ => 125,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// What a shim tells its starter, once.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    /// The program runs.
    Running {
        /// Its init process (or the exec's process).
        pid: i32,
    },
    /// It doesn't.
    Failed(Failure),
}
