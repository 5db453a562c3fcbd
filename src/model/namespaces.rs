//! Namespaces besides the network's that a container may share, in docker's words.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How a container is named whose namespace is joined.
const CONTAINER: &str = "container:";

/// Namespaces besides the network's that a container may share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SharedNamespaces {
    /// Shared memory, semaphores and message queues.
    pub ipc: IpcMode,
    /// Processes: it sees all that are there, and may signal those of its user.
    pub pid: PidMode,
    /// Whether the host name is the host's.
    pub uts: bool,
}

impl SharedNamespaces {
    /// How Docker calls whose each is: of interprocess communication, processes, host name.
    pub fn modes(&self) -> [String; 3] {
        let uts = if self.uts { "host" } else { "" };
        [self.ipc.to_string(), self.pid.to_string(), uts.to_owned()]
    }
}

/// Whose shared memory, semaphores and message queues a container has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Recorded", into = "String")]
pub enum IpcMode {
    /// Its own.
    #[default]
    Private,
    /// Its own, without `/dev/shm`.
    None,
    /// Its own, which others may join.
    Shareable,
    /// The host's.
    Host,
    /// Another container's, by name at first and by id once it is made.
    Container(String),
}

/// Whose processes a container sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Recorded", into = "String")]
pub enum PidMode {
    /// Its own.
    #[default]
    Private,
    /// The host's.
    Host,
    /// Another container's, by name at first and by id once it is made.
    Container(String),
}

impl IpcMode {
    /// Whether nobody had it before the container.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Private | Self::None | Self::Shareable)
    }

    /// Whether others may join it.
    pub fn is_shareable(&self) -> bool {
        !matches!(self, Self::Private | Self::None)
    }
}

impl FromStr for IpcMode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "" | "private" => Self::Private,
            "none" => Self::None,
            "shareable" => Self::Shareable,
            "host" => Self::Host,
            word => Self::Container(other(word).ok_or_else(|| {
                format!(
                    "invalid IPC mode {word:?}: it is private, none, shareable, host or \
                     container:NAME"
                )
            })?),
        })
    }
}

impl FromStr for PidMode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "" | "private" => Self::Private,
            "host" => Self::Host,
            word => Self::Container(other(word).ok_or_else(|| {
                format!("invalid PID mode {word:?}: it is private, host or container:NAME")
            })?),
        })
    }
}

fn other(word: &str) -> Option<String> {
    let name = word.strip_prefix(CONTAINER)?;
    (!name.is_empty()).then(|| name.to_owned())
}

impl fmt::Display for IpcMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Private => f.write_str("private"),
            Self::None => f.write_str("none"),
            Self::Shareable => f.write_str("shareable"),
            Self::Host => f.write_str("host"),
            Self::Container(other) => write!(f, "{CONTAINER}{other}"),
        }
    }
}

/// Docker has no word for one of its own.
impl fmt::Display for PidMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Private => Ok(()),
            Self::Host => f.write_str("host"),
            Self::Container(other) => write!(f, "{CONTAINER}{other}"),
        }
    }
}

impl From<IpcMode> for String {
    fn from(mode: IpcMode) -> Self {
        mode.to_string()
    }
}

impl From<PidMode> for String {
    fn from(mode: PidMode) -> Self {
        mode.to_string()
    }
}

/// A mode as it is on record: once it said only whether it is the host's.
#[derive(Deserialize)]
#[serde(untagged)]
enum Recorded {
    IsHost(bool),
    Word(String),
}

impl Recorded {
    fn word(self) -> String {
        match self {
            Self::IsHost(true) => "host".into(),
            Self::IsHost(false) => String::new(),
            Self::Word(word) => word,
        }
    }
}

impl TryFrom<Recorded> for IpcMode {
    type Error = String;

    fn try_from(recorded: Recorded) -> Result<Self, String> {
        recorded.word().parse()
    }
}

impl TryFrom<Recorded> for PidMode {
    type Error = String;

    fn try_from(recorded: Recorded) -> Result<Self, String> {
        recorded.word().parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_dockers_and_come_back_from_a_record() {
        for word in ["private", "none", "shareable", "host", "container:web"] {
            assert_eq!(word.parse::<IpcMode>().unwrap().to_string(), word);
        }
        for word in ["", "host", "container:web"] {
            assert_eq!(word.parse::<PidMode>().unwrap().to_string(), word);
        }
        for word in ["container:", "container", "Host", "web"] {
            word.parse::<IpcMode>().unwrap_err();
            word.parse::<PidMode>().unwrap_err();
        }
        let shared = SharedNamespaces {
            ipc: IpcMode::Shareable,
            pid: PidMode::Container("x".into()),
            uts: true,
        };
        let text = serde_json::to_string(&shared).unwrap();
        assert_eq!(
            text,
            r#"{"ipc":"shareable","pid":"container:x","uts":true}"#
        );
        assert_eq!(
            serde_json::from_str::<SharedNamespaces>(&text).unwrap(),
            shared
        );
    }

    #[test]
    fn records_from_before_are_read() {
        let old = r#"{"ipc":true,"pid":false,"uts":false}"#;
        let shared: SharedNamespaces = serde_json::from_str(old).unwrap();
        assert_eq!((shared.ipc, shared.pid), (IpcMode::Host, PidMode::Private));
    }
}
