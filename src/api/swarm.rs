//! What belongs to a swarm, which this engine is never part of: docker's own answers then.

use hyper::{Method, StatusCode};
use serde_json::json;

use super::answer::{Failure, Outcome, json};

/// What a daemon outside a swarm says.
pub const NO_MANAGER: &str = "This node is not a swarm manager. Use \"docker swarm init\" or \
                              \"docker swarm join\" to connect this node to swarm and try again.";

/// Whatever belongs to a swarm, or to plugins.
pub fn route(method: &Method, parts: &[&str]) -> Outcome {
    match (method, parts) {
        (&Method::POST, ["swarm", "leave"]) => Err(Failure::new(
            StatusCode::NOT_ACCEPTABLE,
            "This node is not part of a swarm",
        )),
        (&Method::POST, ["swarm", "init" | "join"]) => {
            Err(Failure::unsupported("this engine can't be part of a swarm"))
        }
        (&Method::GET, ["plugins"]) => json(&json!([])),
        (&Method::GET, ["plugins", "privileges"]) => {
            Err(Failure::unsupported("this engine has no plugins"))
        }
        (&Method::GET, ["plugins", name @ .., "json"]) => Err(Failure::missing(format!(
            "plugin {:?} not found",
            name.join("/")
        ))),
        (&Method::POST | &Method::DELETE, ["plugins", ..]) => {
            Err(Failure::unsupported("this engine has no plugins"))
        }
        (_, ["plugins", ..]) => Err(Failure::no_page()),
        (&Method::GET | &Method::POST | &Method::DELETE, _) => {
            Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, NO_MANAGER))
        }
        _ => Err(Failure::no_page()),
    }
}
