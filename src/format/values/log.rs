//! How a container's output is kept, as people say it.

use super::{Parsed, size};
use crate::model::LogConfig;

/// Least size of a file: some of the longest lines.
const LEAST_BYTES: u64 = 64 << 10;
/// Most files of one log.
const MOST_FILES: u32 = 100;

/// A driver by its name, and its options.
pub fn log_config<'a>(
    driver: &str,
    options: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Parsed<LogConfig> {
    let mut config = LogConfig {
        driver: driver.parse()?,
        ..LogConfig::default()
    };
    for (name, value) in options {
        if !config.driver.is_kept() {
            return Err(format!(
                "the log driver {driver} has no option {name:?}: it keeps nothing"
            ));
        }
        match name {
            "max-size" => {
                let bytes = size(value).map_err(|error| format!("max-size {value:?}: {error}"))?;
                if bytes < LEAST_BYTES {
                    return Err(format!("max-size {value:?}: the least is 64k"));
                }
                config.max_size_bytes = Some(bytes);
            }
            "max-file" => {
                let files = value.parse().ok().filter(|n| (1..=MOST_FILES).contains(n));
                let wrong = || format!("max-file goes from 1 to {MOST_FILES}, not {value:?}");
                config.max_files = Some(files.ok_or_else(wrong)?);
            }
            name => {
                return Err(format!(
                    "there is no log option {name:?}: it is max-size or max-file"
                ));
            }
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LogDriver;

    #[test]
    fn options_belong_to_drivers_that_keep_something() {
        let config = log_config("local", [("max-size", "1m"), ("max-file", "3")]).unwrap();
        assert_eq!(config.driver, LogDriver::Local);
        let bounds = (config.max_size_bytes, config.max_files);
        assert_eq!(bounds, (Some(1 << 20), Some(3)));
        assert_eq!(log_config("", []).unwrap(), LogConfig::default());
        for (driver, option) in [
            ("none", ("max-size", "1m")),
            ("local", ("max-size", "1")),
            ("local", ("max-file", "0")),
            ("json-file", ("tag", "x")),
            ("syslog", ("max-size", "1m")),
        ] {
            log_config(driver, [option]).unwrap_err();
        }
    }
}
