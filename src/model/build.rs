//! A build: what is asked for, and what is told while it runs.

use std::{
    collections::BTreeMap,
    fmt,
    io::{Read, Write},
    ops::RangeInclusive,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    ContainerConfig, ContainerId, Digest, Platform, Pool, RegistrySettings, SaveFormat, Stream,
};

/// Where a build's files come from.
#[derive(Debug, Default)]
pub enum BuildContext {
    /// There are none.
    #[default]
    None,
    /// A directory of this host.
    Directory(PathBuf),
    /// A tar, plain or packed, that is read once. Anything else that comes is a Dockerfile
    /// without a context, unless the request names a Dockerfile.
    Stream(InputStream),
    /// An address: of a git repository (`URL#ref:subdirectory`), or of a tar or Dockerfile.
    Remote(String),
}

/// Bytes that come once. The lock only makes what holds them fit to be shared.
pub struct InputStream(Mutex<Box<dyn Read + Send>>);

impl InputStream {
    /// Of a source.
    pub fn new(source: impl Read + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(source)))
    }

    /// The source.
    pub fn into_inner(self) -> Box<dyn Read + Send> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for InputStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InputStream")
    }
}

/// Where the Dockerfile is.
#[derive(Debug)]
pub enum BuildFile {
    /// In the context, at a path below it; `Dockerfile`, else `Containerfile`, if none is
    /// said.
    InContext(Option<String>),
    /// Somewhere else: it was read already.
    Text {
        /// What messages call it.
        name: String,
        /// What stands in it.
        text: Vec<u8>,
        /// The `.dockerignore` that belongs to it alone, if there is one.
        ignore: Option<String>,
    },
}

impl Default for BuildFile {
    fn default() -> Self {
        Self::InContext(None)
    }
}

/// What a Dockerfile may ask for that reaches beyond its containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuildAllowances {
    /// `RUN --security=insecure`.
    pub insecure: bool,
    /// `RUN --network=host`.
    pub host_network: bool,
}

/// Where a build's result goes.
#[derive(Debug)]
pub enum BuildOutput {
    /// Into the store, under its names.
    Image,
    /// Nowhere: only the cache has it.
    Cache,
    /// All its files below a directory, belonging to whoever builds.
    Directory(PathBuf),
    /// All its files as a tar.
    Tar(OutputStream),
    /// An archive that others load.
    Archive(SaveFormat, OutputStream),
}

/// A place for bytes.
pub struct OutputStream(Mutex<Box<dyn Write + Send>>);

impl OutputStream {
    /// To a sink.
    pub fn new(sink: impl Write + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(sink)))
    }

    /// The sink.
    pub fn into_inner(self) -> Box<dyn Write + Send> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for OutputStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutputStream")
    }
}

/// What shall be built.
#[derive(Debug, Default)]
pub struct BuildRequest {
    /// Where `COPY` and `ADD` take files from.
    pub context: BuildContext,
    /// Where the Dockerfile is.
    pub dockerfile: BuildFile,
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
    /// What the container of each `RUN` has beside its command: limits, the network of
    /// those that say nothing else, lines of /etc/hosts.
    pub container: ContainerConfig,
    /// Where ranges of addresses come from, should a network have to be made.
    pub pools: Vec<Pool>,
    /// Secrets by their ids. Kept in memory only.
    pub secrets: BTreeMap<String, Bytes>,
    /// Sockets of ssh agents by their ids.
    pub agents: BTreeMap<String, PathBuf>,
    /// What a Dockerfile may ask for that reaches beyond its containers.
    pub allowed: BuildAllowances,
    /// Which platform the image is for; this host's if nothing is said.
    pub platform: Option<Platform>,
    /// Directories with what steps made elsewhere, which are asked where the own cache
    /// knows nothing.
    pub cache_from: Vec<PathBuf>,
    /// Directories that what the steps made is written to.
    pub cache_to: Vec<PathBuf>,
    /// Whether base images are asked for anew.
    pub pull: bool,
    /// Whether all layers become one, the base image's included.
    pub squash: bool,
    /// Whether the Dockerfile is only held against the rules for it, and nothing is built.
    pub is_check: bool,
    /// Where the result goes; into the store if nothing is said.
    pub outputs: Vec<BuildOutput>,
    /// How registries are reached, for base images that are not here.
    pub registries: RegistrySettings,
    /// Seconds since 1970 that no time in the image is later than.
    pub epoch: Option<i64>,
    /// Whether the container of a `RUN` that failed is kept for a shell in it, until the
    /// receiver of the events is dropped.
    pub keeps_failed: bool,
}

/// What is told of a build, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum BuildEvent {
    /// The Dockerfile was read.
    Dockerfile {
        /// What messages call it.
        name: String,
        /// What stands in it.
        text: String,
    },
    /// What will be built.
    Planned {
        /// Every stage, in the Dockerfile's order.
        stages: Vec<BuildStage>,
    },
    /// A step begins, or was found in the cache.
    Step {
        /// Its number, from 0, in the order of beginning.
        step: usize,
        /// Its stage, by its place.
        stage: usize,
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
        #[serde(rename = "text", with = "text")]
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
        /// Whether nothing is wrong with it: the build was stopped, or another step failed.
        stopped: bool,
    },
    /// Something worth knowing that stops nothing.
    Warning {
        /// The rule that the Dockerfile breaks.
        rule: String,
        /// What.
        message: String,
        /// Lines of the Dockerfile, from 1.
        lines: RangeInclusive<usize>,
    },
    /// The Dockerfile was held against all rules, and nothing more was asked for. The last
    /// event.
    Checked {
        /// How often it breaks one.
        warnings: usize,
    },
    /// The image is there. The last event.
    Built {
        /// Its id.
        image: Digest,
    },
    /// The build failed. The last event.
    Ended(BuildFailure),
}

/// Output as the text that it mostly is; what isn't UTF-8 becomes U+FFFD.
mod text {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        String::deserialize(deserializer).map(Bytes::from)
    }
}

/// One stage of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildStage {
    /// Its name, or `stage-0` and so on.
    pub name: String,
    /// What it stands on, in words.
    pub base: String,
    /// Whether the target needs it.
    pub is_needed: bool,
    /// How many of its instructions are steps, as far as is known before.
    pub steps: usize,
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
    /// The container that it failed in, where that is kept.
    pub container: Option<ContainerId>,
}
