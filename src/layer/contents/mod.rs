//! What a layer holds, as a file beside it that is read in pieces: opening it costs the
//! same for ten files and for a million.
//!
//! ```text
//! records   one of 64 bytes for each entry, in the order of a walk: a directory, then
//!           all that is in it, names within a directory ascending by their bytes
//! names     the entries' names, each followed by the target of a symbolic link
//! sums      a CRC-32 for each block of what is above
//! footer    magic, version, counts, the CRC-32 of the sums, and its own
//! ```
//!
//! All of a directory lies between its record and the one that its record names as the
//! end, so the next sibling is one step away and a subtree is a range. Each directory
//! carries the sums of all below it. A block is checked when it is read; what is damaged
//! or missing is made again from the layer's files, which are what is true.

mod build;
mod reader;
mod record;
mod writer;

pub(super) use build::build;
pub use reader::Contents;
pub use writer::Writer;

/// The file beside `layer.json`.
pub(super) const FILE: &str = "contents";

#[cfg(test)]
mod tests;
