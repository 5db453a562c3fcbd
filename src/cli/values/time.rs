//! Points in time, as `--since` and `--until` take them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use super::Parsed;

/// A span, or 0 for whatever holds where nothing is said.
pub fn span_or_none(text: &str) -> Parsed<Duration> {
    match text {
        "0" | "0s" | "0ms" | "0m" => Ok(Duration::ZERO),
        text => span(text),
    }
}

/// A span: `90` (seconds), `90s`, `10m`, `1h30m`, `7d`, `2w`.
pub fn span(text: &str) -> Parsed<Duration> {
    let allowed = || "a span is 90s, 10m, 1h30m, 7d or 2w".to_owned();
    let whole = |digits: &str, unit: u64| {
        let count: u64 = digits.parse().ok()?;
        count.checked_mul(unit).map(Duration::from_secs)
    };
    let day = 86_400;
    let parsed = match text.strip_suffix('d').zip(Some(day)) {
        Some((digits, unit)) => whole(digits, unit),
        None => match text.strip_suffix('w') {
            Some(digits) => whole(digits, 7 * day),
            None => whole(text, 1).or_else(|| {
                let span: SignedDuration = text.parse().ok()?;
                Duration::try_from(span).ok()
            }),
        },
    };
    // Ten years and more is a mistake, and beyond what clocks add up.
    parsed
        .filter(|span| !span.is_zero() && span.as_secs() < 3650 * day)
        .ok_or_else(allowed)
}

/// RFC 3339, a local date (and time), Unix seconds with an optional fraction, or a span
/// back from now such as `10m` or `1h30m`.
pub fn time(text: &str) -> Parsed<Timestamp> {
    at(text, Timestamp::now())
}

fn at(text: &str, now: Timestamp) -> Parsed<Timestamp> {
    let allowed = "a time is 2026-01-31T12:00:00Z, Unix seconds, or a span such as 10m or 1h30m";
    if let Some(unix) = unix(text) {
        return Ok(unix);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp);
    }
    // `2026-01-31` is the start of that day here.
    if let Ok(local) = text.parse::<DateTime>() {
        return TimeZone::system()
            .to_timestamp(local)
            .map_err(|error| error.to_string());
    }
    let span = text.strip_prefix('-').unwrap_or(text);
    span.parse::<SignedDuration>()
        .ok()
        .and_then(|span| now.checked_sub(span).ok())
        .ok_or_else(|| allowed.to_owned())
}

fn unix(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(seconds) || !all_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
    Timestamp::new(seconds.parse().ok()?, nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units_and_are_never_nothing() {
        for (text, seconds) in [
            ("90", 90),
            ("90s", 90),
            ("1h30m", 5400),
            ("7d", 604_800),
            ("2w", 1_209_600),
        ] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["0", "-5s", "", "d", "10y", "99999999999999999999d", "5000w"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_absolute_or_back_from_now() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let seconds = |text: &str| at(text, now).map(|t| t.as_second());
        assert_eq!(seconds("1700000000"), Ok(1_700_000_000));
        assert_eq!(seconds("2023-11-14T22:13:20Z"), Ok(1_700_000_000));
        assert_eq!(seconds("10m"), Ok(1_800_000_000 - 600));
        assert_eq!(seconds("1h30m"), Ok(1_800_000_000 - 5400));
        assert_eq!(
            at("1700000000.25", now).map(|t| t.subsec_nanosecond()),
            Ok(250_000_000)
        );
        assert!(at("2026-01-31", now).is_ok() && at("2026-01-31T10:00:00", now).is_ok());
        for bad in ["yesterday", "", "10x", "1.2.3"] {
            assert!(at(bad, now).is_err(), "{bad}");
        }
    }
}
