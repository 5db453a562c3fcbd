//! One request, taken apart: path, query, body.

use std::{
    io,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{Method, Request, StatusCode, body::Incoming, header::HeaderMap, upgrade::OnUpgrade};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::answer::Failure;
use crate::wire::{OLDEST_VERSION, VERSION};

/// The largest body that is read as JSON.
const MAX_JSON_BYTES: usize = 4 << 20;
/// How much of a body that nobody wants is read, and for how long.
const DRAINED_BYTES: usize = 1 << 20;
const DRAIN_PATIENCE: Duration = Duration::from_secs(1);
/// Pieces of a streamed body that wait for whoever reads it.
const AHEAD: usize = 8;

/// A version of the API.
type Version = (u32, u32);

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A user of this host, by the socket's credentials.
    User {
        /// Its number.
        uid: u32,
        /// The process that asks.
        pid: i32,
    },
    /// Whoever has a certificate of this name.
    Certificate(String),
    /// Somebody at this address.
    Address(std::net::IpAddr),
    /// Nobody knows.
    Unknown,
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User { uid, pid } => write!(f, "uid {uid} (pid {pid})"),
            Self::Certificate(name) => write!(f, "certificate {name}"),
            Self::Address(address) => write!(f, "address {address}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// A body until somebody reads it.
#[derive(Clone, Debug)]
pub struct Unread(Arc<Mutex<Option<Incoming>>>);

impl Unread {
    fn take(&self) -> Option<Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Reads a body that nobody wanted, so far as its client may be about to send it: one
    /// whose connection is closed while it writes never reads why.
    pub async fn drain(self) {
        let Some(mut body) = self.take() else { return };
        let drained = async {
            let mut left = DRAINED_BYTES;
            while let Some(Ok(frame)) = body.frame().await {
                let len = frame.data_ref().map_or(0, Bytes::len);
                match left.checked_sub(len) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        };
        // One that doesn't come is not waited for.
        let _ = tokio::time::timeout(DRAIN_PATIENCE, drained).await;
    }
}

/// A request.
#[derive(Debug)]
pub struct Ask {
    /// Its method.
    pub method: Method,
    /// The parts of its path without the version, decoded.
    pub parts: Vec<String>,
    /// The version, if the path begins with one.
    pub version: Option<Version>,
    /// What stands behind the question mark.
    pub query: Query,
    /// Its headers.
    pub headers: HeaderMap,
    body: Unread,
    upgrade: Option<OnUpgrade>,
}

impl Ask {
    /// Takes a request apart.
    pub fn new(mut request: Request<Incoming>) -> Result<Self, Failure> {
        let (version, parts) = parts(request.uri().path())?;
        let upgrade = request
            .headers()
            .contains_key(hyper::header::UPGRADE)
            .then(|| hyper::upgrade::on(&mut request));
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let (head, body) = request.into_parts();
        Ok(Self {
            method: head.method,
            parts,
            version,
            query,
            headers: head.headers,
            body: Unread(Arc::new(Mutex::new(Some(body)))),
            upgrade,
        })
    }

    /// The body, while nobody has read it.
    pub fn unread(&self) -> Unread {
        self.body.clone()
    }

    /// Whether the client speaks a version before this one.
    pub fn is_older_than(&self, version: Version) -> bool {
        self.version.is_some_and(|spoken| spoken < version)
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The connection, if the client wants it for itself.
    pub fn take_upgrade(&mut self) -> Option<OnUpgrade> {
        self.upgrade.take()
    }

    /// The whole body, if it isn't too large.
    pub async fn bytes(&mut self) -> Result<Bytes, Failure> {
        let Some(body) = self.body.take() else {
            return Ok(Bytes::new());
        };
        match Limited::new(body, MAX_JSON_BYTES).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Failure::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is larger than {MAX_JSON_BYTES} bytes"),
            )),
            Err(error) => Err(Failure::bad(format!("read the body: {error}"))),
        }
    }

    /// The body as JSON.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| malformed(&error))
    }

    /// The body as JSON, or nothing if there is none.
    pub async fn json_or_default<T: DeserializeOwned + Default>(&mut self) -> Result<T, Failure> {
        let bytes = self.bytes().await?;
        match bytes.trim_ascii() {
            b"" | b"null" => Ok(T::default()),
            bytes => serde_json::from_slice(bytes).map_err(|error| malformed(&error)),
        }
    }

    /// The body as something to read from in a thread that may block. A body that is cut
    /// off is an error there, never an end.
    pub fn reader(&mut self) -> BodyReader {
        let (sender, pieces) = mpsc::channel(AHEAD);
        if let Some(mut body) = self.body.take() {
            tokio::spawn(async move {
                while let Some(frame) = body.frame().await {
                    let piece = match frame {
                        Ok(frame) => frame.into_data().ok().map(Ok),
                        Err(error) => Some(Err(io::Error::other(error))),
                    };
                    let Some(piece) = piece else { continue };
                    let is_last = piece.is_err();
                    if sender.send(piece).await.is_err() || is_last {
                        return;
                    }
                }
            });
        }
        BodyReader {
            pieces,
            rest: Bytes::new(),
        }
    }
}

fn malformed(error: &serde_json::Error) -> Failure {
    match error.is_eof() {
        true => Failure::bad("invalid JSON: unexpected EOF"),
        false => Failure::bad(format!("invalid JSON: {error}")),
    }
}

/// A body, read by a thread.
#[derive(Debug)]
pub struct BodyReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl io::Read for BodyReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.rest = piece?,
                None => return Ok(0),
            }
        }
        let n = out.len().min(self.rest.len());
        out[..n].copy_from_slice(&self.rest.split_to(n));
        Ok(n)
    }
}

/// The version before a path, and the path's parts, decoded.
fn parts(path: &str) -> Result<(Option<Version>, Vec<String>), Failure> {
    let mut parts = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let decoded = percent_decode_str(part)
            .decode_utf8()
            .map_err(|_| Failure::bad(format!("{part:?} is not UTF-8")))?;
        if decoded.contains('\0') {
            return Err(Failure::bad("a path has no zero byte"));
        }
        parts.push(decoded.into_owned());
    }
    let spoken = parts.first().and_then(|part| version(part));
    if let Some(version) = spoken {
        let (newest, oldest) = (number(VERSION), number(OLDEST_VERSION));
        let text = parts.remove(0);
        let text = text.trim_start_matches('v');
        if Some(version) > newest {
            return Err(Failure::bad(format!(
                "client version {text} is too new. Maximum supported API version is {VERSION}"
            )));
        }
        if Some(version) < oldest {
            return Err(Failure::bad(format!(
                "client version {text} is too old. Minimum supported API version is \
                 {OLDEST_VERSION}, please upgrade your client to a newer version"
            )));
        }
    }
    Ok((spoken, parts))
}

fn version(part: &str) -> Option<Version> {
    number(part.strip_prefix('v')?)
}

fn number(text: &str) -> Option<Version> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// What stands behind the question mark.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads it.
    pub fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes());
        Self(
            pairs
                .map(|(k, v)| (k.into_owned(), v.into_owned()))
                .collect(),
        )
    }

    /// A value that says something.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.all(key).next().filter(|value| !value.is_empty())
    }

    /// All values of a key.
    pub fn all<'a, 'k>(&'a self, key: &'k str) -> impl Iterator<Item = &'a str> + use<'a, 'k> {
        let pairs = self.0.iter();
        pairs
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// Whether it is on, as the daemon reads it.
    pub fn is_on(&self, key: &str) -> bool {
        self.is_on_or(key, false)
    }

    /// The same, for what is on or off where nothing is said.
    pub fn is_on_or(&self, key: &str, default: bool) -> bool {
        match self.all(key).next().map(|v| v.trim().to_ascii_lowercase()) {
            None => default,
            Some(value) => !matches!(value.as_str(), "" | "0" | "no" | "false" | "none"),
        }
    }

    /// A number.
    pub fn number<T: FromStr>(&self, key: &str) -> Result<Option<T>, Failure> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        let parsed = text.trim().parse();
        parsed
            .map(Some)
            .map_err(|_| Failure::bad(format!("{key}={text}: it is not a number in range")))
    }

    /// JSON.
    pub fn json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Failure> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        let parsed = serde_json::from_str(text);
        parsed
            .map(Some)
            .map_err(|error| Failure::bad(format!("{key}: invalid JSON: {error}")))
    }

    /// A time: seconds since 1970 with nanoseconds behind the point, or RFC 3339.
    pub fn time(&self, key: &str) -> Result<Option<Timestamp>, Failure> {
        match self.text(key) {
            None | Some("0") => Ok(None),
            Some(text) => time(text)
                .map(Some)
                .ok_or_else(|| Failure::bad(format!("{key}={text}: it is not a time"))),
        }
    }
}

/// See [`Query::time`].
pub fn time(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if let Ok(seconds) = seconds.parse::<i64>()
        && fraction.len() <= 9
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        let nanos = format!("{fraction:0<9}").parse::<i32>().ok()?;
        return Timestamp::new(seconds, nanos).ok();
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_taken_off_and_must_be_one_that_is_spoken() {
        let of = |path: &str| {
            let taken = parts(path).map(|(_, parts)| parts);
            taken.map_err(|failure| failure.message)
        };
        let ping = Ok(vec!["_ping".to_owned()]);
        assert_eq!(of("/_ping"), ping);
        assert_eq!(of("/v1.24/_ping"), ping);
        assert_eq!(of("/v1.50/_ping"), ping);
        assert!(of("/v1.51/_ping").is_err_and(|m| m.contains("too new")));
        assert!(of("/v1.23/_ping").is_err_and(|m| m.contains("too old")));
        // A name that merely looks a little like one.
        assert_eq!(of("/v1/x"), Ok(vec!["v1".to_owned(), "x".to_owned()]));
    }

    #[test]
    fn parts_are_decoded_one_by_one() {
        assert_eq!(
            parts("/v1.41/images/a%2Fb/json").unwrap(),
            (
                Some((1, 41)),
                ["images", "a/b", "json"].map(str::to_owned).to_vec()
            )
        );
        assert!(parts("/images/%ff/json").is_err());
        assert!(parts("/images/%00/json").is_err());
    }

    #[test]
    fn booleans_and_times_are_read_as_the_daemon_does() {
        let query = Query::parse("a=1&b=false&c=&d=True&e=none");
        assert!(query.is_on("a") && query.is_on("d"));
        assert!(!query.is_on("b") && !query.is_on("c") && !query.is_on("e"));
        assert!(query.is_on_or("x", true) && !query.is_on_or("b", true));
        assert_eq!(time("1.5").unwrap().as_nanosecond(), 1_500_000_000);
        assert_eq!(time("1136073600.000000001").unwrap().subsec_nanosecond(), 1);
        assert!(time("2024-01-02T03:04:05Z").is_some());
        assert_eq!(time("yesterday"), None);
    }
}
