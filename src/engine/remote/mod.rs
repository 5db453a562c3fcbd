//! An engine behind Docker's API: dockerd, podman, or wharf at its socket.
//!
//! hyper with our own reading of the JSON, not bollard: its types refuse a whole list for
//! one word that they don't know, which podman has, and connections (ssh, TLS, why there
//! is none) would be ours all the same. hyper is there already, under the registry client.
//!
//! ```text
//! connect     a socket, a port, TLS             client     requests, answers, failures
//! ssh         a command on another machine
//! frames      streams over one connection       session    a handed over connection
//! read, write JSON to our nouns and back        pipe       blocking ends of bodies
//! world       one picture a tick                news       what happens there meanwhile
//! observe containers images registries networks volumes archives builds upkeep: traits
//! ```
//!
//! Pictures cost the other engine next to nothing: its events say what is to be read
//! again, and where it is on this machine, its counters are read from the kernel as ours
//! are.

mod archives;
mod builds;
mod client;
mod connect;
mod containers;
mod frames;
mod images;
mod networks;
mod news;
mod observe;
mod pipe;
mod read;
mod registries;
mod session;
mod ssh;
mod upkeep;
mod volumes;
mod world;
mod write;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::Mutex as AsyncMutex;

use self::{
    client::{Ask, Client, Shared},
    world::Picture,
};
use super::{EngineError, ErrorKind, Files, Groups, Result};
use crate::model::{Ability, Address, Capabilities, ContainerId, Exit};

pub use connect::{Unreachable, dial_stdio};

/// An exit that is waited for from before the start on.
type Awaited = tokio::task::JoinHandle<Result<Exit>>;

/// The engine at an address.
#[derive(Debug)]
pub struct Remote {
    client: Shared,
    /// What it said it is, the first time that it answered.
    identity: Arc<Mutex<Option<String>>>,
    picture: AsyncMutex<Picture>,
    /// A container that removes itself may be gone before anybody asks how it ended.
    awaited: Mutex<HashMap<ContainerId, Awaited>>,
}

impl Remote {
    /// Whatever is at an address, named by somebody (`DOCKER_HOST`). Nothing is asked of it
    /// yet: a dashboard shows why there is nobody, and tries again.
    ///
    /// # Errors
    /// An address that can't be used as it is.
    pub fn at(address: Address, chosen_by: String) -> Result<Self> {
        let shown = format!("{address} (from {chosen_by})");
        let client = Client::new(address, chosen_by).map_err(|error| {
            let hint = error.hint.clone();
            EngineError::new(ErrorKind::Invalid, "drive the engine at", shown)
                .because(error)
                .with_hint(hint)
        })?;
        let client = Arc::new(client);
        let identity = Arc::default();
        Ok(Self {
            picture: AsyncMutex::new(Picture::new(client.clone(), Arc::clone(&identity))),
            identity,
            client,
            awaited: Mutex::default(),
        })
    }

    fn can(&self) -> Capabilities {
        let identity = lock(&self.identity).clone();
        Capabilities {
            engine: identity.unwrap_or_else(|| "engine".into()),
            address: Some(self.client.address().to_string()),
            ..Capabilities::default()
        }
        .without(&[
            Ability::Details,
            Ability::FineLimits,
            Ability::Signal,
            Ability::HostImage,
            Ability::Files,
            Ability::Groups,
            Ability::Upkeep,
        ])
    }
}

/// What the engine says it is.
async fn identify(client: &Client) -> Result<String> {
    let version: Value = client
        .soon(Ask::get("/version", "ask", "the engine"))
        .await?;
    Ok(name_of(&version))
}

/// The name of whoever answered to `/version`, and its own version.
fn name_of(version: &Value) -> String {
    let number = version["Version"].as_str().unwrap_or("?");
    let components = version["Components"].as_array();
    let first = components.and_then(|all| all.first()?["Name"].as_str());
    let platform = version["Platform"]["Name"].as_str();
    let name = match (platform, first) {
        (Some(name), _) if name.starts_with("wharf") => "wharf",
        (_, Some(name)) if name.contains("Podman") => "podman",
        _ => "docker",
    };
    format!("{name} {number}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unreadable(operation: &'static str, subject: &str, why: String) -> EngineError {
    EngineError::new(ErrorKind::Internal, operation, subject).because(why)
}

impl Files for Remote {}
impl Groups for Remote {}
