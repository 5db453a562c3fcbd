//! What the fake's images have otherwise than each other, and which of them may go.

use async_trait::async_trait;

use super::{Fake, MIB};
use crate::{
    engine::{Images, Result, Upkeep},
    model::{ChangeKind, FileDifference, Image, PruneImages, PrunedImages},
};

/// Path, bytes before, bytes after.
const DIFFERENCES: &[(&str, Option<u64>, Option<u64>)] = &[
    ("/etc/motd", Some(286), None),
    ("/etc/nginx", None, Some(0)),
    ("/etc/nginx/mime.types", None, Some(5_349)),
    ("/etc/passwd", Some(1_204), Some(1_262)),
    ("/usr/bin/perl", Some(3_820_952), Some(3_820_952)),
    ("/usr/sbin/nginx", None, Some(1_552_392)),
    ("/usr/share/nginx/html/odd\x1b[31m\nname", None, Some(12)),
    ("/usr/share/文書/读我.txt", None, Some(9_114)),
    ("/var/cache/apt/pkgcache.bin", Some(29 * MIB), None),
];

#[async_trait]
impl Upkeep for Fake {
    async fn prune_images(&self, request: PruneImages) -> Result<PrunedImages> {
        if let Some(error) = self.lock().failures.pop_front() {
            return Err(error);
        }
        let mut inner = self.lock();
        let is_used = |image: &Image| {
            let mut rows = inner.world.containers.iter();
            rows.any(|row| row.container.image_id == image.id)
        };
        let images = inner.world.images.iter().cloned();
        let (gone, kept): (Vec<_>, Vec<_>) =
            images.partition(|image| request.means(image) && !is_used(image));
        let own = |image: &Image| image.size_bytes - image.shared_bytes;
        let pruned = PrunedImages {
            bytes: gone.iter().map(own).sum(),
            partial_bytes: if request.all { 12 * MIB } else { 0 },
            images: gone,
        };
        if !request.preview {
            inner.world.images = std::sync::Arc::new(kept);
        }
        Ok(pruned)
    }

    async fn compare_images(&self, old: &str, new: &str) -> Result<Vec<FileDifference>> {
        let (old, new) = (self.image(old).await?, self.image(new).await?);
        if old.id == new.id {
            return Ok(Vec::new());
        }
        let difference =
            |&(path, old_bytes, new_bytes): &(&str, Option<u64>, Option<u64>)| FileDifference {
                path: path.into(),
                kind: match (old_bytes, new_bytes) {
                    (None, _) => ChangeKind::Added,
                    (_, None) => ChangeKind::Deleted,
                    _ => ChangeKind::Modified,
                },
                old_bytes,
                new_bytes,
            };
        Ok(DIFFERENCES.iter().map(difference).collect())
    }
}
