//! Links, addresses and routes: requests as values, done in one go.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    os::fd::{AsRawFd, BorrowedFd},
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressHeaderFlags, AddressMessage},
    link::{
        InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind, InfoVeth,
        LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
    },
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType},
};

use super::{DONE, Error, Result, Socket};

/// A bridge to be made, up.
#[derive(Clone, Debug)]
pub struct NewBridge<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its address on the wire: a fixed one, or it changes with each port that comes.
    pub mac: [u8; 6],
    /// Largest packet, bytes.
    pub mtu: Option<u32>,
}

/// A pair of interfaces to be made: our end up, the other down, as the kernel refuses to
/// bring it up before it knows its peer.
#[derive(Clone, Debug)]
pub struct NewVeth<'a> {
    /// Name of our end.
    pub name: &'a str,
    /// The bridge that our end is a port of.
    pub bridge: u32,
    /// The network namespace that gets the other end.
    pub namespace: BorrowedFd<'a>,
    /// The other end's name there.
    pub peer: &'a str,
    /// The other end's address on the wire.
    pub mac: [u8; 6],
    /// Whether what came in by our end may go out by it again.
    pub hairpin: bool,
    /// Largest packet, bytes.
    pub mtu: Option<u32>,
}

/// A link, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The bridge that it is a port of.
    pub bridge: Option<u32>,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The interface's number.
    pub link: u32,
    /// The address.
    pub ip: IpAddr,
    /// Leading bits that all on the same wire share.
    pub prefix: u8,
}

/// A route out of the main table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where to: the network's address; all zeroes for the default.
    pub ip: IpAddr,
    /// Its leading bits that count.
    pub prefix: u8,
}

/// Requests that go out together. Each is done even if one before it failed; the first
/// failure is told.
#[derive(Debug, Default)]
pub struct Requests {
    bytes: Vec<u8>,
    operations: Vec<String>,
}

impl Requests {
    pub(super) fn push(&mut self, operation: String, flags: u16, message: RouteNetlinkMessage) {
        self.operations.push(operation);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.operations.len() as u32;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        message.finalize();
        let start = self.bytes.len();
        let length = message.buffer_len();
        self.bytes.resize(start + length.next_multiple_of(4), 0);
        message.serialize(&mut self.bytes[start..start + length]);
    }

    /// Make a bridge; one that exists is an error (`EEXIST`).
    pub fn make_bridge(&mut self, bridge: &NewBridge<'_>) -> &mut Self {
        let mut link = up(LinkMessage::default());
        // A port forwards at once: no loop can come from our own ends.
        let data = vec![InfoBridge::ForwardDelay(0)];
        link.attributes = vec![
            LinkAttribute::IfName(bridge.name.to_owned()),
            LinkAttribute::Address(bridge.mac.to_vec()),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Bridge),
                LinkInfo::Data(InfoData::Bridge(data)),
            ]),
        ];
        link.attributes.extend(bridge.mtu.map(LinkAttribute::Mtu));
        self.push(
            format!("make the bridge {}", bridge.name),
            NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
            RouteNetlinkMessage::NewLink(link),
        );
        self
    }

    /// Make a pair of interfaces.
    pub fn make_veth(&mut self, veth: &NewVeth<'_>) -> &mut Self {
        let mut peer = LinkMessage::default();
        peer.attributes = vec![
            LinkAttribute::IfName(veth.peer.to_owned()),
            LinkAttribute::Address(veth.mac.to_vec()),
            LinkAttribute::NetNsFd(veth.namespace.as_raw_fd()),
        ];
        peer.attributes.extend(veth.mtu.map(LinkAttribute::Mtu));
        let mut link = up(LinkMessage::default());
        link.attributes = vec![
            LinkAttribute::IfName(veth.name.to_owned()),
            LinkAttribute::Controller(veth.bridge),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Veth),
                LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
            ]),
        ];
        link.attributes.extend(veth.mtu.map(LinkAttribute::Mtu));
        self.push(
            format!("make the interface {}", veth.name),
            NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
            RouteNetlinkMessage::NewLink(link),
        );
        if !veth.hairpin {
            return self;
        }
        // A port's settings are those of its controller's kind, and are taken
        // only for a link that is there.
        let mut port = LinkMessage::default();
        port.attributes = vec![
            LinkAttribute::IfName(veth.name.to_owned()),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::PortKind(InfoPortKind::Bridge),
                LinkInfo::PortData(InfoPortData::BridgePort(vec![InfoBridgePort::HairpinMode(
                    true,
                )])),
            ]),
        ];
        self.push(
            format!("set the port {}", veth.name),
            NLM_F_ACK,
            RouteNetlinkMessage::NewLink(port),
        );
        self
    }

    /// Bring a link up.
    pub fn set_up(&mut self, index: u32) -> &mut Self {
        let mut link = up(LinkMessage::default());
        link.header.index = index;
        self.push(
            format!("bring link {index} up"),
            NLM_F_ACK,
            RouteNetlinkMessage::SetLink(link),
        );
        self
    }

    /// Remove a link by its name; with one end of a pair goes the other.
    pub fn remove_link(&mut self, name: &str) -> &mut Self {
        let mut link = LinkMessage::default();
        link.attributes = vec![LinkAttribute::IfName(name.to_owned())];
        self.push(
            format!("remove the interface {name}"),
            NLM_F_ACK,
            RouteNetlinkMessage::DelLink(link),
        );
        self
    }

    /// Give an interface an address. An IPv6 one is used at once: the address plan knows
    /// that nobody else has it, so the kernel needn't ask around for a second.
    pub fn add_address(&mut self, address: Address) -> &mut Self {
        let mut message = AddressMessage::default();
        message.header.family = family(address.ip);
        message.header.prefix_len = address.prefix;
        message.header.index = address.link;
        message.attributes = vec![
            AddressAttribute::Local(address.ip),
            AddressAttribute::Address(address.ip),
        ];
        match address.ip {
            IpAddr::V4(ip) if address.prefix < 31 => {
                let host_bits = u32::MAX.checked_shr(address.prefix.into()).unwrap_or(0);
                let broadcast = Ipv4Addr::from(u32::from(ip) | host_bits);
                message
                    .attributes
                    .push(AddressAttribute::Broadcast(broadcast));
            }
            IpAddr::V4(_) => {}
            IpAddr::V6(_) => message.header.flags = AddressHeaderFlags::Nodad,
        }
        self.push(
            format!("give link {} the address {}", address.link, address.ip),
            NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
            RouteNetlinkMessage::NewAddress(message),
        );
        self
    }

    /// Send whatever has no other way through a gateway, which an interface with its
    /// network must be there for.
    pub fn add_default_route(&mut self, gateway: IpAddr) -> &mut Self {
        let mut message = RouteMessage::default();
        message.header.address_family = family(gateway);
        message.header.table = libc::RT_TABLE_MAIN;
        message.header.protocol = RouteProtocol::Static;
        message.header.scope = RouteScope::Universe;
        message.header.kind = RouteType::Unicast;
        message.attributes = vec![RouteAttribute::Gateway(route_address(gateway))];
        self.push(
            format!("route through {gateway}"),
            NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
            RouteNetlinkMessage::NewRoute(message),
        );
        self
    }

    /// Do them all.
    pub fn execute(&self, socket: &Socket) -> Result<()> {
        if self.operations.is_empty() {
            return Ok(());
        }
        let mut first = None;
        let last = self.operations.len();
        let done = socket.send(&self.bytes).and_then(|()| {
            socket.receive(|answer| {
                let number = answer.sequence as usize;
                if let Some(Err(source)) = answer.outcome()
                    && first.is_none()
                {
                    let operation = self.operations.get(number.wrapping_sub(1));
                    first = Some(Error::new(operation.cloned().unwrap_or_default(), source));
                }
                answer.outcome().is_some() && number == last
            })
        });
        done.map_err(|source| Error::new(self.operations[0].clone(), source))?;
        first.map_or(Ok(()), Err)
    }
}

impl Socket {
    /// The link of a name, if there is one.
    pub fn link(&self, name: &str) -> Result<Option<Link>> {
        let mut message = LinkMessage::default();
        message.attributes = vec![LinkAttribute::IfName(name.to_owned())];
        let operation = format!("look for the interface {name}");
        let mut found = Vec::new();
        let request = RouteNetlinkMessage::GetLink(message);
        match self.query(&operation, 0, request, |answer| found.extend(link(answer))) {
            Ok(()) => Ok(found.pop()),
            Err(error) if error.is(rustix::io::Errno::NODEV) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All links.
    pub fn links(&self) -> Result<Vec<Link>> {
        let mut found = Vec::new();
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        self.query("list the interfaces", NLM_F_DUMP, request, |answer| {
            found.extend(link(answer));
        })?;
        Ok(found)
    }

    /// All addresses of all interfaces.
    pub fn addresses(&self) -> Result<Vec<Address>> {
        let mut found = Vec::new();
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        self.query("list the addresses", NLM_F_DUMP, request, |answer| {
            let RouteNetlinkMessage::NewAddress(message) = answer else {
                return;
            };
            found.extend(message.attributes.iter().find_map(|one| match one {
                AddressAttribute::Address(ip) => Some(Address {
                    link: message.header.index,
                    ip: *ip,
                    prefix: message.header.prefix_len,
                }),
                _ => None,
            }));
        })?;
        Ok(found)
    }

    /// All routes but the default ones and those to the host's own addresses.
    pub fn routes(&self) -> Result<Vec<Route>> {
        let mut found = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = RouteMessage::default();
            message.header.address_family = family;
            let request = RouteNetlinkMessage::GetRoute(message);
            self.query("list the routes", NLM_F_DUMP, request, |answer| {
                let RouteNetlinkMessage::NewRoute(message) = answer else {
                    return;
                };
                if message.header.kind != RouteType::Unicast {
                    return;
                }
                found.extend(message.attributes.iter().find_map(|one| {
                    let ip = match one {
                        RouteAttribute::Destination(RouteAddress::Inet(ip)) => IpAddr::V4(*ip),
                        RouteAttribute::Destination(RouteAddress::Inet6(ip)) => IpAddr::V6(*ip),
                        _ => return None,
                    };
                    let prefix = message.header.destination_prefix_length;
                    Some(Route { ip, prefix })
                }));
            })?;
        }
        Ok(found)
    }

    fn query(
        &self,
        operation: &str,
        flags: u16,
        request: RouteNetlinkMessage,
        mut each: impl FnMut(RouteNetlinkMessage),
    ) -> Result<()> {
        let mut requests = Requests::default();
        let is_dump = flags & NLM_F_DUMP != 0;
        requests.push(operation.to_owned(), flags, request);
        let mut outcome = Ok(());
        let done = self.send(&requests.bytes).and_then(|()| {
            self.receive(|answer| {
                if let Some(Err(source)) = answer.outcome() {
                    outcome = Err(source);
                    return true;
                }
                if answer.kind == DONE {
                    return true;
                }
                let header = {
                    let mut header = NetlinkHeader::default();
                    header.message_type = answer.kind;
                    header
                };
                // What this version of the library can't read is none of ours.
                if let Ok(message) = <RouteNetlinkMessage as
                    netlink_packet_core::NetlinkDeserializable>::deserialize(
                    &header,
                    &answer.payload,
                ) {
                    each(message);
                }
                !is_dump
            })
        });
        done.and(outcome)
            .map_err(|source: io::Error| Error::new(operation, source))
    }
}

fn up(mut link: LinkMessage) -> LinkMessage {
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    link
}

fn link(message: RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = message else {
        return None;
    };
    let mut found = Link {
        index: message.header.index,
        name: String::new(),
        bridge: None,
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => found.name = name,
            LinkAttribute::Controller(index) => found.bridge = Some(index),
            _ => {}
        }
    }
    Some(found)
}

fn family(ip: IpAddr) -> AddressFamily {
    match ip {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn route_address(ip: IpAddr) -> RouteAddress {
    match ip {
        IpAddr::V4(ip) => RouteAddress::Inet(ip),
        IpAddr::V6(ip) => RouteAddress::Inet6(ip),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use rustix::io::Errno;

    use super::*;
    use crate::sys::netns;

    #[test]
    fn bridge_and_pair_are_made_found_and_removed_in_their_namespaces() {
        let (host, outside) = netns::make(Socket::route).unwrap();
        let (inner, inside) = netns::make(Socket::route).unwrap();
        let (outside, inside) = (outside.unwrap(), inside.unwrap());
        let bridge = NewBridge {
            name: "br-test",
            mac: [2, 0, 0, 0, 0, 1],
            mtu: Some(1400),
        };
        let mut requests = Requests::default();
        requests.make_bridge(&bridge).execute(&outside).unwrap();
        let twice = requests.execute(&outside).unwrap_err();
        assert!(twice.is(Errno::EXIST) && twice.to_string().contains("br-test"));
        let index = outside.link("br-test").unwrap().unwrap().index;
        let veth = NewVeth {
            name: "veth-test",
            bridge: index,
            namespace: inner.as_fd(),
            peer: "eth0",
            mac: [2, 0, 0, 0, 0, 2],
            hairpin: true,
            mtu: None,
        };
        Requests::default()
            .make_veth(&veth)
            .execute(&outside)
            .unwrap();
        let ours = outside.link("veth-test").unwrap().unwrap();
        assert_eq!(ours.bridge, Some(index));
        let peer = inside.link("eth0").unwrap().unwrap();
        let address = Address {
            link: peer.index,
            ip: "10.1.2.3".parse().unwrap(),
            prefix: 24,
        };
        Requests::default()
            .set_up(peer.index)
            .add_address(address)
            .add_default_route("10.1.2.1".parse().unwrap())
            .execute(&inside)
            .unwrap();
        assert!(inside.addresses().unwrap().contains(&address));
        let on_wire = Route {
            ip: "10.1.2.0".parse().unwrap(),
            prefix: 24,
        };
        assert!(inside.routes().unwrap().contains(&on_wire));
        // All are done, the first failure is told.
        let failed = Requests::default()
            .remove_link("nobody")
            .remove_link("veth-test")
            .execute(&outside)
            .unwrap_err();
        assert!(failed.is(Errno::NODEV), "{failed}");
        assert_eq!(outside.link("veth-test").unwrap(), None);
        assert_eq!(inside.link("eth0").unwrap(), None);
        drop(host);
    }
}
