//! The packet filter rules of all networks: one table of ours, made once, with sets that
//! networks and ports are elements of. Nobody else's table is ever written.
//!
//! ```text
//! prerouting, output   a published port of this host -> the container (destination NAT)
//! postrouting          out of a bridge -> under the host's address; back into the bridge
//!                      that it came from, or from loopback -> under the bridge's
//! forward              into a bridge: what belongs to a connection from inside, and
//!                      published ports; between bridges and around internal ones: nothing
//! input                from internal bridges: nothing but answers
//! guard                from bridges to 127/8: nothing. Reaching published ports from
//!                      loopback takes `route_localnet`, which would open it to them
//! ```

use std::net::IpAddr;

use rustix::io::Errno;

use super::{Networks, Result, lease::Opening, store::Held};
use crate::{
    model::{Network, Transport},
    sys::{
        netlink::Socket,
        nft::{
            Batch, Direction, FORWARD, Family, Flows, Hook, LOCAL_IN, LOCAL_OUT, POST_ROUTING,
            PRE_ROUTING, Part, Rule, Set, Verdict, interface_key,
        },
    },
};

const BRIDGES: Set = Set {
    name: "bridges",
    keys: &[Part::Interface],
    values: &[],
};
const INTERNAL: Set = Set {
    name: "internal",
    keys: &[Part::Interface],
    values: &[],
};
/// Each bridge with itself: packets of one network that pass through here although they
/// need not, as with `bridge-nf-call-iptables`.
const SAME: Set = Set {
    name: "same",
    keys: &[Part::Interface, Part::Interface],
    values: &[],
};
const PORTS: Set = Set {
    name: "ports",
    keys: &[Part::Protocol, Part::Port],
    values: &[Part::Ipv4, Part::Port],
};
const PORTS6: Set = Set {
    name: "ports6",
    keys: &[Part::Protocol, Part::Port],
    values: &[Part::Ipv6, Part::Port],
};
/// Ports of one address of the host only.
const ADDRESSED: Set = Set {
    name: "addressed",
    keys: &[Part::Ipv4, Part::Protocol, Part::Port],
    values: &[Part::Ipv4, Part::Port],
};
const ADDRESSED6: Set = Set {
    name: "addressed6",
    keys: &[Part::Ipv6, Part::Protocol, Part::Port],
    values: &[Part::Ipv6, Part::Port],
};

/// Each container that has open ports with itself: it may call on one of its own by the
/// host's address.
const OWN: Set = Set {
    name: "own",
    keys: &[Part::Ipv4, Part::Ipv4],
    values: &[],
};
const OWN6: Set = Set {
    name: "own6",
    keys: &[Part::Ipv6, Part::Ipv6],
    values: &[],
};

/// Before connections are tracked (`NF_IP_PRI_RAW`).
const RAW: i32 = -300;
/// `NF_IP_PRI_NAT_DST`
const DESTINATION: i32 = -100;
/// `NF_IP_PRI_FILTER`
const FILTER: i32 = 0;
/// `NF_IP_PRI_NAT_SRC`
const SOURCE: i32 = 100;

impl Networks {
    /// Makes sure that the rules are there, as a whole: somebody may have flushed them.
    pub(super) fn ensure_rules(&self, _held: &Held, socket: &Socket) -> Result<()> {
        if socket.has_table(&self.table)? {
            return Ok(());
        }
        let mut batch = Batch::default();
        self.rules(&mut batch);
        for network in self.made()? {
            self.add_network(&mut batch, &network);
        }
        for (opening, _) in self.openings()? {
            self.add_opening(&mut batch, &opening);
        }
        Ok(batch.commit(socket)?)
    }

    /// Makes sure that the rules know a network.
    pub(super) fn filter_network(&self, socket: &Socket, network: &Network) -> Result<()> {
        let mut batch = Batch::default();
        self.add_network(&mut batch, network);
        Ok(batch.commit(socket)?)
    }

    /// Lets the rules forget a network.
    pub(super) fn unfilter_network(&self, network: &Network) -> Result<()> {
        let socket = Socket::netfilter()?;
        if !socket.has_table(&self.table)? {
            return Ok(());
        }
        let mut batch = Batch::default();
        // Added first, so that there is something to take: a kill may have come between.
        self.add_network(&mut batch, network);
        let (name, pair) = keys(network);
        batch
            .delete_element(&self.table, &BRIDGES, &name)
            .delete_element(&self.table, &SAME, &pair);
        if network.internal {
            batch.delete_element(&self.table, &INTERNAL, &name);
        }
        Ok(batch.commit(&socket)?)
    }

    /// Opens ports, all or none.
    pub(super) fn publish(&self, socket: &Socket, openings: &[Opening]) -> Result<()> {
        let mut batch = Batch::default();
        for opening in openings {
            self.add_opening(&mut batch, opening);
        }
        batch.commit(socket)?;
        redirect_flows(socket, openings);
        Ok(())
    }

    /// Closes ports, all or none. Those that are closed already are no error.
    pub(super) fn unpublish(&self, _held: &Held, openings: &[Opening]) -> Result<()> {
        if openings.is_empty() {
            return Ok(());
        }
        let socket = Socket::netfilter()?;
        let mut batch = Batch::default();
        for opening in openings {
            self.add_opening(&mut batch, opening);
            let (set, key, _) = element(opening);
            let (own, pair) = own(opening);
            // All ports of an address are closed together: nobody misses the pair.
            batch
                .delete_element(&self.table, set, &key)
                .delete_element(&self.table, own, &pair);
        }
        match batch.commit(&socket) {
            // There is no table, and so no rule.
            Err(error) if error.is(Errno::NOENT) => return Ok(()),
            done => done?,
        }
        for opening in udp(openings) {
            // A kernel that can't forget them lets them run out.
            let _ = socket.forget(Flows::AnsweredBy(opening.ip, opening.port));
        }
        Ok(())
    }

    /// Removes all rules.
    pub(super) fn take_down_rules(&self) -> Result<()> {
        let socket = Socket::netfilter()?;
        if !socket.has_table(&self.table)? {
            return Ok(());
        }
        Ok(Batch::default().delete_table(&self.table).commit(&socket)?)
    }

    fn add_network(&self, batch: &mut Batch, network: &Network) {
        let (name, pair) = keys(network);
        batch
            .add_element(&self.table, &BRIDGES, &name, &[])
            .add_element(&self.table, &SAME, &pair, &[]);
        if network.internal {
            batch.add_element(&self.table, &INTERNAL, &name, &[]);
        }
    }

    fn add_opening(&self, batch: &mut Batch, opening: &Opening) {
        let (set, key, value) = element(opening);
        let (own, pair) = own(opening);
        batch
            .add_element(&self.table, set, &key, &value)
            .add_element(&self.table, own, &pair, &[]);
    }

    fn rules(&self, batch: &mut Batch) {
        use Direction::{In, Out};
        use Family::{V4, V6};
        let table = self.table.as_str();
        batch.add_table(table);
        let sets = [
            &BRIDGES,
            &INTERNAL,
            &SAME,
            &PORTS,
            &PORTS6,
            &ADDRESSED,
            &ADDRESSED6,
            &OWN,
            &OWN6,
        ];
        for set in sets {
            batch.add_set(table, set);
        }
        let hook = |number, priority, kind| {
            Some(Hook {
                number,
                priority,
                kind,
            })
        };
        for (chain, hook) in [
            ("publish", None),
            ("guard", hook(PRE_ROUTING, RAW, "filter")),
            ("prerouting", hook(PRE_ROUTING, DESTINATION, "nat")),
            ("output", hook(LOCAL_OUT, DESTINATION, "nat")),
            ("postrouting", hook(POST_ROUTING, SOURCE, "nat")),
            ("forward", hook(FORWARD, FILTER, "filter")),
            ("input", hook(LOCAL_IN, FILTER, "filter")),
        ] {
            batch.add_chain(table, chain, hook);
        }
        let (drop, accept) = (Verdict::Drop, Verdict::Accept);
        let rule = Rule::default;
        const ICMPV6: u8 = 58;
        for (chain, rule) in [
            // No answer to ::1 is taken from elsewhere (net/ipv6/route.c, rt6_need_strict):
            // who asks there is served by `loopback`.
            ("publish", rule().to_loopback(V6).verdict(accept)),
            ("publish", rule().family(V4).redirect(V4, true, &ADDRESSED)),
            ("publish", rule().family(V6).redirect(V6, true, &ADDRESSED6)),
            (
                "publish",
                rule().family(V4).to_this_host().redirect(V4, false, &PORTS),
            ),
            (
                "publish",
                rule()
                    .family(V6)
                    .to_this_host()
                    .redirect(V6, false, &PORTS6),
            ),
            (
                "guard",
                rule()
                    .interface_in(In, &BRIDGES)
                    .to_loopback(V4)
                    .verdict(drop),
            ),
            ("prerouting", rule().verdict(Verdict::Jump("publish"))),
            ("output", rule().verdict(Verdict::Jump("publish"))),
            (
                "postrouting",
                rule()
                    .interface_in(In, &BRIDGES)
                    .interface_not_in(Out, &BRIDGES)
                    .masquerade(),
            ),
            // A container that goes to a port of the host and so back to its own network
            // must get the answer by the same way.
            (
                "postrouting",
                rule().interfaces_in(&SAME).is_redirected().masquerade(),
            ),
            // Likewise where bridges hand their packets to the filter (`br_netfilter`):
            // those don't say there by which interface they came.
            ("postrouting", rule().addresses_in(V4, &OWN).masquerade()),
            ("postrouting", rule().addresses_in(V6, &OWN6).masquerade()),
            (
                "postrouting",
                rule()
                    .interface_in(Out, &BRIDGES)
                    .from_loopback()
                    .masquerade(),
            ),
            ("forward", rule().interfaces_in(&SAME).verdict(accept)),
            ("forward", rule().interface_in(In, &INTERNAL).verdict(drop)),
            ("forward", rule().interface_in(Out, &INTERNAL).verdict(drop)),
            (
                "forward",
                rule()
                    .interface_in(Out, &BRIDGES)
                    .is_established()
                    .verdict(accept),
            ),
            (
                "forward",
                rule()
                    .interface_in(Out, &BRIDGES)
                    .is_redirected()
                    .verdict(accept),
            ),
            ("forward", rule().interface_in(Out, &BRIDGES).verdict(drop)),
            (
                "input",
                rule()
                    .interface_in(In, &INTERNAL)
                    .is_established()
                    .verdict(accept),
            ),
            // Neighbours find each other by these; without them not even an answer
            // gets through. Router solicitation to redirect.
            (
                "input",
                rule()
                    .interface_in(In, &INTERNAL)
                    .protocol(ICMPV6)
                    .icmp_type(133, 137)
                    .verdict(accept),
            ),
            ("input", rule().interface_in(In, &INTERNAL).verdict(drop)),
        ] {
            batch.add_rule(table, chain, &rule);
        }
    }
}

fn udp(openings: &[Opening]) -> impl Iterator<Item = &Opening> {
    let is_udp = |opening: &&Opening| opening.transport == Transport::Udp;
    openings.iter().filter(is_udp)
}

/// Who has been sending to a port that is open now is led to the container from now on:
/// only the first packet of a flow is asked for its way.
fn redirect_flows(socket: &Socket, openings: &[Opening]) {
    if udp(openings).next().is_none() {
        return;
    }
    let addresses = Socket::route().and_then(|route| route.addresses());
    let addresses = addresses.unwrap_or_default();
    for opening in udp(openings) {
        let host = opening.host_ip;
        let all = addresses.iter().map(|address| address.ip);
        let ips = all
            .filter(|ip| *ip == host || (host.is_unspecified() && ip.is_ipv4() == host.is_ipv4()));
        for ip in ips {
            // As with those that are closed.
            let _ = socket.forget(Flows::To(ip, opening.host));
        }
    }
}

/// A network's bridge, and the pair of it with itself.
fn keys(network: &Network) -> (Vec<u8>, Vec<u8>) {
    let name = interface_key(&network.bridge());
    let pair = [name.as_slice(), &name].concat();
    (name, pair)
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// The container of an open port with itself.
fn own(opening: &Opening) -> (&'static Set, Vec<u8>) {
    let set = match opening.ip {
        IpAddr::V4(_) => &OWN,
        IpAddr::V6(_) => &OWN6,
    };
    let ip = octets(opening.ip);
    (set, [ip.as_slice(), &ip].concat())
}

/// Map, key and value of an open port: each part begins at a register of four bytes.
fn element(opening: &Opening) -> (&'static Set, Vec<u8>, Vec<u8>) {
    let port = |number: u16| {
        let [high, low] = number.to_be_bytes();
        [high, low, 0, 0]
    };
    let host_ip = opening.host_ip;
    let set = match (host_ip, host_ip.is_unspecified()) {
        (IpAddr::V4(_), true) => &PORTS,
        (IpAddr::V4(_), false) => &ADDRESSED,
        (IpAddr::V6(_), true) => &PORTS6,
        (IpAddr::V6(_), false) => &ADDRESSED6,
    };
    let mut key = Vec::new();
    if !host_ip.is_unspecified() {
        key.extend(octets(host_ip));
    }
    key.extend([opening.transport.number(), 0, 0, 0]);
    key.extend(port(opening.host));
    let mut value = octets(opening.ip);
    value.extend(port(opening.port));
    (set, key, value)
}
