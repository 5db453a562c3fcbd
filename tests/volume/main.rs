//! Volumes and other mounts on a real kernel.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod archive;
mod first_use;
mod mounts;
mod postgres;
mod refusals;
mod use_and_removal;
