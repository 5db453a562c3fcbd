//! The values of flags: text in, model types out, with the offending text and what is
//! allowed in each refusal. clap calls these, so that nothing has happened yet when one
//! of them refuses. Those of limits lie in `format`: the dashboard reads them too.

mod device;
mod mount;
mod network;
mod time;

use std::collections::BTreeMap;

pub use device::{device, ulimit};
pub use mount::{mount, tmpfs, volume};
pub use network::{Choice, expose, host, ip, ip4, ip6, mac, network, publish};
pub use time::{span, span_or_none, time};

pub use crate::format::values::{
    Parsed, cpus, cpuset, device_iops, device_rate, log_config, memory_swap, restart, size,
};
use crate::model::{LabelFilter, SeccompMode, Security};

/// `key=value`, or `key` for an empty value.
pub fn label(text: &str) -> Parsed<(String, String)> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    if key.is_empty() {
        return Err("a label needs a key: KEY=VALUE".into());
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// `KEY` or `KEY=VALUE`, which a label must have, or must not.
pub fn label_filter(text: &str, negated: bool) -> LabelFilter {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (text, None),
    };
    LabelFilter {
        key: key.to_owned(),
        value,
        negated,
    }
}

/// `name=value`, both there.
pub fn sysctl(text: &str) -> Parsed<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("a kernel setting is written NAME=VALUE, such as net.core.somaxconn=512".into()),
    }
}

/// A variable's `KEY=value`, or `KEY` to pass our own on.
pub fn env(text: &str) -> Parsed<String> {
    match text.split('=').next() {
        Some("") | None => Err("a variable needs a name: KEY=VALUE".into()),
        Some(_) if text.contains('\0') => Err("a variable can't hold a NUL byte".into()),
        Some(_) => Ok(text.to_owned()),
    }
}

/// The variables to pass: `KEY` alone takes its value from `own` and vanishes if that
/// has none, and a later setting of a name replaces an earlier one in its place.
pub fn resolve_env(given: &[String], own: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    let mut values = BTreeMap::new();
    for entry in given {
        let (name, value) = match entry.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (entry.as_str(), own(entry)),
        };
        let Some(value) = value else { continue };
        if values.insert(name.to_owned(), value).is_none() {
            order.push(name.to_owned());
        }
    }
    let pair = |name: String| format!("{name}={}", values[&name]);
    order.into_iter().map(pair).collect()
}

/// The lines of an `--env-file`: empty ones and those with `#` first are left out.
pub fn env_lines(text: &str) -> Parsed<Vec<String>> {
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    lines
        .map(str::trim_start)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| match line.split('=').next() {
            Some(name) if name.is_empty() || name.contains(char::is_whitespace) => {
                Err(format!("{name:?} is no name of a variable"))
            }
            _ => Ok(line.to_owned()),
        })
        .collect()
}

/// A capability's name in upper case without `CAP_`; `ALL` is one.
pub fn capability(text: &str) -> Parsed<String> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if name == "ALL" || CAPABILITIES.contains(&name) {
        return Ok(name.to_owned());
    }
    Err("no such capability: see capabilities(7), such as NET_ADMIN, or ALL".into())
}

/// The capabilities of Linux 5.9 and later.
const CAPABILITIES: [&str; 41] = [
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// A signal's name, with or without `SIG`, or its number.
pub fn signal(text: &str) -> Parsed<String> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let known = match name.parse::<u32>() {
        Ok(number) => (1..=64).contains(&number),
        Err(_) => SIGNALS.contains(&name) || is_real_time(name),
    };
    if known {
        Ok(text.to_owned())
    } else {
        Err("no such signal: a name such as TERM or SIGUSR1, or a number from 1 to 64".into())
    }
}

const SIGNALS: [&str; 33] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "IOT", "BUS", "FPE", "KILL", "USR1", "SEGV",
    "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CLD", "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

fn is_real_time(name: &str) -> bool {
    match name.strip_prefix("RTM") {
        Some("IN" | "AX") => true,
        Some(rest) => rest
            .strip_prefix("IN+")
            .or_else(|| rest.strip_prefix("AX-"))
            .and_then(|offset| offset.parse::<u32>().ok())
            .is_some_and(|offset| offset <= 30),
        None => false,
    }
}

/// All `--security-opt` values together; `read` gives the text of a profile's file.
pub fn security(
    options: &[String],
    read: impl Fn(&str) -> std::io::Result<String>,
) -> Parsed<Security> {
    let mut security = Security::default();
    for option in options {
        // Docker takes `name:value` too, from before it settled on `=`.
        let (name, value) = option
            .split_once('=')
            .or_else(|| option.split_once(':'))
            .unwrap_or((option, ""));
        match (name, value) {
            ("no-new-privileges", "" | "true") => security.no_new_privileges = true,
            ("no-new-privileges", "false") => security.no_new_privileges = false,
            ("seccomp", "unconfined") => security.seccomp = SeccompMode::Unconfined,
            ("seccomp", "builtin") => security.seccomp = SeccompMode::Default,
            ("seccomp", path) if !path.is_empty() => {
                let text =
                    read(path).map_err(|error| format!("read seccomp profile {path}: {error}"))?;
                serde_json::from_str::<serde_json::Value>(&text)
                    .map_err(|error| format!("seccomp profile {path} is no JSON: {error}"))?;
                security.seccomp = SeccompMode::Profile(text);
            }
            ("systempaths", "unconfined") => security.unmask = true,
            // No profile of either is ever applied, which is what these ask for.
            ("apparmor", "unconfined") | ("label", "disable") => {}
            _ => {
                return Err(format!(
                    "--security-opt {option:?}: allowed are no-new-privileges[=BOOL], \
                     seccomp=FILE|unconfined|builtin, systempaths=unconfined, \
                     apparmor=unconfined and label=disable"
                ));
            }
        }
    }
    Ok(security)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_without_a_value_is_taken_from_us_and_the_last_setting_wins() {
        let given = ["A=1", "HOME", "NOPE", "B=", "A=2"].map(String::from);
        let own = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        assert_eq!(resolve_env(&given, own), ["A=2", "HOME=/root", "B="]);
    }

    #[test]
    fn env_file_skips_comments_and_refuses_names_with_spaces() {
        assert_eq!(
            env_lines("\u{feff}# c\n\n  A=1 2\nB\n"),
            Ok(vec!["A=1 2".into(), "B".into()])
        );
        assert!(env_lines("A B=1").is_err());
        assert!(env_lines("=1").is_err());
    }

    #[test]
    fn capabilities_lose_their_prefix_and_unknown_ones_are_refused() {
        assert_eq!(capability("cap_net_admin"), Ok("NET_ADMIN".into()));
        assert_eq!(capability("all"), Ok("ALL".into()));
        assert!(capability("NET_ADMINN").is_err());
    }

    #[test]
    fn signals_go_by_name_or_number() {
        for good in [
            "TERM", "SIGKILL", "sigusr1", "9", "64", "RTMIN+3", "SIGRTMAX",
        ] {
            assert!(signal(good).is_ok(), "{good}");
        }
        for bad in ["", "0", "65", "SIG", "NOPE", "RTMIN+99", "-9"] {
            assert!(signal(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn security_options_are_read_and_unknown_ones_refused() {
        let all = |options: &[&str]| {
            let options: Vec<_> = options.iter().map(|o| (*o).to_owned()).collect();
            security(&options, |path| match path {
                "p.json" => Ok("{}".into()),
                "bad.json" => Ok("{".into()),
                _ => Err(std::io::ErrorKind::NotFound.into()),
            })
        };
        let got = all(&["no-new-privileges", "seccomp=p.json"]).unwrap();
        assert!(got.no_new_privileges);
        assert_eq!(got.seccomp, SeccompMode::Profile("{}".into()));
        assert!(
            all(&["seccomp:unconfined", "systempaths=unconfined"])
                .unwrap()
                .unmask
        );
        for bad in [
            "seccomp=bad.json",
            "seccomp=none.json",
            "apparmor=mine",
            "selinux",
        ] {
            assert!(all(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn labels_and_settings_need_a_name() {
        assert_eq!(label("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(label("a"), Ok(("a".into(), String::new())));
        assert!(label("=b").is_err() && sysctl("a").is_err() && env("=x").is_err());
    }
}
