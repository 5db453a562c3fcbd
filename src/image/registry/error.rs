//! What can go wrong between us and a registry.

use std::fmt::Display;

use crate::model::Digest;

/// Result of this folder's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// A registry did not give, or not take, what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection, or it broke.
    #[error("reach {host}: {reason}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// In the words of what failed.
        reason: String,
    },
    /// It sent nothing for too long.
    #[error("{host} sent nothing for {seconds} s")]
    Stalled {
        /// Host and port.
        host: String,
        /// How long we waited.
        seconds: u64,
    },
    /// It has no such thing.
    #[error("{host} has no {what}")]
    NotFound {
        /// Host and port.
        host: String,
        /// A manifest, a blob, a repository.
        what: String,
    },
    /// It wants other credentials.
    #[error("{host} refuses {}: {message}", if *.has_credentials { "these credentials" } else { "access without credentials" })]
    Denied {
        /// Host and port.
        host: String,
        /// Whether it got any.
        has_credentials: bool,
        /// Its own words.
        message: String,
    },
    /// It answered with another status than what its specification allows here.
    #[error("{host} answered {status}{message}")]
    Status {
        /// Host and port.
        host: String,
        /// The status.
        status: u16,
        /// Its own words, after a colon.
        message: String,
    },
    /// What it sent is larger than anything of the kind may be.
    #[error("{what} from {host} is larger than {limit} bytes")]
    TooLarge {
        /// A manifest, a token.
        what: &'static str,
        /// Host and port.
        host: String,
        /// What is allowed.
        limit: u64,
    },
    /// What it sent isn't what was asked for.
    #[error("{host} sent something else than {expected}: its digest is {actual}")]
    Digest {
        /// Host and port.
        host: String,
        /// What was asked for.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// A blob's length isn't what the manifest says.
    #[error("{host} sent {actual} bytes of blob {digest}, its manifest says {expected}")]
    Length {
        /// Host and port.
        host: String,
        /// Which blob.
        digest: Digest,
        /// What the manifest says.
        expected: u64,
        /// What came, or was announced.
        actual: u64,
    },
    /// What it sent can't be understood.
    #[error("{what} from {host}: {reason}")]
    Malformed {
        /// A manifest, a token.
        what: &'static str,
        /// Host and port.
        host: String,
        /// Why not.
        reason: String,
    },
    /// It sends us where we don't go.
    #[error("{host} redirects to {target}: {reason}")]
    Redirect {
        /// Host and port.
        host: String,
        /// Where to.
        target: String,
        /// Why not.
        reason: &'static str,
    },
    /// The image isn't there for the platform.
    #[error("no image for {wanted}; there is {}", available.join(", "))]
    NoPlatform {
        /// What was asked for.
        wanted: String,
        /// What there is.
        available: Vec<String>,
    },
    /// Mirrors and the registry itself failed.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; then "))]
    All(Vec<Error>),
    /// Stored credentials or a certificate can't be used.
    #[error("{what}: {reason}")]
    Setup {
        /// A file or a program.
        what: String,
        /// Why not.
        reason: String,
    },
    /// Nobody wants it any more.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// Whether the same may work in a moment.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Stalled { .. } => true,
            Self::Status { status, .. } => {
                matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            _ => false,
        }
    }

    /// Whether nobody wanted it any more.
    pub fn is_cancel(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    pub(super) fn malformed(what: &'static str, host: &str, reason: impl Display) -> Self {
        Self::Malformed {
            what,
            host: host.to_owned(),
            reason: reason.to_string(),
        }
    }
}
