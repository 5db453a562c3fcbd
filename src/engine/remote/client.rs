//! Requests and answers: one connection each, kept for the next while it is good, and
//! every failure with its kind.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{sync::mpsc, time::timeout};

use super::connect::{Connector, Unreachable, unreachable, why};
use crate::{
    engine::{EngineError, ErrorKind, Result},
    model::Address,
};

/// Connections that are kept while nobody asks.
const MOST_IDLE: usize = 8;
/// Who waits for a picture is told after so long that there is none.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest answer that is taken in one piece.
const LARGEST_ANSWER: usize = 256 << 20;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Speaks HTTP to one engine.
#[derive(Debug)]
pub struct Client {
    connector: Connector,
    /// Who named its address.
    chosen_by: String,
    idle: Mutex<Vec<SendRequest<Body>>>,
    /// Something was asked for since the last look that may change the picture.
    changed: AtomicBool,
}

/// One request on its way.
pub struct Ask {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    headers: Vec<(header::HeaderName, String)>,
    body: Content,
    operation: &'static str,
    subject: String,
}

enum Content {
    None,
    Json(Value),
    /// A tar, as it is made.
    Tar(mpsc::Receiver<io::Result<Bytes>>),
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Ask {
    /// A question about something, which its failures then name.
    pub fn get(path: impl Into<String>, operation: &'static str, subject: &str) -> Self {
        Self::of(Method::GET, path, operation, subject)
    }

    /// A command.
    pub fn post(path: impl Into<String>, operation: &'static str, subject: &str) -> Self {
        Self::of(Method::POST, path, operation, subject)
    }

    /// Any.
    pub fn of(
        method: Method,
        path: impl Into<String>,
        operation: &'static str,
        subject: &str,
    ) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Content::None,
            operation,
            subject: subject.to_owned(),
        }
    }

    /// With a key of the query; it may have several.
    pub fn query(mut self, key: &'static str, value: impl ToString) -> Self {
        self.query.push((key, value.to_string()));
        self
    }

    /// With a key of the query, if there is a value.
    pub fn maybe(self, key: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(key, value),
            None => self,
        }
    }

    /// With a header.
    pub fn header(mut self, name: header::HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a JSON body.
    pub fn json(mut self, body: Value) -> Self {
        self.body = Content::Json(body);
        self
    }

    /// With a tar as its body.
    pub fn tar(mut self, pieces: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        self.body = Content::Tar(pieces);
        self
    }

    fn failed(
        &self,
        kind: ErrorKind,
        why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> EngineError {
        EngineError::new(kind, self.operation, &self.subject).because(why)
    }
}

/// Text as a part of a path or a query.
pub fn escape(text: &str) -> String {
    use fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'/'
            | b':'
            | b'@' => out.push(byte as char),
            _ => write!(out, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
        out
    })
}

impl Client {
    /// To an engine that is asked nothing yet.
    pub fn new(address: Address, chosen_by: String) -> std::result::Result<Self, Unreachable> {
        Ok(Self {
            chosen_by,
            connector: Connector::new(address)?,
            idle: Mutex::default(),
            changed: AtomicBool::new(false),
        })
    }

    /// Whether anything was changed through this client since the last time this was
    /// asked. An engine's event of it may come later than the next picture.
    pub fn take_change(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        self.connector.address()
    }

    /// An answer in one piece.
    pub async fn json<T: DeserializeOwned>(&self, ask: Ask) -> Result<T> {
        let (operation, subject) = (ask.operation, ask.subject.clone());
        let bytes = self.bytes(ask).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            EngineError::new(ErrorKind::Internal, operation, subject)
                .because(format!("the engine's answer can't be read: {error}"))
        })
    }

    /// The same for a picture, which no engine needs long for.
    pub async fn soon<T: DeserializeOwned>(&self, ask: Ask) -> Result<T> {
        let (operation, subject) = (ask.operation, ask.subject.clone());
        self.patiently(operation, &subject, self.json(ask)).await
    }

    /// An engine that doesn't answer is as good as gone.
    pub async fn patiently<T>(
        &self,
        operation: &'static str,
        subject: &str,
        answer: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        timeout(PATIENCE, answer).await.unwrap_or_else(|_| {
            let why = unreachable(
                format!("no answer within {} seconds", PATIENCE.as_secs()),
                "look whether the machine is up and the engine is not stuck",
            );
            Err(self.lost(operation, subject, &why))
        })
    }

    /// How many questions make sense at once.
    pub fn at_once(&self) -> usize {
        self.connector.at_once()
    }

    /// Nothing but that it was done.
    pub async fn done(&self, ask: Ask) -> Result<()> {
        self.bytes(ask).await.map(drop)
    }

    /// An answer in one piece, whatever it is.
    pub async fn bytes(&self, ask: Ask) -> Result<Bytes> {
        let (operation, subject) = (ask.operation, ask.subject.clone());
        let (answer, sender) = self.answer(ask).await?;
        let body = collect(answer.into_body()).await.map_err(|why| {
            EngineError::new(ErrorKind::Unreachable, operation, subject).because(why)
        })?;
        self.keep(sender);
        Ok(body)
    }

    /// An answer that comes bit by bit, its head already good.
    pub async fn stream(&self, ask: Ask) -> Result<Response<Incoming>> {
        self.answer(ask).await.map(|(answer, _)| answer)
    }

    /// A connection that after the answer belongs to the caller, and the answer's head.
    pub async fn hijack(&self, ask: Ask) -> Result<hyper::upgrade::Upgraded> {
        let failed = ask.failed(
            ErrorKind::Internal,
            "the engine did not hand the connection over",
        );
        let ask = ask
            .header(header::CONNECTION, "Upgrade".into())
            .header(header::UPGRADE, "tcp".into());
        let (answer, _) = self.answer(ask).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(failed);
        }
        let upgraded = hyper::upgrade::on(answer).await;
        upgraded.map_err(|error| failed.because(error))
    }

    /// Sends a request; what isn't an error comes back with the connection it came over.
    async fn answer(&self, mut ask: Ask) -> Result<(Response<Incoming>, SendRequest<Body>)> {
        // A kept connection may be closed just now; one that was never heard of our
        // request is tried again on a fresh one.
        let again = matches!(ask.body, Content::None | Content::Json(_));
        let mut kept = self.kept().await;
        loop {
            let is_kept = kept.is_some();
            let mut sender = match kept.take() {
                Some(sender) => sender,
                None => {
                    let fresh = self.fresh().await;
                    fresh.map_err(|error| self.lost(ask.operation, &ask.subject, &error))?
                }
            };
            let request = self.request(&mut ask, again)?;
            match sender.send_request(request).await {
                Ok(answer) if is_good(answer.status()) => {
                    if !matches!(ask.method, Method::GET | Method::HEAD) {
                        self.changed.store(true, Ordering::Relaxed);
                    }
                    return Ok((answer, sender));
                }
                Ok(answer) => {
                    let refusal = self.refused(&ask, answer).await;
                    self.keep(sender);
                    return Err(refusal);
                }
                Err(error) if is_kept && again && error.is_canceled() => continue,
                Err(error) => return Err(self.lost(ask.operation, &ask.subject, &why(&error))),
            }
        }
    }

    fn request(&self, ask: &mut Ask, again: bool) -> Result<Request<Body>> {
        let mut path = escape(&ask.path);
        for (n, (key, value)) in ask.query.iter().enumerate() {
            path += if n == 0 { "?" } else { "&" };
            path += &format!("{key}={}", escape(value));
        }
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(&path)
            .header(header::HOST, "docker")
            .header(
                header::USER_AGENT,
                concat!("wharf/", env!("CARGO_PKG_VERSION")),
            );
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let content = match again {
            true => match &ask.body {
                Content::Json(value) => Content::Json(value.clone()),
                _ => Content::None,
            },
            false => std::mem::replace(&mut ask.body, Content::None),
        };
        let built = match content {
            Content::None => request.body(whole(Bytes::new())),
            Content::Json(value) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(whole(value.to_string().into())),
            Content::Tar(mut pieces) => {
                let frames = futures_util::stream::poll_fn(move |cx| {
                    pieces
                        .poll_recv(cx)
                        .map(|piece| Some(piece?.map(Frame::data)))
                });
                request
                    .header(header::CONTENT_TYPE, "application/x-tar")
                    .body(StreamBody::new(frames).boxed_unsync())
            }
        };
        built.map_err(|error| ask.failed(ErrorKind::Invalid, error))
    }

    async fn fresh(&self) -> std::result::Result<SendRequest<Body>, Unreachable> {
        let wire = self.connector.connect().await?;
        let shaken = http1::handshake(TokioIo::new(wire)).await;
        let (sender, connection) = shaken.map_err(|error| why(&error))?;
        // Ends with the connection, which ends with its sender.
        tokio::spawn(connection.with_upgrades());
        Ok(sender)
    }

    /// A connection that is still good. The one that was kept last may have its answer's
    /// end before it.
    async fn kept(&self) -> Option<SendRequest<Body>> {
        loop {
            let kept = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let mut sender = kept?;
            if sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }

    fn keep(&self, sender: SendRequest<Body>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE && !sender.is_closed() {
            idle.push(sender);
        }
    }

    /// There is no engine to ask: where it was looked for, why not, and what to do.
    pub fn lost(&self, operation: &'static str, subject: &str, why: &Unreachable) -> EngineError {
        let (address, by) = (self.address(), &self.chosen_by);
        let reason = format!("no engine at {address} (from {by}): {why}");
        EngineError::new(ErrorKind::Unreachable, operation, subject)
            .because(reason)
            .with_hint(why.hint.clone())
    }

    async fn refused(&self, ask: &Ask, answer: Response<Incoming>) -> EngineError {
        let status = answer.status();
        let body = collect(answer.into_body()).await.unwrap_or_default();
        let message = serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|value| Some(value.get("message")?.as_str()?.trim().to_owned()))
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| format!("the engine answered {status}"));
        // A wharf says itself what it was asked to do.
        let own = format!("{} {}: ", ask.operation, ask.subject);
        let message = message.strip_prefix(&own).unwrap_or(&message).to_owned();
        ask.failed(kind(status, ask.operation, &message), message)
    }
}

fn is_good(status: StatusCode) -> bool {
    // "Not modified": it was so already.
    status.is_success()
        || matches!(
            status,
            StatusCode::SWITCHING_PROTOCOLS | StatusCode::NOT_MODIFIED
        )
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

async fn collect(mut body: Incoming) -> std::result::Result<Bytes, String> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| format!("the answer broke off: {}", why(&error)))?;
        if let Ok(piece) = frame.into_data() {
            if all.len() + piece.len() > LARGEST_ANSWER {
                return Err("the answer is too large".into());
            }
            all.extend_from_slice(&piece);
        }
    }
    Ok(all.into())
}

/// What a failure is: by its status, and where every cause of a start has the same one by
/// docker's words for it, as docker's own client does.
pub fn kind(status: StatusCode, operation: &str, message: &str) -> ErrorKind {
    // Runtimes differ in their capitals.
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if matches!(operation, "start" | "exec") && !says(&["no such container"]) {
        if says(&["executable file not found", "no such file or directory"]) {
            return ErrorKind::CommandNotFound;
        }
        if says(&["permission denied"]) {
            return ErrorKind::CommandNotExecutable;
        }
    }
    match status.as_u16() {
        400 | 405 | 406 | 413 | 415 => ErrorKind::Invalid,
        401 | 403 => ErrorKind::Denied,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        501 => ErrorKind::Unsupported,
        502..=504 => ErrorKind::Unreachable,
        507 => ErrorKind::NoSpace,
        _ if says(&["no space left"]) => ErrorKind::NoSpace,
        // Podman has one status for all of these.
        _ if says(&["already in use", "already exists", "state improper"]) => ErrorKind::Conflict,
        _ => ErrorKind::Internal,
    }
}

/// Objects of JSON one after another, as they come; the first that can't be read ends it.
#[derive(Debug)]
pub struct Lines {
    body: Incoming,
    buffer: Vec<u8>,
}

impl Lines {
    /// Of an answer.
    pub fn of(answer: Response<Incoming>) -> Self {
        Self {
            body: answer.into_body(),
            buffer: Vec::new(),
        }
    }

    /// The next object; `None` at the end.
    pub async fn next(&mut self) -> std::result::Result<Option<Value>, String> {
        loop {
            let mut values = serde_json::Deserializer::from_slice(&self.buffer).into_iter();
            match values.next() {
                Some(Ok(value)) => {
                    let used = values.byte_offset();
                    self.buffer.drain(..used);
                    return Ok(Some(value));
                }
                Some(Err(error)) if !error.is_eof() => {
                    return Err(format!("the engine's answer can't be read: {error}"));
                }
                Some(Err(_)) | None => {}
            }
            if self.buffer.len() > LARGEST_ANSWER {
                return Err("the answer is too large".into());
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        self.buffer.extend_from_slice(&piece);
                    }
                }
                Some(Err(error)) => return Err(format!("the answer broke off: {}", why(&error))),
                None => return Ok(None),
            }
        }
    }
}

/// A client that many tasks ask.
pub type Shared = Arc<Client>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place_in_a_path() {
        assert_eq!(escape("a?b=c&d#e f\n"), "a%3Fb%3Dc%26d%23e%20f%0A");
        assert_eq!(escape("reg:5000/a/b@sha256:00"), "reg:5000/a/b@sha256:00");
    }

    #[test]
    fn failures_of_a_start_are_told_apart_as_dockers_client_does() {
        let of = |operation, status, text: &str| {
            kind(StatusCode::from_u16(status).unwrap(), operation, text)
        };
        let missing = "exec: \"nope\": executable file not found in $PATH: unknown";
        assert_eq!(of("start", 400, missing), ErrorKind::CommandNotFound);
        assert_eq!(
            of("start", 404, "No such container: x"),
            ErrorKind::NotFound
        );
        assert_eq!(of("stop", 404, "No such container: x"), ErrorKind::NotFound);
        assert_eq!(of("create", 409, "name in use"), ErrorKind::Conflict);
        assert_eq!(
            of("pull", 500, "no space left on device"),
            ErrorKind::NoSpace
        );
    }
}
