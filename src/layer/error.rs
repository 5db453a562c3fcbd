//! What can go wrong with a layer: the disk, or the archive that it comes from.

use std::{fmt, io, path::PathBuf};

/// Result of this folder's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// A layer could not be unpacked, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file; inside a layer, the name as the archive has it.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The stream that an archive comes from failed.
    #[error("read the archive")]
    Source(#[source] io::Error),
    /// Whoever takes an archive that we write takes no more.
    #[error("write the archive")]
    Sink(#[source] io::Error),
    /// A file of a container has a name that would remove another in a layer.
    #[error(
        "{} can't be in an image: a name that begins with .wh. removes a file there",
        .0.display()
    )]
    MarkName(PathBuf),
    /// The archive is not one, or not one that may be unpacked.
    #[error("refused archive entry {entry:?}: {reason}")]
    Refused {
        /// Name of the entry; control characters are escaped when it is shown.
        entry: String,
        /// What is wrong with it.
        reason: Refusal,
    },
    /// What the archive as a whole is not.
    #[error("{0}")]
    Malformed(Refusal),
}

/// Why an archive is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It ends in the middle.
    Truncated,
    /// Its first block is no tar header.
    NotAnArchive,
    /// A header's checksum is wrong.
    Checksum,
    /// A number of a header can't be read, or is out of range.
    Number(&'static str),
    /// An extended header can't be read.
    ExtendedHeader,
    /// The type of entry is unknown or of no use in a layer.
    Type(u8),
    /// The type of entry is of no use in an archive of images.
    NotInAnArchive,
    /// It says to have content, which its type can't have.
    UnexpectedContent,
    /// Its map of a sparse file contradicts itself.
    Sparse,
    /// Its name is empty, too long, or holds a zero byte.
    Name,
    /// Its name climbs up by `..`.
    ParentDirectory,
    /// Its name goes through a symbolic link.
    ThroughSymlink,
    /// Its name goes through something that is no directory.
    NotADirectory,
    /// A file would take the place of a directory, or the other way round.
    OtherKind,
    /// It, or the whole archive, is larger than a layer may be.
    TooLarge {
        /// Bytes that are allowed.
        most: u64,
    },
    /// A hard link's target is missing, a directory, or outside.
    LinkTarget(String),
    /// A whiteout that names nothing sensible.
    Whiteout,
    /// A device number that the kernel can't hold, or overlayfs' own whiteout 0:0.
    Device {
        /// Its major number.
        major: u64,
        /// Its minor number.
        minor: u64,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the archive ends in the middle"),
            Self::NotAnArchive => f.write_str("not a tar archive"),
            Self::Checksum => f.write_str("its header's checksum is wrong"),
            Self::Number(field) => write!(f, "its {field} can't be read or is out of range"),
            Self::ExtendedHeader => f.write_str("its extended header can't be read"),
            Self::Type(flag) => write!(
                f,
                "entries of type '{}' don't belong in a layer",
                flag.escape_ascii()
            ),
            Self::NotInAnArchive => {
                f.write_str("such entries don't belong in an archive of images")
            }
            Self::UnexpectedContent => f.write_str("it has content, which its type can't have"),
            Self::Sparse => f.write_str("its map of a sparse file contradicts itself"),
            Self::Name => f.write_str("its name is empty, too long or holds a zero byte"),
            Self::ParentDirectory => f.write_str("its name holds `..`"),
            Self::ThroughSymlink => f.write_str("its name goes through a symbolic link"),
            Self::NotADirectory => {
                f.write_str("its name goes through something that is no directory")
            }
            Self::OtherKind => f.write_str("a directory and a file can't replace each other"),
            Self::TooLarge { most } => write!(
                f,
                "it unpacks to more than the {most} bytes that a layer may have"
            ),
            Self::LinkTarget(target) => {
                write!(
                    f,
                    "its hard link's target {target:?} is not a file of the layer"
                )
            }
            Self::Whiteout => f.write_str("malformed whiteout"),
            Self::Device { major: 0, minor: 0 } => {
                f.write_str("device 0:0 is overlayfs' mark of a removed file")
            }
            Self::Device { major, minor } => {
                write!(f, "device {major}:{minor} is out of range")
            }
        }
    }
}

impl Error {
    /// An I/O error with what was tried, ready for `map_err`.
    pub(crate) fn io<E: Into<io::Error>>(
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

    /// Whether a file system ran out of space or of quota.
    pub fn is_no_space(&self) -> bool {
        match self {
            Self::Io { source, .. } | Self::Source(source) | Self::Sink(source) => matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            _ => false,
        }
    }

    /// Whether the input is at fault, not this machine.
    pub fn is_invalid_input(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Malformed(_) => true,
            Self::Source(source) => matches!(
                source.kind(),
                io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::UnexpectedEof
            ),
            Self::MarkName(_) => true,
            Self::Io { .. } | Self::Sink(_) => false,
        }
    }
}
