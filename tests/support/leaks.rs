//! What an engine left behind on the machine: everything that still names its root
//! directory or one of its containers.
//!
//! Scoped to one engine, so that tests can run side by side; `tests/snapshot` compares
//! the whole machine before and after the suite.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::cgroup;

/// Everything found that belongs to the engine at `root` or to a container in `ids`.
pub fn find(root: &Path, ids: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    mounts(root, &mut found);
    cgroups(ids, &mut found);
    processes(root, ids, &mut found);
    links(ids, &mut found);
    found.sort();
    found
}

/// Files below `root` that are not what an empty engine has.
pub fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    walk(root, &mut |path| {
        let relative = path.strip_prefix(root).unwrap().to_str().unwrap_or("?");
        // Locks, indexes and the event log belong to the engine, not to a container.
        let own = matches!(
            relative,
            "names.lock"
                | "volumes.lock"
                | "images/lock"
                | "images/unsynced/lock"
                | "images/index.json"
                | "images/oci-layout"
                | "layers/lock"
                | "run/events"
                | "run/events.1"
                | "run/boot"
        );
        // The default network stays once it was used, as its engine does.
        let own = own
            || matches!(relative, "networks/lock" | "networks/bridge.json")
            || (relative.starts_with("run/networks/") && relative.ends_with("/last"));
        if !own && !path.is_dir() {
            found.push(format!("file {relative}"));
        }
        if path.is_dir() && path.parent().is_some_and(|p| p.ends_with("containers")) {
            found.push(format!("directory {relative}"));
        }
    });
    found.sort();
    found
}

fn walk(path: &Path, visit: &mut dyn FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        visit(&entry.path());
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            walk(&entry.path(), visit);
        }
    }
}

/// Mounts that name the root, in any mount namespace that some process is in.
fn mounts(root: &Path, found: &mut Vec<String>) {
    let root = root.to_str().unwrap();
    let mut seen = BTreeSet::new();
    for pid in pids() {
        let Ok(namespace) = fs::read_link(format!("/proc/{pid}/ns/mnt")) else {
            continue;
        };
        if !seen.insert(namespace) {
            continue;
        }
        let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        for line in text.lines().filter(|line| line.contains(root)) {
            found.push(format!("mount in {pid}: {line}"));
        }
    }
}

fn cgroups(ids: &BTreeSet<String>, found: &mut Vec<String>) {
    for mount in cgroup::mounts() {
        walk(&mount.join("wharf"), &mut |path: &Path| {
            let name = path.file_name().unwrap().to_string_lossy();
            if path.is_dir() && ids.iter().any(|id| name.contains(id.as_str())) {
                found.push(format!("cgroup {}", path.display()));
            }
        });
    }
}

/// Processes that name the root in their arguments, environment or working directory,
/// have a file of it open, or live in a container's cgroup.
fn processes(root: &Path, ids: &BTreeSet<String>, found: &mut Vec<String>) {
    let needle = root.to_str().unwrap().as_bytes();
    let own = std::process::id() as i32;
    for pid in pids().into_iter().filter(|pid| *pid != own) {
        let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let names_root = |bytes: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
        let command = read("cmdline");
        let group = String::from_utf8_lossy(&read("cgroup")).into_owned();
        let belongs = names_root(&command)
            || names_root(&read("environ"))
            || ids.iter().any(|id| group.contains(id.as_str()))
            || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(root))
            || open_files(pid).any(|path| path.starts_with(root));
        let is_zombie =
            super::process::status_field(pid, "State").is_none_or(|s| s.starts_with('Z'));
        if belongs && !is_zombie {
            found.push(format!(
                "process {pid}: {} ({})",
                String::from_utf8_lossy(&command).replace('\0', " "),
                super::process::status_field(pid, "State").unwrap_or_default(),
            ));
        }
    }
}

fn open_files(pid: i32) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
}

fn links(ids: &BTreeSet<String>, found: &mut Vec<String>) {
    for entry in fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if ids.iter().any(|id| name.contains(&id[..8])) {
            found.push(format!("link {name}"));
        }
    }
}

fn pids() -> Vec<i32> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}
