//! Mounts: `-v`, `--mount` and `--tmpfs`.

use std::{collections::BTreeMap, path::PathBuf};

use super::{Parsed, size};
use crate::model::{Mount, MountKind, PROPAGATIONS, VolumeMount, container_path, volume_name};

/// `-v [SOURCE:]TARGET[:OPTIONS]`. A source that is a path and missing is made a directory.
pub fn volume(text: &str) -> Parsed<Mount> {
    // A path is what is written like one; it may be relative to where we are.
    if text.starts_with(['.', '~'])
        && let Some((source, rest)) = text.split_once(':')
    {
        return Mount::parse_short(&format!("{}:{rest}", absolute(source)?.display()));
    }
    Mount::parse_short(text)
}

/// `--mount type=bind,source=…,target=…[,readonly]…` or `type=tmpfs,target=…`.
pub fn mount(text: &str) -> Parsed<Mount> {
    let mut fields = Fields::default();
    for field in csv(text)? {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key.to_ascii_lowercase(), Some(value.to_owned())),
            None => (field.to_ascii_lowercase(), None),
        };
        fields.set(&key, value)?;
    }
    fields.finish()
}

/// `--tmpfs TARGET[:OPTIONS]`.
pub fn tmpfs(text: &str) -> Parsed<Mount> {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    let options = options.split(',').filter(|o| !o.is_empty());
    Ok(Mount {
        kind: MountKind::Tmpfs {
            options: options.map(String::from).collect(),
        },
        target: container_path(target)?,
        read_only: false,
    })
}

/// What a `--mount` said so far.
#[derive(Default)]
struct Fields {
    kind: Option<String>,
    source: Option<String>,
    target: Option<String>,
    read_only: bool,
    propagation: Option<String>,
    recursion: Option<Recursion>,
    create: bool,
    tmpfs: Vec<String>,
    volume: VolumeMount,
}

/// What of a bind's submounts.
#[derive(Clone, Copy, PartialEq)]
enum Recursion {
    /// They come along, read-only with it.
    Enabled,
    /// They don't.
    Disabled,
    /// They come along, and stay writable.
    Writable,
    /// They come along and must be read-only.
    ReadOnly,
}

impl Fields {
    fn set(&mut self, key: &str, value: Option<String>) -> Parsed<()> {
        let needed = |value: Option<String>| value.ok_or_else(|| format!("{key} needs a value"));
        match key {
            "type" => self.kind = Some(needed(value)?.to_ascii_lowercase()),
            "source" | "src" => self.source = Some(needed(value)?),
            "target" | "dst" | "destination" => self.target = Some(needed(value)?),
            "readonly" | "ro" => self.read_only = boolean(key, value.as_deref())?,
            "bind-propagation" => {
                let name = needed(value)?;
                if !PROPAGATIONS.contains(&name.as_str()) {
                    return Err(format!(
                        "bind-propagation is one of {}",
                        PROPAGATIONS.join(", ")
                    ));
                }
                self.propagation = Some(name);
            }
            "bind-nonrecursive" => {
                let is_off = boolean(key, value.as_deref())?;
                self.recursion = is_off.then_some(Recursion::Disabled);
            }
            "bind-recursive" => {
                self.recursion = Some(match needed(value)?.as_str() {
                    "enabled" | "true" | "1" => Recursion::Enabled,
                    "disabled" | "false" | "0" => Recursion::Disabled,
                    "writable" => Recursion::Writable,
                    "readonly" => Recursion::ReadOnly,
                    other => {
                        return Err(format!(
                            "bind-recursive={other}: allowed are enabled, disabled, writable and \
                             readonly"
                        ));
                    }
                });
            }
            "bind-create-src" => self.create = boolean(key, value.as_deref())?,
            "volume-nocopy" => self.volume.no_copy = boolean(key, value.as_deref())?,
            "volume-subpath" => {
                let path = PathBuf::from(needed(value)?);
                if path.is_absolute() || path.as_os_str().is_empty() {
                    return Err("volume-subpath is a path in the volume, such as data/web".into());
                }
                self.volume.subpath = Some(path);
            }
            "volume-driver" => self.volume.driver = Some(needed(value)?),
            "volume-label" => insert(&mut self.volume.labels, key, &needed(value)?)?,
            "volume-opt" => insert(&mut self.volume.options, key, &needed(value)?)?,
            "tmpfs-size" => {
                let bytes = size(&needed(value)?)?;
                self.tmpfs.push(format!("size={bytes}"));
            }
            "tmpfs-mode" => {
                let mode = needed(value)?;
                u32::from_str_radix(&mode, 8)
                    .ok()
                    .filter(|mode| *mode <= 0o7777)
                    .ok_or_else(|| format!("tmpfs-mode {mode:?} is no octal mode, such as 1777"))?;
                self.tmpfs.push(format!("mode={mode}"));
            }
            "tmpfs-options" => self.tmpfs.push(needed(value)?),
            "consistency" => {}
            _ => return Err(format!("a mount has no field {key:?}")),
        }
        Ok(())
    }

    fn finish(self) -> Parsed<Mount> {
        let target = self
            .target
            .as_ref()
            .ok_or("a mount needs target=PATH")
            .map_err(String::from)?;
        let target = container_path(target)?;
        let kind = self.kind.as_deref().unwrap_or("volume");
        let has_bind = self.propagation.is_some() || self.recursion.is_some() || self.create;
        let has_volume = self.volume != VolumeMount::default();
        let foreign = [
            (has_bind, "bind", "bind options are for type=bind"),
            (has_volume, "volume", "volume options are for type=volume"),
            (
                !self.tmpfs.is_empty(),
                "tmpfs",
                "tmpfs-size and tmpfs-mode are for type=tmpfs",
            ),
        ];
        if let Some((_, _, why)) = foreign.iter().find(|(has, of, _)| *has && *of != kind) {
            return Err((*why).into());
        }
        let read_only = self.read_only;
        let kind = match kind {
            "bind" => self.into_bind()?,
            "tmpfs" if self.source.is_some() => {
                return Err("a tmpfs mount has no source".into());
            }
            "tmpfs" => MountKind::Tmpfs {
                options: self.tmpfs,
            },
            "volume" => {
                if let Some(name) = &self.source {
                    volume_name(name)?;
                }
                MountKind::Volume(VolumeMount {
                    name: self.source,
                    ..self.volume
                })
            }
            other => {
                return Err(format!(
                    "type {other:?}: allowed are bind, volume and tmpfs"
                ));
            }
        };
        Ok(Mount {
            kind,
            target,
            read_only,
        })
    }

    fn into_bind(self) -> Parsed<MountKind> {
        let source = self.source.ok_or("a bind mount needs source=PATH")?;
        match self.recursion {
            Some(Recursion::ReadOnly) if !self.read_only => {
                return Err("bind-recursive=readonly needs readonly".into());
            }
            Some(Recursion::Writable) if !self.read_only => {
                return Err("bind-recursive=writable is for a mount that is readonly".into());
            }
            _ => {}
        }
        Ok(MountKind::Bind {
            source: absolute(&source)?,
            create: self.create,
            propagation: self.propagation,
            recursive: self.recursion != Some(Recursion::Disabled),
            writable_below: self.recursion == Some(Recursion::Writable),
        })
    }
}

/// Adds `KEY=VALUE`; a key alone has an empty value.
fn insert(to: &mut BTreeMap<String, String>, field: &str, text: &str) -> Parsed<()> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    if key.is_empty() {
        return Err(format!("{field} needs a key: {field}=KEY=VALUE"));
    }
    to.insert(key.to_owned(), value.to_owned());
    Ok(())
}

fn boolean(key: &str, value: Option<&str>) -> Parsed<bool> {
    match value {
        None | Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => Err(format!("{key}={other}: allowed are true and false")),
    }
}

/// A path of the host; a relative one is against our working directory, `~` is home.
fn absolute(path: &str) -> Parsed<PathBuf> {
    let expanded = match (path.strip_prefix('~'), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            PathBuf::from(home).join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(path),
    };
    std::path::absolute(&expanded).map_err(|error| format!("{path:?}: {error}"))
}

/// The fields of one CSV record: quotes keep commas, doubled quotes are one.
fn csv(text: &str) -> Parsed<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let field = fields.last_mut().expect("there is one from the start");
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    if is_quoted {
        return Err("a quote is not closed".into());
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(text: &str) -> (String, String, bool) {
        let mount = volume(text).unwrap();
        let MountKind::Bind { source, .. } = mount.kind else {
            panic!("{text} is no bind mount")
        };
        let show = |path: PathBuf| path.display().to_string();
        (show(source), show(mount.target), mount.read_only)
    }

    #[test]
    fn volumes_are_paths_and_may_be_read_only() {
        assert_eq!(bind("/a:/b"), ("/a".into(), "/b".into(), false));
        assert_eq!(bind("/a:/b/../c/:ro,z"), ("/a".into(), "/c".into(), true));
        assert!(bind("./x:/b").0.ends_with("/x"));
        assert_eq!(volume("data:/b").unwrap().volume_name(), Some("data"));
        for bad in ["/a:b", "/a:/", "/a:/b:rx", "/a:/b:ro:z", "/a:/.."] {
            assert!(volume(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mount_fields_may_be_quoted_and_unknown_ones_are_refused() {
        let got = mount(r#"type=bind,"source=/a,b",dst=/c,readonly,bind-propagation=rslave"#);
        let got = got.unwrap();
        assert!(got.read_only);
        assert_eq!(
            got.kind,
            MountKind::Bind {
                source: "/a,b".into(),
                create: false,
                propagation: Some("rslave".into()),
                recursive: true,
                writable_below: false,
            }
        );
        let memory = mount("type=tmpfs,target=/run,tmpfs-size=1m,tmpfs-mode=1777").unwrap();
        let options = vec!["size=1048576".into(), "mode=1777".into()];
        assert_eq!(memory.kind, MountKind::Tmpfs { options });
        for bad in [
            "type=bind,target=/c",
            "type=bind,source=/a",
            "source=/v,target=/c",
            "type=volume,source=v,target=/c,tmpfs-size=1m",
            "type=volume,target=/c,volume-subpath=/x",
            "type=bind,source=/a,target=/c,volume-nocopy",
            "type=bind,source=/a,target=/c,bind-recursive=readonly",
            "type=tmpfs,source=/a,target=/c",
            "type=tmpfs,target=/c,tmpfs-mode=9",
            "type=bind,source=/a,target=/c,nope=1",
            "type=bind,\"source=/a,target=/c",
        ] {
            assert!(mount(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mount_of_a_volume_has_all_its_options() {
        let all = "src=vol,dst=/c,ro,volume-nocopy,volume-subpath=a/b,volume-label=k=v,\
                   volume-opt=type=tmpfs,volume-opt=o=size=1,volume-driver=local";
        let got = mount(all).unwrap();
        let volume = got.volume().unwrap();
        assert!(got.read_only && volume.no_copy);
        assert_eq!(volume.subpath, Some("a/b".into()));
        assert_eq!(volume.labels["k"], "v");
        assert_eq!(volume.options["o"], "size=1");
        assert_eq!(mount("target=/c").unwrap(), Mount::anonymous("/c"));
    }

    #[test]
    fn tmpfs_keeps_its_options() {
        let options = vec!["size=64m".into(), "exec".into()];
        assert_eq!(
            tmpfs("/run:size=64m,exec").unwrap().kind,
            MountKind::Tmpfs { options }
        );
        assert!(tmpfs("run").is_err());
    }
}
