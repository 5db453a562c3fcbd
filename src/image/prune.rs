//! What takes room in the store, and removing what nobody needs.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
};

use jiff::Timestamp;

use super::{
    error::{Error, Result},
    index,
    layout::{Layout, digest_of},
    lease::Leases,
    store::ImageStore,
};
use crate::model::{Digest, Image, ImageUsage, PackedUsage, PruneImages, PrunedImages, StoreUsage};

impl ImageStore {
    /// Removes images that no container uses and that the request names: those without a
    /// name, or all. And with them partial blobs that nobody is fetching. With `preview`
    /// nothing is removed, only told.
    ///
    /// `in_use` tells the containers of an image.
    pub fn prune(
        &self,
        request: &PruneImages,
        in_use: &dyn Fn(&Digest) -> Vec<String>,
    ) -> Result<PrunedImages> {
        self.sweep()?;
        let staging = self.layout.stage()?;
        let mut pruned = PrunedImages::default();
        {
            let _lock = self.layout.lock()?;
            let before = self.list()?;
            let (gone, kept): (Vec<Image>, Vec<Image>) = before
                .into_iter()
                .partition(|image| request.means(image) && in_use(&image.id).is_empty());
            pruned.bytes = self.freed(&gone, &kept)?;
            pruned.images = gone;
            if !request.preview && !pruned.images.is_empty() {
                let ids: HashSet<_> = pruned.images.iter().map(|image| &image.id).collect();
                let mut descriptors = self.layout.index()?;
                descriptors.retain(|descriptor| {
                    let id = self.load_descriptor(descriptor).map(|found| found.id);
                    !Layout::is_image(descriptor) || id.is_ok_and(|id| !ids.contains(&id))
                });
                self.layout.write_index(&staging, descriptors)?;
                if let Err(error) = self.collect() {
                    staging.abandon();
                    return Err(error);
                }
            }
        }
        pruned.partial_bytes = match request.preview {
            true => self.partial_bytes()?,
            false => self.clear_ingest(true)?,
        };
        Ok(pruned)
    }

    /// What takes how much room, from records alone: no tree is walked.
    pub fn usage(&self, in_use: &dyn Fn(&Digest) -> Vec<String>) -> Result<StoreUsage> {
        let images = self.list()?;
        let mut layers: HashMap<&Digest, (u64, bool)> = HashMap::new();
        let mut usage = StoreUsage::default();
        for image in &images {
            let containers = in_use(&image.id).len();
            for layer in &image.layers {
                let known = layers
                    .entry(&layer.diff_id)
                    .or_insert((layer.size_bytes, false));
                known.1 |= containers > 0;
            }
            usage.images.push(ImageUsage {
                containers,
                id: image.id.clone(),
                references: image.references.clone(),
                created: image.created,
                size_bytes: image.size_bytes,
                shared_bytes: image.shared_bytes,
            });
        }
        usage.layers = layers.len();
        usage.layer_bytes = layers.values().map(|(bytes, _)| bytes).sum();
        let free = layers.values().filter(|(_, is_used)| !is_used);
        usage.reclaimable_layer_bytes = free.map(|(bytes, _)| bytes).sum();
        let mut blobs = BTreeMap::new();
        for descriptor in self.layout.index()?.iter().filter(|d| Layout::is_image(d)) {
            let Ok(found) = self.load_descriptor(descriptor) else {
                continue;
            };
            let is_used = !in_use(&found.id).is_empty();
            for (digest, bytes) in sizes(descriptor, &found.manifest) {
                let known = blobs.entry(digest).or_insert((bytes, false));
                known.1 |= is_used;
            }
        }
        let free = blobs.values().filter(|(_, is_used)| !is_used);
        usage.packed = Some(PackedUsage {
            blob_bytes: blobs.values().map(|(bytes, _)| bytes).sum(),
            reclaimable_blob_bytes: free.map(|(bytes, _)| bytes).sum(),
            partial_bytes: self.partial_bytes()?,
        });
        Ok(usage)
    }

    /// Bytes of layers and blobs that go with some images and that no other needs.
    fn freed(&self, gone: &[Image], kept: &[Image]) -> Result<u64> {
        let leases = Leases::read(&self.layout)?;
        let layers = |images: &[Image]| -> BTreeMap<Digest, u64> {
            let layers = images.iter().flat_map(|image| image.layers.iter());
            layers.map(|l| (l.diff_id.clone(), l.size_bytes)).collect()
        };
        let (going, staying) = (layers(gone), layers(kept));
        let is_free = |digest: &Digest| !leases.held.contains(digest.hex());
        let freed = going
            .iter()
            .filter(|(layer, _)| !staying.contains_key(*layer) && is_free(layer));
        let mut bytes: u64 = freed.map(|(_, bytes)| bytes).sum();
        let ids: HashSet<_> = gone.iter().map(|image| &image.id).collect();
        let (mut going, mut staying) = (BTreeMap::new(), HashSet::new());
        for descriptor in self.layout.index()?.iter().filter(|d| Layout::is_image(d)) {
            let Ok(found) = self.load_descriptor(descriptor) else {
                continue;
            };
            for (digest, bytes) in sizes(descriptor, &found.manifest) {
                match ids.contains(&found.id) {
                    true => drop(going.insert(digest, bytes)),
                    false => drop(staying.insert(digest)),
                }
            }
        }
        let freed = going
            .iter()
            .filter(|(blob, _)| !staying.contains(*blob) && is_free(blob));
        bytes += freed.map(|(_, bytes)| bytes).sum::<u64>();
        Ok(bytes)
    }

    /// Bytes of blobs that have come in part.
    fn partial_bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        for path in self.layout.ingest_entries()? {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            if name.len() == 64 {
                match fs::metadata(&path) {
                    Ok(metadata) => bytes += metadata.len(),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(Error::io("look at", path)(error)),
                }
            }
        }
        Ok(bytes)
    }
}

/// The blobs of an image and how long each is.
fn sizes(
    descriptor: &oci_spec::image::Descriptor,
    manifest: &oci_spec::image::ImageManifest,
) -> Vec<(Digest, u64)> {
    let own = [descriptor, manifest.config()].into_iter();
    let all = own.chain(manifest.layers().iter());
    let sized = all.filter_map(|d| digest_of(d).map(|digest| (digest, d.size())));
    // An index is small, and its length stands nowhere.
    let index = index::published(descriptor).map(|digest| (digest, 0));
    sized.chain(index).collect()
}

impl PruneImages {
    /// Whether an image is meant, should no container use it.
    pub fn means(&self, image: &Image) -> bool {
        let is_old = |until: Timestamp| image.created.is_some_and(|created| created < until);
        (self.all || image.references.is_empty())
            && self.until.is_none_or(is_old)
            && self.labels.iter().all(|label| label.matches(&image.labels))
    }
}
