//! A build: what is asked for, and what is told while it runs.

use std::{collections::BTreeMap, ops::RangeInclusive, path::PathBuf, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{ContainerId, Digest, Limits, NetworkMode, RegistrySettings, Stream};

/// What shall be built.
#[derive(Clone, Debug, Default)]
pub struct BuildRequest {
    /// The directory that `COPY` and `ADD` take files from; none has no files.
    pub context: Option<PathBuf>,
    /// The Dockerfile's text.
    pub dockerfile: Vec<u8>,
    /// The text of the `.dockerignore` that counts.
    pub ignore: String,
    /// `--build-arg`.
    pub arguments: BTreeMap<String, String>,
    /// The stage to build; the last one if nothing is said.
    pub target: Option<String>,
    /// Names of the image.
    pub names: Vec<String>,
    /// Labels on top of the Dockerfile's.
    pub labels: BTreeMap<String, String>,
    /// Whether every step runs, whatever the cache knows.
    pub no_cache: bool,
    /// Network of each `RUN` that says nothing else.
    pub network: NetworkMode,
    /// Limits of each `RUN`.
    pub limits: Limits,
    /// Secrets by their ids. Kept in memory only.
    pub secrets: BTreeMap<String, Bytes>,
    /// How registries are reached, for base images that are not here.
    pub registries: RegistrySettings,
    /// Seconds since 1970 that no time in the image is later than.
    pub epoch: Option<i64>,
}

/// What is told of a build, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum BuildEvent {
    /// A step begins, or was found in the cache.
    Step {
        /// Its number, from 0, in the order of beginning.
        step: usize,
        /// Such as `[web 2/5] RUN make`.
        name: String,
        /// Its lines of the Dockerfile, from 1.
        lines: RangeInclusive<usize>,
    },
    /// The container that a step runs in.
    Container {
        /// Which step.
        step: usize,
        /// Its container.
        id: ContainerId,
    },
    /// What a step's command writes.
    Output {
        /// Which step.
        step: usize,
        /// Where to.
        stream: Stream,
        /// What.
        bytes: Bytes,
    },
    /// A step is done.
    Done {
        /// Which step.
        step: usize,
        /// Whether the cache had it.
        cached: bool,
        /// How long it took.
        took: Duration,
    },
    /// A step failed.
    Failed {
        /// Which step.
        step: usize,
    },
    /// Something worth knowing that stops nothing.
    Warning {
        /// What.
        message: String,
        /// Lines of the Dockerfile, from 1.
        lines: Option<RangeInclusive<usize>>,
    },
    /// The image is there. The last event.
    Built {
        /// Its id.
        image: Digest,
    },
    /// The build failed. The last event.
    Ended(BuildFailure),
}

/// Why a build failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildFailure {
    /// What went wrong.
    pub message: String,
    /// Lines of the Dockerfile, from 1.
    pub lines: Option<RangeInclusive<usize>>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The exit code of the command that failed.
    pub exit_code: Option<i32>,
}
