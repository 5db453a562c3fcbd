//! A blocking netlink socket: requests go out together in one `send`, and the kernel has
//! answered all of them by the time it returns.
//!
//! ```text
//! counters what passed each link
//! route    links, addresses and routes (NETLINK_ROUTE)
//! shape    how fast a link may send
//! ```
//!
//! Blocking on purpose: rtnetlink answers within the system call, so that an asynchronous
//! client would only add a loop around it. [`super::nft`] uses the same socket for rules.

mod counters;
mod route;
mod shape;

use std::{fmt, io};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, bind, netlink,
        recv, send, socket_with,
    },
};

pub use counters::Counters;
pub use route::{Address, Link, NewBridge, NewVeth, Requests, Route};

/// Room for one datagram of a dump; the kernel fills 32 KiB at most.
const DATAGRAM_BYTES: usize = 64 * 1024;
const HEADER_BYTES: usize = 16;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `NLM_F_DUMP_INTR`: what was listed changed meanwhile.
const INTERRUPTED: u16 = 16;

/// What the kernel refused.
#[derive(Debug)]
pub struct Error {
    /// What was asked, on what.
    pub operation: String,
    /// Why it failed.
    pub source: io::Error,
}

impl Error {
    pub(super) fn new(operation: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self {
            operation: operation.into(),
            source: source.into(),
        }
    }

    /// Whether it is this error of the kernel's.
    pub fn is(&self, errno: Errno) -> bool {
        self.source.raw_os_error() == Some(errno.raw_os_error())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operation)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Result of a request.
pub type Result<T> = std::result::Result<T, Error>;

/// A socket of one netlink protocol, in the network namespace of the thread that opened
/// it, whichever namespace it is used from.
#[derive(Debug)]
pub struct Socket {
    fd: std::os::fd::OwnedFd,
}

/// One answer: a message of the kernel's, without its header.
pub(super) struct Answer {
    /// Its type.
    pub kind: u16,
    /// The request's number.
    pub sequence: u32,
    /// What follows the header.
    pub payload: Vec<u8>,
}

impl Answer {
    /// The error that it carries: `Some(Ok)` is an acknowledgement.
    pub fn outcome(&self) -> Option<io::Result<()>> {
        if self.kind != ERROR {
            return None;
        }
        let code = self.payload.get(..4).map_or(-libc::EPROTO, |bytes| {
            i32::from_ne_bytes(bytes.try_into().expect("four bytes"))
        });
        Some(match code {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(-code)),
        })
    }
}

impl Socket {
    /// A socket for links, addresses and routes.
    pub fn route() -> Result<Self> {
        // NETLINK_ROUTE is number 0, the protocol of who names none.
        Self::open(None, "open a netlink socket")
    }

    pub(super) fn open(protocol: Option<Protocol>, operation: &str) -> Result<Self> {
        let open = || {
            let fd = socket_with(
                AddressFamily::NETLINK,
                SocketType::RAW,
                SocketFlags::CLOEXEC,
                protocol,
            )?;
            bind(&fd, &netlink::SocketAddrNetlink::new(0, 0))?;
            Ok(fd)
        };
        open()
            .map(|fd| Self { fd })
            .map_err(|errno: Errno| Error::new(operation, errno))
    }

    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        loop {
            match send(&self.fd, bytes, SendFlags::empty()) {
                Err(Errno::INTR) => {}
                Ok(sent) if sent == bytes.len() => return Ok(()),
                Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Reads answers until `each` says that there was the last one.
    pub(super) fn receive(&self, mut each: impl FnMut(Answer) -> bool) -> io::Result<()> {
        let mut buffer = vec![0; DATAGRAM_BYTES];
        loop {
            let length = match recv(&self.fd, &mut buffer[..], RecvFlags::empty()) {
                Err(Errno::INTR) => continue,
                result => result?.0,
            };
            let mut rest = &buffer[..length];
            while rest.len() >= HEADER_BYTES {
                let word = |at: usize| {
                    u32::from_ne_bytes(rest[at..at + 4].try_into().expect("four bytes"))
                };
                let half =
                    |at: usize| u16::from_ne_bytes(rest[at..at + 2].try_into().expect("two bytes"));
                let length = word(0) as usize;
                if length < HEADER_BYTES || length > rest.len() {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                if half(6) & INTERRUPTED != 0 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                let answer = Answer {
                    kind: half(4),
                    sequence: word(8),
                    payload: rest[HEADER_BYTES..length].to_vec(),
                };
                if each(answer) {
                    return Ok(());
                }
                rest = &rest[length.next_multiple_of(4).min(rest.len())..];
            }
        }
    }
}
