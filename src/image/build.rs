//! What a builder needs of the store: base images, new layers, and the build cache.
//!
//! ```text
//! images/cache/<hex>            what a step made: its layer, or that it made none
//! images/cache/mounts/<hex>/    a directory that RUN steps keep between builds, and its lock
//! ```
//!
//! A cache entry keeps its layer as an image does, until [`ImageStore::clear_cache`].
//! Entries are written after their layer and name it by its digest, so one that was cut
//! by a crash is no entry, and one whose layer is gone is forgotten when it is met.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use flate2::{Compression, write::GzEncoder};
use oci_spec::image::{Descriptor, ImageManifest, ImageManifestBuilder, MediaType, SCHEMA_VERSION};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    assemble::{Assembly, LONGEST_DOCUMENT},
    compression::Hashed,
    error::{Error, Result},
    layout::{Layout, digest_of, oci_digest},
    lease::Lease,
    save::{Chosen, oci_manifest},
    store::{Found, ImageStore, new_name},
};
use crate::{
    layer::{self, Position, Unpacked},
    model::{Digest, ImportProgress, SaveFormat},
    sys::fs::{Durability, write_atomically},
};

/// A layer with the blob that it is shipped as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackedLayer {
    /// The digest of its tar.
    pub diff_id: Digest,
    /// The packed tar.
    pub blob: Descriptor,
}

/// An image that another is built on.
#[derive(Clone, Debug)]
pub struct Base {
    /// Its layers, lowest first.
    pub layers: Vec<PackedLayer>,
    /// Its config document.
    pub config: Vec<u8>,
}

/// What the build cache knows of a step (`cache/<hex>`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cached {
    /// The layer that it made, if it made any.
    pub layer: Option<PackedLayer>,
    /// When, in RFC 3339: a build that does nothing new makes the same image.
    pub created: String,
}

impl ImageStore {
    /// An image to build on; the lease keeps it.
    pub fn base(&self, lease: &Lease, reference: &str) -> Result<Base> {
        let found = self.find(&self.layout.index()?, reference)?;
        let (id, diff_ids) = self.checked_layers(&found.manifest)?;
        let manifest = oci_manifest(&found.manifest);
        let blobs = manifest.layers().iter().filter_map(digest_of);
        let all: Vec<_> = blobs
            .chain(diff_ids.iter().cloned())
            .chain([id.clone()])
            .collect();
        // Kept first, then looked at again: what is found the second time stays.
        lease.add(&all)?;
        self.find(&self.layout.index()?, id.as_str())?;
        let mut config = Vec::new();
        self.open_blob(&id)?
            .take(LONGEST_DOCUMENT)
            .read_to_end(&mut config)
            .map_err(Error::io("read", self.layout.blob(&id)))?;
        let layers = diff_ids.into_iter().zip(manifest.layers().iter().cloned());
        let layers = layers.map(|(diff_id, blob)| PackedLayer { diff_id, blob });
        Ok(Base {
            layers: layers.collect(),
            config,
        })
    }

    /// Makes a layer of what `pack` writes as a tar; the lease keeps it.
    pub fn pack_layer(
        &self,
        lease: &Lease,
        position: Position,
        progress: &mut dyn FnMut(ImportProgress),
        pack: impl FnOnce(&mut dyn Write) -> layer::Result<()> + Send,
    ) -> Result<PackedLayer> {
        let staging = self.layout.stage()?;
        let path = staging.path("layer");
        let file = File::create(&path).map_err(Error::io("make", &path))?;
        let mut packed = GzEncoder::new(Hashed::new(file), Compression::fast());
        let (reader, mut writer) = io::pipe().map_err(Error::io("make a pipe for", &path))?;
        let unpacked = thread::scope(|scope| {
            let packing = scope.spawn(move || pack(&mut writer));
            let unpacked = self
                .layers
                .unpack(reader, position, Some(&mut packed), progress);
            match packing.join() {
                // Whoever unpacks has told why it listens no more.
                Ok(Err(layer::Error::Sink(_)) | Ok(())) => Ok(unpacked?),
                // The unpacking then only saw an archive that ends in the middle.
                Ok(Err(error)) => Err(Error::from(error)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })?;
        self.keep_layer(lease, unpacked, packed, &path)
    }

    /// Makes a layer of a directory that overlayfs has written to, and takes the directory
    /// (see [`layer::LayerStore::adopt`]); the lease keeps it.
    pub fn adopt_layer(
        &self,
        lease: &Lease,
        position: Position,
        upper: &Path,
        skip: &(dyn Fn(&Path) -> bool + Sync),
    ) -> Result<PackedLayer> {
        let staging = self.layout.stage()?;
        let path = staging.path("layer");
        let file = File::create(&path).map_err(Error::io("make", &path))?;
        let mut packed = GzEncoder::new(Hashed::new(file), Compression::fast());
        let adopted = self.layers.adopt(upper, skip, &mut packed)?;
        let layer = self.keep_layer(lease, adopted, packed, &path)?;
        if position == Position::Lowest {
            // The directory may have marks, as a new directory of an overlay has: beside it
            // come files without them. That is seldom, so they are written again then.
            let blob = digest_of(&layer.blob).expect("it was made of our digest");
            let blob = self.open_blob(&blob)?;
            self.unpack_layer(lease, &layer.diff_id, position, blob, &mut |_| {})?;
        }
        Ok(layer)
    }

    fn keep_layer(
        &self,
        lease: &Lease,
        unpacked: Unpacked,
        packed: GzEncoder<Hashed<File>>,
        path: &Path,
    ) -> Result<PackedLayer> {
        let finished = packed.finish().and_then(Hashed::finish);
        let (blob, size) = finished.map_err(Error::io("write", path))?;
        self.place_layer(
            lease,
            unpacked,
            path,
            &blob,
            size,
            MediaType::ImageLayerGzip,
        )
    }

    /// Puts a layer in place, and its blob, which is complete at `path`; the lease keeps
    /// both.
    pub(super) fn place_layer(
        &self,
        lease: &Lease,
        unpacked: Unpacked,
        path: &Path,
        blob: &Digest,
        size: u64,
        media_type: MediaType,
    ) -> Result<PackedLayer> {
        let diff_id = unpacked.record.diff_id.clone();
        lease.add([blob, &diff_id])?;
        unpacked.keep()?;
        let target = self.layout.blob(blob);
        fs::rename(path, &target).map_err(Error::io("put in place", target))?;
        Ok(PackedLayer {
            diff_id,
            blob: Descriptor::new(media_type, size, oci_digest(blob)),
        })
    }

    /// What a step made when it ran before, which the lease then keeps.
    pub fn cached(&self, lease: &Lease, key: &Digest) -> Result<Option<Cached>> {
        let path = self.layout.cache().join(key.hex());
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        let Ok(cached) = serde_json::from_slice::<Cached>(&text) else {
            return Ok(None);
        };
        if let Some(layer) = &cached.layer {
            let Some(blob) = digest_of(&layer.blob) else {
                return Ok(None);
            };
            lease.add([&blob, &layer.diff_id])?;
            let is_whole = self.has_blob(&blob) && self.layers.record(&layer.diff_id)?.is_some();
            if !is_whole {
                return Ok(None);
            }
        }
        // Its age counts from its last use. It may have been cleared away just now.
        let used = File::options().write(true).open(&path);
        let _ = used.and_then(|file| file.set_modified(SystemTime::now()));
        Ok(Some(cached))
    }

    /// Remembers what a step made.
    pub fn cache(&self, key: &Digest, made: &Cached) -> Result<()> {
        let directory = self.layout.make_cache()?;
        let text = serde_json::to_vec(made).expect("an entry has only string keys");
        let path = directory.join(key.hex());
        write_atomically(&path, &text, Durability::Unsynced).map_err(Error::io("write", path))
    }

    /// A directory that steps of any build keep things in, and a lock on it: shared, or
    /// for one at a time.
    pub fn cache_directory(
        &self,
        id: &str,
        mode: u32,
        owner: (u32, u32),
        is_shared: bool,
    ) -> Result<(PathBuf, File)> {
        let hex = Digest::from_sha256(&Sha256::digest(id).into());
        let place = self.layout.make_cache()?.join("mounts").join(hex.hex());
        let directory = place.join("files");
        let make = || -> io::Result<File> {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&place)?;
            let lock = File::options()
                .append(true)
                .create(true)
                .open(place.join("lock"))?;
            match is_shared {
                true => lock.lock_shared()?,
                false => lock.lock()?,
            }
            if !directory.is_dir() {
                fs::create_dir(&directory)?;
                chown(&directory, Some(owner.0), Some(owner.1))?;
                fs::set_permissions(&directory, fs::Permissions::from_mode(mode & 0o7777))?;
            }
            Ok(lock)
        };
        let lock = make().map_err(Error::io("make", &place))?;
        Ok((directory, lock))
    }

    /// Forgets cache entries that were not used for `age`, and the directories of steps
    /// with them if `all` is set; what only they kept goes. How many entries went.
    pub fn clear_cache(&self, age: Duration, all: bool) -> Result<usize> {
        let directory = self.layout.cache();
        let mut cleared = 0;
        {
            let _lock = self.layout.lock()?;
            let now = SystemTime::now();
            for path in entries(&directory)? {
                let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
                let modified = modified.map_err(Error::io("look at", &path))?;
                if now.duration_since(modified).unwrap_or_default() >= age {
                    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                    cleared += 1;
                }
            }
            let mounts = directory.join("mounts");
            if all && mounts.exists() {
                layer::remove_tree(&mounts).map_err(Error::io("remove", mounts))?;
            }
            self.collect()?;
        }
        Ok(cleared)
    }

    /// Writes an image of a config and layers that the lease keeps as an archive, without
    /// keeping it here.
    pub fn save_layers(
        &self,
        lease: &Lease,
        config: &[u8],
        layers: &[PackedLayer],
        names: &[String],
        format: SaveFormat,
        out: impl Write,
    ) -> Result<()> {
        let names = names.iter().map(|name| new_name(name));
        let names = names.collect::<Result<Vec<_>>>()?;
        let (id, descriptor, manifest) = self.put_manifest(lease, config, layers)?;
        let image = Chosen {
            found: Found {
                id,
                descriptor,
                manifest,
            },
            names,
            layers: layers.iter().map(|layer| layer.diff_id.clone()).collect(),
        };
        self.save_chosen(&[image], format, out, &mut |_| {})
    }

    /// Makes an image of a config and layers that the lease keeps, and names it; without
    /// a name it is nameless. Its id.
    pub fn assemble_layers(
        &self,
        lease: Lease,
        config: &[u8],
        layers: &[PackedLayer],
        names: &[String],
    ) -> Result<Digest> {
        let names = names.iter().map(|name| new_name(name));
        let names = names.collect::<Result<Vec<_>>>()?;
        let (id, manifest, _) = self.put_manifest(&lease, config, layers)?;
        let assembly = Assembly {
            manifest,
            names,
            index: None,
            is_published: false,
        };
        self.assemble(lease, &[assembly])?;
        Ok(id)
    }

    /// Puts a config and its manifest in place: the config's digest, and the manifest.
    fn put_manifest(
        &self,
        lease: &Lease,
        config: &[u8],
        layers: &[PackedLayer],
    ) -> Result<(Digest, Descriptor, ImageManifest)> {
        let id = self.put_blob(lease, config)?;
        let manifest = ImageManifestBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageManifest)
            .config(Descriptor::new(
                MediaType::ImageConfig,
                config.len() as u64,
                oci_digest(&id),
            ))
            .layers(
                layers
                    .iter()
                    .map(|layer| layer.blob.clone())
                    .collect::<Vec<_>>(),
            )
            .build()
            .expect("all required fields are set");
        let text = serde_json::to_vec(&manifest).expect("a manifest has only string keys");
        let digest = oci_digest(&self.put_blob(lease, &text)?);
        let descriptor = Descriptor::new(MediaType::ImageManifest, text.len() as u64, digest);
        Ok((id, descriptor, manifest))
    }
}

/// Digests that the build cache keeps.
pub(super) fn kept(layout: &Layout) -> Result<Vec<Digest>> {
    let mut kept = Vec::new();
    for path in entries(&layout.cache())? {
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        let entry = serde_json::from_slice(&text).ok();
        if let Some(Cached {
            layer: Some(layer), ..
        }) = entry
        {
            kept.extend(digest_of(&layer.blob));
            kept.push(layer.diff_id);
        }
    }
    Ok(kept)
}

fn entries(directory: &std::path::Path) -> Result<Vec<PathBuf>> {
    let failed = || Error::io("list", directory);
    let read = match fs::read_dir(directory) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed()(error)),
    };
    let mut entries = Vec::new();
    for entry in read {
        let entry = entry.map_err(failed())?;
        if entry.file_type().map_err(failed())?.is_file() {
            entries.push(entry.path());
        }
    }
    Ok(entries)
}
