//! Sizes and rates. Memory is told in powers of two, traffic and disk in powers of ten,
//! as docker does.

use humansize::{BINARY, DECIMAL, FormatSizeOptions, format_size};

/// Memory: `15.3MiB`, `64MiB`, `512B`.
pub fn binary(bytes: u64) -> String {
    let mut value = bytes as f64;
    while value >= 1024.0 {
        value /= 1024.0;
    }
    // Between 1000 and 1024 of a unit four digits are enough.
    let places = usize::from(value < 999.95);
    sized(bytes, BINARY.decimal_places(places))
}

/// Disk and traffic: `1.5MB`, `0B`.
pub fn decimal(bytes: u64) -> String {
    // Docker writes the SI prefix of a thousand as it is defined, in lower case.
    sized(bytes, DECIMAL.decimal_places(1))
}

/// A rate in bytes a second: `1.5MB/s`.
pub fn rate(bytes_per_sec: f64) -> String {
    // A rate is never negative (see `Usage::between`), and a float beyond u64 saturates.
    format!("{}/s", decimal(bytes_per_sec.round() as u64))
}

/// Used of a limit: `15.3MiB / 64MiB`.
pub fn of_limit(used: u64, limit: Option<u64>) -> String {
    match limit {
        Some(limit) => format!("{} / {}", binary(used), binary(limit)),
        None => binary(used),
    }
}

fn sized(bytes: u64, base: FormatSizeOptions) -> String {
    format_size(bytes, base.decimal_zeroes(0).space_after_value(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_decimal_at_most_and_no_empty_one() {
        let got: Vec<_> = [0, 512, 1024, 16_043_213, 64 << 20, u64::MAX]
            .map(binary)
            .into();
        assert_eq!(got, ["0B", "512B", "1KiB", "15.3MiB", "64MiB", "16EiB"]);
        // As much as is told in five columns.
        let full = [1_049_952_258, 1_048_550_000].map(binary);
        assert_eq!(full, ["1001MiB", "1000MiB"]);
        assert_eq!(decimal(1_500_000), "1.5MB");
        assert_eq!(decimal(1_000), "1kB");
        assert_eq!(rate(1_048_576.4), "1.0MB/s");
    }

    #[test]
    fn a_limit_follows_what_is_used() {
        assert_eq!(of_limit(1 << 20, Some(64 << 20)), "1MiB / 64MiB");
        assert_eq!(of_limit(1 << 20, None), "1MiB");
    }
}
