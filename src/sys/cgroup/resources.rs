//! Limits: an OCI `LinuxResources` becomes a list of single writes, checked as a whole
//! before the first of them happens.
//!
//! [`Cgroup::apply`] works in three steps: plan (what is asked and can't be done here is
//! refused by its name, before anything changed), write in the order of the plan, and, if
//! the kernel refuses a value of a group that already existed, put back what was changed.

use std::{os::fd::AsFd, sync::atomic::Ordering::Relaxed};

use oci_spec::runtime::LinuxResources;

use super::{
    Cgroup, Error, Result, file,
    group::{Member, enable},
    hierarchy::Version,
    v1, v2,
};
use crate::model::FileValue;

/// One write that sets a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Write {
    /// The field of the specification that asked for it.
    pub field: &'static str,
    /// Index of the hierarchy.
    pub hierarchy: usize,
    pub file: String,
    pub value: String,
    /// How the old value is found again.
    pub old: Old,
}

/// What the file's text says about the value before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Old {
    /// The whole text.
    Text,
    /// What stands behind this word in a line.
    Setting(&'static str),
    /// The line of the same device, or this text after the device if there is none.
    DeviceLine(&'static str),
}

/// Reads the present state of a group while a plan is made.
pub(super) struct Planner<'a> {
    pub group: &'a Cgroup,
    pub writes: Vec<Write>,
}

/// What limits are that nobody set, where that is not "none".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The processors of the group above.
    pub cpuset_cpus: Option<String>,
    /// Its memory nodes.
    pub cpuset_mems: Option<String>,
    /// IO weight, in the specification's scale.
    pub blkio_weight: u16,
    /// Memory kept under pressure: v1 has a soft limit, "none" for all; v2 protects, and
    /// begins with (the least that the specification can say) nothing.
    pub memory_reservation: i64,
}

impl Cgroup {
    /// What limits of this group are before anybody sets them.
    pub fn defaults(&self) -> Defaults {
        let above = |name: &str| {
            let (member, version) = self.controller("cpuset", "cpuset")?;
            let name = match version {
                Version::V1 => format!("../{name}"),
                Version::V2 => format!("../{name}.effective"),
            };
            let list = file::read(member.dir.as_fd(), &name).ok()?;
            Some(list.trim().to_owned()).filter(|list| !list.is_empty())
        };
        let has = |name: &str| {
            self.controller("blkio", "io")
                .is_some_and(|(member, _)| file::exists(member.dir.as_fd(), name))
        };
        let is_v2 = |v1, v2| {
            self.controller(v1, v2)
                .is_some_and(|(_, version)| version == Version::V2)
        };
        let is_bfq = has("io.bfq.weight") || has("blkio.bfq.weight");
        Defaults {
            cpuset_cpus: above("cpuset.cpus"),
            cpuset_mems: above("cpuset.mems"),
            blkio_weight: match is_bfq {
                true => 100,
                // On the line from 10..1000 to 1..10000 this is next to `io.weight`'s 100.
                false if is_v2("blkio", "io") => 20,
                // CFQ's.
                false => 500,
            },
            memory_reservation: if is_v2("memory", "memory") { 1 } else { -1 },
        }
    }

    /// Set limits and device rules, on a new group or a live one.
    ///
    /// A field that this host can't serve is refused by name, with nothing changed. If
    /// the kernel refuses a value half-way, what was changed is put back. The one
    /// exception is a limit of swap on a kernel that doesn't count swap: it is left out,
    /// as docker does, and [`super::Cgroups::missing`] says so.
    pub fn apply(&self, resources: &LinuxResources) -> Result<()> {
        self.apply_and_tell(resources).map(drop)
    }

    /// The same; tells what [`Cgroup::restore`] takes it back with. A new group has no
    /// values to go back to.
    pub fn apply_and_tell(&self, resources: &LinuxResources) -> Result<Vec<FileValue>> {
        let mut planner = Planner {
            group: self,
            writes: Vec::new(),
        };
        planner.refuse_unsupported(resources)?;
        planner.plan(resources)?;
        let is_new = self.is_new.swap(false, Relaxed);
        let writes = planner.writes;
        let undo = self.write_all(&writes, is_new)?;
        if let Some(rules) = resources.devices() {
            self.set_devices(rules, is_new)
                .map_err(|failure| self.put_back(&undo, failure))?;
        }
        let old = |(_, write, value): &(_, &Write, String)| FileValue {
            file: write.file.clone(),
            value: value.clone(),
        };
        Ok(undo.iter().rev().map(old).collect())
    }

    /// Write values into files, in their order; tells what takes it back again. A file
    /// whose controller lives nowhere is refused before anything is written.
    pub fn restore(&self, files: &[FileValue]) -> Result<Vec<FileValue>> {
        let mut writes = Vec::with_capacity(files.len());
        for file in files {
            let controller = file.file.split('.').next().unwrap_or_default();
            let (member, _) = self
                .controller(controller, controller)
                .filter(|_| !file.file.contains('/'))
                .ok_or_else(|| no_controller("a file of the group", controller))?;
            let is_line = file.file.ends_with("_device") || file.file == "io.max";
            writes.push(Write {
                field: "a file of the group",
                hierarchy: member.hierarchy,
                file: file.file.clone(),
                value: file.value.clone(),
                old: match is_line {
                    true if file.file == "io.max" => Old::DeviceLine(v2::IO_MAX_NONE),
                    true => Old::DeviceLine("0"),
                    false if file.file == v1::OOM_CONTROL => Old::Setting(v1::OOM_SETTING),
                    false => Old::Text,
                },
            });
        }
        let undo = self.write_all(&writes, false)?;
        let old = |(_, write, value): &(_, &Write, String)| FileValue {
            file: write.file.clone(),
            value: value.clone(),
        };
        Ok(undo.iter().rev().map(old).collect())
    }

    /// Write all, or, if the kernel refuses one, none. The old values, in order.
    fn write_all<'a>(
        &'a self,
        writes: &'a [Write],
        is_new: bool,
    ) -> Result<Vec<(&'a Member, &'a Write, String)>> {
        let mut undo = Vec::new();
        for write in writes {
            let member = self
                .member(write.hierarchy)
                .expect("a plan names only hierarchies with a member");
            if !is_new && let Some(old) = self.old_value(member, write) {
                undo.push((member, write, old));
            }
            if let Err(failure) = self.set(member, write) {
                return Err(self.put_back(&undo, failure));
            }
        }
        Ok(undo)
    }

    /// Write, and where the file is missing because its controller was not given to this
    /// part of a v2 tree, give it and write again.
    fn set(&self, member: &Member, write: &Write) -> Result<()> {
        let failure = match self.put(member, &write.file, &write.value) {
            Err(failure @ Error::Write { .. }) => failure,
            other => return other,
        };
        if file::exists(member.dir.as_fd(), &write.file) {
            return Err(failure);
        }
        self.give_controller(member, write)?;
        if !file::exists(member.dir.as_fd(), &write.file) {
            return Err(unsupported(
                write.field,
                format!("the kernel has no {}", write.file),
            ));
        }
        self.put(member, &write.file, &write.value)
    }

    fn give_controller(&self, member: &Member, write: &Write) -> Result<()> {
        let hierarchy = self.hierarchy(member);
        let controller = write.file.split('.').next().unwrap_or_default();
        if hierarchy.version == Version::V1
            || !hierarchy.controllers.iter().any(|c| c == controller)
        {
            return Ok(());
        }
        let mut above = hierarchy.mount.clone();
        for part in self.path.split('/') {
            enable(&above, controller)?;
            above.push(part);
        }
        Ok(())
    }

    fn old_value(&self, member: &Member, write: &Write) -> Option<String> {
        let text = file::read(member.dir.as_fd(), &write.file).ok()?;
        match write.old {
            Old::Text => Some(text.trim().to_owned()),
            Old::Setting(name) => {
                let value = super::counters::value(text.as_bytes(), name.as_bytes())?;
                Some(value.to_string())
            }
            Old::DeviceLine(absent) => {
                let device = write.value.split(' ').next()?;
                let line = text
                    .lines()
                    .find(|line| line.split(' ').next() == Some(device));
                Some(line.map_or_else(|| format!("{device} {absent}"), str::to_owned))
            }
        }
    }

    /// Undo in reverse; the failure that led here comes first, what could not be undone
    /// is named with it.
    fn put_back(&self, undo: &[(&Member, &Write, String)], failure: Error) -> Error {
        let mut left = Vec::new();
        for (member, write, old) in undo.iter().rev() {
            if self.put(member, &write.file, old).is_err() {
                left.push(write.file.clone());
            }
        }
        if left.is_empty() {
            failure
        } else {
            Error::HalfDone {
                left,
                source: Box::new(failure),
            }
        }
    }
}

impl Planner<'_> {
    /// Fields that no hierarchy of ours can serve.
    fn refuse_unsupported(&self, resources: &LinuxResources) -> Result<()> {
        if let Some(network) = resources.network()
            && (network.class_id().is_some()
                || network.priorities().as_ref().is_some_and(|p| !p.is_empty()))
        {
            return Err(unsupported(
                "linux.resources.network",
                "wharf makes no net_cls and net_prio groups",
            ));
        }
        if resources
            .rdma()
            .as_ref()
            .is_some_and(|rdma| !rdma.is_empty())
        {
            return Err(unsupported(
                "linux.resources.rdma",
                "wharf makes no rdma groups",
            ));
        }
        Ok(())
    }

    fn plan(&mut self, resources: &LinuxResources) -> Result<()> {
        if let Some(cpu) = resources.cpu() {
            match self.version("cpu", "cpu") {
                Some(Version::V1) => v1::cpu(self, cpu)?,
                Some(Version::V2) => v2::cpu(self, cpu)?,
                None if v2::asks_for_cpu_time(cpu) => {
                    return Err(no_controller("linux.resources.cpu", "cpu"));
                }
                None => {}
            }
            self.cpuset(cpu)?;
        }
        if let Some(memory) = resources.memory() {
            match self.version("memory", "memory") {
                Some(Version::V1) => v1::memory(self, memory)?,
                Some(Version::V2) => v2::memory(self, memory)?,
                None => return Err(no_controller("linux.resources.memory", "memory")),
            }
        }
        if let Some(pids) = resources.pids()
            && pids.limit() != 0
        {
            // 0 is "not set" to every runtime; below 0 is no limit.
            let value = match pids.limit() {
                limit if limit < 0 => "max".to_owned(),
                limit => limit.to_string(),
            };
            self.write("linux.resources.pids", "pids", "pids", "pids.max", value)?;
        }
        if let Some(io) = resources.block_io() {
            match self.version("blkio", "io") {
                Some(Version::V1) => v1::block_io(self, io)?,
                Some(Version::V2) => v2::block_io(self, io)?,
                None => return Err(no_controller("linux.resources.blockIO", "blkio or io")),
            }
        }
        for huge in resources.hugepage_limits().iter().flatten() {
            let suffix = match self.version("hugetlb", "hugetlb") {
                Some(Version::V1) => "limit_in_bytes",
                _ => "max",
            };
            let size = huge.page_size();
            if size.is_empty() || !size.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(invalid(
                    "linux.resources.hugepageLimits.pageSize",
                    format!("{size:?} is no page size such as 2MB"),
                ));
            }
            let name = format!("hugetlb.{size}.{suffix}");
            let value = huge.limit().to_string();
            self.write(
                "linux.resources.hugepageLimits",
                "hugetlb",
                "hugetlb",
                &name,
                value,
            )?;
        }
        if let Some(unified) = resources.unified() {
            let mut entries: Vec<_> = unified.iter().collect();
            entries.sort();
            for (name, value) in entries {
                self.unified(name, value)?;
            }
        }
        Ok(())
    }

    /// Which processors and memory nodes; the same files in both versions.
    fn cpuset(&mut self, cpu: &oci_spec::runtime::LinuxCpu) -> Result<()> {
        let asked = [
            ("linux.resources.cpu.cpus", "cpuset.cpus", cpu.cpus()),
            ("linux.resources.cpu.mems", "cpuset.mems", cpu.mems()),
        ];
        for (field, name, list) in asked {
            if let Some(list) = list.as_deref().filter(|list| !list.is_empty()) {
                self.write(field, "cpuset", "cpuset", name, list.to_owned())?;
            }
        }
        Ok(())
    }

    /// A file of the v2 interface, named by the caller.
    fn unified(&mut self, name: &str, value: &str) -> Result<()> {
        const FIELD: &str = "linux.resources.unified";
        let is_file = name.contains('.') && !name.contains(['/', '\0']);
        let is_core = name.starts_with("cgroup.")
            && !matches!(name, "cgroup.max.depth" | "cgroup.max.descendants");
        if !is_file || is_core {
            return Err(invalid(FIELD, format!("{name:?} is no file of a limit")));
        }
        let index = self.group.cgroups.unified();
        let controller = name.split('.').next().unwrap_or_default();
        let home = index.filter(|&i| {
            let has = &self.group.cgroups.hierarchies[i].controllers;
            controller == "cgroup" || has.iter().any(|c| c == controller)
        });
        let Some(hierarchy) = home else {
            return Err(unsupported(
                FIELD,
                format!("{name} needs the controller {controller} of cgroup v2"),
            ));
        };
        for line in value.lines() {
            self.writes.push(Write {
                field: FIELD,
                hierarchy,
                file: name.to_owned(),
                value: line.to_owned(),
                old: match name {
                    "io.max" => Old::DeviceLine(v2::IO_MAX_NONE),
                    _ => Old::Text,
                },
            });
        }
        Ok(())
    }

    fn version(&self, v1: &str, v2: &str) -> Option<Version> {
        self.group.controller(v1, v2).map(|(_, version)| version)
    }

    /// Plan a write of a whole value.
    pub fn write(
        &mut self,
        field: &'static str,
        v1: &str,
        v2: &str,
        name: &str,
        value: String,
    ) -> Result<()> {
        self.write_with(field, v1, v2, name, value, Old::Text)
    }

    /// Plan a write; an unknown file is refused now, not half-way.
    pub fn write_with(
        &mut self,
        field: &'static str,
        v1: &str,
        v2: &str,
        name: &str,
        value: String,
        old: Old,
    ) -> Result<()> {
        let Some((member, version)) = self.group.controller(v1, v2) else {
            return Err(no_controller(field, if v1 == v2 { v1 } else { v2 }));
        };
        // A v2 file may be missing only because its controller is still to be given.
        if version == Version::V1 && !file::exists(member.dir.as_fd(), name) {
            return Err(unsupported(field, format!("the kernel has no {name}")));
        }
        self.writes.push(Write {
            field,
            hierarchy: member.hierarchy,
            file: name.to_owned(),
            value,
            old,
        });
        Ok(())
    }

    /// Whether a file of a controller exists in this group.
    pub fn has(&self, v1: &str, v2: &str, name: &str) -> bool {
        self.group
            .controller(v1, v2)
            .is_some_and(|(member, _)| file::exists(member.dir.as_fd(), name))
    }

    /// The number behind a word in a file of the group. A new group is not asked.
    pub fn setting(&self, v1: &str, v2: &str, name: &str, word: &str) -> Option<u64> {
        if self.group.is_new.load(Relaxed) {
            return None;
        }
        let (member, _) = self.group.controller(v1, v2)?;
        let text = file::read(member.dir.as_fd(), name).ok()?;
        super::counters::value(text.as_bytes(), word.as_bytes())
    }

    /// A number in a file of the group, `None` where it says `max` or isn't there. A new
    /// group is not asked: all its limits are still "none".
    pub fn present(&self, v1: &str, v2: &str, name: &str) -> Option<u64> {
        if self.group.is_new.load(Relaxed) {
            return None;
        }
        let (member, _) = self.group.controller(v1, v2)?;
        file::number(member.dir.as_fd(), name).ok().flatten()
    }
}

fn no_controller(field: &'static str, name: &str) -> Error {
    unsupported(field, format!("the controller {name} is not there"))
}

pub(super) fn unsupported(field: &str, why: impl Into<String>) -> Error {
    Error::Unsupported {
        field: field.to_owned(),
        why: why.into(),
    }
}

pub(super) fn invalid(field: &str, why: impl Into<String>) -> Error {
    Error::Invalid {
        field: field.to_owned(),
        why: why.into(),
    }
}
