//! The host's ports, held by sockets that are bound and never listen: nobody else can
//! have them meanwhile, and what is sent to them is redirected before it gets there.
//!
//! The sockets travel as one descriptor, in the queue of a socket that nobody reads: they
//! are open as long as that one is, whoever has it.

use std::{
    collections::HashSet,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketFlags, SocketType, bind, getsockname, ipproto,
        recvmsg, sendmsg, socket_with, socketpair, sockopt,
    },
};

use super::{Error, Networks, Result, error::at, holder, lease::Opening, store::Held};
use crate::model::{ContainerId, Endpoint, Publish, Transport};

/// Most descriptors in one message; the kernel takes 253.
const AT_ONCE: usize = 128;
/// Most ports of one container.
pub(super) const MOST: usize = 4096;

/// Ports that are held.
#[derive(Debug)]
pub struct Reservation(OwnedFd);

impl Reservation {
    fn of(sockets: &[OwnedFd]) -> io::Result<Option<Self>> {
        if sockets.is_empty() {
            return Ok(None);
        }
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        for some in sockets.chunks(AT_ONCE) {
            let descriptors: Vec<_> = some.iter().map(AsFd::as_fd).collect();
            let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            sendmsg(&ours, &[IoSlice::new(&[0])], &mut ancillary, flags)?;
        }
        Ok(Some(Self(theirs)))
    }
}

impl Reservation {
    /// The descriptor that holds them.
    pub fn into_fd(self) -> OwnedFd {
        self.0
    }
}

/// The first sockets that a [`Reservation`]'s descriptor holds, in further descriptors; as
/// many as one message has.
pub fn held(reservation: impl AsFd) -> Vec<OwnedFd> {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let into = &mut [IoSliceMut::new(&mut byte)];
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    if recvmsg(reservation, into, &mut ancillary, flags).is_err() {
        return Vec::new();
    }
    let messages = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    messages.flatten().collect()
}

impl AsFd for Reservation {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Networks {
    /// Finds the host's ports for what is to be published, holds them, and records them.
    pub(super) fn open_ports(
        &self,
        held: &Held,
        container: &ContainerId,
        publish: &[Publish],
        endpoints: &[Endpoint],
    ) -> Result<(Vec<Opening>, Option<Reservation>)> {
        if publish.len() > MOST {
            return Err(Error::Invalid(format!(
                "a container can have {MOST} open ports, not {}",
                publish.len()
            )));
        }
        let known = self.openings()?;
        let mut openings: Vec<Opening> = Vec::new();
        let mut sockets = Vec::new();
        for wish in publish {
            let targets = targets(wish, endpoints)?;
            let (found, held) = self.find_port(wish, &targets, &known, &openings)?;
            openings.extend(found);
            sockets.extend(held);
        }
        for opening in &openings {
            self.lease_port(held, opening, container)?;
        }
        let reservation =
            Reservation::of(&sockets).map_err(at("hold", "the ports that were asked for"))?;
        Ok((openings, reservation))
    }

    fn find_port(
        &self,
        wish: &Publish,
        targets: &[(IpAddr, IpAddr)],
        known: &[(Opening, ContainerId)],
        own: &[Opening],
    ) -> Result<(Vec<Opening>, Vec<OwnedFd>)> {
        let opening = |host: u16, (host_ip, ip): (IpAddr, IpAddr)| Opening {
            transport: wish.container.transport,
            host,
            host_ip,
            port: wish.container.number,
            ip,
        };
        let try_all = |host: u16| -> std::result::Result<_, Refusal> {
            let mut host = host;
            let (mut found, mut sockets) = (Vec::new(), Vec::new());
            for target in targets {
                let mut wanted = opening(host, *target);
                if let Some((_, owner)) = known.iter().find(|(other, _)| wanted.clashes(other)) {
                    return Err(Refusal::Ours(wanted, owner.clone()));
                }
                if own.iter().any(|other| wanted.clashes(other)) {
                    return Err(Refusal::Twice(wanted));
                }
                let socket = hold(&wanted).map_err(|error| Refusal::Socket(wanted, error))?;
                if host == 0 {
                    host = port_of(&socket).map_err(|error| Refusal::Socket(wanted, error))?;
                    wanted.host = host;
                }
                found.push(wanted);
                sockets.push(socket);
            }
            Ok((found, sockets))
        };
        let refusal = match wish.host {
            // Any: the kernel chooses. That the other family has it too is luck, nearly
            // always good.
            None => {
                let mut last = None;
                for _ in 0..64 {
                    match try_all(0) {
                        Ok(found) => return Ok(found),
                        Err(refusal) => last = Some(refusal),
                    }
                }
                last
            }
            Some((first, end)) => {
                let mut refusals = Vec::new();
                for host in first..=end {
                    match try_all(host) {
                        Ok(found) => return Ok(found),
                        Err(refusal) => refusals.push(refusal),
                    }
                }
                // Of a range the first says most.
                refusals.into_iter().next()
            }
        };
        Err(match refusal {
            None => Error::Invalid("a port was asked for out of none".into()),
            Some(Refusal::Ours(wanted, owner)) => Error::PortTaken {
                port: wanted.words(),
                holder: self.name_of(&owner)?,
            },
            Some(Refusal::Twice(wanted)) => {
                Error::Invalid(format!("the port {} is published twice", wanted.words()))
            }
            Some(Refusal::Socket(wanted, error)) => refused(&wanted, error),
        })
    }
}

/// Why a port can't be had.
enum Refusal {
    Ours(Opening, ContainerId),
    Twice(Opening),
    Socket(Opening, io::Error),
}

fn refused(wanted: &Opening, error: io::Error) -> Error {
    match Errno::from_io_error(&error) {
        Some(Errno::ADDRINUSE) => Error::PortTaken {
            port: wanted.words(),
            holder: holder::of(wanted.transport, wanted.host)
                .unwrap_or_else(|| "another program".into()),
        },
        Some(Errno::ADDRNOTAVAIL) => Error::Invalid(format!(
            "the port {} can't be opened: the host has no address {}",
            wanted.words(),
            wanted.host_ip
        )),
        Some(Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT) => Error::Unsupported(format!(
            "the port {} can't be opened: this kernel has no {}",
            wanted.words(),
            wanted.transport
        )),
        _ => at("hold", format!("the port {}", wanted.words()))(error),
    }
}

/// The host's addresses of a port, each with that of the container which it leads to.
fn targets(wish: &Publish, endpoints: &[Endpoint]) -> Result<Vec<(IpAddr, IpAddr)>> {
    // What is on internal networks only has no way out, and none in.
    let ip = endpoints
        .iter()
        .find(|one| one.gateway.is_some())
        .and_then(|one| one.ip);
    let ip6 = endpoints
        .iter()
        .find(|one| one.gateway6.is_some())
        .and_then(|one| one.ip6);
    let ip = ip.map(|(ip, _)| IpAddr::from(ip));
    let ip6 = ip6.map(|(ip, _)| IpAddr::from(ip));
    let targets: Vec<_> = match wish.ip {
        None => {
            let all = IpAddr::from(Ipv4Addr::UNSPECIFIED);
            let all6 = IpAddr::from(Ipv6Addr::UNSPECIFIED);
            let pairs = [ip.map(|ip| (all, ip)), ip6.map(|ip| (all6, ip))];
            pairs.into_iter().flatten().collect()
        }
        Some(host @ IpAddr::V4(_)) => ip.map(|ip| (host, ip)).into_iter().collect(),
        Some(host @ IpAddr::V6(_)) => ip6.map(|ip| (host, ip)).into_iter().collect(),
    };
    if !targets.is_empty() {
        return Ok(targets);
    }
    let family = match wish.ip {
        Some(IpAddr::V6(_)) => "IPv6",
        _ => "IPv4",
    };
    Err(Error::Invalid(format!(
        "the port {} can't be published: none of the container's networks has {family} and a \
         way out",
        wish.container
    )))
}

/// A socket that is bound to the host's port.
fn hold(wanted: &Opening) -> io::Result<OwnedFd> {
    let address = SocketAddr::new(wanted.host_ip, wanted.host);
    let make = || -> io::Result<OwnedFd> {
        let family = match wanted.host_ip {
            IpAddr::V4(_) => AddressFamily::INET,
            IpAddr::V6(_) => AddressFamily::INET6,
        };
        let (kind, protocol) = match wanted.transport {
            Transport::Tcp => (SocketType::STREAM, ipproto::TCP),
            Transport::Udp => (SocketType::DGRAM, ipproto::UDP),
            Transport::Sctp => (SocketType::STREAM, ipproto::SCTP),
        };
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, Some(protocol))?;
        if wanted.host_ip.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, true)?;
        }
        Ok(socket)
    };
    let socket = make()?;
    match bind(&socket, &address) {
        Ok(()) => Ok(socket),
        // Connections that ended a moment ago keep a port busy for a minute, for those
        // who don't say that they know of it. A listener keeps it busy for everybody.
        Err(Errno::ADDRINUSE) if wanted.transport == Transport::Tcp => {
            let socket = make()?;
            sockopt::set_socket_reuseaddr(&socket, true)?;
            bind(&socket, &address)?;
            Ok(socket)
        }
        Err(errno) => Err(errno.into()),
    }
}

fn port_of(socket: &OwnedFd) -> io::Result<u16> {
    let address: SocketAddr = getsockname(socket)?
        .try_into()
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok(address.port())
}

/// Holds the ports of a container that somebody has redirected already, as far as that
/// is possible: after the end of the shim that held them.
impl Networks {
    /// As good as it goes: what somebody has taken meanwhile stays theirs.
    pub fn hold_again(&self, container: &ContainerId) -> Option<Reservation> {
        let openings = self.openings().ok()?;
        let mut seen = HashSet::new();
        let sockets: Vec<_> = openings
            .iter()
            .filter(|(opening, owner)| owner == container && seen.insert(opening.words()))
            .filter_map(|(opening, _)| hold(opening).ok())
            .collect();
        Reservation::of(&sockets).ok()?
    }
}
