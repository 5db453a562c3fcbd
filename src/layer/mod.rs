//! File system layers: the read-only ones that images list, each unpacked once, and the
//! writable one that a container puts on top.
//!
//! ```text
//! layers/<hex of diff-id>/fs           the layer's files, as overlayfs wants them
//! layers/<hex of diff-id>/lowest       the same without its whiteouts, if it has any and
//!                                      lies lowest in an image: overlayfs would show them
//! layers/<hex of diff-id>/layer.json   its size, written before the layer appears
//! layers/<hex of diff-id>/contents     what it holds, for looking without walking
//! layers/.tmp-<random>/                being unpacked or removed; locked by whoever does it
//! ```
//!
//! A layer appears under its diff-id by one rename, complete, so nothing half-unpacked is
//! ever used. That it is on the disk is seen to by whoever names it. Which images list a layer is none of this folder's
//! business; mounting belongs to `runtime`.

mod archive;
mod attributes;
mod changes;
mod compare;
mod contents;
mod entry;
mod error;
mod explore;
mod extract;
mod header;
mod merged;
mod overlay;
mod pack;
mod pipeline;
mod removal;
mod scratch;
mod store;
mod tree;
pub mod usage;

pub use archive::Archive;
pub use changes::changes;
pub use compare::compare;
pub use contents::{Contents, Writer as ContentsWriter};
pub use entry::{Entry, Kind, Time};
pub use error::{Error, Refusal, Result};
pub use explore::Explorer;
pub use extract::unpack_into;
pub use overlay::{Overlay, make_writable};
pub use pack::{copy_xattrs, pack_changes, pack_entry, pack_merged};
pub use removal::remove_tree;
pub use scratch::{ScratchDirectory, stale};
pub use store::{LayerRecord, LayerStore, Position, Unpacked};

#[cfg(test)]
mod tests;
