//! A container's part in networks: joined before its shim is started, left when nothing of
//! its run is left.

use std::{
    collections::HashSet,
    fs::{self, File},
    os::fd::{AsFd, OwnedFd},
};

use super::{Error, Lifecycle, Result, failed};
use crate::{
    model::{
        Attachment, ConnectRequest, Connectivity, ContainerId, EventKind, Network,
        NetworkCreateRequest, NetworkId, NetworkMode, Publish,
    },
    network::{self as networks, Rates, Wish},
    runtime::{
        attach::{self, Frame},
        donor::Donor,
        events,
        record::ContainerRecord,
        shim::Plugged,
        spec,
        store::{self, ContainerLock},
    },
    sys::fs::Durability,
};

impl Lifecycle {
    /// The network namespace of a container's next run, where its shim doesn't make one
    /// itself. Called with its lock held.
    pub(super) fn plug(&self, record: &ContainerRecord) -> Result<Option<Plugged>> {
        match &record.config.network {
            NetworkMode::None | NetworkMode::Host => Ok(None),
            NetworkMode::Container(other) => Ok(Some(Plugged {
                namespace: self.namespace_of(&self.store.resolve(other)?)?,
                reservation: None,
            })),
            NetworkMode::Bridge => {
                let names = names(record);
                let attached = self.networks().attach(&Wish {
                    container: &record.id,
                    names: &names,
                    attachments: &record.config.networks,
                    publish: &wished_ports(record),
                    rates: Rates::of(&record.config.limits),
                })?;
                self.write_connectivity(&record.id, &attached.connectivity)?;
                Ok(Some(Plugged {
                    namespace: attached.namespace,
                    reservation: attached.reservation,
                }))
            }
        }
    }

    /// Takes back what [`Self::plug`] or a run whose shim is gone has of networks.
    pub(in crate::runtime) fn unplug(&self, record: &ContainerRecord) -> Result<()> {
        match record.config.network {
            NetworkMode::Bridge => Ok(self.networks().release(&record.id)?),
            _ => Ok(()),
        }
    }

    fn write_connectivity(&self, id: &ContainerId, connectivity: &Connectivity) -> Result<()> {
        let path = self.paths(id).network();
        Ok(store::write_json(
            &path,
            connectivity,
            Durability::Unsynced,
        )?)
    }

    /// The network namespace of a container that runs.
    fn namespace_of(&self, id: &ContainerId) -> Result<OwnedFd> {
        let donor = Donor::find(self.root(), id.as_str(), "network")?;
        Ok(donor.namespace("net")?)
    }

    /// Makes a network.
    pub fn create_network(&self, request: &NetworkCreateRequest) -> Result<Network> {
        let id = NetworkId::from_bytes(&super::create::random()?);
        let network = self.networks().create(request, id)?;
        self.tell_of_network("create", &network.name, network.id.as_str(), []);
        Ok(network)
    }

    /// Removes a network that nobody is on.
    pub fn remove_network(&self, reference: &str) -> Result<()> {
        let network = self.networks().remove(reference)?;
        self.tell_of_network("destroy", &network.name, network.id.as_str(), []);
        Ok(())
    }

    /// Removes networks that no container names, whether it runs or not; what went. The
    /// bridges of those that stay and the rules are taken from the kernel where nobody
    /// needs them now.
    pub fn prune_networks(&self, spared: &[String]) -> Result<Vec<String>> {
        let mut named = HashSet::new();
        for id in self.store.list()? {
            match self.store.load(&id) {
                Ok(record) => {
                    let networks = record.config.networks.into_iter();
                    named.extend(networks.map(|attachment| attachment.network));
                }
                Err(store::Error::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut gone = Vec::new();
        for network in self.networks().list()? {
            let name = &network.name;
            if network.is_built_in() || named.contains(name) || spared.contains(name) {
                continue;
            }
            match self.remove_network(name) {
                Ok(()) => gone.push(network.name),
                // Somebody was faster, with it or on it.
                Err(Error::Network(networks::Error::InUse(_) | networks::Error::NotFound(_))) => {}
                Err(error) => return Err(error),
            }
        }
        self.networks().take_down_idle()?;
        Ok(gone)
    }

    /// Puts a container on one more network, at once if it runs.
    pub fn connect(&self, request: &ConnectRequest) -> Result<()> {
        let ConnectRequest {
            container: id,
            attachment,
        } = request;
        let held = self.store.lock(id)?;
        let mut record = self.store.load(id)?;
        let network = self.networks().find(&attachment.network)?;
        if record.config.network != NetworkMode::Bridge {
            return Err(Error::Invalid(format!(
                "it is on {}, which can't be combined with networks",
                match record.config.network {
                    NetworkMode::Host => "the host's network",
                    NetworkMode::Container(_) => "another container's network",
                    _ => "no network",
                }
            )));
        }
        let is_on = |known: &Attachment| {
            self.networks()
                .find(&known.network)
                .is_ok_and(|known| known.id == network.id)
        };
        if record.config.networks.iter().any(is_on) {
            return Err(Error::Invalid(format!(
                "it is on the network {} already",
                network.name
            )));
        }
        let attachment = Attachment {
            network: network.name.clone(),
            ..attachment.clone()
        };
        record.config.networks.push(attachment.clone());
        self.journalled(&held, || {
            if let Some(namespace) = self.running_namespace(id)? {
                let names = names(&record);
                let rates = Rates::of(&record.config.limits);
                self.networks()
                    .connect(id, &names, &attachment, namespace.as_fd(), rates)?;
                self.refresh_connectivity(&record)?;
            }
            self.store.write(&held, &record)?;
            Ok(())
        })?;
        self.refresh_names(&record)?;
        self.tell_network("connect", &network.name, network.id.as_str(), &record);
        Ok(())
    }

    /// Takes a container off a network, at once if it runs.
    pub fn disconnect(&self, id: &ContainerId, reference: &str) -> Result<()> {
        let held = self.store.lock(id)?;
        let mut record = self.store.load(id)?;
        let network = self.networks().find(reference)?;
        let before = record.config.networks.len();
        record.config.networks.retain(|known| {
            let found = self.networks().find(&known.network);
            !found.is_ok_and(|known| known.id == network.id)
        });
        if record.config.networks.len() == before {
            return Err(Error::Invalid(format!(
                "it is not on the network {}",
                network.name
            )));
        }
        self.journalled(&held, || {
            self.store.write(&held, &record)?;
            let namespace = self.running_namespace(id)?;
            let namespace = namespace.as_ref().map(AsFd::as_fd);
            self.networks().disconnect(id, &network, namespace)?;
            if namespace.is_some() {
                self.refresh_connectivity(&record)?;
            }
            Ok(())
        })?;
        self.refresh_names(&record)?;
        self.tell_network("disconnect", &network.name, network.id.as_str(), &record);
        Ok(())
    }

    /// Does `change` with a mark on disk, so that a kill in the middle is noticed.
    fn journalled(&self, held: &ContainerLock, change: impl FnOnce() -> Result<()>) -> Result<()> {
        let mark = self.root().connection(held.id());
        store::make_directory(&self.root().run, 0o711)?;
        File::create(&mark).map_err(failed("make", &mark))?;
        change()?;
        fs::remove_file(&mark).map_err(failed("remove", &mark))
    }

    /// A connection or disconnection that was cut: what the kernel has becomes what the
    /// record says.
    pub(in crate::runtime) fn finish_connection(&self, id: &ContainerId) -> Result<()> {
        let mark = self.root().connection(id);
        let done = || fs::remove_file(&mark).map_err(failed("remove", &mark));
        let _held = match self.store.try_lock(id) {
            Ok(Some(held)) => held,
            Ok(None) => return Ok(()),
            Err(store::Error::NotFound(_)) => return done(),
            Err(error) => return Err(error.into()),
        };
        if !mark.exists() {
            return Ok(());
        }
        let record = self.store.load(id)?;
        let networks = self.networks();
        let namespace = self.running_namespace(id)?;
        for endpoint in networks.connectivity(id)?.endpoints {
            let is_wanted = record
                .config
                .networks
                .iter()
                .any(|wanted| wanted.network == endpoint.network_name);
            if !is_wanted {
                let network = networks.find(endpoint.network.as_str())?;
                networks.disconnect(id, &network, namespace.as_ref().map(AsFd::as_fd))?;
            }
        }
        if namespace.is_some() {
            self.refresh_connectivity(&record)?;
        }
        done()
    }

    /// Its namespace if it runs.
    pub(super) fn running_namespace(&self, id: &ContainerId) -> Result<Option<OwnedFd>> {
        match self.inspect(id)?.state.has_process() {
            true => self.namespace_of(id).map(Some),
            false => Ok(None),
        }
    }

    /// Records what a running container has now.
    fn refresh_connectivity(&self, record: &ContainerRecord) -> Result<()> {
        let connectivity = self.networks().connectivity(&record.id)?;
        self.write_connectivity(&record.id, &connectivity)
    }

    /// Lets a running container know its new addresses, and serves it names if it has
    /// none to ask yet.
    fn refresh_names(&self, record: &ContainerRecord) -> Result<()> {
        if !self.inspect(&record.id)?.state.has_process() {
            return Ok(());
        }
        spec::rewrite(record, &self.paths(&record.id))?;
        match attach::request(&self.paths(&record.id).run, &Frame::Settle) {
            // Its shim died or it ended: then there is nobody to tell.
            Err(error) if error.is_gone() => Ok(()),
            done => Ok(done?),
        }
    }

    fn tell_network(&self, action: &str, name: &str, id: &str, record: &ContainerRecord) {
        self.tell_of_network(action, name, id, [("container", record.id.to_string())]);
    }

    /// Tells those who follow events, as with containers.
    pub fn tell_of_network<'a>(
        &self,
        action: &str,
        name: &str,
        id: &str,
        details: impl IntoIterator<Item = (&'a str, String)>,
    ) {
        let common = [("name", name.to_owned()), ("type", "bridge".to_owned())];
        let attributes = common.into_iter().chain(details);
        let event = events::now(EventKind::Network, action, id, attributes);
        // What was done is done, whether anybody hears of it or not.
        let _ = events::append(self.root(), &event);
    }
}

/// What a container is found by on its networks.
fn names(record: &ContainerRecord) -> Vec<String> {
    vec![record.name.clone(), record.id.short().to_owned()]
}

/// The ports that are to be opened: those that were named, and with `-P` every other that
/// the container or its image names.
fn wished_ports(record: &ContainerRecord) -> Vec<Publish> {
    let mut ports = record.config.publish.clone();
    if record.config.publish_all {
        for port in &record.config.expose {
            if ports.iter().all(|publish| publish.container != *port) {
                ports.push(Publish {
                    ip: None,
                    host: None,
                    container: *port,
                });
            }
        }
    }
    ports
}
