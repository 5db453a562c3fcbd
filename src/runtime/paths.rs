//! Where everything of one engine lies: the one place that knows file names.
//!
//! ```text
//! DATA  /var/lib/wharf or --root           RUN  /run/wharf or --root/run
//!   images/                OCI layout         containers/ID/
//!     lock                 images lock          alive        flock held by the shim for its life
//!   layers/                unpacked, by diff-id state        live state, two checksummed slots
//!   names/NAME             holds the id         control      unix socket of the shim
//!   names.lock                                  stdin stdout stderr   FIFOs
//!   containers/ID/                              exec/EXEC/   record and socket of an exec
//!     lock                 one operation      events         what happened, JSON lines
//!     config.json          ContainerRecord      network    its addresses and open ports
//!     exit.json            ExitRecord         boot           the boot that all this is of
//!     started              boot and time of the run that has no exit record yet
//!     stopped              the user's intent      freeze.ID      locked by who froze it for a moment
//!     upper/ work/         writable layer
//!     log log.1            CRI lines
//!   networks/NAME.json     Network         update.ID      the record before a cut update
//!   networks/lock          addresses, ports connect.ID     the record before a cut connect
//!   volumes/NAME/          see [`crate::volume`]  volumes/NAME   where one on a device is mounted
//!   volumes.lock           which there are
//!   recording/             `wharf record`'s  networks/      who has which address and port
//!                                          builds/NAME    socket of a build under way
//! ```

use std::path::PathBuf;

use crate::model::{ContainerId, ExecId};

/// How the record of an update under way begins.
const UPDATE: &str = "update.";
/// How the mark of a connection under way begins.
const CONNECT: &str = "connect.";

/// How the mark of a container that is frozen for a moment begins.
const FREEZE: &str = "freeze.";

/// How the mark of a build's container begins.
const STEP: &str = "step.";

/// The two directories of one engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// What must survive a reboot.
    pub data: PathBuf,
    /// What need not.
    pub run: PathBuf,
}

impl Root {
    /// The engine of this machine.
    pub fn system() -> Self {
        Self {
            data: "/var/lib/wharf".into(),
            run: "/run/wharf".into(),
        }
    }

    /// An engine of its own below `dir`, beside any other.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        // Shims are told where their files lie, and their directory is not ours.
        let data = std::path::absolute(&dir).unwrap_or(dir);
        Self {
            run: data.join("run"),
            data,
        }
    }

    /// The OCI layout of all images.
    pub fn images(&self) -> PathBuf {
        self.data.join("images")
    }

    /// The unpacked layers.
    pub fn layers(&self) -> PathBuf {
        self.data.join("layers")
    }

    /// One file a name, which holds the id that has it.
    pub fn names(&self) -> PathBuf {
        self.data.join("names")
    }

    /// The lock over names, taken before every other.
    pub fn names_lock(&self) -> PathBuf {
        self.data.join("names.lock")
    }

    /// All containers' durable directories.
    pub fn containers(&self) -> PathBuf {
        self.data.join("containers")
    }

    /// All containers' live directories.
    pub fn live_containers(&self) -> PathBuf {
        self.run.join("containers")
    }

    /// The networks.
    pub fn networks(&self) -> PathBuf {
        self.data.join("networks")
    }

    /// Who has which address and port.
    pub fn live_networks(&self) -> PathBuf {
        self.run.join("networks")
    }

    /// The volumes.
    pub fn volumes(&self) -> PathBuf {
        self.data.join("volumes")
    }

    /// Where volumes on devices are mounted.
    pub fn live_volumes(&self) -> PathBuf {
        self.run.join("volumes")
    }

    /// A word for this engine, which no other on this machine has; empty for the
    /// machine's own.
    pub fn word(&self) -> String {
        use sha2::{Digest, Sha256};
        use std::os::unix::ffi::OsStrExt;
        if *self == Self::system() {
            return String::new();
        }
        let digest = Sha256::digest(self.run.as_os_str().as_bytes());
        digest[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The sockets of builds under way.
    pub fn builds(&self) -> PathBuf {
        self.run.join("builds")
    }

    /// What happened, one JSON line an event.
    pub fn events(&self) -> PathBuf {
        self.run.join("events")
    }

    /// The boot that the live directories are of.
    pub fn boot(&self) -> PathBuf {
        self.run.join("boot")
    }

    /// The record as it was before the update of a container that is under way.
    pub fn update(&self, id: &ContainerId) -> PathBuf {
        self.run.join(format!("{UPDATE}{id}"))
    }

    /// Exists while a container is being connected or disconnected.
    pub fn connection(&self, id: &ContainerId) -> PathBuf {
        self.run.join(format!("{CONNECT}{id}"))
    }

    /// Containers that are being connected, by the name of a file in the run directory.
    pub fn connected(file_name: &str) -> Option<ContainerId> {
        ContainerId::parse(file_name.strip_prefix(CONNECT)?)
    }

    /// Containers whose update is under way, by the name of a file in the run directory.
    pub fn updated(file_name: &str) -> Option<ContainerId> {
        // What was being written when its writer was killed has a suffix.
        ContainerId::parse(file_name.strip_prefix(UPDATE)?.get(..64)?)
    }

    /// The mark of a container that is frozen while its files are read.
    pub fn frozen(&self, id: &ContainerId) -> PathBuf {
        self.run.join(format!("{FREEZE}{id}"))
    }

    /// Containers that are frozen so, by the name of a file in the run directory.
    pub fn is_frozen(file_name: &str) -> Option<ContainerId> {
        ContainerId::parse(file_name.strip_prefix(FREEZE)?)
    }

    /// The mark of a build's container, which names the lease of the build.
    pub fn step(&self, id: &ContainerId) -> PathBuf {
        self.run.join(format!("{STEP}{id}"))
    }

    /// Containers of builds, by the name of a file in the run directory.
    pub fn is_step(file_name: &str) -> Option<ContainerId> {
        ContainerId::parse(file_name.strip_prefix(STEP)?)
    }

    /// The files of one container.
    pub fn container(&self, id: &ContainerId) -> ContainerPaths {
        ContainerPaths {
            data: self.containers().join(id.as_str()),
            run: self.live_containers().join(id.as_str()),
        }
    }
}

/// The files of one exec, which live no longer than the container's run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecPaths {
    /// The directory that holds them, and the socket of the exec's shim.
    pub directory: PathBuf,
}

impl ExecPaths {
    /// What it runs, if it is made before it is started.
    pub fn config(&self) -> PathBuf {
        self.directory.join("config")
    }

    /// Its live state; with an exit once it ended.
    pub fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    /// Locked by its shim for its life.
    pub fn alive(&self) -> PathBuf {
        self.directory.join("alive")
    }
}

/// The files of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPaths {
    /// Its durable directory.
    pub data: PathBuf,
    /// Its live directory, gone after a reboot.
    pub run: PathBuf,
}

macro_rules! files {
    ($($base:ident $name:ident $file:literal $doc:literal;)*) => {
        impl ContainerPaths {
            $(#[doc = $doc] pub fn $name(&self) -> PathBuf { self.$base.join($file) })*
        }
    };
}

files! {
    data lock "lock" "Held for one operation.";
    data record "config.json" "The [`super::record::ContainerRecord`].";
    data exit "exit.json" "The [`super::record::ExitRecord`] of the last run.";
    data started "started" "Written before a run begins, gone once its exit is recorded.";
    data stopped "stopped" "Exists while the user wants it stopped.";
    data unfilled "unfilled" "Exists until its volumes are made and had their first use.";
    data upper "upper" "What the container wrote.";
    data size "size.json" "What that took when it was measured last.";
    data changed "changed" "Noted when it was written to but by a run.";
    data work "work" "Overlayfs' scratch directory beside it.";
    data log "log" "The current log file.";
    run alive "alive" "Locked by the shim for its life.";
    run state "state" "The live state.";
    run control "control" "The shim's unix socket.";
    run stdin "stdin" "FIFO of its standard input.";
    run stdout "stdout" "FIFO of its standard output.";
    run stderr "stderr" "FIFO of its standard error.";
    run health "health" "The [`super::shim::HealthRecord`] of its run.";
    run network "network" "The [`crate::model::Connectivity`] of its run.";
    run etc "etc" "Its files of /etc that are ours.";
    run execs "exec" "One directory an exec.";
}

impl ContainerPaths {
    /// The files of one exec.
    pub fn exec(&self, id: &ExecId) -> ExecPaths {
        ExecPaths {
            directory: self.execs().join(id.as_str()),
        }
    }

    /// Path of a container's cgroup below the mount of each hierarchy.
    pub fn cgroup(id: &ContainerId) -> String {
        format!("wharf/{id}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn update_under_way_is_known_by_its_file_and_by_what_was_half_written() {
        let (root, id) = (Root::at("/r"), ContainerId::from_bytes(&[7; 32]));
        let path = root.update(&id);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        assert_eq!(Root::updated(name), Some(id.clone()));
        assert_eq!(Root::updated(&format!("{name}.new")), Some(id));
        for other in ["boot", "events", "update.", "update.xyz"] {
            assert_eq!(Root::updated(other), None, "{other}");
        }
    }
}
