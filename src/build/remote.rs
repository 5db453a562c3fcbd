//! What `ADD` adds from elsewhere: files by their address, and git repositories.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use sha2::{Digest as _, Sha256};

use super::{
    Calls, Error, Result,
    context::Found,
    error::failed,
    git::{self, Repository},
    tree,
};
use crate::model::Digest;

/// Something at an address.
#[derive(Debug)]
pub(super) struct Remote {
    address: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    File {
        name: String,
        digest: Option<Digest>,
    },
    Repository {
        repository: Repository,
        /// What its commit must be.
        commit: Option<String>,
        keep: bool,
    },
}

/// What came.
pub(super) struct Fetched {
    pub(super) found: Found,
    /// What the cache knows it by.
    pub(super) known: String,
}

impl Remote {
    /// Reads a source of `ADD`; none if it is a path of the context.
    ///
    /// # Errors
    /// A checksum that is none, or an address that can't be reached from here.
    pub(super) fn parse(address: &str, checksum: Option<&str>, keep: bool) -> Result<Option<Self>> {
        let wrong = |wanted: &str| {
            let given = checksum.unwrap_or_default();
            Error::new(format!("--checksum={given} is no checksum of {address}")).hint(wanted)
        };
        let is_context_only = address.starts_with("github.com/");
        let kind = if let Some(repository) = Repository::parse(address).filter(|_| !is_context_only)
        {
            let is_hex =
                |text: &&str| text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if checksum.is_some_and(|text| !is_hex(&text)) {
                return Err(wrong("give the commit"));
            }
            Kind::Repository {
                repository,
                commit: checksum.map(str::to_ascii_lowercase),
                keep,
            }
        } else if address.starts_with("http://") || address.starts_with("https://") {
            let digest = checksum.map(|text| {
                Digest::parse(text).ok_or_else(|| wrong("write sha256: and 64 hexadecimal digits"))
            });
            Kind::File {
                name: name_of(address),
                digest: digest.transpose()?,
            }
        } else {
            return Ok(None);
        };
        Ok(Some(Self {
            address: address.to_owned(),
            kind,
        }))
    }

    /// What the cache knows it by, as far as that is sure without a look.
    pub(super) fn known(&self) -> Option<String> {
        match &self.kind {
            Kind::File { name, digest } => Some(known_file(name, digest.as_ref()?)),
            Kind::Repository {
                repository, keep, ..
            } => Some(known_repository(repository, repository.commit()?, *keep)),
        }
    }

    /// Gets it into an empty directory.
    ///
    /// # Errors
    /// What is not there, and what is something else than it has to be.
    pub(super) fn fetch(&self, calls: &Calls<'_>, into: &Path) -> Result<Fetched> {
        match &self.kind {
            Kind::File { name, digest } => self.file(calls, into, name, digest.as_ref()),
            Kind::Repository {
                repository,
                commit,
                keep,
            } => {
                let found = repository.check_out(into, *keep, calls.stop)?;
                if let Some(commit) = commit
                    && !found.starts_with(commit.as_str())
                {
                    return Err(Error::new(format!(
                        "{} is at {found}, not at {commit}",
                        self.address
                    )));
                }
                let directory = git::open(into, repository.directory.as_deref())?;
                Ok(Fetched {
                    found: Found {
                        node: directory.into(),
                        path: Default::default(),
                        name: OsString::new(),
                        is_directory: true,
                    },
                    known: known_repository(repository, &found, *keep),
                })
            }
        }
    }

    fn file(
        &self,
        calls: &Calls<'_>,
        into: &Path,
        name: &str,
        wanted: Option<&Digest>,
    ) -> Result<Fetched> {
        let path = into.join(name);
        let what = || format!("write {}", self.address);
        let mut hashing = Hashing {
            file: File::create(&path).map_err(failed(what()))?,
            hash: Sha256::new(),
        };
        let modified = (calls.fetch)(&self.address, &mut hashing)
            .map_err(|why| Error::new(format!("get {}: {why}", self.address)))?;
        let digest = Digest::from_sha256(&hashing.hash.finalize().into());
        if let Some(wanted) = wanted
            && *wanted != digest
        {
            return Err(Error::new(format!(
                "{} has the checksum {digest}, not {wanted}",
                self.address
            )));
        }
        let seconds = u64::try_from(modified.unwrap_or(0)).unwrap_or(0);
        let time = UNIX_EPOCH + Duration::from_secs(seconds);
        hashing.file.set_modified(time).map_err(failed(what()))?;
        let mode = fs::Permissions::from_mode(0o600);
        hashing.file.set_permissions(mode).map_err(failed(what()))?;
        let directory = File::open(into).map_err(failed(what()))?;
        let node = tree::open_beneath(std::os::fd::AsFd::as_fd(&directory), Path::new(name));
        Ok(Fetched {
            found: Found {
                node: node.map_err(failed(what()))?,
                path: name.into(),
                name: name.into(),
                is_directory: false,
            },
            known: known_file(name, &digest),
        })
    }
}

fn known_file(name: &str, digest: &Digest) -> String {
    format!("file {name:?} {digest}")
}

fn known_repository(repository: &Repository, commit: &str, keep: bool) -> String {
    let (url, directory) = (&repository.url, &repository.directory);
    format!("repository {url:?} {commit} {directory:?} {keep}")
}

/// What a file at an address is called: the last part of its path.
fn name_of(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let path = decoded(path);
    let name = path.trim_end_matches('/').rsplit('/').next();
    match name.unwrap_or_default() {
        // As docker calls it.
        "" | "." | ".." => "__unnamed__".to_owned(),
        name if name.contains('\0') || name.len() > 255 => "__unnamed__".to_owned(),
        name => name.to_owned(),
    }
}

/// A text without its `%20`s.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Hashing {
    file: File,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_the_end_of_its_address() {
        for (address, name) in [
            ("https://h/a/b.txt", "b.txt"),
            ("https://h/a/b%20c?d=/e#f", "b c"),
            ("http://h/a/", "a"),
            ("http://h", "__unnamed__"),
            ("http://h/%2e%2e", "__unnamed__"),
            ("http://h/a%2fpasswd", "passwd"),
        ] {
            assert_eq!(name_of(address), name, "{address}");
        }
    }

    #[test]
    fn addresses_are_told_from_paths() {
        let parse = |address, checksum| Remote::parse(address, checksum, false);
        assert!(parse("dir/file", None).unwrap().is_none());
        assert!(parse("github.com/a", None).unwrap().is_none());
        assert!(parse("https://h/r.git#v1", None).unwrap().is_some());
        assert!(parse("https://h/f", Some("sha256:12")).is_err());
        assert!(parse("https://h/r.git", Some("sha256:12")).is_err());
        let file = parse("https://h/f", Some(&format!("sha256:{}", "0".repeat(64))));
        assert!(file.unwrap().unwrap().known().is_some());
    }
}
