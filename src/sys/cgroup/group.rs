//! One group: the same relative path in every hierarchy, made, joined and listed.

use std::{
    collections::BTreeSet,
    fs, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use rustix::{
    fs::{CWD, Mode, mkdir},
    io::Errno,
};

use super::{
    Cgroups, Error, OomWatch, Result, Sampler, file,
    hierarchy::{Hierarchy, Version},
};

/// A group, held open in each hierarchy, so that all work on it is relative to what was
/// opened and never hits a later group of the same name.
#[derive(Debug)]
pub struct Cgroup {
    pub(super) cgroups: Cgroups,
    pub(super) path: String,
    pub(super) members: Vec<Member>,
    /// Made by this value and not yet limited: all its settings are the kernel's defaults.
    pub(super) is_new: AtomicBool,
}

/// The group in one hierarchy.
#[derive(Debug)]
pub(super) struct Member {
    /// Index of its hierarchy.
    pub hierarchy: usize,
    pub dir: OwnedFd,
}

impl Cgroup {
    pub(super) fn create(cgroups: &Cgroups, path: &str) -> Result<Self> {
        check_path(path)?;
        let mut group = Self {
            cgroups: cgroups.clone(),
            path: path.to_owned(),
            members: Vec::with_capacity(cgroups.hierarchies.len()),
            is_new: AtomicBool::new(true),
        };
        for (index, hierarchy) in cgroups.hierarchies.iter().enumerate() {
            match make(hierarchy, path) {
                Ok((dir, is_new)) => {
                    group.is_new.fetch_and(is_new, Relaxed);
                    group.members.push(Member {
                        hierarchy: index,
                        dir,
                    });
                }
                Err(failure) => {
                    if group.is_new.load(Relaxed) {
                        // The failure is what matters; what stays behind is empty and
                        // is taken over by the next create.
                        let _ = group.remove();
                    }
                    return Err(failure);
                }
            }
        }
        Ok(group)
    }

    pub(super) fn open(cgroups: &Cgroups, path: &str) -> Result<Option<Self>> {
        check_path(path)?;
        let mut members = Vec::new();
        for (hierarchy, h) in cgroups.hierarchies.iter().enumerate() {
            let dir = h.mount.join(path);
            match file::directory(CWD, &dir) {
                Ok(dir) => members.push(Member { hierarchy, dir }),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(failed("open", dir, source)),
            }
        }
        Ok((!members.is_empty()).then(|| Self {
            cgroups: cgroups.clone(),
            path: path.to_owned(),
            members,
            is_new: AtomicBool::new(false),
        }))
    }

    /// Its path below each mount, as it was asked for.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The hierarchies it lies in: version, where that is mounted, controllers.
    pub fn hierarchies(&self) -> impl Iterator<Item = (Version, &Path, &[String])> {
        self.members.iter().map(|member| {
            let hierarchy = self.hierarchy(member);
            let mount = hierarchy.mount.as_path();
            (hierarchy.version, mount, hierarchy.controllers.as_slice())
        })
    }

    /// The v2 directory for `CLONE_INTO_CGROUP`, also on a hybrid host: the child is then
    /// born in it, which spares the costly migration. [`Cgroup::add`] does the rest.
    pub fn clone_into(&self) -> Option<BorrowedFd<'_>> {
        let unified = self.cgroups.unified()?;
        self.member(unified).map(|m| m.dir.as_fd())
    }

    /// The same for a process that must come in even while the group has all the
    /// processes that it may have: being born there counts, moving there doesn't.
    pub fn clone_into_unlimited(&self) -> Option<BorrowedFd<'_>> {
        let counts = self.cgroups.home("pids", "pids") == self.cgroups.unified();
        self.clone_into().filter(|_| !counts)
    }

    /// Put a process (with all its threads) into the group in every hierarchy where it
    /// isn't yet: not again where its clone put it or its parent's membership came down.
    pub fn add(&self, pid: i32) -> Result<()> {
        let now = fs::read_to_string(format!("/proc/{pid}/cgroup"))
            .map_err(|source| failed("read", format!("/proc/{pid}/cgroup").into(), source))?;
        for member in &self.members {
            let hierarchy = self.hierarchy(member);
            if !is_in(&now, hierarchy, &self.path) {
                self.put(member, "cgroup.procs", &pid.to_string())?;
            }
        }
        Ok(())
    }

    /// Put a process out of this group, into those that lines of its `/proc/PID/cgroup`
    /// named before. Hierarchies in which it left this group meanwhile are let alone.
    pub fn give_back(&self, pid: i32, lines: &[String]) -> Result<()> {
        let path = PathBuf::from(format!("/proc/{pid}/cgroup"));
        let now = fs::read_to_string(&path).map_err(|source| failed("read", path, source))?;
        for member in &self.members {
            let hierarchy = self.hierarchy(member);
            if !is_in(&now, hierarchy, &self.path) {
                continue;
            }
            let was = lines.iter().find_map(|line| {
                let mut fields = line.splitn(3, ':').skip(1);
                let is_here = hierarchy.is_named(fields.next()?);
                fields.next().filter(|_| is_here)
            });
            // A group outside of our cgroup namespace has no path here.
            let below = was.and_then(|was| was.strip_prefix(hierarchy.root.trim_end_matches('/')));
            let Some(below) = below else {
                continue;
            };
            let procs = hierarchy
                .mount
                .join(below.trim_start_matches('/'))
                .join("cgroup.procs");
            write_at(&procs, &pid.to_string())?;
        }
        Ok(())
    }

    /// The lines of a file of the group, by whose name its controller is known. None where
    /// it can't be read.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let controller = name.split('.').next().unwrap_or_default();
        let found = self.controller(controller, controller);
        let text = found.and_then(|(member, _)| self.text(member, name).ok());
        let text = text.unwrap_or_default();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    /// Processes right in it, not in groups below.
    pub fn own_pids(&self) -> Result<Vec<i32>> {
        let mut pids = BTreeSet::new();
        for member in &self.members {
            let text = match self.text(member, "cgroup.procs") {
                Ok(text) => text,
                Err(Error::Gone) => continue,
                // A threaded v2 group lists its processes at the root of its domain.
                Err(Error::Io { source, .. })
                    if source.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) =>
                {
                    continue;
                }
                Err(e) => return Err(e),
            };
            let listed = text.lines().filter_map(|line| line.parse::<i32>().ok());
            pids.extend(listed.filter(|&pid| pid > 0));
        }
        Ok(pids.into_iter().collect())
    }

    /// All processes in it and in groups below it.
    pub fn pids(&self) -> Result<Vec<i32>> {
        let mut pids = BTreeSet::new();
        let member = self.tracker();
        collect_pids(&self.dir_path(member), &mut pids)?;
        Ok(pids.into_iter().collect())
    }

    /// Whether no process is in it or below it.
    pub fn is_empty(&self) -> Result<bool> {
        let member = self.tracker();
        if self.hierarchy(member).version == Version::V2 {
            let populated = file::keyed(member.dir.as_fd(), "cgroup.events", "populated");
            return Ok(
                populated.map_err(|e| self.io("read", member, "cgroup.events", e))? == Some(0),
            );
        }
        Ok(self.pids()?.is_empty())
    }

    /// See when the kernel kills in it for lack of memory.
    pub fn oom_watch(&self) -> Result<OomWatch> {
        OomWatch::new(self)
    }

    /// Its counters, through descriptors that stay open.
    pub fn sampler(&self) -> Result<Sampler> {
        Sampler::new(self)
    }

    /// The member by which processes are found: the v2 tree if there is one, since it
    /// takes all of them, else the first.
    pub(super) fn tracker(&self) -> &Member {
        let of = |index: Option<usize>| index.and_then(|i| self.member(i));
        of(self.cgroups.unified())
            .or_else(|| of(self.cgroups.home("freezer", "freezer")))
            .or_else(|| of(self.cgroups.home("pids", "pids")))
            .or_else(|| self.members.first())
            .expect("create and open give no group without members")
    }

    pub(super) fn member(&self, hierarchy: usize) -> Option<&Member> {
        self.members.iter().find(|m| m.hierarchy == hierarchy)
    }

    /// The member that a controller lives in, by its v1 and v2 names.
    pub(super) fn controller(&self, v1: &str, v2: &str) -> Option<(&Member, Version)> {
        let index = self.cgroups.home(v1, v2)?;
        let member = self.member(index)?;
        Some((member, self.hierarchy(member).version))
    }

    pub(super) fn hierarchy(&self, member: &Member) -> &Hierarchy {
        &self.cgroups.hierarchies[member.hierarchy]
    }

    pub(super) fn dir_path(&self, member: &Member) -> PathBuf {
        self.hierarchy(member).mount.join(&self.path)
    }

    /// Write a file of a member.
    pub(super) fn put(&self, member: &Member, name: &str, value: &str) -> Result<()> {
        file::write(member.dir.as_fd(), name, value).map_err(|source| Error::Write {
            value: value.to_owned(),
            path: self.dir_path(member).join(name),
            source,
        })
    }

    /// Read a file of a member.
    pub(super) fn text(&self, member: &Member, name: &str) -> Result<String> {
        file::read(member.dir.as_fd(), name).map_err(|e| self.io("read", member, name, e))
    }

    pub(super) fn io(
        &self,
        action: &'static str,
        member: &Member,
        name: &str,
        e: io::Error,
    ) -> Error {
        if e.raw_os_error() == Some(Errno::NODEV.raw_os_error()) {
            return Error::Gone;
        }
        failed(action, self.dir_path(member).join(name), e)
    }
}

/// A relative path without tricks.
fn check_path(path: &str) -> Result<()> {
    let odd = |part: &str| matches!(part, "" | "." | "..");
    if path.split('/').any(odd) || path.contains(['\0', '\n']) {
        return Err(Error::Path { path: path.into() });
    }
    Ok(())
}

/// Make the group's directories in one hierarchy. Says whether the last one is new.
///
/// Another process may remove the empty parent between two calls of ours: then all is
/// done again from the top.
fn make(hierarchy: &Hierarchy, path: &str) -> Result<(OwnedFd, bool)> {
    let leaf = hierarchy.mount.join(path);
    if hierarchy.version == Version::V2 {
        // The parent may be there without its controllers: its maker died in between.
        make_parents(hierarchy, path)?;
    }
    loop {
        let is_new = match mkdir(&leaf, Mode::from_raw_mode(0o755)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(Errno::NOENT) => {
                make_parents(hierarchy, path)?;
                continue;
            }
            Err(e) => return Err(failed("make", leaf, e.into())),
        };
        match file::directory(CWD, &leaf) {
            Ok(dir) => {
                // Not only a new one: its maker may have been killed before it came to this.
                prepare(hierarchy, dir.as_fd(), &leaf)?;
                return Ok((dir, is_new));
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(failed("open", leaf, source)),
        }
    }
}

/// The groups between the mount and the leaf. Each new one is prepared for children.
fn make_parents(hierarchy: &Hierarchy, path: &str) -> Result<()> {
    if !hierarchy.mount.is_dir() {
        return Err(failed("open", hierarchy.mount.clone(), Errno::NOENT.into()));
    }
    let mut above = hierarchy.mount.clone();
    let mut parts = path.split('/').peekable();
    while let (Some(part), Some(_)) = (parts.next(), parts.peek()) {
        enable_all(hierarchy, &above);
        let here = above.join(part);
        match mkdir(&here, Mode::from_raw_mode(0o755)) {
            Ok(()) => {
                let dir = match file::directory(CWD, &here) {
                    Ok(dir) => dir,
                    // Removed at once by another: the caller begins again.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
                    Err(source) => return Err(failed("open", here, source)),
                };
                match prepare(hierarchy, dir.as_fd(), &here) {
                    Err(Error::Io { source, .. } | Error::Write { source, .. })
                        if is_vanished(&source) =>
                    {
                        return Ok(());
                    }
                    done => done?,
                }
            }
            Err(Errno::EXIST) => {}
            Err(Errno::NOENT) => return Ok(()),
            Err(e) => return Err(failed("make", here, e.into())),
        }
        above = here;
    }
    enable_all(hierarchy, &above);
    Ok(())
}

/// What a group needs before a process can enter it or a limit can be set.
fn prepare(hierarchy: &Hierarchy, dir: BorrowedFd<'_>, group: &Path) -> Result<()> {
    if hierarchy.version == Version::V2 {
        return Ok(());
    }
    let has = |name: &str| hierarchy.controllers.iter().any(|c| c == name);
    if has("cpuset") {
        for name in ["cpuset.cpus", "cpuset.mems"] {
            fill_from_parent(&hierarchy.mount, group, name)?;
        }
    }
    if has("memory") && file::number(dir, "memory.use_hierarchy").ok().flatten() == Some(0) {
        // Before 5.11 a group counted only its own processes unless told otherwise.
        write_at(&group.join("memory.use_hierarchy"), "1")?;
    }
    Ok(())
}

/// A new v1 cpuset is empty and refuses processes (`ENOSPC`): it starts as its parent is.
///
/// The parent may be empty too, as long as its maker has not come to this, or for good
/// where that was killed. Whoever needs it fills it; two that do so write the same.
/// Returns what the group has.
fn fill_from_parent(mount: &Path, group: &Path, name: &str) -> Result<String> {
    let path = group.join(name);
    let own = fs::read_to_string(&path).map_err(|source| failed("read", path.clone(), source))?;
    let Some(parent) = group.parent().filter(|_| group != mount) else {
        return Ok(own);
    };
    if !own.trim().is_empty() {
        return Ok(own);
    }
    let list = fill_from_parent(mount, parent, name)?;
    write_at(&path, list.trim())?;
    Ok(list)
}

fn write_at(path: &Path, value: &str) -> Result<()> {
    fs::write(path, value).map_err(|source| Error::Write {
        value: value.to_owned(),
        path: path.to_owned(),
        source,
    })
}

/// The v2 controllers that every group of ours uses. Others (`hugetlb`) are given when a
/// limit asks for them.
const USED_V2: [&str; 5] = ["cpu", "cpuset", "io", "memory", "pids"];

/// Give the children of a v2 group its controllers, with one write each: a combined
/// write fails whole if one can't be given. A refusal is met again, and reported, by
/// whoever needs that controller's files ([`enable`]).
fn enable_all(hierarchy: &Hierarchy, group: &Path) {
    if hierarchy.version == Version::V1 {
        return;
    }
    let on = fs::read_to_string(group.join("cgroup.subtree_control")).unwrap_or_default();
    for name in USED_V2 {
        let offered = hierarchy.controllers.iter().any(|c| c == name);
        if offered && !on.split_whitespace().any(|c| c == name) {
            // See above: reported where it matters.
            let _ = enable(group, name);
        }
    }
}

/// Give the children of a v2 group one controller.
pub(super) fn enable(group: &Path, controller: &str) -> Result<()> {
    let path = group.join("cgroup.subtree_control");
    let value = format!("+{controller}");
    fs::write(&path, &value).map_err(|source| {
        // Not at the root of the host, which may hold both; inside of a container it may.
        if source.raw_os_error() == Some(Errno::BUSY.raw_os_error()) {
            return Error::Occupied {
                path: group.to_owned(),
                controller: controller.to_owned(),
            };
        }
        Error::Write {
            value,
            path,
            source,
        }
    })
}

/// Whether `/proc/PID/cgroup` says that a process is in the group at `path`.
fn is_in(proc_cgroup: &str, hierarchy: &Hierarchy, path: &str) -> bool {
    let wanted = hierarchy.group_name(path);
    proc_cgroup.lines().any(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        fields.next().is_some_and(|list| hierarchy.is_named(list))
            && fields.next() == Some(wanted.as_str())
    })
}

/// The processes of a group and of those below it.
fn collect_pids(dir: &Path, pids: &mut BTreeSet<i32>) -> Result<()> {
    let list = dir.join("cgroup.procs");
    let text = match fs::read_to_string(&list) {
        Ok(text) => text,
        Err(e) if is_vanished(&e) => return Ok(()),
        // A threaded v2 group lists its processes at the root of its domain.
        Err(e) if e.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => String::new(),
        Err(source) => return Err(failed("read", list, source)),
    };
    // A process of a foreign pid namespace is listed as 0, and 0 must never be signalled.
    let listed = text.lines().filter_map(|line| line.parse::<i32>().ok());
    pids.extend(listed.filter(|&pid| pid > 0));
    for child in children(dir)? {
        collect_pids(&child, pids)?;
    }
    Ok(())
}

/// The groups right below a group.
pub(super) fn children(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if is_vanished(&e) => return Ok(Vec::new()),
        Err(source) => return Err(failed("list", dir.into(), source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_ok_and(|kind| kind.is_dir()) => {
                found.push(entry.path());
            }
            Ok(_) => {}
            Err(e) if is_vanished(&e) => break,
            Err(source) => return Err(failed("list", dir.into(), source)),
        }
    }
    Ok(found)
}

/// The two ways in which a removed group answers.
pub(super) fn is_vanished(e: &io::Error) -> bool {
    e.kind() == io::ErrorKind::NotFound || e.raw_os_error() == Some(Errno::NODEV.raw_os_error())
}

pub(super) fn failed(action: &'static str, path: PathBuf, source: io::Error) -> Error {
    Error::Io {
        action,
        path,
        source,
    }
}
