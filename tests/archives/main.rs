//! Archives in and out, as root, with the real peers: what we save is loaded by podman and
//! unpacked by umoci; what skopeo and podman write is loaded here; what a container
//! changed comes back as it was. And archives that no honest tool writes, through the
//! commands that read them.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod copy;
mod hostile;
mod peers;
mod round_trip;
mod upkeep;
