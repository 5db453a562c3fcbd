//! Where an engine of somebody else is, as its address says.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};

/// How an engine outside of this process is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket of this machine.
    Unix(PathBuf),
    /// A port, in plain HTTP or by TLS.
    Tcp {
        /// Name or address.
        host: String,
        /// Its number.
        port: u16,
        /// Who proves to be who; plain HTTP without.
        tls: Option<TlsFiles>,
    },
    /// A command on another machine that speaks for the engine there.
    Ssh {
        /// Who logs in; what ssh's own configuration says if nothing is said.
        user: Option<String>,
        /// Where.
        host: String,
        /// Its port, if it isn't what ssh's configuration says.
        port: Option<u16>,
        /// The engine's socket there, if it is not the usual one.
        socket: Option<String>,
    },
}

/// The files by which both ends of a connection are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Whoever vouches for the engine.
    pub authority: PathBuf,
    /// Our certificate.
    pub certificate: PathBuf,
    /// The key to it.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Docker's three names in a directory.
    pub fn in_directory(directory: &std::path::Path) -> Self {
        Self {
            authority: directory.join("ca.pem"),
            certificate: directory.join("cert.pem"),
            key: directory.join("key.pem"),
        }
    }
}

/// The port of an engine without TLS, and of one with it.
const PORTS: (u16, u16) = (2375, 2376);

impl Address {
    /// The same by TLS, with the certificates of these files.
    pub fn with_tls(self, files: TlsFiles) -> Self {
        match self {
            Self::Tcp { host, port, .. } => Self::Tcp {
                host,
                port,
                tls: Some(files),
            },
            other => other,
        }
    }

    /// Whether somebody between here and there could read along and change what is said.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Tcp {
                host, tls: None, ..
            } => !is_loopback(host),
            _ => false,
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port, .. } => write!(f, "tcp://{host}:{port}"),
            Self::Ssh {
                user,
                host,
                port,
                socket,
            } => {
                f.write_str("ssh://")?;
                if let Some(user) = user {
                    write!(f, "{user}@")?;
                }
                f.write_str(host)?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                f.write_str(socket.as_deref().unwrap_or_default())
            }
        }
    }
}

impl FromStr for Address {
    type Err = String;

    /// Reads `unix:///run/docker.sock`, `tcp://host:2376`, `https://host`, `http://127.0.0.1`,
    /// `ssh://user@host:22/run/docker.sock`, or the path of a socket.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(format!("{text:?} has control characters"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text.starts_with('/') {
                true => Ok(Self::Unix(text.into())),
                false => Err(format!(
                    "{text:?} is no address: write unix:///PATH, tcp://HOST:PORT or ssh://HOST"
                )),
            };
        };
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "unix" => Err(format!(
                "{text:?}: a socket's path begins with /, as in unix:///run/docker.sock"
            )),
            "tcp" | "http" | "https" => {
                let usual = if scheme == "https" { PORTS.1 } else { PORTS.0 };
                let rest = rest.strip_suffix('/').unwrap_or(rest);
                let (host, port) = host_and_port(rest).ok_or_else(|| wrong(text))?;
                Ok(Self::Tcp {
                    host,
                    port: port.unwrap_or(usual),
                    tls: None,
                })
            }
            "ssh" => ssh(rest).ok_or_else(|| wrong(text)),
            other => Err(format!(
                "{text:?}: there is no way to an engine by {other}: unix, tcp or ssh"
            )),
        }
    }
}

fn wrong(text: &str) -> String {
    format!("{text:?} is no address such as tcp://host:2376 or ssh://user@host")
}

fn ssh(rest: &str) -> Option<Address> {
    let (place, socket) = match rest.split_once('/') {
        Some((place, path)) => (place, (!path.is_empty()).then(|| format!("/{path}"))),
        None => (rest, None),
    };
    let (user, place) = match place.rsplit_once('@') {
        Some((user, place)) => (Some(word(user)?), place),
        None => (None, place),
    };
    let (host, port) = host_and_port(place)?;
    Some(Address::Ssh {
        user,
        host,
        port,
        socket,
    })
}

/// A name that no command takes for an option.
fn word(text: &str) -> Option<String> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:[]%".contains(&byte);
    let is_word = !text.is_empty() && !text.starts_with('-') && text.bytes().all(is_fine);
    is_word.then(|| text.to_owned())
}

fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        // The colons of a bare IPv6 address, which stands in brackets.
        Some((host, _)) if host.starts_with('[') && !host.ends_with(']') => (text, None),
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (text, None),
    };
    (port != Some(0)).then_some(())?;
    Some((word(host)?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_shown() {
        for text in [
            "unix:///run/docker.sock",
            "tcp://10.0.0.1:2376",
            "tcp://[::1]:2375",
            "ssh://ci@build-1:2222/run/podman/podman.sock",
            "ssh://host",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!(
            "https://h".parse::<Address>().unwrap().to_string(),
            "tcp://h:2376"
        );
        assert_eq!(
            "/run/a.sock".parse::<Address>().unwrap().to_string(),
            "unix:///run/a.sock"
        );
    }

    #[test]
    fn what_is_no_address_is_refused_and_nothing_becomes_an_option_of_ssh() {
        for text in [
            "",
            "docker",
            "unix://relative",
            "tcp://",
            "tcp://host:0",
            "tcp://host:70000",
            "ssh://-oProxyCommand=x",
            "ssh://-l@host",
            "ssh://a b@host",
            "npipe:////./pipe/docker",
            "tcp://host\n:1",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn plain_http_is_open_but_to_this_machine() {
        let open = |text: &str| text.parse::<Address>().unwrap().is_open();
        assert!(open("tcp://10.0.0.1:2375"));
        assert!(open("tcp://engine.example:2375"));
        assert!(
            !open("tcp://127.0.0.1:2375") && !open("tcp://[::1]:1") && !open("tcp://localhost:1")
        );
        assert!(!open("ssh://host"));
    }
}
