//! Named engines: a directory each, in docker's form and beside docker's own, so that
//! whatever `docker context create` made is known here too.
//!
//! ```text
//! meta/SHA256(NAME)/meta.json             its name, what it is, where its engine is
//! tls/SHA256(NAME)/docker/{ca,cert,key}.pem
//! ```
//!
//! Ours lie below `$XDG_CONFIG_HOME/wharf/contexts`, docker's below `~/.docker/contexts`;
//! docker's are read and never written. Which one is used is a line in a file of ours:
//! what docker uses is not followed, so that wharf alone says what wharf does.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::{Address, TlsFiles};

/// The name of the engine inside of wharf.
pub const DEFAULT: &str = "default";
/// A larger file is no context.
const LARGEST: u64 = 1 << 20;

/// A named engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedEngine {
    /// Its name.
    pub name: String,
    /// What it is, in words.
    pub description: String,
    /// Where it is; in words why that can't be used.
    pub address: Result<Address, String>,
    /// Whether docker's client keeps it.
    pub is_dockers: bool,
}

/// Where contexts are kept.
#[derive(Clone, Debug, Default)]
pub struct Contexts {
    own: Option<PathBuf>,
    dockers: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    name: String,
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    endpoints: Value,
}

impl Contexts {
    /// Those of a user, by the environment.
    pub fn of_user(variable: impl Fn(&str) -> Option<String>) -> Self {
        let absolute = |name| {
            let path = PathBuf::from(variable(name)?);
            path.is_absolute().then_some(path)
        };
        let home = absolute("HOME");
        let config = absolute("XDG_CONFIG_HOME").or(home.as_ref().map(|h| h.join(".config")));
        let docker = absolute("DOCKER_CONFIG").or(home.map(|home| home.join(".docker")));
        Self {
            own: config.map(|dir| dir.join("wharf/contexts")),
            dockers: docker.map(|dir| dir.join("contexts")),
        }
    }

    /// All of them by name; of two with one name, ours.
    pub fn list(&self) -> Vec<NamedEngine> {
        let mut all: Vec<NamedEngine> = Vec::new();
        for (root, is_dockers) in [(&self.own, false), (&self.dockers, true)] {
            let Some(root) = root else { continue };
            let found = fs::read_dir(root.join("meta"))
                .into_iter()
                .flatten()
                .flatten();
            for entry in found {
                let file = entry.path().join("meta.json");
                let Some(context) = read(root, &file, is_dockers) else {
                    continue;
                };
                if all.iter().all(|known| known.name != context.name) {
                    all.push(context);
                }
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The one of a name.
    pub fn find(&self, name: &str) -> Option<NamedEngine> {
        [(&self.own, false), (&self.dockers, true)]
            .into_iter()
            .find_map(|(root, is_dockers)| {
                let root = root.as_ref()?;
                read(root, &meta(root, name), is_dockers)
            })
            .filter(|context| context.name == name)
    }

    /// The one that is used where nothing else is said.
    pub fn current(&self) -> Option<String> {
        let text = bounded(&self.own.as_ref()?.join("current")).ok()?;
        let name = text.trim();
        (is_name(name) && name != DEFAULT).then(|| name.to_owned())
    }

    /// Uses one from now on.
    pub fn choose(&self, name: &str) -> Result<(), String> {
        let own = self.own()?;
        if name == DEFAULT {
            return match fs::remove_file(own.join("current")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(format!("{}: {error}", own.join("current").display()))
                }
                _ => Ok(()),
            };
        }
        if self.find(name).is_none() {
            return Err(missing(name));
        }
        write(&own.join("current"), format!("{name}\n").as_bytes())
    }

    /// Keeps an engine under a name. Its certificates are copied, so that it holds on its own.
    pub fn create(&self, name: &str, description: &str, address: &Address) -> Result<(), String> {
        let own = self.own()?;
        if !is_name(name) || name == DEFAULT {
            return Err(format!(
                "{name:?} can't be a context's name: letters, digits and _.+- after the first"
            ));
        }
        if self.find(name).is_some() {
            return Err(format!("there is a context {name} already"));
        }
        if address.is_open() {
            return Err(format!(
                "{address} is open to everybody on the way: give its certificates, or use ssh://"
            ));
        }
        if let Address::Tcp {
            tls: Some(files), ..
        } = address
        {
            let to = TlsFiles::in_directory(&tls(own, name));
            for (from, to) in [
                (&files.authority, &to.authority),
                (&files.certificate, &to.certificate),
                (&files.key, &to.key),
            ] {
                match bounded(from) {
                    Ok(text) => write(to, text.as_bytes())?,
                    // An engine that asks nobody who they are.
                    Err(error)
                        if error.kind() == io::ErrorKind::NotFound && from != &files.authority => {}
                    Err(error) => return Err(format!("{}: {error}", from.display())),
                }
            }
        }
        let meta_file = Meta {
            name: name.to_owned(),
            metadata: serde_json::json!({ "Description": description }),
            endpoints: serde_json::json!({
                "docker": { "Host": address.to_string(), "SkipTLSVerify": false },
            }),
        };
        let text = serde_json::to_string(&meta_file).map_err(|error| error.to_string())?;
        // Last: without it there is no context.
        write(&meta(own, name), text.as_bytes())
    }

    /// Forgets one of ours.
    pub fn remove(&self, name: &str) -> Result<(), String> {
        let own = self.own()?;
        if name == DEFAULT {
            return Err("the default context is wharf's own engine, which stays".into());
        }
        if !meta(own, name).exists() {
            return Err(match self.find(name) {
                Some(_) => format!("{name} is docker's: `docker context rm {name}` removes it"),
                None => missing(name),
            });
        }
        if self.current().as_deref() == Some(name) {
            return Err(format!(
                "{name} is in use: `wharf context use {DEFAULT}` first"
            ));
        }
        let removed = fs::remove_file(meta(own, name));
        removed.map_err(|error| format!("{}: {error}", meta(own, name).display()))?;
        // Without its meta file there is no context; what can't go now is of no use.
        let _ = fs::remove_dir(own.join("meta").join(key(name)));
        let _ = fs::remove_dir_all(own.join("tls").join(key(name)));
        Ok(())
    }

    fn own(&self) -> Result<&Path, String> {
        let own = self.own.as_deref();
        own.ok_or_else(|| "neither XDG_CONFIG_HOME nor HOME says where contexts are".into())
    }
}

/// What a context that is not there is answered with.
pub fn missing(name: &str) -> String {
    format!("there is no context {name:?}")
}

fn key(name: &str) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

fn meta(root: &Path, name: &str) -> PathBuf {
    root.join("meta").join(key(name)).join("meta.json")
}

fn tls(root: &Path, name: &str) -> PathBuf {
    root.join("tls").join(key(name)).join("docker")
}

/// Docker's rule for names of contexts.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name.len() <= 128
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte))
}

fn read(root: &Path, file: &Path, is_dockers: bool) -> Option<NamedEngine> {
    let meta: Meta = serde_json::from_str(&bounded(file).ok()?).ok()?;
    if !is_name(&meta.name) || meta.name == DEFAULT {
        return None;
    }
    let endpoint = &meta.endpoints["docker"];
    let address = match endpoint["Host"].as_str() {
        _ if endpoint["SkipTLSVerify"].as_bool() == Some(true) => {
            Err("it skips the check of certificates, which wharf never does".into())
        }
        Some(host) => host.parse::<Address>(),
        None => Err("it names no engine of docker's kind".into()),
    };
    let files = TlsFiles::in_directory(&tls(root, &meta.name));
    let address = address.map(|address| match files.authority.exists() {
        true => address.with_tls(files),
        false => address,
    });
    let description = meta.metadata["Description"].as_str().unwrap_or_default();
    Some(NamedEngine {
        description: description.to_owned(),
        name: meta.name,
        address,
        is_dockers,
    })
}

fn bounded(file: &Path) -> io::Result<String> {
    if fs::metadata(file)?.len() > LARGEST {
        return Err(io::Error::other("it is too large"));
    }
    fs::read_to_string(file)
}

/// Whole or not at all, and for its owner only: keys may be in it.
fn write(file: &Path, content: &[u8]) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", file.display());
    let directory = file.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(failed)?;
    let new = file.with_extension(format!("new-{}", std::process::id()));
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut to| {
            io::Write::write_all(&mut to, content)?;
            to.sync_all()
        })
        .and_then(|()| fs::rename(&new, file));
    written.map_err(|error| {
        // It may never have been made.
        let _ = fs::remove_file(&new);
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contexts(directory: &Path) -> Contexts {
        let home = directory.display().to_string();
        Contexts::of_user(move |name| (name == "HOME").then(|| home.clone()))
    }

    #[test]
    fn contexts_are_kept_used_and_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let contexts = contexts(home.path());
        assert!(contexts.list().is_empty() && contexts.current().is_none());
        let address: Address = "ssh://ci@build-1".parse().unwrap();
        contexts.create("build", "the big one", &address).unwrap();
        let found = contexts.find("build").unwrap();
        assert_eq!(
            (found.address, found.is_dockers),
            (Ok(address.clone()), false)
        );
        assert!(contexts.create("build", "", &address).is_err());
        assert!(contexts.choose("nope").is_err());
        contexts.choose("build").unwrap();
        assert_eq!(contexts.current().as_deref(), Some("build"));
        assert!(contexts.remove("build").unwrap_err().contains("in use"));
        contexts.choose(DEFAULT).unwrap();
        contexts.remove("build").unwrap();
        assert!(contexts.find("build").is_none());
    }

    #[test]
    fn dockers_contexts_are_read_and_never_written() {
        let home = tempfile::tempdir().unwrap();
        let contexts = contexts(home.path());
        let root = home.path().join(".docker/contexts");
        let put = |name: &str, text: &str| {
            let file = meta(&root, name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        put(
            "prod",
            r#"{"Name":"prod","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://10.0.0.1:2376"}}}"#,
        );
        put("odd", "not json");
        put(
            "lax",
            r#"{"Name":"lax","Endpoints":{"docker":{"Host":"tcp://h:1","SkipTLSVerify":true}}}"#,
        );
        let pem = tls(&root, "prod");
        fs::create_dir_all(&pem).unwrap();
        fs::write(pem.join("ca.pem"), "x").unwrap();
        let prod = contexts.find("prod").unwrap();
        assert!(prod.is_dockers && !prod.address.unwrap().is_open());
        assert!(contexts.find("lax").unwrap().address.is_err());
        assert_eq!(contexts.list().len(), 2);
        assert!(
            contexts
                .remove("prod")
                .unwrap_err()
                .contains("docker context rm")
        );
        assert!(contexts.find("prod").is_some());
    }

    #[test]
    fn names_that_are_paths_and_open_addresses_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let contexts = contexts(home.path());
        let address: Address = "unix:///run/x.sock".parse().unwrap();
        for name in ["", "../x", "a/b", "default", "-x", "a b"] {
            assert!(contexts.create(name, "", &address).is_err(), "{name:?}");
        }
        let open: Address = "tcp://10.0.0.1:2375".parse().unwrap();
        assert!(contexts.create("open", "", &open).is_err());
    }
}
