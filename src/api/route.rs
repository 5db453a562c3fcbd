//! Which handler a request is for.

use std::sync::Arc;

use hyper::Method;

use super::{
    answer::{Failure, Outcome},
    ask::Ask,
    serve::Server,
    system,
};

/// Answers a request.
pub async fn route(server: Arc<Server>, ask: Ask) -> Outcome {
    let parts = ask.parts.clone();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let method = ask.method.clone();
    match (&method, parts.as_slice()) {
        (&Method::GET | &Method::HEAD, ["_ping"]) => Ok(system::ping()),
        (&Method::GET, ["version"]) => system::version(),
        (&Method::GET, ["info"]) => system::info(&server).await,
        _ => Err(Failure::no_page()),
    }
}
