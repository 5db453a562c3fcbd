//! The other engine's networks.

use async_trait::async_trait;
use hyper::Method;
use serde_json::{Value, json};

use super::{Remote, client::Ask, read, unreadable, world, write};
use crate::{
    engine::{Networks, Result},
    model::{ConnectRequest, ContainerId, Network, NetworkCreateRequest, NetworkDetails},
};

#[async_trait]
impl Networks for Remote {
    async fn networks(&self) -> Result<Vec<Network>> {
        world::networks(&self.client).await
    }

    async fn network(&self, reference: &str) -> Result<NetworkDetails> {
        let ask = Ask::get(
            format!("/networks/{reference}"),
            "inspect the network",
            reference,
        );
        let value: Value = self.client.json(ask).await?;
        read::network_details(&value).ok_or_else(|| {
            let why = "the engine's answer is no network".into();
            unreadable("inspect the network", reference, why)
        })
    }

    async fn create_network(&self, request: NetworkCreateRequest) -> Result<Network> {
        let ask = Ask::post("/networks/create", "create the network", &request.name)
            .json(write::network(&request));
        let made: Value = self.client.json(ask).await?;
        let id = made["Id"].as_str().unwrap_or(&request.name).to_owned();
        Ok(self.network(&id).await?.network)
    }

    async fn remove_network(&self, reference: &str) -> Result<()> {
        let path = format!("/networks/{reference}");
        let ask = Ask::of(Method::DELETE, path, "remove the network", reference);
        self.client.done(ask).await
    }

    async fn prune_networks(&self, spared: &[String]) -> Result<Vec<String>> {
        // One by one: the engine's own prune spares nobody by name.
        let mut went = Vec::new();
        for network in self.networks().await? {
            let is_spared = network.is_built_in() || spared.contains(&network.name);
            if is_spared
                || !self
                    .network(network.id.as_str())
                    .await?
                    .endpoints
                    .is_empty()
            {
                continue;
            }
            // A container that is stopped may name it; the engine refuses then.
            if self.remove_network(network.id.as_str()).await.is_ok() {
                went.push(network.name);
            }
        }
        Ok(went)
    }

    async fn connect(&self, request: ConnectRequest) -> Result<()> {
        let network = &request.attachment.network;
        let path = format!("/networks/{network}/connect");
        let ask = Ask::post(path, "connect", request.container.short()).json(json!({
            "Container": request.container,
            "EndpointConfig": write::endpoint(&request.attachment),
        }));
        self.client.done(ask).await
    }

    async fn disconnect(&self, id: &ContainerId, network: &str) -> Result<()> {
        let path = format!("/networks/{network}/disconnect");
        let ask = Ask::post(path, "disconnect", id.short()).json(json!({ "Container": id }));
        self.client.done(ask).await
    }
}
