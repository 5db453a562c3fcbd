//! Who we are to a registry: our own logins, those of docker, and the helper programs
//! that keep them.
//!
//! Looked up in this order: `$XDG_CONFIG_HOME/wharf/auth.json` (ours), then
//! `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`, which is only ever read. Both
//! have the same shape, so `skopeo --authfile` can read ours. In each, `credHelpers` of
//! the host go before `credsStore`, and both before `auths`, as in docker's own client.

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{Error, Result};
use crate::{
    image::registry_host,
    model::{LoginProof, RegistrySettings},
};

/// The key of Docker Hub's credentials, for historic reasons.
pub(super) const HUB_KEY: &str = "https://index.docker.io/v1/";
/// A larger file is no list of credentials.
const LARGEST: u64 = 1 << 20;
/// The user name that says that the secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// What proves who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// What a token server gave in place of a password.
    IdentityToken(String),
    /// A token that is sent to the registry as it is.
    RegistryToken(String),
}

impl fmt::Debug for Credentials {
    /// Says which kind they are; secrets must not get into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => write!(f, "Password({user})"),
            Self::IdentityToken(_) => f.write_str("IdentityToken"),
            Self::RegistryToken(_) => f.write_str("RegistryToken"),
        }
    }
}

/// Where credentials are kept.
#[derive(Clone, Debug, Default)]
pub struct Keychain {
    /// Ours; read and written.
    own: Option<PathBuf>,
    /// Docker's; read.
    docker: Option<PathBuf>,
    /// Those that go before both, each for a registry or for all.
    given: Vec<(Option<String>, Credentials)>,
}

/// The part of docker's `config.json` that is about credentials.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct File {
    auths: Map<String, Value>,
    creds_store: Option<String>,
    cred_helpers: Map<String, Value>,
}

/// What a helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

impl Keychain {
    /// This user's.
    pub fn of_user() -> Self {
        let path = |name| {
            let path =
                PathBuf::from(env::var_os(name).filter(|value: &OsString| !value.is_empty())?);
            path.is_absolute().then_some(path)
        };
        let home = path("HOME");
        let config = path("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
        let docker = path("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker")));
        Self {
            own: config.map(|directory| directory.join("wharf/auth.json")),
            docker: docker.map(|directory| directory.join("config.json")),
            given: Vec::new(),
        }
    }

    /// The same, with the logins that the settings have for this time only before those
    /// that are kept.
    pub fn with(settings: &RegistrySettings) -> Self {
        let mut keychain = Self::of_user();
        let given = settings.logins.iter().cloned().map(|login| {
            let credentials = match login.proof {
                LoginProof::Password(user, password) => Credentials::Password { user, password },
                LoginProof::IdentityToken(token) => Credentials::IdentityToken(token),
                LoginProof::RegistryToken(token) => Credentials::RegistryToken(token),
            };
            (login.registry, credentials)
        });
        keychain.given = given.collect();
        keychain
    }

    /// What is known for a registry, by its host and port.
    pub fn find(&self, host: &str) -> Result<Option<Credentials>> {
        let key = key_of(host);
        let is_for = |registry: &String| registry_host(registry) == registry_host(host);
        let mut given = self.given.iter();
        if let Some((_, found)) = given.find(|(of, _)| of.as_ref().is_none_or(is_for)) {
            return Ok(Some(found.clone()));
        }
        for path in [&self.own, &self.docker].into_iter().flatten() {
            if let Some(found) = find_in(&read(path)?, path, key)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Keeps credentials for a registry in our own file. Where they are kept.
    pub fn keep(&self, host: &str, credentials: &Credentials) -> Result<PathBuf> {
        let entry = match credentials {
            Credentials::Password { user, password } => {
                json!({ "auth": BASE64_STANDARD.encode(format!("{user}:{password}")) })
            }
            Credentials::IdentityToken(token) => json!({
                "auth": BASE64_STANDARD.encode(format!("{TOKEN_USER}:")),
                "identitytoken": token,
            }),
            Credentials::RegistryToken(token) => json!({ "registrytoken": token }),
        };
        let path = self.own.as_deref().ok_or_else(|| Error::Setup {
            what: "keep the login".into(),
            reason: "neither XDG_CONFIG_HOME nor HOME says where".into(),
        })?;
        change(path, |auths| {
            auths.insert(key_of(host).to_owned(), entry);
            true
        })?;
        Ok(path.to_owned())
    }

    /// Forgets what our own file knows for a registry; false if it knew nothing.
    pub fn forget(&self, host: &str) -> Result<bool> {
        let Some(path) = self.own.as_deref().filter(|path| path.exists()) else {
            return Ok(false);
        };
        change(path, |auths| {
            let before = auths.len();
            auths.retain(|key, _| registry_host(key) != registry_host(host));
            auths.len() < before
        })
    }
}

/// The key under which a registry's credentials are kept.
fn key_of(host: &str) -> &str {
    match registry_host(host) {
        "docker.io" => HUB_KEY,
        _ => host,
    }
}

fn find_in(file: &File, path: &Path, key: &str) -> Result<Option<Credentials>> {
    let helper = file
        .cred_helpers
        .iter()
        .find(|(host, _)| registry_host(host) == registry_host(key))
        .and_then(|(_, helper)| helper.as_str())
        .or(file.creds_store.as_deref())
        .filter(|helper| !helper.is_empty());
    if let Some(helper) = helper
        && let Some(found) = ask(helper, key)?
    {
        return Ok(Some(found));
    }
    let entry = file.auths.get(key).or_else(|| {
        let mut auths = file.auths.iter();
        let found = auths.find(|(known, _)| registry_host(known) == registry_host(key));
        found.map(|(_, entry)| entry)
    });
    entry.map_or(Ok(None), |entry| {
        decode(entry).map_err(|reason| Error::Setup {
            what: format!("{}: the login of {}", path.display(), registry_host(key)),
            reason: reason.into(),
        })
    })
}

/// One entry of `auths`. An empty one says that a helper has the secret.
fn decode(entry: &Value) -> std::result::Result<Option<Credentials>, &'static str> {
    let text = |name: &str| {
        let value = entry.get(name).and_then(Value::as_str);
        value.filter(|value| !value.is_empty())
    };
    if let Some(token) = text("identitytoken") {
        return Ok(Some(Credentials::IdentityToken(token.to_owned())));
    }
    if let Some(token) = text("registrytoken") {
        return Ok(Some(Credentials::RegistryToken(token.to_owned())));
    }
    if let (Some(user), Some(password)) = (text("username"), text("password")) {
        return Ok(Some(Credentials::Password {
            user: user.to_owned(),
            password: password.to_owned(),
        }));
    }
    let Some(encoded) = text("auth") else {
        return Ok(None);
    };
    let bytes = BASE64_STANDARD
        .decode(encoded)
        .map_err(|_| "its `auth` is not base64")?;
    let plain = String::from_utf8(bytes).map_err(|_| "its `auth` is not UTF-8")?;
    let (user, password) = plain
        .split_once(':')
        .ok_or("its `auth` is not USER:PASSWORD")?;
    Ok(Some(Credentials::Password {
        user: user.to_owned(),
        password: password.trim_end_matches('\0').to_owned(),
    }))
}

/// Asks a helper by docker's protocol: `docker-credential-NAME get`, the key on stdin,
/// JSON on stdout. `None` if it knows none.
fn ask(helper: &str, key: &str) -> Result<Option<Credentials>> {
    let program = format!("docker-credential-{helper}");
    let failed = |reason: String| Error::Setup {
        what: program.clone(),
        reason,
    };
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !helper.bytes().all(is_word) {
        return Err(failed("it is no name of a helper".into()));
    }
    let run = || -> io::Result<(bool, String)> {
        let mut child = Command::new(&program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that needs no key may be gone already.
            let _ = stdin.write_all(key.as_bytes());
        }
        let mut said = String::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(LARGEST).read_to_string(&mut said)?;
        }
        Ok((child.wait()?.success(), said))
    };
    let (is_found, said) = run().map_err(|error| failed(error.to_string()))?;
    if !is_found {
        let said = said.trim();
        // In the protocol's own words.
        let knows_none = said.contains("credentials not found in native keychain")
            || said.contains("no credentials server URL")
            || said.contains("no credentials username");
        return match knows_none {
            true => Ok(None),
            false => Err(failed(
                said.lines().next().unwrap_or("it failed").to_owned(),
            )),
        };
    }
    let answer: Answer =
        serde_json::from_str(&said).map_err(|_| failed("its answer is not JSON".into()))?;
    Ok(match (answer.username.as_str(), answer.secret) {
        (_, secret) if secret.is_empty() => None,
        (TOKEN_USER, secret) => Some(Credentials::IdentityToken(secret)),
        (user, password) => Some(Credentials::Password {
            user: user.to_owned(),
            password,
        }),
    })
}

fn read(path: &Path) -> Result<File> {
    match read_json(path)? {
        None => Ok(File::default()),
        Some(value) if !value.is_object() => Err(unreadable(path, "it is no object")),
        Some(value) => serde_json::from_value(value).map_err(|error| unreadable(path, error)),
    }
}

fn read_json(path: &Path) -> Result<Option<Value>> {
    let mut text = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text));
    match read {
        Ok(_) if text.trim().is_empty() => Ok(None),
        Ok(_) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| unreadable(path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, error)),
    }
}

fn unreadable(path: &Path, error: impl fmt::Display) -> Error {
    Error::Setup {
        what: format!("read {}", path.display()),
        reason: error.to_string(),
    }
}

/// Changes the logins of a file: a copy, readable by its owner alone, replaces it. The
/// lock beside it keeps two logins from losing one another.
fn change(path: &Path, change: impl FnOnce(&mut Map<String, Value>) -> bool) -> Result<bool> {
    let failed = |error: io::Error| Error::Setup {
        what: format!("write {}", path.display()),
        reason: error.to_string(),
    };
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory).map_err(failed)?;
    let open = |name: &Path| {
        let mut options = fs::File::options();
        options.write(true).create(true).mode(0o600).open(name)
    };
    let lock = open(&path.with_extension("lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let mut value = read_json(path)?.unwrap_or_else(|| json!({}));
    let root = value
        .as_object_mut()
        .ok_or_else(|| unreadable(path, "it is no object"))?;
    let auths = root
        .entry("auths")
        .or_insert_with(|| json!({}))
        .as_object_mut()
        .ok_or_else(|| unreadable(path, "its `auths` is no object"))?;
    if !change(auths) {
        return Ok(false);
    }
    let fresh = path.with_extension("new");
    let write = || {
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = open(&fresh)?;
        serde_json::to_writer_pretty(&mut file, &value)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(failed)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn password(user: &str, password: &str) -> Credentials {
        Credentials::Password {
            user: user.into(),
            password: password.into(),
        }
    }

    fn keychain(docker: &str) -> (tempfile::TempDir, Keychain) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        fs::write(&path, docker).unwrap();
        let keychain = Keychain {
            own: Some(dir.path().join("own/auth.json")),
            docker: Some(path),
            given: Vec::new(),
        };
        (dir, keychain)
    }

    #[test]
    fn logins_of_docker_are_found_under_every_key_that_it_wrote() {
        let auth = BASE64_STANDARD.encode("me:pass:word");
        let (_dir, keychain) = keychain(&format!(
            r#"{{"auths": {{
                "https://index.docker.io/v1/": {{"auth": "{auth}"}},
                "https://old.example/v1/": {{"auth": "{auth}"}},
                "new.example:5000": {{"username": "u", "password": "p"}},
                "token.example": {{"auth": "", "identitytoken": "t"}},
                "empty.example": {{}}
            }}, "HttpHeaders": {{"x": "y"}}}}"#
        ));
        let find = |host: &str| keychain.find(host).unwrap();
        assert_eq!(find("docker.io"), Some(password("me", "pass:word")));
        assert_eq!(find("old.example"), Some(password("me", "pass:word")));
        assert_eq!(find("new.example:5000"), Some(password("u", "p")));
        assert_eq!(
            find("token.example"),
            Some(Credentials::IdentityToken("t".into()))
        );
        assert_eq!(find("empty.example"), None);
        assert_eq!(find("new.example"), None);
    }

    #[test]
    fn own_logins_go_before_dockers_are_private_and_are_forgotten() {
        let (_dir, keychain) = keychain(r#"{"auths": {"a": {"auth": "bWU6eA=="}}}"#);
        assert_eq!(keychain.find("a").unwrap(), Some(password("me", "x")));
        let path = keychain.keep("a", &password("own", "y")).unwrap();
        let token = Credentials::IdentityToken("t".into());
        keychain.keep("docker.io", &token).unwrap();
        assert_eq!(keychain.find("a").unwrap(), Some(password("own", "y")));
        assert_eq!(keychain.find("docker.io").unwrap(), Some(token));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(keychain.forget("docker.io").unwrap());
        assert!(!keychain.forget("docker.io").unwrap());
        assert!(keychain.forget("a").unwrap());
        assert_eq!(keychain.find("a").unwrap(), Some(password("me", "x")));
    }

    #[test]
    fn unreadable_logins_are_told_with_their_file() {
        for text in ["{", "[]", r#"{"auths": {"a": {"auth": "%"}}}"#] {
            let (_dir, keychain) = keychain(text);
            let error = keychain.find("a").unwrap_err().to_string();
            assert!(error.contains("config.json"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
        let (_dir, keychain) = keychain(r#"{"credsStore": "../evil"}"#);
        assert!(keychain.find("a").is_err());
        let debug = format!("{:?}", password("me", "secret"));
        assert!(!debug.contains("secret"));
    }
}
