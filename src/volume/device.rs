//! Volumes that are another directory, a device or memory: the options `type`, `device`
//! and `o`, with mount(8)'s meaning, as docker's local driver takes them.
//!
//! A file system of a volume's own is mounted on the host while a container runs that
//! uses it: that is the only way in which two containers can share one. It goes with
//! the last of them, at the latest with the next command.

use std::{
    collections::BTreeMap,
    ffi::CString,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{Error, Result, Volumes, VolumesLock, error::at, store::make_directory};
use crate::{
    model::Volume,
    sys::mount::{self, Context},
};

/// Where the files of a volume are to be taken from for a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The directory.
    pub path: PathBuf,
    /// Take what is mounted below along.
    pub recursive: bool,
    /// Whether nobody may write to it.
    pub read_only: bool,
}

/// What a volume's files lie on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Backing {
    /// A directory of its own.
    Directory,
    /// Another directory of the host.
    Bind {
        path: PathBuf,
        recursive: bool,
        read_only: bool,
    },
    /// A file system of its own.
    FileSystem {
        kind: String,
        device: String,
        attributes: u64,
        options: Vec<(String, Option<String>)>,
    },
}

const FLAGS: [(&str, u64); 9] = [
    ("ro", mount::RDONLY),
    ("nosuid", mount::NOSUID),
    ("nodev", mount::NODEV),
    ("noexec", mount::NOEXEC),
    ("noatime", mount::NOATIME),
    ("nodiratime", mount::NODIRATIME),
    ("strictatime", mount::STRICTATIME),
    ("nosymfollow", mount::NOSYMFOLLOW),
    // What holds where nothing is said.
    ("relatime", 0),
];

const DEFAULTS: [&str; 8] = [
    "rw", "suid", "dev", "exec", "defaults", "async", "auto", "noauto",
];

/// Refuses options that can't mean anything.
pub(super) fn validate(options: &BTreeMap<String, String>) -> Result<()> {
    parse(options).map(drop)
}

fn parse(options: &BTreeMap<String, String>) -> Result<Backing> {
    let invalid = |why: String| Err(Error::Invalid(why));
    for key in options.keys() {
        match key.as_str() {
            "type" | "device" | "o" => {}
            "size" => {
                return invalid(
                    "a volume's size can't be bounded here; one in memory can: \
                     --opt type=tmpfs --opt device=tmpfs --opt o=size=64m"
                        .into(),
                );
            }
            other => {
                return invalid(format!(
                    "there is no volume option {other}: type, device and o are those of the \
                     local driver"
                ));
            }
        }
    }
    let option = |key: &str| {
        options
            .get(key)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    };
    let (kind, device) = match (option("type"), option("device")) {
        (None, None) if option("o").is_none() => return Ok(Backing::Directory),
        (Some(kind), Some(device)) => (kind, device),
        (None, Some(device)) if device.starts_with('/') => ("none", device),
        (None, _) => {
            return invalid("a volume with a device needs --opt type=…, such as tmpfs".into());
        }
        (Some(kind), None) => {
            return invalid(format!("a volume of type {kind} needs --opt device=…"));
        }
    };
    if [kind, device].iter().any(|text| text.contains('\0')) {
        return invalid("an option can't hold a NUL byte".into());
    }
    let words: Vec<&str> = option("o").unwrap_or_default().split(',').collect();
    let words = words
        .into_iter()
        .map(str::trim)
        .filter(|word| !word.is_empty());
    let (mut attributes, mut data) = (0, Vec::new());
    let (mut is_bind, mut recursive) = (false, false);
    for word in words {
        if let Some((_, flag)) = FLAGS.iter().find(|(name, _)| *name == word) {
            attributes |= flag;
        } else if matches!(word, "bind" | "rbind") {
            (is_bind, recursive) = (true, word == "rbind");
        } else if !DEFAULTS.contains(&word) {
            let (key, value) = match word.split_once('=') {
                Some((key, value)) => (key, Some(value.to_owned())),
                None => (word, None),
            };
            data.push((key.to_owned(), value));
        }
    }
    let is_bind = is_bind || matches!(kind, "none" | "bind");
    if !is_bind {
        return Ok(Backing::FileSystem {
            kind: kind.to_owned(),
            device: device.to_owned(),
            attributes,
            options: data,
        });
    }
    if let Some((key, _)) = data.first() {
        return invalid(format!("a bind takes no option {key}"));
    }
    if attributes & !mount::RDONLY != 0 {
        return invalid("of a bind's options only ro and rw are known".into());
    }
    if !Path::new(device).is_absolute() {
        return invalid(format!(
            "the device {device:?} of a bind must be an absolute path"
        ));
    }
    Ok(Backing::Bind {
        path: device.into(),
        recursive,
        read_only: attributes & mount::RDONLY != 0,
    })
}

impl Backing {
    pub(super) fn of(volume: &Volume) -> Result<Self> {
        parse(&volume.options)
    }
}

impl Volumes {
    /// Where a container takes the files of a volume from. One with a file system of its
    /// own must have been mounted.
    pub fn source(&self, name: &str) -> Result<Source> {
        let volume = self.find(name)?;
        Ok(match Backing::of(&volume)? {
            Backing::Bind {
                path,
                recursive,
                read_only,
            } => Source {
                path,
                recursive,
                read_only,
            },
            Backing::Directory | Backing::FileSystem { .. } => Source {
                path: volume.mountpoint,
                recursive: false,
                read_only: false,
            },
        })
    }

    /// Mounts the file system of a volume that has one of its own, unless it is there.
    pub fn mount(&self, _held: &VolumesLock, volume: &Volume) -> Result<()> {
        let Backing::FileSystem {
            kind,
            device,
            attributes,
            options,
        } = Backing::of(volume)?
        else {
            return Ok(());
        };
        let place = self.mount_point(&volume.name);
        make_directory(&place)?;
        if is_mounted(&place)? {
            return Ok(());
        }
        let failed = |what: String| {
            move |errno: rustix::io::Errno| Error::Mount {
                name: volume.name.clone(),
                what,
                source: errno.into(),
            }
        };
        let text = |text: &str| CString::new(text).map_err(|_| Error::Invalid(text.to_owned()));
        let context =
            Context::open(&text(&kind)?).map_err(failed(format!("the file system {kind}")))?;
        context
            .set(c"source", Some(&text(&device)?))
            .map_err(failed(format!("the device {device}")))?;
        if attributes & mount::RDONLY != 0 && kind != "tmpfs" {
            context.set(c"ro", None).map_err(failed("ro".into()))?;
        }
        for (key, value) in options {
            let value = value.map(|value| text(&value)).transpose()?;
            context
                .set(&text(&key)?, value.as_deref())
                .map_err(failed(format!("the option {key}")))?;
        }
        let tree = context
            .mount(attributes)
            .map_err(failed(format!("{kind} of {device}")))?;
        let target = fs::File::open(&place).map_err(at("open", &place))?;
        mount::attach(tree, target).map_err(failed(format!("on {}", place.display())))
    }

    /// Takes the file system of a volume away again.
    pub(super) fn unmount(&self, volume: &Volume) -> Result<()> {
        match Backing::of(volume)? {
            Backing::FileSystem { .. } => self.unmount_name(&volume.name),
            _ => Ok(()),
        }
    }

    /// Takes every file system away of which `is_used` doesn't know a running container.
    /// Nearly always there is none at all, and then this is one system call.
    pub fn unmount_idle(&self, is_used: impl FnOnce() -> Vec<String>) -> Result<()> {
        if self.mounted()?.is_empty() {
            return Ok(());
        }
        let _held = self.lock()?;
        let used = is_used();
        for name in self.mounted()? {
            if !used.contains(&name) {
                self.unmount_name(&name)?;
            }
        }
        Ok(())
    }

    fn unmount_name(&self, name: &str) -> Result<()> {
        let place = self.mount_point(name);
        while is_mounted(&place)? {
            mount::detach(&place).map_err(|errno| at("unmount", &place)(errno.into()))?;
        }
        match fs::remove_dir(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(at("remove", place)(error))
            }
            _ => Ok(()),
        }
    }

    fn mounted(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.run) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at("list", &self.run)(error)),
        };
        Ok(entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect())
    }
}

/// Whether something is mounted at a directory that is made for that alone.
fn is_mounted(place: &Path) -> Result<bool> {
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev());
    match (device(place), place.parent().map(device)) {
        (Ok(here), Some(Ok(above))) => Ok(here != above),
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        (Err(error), _) | (_, Some(Err(error))) => Err(at("look at", place)(error)),
        (Ok(_), None) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn options_mean_what_mount_takes_them_for() {
        assert_eq!(parse(&options(&[])).unwrap(), Backing::Directory);
        let bind = options(&[("type", "none"), ("device", "/srv"), ("o", "bind,ro")]);
        assert_eq!(
            parse(&bind).unwrap(),
            Backing::Bind {
                path: "/srv".into(),
                recursive: false,
                read_only: true
            }
        );
        let memory = options(&[
            ("type", "tmpfs"),
            ("device", "tmpfs"),
            ("o", "size=1m,nosuid,uid=7"),
        ]);
        let Backing::FileSystem {
            attributes,
            options,
            ..
        } = parse(&memory).unwrap()
        else {
            panic!("tmpfs is a file system");
        };
        assert_eq!(attributes, mount::NOSUID);
        assert_eq!(options.len(), 2);
    }

    #[test]
    fn what_no_mount_could_take_is_refused() {
        for bad in [
            &[("type", "tmpfs")][..],
            &[("device", "tmpfs")],
            &[("o", "bind")],
            &[("size", "1g")],
            &[("typ", "tmpfs")],
            &[("type", "none"), ("device", "srv"), ("o", "bind")],
            &[("type", "none"), ("device", "/srv"), ("o", "bind,size=1m")],
        ] {
            assert!(parse(&options(bad)).is_err(), "{bad:?}");
        }
    }
}
