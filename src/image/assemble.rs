//! Making an image of blobs and layers that came from outside: each layer is unpacked
//! once under its diff-id, and the index names the image last.

use std::io::Read;

use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest};
use serde::de::DeserializeOwned;

use super::{
    compression::{Plain, detected},
    config,
    error::{Error, Result},
    index,
    layout::{Layout, digest_of},
    lease::Lease,
    reference::Reference,
    store::ImageStore,
};
use crate::{
    layer::{self, Position, Unpacked},
    model::{Digest, ImportProgress},
};

/// Longest manifest or config, as in containerd and distribution.
pub const LONGEST_DOCUMENT: u64 = 4 << 20;
/// Most layers of an image; docker allows as many.
pub const MOST_LAYERS: usize = 127;

/// An image whose blobs and layers are all in place.
#[derive(Clone, Debug)]
pub struct Assembly {
    /// Its manifest's blob, with the media type that it came under.
    pub manifest: Descriptor,
    /// Names that it gets. One with a digest and no tag is kept as such.
    pub names: Vec<Reference>,
    /// What the registry's name pointed to, if that is not the manifest itself: the
    /// digest of an index for several platforms.
    pub index: Option<Digest>,
    /// Whether it came from, or is known to, a registry under its names.
    pub is_published: bool,
}

impl ImageStore {
    /// Unpacks a layer from its blob or from a stream of the same bytes (plain, gzip or
    /// zstd), unless it is here already or another process is at it, for whom this waits.
    ///
    /// What doesn't have the digest `diff_id` is refused and nothing of it stays. The
    /// lease keeps the layer.
    pub fn unpack_layer(
        &self,
        lease: &Lease,
        diff_id: &Digest,
        position: Position,
        source: impl Read + Send,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<()> {
        lease.add([diff_id])?;
        if self.layers.has(diff_id, position)? {
            return Ok(());
        }
        let _lock = self.lock_layer(diff_id)?;
        if self.layers.has(diff_id, position)? {
            return Ok(());
        }
        let unpacked = self.unpack_packed(source, position, progress)?;
        if unpacked.record.diff_id != *diff_id {
            return Err(Error::LayerDigest {
                expected: diff_id.clone(),
                found: unpacked.record.diff_id.clone(),
            });
        }
        unpacked.keep()?;
        Ok(())
    }

    /// Unpacks an archive that may be packed.
    pub(super) fn unpack_packed(
        &self,
        source: impl Read + Send,
        position: Position,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<Unpacked> {
        detected(source, progress, |format, source, progress| {
            let plain = Plain::new(format, source).map_err(layer::Error::Source)?;
            Ok(self.layers.unpack_known(plain, position, progress)?)
        })
    }

    /// What the layers of a manifest's config are, once both are in place: diff-ids,
    /// lowest first, one for each layer of the manifest.
    pub fn layers_of(&self, manifest: &Digest) -> Result<Vec<Digest>> {
        let manifest = self.manifest(manifest)?;
        self.checked_layers(&manifest).map(|(_, layers)| layers)
    }

    /// A manifest that is in place.
    pub fn manifest(&self, digest: &Digest) -> Result<ImageManifest> {
        self.document(digest, "manifest")
    }

    /// Puts images in the index under their names, all at once, and ends the lease. All
    /// that they consist of must be in place under it, and is synced first. Their ids.
    pub fn assemble(&self, lease: Lease, images: &[Assembly]) -> Result<Vec<Digest>> {
        let mut ids = Vec::new();
        for image in images {
            ids.push(self.check_complete(image)?);
        }
        // Everything reaches the disk before it gets its name, and without the lock,
        // because this is what takes long.
        self.sync()?;
        self.enter(images)?;
        lease.end()?;
        Ok(ids)
    }

    /// The same for an image that a registry has: nothing but its name is synced. A loss
    /// of power before the kernel has written the rest is found out by
    /// [`ImageStore::settle`]. The lease must have been synced with all digests on it.
    pub(super) fn assemble_unsynced(&self, lease: Lease, image: &Assembly) -> Result<Digest> {
        let id = self.check_complete(image)?;
        self.enter(std::slice::from_ref(image))?;
        lease.end_unsynced()?;
        Ok(id)
    }

    /// Puts images in the index.
    fn enter(&self, images: &[Assembly]) -> Result<()> {
        let staging = self.layout.stage()?;
        let _lock = self.layout.lock()?;
        let mut descriptors = self.layout.index()?;
        for image in images {
            let mut manifest = image.manifest.clone();
            manifest.set_annotations(None);
            index::add(&mut descriptors, &manifest);
            for name in &image.names {
                // A digest that is known already under a tag is no further name.
                let is_digest = name.digest().is_some();
                if is_digest && descriptors.iter().any(|d| index::is_named(d, name)) {
                    continue;
                }
                index::give_name(&mut descriptors, &manifest, name);
                if image.is_published {
                    let top = image.index.clone().or_else(|| digest_of(&manifest));
                    index::publish(&mut descriptors, name, top.as_ref());
                }
            }
        }
        self.layout.write_index(&staging, descriptors)
    }

    fn check_complete(&self, image: &Assembly) -> Result<Digest> {
        let digest = digest_of(&image.manifest).ok_or_else(|| Error::Unusable {
            what: "manifest",
            reason: "its digest is not sha256".into(),
        })?;
        if !Layout::is_image(&image.manifest) {
            return Err(Error::Unusable {
                what: "manifest",
                reason: format!("its media type is {}", image.manifest.media_type()),
            });
        }
        let manifest = self.manifest(&digest)?;
        let (id, layers) = self.checked_layers(&manifest)?;
        for descriptor in manifest.layers() {
            let blob = digest_of(descriptor).expect("it was checked with the layers");
            if !self.has_blob(&blob) {
                return Err(Error::MissingBlob { digest: blob });
            }
        }
        for (layer, position) in layers.iter().zip(Position::of(&layers)) {
            if !self.layers.has(layer, position)? {
                return Err(Error::MissingLayer {
                    image: id.short().to_owned(),
                    layer: layer.short().to_owned(),
                });
            }
        }
        if let Some(index) = &image.index
            && !self.has_blob(index)
        {
            return Err(Error::MissingBlob {
                digest: index.clone(),
            });
        }
        Ok(id)
    }

    /// The id and diff-ids of a manifest whose config is in place, if they fit.
    pub(super) fn checked_layers(&self, manifest: &ImageManifest) -> Result<(Digest, Vec<Digest>)> {
        let unusable = |reason: &str| Error::Unusable {
            what: "manifest",
            reason: reason.to_owned(),
        };
        if manifest.layers().len() > MOST_LAYERS {
            return Err(Error::Unusable {
                what: "manifest",
                reason: format!(
                    "it has {} layers, and {MOST_LAYERS} are the most that an image may have",
                    manifest.layers().len()
                ),
            });
        }
        if manifest.layers().iter().any(|l| digest_of(l).is_none()) {
            return Err(unusable("the digest of a layer is not sha256"));
        }
        let id = digest_of(manifest.config())
            .ok_or_else(|| unusable("the digest of its config is not sha256"))?;
        let config: ImageConfiguration = self.document(&id, "image config")?;
        let layers = config::diff_ids(&config).ok_or_else(|| Error::Unusable {
            what: "image config",
            reason: "a diff-id is not sha256".into(),
        })?;
        if layers.len() != manifest.layers().len() {
            return Err(Error::Unusable {
                what: "manifest",
                reason: format!(
                    "it has {} layers and its config {}",
                    manifest.layers().len(),
                    layers.len()
                ),
            });
        }
        Ok((id, layers))
    }

    /// A blob from outside that should be a JSON document.
    pub(super) fn document<T: DeserializeOwned>(
        &self,
        digest: &Digest,
        what: &'static str,
    ) -> Result<T> {
        let path = self.layout.blob(digest);
        let file = self.open_blob(digest)?;
        let mut text = Vec::new();
        file.take(LONGEST_DOCUMENT + 1)
            .read_to_end(&mut text)
            .map_err(Error::io("read", path))?;
        if text.len() as u64 > LONGEST_DOCUMENT {
            return Err(Error::Unusable {
                what,
                reason: format!("it is longer than {LONGEST_DOCUMENT} bytes"),
            });
        }
        serde_json::from_slice(&text).map_err(|error| Error::Unusable {
            what,
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests;
