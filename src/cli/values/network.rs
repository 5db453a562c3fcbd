//! Networks, ports and names, as docker's flags write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Parsed;
use crate::model::{
    Attachment, DEFAULT_NETWORK, HostAddress, Mac, NetworkMode, Port, Publish, Transport,
};

/// One `--network`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One that stands alone.
    Mode(NetworkMode),
    /// One of several.
    Network(Attachment),
}

/// `none`, `host`, `container:NAME`, a network's name, or one with options:
/// `NAME:alias=A,ip=I` as podman writes it, `name=NAME,alias=A,ip=I` as docker does.
pub fn network(text: &str) -> Parsed<Choice> {
    match text {
        "" => return Err("a network needs a name".into()),
        "none" => return Ok(Choice::Mode(NetworkMode::None)),
        "host" => return Ok(Choice::Mode(NetworkMode::Host)),
        "default" => return Ok(Choice::Network(Attachment::to(DEFAULT_NETWORK))),
        _ => {}
    }
    if let Some(other) = text.strip_prefix("container:") {
        return match other {
            "" => Err("container: needs the name of one".into()),
            other => Ok(Choice::Mode(NetworkMode::Container(other.to_owned()))),
        };
    }
    let (name, options) = match text.split_once(':') {
        Some((name, options)) => (Some(name), options),
        None if text.contains('=') => (None, text),
        None => (Some(text), ""),
    };
    let mut attachment = Attachment::to(name.unwrap_or_default());
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let Some((key, value)) = option.split_once('=') else {
            return Err(format!("{option:?} is not KEY=VALUE"));
        };
        match key {
            "name" => attachment.network = value.to_owned(),
            "alias" => attachment.aliases.push(value.to_owned()),
            "ip" => match ip(value)? {
                IpAddr::V4(ip) => attachment.ip = Some(ip),
                IpAddr::V6(ip) => attachment.ip6 = Some(ip),
            },
            "ip6" => attachment.ip6 = Some(ip6(value)?),
            "mac" | "mac-address" => attachment.mac = Some(value.parse()?),
            _ => {
                return Err(format!(
                    "there is no option {key:?}: name, alias, ip, ip6, mac-address"
                ));
            }
        }
    }
    match attachment.network.as_str() {
        "" => Err("a network needs a name".into()),
        "default" => {
            attachment.network = DEFAULT_NETWORK.into();
            Ok(Choice::Network(attachment))
        }
        "none" | "host" => Err(format!("{} takes no options", attachment.network)),
        _ => Ok(Choice::Network(attachment)),
    }
}

/// An address.
pub fn ip(text: &str) -> Parsed<IpAddr> {
    text.parse()
        .map_err(|_| format!("{text:?} is not an IP address"))
}

/// An IPv4 address.
pub fn ip4(text: &str) -> Parsed<Ipv4Addr> {
    text.parse()
        .map_err(|_| format!("{text:?} is not an IPv4 address"))
}

/// An IPv6 address.
pub fn ip6(text: &str) -> Parsed<Ipv6Addr> {
    text.parse()
        .map_err(|_| format!("{text:?} is not an IPv6 address"))
}

/// An address on the wire.
pub fn mac(text: &str) -> Parsed<Mac> {
    text.parse()
}

/// `name:address` of `--add-host`; `name=address` too. `host-gateway` is the host.
pub fn host(text: &str) -> Parsed<(String, HostAddress)> {
    let wrong = || format!("{text:?} is not NAME:ADDRESS");
    let (name, address) = match text.split_once('=') {
        Some(pair) => pair,
        None => text.split_once(':').ok_or_else(wrong)?,
    };
    if name.is_empty() {
        return Err(wrong());
    }
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    let address = match address {
        "host-gateway" => HostAddress::Gateway,
        _ => HostAddress::Ip(ip(bare)?),
    };
    Ok((name.to_owned(), address))
}

/// `[IP:][HOST]:CONTAINER[/PROTOCOL]`, each a port or a range.
pub fn publish(text: &str) -> Parsed<Vec<Publish>> {
    let (ports, transport) = transport(text)?;
    let (rest, container) = match ports.rsplit_once(':') {
        Some((rest, container)) => (Some(rest), container),
        None => (None, ports),
    };
    let (ip, host) = match rest {
        None => (None, ""),
        Some(rest) => match rest.rsplit_once(':') {
            Some((address, host)) => {
                let bare = address
                    .strip_prefix('[')
                    .and_then(|address| address.strip_suffix(']'))
                    .unwrap_or(address);
                (Some(ip(bare)?), host)
            }
            None => (None, rest),
        },
    };
    let (first, last) = range(container)?;
    let host = match host {
        "" => None,
        host => Some(range(host)?),
    };
    let number = |number| Port { number, transport };
    let count = last - first;
    if let Some((host_first, host_last)) = host {
        // Any of these for one port.
        if count == 0 {
            return Ok(vec![Publish {
                ip,
                host,
                container: number(first),
            }]);
        }
        if host_last - host_first != count {
            return Err(format!("{text}: both ranges must be of one length"));
        }
    }
    Ok((0..=count)
        .map(|n| Publish {
            ip,
            host: host.map(|(host, _)| (host + n, host + n)),
            container: number(first + n),
        })
        .collect())
}

/// `PORT[/PROTOCOL]` or a range, of `--expose`.
pub fn expose(text: &str) -> Parsed<Vec<Port>> {
    let (ports, transport) = transport(text)?;
    let (first, last) = range(ports)?;
    Ok((first..=last)
        .map(|number| Port { number, transport })
        .collect())
}

fn transport(text: &str) -> Parsed<(&str, Transport)> {
    match text.split_once('/') {
        Some((ports, transport)) => Ok((ports, transport.parse()?)),
        None => Ok((text, Transport::Tcp)),
    }
}

fn range(text: &str) -> Parsed<(u16, u16)> {
    let port = |text: &str| {
        text.parse()
            .ok()
            .filter(|port: &u16| *port > 0)
            .ok_or_else(|| format!("{text:?} is not a port: 1 to 65535"))
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(text)?, port(text)?),
    };
    match first <= last {
        true => Ok((first, last)),
        false => Err(format!("the range {text} runs backwards")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_in_both_spellings() {
        let full = network("back:alias=db,alias=sql,ip=10.0.0.9").unwrap();
        let Choice::Network(one) = &full else {
            panic!("{full:?}")
        };
        assert_eq!((one.network.as_str(), one.aliases.len()), ("back", 2));
        let docker = network("name=back,alias=db,alias=sql,ip=10.0.0.9").unwrap();
        assert_eq!(docker, full);
        assert_eq!(network("host").unwrap(), Choice::Mode(NetworkMode::Host));
        let container = NetworkMode::Container("web".into());
        assert_eq!(network("container:web").unwrap(), Choice::Mode(container));
        let default = Choice::Network(Attachment::to("bridge"));
        assert_eq!(network("default").unwrap(), default);
        for wrong in [
            "",
            "container:",
            "a:b",
            "a:ip=x",
            "a:color=red",
            "ip=1.2.3.4",
            "name=host",
        ] {
            assert!(network(wrong).is_err(), "{wrong}");
        }
    }

    fn published(text: &str) -> Vec<String> {
        publish(text)
            .unwrap()
            .iter()
            .map(|one| {
                let ip = one.ip.map_or("*".into(), |ip| ip.to_string());
                let host = one
                    .host
                    .map_or("?".into(), |(first, last)| format!("{first}-{last}"));
                format!("{ip} {host} {}", one.container)
            })
            .collect()
    }

    #[test]
    fn ports_are_read_as_docker_writes_them() {
        for (text, expected) in [
            ("80", "* ? 80/tcp"),
            ("8080:80", "* 8080-8080 80/tcp"),
            ("127.0.0.1:8080:80/udp", "127.0.0.1 8080-8080 80/udp"),
            ("127.0.0.1::80", "127.0.0.1 ? 80/tcp"),
            ("[::1]:8080:80/sctp", "::1 8080-8080 80/sctp"),
            ("8000-8010:80", "* 8000-8010 80/tcp"),
        ] {
            assert_eq!(published(text), [expected], "{text}");
        }
        assert_eq!(
            published("8000-8001:90-91"),
            ["* 8000-8000 90/tcp", "* 8001-8001 91/tcp"]
        );
        assert_eq!(published("90-91"), ["* ? 90/tcp", "* ? 91/tcp"]);
        for wrong in [
            "",
            "0",
            "65536",
            "80:",
            "x:80",
            "80/icmp",
            "90-80",
            "1-3:1-2",
            "1.2.3:80:80",
            "-1",
        ] {
            assert!(publish(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hosts_may_be_addresses_or_the_host() {
        assert_eq!(host("a:host-gateway").unwrap().1, HostAddress::Gateway);
        let v6 = HostAddress::Ip("::1".parse().unwrap());
        for text in ["a:::1", "a=::1", "a:[::1]"] {
            assert_eq!(host(text).unwrap(), ("a".into(), v6), "{text}");
        }
        for wrong in ["", "a", ":1.2.3.4", "a:x"] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
    }
}
