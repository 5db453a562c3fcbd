//! Sizes and figures of the CPU.

use super::Parsed;

const ALLOWED: &str = "a size is a number with b, k, m, g, t or p after it, such as 512m";

/// Bytes, as docker reads them: `512m`, `1.5g`, `64KiB`; the units are powers of 1024.
pub fn size(text: &str) -> Parsed<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "ki" | "kib" => 10,
        "m" | "mb" | "mi" | "mib" => 20,
        "g" | "gb" | "gi" | "gib" => 30,
        "t" | "tb" | "ti" | "tib" => 40,
        "p" | "pb" | "pi" | "pib" => 50,
        _ => return Err(ALLOWED.into()),
    };
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(ALLOWED.into());
    }
    if !number.contains('.') {
        let whole: u64 = number.parse().map_err(|_| ALLOWED.to_owned())?;
        return whole
            .checked_mul(1 << shift)
            .filter(|bytes| *bytes <= i64::MAX as u64)
            .ok_or_else(|| "too large".into());
    }
    let part: f64 = number.parse().map_err(|_| ALLOWED.to_owned())?;
    let bytes = part * (1u64 << shift) as f64;
    if bytes >= i64::MAX as f64 {
        return Err("too large".into());
    }
    Ok(bytes as u64)
}

/// The same, or -1 for no limit.
pub fn memory_swap(text: &str) -> Parsed<i64> {
    if text == "-1" {
        return Ok(-1);
    }
    // `size` refuses what does not fit.
    size(text).map(|bytes| bytes as i64)
}

/// Cores in thousandths: `1.5` is 1500. At least a hundredth of one.
pub fn cpus(text: &str) -> Parsed<u64> {
    let allowed = "a number of processors is 0.01 or more, such as 1.5";
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let cores: f64 = text.parse().map_err(|_| allowed.to_owned())?;
    // Beyond 2^20 processors is no kernel's; it also keeps the product in range.
    if !plain || !(0.01..=1_048_576.0).contains(&cores) {
        return Err(allowed.into());
    }
    Ok((cores * 1000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        for (text, bytes) in [
            ("0", 0),
            ("512", 512),
            ("512b", 512),
            ("64m", 64 << 20),
            ("64 MiB", 64 << 20),
            ("1.5g", 3 << 29),
            ("2GB", 2 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn malformed_sizes_say_what_is_allowed() {
        for text in [
            "12x",
            "",
            "m",
            "-1",
            "1..5m",
            "1e3",
            ".5m",
            "0x10",
            "12 m m",
            "99999999p",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
        assert!(size("12x").unwrap_err().contains("512m"));
    }

    #[test]
    fn swap_may_be_unlimited() {
        assert_eq!(memory_swap("-1"), Ok(-1));
        assert_eq!(memory_swap("1k"), Ok(1024));
        assert!(memory_swap("-2").is_err());
    }

    #[test]
    fn processors_are_counted_in_thousandths() {
        assert_eq!(cpus("1.5"), Ok(1500));
        assert_eq!(cpus(".25"), Ok(250));
        for bad in ["0", "-1", "x", "NaN", "inf", "1e2", "0.001"] {
            assert!(cpus(bad).is_err(), "{bad}");
        }
    }
}
