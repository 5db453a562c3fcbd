//! What every test against a real kernel stands on: an engine of its own that cleans up
//! behind itself ([`sandbox`]), the kernel's own figures of a container ([`cgroup`]) and
//! the search for anything left behind ([`leaks`]).
//!
//! Tests drive the real binary and read the kernel themselves; none calls wharf's code.

// Each test program includes this module and uses a part of it.
#![allow(dead_code, unused_imports)]

pub mod cgroup;
pub mod docker;
pub mod host;
pub mod leaks;
pub mod process;
pub mod registry;
pub mod sandbox;
pub mod terminal;
pub mod tree;

pub use cgroup::Cgroup;
pub use process::eventually;
pub use sandbox::Sandbox;
