//! What this host's kernel can't limit or count, in words for its user.

use std::{fs, path::Path};

use super::{Cgroups, hierarchy::Version};
use crate::model::Limit;

impl Cgroups {
    /// What can't be limited or counted here, one short sentence each.
    ///
    /// Files of a v1 controller show in its root group, those of v2 only below it; there
    /// a controller's presence has to do.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let controllers = [
            ("cpu", "cpu", "CPU shares and quotas can't be set"),
            ("cpuset", "cpuset", "processors can't be assigned"),
            ("memory", "memory", "memory can't be limited or counted"),
            ("blkio", "io", "IO can't be limited or counted"),
            ("pids", "pids", "processes can't be limited or counted"),
        ];
        for (v1, v2, what) in controllers {
            if self.home(v1, v2).is_none() {
                let name = if self.is_unified() { v2 } else { v1 };
                missing.push(format!("{what}: no {name} controller"));
            }
        }
        if self.home("cpuacct", "cpu").is_none() && self.unified().is_none() {
            missing.push("CPU time can't be counted: no cpuacct controller".into());
        }
        let files = [
            ("cpu", "cpu.cfs_quota_us", "CPU quotas can't be set"),
            (
                "memory",
                "memory.memsw.limit_in_bytes",
                "swap can't be limited",
            ),
            (
                "blkio",
                "blkio.throttle.io_service_bytes",
                "IO rates can't be limited",
            ),
        ];
        for (controller, file, what) in files {
            if let Some(index) = self.home(controller, "") {
                let hierarchy = &self.hierarchies[index];
                if hierarchy.version == Version::V1 && !hierarchy.mount.join(file).exists() {
                    missing.push(format!("{what}: the kernel has no {file}"));
                }
            }
        }
        if let Some(index) = self.home("blkio", "io")
            && !self.has_io_weight(index)
        {
            missing.push("IO weights can't be set: the kernel has no blkio weight".into());
        }
        if self.home("devices", "").is_none() && self.unified().is_none() {
            missing.push("devices can't be refused: no devices controller".into());
        }
        if self.home("freezer", "").is_none() && self.unified().is_none() {
            missing.push("containers can't be paused: no freezer".into());
        }
        missing
    }

    /// Limits that can't be set here whatever their value: v1's memory controller presses
    /// nothing back at a mark of its own and protects nothing for certain, v2's always
    /// kills at its limit, and weights of IO need a scheduler that has them.
    pub fn lacks(&self) -> Vec<Limit> {
        let mut lacks = Vec::new();
        let memory = self.home("memory", "memory");
        if memory.is_none_or(|index| self.hierarchies[index].version == Version::V1) {
            lacks.extend([Limit::MemoryMin, Limit::MemoryHigh]);
        }
        if memory.is_none_or(|index| self.hierarchies[index].version == Version::V2) {
            lacks.push(Limit::OomKillDisable);
        }
        let io = self.home("blkio", "io");
        if io.is_none_or(|index| !self.has_io_weight(index)) {
            lacks.push(Limit::BlkioWeight);
        }
        lacks
    }

    /// Weights come with the BFQ scheduler (or v1's old CFQ, or v2's io cost model), whose
    /// files exist only below the root; BFQ's counters show in v1's root.
    fn has_io_weight(&self, index: usize) -> bool {
        let hierarchy = &self.hierarchies[index];
        let has = |dir: &Path, name: &str| dir.join(name).exists();
        match hierarchy.version {
            Version::V1 => ["blkio.weight", "blkio.bfq.io_service_bytes"]
                .iter()
                .any(|name| has(&hierarchy.mount, name)),
            Version::V2 => {
                let below = fs::read_dir(&hierarchy.mount)
                    .into_iter()
                    .flatten()
                    .flatten();
                has(&hierarchy.mount, "io.cost.qos")
                    || below
                        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                        .any(|entry| {
                            has(&entry.path(), "io.weight") || has(&entry.path(), "io.bfq.weight")
                        })
            }
        }
    }
}
