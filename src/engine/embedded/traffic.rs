//! What passed the interfaces of containers, read at the host's ends of them: nothing of
//! a container's is opened or entered.

use crate::{
    model::{Container, Endpoint, Traffic},
    sys::netlink::{Counters, Socket},
};

/// The counters of all interfaces of this host.
#[derive(Debug, Default)]
pub struct Meter {
    /// Open from the first look on.
    counters: Option<Counters>,
    is_opened: bool,
}

impl Meter {
    /// Reads all of them. Where they can't be read, traffic is unknown.
    pub fn refresh(&mut self) {
        if !self.is_opened {
            self.is_opened = true;
            self.counters = Counters::open().ok();
        }
        if let Some(counters) = &mut self.counters
            && counters.refresh().is_err()
        {
            // What was left unread would be taken for the next answer.
            self.counters = None;
            self.is_opened = false;
        }
    }

    /// What passed these links, all together; unknown if none of them is there.
    pub fn traffic(&self, links: &[u32]) -> Option<Traffic> {
        let counters = self.counters.as_ref()?;
        let known = links.iter().filter_map(|link| counters.beyond(*link));
        known.reduce(std::ops::Add::add)
    }
}

/// The numbers of a container's links on the host.
pub fn links(container: &Container) -> Vec<u32> {
    let endpoints = &container.connectivity.endpoints;
    if endpoints.is_empty() {
        return Vec::new();
    }
    let Ok(socket) = Socket::route() else {
        return Vec::new();
    };
    let names = endpoints
        .iter()
        .map(|endpoint| Endpoint::host_interface(&endpoint.container, &endpoint.network));
    names
        .filter_map(|name| Some(socket.link(&name).ok()??.index))
        .collect()
}
