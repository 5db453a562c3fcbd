//! A container: what was asked for, what state it is in, and what ended it.

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Attachment, Connectivity, ContainerId, Device, DeviceRule, Digest, Health, HealthCheck, Limits,
    LogConfig, Mount, Naming, Port, Publish, SharedNamespaces, Ulimit,
};

/// Kernel files that tell about the host or could harm it: not seen.
pub const MASKED_PATHS: &[&str] = &[
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

/// Kernel files that are seen and not written.
pub const READ_ONLY_PATHS: &[&str] = &[
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// Everything that was asked of a container when it was created, before the image's
/// config fills the gaps. Names follow `docker run`'s flags.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerConfig {
    /// The image as the user named it.
    pub image: String,
    /// Arguments after the image: replaces the image's `Cmd`.
    pub command: Vec<String>,
    /// Replaces the image's `Entrypoint`; `Some(vec![])` clears it.
    pub entrypoint: Option<Vec<String>>,
    /// `KEY=value` pairs on top of the image's.
    pub env: Vec<String>,
    /// Working directory inside.
    pub working_dir: Option<String>,
    /// `user[:group]`, by name or number.
    pub user: Option<String>,
    /// Groups that its process is in besides, by name or number.
    pub groups: Vec<String>,
    /// Host name; the short id if nothing is said.
    pub hostname: Option<String>,
    /// Labels, the image's included.
    pub labels: BTreeMap<String, String>,
    /// Whether a pseudo terminal is its stdio.
    pub tty: bool,
    /// Whether stdin stays open.
    pub open_stdin: bool,
    /// Whether it is removed when it exits.
    pub auto_remove: bool,
    /// Whether a small init of ours is pid 1 and reaps.
    pub init: bool,
    /// What happens after an exit.
    pub restart: RestartPolicy,
    /// Signal that asks it to stop; the image's, then SIGTERM, if nothing is said.
    pub stop_signal: Option<String>,
    /// Seconds between that signal and SIGKILL; 10 if nothing is said.
    pub stop_timeout_secs: Option<i64>,
    /// Whether the root file system is read-only.
    pub read_only: bool,
    /// Binds, volumes and memory; once it is made, those of its image and of
    /// `volumes_from` too.
    pub mounts: Vec<Mount>,
    /// Containers whose mounts it has too, `NAME[:ro|rw]`.
    pub volumes_from: Vec<String>,
    /// Namespaces that are not its own.
    pub shared: SharedNamespaces,
    /// Whose network namespace it lives in.
    pub network: NetworkMode,
    /// The networks that it joins, where it lives in a namespace of its own.
    pub networks: Vec<Attachment>,
    /// Ports of it that are open to the outside.
    pub publish: Vec<Publish>,
    /// Whether every port that it or its image names is, under any number.
    pub publish_all: bool,
    /// Ports that it names besides its image's.
    pub expose: Vec<Port>,
    /// How it finds names.
    pub naming: Naming,
    /// How its output is kept.
    pub log: LogConfig,
    /// Limits of its cgroup.
    pub limits: Limits,
    /// Process resource limits.
    pub ulimits: Vec<Ulimit>,
    /// Device nodes given to it.
    pub devices: Vec<Device>,
    /// Devices that it may use, beyond those: it makes the nodes itself, or they come later.
    pub device_rules: Vec<DeviceRule>,
    /// Capabilities beyond the default set, without `CAP_`; `ALL` is allowed.
    pub cap_add: Vec<String>,
    /// Capabilities taken from the default set; `ALL` is allowed.
    pub cap_drop: Vec<String>,
    /// `--security-opt` values, validated.
    pub security: Security,
    /// Whether nearly all confinement is off.
    pub privileged: bool,
    /// Namespaced kernel settings.
    pub sysctls: BTreeMap<String, String>,
    /// Size of /dev/shm in bytes; 64 MiB if nothing is said.
    pub shm_size_bytes: Option<u64>,
    /// OOM score adjustment, -1000 to 1000.
    pub oom_score_adj: Option<i32>,
    /// How its health is checked; once it is made, with the image's where nothing was said.
    pub health: Option<HealthCheck>,
}

/// When a container is started again by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Never.
    #[default]
    No,
    /// After an exit code other than 0, `max_retries` times at most (0: without end).
    OnFailure {
        /// Most attempts in a row; 0 is without end.
        max_retries: u32,
    },
    /// After every exit but one that the user asked for.
    Always,
    /// Like `Always`, but a stop by the user survives a reboot.
    UnlessStopped,
}

impl fmt::Display for RestartPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::OnFailure { max_retries: 0 } => f.write_str("on-failure"),
            Self::OnFailure { max_retries } => write!(f, "on-failure:{max_retries}"),
            Self::Always => f.write_str("always"),
            Self::UnlessStopped => f.write_str("unless-stopped"),
        }
    }
}

/// Which network namespace a container lives in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// Its own, with loopback only.
    #[default]
    None,
    /// The host's.
    Host,
    /// Its own, with an interface on each of its networks.
    Bridge,
    /// Another container's, by name at first and by id once it is made.
    Container(String),
}

impl NetworkMode {
    /// Whether its namespace is its own.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::None | Self::Bridge)
    }
}

/// Validated `--security-opt` values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Security {
    /// Neither set-user-id nor file capabilities raise privileges.
    pub no_new_privileges: bool,
    /// Which system calls are allowed.
    pub seccomp: SeccompMode,
    /// Kernel paths under /proc and /sys stay visible and writable.
    pub unmask: bool,
}

/// Which seccomp filter a container runs under.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeccompMode {
    /// Docker's default profile.
    #[default]
    Default,
    /// None.
    Unconfined,
    /// A profile in docker's format, by its text.
    Profile(String),
}

/// The state of a container, in docker's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Made, never started.
    Created,
    /// Its init process runs.
    Running,
    /// Frozen.
    Paused,
    /// Exited, and will be started again by its restart policy.
    Restarting,
    /// Being removed.
    Removing,
    /// Its init process ended.
    Exited,
    /// A removal failed half-way.
    Dead,
}

impl State {
    /// Every state, in the order of its discriminant.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Running,
        Self::Paused,
        Self::Restarting,
        Self::Removing,
        Self::Exited,
        Self::Dead,
    ];

    /// The word that docker uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }

    /// Whether an init process exists.
    pub fn has_process(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// Whether a start would do something.
    pub fn can_start(self) -> bool {
        matches!(self, Self::Created | Self::Exited)
    }

    /// Whether a stop would do something.
    pub fn can_stop(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }

    /// Whether a signal can be sent.
    pub fn can_kill(self) -> bool {
        self.has_process()
    }

    /// Whether it can be frozen.
    pub fn can_pause(self) -> bool {
        self == Self::Running
    }

    /// Whether it can be thawed.
    pub fn can_unpause(self) -> bool {
        self == Self::Paused
    }

    /// Whether a process can be run in it.
    pub fn can_exec(self) -> bool {
        self == Self::Running
    }

    /// Whether it is removed without force.
    pub fn can_remove(self) -> bool {
        matches!(self, Self::Created | Self::Exited | Self::Dead)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an init process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code, 128 + n for signal n; `None` where nobody could see it.
    pub code: Option<i32>,
    /// When it ended.
    pub at: Timestamp,
    /// Whether the kernel killed for lack of memory during this run.
    pub oom_killed: bool,
}

/// A container as the world shows it: what was asked, and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without a leading slash.
    pub name: String,
    /// The image's id.
    pub image_id: Digest,
    /// What was asked.
    pub config: ContainerConfig,
    /// The program and its arguments after the image's config was applied.
    pub argv: Vec<String>,
    /// When it was created.
    pub created: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Its init process on the host, while there is one.
    pub pid: Option<i32>,
    /// When this or the last run began.
    pub started: Option<Timestamp>,
    /// How the last run ended.
    pub exit: Option<Exit>,
    /// How often the restart policy started it again.
    pub restarts: u32,
    /// Why the last start failed, in words.
    pub error: Option<String>,
    /// Its places on networks and its open ports, while it runs.
    #[serde(default)]
    pub connectivity: Connectivity,
    /// What its health checks said, where it has any and was started.
    #[serde(default)]
    pub health: Option<Health>,
}

impl Container {
    /// How long it has been running, at `now`.
    pub fn uptime(&self, now: Timestamp) -> Option<Duration> {
        if !self.state.has_process() {
            return None;
        }
        Duration::try_from(now.duration_since(self.started?)).ok()
    }
}
