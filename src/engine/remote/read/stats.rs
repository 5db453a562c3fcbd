//! Counters as the engine sends them, where its control groups are not at hand.

use serde_json::Value;

use crate::model::{Sample, Traffic};

/// A sample of one container's counters, taken at `at_ns` of our clock. `run` tells one
/// run of the container from another.
pub fn sample(value: &Value, at_ns: u64, run: u64) -> Sample {
    let (cpu, memory) = (&value["cpu_stats"], &value["memory_stats"]);
    let stats = &memory["stats"];
    let throttling = &cpu["throttling_data"];
    let (read_bytes, write_bytes) = io(&value["blkio_stats"]["io_service_bytes_recursive"]);
    let (read_ops, write_ops) = io(&value["blkio_stats"]["io_serviced_recursive"]);
    let of = |value: &Value, names: &[&str]| names.iter().find_map(|name| value[*name].as_u64());
    Sample {
        at_ns,
        cgroup_inode: run,
        cpu_ns: cpu["cpu_usage"]["total_usage"].as_u64(),
        periods: throttling["periods"].as_u64(),
        throttled_periods: throttling["throttled_periods"].as_u64(),
        throttled_ns: throttling["throttled_time"].as_u64(),
        memory_bytes: memory["usage"].as_u64(),
        // Version 1's counters of the whole tree come first: docker adds what is below.
        inactive_file_bytes: of(stats, &["total_inactive_file", "inactive_file"]),
        anon_bytes: of(stats, &["total_rss", "rss", "anon"]),
        file_bytes: of(stats, &["total_cache", "cache", "file"]),
        swap_bytes: of(stats, &["total_swap", "swap"]),
        pids: value["pids_stats"]["current"].as_u64(),
        traffic: traffic(&value["networks"]),
        read_bytes,
        write_bytes,
        read_ops,
        write_ops,
        ..Sample::default()
    }
}

fn traffic(interfaces: &Value) -> Option<Traffic> {
    let counted = interfaces.as_object()?.values().map(|of| {
        let at = |key: &str| of[key].as_u64().unwrap_or_default();
        Traffic {
            in_bytes: at("rx_bytes"),
            in_packets: at("rx_packets"),
            in_errors: at("rx_errors"),
            in_drops: at("rx_dropped"),
            out_bytes: at("tx_bytes"),
            out_packets: at("tx_packets"),
            out_errors: at("tx_errors"),
            out_drops: at("tx_dropped"),
        }
    });
    counted.reduce(std::ops::Add::add)
}

fn io(entries: &Value) -> (Option<u64>, Option<u64>) {
    let entries = entries.as_array();
    let sum = |op: &str| {
        let all = entries?.iter();
        let of = all.filter(|entry| {
            entry["op"]
                .as_str()
                .is_some_and(|o| o.eq_ignore_ascii_case(op))
        });
        Some(of.filter_map(|entry| entry["value"].as_u64()).sum())
    };
    (sum("read"), sum("write"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counters_are_read_and_what_is_missing_stays_unknown() {
        let value = json!({
            "cpu_stats": { "cpu_usage": { "total_usage": 7 } },
            "memory_stats": { "usage": 100, "stats": { "total_inactive_file": 30, "inactive_file": 1 } },
            "blkio_stats": { "io_service_bytes_recursive": [
                { "op": "Read", "value": 3 }, { "op": "Write", "value": 4 }, { "op": "read", "value": 5 },
            ], "io_serviced_recursive": null },
        });
        let sample = sample(&value, 9, 1);
        assert_eq!((sample.cpu_ns, sample.memory_bytes), (Some(7), Some(100)));
        assert_eq!(sample.inactive_file_bytes, Some(30));
        assert_eq!((sample.read_bytes, sample.write_bytes), (Some(8), Some(4)));
        assert_eq!((sample.read_ops, sample.pids), (None, None));
    }
}
