//! Times of day as their reader wants them: a clock of 24 or 12 hours or a pattern of his
//! own, or how long ago it was. What is written to files is always in full.

use jiff::{
    Timestamp,
    civil::{DateTime, date},
    fmt::strtime::BrokenDownTime,
    tz::TimeZone,
};

use super::{duration, text};

/// Most columns that a time of day may take.
const MOST_COLUMNS: usize = 20;
/// Columns of `13d23h ago`.
const AGO_COLUMNS: usize = 10;

/// How times are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeFormat {
    pattern: String,
    is_relative: bool,
    columns: usize,
}

impl Default for TimeFormat {
    fn default() -> Self {
        Self::new("24h", false).expect("it is one of the words")
    }
}

impl TimeFormat {
    /// A clock in the words of the configuration, and whether lists tell how long ago
    /// something was instead.
    ///
    /// # Errors
    ///
    /// What is wrong with a pattern.
    pub fn new(clock: &str, is_relative: bool) -> Result<Self, String> {
        let pattern = match clock {
            "24h" => "%H:%M:%S",
            "12h" => "%I:%M:%S %p",
            pattern if pattern.contains('%') => pattern,
            _ => return Err("\"24h\", \"12h\" or a pattern such as \"%H:%M\"".into()),
        };
        // The longest names that a pattern can ask for.
        let longest = date(2026, 9, 30).at(22, 58, 58, 999_999_999);
        let shown =
            told(pattern, longest).map_err(|why| format!("a pattern of strftime: {why}"))?;
        let columns = text::width(&text::sanitize(&shown));
        if !(1..=MOST_COLUMNS).contains(&columns) {
            return Err(format!(
                "a pattern of 1 to {MOST_COLUMNS} columns: it takes {columns}"
            ));
        }
        Ok(Self {
            pattern: pattern.to_owned(),
            is_relative,
            columns,
        })
    }

    /// The same clock, telling how long ago something was or not.
    pub fn relative(&self, is_relative: bool) -> Self {
        Self {
            is_relative,
            ..self.clone()
        }
    }

    /// Whether lists tell how long ago something was.
    pub fn is_relative(&self) -> bool {
        self.is_relative
    }

    /// Columns that a time takes in a list.
    pub fn columns(&self) -> usize {
        match self.is_relative {
            true => AGO_COLUMNS,
            false => self.columns,
        }
    }

    /// A time in a list.
    pub fn told(&self, at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
        match self.is_relative {
            true => format!("{} ago", duration::short(duration::between(at, now))),
            false => self.clock(at, zone),
        }
    }

    /// The time of day.
    pub fn clock(&self, at: Timestamp, zone: &TimeZone) -> String {
        // A pattern that could be told once can be told of any time.
        let shown = told(&self.pattern, zone.to_datetime(at)).unwrap_or_default();
        text::sanitize(&shown).into_owned()
    }

    /// The date and the time of day.
    pub fn full(&self, at: Timestamp, zone: &TimeZone) -> String {
        let date = zone.to_datetime(at).date();
        format!("{date} {}", self.clock(at, zone))
    }
}

fn told(pattern: &str, at: DateTime) -> Result<String, jiff::Error> {
    BrokenDownTime::from(at).to_string(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn clocks_of_both_kinds_own_patterns_and_spans_take_their_columns() {
        let (time, now) = (at("2026-03-04T15:04:05Z"), at("2026-03-06T15:04:05Z"));
        for (clock, relative, told) in [
            ("24h", false, "15:04:05"),
            ("12h", false, "03:04:05 PM"),
            ("%d.%m. %H:%M", false, "04.03. 15:04"),
            ("24h", true, "2d00h ago"),
        ] {
            let format = TimeFormat::new(clock, relative).unwrap();
            assert_eq!(format.told(time, now, &TimeZone::UTC), told);
            assert!(format.columns() >= told.len(), "{clock}");
        }
        let format = TimeFormat::new("12h", true).unwrap();
        let full = format.full(time, &TimeZone::UTC);
        assert_eq!(full, "2026-03-04 03:04:05 PM");
        // A clock that went back was no time ago.
        assert_eq!(format.told(now, time, &TimeZone::UTC), "0s ago");
    }

    #[test]
    fn pattern_that_cannot_be_told_or_takes_too_much_is_refused() {
        for bad in ["", "13h", "%Q!", "%", "%A %B %Y %H:%M:%S", "\u{200b}"] {
            assert!(TimeFormat::new(bad, false).is_err(), "{bad}");
        }
        // What a terminal would obey is shown in words.
        let sneaky = TimeFormat::new("%H\u{1b}", false).unwrap();
        assert_eq!(
            sneaky.clock(at("2026-03-04T15:04:05Z"), &TimeZone::UTC),
            "15\\x1b"
        );
    }
}
