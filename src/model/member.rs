//! Who is on a network and who uses a volume, as a picture tells it: the containers'
//! own words about themselves, so that nothing more has to be read for it.

use super::{
    Attachment, ContainerRow, Endpoint, Flow, Mount, Network, NetworkDriver, NetworkMode,
    NetworkRow, Volume, VolumeDetails, VolumeUser, World,
};

/// A container on a network, or one that will be when it starts.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Which.
    pub row: &'a ContainerRow,
    /// Its place there, while it runs; one that shares another's has the other's.
    pub endpoint: Option<&'a Endpoint>,
    /// How it wishes to be there.
    pub wish: Option<&'a Attachment>,
    /// Whose network namespace it lives in, if that is another container's.
    pub shares: Option<&'a ContainerRow>,
}

impl World {
    /// Who is on a network, in the order of the containers.
    pub fn members<'a>(&'a self, network: &'a Network) -> impl Iterator<Item = Member<'a>> {
        self.containers
            .iter()
            .filter_map(|row| self.member(network, row))
    }

    /// A container's place on a network, if it has or will have one.
    pub fn member<'a>(&'a self, network: &Network, row: &'a ContainerRow) -> Option<Member<'a>> {
        let member = |endpoint, wish| Member {
            row,
            endpoint,
            wish,
            shares: None,
        };
        let container = &*row.container;
        match &container.config.network {
            NetworkMode::Container(other) => {
                let other = self
                    .containers
                    .iter()
                    .find(|of| of.container.id.as_str() == other || of.container.name == *other)?;
                // Nobody can share with one that shares.
                let is_own = !matches!(other.container.config.network, NetworkMode::Container(_));
                let theirs = is_own.then(|| self.member(network, other))??;
                Some(Member {
                    row,
                    shares: Some(other),
                    ..theirs
                })
            }
            NetworkMode::Host => {
                (network.driver == NetworkDriver::Host).then(|| member(None, None))
            }
            NetworkMode::None => {
                (network.driver == NetworkDriver::None).then(|| member(None, None))
            }
            NetworkMode::Bridge => {
                let endpoint = container
                    .connectivity
                    .endpoints
                    .iter()
                    .find(|endpoint| endpoint.network == network.id);
                let wish = container.config.networks.iter().find(|wish| {
                    wish.network == network.name || wish.network == network.id.as_str()
                });
                (endpoint.is_some() || wish.is_some()).then(|| member(endpoint, wish))
            }
        }
    }

    /// Networks that a prune would remove: those that no container names.
    pub fn unused_networks(&self) -> impl Iterator<Item = &NetworkRow> {
        self.networks
            .iter()
            .filter(|row| !row.network.is_built_in() && self.members(&row.network).next().is_none())
    }

    /// Who uses a volume, running or not, and how it is mounted there.
    pub fn users<'a>(
        &'a self,
        volume: &'a str,
    ) -> impl Iterator<Item = (&'a ContainerRow, &'a Mount)> {
        self.containers.iter().flat_map(move |row| {
            let mounts = row.container.config.mounts.iter();
            let of_volume = mounts.filter(move |mount| mount.volume_name() == Some(volume));
            of_volume.map(move |mount| (row, mount))
        })
    }

    /// A volume with its users.
    pub fn with_users(&self, volume: Volume) -> VolumeDetails {
        let users = self.users(&volume.name);
        let users = users.map(|(row, mount)| VolumeUser::of(&row.container, mount));
        VolumeDetails {
            users: users.collect(),
            volume,
        }
    }

    /// Whether a container may be writing to a volume now: what was measured of it may
    /// not hold any more.
    pub fn is_written(&self, volume: &Volume) -> bool {
        self.users(&volume.name)
            .any(|(row, mount)| row.container.state.has_process() && !mount.read_only)
    }

    /// Volumes that a prune would remove: those that no container uses, and with `all`
    /// those too that somebody gave a name.
    pub fn unused_volumes(&self, all: bool) -> impl Iterator<Item = &Volume> {
        self.volumes.iter().filter(move |volume| {
            (all || volume.anonymous) && self.users(&volume.name).next().is_none()
        })
    }
}

impl NetworkRow {
    /// What a container receives and sends there now; of a remote one that is known only
    /// where it is on no other network.
    pub fn flow(&self, member: &Member<'_>) -> Option<Flow> {
        if member.shares.is_some() {
            return None;
        }
        let container = &member.row.container;
        if let Some(flow) = self.flows.get(&container.id) {
            return Some(*flow);
        }
        let is_all = container.connectivity.endpoints.len() == 1 && member.endpoint.is_some();
        let usage = member.row.usage.as_ref().filter(|_| is_all)?;
        Some(Flow {
            in_bps: usage.net_in_bps?,
            out_bps: usage.net_out_bps?,
        })
    }

    /// The same of all who are on it; `None` if it is known of nobody.
    pub fn total(&self, world: &World) -> Option<Flow> {
        let flows = world.members(&self.network);
        let flows = flows.filter_map(|member| self.flow(&member));
        flows.reduce(std::ops::Add::add)
    }
}
