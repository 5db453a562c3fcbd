//! How fast a container may receive and send: a token bucket at each end of its pairs of
//! interfaces. What it receives waits at the host's end, what it sends at its own, so that
//! a program that is held back is held back where it sends.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use super::{Error, Networks, Result, attach::inside, bridge::tolerate, error::at};
use crate::{
    model::{ContainerId, Endpoint, Limits},
    sys::netlink::{Requests, Socket},
};

/// Largest packet of a network that says nothing.
const MTU: u32 = 1500;

/// Most bytes a second, on each interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// That it receives.
    pub incoming: Option<u64>,
    /// That it sends.
    pub outgoing: Option<u64>,
}

impl Rates {
    /// Those of a container.
    pub fn of(limits: &Limits) -> Self {
        Self {
            incoming: limits.net_rate_in,
            outgoing: limits.net_rate_out,
        }
    }
}

impl Networks {
    /// Gives all interfaces of a running container these rates in place of what they have.
    pub fn shape(
        &self,
        container: &ContainerId,
        namespace: BorrowedFd<'_>,
        rates: Rates,
    ) -> Result<()> {
        let (route, inside) = (Socket::route()?, inside(namespace)?);
        for endpoint in self.connectivity(container)?.endpoints {
            let mtu = self.find(endpoint.network.as_str())?.mtu;
            let name = Endpoint::host_interface(container, &endpoint.network);
            set(&route, &name, rates.incoming, mtu)?;
            set(&inside, &endpoint.interface, rates.outgoing, mtu)?;
        }
        Ok(())
    }
}

/// Gives a new pair of interfaces its rates.
pub(super) fn shape(
    route: &Socket,
    inside: &Socket,
    endpoint: &Endpoint,
    mtu: Option<u32>,
    rates: Rates,
) -> Result<()> {
    if rates.incoming.is_some() {
        let name = Endpoint::host_interface(&endpoint.container, &endpoint.network);
        set(route, &name, rates.incoming, mtu)?;
    }
    if rates.outgoing.is_some() {
        set(inside, &endpoint.interface, rates.outgoing, mtu)?;
    }
    Ok(())
}

fn set(socket: &Socket, name: &str, rate: Option<u64>, mtu: Option<u32>) -> Result<()> {
    let Some(link) = socket.link(name)? else {
        let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(at("find the interface", name)(gone));
    };
    let mut requests = Requests::default();
    match rate {
        None => {
            let lifted = requests.lift_rate(link.index).execute(socket);
            Ok(tolerate(Errno::NOENT, lifted)?)
        }
        Some(rate) => {
            requests.limit_rate(link.index, rate, mtu.unwrap_or(MTU));
            match requests.execute(socket) {
                // What is named isn't there: the kind of queue, as the link is.
                Err(error) if error.is(Errno::NOENT) => Err(Error::Unsupported(
                    "this kernel can't limit the rate of networks: it has no tbf (sch_tbf)".into(),
                )),
                done => Ok(done?),
            }
        }
    }
}
