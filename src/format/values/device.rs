//! Rates of devices.

use super::{Parsed, size};
use crate::model::DeviceRate;

/// `DEVICE:BYTES` a second, such as `/dev/sda:1mb`.
pub fn device_rate(text: &str) -> Parsed<DeviceRate> {
    let (path, rate) = split_rate(text)?;
    Ok(DeviceRate {
        path: path.into(),
        rate: size(rate)?,
    })
}

/// `DEVICE:OPERATIONS` a second.
pub fn device_iops(text: &str) -> Parsed<DeviceRate> {
    let (path, rate) = split_rate(text)?;
    let rate = rate
        .parse()
        .map_err(|_| format!("{rate:?} is no number of operations a second"))?;
    Ok(DeviceRate {
        path: path.into(),
        rate,
    })
}

fn split_rate(text: &str) -> Parsed<(&str, &str)> {
    match text.rsplit_once(':') {
        Some((path, rate)) if path.starts_with("/dev/") => Ok((path, rate)),
        _ => Err("a rate is /dev/NAME:RATE, such as /dev/sda:1mb".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_need_a_device_and_a_figure() {
        assert_eq!(device_rate("/dev/sda:1mb").map(|r| r.rate), Ok(1 << 20));
        assert_eq!(device_iops("/dev/sda:100").map(|r| r.rate), Ok(100));
        for bad in ["/dev/sda", "sda:1mb", "/dev/sda:x", "/dev/sda:"] {
            assert!(device_rate(bad).is_err(), "{bad}");
        }
        assert!(device_iops("/dev/sda:1m").is_err());
    }
}
