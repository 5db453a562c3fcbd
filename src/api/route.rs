//! Which handler a request is for.

use std::sync::Arc;

use hyper::Method;

use super::{
    answer::{Failure, Outcome},
    ask::Ask,
    build, containers, events, exec, images, login, metrics, networks,
    serve::Server,
    swarm, system, usage, volumes,
};

/// Answers a request.
pub async fn route(server: Arc<Server>, mut ask: Ask) -> Outcome {
    let parts = ask.parts.clone();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let method = ask.method.clone();
    match (&method, parts.as_slice()) {
        (&Method::GET | &Method::HEAD, ["_ping"]) => Ok(system::ping()),
        (&Method::GET, ["metrics"]) => metrics::metrics(&server).await,
        (&Method::GET, ["healthz"]) => Ok(metrics::health()),
        (&Method::GET, ["readyz"]) => metrics::ready(&server).await,
        (&Method::GET, ["version"]) => system::version(),
        (&Method::GET, ["info"]) => system::info(&server).await,
        (&Method::GET, ["events"]) => events::events(&server, &ask).await,
        (&Method::GET, ["system", "df"]) => usage::usage(&server, &ask).await,
        (&Method::POST, ["auth"]) => login::auth(&server, &mut ask).await,
        (&Method::POST, ["commit"]) => images::commit(&server, &ask).await,
        (&Method::POST, ["build"]) => build::build(server, ask).await,
        (&Method::POST, ["build", "prune"]) => build::prune(&server, &ask).await,
        (&Method::GET, ["distribution", name @ .., "json"]) => {
            images::distribution(&server, &ask, &name.join("/")).await
        }
        (_, ["containers", rest @ ..]) => containers::route(server, ask, rest).await,
        (_, ["exec", rest @ ..]) => exec::route(server, ask, rest).await,
        (_, ["images", rest @ ..]) => images::route(server, ask, rest).await,
        (_, ["networks", rest @ ..]) => networks::route(server, ask, rest).await,
        (_, ["volumes", rest @ ..]) => volumes::route(server, ask, rest).await,
        (
            method,
            [
                "swarm" | "nodes" | "services" | "tasks" | "secrets" | "configs" | "plugins",
                ..,
            ],
        ) => swarm::route(method, &parts),
        _ => Err(Failure::no_page()),
    }
}
