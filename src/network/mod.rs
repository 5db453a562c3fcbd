//! Networks: which there are, which addresses and ports are whose, and the kernel's part
//! of it: bridges, pairs of interfaces and packet filter rules.
//!
//! What exists is told by the disk; what the kernel has is made from it whenever it is
//! missing, so that neither a reboot nor somebody's `nft flush ruleset` needs a repair of
//! its own. A container's share is in directory entries that name it ([`lease`]): whoever
//! finds entries of a container that is gone takes them back, and with them its rules.
//! Its interfaces need no taking back: they end with its network namespace, which lives
//! as long as its shim or its processes.
//!
//! The lock of networks is the last in the order of locks, and held for microseconds:
//! `names` -> `images/lock` -> `containers/ID/lock` -> `networks/lock`.
//!
//! ```text
//! store      networks on disk, their lock     plan      ranges and addresses, without I/O
//! lease      who has which address and port   reserve   the host's ports, held by sockets
//! bridge     a network in the kernel          filter    the rules of all networks
//! attach     a container's interfaces         resolver  names inside a container
//! holder     who has a port                   shape     how fast a container may be
//! ```

mod attach;
mod bridge;
mod dial;
mod error;
mod filter;
mod holder;
mod lease;
pub mod loopback;
mod plan;
mod reserve;
pub mod resolver;
mod shape;
mod store;

use std::path::PathBuf;

pub use attach::{Attached, Wish};
pub use error::{Error, Result};
pub use plan::DEFAULT_POOLS;
pub use reserve::{Reservation, held};
pub use shape::Rates;

use crate::model::{Network, NetworkDetails};

/// The networks of one engine.
#[derive(Clone, Debug)]
pub struct Networks {
    /// Records that outlive a boot.
    data: PathBuf,
    /// Leases, which don't.
    run: PathBuf,
    /// The packet filter's table of this engine.
    table: String,
}

impl Networks {
    /// Of an engine that keeps its networks below `data`, and what the kernel has of them
    /// below `run`; its rules are in a table that `engine` names, empty for the machine's
    /// own. Nothing is touched.
    pub fn new(data: PathBuf, run: PathBuf, engine: &str) -> Self {
        let table = match engine {
            "" => "wharf".to_owned(),
            engine => format!("wharf-{engine}"),
        };
        Self { data, run, table }
    }

    /// The network of a name, an id or the beginning of an id, with those who are on it.
    pub fn details(&self, reference: &str) -> Result<NetworkDetails> {
        let network = self.find(reference)?;
        let endpoints = self.endpoints(&network)?;
        let endpoints = endpoints
            .into_iter()
            .map(|endpoint| {
                let name = endpoint.names.first().cloned().unwrap_or_default();
                (name, endpoint)
            })
            .collect();
        Ok(NetworkDetails {
            warnings: self.warnings(&network),
            network,
            endpoints,
        })
    }

    /// What of others keeps a network from working as it should.
    fn warnings(&self, network: &Network) -> Vec<String> {
        use crate::{model::NetworkDriver, sys::netlink::Socket};
        if network.internal || network.driver != NetworkDriver::Bridge {
            return Vec::new();
        }
        // Where rules can't be listed there is nothing to warn of.
        let chains = Socket::netfilter().and_then(|socket| socket.dropping_chains());
        let chains = chains.unwrap_or_default().into_iter();
        chains
            .filter(|chain| chain.table != self.table)
            .map(|chain| {
                let bridge = network.bridge();
                // As iptables names them, whichever program made them.
                let how = match (chain.table.as_str(), chain.chain.as_str()) {
                    ("filter", "FORWARD") => format!(
                        ": iptables -I FORWARD -i {bridge} -j ACCEPT; \
                         iptables -I FORWARD -o {bridge} -j ACCEPT"
                    ),
                    _ => String::new(),
                };
                format!(
                    "the table {} of others drops in its chain {} what it doesn't know; let it \
                     accept what comes from and goes to {bridge}{how}",
                    chain.table, chain.chain,
                )
            })
            .collect()
    }
}
