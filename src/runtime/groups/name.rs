//! What a group belongs to, told by the shape of its path: there is no other way that
//! works for engines that we don't talk to.
//!
//! ```text
//! docker/ID, docker-ID.scope                     dockerd, cgroupfs and systemd drivers
//! libpod_parent/libpod-ID, libpod-ID.scope       podman
//! crio-ID, crio-ID.scope                         cri-o
//! cri-containerd-ID.scope                        containerd below kubernetes
//! kubepods/burstable/podUID/ID                   kubernetes with the cgroupfs driver
//! kubepods-burstable-podUID.slice                a pod, with the systemd driver
//! wharf/ID                                       ours, or that of a wharf with another root
//! wharf/groups/…                                 made by a user of wharf
//! ```

use crate::model::{ContainerId, GroupKind, OWN_GROUPS, SHORT_ID_LEN};

/// Prefixes by which engines name a container's group; where the group is a systemd
/// scope, the same with `.scope` behind.
const ENGINES: [(&str, &str); 5] = [
    ("docker-", "docker"),
    ("libpod-", "podman"),
    ("crio-", "cri-o"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
];

/// A readable name and what it belongs to. Of our own containers it tells the id alone:
/// whether this engine has it is for the caller to know.
pub fn classify(path: &str) -> (String, GroupKind) {
    let (above, last) = path.rsplit_once('/').unwrap_or(("", path));
    let kind = kind(path, above, last);
    let name = match &kind {
        GroupKind::Foreign { id, .. } => id.clone(),
        GroupKind::Container(id) => id.short().to_owned(),
        GroupKind::Pod => format!("pod {}", pod_uid(last)),
        GroupKind::Slice | GroupKind::Service | GroupKind::Scope => unescape(last),
        _ => last.to_owned(),
    };
    (name, kind)
}

fn kind(path: &str, above: &str, last: &str) -> GroupKind {
    if path.is_empty() {
        return GroupKind::Host;
    }
    if path == "wharf" || path == OWN_GROUPS {
        return GroupKind::Top;
    }
    let is_own = path
        .strip_prefix(OWN_GROUPS)
        .is_some_and(|rest| rest.starts_with('/'));
    if is_own {
        return GroupKind::Own;
    }
    if above == "wharf"
        && let Some(id) = ContainerId::parse(last)
    {
        return GroupKind::Container(id);
    }
    let unit = last.strip_suffix(".scope").unwrap_or(last);
    for (prefix, engine) in ENGINES {
        if let Some(id) = unit.strip_prefix(prefix).filter(|id| is_id(id)) {
            return foreign(engine, id);
        }
    }
    if is_id(last) {
        let is_below = |part: &str| above.split('/').any(|name| name.starts_with(part));
        if is_below("docker") {
            return foreign("docker", last);
        }
        if is_below("libpod") || is_below("machine") {
            return foreign("podman", last);
        }
        if is_below("kubepods") {
            return foreign("kubernetes", last);
        }
    }
    if (last.starts_with("pod") && above.starts_with("kubepods"))
        || (last.starts_with("kubepods") && last.contains("-pod"))
    {
        return GroupKind::Pod;
    }
    match last.rsplit_once('.') {
        Some((_, "slice")) => GroupKind::Slice,
        Some((_, "scope")) => GroupKind::Scope,
        // Processes of a mount, a socket or a swap helper are services in all but name.
        Some((_, "service" | "mount" | "socket" | "swap")) => GroupKind::Service,
        _ => GroupKind::Plain,
    }
}

fn foreign(engine: &'static str, id: &str) -> GroupKind {
    GroupKind::Foreign {
        engine,
        id: id[..SHORT_ID_LEN].to_owned(),
    }
}

fn is_id(text: &str) -> bool {
    ContainerId::parse(text).is_some()
}

/// The first part of a pod's uid, which systemd's driver writes with underscores.
fn pod_uid(last: &str) -> String {
    let uid = last.rsplit_once("pod").map_or(last, |(_, uid)| uid);
    let uid = uid.strip_suffix(".slice").unwrap_or(uid);
    uid.split(['-', '_']).next().unwrap_or(uid).to_owned()
}

/// systemd writes what a unit's name may not have as `\x2d` and the like; a slash of a
/// path is a `-` there, which can't be told from a `-` of the name and stays.
fn unescape(unit: &str) -> String {
    let mut bytes = Vec::with_capacity(unit.len());
    let mut rest = unit.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.strip_prefix(b"x").and_then(|tail| tail.get(..2));
        let byte = digits
            .filter(|_| *first == b'\\')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| unit.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str) -> (String, &'static str) {
        let (name, kind) = classify(path);
        (name, kind.word())
    }

    #[test]
    fn engines_are_known_by_the_shape_of_a_path() {
        let id = "0123456789abcdef".repeat(4);
        for (path, engine) in [
            (format!("docker/{id}"), "docker"),
            (format!("system.slice/docker-{id}.scope"), "docker"),
            (format!("machine.slice/libpod-{id}.scope"), "podman"),
            (format!("libpod_parent/libpod-{id}"), "podman"),
            (format!("a/crio-{id}.scope"), "cri-o"),
            (format!("x.slice/cri-containerd-{id}.scope"), "containerd"),
            (format!("kubepods/burstable/pod7-1/{id}"), "kubernetes"),
            (format!("wharf/{id}"), "container"),
        ] {
            assert_eq!(told(&path), ("0123456789ab".into(), engine), "{path}");
        }
        assert_eq!(told(&format!("elsewhere/{id}")), (id.clone(), "group"));
        assert_eq!(told("docker/short"), ("short".into(), "group"));
        assert_eq!(told(&format!("libpod-{id}é.scope")).1, "scope");
    }

    #[test]
    fn pods_are_told_by_the_beginning_of_their_uid() {
        let slice = "kubepods.slice/kubepods-burstable-pod8f3e_11.slice";
        assert_eq!(told(slice), ("pod 8f3e".into(), "pod"));
        assert_eq!(
            told("kubepods/besteffort/pod8f3e-11"),
            ("pod 8f3e".into(), "pod")
        );
        assert_eq!(told("kubepods.slice").1, "slice");
    }

    #[test]
    fn units_are_unescaped() {
        let unit = r"system.slice/dev-disk-by\x2dlabel-a\x20b.mount";
        assert_eq!(
            told(unit),
            ("dev-disk-by-label-a b.mount".into(), "service")
        );
        assert_eq!(told(r"x\xzz.service"), (r"x\xzz.service".into(), "service"));
        assert_eq!(told(r"x\x"), (r"x\x".into(), "group"));
        assert_eq!(told(r"a\xff.scope"), (r"a\xff.scope".into(), "scope"));
    }

    #[test]
    fn groups_of_users_and_our_top_are_told_apart() {
        assert_eq!(told("").1, "host");
        assert_eq!(told("wharf").1, "wharf");
        assert_eq!(told("wharf/groups").1, "wharf");
        assert_eq!(told("wharf/groups/batch"), ("batch".into(), "own"));
        assert_eq!(told("wharf/groups/batch/night").1, "own");
        assert_eq!(told("wharf/groupsx").1, "group");
    }
}
