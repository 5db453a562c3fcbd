//! What a control group uses, from its counters and those of the picture before.

use nix::time::{ClockId, clock_gettime};

use crate::{
    model::{Sample, Traffic, Usage},
    sys::{
        cgroup::{Cgroups, Result, Sampler},
        open_files,
    },
};

/// The counters of one group, open from the first look on.
#[derive(Debug, Default)]
pub struct Gauge {
    sampler: Option<Sampler>,
    last: Option<Sample>,
}

impl Gauge {
    /// What the group at `path` uses now, with what passed its interfaces where it has
    /// any; `None` if there is no such group.
    pub fn usage(
        &mut self,
        cgroups: &Cgroups,
        path: &str,
        traffic: Option<Traffic>,
    ) -> Result<Option<Usage>> {
        if self.sampler.is_none() {
            open_files::raise();
            self.last = None;
            self.sampler = cgroups.sampler(path)?;
        }
        let Some(sampler) = &mut self.sampler else {
            return Ok(None);
        };
        match sampler.sample_changed(monotonic_ns()) {
            Ok(sample) => {
                let sample = Sample { traffic, ..sample };
                let usage = Usage::between(self.last.as_ref(), &sample);
                self.last = Some(sample);
                Ok(Some(usage))
            }
            // It went since it was last looked at.
            Err(failure) if failure.is_gone() => {
                self.sampler = None;
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Closes the counters: the next look begins anew.
    pub fn close(&mut self) {
        *self = Self::default();
    }
}

/// Nanoseconds of CLOCK_MONOTONIC.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has this clock");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}
