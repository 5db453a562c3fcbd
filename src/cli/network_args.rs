//! The flags of `run` and `create` about networks, ports and names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use clap::Args;

use super::values::{self, Choice, Parsed};
use crate::model::{
    Attachment, ContainerConfig, HostAddress, Mac, Naming, NetworkMode, Pool, Port, Publish,
};

/// What holds where no flag says anything.
#[derive(Clone, Debug)]
pub struct NetworkDefaults {
    /// The network.
    pub network: Choice,
    /// Where the ranges of new networks come from.
    pub pools: Vec<Pool>,
}

/// Flags about networks.
#[derive(Args, Clone, Debug, Default)]
pub struct NetworkArgs {
    /// Join a network: its NAME, none, host or container:NAME; NAME:alias=A,ip=I for more
    #[arg(long, visible_alias = "net", value_name = "NETWORK", value_parser = values::network)]
    network: Vec<Choice>,
    /// Be found by this name too on the first network
    #[arg(long, visible_alias = "net-alias", value_name = "NAME")]
    network_alias: Vec<String>,
    /// Its IPv4 address on the first network
    #[arg(long, value_name = "IP", value_parser = values::ip4)]
    ip: Option<Ipv4Addr>,
    /// Its IPv6 address on the first network
    #[arg(long, value_name = "IP", value_parser = values::ip6)]
    ip6: Option<Ipv6Addr>,
    /// Its MAC address on the first network
    #[arg(long, value_name = "MAC", value_parser = values::mac)]
    mac_address: Option<Mac>,
    /// Open a port to the outside, or a range of them
    #[arg(short, long, value_name = "[IP:][HOST:]PORT[/PROTOCOL]", value_parser = values::publish)]
    publish: Vec<Vec<Publish>>,
    /// Open every port that the image names, each under any free number
    #[arg(short = 'P', long)]
    publish_all: bool,
    /// Name a port besides the image's
    #[arg(long, value_name = "PORT[/PROTOCOL]", value_parser = values::expose)]
    expose: Vec<Vec<Port>>,
    /// Its host name
    #[arg(short = 'h', long, value_name = "NAME")]
    hostname: Option<String>,
    /// Ask this name server
    #[arg(long, value_name = "IP", value_parser = values::ip)]
    dns: Vec<IpAddr>,
    /// Complete short names by this domain; . by none
    #[arg(long, value_name = "DOMAIN")]
    dns_search: Vec<String>,
    /// Set an option of resolv.conf
    #[arg(long, visible_alias = "dns-opt", value_name = "OPTION")]
    dns_option: Vec<String>,
    /// Add a line to /etc/hosts; host-gateway stands for the host
    #[arg(long, value_name = "NAME:IP", value_parser = values::host)]
    add_host: Vec<(String, HostAddress)>,
}

impl NetworkArgs {
    /// Their part of a container's config.
    pub fn config(&self, defaults: &NetworkDefaults) -> Parsed<ContainerConfig> {
        let chosen = match self.network.as_slice() {
            [] => std::slice::from_ref(&defaults.network),
            chosen => chosen,
        };
        let (mut network, mut networks) = (NetworkMode::Bridge, Vec::new());
        for choice in chosen {
            match choice {
                Choice::Mode(mode) if chosen.len() == 1 => network = mode.clone(),
                Choice::Mode(_) => {
                    return Err("--network none, host and container: stand alone".into());
                }
                Choice::Network(attachment) => networks.push(attachment.clone()),
            }
        }
        self.place(networks.first_mut())?;
        Ok(ContainerConfig {
            network,
            networks,
            publish: self.publish.concat(),
            publish_all: self.publish_all,
            expose: self.expose.concat(),
            hostname: self.hostname.clone(),
            naming: Naming {
                servers: self.dns.clone(),
                search: self.dns_search.clone(),
                options: self.dns_option.clone(),
                hosts: self.add_host.clone(),
            },
            ..ContainerConfig::default()
        })
    }

    fn place(&self, first: Option<&mut Attachment>) -> Parsed<()> {
        let says_something = !self.network_alias.is_empty()
            || self.ip.is_some()
            || self.ip6.is_some()
            || self.mac_address.is_some();
        let Some(first) = first else {
            return match says_something {
                true => Err("addresses and aliases need a network: --network NAME".into()),
                false => Ok(()),
            };
        };
        first.aliases.extend(self.network_alias.iter().cloned());
        first.ip = self.ip.or(first.ip);
        first.ip6 = self.ip6.or(first.ip6);
        first.mac = self.mac_address.or(first.mac);
        Ok(())
    }
}
