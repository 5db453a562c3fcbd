//! What monitors ask: figures as OpenMetrics text, and whether we are there and ready.

use hyper::StatusCode;

use super::{
    answer::{Answer, Failure, Outcome, typed},
    serve::Server,
};
use crate::{
    model::Visible,
    record::export::{self, Excerpt},
};

/// The type of OpenMetrics text.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`: the figures of now; rates are against the look before.
pub async fn metrics(server: &Server) -> Outcome {
    let visible = Visible {
        stats: true,
        images: true,
        ..Visible::default()
    };
    let world = server.engine.world(visible).await?;
    let mut text = Vec::new();
    Excerpt::of(&world)
        .and_then(|excerpt| export::openmetrics(&excerpt, &mut text))
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(typed(StatusCode::OK, OPENMETRICS, text))
}

/// `GET /healthz`: this process answers.
pub fn health() -> Answer {
    typed(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")
}

/// `GET /readyz`: the engine answers, and can change what it is asked to.
pub async fn ready(server: &Server) -> Outcome {
    let world = server.engine.world(Visible::default()).await?;
    let because = server.engine.capabilities().read_only_because;
    let problems = world.problems.iter().map(|problem| problem.message.clone());
    let problems: Vec<_> = because.into_iter().chain(problems).collect();
    match problems.is_empty() {
        true => Ok(health()),
        false => Err(Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            problems.join("; "),
        )),
    }
}
