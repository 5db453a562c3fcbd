//! Removing names and images, and what killed processes left.

use std::{collections::HashSet, fs, io};

use oci_spec::image::{Descriptor, ImageConfiguration};

use super::{
    error::{Error, Result},
    index,
    layout::{Layout, digest_of},
    reference::Reference,
    store::ImageStore,
};
use crate::{
    layer::{self, ScratchDirectory},
    model::Digest,
};

impl ImageStore {
    /// Removes a name, and with the last one the image with all that no other image
    /// uses. By an id, the image with its only name, or with all its names if `force`
    /// is set. Says what went: names first, then digests.
    ///
    /// `in_use` tells the containers of an image. Such an image is not removed; with
    /// `force` it loses its names but stays, because its containers need its layers.
    pub fn remove(
        &self,
        reference: &str,
        force: bool,
        in_use: &dyn Fn(&Digest) -> Vec<String>,
    ) -> Result<Vec<String>> {
        self.sweep()?;
        let staging = self.layout.stage()?;
        let _lock = self.layout.lock()?;
        let mut descriptors = self.layout.index()?;
        let found = self.find(&descriptors, reference)?;
        let names = self.references(&descriptors, &found)?;
        let given = Reference::parse(reference).ok();
        let by_name = given
            .filter(|given| descriptors.iter().any(|d| index::is_named(d, given)))
            .filter(|given| given.digest().is_none());

        let leaving = match &by_name {
            Some(name) => vec![name.familiar()],
            None if names.len() > 1 && !force => {
                return Err(Error::SeveralNames {
                    image: found.id.short().to_owned(),
                    references: names,
                });
            }
            None => names.clone(),
        };
        let is_last = leaving.len() == names.len();
        let containers = match is_last {
            true => in_use(&found.id),
            false => Vec::new(),
        };
        if !containers.is_empty() && !force {
            return Err(Error::InUse {
                image: reference.to_owned(),
                containers,
            });
        }

        for name in &leaving {
            index::take_name(&mut descriptors, &Reference::parse(name)?);
        }
        let removed = is_last && containers.is_empty();
        if removed {
            let mut kept = Vec::new();
            for descriptor in descriptors {
                if !Layout::is_image(&descriptor) || self.load(&descriptor)?.id != found.id {
                    kept.push(descriptor);
                }
            }
            descriptors = kept;
        }
        let before: HashSet<_> = self.layers.list()?.into_iter().collect();
        self.layout.write_index(&staging, descriptors)?;
        let mut gone: Vec<String> = leaving;
        if removed {
            if let Err(error) = self.collect() {
                staging.abandon();
                return Err(error);
            }
            gone.push(found.id.to_string());
            let after: HashSet<_> = self.layers.list()?.into_iter().collect();
            let mut layers: Vec<_> = before.difference(&after).map(Digest::to_string).collect();
            layers.sort();
            gone.extend(layers);
        }
        Ok(gone)
    }

    /// Removes what killed processes left: half-unpacked layers, staged blobs, and
    /// whatever no image names. Cheap where there is nothing: two directory listings.
    pub fn sweep(&self) -> Result<()> {
        self.layers.sweep()?;
        let directory = self.layout.directory();
        let stale = layer::stale(directory).map_err(Error::io("sweep", directory))?;
        if stale.is_empty() {
            return Ok(());
        }
        // Whoever was killed may have been between the blobs and the index. Their
        // directories go last: if this is killed too, the next sweep finds them again.
        let _lock = self.layout.lock()?;
        if let Err(error) = self.collect() {
            stale.into_iter().for_each(ScratchDirectory::abandon);
            return Err(error);
        }
        for scratch in stale {
            scratch.remove().map_err(Error::io("sweep", directory))?;
        }
        Ok(())
    }

    /// Removes the blobs and layers that no image of the index uses. Under the exclusive
    /// lock: a change that is about to name them holds it from placing to naming.
    pub(super) fn collect(&self) -> Result<()> {
        let mut blobs = HashSet::new();
        let mut layers = HashSet::new();
        let (images, others): (Vec<_>, Vec<_>) =
            self.layout.index()?.into_iter().partition(Layout::is_image);
        for descriptor in images {
            self.mark(&descriptor, &mut blobs, &mut layers)?;
        }
        let directory = self.layout.blobs();
        let failed = || Error::io("remove unused blobs in", &directory);
        for entry in fs::read_dir(&directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let used = entry
                .file_name()
                .to_str()
                .is_some_and(|n| blobs.contains(n));
            // What another tool put here may use any of them.
            if !used && others.is_empty() {
                match fs::remove_file(entry.path()) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(failed()(error));
                    }
                    _ => {}
                }
            }
        }
        for diff_id in self.layers.list()? {
            if !layers.contains(&diff_id) {
                self.layers.remove(&diff_id)?;
            }
        }
        Ok(())
    }

    fn mark(
        &self,
        descriptor: &Descriptor,
        blobs: &mut HashSet<String>,
        layers: &mut HashSet<Digest>,
    ) -> Result<()> {
        let found = self.load(descriptor)?;
        let config: ImageConfiguration = self.layout.json(&found.id)?;
        let digests = digest_of(descriptor).into_iter();
        let digests = digests.chain(found.manifest.layers().iter().filter_map(digest_of));
        blobs.extend(digests.map(|digest| digest.hex().to_owned()));
        blobs.insert(found.id.hex().to_owned());
        layers.extend(self.diff_ids(&found.id, &config)?);
        Ok(())
    }
}
