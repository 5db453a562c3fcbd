//! `RUN --mount`.

use serde::Serialize;

/// A mount that a `RUN` has for its time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// What kind.
    pub kind: MountKind,
    /// A stage, an image or a named context that it is from.
    pub from: Option<String>,
    /// A path below that, or a secret's id.
    pub source: Option<String>,
    /// Where it appears.
    pub target: Option<String>,
    /// Whether it can't be written to.
    pub is_read_only: bool,
    /// Whether the build fails without the secret or socket.
    pub is_required: bool,
    /// A cache's, secret's or socket's id.
    pub id: Option<String>,
    /// Who else may use a cache at the same time.
    pub sharing: Option<CacheSharing>,
    /// A tmpfs' largest size, in bytes.
    pub size: Option<u64>,
    /// Mode of a cache, secret or socket.
    pub mode: Option<u32>,
    /// Its owner.
    pub uid: Option<u32>,
    /// Its group.
    pub gid: Option<u32>,
    /// The environment variable that a secret is put in.
    pub env: Option<String>,
}

/// What is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is --mount's type of its name")]
pub enum MountKind {
    #[default]
    Bind,
    Cache,
    Tmpfs,
    Secret,
    Ssh,
}

/// Who may use a cache at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is the value of sharing of its name")]
pub enum CacheSharing {
    Shared,
    Private,
    Locked,
}

impl Mount {
    /// Reads what stands after `--mount=`: fields with commas between, as CSV has them.
    /// `expand` replaces variables in a value; `from` has none.
    ///
    /// # Errors
    /// A field that doesn't exist, doesn't fit the type, or has a wrong value; in words.
    pub fn parse(
        text: &str,
        expand: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        let record = reader.records().next();
        let record = record.and_then(Result::ok);
        let record = record.ok_or_else(|| format!("--mount={text} can't be read"))?;
        let mut mount = Self::default();
        let mut read_only = None;
        for field in &record {
            let (key, value) = match field.split_once('=') {
                Some((key, value)) => (key.to_ascii_lowercase(), Some(value)),
                None => (field.to_ascii_lowercase(), None),
            };
            if key == "from" && value.is_some_and(|value| value.contains('$')) {
                return Err("--mount's from can't have variables; name a stage for it".into());
            }
            let value = value.map(expand).transpose()?;
            match (key.as_str(), value.as_deref()) {
                ("readonly" | "ro", value) => read_only = Some(truth(&key, value)?),
                ("readwrite" | "rw", value) => read_only = Some(!truth(&key, value)?),
                ("required", value) => {
                    mount.only_for(&key, &[MountKind::Secret, MountKind::Ssh])?;
                    mount.is_required = truth(&key, value)?;
                }
                (_, None) => return Err(format!("--mount's {field} needs a value: {field}=…")),
                (_, Some(value)) => mount.set(&key, value)?,
            }
        }
        let writable = [MountKind::Cache, MountKind::Tmpfs].contains(&mount.kind);
        mount.is_read_only = read_only.unwrap_or(!writable);
        mount.check()?;
        Ok(mount)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let wrong = || format!("--mount's {key} can't be {value:?}");
        let text = Some(value.to_owned());
        match key {
            "type" => {
                self.kind = match value.to_ascii_lowercase().as_str() {
                    "bind" => MountKind::Bind,
                    "cache" => MountKind::Cache,
                    "tmpfs" => MountKind::Tmpfs,
                    "secret" => MountKind::Secret,
                    "ssh" => MountKind::Ssh,
                    _ => {
                        let known = "bind, cache, tmpfs, secret and ssh";
                        return Err(format!("--mount has no type {value:?}; there are {known}"));
                    }
                }
            }
            "from" => self.from = text,
            "source" | "src" => self.source = text,
            "target" | "dst" | "destination" => self.target = text,
            "id" => self.id = text,
            "env" => {
                self.only_for(key, &[MountKind::Secret])?;
                self.env = text;
            }
            "size" => {
                self.only_for(key, &[MountKind::Tmpfs])?;
                self.size = Some(crate::format::values::size(value).map_err(|_| wrong())?);
            }
            "sharing" => {
                self.sharing = Some(match value.to_ascii_lowercase().as_str() {
                    "shared" => CacheSharing::Shared,
                    "private" => CacheSharing::Private,
                    "locked" => CacheSharing::Locked,
                    _ => return Err(format!("{}; shared, private, locked can", wrong())),
                });
            }
            "mode" => self.mode = Some(u32::from_str_radix(value, 8).map_err(|_| wrong())?),
            "uid" => self.uid = Some(value.parse().map_err(|_| wrong())?),
            "gid" => self.gid = Some(value.parse().map_err(|_| wrong())?),
            _ => return Err(format!("--mount has no field {key}")),
        }
        Ok(())
    }

    fn only_for(&self, key: &str, kinds: &[MountKind]) -> Result<(), String> {
        match kinds.contains(&self.kind) {
            true => Ok(()),
            false => Err(format!(
                "--mount's {key} doesn't fit its type (say type= first)"
            )),
        }
    }

    fn check(&self) -> Result<(), String> {
        let has_owner = self.mode.is_some() || self.uid.is_some() || self.gid.is_some();
        if has_owner && matches!(self.kind, MountKind::Bind | MountKind::Tmpfs) {
            return Err("--mount's mode, uid and gid don't fit its type".into());
        }
        if self.sharing.is_some() && self.kind != MountKind::Cache {
            return Err("--mount's sharing is for caches".into());
        }
        if self.kind == MountKind::Secret {
            let (source, id) = (&self.source, &self.id);
            if self.from.is_some() {
                return Err("a secret is from nowhere: leave from= out".into());
            }
            if source.is_none() && id.is_none() && self.target.is_none() {
                return Err("a secret needs an id, a source or a target".into());
            }
            if source.is_some() && id.is_some() {
                return Err("a secret has an id or a source, not both".into());
            }
        }
        Ok(())
    }
}

fn truth(key: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(other) => Err(format!("--mount's {key} can't be {other:?}")),
    }
}
