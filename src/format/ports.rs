//! Open ports in words: docker's `0.0.0.0:8080->80/tcp`, neighbours told as ranges.

use std::net::{IpAddr, SocketAddr};

use crate::model::{Port, PublishedPort};

/// A container's open ports, and those that are only named.
pub fn ports(open: &[PublishedPort], exposed: &[Port]) -> Vec<String> {
    let mut open: Vec<PublishedPort> = open.to_vec();
    open.sort_by_key(|one| {
        (
            one.ip,
            one.container.transport,
            one.host,
            one.container.number,
        )
    });
    let mut words = Vec::new();
    let mut rest = open.as_slice();
    while let Some(first) = rest.first() {
        let count = rest
            .iter()
            .enumerate()
            .take_while(|(n, one)| follows(first, one, *n))
            .count();
        words.push(range(first, count as u16 - 1));
        rest = &rest[count..];
    }
    let mut named: Vec<_> = exposed
        .iter()
        .filter(|port| open.iter().all(|one| one.container != **port))
        .collect();
    named.sort();
    words.extend(named.iter().map(ToString::to_string));
    words
}

fn follows(first: &PublishedPort, one: &PublishedPort, n: usize) -> bool {
    let n = n as u32;
    one.ip == first.ip
        && one.container.transport == first.container.transport
        && u32::from(one.host) == u32::from(first.host) + n
        && u32::from(one.container.number) == u32::from(first.container.number) + n
}

fn range(first: &PublishedPort, more: u16) -> String {
    let transport = first.container.transport;
    let (host, port) = (first.host, first.container.number);
    let host_text = match more {
        0 => SocketAddr::new(first.ip, host).to_string(),
        more => match first.ip {
            IpAddr::V4(ip) => format!("{ip}:{host}-{}", host + more),
            IpAddr::V6(ip) => format!("[{ip}]:{host}-{}", host + more),
        },
    };
    match more {
        0 => format!("{host_text}->{port}/{transport}"),
        more => format!("{host_text}->{port}-{}/{transport}", port + more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Transport;

    #[test]
    fn neighbours_are_one_range_and_what_is_only_named_comes_last() {
        let open = |ip: &str, host, number| PublishedPort {
            ip: ip.parse().unwrap(),
            host,
            container: Port {
                number,
                transport: Transport::Tcp,
            },
        };
        let all = [
            open("0.0.0.0", 8001, 81),
            open("0.0.0.0", 8000, 80),
            open("0.0.0.0", 9000, 90),
            open("::", 8000, 80),
        ];
        let exposed = [80, 443].map(|number| Port {
            number,
            transport: Transport::Tcp,
        });
        assert_eq!(
            ports(&all, &exposed),
            [
                "0.0.0.0:8000-8001->80-81/tcp",
                "0.0.0.0:9000->90/tcp",
                "[::]:8000->80/tcp",
                "443/tcp"
            ]
        );
        assert!(ports(&[], &[]).is_empty());
    }
}
