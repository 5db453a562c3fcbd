//! Networks.

use async_trait::async_trait;

use super::Embedded;
use crate::{
    engine::{Networks, Result},
    model::{ConnectRequest, ContainerId, Network, NetworkCreateRequest, NetworkDetails},
};

#[async_trait]
impl Networks for Embedded {
    async fn networks(&self) -> Result<Vec<Network>> {
        self.blocking("list", "the networks", |lifecycle| {
            Ok(lifecycle.networks().list()?)
        })
        .await
    }

    async fn network(&self, reference: &str) -> Result<NetworkDetails> {
        let owned = reference.to_owned();
        self.blocking("inspect the network", reference, move |lifecycle| {
            Ok(lifecycle.networks().details(&owned)?)
        })
        .await
    }

    async fn create_network(&self, request: NetworkCreateRequest) -> Result<Network> {
        let name = request.name.clone();
        self.blocking("create the network", &name, move |lifecycle| {
            lifecycle.create_network(&request)
        })
        .await
    }

    async fn remove_network(&self, reference: &str) -> Result<()> {
        let owned = reference.to_owned();
        self.blocking("remove the network", reference, move |lifecycle| {
            lifecycle.remove_network(&owned)
        })
        .await
    }

    async fn prune_networks(&self, spared: &[String]) -> Result<Vec<String>> {
        let spared = spared.to_vec();
        self.blocking("prune", "the networks", move |lifecycle| {
            lifecycle.prune_networks(&spared)
        })
        .await
    }

    async fn connect(&self, request: ConnectRequest) -> Result<()> {
        let id = request.container.clone();
        self.about("connect", &id, move |lifecycle, _| {
            lifecycle.connect(&request)
        })
        .await
    }

    async fn disconnect(&self, id: &ContainerId, network: &str) -> Result<()> {
        let network = network.to_owned();
        self.about("disconnect", id, move |lifecycle, id| {
            lifecycle.disconnect(id, &network)
        })
        .await
    }
}
