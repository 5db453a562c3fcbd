//! A container's log on disk: CRI lines, rotated by size.
//!
//! ```text
//! 2026-11-23T18:58:02.123456789Z stdout F a whole line
//! 2026-11-23T18:58:02.123456789Z stdout P the first part of a very long
//! ```
//!
//! The format is the one that Kubernetes' collectors read. A line names its own time,
//! so a tail that a crash tore is seen and skipped, and a time can be sought. The shim
//! owns the one [`Writer`]; anyone may hold a [`Reader`], without a lock.

mod line;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::{Limits, Writer};

use std::path::{Path, PathBuf};

/// Longest text of one record; what is longer is written as several, all but the last
/// marked partial. A reader's memory is bounded by it.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Longest record: text, time, stream, tag, newline, and room to be wrong.
const MAX_RECORD_BYTES: usize = MAX_TEXT_BYTES + 64;

/// The file that rotation moves the `n`th last log to: `log.1`, `log.2`, …
fn rotated(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}
