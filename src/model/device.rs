//! What a container may do with the host's devices.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

/// A device node given to a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Node on the host.
    pub host: PathBuf,
    /// Node in the container.
    pub container: PathBuf,
    /// Letters out of `rwm`.
    pub permissions: String,
}

/// Devices that a container may use, as docker writes it: `c 10:200 rw`, or `*` for any number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRule {
    /// `b` for blocks, `c` for characters, `a` for both.
    pub kind: char,
    /// `None` is any.
    pub major: Option<u32>,
    /// `None` is any.
    pub minor: Option<u32>,
    /// Letters out of `rwm`.
    pub permissions: String,
}

impl FromStr for DeviceRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| match text {
            "*" => Some(None),
            _ => text.parse().ok().map(Some),
        };
        let rule = || {
            let (kind, rest) = text.split_once(' ')?;
            let (numbers, permissions) = rest.split_once(' ')?;
            let (major, minor) = numbers.split_once(':')?;
            let is_valid = matches!(kind, "a" | "b" | "c")
                && matches!(permissions.len(), 1..=3)
                && permissions.bytes().all(|letter| b"rwm".contains(&letter));
            is_valid.then_some(Self {
                kind: kind.chars().next()?,
                major: number(major)?,
                minor: number(minor)?,
                permissions: permissions.to_owned(),
            })
        };
        rule().ok_or_else(|| {
            format!("invalid device cgroup rule {text:?}: it is written as in \"c 10:200 rw\"")
        })
    }
}

impl fmt::Display for DeviceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<u32>| number.map_or("*".into(), |n| n.to_string());
        let (major, minor) = (number(self.major), number(self.minor));
        write!(f, "{} {major}:{minor} {}", self.kind, self.permissions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_is_read_and_written_as_dockers() {
        for text in ["c 10:200 rw", "b *:* m", "a 8:* rwm"] {
            let rule: DeviceRule = text.parse().expect(text);
            assert_eq!(rule.to_string(), text);
        }
        for bad in [
            "",
            "c",
            "c 1:3",
            "x 1:3 r",
            "c 1 r",
            "c 1:3 ",
            "c 1:3 rwmr",
            "c 1:3 x",
            "c -1:3 r",
            "c 1:3:4 r",
            "cc 1:3 r",
            "c 4294967296:0 r",
            "c  1:3 r",
        ] {
            let refused = bad.parse::<DeviceRule>().expect_err(bad);
            assert!(refused.contains("invalid device cgroup rule"), "{refused}");
        }
    }
}
