//! Which of the shared columns the dashboard's tables show and can sort by.

use crate::format::columns::{self, Align, CONTAINERS};

/// The containers' table, in order; the narrower the screen, the fewer of them.
pub const TABLE: &[&str] = &[
    "name", "image", "trouble", "cpu", "memory", "read", "write", "net_in", "net_out", "pids",
    "uptime", "restarts",
];

/// The images' table, likewise.
pub const TABLE_IMAGES: &[&str] = &[
    "name", "id", "size", "own", "shared", "in_use", "layers", "created", "platform", "digest",
];

/// What containers are mostly sorted by; other columns follow where they are shown.
pub const SORT: &[&str] = &[
    "state",
    "name",
    "image",
    "cpu",
    "cpu_share",
    "memory",
    "memory_share",
    "read",
    "write",
    "net_in",
    "net_out",
    "pids",
    "uptime",
    "restarts",
    "exit_code",
    "created",
    "trouble",
];

/// What images can be sorted by, shown or not.
pub const SORT_IMAGES: &[&str] = &[
    "created", "name", "size", "own", "shared", "in_use", "layers", "platform", "id", "digest",
];

/// What networks can be sorted by.
pub const SORT_NETWORKS: &[&str] = &[
    "name", "driver", "members", "subnet", "in", "out", "created",
];

/// What volumes can be sorted by.
pub const SORT_VOLUMES: &[&str] = &[
    "name", "kind", "size", "measured", "users", "created", "driver",
];

/// What control groups can be sorted by.
pub const SORT_GROUPS: &[&str] = &[
    "name",
    "cpu",
    "memory",
    "read",
    "write",
    "pids",
    "throttled",
    "pressure",
];

/// Whether the largest come first when a column is chosen: what one sorts figures for.
pub fn starts_descending(column: &str) -> bool {
    let is_text = columns::find(CONTAINERS, column).is_some_and(|c| c.align == Align::Left);
    column == "created" || !is_text
}

/// Whether a column's figure changes all the time.
pub fn is_live(column: &str) -> bool {
    matches!(
        column,
        "cpu"
            | "cpu_share"
            | "memory"
            | "memory_share"
            | "read"
            | "write"
            | "block_io"
            | "net_in"
            | "net_out"
            | "net_io"
            | "net_errors"
            | "pids"
            | "trouble"
            | "throttled"
            | "psi_cpu"
            | "psi_memory"
            | "psi_io"
            | "swap"
            | "read_iops"
            | "write_iops"
    )
}
