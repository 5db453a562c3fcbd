//! Keeping the store of images in order.

use async_trait::async_trait;

use super::{Embedded, images::users};
use crate::{
    engine::{Result, Upkeep},
    layer,
    model::{Digest, FileDifference, PruneImages, PrunedImages, StoreUsage, Verified},
};

#[async_trait]
impl Upkeep for Embedded {
    async fn verify_images(&self, references: &[String]) -> Result<Verified> {
        let owned = references.to_vec();
        self.blocking("verify", "images", move |lifecycle| {
            Ok(lifecycle.images()?.verify(&owned, &mut |_| {})?)
        })
        .await
    }

    async fn prune_images(&self, request: PruneImages) -> Result<PrunedImages> {
        self.blocking("prune", "images", move |lifecycle| {
            let users = |id: &Digest| users(lifecycle, id);
            Ok(lifecycle.images()?.prune(&request, &users)?)
        })
        .await
    }

    async fn image_usage(&self) -> Result<StoreUsage> {
        self.blocking("measure", "images", move |lifecycle| {
            let users = |id: &Digest| users(lifecycle, id);
            Ok(lifecycle.images()?.usage(&users)?)
        })
        .await
    }

    async fn compare_images(&self, old: &str, new: &str) -> Result<Vec<FileDifference>> {
        let (old, new) = (old.to_owned(), new.to_owned());
        let subject = format!("{old} and {new}");
        self.blocking("compare", &subject, move |lifecycle| {
            let images = lifecycle.images()?;
            // Neither goes while it is looked at.
            let _held = images.hold_shared()?;
            let paths = |name: &str| {
                let layers = images.resolve(name)?.layers;
                let mut paths = images.layers().directories(&layers);
                paths.reverse();
                Ok::<_, crate::image::Error>(paths)
            };
            Ok(layer::compare(&paths(&old)?, &paths(&new)?)?)
        })
        .await
    }
}
