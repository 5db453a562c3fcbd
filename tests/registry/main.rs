//! Images between wharf and registries: Debian's docker-registry on loopback with and
//! without TLS and passwords, skopeo as the other client, and a registry that lies.
//!
//! Everything stays on loopback.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod broken;
mod gate;
mod hostile;
mod liar;
mod login;
mod names;
mod transfers;
