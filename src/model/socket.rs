//! What a container has open on its networks.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Port, PublishedPort, Traffic, Transport};

/// The interfaces and sockets of a container's network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sockets {
    /// Each interface with what passed it, in the order of their names.
    pub interfaces: Vec<(String, Traffic)>,
    /// Sockets that wait for others first, then those that are connected.
    pub sockets: Vec<Socket>,
}

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// Its protocol.
    pub transport: Transport,
    /// Its own address.
    pub local: SocketAddr,
    /// Whom it is connected to; nobody if it waits for others.
    pub peer: Option<SocketAddr>,
    /// How far its connection is, as ss(8) names it; empty where there is none.
    pub state: String,
    /// The process that has it and its name, where that can be known.
    pub process: Option<(i32, String)>,
}

impl Sockets {
    /// Who waits behind a published port: the socket that would be given what comes.
    pub fn behind(&self, published: &PublishedPort) -> Option<&Socket> {
        let Port { number, transport } = published.container;
        self.sockets.iter().find(|socket| {
            let local = socket.local;
            // One of IPv6 with no address takes what comes by IPv4 too.
            let is_family = local.is_ipv4() == published.ip.is_ipv4()
                || (local.is_ipv6() && local.ip().is_unspecified());
            socket.peer.is_none()
                && socket.transport == transport
                && local.port() == number
                && is_family
                && !local.ip().is_loopback()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_answered_by_who_listens_on_it_and_not_on_loopback_only() {
        let listening = |local: &str| Sockets {
            sockets: vec![Socket {
                transport: Transport::Tcp,
                local: local.parse().unwrap(),
                peer: None,
                state: "listen".into(),
                process: None,
            }],
            ..Sockets::default()
        };
        let published = |ip: &str| PublishedPort {
            ip: ip.parse().unwrap(),
            host: 8080,
            container: Port {
                number: 80,
                transport: Transport::Tcp,
            },
        };
        for (local, ip, is_answered) in [
            ("0.0.0.0:80", "0.0.0.0", true),
            ("172.17.0.2:80", "127.0.0.1", true),
            ("[::]:80", "0.0.0.0", true),
            ("[::]:80", "::", true),
            ("0.0.0.0:80", "::", false),
            ("127.0.0.1:80", "0.0.0.0", false),
            ("0.0.0.0:81", "0.0.0.0", false),
        ] {
            let behind = listening(local);
            let found = behind.behind(&published(ip)).is_some();
            assert_eq!(found, is_answered, "{local} for {ip}");
        }
    }
}
