//! Mounts: `-v`, `--mount` and `--tmpfs`.

use std::path::{Component, Path, PathBuf};

use super::{Parsed, size};
use crate::model::{Mount, MountKind};

const PROPAGATIONS: [&str; 6] = [
    "private", "rprivate", "shared", "rshared", "slave", "rslave",
];

/// `-v SOURCE:TARGET[:OPTIONS]`. A source that is missing is made a directory.
pub fn volume(text: &str) -> Parsed<Mount> {
    let allowed = "a volume is SOURCE:TARGET[:ro], both paths, such as /srv/www:/www:ro";
    let (source, target, options) = match text.split(':').collect::<Vec<_>>()[..] {
        [source, target] => (source, target, ""),
        [source, target, options] => (source, target, options),
        _ => return Err(allowed.into()),
    };
    if !source.starts_with(['/', '.', '~']) {
        return Err(format!(
            "wharf has no named volumes yet: write {source:?} as a path, such as ./{source}"
        ));
    }
    let mut mount = Mount {
        kind: MountKind::Bind {
            source: absolute(source)?,
            create: true,
            propagation: None,
            recursive: true,
        },
        target: in_container(target)?,
        read_only: false,
    };
    for option in options.split(',').filter(|o| !o.is_empty()) {
        match option {
            "ro" => mount.read_only = true,
            // `z` and `Z` relabel for SELinux, and `nocopy` concerns named volumes:
            // there is neither here, so they have nothing to do.
            "rw" | "z" | "Z" | "nocopy" => {}
            name if PROPAGATIONS.contains(&name) => propagate(&mut mount, name),
            _ => {
                return Err(format!(
                    "option {option:?}: allowed are ro, rw and {}",
                    PROPAGATIONS.join(", ")
                ));
            }
        }
    }
    Ok(mount)
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
        target: in_container(target)?,
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
    not_recursive: bool,
    tmpfs: Vec<String>,
}

impl Fields {
    fn set(&mut self, key: &str, value: Option<String>) -> Parsed<()> {
        let needed = |value: Option<String>| value.ok_or_else(|| format!("{key} needs a value"));
        match key {
            "type" => self.kind = Some(needed(value)?),
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
            "bind-nonrecursive" => self.not_recursive = boolean(key, value.as_deref())?,
            "bind-recursive" => match needed(value)?.as_str() {
                "enabled" | "writable" => self.not_recursive = false,
                "disabled" => self.not_recursive = true,
                other => {
                    return Err(format!(
                        "bind-recursive={other}: allowed are enabled, writable and disabled"
                    ));
                }
            },
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
            "consistency" => {}
            _ => return Err(format!("a mount has no field {key:?}")),
        }
        Ok(())
    }

    fn finish(self) -> Parsed<Mount> {
        let target = self
            .target
            .ok_or("a mount needs target=PATH")
            .map_err(String::from)?;
        let is_bind_only = self.propagation.is_some() || self.not_recursive;
        let kind = match self.kind.as_deref() {
            Some("bind") => {
                if !self.tmpfs.is_empty() {
                    return Err("tmpfs-size and tmpfs-mode are for type=tmpfs".into());
                }
                let source = self.source.ok_or("a bind mount needs source=PATH")?;
                MountKind::Bind {
                    source: absolute(&source)?,
                    create: false,
                    propagation: self.propagation,
                    recursive: !self.not_recursive,
                }
            }
            Some("tmpfs") if self.source.is_some() => {
                return Err("a tmpfs mount has no source".into());
            }
            Some("tmpfs") if is_bind_only => {
                return Err("bind options are for type=bind".into());
            }
            Some("tmpfs") => MountKind::Tmpfs {
                options: self.tmpfs,
            },
            Some("volume") | None => {
                return Err("wharf has no named volumes yet: say type=bind or type=tmpfs".into());
            }
            Some(other) => return Err(format!("type {other:?}: allowed are bind and tmpfs")),
        };
        Ok(Mount {
            kind,
            target: in_container(&target)?,
            read_only: self.read_only,
        })
    }
}

fn propagate(mount: &mut Mount, name: &str) {
    if let MountKind::Bind { propagation, .. } = &mut mount.kind {
        *propagation = Some(name.to_owned());
    }
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

/// A path of the container: absolute, not its root, and `..` never leaves it.
fn in_container(path: &str) -> Parsed<PathBuf> {
    if !path.starts_with('/') {
        return Err(format!("target {path:?} is not absolute"));
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
        for bad in [
            "data:/b",
            "/b",
            "/a:b",
            "/a:/",
            "/a:/b:rx",
            "/a:/b:ro:z",
            "/a:/..",
        ] {
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
                recursive: true
            }
        );
        let memory = mount("type=tmpfs,target=/run,tmpfs-size=1m,tmpfs-mode=1777").unwrap();
        let options = vec!["size=1048576".into(), "mode=1777".into()];
        assert_eq!(memory.kind, MountKind::Tmpfs { options });
        for bad in [
            "type=bind,target=/c",
            "type=bind,source=/a",
            "source=v,target=/c",
            "type=tmpfs,source=/a,target=/c",
            "type=tmpfs,target=/c,tmpfs-mode=9",
            "type=bind,source=/a,target=/c,nope=1",
            "type=bind,\"source=/a,target=/c",
        ] {
            assert!(mount(bad).is_err(), "{bad}");
        }
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
