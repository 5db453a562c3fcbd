//! Nouns of the domain, as pure data: what a container, an image, a sample or the
//! whole world is. No I/O happens here; every other folder speaks in these types.

mod address;
mod build;
mod capabilities;
mod container;
mod contents;
mod event;
mod greeting;
mod group;
mod health;
mod id;
mod image;
mod limits;
mod mount;
mod network;
mod problem;
mod request;
mod socket;
mod stats;
mod transfer;
mod upkeep;
mod volume;
mod world;

pub use address::*;
pub use build::*;
pub use capabilities::*;
pub use container::*;
pub use contents::*;
pub use event::*;
pub use greeting::*;
pub use group::*;
pub use health::*;
pub use id::*;
pub use image::*;
pub use limits::*;
pub use mount::*;
pub use network::*;
pub use problem::*;
pub use request::*;
pub use socket::*;
pub use stats::*;
pub use transfer::*;
pub use upkeep::*;
pub use volume::*;
pub use world::*;
