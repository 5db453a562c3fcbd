//! Kernel parameters: those only that a namespace of the container has for itself.

use std::ffi::CString;

use oci_spec::runtime::Spec;

use super::error::{Error, Result};
use super::mounts::c_text;
use super::namespaces::Namespaces;

/// A parameter to set.
#[derive(Debug)]
pub(super) struct Sysctl {
    /// Its file. The host's procfs serves: which namespace's value is meant depends on
    /// who opens it.
    pub path: CString,
    /// Its value.
    pub value: String,
}

/// Parameters of the IPC namespace, besides `fs.mqueue.*`.
const IPC: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// Read and check them.
pub(super) fn plan(spec: &Spec, namespaces: &Namespaces) -> Result<Vec<Sysctl>> {
    let linux = spec.linux().as_ref();
    let parameters = linux.and_then(|linux| linux.sysctl().as_ref());
    let mut plan = Vec::new();
    for (key, value) in parameters.into_iter().flatten() {
        // sysctl(8) lets the separators change places, so that a name may hold dots:
        // the first one says which it is.
        let name = match key.find(['.', '/']) {
            Some(at) if key.as_bytes()[at] == b'/' => swap(key),
            _ => key.clone(),
        };
        check(&name, namespaces)
            .map_err(|reason| Error::invalid(format!("linux.sysctl: {key}"), reason))?;
        plan.push(Sysctl {
            path: c_text("linux.sysctl", &format!("/proc/sys/{}", swap(&name)))?,
            value: value.clone(),
        });
    }
    Ok(plan)
}

fn swap(name: &str) -> String {
    name.chars()
        .map(|letter| match letter {
            '.' => '/',
            '/' => '.',
            other => other,
        })
        .collect()
}

fn check(name: &str, namespaces: &Namespaces) -> std::result::Result<(), &'static str> {
    // In this spelling a dot separates and a slash stands for a dot: `..` is `//`.
    let odd = |part: &str| part.is_empty() || part.trim_matches('/').is_empty();
    if name.split('.').any(odd) {
        return Err("not a parameter's name");
    }
    let needs = |has: bool, reason| if has { Ok(()) } else { Err(reason) };
    if name.starts_with("net.") {
        let own = namespaces.has_network();
        return needs(own, "it would be the host's: no network namespace");
    }
    if IPC.contains(&name) || name.starts_with("fs.mqueue.") {
        let own = namespaces.has_ipc();
        return needs(own, "it would be the host's: no IPC namespace");
    }
    match name {
        "kernel.domainname" => {
            let own = namespaces.has_uts();
            needs(own, "it would be the host's: no UTS namespace")
        }
        "kernel.hostname" => Err("the field hostname sets it"),
        _ => Err("it is not in a namespace: it would be the host's"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(namespaces: &str, key: &str) -> Result<Vec<Sysctl>> {
        let spec: Spec = serde_json::from_str(&format!(
            r#"{{"ociVersion":"1.0.0","linux":{{"sysctl":{{"{key}":"1"}},
                "namespaces":[{{"type":"mount"}}{namespaces}]}}}}"#
        ))
        .expect("spec");
        plan(&spec, &Namespaces::plan(&spec)?)
    }

    #[test]
    fn only_parameters_of_own_namespaces_are_accepted() {
        let all = r#",{"type":"network"},{"type":"ipc"},{"type":"uts"}"#;
        for (namespaces, key, accepted) in [
            (all, "net.ipv4.ip_forward", true),
            (all, "net/ipv4/conf/eth0.1/forwarding", true),
            (all, "kernel.shmmax", true),
            (all, "fs.mqueue.msg_max", true),
            (all, "kernel.domainname", true),
            ("", "net.ipv4.ip_forward", false),
            ("", "kernel.shmmax", false),
            (all, "kernel.hostname", false),
            (all, "vm.swappiness", false),
            (all, "net....kernel.panic", false),
            (all, "net.//.//.kernel.panic", false),
        ] {
            assert_eq!(plan_of(namespaces, key).is_ok(), accepted, "{key}");
        }
    }

    #[test]
    fn separators_may_change_places() {
        let plan =
            plan_of(r#",{"type":"network"}"#, "net/ipv4/conf/eth0.1/forwarding").expect("plan");
        assert_eq!(
            plan[0].path.as_c_str(),
            c"/proc/sys/net/ipv4/conf/eth0.1/forwarding"
        );
    }
}
