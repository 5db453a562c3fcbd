//! Sums over several containers.

use super::{bytes, columns::Item};
use crate::model::Usage;

/// What several containers use together. A sum is unknown only if every part is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// How many.
    pub count: usize,
    /// How many of them run.
    pub running: usize,
    /// How often they were started again.
    pub restarts: u32,
    /// What they use together.
    pub usage: Usage,
}

impl Totals {
    /// Of these containers.
    pub fn of<'a>(items: impl IntoIterator<Item = &'a Item<'a>>) -> Self {
        let mut totals = Self::default();
        items.into_iter().for_each(|item| totals.add(item));
        totals
    }

    /// Adds one more.
    pub fn add(&mut self, item: &Item) {
        self.count += 1;
        self.running += usize::from(item.container.state.has_process());
        self.restarts += item.container.restarts;
        let Some(usage) = item.usage else { return };
        let sum = &mut self.usage;
        add(&mut sum.cpu_cores, usage.cpu_cores);
        add(&mut sum.memory_bytes, usage.memory_bytes);
        add(&mut sum.swap_bytes, usage.swap_bytes);
        add(&mut sum.pids, usage.pids);
        add(&mut sum.read_bps, usage.read_bps);
        add(&mut sum.write_bps, usage.write_bps);
        add(&mut sum.read_iops, usage.read_iops);
        add(&mut sum.write_iops, usage.write_iops);
        add(&mut sum.net_in_bps, usage.net_in_bps);
        add(&mut sum.net_out_bps, usage.net_out_bps);
        add(&mut sum.oom_kills, usage.oom_kills);
    }

    /// How many, in words: `3 of 6 running`.
    pub fn words(&self) -> String {
        format!("{} of {} running", self.running, self.count)
    }

    /// The cell below a column; empty where a sum makes no sense.
    pub fn cell(&self, column: &str) -> String {
        let usage = &self.usage;
        let text = match column {
            "name" => Some(self.words()),
            "cpu" => usage
                .cpu_cores
                .map(|cores| format!("{:.1}%", cores * 100.0)),
            "memory" => usage.memory_bytes.map(bytes::binary),
            "swap" => usage.swap_bytes.map(bytes::binary),
            "read_iops" => usage.read_iops.map(|n| format!("{n:.0}")),
            "write_iops" => usage.write_iops.map(|n| format!("{n:.0}")),
            "pids" => usage.pids.map(|n| n.to_string()),
            "read" => usage.read_bps.map(bytes::rate),
            "write" => usage.write_bps.map(bytes::rate),
            "net_in" => usage.net_in_bps.map(bytes::rate),
            "net_out" => usage.net_out_bps.map(bytes::rate),
            "oom_kills" => usage.oom_kills.map(|n| n.to_string()),
            "restarts" => Some(self.restarts.to_string()),
            _ => None,
        };
        text.unwrap_or_default()
    }
}

fn add<T: std::ops::Add<Output = T>>(sum: &mut Option<T>, part: Option<T>) {
    *sum = match (sum.take(), part) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    };
}
