//! The figures that are recorded of a container, declared once: the file's codec, every
//! export and the advisor read this table.

use crate::model::Usage;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Processors.
    Cores,
    /// A share, 0 to 1.
    Ratio,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// Operations a second.
    OperationsPerSecond,
    /// Packets a second.
    PacketsPerSecond,
    /// Seconds a second.
    SecondsPerSecond,
    /// Things.
    Count,
}

/// One figure of [`Usage`].
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// What it is called in files and exports.
    pub id: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Whether it only grows during a run.
    pub is_counter: bool,
    /// What it is, in one sentence without a final stop.
    pub help: &'static str,
    /// Steps of one unit that are told apart in a recording.
    pub(super) scale: u32,
    get: fn(&Usage) -> Option<f64>,
    set: fn(&mut Usage, Option<f64>),
}

macro_rules! figure {
    ($id:literal $($field:ident).+: $type:ident * $scale:literal, $unit:ident, $counter:literal, $help:literal) => {
        Figure {
            id: $id,
            unit: Unit::$unit,
            is_counter: $counter,
            help: $help,
            scale: $scale,
            get: |usage| usage.$($field).+.map(|value| value as f64),
            set: |usage, value| usage.$($field).+ = value.map(|value| value as $type),
        }
    };
}

/// All of them. An id never changes its meaning or its scale: files name it.
#[rustfmt::skip]
pub const FIGURES: &[Figure] = &[
    figure!("cpu_cores" cpu_cores: f64 * 100_000, Cores, false, "Processors in use"),
    figure!("throttled_share" throttled_share: f64 * 10_000, Ratio, false, "Share of quota periods in which it was held back"),
    figure!("throttled_time" throttled_time: f64 * 10_000, SecondsPerSecond, false, "Seconds a second that its run queues were held back"),
    figure!("memory_bytes" memory_bytes: u64 * 1, Bytes, false, "Memory less inactive file cache"),
    figure!("anon_bytes" anon_bytes: u64 * 1, Bytes, false, "Anonymous memory"),
    figure!("file_bytes" file_bytes: u64 * 1, Bytes, false, "File-backed memory"),
    figure!("kernel_bytes" kernel_bytes: u64 * 1, Bytes, false, "Memory that the kernel holds for it"),
    figure!("swap_bytes" swap_bytes: u64 * 1, Bytes, false, "Memory that was swapped out"),
    figure!("oom_kills" oom_kills: u64 * 1, Count, true, "Processes killed for lack of memory in this run"),
    figure!("memory_high_events" memory_high_events: u64 * 1, Count, true, "Times that it was slowed down for being over memory.high"),
    figure!("memory_max_events" memory_max_events: u64 * 1, Count, true, "Times that it was about to pass its memory limit"),
    figure!("pids" pids: u64 * 1, Count, false, "Processes and threads"),
    figure!("pids_max_events" pids_max_events: u64 * 1, Count, true, "Processes or threads refused for the limit"),
    figure!("stall_cpu_some" stalls.cpu_some: f64 * 10_000, Ratio, false, "Share of time in which some process waited for a processor"),
    figure!("stall_memory_some" stalls.memory_some: f64 * 10_000, Ratio, false, "Share of time in which some process waited for memory"),
    figure!("stall_memory_full" stalls.memory_full: f64 * 10_000, Ratio, false, "Share of time in which all processes waited for memory"),
    figure!("stall_io_some" stalls.io_some: f64 * 10_000, Ratio, false, "Share of time in which some process waited for IO"),
    figure!("stall_io_full" stalls.io_full: f64 * 10_000, Ratio, false, "Share of time in which all processes waited for IO"),
    figure!("read_bps" read_bps: f64 * 1, BytesPerSecond, false, "Bytes read a second"),
    figure!("write_bps" write_bps: f64 * 1, BytesPerSecond, false, "Bytes written a second"),
    figure!("read_iops" read_iops: f64 * 10, OperationsPerSecond, false, "Read operations a second"),
    figure!("write_iops" write_iops: f64 * 10, OperationsPerSecond, false, "Write operations a second"),
    figure!("read_bytes" read_bytes: u64 * 1, Bytes, true, "Bytes read in this run"),
    figure!("write_bytes" write_bytes: u64 * 1, Bytes, true, "Bytes written in this run"),
    figure!("net_in_bps" net_in_bps: f64 * 1, BytesPerSecond, false, "Bytes received a second"),
    figure!("net_out_bps" net_out_bps: f64 * 1, BytesPerSecond, false, "Bytes sent a second"),
    figure!("net_in_pps" net_in_pps: f64 * 10, PacketsPerSecond, false, "Packets received a second"),
    figure!("net_out_pps" net_out_pps: f64 * 10, PacketsPerSecond, false, "Packets sent a second"),
    figure!("net_in_bytes" net_in_bytes: u64 * 1, Bytes, true, "Bytes received by its interfaces"),
    figure!("net_out_bytes" net_out_bytes: u64 * 1, Bytes, true, "Bytes sent by its interfaces"),
    figure!("net_errors" net_errors: u64 * 1, Count, true, "Packets that were damaged or could not be sent"),
    figure!("net_drops" net_drops: u64 * 1, Count, true, "Packets that were dropped"),
];

impl Figure {
    /// The figure, if it is known.
    pub fn of(&self, usage: &Usage) -> Option<f64> {
        (self.get)(usage)
    }

    /// Its steps and one; 0 for what is unknown.
    pub(super) fn steps(&self, usage: &Usage) -> u64 {
        let steps = |value: f64| (value * f64::from(self.scale)).round() as u64;
        self.of(usage)
            .map_or(0, |value| steps(value).saturating_add(1))
    }

    /// Takes what [`Figure::steps`] gave, made with a scale.
    pub(super) fn put(&self, usage: &mut Usage, steps: u64, scale: f64) {
        let value = steps.checked_sub(1).map(|steps| steps as f64 / scale);
        (self.set)(usage, value);
    }
}

/// The figure that is called so.
pub fn find(id: &str) -> Option<&'static Figure> {
    FIGURES.iter().find(|figure| figure.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stalls;

    #[test]
    fn ids_are_unique_and_fit_into_a_mask() {
        let mut ids: Vec<_> = FIGURES.iter().map(|figure| figure.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), FIGURES.len());
        assert!(FIGURES.len() < 60);
    }

    #[test]
    fn every_field_of_usage_is_recorded() {
        // Each field a value of its own; what is not in the table would be lost.
        let usage: Usage = serde_json::from_value(serde_json::json!({
            "cpu_cores": 0.25, "throttled_share": 0.5, "throttled_time": 0.75,
            "memory_bytes": 1, "anon_bytes": 2, "file_bytes": 3, "kernel_bytes": 4,
            "swap_bytes": 5, "oom_kills": 6, "memory_high_events": 7,
            "memory_max_events": 8, "pids": 9, "pids_max_events": 10,
            "read_bps": 11.0, "write_bps": 12.0, "read_iops": 13.5, "write_iops": 14.5,
            "read_bytes": 15, "write_bytes": 16,
            "net_in_bps": 17.0, "net_out_bps": 18.0, "net_in_pps": 19.5, "net_out_pps": 20.5,
            "net_in_bytes": 21, "net_out_bytes": 22, "net_errors": 23, "net_drops": 24,
            "stalls": { "cpu_some": 0.1, "memory_some": 0.2, "memory_full": 0.3,
                        "io_some": 0.4, "io_full": 0.6 },
        }))
        .unwrap();
        let mut back = Usage::default();
        for figure in FIGURES {
            figure.put(&mut back, figure.steps(&usage), f64::from(figure.scale));
        }
        assert_eq!(back, usage);
        let known = serde_json::to_value(Usage::default()).unwrap();
        let stalls = serde_json::to_value(Stalls::<f64>::default()).unwrap();
        let fields = known.as_object().unwrap().len() - 1 + stalls.as_object().unwrap().len();
        assert_eq!(fields, FIGURES.len(), "a new field of Usage needs its row");
    }
}
