//! The text of limits as people type them, in flags and in the dashboard: text in, model
//! types out, and in each refusal what is allowed.

mod device;
mod log;
mod size;

pub use device::{device_iops, device_rate};
pub use log::log_config;
pub use size::{cpus, memory_swap, size};

use crate::model::RestartPolicy;

/// What a parser answers: a value, or one line that says what is wrong.
pub type Parsed<T> = Result<T, String>;

/// `no`, `on-failure[:n]`, `always`, `unless-stopped`.
pub fn restart(text: &str) -> Parsed<RestartPolicy> {
    let (name, count) = match text.split_once(':') {
        Some((name, count)) => (name, Some(count)),
        None => (text, None),
    };
    let policy = match name {
        "no" | "" => RestartPolicy::No,
        "always" => RestartPolicy::Always,
        "unless-stopped" => RestartPolicy::UnlessStopped,
        "on-failure" => {
            let max_retries = match count {
                Some(count) => count
                    .parse()
                    .map_err(|_| format!("{count:?} is no number of retries"))?,
                None => 0,
            };
            return Ok(RestartPolicy::OnFailure { max_retries });
        }
        _ => return Err("allowed are no, on-failure[:N], always and unless-stopped".into()),
    };
    match count {
        Some(_) => Err(format!(
            "only on-failure counts its retries, {name} doesn't"
        )),
        None => Ok(policy),
    }
}

/// The kernel's list form (cpuset(7)): `0-2,5`.
pub fn cpuset(text: &str) -> Parsed<String> {
    let is_number = |n: &str| !n.is_empty() && n.len() < 6 && n.bytes().all(|b| b.is_ascii_digit());
    let is_part = |part: &str| match part.split_once('-') {
        Some((from, to)) => {
            is_number(from) && is_number(to) && from.parse::<u32>().ok() <= to.parse::<u32>().ok()
        }
        None => is_number(part),
    };
    if text.split(',').all(is_part) {
        Ok(text.to_owned())
    } else {
        Err("a list is of numbers and ranges, such as 0-2,5".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restart_policies_are_those_of_docker() {
        assert_eq!(restart("no"), Ok(RestartPolicy::No));
        assert_eq!(
            restart("on-failure:3"),
            Ok(RestartPolicy::OnFailure { max_retries: 3 })
        );
        assert_eq!(
            restart("on-failure"),
            Ok(RestartPolicy::OnFailure { max_retries: 0 })
        );
        for bad in ["sometimes", "always:3", "on-failure:x", "on-failure:-1"] {
            assert!(restart(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_are_numbers_and_rising_ranges() {
        for good in ["0", "0-2,5", "0,1,2"] {
            assert_eq!(cpuset(good), Ok(good.to_owned()));
        }
        for bad in ["", "a", "2-1", "0,", "1-", "0 1", "100000"] {
            assert!(cpuset(bad).is_err(), "{bad}");
        }
    }
}
