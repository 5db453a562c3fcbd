//! The resolver inside a container: it knows the names of those on the same networks, and
//! asks the host's resolvers for all others.
//!
//! It listens on a socket in the container's namespace and asks from ours, in the one
//! thread of a shim: nothing here waits. All its sockets hang on one epoll, so that the
//! shim has one descriptor to poll. What a container can make it keep is bounded: so many
//! questions under way, so many connections, and the oldest goes first.
//!
//! A question that nobody answers costs nothing but its place: the client asks again, and
//! its second question goes to the next of the host's resolvers.

mod answer;
mod connection;

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use self::{
    answer::{Names, Verdict, decide, failure},
    connection::Connection,
};
use super::{Networks, dial::datagrams};
use crate::{
    model::{ContainerId, NetworkId},
    sys::netns,
};

/// Where it listens, as docker's users know it.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
const PORT: u16 = 53;
/// Questions under way.
const MOST_ASKED: usize = 128;
/// Connections.
const MOST_CONNECTIONS: usize = 16;
/// How long either may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Largest datagram that is passed on.
const DATAGRAM_BYTES: usize = 4096;
/// Events that are taken at once.
const EVENTS: usize = 32;
const UDP: u64 = 0;
const TCP: u64 = 1;
/// Tokens from here on are of questions and connections.
const FIRST: u64 = 2;

/// A question that somebody else was asked.
#[derive(Debug)]
struct Asked {
    token: u64,
    client: SocketAddr,
    query: Vec<u8>,
    /// How many of the host's resolvers it was sent to.
    tries: usize,
    socket: UdpSocket,
    since: Instant,
}

/// The resolver of one container.
#[derive(Debug)]
pub struct Resolver {
    epoll: Epoll,
    udp: UdpSocket,
    tcp: TcpListener,
    networks: Networks,
    container: ContainerId,
    servers: Vec<SocketAddr>,
    asked: VecDeque<Asked>,
    connections: VecDeque<Connection>,
    next: u64,
}

impl Resolver {
    /// Listens in a container's namespace. Only a single-threaded process may call this:
    /// it goes there and comes back.
    pub fn open(
        networks: Networks,
        container: ContainerId,
        namespace: BorrowedFd<'_>,
        servers: &[IpAddr],
    ) -> io::Result<Self> {
        let (udp, tcp) = netns::visit(namespace, || -> io::Result<_> {
            let address = (ADDRESS, PORT);
            Ok((UdpSocket::bind(address)?, TcpListener::bind(address)?))
        })??;
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&udp, EpollEvent::new(EpollFlags::EPOLLIN, UDP))?;
        epoll.add(&tcp, EpollEvent::new(EpollFlags::EPOLLIN, TCP))?;
        Ok(Self {
            epoll,
            udp,
            tcp,
            networks,
            container,
            servers: servers
                .iter()
                .map(|ip| SocketAddr::new(*ip, PORT))
                .collect(),
            asked: VecDeque::new(),
            connections: VecDeque::new(),
            next: FIRST,
        })
    }

    /// What to poll: readable when there is something to do.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }

    /// Does what there is to do. Nothing that a container or a resolver of the host does
    /// is an error here; it costs one question at most.
    pub fn serve(&mut self) {
        let mut events = [EpollEvent::empty(); EVENTS];
        let Ok(count) = self.epoll.wait(&mut events, EpollTimeout::ZERO) else {
            return;
        };
        for event in &events[..count] {
            match event.data() {
                UDP => self.hear(),
                TCP => self.accept(),
                token => self.go_on(token, event.events()),
            }
        }
        let now = Instant::now();
        self.asked.retain(|asked| now - asked.since < PATIENCE);
        self.connections
            .retain(|connection| !connection.is_over() && now - connection.since() < PATIENCE);
    }

    fn known(&self) -> Known<'_> {
        // The networks that it is on now; none if that can't be read.
        let connectivity = self.networks.connectivity(&self.container);
        let endpoints = connectivity.unwrap_or_default().endpoints;
        Known {
            networks: &self.networks,
            // Who has no way out for packets has none for questions.
            may_ask: endpoints
                .iter()
                .any(|one| one.gateway.is_some() || one.gateway6.is_some()),
            on: endpoints.into_iter().map(|one| one.network).collect(),
        }
    }

    fn hear(&mut self) {
        let mut buffer = [0; DATAGRAM_BYTES];
        // As many as came by now, so that one client can't keep the shim here.
        for _ in 0..EVENTS {
            let Ok((length, client)) = self.udp.recv_from(&mut buffer) else {
                return;
            };
            let query = &buffer[..length];
            let known = self.known();
            match decide(query, &known) {
                Verdict::Answer(reply) => self.reply(&reply, client),
                Verdict::Forward if known.may_ask => self.forward(query.to_vec(), client),
                Verdict::Forward => self.fail(query, client),
                Verdict::Ignore => {}
            }
        }
    }

    fn reply(&self, reply: &[u8], client: SocketAddr) {
        // A client that is gone needs none.
        let _ = self.udp.send_to(reply, client);
    }

    fn fail(&self, query: &[u8], client: SocketAddr) {
        if let Some(reply) = failure(query) {
            self.reply(&reply, client);
        }
    }

    fn forward(&mut self, query: Vec<u8>, client: SocketAddr) {
        let before = self
            .asked
            .iter()
            .position(|asked| asked.client == client && asked.query == query);
        let tries = before
            .and_then(|at| self.asked.remove(at))
            .map_or(0, |asked| asked.tries);
        self.ask(query, client, tries);
    }

    /// Asks the next of the host's resolvers that can be reached at all.
    fn ask(&mut self, query: Vec<u8>, client: SocketAddr, tries: usize) {
        for tries in tries..tries + self.servers.len() {
            let server = self.servers[tries % self.servers.len()];
            let Ok(socket) = send(&query, server) else {
                continue;
            };
            let token = self.token();
            let event = EpollEvent::new(EpollFlags::EPOLLIN, token);
            if self.epoll.add(&socket, event).is_err() {
                continue;
            }
            if self.asked.len() >= MOST_ASKED {
                self.asked.pop_front();
            }
            self.asked.push_back(Asked {
                token,
                client,
                query,
                tries: tries + 1,
                socket,
                since: Instant::now(),
            });
            return;
        }
        self.fail(&query, client);
    }

    fn token(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn go_on(&mut self, token: u64, flags: EpollFlags) {
        if let Some(at) = self.asked.iter().position(|asked| asked.token == token) {
            return self.take_answer(at);
        }
        let found = self.connections.iter().position(|one| one.has(token));
        let Some(at) = found else {
            return;
        };
        let Some(mut connection) = self.connections.remove(at) else {
            return;
        };
        let known = self.known();
        let server = self.servers.first().copied().filter(|_| known.may_ask);
        connection.go_on(token, flags, &known, server, &self.epoll);
        self.connections.push_back(connection);
    }

    fn take_answer(&mut self, at: usize) {
        let mut buffer = [0; DATAGRAM_BYTES];
        let asked = &self.asked[at];
        match asked.socket.recv(&mut buffer) {
            // Its number is the first two bytes; from another than was asked nothing
            // comes through a connected socket.
            Ok(length) if length > 2 && buffer[..2] == asked.query[..2] => {
                self.reply(&buffer[..length], asked.client);
                self.asked.remove(at);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Nobody is there.
            Err(_) => {
                let Some(asked) = self.asked.remove(at) else {
                    return;
                };
                match asked.tries < self.servers.len() {
                    true => self.ask(asked.query, asked.client, asked.tries),
                    false => self.fail(&asked.query, asked.client),
                }
            }
        }
    }

    fn accept(&mut self) {
        for _ in 0..MOST_CONNECTIONS {
            let Ok((stream, _)) = self.tcp.accept() else {
                return;
            };
            let tokens = (self.token(), self.token());
            let Ok(connection) = Connection::new(stream, tokens, &self.epoll) else {
                continue;
            };
            if self.connections.len() >= MOST_CONNECTIONS {
                self.connections.pop_front();
            }
            self.connections.push_back(connection);
        }
    }
}

fn send(query: &[u8], server: SocketAddr) -> io::Result<UdpSocket> {
    let socket = datagrams(server)?;
    socket.send(query)?;
    Ok(socket)
}

/// Names on the networks that a container is on.
struct Known<'a> {
    networks: &'a Networks,
    on: Vec<NetworkId>,
    may_ask: bool,
}

impl Names for Known<'_> {
    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let found = self.on.iter().map(|on| self.networks.addresses(on, name));
        found.flatten().collect()
    }

    fn name(&self, ip: IpAddr) -> Option<String> {
        self.on.iter().find_map(|on| self.networks.reverse(on, ip))
    }
}
