//! The fake's control groups: a host with systemd, docker, kubernetes and ours.

use super::*;
use crate::{
    model::{
        BlockDevice, Bound, DeviceCounters, DeviceLimits, Group, GroupEvents, GroupKind,
        GroupLimits, GroupRow, HugeLimit, Membership, OWN_GROUPS, Stalls,
    },
    runtime::groups::classify,
};

/// All groups, parents first.
pub fn rows() -> Vec<GroupRow> {
    let id = |n: u64| super::id(n).as_str().to_owned();
    let docker = |n| format!("system.slice/docker-{}.scope", id(n));
    let pod = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8f3e_11.slice";
    let mut rows: Vec<GroupRow> = [
        ("".to_owned(), 2.37, 11_600, 412, None),
        ("init.scope".into(), 0.0, 14, 1, None),
        ("kubepods.slice".into(), 0.31, 900, 40, Some(6_000)),
        (
            "kubepods.slice/kubepods-burstable.slice".into(),
            0.31,
            900,
            40,
            None,
        ),
        (pod.to_owned(), 0.31, 900, 40, Some(1_024)),
        (
            format!("{pod}/cri-containerd-{}.scope", id(81)),
            0.3,
            860,
            38,
            Some(1_024),
        ),
        ("system.slice".into(), 0.62, 2_300, 160, None),
        ("system.slice/ssh.service".into(), 0.0, 9, 2, None),
        (
            r"system.slice/systemd-fsck\x2droot.service".into(),
            0.0,
            1,
            1,
            None,
        ),
        (docker(71), 0.42, 512, 21, Some(1_024)),
        (docker(72), 0.004, 61, 3, None),
        ("user.slice".into(), 0.05, 640, 61, None),
        (
            "user.slice/user-1000.slice".into(),
            0.05,
            620,
            58,
            Some(4_096),
        ),
        (
            "user.slice/user-1000.slice/session-3.scope".into(),
            0.05,
            600,
            50,
            None,
        ),
        ("wharf".into(), 1.4, 2_100, 99, None),
        (OWN_GROUPS.to_owned(), 0.8, 300, 9, None),
        (format!("{OWN_GROUPS}/batch"), 0.8, 300, 9, Some(512)),
        (format!("{OWN_GROUPS}/empty"), 0.0, 0, 0, None),
        (format!("wharf/{}", id(0)), 0.41, 88, 9, Some(256)),
        (format!("wharf/{}", id(1)), 0.497, 291, 34, Some(512)),
        (format!("wharf/{}", id(5)), 0.03, 48, 4, None),
    ]
    .into_iter()
    .map(|(path, cores, mib, pids, limit)| row(&path, cores, mib, pids, limit))
    .collect();
    if let Some(batch) = rows
        .iter_mut()
        .find(|row| row.group.path.ends_with("batch"))
    {
        let mut limits = batch.limits.as_deref().cloned().unwrap_or_default();
        limits.cpu_millis = Some(Bound::At(800));
        batch.limits = Some(Arc::new(limits));
        if let Some(usage) = &mut batch.usage {
            usage.throttled_share = Some(0.74);
            usage.throttled_time = Some(0.52);
            usage.stalls.cpu_some = Some(0.61);
        }
    }
    // One that nobody counts.
    if let Some(fsck) = rows.iter_mut().find(|row| row.group.path.contains("fsck")) {
        fsck.usage = None;
        fsck.limits = None;
    }
    rows
}

fn row(path: &str, cores: f64, mib: u64, pids: u64, limit_mib: Option<u64>) -> GroupRow {
    let (name, kind) = classify(path);
    let depth = match path {
        "" => 0,
        path => 1 + path.matches('/').count() as u16,
    };
    let no_limit = kind == GroupKind::Host;
    GroupRow {
        group: Arc::new(Group {
            path: path.into(),
            depth,
            name: name.into(),
            kind,
            hierarchies: "all".into(),
        }),
        usage: Some(Usage {
            cpu_cores: Some(cores),
            throttled_share: Some(0.0),
            memory_bytes: Some(mib * MIB),
            anon_bytes: Some(mib * MIB * 3 / 5),
            file_bytes: Some(mib * MIB / 4),
            kernel_bytes: Some(mib * MIB * 3 / 20),
            swap_bytes: Some(0),
            pids: Some(pids),
            read_bps: Some(cores * 400_000.0),
            write_bps: Some(cores * 90_000.0),
            read_bytes: Some(mib * MIB / 2),
            write_bytes: Some(mib * MIB / 7),
            stalls: Stalls {
                cpu_some: Some(cores / 20.0),
                memory_some: Some(0.0),
                memory_full: Some(0.0),
                io_some: Some(cores / 50.0),
                io_full: Some(0.0),
            },
            ..Usage::default()
        }),
        limits: (!no_limit).then(|| {
            Arc::new(GroupLimits {
                cpu_millis: Some(Bound::Unlimited),
                memory_max: Some(limit_mib.map_or(Bound::Unlimited, |mib| Bound::At(mib * MIB))),
                pids_max: Some(Bound::At(4_915)),
                ..GroupLimits::default()
            })
        }),
    }
}

/// What the kernel would say of a container with these limits.
pub fn details(limits: &Limits, usage: Option<Usage>) -> GroupDetails {
    let usage = usage.unwrap_or_default();
    let mut limits = GroupLimits::from(limits);
    limits.cpu_weight = Some(100);
    limits.cpuset_cpus = Some("0-7".into());
    limits.cpuset_mems = Some("0".into());
    limits.memory_soft = None;
    for limit in &mut limits.io {
        limit.device.major = 254;
    }
    limits.memory_high = Some(Bound::Unlimited);
    limits.swap_max = limits.memory_max;
    limits.hugetlb = vec![HugeLimit {
        size: "2MB".into(),
        max: Some(Bound::Unlimited),
        used_bytes: Some(0),
    }];
    let device = BlockDevice {
        major: 254,
        minor: 0,
        name: "vda".into(),
    };
    GroupDetails {
        at_ns: 1_000_000_000,
        events: GroupEvents {
            max: Some(usage.oom_kills.unwrap_or(0) * 40),
            high: Some(0),
            oom_kill: usage.oom_kills,
            pids_max: Some(usage.oom_kills.unwrap_or(0)),
            ..GroupEvents::default()
        },
        memory_peak_bytes: usage.memory_bytes.map(|bytes| bytes + bytes / 3),
        devices: vec![DeviceCounters {
            device,
            read_bytes: usage.read_bytes.unwrap_or(0),
            write_bytes: usage.write_bytes.unwrap_or(0),
            read_ops: Some(9_120),
            write_ops: Some(1_033),
        }],
        limits,
    }
}

/// The same of a group.
pub fn details_of(world: &World, path: &str) -> Result<GroupDetails> {
    let row = world.groups.iter().find(|row| *row.group.path == *path);
    let row =
        row.ok_or_else(|| EngineError::new(ErrorKind::NotFound, "read the limits of", path))?;
    let mut details = details(&Limits::default(), row.usage);
    if let Some(limits) = &row.limits {
        details.limits.cpu_millis = limits.cpu_millis;
        details.limits.memory_max = limits.memory_max;
        details.limits.swap_max = limits.memory_max;
        details.limits.pids_max = limits.pids_max;
    }
    if path.ends_with("batch") {
        details.limits.io = vec![DeviceLimits {
            device: BlockDevice {
                major: 254,
                minor: 0,
                name: "vda".into(),
            },
            read_bps: Some(8 * MIB),
            write_iops: Some(200),
            ..DeviceLimits::default()
        }];
    }
    Ok(details)
}

/// Changes the world as the kernel would.
pub fn change(world: &mut World, change: GroupChange) -> Result<GroupChange> {
    let place = world
        .groups
        .iter()
        .position(|row| *row.group.path == *change.path());
    let missing = |change: &GroupChange| {
        EngineError::new(ErrorKind::NotFound, "change", change.path())
            .because("there is no such group")
    };
    match change {
        GroupChange::Create { path, .. } if place.is_none() => {
            world.groups.push(row(&path, 0.0, 0, 0, None));
            world.groups.sort_by(|a, b| a.group.path.cmp(&b.group.path));
            Ok(GroupChange::Remove { path })
        }
        GroupChange::Create { path, .. } => {
            Err(
                EngineError::new(ErrorKind::Conflict, "make the group", path)
                    .because("there is such a group already"),
            )
        }
        GroupChange::Remove { path } => {
            let place =
                place.ok_or_else(|| missing(&GroupChange::Remove { path: path.clone() }))?;
            world.groups.remove(place);
            Ok(GroupChange::Create {
                path,
                files: Vec::new(),
            })
        }
        GroupChange::Move { path, process } => Ok(GroupChange::Return {
            path,
            process,
            membership: Membership(vec!["0::/".into()]),
        }),
        GroupChange::Return { path, process, .. } => Ok(GroupChange::Move { path, process }),
        GroupChange::Limit { path, .. } | GroupChange::Restore { path, .. } => {
            Ok(GroupChange::Restore {
                path,
                files: Vec::new(),
            })
        }
    }
}
