//! References as docker's users write them: `debian`, `debian:12`,
//! `registry.example:5000/team/app:v1`, `debian@sha256:…`.
//!
//! The grammar is that of the distribution project's `reference` package. A reference is
//! normalised when it is read (Docker Hub and tag `latest` are the defaults) and shown
//! in its familiar, short form.

use std::fmt;

use crate::model::Digest;

/// The registry that a name without one means.
const DEFAULT_DOMAIN: &str = "docker.io";
/// Where Docker Hub keeps names without a slash.
const OFFICIAL: &str = "library/";
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

/// A normalised reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a reference can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// There is nothing.
    #[error("an image reference can't be empty")]
    Empty,
    /// Upper case in the name.
    #[error("image name {0:?} must be lower case")]
    UpperCase(String),
    /// Another character, or one in the wrong place.
    #[error("image name {0:?} is not valid: parts of a-z, 0-9, '.', '_' and '-', joined by '/'")]
    Name(String),
    /// The part before the first slash is no host.
    #[error("registry {0:?} is not a valid host name and port")]
    Domain(String),
    /// The tag can't be one.
    #[error("tag {0:?} is not valid: up to 128 of A-Z, a-z, 0-9, '_', '.' and '-'")]
    Tag(String),
    /// The digest can't be one.
    #[error("digest {0:?} is not `sha256:` and 64 hexadecimal digits")]
    Digest(String),
    /// Too long.
    #[error("image name is longer than {LONGEST_NAME} characters")]
    TooLong,
    /// 64 hexadecimal digits are always an id.
    #[error("image name {0:?} looks like an id")]
    LooksLikeId(String),
}

impl Reference {
    /// Reads a reference as a user writes it.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if Digest::parse(&format!("sha256:{text}")).is_some() {
            return Err(ReferenceError::LooksLikeId(text.into()));
        }
        let (rest, digest) = match text.split_once('@') {
            None => (text, None),
            Some((rest, digest)) => {
                let read = Digest::parse(digest);
                let read = read.ok_or_else(|| ReferenceError::Digest(digest.into()))?;
                (rest, Some(read))
            }
        };
        // A colon before the last slash belongs to a port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag(tag.into()));
        }
        let (domain, path) = split_domain(name);
        if !is_domain(domain) {
            return Err(ReferenceError::Domain(domain.into()));
        }
        if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(ReferenceError::UpperCase(path.into()));
        }
        if path.is_empty() || !path.split('/').all(is_path_component) {
            return Err(ReferenceError::Name(name.into()));
        }
        let path = match domain == DEFAULT_DOMAIN && !path.contains('/') {
            true => format!("{OFFICIAL}{path}"),
            false => path.to_owned(),
        };
        if domain.len() + 1 + path.len() > LONGEST_NAME {
            return Err(ReferenceError::TooLong);
        }
        let tag = match (tag, &digest) {
            (Some(tag), _) => Some(tag.to_owned()),
            (None, Some(_)) => None,
            (None, None) => Some("latest".to_owned()),
        };
        Ok(Self {
            domain: domain.to_owned(),
            path,
            tag,
            digest,
        })
    }

    /// The short form that docker shows: `debian:12`.
    pub fn familiar(&self) -> String {
        let mut text = self.familiar_repository();
        self.append_version(&mut text);
        text
    }

    /// The short name without tag and digest: `debian`.
    pub fn familiar_repository(&self) -> String {
        let official = self.path.strip_prefix(OFFICIAL);
        match (self.domain == DEFAULT_DOMAIN, official) {
            // A nested name below library/ would not be read back as it was.
            (true, Some(short)) if !short.contains('/') => short.to_owned(),
            (true, _) => self.path.clone(),
            (false, _) => self.repository(),
        }
    }

    /// The name without tag and digest, in full: `docker.io/library/debian`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// The registry: `docker.io`, `localhost:5000`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The name within its registry: `library/debian`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag, if one was given or is meant.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The same without its tag, for one that has a digest.
    pub(super) fn without_tag(&self) -> Self {
        Self {
            tag: None,
            ..self.clone()
        }
    }

    /// The digest of a manifest, if one was given.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    fn append_version(&self, text: &mut String) {
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(digest.as_str());
        }
    }
}

impl fmt::Display for Reference {
    /// In full: `docker.io/library/debian:12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.repository();
        self.append_version(&mut text);
        f.write_str(&text)
    }
}

/// What comes before the first slash is a registry only if it can't be a part of a name:
/// it has a dot, a port or upper case, or it is `localhost`.
fn split_domain(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some(("index.docker.io", path)) => (DEFAULT_DOMAIN, path),
        Some((first, path))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (first, path)
        }
        _ => (DEFAULT_DOMAIN, name),
    }
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(address) => {
            let digit = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
            !address.is_empty() && address.bytes().all(digit)
        }
        None => host.split('.').all(is_label),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    is_host && port.is_none_or(is_port)
}

/// `[a-z0-9]+` joined by one of `.`, `_`, `__` or any number of `-`.
fn is_path_component(component: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    let is_separator = |separator: &[u8]| match separator {
        b"" | b"." | b"_" | b"__" => true,
        dashes => dashes.iter().all(|byte| *byte == b'-'),
    };
    is_word(*first) && is_word(*last) && bytes.split(|byte| is_word(*byte)).all(is_separator)
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = tag.bytes();
    tag.len() <= LONGEST_TAG
        && bytes.next().is_some_and(is_word)
        && bytes.all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_completed_as_docker_completes_them() {
        for (text, full, familiar) in [
            ("debian", "docker.io/library/debian:latest", "debian:latest"),
            ("debian:12", "docker.io/library/debian:12", "debian:12"),
            ("docker.io/a:12", "docker.io/library/a:12", "a:12"),
            (
                "index.docker.io/library/a",
                "docker.io/library/a:latest",
                "a:latest",
            ),
            ("user/app", "docker.io/user/app:latest", "user/app:latest"),
            (
                "library/a/b",
                "docker.io/library/a/b:latest",
                "library/a/b:latest",
            ),
            ("localhost/app:v1", "localhost/app:v1", "localhost/app:v1"),
            (
                "localhost:5000/app:1",
                "localhost:5000/app:1",
                "localhost:5000/app:1",
            ),
            (
                "ghcr.io/a/b__c:T_1.x-y",
                "ghcr.io/a/b__c:T_1.x-y",
                "ghcr.io/a/b__c:T_1.x-y",
            ),
            ("HOST/app:1", "HOST/app:1", "HOST/app:1"),
            ("[::1]:5000/app:1", "[::1]:5000/app:1", "[::1]:5000/app:1"),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!(reference.to_string(), full, "{text}");
            assert_eq!(reference.familiar(), familiar, "{text}");
        }
    }

    #[test]
    fn malformed_references_are_told_apart() {
        use ReferenceError as E;
        let hex = "a".repeat(64);
        for (text, error) in [
            ("", E::Empty),
            ("Debian", E::UpperCase("Debian".into())),
            ("a//b", E::Name("a//b".into())),
            ("/a", E::Name("/a".into())),
            ("a/", E::Name("a/".into())),
            ("a..b", E::Name("a..b".into())),
            ("a___b", E::Name("a___b".into())),
            ("-a", E::Name("-a".into())),
            ("a b", E::Name("a b".into())),
            ("../x", E::Domain("..".into())),
            ("a:", E::Tag(String::new())),
            ("a:.x", E::Tag(".x".into())),
            ("a:x y", E::Tag("x y".into())),
            ("a@sha256:12", E::Digest("sha256:12".into())),
            ("host:x/a", E::Domain("host:x".into())),
            (&hex, E::LooksLikeId(hex.clone())),
            (&"a".repeat(300), E::TooLong),
        ] {
            assert_eq!(Reference::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_can_be_read_reads_back_from_both_forms(
            text in "\\PC{0,40}|[a-zA-Z0-9:/@._-]{0,40}"
        ) {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(Reference::parse(&reference.familiar()), Ok(reference.clone()));
                prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
            }
        }
    }
}
