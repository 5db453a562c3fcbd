//! Sending: blobs that a registry lacks, then the manifest that lists them.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Method, Response, StatusCode, Url, header};

use super::{
    client::{Call, Client, pause, scope},
    error::{Error, Result},
    transport::Endpoint,
};
use crate::{image::Reference, model::Digest};

/// Bytes of a blob that are read at once.
const PIECE: usize = 256 << 10;
/// Failures in a row, without any progress between them, until we give up.
const TRIES: u32 = 6;

/// How a blob came to a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// It was there.
    Present,
    /// It was taken over from another repository.
    Mounted,
    /// It was sent.
    Sent,
}

/// A blob to send.
pub struct Blob<'a> {
    /// Its digest.
    pub digest: &'a Digest,
    /// Its bytes.
    pub size: u64,
    /// Its content.
    pub file: File,
    /// A repository of the same registry that may have it.
    pub from: Option<String>,
    /// Counts its bytes as they go.
    pub moved: Arc<AtomicU64>,
}

impl Client {
    /// Sends a blob unless it is there; goes on where a broken connection ended.
    pub fn upload(
        &self,
        reference: &Reference,
        blob: Blob<'_>,
        retrying: &(dyn Fn(bool) + Sync),
    ) -> Result<Arrived> {
        let endpoint = Endpoint::of(reference.domain());
        let repository = reference.path();
        let mut scopes = vec![scope(repository, "pull,push")];
        self.block(async {
            if self
                .has(&endpoint, repository, blob.digest, &scopes)
                .await?
            {
                return Ok(Arrived::Present);
            }
            if let Some(from) = &blob.from {
                scopes.push(scope(from, "pull"));
            }
            let upload = Upload {
                client: self,
                endpoint: &endpoint,
                repository,
                scopes: &scopes,
                file: Arc::new(blob.file),
                digest: blob.digest,
                size: blob.size,
                moved: blob.moved,
            };
            match upload.begin(blob.from.as_deref()).await? {
                None => Ok(Arrived::Mounted),
                Some(location) => {
                    upload.run(location, retrying).await?;
                    Ok(Arrived::Sent)
                }
            }
        })
    }

    async fn has(
        &self,
        endpoint: &Endpoint,
        repository: &str,
        digest: &Digest,
        scopes: &[String],
    ) -> Result<bool> {
        let call = Call {
            what: "blob",
            method: &Method::HEAD,
            scopes,
            accepts: &[StatusCode::NOT_FOUND],
            ..Call::default()
        };
        let path = format!("/v2/{repository}/blobs/{digest}");
        let response = self.call(endpoint, &path, call).await?;
        Ok(response.status().is_success())
    }

    /// Puts a manifest under the tag of a reference, or under its digest.
    pub fn put_manifest(
        &self,
        reference: &Reference,
        content: &[u8],
        media_type: &str,
        digest: &Digest,
    ) -> Result<()> {
        let endpoint = Endpoint::of(reference.domain());
        let repository = reference.path();
        let version = reference.tag().unwrap_or(digest.as_str());
        let scopes = [scope(repository, "pull,push")];
        let headers = [(header::CONTENT_TYPE, media_type.to_owned())];
        let content = Bytes::copy_from_slice(content);
        let make = || Ok(reqwest::Body::from(content.clone()));
        let what = format!("repository {repository}");
        let call = Call {
            what: &what,
            method: &Method::PUT,
            scopes: &scopes,
            headers: &headers,
            body: Some(&make),
            ..Call::default()
        };
        self.block(async {
            let path = format!("/v2/{repository}/manifests/{version}");
            let response = self.call(&endpoint, &path, call).await?;
            let said = response.headers().get("docker-content-digest");
            match said.and_then(|value| Digest::parse(value.to_str().ok()?)) {
                Some(actual) if actual != *digest => Err(Error::Digest {
                    host: endpoint.host.clone(),
                    expected: digest.clone(),
                    actual,
                }),
                _ => Ok(()),
            }
        })
    }
}

/// One blob on its way.
struct Upload<'a> {
    client: &'a Client,
    endpoint: &'a Endpoint,
    repository: &'a str,
    scopes: &'a [String],
    file: Arc<File>,
    digest: &'a Digest,
    size: u64,
    moved: Arc<AtomicU64>,
}

impl Upload<'_> {
    fn call<'c>(&'c self, method: &'c Method) -> Call<'c> {
        Call {
            what: self.repository,
            method,
            scopes: self.scopes,
            ..Call::default()
        }
    }

    /// Where to send it; `None` if it was mounted.
    async fn begin(&self, from: Option<&str>) -> Result<Option<Url>> {
        let mut path = format!("/v2/{}/blobs/uploads/", self.repository);
        if let Some(from) = from {
            // Both are of a-z, 0-9 and `/._-:`: nothing to escape.
            path.push_str(&format!("?mount={}&from={from}", self.digest));
        }
        let call = self.call(&Method::POST);
        let response = self.client.call(self.endpoint, &path, call).await?;
        match response.status() {
            StatusCode::CREATED => Ok(None),
            _ => self.location(&response).map(Some),
        }
    }

    async fn run(&self, mut location: Url, retrying: &(dyn Fn(bool) + Sync)) -> Result<()> {
        let mut failures = 0;
        let mut offset = 0;
        // Some registries take a blob as a whole only.
        let mut is_whole = false;
        while offset < self.size || is_whole {
            let sent = match is_whole {
                true => return self.whole(&location).await,
                false => self.send(&location, offset).await,
            };
            match sent {
                Ok(next) => {
                    location = next;
                    break;
                }
                Err(Error::Status {
                    status: 405 | 501 | 415,
                    ..
                }) => {
                    is_whole = true;
                    offset = 0;
                    continue;
                }
                Err(error) if !error.is_passing() => return Err(error),
                Err(error) => {
                    failures += 1;
                    if failures >= TRIES {
                        return Err(error);
                    }
                }
            }
            retrying(true);
            tokio::time::sleep(pause(failures)).await;
            // What has it got? If it knows nothing of it any more, it begins again.
            let before = offset;
            (location, offset) = match self.progress(&location).await {
                Ok(now) => now,
                Err(Error::NotFound { .. }) => {
                    let again = self.begin(None).await?;
                    (again.ok_or_else(|| self.odd("it mounted nothing"))?, 0)
                }
                Err(error) if error.is_passing() => (location, offset),
                Err(error) => return Err(error),
            };
            if offset > before {
                failures = 0;
            }
            self.moved.store(offset, Ordering::Relaxed);
            retrying(false);
        }
        self.finish(location).await
    }

    /// Sends everything from `offset` on as one chunk. Where the next goes.
    async fn send(&self, location: &Url, offset: u64) -> Result<Url> {
        self.moved.store(offset, Ordering::Relaxed);
        let last = self.size - 1;
        let headers = [
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (header::CONTENT_LENGTH, (self.size - offset).to_string()),
            (header::CONTENT_RANGE, format!("{offset}-{last}")),
        ];
        let make = || Ok(self.body(offset));
        let call = Call {
            headers: &headers,
            body: Some(&make),
            ..self.call(&Method::PATCH)
        };
        // One try: what it has after a failure must be asked for first.
        let response = self
            .client
            .call_once(self.endpoint, location.clone(), call)
            .await?;
        self.location(&response)
    }

    async fn whole(&self, location: &Url) -> Result<()> {
        let headers = [
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (header::CONTENT_LENGTH, self.size.to_string()),
        ];
        let make = || Ok(self.body(0));
        let call = Call {
            headers: &headers,
            body: Some(&make),
            ..self.call(&Method::PUT)
        };
        let url = self.closing(location.clone());
        self.client.call_at(self.endpoint, url, call).await?;
        Ok(())
    }

    async fn finish(&self, location: Url) -> Result<()> {
        let headers = [(header::CONTENT_LENGTH, "0".to_owned())];
        let call = Call {
            headers: &headers,
            ..self.call(&Method::PUT)
        };
        let url = self.closing(location);
        self.client.call_at(self.endpoint, url, call).await?;
        Ok(())
    }

    fn closing(&self, mut location: Url) -> Url {
        let digest = self.digest.as_str();
        location.query_pairs_mut().append_pair("digest", digest);
        location
    }

    /// Where to go on, and with which byte.
    async fn progress(&self, location: &Url) -> Result<(Url, u64)> {
        let call = self.call(&Method::GET);
        let response = self
            .client
            .call_at(self.endpoint, location.clone(), call)
            .await?;
        let range = response.headers().get(header::RANGE);
        let range = range.and_then(|value| value.to_str().ok());
        let last = range.and_then(|range| range.rsplit_once('-')?.1.trim().parse::<u64>().ok());
        // `0-0` is also what an empty upload says; sending a byte twice is refused, so it
        // counts for none.
        let offset = last.filter(|last| *last > 0).map_or(0, |last| last + 1);
        if offset > self.size {
            return Err(self.odd("it has more of a blob than there is"));
        }
        Ok((self.location(&response)?, offset))
    }

    fn location(&self, response: &Response) -> Result<Url> {
        let value = response.headers().get(header::LOCATION);
        let text = value.and_then(|value| value.to_str().ok());
        let text = text.ok_or_else(|| self.odd("it doesn't say where to send a blob"))?;
        let base = response.url();
        let mut url = base
            .join(text)
            .map_err(|_| self.odd("where to send a blob is no address"))?;
        // Behind a proxy that ends TLS some don't know that they are spoken to in it.
        if base.scheme() == "https" && url.scheme() == "http" && url.host() == base.host() {
            let fixed = url.set_scheme("https").is_ok() && url.set_port(base.port()).is_ok();
            debug_assert!(fixed, "both are web addresses");
        }
        if base.scheme() == "https" && url.scheme() != "https" {
            return Err(self.odd("where to send a blob is not encrypted"));
        }
        Ok(url)
    }

    fn body(&self, offset: u64) -> reqwest::Body {
        let (file, size) = (self.file.clone(), self.size);
        let moved = self.moved.clone();
        let read = stream::unfold(offset, move |at| {
            let (file, moved) = (file.clone(), moved.clone());
            async move {
                let length = usize::try_from(size - at).map_or(PIECE, |left| left.min(PIECE));
                if length == 0 {
                    return None;
                }
                let mut piece = vec![0; length];
                // From the page cache most often; a thread for each would cost more.
                match file.read_exact_at(&mut piece, at) {
                    Ok(()) => {
                        moved.fetch_add(length as u64, Ordering::Relaxed);
                        Some((Ok(Bytes::from(piece)), at + length as u64))
                    }
                    Err(error) => Some((Err::<_, io::Error>(error), size)),
                }
            }
        });
        reqwest::Body::wrap_stream(read)
    }

    fn odd(&self, reason: &str) -> Error {
        Error::malformed("an upload", &self.endpoint.host, reason)
    }
}
