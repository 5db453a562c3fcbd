//! How `wharf serve` listens, and to whom it answers.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    str::FromStr,
};

use crate::model::{Pool, RegistrySettings};

/// Where the API's socket is when nothing is said.
pub const DEFAULT_SOCKET: &str = "/run/wharf/docker.sock";

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A unix socket at this path.
    Unix(PathBuf),
    /// These addresses of this host.
    Tcp(Vec<SocketAddr>),
    /// The sockets that systemd opened for us.
    Inherited,
}

impl FromStr for Listen {
    type Err = String;

    /// `unix:///path`, `tcp://host:port`, or `fd://`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is none of unix:///PATH, tcp://HOST:PORT and fd://");
        match text.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(("tcp", address)) => {
                let address = address.trim_end_matches('/');
                let found = address
                    .to_socket_addrs()
                    .map_err(|error| format!("{text}: {error}: HOST:PORT is needed"))?;
                Ok(Self::Tcp(found.collect()))
            }
            Some(("fd", "")) => Ok(Self::Inherited),
            _ => Err(wrong()),
        }
    }
}

/// The certificates of a TCP listener: both sides show one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Whose certificates are let in (PEM).
    pub authority: PathBuf,
    /// Our own (PEM).
    pub certificate: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
}

/// All that a server is told.
#[derive(Clone, Debug, Default)]
pub struct Serve {
    /// Where the engine keeps its data.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: Vec<Listen>,
    /// The group that a unix socket belongs to.
    pub group: Option<String>,
    /// Who may open a unix socket, as chmod(1) has it in octal.
    pub mode: u32,
    /// Certificates of TCP listeners.
    pub tls: Option<TlsFiles>,
    /// Make certificates there for these names, and serve nothing.
    pub tls_init: Option<(PathBuf, Vec<String>)>,
    /// Whether a TCP listener on loopback may go without.
    pub insecure_tcp: bool,
    /// Whether nothing is answered that changes anything.
    pub read_only: bool,
    /// Connections that one client may have at a time.
    pub connections: usize,
    /// Where requests that change something are written down.
    pub audit: Option<PathBuf>,
    /// How registries are reached.
    pub registries: RegistrySettings,
    /// Where the ranges of new networks come from.
    pub pools: Vec<Pool>,
    /// The registry beside the API, if there is one.
    pub hub: Option<super::Hub>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_unix_tcp_or_inherited() {
        let parse = |text: &str| text.parse::<Listen>();
        assert_eq!(
            parse("unix:///run/x.sock"),
            Ok(Listen::Unix("/run/x.sock".into()))
        );
        assert_eq!(
            parse("tcp://127.0.0.1:2376"),
            Ok(Listen::Tcp(vec!["127.0.0.1:2376".parse().unwrap()]))
        );
        assert_eq!(parse("fd://"), Ok(Listen::Inherited));
        for wrong in ["", "/run/x", "unix://x", "tcp://", "tcp://x", "http://a:1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
