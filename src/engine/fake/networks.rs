//! Networks that containers of the fake are on: several on one, one on several, one in
//! another's place, one that doesn't run.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Fake, MIB, epoch};
use crate::{
    engine::{EngineError, ErrorKind, Networks, Result},
    model::{
        Attachment, ConnectRequest, Container, ContainerId, DEFAULT_NETWORK, Endpoint, Flow,
        Network, NetworkCreateRequest, NetworkDetails, NetworkDriver, NetworkId, NetworkMode,
        NetworkRow, Port, PublishedPort, Subnet, Transport, World,
    },
};

/// Gives a world networks, and puts containers on them.
pub fn connect(world: &mut World) {
    let mut default = network(1, DEFAULT_NETWORK, "172.17.0.0/16");
    default.created = epoch() - Duration::from_secs(4_000_000);
    let mut back = network(3, "back", "172.19.0.0/16");
    back.internal = true;
    back.subnets.push(subnet("fd19::/64"));
    back.labels = [("com.example.team".to_owned(), "shop".to_owned())].into();
    let kinds = [("host", NetworkDriver::Host), ("none", NetworkDriver::None)];
    let mut all = vec![default];
    all.extend(kinds.map(|(name, driver)| Network {
        driver,
        subnets: Vec::new(),
        created: jiff::Timestamp::UNIX_EPOCH,
        ..network(driver as u8 + 10, name, "0.0.0.0/0")
    }));
    all.extend([back, network(2, "front", "172.18.0.0/16")]);
    all.push(network(4, "left-over", "172.20.0.0/24"));
    let row = |network| NetworkRow {
        network: Arc::new(network),
        flows: HashMap::new(),
    };
    world.networks = all.into_iter().map(row).collect();
    let places: [(&str, &str, u8, &[&str]); 8] = [
        ("gateway", "front", 2, &["www", "edge"]),
        ("gateway", DEFAULT_NETWORK, 2, &[]),
        ("orders-api", "front", 3, &["orders"]),
        ("orders-api", "back", 2, &["orders"]),
        ("postgres", "back", 3, &["db"]),
        ("queue", "back", 4, &[]),
        ("migrate", "back", 0, &[]),
        ("データ集計", DEFAULT_NETWORK, 3, &[]),
    ];
    for (name, on, last, aliases) in places {
        place(world, name, on, last, aliases);
    }
    let share = |world: &mut World, name: &str, mode: NetworkMode| {
        edit(world, name, |container| container.config.network = mode);
    };
    share(world, "backup", NetworkMode::Host);
    let owner = world
        .containers
        .iter()
        .find(|row| row.container.name == "gateway");
    if let Some(id) = owner.map(|row| row.container.id.to_string()) {
        share(world, "thumbnailer", NetworkMode::Container(id));
    }
    let published = |ip: &str| PublishedPort {
        ip: ip.parse().expect("it is an address"),
        host: 8080,
        container: Port {
            number: 80,
            transport: Transport::Tcp,
        },
    };
    edit(world, "gateway", |container| {
        container.connectivity.ports = vec![published("0.0.0.0"), published("::")];
    });
}

/// Puts a container on a network; one that doesn't run has no address there yet.
fn place(world: &mut World, name: &str, on: &str, last: u8, aliases: &[&str]) {
    let row = world.networks.iter_mut().find(|row| row.network.name == on);
    let row = row.expect("the network was made");
    let network = Arc::clone(&row.network);
    let of = world
        .containers
        .iter()
        .find(|row| row.container.name == name);
    let Some(id) = of.map(|row| row.container.id.clone()) else {
        return;
    };
    if last > 0 {
        let flow = Flow {
            in_bps: f64::from(last) * 0.3 * MIB as f64,
            out_bps: f64::from(last) * 41_000.0,
        };
        row.flows.insert(id, flow);
    }
    edit(world, name, |container| {
        container.config.network = NetworkMode::Bridge;
        container.config.networks.push(Attachment {
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            ..Attachment::to(on)
        });
        if last > 0 {
            let endpoint = endpoint(container, &network, last, aliases);
            container.connectivity.endpoints.push(endpoint);
        }
    });
}

fn endpoint(container: &Container, network: &Network, last: u8, aliases: &[&str]) -> Endpoint {
    let mut ip = None;
    let mut ip6 = None;
    for subnet in &network.subnets {
        let prefix = subnet.net.prefix_len();
        match subnet.net.network() {
            std::net::IpAddr::V4(first) => {
                ip = Some(((u32::from(first) + u32::from(last)).into(), prefix));
            }
            std::net::IpAddr::V6(first) => {
                ip6 = Some(((u128::from(first) + u128::from(last)).into(), prefix));
            }
        }
    }
    let names = [container.name.as_str(), container.id.short()];
    let names = names.iter().chain(aliases).map(|name| (*name).to_owned());
    Endpoint {
        container: container.id.clone(),
        network: network.id.clone(),
        network_name: network.name.clone(),
        interface: "eth0".into(),
        mac: "02:42:ac:12:00:02".parse().expect("it is an address"),
        ip,
        ip6,
        gateway: None,
        gateway6: None,
        names: names.collect(),
    }
}

fn edit(world: &mut World, name: &str, edit: impl FnOnce(&mut Container)) {
    let mut rows = world.containers.iter_mut();
    if let Some(row) = rows.find(|row| row.container.name == name) {
        edit(Arc::make_mut(&mut row.container));
    }
}

fn network(n: u8, name: &str, net: &str) -> Network {
    Network {
        id: NetworkId::from_bytes(&[n.wrapping_mul(29) ^ 0x6b; 32]),
        name: name.to_owned(),
        driver: NetworkDriver::Bridge,
        created: epoch() - Duration::from_secs(u64::from(n) * 86_400),
        subnets: vec![subnet(net)],
        internal: false,
        mtu: None,
        labels: Default::default(),
    }
}

fn subnet(net: &str) -> Subnet {
    let net: ipnet::IpNet = net.parse().expect("it is a range");
    Subnet {
        net,
        // The first of an IPv6 range is everybody's.
        gateway: net
            .hosts()
            .find(|ip| *ip != net.network())
            .expect("it has addresses"),
        range: None,
    }
}

#[async_trait]
impl Networks for Fake {
    async fn networks(&self) -> Result<Vec<Network>> {
        let inner = self.lock();
        let rows = inner.world.networks.iter();
        Ok(rows.map(|row| (*row.network).clone()).collect())
    }

    async fn network(&self, reference: &str) -> Result<NetworkDetails> {
        let found = self.networks().await?.into_iter();
        let mut found = found.filter(|network| {
            network.name == reference || network.id.as_str().starts_with(reference)
        });
        let network = found.next().ok_or_else(|| {
            EngineError::new(ErrorKind::NotFound, "look at the network", reference)
        })?;
        Ok(NetworkDetails {
            network,
            endpoints: Vec::new(),
            warnings: Vec::new(),
        })
    }

    async fn create_network(&self, request: NetworkCreateRequest) -> Result<Network> {
        self.note(format!("create network {}", request.name))?;
        let made = network(99, &request.name, "172.30.0.0/16");
        self.lock().world.networks.push(NetworkRow {
            network: Arc::new(made.clone()),
            flows: HashMap::new(),
        });
        Ok(made)
    }

    async fn remove_network(&self, reference: &str) -> Result<()> {
        let name = self.network(reference).await?.network.name;
        self.note(format!("remove network {name}"))?;
        let mut inner = self.lock();
        inner.world.networks.retain(|row| row.network.name != name);
        Ok(())
    }

    async fn prune_networks(&self, spared: &[String]) -> Result<Vec<String>> {
        let unused = {
            let inner = self.lock();
            let unused = inner.world.unused_networks();
            let names = unused.map(|row| row.network.name.clone());
            names
                .filter(|name| !spared.contains(name))
                .collect::<Vec<_>>()
        };
        for name in &unused {
            self.remove_network(name).await?;
        }
        Ok(unused)
    }

    async fn connect(&self, request: ConnectRequest) -> Result<()> {
        let on = request.attachment.network;
        let name = self.name_of(&request.container);
        self.note(format!("connect {name} to {on}"))?;
        place(&mut self.lock().world, &name, &on, 77, &[]);
        Ok(())
    }

    async fn disconnect(&self, id: &ContainerId, network: &str) -> Result<()> {
        let name = self.name_of(id);
        self.note(format!("disconnect {name} from {network}"))?;
        edit(&mut self.lock().world, &name, |container| {
            let config = &mut container.config;
            config.networks.retain(|on| on.network != network);
            let endpoints = &mut container.connectivity.endpoints;
            endpoints.retain(|endpoint| endpoint.network_name != network);
        });
        Ok(())
    }
}
