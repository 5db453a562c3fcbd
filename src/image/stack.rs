//! The layers of one image: what each is and who else has it, and a view into them.

use oci_spec::image::ImageConfiguration;

use super::{config, error::Result, layout::digest_of, store::ImageStore};
use crate::{
    layer::Explorer,
    model::{Digest, ImageLayers, LayerDetails, Waste},
};

impl ImageStore {
    /// The layers of the image that a user means, without what they hold: see
    /// [`ImageStore::explorer`] for that.
    pub fn stack(&self, reference: &str) -> Result<ImageLayers> {
        let images = self.list()?;
        self.consistent(|descriptors| {
            let found = self.find(descriptors, reference)?;
            let config: ImageConfiguration = self.layout.json(&found.id)?;
            let mut commands = config::created_by(&config).into_iter();
            let mut blobs = found.manifest.layers().iter();
            let own = images.iter().find(|image| image.id == found.id);
            let mut layers = Vec::new();
            for diff_id in self.diff_ids(&found.id, &config)? {
                let blob = blobs.next();
                let users = images.iter().filter(|image| {
                    image.id != found.id && image.layers.iter().any(|l| l.diff_id == diff_id)
                });
                let name = |image: &crate::model::Image| {
                    let name = image.references.first().cloned();
                    name.unwrap_or_else(|| image.id.short().to_owned())
                };
                layers.push(LayerDetails {
                    blob: blob.and_then(digest_of),
                    packed_bytes: blob.map(|blob| blob.size()),
                    created_by: commands.next().unwrap_or_default(),
                    size_bytes: 0,
                    files: 0,
                    wasted_bytes: 0,
                    shared_with: users.map(name).collect(),
                    diff_id,
                });
            }
            Ok(ImageLayers {
                references: own.map_or_else(Vec::new, |image| image.references.clone()),
                platform: format!("{}/{}", config.os(), config.architecture()),
                layers,
                waste: Waste::default(),
                id: found.id,
            })
        })
    }

    /// A view into these layers, lowest first.
    pub fn explorer(&self, layers: &[Digest]) -> Result<Explorer> {
        let mut stacked = Vec::with_capacity(layers.len());
        for diff_id in layers {
            stacked.push((self.layers.path(diff_id), self.layers.contents(diff_id)?));
        }
        Ok(Explorer::new(stacked))
    }
}
