//! Which of the shared columns the dashboard's tables show and can sort by.

/// The containers' table, in order; the narrower the screen, the fewer of them.
pub const TABLE: &[&str] = &[
    "name", "image", "cpu", "memory", "read", "write", "pids", "uptime", "restarts",
];

/// What containers can be sorted by.
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
    "pids",
    "uptime",
    "restarts",
    "exit_code",
    "created",
];

/// What images can be sorted by.
pub const SORT_IMAGES: &[&str] = &["created", "name", "size", "own"];

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
    !matches!(column, "state" | "name" | "image")
}
