//! A container's interfaces: a network namespace, and a pair of interfaces for each of
//! its networks, one end there and one in the network's bridge.

use std::{
    fs,
    net::IpAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::io::Errno;

use super::{
    Error, Networks, Rates, Reservation, Result, bridge::tolerate, error::at, plan, shape::shape,
    store::Held,
};
use crate::{
    model::{Attachment, Connectivity, ContainerId, Endpoint, Network, NetworkDriver, Publish},
    sys::{
        netlink::{Address, Link, NewVeth, Requests, Socket},
        netns,
    },
};

/// Number of `lo` in every namespace.
const LOOPBACK: u32 = 1;

/// What a container wants of networks.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// Who.
    pub container: &'a ContainerId,
    /// What it is found by on each of its networks: its name, its short id.
    pub names: &'a [String],
    /// Its networks.
    pub attachments: &'a [Attachment],
    /// Ports to be opened, each on its own.
    pub publish: &'a [Publish],
    /// How fast it may be.
    pub rates: Rates,
}

/// A network namespace that is ready for a container.
#[derive(Debug)]
pub struct Attached {
    /// Itself. It ends with the last that holds it or lives in it.
    pub namespace: OwnedFd,
    /// The host's ports that are open, to be held as long as it runs.
    pub reservation: Option<Reservation>,
    /// Its places and ports.
    pub connectivity: Connectivity,
}

impl Networks {
    /// Makes a namespace with all that a container wants. If that fails, nothing of it is
    /// left.
    pub fn attach(&self, wish: &Wish<'_>) -> Result<Attached> {
        let attached = self.try_attach(wish);
        if attached.is_err() {
            // The failure itself is the one to tell; what stays is taken back by the next
            // repair.
            let _ = self.release(wish.container);
        }
        attached.map_err(Error::of_capability)
    }

    fn try_attach(&self, wish: &Wish<'_>) -> Result<Attached> {
        let made = netns::make(prepare).map_err(at("make", "a network namespace"))?;
        let (namespace, inside) = made;
        let inside = inside?;
        let (route, filter) = (Socket::route()?, Socket::netfilter()?);
        let mut endpoints = Vec::new();
        let mut bridges = Vec::new();
        let (openings, reservation) = {
            let held = self.lock()?;
            self.ensure_rules(&held, &filter)?;
            for (number, attachment) in wish.attachments.iter().enumerate() {
                let network = self.find_bridge(&attachment.network)?;
                if endpoints
                    .iter()
                    .any(|other: &Endpoint| other.network == network.id)
                {
                    let name = &network.name;
                    return Err(Error::Invalid(format!("the network {name} is named twice")));
                }
                bridges.push((
                    self.ensure_bridge(&held, &network, &route, &filter)?,
                    network.mtu,
                ));
                let interface = format!("eth{number}");
                let place = self.place(&held, wish.container, wish.names, attachment, &network)?;
                let endpoint = Endpoint { interface, ..place };
                self.lease(&held, &network, &endpoint)?;
                endpoints.push(endpoint);
            }
            self.open_ports(&held, wish.container, wish.publish, &endpoints)?
        };
        // What a container sends to its own port by the host's address goes back by the
        // port of the bridge that it came by, where bridges hand packets to the filter
        // (`br_netfilter`). Without a port it would only hear its own broadcasts.
        let hairpin = !openings.is_empty();
        for (endpoint, (bridge, mtu)) in endpoints.iter().zip(&bridges) {
            plug(&route, namespace.as_fd(), endpoint, *bridge, *mtu, hairpin)?;
        }
        let mut requests = Requests::default();
        for endpoint in &endpoints {
            configure(&inside, &mut requests, endpoint)?;
        }
        add_routes(&mut requests, &endpoints);
        requests.execute(&inside)?;
        for (endpoint, (_, mtu)) in endpoints.iter().zip(&bridges) {
            shape(&route, &inside, endpoint, *mtu, wish.rates)?;
        }
        self.publish(&filter, &openings)?;
        Ok(Attached {
            namespace,
            reservation,
            connectivity: Connectivity {
                ports: openings.iter().map(|opening| opening.published()).collect(),
                endpoints,
            },
        })
    }

    /// Puts a running container on one more network.
    pub fn connect(
        &self,
        container: &ContainerId,
        names: &[String],
        attachment: &Attachment,
        namespace: BorrowedFd<'_>,
        rates: Rates,
    ) -> Result<Endpoint> {
        let connected = self.try_connect(container, names, attachment, namespace, rates);
        if connected.is_err()
            && let Ok(network) = self.find(&attachment.network)
        {
            // As in `attach`. One who was on it before was refused before anything was
            // done, so this takes back only what is new.
            if !matches!(connected, Err(Error::Invalid(_))) {
                let _ = self.disconnect(container, &network, Some(namespace));
            }
        }
        connected
    }

    fn try_connect(
        &self,
        container: &ContainerId,
        names: &[String],
        attachment: &Attachment,
        namespace: BorrowedFd<'_>,
        rates: Rates,
    ) -> Result<Endpoint> {
        let (route, filter) = (Socket::route()?, Socket::netfilter()?);
        let (endpoint, bridge, mtu, others) = {
            let held = self.lock()?;
            let network = self.find_bridge(&attachment.network)?;
            let others = self.connectivity(container)?.endpoints;
            if others.iter().any(|other| other.network == network.id) {
                let name = &network.name;
                return Err(Error::Invalid(format!(
                    "it is on the network {name} already"
                )));
            }
            self.ensure_rules(&held, &filter)?;
            let bridge = self.ensure_bridge(&held, &network, &route, &filter)?;
            let interface = (0..)
                .map(|number| format!("eth{number}"))
                .find(|name| others.iter().all(|other| other.interface != *name))
                .expect("a container has fewer than 2^31 interfaces");
            let place = self.place(&held, container, names, attachment, &network)?;
            let endpoint = Endpoint { interface, ..place };
            self.lease(&held, &network, &endpoint)?;
            (endpoint, bridge, network.mtu, others)
        };
        let inside = inside(namespace)?;
        plug(&route, namespace, &endpoint, bridge, mtu, false)?;
        let mut requests = Requests::default();
        configure(&inside, &mut requests, &endpoint)?;
        let mut all = others;
        all.push(endpoint.clone());
        requests.execute(&inside)?;
        shape(&route, &inside, &endpoint, mtu, rates)?;
        set_routes(&inside, &all)?;
        Ok(endpoint)
    }

    /// Takes a container off a network: its interface, its address, its names and the
    /// ports that lead there. What is not there is no error.
    pub fn disconnect(
        &self,
        container: &ContainerId,
        network: &Network,
        namespace: Option<BorrowedFd<'_>>,
    ) -> Result<()> {
        let name = Endpoint::host_interface(container, &network.id);
        let route = Socket::route()?;
        tolerate(
            Errno::NODEV,
            Requests::default().remove_link(&name).execute(&route),
        )?;
        self.release_from(container, Some(&network.id))?;
        if let Some(namespace) = namespace {
            set_routes(
                &inside(namespace)?,
                &self.connectivity(container)?.endpoints,
            )?;
        }
        Ok(())
    }

    /// The network of a wish, which must be one that has a bridge.
    fn find_bridge(&self, reference: &str) -> Result<Network> {
        let network = self.find(reference)?;
        match network.driver {
            NetworkDriver::Bridge if !network.subnets.is_empty() => Ok(network),
            // The default network before anybody has made it.
            NetworkDriver::Bridge => Err(Error::NotFound(network.name)),
            _ => Err(Error::Invalid(format!(
                "the network {} can't be combined with others",
                network.name
            ))),
        }
    }

    /// A container's place on a network, with addresses that are free.
    fn place(
        &self,
        held: &Held,
        container: &ContainerId,
        names: &[String],
        attachment: &Attachment,
        network: &Network,
    ) -> Result<Endpoint> {
        let (ip, ip6) = self.choose(held, network, attachment.ip, attachment.ip6)?;
        let prefix = |v6| {
            let subnet = network.subnet(v6);
            subnet.map_or(0, |subnet| subnet.net.prefix_len())
        };
        let gateway = |v6| {
            let subnet = network.subnet(v6).filter(|_| !network.internal);
            subnet.map(|subnet| subnet.gateway)
        };
        let mut all: Vec<String> = Vec::new();
        for name in names.iter().chain(&attachment.aliases) {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        Ok(Endpoint {
            container: container.clone(),
            network: network.id.clone(),
            network_name: network.name.clone(),
            interface: String::new(),
            mac: attachment.mac.unwrap_or_else(|| plan::mac(ip, ip6)),
            ip: ip.map(|ip| (ip, prefix(false))),
            ip6: ip6.map(|ip| (ip, prefix(true))),
            gateway: gateway(false).and_then(|ip| match ip {
                IpAddr::V4(ip) => Some(ip),
                IpAddr::V6(_) => None,
            }),
            gateway6: gateway(true).and_then(|ip| match ip {
                IpAddr::V6(ip) => Some(ip),
                IpAddr::V4(_) => None,
            }),
            names: all,
        })
    }
}

/// In a new namespace, in its thread: loopback, and a socket that stays in it.
fn prepare() -> Result<Socket> {
    let socket = Socket::route()?;
    Requests::default().set_up(LOOPBACK).execute(&socket)?;
    // Interfaces come without IPv6, and get it with their first address of it: nobody is
    // asked for routes or told of addresses that no network has.
    write_setting("default", "1")?;
    Ok(socket)
}

fn write_setting(interface: &str, value: &str) -> Result<()> {
    let path = format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6");
    match fs::write(&path, value) {
        // A kernel without IPv6 has nothing to turn off.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done.map_err(at("write", path)),
    }
}

/// A socket in a container's namespace.
pub(super) fn inside(namespace: BorrowedFd<'_>) -> Result<Socket> {
    let opened = netns::within(namespace, Socket::route);
    Ok(opened.map_err(at("enter", "the container's network namespace"))??)
}

/// Makes the pair of interfaces.
fn plug(
    route: &Socket,
    namespace: BorrowedFd<'_>,
    endpoint: &Endpoint,
    bridge: u32,
    mtu: Option<u32>,
    hairpin: bool,
) -> Result<()> {
    let name = Endpoint::host_interface(&endpoint.container, &endpoint.network);
    let veth = NewVeth {
        name: &name,
        bridge,
        namespace,
        peer: &endpoint.interface,
        mac: endpoint.mac.0,
        hairpin,
        mtu,
    };
    let mut requests = Requests::default();
    requests.make_veth(&veth);
    match requests.execute(route) {
        // That of its last run: the kernel is not done with its namespace yet.
        Err(error) if error.is(Errno::EXIST) => {
            tolerate(
                Errno::NODEV,
                Requests::default().remove_link(&name).execute(route),
            )?;
            requests.execute(route)?;
        }
        done => done?,
    }
    if endpoint.ip6.is_some() {
        let interface = &endpoint.interface;
        netns::within(namespace, || write_setting(interface, "0"))
            .map_err(at("enter", "the container's network namespace"))??;
    }
    Ok(())
}

/// Brings the container's end up, with its addresses. Its number is asked for: a kernel
/// lets us choose it only together with that of our end.
fn configure(inside: &Socket, requests: &mut Requests, endpoint: &Endpoint) -> Result<()> {
    let name = &endpoint.interface;
    let Some(Link { index, .. }) = inside.link(name)? else {
        let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(at("find the interface", name)(gone));
    };
    requests.set_up(index);
    let ip = endpoint.ip.map(|(ip, prefix)| (IpAddr::from(ip), prefix));
    let ip6 = endpoint.ip6.map(|(ip, prefix)| (IpAddr::from(ip), prefix));
    for (ip, prefix) in ip.into_iter().chain(ip6) {
        requests.add_address(Address {
            link: index,
            ip,
            prefix,
        });
    }
    Ok(())
}

/// The ways out: through the first network that has one, for each family.
fn ways_out(endpoints: &[Endpoint]) -> impl Iterator<Item = IpAddr> {
    let v4 = endpoints.iter().find_map(|one| one.gateway);
    let v6 = endpoints.iter().find_map(|one| one.gateway6);
    let v4 = v4.map(IpAddr::from).into_iter();
    v4.chain(v6.map(IpAddr::from))
}

fn add_routes(requests: &mut Requests, endpoints: &[Endpoint]) {
    for gateway in ways_out(endpoints) {
        requests.add_default_route(gateway);
    }
}

/// The same where there may be one already, which then stays.
fn set_routes(inside: &Socket, endpoints: &[Endpoint]) -> Result<()> {
    for gateway in ways_out(endpoints) {
        let done = Requests::default()
            .add_default_route(gateway)
            .execute(inside);
        tolerate(Errno::EXIST, done)?;
    }
    Ok(())
}
