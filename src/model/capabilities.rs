//! What an engine is and can do; asked before an action is offered.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

/// Something that some engines can do and others can't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// Tell what only an API asks for, and make execs in two steps.
    Details,
    /// Freeze containers.
    Pause,
    /// Change limits of containers.
    Update,
    /// Set limits that Docker's API has no word for.
    FineLimits,
    /// Send signals to single processes.
    Signal,
    /// List what containers changed.
    Changes,
    /// Make an image from a tar.
    Import,
    /// Make an image from executables of the host.
    HostImage,
    /// Look into the files of images and containers.
    Files,
    /// Show and change the control groups of the host.
    Groups,
    /// Have networks.
    Networks,
    /// Have volumes.
    Volumes,
    /// Save, load, export, commit and copy.
    Archives,
    /// Build images.
    Build,
    /// Measure images, and remove those that nobody needs.
    Prune,
    /// Verify and compare images.
    Upkeep,
    /// Pull and push.
    Registries,
}

impl Ability {
    /// Why an engine without it refuses, where it has no reason of its own.
    pub fn lack(self) -> &'static str {
        match self {
            Self::Details => "this engine doesn't tell it",
            Self::Pause => "this engine can't freeze containers",
            Self::Update => "this engine can't change limits",
            Self::FineLimits => "Docker's API has no such limit",
            Self::Signal => "this engine signals whole containers only",
            Self::Changes => "this engine can't list changed files",
            Self::Import => "this engine makes no images from archives",
            Self::HostImage => "this engine makes no images of this host's programs",
            Self::Files => "this engine does not show files",
            Self::Groups => "this engine has no control groups",
            Self::Networks => "this engine has no networks",
            Self::Volumes => "this engine has no volumes",
            Self::Archives => "this engine reads and writes no archives",
            Self::Build => "this engine can't build",
            Self::Prune => "this engine keeps its images itself",
            Self::Upkeep => "this engine doesn't let its images be looked through",
            Self::Registries => "this engine reaches no registries",
        }
    }

    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Details,
        Self::Pause,
        Self::Update,
        Self::FineLimits,
        Self::Signal,
        Self::Changes,
        Self::Import,
        Self::HostImage,
        Self::Files,
        Self::Groups,
        Self::Networks,
        Self::Volumes,
        Self::Archives,
        Self::Build,
        Self::Prune,
        Self::Upkeep,
        Self::Registries,
    ];
}

/// What an engine is and can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// What the engine is, such as `wharf 0.1.0 (embedded)`.
    pub engine: String,
    /// Where it is, if it isn't in this process: `unix:///run/docker.sock`.
    pub address: Option<String>,
    /// Whether this user may change anything; `None`, or why not.
    pub read_only_because: Option<String>,
    /// What it can't do, and why not.
    pub lacks: BTreeMap<Ability, Cow<'static, str>>,
}

impl Capabilities {
    /// Whether it can do something; if not, why not.
    pub fn can(&self, ability: Ability) -> Result<(), &str> {
        match self.lacks.get(&ability) {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }

    /// The same without some abilities, for the reasons that these have themselves.
    pub fn without(mut self, abilities: &[Ability]) -> Self {
        for ability in abilities {
            self.lacks.insert(*ability, ability.lack().into());
        }
        self
    }
}
