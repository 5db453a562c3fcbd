//! From when on a log is read.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

use super::CAPACITY;

/// Lines that are read if nothing else is asked.
const RECENT: u64 = 1_000;

/// From when on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Since {
    /// The last thousand lines.
    #[default]
    Recent,
    /// As many as can be kept.
    All,
    /// Those of so many seconds.
    Secs(u64),
    /// Those since midnight.
    Today,
    /// Those of this run of the container.
    Start,
}

impl Since {
    /// What is offered.
    pub const ALL: [Self; 10] = [
        Self::Recent,
        Self::All,
        Self::Secs(60),
        Self::Secs(5 * 60),
        Self::Secs(15 * 60),
        Self::Secs(3600),
        Self::Secs(6 * 3600),
        Self::Secs(24 * 3600),
        Self::Today,
        Self::Start,
    ];

    /// Its words in a menu.
    pub fn title(self) -> String {
        match self {
            Self::Recent => format!("last {RECENT} lines"),
            Self::All => format!("all, the last {CAPACITY} lines at most"),
            Self::Secs(60) => "last minute".into(),
            Self::Secs(3600) => "last hour".into(),
            Self::Secs(secs) if secs < 3600 => format!("last {} minutes", secs / 60),
            Self::Secs(secs) => format!("last {} hours", secs / 3600),
            Self::Today => "today".into(),
            Self::Start => "since it started".into(),
        }
    }

    /// The same in a word, where the log is; nothing for what is usual.
    pub fn note(self) -> Option<String> {
        match self {
            Self::Recent => None,
            Self::All => Some("all".into()),
            Self::Secs(secs) if secs < 3600 => Some(format!("{} m", secs / 60)),
            Self::Secs(secs) => Some(format!("{} h", secs / 3600)),
            Self::Today => Some("today".into()),
            Self::Start => Some("this run".into()),
        }
    }

    /// The time from which lines are read, and how many of them.
    pub fn bounds(
        self,
        now: Timestamp,
        zone: &TimeZone,
        started: Option<Timestamp>,
    ) -> (Option<Timestamp>, u64) {
        let all = CAPACITY as u64;
        match self {
            Self::Recent => (None, RECENT),
            Self::All => (None, all),
            Self::Secs(secs) => (now.checked_sub(Duration::from_secs(secs)).ok(), all),
            Self::Today => {
                let midnight = now.to_zoned_datetime(zone.clone()).start_of_day();
                (midnight.ok().map(|midnight| midnight.timestamp()), all)
            }
            Self::Start => (started, all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_become_times() {
        let now: Timestamp = "2026-03-04T12:00:00Z".parse().unwrap();
        let bounds = |since: Since| since.bounds(now, &TimeZone::UTC, None).0;
        let at = |text: &str| Some(text.parse().unwrap());
        assert_eq!(bounds(Since::Recent), None);
        assert_eq!(bounds(Since::Secs(300)), at("2026-03-04T11:55:00Z"));
        assert_eq!(bounds(Since::Today), at("2026-03-04T00:00:00Z"));
        assert_eq!(bounds(Since::Start), None, "it never started");
    }
}
