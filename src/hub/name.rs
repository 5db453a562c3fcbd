//! What repositories, tags and digests may be called: the distribution specification's
//! grammar, which also makes each a file name that leads nowhere else.

use std::fmt;

/// Longest name of a repository.
const LONGEST_NAME: usize = 255;
/// Longest tag.
const LONGEST_TAG: usize = 128;

/// A repository's name: parts of lower-case letters and digits, with single `.`, `_`,
/// `__` or any number of `-` between them, joined by slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository(String);

impl Repository {
    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        let is_fine = text.len() <= LONGEST_NAME && text.split('/').all(is_part);
        is_fine.then(|| Self(text.to_owned()))
    }

    /// It.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_part(part: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    if !is_letter(*first) || !is_letter(*last) {
        return false;
    }
    part.split(|c: char| is_letter(u8::try_from(c).unwrap_or(0)))
        .all(|between| {
            matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
        })
}

/// A tag: a letter, digit or `_`, then those and `.` and `-`.
pub fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = text.bytes();
    text.len() <= LONGEST_TAG
        && bytes.next().is_some_and(is_word)
        && bytes.all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A tag.
    Tag(String),
    /// A digest.
    Digest(crate::model::Digest),
}

impl Reference {
    /// Reads either.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(digest) = crate::model::Digest::parse(text) {
            return Some(Self::Digest(digest));
        }
        is_tag(text).then(|| Self::Tag(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_grammar_and_none_is_a_path() {
        for good in ["a", "library/debian", "a/b-c/d__e.f", "x--y", "1/2"] {
            assert!(Repository::parse(good).is_some(), "{good}");
        }
        for bad in [
            "", "/", "a/", "/a", "a//b", "..", "a/../b", "A", "a_", "_a", "a..b", "a___b", "a/.",
            "a b", "a\0", "ä", "-a", "a/_tags",
        ] {
            assert!(Repository::parse(bad).is_none(), "{bad}");
        }
        assert!(Repository::parse(&"a/".repeat(200)).is_none());
    }

    #[test]
    fn tags_are_no_paths_either() {
        assert!(is_tag("1.0-rc_1") && is_tag("_x") && is_tag("Latest"));
        for bad in ["", ".", "..", "-x", "a/b", "a:b", "a b"] {
            assert!(!is_tag(bad), "{bad}");
        }
        assert!(!is_tag(&"a".repeat(129)));
        assert!(Reference::parse("sha256:00").is_none());
    }
}
