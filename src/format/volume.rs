//! Words for volumes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{bytes, duration, text::sanitize};
use crate::model::{Volume, VolumeSize};

/// What a volume takes; with the age of that figure where it may have changed since.
pub fn size(size: Option<&VolumeSize>, now: Timestamp) -> String {
    match size {
        None => "?".into(),
        Some(size) if size.is_current => bytes::decimal(size.bytes),
        Some(size) => {
            let age = duration::short(duration::between(size.at, now));
            format!("{} ({age} ago)", bytes::decimal(size.bytes))
        }
    }
}

/// What there is to know of a volume besides its size and who uses it: a name and a text
/// for each fact, safe to draw.
pub fn facts(volume: &Volume, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if volume.anonymous {
        facts.push(("name", sanitize(&volume.name).into_owned()));
    }
    let path = volume.mountpoint.to_string_lossy();
    if !path.is_empty() {
        facts.push(("files at", sanitize(&path).into_owned()));
    }
    let kind = match volume.anonymous {
        true => "anonymous: made for a container, removed with it by rm -v or --rm",
        false => "named: stays until it is removed",
    };
    facts.push(("kind", kind.to_owned()));
    let mut made = Vec::new();
    if volume.created > Timestamp::UNIX_EPOCH {
        made.push(duration::ago(volume.created, now));
    }
    made.push(format!("by the driver {}", sanitize(&volume.driver)));
    facts.push(("made", made.join("  ")));
    if !volume.options.is_empty() {
        facts.push(("options", pairs(&volume.options, "  ")));
    }
    if !volume.labels.is_empty() {
        facts.push(("labels", pairs(&volume.labels, "  ")));
    }
    facts
}

/// Labels or options with gaps between, safe to draw.
pub fn pairs(of: &BTreeMap<String, String>, gap: &str) -> String {
    let all: Vec<_> = of.iter().map(|(key, value)| pair(key, value)).collect();
    all.join(gap)
}

fn pair(key: &str, value: &str) -> String {
    match value {
        "" => sanitize(key).into_owned(),
        value => sanitize(&format!("{key}={value}")).into_owned(),
    }
}

/// A volume's name; the first digits of one that was made up.
pub fn name(volume: &Volume) -> &str {
    match volume.anonymous && volume.name.len() == 64 {
        true => short(&volume.name),
        false => &volume.name,
    }
}

/// The first digits of a name that was made up. An engine elsewhere may tell anything.
pub fn short(name: &str) -> &str {
    name.get(..12).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figure_that_may_have_changed_tells_its_age() {
        let mut known = VolumeSize {
            bytes: 1_500_000,
            files: 3,
            at: Timestamp::UNIX_EPOCH,
            took_ms: 1,
            is_current: true,
        };
        let now = Timestamp::from_second(300).unwrap();
        assert_eq!(size(None, now), "?");
        assert_eq!(size(Some(&known), now), "1.5MB");
        known.is_current = false;
        assert_eq!(size(Some(&known), now), "1.5MB (5m00s ago)");
    }
}
