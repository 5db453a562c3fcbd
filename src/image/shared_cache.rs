//! The build cache in a directory that others can be given: `--cache-from`, `--cache-to`.
//!
//! ```text
//! DIR/entries/<hex of a step's key>   what it made, as in the store's own cache
//! DIR/blobs/<hex>                     its packed layer
//! ```
//!
//! A directory is hostile: what comes from it is held against its digests, and a layer is
//! unpacked by the same rules as one from a registry. Whoever gives a directory still says
//! by it what steps make, as whoever names a base image does.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use super::{
    build::Cached,
    error::{Error, Result},
    layout::digest_of,
    lease::Lease,
    store::ImageStore,
};
use crate::{layer::Position, model::Digest};

/// Bytes of the longest entry.
const LONGEST: u64 = 64 << 10;
/// Bytes that are copied at once.
const PIECE: usize = 256 << 10;

impl ImageStore {
    /// What a step made elsewhere, put in place here; the lease keeps it. None if the
    /// directory knows nothing of the step.
    pub fn import_cached(
        &self,
        lease: &Lease,
        directory: &Path,
        key: &Digest,
        position: Position,
    ) -> Result<Option<Cached>> {
        let path = directory.join("entries").join(key.hex());
        let mut text = Vec::new();
        match File::open(&path) {
            Ok(file) => file.take(LONGEST).read_to_end(&mut text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => Err(error),
        }
        .map_err(Error::io("read", &path))?;
        let Ok(cached) = serde_json::from_slice::<Cached>(&text) else {
            return Ok(None);
        };
        let Some(layer) = &cached.layer else {
            return Ok(Some(cached));
        };
        let Some(digest) = digest_of(&layer.blob) else {
            return Ok(None);
        };
        let path = directory.join("blobs").join(digest.hex());
        if let Err(error) = self.copy_blob(lease, &digest, layer.blob.size(), &path) {
            // Unlike half of a download, what is wrong in a directory stays wrong. That it
            // can't be thrown away is less than why it came to that.
            let _ = self.discard(&digest);
            return Err(error);
        }
        let packed = self.open_blob(&digest)?;
        self.unpack_layer(lease, &layer.diff_id, position, packed, &mut |_| {})?;
        Ok(Some(cached))
    }

    fn copy_blob(&self, lease: &Lease, digest: &Digest, size: u64, path: &Path) -> Result<()> {
        let Some(mut ingest) = self.ingest(lease, digest, size)? else {
            return Ok(());
        };
        let mut blob = File::open(path).map_err(Error::io("open", path))?;
        ingest.restart()?;
        let mut piece = vec![0; PIECE];
        loop {
            match blob.read(&mut piece).map_err(Error::io("read", path))? {
                0 => return ingest.commit(),
                read => ingest.append(&piece[..read])?,
            }
        }
    }

    /// Writes what a step made into a directory.
    pub fn export_cached(&self, directory: &Path, key: &Digest, made: &Cached) -> Result<()> {
        let (entries, blobs) = (directory.join("entries"), directory.join("blobs"));
        for directory in [&entries, &blobs] {
            fs::create_dir_all(directory).map_err(Error::io("make", directory))?;
        }
        let beside = |name: &str| format!(".{name}.{}", std::process::id());
        if let Some(digest) = made.layer.as_ref().and_then(|layer| digest_of(&layer.blob)) {
            let place = blobs.join(digest.hex());
            if !place.exists() {
                let beside = blobs.join(beside(digest.hex()));
                fs::copy(self.layout.blob(&digest), &beside)
                    .and_then(|_| fs::rename(&beside, &place))
                    .map_err(Error::io("write", &place))?;
            }
        }
        let text = serde_json::to_vec(made).expect("an entry has only string keys");
        let place = entries.join(key.hex());
        let beside = entries.join(beside(key.hex()));
        fs::write(&beside, text)
            .and_then(|()| fs::rename(&beside, &place))
            .map_err(Error::io("write", &place))
    }
}
