//! The other engine's images in order: what takes how much room, and what may go.

use std::collections::HashSet;

use async_trait::async_trait;
use serde_json::Value;

use super::{Remote, client::Ask, read, world};
use crate::{
    engine::{Images, Observe, Result, Upkeep},
    model::{Digest, Image, ImageUsage, PruneImages, PrunedImages, StoreUsage, Visible},
};

#[async_trait]
impl Upkeep for Remote {
    async fn image_usage(&self) -> Result<StoreUsage> {
        let ask = Ask::get("/system/df", "measure", "images").query("type", "image");
        Ok(usage(&self.client.json(ask).await?))
    }

    async fn prune_images(&self, request: PruneImages) -> Result<PrunedImages> {
        // One by one, as volumes go: what goes is what was said before that it would, and
        // engines read filters each in its own way.
        let world = self.world(Visible::default()).await?;
        let images = world::images(&self.client, &world.images).await?;
        let used = world.containers.iter().map(|row| &row.container.image_id);
        let used: HashSet<&Digest> = used.collect();
        let (gone, kept): (Vec<_>, Vec<_>) = images
            .into_iter()
            .partition(|image| request.means(image) && !used.contains(&image.id));
        let kept: HashSet<_> = kept
            .iter()
            .flat_map(|image| &image.layers)
            .map(|layer| &layer.diff_id)
            .collect();
        let mut pruned = PrunedImages::default();
        let mut freed = HashSet::new();
        for image in gone {
            if !request.preview && !self.take_away(&image).await {
                continue;
            }
            for layer in &image.layers {
                if !kept.contains(&layer.diff_id) && freed.insert(layer.diff_id.clone()) {
                    pruned.bytes += layer.size_bytes;
                }
            }
            pruned.images.push(image);
        }
        Ok(pruned)
    }
}

impl Remote {
    /// Removes an image name by name; whether it is gone. Nothing is forced: somebody may
    /// have begun to use it, or built another one from it.
    async fn take_away(&self, image: &Image) -> bool {
        let id = [image.id.to_string()];
        let names = match image.references.len() {
            0 | 1 => &id[..],
            _ => &image.references,
        };
        for name in names {
            if self.remove_image(name, false).await.is_err() {
                return false;
            }
        }
        true
    }
}

/// `/system/df`, as docker's own command reads it: of images in use nothing but what they
/// share with others may go.
fn usage(answer: &Value) -> StoreUsage {
    let rows = answer["Images"].as_array().into_iter().flatten();
    let images: Vec<_> = rows.filter_map(image).collect();
    let layer_bytes = answer["LayersSize"].as_u64().unwrap_or_default();
    let in_use = images.iter().filter(|image| image.containers > 0);
    let needed: u64 = in_use
        .map(|image| image.size_bytes.saturating_sub(image.shared_bytes))
        .sum();
    StoreUsage {
        images,
        layer_bytes,
        reclaimable_layer_bytes: layer_bytes.saturating_sub(needed),
        ..StoreUsage::default()
    }
}

fn image(row: &Value) -> Option<ImageUsage> {
    let created = row["Created"].as_i64();
    Some(ImageUsage {
        id: row["Id"].as_str().and_then(Digest::parse)?,
        references: read::names(&row["RepoTags"]),
        created: created.and_then(|at| jiff::Timestamp::from_second(at).ok()),
        size_bytes: row["Size"].as_u64().unwrap_or_default(),
        // Below zero where it isn't known.
        shared_bytes: row["SharedSize"].as_u64().unwrap_or_default(),
        containers: usize::try_from(row["Containers"].as_i64().unwrap_or(0)).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn room_is_told_as_dockers_command_tells_it() {
        let id = |digit: &str| format!("sha256:{}", digit.repeat(64));
        let read = usage(&json!({
            "LayersSize": 1_000,
            "Images": [
                { "Id": id("1"), "RepoTags": ["a:1"], "Size": 700, "SharedSize": 200, "Containers": 2 },
                { "Id": id("2"), "RepoTags": ["<none>:<none>"], "Size": 500, "SharedSize": 200, "Containers": 0 },
                { "Id": id("3"), "RepoTags": null, "Size": 1, "SharedSize": -1, "Containers": -1 },
                "odd",
            ],
        }));
        assert_eq!(read.images.len(), 3);
        assert_eq!(
            (read.layer_bytes, read.reclaimable_layer_bytes),
            (1_000, 500)
        );
        assert!(read.images[1].references.is_empty());
        assert_eq!(read.images[2].shared_bytes, 0);
        assert!(read.packed.is_none());
    }
}
