//! Blobs as streams that survive broken connections.

use bytes::Bytes;
use reqwest::{Response, StatusCode, header};

use super::{
    answer::refusal,
    client::{Call, Client, pause, scope},
    error::{Error, Result},
    manifest::Fetched,
    transport::Endpoint,
};
use crate::{image::Reference, model::Digest};

/// Failures in a row, without a single byte between them, until we give up.
const TRIES: u32 = 6;
/// Connections for one blob, however well each begins.
const CONNECTIONS: u32 = 200;

/// A blob from some offset to its end. Exactly its bytes come, or an error; what they are
/// is not checked here.
pub struct Download<'a> {
    client: &'a Client,
    endpoints: Vec<Endpoint>,
    repository: String,
    digest: Digest,
    size: u64,
    position: u64,
    response: Option<Response>,
    connections: u32,
    /// Told when it has to connect again.
    retrying: Box<dyn Fn(bool) + Send + 'a>,
    /// The error that ended it: an I/O error can only carry its words.
    failed: Option<Error>,
}

impl Client {
    /// A blob of `size` bytes of the repository that `manifest` is from, beginning at
    /// `offset`.
    pub fn download<'a>(
        &'a self,
        reference: &Reference,
        manifest: &Fetched,
        (digest, size): (&Digest, u64),
        offset: u64,
        retrying: impl Fn(bool) + Send + 'a,
    ) -> Download<'a> {
        Download {
            client: self,
            endpoints: self.endpoints_after(reference.domain(), &manifest.endpoint),
            repository: reference.path().to_owned(),
            digest: digest.clone(),
            size,
            position: offset,
            response: None,
            connections: 0,
            retrying: Box::new(retrying),
            failed: None,
        }
    }
}

impl Download<'_> {
    /// Who it comes from.
    pub fn host(&self) -> &str {
        &self.endpoints[0].host
    }

    /// Why it failed, if it did.
    pub fn take_error(&mut self) -> Option<Error> {
        self.failed.take()
    }

    /// The next bytes; empty at the end.
    pub fn chunk(&mut self) -> Result<Bytes> {
        if self.position == self.size {
            return Ok(Bytes::new());
        }
        let client = self.client;
        client.block(self.receive())
    }

    async fn receive(&mut self) -> Result<Bytes> {
        let mut failures = 0;
        loop {
            let error = match self.step().await {
                Ok(chunk) if chunk.is_empty() => self.hung_up(),
                Ok(chunk) => {
                    let length = chunk.len() as u64;
                    if length > self.size - self.position {
                        return Err(self.wrong_length(self.position + length));
                    }
                    self.position += length;
                    if failures > 0 {
                        (self.retrying)(false);
                    }
                    return Ok(chunk);
                }
                Err(error) => error,
            };
            self.response = None;
            failures += 1;
            if !error.is_passing() || failures >= TRIES || self.connections >= CONNECTIONS {
                if self.endpoints.len() > 1 && !matches!(error, Error::Cancelled) {
                    // A mirror may have lost it.
                    self.endpoints.remove(0);
                    failures = 0;
                    continue;
                }
                return Err(error);
            }
            (self.retrying)(true);
            tokio::time::sleep(pause(failures)).await;
        }
    }

    async fn step(&mut self) -> Result<Bytes> {
        if self.response.is_none() {
            self.connections += 1;
            let (response, first) = self.open().await?;
            self.response = Some(response);
            if !first.is_empty() {
                return Ok(first);
            }
        }
        let response = self.response.as_mut().expect("it was opened just now");
        match response.chunk().await {
            Ok(chunk) => Ok(chunk.unwrap_or_default()),
            Err(error) => Err(self.client.transport.failed(self.host(), &error)),
        }
    }

    /// A response whose next bytes are those from our position on, and what of them was
    /// read already.
    async fn open(&self) -> Result<(Response, Bytes)> {
        let endpoint = &self.endpoints[0];
        let what = format!("blob {} of {}", self.digest, self.repository);
        let scopes = [scope(&self.repository, "pull")];
        let range = [(header::RANGE, format!("bytes={}-", self.position))];
        let call = Call {
            what: &what,
            scopes: &scopes,
            headers: if self.position > 0 { &range } else { &[] },
            accepts: &[StatusCode::RANGE_NOT_SATISFIABLE],
            ..Call::default()
        };
        let path = format!("/v2/{}/blobs/{}", self.repository, self.digest);
        let mut response = self.client.call(endpoint, &path, call).await?;
        let length = response.content_length();
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let (start, total) = content_range(&response).unwrap_or((u64::MAX, None));
                if start != self.position {
                    let reason = "its answer is another part than was asked for";
                    return Err(Error::malformed("a blob", &endpoint.host, reason));
                }
                match total {
                    Some(total) if total != self.size => Err(self.wrong_length(total)),
                    _ => Ok((response, Bytes::new())),
                }
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let total = content_range(&response).and_then(|(_, total)| total);
                Err(self.wrong_length(total.unwrap_or(self.position)))
            }
            StatusCode::OK => {
                if let Some(length) = length.filter(|length| *length != self.size) {
                    return Err(self.wrong_length(length));
                }
                // It may know no ranges: what we have comes again.
                let mut surplus = self.position;
                loop {
                    if surplus == 0 {
                        return Ok((response, Bytes::new()));
                    }
                    let chunk = response.chunk().await;
                    let chunk = chunk
                        .map_err(|error| self.client.transport.failed(self.host(), &error))?
                        .ok_or_else(|| self.hung_up())?;
                    if chunk.len() as u64 > surplus {
                        return Ok((response, chunk.slice(surplus as usize..)));
                    }
                    surplus -= chunk.len() as u64;
                }
            }
            _ => {
                let transport = &self.client.transport;
                Err(refusal(transport, response, &endpoint.host, &what, false).await)
            }
        }
    }

    fn hung_up(&self) -> Error {
        Error::Unreachable {
            host: self.host().to_owned(),
            reason: "it hung up in the middle of a blob".into(),
        }
    }

    fn wrong_length(&self, actual: u64) -> Error {
        Error::Length {
            host: self.host().to_owned(),
            digest: self.digest.clone(),
            expected: self.size,
            actual,
        }
    }
}

/// First byte and total of `Content-Range: bytes FIRST-LAST/TOTAL` (RFC 9110, 14.4).
fn content_range(response: &Response) -> Option<(u64, Option<u64>)> {
    let value = response
        .headers()
        .get(header::CONTENT_RANGE)?
        .to_str()
        .ok()?;
    let (range, total) = value.trim().strip_prefix("bytes")?.split_once('/')?;
    let first = range.trim().split('-').next()?.parse().unwrap_or(u64::MAX);
    Some((first, total.trim().parse().ok()))
}
