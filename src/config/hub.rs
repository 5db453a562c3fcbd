//! How `wharf serve --registry` listens, and whom it lets in.

use std::{net::SocketAddr, path::PathBuf};

/// A registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its files are.
    pub directory: PathBuf,
    /// Its certificate and the key to it (PEM); plain HTTP, on loopback, without.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Names and bcrypt hashes of those whom it lets in; everybody without.
    pub htpasswd: Option<PathBuf>,
}
