//! The four ways to tell how much CPU is used: each answers another question.

use super::columns::Item;

/// How CPU is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CpuDisplay {
    /// In percent of one core, as docker tells it.
    #[default]
    Percent,
    /// In cores.
    Cores,
    /// As a share of the machine.
    Host,
    /// As a share of its quota; of the machine where it has none.
    Quota,
}

impl CpuDisplay {
    /// All of them, in the order in which one key goes through them.
    pub const ALL: [Self; 4] = [Self::Percent, Self::Cores, Self::Host, Self::Quota];

    /// The one after it.
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// What stands above the figures.
    pub fn title(self) -> &'static str {
        match self {
            Self::Percent => "CPU",
            Self::Cores => "CORES",
            Self::Host => "CPU/HOST",
            Self::Quota => "CPU/QUOTA",
        }
    }

    /// What it means, for whoever just chose it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Percent => "CPU in percent of one core",
            Self::Cores => "CPU in cores",
            Self::Host => "CPU as a share of this machine",
            Self::Quota => "CPU as a share of each quota",
        }
    }

    /// Its name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Cores => "cores",
            Self::Host => "host",
            Self::Quota => "quota",
        }
    }

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|display| display.as_str() == name)
    }

    /// So many cores of a machine, where no quota is known.
    pub fn of_cores(self, cores: f64, all: u32) -> String {
        match self {
            Self::Percent => percent(cores),
            Self::Cores => format!("{cores:.2}"),
            Self::Host | Self::Quota => percent(cores / f64::from(all.max(1))),
        }
    }

    /// What a container uses.
    pub fn text(self, item: &Item) -> Option<String> {
        let cores = item.usage?.cpu_cores?;
        Some(match self {
            Self::Quota => percent(item.cpu_share()?),
            _ => self.of_cores(cores, item.host.cpus),
        })
    }

    /// How much of what it is measured by is used.
    pub fn share(self, item: &Item) -> Option<f64> {
        match self {
            Self::Host => Some(item.usage?.cpu_cores? / f64::from(item.host.cpus.max(1))),
            _ => item.cpu_share(),
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        format::columns::sample,
        model::{ContainerRow, Host, State, Usage},
    };

    #[test]
    fn same_use_is_told_in_four_ways() {
        let mut container = sample::container("web", State::Running);
        container.config.limits.cpu_millis = Some(2000);
        let row = ContainerRow {
            container: container.into(),
            usage: Some(Usage {
                cpu_cores: Some(0.5),
                ..Usage::default()
            }),
        };
        let host = Host {
            cpus: 8,
            ..Host::default()
        };
        let item = Item::new(&row, &host, jiff::Timestamp::UNIX_EPOCH);
        let told = CpuDisplay::ALL.map(|display| display.text(&item).unwrap());
        assert_eq!(told, ["50.0%", "0.50", "6.2%", "25.0%"]);
        assert_eq!(CpuDisplay::Host.share(&item), Some(0.0625));
        assert_eq!(CpuDisplay::Quota.next(), CpuDisplay::Percent);
        for display in CpuDisplay::ALL {
            assert_eq!(CpuDisplay::parse(display.as_str()), Some(display));
        }
    }
}
