//! What layers and containers hold: entries, trees of them in pages, and what of them is
//! wasted.

use std::{collections::BTreeSet, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{ContainerId, Digest};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum FileKind {
    File,
    Directory,
    Symlink,
    CharacterDevice,
    BlockDevice,
    Fifo,
    Socket,
    /// What the layers below have at this path is removed.
    Whiteout,
}

/// One entry of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name within its directory: any bytes but a slash and zero.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits, with set-user-id, set-group-id and sticky.
    pub mode: u16,
    /// Its owner's number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
    /// Bytes of a file; the device number of a device; else 0.
    pub size_bytes: u64,
    /// When it was modified, in seconds since 1970.
    pub modified: i64,
    /// And nanoseconds.
    pub modified_ns: u32,
    /// Where a symbolic link points.
    pub target: Vec<u8>,
    /// Whether a directory hides all that the layers below have in it.
    pub is_opaque: bool,
    /// Whether it is a further name of a file whose bytes are counted elsewhere.
    pub is_link: bool,
}

impl FileEntry {
    /// Whether other entries lie in it.
    pub fn is_directory(&self) -> bool {
        self.kind == FileKind::Directory
    }

    /// Bytes that it adds to its layer.
    pub fn counted_bytes(&self) -> u64 {
        match self.kind {
            FileKind::File if !self.is_link => self.size_bytes,
            _ => 0,
        }
    }
}

/// What a layer did at a path, against the layers below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Nothing: it is from a layer below.
    Unchanged,
    /// It was not there below.
    Added,
    /// It was, and the layer has it anew.
    Modified,
    /// It was, and is no more.
    Removed,
}

/// Whose files are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FilesOf {
    /// An image's, up to one of its layers; 0 is the lowest.
    Image {
        /// Its reference or id.
        reference: String,
        /// The layer; the topmost if it has fewer.
        layer: usize,
    },
    /// A container's: its image's layers and what it wrote.
    Container(ContainerId),
    /// A volume's, by its name.
    Volume(String),
}

impl FilesOf {
    /// What a message calls it.
    pub fn subject(&self) -> &str {
        match self {
            Self::Image { reference, .. } => reference,
            Self::Container(id) => id.short(),
            Self::Volume(name) => name,
        }
    }
}

/// Which part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// What is seen with this layer on top of all below.
    #[default]
    Merged,
    /// What this layer alone adds, modifies and removes.
    Layer,
}

/// Order of the entries of a directory. By name directories stand first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum FileOrder {
    #[default]
    Name,
    Size,
}

/// Which lines of a tree of files are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRequest {
    /// Whose.
    pub of: FilesOf,
    /// Which part.
    pub view: View,
    /// The directory that the tree begins in, without a leading slash; empty for the root.
    pub below: Vec<u8>,
    /// Whether every directory is open.
    pub is_unfolded: bool,
    /// Paths of the directories whose entries are shown, without a leading slash; the
    /// root is always open.
    pub open: BTreeSet<Vec<u8>>,
    /// Only entries whose name contains it, or with a slash in it whose path does, in any
    /// case, with all above them; every directory on the way is open then. Empty for all.
    pub filter: String,
    /// Their order.
    pub order: FileOrder,
    /// The first line wanted.
    pub offset: usize,
    /// How many.
    pub limit: usize,
    /// The line of this path is wanted: its number is told, and the page is the one that
    /// holds it.
    pub reveal: Option<Vec<u8>>,
}

/// Lines of a tree of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreePage {
    /// The number of the first.
    pub offset: usize,
    /// Lines that there are in all.
    pub total: usize,
    /// The lines.
    pub rows: Vec<TreeRow>,
    /// The number of the line that was to be revealed, if it is there.
    pub revealed: Option<usize>,
    /// Bytes of everything, the filter aside.
    pub bytes: u64,
    /// Files and other entries that are no directories, likewise.
    pub files: u64,
}

/// One line of a tree of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRow {
    /// Its path without a leading slash.
    pub path: Vec<u8>,
    /// How deep it lies; 0 in the root directory.
    pub depth: usize,
    /// What it is.
    pub entry: FileEntry,
    /// What the layer did with it.
    pub mark: Mark,
    /// Bytes of a file, or of all files below a directory.
    pub bytes: u64,
    /// Files below a directory.
    pub files: u64,
    /// Whether its entries follow.
    pub is_open: bool,
}

/// The layers of an image, and what they waste.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageLayers {
    /// The image's id.
    pub id: Digest,
    /// Its names.
    pub references: Vec<String>,
    /// `os/architecture`.
    pub platform: String,
    /// Its layers, lowest first.
    pub layers: Vec<LayerDetails>,
    /// What later layers hide of earlier ones.
    pub waste: Waste,
}

/// What there is to know of one layer of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerDetails {
    /// The digest of its uncompressed tar.
    pub diff_id: Digest,
    /// The digest of its blob, as registries know it, if the manifest tells.
    pub blob: Option<Digest>,
    /// The command that made it.
    pub created_by: String,
    /// Bytes of its files.
    pub size_bytes: u64,
    /// Bytes of its blob, packed as it was given, if the manifest tells.
    pub packed_bytes: Option<u64>,
    /// Its files and other entries that are no directories.
    pub files: u64,
    /// Bytes of it that later layers hide.
    pub wasted_bytes: u64,
    /// Names of other images that have it too.
    pub shared_with: Vec<String>,
}

/// What is in an image and can't be seen in it: files that a later layer overwrote or
/// removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waste {
    /// Bytes of all layers together.
    pub total_bytes: u64,
    /// Bytes of the layers above the lowest: what the image's maker added.
    pub added_bytes: u64,
    /// Bytes of file versions that a later layer overwrote or removed.
    pub wasted_bytes: u64,
    /// As `dive` defines it: for each path the smallest size that it has in any layer, 0
    /// if it is removed, summed up and divided by the sum of all sizes that it has. 1 if
    /// nothing is ever overwritten or removed.
    pub efficiency: f64,
    /// The paths that waste most, the largest first.
    pub files: Vec<WastedFile>,
    /// How many paths waste something, those that are not listed too.
    pub count: u64,
}

impl Waste {
    /// Wasted bytes as a share of what the layers above the lowest hold.
    pub fn wasted_share(&self) -> f64 {
        match self.added_bytes {
            0 => 0.0,
            added => self.wasted_bytes as f64 / added as f64,
        }
    }
}

/// A path that is in several layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WastedFile {
    /// The path without a leading slash. What is not UTF-8 is escaped as `\xff`.
    pub path: String,
    /// The same as it is.
    #[serde(skip)]
    pub raw_path: Vec<u8>,
    /// Bytes that nobody sees.
    pub bytes: u64,
    /// Versions of files that nobody sees.
    pub files: u64,
    /// The layer that hid them last; 0 is the lowest.
    pub layer: usize,
    /// Whether that one removed them, rather than overwriting them.
    pub is_removed: bool,
}

/// Which bytes of a file are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRequest {
    /// Whose.
    pub of: FilesOf,
    /// The file's path without a leading slash.
    pub path: Vec<u8>,
    /// The first byte.
    pub offset: u64,
    /// How many at most.
    pub limit: usize,
}

/// Bytes of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePage {
    /// Where they begin.
    pub offset: u64,
    /// They.
    pub bytes: Vec<u8>,
    /// Bytes of the whole file.
    pub size_bytes: u64,
}

/// What is to be copied to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractRequest {
    /// Whose.
    pub of: FilesOf,
    /// Its path without a leading slash; empty for everything.
    pub path: Vec<u8>,
    /// Where it is to be: a path at which nothing is yet.
    pub to: PathBuf,
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Files, links and directories.
    pub entries: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Devices, sockets and pipes, which were left out.
    pub skipped: u64,
}
