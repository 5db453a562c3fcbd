//! What can go wrong with networks.

use std::{io, net::IpAddr, path::PathBuf};

use rustix::io::Errno;

use crate::sys::netlink;

/// Why something about networks could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing has that id, prefix or name.
    #[error("no such network: {0}")]
    NotFound(String),
    /// A prefix of several ids.
    #[error("several networks have ids that begin with {0}")]
    Ambiguous(String),
    /// Another network has the name.
    #[error("there is a network {0} already")]
    NameTaken(String),
    /// It can't be removed.
    #[error("{0} is always there")]
    BuiltIn(String),
    /// Running containers are on it.
    #[error("{} on it", on_it(.0))]
    InUse(Vec<String>),
    /// What was asked makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// This kernel can't do that.
    #[error("{0}")]
    Unsupported(String),
    /// This host lacks something that every network but `none` and `host` needs.
    #[error("this host can't give containers networks of their own")]
    Incapable(#[source] Box<Self>),
    /// Another has the address.
    #[error("the address {ip} is in use by {holder}")]
    AddressTaken {
        /// Which.
        ip: IpAddr,
        /// Who has it.
        holder: String,
    },
    /// Every address is given.
    #[error("the network {0} has no address left")]
    NoAddress(String),
    /// No range of the pools is free.
    #[error("no range of addresses is free: {0}")]
    NoSubnet(String),
    /// Another has the port.
    #[error("the port {port} is in use by {holder}")]
    PortTaken {
        /// Which, with the host's address.
        port: String,
        /// Who has it.
        holder: String,
    },
    /// The kernel refused.
    #[error(transparent)]
    Kernel(#[from] netlink::Error),
    /// A file or a socket.
    #[error("{operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("parse {}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

impl Error {
    /// The same, told as what it means where the kernel or the rights of this process lack
    /// what networks are made with: bridges, pairs of interfaces, nf_tables.
    pub(super) fn of_capability(self) -> Self {
        let source = match &self {
            Self::Kernel(error) => &error.source,
            Self::Io { source, .. } => source,
            _ => return self,
        };
        let lacks = matches!(
            Errno::from_io_error(source),
            Some(
                Errno::PERM
                    | Errno::ACCESS
                    | Errno::ROFS
                    | Errno::NOSYS
                    | Errno::OPNOTSUPP
                    | Errno::PROTONOSUPPORT
                    | Errno::AFNOSUPPORT
            )
        );
        match lacks {
            true => Self::Incapable(Box::new(self)),
            false => self,
        }
    }
}

fn on_it(names: &[String]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

/// Result of an operation on networks.
pub type Result<T> = std::result::Result<T, Error>;

/// Adds what was tried and on what to an I/O error.
pub(super) fn at(
    operation: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io {
        operation,
        path: path.into(),
        source,
    }
}
