//! The image store: finding, listing and naming images.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    path::Path,
};

use jiff::Timestamp;
use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest};

use super::{
    config,
    error::{Error, Result},
    index,
    layout::{Layout, digest_of},
    reference::Reference,
};
use crate::{
    layer::LayerStore,
    model::{Digest, HealthCheck, Image, ImageDefaults, Layer},
};

/// The store. A value is cheap and holds no lock; any number of processes use one
/// directory at once.
#[derive(Clone, Debug)]
pub struct ImageStore {
    pub(super) layout: Layout,
    pub(super) layers: LayerStore,
}

/// Images that one thread reads at least.
const LISTED_ALONE: usize = 32;

/// What a container needs to know of its image.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedImage {
    /// The digest of its config.
    pub id: Digest,
    /// Its names, familiar.
    pub references: Vec<String>,
    /// What runs by default.
    pub defaults: ImageDefaults,
    /// Labels of its config.
    pub labels: BTreeMap<String, String>,
    /// Diff-ids of its layers, lowest first.
    pub layers: Vec<Digest>,
    /// How its containers' health is checked.
    pub health: Option<HealthCheck>,
}

/// While it lives, no image is removed.
#[derive(Debug)]
pub struct SharedLock {
    _file: File,
}

/// One image of the index: the manifest that its descriptors share.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) id: Digest,
    pub(super) descriptor: Descriptor,
    pub(super) manifest: ImageManifest,
}

impl ImageStore {
    /// The store whose OCI layout is at `images` and whose unpacked layers are at
    /// `layers`; both are made if they are missing.
    pub fn open(images: &Path, layers: &Path) -> Result<Self> {
        Ok(Self {
            layout: Layout::open(images)?,
            layers: LayerStore::open(layers)?,
        })
    }

    /// The same store, in which no layer may unpack to more bytes.
    pub fn with_most_layer_bytes(self, most_bytes: u64) -> Self {
        Self {
            layers: self.layers.with_most_bytes(most_bytes),
            ..self
        }
    }

    /// The unpacked layers.
    pub fn layers(&self) -> &LayerStore {
        &self.layers
    }

    /// Keeps every image as long as the guard lives: held from resolving a reference
    /// until the container that uses it is on record.
    pub fn hold_shared(&self) -> Result<SharedLock> {
        let _file = self.layout.lock_shared()?;
        Ok(SharedLock { _file })
    }

    /// The image that a user means by a reference, an id or the beginning of an id.
    pub fn resolve(&self, reference: &str) -> Result<ResolvedImage> {
        self.consistent(|descriptors| self.resolve_in(descriptors, reference))
    }

    fn resolve_in(&self, descriptors: &[Descriptor], reference: &str) -> Result<ResolvedImage> {
        let found = self.find(descriptors, reference)?;
        let config: ImageConfiguration = self.layout.json(&found.id)?;
        let layers = self.diff_ids(&found.id, &config)?;
        for layer in &layers {
            if !self.layers.is_here(layer) {
                return Err(Error::MissingLayer {
                    image: reference.to_owned(),
                    layer: layer.short().to_owned(),
                });
            }
        }
        let same = descriptors
            .iter()
            .filter(|other| other.digest() == found.descriptor.digest());
        let mut references: Vec<_> = same.filter_map(familiar_name).collect();
        references.sort();
        Ok(ResolvedImage {
            references,
            defaults: config::defaults(&config),
            labels: config::labels(&config),
            health: config::health(&self.layout.json(&found.id)?),
            id: found.id,
            layers,
        })
    }

    /// The config of an image, as the OCI image specification writes it.
    pub fn config_json(&self, reference: &str) -> Result<serde_json::Value> {
        self.consistent(|descriptors| {
            let found = self.find(descriptors, reference)?;
            self.layout.json(&found.id)
        })
    }

    /// The images of these descriptors, one each. Many are read side by side: they are
    /// thousands of small files.
    pub(super) fn describe_all(
        &self,
        descriptors: &[&Descriptor],
        are_whole: bool,
    ) -> Result<Vec<Image>> {
        let describe = |descriptors: &[&Descriptor]| -> Result<Vec<Image>> {
            let mut sizes = HashMap::new();
            let images = descriptors.iter().map(|descriptor| {
                let found = self.load_descriptor(descriptor)?;
                self.describe(found, &mut sizes)
            });
            images.filter(|image| are_whole || image.is_ok()).collect()
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = descriptors.len().div_ceil(threads).max(LISTED_ALONE);
        if descriptors.len() <= share {
            return describe(descriptors);
        }
        std::thread::scope(|scope| {
            let work = descriptors.chunks(share);
            let work: Vec<_> = work.map(|part| scope.spawn(|| describe(part))).collect();
            let mut images = Vec::with_capacity(descriptors.len());
            for part in work {
                let part = part.join();
                images.extend(part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(images)
        })
    }

    /// Gives an image a further name; another image that has it loses it.
    pub fn tag(&self, source: &str, target: &str) -> Result<()> {
        let target = new_name(target)?;
        let staging = self.layout.stage()?;
        let _lock = self.layout.lock()?;
        let mut descriptors = self.layout.index()?;
        let found = self.find(&descriptors, source)?;
        index::give_name(&mut descriptors, &found.descriptor, &target);
        self.layout.write_index(&staging, descriptors)
    }

    /// Reads without a lock, so that nobody waits for an import or a removal: what fails
    /// because the index was replaced meanwhile is read again.
    pub(super) fn consistent<T>(&self, read: impl Fn(&[Descriptor]) -> Result<T>) -> Result<T> {
        let mut descriptors = self.layout.index()?;
        loop {
            let result = read(&descriptors);
            if result.is_ok() {
                return result;
            }
            let now = self.layout.index()?;
            if now == descriptors {
                return result;
            }
            descriptors = now;
        }
    }

    /// The image that `text` means among these: a name first, then an id or the
    /// beginning of one, as docker decides.
    pub(super) fn find(&self, descriptors: &[Descriptor], text: &str) -> Result<Found> {
        let reference = Reference::parse(text);
        if let Ok(reference) = &reference
            && let Some(descriptor) = images_of(descriptors).find(|d| index::is_named(d, reference))
        {
            return self.load_descriptor(descriptor);
        }
        let prefix = text.strip_prefix("sha256:").unwrap_or(text);
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if prefix.is_empty() || prefix.len() > 64 || !prefix.bytes().all(is_hex) {
            reference?;
            return Err(Error::NotFound(text.to_owned()));
        }
        let mut matching: Vec<Found> = Vec::new();
        for descriptor in images_of(descriptors) {
            let Ok(found) = self.load_descriptor(descriptor) else {
                continue;
            };
            let known = matching.iter().any(|other| other.id == found.id);
            if found.id.hex().starts_with(prefix) && !known {
                matching.push(found);
            }
        }
        let count = matching.len();
        match matching.pop() {
            None => Err(Error::NotFound(text.to_owned())),
            Some(found) if count == 1 => Ok(found),
            Some(_) => Err(Error::Ambiguous {
                prefix: text.to_owned(),
                count,
            }),
        }
    }

    /// The names of an image, familiar. Under the exclusive lock.
    pub(super) fn references(
        &self,
        descriptors: &[Descriptor],
        image: &Found,
    ) -> Result<Vec<String>> {
        let mut references = Vec::new();
        for descriptor in images_of(descriptors) {
            // The same config may stand under two manifests.
            if descriptor.digest() == image.descriptor.digest()
                || self
                    .load_descriptor(descriptor)
                    .is_ok_and(|found| found.id == image.id)
            {
                references.extend(familiar_name(descriptor));
            }
        }
        references.sort();
        Ok(references)
    }

    pub(super) fn load_descriptor(&self, descriptor: &Descriptor) -> Result<Found> {
        let damaged = |what: &str| Error::Damaged {
            path: self.layout.index_path(),
            source: what.to_owned().into(),
        };
        let digest = digest_of(descriptor).ok_or_else(|| damaged("a digest is not sha256"))?;
        let manifest: ImageManifest = self.layout.json(&digest)?;
        let id = digest_of(manifest.config()).ok_or_else(|| damaged("a digest is not sha256"))?;
        Ok(Found {
            id,
            descriptor: descriptor.clone(),
            manifest,
        })
    }

    pub(super) fn diff_ids(&self, id: &Digest, config: &ImageConfiguration) -> Result<Vec<Digest>> {
        config::diff_ids(config).ok_or_else(|| Error::Damaged {
            path: self.layout.blobs().join(id.hex()),
            source: "a diff-id is not sha256".into(),
        })
    }

    /// An image; the size of a layer that another has too is looked up once.
    fn describe(&self, found: Found, sizes: &mut HashMap<Digest, u64>) -> Result<Image> {
        let config: ImageConfiguration = self.layout.json(&found.id)?;
        let mut created_by = config::created_by(&config).into_iter();
        let mut layers = Vec::new();
        for diff_id in self.diff_ids(&found.id, &config)? {
            let size_bytes = match sizes.get(&diff_id) {
                Some(&size) => size,
                None => {
                    let record = self.layers.record(&diff_id)?;
                    let size = record.map_or(0, |record| record.size_bytes);
                    sizes.insert(diff_id.clone(), size);
                    size
                }
            };
            layers.push(Layer {
                size_bytes,
                created_by: created_by.next().unwrap_or_default(),
                diff_id,
            });
        }
        let created = config.created().as_deref();
        Ok(Image {
            manifest: digest_of(&found.descriptor).expect("it was loaded by this digest"),
            references: familiar_name(&found.descriptor).into_iter().collect(),
            repo_digests: repo_digest(&found.descriptor).into_iter().collect(),
            created: created.and_then(|text| text.parse::<Timestamp>().ok()),
            size_bytes: layers.iter().map(|layer| layer.size_bytes).sum(),
            shared_bytes: 0,
            layers,
            labels: config::labels(&config),
            platform: format!("{}/{}", config.os(), config.architecture()),
            defaults: config::defaults(&config),
            id: found.id,
        })
    }
}

/// The descriptors that are of images.
pub(super) fn images_of(descriptors: &[Descriptor]) -> impl Iterator<Item = &Descriptor> {
    descriptors.iter().filter(|d| Layout::is_image(d))
}

/// The name that an image shall get.
pub(super) fn new_name(text: &str) -> Result<Reference> {
    let reference = Reference::parse(text)?;
    match reference.any_digest() {
        None => Ok(reference),
        Some(_) => Err(Error::NotAName(text.to_owned())),
    }
}

/// The name of a descriptor as a user writes it.
fn familiar_name(descriptor: &Descriptor) -> Option<String> {
    let name = index::name_of(descriptor)?;
    Some(Reference::parse(name).map_or_else(|_| name.to_owned(), |name| name.familiar()))
}

/// What a registry calls it, by digest.
fn repo_digest(descriptor: &Descriptor) -> Option<String> {
    let digest = index::published(descriptor)?;
    let name = Reference::parse(index::name_of(descriptor)?).ok()?;
    Some(format!("{}@{digest}", name.familiar_repository()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ImportRequest;

    fn archive(name: &str) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o644);
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_data(&mut header, name, &b"hi"[..]).unwrap();
        builder.into_inner().unwrap()
    }

    fn import(store: &ImageStore, content: &str, name: &str) -> Digest {
        store
            .import(
                archive(content).as_slice(),
                &ImportRequest::named(name),
                &mut |_| {},
            )
            .unwrap()
    }

    fn store() -> (tempfile::TempDir, ImageStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = ImageStore::open(&dir.path().join("images"), &dir.path().join("layers"));
        (dir, store.unwrap())
    }

    fn unused(_: &Digest) -> Vec<String> {
        Vec::new()
    }

    #[test]
    fn image_is_found_by_every_form_of_its_name_and_id() {
        let (_dir, store) = store();
        let id = import(&store, "file", "debian:12");
        for text in [
            "debian:12",
            "docker.io/library/debian:12",
            id.as_str(),
            id.hex(),
            id.short(),
            &id.as_str()[..12],
        ] {
            assert_eq!(store.resolve(text).unwrap().id, id, "{text}");
        }
        let manifest = store.list().unwrap()[0].manifest.clone();
        let by_digest = store.resolve(&format!("debian@{manifest}")).unwrap();
        assert_eq!(by_digest.id, id);
        for text in ["debian", "debian:13", "ffffffffffff", "other"] {
            let error = store.resolve(text).unwrap_err();
            assert!(matches!(error, Error::NotFound(_)), "{text}: {error}");
        }
        assert!(matches!(store.resolve("A B"), Err(Error::Reference(_))));
        let file = store
            .layers()
            .path(&store.resolve("debian:12").unwrap().layers[0]);
        assert_eq!(std::fs::read(file.join("file")).unwrap(), b"hi");
    }

    #[test]
    fn images_of_one_layer_share_it_until_the_last_is_removed() {
        let (dir, store) = store();
        let a = import(&store, "same", "a");
        let b = import(&store, "same", "b");
        assert_ne!(a, b, "they were created at different times");
        let list = store.list().unwrap();
        assert!(list.iter().all(|image| image.shared_bytes == 2));
        let gone = store.remove("a", false, &unused).unwrap();
        assert_eq!(gone, ["a:latest".to_owned(), a.to_string()]);
        assert_eq!(store.list().unwrap()[0].shared_bytes, 0);
        let gone = store.remove("b", false, &unused).unwrap();
        assert_eq!(gone.len(), 3, "its layer went with it: {gone:?}");
        let left = |path: &str| std::fs::read_dir(dir.path().join(path)).unwrap().count();
        assert_eq!((left("layers"), left("images/blobs/sha256")), (0, 0));
    }

    #[test]
    fn used_image_stays_and_with_force_only_loses_its_name() {
        let (_dir, store) = store();
        let id = import(&store, "file", "a");
        let used = |_: &Digest| vec!["web".to_owned()];
        let error = store.remove("a", false, &used).unwrap_err();
        assert!(error.to_string().contains("web"), "{error}");
        store.tag("a", "b").unwrap();
        assert_eq!(store.remove("a", false, &used).unwrap(), ["a:latest"]);
        assert_eq!(store.remove("b", true, &used).unwrap(), ["b:latest"]);
        assert_eq!(store.resolve(id.short()).unwrap().id, id);
        assert_eq!(store.list().unwrap()[0].references, Vec::<String>::new());
        store.remove(id.short(), false, &unused).unwrap();
        assert_eq!(store.list().unwrap(), []);
    }

    #[test]
    fn an_id_with_several_names_is_removed_by_force_only() {
        let (_dir, store) = store();
        let id = import(&store, "file", "a");
        store.tag(id.short(), "b:1").unwrap();
        let error = store.remove(id.hex(), false, &unused).unwrap_err();
        assert!(error.to_string().contains("a:latest, b:1"), "{error}");
        let gone = store.remove(id.hex(), true, &unused).unwrap();
        assert_eq!(gone[..2], ["a:latest", "b:1"]);
        assert_eq!(store.list().unwrap(), []);
    }

    #[test]
    fn what_other_tools_put_beside_our_images_is_left_alone() {
        let (_dir, store) = store();
        import(&store, "file", "a");
        let staging = store.layout.stage().unwrap();
        let mut descriptors = store.layout.index().unwrap();
        let mut foreign = descriptors[0].clone();
        foreign.set_media_type(oci_spec::image::MediaType::ImageIndex);
        foreign.set_digest(super::super::layout::oci_digest(&Digest::from_sha256(&[1; 32])).into());
        descriptors.push(foreign);
        store.layout.write_index(&staging, descriptors).unwrap();
        std::fs::write(store.layout.blobs().join("11"), "theirs").unwrap();
        assert_eq!(store.list().unwrap().len(), 1);
        store.remove("a", false, &unused).unwrap();
        assert_eq!(store.list().unwrap(), []);
        assert_eq!(store.layout.index().unwrap().len(), 1);
        assert!(store.layout.blobs().join("11").exists());
    }

    #[test]
    fn bad_archive_leaves_nothing() {
        let (dir, store) = store();
        let mut cut = archive("file");
        cut.truncate(700);
        let error = store
            .import(cut.as_slice(), &ImportRequest::named("a"), &mut |_| {})
            .unwrap_err();
        assert!(error.to_string().contains("in the middle"), "{error}");
        assert!(
            store
                .import(&b"#!/bin/sh"[..], &ImportRequest::named("a"), &mut |_| {})
                .is_err()
        );
        assert!(
            store
                .import(
                    archive("a").as_slice(),
                    &ImportRequest::named("a@b"),
                    &mut |_| {}
                )
                .is_err()
        );
        assert_eq!(store.list().unwrap(), []);
        let names = |path: &str| {
            let entries = std::fs::read_dir(dir.path().join(path)).unwrap();
            let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names("layers"), Vec::<std::ffi::OsString>::new());
        assert_eq!(
            names("images"),
            ["blobs", "index.json", "ingest", "lock", "oci-layout"]
        );
        assert_eq!(names("images/ingest"), Vec::<std::ffi::OsString>::new());
    }
}
