//! What is mounted into a container: docker's own mounts, then the user's, the
//! shallow ones first so that none hides another.

use std::path::{Component, Path, PathBuf};

use oci_spec::runtime::{Mount, MountBuilder};

use super::{Error, built, source::Opened};
use crate::model::{self, ContainerConfig, IpcMode, MountKind};

/// Where programs look for shared memory.
pub const SHM: &str = "/dev/shm";
/// What stands for the shared memory of the container that is joined: a mount that whoever
/// makes the container has in hand.
pub const JOINED_SHM: &str = "/dev/shm of the joined container";
/// Size of /dev/shm where nothing is said: 64 MiB.
const SHM_BYTES: u64 = 64 << 20;

/// Every mount in the order in which they are made. `files` are host files to put at
/// their places in the container, unless the user mounts something there; `sources` the
/// host's sides of the user's mounts, in their order.
pub fn mounts(
    config: &ContainerConfig,
    files: &[(PathBuf, &str)],
    sources: &[Option<Opened>],
) -> Vec<Mount> {
    let users: Vec<PathBuf> = config.mounts.iter().map(|m| clean(&m.target)).collect();
    let is_users = |target: &Path| users.iter().any(|user| user == target);
    // A /dev of the user's brings everything below it along.
    let hidden = |target: &Path| {
        is_users(target) || (target.starts_with("/dev") && is_users(Path::new("/dev")))
    };
    let mut mounts = standard(config);
    mounts.retain(|mount| !hidden(mount.destination()));

    let mut added: Vec<Mount> = files
        .iter()
        .filter(|(_, target)| !is_users(Path::new(target)))
        .map(|(source, target)| bind(source, Path::new(target), &["rbind", "rprivate"]))
        .collect();
    let sources = sources.iter().map(Option::as_ref);
    let sources = sources.chain(std::iter::repeat(None));
    added.extend(
        config
            .mounts
            .iter()
            .zip(sources)
            .map(|(mount, source)| of_user(mount, source)),
    );
    // Stable: among equals the user's order stays.
    added.sort_by_key(|mount| mount.destination().components().count());
    mounts.extend(added);
    mounts
}

/// Docker's own mounts.
fn standard(config: &ContainerConfig) -> Vec<Mount> {
    // Under a read-only root everything is, but what a program can't do without.
    let writable = config.privileged && !config.read_only;
    let ro = if writable { "rw" } else { "ro" };
    let shm = format!(
        "size={}k",
        config.shm_size_bytes.unwrap_or(SHM_BYTES) / 1024
    );
    let mut mounts = vec![
        kernel("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        kernel(
            "/dev",
            "tmpfs",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=65536k"],
        ),
        kernel(
            "/dev/pts",
            "devpts",
            "devpts",
            &[
                "nosuid",
                "noexec",
                "newinstance",
                "ptmxmode=0666",
                "mode=0620",
                "gid=5",
            ],
        ),
        kernel("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", ro]),
        kernel(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            &[ro, "nosuid", "noexec", "nodev"],
        ),
        kernel(
            "/dev/mqueue",
            "mqueue",
            "mqueue",
            &["nosuid", "noexec", "nodev"],
        ),
    ];
    let of_other = |source| {
        let options = ["rbind", "rprivate", "nosuid", "noexec", "nodev"];
        bind(Path::new(source), Path::new(SHM), &options)
    };
    mounts.extend(match config.shared.ipc {
        IpcMode::None => None,
        IpcMode::Host => Some(of_other(SHM)),
        IpcMode::Container(_) => Some(of_other(JOINED_SHM)),
        IpcMode::Private | IpcMode::Shareable => Some(kernel(
            SHM,
            "tmpfs",
            "shm",
            &["nosuid", "noexec", "nodev", "mode=1777", &shm],
        )),
    });
    mounts
}

fn kernel(target: &str, kind: &str, source: &str, options: &[&str]) -> Mount {
    built(
        MountBuilder::default()
            .destination(target)
            .typ(kind)
            .source(source)
            .options(owned(options))
            .build(),
    )
}

fn bind(source: &Path, target: &Path, options: &[&str]) -> Mount {
    built(
        MountBuilder::default()
            .destination(target)
            .typ("bind")
            .source(source)
            .options(owned(options))
            .build(),
    )
}

fn owned(options: &[&str]) -> Vec<String> {
    options.iter().map(|&option| option.to_owned()).collect()
}

fn of_user(mount: &model::Mount, opened: Option<&Opened>) -> Mount {
    let target = clean(&mount.target);
    // Without one only the target counts.
    let source = opened.map_or(Path::new("/"), |opened| &opened.path);
    match &mount.kind {
        MountKind::Bind {
            propagation,
            recursive,
            writable_below,
            ..
        } => {
            let mut options = vec![
                if *recursive { "rbind" } else { "bind" },
                propagation.as_deref().unwrap_or("rprivate"),
            ];
            if mount.read_only {
                // What is mounted below can't be written either, as docker has it.
                let all = *recursive && !writable_below;
                options.push(if all { "rro" } else { "ro" });
            }
            bind(source, &target, &options)
        }
        MountKind::Volume(_) => {
            let recursive = opened.is_some_and(|opened| opened.recursive);
            let read_only = mount.read_only || opened.is_some_and(|opened| opened.read_only);
            let mut options = vec![if recursive { "rbind" } else { "bind" }, "rprivate"];
            if read_only {
                options.push(if recursive { "rro" } else { "ro" });
            }
            bind(source, &target, &options)
        }
        MountKind::Tmpfs { options } => {
            let mut all = owned(&["noexec", "nosuid", "nodev"]);
            for option in options.iter().flat_map(|list| list.split(',')) {
                let option = option.trim();
                // Of two that contradict each other the user's counts.
                if let Some(default) = ["exec", "suid", "dev"]
                    .contains(&option)
                    .then(|| format!("no{option}"))
                {
                    all.retain(|known| *known != default);
                } else if !option.is_empty() && !all.iter().any(|known| known == option) {
                    all.push(option.to_owned());
                }
            }
            if mount.read_only {
                all.push("ro".into());
            }
            let mut made = kernel("/", "tmpfs", "tmpfs", &[]);
            made.set_destination(target).set_options(Some(all));
            made
        }
    }
}

/// Propagation of the root that the mounts' own needs, as docker sets it.
pub fn root_propagation(config: &ContainerConfig) -> Option<&'static str> {
    let wants = |kinds: [&str; 2]| {
        config.mounts.iter().any(|mount| {
            matches!(&mount.kind, MountKind::Bind { propagation: Some(wanted), .. }
                if kinds.contains(&wanted.as_str()))
        })
    };
    if wants(["shared", "rshared"]) {
        Some("shared")
    } else if wants(["slave", "rslave"]) {
        Some("rslave")
    } else {
        None
    }
}

/// The same path without `.`, `..` and double slashes, by its words alone: what a
/// component stands for in the container is for the kernel to resolve inside it.
pub fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => cleaned.push(name),
            Component::ParentDir => {
                cleaned.pop();
            }
            _ => {}
        }
    }
    cleaned
}

/// Refuses mounts that can't be made, whatever the container holds.
pub fn validate(config: &ContainerConfig) -> Result<(), Error> {
    let mut seen = Vec::new();
    for mount in &config.mounts {
        let target = clean(&mount.target);
        let shown = mount.target.display();
        if !mount.target.is_absolute() {
            return Err(Error::Invalid(format!(
                "mount target {shown} must be an absolute path"
            )));
        }
        if target == Path::new("/") {
            return Err(Error::Invalid(format!("mount target can't be {shown}")));
        }
        if seen.contains(&target) {
            return Err(Error::Invalid(format!(
                "two mounts have the target {shown}"
            )));
        }
        if let MountKind::Bind {
            source,
            propagation,
            ..
        } = &mount.kind
        {
            let from = source.display();
            if !source.is_absolute() {
                return Err(Error::Invalid(format!(
                    "mount source {from} must be an absolute path"
                )));
            }
            if let Some(other) = propagation
                .as_deref()
                .filter(|p| !model::PROPAGATIONS.contains(p))
            {
                return Err(Error::Invalid(format!(
                    "there is no mount propagation {other}; it is one of {}",
                    model::PROPAGATIONS.join(", ")
                )));
            }
        }
        seen.push(target);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind_to(target: &str) -> model::Mount {
        model::Mount {
            kind: MountKind::Bind {
                source: "/".into(),
                create: false,
                propagation: None,
                recursive: true,
                writable_below: false,
            },
            target: target.into(),
            read_only: true,
        }
    }

    fn tmpfs(target: &str, options: &[&str]) -> model::Mount {
        model::Mount {
            kind: MountKind::Tmpfs {
                options: owned(options),
            },
            target: target.into(),
            read_only: false,
        }
    }

    fn lines(config: &ContainerConfig) -> Vec<String> {
        let hosts = [(PathBuf::from("/run/hosts"), "/etc/hosts")];
        mounts(config, &hosts, &[])
            .iter()
            .map(|mount| {
                format!(
                    "{} {} {} {}",
                    mount.destination().display(),
                    mount.typ().as_deref().unwrap_or_default(),
                    mount.source().as_deref().unwrap_or(Path::new("")).display(),
                    mount.options().as_deref().unwrap_or_default().join(",")
                )
            })
            .collect()
    }

    #[test]
    fn mounts_of_a_plain_container_are_dockers() {
        assert_eq!(
            lines(&ContainerConfig::default()),
            [
                "/proc proc proc nosuid,noexec,nodev",
                "/dev tmpfs tmpfs nosuid,strictatime,mode=755,size=65536k",
                "/dev/pts devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
                "/sys sysfs sysfs nosuid,noexec,nodev,ro",
                "/sys/fs/cgroup cgroup cgroup ro,nosuid,noexec,nodev",
                "/dev/mqueue mqueue mqueue nosuid,noexec,nodev",
                "/dev/shm tmpfs shm nosuid,noexec,nodev,mode=1777,size=65536k",
                "/etc/hosts bind /run/hosts rbind,rprivate",
            ]
        );
    }

    #[test]
    fn users_mounts_come_by_depth_and_replace_ours() {
        let config = ContainerConfig {
            mounts: vec![
                bind_to("/data/deep/er"),
                tmpfs("/dev/shm", &["exec,size=1m", "noatime"]),
                bind_to("/data"),
                bind_to("/etc//hosts"),
            ],
            ..ContainerConfig::default()
        };
        let lines = lines(&config);
        assert_eq!(
            lines[6..],
            [
                "/data bind / rbind,rprivate,rro",
                "/dev/shm tmpfs tmpfs nosuid,nodev,size=1m,noatime",
                "/etc/hosts bind / rbind,rprivate,rro",
                "/data/deep/er bind / rbind,rprivate,rro",
            ]
        );
    }

    #[test]
    fn users_dev_hides_all_of_ours_below_it() {
        let config = ContainerConfig {
            mounts: vec![bind_to("/dev")],
            ..ContainerConfig::default()
        };
        let dev: Vec<_> = lines(&config)
            .into_iter()
            .filter(|line| line.starts_with("/dev"))
            .collect();
        assert_eq!(dev, ["/dev bind / rbind,rprivate,rro"]);
    }

    #[test]
    fn privileged_container_may_write_sys_unless_its_root_is_read_only() {
        for (read_only, option) in [(false, "rw"), (true, "ro")] {
            let config = ContainerConfig {
                privileged: true,
                read_only,
                ..ContainerConfig::default()
            };
            assert!(lines(&config)[3].ends_with(option));
        }
    }

    #[test]
    fn impossible_mounts_are_refused() {
        for mounts in [
            vec![bind_to("data")],
            vec![bind_to("/data/..")],
            vec![bind_to("/data"), tmpfs("/data/", &[])],
        ] {
            let config = ContainerConfig {
                mounts,
                ..ContainerConfig::default()
            };
            assert!(validate(&config).is_err(), "{:?}", config.mounts);
        }
    }
}
