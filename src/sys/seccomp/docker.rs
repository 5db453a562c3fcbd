//! Docker's notation of a profile: OCI's, with conditions on capabilities, architecture
//! and kernel version.

use oci_spec::runtime::{
    Arch as OciArch, LinuxSeccompAction as Action, LinuxSeccompArg, LinuxSeccompFilterFlag as Flag,
};
use serde::Deserialize;

use super::{
    Error, Result,
    oci::{Request, arches, flags, verdict},
    policy::{Profile, When},
};

/// The whole file. Docker ignores what it doesn't know; a misspelt field of a security
/// profile is refused here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    default_action: Action,
    default_errno_ret: Option<u32>,
    /// Architectures by the native one.
    #[serde(default)]
    arch_map: Vec<ArchMap>,
    /// The older form of it.
    #[serde(default)]
    architectures: Vec<OciArch>,
    flags: Option<Vec<Flag>>,
    listener_path: Option<String>,
    listener_metadata: Option<String>,
    /// Podman's second spelling of the number above.
    #[serde(rename = "defaultErrno")]
    _default_errno: Option<String>,
    /// Kept apart, so that an error can say in which.
    #[serde(default)]
    syscalls: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ArchMap {
    architecture: String,
    sub_architectures: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Syscalls {
    #[serde(default)]
    names: Vec<String>,
    name: Option<String>,
    action: Action,
    errno_ret: Option<u32>,
    /// Podman's second spelling of it.
    errno: Option<String>,
    args: Option<Vec<LinuxSeccompArg>>,
    #[serde(rename = "comment")]
    _comment: Option<String>,
    includes: Option<Conditions>,
    excludes: Option<Conditions>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Conditions {
    arches: Option<Vec<String>>,
    caps: Option<Vec<String>>,
    min_kernel: Option<String>,
}

/// How docker's conditions name this machine.
#[cfg(target_arch = "x86_64")]
const NATIVE: (&str, &str) = ("amd64", "SCMP_ARCH_X86_64");
#[cfg(target_arch = "aarch64")]
const NATIVE: (&str, &str) = ("arm64", "SCMP_ARCH_AARCH64");

pub(super) fn parse(json: &str) -> Result<Profile> {
    let file: File = serde_json::from_str(json)?;
    if file.listener_path.is_some() || file.listener_metadata.is_some() {
        return Err(Error::Field {
            field: "listenerPath",
            why: "agents that are asked by SCMP_ACT_NOTIFY are not supported".into(),
        });
    }
    if !file.arch_map.is_empty() && !file.architectures.is_empty() {
        return Err(Error::Field {
            field: "architectures",
            why: "only one of it and archMap can be given".into(),
        });
    }
    let default =
        verdict(file.default_action, file.default_errno_ret).map_err(|why| Error::Field {
            field: "defaultAction",
            why,
        })?;
    let mut rules = Vec::new();
    for (index, value) in file.syscalls.into_iter().enumerate() {
        let refuse = |why: String| Error::Rule {
            rule: format!("syscalls[{index}]"),
            why,
        };
        let mut rule: Syscalls =
            serde_json::from_value(value).map_err(|e| refuse(e.to_string()))?;
        match rule.name.take() {
            Some(_) if !rule.names.is_empty() => {
                return Err(refuse("only one of name and names can be given".into()));
            }
            Some(name) => rule.names.push(name),
            None => {}
        }
        if rule.errno.is_some() && rule.errno_ret.is_none() {
            return Err(refuse("errno needs errnoRet, its number".into()));
        }
        let (includes, excludes) = (
            rule.includes.unwrap_or_default(),
            rule.excludes.unwrap_or_default(),
        );
        let names_us = |arches: &Option<Vec<String>>| {
            arches
                .as_ref()
                .filter(|arches| !arches.is_empty())
                .map(|arches| arches.iter().any(|arch| arch == NATIVE.0))
        };
        if names_us(&includes.arches) == Some(false) || names_us(&excludes.arches) == Some(true) {
            continue;
        }
        let when = When {
            with: bits(&includes.caps).map_err(&refuse)?,
            without: bits(&excludes.caps).map_err(&refuse)?,
            since: version(&includes.min_kernel).map_err(&refuse)?,
            until: version(&excludes.min_kernel).map_err(&refuse)?,
        };
        let request = Request {
            index,
            names: &rule.names,
            action: rule.action,
            errno: rule.errno_ret,
            args: rule.args.as_deref().unwrap_or_default(),
            when,
        };
        request.push_to(&mut rules, default)?;
    }
    let mapped = file
        .arch_map
        .iter()
        .find(|map| map.architecture == NATIVE.1);
    let below = mapped
        .and_then(|map| map.sub_architectures.as_deref())
        .unwrap_or_default();
    // Only this machine's are read, since our types don't know every other.
    let below: Vec<OciArch> = below.iter().filter_map(|name| known(name)).collect();
    Ok(Profile {
        default,
        arches: arches(if mapped.is_some() {
            &below
        } else {
            &file.architectures
        }),
        rules: rules.into(),
        flags: flags(file.flags.as_deref()),
    })
}

fn known(name: &str) -> Option<OciArch> {
    serde_json::from_value(serde_json::Value::from(name)).ok()
}

/// `4.8`.
fn version(text: &Option<String>) -> std::result::Result<(u16, u16), String> {
    let Some(text) = text else {
        return Ok((0, 0));
    };
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    match (major.parse(), minor.parse()) {
        (Ok(major), Ok(minor)) => Ok((major, minor)),
        _ => Err(format!("minKernel {text:?} is no version such as 4.8")),
    }
}

/// Capabilities by their names, as a set of bits.
fn bits(names: &Option<Vec<String>>) -> std::result::Result<u64, String> {
    names.iter().flatten().try_fold(0, |bits, name| {
        let number = CAPABILITIES
            .iter()
            .position(|known| name.strip_prefix("CAP_").is_some_and(|name| name == *known));
        match number {
            Some(number) => Ok(bits | 1 << number),
            None => Err(format!("{name:?} is no capability")),
        }
    })
}

/// Capabilities by number.
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];
