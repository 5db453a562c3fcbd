//! What can go wrong between a specification and a running program, and how the child
//! tells its parent.

use std::io;

use rustix::io::Errno;

/// Result of making a container's process.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a container's process could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The specification asks for what this runtime doesn't do. Nothing is ignored.
    #[error("{field} is not supported")]
    Unsupported {
        /// The field, as the specification names it, with its value where that matters.
        field: String,
    },
    /// The specification contradicts itself or the kernel.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field, as the specification names it.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The program does not exist in the container.
    #[error("exec {command:?}: not found in the container")]
    CommandNotFound {
        /// The first argument.
        command: String,
    },
    /// The program exists and can't be run.
    #[error("exec {command:?}")]
    NotExecutable {
        /// The first argument.
        command: String,
        /// What execve said.
        source: io::Error,
    },
    /// A step of the set-up failed.
    #[error("{step}")]
    Step {
        /// What was tried, and on what.
        step: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A hook failed.
    #[error("{kind} hook {path}: {reason}")]
    Hook {
        /// `createRuntime` and so on.
        kind: &'static str,
        /// The program.
        path: String,
        /// How it ended.
        reason: String,
    },
    /// The child ended without a word: it was killed.
    #[error("the container's first process died while it was set up")]
    Died,
}

impl Error {
    /// The exit code that docker's users know: 127 not found, 126 can't run, 125 ours.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::CommandNotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
            _ => 125,
        }
    }

    pub(super) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            reason: reason.into(),
        }
    }

    pub(super) fn unsupported(field: impl Into<String>) -> Self {
        Self::Unsupported {
            field: field.into(),
        }
    }
}

/// Names what was tried when a call of ours fails.
pub(super) trait Trying<T> {
    /// `step` says what, and on what.
    fn trying(self, step: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Trying<T> for std::result::Result<T, E> {
    fn trying(self, step: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::Step {
            step: step(),
            source: error.into(),
        })
    }
}

macro_rules! stages {
    ($($name:ident $words:literal,)*) => {
        /// A step of the child, in the order in which they happen. Words come from the
        /// parent: the child may not allocate, so it sends the number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Stage { $(#[doc = $words] $name,)* }

        impl Stage {
            const ALL: &[(Self, &str)] = &[$((Self::$name, $words),)*];
        }
    };
}

stages! {
    Talk "talk to the runtime",
    IdMap "become root of the user namespace",
    JoinNamespace "join the namespace",
    NewNamespaces "make the namespaces",
    TimeOffsets "set the offsets of the time namespace",
    Session "begin a session",
    Keyring "make a session keyring",
    Loopback "bring the loopback interface up",
    HostName "set the host name",
    DomainName "set the domain name",
    Propagation "set the propagation of the mounts",
    AttachRoot "attach the root file system",
    ControlGroups "enter the control groups",
    CgroupNamespace "make the cgroup namespace",
    MountPoint "prepare the mount point",
    InsideProc "mount inside /proc",
    MountNew "make the file system for",
    MountOption "set the mount options of",
    Attach "mount on",
    Device "make the device",
    DeviceLink "make the link",
    Console "set up the terminal",
    HookState "read the state for the hooks",
    CreateContainerHook "run the createContainer hook",
    WorkingDirectory "make the working directory",
    Sysctl "set the kernel parameter",
    ReadOnlyPath "make read-only",
    MaskedPath "mask",
    ReadOnly "remount read-only",
    Pivot "enter the root file system",
    RootPropagation "set the propagation of the root",
    Personality "set the personality",
    Scheduling "set the scheduler",
    IoPriority "set the I/O priority",
    Stdio "set up standard input and output",
    BoundingSet "limit the capabilities",
    User "become the user",
    Capabilities "set the capabilities",
    Ambient "set the ambient capabilities",
    ChangeDirectory "change to the working directory",
    OutsideRoot "change to the working directory: it is outside of the root",
    FindCommand "find the program",
    StartContainerHook "run the startContainer hook",
    NoNewPrivileges "set no_new_privileges",
    Seccomp "install the seccomp filter",
    Descriptors "close the other descriptors",
    Fork "make the program's process",
    Execve "execute the program",
}

/// A stage that failed, on which of its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub stage: Stage,
    pub item: u32,
    pub errno: Errno,
}

impl Failure {
    /// Its length on the line.
    pub const LENGTH: usize = 12;

    pub fn encode(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..4].copy_from_slice(&(self.stage as u32).to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.item.to_ne_bytes());
        bytes[8..].copy_from_slice(&self.errno.raw_os_error().to_ne_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let word = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Some(Self {
            stage: Stage::ALL.get(word(0) as usize)?.0,
            item: word(4),
            errno: Errno::from_raw_os_error(word(8) as i32),
        })
    }
}

/// Names the stage when a call of the child fails.
pub(super) trait At<T> {
    fn at(self, stage: Stage) -> std::result::Result<T, Failure>;
    fn at_item(self, stage: Stage, item: usize) -> std::result::Result<T, Failure>;
}

impl<T> At<T> for rustix::io::Result<T> {
    fn at(self, stage: Stage) -> std::result::Result<T, Failure> {
        self.at_item(stage, 0)
    }

    fn at_item(self, stage: Stage, item: usize) -> std::result::Result<T, Failure> {
        self.map_err(|errno| Failure {
            stage,
            item: item as u32,
            errno,
        })
    }
}

/// What the items of the stages are called, for the parent's words.
pub(super) trait Items {
    fn name(&self, stage: Stage, item: usize) -> Option<String>;
}

impl Failure {
    /// In words.
    pub fn explain(self, items: &impl Items) -> Error {
        let source = io::Error::from(self.errno);
        let name = items.name(self.stage, self.item as usize);
        if matches!(self.stage, Stage::Execve | Stage::FindCommand) {
            let command = name.unwrap_or_default();
            return match self.errno {
                Errno::NOENT | Errno::NOTDIR => Error::CommandNotFound { command },
                _ => Error::NotExecutable { command, source },
            };
        }
        let words = Stage::ALL[self.stage as usize].1;
        let step = match name {
            Some(name) => format!("{words} {name}"),
            None => words.to_owned(),
        };
        Error::Step { step, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_survive_the_line() {
        for (stage, _) in Stage::ALL {
            let failure = Failure {
                stage: *stage,
                item: 7,
                errno: Errno::PERM,
            };
            assert_eq!(Failure::decode(&failure.encode()), Some(failure));
        }
        assert_eq!(Failure::decode(&[0xff; Failure::LENGTH]), None);
    }
}
