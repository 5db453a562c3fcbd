//! What the fake's containers have open: the same in each, but for who is none.

use crate::model::{Container, Socket, Sockets, Traffic, Transport};

/// Those of a container.
pub fn of(container: &Container) -> Sockets {
    let Some(pid) = container.pid else {
        return Sockets::default();
    };
    let name = container.argv.first().cloned().unwrap_or_default();
    let socket = |transport, local: &str, peer: Option<&str>, state: &str| Socket {
        transport,
        local: local.parse().expect("it is an address"),
        peer: peer.map(|peer| peer.parse().expect("it is an address")),
        state: state.into(),
        process: (state != "time-wait").then(|| (pid, name.clone())),
    };
    let traffic = Traffic {
        in_bytes: 94_211_873,
        out_bytes: 611_204_998,
        in_packets: 120_442,
        out_packets: 504_118,
        out_drops: 12,
        ..Traffic::default()
    };
    Sockets {
        interfaces: vec![("eth0".into(), traffic), ("lo".into(), Traffic::default())],
        sockets: vec![
            socket(Transport::Tcp, "0.0.0.0:80", None, "listen"),
            socket(Transport::Tcp, "[::]:80", None, "listen"),
            socket(Transport::Udp, "0.0.0.0:443", None, ""),
            socket(
                Transport::Tcp,
                "172.18.0.2:80",
                Some("172.18.0.1:40112"),
                "established",
            ),
            socket(
                Transport::Tcp,
                "172.18.0.2:41230",
                Some("172.18.0.3:5432"),
                "time-wait",
            ),
        ],
    }
}
