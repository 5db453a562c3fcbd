//! The columns of a control group, declared once: the groups screen, its sort menu,
//! `wharf cgroups` and its JSON are made from [`GROUPS`].

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Align, Key};
use crate::{
    format::{Glyphs, bytes, text::sanitize},
    model::{Bound, GroupKind, GroupRow, Host, Usage, World},
};

/// One column.
#[derive(Clone, Copy)]
pub struct GroupColumn {
    /// What it is called in `--sort` and JSON.
    pub id: &'static str,
    /// What stands above it.
    pub title: &'static str,
    /// On which side its text is.
    pub align: Align,
    /// Columns of its text: at least, and where there is room.
    pub width: (u16, u16),
    /// Columns of its gauge; 0 is none.
    pub gauge: u16,
    /// The lightest goes first where there is no room.
    pub weight: u8,
    /// Its text: what is used, and the limit where that is another text.
    pub cell: fn(&GroupItem) -> (String, Option<String>),
    /// Its value for programs.
    pub json: fn(&GroupItem) -> Value,
    /// What siblings are sorted by.
    pub key: fn(&GroupItem) -> Key,
    /// How much of its limit is used, 0 to 1.
    pub share: Option<fn(&GroupItem) -> Option<f64>>,
}

/// What a column is asked about.
#[derive(Clone, Copy, Debug)]
pub struct GroupItem<'a> {
    /// The group.
    pub row: &'a GroupRow,
    /// The container behind it, by name.
    pub container: Option<&'a str>,
    /// The machine.
    pub host: &'a Host,
    /// Tightest CPU limit of the groups above it, in cores.
    pub cpu_above: Option<f64>,
    /// Tightest memory limit of the groups above it, bytes.
    pub memory_above: Option<u64>,
    /// Which signs may be used.
    pub glyphs: Glyphs,
}

impl<'a> GroupItem<'a> {
    /// A row of a world.
    pub fn new(row: &'a GroupRow, world: &'a World) -> Self {
        let container = match &row.group.kind {
            GroupKind::Container(id) => world.container(id),
            _ => None,
        };
        Self {
            row,
            container: container.map(|row| row.container.name.as_str()),
            host: &world.host,
            cpu_above: None,
            memory_above: None,
            glyphs: Glyphs::Unicode,
        }
    }

    /// Its readable name, safe to print.
    pub fn name(&self) -> Cow<'a, str> {
        match self.row.group.kind {
            GroupKind::Host => "host".into(),
            _ => sanitize(self.container.unwrap_or(&self.row.group.name)),
        }
    }

    fn usage(&self) -> Usage {
        self.row.usage.unwrap_or_default()
    }

    /// Its own CPU quota in cores.
    pub fn cpu_quota(&self) -> Option<f64> {
        let quota = self.row.limits.as_ref()?.cpu_millis.and_then(Bound::at)?;
        Some(quota as f64 / 1000.0)
    }

    /// Its own memory limit in bytes.
    pub fn memory_limit(&self) -> Option<u64> {
        self.row.limits.as_ref()?.memory_max.and_then(Bound::at)
    }

    /// Its own limit of processes.
    pub fn pids_limit(&self) -> Option<u64> {
        self.row.limits.as_ref()?.pids_max.and_then(Bound::at)
    }

    /// Share of the CPU that it may use: of its quota, of the tightest above it, or of the
    /// machine.
    pub fn cpu_share(&self) -> Option<f64> {
        let host = (self.host.cpus > 0).then_some(f64::from(self.host.cpus));
        let bounds = [self.cpu_quota(), self.cpu_above, host];
        let most = bounds.into_iter().flatten().reduce(f64::min)?;
        Some(self.usage().cpu_cores? / most)
    }

    /// The same of memory.
    pub fn memory_share(&self) -> Option<f64> {
        let bounds = [
            self.memory_limit(),
            self.memory_above,
            self.host.memory_total_bytes,
        ];
        let most = bounds.into_iter().flatten().min()?;
        Some(self.usage().memory_bytes? as f64 / most.max(1) as f64)
    }

    /// The resource for which its processes wait most, and the share of time.
    pub fn worst_stall(&self) -> Option<(&'static str, f64)> {
        let stalls = self.usage().stalls;
        [
            ("cpu", stalls.cpu_some),
            ("mem", stalls.memory_some),
            ("io", stalls.io_some),
        ]
        .into_iter()
        .filter_map(|(name, share)| Some((name, share?)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
    }

    fn unknown(&self, text: Option<String>) -> (String, Option<String>) {
        (text.unwrap_or_else(|| self.glyphs.unknown().into()), None)
    }
}

/// All columns, in their order on screen.
pub const GROUPS: &[GroupColumn] = &[
    GroupColumn {
        id: "name",
        title: "GROUP",
        align: Align::Left,
        width: (24, 48),
        gauge: 0,
        weight: 9,
        cell: |i| (i.name().into_owned(), None),
        json: |i| json!(i.name()),
        key: |i| Key::Text(i.name().into_owned()),
        share: None,
    },
    GroupColumn {
        id: "cpu",
        title: "CPU",
        align: Align::Right,
        width: (6, 12),
        gauge: 8,
        weight: 8,
        cell: |i| {
            let used = i.usage().cpu_cores.map(percent);
            let limit = i.cpu_quota().map(|cores| format!("{:.0}%", cores * 100.0));
            (i.unknown(used).0, limit)
        },
        json: |i| json!(i.usage().cpu_cores),
        // Of what idles, noise decides nothing: hundredths of a core are compared.
        key: |i| number(i.usage().cpu_cores.map(|cores| (cores * 100.0).floor())),
        share: Some(|i| i.cpu_share()),
    },
    GroupColumn {
        id: "memory",
        title: "MEMORY",
        align: Align::Right,
        width: (8, 17),
        gauge: 8,
        weight: 7,
        cell: |i| {
            let used = i.usage().memory_bytes.map(bytes::binary);
            (i.unknown(used).0, i.memory_limit().map(bytes::binary))
        },
        json: |i| json!(i.usage().memory_bytes),
        key: |i| number(i.usage().memory_bytes.map(|bytes| bytes as f64)),
        share: Some(|i| i.memory_share()),
    },
    GroupColumn {
        id: "read",
        title: "READ",
        align: Align::Right,
        width: (9, 9),
        gauge: 0,
        weight: 3,
        cell: |i| i.unknown(i.usage().read_bps.map(bytes::rate)),
        json: |i| json!(i.usage().read_bps),
        key: |i| number(i.usage().read_bps),
        share: None,
    },
    GroupColumn {
        id: "write",
        title: "WRITE",
        align: Align::Right,
        width: (9, 9),
        gauge: 0,
        weight: 4,
        cell: |i| i.unknown(i.usage().write_bps.map(bytes::rate)),
        json: |i| json!(i.usage().write_bps),
        key: |i| number(i.usage().write_bps),
        share: None,
    },
    GroupColumn {
        id: "pids",
        title: "PIDS",
        align: Align::Right,
        width: (5, 10),
        gauge: 0,
        weight: 6,
        cell: |i| {
            let used = i.usage().pids.map(|pids| pids.to_string());
            (
                i.unknown(used).0,
                i.pids_limit().map(|most| most.to_string()),
            )
        },
        json: |i| json!(i.usage().pids),
        key: |i| number(i.usage().pids.map(|pids| pids as f64)),
        share: Some(|i| Some(i.usage().pids? as f64 / i.pids_limit()?.max(1) as f64)),
    },
    GroupColumn {
        id: "throttled",
        title: "HELD",
        align: Align::Right,
        width: (5, 5),
        gauge: 0,
        weight: 5,
        // Without a quota nothing is ever held back: that is no figure.
        cell: |i| match (i.usage().throttled_share, i.cpu_quota()) {
            (Some(share), Some(_)) => (whole_percent(share), None),
            _ => (String::new(), None),
        },
        json: |i| json!(i.usage().throttled_share),
        key: |i| number(i.usage().throttled_share),
        share: None,
    },
    GroupColumn {
        id: "pressure",
        title: "STALLED",
        align: Align::Right,
        width: (8, 8),
        gauge: 0,
        weight: 2,
        cell: |i| match i.worst_stall() {
            Some((name, share)) if share >= 0.005 => {
                (format!("{name} {}", whole_percent(share)), None)
            }
            Some(_) => ("0%".into(), None),
            None => (String::new(), None),
        },
        json: |i| json!(i.usage().stalls),
        key: |i| number(i.worst_stall().map(|(_, share)| share)),
        share: None,
    },
];

/// The column of an id.
pub fn find(id: &str) -> Option<&'static GroupColumn> {
    GROUPS.iter().find(|column| column.id == id)
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn whole_percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

fn number(figure: Option<f64>) -> Key {
    figure.map_or(Key::Unknown, Key::Number)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Group, GroupLimits, Stalls};

    fn row(usage: Usage, limits: GroupLimits) -> GroupRow {
        GroupRow {
            group: Arc::new(Group {
                path: "a/b".into(),
                depth: 2,
                name: "b\u{1b}[2J".into(),
                kind: GroupKind::Plain,
                hierarchies: "all".into(),
            }),
            usage: Some(usage),
            limits: Some(Arc::new(limits)),
        }
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = GROUPS.iter().map(|column| column.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), GROUPS.len());
    }

    #[test]
    fn share_is_of_the_tightest_limit_above_or_of_its_own() {
        let usage = Usage {
            cpu_cores: Some(0.5),
            memory_bytes: Some(50),
            ..Usage::default()
        };
        let limits = GroupLimits {
            cpu_millis: Some(Bound::At(1000)),
            memory_max: Some(Bound::Unlimited),
            ..GroupLimits::default()
        };
        let row = row(usage, limits);
        let world = World {
            host: Host {
                cpus: 4,
                memory_total_bytes: Some(1000),
                ..Host::default()
            },
            ..World::default()
        };
        let item = GroupItem::new(&row, &world);
        assert_eq!(
            (item.cpu_share(), item.memory_share()),
            (Some(0.5), Some(0.05))
        );
        let inside = GroupItem {
            cpu_above: Some(0.8),
            memory_above: Some(100),
            ..item
        };
        assert_eq!(inside.cpu_share(), Some(0.625));
        assert_eq!(inside.memory_share(), Some(0.5));
        assert_eq!(item.name(), "b\\x1b[2J");
    }

    #[test]
    fn worst_stall_is_named_and_unknown_is_empty() {
        let usage = Usage {
            stalls: Stalls {
                cpu_some: Some(0.1),
                io_some: Some(0.34),
                ..Stalls::default()
            },
            ..Usage::default()
        };
        let world = World::default();
        let text = |usage| {
            let row = row(usage, GroupLimits::default());
            (find("pressure").unwrap().cell)(&GroupItem::new(&row, &world)).0
        };
        assert_eq!(text(usage), "io 34%");
        assert_eq!(text(Usage::default()), "");
    }
}
