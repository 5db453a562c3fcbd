//! Identifiers as types of their own, so that a name is never taken for an id.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A container's id: 64 lower-case hexadecimal digits, random.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerId(String);

/// A content digest in OCI form, `sha256:` and 64 hexadecimal digits.
///
/// An image's id is the digest of its config; a layer's diff-id is the digest of
/// its uncompressed tar.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

/// The id of one exec in a container: 64 lower-case hexadecimal digits, random.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecId(String);

/// The id of a network: 64 lower-case hexadecimal digits, random.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NetworkId(String);

/// How many digits of an id are shown to people.
pub const SHORT_ID_LEN: usize = 12;

fn is_hex64(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex(bytes: &[u8; 32]) -> String {
    use fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
            text
        })
}

macro_rules! hex_id {
    ($name:ident) => {
        impl $name {
            /// The id made of 32 random bytes.
            pub fn from_bytes(bytes: &[u8; 32]) -> Self {
                Self(hex(bytes))
            }

            /// Reads a full id; `None` unless it is 64 lower-case hexadecimal digits.
            pub fn parse(text: &str) -> Option<Self> {
                is_hex64(text).then(|| Self(text.to_owned()))
            }

            /// All 64 digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The first twelve digits, as people see them.
            pub fn short(&self) -> &str {
                &self.0[..SHORT_ID_LEN]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }
    };
}

hex_id!(ContainerId);
hex_id!(ExecId);
hex_id!(NetworkId);

impl Digest {
    /// The digest that 32 bytes of SHA-256 make.
    pub fn from_sha256(bytes: &[u8; 32]) -> Self {
        Self(format!("sha256:{}", hex(bytes)))
    }

    /// Reads `sha256:<64 hex>`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        is_hex64(text.strip_prefix("sha256:")?).then(|| Self(text.to_owned()))
    }

    /// `sha256:` and all digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 digits without the algorithm, as file names in a blob store use them.
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// The first twelve digits, as people see them.
    pub fn short(&self) -> &str {
        &self.hex()[..SHORT_ID_LEN]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_wants_its_algorithm_and_64_digits() {
        let text = Digest::from_sha256(&[0xab; 32]).to_string();
        assert_eq!(
            Digest::parse(&text).map(|d| d.short().to_owned()),
            Some("abababababab".into())
        );
        for bad in [
            "",
            "sha256:",
            "sha256:AB",
            &text[7..],
            &text[..70],
            "sha512:00",
        ] {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn container_id_refuses_names_and_upper_case() {
        assert!(ContainerId::parse(&"a".repeat(64)).is_some());
        assert!(ContainerId::parse(&"A".repeat(64)).is_none());
        assert!(ContainerId::parse("web").is_none());
    }
}
