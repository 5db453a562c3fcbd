//! Views into the files of images, containers and volumes.

use std::io;

use super::{Lifecycle, Result};
use crate::{
    layer::{self, Explorer},
    model::{ContainerId, Digest},
};

impl Lifecycle {
    /// A view into a container's image with all that it wrote until now on top. Its upper
    /// layer is listed for it, which takes as long as a walk of that.
    pub fn container_files(&self, id: &ContainerId) -> Result<Explorer> {
        let record = self.store.load(id)?;
        let images = self.images()?;
        let layers = images.layers();
        let upper = self.paths(id).upper();
        let mut stacked = Vec::new();
        for diff_id in &record.layers {
            stacked.push((layers.path(diff_id), layers.contents(diff_id)?));
        }
        match layers.contents_of(&upper) {
            Ok(contents) => stacked.push((upper, contents)),
            // Nothing was ever written.
            Err(layer::Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Explorer::new(stacked))
    }

    /// A view into a volume. All its files are listed for it, which takes as long as a
    /// walk of it.
    pub fn volume_files(&self, name: &str) -> Result<Explorer> {
        // One that is on a device is there only while it is mounted.
        let (_, files) = self.open_volume(name)?;
        let images = self.images()?;
        let contents = images.layers().contents_of(&files)?;
        Ok(Explorer::new([(files, contents)]))
    }

    /// Makes the records of what layers hold anew, because one was found damaged.
    pub fn renew_contents(&self, layers: &[Digest]) -> Result<()> {
        let images = self.images()?;
        for diff_id in layers {
            images.layers().renew_contents(diff_id)?;
        }
        Ok(())
    }

    /// The layers of a container's image, lowest first.
    pub fn container_layers(&self, id: &ContainerId) -> Result<Vec<Digest>> {
        Ok(self.store.load(id)?.layers)
    }
}
