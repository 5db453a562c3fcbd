//! The interfaces and sockets of a container, as /proc has them of its network namespace:
//! read through one of its processes, without entering it.

use std::collections::HashMap;

use procfs::{
    ProcError,
    net::{TcpNetEntry, TcpState, UdpNetEntry},
    process::{FDTarget, Process},
};

use crate::model::{NetworkMode, Socket, Sockets, Traffic, Transport};

/// Connections that are told of at most.
const MOST: usize = 1000;

/// Of the network that the process `pid` lives in; `pids` are all of the container's.
/// `None` if it ended meanwhile.
pub fn read(pid: i32, pids: &[i32], network: &NetworkMode) -> Option<Sockets> {
    let process = Process::new(pid).ok()?;
    let owners = owners(pids);
    let mut sockets = Vec::new();
    // A kernel without IPv6 has only the first of each.
    for entry in all([process.tcp(), process.tcp6()]) {
        sockets.push((entry.inode, tcp(&entry)));
    }
    for entry in all([process.udp(), process.udp6()]) {
        sockets.push((entry.inode, udp(&entry)));
    }
    let mut sockets: Vec<Socket> = sockets
        .into_iter()
        // On the host's network everybody's are there.
        .filter(|(inode, _)| *network != NetworkMode::Host || owners.contains_key(inode))
        .map(|(inode, socket)| Socket {
            process: owners.get(&inode).cloned(),
            ..socket
        })
        .collect();
    sockets.sort_by_key(|one| (one.peer.is_some(), one.transport, one.local, one.peer));
    sockets.truncate(MOST);
    Some(Sockets {
        interfaces: match network {
            NetworkMode::Host => Vec::new(),
            _ => interfaces(&process),
        },
        sockets,
    })
}

fn all<T>(tables: [Result<Vec<T>, ProcError>; 2]) -> impl Iterator<Item = T> {
    tables.into_iter().flatten().flatten()
}

fn tcp(entry: &TcpNetEntry) -> Socket {
    let is_listening = entry.state == TcpState::Listen;
    Socket {
        transport: Transport::Tcp,
        local: entry.local_address,
        peer: (!is_listening).then_some(entry.remote_address),
        state: match entry.state {
            TcpState::Established => "established",
            TcpState::SynSent => "syn-sent",
            TcpState::SynRecv | TcpState::NewSynRecv => "syn-recv",
            TcpState::FinWait1 => "fin-wait-1",
            TcpState::FinWait2 => "fin-wait-2",
            TcpState::TimeWait => "time-wait",
            TcpState::Close => "close",
            TcpState::CloseWait => "close-wait",
            TcpState::LastAck => "last-ack",
            TcpState::Listen => "listen",
            TcpState::Closing => "closing",
        }
        .into(),
        process: None,
    }
}

fn udp(entry: &UdpNetEntry) -> Socket {
    let is_connected = entry.remote_address.port() != 0;
    Socket {
        transport: Transport::Udp,
        local: entry.local_address,
        peer: is_connected.then_some(entry.remote_address),
        state: String::new(),
        process: None,
    }
}

/// The process that has each socket, by the socket's inode; the first of several.
fn owners(pids: &[i32]) -> HashMap<u64, (i32, String)> {
    let mut owners = HashMap::new();
    for &pid in pids {
        let Ok(process) = Process::new(pid) else {
            continue;
        };
        let Ok(descriptors) = process.fd() else {
            continue;
        };
        let mut name = None;
        for descriptor in descriptors.flatten() {
            let FDTarget::Socket(inode) = descriptor.target else {
                continue;
            };
            let name = name.get_or_insert_with(|| {
                let stat = process.stat();
                stat.map_or_else(|_| String::new(), |stat| stat.comm)
            });
            owners.entry(inode).or_insert_with(|| (pid, name.clone()));
        }
    }
    owners
}

fn interfaces(process: &Process) -> Vec<(String, Traffic)> {
    let found = process.dev_status().unwrap_or_default();
    let mut found: Vec<_> = found
        .into_values()
        .map(|status| {
            let traffic = Traffic {
                in_bytes: status.recv_bytes,
                out_bytes: status.sent_bytes,
                in_packets: status.recv_packets,
                out_packets: status.sent_packets,
                in_errors: status.recv_errs,
                out_errors: status.sent_errs,
                in_drops: status.recv_drop,
                out_drops: status.sent_drop,
            };
            (status.name, traffic)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn own_sockets_are_found_with_this_process_and_whom_they_are_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let local: SocketAddr = listener.local_addr().unwrap();
        let client = TcpStream::connect(local).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let own = std::process::id() as i32;
        let found = read(own, &[own], &NetworkMode::Host).unwrap();
        let find = |address| {
            found
                .sockets
                .iter()
                .find(|one| one.local == address)
                .unwrap()
        };
        let listening = find(local);
        assert_eq!((listening.peer, listening.state.as_str()), (None, "listen"));
        assert_eq!(listening.process.as_ref().unwrap().0, own);
        let connected = find(client.local_addr().unwrap());
        assert_eq!(connected.peer, Some(local));
        assert_eq!(find(udp.local_addr().unwrap()).transport, Transport::Udp);
        assert!(read(i32::MAX, &[], &NetworkMode::None).is_none());
    }
}
