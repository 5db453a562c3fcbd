//! The OCI image layout on disk: blobs, index, lock. It knows nothing of names.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use oci_spec::image::{
    Descriptor, ImageIndex, ImageIndexBuilder, MediaType, SCHEMA_VERSION, Sha256Digest,
};
use serde::de::DeserializeOwned;

use super::error::{Error, Result};
use crate::{layer::ScratchDirectory, model::Digest};

/// The directory of the layout.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    directory: PathBuf,
}

/// A change of the layout under way.
#[derive(Debug)]
pub(super) struct Staging {
    scratch: ScratchDirectory,
}

impl Layout {
    /// The layout at `directory`, which is made if it is missing.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        let layout = Self {
            directory: directory.to_owned(),
        };
        let marker = directory.join("oci-layout");
        if !marker.exists() {
            let blobs = layout.blobs();
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&blobs)
                .map_err(Error::io("make", &blobs))?;
            let _lock = layout.lock()?;
            if !layout.index_path().exists() {
                layout.write_index(&layout.stage()?, Vec::new())?;
            }
            let text = r#"{"imageLayoutVersion":"1.0.0"}"#;
            layout.stage()?.replace(&marker, text.as_bytes())?;
        }
        Ok(layout)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where all blobs are.
    pub(super) fn blobs(&self) -> PathBuf {
        self.directory.join("blobs/sha256")
    }

    /// One blob.
    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// Where blobs are on their way in, and the leases of whoever brings them.
    pub(super) fn ingest(&self) -> PathBuf {
        self.directory.join("ingest")
    }

    /// The same, made if it is missing.
    pub(super) fn make_ingest(&self) -> Result<PathBuf> {
        make(self.ingest())
    }

    /// What steps of builds made.
    pub(super) fn cache(&self) -> PathBuf {
        self.directory.join("cache")
    }

    /// The same, made if it is missing.
    pub(super) fn make_cache(&self) -> Result<PathBuf> {
        make(self.cache())
    }

    /// Where it stands what may not be on the disk yet.
    pub(super) fn unsynced(&self) -> PathBuf {
        self.directory.join("unsynced")
    }

    /// The same, made if it is missing.
    pub(super) fn make_unsynced(&self) -> Result<PathBuf> {
        make(self.unsynced())
    }

    /// What is in `ingest/`.
    pub(super) fn ingest_entries(&self) -> Result<Vec<PathBuf>> {
        let path = self.ingest();
        let failed = || Error::io("list", &path);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed()(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(failed())?.path());
        }
        Ok(paths)
    }

    pub(super) fn index_path(&self) -> PathBuf {
        self.directory.join("index.json")
    }

    /// Waits until nobody uses or changes the store, and keeps it so.
    pub(super) fn lock(&self) -> Result<File> {
        let (path, file) = self.lock_file()?;
        file.lock().map_err(Error::io("lock", path))?;
        Ok(file)
    }

    /// Waits until nobody changes the store, and keeps it so.
    pub(super) fn lock_shared(&self) -> Result<File> {
        let (path, file) = self.lock_file()?;
        file.lock_shared().map_err(Error::io("lock", path))?;
        Ok(file)
    }

    fn lock_file(&self) -> Result<(PathBuf, File)> {
        let path = self.directory.join("lock");
        let file = File::options().append(true).create(true).open(&path);
        let file = file.map_err(Error::io("open", &path))?;
        Ok((path, file))
    }

    /// The descriptors of the index. It is replaced as a whole, so no lock is needed to
    /// read it.
    pub(super) fn index(&self) -> Result<Vec<Descriptor>> {
        let index: ImageIndex = read_json(&self.index_path())?;
        Ok(index.manifests().clone())
    }

    /// Whether a descriptor is of an image. Another tool may put other things beside
    /// ours, such as the index of an image for several platforms.
    pub(super) fn is_image(descriptor: &Descriptor) -> bool {
        match descriptor.media_type() {
            MediaType::ImageManifest => true,
            // The same document under its older name.
            MediaType::Other(name) => {
                name == "application/vnd.docker.distribution.manifest.v2+json"
            }
            _ => false,
        }
    }

    /// A blob that is JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, digest: &Digest) -> Result<T> {
        read_json(&self.blobs().join(digest.hex()))
    }

    /// Begins a change.
    pub(super) fn stage(&self) -> Result<Staging> {
        let scratch = ScratchDirectory::new(&self.directory)
            .map_err(Error::io("make a directory in", &self.directory))?;
        Ok(Staging { scratch })
    }

    /// Replaces the index, durably. Under the exclusive lock.
    pub(super) fn write_index(&self, staging: &Staging, manifests: Vec<Descriptor>) -> Result<()> {
        let index = ImageIndexBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageIndex)
            .manifests(manifests)
            .build()
            .expect("all required fields are set");
        let text = serde_json::to_vec(&index).expect("an index has only string keys");
        staging.replace(&self.index_path(), &text)?;
        sync_directory(&self.directory)
    }
}

impl Staging {
    /// A path in the staging directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Leaves the directory behind, which tells the next sweep that blobs or layers may be
    /// in place that no image names.
    pub(super) fn abandon(self) {
        self.scratch.abandon();
    }

    fn replace(&self, target: &Path, content: &[u8]) -> Result<()> {
        let path = self.path("replacement");
        let write = || {
            let mut file = File::create(&path)?;
            file.write_all(content)?;
            file.sync_all()
        };
        write().map_err(Error::io("write", &path))?;
        fs::rename(&path, target).map_err(Error::io("replace", target))
    }
}

/// Makes what was renamed into a directory survive a power cut.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(Error::io("sync", path))
}

/// Writes everything of the file system that `path` is on to the disk. One call for
/// thousands of files; a sync of each would cost a journal commit each.
pub(super) fn sync_file_system(path: &Path) -> Result<()> {
    let directory = File::open(path).map_err(Error::io("open", path))?;
    rustix::fs::syncfs(directory).map_err(Error::io("sync", path))
}

/// Our digest as oci-spec's.
pub(super) fn oci_digest(digest: &Digest) -> Sha256Digest {
    digest
        .hex()
        .parse()
        .expect("a digest holds 64 hexadecimal digits")
}

/// The digest of a descriptor; `None` for another algorithm, which nothing here writes.
pub(super) fn digest_of(descriptor: &Descriptor) -> Option<Digest> {
    Digest::parse(descriptor.digest().as_ref())
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&text).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        source: io::Error::from(error).into(),
    })
}

fn make(directory: PathBuf) -> Result<PathBuf> {
    match DirBuilder::new().mode(0o700).create(&directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::io("make", directory)(error))
        }
        _ => Ok(directory),
    }
}
