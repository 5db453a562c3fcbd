//! The client of registries: the OCI distribution specification 1.1 and its ancestor,
//! Docker's registry API v2.
//!
//! ```text
//! client       one conversation: retries, mirrors, who we are  transport  HTTP, TLS, redirects
//! manifest     manifests, indexes, tags, platforms             challenge  WWW-Authenticate
//! download     a blob as a stream                              token      token servers
//! upload       blobs and manifests to a registry               credentials  logins, helpers
//! search       repositories by a word                          answer     bounded bodies
//! address      plain files, for builds
//! ```
//!
//! Whatever a registry sends is hostile until it is checked: documents are bounded and
//! held against their digests, blobs have exactly the announced length, nobody but the
//! registry itself (and the token server that it names) learns what proves who we are.

mod address;
mod answer;
mod challenge;
mod client;
mod credentials;
mod download;
mod error;
mod manifest;
mod search;
mod token;
mod transport;
mod upload;

pub use address::{Downloaded, file_address};
pub use client::Client;
pub use credentials::{Credentials, Keychain};
pub use download::Download;
pub use error::{Error, Result};
pub use manifest::{Document, Fetched, choose};
pub use upload::{Arrived, Blob};
