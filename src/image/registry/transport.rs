//! HTTP to registries: which hosts may be spoken to how, certificates, proxies,
//! redirects. Authentication is the client's.

use std::{
    collections::HashMap,
    env, fs,
    net::IpAddr,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::{Certificate, Identity, Method, Response, StatusCode, Url, header};

use super::error::{Error, Result};
use crate::model::RegistrySettings;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// Redirects that are followed for one request.
const REDIRECTS: usize = 5;
/// A larger file is no certificate.
const LARGEST_CERTIFICATE: u64 = 1 << 20;

/// A host that serves a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Host, with its port if that isn't the usual one.
    pub(super) host: String,
    /// What the host's credentials are kept under.
    pub(super) key: String,
    /// What it was said to be spoken to in; `None` leaves it to the rules.
    scheme: Option<&'static str>,
}

/// Makes the body of a request, again for each try.
pub(super) type MakeBody<'a> = &'a (dyn Fn() -> Result<reqwest::Body> + Sync);

/// One request.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(header::HeaderName, String)>,
    pub(super) body: Option<MakeBody<'a>>,
}

/// Sends requests.
#[derive(Debug)]
pub(super) struct Transport {
    settings: RegistrySettings,
    clients: Mutex<HashMap<String, reqwest::Client>>,
    /// What hosts that may be spoken to in plain HTTP turned out to speak.
    schemes: Mutex<HashMap<String, &'static str>>,
}

impl Endpoint {
    /// The registry at `host[:port]`.
    pub(super) fn of(host: &str) -> Self {
        Self {
            host: match host {
                "docker.io" | "index.docker.io" => "registry-1.docker.io".to_owned(),
                other => other.to_owned(),
            },
            key: host.to_owned(),
            scheme: None,
        }
    }

    /// A mirror as the configuration names it: `host[:port]` or a URL.
    pub(super) fn mirror(text: &str) -> Self {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some("http"), rest),
            Some((_, rest)) => (Some("https"), rest),
            None => (None, text),
        };
        let host = rest.trim_end_matches('/').to_owned();
        Self {
            key: host.clone(),
            host,
            scheme,
        }
    }

    /// The address of something below its `/v2/`.
    fn url(&self, scheme: &str, path: &str) -> Result<Url> {
        let text = format!("{scheme}://{}{path}", self.host);
        text.parse().map_err(|error| Error::Setup {
            what: format!("the registry {}", self.host),
            reason: format!("{error}"),
        })
    }
}

impl Transport {
    pub(super) fn new(settings: RegistrySettings) -> Self {
        // Whoever was first has set the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            settings,
            clients: Mutex::default(),
            schemes: Mutex::default(),
        }
    }

    pub(super) fn settings(&self) -> &RegistrySettings {
        &self.settings
    }

    /// The address of `path` (`/v2/…`) at an endpoint. Where plain HTTP is allowed, a
    /// look tells what the host speaks; TLS goes first.
    pub(super) async fn locate(&self, endpoint: &Endpoint, path: &str) -> Result<Url> {
        let scheme = match endpoint.scheme {
            Some(scheme) => scheme,
            None if !self.allows_plain(&endpoint.host) => "https",
            None => {
                let known = lock(&self.schemes).get(&endpoint.host).copied();
                match known {
                    Some(scheme) => scheme,
                    None => {
                        let scheme = self.look(endpoint).await?;
                        lock(&self.schemes).insert(endpoint.host.clone(), scheme);
                        scheme
                    }
                }
            }
        };
        endpoint.url(scheme, path)
    }

    async fn look(&self, endpoint: &Endpoint) -> Result<&'static str> {
        let url = endpoint.url("https", "/v2/")?;
        let client = self.client(&endpoint.host)?;
        let error = match client.get(url).send().await {
            Ok(_) => return Ok("https"),
            Err(error) if speaks_no_tls(&error) => return Ok("http"),
            Err(error) => error,
        };
        // Nobody there, or nobody but a proxy that only takes plain HTTP. A certificate
        // that is refused is no reason to do without.
        if error.is_connect() && tls_error(&error).is_none() {
            let url = endpoint.url("http", "/v2/")?;
            if client.get(url).send().await.is_ok() {
                return Ok("http");
            }
        }
        Err(self.failed(&endpoint.host, &error))
    }

    /// Whether a host may be spoken to in plain HTTP.
    pub(super) fn allows_plain(&self, host: &str) -> bool {
        is_loopback(host) || self.settings.plain_http.iter().any(|known| known == host)
    }

    /// Sends a request and follows where it leads. `authorization` goes to the first
    /// origin only: whoever is redirected to must not learn it.
    pub(super) async fn send(
        &self,
        ask: &Ask<'_>,
        authorization: Option<&str>,
    ) -> Result<Response> {
        let mut url = ask.url.clone();
        for _ in 0..=REDIRECTS {
            let host = host_of(&url);
            let mut request = self.client(&host)?.request(ask.method.clone(), url.clone());
            for (name, value) in &ask.headers {
                request = request.header(name, value);
            }
            if url.origin() == ask.url.origin()
                && let Some(authorization) = authorization
            {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            if let Some(body) = ask.body {
                request = request.body(body()?);
            }
            let sent = request.send().await;
            let response = sent.map_err(|error| self.failed(&host, &error))?;
            let Some(target) = target_of(&response, &ask.method, &host)? else {
                return Ok(response);
            };
            if url.scheme() == "https" && target.scheme() != "https" {
                return Err(Error::Redirect {
                    host,
                    target: target.to_string(),
                    reason: "it is not encrypted",
                });
            }
            url = target;
        }
        Err(Error::Redirect {
            host: host_of(&ask.url),
            target: url.to_string(),
            reason: "there is no end to it",
        })
    }

    /// Why a request failed, in few words.
    pub(super) fn failed(&self, host: &str, error: &reqwest::Error) -> Error {
        let host = host.to_owned();
        if error.is_timeout() && !error.is_connect() {
            return Error::Stalled {
                host,
                seconds: self.settings.patience.as_secs(),
            };
        }
        // The outermost says only that a request failed; the innermost says why.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let reason = match cause.to_string() {
            text if text.contains("UnknownIssuer") => {
                "its certificate is signed by nobody whom we trust".into()
            }
            text if error.is_timeout() => format!("no connection: {text}"),
            text => text,
        };
        Error::Unreachable { host, reason }
    }

    fn client(&self, host: &str) -> Result<reqwest::Client> {
        let mut clients = lock(&self.clients);
        if let Some(client) = clients.get(host) {
            return Ok(client.clone());
        }
        let client = self.build(host)?;
        clients.insert(host.to_owned(), client.clone());
        Ok(client)
    }

    fn build(&self, host: &str) -> Result<reqwest::Client> {
        let (certificates, identity) = self.certificates(host)?;
        let base = || {
            let mut builder = reqwest::Client::builder()
                .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT)
                .read_timeout(self.settings.patience)
                .http1_only()
                .referer(false);
            if is_loopback(host) {
                // As everywhere: what is on this host needs no proxy.
                builder = builder.no_proxy();
            }
            match &identity {
                Some(identity) => builder.identity(identity.clone()),
                None => builder,
            }
        };
        let failed = |error: reqwest::Error| Error::Setup {
            what: format!("TLS for {host}"),
            reason: std::error::Error::source(&error)
                .unwrap_or(&error)
                .to_string(),
        };
        let own = certificates.clone();
        base()
            .tls_certs_merge(certificates)
            .build()
            // A host without any authorities of its own can still use those it is given.
            .or_else(|_| base().tls_certs_only(own).build())
            .map_err(failed)
    }

    /// The authorities to trust for a host beside the system's, and who we are to it:
    /// those of the configuration, then the directories that docker, podman and we have.
    fn certificates(&self, host: &str) -> Result<(Vec<Certificate>, Option<Identity>)> {
        let failed = |path: &PathBuf, reason: String| Error::Setup {
            what: format!("certificate {}", path.display()),
            reason,
        };
        let read = |path: &PathBuf| {
            let size = fs::metadata(path).map(|file| file.len());
            match size {
                Ok(size) if size > LARGEST_CERTIFICATE => {
                    Err(failed(path, "it is too large".into()))
                }
                _ => fs::read(path).map_err(|error| failed(path, error.to_string())),
            }
        };
        let mut authorities = self.settings.authorities.clone();
        let mut identity = None;
        for directory in directories(host) {
            let Ok(entries) = fs::read_dir(&directory) else {
                continue;
            };
            let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            paths.sort();
            for path in paths {
                match path.extension().and_then(|extension| extension.to_str()) {
                    Some("crt") => authorities.push(path),
                    Some("cert") if identity.is_none() => {
                        let mut pem = read(&path)?;
                        pem.push(b'\n');
                        pem.extend(read(&path.with_extension("key"))?);
                        let read = Identity::from_pem(&pem);
                        identity = Some(read.map_err(|error| failed(&path, error.to_string()))?);
                    }
                    _ => {}
                }
            }
        }
        let mut certificates = Vec::new();
        for path in &authorities {
            let read = Certificate::from_pem_bundle(&read(path)?);
            let some = read.map_err(|error| failed(path, error.to_string()))?;
            if some.is_empty() {
                return Err(failed(path, "there is none in it".into()));
            }
            certificates.extend(some);
        }
        Ok((certificates, identity))
    }
}

/// Where certificates of a host may lie.
fn directories(host: &str) -> Vec<PathBuf> {
    let absolute = |name| {
        let path = PathBuf::from(env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let home = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
    let own = home.map(|home| home.join("wharf"));
    let system = ["/etc/wharf", "/etc/docker", "/etc/containers"].map(PathBuf::from);
    own.into_iter()
        .chain(system)
        .map(|directory| directory.join("certs.d").join(host))
        .collect()
}

/// Where a response sends us, if it does.
fn target_of(response: &Response, method: &Method, host: &str) -> Result<Option<Url>> {
    let leads = match response.status() {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => {
            matches!(*method, Method::GET | Method::HEAD)
        }
        _ => false,
    };
    let location = response.headers().get(header::LOCATION);
    let Some(location) = location.filter(|_| leads) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(location.as_bytes());
    let refuse = |reason| Error::Redirect {
        host: host.to_owned(),
        target: text.chars().take(200).collect(),
        reason,
    };
    let target = response
        .url()
        .join(&text)
        .map_err(|_| refuse("it is no address"))?;
    match target.scheme() {
        "http" | "https" if target.has_host() => Ok(Some(target)),
        _ => Err(refuse("it is neither http nor https")),
    }
}

/// Host and port of an address, the port only if it is unusual.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether `host[:port]` is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Whether a handshake failed because the other side speaks something else than TLS.
fn speaks_no_tls(error: &reqwest::Error) -> bool {
    if let Some(tls) = tls_error(error) {
        return matches!(tls, rustls::Error::InvalidMessage(_));
    }
    use std::io::ErrorKind as Kind;
    // It hung up on what it didn't understand.
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|io| matches!(io.kind(), Kind::UnexpectedEof | Kind::ConnectionReset))
}

fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// An error and what it wraps, all the way down.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        match error.downcast_ref::<std::io::Error>() {
            // Its source is that of what it wraps, which would be passed over.
            Some(io) => io.get_ref().map(|wrapped| wrapped as _),
            None => error.source(),
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_named_hosts_may_be_plain() {
        let transport = Transport::new(RegistrySettings {
            plain_http: vec!["reg.lan:5000".into()],
            ..RegistrySettings::default()
        });
        for plain in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:5000",
            "127.9.9.9",
            "[::1]:5000",
            "reg.lan:5000",
        ] {
            assert!(transport.allows_plain(plain), "{plain}");
        }
        for not in [
            "reg.lan",
            "reg.lan:5001",
            "127.0.0.1.evil.example",
            "localhost.example",
            "10.0.0.1:5000",
        ] {
            assert!(!transport.allows_plain(not), "{not}");
        }
    }

    #[test]
    fn mirrors_may_be_urls_and_docker_hub_has_another_host() {
        let mirror = |text: &str| {
            let endpoint = Endpoint::mirror(text);
            (endpoint.host, endpoint.scheme)
        };
        assert_eq!(mirror("10.0.0.1:5000"), ("10.0.0.1:5000".into(), None));
        assert_eq!(mirror("http://m/"), ("m".into(), Some("http")));
        assert_eq!(mirror("https://m:1"), ("m:1".into(), Some("https")));
        assert_eq!(Endpoint::of("docker.io").host, "registry-1.docker.io");
    }
}
