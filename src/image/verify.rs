//! Looking whether the store still holds what its digests say.

use std::{collections::BTreeMap, fs, io};

use sha2::{Digest as _, Sha256};

use super::{
    error::{Error, Result},
    index,
    layout::{Layout, digest_of},
    reference::Reference,
    store::ImageStore,
};
use crate::{
    layer::Position,
    model::{Damage, DamagedPart, Digest, Verified},
};

impl ImageStore {
    /// Reads every blob and looks at every file of every layer: of the images that are
    /// named, or of all.
    ///
    /// What is damaged is set aside, so that a pull or a load fetches it anew: a blob goes,
    /// a layer loses its record but keeps its files for the containers that use it.
    pub fn verify(&self, references: &[String], progress: &mut dyn FnMut(u64)) -> Result<Verified> {
        let descriptors = self.layout.index()?;
        let mut verified = Verified::default();
        // What was found of each digest, with the images that need it.
        let mut found: BTreeMap<(DamagedPart, Digest), Damage> = BTreeMap::new();
        let mut sound: BTreeMap<(DamagedPart, Digest), ()> = BTreeMap::new();
        let mut wanted = Vec::new();
        for descriptor in descriptors.iter().filter(|d| Layout::is_image(d)) {
            let is_wanted = references.is_empty()
                || references.iter().any(|text| {
                    Reference::parse(text).is_ok_and(|r| index::is_named(descriptor, &r))
                });
            if is_wanted {
                wanted.push(descriptor.clone());
            }
        }
        for text in references {
            let is_named = |r: &Reference| wanted.iter().any(|d| index::is_named(d, r));
            if !Reference::parse(text).is_ok_and(|r| is_named(&r)) {
                wanted.push(self.find(&descriptors, text)?.descriptor);
            }
        }
        for descriptor in &wanted {
            let Some(manifest) = digest_of(descriptor) else {
                continue;
            };
            let name = index::name_of(descriptor).map_or_else(
                || manifest.short().to_owned(),
                |name| Reference::parse(name).map_or_else(|_| name.to_owned(), |n| n.familiar()),
            );
            verified.images += 1;
            for (part, digest) in self.parts(descriptor, &manifest) {
                let key = (part, digest.clone());
                if sound.contains_key(&key) {
                    continue;
                }
                if let Some(damage) = found.get_mut(&key) {
                    damage.images.push(name.clone());
                    continue;
                }
                let reason = match part {
                    DamagedPart::Blob => self.check_blob(&digest, progress)?,
                    DamagedPart::Layer => self.check_layer(&digest)?,
                };
                match (part, &reason) {
                    (DamagedPart::Blob, _) => verified.blobs += 1,
                    (DamagedPart::Layer, _) => verified.layers += 1,
                }
                match reason {
                    None => drop(sound.insert(key, ())),
                    Some(reason) => {
                        let damage = Damage {
                            part,
                            digest,
                            reason,
                            images: vec![name.clone()],
                        };
                        found.insert(key, damage);
                    }
                }
            }
        }
        verified.damaged = found.into_values().collect();
        for damage in &mut verified.damaged {
            damage.images.sort();
            damage.images.dedup();
        }
        self.set_aside(&verified.damaged)?;
        Ok(verified)
    }

    /// Whether all that an image consists of is there, as far as a look without reading
    /// tells.
    pub(super) fn is_complete(&self, manifest: &Digest) -> bool {
        let Ok(document) = self.manifest(manifest) else {
            return false;
        };
        let Ok((_, layers)) = self.checked_layers(&document) else {
            return false;
        };
        let blobs = document.layers().iter().filter_map(digest_of);
        blobs.into_iter().all(|blob| self.has_blob(&blob))
            && layers
                .iter()
                .zip(Position::of(&layers))
                .all(|(layer, position)| matches!(self.layers.has(layer, position), Ok(true)))
    }

    /// What an image consists of, as far as that can be read.
    fn parts(
        &self,
        descriptor: &oci_spec::image::Descriptor,
        manifest: &Digest,
    ) -> Vec<(DamagedPart, Digest)> {
        let mut parts = vec![(DamagedPart::Blob, manifest.clone())];
        parts.extend(index::published(descriptor).map(|digest| (DamagedPart::Blob, digest)));
        if let Ok(document) = self.manifest(manifest) {
            let config = digest_of(document.config());
            let blobs = config
                .into_iter()
                .chain(document.layers().iter().filter_map(digest_of));
            parts.extend(blobs.map(|digest| (DamagedPart::Blob, digest)));
            if let Ok((_, layers)) = self.checked_layers(&document) {
                parts.extend(
                    layers
                        .into_iter()
                        .map(|digest| (DamagedPart::Layer, digest)),
                );
            }
        }
        parts
    }

    pub(super) fn check_blob(
        &self,
        digest: &Digest,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Option<String>> {
        let mut file = match self.open_blob(digest) {
            Ok(file) => file,
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(Some("it is missing".into()));
            }
            Err(error) => return Err(error),
        };
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            match io::Read::read(&mut file, &mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    hash.update(&buffer[..length]);
                    progress(length as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A bad block of the disk.
                Err(error) => return Ok(Some(format!("it can't be read: {error}"))),
            }
        }
        let is_same = Digest::from_sha256(&hash.finalize().into()) == *digest;
        Ok((!is_same).then(|| "its content is not what its digest says".into()))
    }

    fn check_layer(&self, diff_id: &Digest) -> Result<Option<String>> {
        match self.layers.record(diff_id) {
            Ok(Some(record)) if record.diff_id == *diff_id => {}
            Ok(Some(_)) => return Ok(Some("its record is another layer's".into())),
            Ok(None) => return Ok(Some("it is missing".into())),
            Err(_) => return Ok(Some("its record can't be read".into())),
        }
        Ok(self.layers.find_damage(diff_id)?)
    }

    fn set_aside(&self, damaged: &[Damage]) -> Result<()> {
        if damaged.is_empty() {
            return Ok(());
        }
        let _lock = self.layout.lock()?;
        for damage in damaged {
            match damage.part {
                DamagedPart::Blob => {
                    // Another process may have brought a sound one meanwhile.
                    if self.check_blob(&damage.digest, &mut |_| {})?.is_none() {
                        continue;
                    }
                    let path = self.layout.blob(&damage.digest);
                    match fs::remove_file(&path) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            return Err(Error::io("remove", path)(error));
                        }
                        _ => {}
                    }
                }
                DamagedPart::Layer => self.layers.distrust(&damage.digest)?,
            }
        }
        Ok(())
    }
}
