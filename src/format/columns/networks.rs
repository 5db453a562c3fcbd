//! The columns of a network, declared once: the networks screen and its sort menu are
//! made from [`NETWORKS`].

use jiff::Timestamp;

use super::{
    Key,
    list::{self, ListColumn, Listed, figure, number, text},
};
use crate::{
    format::{Glyphs, bytes, duration, text::sanitize},
    model::{Flow, Network, NetworkDriver, NetworkRow, World},
};

/// Columns of networks.
#[derive(Debug)]
pub enum OfNetworks {}

impl Listed for OfNetworks {
    type Item<'a> = NetworkItem<'a>;
}

/// One column.
pub type NetworkColumn = ListColumn<OfNetworks>;

/// What a column is asked about.
#[derive(Clone, Copy, Debug)]
pub struct NetworkItem<'a> {
    /// The network, and what passes on it.
    pub row: &'a NetworkRow,
    /// Who else there is.
    pub world: &'a World,
    /// Which signs may be used.
    pub glyphs: Glyphs,
}

impl<'a> NetworkItem<'a> {
    /// A row of a world.
    pub fn new(row: &'a NetworkRow, world: &'a World) -> Self {
        Self {
            row,
            world,
            glyphs: Glyphs::Unicode,
        }
    }

    /// How many containers are on it, or will be when they start.
    pub fn members(&self) -> usize {
        self.world.members(&self.row.network).count()
    }

    /// Whether anybody is on it who runs.
    fn is_used(&self) -> bool {
        let mut members = self.world.members(&self.row.network);
        members.any(|member| member.row.container.state.has_process())
    }

    /// When it was made; what is always there never was.
    fn created(&self) -> Option<Timestamp> {
        Some(self.row.network.created).filter(|at| *at > Timestamp::UNIX_EPOCH)
    }

    fn rate(&self, of: fn(&Flow) -> f64) -> String {
        match self.row.total(self.world) {
            Some(flow) => bytes::rate(of(&flow)),
            // What passes on the host's interfaces is not theirs.
            None if self.row.network.driver != NetworkDriver::Bridge => String::new(),
            None if !self.is_used() => String::new(),
            None => self.glyphs.unknown().to_owned(),
        }
    }

    fn rate_key(&self, of: fn(&Flow) -> f64) -> Key {
        let flow = self.row.total(self.world);
        flow.map_or(Key::Unknown, |flow| Key::Number(of(&flow)))
    }
}

/// The column that is called so.
pub fn find(id: &str) -> Option<&'static NetworkColumn> {
    list::find(NETWORKS, id)
}

/// All of them.
pub const NETWORKS: &[NetworkColumn] = &[
    ListColumn {
        cell: |item| sanitize(&item.row.network.name).into_owned(),
        key: |item| Key::Text(item.row.network.name.clone()),
        ..text("name", "NAME", 12, 9)
    },
    ListColumn {
        cell: |item| item.row.network.driver.to_string(),
        key: |item| Key::Text(item.row.network.driver.to_string()),
        ..text("driver", "DRIVER", 6, 4)
    },
    ListColumn {
        cell: |item| match item.members() {
            0 => "-".to_owned(),
            members => members.to_string(),
        },
        key: |item| number(item.members() as u64),
        ..figure("members", "ON IT", 5, 8)
    },
    ListColumn {
        cell: |item| subnets(&item.row.network).unwrap_or_else(|| item.glyphs.unknown().to_owned()),
        key: |item| match item.row.network.subnets.first() {
            // As addresses follow each other, not as text.
            Some(subnet) => match subnet.net.network() {
                std::net::IpAddr::V4(ip) => number(u32::from(ip).into()),
                std::net::IpAddr::V6(ip) => Key::Number(u128::from(ip) as f64),
            },
            None => Key::Unknown,
        },
        ..text("subnet", "SUBNETS", 18, 7)
    },
    ListColumn {
        cell: |item| match item.row.network.subnets.first() {
            Some(subnet) => subnet.gateway.to_string(),
            None => item.glyphs.unknown().to_owned(),
        },
        key: |item| match item.row.network.subnets.first() {
            Some(subnet) => Key::Text(subnet.gateway.to_string()),
            None => Key::Unknown,
        },
        ..text("gateway", "GATEWAY", 15, 3)
    },
    ListColumn {
        cell: |item| match item.row.network.internal {
            true => "internal".to_owned(),
            false => String::new(),
        },
        key: |item| Key::Text(if item.row.network.internal { "a" } else { "b" }.to_owned()),
        ..text("internal", "REACH", 8, 5)
    },
    ListColumn {
        cell: |item| item.rate(|flow| flow.in_bps),
        key: |item| item.rate_key(|flow| flow.in_bps),
        ..figure("in", "IN", 9, 6)
    },
    ListColumn {
        cell: |item| item.rate(|flow| flow.out_bps),
        key: |item| item.rate_key(|flow| flow.out_bps),
        ..figure("out", "OUT", 9, 6)
    },
    ListColumn {
        cell: |item| match item.created() {
            Some(at) => duration::ago(at, item.world.at),
            None => "always there".to_owned(),
        },
        key: |item| match item.created() {
            Some(at) => Key::Number(at.as_second() as f64),
            None => Key::Unknown,
        },
        is_largest_first: true,
        ..text("created", "CREATED", 14, 2)
    },
    ListColumn {
        cell: |item| item.row.network.id.short().to_owned(),
        key: |item| Key::Text(item.row.network.id.as_str().to_owned()),
        ..text("id", "ID", 12, 1)
    },
];

/// Its ranges, if it has any.
pub fn subnets(network: &Network) -> Option<String> {
    let all: Vec<_> = network
        .subnets
        .iter()
        .map(|subnet| subnet.net.to_string())
        .collect();
    (!all.is_empty()).then(|| all.join(" "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        format::columns::sample,
        model::{Attachment, ContainerRow, NetworkId, NetworkMode, State, Subnet},
    };

    #[test]
    fn ids_are_unique_and_every_column_has_a_key() {
        let mut container = sample::container("web", State::Exited);
        container.config.network = NetworkMode::Bridge;
        container.config.networks = vec![Attachment::to("front")];
        let flow = Flow {
            in_bps: 1e6,
            out_bps: 0.0,
        };
        let row = NetworkRow {
            network: Arc::new(Network {
                id: NetworkId::from_bytes(&[1; 32]),
                name: "front".into(),
                driver: NetworkDriver::Bridge,
                created: Timestamp::from_second(100).unwrap(),
                subnets: vec![Subnet {
                    net: "172.20.0.0/16".parse().unwrap(),
                    gateway: "172.20.0.1".parse().unwrap(),
                    range: None,
                }],
                internal: true,
                mtu: None,
                labels: Default::default(),
            }),
            flows: [(container.id.clone(), flow)].into(),
        };
        let world = World {
            containers: vec![ContainerRow {
                container: Arc::new(container),
                usage: None,
            }],
            ..World::default()
        };
        let item = NetworkItem::new(&row, &world);
        for (n, column) in NETWORKS.iter().enumerate() {
            assert!(NETWORKS[..n].iter().all(|other| other.id != column.id));
            let cell = (column.cell)(&item);
            assert!(!cell.is_empty(), "{}", column.id);
            assert_ne!((column.key)(&item), Key::Unknown, "{}", column.id);
        }
    }
}
