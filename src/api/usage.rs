//! What takes how much room.

use serde_json::{Value, json};

use super::{
    answer::{Outcome, json},
    ask::Ask,
    serve::Server,
    volumes,
};
use crate::{
    model::{Visible, VolumeDetails},
    wire,
};

/// `GET /system/df`
pub async fn usage(server: &Server, ask: &Ask) -> Outcome {
    let kinds: Vec<&str> = ask.query.all("type").collect();
    let wants = |kind: &str| kinds.is_empty() || kinds.contains(&kind);
    let visible = Visible {
        images: true,
        ..Visible::default()
    };
    let world = server.engine.world(visible).await?;
    let mut answer = json!({"LayersSize": 0, "Images": [], "Containers": [], "Volumes": [],
                            "BuildCache": []});
    if wants("image") {
        let usage = server.engine.image_usage().await?;
        answer["LayersSize"] = usage.layer_bytes.into();
        let images = world.images.iter().map(|image| {
            let of = |row: &&crate::model::ContainerRow| row.container.image_id == image.id;
            let users = world.containers.iter().filter(of).count();
            let summary = wire::image::summary(image, users as i64, true);
            wire::image::line(summary, ask.is_older_than((1, 43)))
        });
        answer["Images"] = images.collect();
    }
    if wants("container") {
        let now = jiff::Timestamp::now();
        let mut containers = Vec::new();
        for row in &world.containers {
            let container = &row.container;
            let mut summary = wire::container::summary(container, now);
            // One that is being removed has no size any more.
            let written = server
                .engine
                .writable_bytes(&container.id)
                .await
                .unwrap_or(0);
            let image = world
                .images
                .iter()
                .find(|image| image.id == container.image_id);
            summary.size_rw = Some(written as i64);
            summary.size_root_fs =
                Some((written + image.map_or(0, |image| image.size_bytes)) as i64);
            containers.push(json!(summary));
        }
        answer["Containers"] = containers.into();
    }
    if wants("volume") {
        let volumes = server.engine.measure_volumes(&[]).await?;
        answer["Volumes"] = volumes.iter().map(measured).collect();
    }
    json(&answer)
}

fn measured(details: &VolumeDetails) -> Value {
    let mut shown = volumes::shown(&details.volume);
    let size = details.volume.size.map_or(-1, |size| size.bytes as i64);
    shown["UsageData"] = json!({"Size": size, "RefCount": details.users.len()});
    shown
}
