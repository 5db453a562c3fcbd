//! Networks, what joins them, and the ports that are open to the outside.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ContainerId, NetworkId};

/// The network that a container joins when nothing is said.
pub const DEFAULT_NETWORK: &str = "bridge";

/// What carries a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkDriver {
    /// A bridge of its own on this host.
    #[default]
    Bridge,
    /// The host's own interfaces.
    Host,
    /// Nothing.
    None,
}

impl NetworkDriver {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Host => "host",
            Self::None => "none",
        }
    }
}

impl fmt::Display for NetworkDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A network as it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Its name, which no other network of the engine has.
    pub name: String,
    /// What carries it.
    pub driver: NetworkDriver,
    /// When it was made.
    pub created: Timestamp,
    /// Its ranges of addresses, at most one of each family.
    #[serde(default)]
    pub subnets: Vec<Subnet>,
    /// Whether nothing outside of it can be reached from it.
    #[serde(default)]
    pub internal: bool,
    /// Largest packet, bytes; the kernel's default if nothing is said.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// One range of addresses of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// All its addresses.
    pub net: IpNet,
    /// The host's own in it, the way out.
    pub gateway: IpAddr,
    /// Those that are given to containers; all if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<IpNet>,
}

impl Network {
    /// The range of one family.
    pub fn subnet(&self, v6: bool) -> Option<&Subnet> {
        self.subnets
            .iter()
            .find(|subnet| matches!(subnet.net, IpNet::V6(_)) == v6)
    }

    /// Whether it is the one that containers join by default, where they find each other
    /// by address only.
    pub fn is_default(&self) -> bool {
        self.name == DEFAULT_NETWORK
    }

    /// Whether it is always there and can't be removed.
    pub fn is_built_in(&self) -> bool {
        self.is_default() || self.driver != NetworkDriver::Bridge
    }

    /// The name of its bridge on the host.
    pub fn bridge(&self) -> String {
        // Fifteen characters are what the kernel takes.
        format!("wh-{}", &self.id.as_str()[..12])
    }
}

/// An interface's address on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({self})")
    }
}

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a MAC address such as 02:42:ac:11:00:02");
        let mut mac = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut mac {
            let part = parts.next().filter(|part| part.len() == 2);
            *byte = part
                .and_then(|part| u8::from_str_radix(part, 16).ok())
                .ok_or_else(wrong)?;
        }
        if parts.next().is_some() {
            return Err(wrong());
        }
        if mac[0] & 1 != 0 {
            return Err(format!(
                "{text} is a group's address: an interface can't have it"
            ));
        }
        Ok(Self(mac))
    }
}

impl Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A container's wish to be on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// The network, by name or id.
    pub network: String,
    /// Names besides its own that it is found by there.
    pub aliases: Vec<String>,
    /// The IPv4 address that it must have.
    pub ip: Option<Ipv4Addr>,
    /// The IPv6 address that it must have.
    pub ip6: Option<Ipv6Addr>,
    /// Its interface's address on the wire.
    pub mac: Option<Mac>,
}

impl Attachment {
    /// To a network, with nothing special about it.
    pub fn to(network: impl Into<String>) -> Self {
        Self {
            network: network.into(),
            ..Self::default()
        }
    }
}

/// A running container's place on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Whose it is.
    pub container: ContainerId,
    /// The network.
    pub network: NetworkId,
    /// The network's name.
    pub network_name: String,
    /// The interface inside.
    pub interface: String,
    /// Its address on the wire.
    pub mac: Mac,
    /// Its IPv4 address and the leading bits that the network shares.
    pub ip: Option<(Ipv4Addr, u8)>,
    /// Its IPv6 address likewise.
    pub ip6: Option<(Ipv6Addr, u8)>,
    /// The way out.
    pub gateway: Option<Ipv4Addr>,
    /// The way out.
    pub gateway6: Option<Ipv6Addr>,
    /// What it is found by there, its own name first.
    pub names: Vec<String>,
}

impl Endpoint {
    /// Its end on the host: named after both, so that whoever finds it knows whose it is.
    pub fn host_interface(container: &ContainerId, network: &NetworkId) -> String {
        format!("wv{}{}", &container.as_str()[..8], &network.as_str()[..5])
    }
}

/// A transport protocol.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP
    #[default]
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

impl Transport {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }

    /// Its number in an IP header.
    pub fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Transport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            "sctp" => Ok(Self::Sctp),
            _ => Err(format!("there is no protocol {text:?}: tcp, udp or sctp")),
        }
    }
}

/// A port of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// Its protocol.
    pub transport: Transport,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.transport)
    }
}

/// The wish to open one port of a container to the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Only on this address of the host; on all if nothing is said.
    pub ip: Option<IpAddr>,
    /// The host's port: the first that is free of these; any if nothing is said.
    pub host: Option<(u16, u16)>,
    /// The container's port.
    pub container: Port,
}

/// An open port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPort {
    /// The host's address: all of the family if it is unspecified.
    pub ip: IpAddr,
    /// The host's port.
    pub host: u16,
    /// The container's port.
    pub container: Port,
}

/// What a running container has of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connectivity {
    /// Its places on networks.
    pub endpoints: Vec<Endpoint>,
    /// Its open ports.
    pub ports: Vec<PublishedPort>,
}

/// How a container finds names and is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Naming {
    /// Name servers to ask in place of the host's.
    pub servers: Vec<IpAddr>,
    /// Domains that short names are completed by; `.` is none.
    pub search: Vec<String>,
    /// Options of resolv.conf.
    pub options: Vec<String>,
    /// Further lines of /etc/hosts.
    pub hosts: Vec<(String, HostAddress)>,
}

/// The address of a further line of /etc/hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostAddress {
    /// This one.
    Ip(IpAddr),
    /// The host's, as the container reaches it (`host-gateway`).
    Gateway,
}

/// Make a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkCreateRequest {
    /// Its name.
    pub name: String,
    /// What carries it.
    pub driver: NetworkDriver,
    /// Its ranges; chosen from the pools if nothing is said.
    pub subnets: Vec<IpNet>,
    /// The host's addresses in them; the first of each if nothing is said.
    pub gateways: Vec<IpAddr>,
    /// Parts of them that containers are given addresses from.
    pub ranges: Vec<IpNet>,
    /// Whether it has IPv6 too.
    pub ipv6: bool,
    /// Whether nothing outside can be reached from it.
    pub internal: bool,
    /// Largest packet, bytes.
    pub mtu: Option<u32>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Where ranges are chosen from.
    pub pools: Vec<Pool>,
}

/// Addresses that networks' ranges are cut from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// All of them.
    pub net: IpNet,
    /// Leading bits of each range.
    pub prefix: u8,
}

impl FromStr for Pool {
    type Err = String;

    /// `172.20.0.0/14@16`, or a range alone, which then is one network.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a pool such as 172.20.0.0/14@16");
        let (net, prefix) = match text.split_once('@') {
            Some((net, prefix)) => (net, Some(prefix)),
            None => (text, None),
        };
        let net: IpNet = net.trim().parse().map_err(|_| wrong())?;
        let prefix = match prefix {
            Some(prefix) => prefix.trim().parse().map_err(|_| wrong())?,
            None => net.prefix_len(),
        };
        // Two addresses for the host and one for a container are the least.
        if prefix < net.prefix_len() || prefix > net.max_prefix_len() - 2 {
            return Err(wrong());
        }
        let net = net.trunc();
        Ok(Self { net, prefix })
    }
}

/// Put a container on a network, or take it off.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectRequest {
    /// Which container.
    pub container: ContainerId,
    /// To which network, and how.
    pub attachment: Attachment,
}

/// A network, and who is on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkDetails {
    /// What it is.
    pub network: Network,
    /// Places of running containers, with the containers' names.
    pub endpoints: Vec<(String, Endpoint)>,
    /// What keeps it from working as it should, in words.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_address_is_read_as_it_is_shown() {
        let mac: Mac = "02:42:ac:11:00:02".parse().unwrap();
        assert_eq!(mac.to_string(), "02:42:ac:11:00:02");
        for wrong in [
            "",
            "02:42",
            "02:42:ac:11:00:0g",
            "2:42:ac:11:0:2",
            "01:00:00:00:00:00",
        ] {
            assert!(wrong.parse::<Mac>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn pool_is_a_range_and_the_size_of_its_parts() {
        let pool: Pool = "172.20.0.0/14@16".parse().unwrap();
        assert_eq!((pool.net.prefix_len(), pool.prefix), (14, 16));
        assert_eq!("10.9.0.0/24".parse::<Pool>().unwrap().prefix, 24);
        for wrong in ["", "x", "10.0.0.0/16@8", "10.0.0.0/16@31", "10.0.0.0/33"] {
            assert!(wrong.parse::<Pool>().is_err(), "{wrong}");
        }
    }
}
