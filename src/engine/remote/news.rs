//! What happens at the other engine between two pictures: its events say which containers
//! are to be read again, so that a picture of what didn't change asks nothing.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::JoinHandle;

use super::{
    client::{Ask, Lines, Shared},
    read,
};
use crate::model::{ContainerId, EventKind};

/// Events that change nothing that is shown.
const QUIET: [&str; 8] = [
    "exec_create",
    "exec_start",
    "exec_die",
    "exec_detach",
    "attach",
    "resize",
    "top",
    "archive-path",
];

/// What is to be read again.
#[derive(Debug, Default)]
pub struct Stale {
    /// Everything.
    pub all: bool,
    /// The list of containers.
    pub listing: bool,
    /// The list of images.
    pub images: bool,
    /// The list of networks.
    pub networks: bool,
    /// The list of volumes.
    pub volumes: bool,
    /// These.
    pub containers: HashSet<ContainerId>,
}

/// Listens from the moment it is made.
#[derive(Debug)]
pub struct News {
    stale: Arc<Mutex<Stale>>,
    task: JoinHandle<()>,
}

impl News {
    /// Listens; everything is stale at first.
    pub async fn listen(client: Shared) -> crate::engine::Result<Self> {
        let stale = Arc::new(Mutex::new(Stale {
            all: true,
            ..Stale::default()
        }));
        // Its head comes at once: from then on nothing is missed.
        let (operation, subject) = ("follow events of", "the engine");
        let head = client.stream(Ask::get("/events", operation, subject));
        let answer = client.patiently(operation, subject, head).await?;
        let told = Arc::clone(&stale);
        let task = tokio::spawn(async move {
            let mut lines = Lines::of(answer);
            while let Ok(Some(value)) = lines.next().await {
                let mut stale = told.lock().unwrap_or_else(PoisonError::into_inner);
                note(&value, &mut stale);
            }
        });
        Ok(Self { stale, task })
    }

    /// Whether it still listens.
    pub fn is_live(&self) -> bool {
        !self.task.is_finished()
    }

    /// What became stale since the last time.
    pub fn take(&self) -> Stale {
        std::mem::take(&mut *self.stale.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for News {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn note(value: &serde_json::Value, stale: &mut Stale) {
    let Some(event) = read::event(value) else {
        return;
    };
    // `exec_create: sh -c …`
    let action = event.action.split(':').next().unwrap_or_default();
    match event.kind {
        EventKind::Container if QUIET.contains(&action) => {}
        EventKind::Container => {
            stale.listing = true;
            stale.containers.extend(ContainerId::parse(&event.id));
        }
        EventKind::Image => stale.images = true,
        // Who is on a network, or uses a volume, is a container's.
        EventKind::Network | EventKind::Volume => {
            match (event.kind, action) {
                (EventKind::Network, "create" | "destroy" | "remove" | "prune") => {
                    stale.networks = true;
                }
                (EventKind::Volume, "create" | "destroy" | "remove" | "prune") => {
                    stale.volumes = true;
                }
                _ => {}
            }
            let of = event.attributes.get("container");
            stale
                .containers
                .extend(of.and_then(|id| ContainerId::parse(id)));
        }
    }
}
