//! Ranges and addresses: which are free, without any I/O.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv6Net};

use super::{Error, Result};
use crate::model::{Mac, NetworkCreateRequest, NetworkId, Pool, Subnet};

/// Where ranges come from if nothing else is configured: docker's.
pub const DEFAULT_POOLS: &[&str] = &[
    "172.17.0.0/16",
    "172.18.0.0/16",
    "172.19.0.0/16",
    "172.20.0.0/14@16",
    "172.24.0.0/14@16",
    "172.28.0.0/14@16",
    "192.168.0.0/16@20",
];

/// The first range of the pools that touches none of `taken`.
pub(super) fn choose(pools: &[Pool], taken: &[IpNet]) -> Option<IpNet> {
    pools.iter().find_map(|pool| {
        let mut parts = pool.net.subnets(pool.prefix).ok()?;
        // A large pool has more parts than can be asked one by one; nobody has that many.
        (0..4096).find_map(|_| parts.next().filter(|part| is_free(part, taken)))
    })
}

/// Whether a range touches none of `taken`.
pub(super) fn is_free(range: &IpNet, taken: &[IpNet]) -> bool {
    !taken.iter().any(|other| overlap(range, other))
}

fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// An IPv6 range that no other network in the world is likely to have (RFC 4193): its
/// 40 random bits are the network's own.
pub(super) fn unique_local(id: &NetworkId) -> IpNet {
    let digits = id.as_str();
    let group = |at: usize| u16::from_str_radix(&digits[at..at + 4], 16).unwrap_or(0);
    let first = 0xfd00 | (group(0) & 0xff);
    let ip = Ipv6Addr::new(first, group(4), group(8), 0, 0, 0, 0, 0);
    IpNet::V6(Ipv6Net::new_assert(ip, 64))
}

/// The ranges that were asked for, each with its gateway and the part that is given out.
pub(super) fn subnets(request: &NetworkCreateRequest, nets: &[IpNet]) -> Result<Vec<Subnet>> {
    let mut subnets: Vec<Subnet> = Vec::new();
    for net in nets {
        if net.trunc() != *net {
            return Err(Error::Invalid(format!(
                "{net} names an address, not a network: did you mean {}?",
                net.trunc()
            )));
        }
        if net.prefix_len() == 0 || net.prefix_len() > net.max_prefix_len() - 2 {
            return Err(Error::Invalid(format!(
                "the subnet {net} has no room for a gateway and a container"
            )));
        }
        let is_unusable = net.addr().is_loopback()
            || net.addr().is_multicast()
            || matches!(net, IpNet::V4(net) if net.addr().is_link_local());
        if is_unusable {
            return Err(Error::Invalid(format!(
                "containers can't have addresses of {net}"
            )));
        }
        if subnets.iter().any(|other| is_v6(&other.net) == is_v6(net)) {
            return Err(Error::Invalid(
                "a network has one subnet of IPv4 and one of IPv6 at most".into(),
            ));
        }
        let gateway = request.gateways.iter().find(|ip| net.contains(*ip));
        let gateway = match gateway {
            Some(ip) if is_edge(net, *ip) => {
                return Err(Error::Invalid(format!("{ip} can't be a gateway in {net}")));
            }
            Some(ip) => *ip,
            None => nth(net, 1),
        };
        subnets.push(Subnet {
            net: *net,
            gateway,
            range: request
                .ranges
                .iter()
                .find(|range| net.contains(*range))
                .copied(),
        });
    }
    let inside = |ip: &IpAddr| subnets.iter().any(|subnet| subnet.net.contains(ip));
    if let Some(ip) = request.gateways.iter().find(|ip| !inside(ip)) {
        return Err(Error::Invalid(format!(
            "the gateway {ip} lies in no subnet of the network"
        )));
    }
    let covered = |range: &IpNet| subnets.iter().any(|subnet| subnet.net.contains(range));
    if let Some(range) = request.ranges.iter().find(|range| !covered(range)) {
        return Err(Error::Invalid(format!(
            "the range {range} lies in no subnet of the network"
        )));
    }
    Ok(subnets)
}

/// Whether a range is one of IPv6.
pub(super) fn is_v6(net: &IpNet) -> bool {
    matches!(net, IpNet::V6(_))
}

/// The free address after the one that was given last, round and round: one that was just
/// given back is still known to others on the wire.
pub(super) fn next(
    subnet: &Subnet,
    taken: &HashSet<IpAddr>,
    last: Option<IpAddr>,
) -> Option<IpAddr> {
    let range = subnet.range.unwrap_or(subnet.net);
    let size = 1u128
        .checked_shl(u32::from(range.max_prefix_len() - range.prefix_len()))
        // Nobody gets to the end of that.
        .unwrap_or(u128::MAX)
        .min(1 << 32);
    let first = number(range.network());
    let start = last
        .filter(|last| range.contains(last))
        .map_or(0, |last| number(last) - first + 1);
    // More than are taken need not be looked at, but for both edges and the gateway.
    let tries = size.min(taken.len() as u128 + 4);
    (0..tries)
        .map(|step| (start + step) % size)
        .map(|offset| address(first + offset, is_v6(&range)))
        .find(|ip| !is_edge(&subnet.net, *ip) && *ip != subnet.gateway && !taken.contains(ip))
}

/// Whether an address can be asked for; why not.
pub(super) fn check(subnet: Option<&Subnet>, ip: IpAddr, network: &str) -> Result<()> {
    let Some(subnet) = subnet else {
        let family = if ip.is_ipv6() { "IPv6" } else { "IPv4" };
        return Err(Error::Invalid(format!(
            "the network {network} has no {family}"
        )));
    };
    if !subnet.net.contains(&ip) {
        return Err(Error::Invalid(format!(
            "the address {ip} is not in {} of the network {network}",
            subnet.net
        )));
    }
    if is_edge(&subnet.net, ip) {
        return Err(Error::Invalid(format!(
            "{ip} is no address of a host in {}",
            subnet.net
        )));
    }
    if ip == subnet.gateway {
        return Err(Error::AddressTaken {
            ip,
            holder: "the network's gateway".into(),
        });
    }
    Ok(())
}

/// The network's own address and the one of all, which no host has.
fn is_edge(net: &IpNet, ip: IpAddr) -> bool {
    ip == net.network() || (ip.is_ipv4() && ip == net.broadcast())
}

fn nth(net: &IpNet, n: u128) -> IpAddr {
    address(number(net.network()) + n, is_v6(net))
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

fn address(number: u128, v6: bool) -> IpAddr {
    match v6 {
        true => IpAddr::V6(number.into()),
        false => IpAddr::V4(Ipv4Addr::from(number as u32)),
    }
}

/// The address on the wire of who has these addresses: the same again for the same, so
/// that what others remember of them stays true.
pub(super) fn mac(ip: Option<Ipv4Addr>, ip6: Option<Ipv6Addr>) -> Mac {
    let tail = match (ip, ip6) {
        (Some(ip), _) => ip.octets(),
        (None, Some(ip)) => {
            let octets = ip.octets();
            [octets[12], octets[13], octets[14], octets[15]]
        }
        (None, None) => [0; 4],
    };
    // Docker's first two bytes: locally administered.
    Mac([0x02, 0x42, tail[0], tail[1], tail[2], tail[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn subnet(text: &str) -> Subnet {
        subnets(&NetworkCreateRequest::default(), &[net(text)]).unwrap()[0]
    }

    fn pools() -> Vec<Pool> {
        DEFAULT_POOLS
            .iter()
            .map(|text| text.parse().unwrap())
            .collect()
    }

    #[test]
    fn chosen_range_touches_nothing_that_is_taken() {
        assert_eq!(choose(&pools(), &[]), Some(net("172.17.0.0/16")));
        let taken = ["172.17.5.0/24", "172.18.0.0/15", "172.20.0.0/16"].map(net);
        assert_eq!(choose(&pools(), &taken), Some(net("172.21.0.0/16")));
        let all = ["172.16.0.0/12", "192.168.0.0/17"].map(net);
        assert_eq!(choose(&pools(), &all), Some(net("192.168.128.0/20")));
        assert_eq!(
            choose(&pools(), &[net("0.0.0.0/1"), net("128.0.0.0/1")]),
            None
        );
    }

    #[test]
    fn addresses_go_round_and_leave_out_edges_gateway_and_what_is_taken() {
        let subnet = subnet("10.0.0.0/29");
        let mut taken = HashSet::new();
        let mut last = None;
        let mut given = Vec::new();
        while let Some(ip) = next(&subnet, &taken, last) {
            taken.insert(ip);
            last = Some(ip);
            given.push(ip.to_string());
        }
        assert_eq!(
            given,
            ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]
        );
        let back: IpAddr = "10.0.0.3".parse().unwrap();
        taken.remove(&back);
        assert_eq!(next(&subnet, &taken, last), Some(back));
        // What was given back last is not given next.
        let free: IpAddr = "10.0.0.5".parse().unwrap();
        taken.remove(&free);
        assert_eq!(next(&subnet, &taken, Some(back)), Some(free));
    }

    #[test]
    fn ipv6_addresses_are_given_likewise() {
        let subnet = subnet("fd00::/64");
        let first = next(&subnet, &HashSet::new(), None).unwrap();
        assert_eq!(first.to_string(), "fd00::2");
        let second = next(&subnet, &HashSet::from([first]), Some(first)).unwrap();
        assert_eq!(second.to_string(), "fd00::3");
        let id = NetworkId::from_bytes(&[0xab; 32]);
        assert_eq!(unique_local(&id), net("fdab:abab:abab::/64"));
    }

    #[test]
    fn senseless_ranges_and_addresses_are_refused() {
        let refuse = |nets: &[&str], gateways: &[&str], ranges: &[&str]| {
            let request = NetworkCreateRequest {
                gateways: gateways.iter().map(|ip| ip.parse().unwrap()).collect(),
                ranges: ranges.iter().map(|range| net(range)).collect(),
                ..NetworkCreateRequest::default()
            };
            let nets: Vec<_> = nets.iter().map(|text| net(text)).collect();
            subnets(&request, &nets).unwrap_err().to_string()
        };
        assert!(refuse(&["10.0.0.7/24"], &[], &[]).contains("10.0.0.0/24"));
        refuse(&["10.0.0.0/31"], &[], &[]);
        refuse(&["127.0.0.0/8"], &[], &[]);
        refuse(&["10.0.0.0/24", "10.1.0.0/24"], &[], &[]);
        refuse(&["10.0.0.0/24"], &["10.1.0.1"], &[]);
        refuse(&["10.0.0.0/24"], &["10.0.0.255"], &[]);
        refuse(&["10.0.0.0/24"], &[], &["10.1.0.0/28"]);
        let subnet = subnet("10.0.0.0/24");
        for wrong in ["10.0.1.2", "10.0.0.0", "10.0.0.255", "10.0.0.1"] {
            assert!(
                check(Some(&subnet), wrong.parse().unwrap(), "n").is_err(),
                "{wrong}"
            );
        }
        check(Some(&subnet), "10.0.0.9".parse().unwrap(), "n").unwrap();
        assert!(check(None, "fd00::9".parse().unwrap(), "n").is_err());
    }
}
