//! Networks on disk: one file each, `NAME.json`, so that a directory entry decides what
//! exists and no two have one name. Written to a temporary file and renamed.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use jiff::Timestamp;

use super::{DEFAULT_POOLS, Error, Networks, Result, error::at, plan};
use crate::{
    model::{DEFAULT_NETWORK, Network, NetworkCreateRequest, NetworkDriver, NetworkId, Pool},
    sys::{
        fs::{Durability, write_atomically},
        netlink::Socket,
    },
};

const SUFFIX: &str = ".json";

/// The lock of networks, addresses and ports, held.
#[derive(Debug)]
pub(super) struct Held(#[expect(dead_code, reason = "held for its lock")] File);

impl Networks {
    pub(super) fn lock(&self) -> Result<Held> {
        let path = self.data.join("lock");
        let open = || {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
        };
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_directory(&self.data)?;
                open()
            }
            other => other,
        }
        .map_err(at("open", &path))?;
        file.lock().map_err(at("lock", &path))?;
        Ok(Held(file))
    }

    /// All networks, those that are always there first.
    pub fn list(&self) -> Result<Vec<Network>> {
        let mut made = self.made()?;
        made.sort_by(|a, b| a.name.cmp(&b.name));
        let default = made.iter().position(Network::is_default);
        let default = match default {
            Some(at) => made.remove(at),
            None => built_in(DEFAULT_NETWORK, NetworkDriver::Bridge),
        };
        let mut all = vec![
            default,
            built_in("host", NetworkDriver::Host),
            built_in("none", NetworkDriver::None),
        ];
        all.append(&mut made);
        Ok(all)
    }

    /// Those that have a file.
    pub(super) fn made(&self) -> Result<Vec<Network>> {
        let entries = match fs::read_dir(&self.data) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at("list", &self.data)(error)),
        };
        let mut networks = Vec::new();
        for entry in entries {
            let path = entry.map_err(at("list", &self.data))?.path();
            if path.extension().is_some_and(|suffix| suffix == "json") {
                networks.extend(read::<Network>(&path)?);
            }
        }
        Ok(networks)
    }

    /// The network of a name, an id or the beginning of an id.
    pub fn find(&self, reference: &str) -> Result<Network> {
        if is_valid_name(reference)
            && let Some(network) = read::<Network>(&self.path(reference))?
        {
            return Ok(network);
        }
        let all = self.list()?;
        if let Some(network) = all.iter().find(|network| network.name == reference) {
            return Ok(network.clone());
        }
        let missing = || Error::NotFound(reference.to_owned());
        if reference.is_empty() || !reference.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(missing());
        }
        let prefix = reference.to_ascii_lowercase();
        let mut found = all
            .into_iter()
            .filter(|network| network.id.as_str().starts_with(&prefix));
        match (found.next(), found.next()) {
            (Some(network), None) => Ok(network),
            (None, _) => Err(missing()),
            (Some(_), Some(_)) => Err(Error::Ambiguous(reference.to_owned())),
        }
    }

    /// Makes a network. The kernel hears of it when the first container joins.
    pub fn create(&self, request: &NetworkCreateRequest, id: NetworkId) -> Result<Network> {
        if !is_valid_name(&request.name) {
            return Err(Error::Invalid(format!(
                "{:?} is not a valid name: it may have letters, digits, _ . and -, and begins \
                 with a letter or digit",
                request.name
            )));
        }
        if request.driver != NetworkDriver::Bridge
            || ["host", "none", "default"].contains(&request.name.as_str())
        {
            return Err(Error::Invalid(format!(
                "there is one network of the kind {} only, and it is always there",
                match request.driver {
                    NetworkDriver::Bridge => request.name.as_str(),
                    driver => driver.as_str(),
                }
            )));
        }
        if request.name == DEFAULT_NETWORK {
            return Err(Error::NameTaken(request.name.clone()));
        }
        if let Some(mtu) = request.mtu
            && !(68..=65535).contains(&mtu)
        {
            return Err(Error::Invalid(format!(
                "an MTU goes from 68 to 65535, not {mtu}"
            )));
        }
        let wants_v6 = request.ipv6 || request.subnets.iter().any(plan::is_v6);
        if wants_v6 {
            has_ipv6()?;
        }
        if wants_v6 && request.mtu.is_some_and(|mtu| mtu < 1280) {
            return Err(Error::Invalid("IPv6 needs an MTU of 1280 at least".into()));
        }
        let _held = self.lock()?;
        self.create_held(request, id)
    }

    /// The network that containers join by default, made now if nobody did so before.
    pub fn create_default(&self, pools: &[Pool], id: NetworkId) -> Result<Network> {
        let _held = self.lock()?;
        if let Some(network) = read::<Network>(&self.path(DEFAULT_NETWORK))? {
            return Ok(network);
        }
        let request = NetworkCreateRequest {
            name: DEFAULT_NETWORK.into(),
            pools: pools.to_vec(),
            ..NetworkCreateRequest::default()
        };
        self.create_held(&request, id)
    }

    fn create_held(&self, request: &NetworkCreateRequest, id: NetworkId) -> Result<Network> {
        let path = self.path(&request.name);
        if path.exists() {
            return Err(Error::NameTaken(request.name.clone()));
        }
        let known = self.made()?;
        let mut nets = request.subnets.clone();
        // Given ones are checked before anything is chosen.
        plan::subnets(&NetworkCreateRequest::default(), &nets)?;
        let of_networks: Vec<(IpNet, String)> = known
            .iter()
            .flat_map(|network| {
                let name = &network.name;
                let nets = network.subnets.iter();
                nets.map(move |subnet| (subnet.net, format!("the network {name}")))
            })
            .collect();
        let of_host = host_ranges()?;
        let taken: Vec<(IpNet, String)> = of_networks.into_iter().chain(of_host).collect();
        for net in &nets {
            let other = taken
                .iter()
                .find(|(other, _)| !plan::is_free(net, std::slice::from_ref(other)));
            if let Some((other, whose)) = other {
                return Err(Error::Invalid(format!(
                    "the subnet {net} overlaps {other} of {whose}"
                )));
            }
        }
        let taken: Vec<IpNet> = taken.into_iter().map(|(net, _)| net).collect();
        if !nets.iter().any(|net| !plan::is_v6(net)) {
            nets.insert(0, choose(&request.pools, &taken)?);
        }
        if request.ipv6 && !nets.iter().any(plan::is_v6) {
            nets.push(plan::unique_local(&id));
        }
        let network = Network {
            id,
            name: request.name.clone(),
            driver: NetworkDriver::Bridge,
            created: Timestamp::now(),
            subnets: plan::subnets(request, &nets)?,
            internal: request.internal,
            mtu: request.mtu,
            labels: request.labels.clone(),
        };
        write(&path, &network)?;
        Ok(network)
    }

    /// Removes a network that nobody is on, from the kernel first: should this be cut, it
    /// is there as before, and made in the kernel again by the next who joins.
    pub fn remove(&self, reference: &str) -> Result<Network> {
        let network = self.find(reference)?;
        if network.is_built_in() {
            return Err(Error::BuiltIn(network.name));
        }
        let _held = self.lock()?;
        self.check_unused(&network)?;
        self.take_down(&network)?;
        self.forget_leases(&network)?;
        let path = self.path(&network.name);
        fs::remove_file(&path).map_err(at("remove", &path))?;
        Ok(network)
    }

    /// Takes from the kernel what nobody uses: the bridges of networks that nobody is on,
    /// and with the last of them the rules. They come back with the next who joins.
    pub fn take_down_idle(&self) -> Result<()> {
        let _held = self.lock()?;
        let mut is_idle = true;
        for network in self.made()? {
            match self.check_unused(&network) {
                Ok(()) => self.take_down(&network)?,
                Err(Error::InUse(_)) => is_idle = false,
                Err(error) => return Err(error),
            }
        }
        match is_idle {
            true => self.take_down_rules(),
            false => Ok(()),
        }
    }

    fn check_unused(&self, network: &Network) -> Result<()> {
        let users = self.endpoints(network)?;
        if users.is_empty() {
            return Ok(());
        }
        let name = |endpoint: &crate::model::Endpoint| {
            let name = endpoint.names.first().cloned();
            name.unwrap_or_else(|| endpoint.container.short().to_owned())
        };
        Err(Error::InUse(users.iter().map(name).collect()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.join(format!("{name}{SUFFIX}"))
    }
}

/// A network that has no file: it is the same in every engine.
fn built_in(name: &str, driver: NetworkDriver) -> Network {
    // Derived from the name, so that it stays the same; `{:0<64}` of its bytes in hex.
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    Network {
        id: NetworkId::parse(&format!("{digits:0<64}")).expect("64 hexadecimal digits"),
        name: name.to_owned(),
        driver,
        created: Timestamp::UNIX_EPOCH,
        subnets: Vec::new(),
        internal: false,
        mtu: None,
        labels: Default::default(),
    }
}

fn choose(pools: &[Pool], taken: &[IpNet]) -> Result<IpNet> {
    let default: Vec<Pool>;
    let pools = match pools {
        [] => {
            default = DEFAULT_POOLS
                .iter()
                .map(|text| text.parse().expect("our own pools are valid"))
                .collect();
            &default
        }
        pools => pools,
    };
    plan::choose(pools, taken).ok_or_else(|| {
        Error::NoSubnet("networks and the host's routes have all of the pools".into())
    })
}

/// What the host itself has addresses in or routes to, with words for whose it is.
fn host_ranges() -> Result<Vec<(IpNet, String)>> {
    let socket = Socket::route()?;
    let net = |ip, prefix| IpNet::new(ip, prefix).ok().map(|net| net.trunc());
    let routes = socket.routes()?;
    let routes = routes
        .iter()
        .filter_map(|route| net(route.ip, route.prefix))
        .map(|net| (net, "a route of the host".to_owned()));
    let addresses = socket.addresses()?;
    let addresses = addresses
        .iter()
        .filter_map(|address| net(address.ip, address.prefix))
        .map(|net| (net, "an address of the host".to_owned()));
    // A default route is everybody's way out and claims nothing.
    Ok(routes
        .chain(addresses)
        .filter(|(net, _)| net.prefix_len() > 0)
        .collect())
}

/// Refuses IPv6 where the host has none.
fn has_ipv6() -> Result<()> {
    let disabled = fs::read_to_string("/proc/sys/net/ipv6/conf/all/disable_ipv6");
    match disabled.as_deref().map(str::trim) {
        Ok("0") => Ok(()),
        Ok(_) => Err(Error::Unsupported(
            "IPv6 is turned off on this host (net.ipv6.conf.all.disable_ipv6)".into(),
        )),
        Err(_) => Err(Error::Unsupported("this kernel has no IPv6".into())),
    }
}

fn is_valid_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name.as_bytes()[0].is_ascii_alphanumeric()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

pub(super) fn make_directory(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(at("make", path))
}

pub(super) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at("read", path)(error)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| Error::Malformed {
            path: path.to_owned(),
            source,
        })
}

/// Written whole and synced: a network survives a loss of power, as containers name it.
fn write(path: &Path, network: &Network) -> Result<()> {
    let text = serde_json::to_vec(network).expect("a network has no map with odd keys");
    write_atomically(path, &text, Durability::Synced).map_err(at("write", path))
}
