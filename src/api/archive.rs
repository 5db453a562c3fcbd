//! Files of containers as archives.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hyper::{
    Method, StatusCode,
    header::{HeaderName, HeaderValue},
};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    answer::{Failure, Outcome, empty, streamed},
    ask::Ask,
    serve::Server,
};
use crate::{
    engine::{CopyFrom, CopyTo, EngineError, ErrorKind},
    model::{ContainerId, CopyRequest, PathDetails},
};

/// Pieces that wait for a client.
const AHEAD: usize = 4;

/// A body that a thread writes.
pub struct BodyWriter(mpsc::Sender<io::Result<Bytes>>);

impl BodyWriter {
    /// The writer, and what the answer is made of.
    pub fn new() -> (Self, mpsc::Receiver<io::Result<Bytes>>) {
        let (sender, receiver) = mpsc::channel(AHEAD);
        (Self(sender), receiver)
    }

    /// Where a failure is told: a cut body is all that can tell it once the head is out.
    pub fn failure(&self) -> mpsc::Sender<io::Result<Bytes>> {
        self.0.clone()
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        match self.0.blocking_send(Ok(piece)) {
            Ok(()) => Ok(bytes.len()),
            // The client is gone.
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs what blocks in a thread of its own.
pub async fn in_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(io::Error::other(error)),
    }
}

/// `GET /containers/ID/export`
pub async fn export(server: Arc<Server>, id: ContainerId) -> Outcome {
    let (writer, receiver) = BodyWriter::new();
    let failure = writer.failure();
    tokio::spawn(async move {
        if let Err(error) = server.engine.export(&id, Box::new(writer)).await {
            // The client may be gone.
            let _ = failure.send(Err(io::Error::other(error.to_string()))).await;
        }
    });
    Ok(streamed("application/octet-stream", receiver))
}

/// `HEAD`, `GET` and `PUT /containers/ID/archive`
pub async fn route(server: Arc<Server>, mut ask: Ask, id: ContainerId) -> Outcome {
    let path = ask.query.text("path").unwrap_or_default().to_owned();
    if path.is_empty() {
        return Err(Failure::bad("bad parameter: path cannot be empty"));
    }
    let request = |follow_link| CopyRequest {
        id: id.clone(),
        path: Path::new("/").join(&path),
        follow_link,
        keep_owner: true,
        unchanged: None,
    };
    let about = |error: EngineError| match is_missing(&error) {
        true => Failure::missing(format!("Could not find the file {path} in container {id}")),
        false => error.into(),
    };
    let method = ask.method.clone();
    match method {
        Method::HEAD => {
            let details = server
                .engine
                .path_details(request(false))
                .await
                .map_err(about)?;
            let mut answer = empty(StatusCode::OK);
            answer.headers_mut().insert(STAT, header(&details)?);
            Ok(answer)
        }
        Method::GET => {
            let details = server
                .engine
                .path_details(request(false))
                .await
                .map_err(about)?;
            let (writer, receiver) = BodyWriter::new();
            let (failure, asked) = (writer.failure(), request(false));
            tokio::spawn(async move {
                let to = CopyTo::Archive(Box::new(writer));
                if let Err(error) = server.engine.copy_out(asked, to).await {
                    // The client may be gone.
                    let _ = failure.send(Err(io::Error::other(error.to_string()))).await;
                }
            });
            let mut answer = streamed("application/x-tar", receiver);
            answer.headers_mut().insert(STAT, header(&details)?);
            Ok(answer)
        }
        Method::PUT => {
            let from = CopyFrom::Archive(Box::new(ask.reader()));
            server
                .engine
                .copy_in(request(true), from)
                .await
                .map_err(about)?;
            Ok(empty(StatusCode::OK))
        }
        _ => Err(Failure::no_page()),
    }
}

/// Whether a path, or the container, isn't there.
fn is_missing(error: &EngineError) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    let mut cause: Option<&dyn std::error::Error> = error.source.as_deref().map(|s| s as _);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            // What can be no name is nobody's.
            return matches!(
                error.kind(),
                NotFound | NotADirectory | InvalidFilename | InvalidInput
            );
        }
        cause = error.source();
    }
    error.kind == ErrorKind::NotFound
}

/// Where docker's clients read what is at a path.
const STAT: HeaderName = HeaderName::from_static("x-docker-container-path-stat");

fn header(details: &PathDetails) -> Result<HeaderValue, Failure> {
    let link = details.link_target.as_ref();
    let stat = json!({
        "name": details.name,
        "size": details.size,
        "mode": go_mode(details.mode),
        "mtime": details.modified.to_string(),
        "linkTarget": link.map(|link| link.display().to_string()).unwrap_or_default(),
    });
    HeaderValue::from_str(&STANDARD.encode(stat.to_string()))
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// A mode as Go's `os.FileMode` has it.
fn go_mode(mode: u32) -> u32 {
    let kind = match mode & libc::S_IFMT {
        libc::S_IFDIR => 1 << 31,
        libc::S_IFLNK => 1 << 27,
        libc::S_IFBLK => 1 << 26,
        libc::S_IFIFO => 1 << 25,
        libc::S_IFSOCK => 1 << 24,
        libc::S_IFCHR => 1 << 26 | 1 << 21,
        _ => 0,
    };
    let bit = |bit: u32, go: u32| if mode & bit != 0 { go } else { 0 };
    kind | (mode & 0o777)
        | bit(libc::S_ISUID, 1 << 23)
        | bit(libc::S_ISGID, 1 << 22)
        | bit(libc::S_ISVTX, 1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_gos() {
        assert_eq!(go_mode(libc::S_IFDIR | 0o755), 0x8000_01ed);
        assert_eq!(go_mode(libc::S_IFREG | 0o644), 0o644);
        assert_eq!(go_mode(libc::S_IFDIR | libc::S_ISVTX | 0o777), 0x8010_01ff);
        assert_eq!(go_mode(libc::S_IFLNK | 0o777), 0x0800_01ff);
    }
}
