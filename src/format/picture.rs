//! The picture of who is on which network: networks as rails that stand side by side, a
//! line for each container with a knot on every rail that it is on.

use std::{
    cmp::Reverse,
    collections::{HashMap, hash_map::Entry},
};

use super::{duration, ports::ports, text::sanitize, volume::pairs};
use crate::model::{
    Endpoint, Flow, Member, Network, NetworkDriver, NetworkRow, PublishedPort, World,
};

/// Rails that are drawn. What a container is on beyond these is told in words.
const MOST_RAILS: usize = 10;

/// The picture.
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    /// The networks, each a rail.
    pub rails: Vec<Rail<'a>>,
    /// The containers, a line each.
    pub lines: Vec<Line<'a>>,
    /// What else there is to say, safe to draw.
    pub notes: Vec<String>,
}

/// A network in the picture.
#[derive(Clone, Debug)]
pub struct Rail<'a> {
    /// Which.
    pub row: &'a NetworkRow,
    /// Its addresses and what it reaches, safe to draw.
    pub facts: String,
    /// The last line that has a knot on it.
    pub last: usize,
}

/// A container in the picture. Its texts are safe to draw.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// Which, and how it is there.
    pub member: Member<'a>,
    /// On which rails it is, in their order.
    pub knots: Vec<bool>,
    /// Its addresses, or why it has none.
    pub address: String,
    /// Whether these are addresses.
    pub has_address: bool,
    /// What passes between it and the network.
    pub flow: Option<Flow>,
    /// Where it can be reached from outside.
    pub published: String,
    /// By what else it is found there.
    pub names: String,
}

impl<'a> Picture<'a> {
    /// Of one network and all that its containers are on besides.
    pub fn of(world: &'a World, network: &'a NetworkRow) -> Self {
        let members = ordered(world.members(&network.network).collect());
        let others = world.networks.iter().filter(|other| {
            let is_other = other.network.id != network.network.id;
            is_other && members.iter().any(|on| is_on(world, other, on))
        });
        let rows = std::iter::once(network).chain(others).collect();
        let line = |member| Line::on(world, network, member);
        let lines = members.into_iter().map(line).collect();
        Self::draw(world, rows, lines, notes(&network.network, world))
    }

    /// Of all networks that somebody is on.
    pub fn of_all(world: &'a World) -> Self {
        let has_members = |row: &&NetworkRow| {
            row.network.driver != NetworkDriver::None
                && world.members(&row.network).next().is_some()
        };
        let rows: Vec<_> = world.networks.iter().filter(has_members).collect();
        let mut lines: Vec<Line<'a>> = Vec::new();
        let mut places: HashMap<_, usize> = HashMap::new();
        for row in &rows {
            for member in ordered(world.members(&row.network).collect()) {
                let id = &member.row.container.id;
                let line = Line::on(world, row, member);
                match places.entry(id) {
                    Entry::Occupied(place) => lines[*place.get()].join(line),
                    Entry::Vacant(place) => {
                        place.insert(lines.len());
                        lines.push(line);
                    }
                }
            }
        }
        Self::draw(world, rows, lines, Vec::new())
    }

    fn draw(
        world: &'a World,
        rows: Vec<&'a NetworkRow>,
        mut lines: Vec<Line<'a>>,
        mut notes: Vec<String>,
    ) -> Self {
        let hidden = rows.len().saturating_sub(MOST_RAILS);
        if hidden > 0 {
            notes.push(format!(
                "{hidden} more networks are not drawn: there is no room"
            ));
        }
        let shown: Vec<_> = rows.into_iter().take(MOST_RAILS).collect();
        for line in &mut lines {
            let on = |row: &&NetworkRow| is_on(world, row, &line.member);
            line.knots = shown.iter().map(on).collect();
        }
        let rail = |(n, row): (usize, &'a NetworkRow)| Rail {
            row,
            facts: facts(&row.network),
            last: lines.iter().rposition(|line| line.knots[n]).unwrap_or(0),
        };
        Self {
            rails: shown.into_iter().enumerate().map(rail).collect(),
            lines,
            notes,
        }
    }

    /// Lines of the screen that it takes: a head for each rail, titles, the containers or
    /// that there are none, and after a free line what else there is to say.
    pub fn height(&self) -> usize {
        let notes = match self.notes.len() {
            0 => 0,
            notes => notes + 1,
        };
        self.rails.len() + 1 + self.lines.len().max(1) + notes
    }
}

impl<'a> Line<'a> {
    fn on(world: &World, network: &NetworkRow, member: Member<'a>) -> Self {
        let (address, has_address) = address(world, &network.network, &member);
        let container = &member.row.container;
        let is_own = member.shares.is_none();
        let published = match is_own {
            true => published(&container.connectivity.ports),
            false => String::new(),
        };
        // On the default network containers don't find each other by name.
        let is_found = is_own && !network.network.is_default();
        Self {
            flow: network.flow(&member),
            names: if is_found {
                names(&member)
            } else {
                String::new()
            },
            knots: Vec::new(),
            published,
            address,
            has_address,
            member,
        }
    }

    /// The same container on one more network.
    fn join(&mut self, other: Self) {
        if !(self.has_address && other.has_address) {
            return;
        }
        self.address = format!("{} {}", self.address, other.address);
        self.flow = match (self.flow, other.flow) {
            (Some(a), Some(b)) => Some(a + b),
            _ => None,
        };
        for name in other.names.split(' ').filter(|name| !name.is_empty()) {
            if !self.names.split(' ').any(|known| known == name) {
                let gap = if self.names.is_empty() { "" } else { " " };
                self.names = format!("{}{gap}{name}", self.names);
            }
        }
    }
}

/// Who runs stands first, by address; who shares another's place follows that one.
fn ordered(mut members: Vec<Member<'_>>) -> Vec<Member<'_>> {
    members.sort_by_cached_key(|member| {
        let owner = member.shares.unwrap_or(member.row);
        let ip = member.endpoint.and_then(|endpoint| endpoint.ip);
        (
            Reverse(owner.container.state.has_process()),
            ip.map(|(ip, _)| ip),
            owner.container.name.clone(),
            member.shares.is_some(),
            member.row.container.name.clone(),
        )
    });
    members
}

fn is_on(world: &World, network: &NetworkRow, member: &Member<'_>) -> bool {
    member.shares.is_none() && world.member(&network.network, member.row).is_some()
}

/// Where it is found there; otherwise why it has no address, and false.
fn address(world: &World, network: &Network, member: &Member<'_>) -> (String, bool) {
    let told = |text: &str| (text.to_owned(), false);
    if let Some(other) = member.shares {
        let text = format!("shares all with {}", sanitize(&other.container.name));
        return (text, false);
    }
    match network.driver {
        NetworkDriver::Host => return told("the host's own"),
        NetworkDriver::None => return told("loopback only"),
        NetworkDriver::Bridge => {}
    }
    if let Some(endpoint) = member.endpoint {
        return (addresses(endpoint), true);
    }
    let container = &member.row.container;
    let wish = member.wish.and_then(|wish| wish.ip);
    match (container.state.has_process(), wish) {
        (true, _) => told("no address yet"),
        (false, Some(ip)) => (format!("{ip} at its start"), false),
        (false, None) => match container.exit {
            Some(exit) => {
                let ago = duration::short(duration::between(exit.at, world.at));
                (format!("{} {ago}", container.state), false)
            }
            None => (container.state.to_string(), false),
        },
    }
}

fn addresses(endpoint: &Endpoint) -> String {
    let ip = endpoint.ip.map(|(ip, _)| ip.to_string());
    let ip6 = endpoint.ip6.map(|(ip, _)| ip.to_string());
    let all: Vec<_> = ip.into_iter().chain(ip6).collect();
    all.join(" ")
}

/// By what else it is found than by its name and its id.
fn names(member: &Member<'_>) -> String {
    let container = &member.row.container;
    let all = match (member.endpoint, member.wish) {
        (Some(endpoint), _) => endpoint.names.as_slice(),
        (None, Some(wish)) => wish.aliases.as_slice(),
        (None, None) => &[],
    };
    let is_other = |name: &&String| {
        **name != container.name && !container.id.as_str().starts_with(name.as_str())
    };
    let all: Vec<_> = all
        .iter()
        .filter(is_other)
        .map(|name| sanitize(name))
        .collect();
    all.join(" ")
}

/// Open ports in few columns: the address is told where it isn't all of them.
fn published(open: &[PublishedPort]) -> String {
    let mut told: Vec<String> = Vec::new();
    for words in ports(open, &[]) {
        let everywhere = ["0.0.0.0:", "[::]:"];
        let short = everywhere.iter().find_map(|all| words.strip_prefix(all));
        let words = short.unwrap_or(&words).replace("/tcp", "");
        if !told.contains(&words) {
            told.push(words);
        }
    }
    told.join(" ")
}

/// Its addresses, and what may be reached from it.
fn facts(network: &Network) -> String {
    let mut facts = Vec::new();
    match network.driver {
        NetworkDriver::Bridge => {}
        NetworkDriver::Host => facts.push("the host's own interfaces".to_owned()),
        NetworkDriver::None => facts.push("no interface but loopback".to_owned()),
    }
    if network.internal {
        facts.push("internal".to_owned());
    }
    for subnet in &network.subnets {
        facts.push(subnet.net.to_string());
        facts.push(format!("gateway {}", subnet.gateway));
        facts.extend(subnet.range.map(|range| format!("gives {range}")));
    }
    facts.join("  ")
}

fn notes(network: &Network, world: &World) -> Vec<String> {
    let mut facts = vec![format!("id {}", network.id.short())];
    if network.driver == NetworkDriver::Bridge && network.created.as_second() > 0 {
        let age = duration::ago(network.created, world.at);
        facts.push(format!("made {age}"));
    }
    facts.extend(network.mtu.map(|mtu| format!("mtu {mtu}")));
    let mut notes = vec![facts.join("  ")];
    if !network.labels.is_empty() {
        notes.push(format!("labels  {}", pairs(&network.labels, "  ")));
    }
    notes
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        format::columns::sample,
        model::{
            Attachment, Container, ContainerRow, NetworkId, NetworkMode, Port, State, Subnet,
            Transport,
        },
    };

    fn network(n: u8, name: &str) -> NetworkRow {
        NetworkRow {
            network: Arc::new(Network {
                id: NetworkId::from_bytes(&[n; 32]),
                name: name.into(),
                driver: NetworkDriver::Bridge,
                created: jiff::Timestamp::UNIX_EPOCH,
                subnets: vec![Subnet {
                    net: format!("10.{n}.0.0/24").parse().unwrap(),
                    gateway: format!("10.{n}.0.1").parse().unwrap(),
                    range: None,
                }],
                internal: false,
                mtu: None,
                labels: Default::default(),
            }),
            flows: HashMap::new(),
        }
    }

    fn place(container: &mut Container, row: &NetworkRow, last: u8) {
        let n = row.network.id.as_str()[..2].to_owned();
        let n = u8::from_str_radix(&n, 16).unwrap();
        container.config.network = NetworkMode::Bridge;
        let name = &row.network.name;
        container.config.networks.push(Attachment::to(name));
        container.connectivity.endpoints.push(Endpoint {
            container: container.id.clone(),
            network: row.network.id.clone(),
            network_name: name.clone(),
            interface: "eth0".into(),
            mac: "02:42:ac:11:00:02".parse().unwrap(),
            ip: Some(([10, n, 0, last].into(), 24)),
            ip6: None,
            gateway: None,
            gateway6: None,
            names: vec![
                container.name.clone(),
                container.id.short().to_owned(),
                format!("{}-alias", container.name),
            ],
        });
    }

    fn world() -> World {
        let (front, back) = (network(1, "front"), network(2, "back"));
        let mut web = sample::container("web", State::Running);
        place(&mut web, &front, 9);
        place(&mut web, &back, 2);
        let open = |ip: &str| PublishedPort {
            ip: ip.parse().unwrap(),
            host: 8080,
            container: Port {
                number: 80,
                transport: Transport::Tcp,
            },
        };
        web.connectivity.ports = vec![open("0.0.0.0"), open("::")];
        let mut db = sample::container("db", State::Running);
        place(&mut db, &back, 3);
        let mut side = sample::container("side", State::Running);
        side.config.network = NetworkMode::Container(web.id.to_string());
        let mut old = sample::container("old", State::Exited);
        old.config.network = NetworkMode::Bridge;
        old.config.networks = vec![Attachment::to("back")];
        let row = |container| ContainerRow {
            container: Arc::new(container),
            usage: None,
        };
        World {
            containers: [old, side, db, web].map(row).into(),
            networks: vec![front, back, network(3, "lonely")],
            ..World::default()
        }
    }

    #[test]
    fn container_on_several_networks_has_a_knot_on_each_and_who_shares_follows_it() {
        let world = world();
        let picture = Picture::of(&world, &world.networks[1]);
        let rails: Vec<_> = picture.rails.iter().map(|r| &*r.row.network.name).collect();
        assert_eq!(rails, ["back", "front"]);
        let lines: Vec<_> = picture
            .lines
            .iter()
            .map(|line| {
                let name = line.member.row.container.name.as_str();
                (name, line.knots.as_slice(), line.address.as_str())
            })
            .collect();
        assert_eq!(
            lines,
            [
                ("web", &[true, true][..], "10.2.0.2"),
                ("side", &[false, false], "shares all with web"),
                ("db", &[true, false], "10.2.0.3"),
                ("old", &[true, false], "exited"),
            ]
        );
        assert_eq!((picture.rails[0].last, picture.rails[1].last), (3, 0));
        assert_eq!(picture.lines[0].published, "8080->80");
        assert_eq!(picture.lines[0].names, "web-alias");
    }

    #[test]
    fn map_has_each_container_once_with_all_its_addresses_and_no_empty_network() {
        let world = world();
        let picture = Picture::of_all(&world);
        let rails: Vec<_> = picture.rails.iter().map(|r| &*r.row.network.name).collect();
        assert_eq!(rails, ["front", "back"]);
        let names: Vec<_> = picture
            .lines
            .iter()
            .map(|l| &*l.member.row.container.name)
            .collect();
        assert_eq!(names, ["web", "side", "db", "old"]);
        assert_eq!(picture.lines[0].address, "10.1.0.9 10.2.0.2");
        assert_eq!(picture.height(), 2 + 1 + 4);
    }
}
