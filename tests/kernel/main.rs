//! Real containers on a real kernel, driven through the real binary, as root.
//!
//! The same program runs on this machine and, on cgroup v2, in a virtual machine
//! (`tests/vm/run`); nothing in it is skipped on either.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod concurrency;
mod confinement;
mod debian;
mod explore;
mod health;
mod images;
mod joined;
mod killed;
mod lifecycle;
mod limits;
mod listing;
mod logs;
mod record;
mod refusals;
mod shim;
mod storage;
mod streams;
