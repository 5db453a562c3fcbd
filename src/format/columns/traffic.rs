//! The columns of what passes a container's interfaces.

use serde_json::json;

use super::{
    Column, Width,
    containers::{FIGURE, number, or_unknown},
};
use crate::format::bytes;

/// Bytes received a second.
pub const NET_IN: Column = Column {
    id: "net_in",
    field: "NetInRate",
    title: "NET IN",
    width: Width::Fit { min: 6, max: 10 },
    cell: |i| or_unknown(i, i.usage.and_then(|u| u.net_in_bps).map(bytes::rate)),
    json: |i| json!(i.usage.and_then(|u| u.net_in_bps)),
    key: |i| number(i.usage.and_then(|u| u.net_in_bps)),
    ..FIGURE
};

/// Bytes sent a second.
pub const NET_OUT: Column = Column {
    id: "net_out",
    field: "NetOutRate",
    title: "NET OUT",
    width: Width::Fit { min: 6, max: 10 },
    cell: |i| or_unknown(i, i.usage.and_then(|u| u.net_out_bps).map(bytes::rate)),
    json: |i| json!(i.usage.and_then(|u| u.net_out_bps)),
    key: |i| number(i.usage.and_then(|u| u.net_out_bps)),
    ..FIGURE
};

/// Bytes received and sent, as docker's NetIO.
pub const NET_IO: Column = Column {
    id: "net_io",
    field: "NetIO",
    title: "RECEIVED / SENT",
    cell: |i| {
        let moved = i.usage.and_then(|u| u.net_in_bytes.zip(u.net_out_bytes));
        let text = moved.map(|(r, s)| format!("{} / {}", bytes::decimal(r), bytes::decimal(s)));
        or_unknown(i, text)
    },
    json: |i| {
        let usage = i.usage.copied().unwrap_or_default();
        json!({
            "received_bytes": usage.net_in_bytes,
            "sent_bytes": usage.net_out_bytes,
            "received_packets_per_second": usage.net_in_pps,
            "sent_packets_per_second": usage.net_out_pps,
        })
    },
    key: |i| {
        let moved = i.usage.and_then(|u| u.net_in_bytes.zip(u.net_out_bytes));
        number(moved.map(|(r, s)| r as f64 + s as f64))
    },
    ..FIGURE
};

/// Packets that were lost.
pub const NET_ERRORS: Column = Column {
    id: "net_errors",
    field: "NetErrors",
    title: "NET LOST",
    cell: |i| {
        let lost = i.usage.and_then(|u| Some(u.net_errors? + u.net_drops?));
        or_unknown(i, lost.map(|n| n.to_string()))
    },
    json: |i| {
        let usage = i.usage.copied().unwrap_or_default();
        json!({ "errors": usage.net_errors, "drops": usage.net_drops })
    },
    key: |i| {
        let lost = i.usage.and_then(|u| Some(u.net_errors? + u.net_drops?));
        number(lost.map(|n| n as f64))
    },
    ..FIGURE
};
