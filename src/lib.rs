//! wharf: a container console, and the container engine behind it, in one binary.
//!
//! This page is the map. Each folder holds one idea and may name only the folders
//! that its row lists; `tests/architecture.rs` reads every `crate::` path under
//! `src/` and holds it against this table.
//!
//! ```text
//! folder     what it holds                                               may import
//! model      nouns, pure data: ids, container, image, stats, world       -
//! action     every user action, declared once                            model
//! format     human text: columns, bytes, times, templates                model
//! config     file, environment and flags as one checked value            model action format
//! record     what was used over time: ring, file, advice                 model format
//! sys        typed kernel wrappers, the only unsafe code                 model
//! layer      read-only and writable filesystem layers                    model sys
//! dockerfile what a Dockerfile says, and does to a config                model format sys
//! image      OCI images: reference, store, import, unpack                model sys layer dockerfile
//! network    bridges, ports, address plan, names                         model sys
//! volume     volumes: made, filled, measured, on a device                model sys layer
//! runtime    spec, create, shim, exec, attach, logs, state               model sys layer dockerfile image network volume
//! build      an image from a Dockerfile, by steps with a cache           model sys layer dockerfile image runtime
//! oci        the hidden OCI command line                                 model sys runtime
//! engine     trait Engine: embedded, behind an address, recorded          model sys layer image network volume runtime record build
//! wire       Docker's API on the wire: JSON shapes, stream frames        model format
//! hub        a registry: the OCI distribution API over its own files      model config
//! api        the Docker REST API as a server: routes and streams         model format wire engine config record hub
//! app        dashboard: state, message, update, keymap, effects          model action format engine config record
//! ui         drawing only: theme, panels, dialogs                        model action format app config
//! cli        arguments, one file per command, output                     model action format engine config record dockerfile
//! ```
//!
//! A process of wharf is one of five faces, chosen in `main.rs` before any thread
//! exists: the shim of a container (or of an exec), the OCI command line, a command,
//! the dashboard, or the API's server. None holds state: what is true lies on disk and
//! in the kernel, and every face reads it from there.

pub mod action;
pub mod api;
pub mod app;
pub mod build;
pub mod cli;
pub mod config;
pub mod dockerfile;
pub mod engine;
pub mod format;
pub mod hub;
pub mod image;
pub mod layer;
pub mod model;
pub mod network;
pub mod oci;
pub mod record;
pub mod runtime;
pub mod sys;
pub mod ui;
pub mod volume;
pub mod wire;
