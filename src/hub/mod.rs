//! A registry: the OCI distribution API 1.1 over files of our own, so that one machine is
//! the hub of a few. docker, podman, skopeo and wharf push to it and pull from it.
//!
//! What is pushed comes back byte for byte: blobs lie as they came, by digest, and not in
//! the engine's store, which keeps images of one platform and layers unpacked; a registry
//! must hold indexes, other platforms and what is no image at all. What was pushed is used
//! here like everywhere: by a pull.
//!
//! ```text
//! name      what a repository, a tag, a digest may be called   shelf     blobs, manifests, tags on disk
//! upload    blobs on their way in                              manifest  what a manifest must be
//! gate      who may ask                                        speak     requests
//! refusal   answers' beginnings, and refusals
//! serve     the listener
//! ```
//!
//! The server holds nothing between two requests but files: it can be killed at any moment
//! and started again, and an upload goes on where it was.

mod gate;
mod manifest;
mod name;
mod refusal;
mod serve;
mod shelf;
mod speak;
mod upload;

pub use serve::serve;
