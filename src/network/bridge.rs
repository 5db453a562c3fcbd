//! A network in the kernel: its bridge, with the host's addresses on it.

use std::{fs, io, net::IpAddr, path::Path};

use rustix::io::Errno;

use super::{Networks, Result, error::at, plan, store::Held};
use crate::{
    model::Network,
    sys::netlink::{Address, NewBridge, Requests, Socket},
};

impl Networks {
    /// Makes sure that a network's bridge is there and whole; its number.
    pub(super) fn ensure_bridge(
        &self,
        _held: &Held,
        network: &Network,
        route: &Socket,
        filter: &Socket,
    ) -> Result<u32> {
        let name = network.bridge();
        if let Some(link) = route.link(&name)?
            && is_whole(&name)
        {
            return Ok(link.index);
        }
        let address = |v6| network.subnet(v6).map(|subnet| subnet.gateway);
        let v4 = address(false).and_then(|ip| match ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        });
        let v6 = address(true).and_then(|ip| match ip {
            IpAddr::V6(ip) => Some(ip),
            IpAddr::V4(_) => None,
        });
        let bridge = NewBridge {
            name: &name,
            mac: plan::mac(v4, v6).0,
            mtu: network.mtu,
        };
        tolerate(
            Errno::EXIST,
            Requests::default().make_bridge(&bridge).execute(route),
        )?;
        let index = match route.link(&name)? {
            Some(link) => link.index,
            None => {
                let gone = io::Error::from(io::ErrorKind::NotFound);
                return Err(at("find the bridge", &name)(gone));
            }
        };
        for subnet in &network.subnets {
            let address = Address {
                link: index,
                ip: subnet.gateway,
                prefix: subnet.net.prefix_len(),
            };
            let done = Requests::default().add_address(address).execute(route);
            tolerate(Errno::EXIST, done)?;
        }
        self.filter_network(filter, network)?;
        if !network.internal {
            forward(network)?;
        }
        // Last of all: it tells that the rest is done. See `filter` for what it opens.
        let path = format!("/proc/sys/net/ipv4/conf/{name}/route_localnet");
        fs::write(&path, "1").map_err(at("write", path))?;
        Ok(index)
    }

    /// Takes a network out of the kernel.
    pub(super) fn take_down(&self, network: &Network) -> Result<()> {
        let name = network.bridge();
        let route = Socket::route()?;
        let done = Requests::default().remove_link(&name).execute(&route);
        tolerate(Errno::NODEV, done)?;
        self.unfilter_network(network)
    }
}

fn is_whole(bridge: &str) -> bool {
    let path = format!("/proc/sys/net/ipv4/conf/{bridge}/route_localnet");
    fs::read(path).is_ok_and(|text| text.first() == Some(&b'1'))
}

/// Lets the host pass packets on. It stays so, as with docker and podman: others may rely
/// on it by the time that we leave. What comes in for containers is guarded by our rules.
fn forward(network: &Network) -> Result<()> {
    let set = |path: &str, value: &str| -> Result<()> {
        let is_set = fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
        if is_set {
            return Ok(());
        }
        fs::write(path, value).map_err(at("write", path))
    };
    set("/proc/sys/net/ipv4/ip_forward", "1")?;
    if network.subnet(true).is_none() {
        return Ok(());
    }
    let all = "/proc/sys/net/ipv6/conf/all/forwarding";
    if fs::read_to_string(all).is_ok_and(|text| text.trim() == "1") {
        return Ok(());
    }
    keep_router_advertisements()?;
    set(all, "1")
}

/// A host that forwards ignores router advertisements unless told not to (`accept_ra` 2):
/// without that it would lose its own way out.
fn keep_router_advertisements() -> Result<()> {
    let directory = Path::new("/proc/sys/net/ipv6/conf");
    for entry in fs::read_dir(directory)
        .map_err(at("list", directory))?
        .flatten()
    {
        let path = entry.path().join("accept_ra");
        if fs::read_to_string(&path).is_ok_and(|text| text.trim() == "1") {
            fs::write(&path, "2").map_err(at("write", &path))?;
        }
    }
    Ok(())
}

/// What was meant to be is so already.
pub(super) fn tolerate(
    errno: Errno,
    done: crate::sys::netlink::Result<()>,
) -> crate::sys::netlink::Result<()> {
    match done {
        Err(error) if error.is(errno) => Ok(()),
        done => done,
    }
}
