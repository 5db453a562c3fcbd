//! What can go wrong with images.

use std::{io, path::PathBuf};

use super::reference::ReferenceError;
use crate::{layer, model::Digest};

/// Result of this folder's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// An image could not be found, made, named or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No image has that name or id.
    #[error("no such image: {0}")]
    NotFound(String),
    /// Several images' ids begin so.
    #[error("{count} images' ids begin with {prefix}")]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// How many match.
        count: usize,
    },
    /// A change of a config means nothing.
    #[error("--change: {0}")]
    Change(String),
    /// The reference can't be read.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The name that an image shall have is a digest.
    #[error("{0} names an image by its digest; a new name needs a tag")]
    NotAName(String),
    /// Containers are made from it.
    #[error("image {image} is used by container {}", containers.join(", "))]
    InUse {
        /// Which.
        image: String,
        /// Their names.
        containers: Vec<String>,
    },
    /// It has several names, and an id was given.
    #[error("image {image} has several names: {}", references.join(", "))]
    SeveralNames {
        /// Which.
        image: String,
        /// Its names.
        references: Vec<String>,
    },
    /// One of its layers is missing.
    #[error("image {image} is damaged: its layer {layer} is missing")]
    MissingLayer {
        /// Which image.
        image: String,
        /// Which layer.
        layer: String,
    },
    /// A blob has another size than was declared.
    #[error("blob {} has {found} bytes instead of {expected}", digest.short())]
    BlobSize {
        /// Which blob.
        digest: Digest,
        /// Bytes that were declared.
        expected: u64,
        /// Bytes that came, at least.
        found: u64,
    },
    /// A blob is not what its digest says.
    #[error("blob {} came with another content, of digest {}", expected.short(), found.short())]
    BlobDigest {
        /// Its digest.
        expected: Digest,
        /// That of what came.
        found: Digest,
    },
    /// An unpacked layer is not what the image's config says.
    #[error(
        "layer {} was unpacked from another content, of diff-id {}",
        expected.short(),
        found.short()
    )]
    LayerDigest {
        /// The diff-id in the config.
        expected: Digest,
        /// That of what was unpacked.
        found: Digest,
    },
    /// A blob is not in the store.
    #[error("blob {} is missing", digest.short())]
    MissingBlob {
        /// Which.
        digest: Digest,
    },
    /// A blob or a layer of ours is not what its digest says any more.
    #[error("blob {} is damaged", digest.short())]
    DamagedBlob {
        /// Which.
        digest: Digest,
    },
    /// A document from outside is not one that we can use.
    #[error("the {what} can't be used: {reason}")]
    Unusable {
        /// Which document.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// A file of the store can't be understood.
    #[error("understand {}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A command of this host can't be taken along.
    #[error(transparent)]
    Host(#[from] super::HostError),
    /// A registry failed.
    #[error(transparent)]
    Registry(#[from] super::registry::Error),
    /// A layer failed.
    #[error(transparent)]
    Layer(#[from] layer::Error),
    /// A system call failed.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// An I/O error with what was tried, ready for `map_err`.
    pub(super) fn io<E: Into<io::Error>>(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source: source.into(),
        }
    }

    /// Whether something of the store is missing or can't be understood any more.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. }
            | Self::DamagedBlob { .. }
            | Self::MissingBlob { .. }
            | Self::MissingLayer { .. } => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }

    /// Whether what came from outside is at fault, not this machine.
    pub fn is_invalid_input(&self) -> bool {
        match self {
            Self::Layer(error) => error.is_invalid_input(),
            Self::BlobSize { .. }
            | Self::BlobDigest { .. }
            | Self::LayerDigest { .. }
            | Self::Unusable { .. }
            | Self::Reference(_)
            | Self::NotAName(_) => true,
            _ => false,
        }
    }

    /// Whether what a pull has brought so far is worth keeping: it was stopped, not
    /// refuted.
    pub(super) fn is_resumable(&self) -> bool {
        match self {
            Self::Registry(error) => error.is_passing() || error.is_cancel(),
            Self::Io { .. } => true,
            other => other.is_no_space(),
        }
    }

    /// Whether a file system ran out of space or of quota.
    pub fn is_no_space(&self) -> bool {
        match self {
            Self::Layer(error) => error.is_no_space(),
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            _ => false,
        }
    }
}
