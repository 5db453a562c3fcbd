//! Networks.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde_json::json;

use super::{
    answer::{Failure, Outcome, done, empty, json, json_with},
    ask::Ask,
    containers,
    filters::Filters,
    serve::Server,
};
use crate::{
    engine::{EngineError, ErrorKind},
    model::{ConnectRequest, Network, NetworkMode, Visible},
    wire::{self, models},
};

/// Whatever begins with `/networks`.
pub async fn route(server: Arc<Server>, mut ask: Ask, rest: &[&str]) -> Outcome {
    let method = ask.method.clone();
    match (&method, rest) {
        (&Method::GET, []) => list(&server, &ask).await,
        (&Method::POST, ["create"]) => create(&server, &mut ask).await,
        (&Method::POST, ["prune"]) => prune(&server, &ask).await,
        (&Method::GET, [name]) => {
            let details = server.engine.network(name).await.map_err(about(name))?;
            json(&wire::network::network(&details.network, Some(&details)))
        }
        (&Method::DELETE, [name]) => {
            server
                .engine
                .remove_network(name)
                .await
                .map_err(about(name))?;
            done()
        }
        (&Method::POST, [name, "connect"]) => connect(&server, &mut ask, name).await,
        (&Method::POST, [name, "disconnect"]) => disconnect(&server, &mut ask, name).await,
        _ => Err(Failure::no_page()),
    }
}

/// Docker's words for a network that isn't there, or that must stay.
fn about(name: &str) -> impl Fn(EngineError) -> Failure + '_ {
    move |error| match error.kind {
        ErrorKind::NotFound => Failure::missing(format!("network {name} not found")),
        ErrorKind::Conflict => Failure::new(StatusCode::FORBIDDEN, Failure::from(error).message),
        _ => error.into(),
    }
}

fn shows(filters: &Filters, network: &Network) -> bool {
    filters.any("name", |name| network.name.contains(name))
        && filters.any("id", |id| network.id.as_str().starts_with(id))
        && filters.any("driver", |driver| {
            wire::network::driver(network.driver) == driver
        })
        && filters.any("scope", |scope| scope == "local")
        && filters.any("type", |kind| network.is_built_in() == (kind == "builtin"))
        && filters
            .labels()
            .iter()
            .all(|label| label.matches(&network.labels))
}

async fn list(server: &Server, ask: &Ask) -> Outcome {
    let filters = Filters::of(&ask.query)?;
    filters.allow(&["name", "id", "driver", "scope", "type", "label", "dangling"])?;
    let unused = filters.is_on("dangling")?;
    let used: Vec<String> = match unused {
        None => Vec::new(),
        Some(_) => {
            let world = server.engine.world(Visible::default()).await?;
            let configs = world
                .containers
                .iter()
                .map(|row| row.container.config.clone());
            configs
                .filter(|config| config.network == NetworkMode::Bridge)
                .flat_map(|config| config.networks.into_iter().map(|wish| wish.network))
                .collect()
        }
    };
    let networks = server.engine.networks().await?;
    let shown = networks
        .iter()
        .filter(|network| shows(&filters, network))
        .filter(|network| {
            unused.is_none_or(|unused| {
                (!network.is_built_in() && !used.contains(&network.name)) == unused
            })
        })
        .map(|network| wire::network::network(network, None));
    json(&shown.collect::<Vec<_>>())
}

async fn create(server: &Server, ask: &mut Ask) -> Outcome {
    let body: models::NetworkCreateRequest = ask.json().await?;
    let mut request = wire::network::create(body).map_err(Failure::bad)?;
    request.pools = server.serve.pools.clone();
    let name = request.name.clone();
    let made = server.engine.create_network(request).await;
    let network = made.map_err(|error| match error.kind {
        ErrorKind::Conflict => {
            let message = Failure::from(error).message;
            Failure::conflict(
                match message.contains("exist") || message.contains("in use") {
                    true => format!("network with name {name} already exists"),
                    false => message,
                },
            )
        }
        _ => error.into(),
    })?;
    json_with(
        StatusCode::CREATED,
        &json!({"Id": network.id.as_str(), "Warning": ""}),
    )
}

async fn prune(server: &Server, ask: &Ask) -> Outcome {
    let filters = Filters::of(&ask.query)?;
    filters.allow(&["label", "label!", "until"])?;
    let until = filters.until()?;
    let all = server.engine.networks().await?;
    let spared = all.iter().filter(|network| {
        let is_meant = filters
            .labels()
            .iter()
            .all(|label| label.matches(&network.labels))
            && until.is_none_or(|until| network.created < until);
        !is_meant
    });
    let spared: Vec<_> = spared.map(|network| network.name.clone()).collect();
    let gone = server.engine.prune_networks(&spared).await?;
    let gone = (!gone.is_empty()).then_some(gone);
    json(&json!({ "NetworksDeleted": gone }))
}

async fn find(server: &Server, name: &str) -> Result<Network, Failure> {
    let details = server.engine.network(name).await.map_err(about(name))?;
    Ok(details.network)
}

async fn connect(server: &Server, ask: &mut Ask, name: &str) -> Outcome {
    let body: models::NetworkConnectRequest = ask.json().await?;
    let network = find(server, name).await?;
    let container = containers::find(server, &body.container).await?;
    let settings = body.endpoint_config.as_ref();
    let attachment = wire::create::attachment(&network.name, settings).map_err(Failure::bad)?;
    let request = ConnectRequest {
        container,
        attachment,
    };
    server.engine.connect(request).await.map_err(about(name))?;
    Ok(empty(StatusCode::OK))
}

async fn disconnect(server: &Server, ask: &mut Ask, name: &str) -> Outcome {
    let body: models::NetworkDisconnectRequest = ask.json().await?;
    let network = find(server, name).await?;
    let container = containers::find(server, &body.container).await?;
    server
        .engine
        .disconnect(&container, &network.name)
        .await
        .map_err(about(name))?;
    Ok(empty(StatusCode::OK))
}
