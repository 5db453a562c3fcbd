//! What a container has open on its networks, as lines of text.

use std::net::SocketAddr;

use super::{Tone, bytes, text::sanitize};
use crate::model::{Connectivity, Endpoint, PublishedPort, Socket, Sockets};

/// One line: cells of the columns of its part, or a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The cells, in order.
    pub cells: [String; 4],
    /// How the last of them reads.
    pub tone: Tone,
    /// Whether it names the columns of what follows.
    pub is_heading: bool,
}

/// All lines: interfaces, published ports and who answers behind them, who waits for
/// others, and connections.
pub fn lines(sockets: &Sockets, connectivity: &Connectivity) -> Vec<Line> {
    let mut lines = Vec::new();
    if !sockets.interfaces.is_empty() {
        lines.push(heading(["INTERFACE", "ADDRESS", "RECEIVED / SENT", "LOST"]));
    }
    for (name, traffic) in &sockets.interfaces {
        let endpoint = connectivity
            .endpoints
            .iter()
            .find(|of| of.interface == *name);
        let lost = [
            traffic.in_errors,
            traffic.out_errors,
            traffic.in_drops,
            traffic.out_drops,
        ];
        let lost: u64 = lost.into_iter().sum();
        let passed = format!(
            "{} / {}",
            bytes::decimal(traffic.in_bytes),
            bytes::decimal(traffic.out_bytes)
        );
        let tone = if lost > 0 { Tone::Warn } else { Tone::Quiet };
        let cells = [
            name.clone(),
            address(endpoint),
            passed,
            format!("{lost} packets"),
        ];
        lines.push(line(cells, tone));
    }
    if !connectivity.ports.is_empty() {
        lines.push(heading(["PUBLISHED", "PORT", "", "ANSWERED BY"]));
    }
    for published in &connectivity.ports {
        let (who, tone) = match sockets.behind(published) {
            Some(socket) => (owner(socket), Tone::Good),
            None => ("nobody listens".into(), Tone::Warn),
        };
        let cells = [
            outside(published),
            published.container.to_string(),
            String::new(),
            who,
        ];
        lines.push(line(cells, tone));
    }
    let (waiting, connected): (Vec<_>, Vec<_>) =
        sockets.sockets.iter().partition(|one| one.peer.is_none());
    if !waiting.is_empty() {
        lines.push(heading(["LISTENING", "ADDRESS", "", "PROCESS"]));
    }
    lines.extend(waiting.into_iter().map(one));
    if !connected.is_empty() {
        lines.push(heading(["CONNECTED", "FROM", "TO", "PROCESS"]));
    }
    lines.extend(connected.into_iter().map(one));
    lines
}

fn heading(cells: [&str; 4]) -> Line {
    Line {
        cells: cells.map(str::to_owned),
        tone: Tone::Quiet,
        is_heading: true,
    }
}

fn line(cells: [String; 4], tone: Tone) -> Line {
    Line {
        cells: cells.map(|cell| sanitize(&cell).into_owned()),
        tone,
        is_heading: false,
    }
}

/// Its addresses and its network.
fn address(endpoint: Option<&Endpoint>) -> String {
    let Some(endpoint) = endpoint else {
        return String::new();
    };
    let ip = endpoint.ip.map(|(ip, prefix)| format!("{ip}/{prefix}"));
    let ip6 = endpoint.ip6.map(|(ip, prefix)| format!("{ip}/{prefix}"));
    let name = format!("({})", endpoint.network_name);
    let all = ip.into_iter().chain(ip6).chain([name]);
    all.collect::<Vec<_>>().join(" ")
}

fn outside(published: &PublishedPort) -> String {
    SocketAddr::new(published.ip, published.host).to_string()
}

fn owner(socket: &Socket) -> String {
    match &socket.process {
        Some((pid, name)) => format!("{name} ({pid})"),
        None => "a process unknown".into(),
    }
}

fn one(socket: &Socket) -> Line {
    let what = match socket.state.as_str() {
        "" | "listen" => socket.transport.to_string(),
        state => format!("{} {state}", socket.transport),
    };
    let peer = socket.peer.map_or(String::new(), |peer| peer.to_string());
    let who = socket.process.as_ref();
    let who = who.map_or(String::new(), |(pid, name)| format!("{name} ({pid})"));
    line([what, socket.local.to_string(), peer, who], Tone::Good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Port, Transport};

    #[test]
    fn published_port_without_a_listener_is_said_to_have_none() {
        let published = |number| PublishedPort {
            ip: "0.0.0.0".parse().unwrap(),
            host: 8000 + number,
            container: Port {
                number,
                transport: Transport::Tcp,
            },
        };
        let sockets = Sockets {
            sockets: vec![Socket {
                transport: Transport::Tcp,
                local: "0.0.0.0:80".parse().unwrap(),
                peer: None,
                state: "listen".into(),
                process: Some((7, "ng\u{1b}inx".into())),
            }],
            ..Sockets::default()
        };
        let connectivity = Connectivity {
            ports: vec![published(80), published(81)],
            ..Connectivity::default()
        };
        let lines = lines(&sockets, &connectivity);
        let last: Vec<&str> = lines.iter().map(|line| line.cells[3].as_str()).collect();
        assert_eq!(last[2], "nobody listens");
        assert!(
            last[1].ends_with("inx (7)") && !last[1].contains('\u{1b}'),
            "{last:?}"
        );
        assert_eq!(lines[2].tone, Tone::Warn);
    }
}
