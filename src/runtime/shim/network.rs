//! A shim's part in its container's networks: it keeps the namespace and the host's ports,
//! serves names inside, and gives all back at the end.

use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
};

use super::{Failure, container::Shim, failure::Describe};
use crate::{
    model::NetworkMode,
    network::{Reservation, held, loopback::Loopback, resolver::Resolver},
    runtime::{networks, spec},
};

impl Shim {
    /// Keeps the network namespace, where the container has one of its own.
    pub(super) fn keep_network(&mut self, pid: i32) {
        if self.network.is_none() && self.record.config.network != NetworkMode::Host {
            self.network = File::open(format!("/proc/{pid}/ns/net"))
                .ok()
                .map(OwnedFd::from);
        }
    }

    /// Gives addresses and ports back, before anybody hears of the end: who then starts
    /// another finds them free. What can't be given back is taken by the next repair.
    pub(super) fn leave_networks(&mut self) {
        if self.record.config.network == NetworkMode::Bridge {
            let _ = networks(&self.root).release(&self.id);
        }
        self.network = None;
        self.ports = None;
        self.loopback = None;
        self.resolver = None;
    }

    /// Serves names inside the container, where they are needed and nobody does so yet.
    pub(super) fn open_resolver(&mut self) -> Result<(), Failure> {
        let Some(network) = &self.network else {
            return Ok(());
        };
        if self.resolver.is_some() || self.record.config.network != NetworkMode::Bridge {
            return Ok(());
        }
        let servers = spec::resolver(&self.record, &self.paths).describe("find resolvers")?;
        if let Some(servers) = servers {
            let networks = networks(&self.root);
            let opened = Resolver::open(networks, self.id.clone(), network.as_fd(), &servers);
            self.resolver = Some(opened.describe("serve names in the container")?);
        }
        Ok(())
    }

    /// Serves its open ports by `::1`, where there are any and nobody does so yet. It runs
    /// on without them there rather than not at all.
    pub(super) fn open_loopback(&mut self) {
        if let (Some(ports), None) = (&self.ports, &self.loopback) {
            let opened = Loopback::open(networks(&self.root), self.id.clone(), held(ports));
            self.loopback = opened.unwrap_or_default();
        }
    }

    /// Takes over what the shim before held.
    pub(super) fn adopt_network(&mut self) {
        if self.record.config.network != NetworkMode::Bridge {
            return;
        }
        let ports = networks(&self.root).hold_again(&self.id);
        self.ports = ports.map(Reservation::into_fd);
        self.open_loopback();
        // It runs on without names rather than not at all.
        let _ = self.open_resolver();
    }
}
