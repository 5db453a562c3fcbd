//! Images between registries and the store: what is asked, and how it is going.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::Digest;

/// How registries are reached: the `[registry]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrySettings {
    /// Where Docker Hub's names are asked for before Docker Hub, in order: `host[:port]`
    /// or a URL.
    pub mirrors: Vec<String>,
    /// Registries (`host[:port]`) that may be spoken to in plain HTTP; loopback always may.
    pub plain_http: Vec<String>,
    /// Files of certificates (PEM) that are trusted beside the system's.
    pub authorities: Vec<PathBuf>,
    /// Blobs that are moved at once.
    pub parallel: usize,
    /// How long a registry may send nothing.
    pub patience: Duration,
    /// Logins for this time only, before those that are kept.
    pub logins: Vec<RegistryLogin>,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            mirrors: Vec::new(),
            plain_http: Vec::new(),
            authorities: Vec::new(),
            parallel: 4,
            patience: Duration::from_secs(30),
            logins: Vec::new(),
        }
    }
}

/// Who somebody is at a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryLogin {
    /// Host and port; `docker.io` for Docker Hub; all that is asked if nothing is said.
    pub registry: Option<String>,
    /// What proves it.
    pub proof: LoginProof,
}

/// What proves who somebody is.
#[derive(Clone, PartialEq, Eq)]
pub enum LoginProof {
    /// A name and a password.
    Password(String, String),
    /// What a token server gave in place of a password.
    IdentityToken(String),
    /// A token that is sent to the registry as it is.
    RegistryToken(String),
}

impl std::fmt::Debug for RegistryLogin {
    /// Without what is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegistryLogin({:?})", self.registry)
    }
}

/// An operating system and a processor, as `linux/arm64/v8`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`
    pub os: String,
    /// `amd64`
    pub architecture: String,
    /// `v8`, where there are several of one architecture.
    pub variant: Option<String>,
}

/// Fetch an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Which, as a user writes it.
    pub reference: String,
    /// For which platform; this host's if nothing is said.
    pub platform: Option<Platform>,
    /// How registries are reached.
    pub registries: RegistrySettings,
}

/// Send an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRequest {
    /// Which; its name says where to.
    pub reference: String,
    /// How registries are reached.
    pub registries: RegistrySettings,
}

/// Log in to a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginRequest {
    /// Host and port; `docker.io` for Docker Hub.
    pub registry: String,
    /// The user's name there.
    pub user: String,
    /// The password, or a token in its place.
    pub password: String,
    /// Whether it is kept for later.
    pub keep: bool,
    /// How registries are reached.
    pub registries: RegistrySettings,
}

impl std::fmt::Debug for LoginRequest {
    /// Without the password, which must not get into logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LoginRequest({} at {})", self.user, self.registry)
    }
}

/// Look for repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchRequest {
    /// About what; `host:port/term` asks another registry than Docker Hub.
    pub term: String,
    /// Most to list.
    pub limit: usize,
    /// How registries are reached.
    pub registries: RegistrySettings,
}

/// A manifest or an index as a registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its bytes, which are JSON.
    pub content: Vec<u8>,
}

/// A repository that a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRepository {
    /// Its name, ready to be pulled.
    pub name: String,
    /// What its makers say of it.
    pub description: String,
    /// How many like it.
    pub stars: u64,
    /// Whether Docker curates it.
    pub is_official: bool,
}

/// Which way an image goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From a registry.
    Pull,
    /// To a registry.
    Push,
}

/// One picture of a transfer: each replaces the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// Which transfer of this process it is.
    pub id: u64,
    /// Which way.
    pub direction: Direction,
    /// What goes, familiar.
    pub reference: String,
    /// What it is at.
    pub phase: Phase,
    /// Its layers, lowest first; none before its manifest is known.
    pub layers: Vec<LayerTransfer>,
    /// How it ended; `None` while it goes on.
    pub outcome: Option<TransferOutcome>,
}

/// What a transfer is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Asking what there is.
    Resolving,
    /// Moving layers.
    Moving,
    /// Writing down what was moved.
    Finishing,
    /// All is done.
    Done,
}

/// One layer on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerTransfer {
    /// The digest of its blob.
    pub digest: Digest,
    /// What it is at.
    pub state: LayerState,
    /// Bytes that are where they shall be.
    pub moved_bytes: u64,
    /// Bytes of its blob.
    pub total_bytes: u64,
}

/// What a layer on its way is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerState {
    /// Others are first.
    Waiting,
    /// Another process fetches the same.
    Shared,
    /// Its bytes are moved; a pull unpacks them at once.
    Moving,
    /// The connection broke; it goes on where it was.
    Retrying,
    /// All its bytes are here, the last are being unpacked.
    Unpacking,
    /// It is where it shall be.
    Done,
    /// It was there already.
    Present,
    /// The registry took it over from another of its repositories.
    Mounted,
}

impl LayerState {
    /// Whether nothing is left to do.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Present | Self::Mounted)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Shared => "shared",
            Self::Moving => "moving",
            Self::Retrying => "retrying",
            Self::Unpacking => "unpacking",
            Self::Done => "done",
            Self::Present => "present",
            Self::Mounted => "mounted",
        }
    }
}

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferOutcome {
    /// The digest of the image's config.
    pub image: Digest,
    /// The digest that its name stands for at the registry: of a manifest or an index.
    pub digest: Digest,
    /// Bytes of what that digest is of; `None` where an engine elsewhere does not say.
    pub digested_bytes: Option<u64>,
    /// Whether nothing had to be moved.
    pub is_up_to_date: bool,
}

impl Transfer {
    /// Bytes moved and bytes in all, over layers that weren't there already.
    pub fn total(&self) -> (u64, u64) {
        let here = |layer: &&LayerTransfer| layer.state != LayerState::Present;
        let layers = self.layers.iter().filter(here);
        layers.fold((0, 0), |(moved, total), layer| {
            (moved + layer.moved_bytes, total + layer.total_bytes)
        })
    }
}

impl Platform {
    /// This host's.
    pub fn host() -> Self {
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86_64" => ("amd64", None),
            "x86" => ("386", None),
            "aarch64" => ("arm64", Some("v8")),
            "arm" => ("arm", Some("v7")),
            "powerpc64" => ("ppc64le", None),
            other => (other, None),
        };
        Self {
            os: "linux".into(),
            architecture: architecture.into(),
            variant: variant.map(str::to_owned),
        }
    }

    /// Reads `os/architecture[/variant]`, or an architecture alone; the names of other
    /// worlds (`x86_64`, `aarch64`) are taken for what they mean, as containerd does.
    pub fn parse(text: &str) -> Option<Self> {
        let part = |text: &str| {
            let is_word =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            (!text.is_empty() && text.len() <= 32 && text.bytes().all(is_word))
                .then(|| text.to_ascii_lowercase())
        };
        let parts: Vec<_> = text.split('/').map(part).collect::<Option<_>>()?;
        let (os, architecture, variant) = match parts.as_slice() {
            [architecture] => ("linux".to_owned(), architecture, None),
            [os, architecture] => (os.clone(), architecture, None),
            [os, architecture, variant] => (os.clone(), architecture, Some(variant.clone())),
            _ => return None,
        };
        let (architecture, variant) = match (architecture.as_str(), variant) {
            ("x86_64" | "x86-64", variant) => ("amd64", variant),
            ("aarch64" | "arm64", None) => ("arm64", Some("v8".to_owned())),
            ("aarch64", variant) => ("arm64", variant),
            ("i386" | "x86", variant) => ("386", variant),
            ("armhf" | "arm", None) => ("arm", Some("v7".to_owned())),
            ("armel", None) => ("arm", Some("v6".to_owned())),
            (other, variant) => (other, variant),
        };
        Some(Self {
            os,
            architecture: architecture.to_owned(),
            variant,
        })
    }

    /// How well an image for `offered` runs here: less is better, `None` is not at all.
    pub fn distance(&self, offered: &Self) -> Option<u32> {
        if (&self.os, &self.architecture) != (&offered.os, &offered.architecture) {
            return None;
        }
        let number = |platform: &Self| {
            let default = match platform.architecture.as_str() {
                "arm64" => "v8",
                "arm" => "v7",
                "amd64" => "v1",
                _ => "",
            };
            let variant = platform.variant.as_deref().unwrap_or(default);
            variant
                .strip_prefix('v')
                .unwrap_or(variant)
                .parse::<u32>()
                .ok()
        };
        match (number(self), number(offered)) {
            // What was made for an older processor of the family runs too.
            (Some(wanted), Some(offered)) => wanted.checked_sub(offered),
            _ => (self.variant == offered.variant).then_some(0),
        }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        Platform::parse(text).unwrap()
    }

    #[test]
    fn platforms_are_read_as_users_write_them() {
        for (text, normal) in [
            ("linux/amd64", "linux/amd64"),
            ("amd64", "linux/amd64"),
            ("x86_64", "linux/amd64"),
            ("linux/arm64", "linux/arm64/v8"),
            ("Linux/ARM/v6", "linux/arm/v6"),
            ("windows/amd64", "windows/amd64"),
        ] {
            assert_eq!(platform(text).to_string(), normal, "{text}");
        }
        for bad in ["", "a/b/c/d", "linux/", "/amd64", "a b", "linux/amd64\n"] {
            assert_eq!(Platform::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_older_variant_of_the_same_processor_is_taken_and_a_newer_is_not() {
        let distance = |wanted: &str, offered: &str| platform(wanted).distance(&platform(offered));
        assert_eq!(distance("linux/arm/v7", "linux/arm/v7"), Some(0));
        assert_eq!(distance("linux/arm/v7", "linux/arm/v6"), Some(1));
        assert_eq!(distance("linux/arm/v6", "linux/arm/v7"), None);
        assert_eq!(distance("linux/amd64", "linux/amd64/v1"), Some(0));
        assert_eq!(distance("linux/amd64", "linux/amd64/v3"), None);
        assert_eq!(distance("linux/amd64", "linux/arm64"), None);
        assert_eq!(distance("linux/amd64", "windows/amd64"), None);
    }
}
