//! Spans of time in words (docker's) and in few columns (ours).

use std::time::Duration;

use jiff::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A span in docker's words: `3 minutes`, `About an hour`, `Less than a second`.
///
/// Docker rounds to the nearest hour from an hour on and cuts everything else, so that
/// scripts that read its output read ours.
pub fn words(span: Duration) -> String {
    let seconds = span.as_secs();
    let minutes = seconds / MINUTE;
    let hours = (span.as_secs_f64() / HOUR as f64 + 0.5) as u64;
    let days = hours / 24;
    match () {
        () if seconds < 1 => "Less than a second".into(),
        () if seconds == 1 => "1 second".into(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".into(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".into(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{days} days"),
        () if hours < 24 * 30 * 2 => format!("{} weeks", days / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", days / 30),
        () => format!("{} years", seconds / DAY / 365),
    }
}

/// The same between two times; a clock that went back makes it zero.
pub fn words_between(from: Timestamp, to: Timestamp) -> String {
    words(between(from, to))
}

/// How long ago a time was, in our words and at most 14 columns: `a minute ago`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let words = words_between(at, now);
    let ours = match words.as_str() {
        "Less than a second" => "a moment",
        "About a minute" => "a minute",
        "About an hour" => "an hour",
        same => same,
    };
    format!("{ours} ago")
}

/// A span in at most six columns, its two largest units: `7s`, `3m20s`, `5h02m`, `12d03h`.
pub fn short(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / MINUTE, seconds / HOUR, seconds / DAY);
    match () {
        () if minutes == 0 => format!("{seconds}s"),
        () if hours == 0 => format!("{minutes}m{:02}s", seconds % MINUTE),
        () if days == 0 => format!("{hours}h{:02}m", minutes % 60),
        () if days < 100 => format!("{days}d{:02}h", hours % 24),
        () => format!("{days}d"),
    }
}

/// The span between two times; a clock that went back makes it zero.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_long_ago_or_just_now_fits_into_its_column() {
        let now = Timestamp::from_second(4_000_000_000).unwrap();
        for ago_secs in [
            0,
            1,
            59,
            60,
            3_540,
            3_600,
            172_799,
            86_400 * 365,
            3_999_999_999,
        ] {
            let at = now - Duration::from_secs(ago_secs);
            assert!(ago(at, now).len() <= 14, "{}", ago(at, now));
        }
        assert_eq!(ago(now - Duration::from_secs(60), now), "a minute ago");
    }

    #[test]
    fn words_are_those_of_docker() {
        let cases = [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (59 * 60 + 59, "59 minutes"),
            (3600, "About an hour"),
            (3600 * 3 / 2, "2 hours"),
            (47 * 3600, "47 hours"),
            (48 * 3600, "2 days"),
            (13 * 86400, "13 days"),
            (14 * 86400, "2 weeks"),
            (60 * 86400, "2 months"),
            (3 * 365 * 86400, "3 years"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(words(Duration::from_secs(seconds)), expected, "{seconds} s");
        }
    }

    #[test]
    fn short_spans_keep_to_six_columns() {
        for (seconds, expected) in [
            (0, "0s"),
            (200, "3m20s"),
            (5 * 3600 + 120, "5h02m"),
            (12 * 86400 + 3 * 3600, "12d03h"),
            (99 * 86400 + 86399, "99d23h"),
            (400 * 86400, "400d"),
        ] {
            let text = short(Duration::from_secs(seconds));
            assert_eq!(text, expected);
            assert!(text.len() <= 6);
        }
    }

    #[test]
    fn clock_that_went_back_is_no_time() {
        let later = Timestamp::from_second(10).unwrap();
        assert_eq!(
            words_between(later, Timestamp::UNIX_EPOCH),
            "Less than a second"
        );
    }
}
