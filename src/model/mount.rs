//! What is mounted into a container, and the short form in which users write it.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// How mounts that come later on one side show on the other.
pub const PROPAGATIONS: [&str; 6] = [
    "private", "rprivate", "shared", "rshared", "slave", "rslave",
];

/// Something mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// What is mounted.
    pub kind: MountKind,
    /// Absolute path inside the container.
    pub target: PathBuf,
    /// Whether it can't be written.
    pub read_only: bool,
}

/// The kinds of mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum MountKind {
    /// A file or directory of the host.
    Bind {
        /// Absolute path on the host.
        source: PathBuf,
        /// Make the source directory if it is missing (`-v` does, `--mount` doesn't).
        create: bool,
        /// Mount propagation: private, rprivate, shared, rshared, slave, rslave.
        propagation: Option<String>,
        /// Take submounts along (`rbind`).
        recursive: bool,
        /// Whether submounts of a read-only bind stay writable.
        #[serde(default)]
        writable_below: bool,
    },
    /// A volume.
    Volume(VolumeMount),
    /// Memory-backed.
    Tmpfs {
        /// Options of the file system and mount flags, such as `size=64m` or `exec`.
        options: Vec<String>,
    },
}

/// A volume in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeMount {
    /// Its name. Without one it is made for this container; once the container is made,
    /// there always is one.
    pub name: Option<String>,
    /// Whether that name was made up for the container.
    pub is_anonymous: bool,
    /// Where its files lie on the host, once the container is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// Leave it empty at its first use, whatever the image has at its place.
    pub no_copy: bool,
    /// Only this directory or file of it.
    pub subpath: Option<PathBuf>,
    /// What keeps it, if it has to be made.
    pub driver: Option<String>,
    /// Options of the driver, if it has to be made.
    pub options: BTreeMap<String, String>,
    /// Labels, if it has to be made.
    pub labels: BTreeMap<String, String>,
}

impl Mount {
    /// A volume without a name.
    pub fn anonymous(target: impl Into<PathBuf>) -> Self {
        Self {
            kind: MountKind::Volume(VolumeMount::default()),
            target: target.into(),
            read_only: false,
        }
    }

    /// The volume that it shows.
    pub fn volume(&self) -> Option<&VolumeMount> {
        match &self.kind {
            MountKind::Volume(volume) => Some(volume),
            _ => None,
        }
    }

    /// The name of the volume that it shows.
    pub fn volume_name(&self) -> Option<&str> {
        self.volume()?.name.as_deref()
    }

    /// Reads docker's short form: `TARGET` for a volume without a name,
    /// `NAME:TARGET[:OPTIONS]` for one with a name, `/HOST:TARGET[:OPTIONS]` for a bind,
    /// whose source is made if it is missing.
    pub fn parse_short(text: &str) -> Result<Self, String> {
        let allowed = "a volume is written NAME:/PATH or /HOST/PATH:/PATH, with options such as \
                       :ro after that, or /PATH alone";
        let (source, target, options) = match text.split(':').collect::<Vec<_>>()[..] {
            [target] => (None, target, ""),
            [source, target] => (Some(source), target, ""),
            [source, target, options] => (Some(source), target, options),
            _ => return Err(allowed.into()),
        };
        let kind = match source {
            None => MountKind::Volume(VolumeMount::default()),
            Some(path) if path.starts_with('/') => MountKind::Bind {
                source: path.into(),
                create: true,
                propagation: None,
                recursive: true,
                writable_below: false,
            },
            Some(name) => MountKind::Volume(VolumeMount {
                name: Some(volume_name(name)?.to_owned()),
                ..VolumeMount::default()
            }),
        };
        let mut mount = Self {
            kind,
            target: container_path(target)?,
            read_only: false,
        };
        for option in options.split(',').filter(|option| !option.is_empty()) {
            mount.add_option(option)?;
        }
        Ok(mount)
    }

    fn add_option(&mut self, option: &str) -> Result<(), String> {
        match (option, &mut self.kind) {
            ("ro" | "readonly", _) => self.read_only = true,
            // `z` and `Z` relabel for SELinux, which is not used here; the others say how
            // fresh a view through a virtual machine must be.
            ("rw" | "z" | "Z" | "consistent" | "cached" | "delegated", _) => {}
            ("nocopy", MountKind::Volume(volume)) => volume.no_copy = true,
            ("nocopy", _) => return Err("nocopy is for volumes: a bind is never copied to".into()),
            // A volume's mounts are its own whatever is said, as these ask.
            ("private" | "rprivate", MountKind::Volume(_)) => {}
            (name, MountKind::Bind { propagation, .. }) if PROPAGATIONS.contains(&name) => {
                *propagation = Some(name.to_owned());
            }
            _ => {
                return Err(format!(
                    "option {option:?}: allowed are ro, rw, nocopy for volumes, and {} for binds",
                    PROPAGATIONS.join(", ")
                ));
            }
        }
        Ok(())
    }
}

/// A volume's name if it is one: docker's rule, which also makes it a plain file name.
pub fn volume_name(name: &str) -> Result<&str, String> {
    let is_valid = (2..=255).contains(&name.len())
        && name.as_bytes()[0].is_ascii_alphanumeric()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    match is_valid {
        true => Ok(name),
        false => Err(format!(
            "{name:?} is not a volume's name: it may have letters, digits, _ . and -, begins \
             with a letter or digit and has 2 to 255 of them; a path of the host begins with / \
             or ./"
        )),
    }
}

/// A path of the container: absolute, not its root, and `..` never leaves it.
pub fn container_path(path: &str) -> Result<PathBuf, String> {
    if !path.starts_with('/') {
        return Err(format!("target {path:?} is not absolute"));
    }
    if path.contains('\0') {
        return Err("a path can't hold a NUL byte".into());
    }
    let mut clean = PathBuf::from("/");
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            _ => {}
        }
    }
    if clean == Path::new("/") {
        return Err("target can't be the container's root".into());
    }
    Ok(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Mount {
        Mount::parse_short(text).unwrap()
    }

    #[test]
    fn short_form_is_a_volume_or_a_bind() {
        assert_eq!(parsed("/data"), Mount::anonymous("/data"));
        let named = parsed("data:/b/../c/:ro,nocopy,z");
        assert_eq!(named.volume_name(), Some("data"));
        assert_eq!((named.target.to_str(), named.read_only), (Some("/c"), true));
        assert!(named.volume().is_some_and(|volume| volume.no_copy));
        let bind = parsed("/srv:/b:rslave");
        assert!(matches!(
            bind.kind,
            MountKind::Bind { ref source, create: true, ref propagation, .. }
                if source == Path::new("/srv") && propagation.as_deref() == Some("rslave")
        ));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for bad in [
            "",
            "data",
            "data:b",
            "/a:b",
            "/a:/",
            "/a:/b:rx",
            "/a:/b:ro:z",
            "/a:/..",
            "a:/b",
            "../x:/b",
            "da/ta:/b",
            "data:/b:rslave",
            "/a:/b:nocopy",
            ":/b",
            "-x:/b",
            "/",
        ] {
            assert!(Mount::parse_short(bad).is_err(), "{bad}");
        }
    }
}
