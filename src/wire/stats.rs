//! What a container uses, as two looks at counters: clients make the rates themselves.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{NEVER, models};
use crate::model::{Container, Counters};

/// One look, and the time of it.
pub type Look = (jiff::Timestamp, Counters);

/// `GET /containers/ID/stats`. One that doesn't run has counted nothing.
pub fn stats(
    container: &Container,
    now: Option<&Look>,
    before: Option<&Look>,
    memory_total: Option<u64>,
    cpus: u32,
) -> Value {
    let time = |look: Option<&Look>| match look {
        Some((at, _)) => at.to_string(),
        None => NEVER.into(),
    };
    let counters = now.map(|(_, counters)| counters);
    let mut answer = json!(models::ContainerStatsResponse {
        id: Some(container.id.to_string()),
        name: Some(format!("/{}", container.name)),
        os_type: Some("linux".into()),
        read: Some(time(now)),
        preread: Some(time(before)),
        cpu_stats: Some(cpu(counters, cpus)),
        precpu_stats: Some(cpu(before.map(|(_, counters)| counters), cpus)),
        memory_stats: Some(models::ContainerMemoryStats::default()),
        pids_stats: Some(models::ContainerPidsStats {
            current: counters.and_then(|counters| counters.sample.pids),
            limit: container
                .config
                .limits
                .pids
                .and_then(|n| u64::try_from(n).ok()),
        }),
        blkio_stats: Some(blkio(counters)),
        num_procs: Some(0),
        storage_stats: Some(models::ContainerStorageStats::default()),
        networks: counters.map(networks),
    });
    if let Some(counters) = counters {
        answer["memory_stats"] = memory(counters, container, memory_total);
    }
    answer
}

fn cpu(counters: Option<&Counters>, cpus: u32) -> models::ContainerCpuStats {
    let sample = counters.map(|counters| &counters.sample);
    models::ContainerCpuStats {
        cpu_usage: Some(models::ContainerCpuUsage {
            total_usage: Some(sample.and_then(|sample| sample.cpu_ns).unwrap_or(0)),
            usage_in_kernelmode: Some(0),
            usage_in_usermode: Some(0),
            ..Default::default()
        }),
        system_cpu_usage: counters.and_then(|counters| counters.host_cpu_ns),
        online_cpus: counters.map(|_| cpus),
        throttling_data: Some(models::ContainerThrottlingData {
            periods: Some(sample.and_then(|sample| sample.periods).unwrap_or(0)),
            throttled_periods: Some(
                sample
                    .and_then(|sample| sample.throttled_periods)
                    .unwrap_or(0),
            ),
            throttled_time: Some(sample.and_then(|sample| sample.throttled_ns).unwrap_or(0)),
        }),
    }
}

/// Clients take the cache that can be dropped away from the usage, by the name that it has
/// on their version of cgroups.
fn memory(counters: &Counters, container: &Container, total: Option<u64>) -> Value {
    let sample = &counters.sample;
    let inactive = sample.inactive_file_bytes.unwrap_or(0);
    json!({
        "usage": sample.memory_bytes.unwrap_or(0),
        "limit": container.config.limits.memory_bytes.or(total).unwrap_or(0),
        "stats": {
            "anon": sample.anon_bytes.unwrap_or(0),
            "file": sample.file_bytes.unwrap_or(0),
            "inactive_file": inactive,
            "total_inactive_file": inactive,
        },
    })
}

fn blkio(counters: Option<&Counters>) -> models::ContainerBlkioStats {
    let entry = |op: &str, value: Option<u64>| models::ContainerBlkioStatEntry {
        major: Some(0),
        minor: Some(0),
        op: Some(op.into()),
        value: Some(value.unwrap_or(0)),
    };
    let sample = counters.map(|counters| &counters.sample);
    models::ContainerBlkioStats {
        io_service_bytes_recursive: sample.map(|sample| {
            vec![
                entry("read", sample.read_bytes),
                entry("write", sample.write_bytes),
            ]
        }),
        io_serviced_recursive: sample.map(|sample| {
            vec![
                entry("read", sample.read_ops),
                entry("write", sample.write_ops),
            ]
        }),
        ..Default::default()
    }
}

fn networks(counters: &Counters) -> HashMap<String, models::ContainerNetworkStats> {
    let one = |interface: &crate::model::InterfaceCounters| {
        let (
            [rx_bytes, rx_packets, rx_errors, rx_dropped],
            [tx_bytes, tx_packets, tx_errors, tx_dropped],
        ) = (interface.received, interface.sent);
        let stats = models::ContainerNetworkStats {
            rx_bytes: Some(rx_bytes),
            rx_packets: Some(rx_packets),
            rx_errors: Some(rx_errors),
            rx_dropped: Some(rx_dropped),
            tx_bytes: Some(tx_bytes),
            tx_packets: Some(tx_packets),
            tx_errors: Some(tx_errors),
            tx_dropped: Some(tx_dropped),
            ..Default::default()
        };
        (interface.name.clone(), stats)
    };
    counters.interfaces.iter().map(one).collect()
}
