//! What passed the interfaces of containers, read at the host's ends of them: nothing of
//! a container's is opened or entered.

use std::collections::HashMap;

use crate::{
    engine::usage::monotonic_ns,
    model::{Container, Endpoint, Flow, NetworkId, Traffic},
    sys::netlink::{Counters, Socket},
};

/// The counters of all interfaces of this host.
#[derive(Debug, Default)]
pub struct Meter {
    /// Open from the first look on.
    counters: Option<Counters>,
    is_opened: bool,
    /// When the counters were read, CLOCK_MONOTONIC.
    at_ns: u64,
    /// What had passed a link at a look before, of those whose flow was asked for.
    before: HashMap<u32, (u64, Traffic)>,
}

/// The host's end of a container's interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which network it is on.
    pub network: NetworkId,
    /// Its number.
    pub index: u32,
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
        self.at_ns = monotonic_ns();
    }

    /// What passed these links, all together; unknown if none of them is there.
    pub fn traffic(&self, links: &[Link]) -> Option<Traffic> {
        let counters = self.counters.as_ref()?;
        let known = links.iter().filter_map(|link| counters.beyond(link.index));
        known.reduce(std::ops::Add::add)
    }

    /// What passes a link now, against the last time that this was asked; unknown the
    /// first time.
    pub fn flow(&mut self, link: u32) -> Option<Flow> {
        let now = self.counters.as_ref()?.beyond(link)?;
        let before = self.before.insert(link, (self.at_ns, now));
        let (at_ns, before) = before.filter(|(at_ns, _)| *at_ns < self.at_ns)?;
        let seconds = (self.at_ns - at_ns) as f64 / 1e9;
        // The number may have been another link's meanwhile.
        let rate = |now: u64, before: u64| Some(now.checked_sub(before)? as f64 / seconds);
        Some(Flow {
            in_bps: rate(now.in_bytes, before.in_bytes)?,
            out_bps: rate(now.out_bytes, before.out_bytes)?,
        })
    }

    /// Ends a round of questions about flows: links that nobody asked about are forgotten,
    /// and all of them where nobody looks.
    pub fn settle(&mut self, is_watched: bool) {
        let at_ns = self.at_ns;
        self.before
            .retain(|_, (asked_ns, _)| is_watched && *asked_ns == at_ns);
    }
}

/// A container's links on the host.
pub fn links(container: &Container) -> Vec<Link> {
    let endpoints = &container.connectivity.endpoints;
    if endpoints.is_empty() {
        return Vec::new();
    }
    let Ok(socket) = Socket::route() else {
        return Vec::new();
    };
    let link = |endpoint: &Endpoint| {
        let name = Endpoint::host_interface(&endpoint.container, &endpoint.network);
        Some(Link {
            network: endpoint.network.clone(),
            index: socket.link(&name).ok()??.index,
        })
    };
    endpoints.iter().filter_map(link).collect()
}
