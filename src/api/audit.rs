//! Who asked for what that changes something, and what came of it: a line of JSON each.
//!
//! What stands behind the question mark and in bodies is left out: both may hold secrets.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Mutex, PoisonError},
};

use hyper::Method;
use jiff::Timestamp;
use serde_json::json;

use super::ask::Peer;

/// The log, open.
#[derive(Debug)]
pub struct Audit(Mutex<File>);

impl Audit {
    /// Appends to a file that only its owner reads.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self(Mutex::new(file)))
    }

    /// Writes one line. A disk that is full must not stop what is asked: it was done.
    pub fn note(&self, peer: &Peer, method: &Method, path: &str, status: u16) {
        let line = json!({
            "at": Timestamp::now().to_string(),
            "who": peer.to_string(),
            "method": method.as_str(),
            "path": path,
            "status": status,
        });
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // As above.
        let _ = file.write_all(format!("{line}\n").as_bytes());
    }
}

/// Whether a request only looks.
pub fn only_looks(method: &Method, path: &str) -> bool {
    let is_wait = method == Method::POST && path.ends_with("/wait");
    let is_session = path.ends_with("/attach/ws");
    (matches!(*method, Method::GET | Method::HEAD) && !is_session) || is_wait
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_looks_and_a_session_does_not() {
        assert!(only_looks(&Method::GET, "/containers/json"));
        assert!(only_looks(&Method::POST, "/v1.50/containers/a/wait"));
        assert!(!only_looks(&Method::POST, "/containers/a/start"));
        assert!(!only_looks(&Method::GET, "/containers/a/attach/ws"));
    }
}
