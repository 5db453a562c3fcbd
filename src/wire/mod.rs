//! Docker's API as it goes over the wire: its JSON, made from and into our nouns, and the
//! frames of its streams. No I/O here; the server ([`crate::api`]) and whoever speaks to
//! another engine share it.
//!
//! The shapes are those of bollard-stubs, generated from the API's published
//! description; what is here is only how they and our model say the same thing.

pub mod container;
pub mod create;
pub mod frame;
pub mod health;
pub mod host;
pub mod image;
pub mod network;
mod refuse;
pub mod stats;
pub mod system;

/// The shapes themselves.
pub use bollard_stubs::models;

/// The version of the API that is spoken, and the oldest that is understood.
pub const VERSION: &str = "1.50";
/// See [`VERSION`].
pub const OLDEST_VERSION: &str = "1.24";

/// A time that never was, as Go writes it.
pub const NEVER: &str = "0001-01-01T00:00:00Z";

/// A terminal's size as `[rows, columns]`; none if it is all zeros or no size.
pub fn size(size: &[usize]) -> Option<crate::model::TerminalSize> {
    let [rows, cols] = size else { return None };
    let number = |n: usize| u16::try_from(n).ok().filter(|n| *n > 0);
    Some(crate::model::TerminalSize {
        rows: number(*rows)?,
        cols: number(*cols)?,
    })
}
