//! Our OCI runtime against Debian's runc, and against bundles that mean harm.
//!
//! Every bundle of [`bundles`] is run by both; a script inside prints what it sees (ids,
//! capabilities, limits, mounts, devices, namespaces), and both must have seen the same
//! and ended with the same code. [`lifecycle`] drives both through every state.
//! [`escapes`] holds the known ways out of a container against ours alone.
//!
//! Needs root, runc and busybox-static.

#[path = "../support/mod.rs"]
#[allow(clippy::unwrap_used)]
mod support;

mod bundle;
mod bundles;
mod escapes;
mod lifecycle;
mod probe;
