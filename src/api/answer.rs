//! What goes back: JSON, text, streams, and failures in docker's shape and statuses.

use std::{convert::Infallible, io};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Response, StatusCode,
    body::Frame,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::engine::{EngineError, ErrorKind};

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;
/// An answer.
pub type Answer = Response<Body>;
/// What a handler comes to.
pub type Outcome = Result<Answer, Failure>;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The status.
    pub status: StatusCode,
    /// In words, as the client shows them.
    pub message: String,
}

impl Failure {
    /// Any.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// The request makes no sense.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// There is no such thing.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// It is not in a state in which that is possible.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// This engine can't do that.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, message)
    }

    /// Nothing is served under that path.
    pub fn no_page() -> Self {
        Self::missing("page not found")
    }

    /// The answer that tells it.
    pub fn answer(&self) -> Answer {
        let body = serde_json::json!({ "message": self.message });
        let mut text = body.to_string();
        text.push('\n');
        typed(self.status, "application/json", text)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let status = match error.kind {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Ambiguous
            | ErrorKind::Invalid
            | ErrorKind::CommandNotFound
            | ErrorKind::CommandNotExecutable => StatusCode::BAD_REQUEST,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::NeedsRoot => StatusCode::FORBIDDEN,
            ErrorKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
            // docker's clients ask for a login where they read that.
            ErrorKind::Denied => StatusCode::NOT_FOUND,
            ErrorKind::Unreachable | ErrorKind::NoSpace | ErrorKind::Internal => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        // docker's command finds its exit codes 127 and 126 by these words.
        let sign = match error.kind {
            ErrorKind::CommandNotFound => ": executable file not found in $PATH",
            ErrorKind::CommandNotExecutable => ": permission denied",
            _ => "",
        };
        let mut message = error.to_string();
        if !message.contains(sign) {
            message.push_str(sign);
        }
        // What the kind alone says is said in words of our own command.
        if let Some(hint) = &error.hint {
            message.push_str(": ");
            message.push_str(hint);
        }
        Self { status, message }
    }
}

/// A body of bytes.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(never).boxed_unsync()
}

fn never(never: Infallible) -> io::Error {
    match never {}
}

/// Bytes of a type.
pub fn typed(status: StatusCode, kind: &'static str, bytes: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(full(bytes));
    *answer.status_mut() = status;
    (answer.headers_mut()).insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// JSON.
pub fn json_with(status: StatusCode, value: &impl Serialize) -> Outcome {
    let mut text = serde_json::to_vec(value).map_err(|error| {
        Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("write JSON: {error}"),
        )
    })?;
    text.push(b'\n');
    Ok(typed(status, "application/json", text))
}

/// JSON with status 200.
pub fn json(value: &impl Serialize) -> Outcome {
    json_with(StatusCode::OK, value)
}

/// A status alone.
pub fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Empty::new().map_err(never).boxed_unsync());
    *answer.status_mut() = status;
    answer
}

/// Done, and nothing to say.
pub fn done() -> Outcome {
    Ok(empty(StatusCode::NO_CONTENT))
}

/// A body that comes piece by piece. A client that doesn't read stops the sender, and one
/// that goes away closes the channel.
pub fn streamed(kind: &'static str, mut pieces: mpsc::Receiver<io::Result<Bytes>>) -> Answer {
    let frames = stream::poll_fn(move |context| {
        pieces
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    });
    let mut answer = Response::new(StreamBody::new(frames).boxed_unsync());
    (answer.headers_mut()).insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_dockers_statuses_and_words() {
        let failed =
            |kind| Failure::from(EngineError::new(kind, "start", "web").because("no such file"));
        let missing = failed(ErrorKind::CommandNotFound);
        assert_eq!(missing.status, StatusCode::BAD_REQUEST);
        assert!(
            missing
                .message
                .contains("executable file not found in $PATH")
        );
        assert_eq!(failed(ErrorKind::NotFound).status, StatusCode::NOT_FOUND);
        assert_eq!(failed(ErrorKind::Conflict).status, StatusCode::CONFLICT);
    }
}
