//! Volumes.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    answer::{Failure, Outcome, done, json, json_with},
    ask::Ask,
    filters::Filters,
    serve::Server,
};
use crate::{
    engine::{EngineError, ErrorKind},
    model::{PruneVolumes, Volume, VolumeCreateRequest, VolumeDetails},
    wire::models,
};

/// Whatever begins with `/volumes`.
pub async fn route(server: Arc<Server>, mut ask: Ask, rest: &[&str]) -> Outcome {
    let method = ask.method.clone();
    match (&method, rest) {
        (&Method::GET, []) => list(&server, &ask).await,
        (&Method::POST, ["create"]) => create(&server, &mut ask).await,
        (&Method::POST, ["prune"]) => prune(&server, &ask).await,
        (&Method::GET, [name]) => {
            let details = server.engine.volume(name).await.map_err(about(name))?;
            json(&shown(&details.volume))
        }
        (&Method::DELETE, [name]) => {
            match server.engine.remove_volume(name).await {
                Err(error) if error.kind == ErrorKind::NotFound && ask.query.is_on("force") => {}
                removed => removed.map_err(about(name))?,
            }
            done()
        }
        (&Method::PUT, [_]) => Err(Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            super::swarm::NO_MANAGER,
        )),
        _ => Err(Failure::no_page()),
    }
}

/// Docker's words for a volume that isn't there.
fn about(name: &str) -> impl Fn(EngineError) -> Failure + '_ {
    move |error| match error.kind {
        ErrorKind::NotFound => Failure::missing(format!("get {name}: no such volume")),
        _ => error.into(),
    }
}

/// A volume as clients see it.
pub fn shown(volume: &Volume) -> Value {
    let options = (!volume.options.is_empty()).then(|| volume.options.clone());
    json!({
        "Name": volume.name,
        "Driver": volume.driver,
        "Mountpoint": volume.mountpoint.display().to_string(),
        "CreatedAt": volume.created.to_string(),
        "Labels": volume.labels,
        "Options": options,
        "Scope": "local",
    })
}

async fn list(server: &Server, ask: &Ask) -> Outcome {
    let filters = Filters::of(&ask.query)?;
    filters.allow(&["dangling", "driver", "label", "name"])?;
    let dangling = filters.is_on("dangling")?;
    let volumes = server.engine.volumes().await?;
    let shows = |details: &&VolumeDetails| {
        let volume = &details.volume;
        dangling.is_none_or(|dangling| details.users.is_empty() == dangling)
            && filters.any("driver", |driver| volume.driver == driver)
            && filters.any("name", |name| volume.name.contains(name))
            && filters
                .labels()
                .iter()
                .all(|label| label.matches(&volume.labels))
    };
    let list = volumes
        .iter()
        .filter(shows)
        .map(|details| shown(&details.volume));
    json(&json!({"Volumes": list.collect::<Vec<_>>(), "Warnings": null}))
}

async fn create(server: &Server, ask: &mut Ask) -> Outcome {
    let body: models::VolumeCreateRequest = ask.json_or_default().await?;
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    let request = VolumeCreateRequest {
        name: text(body.name),
        driver: text(body.driver),
        labels: body.labels.into_iter().flatten().collect(),
        options: body.driver_opts.into_iter().flatten().collect(),
    };
    let volume = server.engine.create_volume(request).await?;
    json_with(StatusCode::CREATED, &shown(&volume))
}

async fn prune(server: &Server, ask: &Ask) -> Outcome {
    let filters = Filters::of(&ask.query)?;
    filters.allow(&["label", "label!", "all"])?;
    let request = PruneVolumes {
        all: filters.is_on("all")?.unwrap_or(false),
        labels: filters.labels(),
        preview: false,
    };
    let pruned = server.engine.prune_volumes(request).await?;
    let names = (!pruned.names.is_empty()).then_some(pruned.names);
    json(&json!({"VolumesDeleted": names, "SpaceReclaimed": pruned.bytes}))
}
