//! Which hierarchies this host has mounted, and which controller lives in which.
//!
//! Three worlds exist. On v2 everything is one tree. On v1 each controller, or a few
//! mounted together (`cpu,cpuacct`), is a tree of its own. On hybrid hosts both are
//! there: trees of v1 controllers, and a v2 tree (usually `unified`) that may have the
//! remaining controllers or none, and still gives `cgroup.kill`, `cgroup.freeze` and
//! `CLONE_INTO_CGROUP`. All of it is read from `/proc/self/mountinfo`, the only source
//! that is also true inside a cgroup namespace.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Cgroup, Error, Result, Sampler};

/// Which interface a hierarchy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The old one: a tree a controller.
    V1,
    /// The unified one.
    V2,
}

/// A mounted tree of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hierarchy {
    pub version: Version,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// Which of its groups is mounted there, as `/proc/PID/cgroup` spells it.
    pub root: String,
    /// Its controllers by their own names; `name=systemd` for a tree without any.
    pub controllers: Vec<String>,
}

/// The control groups of this host.
#[derive(Clone, Debug)]
pub struct Cgroups {
    pub(super) hierarchies: Arc<[Hierarchy]>,
    /// Where sysfs links block devices by their numbers.
    pub(super) block: Arc<Path>,
}

/// v1 controllers in which a container gets a group. The others (`net_cls`, `net_prio`,
/// `perf_event`, `rdma`, `misc`) neither limit nor count anything that wharf offers, and
/// each more tree makes a start slower.
const USED_V1: [&str; 9] = [
    "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "hugetlb",
];

/// The list that the tree of systemd is known by.
const SYSTEMD: &str = "name=systemd";

impl Cgroups {
    /// Look at the mounts of this process. Once a process is enough.
    pub fn detect() -> Result<Self> {
        let path = Path::new("/proc/self/mountinfo");
        let mounts = fs::read(path).map_err(|source| Error::Mounts {
            path: path.into(),
            source,
        })?;
        // systemd tracks its units by its own tree: without a group there, a
        // container would end with the session that started it.
        let systemd = Path::new("/run/systemd/system").is_dir();
        Self::from_mounts(&String::from_utf8_lossy(&mounts), Path::new("/"), systemd)
    }

    /// The same from a given list; its mount points lie below `root`, so that tests can
    /// bring trees of their own.
    pub(super) fn from_mounts(mountinfo: &str, root: &Path, systemd: bool) -> Result<Self> {
        let mut hierarchies: Vec<Hierarchy> = Vec::new();
        for mut found in mountinfo.lines().filter_map(parse_mount) {
            let used = |name: &String| {
                found.version == Version::V2
                    || USED_V1.contains(&name.as_str())
                    || (systemd && name == SYSTEMD)
            };
            if found.version == Version::V1 && !found.controllers.iter().any(used) {
                continue;
            }
            if let Ok(below) = found.mount.strip_prefix("/") {
                found.mount = root.join(below);
            }
            let same = |other: &&mut Hierarchy| {
                other.version == found.version && other.controllers == found.controllers
            };
            match hierarchies.iter_mut().find(same) {
                // Mounted twice: the one that shows more of the tree, and of equals
                // the first, since a bind mount of it comes later.
                Some(other) if found.root.len() < other.root.len() => *other = found,
                Some(_) => {}
                None => hierarchies.push(found),
            }
        }
        for hierarchy in &mut hierarchies {
            if hierarchy.version == Version::V2 {
                let path = hierarchy.mount.join("cgroup.controllers");
                let list = fs::read_to_string(&path).map_err(|source| Error::Io {
                    action: "read",
                    path,
                    source,
                })?;
                hierarchy.controllers = list.split_whitespace().map(str::to_owned).collect();
            }
        }
        if hierarchies.is_empty() {
            return Err(Error::NotMounted);
        }
        Ok(Self {
            hierarchies: hierarchies.into(),
            block: root.join("sys/dev/block").into(),
        })
    }

    /// Make a group, in every hierarchy; `path` is relative, such as `wharf/ID`. One that
    /// exists is taken over.
    pub fn create(&self, path: &str) -> Result<Cgroup> {
        Cgroup::create(self, path)
    }

    /// A group that exists in at least one hierarchy.
    pub fn open(&self, path: &str) -> Result<Option<Cgroup>> {
        Cgroup::open(self, path)
    }

    /// Put this process into the root of each hierarchy where it is elsewhere: out of a
    /// session's or a service's group, which ends with that. The roots always exist, so
    /// nothing has to be made for it nor to be removed after it. On v1 only a process of
    /// one thread moves whole, and without the wait that [`super::Entrance`] tells of.
    pub fn leave(&self) -> Result<()> {
        let path = PathBuf::from("/proc/self/cgroup");
        let now = match fs::read_to_string(&path) {
            Ok(now) => now,
            Err(source) => {
                return Err(Error::Io {
                    action: "read",
                    path,
                    source,
                });
            }
        };
        for hierarchy in self.hierarchies.iter() {
            let is_there = now.lines().any(|line| {
                let mut parts = line.splitn(3, ':').skip(1);
                parts.next().is_some_and(|list| hierarchy.is_named(list))
                    && parts.next() == Some(&hierarchy.root)
            });
            if !is_there {
                let path = hierarchy.mount.join(match hierarchy.version {
                    Version::V1 => "tasks",
                    Version::V2 => "cgroup.procs",
                });
                fs::write(&path, "0").map_err(|source| Error::Write {
                    value: "0".into(),
                    path,
                    source,
                })?;
            }
        }
        Ok(())
    }

    /// The counters of a group, without opening it otherwise. `None` if it doesn't exist.
    pub fn sampler(&self, path: &str) -> Result<Option<Sampler>> {
        Sampler::open(self, path)
    }

    /// Whether all controllers are in one v2 tree.
    pub fn is_unified(&self) -> bool {
        self.hierarchies.iter().all(|h| h.version == Version::V2)
    }

    /// Where a controller lives, by its v1 and its v2 name: the hierarchy's index.
    pub(super) fn home(&self, v1: &str, v2: &str) -> Option<usize> {
        let has = |version, name: &str| {
            self.hierarchies
                .iter()
                .position(|h| h.version == version && h.controllers.iter().any(|c| c == name))
        };
        has(Version::V1, v1).or_else(|| has(Version::V2, v2))
    }

    /// The v2 tree, with or without controllers.
    pub(super) fn unified(&self) -> Option<usize> {
        self.hierarchies
            .iter()
            .position(|h| h.version == Version::V2)
    }
}

impl Hierarchy {
    /// How `/proc/PID/cgroup` names the group at `path` below the mount.
    pub fn group_name(&self, path: &str) -> String {
        format!("{}/{path}", self.root.trim_end_matches('/'))
    }

    /// Whether a line of `/proc/PID/cgroup` (its controller list) speaks of this tree.
    pub fn is_named(&self, controllers: &str) -> bool {
        match self.version {
            Version::V2 => controllers.is_empty(),
            Version::V1 => controllers.split(',').eq(self.controllers.iter()),
        }
    }
}

/// A line of mountinfo, if it is a cgroup mount:
/// `36 35 98:0 /root /mount/point options - type source super,options`.
fn parse_mount(line: &str) -> Option<Hierarchy> {
    let (mount, fs) = line.split_once(" - ")?;
    let mut fs = fs.split(' ');
    let (kind, super_options) = (fs.next()?, fs.nth(1)?);
    let version = match kind {
        "cgroup" => Version::V1,
        "cgroup2" => Version::V2,
        _ => return None,
    };
    let mut mount = mount.split(' ').skip(3);
    let (root, point) = (mount.next()?, mount.next()?);
    let controllers = match version {
        Version::V2 => Vec::new(),
        Version::V1 => super_options
            .split(',')
            .filter(|option| is_controller(option))
            .map(str::to_owned)
            .collect(),
    };
    Some(Hierarchy {
        version,
        mount: PathBuf::from(unescape(point)),
        root: unescape(root),
        controllers,
    })
}

/// Whether an option of a v1 mount is a controller (or a tree's name), and not one of
/// the few real options.
fn is_controller(option: &str) -> bool {
    !matches!(
        option,
        "rw" | "ro" | "xattr" | "noprefix" | "clone_children" | "cpuset_v2_mode" | "favordynmods"
    ) && !option.starts_with("release_agent=")
}

/// mountinfo writes blanks, backslashes and newlines as `\` and three octal digits.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let octal = tail
            .get(..3)
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match (first, octal) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host of given mounts, as directories below a temporary one.
    fn host(mountinfo: &str, controllers: &str) -> (tempfile::TempDir, Result<Cgroups>) {
        let dir = tempfile::tempdir().unwrap();
        for line in mountinfo.lines() {
            let Some(point) = line.split(' ').nth(4) else {
                continue;
            };
            let at = dir.path().join(unescape(point).trim_start_matches('/'));
            fs::create_dir_all(&at).unwrap();
            if line.contains(" - cgroup2 ") {
                fs::write(at.join("cgroup.controllers"), controllers).unwrap();
            }
        }
        let found = Cgroups::from_mounts(mountinfo, dir.path(), false);
        (dir, found)
    }

    const V2: &str =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const CO_MOUNTED: &str = "\
31 23 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 23 0:28 / /sys/fs/cgroup/systemd rw shared:5 - cgroup cgroup rw,xattr,name=systemd
33 23 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 23 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
35 23 0:31 / /sys/fs/cgroup/perf_event rw - cgroup cgroup rw,perf_event
";

    #[test]
    fn pure_v2_has_one_tree_with_its_controllers() {
        let (dir, cgroups) = host(V2, "cpuset cpu io memory pids\n");
        let cgroups = cgroups.unwrap();
        assert!(cgroups.is_unified());
        assert_eq!(cgroups.home("blkio", "io"), Some(0));
        assert_eq!(cgroups.home("hugetlb", "hugetlb"), None);
        assert_eq!(
            cgroups.hierarchies[0].mount,
            dir.path().join("sys/fs/cgroup")
        );
    }

    #[test]
    fn co_mounted_controllers_share_a_tree_and_unused_trees_are_left_out() {
        let (_dir, cgroups) = host(CO_MOUNTED, "io\n");
        let cgroups = cgroups.unwrap();
        assert!(!cgroups.is_unified());
        assert_eq!(cgroups.home("cpu", "cpu"), cgroups.home("cpuacct", "cpu"));
        // The tree of v2 has what v1 hasn't.
        assert_eq!(cgroups.home("blkio", "io"), cgroups.unified());
        let names: Vec<_> = cgroups
            .hierarchies
            .iter()
            .flat_map(|h| &h.controllers)
            .collect();
        assert_eq!(names, ["io", "cpu", "cpuacct", "memory"]);
    }

    #[test]
    fn tree_of_systemd_is_used_where_systemd_runs() {
        let (dir, _) = host(CO_MOUNTED, "");
        let cgroups = Cgroups::from_mounts(CO_MOUNTED, dir.path(), true).unwrap();
        let is_there = |h: &Hierarchy| h.controllers == [SYSTEMD];
        assert!(cgroups.hierarchies.iter().any(is_there));
    }

    #[test]
    fn of_several_mounts_of_a_tree_the_one_that_shows_most_counts() {
        let mounts = "\
30 23 0:26 /docker/abc /bound rw - cgroup cgroup rw,memory
31 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 23 0:26 / /copy\\040of\\040it rw - cgroup cgroup rw,memory
";
        let (dir, cgroups) = host(mounts, "");
        let cgroups = cgroups.unwrap();
        assert_eq!(cgroups.hierarchies.len(), 1);
        let mount = dir.path().join("sys/fs/cgroup/memory");
        assert_eq!(cgroups.hierarchies[0].mount, mount);
    }

    #[test]
    fn root_of_a_cgroup_namespace_is_part_of_a_groups_name() {
        let line = "30 23 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory";
        let bound = parse_mount(line).unwrap();
        assert_eq!(bound.group_name("wharf/x"), "/docker/abc/wharf/x");
        assert!(bound.is_named("memory") && !bound.is_named("") && !bound.is_named("memory,cpu"));
        let whole = parse_mount(&line.replace("/docker/abc", "/")).unwrap();
        assert_eq!(whole.group_name("wharf/x"), "/wharf/x");
    }

    #[test]
    fn no_hierarchy_and_malformed_lines_are_told() {
        for mounts in [
            "",
            "22 27 0:21 / /proc rw - proc proc rw\n",
            "nonsense\n - cgroup\n",
        ] {
            let (_dir, cgroups) = host(mounts, "");
            assert!(matches!(cgroups, Err(Error::NotMounted)), "{mounts:?}");
        }
    }

    #[test]
    fn v2_without_its_list_of_controllers_is_an_error_that_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let error = Cgroups::from_mounts(V2, dir.path(), false).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("sys/fs/cgroup/cgroup.controllers"),
            "{error}"
        );
    }

    #[test]
    fn what_is_missing_is_said_by_name() {
        let (dir, cgroups) = host(CO_MOUNTED, "");
        let missing = cgroups.unwrap().missing();
        assert_eq!(
            missing,
            [
                "processors can't be assigned: no cpuset controller",
                "IO can't be limited or counted: no blkio controller",
                "processes can't be limited or counted: no pids controller",
                "CPU quotas can't be set: the kernel has no cpu.cfs_quota_us",
                "swap can't be limited: the kernel has no memory.memsw.limit_in_bytes",
            ]
        );
        let memory = dir.path().join("sys/fs/cgroup/memory");
        fs::write(memory.join("memory.memsw.limit_in_bytes"), "1").unwrap();
        let again = Cgroups::from_mounts(CO_MOUNTED, dir.path(), false).unwrap();
        assert_eq!(again.missing().len(), 4);
    }

    #[test]
    fn group_names_that_leave_the_tree_are_refused() {
        let (_dir, cgroups) = host(CO_MOUNTED, "");
        let cgroups = cgroups.unwrap();
        for path in ["", "/wharf", "wharf/../x", "wharf//x", "./x", "wharf/"] {
            assert!(
                matches!(cgroups.create(path), Err(Error::Path { .. })),
                "{path:?}"
            );
        }
    }
}
