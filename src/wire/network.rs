//! Networks.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::models;
use crate::model::{Network, NetworkCreateRequest, NetworkDetails, NetworkDriver};

/// The option that says how large packets may be.
const MTU: &str = "com.docker.network.driver.mtu";

/// A network, with who is on it if that was asked for.
pub fn network(network: &Network, details: Option<&NetworkDetails>) -> Value {
    let ranges = network.subnets.iter().map(|subnet| models::IpamConfig {
        subnet: Some(subnet.net.to_string()),
        ip_range: subnet.range.map(|range| range.to_string()),
        gateway: Some(subnet.gateway.to_string()),
        ..Default::default()
    });
    let mtu = network.mtu.map(|mtu| (MTU.to_owned(), mtu.to_string()));
    let shown = models::Network {
        name: Some(network.name.clone()),
        id: Some(network.id.to_string()),
        created: Some(network.created.to_string()),
        scope: Some("local".into()),
        driver: Some(driver(network.driver).into()),
        enable_ipv4: Some(network.subnet(false).is_some()),
        enable_ipv6: Some(network.subnet(true).is_some()),
        ipam: Some(models::Ipam {
            driver: Some("default".into()),
            config: Some(ranges.collect()),
            options: None,
        }),
        internal: Some(network.internal),
        attachable: Some(false),
        ingress: Some(false),
        config_from: Some(models::ConfigReference {
            network: Some(String::new()),
        }),
        config_only: Some(false),
        options: Some(mtu.into_iter().collect()),
        labels: Some(
            network
                .labels
                .clone()
                .into_iter()
                .collect::<HashMap<_, _>>(),
        ),
        ..Default::default()
    };
    let mut shown = json!(shown);
    let endpoints = details.map(|details| details.endpoints.as_slice());
    let places = endpoints.unwrap_or_default().iter().map(|(name, place)| {
        let address = |ip: Option<(String, u8)>| match ip {
            Some((ip, bits)) => format!("{ip}/{bits}"),
            None => String::new(),
        };
        let shown = json!({
            "Name": name,
            "EndpointID": format!(
                "{}{}", &place.container.as_str()[..32], &place.network.as_str()[..32]
            ),
            "MacAddress": place.mac.to_string(),
            "IPv4Address": address(place.ip.map(|(ip, bits)| (ip.to_string(), bits))),
            "IPv6Address": address(place.ip6.map(|(ip, bits)| (ip.to_string(), bits))),
        });
        (place.container.to_string(), shown)
    });
    shown["Containers"] = Value::Object(places.collect());
    shown
}

/// A driver's word.
pub fn driver(driver: NetworkDriver) -> &'static str {
    match driver {
        NetworkDriver::None => "null",
        other => other.as_str(),
    }
}

/// Reads the body of a create.
pub fn create(body: models::NetworkCreateRequest) -> Result<NetworkCreateRequest, String> {
    if body.name.is_empty() {
        return Err("a network needs a name".into());
    }
    let kind = match body.driver.as_deref() {
        None | Some("" | "bridge" | "default") => NetworkDriver::Bridge,
        Some("host") => NetworkDriver::Host,
        Some("null" | "none") => NetworkDriver::None,
        Some(other) => {
            return Err(format!(
                "could not find plugin {other} in v1 plugin registry"
            ));
        }
    };
    let is_on = |flag: Option<bool>| flag.unwrap_or_default();
    if is_on(body.config_only) || is_on(body.ingress) {
        return Err("networks of a swarm are not supported".into());
    }
    let mut request = NetworkCreateRequest {
        name: body.name,
        driver: kind,
        ipv6: is_on(body.enable_ipv6),
        internal: is_on(body.internal),
        labels: body.labels.into_iter().flatten().collect(),
        ..NetworkCreateRequest::default()
    };
    for (key, value) in body.options.into_iter().flatten() {
        match key.as_str() {
            MTU => {
                let mtu = value.parse();
                request.mtu = Some(mtu.map_err(|_| format!("{MTU}={value}: not a number"))?);
            }
            // Names of bridges are ours; the rest is what holds here anyway.
            "com.docker.network.bridge.name"
            | "com.docker.network.bridge.enable_icc"
            | "com.docker.network.bridge.enable_ip_masquerade"
            | "com.docker.network.bridge.default_bridge"
            | "com.docker.network.bridge.host_binding_ipv4"
            | "com.docker.network.enable_ipv4"
            | "com.docker.network.enable_ipv6" => {}
            _ => return Err(format!("network option {key} is not supported")),
        }
    }
    let ipam = body.ipam.unwrap_or_default();
    if let Some(driver) = ipam
        .driver
        .filter(|d| !matches!(d.as_str(), "" | "default"))
    {
        return Err(format!("IPAM driver {driver} is not supported"));
    }
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    for range in ipam.config.into_iter().flatten() {
        let wrong = |what: &str| format!("invalid network config: {what:?}");
        if let Some(net) = text(range.subnet) {
            request.subnets.push(net.parse().map_err(|_| wrong(&net))?);
        }
        if let Some(ip) = text(range.gateway) {
            request.gateways.push(ip.parse().map_err(|_| wrong(&ip))?);
        }
        if let Some(net) = text(range.ip_range) {
            request.ranges.push(net.parse().map_err(|_| wrong(&net))?);
        }
        if range.auxiliary_addresses.is_some_and(|map| !map.is_empty()) {
            return Err("auxiliary addresses are not supported".into());
        }
    }
    Ok(request)
}
