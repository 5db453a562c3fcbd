//! Human text: what a container, a size or a time looks like to people. No I/O and no
//! screen library: the commands print these strings and the dashboard draws them, so
//! that the two can't disagree.

pub mod build;
pub mod bytes;
pub mod columns;
pub mod cpu;
pub mod difference;
pub mod duration;
pub mod file;
pub mod filter;
pub mod glyph;
pub mod group;
pub mod history;
pub mod inspect;
pub mod limits;
pub mod picture;
mod ports;
pub mod selection;
pub mod sockets;
mod status;
pub mod template;
pub mod text;
pub mod times;
pub mod totals;
pub mod tree;
pub mod trouble;
pub mod values;
pub mod volume;

pub use glyph::{Depth, Glyphs, Tone};
pub use ports::ports;
pub use status::status;
