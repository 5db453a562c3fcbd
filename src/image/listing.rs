//! All images, and the list of them kept beside the index (`images/list.json`).
//!
//! An index names all by digest, down to each layer: while it is the same, so is the list.
//! With hundreds of images that is one file to read instead of thousands. It is only a
//! memory: whoever can't read it, or finds another index in it, lists anew.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::PathBuf,
};

use oci_spec::image::Descriptor;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    error::{Error, Result},
    store::{ImageStore, images_of},
};
use crate::{
    model::{Digest, Image},
    sys::fs::{Durability, write_atomically},
};

/// Fewer images are listed as quickly as that is read.
const WORTH_KEEPING: usize = 64;

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    /// The digest of the index that it is of.
    index: Digest,
    images: T,
}

impl ImageStore {
    /// All images, newest first.
    ///
    /// One that can't be read any more is left out, and hides no other; `verify` tells it.
    pub fn list(&self) -> Result<Vec<Image>> {
        let index = self.index_digest()?;
        let kept = fs::read(self.kept_list()).ok();
        let kept = kept.and_then(|text| serde_json::from_slice::<Kept<Vec<Image>>>(&text).ok());
        if let Some(kept) = kept.filter(|kept| kept.index == index) {
            return Ok(kept.images);
        }
        match self.consistent(|descriptors| self.list_of(descriptors, true)) {
            Err(error) if error.is_damage() => {
                self.consistent(|descriptors| self.list_of(descriptors, false))
            }
            Ok(images) => {
                self.keep_list(index, &images)?;
                Ok(images)
            }
            failed => failed,
        }
    }

    /// Keeps a list, if it is worth it and all that is in it is certain.
    fn keep_list(&self, index: Digest, images: &Vec<Image>) -> Result<()> {
        let mut layers = images.iter().flat_map(|image| &image.layers);
        let is_whole = images.len() >= WORTH_KEEPING
            && layers.all(|layer| self.layers.is_here(&layer.diff_id));
        // The index may have changed while its images were read.
        if is_whole && self.index_digest()? == index {
            let text = serde_json::to_vec(&Kept { index, images });
            let text = text.expect("a list of images has only string keys");
            // Where it can't be written, each lists anew.
            let _ = write_atomically(&self.kept_list(), &text, Durability::Unsynced);
        }
        Ok(())
    }

    /// Removes a list that so few images don't need.
    pub(super) fn forget_short_list(&self, images: usize) {
        if images < WORTH_KEEPING {
            // Mostly there is none; one that stays is of another index, and not believed.
            let _ = fs::remove_file(self.kept_list());
        }
    }

    fn kept_list(&self) -> PathBuf {
        self.layout.directory().join("list.json")
    }

    fn index_digest(&self) -> Result<Digest> {
        let path = self.layout.index_path();
        let text = fs::read(&path).map_err(Error::io("read", path))?;
        Ok(Digest::from_sha256(&Sha256::digest(text).into()))
    }

    fn list_of(&self, descriptors: &[Descriptor], are_whole: bool) -> Result<Vec<Image>> {
        let descriptors: Vec<_> = images_of(descriptors).collect();
        let mut images: Vec<Image> = Vec::new();
        let mut places: HashMap<Digest, usize> = HashMap::new();
        for image in self.describe_all(&descriptors, are_whole)? {
            match places.get(&image.id) {
                Some(&place) => {
                    images[place].references.extend(image.references);
                    images[place].repo_digests.extend(image.repo_digests);
                }
                None => {
                    places.insert(image.id.clone(), images.len());
                    images.push(image);
                }
            }
        }
        let mut uses: HashMap<&Digest, usize> = HashMap::new();
        for image in &images {
            let unique: HashSet<_> = image.layers.iter().map(|layer| &layer.diff_id).collect();
            for layer in unique {
                *uses.entry(layer).or_default() += 1;
            }
        }
        let shared = |image: &Image| {
            let shared = image.layers.iter().filter(|layer| uses[&layer.diff_id] > 1);
            shared.map(|layer| layer.size_bytes).sum()
        };
        let shared: Vec<u64> = images.iter().map(shared).collect();
        for (image, shared_bytes) in images.iter_mut().zip(shared) {
            image.shared_bytes = shared_bytes;
            image.references.sort();
            image.repo_digests.sort();
            image.repo_digests.dedup();
        }
        images.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
        Ok(images)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::ImportRequest;

    /// A store of so many images of one layer each.
    fn store(directory: &Path, count: usize) -> ImageStore {
        let store = ImageStore::open(&directory.join("images"), &directory.join("layers"));
        let store = store.unwrap();
        for n in 0..count {
            let mut tar = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            tar.append_data(&mut header, format!("file-{n}"), &b"x"[..])
                .unwrap();
            let tar = tar.into_inner().unwrap();
            let name = format!("app-{n}:1");
            let request = ImportRequest::named(&name);
            store.import(&*tar, &request, &mut |_| {}).unwrap();
        }
        store
    }

    #[test]
    fn list_is_kept_while_the_index_is_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path(), WORTH_KEEPING);
        let first = store.list().unwrap();
        assert_eq!(first.len(), WORTH_KEEPING);
        // With what they name out of the way only what was kept can tell of them.
        let (blobs, aside) = (store.layout.blobs(), directory.path().join("aside"));
        fs::rename(&blobs, &aside).unwrap();
        assert_eq!(store.list().unwrap(), first);
        fs::rename(&aside, &blobs).unwrap();
        store.tag("app-0:1", "another:1").unwrap();
        let tagged = store.list().unwrap();
        let is_named = |image: &Image| image.references.iter().any(|name| name == "another:1");
        assert!(tagged.iter().any(is_named));
        for damage in ["", "{}", "[1"] {
            fs::write(store.kept_list(), damage).unwrap();
            assert_eq!(store.list().unwrap(), tagged);
        }
        for name in ["another:1", "app-0:1"] {
            store.remove(name, false, &|_| Vec::new()).unwrap();
        }
        assert!(!store.kept_list().exists());
    }

    #[test]
    fn short_list_and_one_with_a_missing_layer_are_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let few = store(directory.path(), 2);
        few.list().unwrap();
        assert!(!few.kept_list().exists());
        let directory = tempfile::tempdir().unwrap();
        let many = store(directory.path(), WORTH_KEEPING);
        let layer = many.list().unwrap()[0].layers[0].diff_id.clone();
        fs::remove_file(many.kept_list()).unwrap();
        many.layers().distrust(&layer).unwrap();
        many.list().unwrap();
        assert!(!many.kept_list().exists());
    }
}
