//! Open ports by `::1`: the kernel takes no answer to it from another interface
//! (`rt6_need_strict` in net/ipv6/route.c), so that nothing sent there can be redirected
//! as all else is. What comes is passed on here, byte by byte.
//!
//! The sockets are those that [hold](super::reserve) the host's ports: only what is not
//! redirected reaches them. As in the [resolver](super::resolver), nothing here waits, all
//! hangs on one epoll in the one thread of a shim, and what clients can make it keep is
//! bounded.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rustix::net::{SocketType, listen, sockopt};

use super::{
    Networks,
    dial::{datagrams, dial},
};
use crate::model::{ContainerId, Transport};

/// Connections, and clients by UDP, at a time; who has been silent longest goes first.
const MOST_CLIENTS: usize = 256;
/// How long a client by UDP is remembered; connections stay.
const PATIENCE: Duration = Duration::from_secs(60);
const PIECE_BYTES: usize = 64 * 1024;
const DATAGRAM_BYTES: usize = 65_536;
/// Connections that may wait to be taken.
const BACKLOG: i32 = 128;
/// Events, clients, datagrams or pieces that are taken at once, so that none can keep the
/// shim here.
const AT_ONCE: usize = 32;
/// Tokens below are places in `doors`; a client has two from here on.
const FIRST: u64 = 1 << 32;

/// Serves the open ports of one container by `::1`.
#[derive(Debug)]
pub struct Loopback {
    epoll: Epoll,
    networks: Networks,
    container: ContainerId,
    doors: Vec<Door>,
    streams: VecDeque<Stream>,
    senders: VecDeque<Sender>,
    next: u64,
}

#[derive(Debug)]
struct Door {
    port: u16,
    socket: Listening,
}

#[derive(Debug)]
enum Listening {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

/// A connection of ours beside a client's.
#[derive(Debug)]
struct Stream {
    token: u64,
    near: TcpStream,
    far: TcpStream,
    there: Flow,
    back: Flow,
    /// Whether the near and the far socket have nothing more to tell.
    is_quiet: [bool; 2],
}

/// One way of a stream.
#[derive(Debug, Default)]
struct Flow {
    piece: Vec<u8>,
    sent: usize,
    has_ended: bool,
    is_shut: bool,
}

/// A client by UDP, with a socket of ours that its answers come to.
#[derive(Debug)]
struct Sender {
    token: u64,
    door: usize,
    client: SocketAddr,
    socket: UdpSocket,
    since: Instant,
}

impl Loopback {
    /// Listens on those of the held sockets that `::1` leads to. None if there are none.
    ///
    /// # Errors
    /// When this process may have no more descriptors.
    pub fn open(
        networks: Networks,
        container: ContainerId,
        held: impl IntoIterator<Item = OwnedFd>,
    ) -> io::Result<Option<Self>> {
        let doors: Vec<Door> = held.into_iter().filter_map(door).collect();
        if doors.is_empty() {
            return Ok(None);
        }
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (at, door) in doors.iter().enumerate() {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, at as u64);
            match &door.socket {
                Listening::Tcp(socket) => epoll.add(socket, event)?,
                Listening::Udp(socket) => epoll.add(socket, event)?,
            }
        }
        Ok(Some(Self {
            epoll,
            networks,
            container,
            doors,
            streams: VecDeque::new(),
            senders: VecDeque::new(),
            next: FIRST,
        }))
    }

    /// What to poll: readable when there is something to do.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }

    /// Does what there is to do. Nothing that a client or the container does is an error
    /// here; it costs one client at most.
    pub fn serve(&mut self) {
        let mut events = [EpollEvent::empty(); AT_ONCE];
        let Ok(count) = self.epoll.wait(&mut events, EpollTimeout::ZERO) else {
            return;
        };
        for event in &events[..count] {
            let token = event.data();
            match usize::try_from(token)
                .ok()
                .filter(|at| *at < self.doors.len())
            {
                Some(door) => self.open_door(door),
                None => self.go_on(token, event.events()),
            }
        }
        let now = Instant::now();
        self.senders.retain(|sender| now - sender.since < PATIENCE);
    }

    fn open_door(&mut self, at: usize) {
        let mut left = 0..AT_ONCE;
        match &self.doors[at].socket {
            Listening::Tcp(_) => while left.next().is_some() && self.accept(at).is_some() {},
            Listening::Udp(_) => {
                let mut buffer = [0; DATAGRAM_BYTES];
                while left.next().is_some() && self.hear(at, &mut buffer).is_some() {}
            }
        }
    }

    /// Takes one client. None if there is none.
    fn accept(&mut self, at: usize) -> Option<()> {
        let Door { port, socket } = &self.doors[at];
        let Listening::Tcp(socket) = socket else {
            return None;
        };
        let (near, _) = socket.accept().ok()?;
        // Without a way to the container it is hung up on.
        let Some(far) = self
            .target(Transport::Tcp, *port)
            .and_then(|target| dial(target).ok())
        else {
            return Some(());
        };
        let token = self.token();
        let hung = near.set_nonblocking(true).is_ok()
            && self.hang(&near, EpollFlags::EPOLLIN, token)
            && self.hang(&far, EpollFlags::EPOLLIN, token | 1);
        if hung {
            if self.streams.len() >= MOST_CLIENTS {
                self.streams.pop_front();
            }
            self.streams.push_back(Stream {
                token,
                near,
                far,
                there: Flow::default(),
                back: Flow::default(),
                is_quiet: [false; 2],
            });
        }
        Some(())
    }

    /// Passes one datagram on. None if there is none.
    fn hear(&mut self, at: usize, buffer: &mut [u8]) -> Option<()> {
        let Door { port, socket } = &self.doors[at];
        let Listening::Udp(socket) = socket else {
            return None;
        };
        let (length, client) = socket.recv_from(buffer).ok()?;
        let known = self
            .senders
            .iter()
            .position(|sender| sender.door == at && sender.client == client);
        let sender = match known.and_then(|at| self.senders.remove(at)) {
            Some(sender) => Some(sender),
            None => {
                let port = *port;
                self.target(Transport::Udp, port)
                    .and_then(|target| self.sender(at, client, target))
            }
        };
        if let Some(mut sender) = sender {
            sender.since = Instant::now();
            // What a container doesn't take is lost, as datagrams are.
            let _ = sender.socket.send(&buffer[..length]);
            if self.senders.len() >= MOST_CLIENTS {
                self.senders.pop_front();
            }
            self.senders.push_back(sender);
        }
        Some(())
    }

    fn sender(&mut self, door: usize, client: SocketAddr, target: SocketAddr) -> Option<Sender> {
        let socket = datagrams(target).ok()?;
        let token = self.token();
        let hung = self.hang(&socket, EpollFlags::EPOLLIN, token);
        hung.then(|| Sender {
            token,
            door,
            client,
            socket,
            since: Instant::now(),
        })
    }

    /// Where a port of the host leads now.
    fn target(&self, transport: Transport, port: u16) -> Option<SocketAddr> {
        let openings = self.networks.openings().ok()?;
        let (opening, _) = openings.into_iter().find(|(opening, owner)| {
            opening.transport == transport
                && opening.host == port
                && is_reached_by_loopback(opening.host_ip)
                && *owner == self.container
        })?;
        Some(SocketAddr::new(opening.ip, opening.port))
    }

    fn token(&mut self) -> u64 {
        self.next += 2;
        self.next
    }

    fn hang(&self, socket: impl AsFd, flags: EpollFlags, token: u64) -> bool {
        self.epoll
            .add(socket, EpollEvent::new(flags, token))
            .is_ok()
    }

    fn go_on(&mut self, token: u64, flags: EpollFlags) {
        let is_far = token & 1 == 1;
        let token = token & !1;
        if let Some(sender) = self.senders.iter_mut().find(|one| one.token == token) {
            let Listening::Udp(door) = &self.doors[sender.door].socket else {
                return;
            };
            return sender.answer(door);
        }
        let found = self.streams.iter().position(|one| one.token == token);
        let Some(mut stream) = found.and_then(|at| self.streams.remove(at)) else {
            return;
        };
        if stream.pass(&self.epoll) && stream.bears(is_far, flags, &self.epoll) {
            self.streams.push_back(stream);
        }
    }
}

impl Sender {
    fn answer(&mut self, door: &UdpSocket) {
        let mut buffer = [0; DATAGRAM_BYTES];
        for _ in 0..AT_ONCE {
            // An error may be of an earlier datagram that nobody took: the next is another.
            let Ok(length) = self.socket.recv(&mut buffer) else {
                return;
            };
            self.since = Instant::now();
            // As above.
            let _ = door.send_to(&buffer[..length], self.client);
        }
    }
}

impl Stream {
    /// Passes on what can be. False if it is over.
    fn pass(&mut self, epoll: &Epoll) -> bool {
        let both = self.there.pass(&mut self.near, &mut self.far).is_ok()
            && self.back.pass(&mut self.far, &mut self.near).is_ok();
        if !both || (self.there.is_shut && self.back.is_shut) {
            return false;
        }
        let ask = |socket: &TcpStream, from: &Flow, to: &Flow, token| {
            let mut flags = EpollFlags::empty();
            flags.set(EpollFlags::EPOLLIN, from.wants_more());
            flags.set(EpollFlags::EPOLLOUT, !to.piece.is_empty());
            epoll
                .modify(socket, &mut EpollEvent::new(flags, token))
                .is_ok()
        };
        let [near, far] = self.is_quiet;
        (near || ask(&self.near, &self.there, &self.back, self.token))
            && (far || ask(&self.far, &self.back, &self.there, self.token | 1))
    }

    /// What epoll tells unasked, and again and again (epoll_ctl(2)): a socket that failed
    /// ends both, and one that is closed on both ways is heard no more, while what came
    /// from it still goes on. False if it is over.
    fn bears(&mut self, is_far: bool, flags: EpollFlags, epoll: &Epoll) -> bool {
        if flags.contains(EpollFlags::EPOLLERR) {
            return false;
        }
        let (socket, from) = match is_far {
            true => (&self.far, &self.back),
            false => (&self.near, &self.there),
        };
        if flags.contains(EpollFlags::EPOLLHUP) && from.has_ended {
            self.is_quiet[usize::from(is_far)] = true;
            return epoll.delete(socket).is_ok();
        }
        true
    }
}

impl Flow {
    fn wants_more(&self) -> bool {
        self.piece.is_empty() && !self.has_ended
    }

    fn pass(&mut self, from: &mut TcpStream, to: &mut TcpStream) -> io::Result<()> {
        for _ in 0..AT_ONCE {
            if self.wants_more() {
                self.piece.resize(PIECE_BYTES, 0);
                let read = from.read(&mut self.piece);
                self.piece.truncate(*read.as_ref().unwrap_or(&0));
                self.sent = 0;
                match read {
                    Ok(length) => self.has_ended = length == 0,
                    Err(error) => return later(error),
                }
            }
            while self.sent < self.piece.len() {
                match to.write(&self.piece[self.sent..]) {
                    Ok(length) => self.sent += length,
                    Err(error) => return later(error),
                }
            }
            self.piece.clear();
            if self.has_ended {
                if !self.is_shut {
                    to.shutdown(Shutdown::Write)?;
                    self.is_shut = true;
                }
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Whether an error only says that it can't be now.
fn later(error: io::Error) -> io::Result<()> {
    match error.kind() {
        // A connection that is still being made.
        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected | io::ErrorKind::Interrupted => {
            Ok(())
        }
        _ => Err(error),
    }
}

/// Whether what is open at this address of the host is open at `::1`.
fn is_reached_by_loopback(host: IpAddr) -> bool {
    host == IpAddr::from(Ipv6Addr::UNSPECIFIED) || host == IpAddr::from(Ipv6Addr::LOCALHOST)
}

/// A held socket that is made to listen; none if `::1` doesn't lead there.
fn door(socket: OwnedFd) -> Option<Door> {
    let address = rustix::net::getsockname(&socket).ok()?;
    let address = SocketAddr::try_from(address).ok()?;
    if !is_reached_by_loopback(address.ip()) {
        return None;
    }
    let is_sctp = sockopt::socket_protocol(&socket).ok()? == Some(rustix::net::ipproto::SCTP);
    let socket = match sockopt::socket_type(&socket).ok()? {
        _ if is_sctp => return None,
        SocketType::STREAM => {
            listen(&socket, BACKLOG).ok()?;
            let socket = TcpListener::from(socket);
            socket.set_nonblocking(true).ok()?;
            Listening::Tcp(socket)
        }
        SocketType::DGRAM => {
            let socket = UdpSocket::from(socket);
            socket.set_nonblocking(true).ok()?;
            Listening::Udp(socket)
        }
        _ => return None,
    };
    Some(Door {
        port: address.port(),
        socket,
    })
}
