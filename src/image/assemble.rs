//! Making an image of blobs and layers that came from outside: each layer is unpacked
//! once under its diff-id, and the index names the image last.

use std::{
    io::Read,
    sync::atomic::{AtomicU64, Ordering},
};

use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest};
use serde::de::DeserializeOwned;

use super::{
    compression::{Counted, Plain, detect},
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
        if self.layers.record(diff_id)?.is_some() {
            return Ok(());
        }
        let _lock = self.lock_layer(diff_id)?;
        if self.layers.record(diff_id)?.is_some() {
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
        let count = AtomicU64::new(0);
        let counted = Counted {
            source,
            count: &count,
        };
        let mut progress = |unpacked: ImportProgress| {
            progress(ImportProgress {
                read_bytes: count.load(Ordering::Relaxed),
                ..unpacked
            });
        };
        let (format, mut source) = detect(counted).map_err(layer::Error::Source)?;
        let plain = Plain::new(format, &mut source).map_err(layer::Error::Source)?;
        Ok(self.layers.unpack_known(plain, position, &mut progress)?)
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
        let staging = self.layout.stage()?;
        {
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
            self.layout.write_index(&staging, descriptors)?;
        }
        lease.end()?;
        Ok(ids)
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
        for layer in &layers {
            if self.layers.record(layer)?.is_none() {
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
mod tests {
    use std::{fs, path::PathBuf, thread};

    use oci_spec::image::MediaType;
    use sha2::{Digest as _, Sha256};

    use super::{
        super::{ingest::Arrival, layout::oci_digest, lease::Unfinished},
        *,
    };

    const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

    struct Outside {
        directory: tempfile::TempDir,
        store: ImageStore,
    }

    fn digest(content: &[u8]) -> Digest {
        Digest::from_sha256(&Sha256::digest(content).into())
    }

    fn tar(name: &str) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o644);
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_data(&mut header, name, &b"hi"[..]).unwrap();
        builder.into_inner().unwrap()
    }

    impl Outside {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let store = open(directory.path());
            Self { directory, store }
        }

        fn names(&self, path: &str) -> Vec<String> {
            let entries = fs::read_dir(self.directory.path().join(path));
            let mut names: Vec<_> = entries
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }

        /// Config and manifest of an image of these layers, as a docker registry has it.
        fn documents(&self, lease: &Lease, layers: &[Vec<u8>]) -> Descriptor {
            let diff_ids: Vec<_> = layers.iter().map(|l| digest(l).to_string()).collect();
            let config = serde_json::json!({
                "architecture": "amd64", "os": "linux", "config": {},
                "rootfs": { "type": "layers", "diff_ids": diff_ids },
            })
            .to_string();
            let config_digest = self.store.put_blob(lease, config.as_bytes()).unwrap();
            let blobs: Vec<_> = layers
                .iter()
                .map(|layer| {
                    serde_json::json!({
                        "mediaType": "application/vnd.docker.image.rootfs.diff.tar",
                        "size": layer.len(), "digest": digest(layer).to_string(),
                    })
                })
                .collect();
            // Spaces that a parser would not keep: the digest is of these bytes.
            let manifest = format!(
                "{{  \"schemaVersion\": 2, \"mediaType\": \"{DOCKER}\", \"config\": {}, \"layers\": {}  }}",
                serde_json::json!({
                    "mediaType": "application/vnd.docker.container.image.v1+json",
                    "size": config.len(), "digest": config_digest.to_string(),
                }),
                serde_json::json!(blobs),
            );
            let digest = self.store.put_blob(lease, manifest.as_bytes()).unwrap();
            Descriptor::new(
                MediaType::Other(DOCKER.to_owned()),
                manifest.len() as u64,
                oci_digest(&digest),
            )
        }

        fn bring(&self, lease: &Lease, layer: &[u8], position: Position) -> Result<()> {
            let id = digest(layer);
            if let Some(mut blob) = self.store.ingest(lease, &id, layer.len() as u64)? {
                blob.restart()?;
                blob.append(layer)?;
                blob.commit()?;
            }
            let file = self.store.open_blob(&id)?;
            self.store
                .unpack_layer(lease, &id, position, file, &mut |_| {})
        }
    }

    fn open(directory: &std::path::Path) -> ImageStore {
        ImageStore::open(&directory.join("images"), &directory.join("layers")).unwrap()
    }

    fn assembly(manifest: Descriptor, name: &str) -> Assembly {
        Assembly {
            manifest,
            names: vec![Reference::parse(name).unwrap()],
            index: None,
            is_published: true,
        }
    }

    #[test]
    fn image_from_outside_keeps_its_manifest_and_is_found_by_every_digest() {
        let o = Outside::new();
        let lease = o.store.lease(Unfinished::Resume).unwrap();
        let layers = [tar("low"), tar("high")];
        o.bring(&lease, &layers[0], Position::Lowest).unwrap();
        o.bring(&lease, &layers[1], Position::Above).unwrap();
        let manifest = o.documents(&lease, &layers);
        let index = o.store.put_blob(&lease, b"{\"manifests\":[]}").unwrap();
        let assembly = Assembly {
            index: Some(index.clone()),
            ..assembly(manifest.clone(), "reg:5000/app:1")
        };
        let ids = o.store.assemble(lease, &[assembly]).unwrap();
        let own = digest_of(&manifest).unwrap();
        for name in [
            "reg:5000/app:1".to_owned(),
            format!("reg:5000/app@{index}"),
            format!("reg:5000/app@{own}"),
            format!("reg:5000/app:1@{own}"),
        ] {
            assert_eq!(o.store.resolve(&name).unwrap().id, ids[0], "{name}");
        }
        assert!(o.store.resolve(&format!("other@{index}")).is_err());
        let image = &o.store.list().unwrap()[0];
        assert_eq!(image.repo_digests, [format!("reg:5000/app@{index}")]);
        assert_eq!((&image.manifest, image.layers.len()), (&own, 2));
        assert_eq!(o.names("images/ingest"), Vec::<String>::new());
        // A collection keeps the index too, and the last name takes all with it.
        o.store.tag("reg:5000/app:1", "b").unwrap();
        o.store.remove("b", false, &|_| Vec::new()).unwrap();
        assert!(o.store.has_blob(&index));
        o.store
            .remove("reg:5000/app:1", false, &|_| Vec::new())
            .unwrap();
        assert_eq!(o.names("images/blobs/sha256"), Vec::<String>::new());
        assert_eq!(o.names("layers"), Vec::<String>::new());
    }

    #[test]
    fn what_a_dead_writer_left_is_gone_on_with() {
        let o = Outside::new();
        let content = vec![7; 100_000];
        let id = digest(&content);
        let lease = o.store.lease(Unfinished::Resume).unwrap();
        let mut blob = o.store.ingest(&lease, &id, 100_000).unwrap().unwrap();
        blob.append(&content[..60_000]).unwrap();
        // As if killed: nothing is dropped in order, the locks go by themselves.
        drop(blob);
        drop(lease);
        o.store.sweep().unwrap();
        assert_eq!(o.names("images/ingest"), [id.hex()]);
        let lease = o.store.lease(Unfinished::Resume).unwrap();
        let mut blob = o.store.ingest(&lease, &id, 100_000).unwrap().unwrap();
        assert_eq!(blob.written(), 60_000);
        let mut before = Vec::new();
        blob.reader().unwrap().read_to_end(&mut before).unwrap();
        assert_eq!(before, content[..60_000]);
        assert!(blob.append(&[7; 50_000]).is_err(), "too long");
        blob.append(&content[60_000..]).unwrap();
        blob.commit().unwrap();
        assert!(o.store.has_blob(&id));
        // Its pull fails: the blob waits among the partial ones, whole.
        drop(lease);
        assert!(!o.store.has_blob(&id));
        let lease = o.store.lease(Unfinished::Discard).unwrap();
        let blob = o.store.ingest(&lease, &id, 100_000).unwrap().unwrap();
        assert_eq!(blob.written(), 100_000);
        blob.commit().unwrap();
        drop(lease);
        assert_eq!(o.names("images/blobs/sha256"), Vec::<String>::new());
        assert_eq!(o.names("images/ingest"), Vec::<String>::new());
    }

    #[test]
    fn one_process_writes_and_the_others_wait_for_the_blob() {
        let o = Outside::new();
        let content = b"content".as_slice();
        let id = digest(content);
        let lease = o.store.lease(Unfinished::Resume).unwrap();
        let mut blob = o.store.ingest(&lease, &id, 7).unwrap().unwrap();
        blob.append(b"con").unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let store = open(o.directory.path());
                let lease = store.lease(Unfinished::Resume).unwrap();
                assert!(matches!(
                    store.try_ingest(&lease, &id, 7).unwrap(),
                    Arrival::Busy { written: 3.. } | Arrival::Present
                ));
                let ours = store.ingest(&lease, &id, 7).unwrap();
                assert!(ours.is_none(), "it came without us");
                // Its lease keeps the blob when the writer's ends.
                lease
            });
            blob.append(b"tent").unwrap();
            while !waiting.is_finished() && o.names("images/ingest").len() < 3 {
                thread::yield_now();
            }
            blob.commit().unwrap();
            let other = waiting.join().unwrap();
            drop(lease);
            assert!(o.store.has_blob(&id));
            drop(other);
            assert!(!o.store.has_blob(&id));
        });
    }

    #[test]
    fn lease_of_a_living_process_keeps_what_no_image_names() {
        let o = Outside::new();
        let lease = o.store.lease(Unfinished::Discard).unwrap();
        let layer = tar("file");
        o.bring(&lease, &layer, Position::Lowest).unwrap();
        o.store.collect().unwrap();
        o.store.sweep().unwrap();
        assert!(o.store.has_blob(&digest(&layer)));
        assert_eq!(o.names("layers"), [digest(&layer).hex()]);
        drop(lease);
        assert_eq!(o.names("layers"), Vec::<String>::new());
        assert_eq!(o.names("images/blobs/sha256"), Vec::<String>::new());
        assert_eq!(o.names("images/ingest"), Vec::<String>::new());
    }

    #[test]
    fn whatever_is_not_what_its_digest_says_is_refused() {
        let o = Outside::new();
        let lease = o.store.lease(Unfinished::Discard).unwrap();
        let mut blob = o.store.ingest(&lease, &digest(b"a"), 1).unwrap().unwrap();
        blob.append(b"b").unwrap();
        assert!(matches!(
            blob.commit().unwrap_err(),
            Error::BlobDigest { .. }
        ));
        assert!(!o.store.has_blob(&digest(b"a")));
        assert_eq!(o.names("images/ingest").len(), 1, "only the lease");

        let (layer, other) = (tar("file"), digest(b"other"));
        let error = o.store.unpack_layer(
            &lease,
            &other,
            Position::Lowest,
            layer.as_slice(),
            &mut |_| {},
        );
        assert!(matches!(error.unwrap_err(), Error::LayerDigest { .. }));
        assert_eq!(o.names("layers"), Vec::<String>::new());

        // A manifest whose layer is not here, and one with more than any image has.
        let manifest = o.documents(&lease, std::slice::from_ref(&layer));
        let error = o
            .store
            .assemble(lease, &[assembly(manifest, "a")])
            .unwrap_err();
        assert!(matches!(error, Error::MissingBlob { .. }), "{error}");
        let lease = o.store.lease(Unfinished::Discard).unwrap();
        let manifest = o.documents(&lease, &vec![layer; 10_000]);
        let error = o
            .store
            .assemble(lease, &[assembly(manifest, "a")])
            .unwrap_err();
        assert!(error.to_string().contains("10000 layers"), "{error}");
        assert_eq!(o.store.list().unwrap(), []);
        assert_eq!(o.names("images/blobs/sha256"), Vec::<String>::new());
    }

    #[test]
    fn partial_blobs_go_after_a_day() {
        let o = Outside::new();
        let lease = o.store.lease(Unfinished::Resume).unwrap();
        for content in ["old", "new", "written"] {
            let blob = o.store.ingest(&lease, &digest(content.as_bytes()), 9);
            let mut blob = blob.unwrap().unwrap();
            blob.append(b"part").unwrap();
            let path: PathBuf = o.store.layout.ingest();
            let file = fs::File::open(path.join(digest(content.as_bytes()).hex())).unwrap();
            if content != "new" {
                let day = std::time::Duration::from_secs(25 * 60 * 60);
                file.set_modified(std::time::SystemTime::now() - day)
                    .unwrap();
            }
            if content == "written" {
                o.store.sweep().unwrap();
                let names = o.names("images/ingest");
                assert!(names.contains(&digest(b"written").hex().to_owned()), "held");
            }
        }
        drop(lease);
        assert_eq!(o.names("images/ingest").len(), 1);
        assert_eq!(o.store.clear_ingest(true).unwrap(), 4);
        assert_eq!(o.names("images/ingest"), Vec::<String>::new());
    }
}
