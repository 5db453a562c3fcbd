//! The texts of a container's `/etc/hosts` and `/etc/resolv.conf`.

use std::{fmt::Write, net::IpAddr};

use crate::model::{Connectivity, ContainerConfig, HostAddress, Naming, NetworkMode};

/// Where our resolver listens inside a container, as docker's users know it.
pub const RESOLVER: &str = "127.0.0.11";

const HOSTS: &str = "127.0.0.1\tlocalhost\n\
    ::1\tlocalhost ip6-localhost ip6-loopback\n\
    fe00::0\tip6-localnet\n\
    ff00::0\tip6-mcastprefix\n\
    ff02::1\tip6-allnodes\n\
    ff02::2\tip6-allrouters\n";

/// `/etc/hosts` of a container that doesn't share the host's network.
pub(super) fn hosts(hostname: &str, naming: &Naming, connectivity: &Connectivity) -> String {
    let mut text = HOSTS.to_owned();
    further_hosts(&mut text, naming, connectivity);
    let names = match hostname.split_once('.') {
        Some((short, _)) => format!("{hostname} {short}"),
        None => hostname.to_owned(),
    };
    for endpoint in &connectivity.endpoints {
        let ip = endpoint.ip.map(|(ip, _)| IpAddr::from(ip));
        let ip6 = endpoint.ip6.map(|(ip, _)| IpAddr::from(ip));
        for ip in ip.into_iter().chain(ip6) {
            line(&mut text, ip, &names);
        }
    }
    text
}

/// The lines that the user adds.
pub(super) fn further_hosts(text: &mut String, naming: &Naming, connectivity: &Connectivity) {
    for (name, address) in &naming.hosts {
        match address {
            HostAddress::Ip(ip) => line(text, *ip, name),
            HostAddress::Gateway => {
                let endpoints = &connectivity.endpoints;
                let ip = endpoints.iter().find_map(|one| one.gateway);
                let ip6 = endpoints.iter().find_map(|one| one.gateway6);
                let all = ip.map(IpAddr::from).into_iter();
                for ip in all.chain(ip6.map(IpAddr::from)) {
                    line(text, ip, name);
                }
            }
        }
    }
}

fn line(text: &mut String, ip: IpAddr, names: &str) {
    writeln!(text, "{ip}\t{names}").expect("writing to a String cannot fail");
}

/// How a container's names are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// Its `/etc/resolv.conf`.
    pub text: String,
    /// Whom our resolver asks for what it doesn't know; `None` where there is none.
    pub resolver: Option<Vec<IpAddr>>,
}

/// How a container's names are resolved, on a host with this `/etc/resolv.conf`.
///
/// Our own resolver serves on networks where containers find each other by name, and
/// where the host's resolvers listen on its loopback, out of a container's reach.
pub fn resolution(config: &ContainerConfig, on: &Connectivity, host: &str) -> Resolution {
    let host = Host::read(host);
    let naming = &config.naming;
    let own_loopback = config.network == NetworkMode::Bridge;
    let known: Vec<IpAddr> = match naming.servers.is_empty() {
        true => host.servers.clone(),
        false => naming.servers.clone(),
    };
    let reachable: Vec<IpAddr> = known
        .iter()
        .copied()
        .filter(|ip| !own_loopback || !ip.is_loopback())
        .collect();
    let has_names = on
        .endpoints
        .iter()
        .any(|one| one.network_name != crate::model::DEFAULT_NETWORK);
    let is_needed = own_loopback && (has_names || (reachable.is_empty() && !known.is_empty()));
    let mut text = String::new();
    if is_needed {
        writeln!(text, "nameserver {RESOLVER}")
    } else {
        let lines = reachable.iter().map(|ip| format!("nameserver {ip}\n"));
        write!(text, "{}", lines.collect::<String>())
    }
    .expect("writing to a String cannot fail");
    let search: Vec<&str> = match naming.search.as_slice() {
        [] => host.search.iter().map(String::as_str).collect(),
        // Docker's word for none.
        [only] if only == "." => Vec::new(),
        own => own.iter().map(String::as_str).collect(),
    };
    if !search.is_empty() {
        text.push_str(&format!("search {}\n", search.join(" ")));
    }
    let mut options: Vec<&str> = match naming.options.is_empty() {
        true => host.options.iter().map(String::as_str).collect(),
        false => naming.options.iter().map(String::as_str).collect(),
    };
    // A container's name has no dot, and is no less whole for that.
    if is_needed && !options.iter().any(|option| option.starts_with("ndots:")) {
        options.push("ndots:0");
    }
    if !options.is_empty() {
        text.push_str(&format!("options {}\n", options.join(" ")));
    }
    Resolution {
        text,
        resolver: is_needed.then_some(known),
    }
}

/// What a resolv.conf says.
#[derive(Debug, Default)]
struct Host {
    servers: Vec<IpAddr>,
    search: Vec<String>,
    options: Vec<String>,
}

impl Host {
    fn read(text: &str) -> Self {
        let mut host = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next();
            let words: Vec<String> = words.map(str::to_owned).collect();
            match keyword {
                Some("nameserver") => {
                    // Without the zone, which is an interface of the host.
                    let ip = words.first().and_then(|ip| ip.split('%').next());
                    host.servers
                        .extend(ip.and_then(|ip| ip.parse::<IpAddr>().ok()));
                }
                // Of several the last counts.
                Some("search" | "domain") => host.search = words,
                Some("options") => host.options.extend(words),
                _ => {}
            }
        }
        host
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContainerId, Endpoint, Mac, NetworkId};

    fn on(network: &str) -> Connectivity {
        Connectivity {
            endpoints: vec![Endpoint {
                container: ContainerId::from_bytes(&[1; 32]),
                network: NetworkId::from_bytes(&[2; 32]),
                network_name: network.into(),
                interface: "eth0".into(),
                mac: Mac([2, 0, 0, 0, 0, 1]),
                ip: Some(("10.0.0.2".parse().unwrap(), 24)),
                ip6: None,
                gateway: Some("10.0.0.1".parse().unwrap()),
                gateway6: None,
                names: vec!["web".into()],
            }],
            ports: vec![],
        }
    }

    fn config() -> ContainerConfig {
        ContainerConfig {
            network: NetworkMode::Bridge,
            ..ContainerConfig::default()
        }
    }

    #[test]
    fn hosts_name_the_container_and_what_the_user_adds() {
        let naming = Naming {
            hosts: vec![
                ("db".into(), HostAddress::Ip("10.9.9.9".parse().unwrap())),
                ("host".into(), HostAddress::Gateway),
            ],
            ..Naming::default()
        };
        let text = hosts("web.example", &naming, &on("n"));
        for line in [
            "10.9.9.9\tdb",
            "10.0.0.1\thost",
            "10.0.0.2\tweb.example web",
        ] {
            assert!(text.lines().any(|known| known == line), "{text}");
        }
        assert!(text.starts_with("127.0.0.1\tlocalhost\n"));
    }

    #[test]
    fn resolver_of_ours_serves_where_names_are_known_or_the_hosts_is_out_of_reach() {
        let far = "nameserver 9.9.9.9\nsearch lan\noptions edns0\n";
        let near = "nameserver 127.0.0.53\n";
        let plain = resolution(&config(), &on("bridge"), far);
        assert_eq!(
            plain.text,
            "nameserver 9.9.9.9\nsearch lan\noptions edns0\n"
        );
        assert_eq!(plain.resolver, None);
        let named = resolution(&config(), &on("backend"), far);
        assert_eq!(
            named.text,
            "nameserver 127.0.0.11\nsearch lan\noptions edns0 ndots:0\n"
        );
        assert_eq!(named.resolver, Some(vec!["9.9.9.9".parse().unwrap()]));
        let local = resolution(&config(), &on("bridge"), near);
        assert!(local.text.starts_with("nameserver 127.0.0.11\n"));
        assert_eq!(local.resolver, Some(vec!["127.0.0.53".parse().unwrap()]));
        assert_eq!(resolution(&config(), &on("bridge"), "").text, "");
    }

    #[test]
    fn user_goes_before_the_host() {
        let mut config = config();
        config.naming.servers = vec!["1.1.1.1".parse().unwrap()];
        config.naming.search = vec![".".into()];
        config.naming.options = vec!["timeout:1".into()];
        let made = resolution(
            &config,
            &on("bridge"),
            "nameserver 127.0.0.53\nsearch lan\n",
        );
        assert_eq!(made.text, "nameserver 1.1.1.1\noptions timeout:1\n");
        assert_eq!(made.resolver, None);
    }
}
