//! Who has which address, name and port: one directory entry each, whose name says all,
//! so that asking needs no reading, and a killed process leaves either an entry or none.
//!
//! ```text
//! RUN/networks/NETWORK/endpoints/IPV4,IPV6,CONTAINER         the Endpoint, as JSON
//! RUN/networks/NETWORK/names/NAME/IPV4,IPV6,CONTAINER        empty
//! RUN/networks/NETWORK/last                                  the addresses given last
//! RUN/networks/ports/tcp,HOST PORT,HOST IP,PORT,IP,CONTAINER empty
//! ```
//!
//! An endpoint's entry is the first to be made and the last to be removed of all that
//! belongs to it. Entries are changed under the networks' lock; the resolver reads names
//! without it.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};

use super::{
    Error, Networks, Result,
    error::at,
    plan,
    store::{Held, make_directory, read},
};
use crate::model::{Connectivity, ContainerId, Endpoint, Network, NetworkId, Port, Transport};

const PORTS: &str = "ports";

/// One open port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    pub transport: Transport,
    pub host: u16,
    pub host_ip: IpAddr,
    pub port: u16,
    pub ip: IpAddr,
}

impl Opening {
    /// Whether no two sockets could have both.
    pub fn clashes(&self, other: &Self) -> bool {
        self.transport == other.transport
            && self.host == other.host
            && self.host_ip.is_ipv4() == other.host_ip.is_ipv4()
            && (self.host_ip == other.host_ip
                || self.host_ip.is_unspecified()
                || other.host_ip.is_unspecified())
    }

    /// The host's port in words.
    pub fn words(&self) -> String {
        let address = std::net::SocketAddr::new(self.host_ip, self.host);
        format!("{address}/{}", self.transport)
    }

    fn entry(&self, container: &ContainerId) -> String {
        let Self {
            transport,
            host,
            host_ip,
            port,
            ip,
        } = self;
        format!("{transport},{host},{host_ip},{port},{ip},{container}")
    }

    fn parse(entry: &str) -> Option<(Self, ContainerId)> {
        let mut parts = entry.split(',');
        let mut part = || parts.next();
        let opening = Self {
            transport: part()?.parse().ok()?,
            host: part()?.parse().ok()?,
            host_ip: part()?.parse().ok()?,
            port: part()?.parse().ok()?,
            ip: part()?.parse().ok()?,
        };
        Some((opening, ContainerId::parse(part()?)?))
    }

    /// As the container's owner sees it.
    pub fn published(&self) -> crate::model::PublishedPort {
        crate::model::PublishedPort {
            ip: self.host_ip,
            host: self.host,
            container: Port {
                number: self.port,
                transport: self.transport,
            },
        }
    }
}

/// What an endpoint's entry is called.
fn entry(endpoint: &Endpoint) -> String {
    let ip = endpoint
        .ip
        .map(|(ip, _)| ip.to_string())
        .unwrap_or_default();
    let ip6 = endpoint
        .ip6
        .map(|(ip, _)| ip.to_string())
        .unwrap_or_default();
    format!("{ip},{ip6},{}", endpoint.container)
}

fn parse_entry(entry: &str) -> Option<(Option<Ipv4Addr>, Option<Ipv6Addr>, ContainerId)> {
    let mut parts = entry.split(',');
    let (ip, ip6, id) = (parts.next()?, parts.next()?, parts.next()?);
    Some((ip.parse().ok(), ip6.parse().ok(), ContainerId::parse(id)?))
}

/// The names of a directory's entries; none if there is no such directory.
fn entries(path: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at("list", path)(error)),
    };
    Ok(entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", path)(error)),
        _ => Ok(()),
    }
}

/// A name as the resolver compares it.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

impl Networks {
    fn directory(&self, network: &NetworkId) -> PathBuf {
        self.run.join(network.as_str())
    }

    fn endpoints_of(&self, network: &NetworkId) -> PathBuf {
        self.directory(network).join("endpoints")
    }

    fn names_of(&self, network: &NetworkId) -> PathBuf {
        self.directory(network).join("names")
    }

    /// Places on a network, in the order of their addresses.
    pub fn endpoints(&self, network: &Network) -> Result<Vec<Endpoint>> {
        let directory = self.endpoints_of(&network.id);
        let mut found = Vec::new();
        for name in entries(&directory)? {
            if parse_entry(&name).is_some() {
                found.extend(read::<Endpoint>(&directory.join(name))?);
            }
        }
        found.sort_by_key(|endpoint: &Endpoint| (endpoint.ip, endpoint.ip6));
        Ok(found)
    }

    /// What a container has of networks, from the entries.
    pub fn connectivity(&self, container: &ContainerId) -> Result<Connectivity> {
        let mut connectivity = Connectivity::default();
        for network in self.known()? {
            let directory = self.endpoints_of(&network);
            for name in entries(&directory)? {
                if name.ends_with(container.as_str()) {
                    connectivity
                        .endpoints
                        .extend(read::<Endpoint>(&directory.join(name))?);
                }
            }
        }
        connectivity
            .endpoints
            .sort_by(|a, b| a.interface.cmp(&b.interface));
        let mine = self.openings()?.into_iter();
        connectivity.ports = mine
            .filter(|(_, owner)| owner == container)
            .map(|(opening, _)| opening.published())
            .collect();
        connectivity
            .ports
            .sort_by_key(|port| (port.container, port.ip, port.host));
        Ok(connectivity)
    }

    /// Networks that have or had leases.
    fn known(&self) -> Result<Vec<NetworkId>> {
        let names = entries(&self.run)?;
        Ok(names
            .iter()
            .filter_map(|name| NetworkId::parse(name))
            .collect())
    }

    /// Containers that have entries.
    pub fn holders(&self) -> Result<HashSet<ContainerId>> {
        let mut holders = HashSet::new();
        for network in self.known()? {
            let names = entries(&self.endpoints_of(&network))?;
            holders.extend(names.iter().filter_map(|name| Some(parse_entry(name)?.2)));
        }
        holders.extend(self.openings()?.into_iter().map(|(_, owner)| owner));
        Ok(holders)
    }

    /// The addresses of a network that are given, and to whom.
    pub(super) fn given(&self, network: &NetworkId) -> Result<HashMap<IpAddr, ContainerId>> {
        let mut given = HashMap::new();
        for name in entries(&self.endpoints_of(network))? {
            let Some((ip, ip6, container)) = parse_entry(&name) else {
                continue;
            };
            let addresses = [ip.map(IpAddr::from), ip6.map(IpAddr::from)];
            given.extend(
                addresses
                    .into_iter()
                    .flatten()
                    .map(|ip| (ip, container.clone())),
            );
        }
        Ok(given)
    }

    /// Chooses addresses for a new place.
    pub(super) fn choose(
        &self,
        _held: &Held,
        network: &Network,
        ip: Option<Ipv4Addr>,
        ip6: Option<Ipv6Addr>,
    ) -> Result<(Option<Ipv4Addr>, Option<Ipv6Addr>)> {
        let given = self.given(&network.id)?;
        let taken: HashSet<IpAddr> = given.keys().copied().collect();
        let last = self.last(&network.id);
        let choose = |v6: bool, wanted: Option<IpAddr>| -> Result<Option<IpAddr>> {
            let subnet = network.subnet(v6);
            if let Some(ip) = wanted {
                plan::check(subnet, ip, &network.name)?;
                if let Some(holder) = given.get(&ip) {
                    return Err(Error::AddressTaken {
                        ip,
                        holder: self.name_of(holder)?,
                    });
                }
                return Ok(wanted);
            }
            let Some(subnet) = subnet else {
                return Ok(None);
            };
            match plan::next(subnet, &taken, last[usize::from(v6)]) {
                Some(ip) => Ok(Some(ip)),
                None => Err(Error::NoAddress(network.name.clone())),
            }
        };
        let ip = choose(false, ip.map(IpAddr::from))?;
        let ip6 = choose(true, ip6.map(IpAddr::from))?;
        Ok((
            ip.and_then(|ip| match ip {
                IpAddr::V4(ip) => Some(ip),
                IpAddr::V6(_) => None,
            }),
            ip6.and_then(|ip| match ip {
                IpAddr::V6(ip) => Some(ip),
                IpAddr::V4(_) => None,
            }),
        ))
    }

    /// Gives a place its addresses and names.
    pub(super) fn lease(&self, _held: &Held, network: &Network, endpoint: &Endpoint) -> Result<()> {
        let directory = self.endpoints_of(&network.id);
        make_directory(&directory)?;
        let name = entry(endpoint);
        let text = serde_json::to_vec(endpoint).expect("an endpoint has no map");
        let temporary = directory.join(".new");
        let path = directory.join(&name);
        // An older one is replaced, not truncated: ext4 would wait for the disk.
        remove(&temporary)?;
        fs::write(&temporary, text)
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(at("write", &path))?;
        self.remember(&network.id, endpoint)?;
        self.lease_names(network.is_default(), endpoint)
    }

    fn lease_names(&self, is_default: bool, endpoint: &Endpoint) -> Result<()> {
        let name = entry(endpoint);
        // By address only, as docker's users know the default network.
        if is_default {
            return Ok(());
        }
        for known in &endpoint.names {
            let directory = self.names_of(&endpoint.network).join(folded(known));
            make_directory(&directory)?;
            let path = directory.join(&name);
            fs::File::create(&path).map_err(at("make", &path))?;
        }
        Ok(())
    }

    /// The addresses that were given last: only a hint, so that a torn one does no harm.
    fn last(&self, network: &NetworkId) -> [Option<IpAddr>; 2] {
        let text = fs::read_to_string(self.directory(network).join("last")).unwrap_or_default();
        let mut lines = text.lines().map(|line| line.trim().parse().ok());
        [lines.next().flatten(), lines.next().flatten()]
    }

    fn remember(&self, network: &NetworkId, endpoint: &Endpoint) -> Result<()> {
        use std::os::unix::fs::FileExt;
        let path = self.directory(network).join("last");
        let ip = endpoint
            .ip
            .map(|(ip, _)| ip.to_string())
            .unwrap_or_default();
        let ip6 = endpoint
            .ip6
            .map(|(ip, _)| ip.to_string())
            .unwrap_or_default();
        // Always of one length, written in place.
        let text = format!("{ip:<40}\n{ip6:<40}\n");
        fs::File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .and_then(|file| file.write_all_at(text.as_bytes(), 0))
            .map_err(at("write", &path))
    }

    /// All open ports, and whose they are.
    pub(super) fn openings(&self) -> Result<Vec<(Opening, ContainerId)>> {
        let names = entries(&self.run.join(PORTS))?;
        Ok(names
            .iter()
            .filter_map(|name| Opening::parse(name))
            .collect())
    }

    pub(super) fn lease_port(
        &self,
        _held: &Held,
        opening: &Opening,
        container: &ContainerId,
    ) -> Result<()> {
        let directory = self.run.join(PORTS);
        make_directory(&directory)?;
        let path = directory.join(opening.entry(container));
        fs::File::create(&path).map(drop).map_err(at("make", &path))
    }

    /// Lets a container be found by another name in place of its own. The endpoint has
    /// both until it is done, so that a kill in between leaves no name that nobody takes
    /// back.
    pub fn rename(&self, container: &ContainerId, old: &str, new: &str) -> Result<()> {
        let held = self.lock()?;
        for mut endpoint in self.connectivity(container)?.endpoints {
            let network = self.find(endpoint.network.as_str())?;
            let rest = endpoint.names.iter().filter(|name| *name != old);
            let renamed: Vec<String> = std::iter::once(new.to_owned())
                .chain(rest.cloned())
                .collect();
            endpoint.names.insert(0, new.to_owned());
            self.lease(&held, &network, &endpoint)?;
            let directory = self.names_of(&endpoint.network).join(folded(old));
            if !renamed.iter().any(|name| folded(name) == folded(old)) {
                remove(&directory.join(entry(&endpoint)))?;
                // Another may have the same name: then it is not empty.
                let _ = fs::remove_dir(&directory);
            }
            endpoint.names = renamed;
            self.lease(&held, &network, &endpoint)?;
        }
        Ok(())
    }

    /// Takes back all that a container has: its rules, its ports, its names, its addresses.
    /// Nothing to take back is no error.
    pub fn release(&self, container: &ContainerId) -> Result<()> {
        self.release_from(container, None)
    }

    /// The same, of one network only if one is named.
    pub(super) fn release_from(
        &self,
        container: &ContainerId,
        only: Option<&NetworkId>,
    ) -> Result<()> {
        if !self.run.exists() {
            return Ok(());
        }
        let held = self.lock()?;
        let mut places = Vec::new();
        for network in self.known()? {
            if only.is_some_and(|only| *only != network) {
                continue;
            }
            let directory = self.endpoints_of(&network);
            // What a killed writer left: under the lock nobody is writing.
            remove(&directory.join(".new"))?;
            for name in entries(&directory)? {
                if name.ends_with(container.as_str()) {
                    places.push((network.clone(), name));
                }
            }
        }
        let of_places = |ip: IpAddr| {
            places.iter().any(|(_, name)| {
                parse_entry(name).is_some_and(|(v4, v6, _)| {
                    v4.map(IpAddr::from) == Some(ip) || v6.map(IpAddr::from) == Some(ip)
                })
            })
        };
        let openings: Vec<Opening> = self
            .openings()?
            .into_iter()
            .filter(|(opening, owner)| {
                owner == container && (only.is_none() || of_places(opening.ip))
            })
            .map(|(opening, _)| opening)
            .collect();
        self.unpublish(&held, &openings)?;
        for opening in &openings {
            remove(&self.run.join(PORTS).join(opening.entry(container)))?;
        }
        for (network, name) in &places {
            self.release_place(network, name)?;
        }
        Ok(())
    }

    fn release_place(&self, network: &NetworkId, name: &str) -> Result<()> {
        let path = self.endpoints_of(network).join(name);
        let endpoint: Option<Endpoint> = read(&path)?;
        for known in endpoint.iter().flat_map(|endpoint| &endpoint.names) {
            let directory = self.names_of(network).join(folded(known));
            remove(&directory.join(name))?;
            // Another may have the same name: then it is not empty.
            let _ = fs::remove_dir(&directory);
        }
        remove(&path)
    }

    /// Drops what is left of the leases of a network that is being removed.
    pub(super) fn forget_leases(&self, network: &Network) -> Result<()> {
        let path = self.directory(&network.id);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(at("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// What a container is called, for messages.
    pub(super) fn name_of(&self, container: &ContainerId) -> Result<String> {
        let connectivity = self.connectivity(container)?;
        let mut names = connectivity.endpoints.into_iter().flat_map(|one| one.names);
        let name = names.next().unwrap_or_else(|| container.short().to_owned());
        Ok(format!("container {name}"))
    }

    /// The addresses that a name has on a network, for the resolver.
    pub fn addresses(&self, network: &NetworkId, name: &str) -> Vec<IpAddr> {
        // What can't be a file's name is nobody's.
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return Vec::new();
        }
        let directory = self.names_of(network).join(folded(name));
        let found = entries(&directory).unwrap_or_default();
        found
            .iter()
            .filter_map(|entry| parse_entry(entry))
            .flat_map(|(ip, ip6, _)| [ip.map(IpAddr::from), ip6.map(IpAddr::from)])
            .flatten()
            .collect()
    }

    /// The name of who has an address on a network, for the resolver.
    pub fn reverse(&self, network: &NetworkId, ip: IpAddr) -> Option<String> {
        let directory = self.endpoints_of(network);
        let found = entries(&directory).unwrap_or_default();
        let entry = found.iter().find(|entry| {
            parse_entry(entry).is_some_and(|(v4, v6, _)| {
                v4.map(IpAddr::from) == Some(ip) || v6.map(IpAddr::from) == Some(ip)
            })
        })?;
        let endpoint: Endpoint = read(&directory.join(entry)).ok()??;
        endpoint.names.into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Mac, NetworkDriver};

    fn networks() -> (tempfile::TempDir, Networks, Network) {
        let dir = tempfile::tempdir().unwrap();
        let networks = Networks::new(dir.path().join("data"), dir.path().join("run"), "test");
        let network = Network {
            id: NetworkId::from_bytes(&[7; 32]),
            name: "n".into(),
            driver: NetworkDriver::Bridge,
            created: jiff::Timestamp::UNIX_EPOCH,
            subnets: vec![crate::model::Subnet {
                net: "10.0.0.0/29".parse().unwrap(),
                gateway: "10.0.0.1".parse().unwrap(),
                range: None,
            }],
            internal: false,
            mtu: None,
            labels: Default::default(),
        };
        (dir, networks, network)
    }

    fn endpoint(network: &Network, byte: u8, ip: Ipv4Addr, names: &[&str]) -> Endpoint {
        Endpoint {
            container: ContainerId::from_bytes(&[byte; 32]),
            network: network.id.clone(),
            network_name: network.name.clone(),
            interface: "eth0".into(),
            mac: Mac([2, 0, 0, 0, 0, byte]),
            ip: Some((ip, 29)),
            ip6: None,
            gateway: None,
            gateway6: None,
            names: names.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn leases_are_found_by_address_name_and_container_until_they_are_released() {
        let (_dir, networks, network) = networks();
        let held = networks.lock().unwrap();
        let (ip, _) = networks.choose(&held, &network, None, None).unwrap();
        let ip = ip.unwrap();
        let web = endpoint(&network, 1, ip, &["Web", "front"]);
        networks.lease(&held, &network, &web).unwrap();
        let (other, _) = networks.choose(&held, &network, None, None).unwrap();
        let db = endpoint(&network, 2, other.unwrap(), &["db", "front"]);
        networks.lease(&held, &network, &db).unwrap();
        assert_ne!(ip, other.unwrap());
        assert_eq!(networks.addresses(&network.id, "WEB"), [IpAddr::from(ip)]);
        assert_eq!(networks.addresses(&network.id, "front").len(), 2);
        assert_eq!(
            networks.reverse(&network.id, ip.into()).as_deref(),
            Some("Web")
        );
        for odd in ["", ".", "..", "../endpoints", "a/b", "nobody"] {
            assert!(networks.addresses(&network.id, odd).is_empty(), "{odd}");
        }
        let taken = networks
            .choose(&held, &network, Some(ip), None)
            .unwrap_err();
        assert!(taken.to_string().contains("container Web"), "{taken}");
        drop(held);
        assert_eq!(networks.holders().unwrap().len(), 2);
        networks.release(&web.container).unwrap();
        assert_eq!(networks.endpoints(&network).unwrap(), [db]);
        assert!(networks.addresses(&network.id, "web").is_empty());
        assert_eq!(networks.addresses(&network.id, "front").len(), 1);
        networks.release(&web.container).unwrap();
    }

    #[test]
    fn port_clashes_with_the_same_one_and_with_that_of_all_addresses() {
        let opening = |host_ip: &str, host, transport| Opening {
            transport,
            host,
            host_ip: host_ip.parse().unwrap(),
            port: 80,
            ip: "10.0.0.2".parse().unwrap(),
        };
        let all = opening("0.0.0.0", 80, Transport::Tcp);
        for (other, clashes) in [
            (opening("127.0.0.1", 80, Transport::Tcp), true),
            (opening("0.0.0.0", 80, Transport::Udp), false),
            (opening("0.0.0.0", 81, Transport::Tcp), false),
            (opening("::", 80, Transport::Tcp), false),
        ] {
            assert_eq!(all.clashes(&other), clashes, "{}", other.words());
        }
        let one = opening("127.0.0.1", 80, Transport::Tcp);
        assert!(!one.clashes(&opening("10.0.0.1", 80, Transport::Tcp)));
        let id = ContainerId::from_bytes(&[1; 32]);
        assert_eq!(Opening::parse(&all.entry(&id)), Some((all, id)));
        assert_eq!(Opening::parse("tcp,80"), None);
    }
}
