//! Removing names and images, and what killed processes left.

use std::{collections::HashSet, fs, io, path::Path, time::SystemTime};

use oci_spec::image::{Descriptor, ImageConfiguration};

use super::{
    build,
    error::{Error, Result},
    index,
    layout::{Layout, Staging, digest_of},
    lease::Leases,
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
        let found = match self.find(&descriptors, reference) {
            Err(error) if error.is_damage() => {
                return self.remove_damaged(&staging, descriptors, reference, error);
            }
            found => found?,
        };
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
                if !Layout::is_image(&descriptor)
                    || self.load_descriptor(&descriptor)?.id != found.id
                {
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

    /// Removes a name whose image can't be read any more.
    fn remove_damaged(
        &self,
        staging: &Staging,
        mut descriptors: Vec<Descriptor>,
        reference: &str,
        error: Error,
    ) -> Result<Vec<String>> {
        let Ok(name) = Reference::parse(reference) else {
            return Err(error);
        };
        let before = descriptors.len();
        descriptors.retain(|descriptor| !index::carries(descriptor, &name));
        if descriptors.len() == before {
            return Err(error);
        }
        self.layout.write_index(staging, descriptors)?;
        self.collect()?;
        Ok(vec![name.familiar()])
    }

    /// Removes what killed processes left: half-unpacked layers, staged blobs, and
    /// whatever no image names. Blobs of a pull that was cut go back among the partial
    /// ones, which are kept for a day. Cheap where there is nothing: three directory
    /// listings.
    pub fn sweep(&self) -> Result<()> {
        self.layers.sweep()?;
        let directory = self.layout.directory();
        let stale = layer::stale(directory).map_err(Error::io("sweep", directory))?;
        if stale.is_empty() && self.layout.ingest_entries()?.is_empty() {
            return Ok(());
        }
        {
            // Whoever was killed may have been between the blobs and the index. Their
            // directories go last: if this is killed too, the next sweep finds them again.
            let _lock = self.layout.lock()?;
            let leases = Leases::read(&self.layout)?;
            if (!stale.is_empty() || !leases.dead.is_empty())
                && let Err(error) = self.collect_under(leases)
            {
                stale.into_iter().for_each(ScratchDirectory::abandon);
                return Err(error);
            }
        }
        for scratch in stale {
            scratch.remove().map_err(Error::io("sweep", directory))?;
        }
        self.clear_ingest(false)?;
        Ok(())
    }

    /// Removes the blobs and layers that no image of the index uses and that nobody has a
    /// lease on. Under the exclusive lock: a change that is about to name them holds it
    /// from placing to naming.
    pub(super) fn collect(&self) -> Result<()> {
        self.collect_under(Leases::read(&self.layout)?)
    }

    fn collect_under(&self, leases: Leases) -> Result<()> {
        let mut blobs = leases.held.clone();
        let mut layers = HashSet::new();
        for digest in build::kept(&self.layout)? {
            blobs.insert(digest.hex().to_owned());
            layers.insert(digest);
        }
        let (images, others): (Vec<_>, Vec<_>) =
            self.layout.index()?.into_iter().partition(Layout::is_image);
        self.forget_short_list(images.len());
        for descriptor in images {
            match self.mark(&descriptor, &mut blobs, &mut layers) {
                // Which layers it has can't be told any more: none goes before it does.
                Err(error) if error.is_damage() => return leases.forget_dead(),
                result => result?,
            }
        }
        let directory = self.layout.blobs();
        let failed = || Error::io("remove unused blobs in", &directory);
        for entry in fs::read_dir(&directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // What another tool put here may use any of them.
            if blobs.contains(&*name) || !others.is_empty() {
                continue;
            }
            let result = match leases.resumable.contains(&*name) {
                true => set_aside(&entry.path(), &self.layout.make_ingest()?.join(&*name)),
                false => fs::remove_file(entry.path()),
            };
            match result {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed()(error));
                }
                _ => {}
            }
        }
        for diff_id in self.layers.list()? {
            if !layers.contains(&diff_id) && !leases.held.contains(diff_id.hex()) {
                self.layers.remove(&diff_id)?;
            }
        }
        self.forget_notes()?;
        leases.forget_dead()
    }

    fn mark(
        &self,
        descriptor: &Descriptor,
        blobs: &mut HashSet<String>,
        layers: &mut HashSet<Digest>,
    ) -> Result<()> {
        let found = self.load_descriptor(descriptor)?;
        let config: ImageConfiguration = self.layout.json(&found.id)?;
        let digests = digest_of(descriptor).into_iter();
        let digests = digests.chain(index::published(descriptor));
        let digests = digests.chain(found.manifest.layers().iter().filter_map(digest_of));
        blobs.extend(digests.map(|digest| digest.hex().to_owned()));
        blobs.insert(found.id.hex().to_owned());
        layers.extend(self.diff_ids(&found.id, &config)?);
        Ok(())
    }
}

/// Puts a whole blob among the partial ones, where its age counts from now.
fn set_aside(path: &Path, target: &Path) -> io::Result<()> {
    fs::File::options()
        .write(true)
        .open(path)?
        .set_modified(SystemTime::now())?;
    fs::rename(path, target)
}
