//! Networks.

use serde_json::Value;

use super::time;
use crate::model::{
    ContainerId, Endpoint, Network, NetworkDetails, NetworkDriver, NetworkId, Subnet,
};

/// A network; `None` where it has no id that is one, as those of a swarm.
pub fn network(value: &Value) -> Option<Network> {
    let driver = match value["Driver"].as_str()? {
        "host" => NetworkDriver::Host,
        "null" | "none" => NetworkDriver::None,
        // Whatever else carries it, to a container it is a network of its own.
        _ => NetworkDriver::Bridge,
    };
    let ranges = value["IPAM"]["Config"].as_array().into_iter().flatten();
    let subnets = ranges.filter_map(|range| {
        let net: ipnet::IpNet = range["Subnet"].as_str()?.parse().ok()?;
        let gateway = range["Gateway"].as_str().and_then(|ip| ip.parse().ok());
        Some(Subnet {
            net,
            gateway: gateway.or_else(|| net.hosts().next())?,
            range: range["IPRange"].as_str().and_then(|ip| ip.parse().ok()),
        })
    });
    let labels = value["Labels"].as_object().into_iter().flatten();
    let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let mtu = &value["Options"]["com.docker.network.driver.mtu"];
    Some(Network {
        id: NetworkId::parse(value["Id"].as_str()?)?,
        name: value["Name"].as_str()?.to_owned(),
        driver,
        created: time(value["Created"].as_str().unwrap_or_default())
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH),
        subnets: subnets.collect(),
        internal: value["Internal"].as_bool().unwrap_or_default(),
        mtu: mtu.as_str().and_then(|mtu| mtu.parse().ok()),
        labels: labels.collect(),
    })
}

/// A network and who is on it.
pub fn network_details(value: &Value) -> Option<NetworkDetails> {
    let network = network(value)?;
    let members = value["Containers"].as_object().into_iter().flatten();
    let endpoints = members.filter_map(|(id, place)| {
        let name = place["Name"].as_str()?.to_owned();
        let address = |key: &str| {
            let (ip, prefix) = place[key].as_str()?.split_once('/')?;
            Some((ip.to_owned(), prefix.parse::<u8>().ok()?))
        };
        let endpoint = Endpoint {
            container: ContainerId::parse(id)?,
            network: network.id.clone(),
            network_name: network.name.clone(),
            interface: String::new(),
            mac: place["MacAddress"].as_str()?.parse().ok()?,
            ip: address("IPv4Address").and_then(|(ip, n)| Some((ip.parse().ok()?, n))),
            ip6: address("IPv6Address").and_then(|(ip, n)| Some((ip.parse().ok()?, n))),
            gateway: None,
            gateway6: None,
            names: vec![name.clone()],
        };
        Some((name, endpoint))
    });
    Some(NetworkDetails {
        endpoints: endpoints.collect(),
        warnings: Vec::new(),
        network,
    })
}
