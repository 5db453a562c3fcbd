//! The columns of a container, declared once. `wharf ps`, its `--format` names, its
//! JSON, the dashboard's table and its sort menu are all made from [`CONTAINERS`].

mod containers;
pub mod groups;
pub mod images;
pub mod list;
pub mod networks;
#[cfg(test)]
pub mod sample;
mod traffic;
pub mod volumes;

use std::{cmp::Ordering, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

pub use super::text::Align;
use super::{Glyphs, duration, trouble::Seen};
use crate::model::{Container, ContainerRow, Host, Usage};

pub use containers::{CONTAINERS, state_rank};

/// One column.
#[derive(Clone, Copy)]
pub struct Column {
    /// What it is called in `--sort`, `--columns`, JSON and the configuration.
    pub id: &'static str,
    /// Its name in a `--format` template: docker's where docker has one.
    pub field: &'static str,
    /// What stands above it.
    pub title: &'static str,
    /// How wide it is.
    pub width: Width,
    /// On which side its text is.
    pub align: Align,
    /// Its text, safe to print (sanitized).
    pub cell: fn(&Item) -> String,
    /// Its text in a docker template, where that differs from `cell`.
    pub template: Option<fn(&Item) -> String>,
    /// Its value for programs: numbers as numbers, what is unknown as null.
    pub json: fn(&Item) -> Value,
    /// What it is sorted by.
    pub key: fn(&Item) -> Key,
    /// How much of its limit is used, 0 to 1, where it is a gauge.
    pub share: Option<fn(&Item) -> Option<f64>>,
}

/// How wide a column may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Always so many columns.
    Fixed(u16),
    /// As wide as its widest cell, within these bounds.
    Fit {
        /// At least.
        min: u16,
        /// At most.
        max: u16,
    },
    /// Never cut: as wide as its widest cell.
    Whole,
}

/// What a column is asked about: a container, and what else there is to know.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The container.
    pub container: &'a Container,
    /// What it uses, if that was read.
    pub usage: Option<&'a Usage>,
    /// The machine that it runs on.
    pub host: &'a Host,
    /// When it was looked at.
    pub now: Timestamp,
    /// Bytes of its writable layer and of everything that it shows, if they were read.
    pub size: Option<Size>,
    /// Whether ids and commands are told whole.
    pub full: bool,
    /// Which signs may be used.
    pub glyphs: Glyphs,
    /// When its counters rose, as far as anybody watched.
    pub seen: Seen,
}

/// What a container takes on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes that it wrote.
    pub writable_bytes: u64,
    /// Those and its image's.
    pub total_bytes: u64,
}

/// Something to sort by. What is unknown comes last, whatever the direction.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// By figure.
    Number(f64),
    /// By text, digits in it by their value.
    Text(String),
    /// Nothing is known.
    Unknown,
}

impl<'a> Item<'a> {
    /// A row of a world.
    pub fn new(row: &'a ContainerRow, host: &'a Host, now: Timestamp) -> Self {
        Self {
            container: &row.container,
            usage: row.usage.as_ref(),
            host,
            now,
            size: None,
            full: false,
            glyphs: Glyphs::Unicode,
            seen: Seen::default(),
        }
    }

    /// Cores that it may use: its quota, or the machine's.
    pub fn cpu_limit_cores(&self) -> Option<f64> {
        match self.container.config.limits.cpu_millis {
            Some(millis) => Some(millis as f64 / 1000.0),
            None => (self.host.cpus > 0).then_some(f64::from(self.host.cpus)),
        }
    }

    /// Bytes that it may use: its limit, or the machine's memory.
    pub fn memory_limit_bytes(&self) -> Option<u64> {
        let limit = self.container.config.limits.memory_bytes;
        limit.or(self.host.memory_total_bytes)
    }

    /// Share of the CPU that it may use.
    pub fn cpu_share(&self) -> Option<f64> {
        Some(self.usage?.cpu_cores? / self.cpu_limit_cores()?)
    }

    /// Share of the memory that it may use.
    pub fn memory_share(&self) -> Option<f64> {
        Some(self.usage?.memory_bytes? as f64 / self.memory_limit_bytes()? as f64)
    }

    /// Share of the processes that it may have; unknown without a limit.
    pub fn pids_share(&self) -> Option<f64> {
        let limit = self.container.config.limits.pids.filter(|n| *n > 0)?;
        Some(self.usage?.pids? as f64 / limit as f64)
    }

    /// How long it has been running.
    pub fn uptime(&self) -> Option<Duration> {
        let container = self.container;
        container
            .state
            .has_process()
            .then(|| container.started.map(|at| duration::between(at, self.now)))?
    }
}

impl Key {
    /// The order of two keys, ascending or descending, unknown ones last in both.
    pub fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Unknown, Self::Unknown) => return Ordering::Equal,
            (Self::Unknown, _) => return Ordering::Greater,
            (_, Self::Unknown) => return Ordering::Less,
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => natural(a, b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        };
        if descending { order.reverse() } else { order }
    }
}

/// The column that is called so, in any case, by id or else by its name in templates.
pub fn find<'a>(columns: &'a [Column], name: &str) -> Option<&'a Column> {
    let by = |of: fn(&Column) -> &str| {
        columns
            .iter()
            .find(|column| of(column).eq_ignore_ascii_case(name))
    };
    by(|column| column.id).or_else(|| by(|column| column.field))
}

/// Order of two texts in which `web2` comes before `web10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a_rest, mut b_rest) = (a, b);
    loop {
        let (a_digits, b_digits) = (leading_digits(a_rest), leading_digits(b_rest));
        let order = if !a_digits.is_empty() && !b_digits.is_empty() {
            let (x, y) = (
                a_digits.trim_start_matches('0'),
                b_digits.trim_start_matches('0'),
            );
            a_rest = &a_rest[a_digits.len()..];
            b_rest = &b_rest[b_digits.len()..];
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        } else {
            match (a_rest.chars().next(), b_rest.chars().next()) {
                (None, None) => return a.cmp(b),
                (Some(x), Some(y)) => {
                    a_rest = &a_rest[x.len_utf8()..];
                    b_rest = &b_rest[y.len_utf8()..];
                    x.to_lowercase().cmp(y.to_lowercase())
                }
                (x, y) => x.is_some().cmp(&y.is_some()),
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn leading_digits(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::State;

    #[test]
    fn every_id_and_every_field_is_unique() {
        let mut ids: Vec<_> = CONTAINERS.iter().map(|c| c.id).collect();
        let mut fields: Vec<_> = CONTAINERS.iter().map(|c| c.field).collect();
        for names in [&mut ids, &mut fields] {
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all);
        }
    }

    #[test]
    fn every_docker_field_of_ps_is_there() {
        // https://docs.docker.com/reference/cli/docker/container/ls/#format
        for field in [
            "ID",
            "Image",
            "Command",
            "CreatedAt",
            "RunningFor",
            "Ports",
            "State",
            "Status",
            "Size",
            "Names",
            "Labels",
            "Mounts",
            "Networks",
            "LocalVolumes",
        ] {
            assert!(find(CONTAINERS, field).is_some(), "{field}");
        }
    }

    #[test]
    fn unknown_usage_is_never_a_number() {
        let container = sample::container("web", State::Running);
        let host = Host::default();
        let item = Item {
            container: &container,
            usage: None,
            host: &host,
            now: Timestamp::UNIX_EPOCH,
            size: None,
            full: false,
            glyphs: Glyphs::Unicode,
            seen: Seen::default(),
        };
        for id in ["cpu", "memory", "read", "write", "pids"] {
            let column = find(CONTAINERS, id).unwrap();
            assert_eq!((column.cell)(&item), "–", "{id}");
            assert_eq!((column.json)(&item), Value::Null, "{id}");
            assert_eq!((column.key)(&item), Key::Unknown, "{id}");
        }
    }

    #[test]
    fn digits_in_names_sort_by_value() {
        let mut names = ["web10", "web2", "Web1", "db", "web02"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["db", "Web1", "web02", "web2", "web10"]);
    }

    #[test]
    fn unknown_sorts_last_in_both_directions() {
        let known = Key::Number(1.0);
        for descending in [false, true] {
            assert_eq!(known.compare(&Key::Unknown, descending), Ordering::Less);
        }
    }
}
