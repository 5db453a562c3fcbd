//! Questions that come over TCP: each is two bytes of length and a message. Those that
//! others must answer go on over a connection of our own, whose bytes come back as they
//! are.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Instant,
};

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

use super::{
    super::dial::dial,
    answer::{Names, Verdict, decide, failure},
};

/// Most bytes that wait for either side; who is further behind is dropped.
const MOST_BYTES: usize = 256 * 1024;

/// One client.
#[derive(Debug)]
pub(super) struct Connection {
    client: Side,
    server: Option<Side>,
    server_token: u64,
    is_over: bool,
    since: Instant,
}

/// One of the two, with what is on its way.
#[derive(Debug)]
struct Side {
    token: u64,
    stream: TcpStream,
    read: Vec<u8>,
    unsent: Vec<u8>,
}

impl Side {
    fn new(token: u64, stream: TcpStream, epoll: &Epoll) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, token))?;
        Ok(Self {
            token,
            stream,
            read: Vec::new(),
            unsent: Vec::new(),
        })
    }

    /// Reads what there is. False at its end.
    fn receive(&mut self) -> bool {
        let mut chunk = [0; 4096];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return false,
                Ok(length) => self.read.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
            if self.read.len() > MOST_BYTES {
                return false;
            }
        }
    }

    /// Sends what it takes, and asks to be told when it takes more. False if it is gone.
    fn flush(&mut self, epoll: &Epoll) -> bool {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return false,
                Ok(length) => drop(self.unsent.drain(..length)),
                Err(error)
                    if matches!(
                        error.kind(),
                        // Before a connection is made it is not there yet.
                        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected
                    ) =>
                {
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        let mut flags = EpollFlags::EPOLLIN;
        if !self.unsent.is_empty() {
            flags |= EpollFlags::EPOLLOUT;
        }
        let mut event = EpollEvent::new(flags, self.token);
        epoll.modify(&self.stream, &mut event).is_ok() && self.unsent.len() <= MOST_BYTES
    }
}

impl Connection {
    /// A client that has just come; the tokens are its own and its server's.
    pub fn new(stream: TcpStream, tokens: (u64, u64), epoll: &Epoll) -> io::Result<Self> {
        Ok(Self {
            client: Side::new(tokens.0, stream, epoll)?,
            server: None,
            server_token: tokens.1,
            is_over: false,
            since: Instant::now(),
        })
    }

    pub fn has(&self, token: u64) -> bool {
        self.client.token == token || self.server_token == token
    }

    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// When anything last came.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Does what has become possible.
    pub fn go_on(
        &mut self,
        token: u64,
        flags: EpollFlags,
        names: &impl Names,
        server: Option<SocketAddr>,
        epoll: &Epoll,
    ) {
        let can_read =
            flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR);
        let mut goes_on = true;
        if can_read && token == self.client.token {
            goes_on &= self.client.receive();
            self.take_questions(names, server, epoll);
        } else if can_read && let Some(side) = &mut self.server {
            goes_on &= side.receive();
            self.client.unsent.append(&mut side.read);
        }
        if can_read {
            self.since = Instant::now();
        }
        goes_on &= self.client.flush(epoll);
        if let Some(side) = &mut self.server {
            goes_on &= side.flush(epoll);
        }
        self.is_over |= !goes_on;
    }

    fn take_questions(&mut self, names: &impl Names, server: Option<SocketAddr>, epoll: &Epoll) {
        while let Some(length) = self.client.read.first_chunk::<2>() {
            let length = 2 + usize::from(u16::from_be_bytes(*length));
            if self.client.read.len() < length {
                return;
            }
            let framed: Vec<u8> = self.client.read.drain(..length).collect();
            match decide(&framed[2..], names) {
                Verdict::Answer(reply) => self.reply(&reply),
                Verdict::Ignore => {}
                Verdict::Forward => {
                    if self.server.is_none() {
                        let made = server.and_then(|server| dial(server).ok());
                        self.server = made
                            .and_then(|stream| Side::new(self.server_token, stream, epoll).ok());
                    }
                    match &mut self.server {
                        Some(side) => side.unsent.extend_from_slice(&framed),
                        None => {
                            let reply = failure(&framed[2..]).unwrap_or_default();
                            self.reply(&reply);
                        }
                    }
                }
            }
        }
    }

    fn reply(&mut self, reply: &[u8]) {
        let Ok(length) = u16::try_from(reply.len()) else {
            return;
        };
        self.client.unsent.extend_from_slice(&length.to_be_bytes());
        self.client.unsent.extend_from_slice(reply);
    }
}
