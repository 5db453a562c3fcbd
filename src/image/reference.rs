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
/// Characters of a name within its registry.
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

/// A normalised reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
    /// A digest by another algorithm of the grammar. Nothing here has such a name, so it
    /// is read and shown, and then nothing is found.
    foreign: Option<String>,
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
    #[error(
        "digest {0:?} is not valid: sha256 and 64 hexadecimal digits, sha384 and 96, or sha512 and 128"
    )]
    Digest(String),
    /// Too long.
    #[error("image name is longer within its registry than {LONGEST_NAME} characters")]
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
        let (rest, digest, foreign) = match text.split_once('@') {
            None => (text, None, None),
            Some((rest, digest)) if is_foreign_digest(digest) => {
                (rest, None, Some(digest.to_owned()))
            }
            Some((rest, digest)) => {
                let read = Digest::parse(digest);
                let read = read.ok_or_else(|| ReferenceError::Digest(digest.into()))?;
                (rest, Some(read), None)
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
        if path.len() > LONGEST_NAME {
            return Err(ReferenceError::TooLong);
        }
        let tag = match tag {
            Some(tag) => Some(tag.to_owned()),
            None if digest.is_some() || foreign.is_some() => None,
            None => Some("latest".to_owned()),
        };
        Ok(Self {
            domain: domain.to_owned(),
            path,
            tag,
            digest,
            foreign,
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

    /// Whether a text names a repository alone, without a tag or a digest.
    pub fn is_repository(text: &str) -> bool {
        let last = text.rsplit('/').next().unwrap_or(text);
        !last.contains([':', '@'])
    }

    /// Those of some names that are tags of the same repository, in order.
    pub fn tags_among<'a>(&self, names: impl Iterator<Item = &'a String>) -> Vec<Self> {
        let names = names.filter_map(|name| Self::parse(name).ok());
        let is_of_it =
            |name: &Self| name.any_digest().is_none() && name.repository() == self.repository();
        let mut found: Vec<_> = names.filter(is_of_it).collect();
        found.sort_by(|a, b| a.tag.cmp(&b.tag));
        found
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

    /// Its digest by whatever algorithm, as it was given.
    pub fn any_digest(&self) -> Option<&str> {
        let known = self.digest.as_ref().map(Digest::as_str);
        known.or(self.foreign.as_deref())
    }

    fn append_version(&self, text: &mut String) {
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = self.any_digest() {
            text.push('@');
            text.push_str(digest);
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

/// The registry's host and port in an address as people and clients write it: that of
/// `https://index.docker.io/v1/` is `docker.io`.
pub fn registry_host(address: &str) -> &str {
    let rest = address
        .strip_prefix("https://")
        .or_else(|| address.strip_prefix("http://"))
        .unwrap_or(address);
    match rest.split('/').next().unwrap_or(rest) {
        "index.docker.io" | "registry-1.docker.io" => DEFAULT_DOMAIN,
        host => host,
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

/// Whether it is a digest by one of the other algorithms that the grammar's package knows.
fn is_foreign_digest(text: &str) -> bool {
    let digits = match text.split_once(':') {
        Some(("sha384", digits)) if digits.len() == 96 => digits,
        Some(("sha512", digits)) if digits.len() == 128 => digits,
        _ => return false,
    };
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digits.bytes().all(is_hex)
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

    #[test]
    fn names_of_the_grammars_own_tests_are_read_as_there() {
        let hex = "f".repeat(64);
        let long = format!("{}a", "a/".repeat(127));
        let sha512 = format!("sha512:{}", "f".repeat(128));
        let domain_and_path = |text: &str| {
            let read = Reference::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            (read.domain().to_owned(), read.path().to_owned())
        };
        for (text, domain, path) in [
            ("test_com", "docker.io", "library/test_com"),
            ("test.com:5000", "docker.io", "library/test.com"),
            ("test.com/repo:tag", "test.com", "repo"),
            ("test:5000/repo", "test:5000", "repo"),
            ("lowercase:Uppercase", "docker.io", "library/lowercase"),
            (
                "sub-dom1.foo.com/bar/baz/quux",
                "sub-dom1.foo.com",
                "bar/baz/quux",
            ),
            (
                "b.gcr.io/test.example.com/my-app:test.example.com",
                "b.gcr.io",
                "test.example.com/my-app",
            ),
            ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage"),
            ("foo_bar.com:8080", "docker.io", "library/foo_bar.com"),
            ("foo/foo_bar.com:8080", "docker.io", "foo/foo_bar.com"),
            ("192.168.1.1", "docker.io", "library/192.168.1.1"),
            ("192.168.1.1:5000/repo:5050", "192.168.1.1:5000", "repo"),
            ("[2001:db8::1]/repo", "[2001:db8::1]", "repo"),
            ("[2001:db8::1]:5000/repo:tag", "[2001:db8::1]:5000", "repo"),
            ("[::1]:5000/repo", "[::1]:5000", "repo"),
            ("Docker/docker", "Docker", "docker"),
            (
                "docker---rules/docker",
                "docker.io",
                "docker---rules/docker",
            ),
            ("dock__er/docker", "docker.io", "dock__er/docker"),
            ("index.docker.io/fooo/bar", "docker.io", "fooo/bar"),
            ("test_com/foo", "docker.io", "test_com/foo"),
            (
                &format!("docker.io/{hex}"),
                "docker.io",
                &format!("library/{hex}"),
            ),
            (&long, "docker.io", &long),
            (&format!("x/y:t@{sha512}"), "docker.io", "x/y"),
        ] {
            let expected = (domain.to_owned(), path.to_owned());
            assert_eq!(domain_and_path(text), expected, "{text}");
        }
        let both = Reference::parse(&format!("test:5000/repo:tag@sha256:{hex}")).unwrap();
        assert_eq!(
            (both.tag(), both.digest().unwrap().hex()),
            (Some("tag"), &hex[..])
        );
        let other = Reference::parse(&format!("x/y@{sha512}")).unwrap();
        assert_eq!((other.tag(), other.any_digest()), (None, Some(&sha512[..])));
        assert_eq!(other.familiar(), format!("x/y@{sha512}"));
    }

    #[test]
    fn what_the_grammars_own_tests_refuse_is_refused() {
        let hex = "f".repeat(64);
        for text in [
            ":justtag",
            &format!("@sha256:{hex}"),
            "repo@sha256:ffffffffffffffffffffffffffffffffff",
            &format!("validname@invaliddigest:{hex}"),
            &format!("name@sha256:{}", hex.to_uppercase()),
            "Uppercase:tag",
            "test:5000/Uppercase/lowercase:tag",
            &format!("{}a:tag", "a/".repeat(128)),
            "aa/asdf$$^/aa",
            "[2001:db8::1]",
            "[2001:db8::1]:5000",
            "[2001:db8::1]:tag",
            "[fe80::1%eth0]:5000/repo",
            "[fe80::1%@invalidzone]:5000/repo",
            "[2001:db8:3:4::192.0.2.33]:5000/debian",
            "fc00::1:5000/debian",
            "https://github.com/docker/docker",
            "docker/Docker",
            "-docker.io/docker/docker",
            "docker///docker",
            "docker-/docker",
            "____/____",
            "_docker/_docker",
            "dock..er/docker",
            "dock_.er/docker",
            "dock-.er/docker",
            "docker/",
            &hex,
            &format!("{}/docker", "a_valid_part_".repeat(20) + "x"),
            &format!("a:{}", "t".repeat(129)),
            "a@b@c",
            "a:b:c",
            "é",
            "a\n",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    /// The grammar as regular expressions, to hold our reader against.
    fn by_grammar(text: &str) -> bool {
        const NAME: &str = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*";
        const LABEL: &str = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
        let host = format!("(?:{LABEL}(?:\\.{LABEL})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?");
        let digest = "sha256:[a-f0-9]{64}";
        let full = format!(
            "^{host}/(?P<path>{NAME}(?:/{NAME})*)(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{{0,127}})?(?:@{digest})?$"
        );
        let identifier = regex_lite::Regex::new("^[a-f0-9]{64}$").unwrap();
        let (domain, rest) = split_domain(text);
        let short = domain == DEFAULT_DOMAIN && !rest.contains('/');
        let prefix = if short { OFFICIAL } else { "" };
        let normal = format!("{domain}/{prefix}{rest}");
        let found = regex_lite::Regex::new(&full).unwrap();
        let path = found.captures(&normal).map(|c| c["path"].len());
        !identifier.is_match(text) && path.is_some_and(|length| length <= LONGEST_NAME)
    }

    proptest! {
        #[test]
        fn exactly_what_the_grammar_allows_is_read(
            text in "[a-zA-Z0-9:/@._\\[\\]-]{0,20}|([a-z0-9]{1,3}[./_:-]{0,2}){1,6}(@sha256:[a-f0-9]{64})?"
        ) {
            prop_assert_eq!(Reference::parse(&text).is_ok(), by_grammar(&text), "{}", text);
        }

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
