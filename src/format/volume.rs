//! Words for volumes.

use jiff::Timestamp;

use super::{bytes, duration};
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

/// A volume's name; the first digits of one that was made up.
pub fn name(volume: &Volume) -> &str {
    match volume.anonymous && volume.name.len() == 64 {
        true => &volume.name[..12],
        false => &volume.name,
    }
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
