//! Answers' beginnings and bodies, and refusals as the specification words them.

use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    Response, StatusCode,
    header::{self, HeaderName},
};
use serde_json::json;

use super::upload::Trouble;

/// What answers say that this is.
const VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;
/// An answer.
pub type Answer = Response<Body>;

/// Why a request was not done: a status, the specification's word, and ours.
#[derive(Debug)]
pub struct Refusal(pub StatusCode, pub &'static str, pub String);

/// What a request comes to.
pub type Outcome = Result<Answer, Refusal>;

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        let status = match error.kind() {
            io::ErrorKind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, "UNKNOWN", error.to_string())
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        let of = |status, code, text: &str| Self(status, code, text.to_owned());
        match trouble {
            Trouble::Unknown => of(
                StatusCode::NOT_FOUND,
                "BLOB_UPLOAD_UNKNOWN",
                "there is no such upload",
            ),
            Trouble::Busy => of(
                StatusCode::CONFLICT,
                "BLOB_UPLOAD_INVALID",
                "somebody else sends to this upload",
            ),
            Trouble::Elsewhere(at) => of(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "BLOB_UPLOAD_INVALID",
                &format!("the upload goes on at byte {at}"),
            ),
            Trouble::Lie => of(
                StatusCode::BAD_REQUEST,
                "DIGEST_INVALID",
                "what came does not have that digest",
            ),
            Trouble::TooLarge => of(
                StatusCode::PAYLOAD_TOO_LARGE,
                "SIZE_INVALID",
                "the blob is too large",
            ),
            Trouble::Io(error) => error.into(),
        }
    }
}

impl Refusal {
    /// A repository's name is none.
    pub fn name() -> Self {
        Self(
            StatusCode::BAD_REQUEST,
            "NAME_INVALID",
            "it is no name of a repository".into(),
        )
    }

    /// A digest is none.
    pub fn digest() -> Self {
        Self(
            StatusCode::BAD_REQUEST,
            "DIGEST_INVALID",
            "it is no digest such as sha256:…, which alone are kept here".into(),
        )
    }

    /// A path is none.
    pub fn page() -> Self {
        Self(
            StatusCode::NOT_FOUND,
            "UNSUPPORTED",
            "nothing is served under that path".into(),
        )
    }

    /// There is no such thing.
    pub fn unknown(code: &'static str, what: impl std::fmt::Display) -> Self {
        Self(
            StatusCode::NOT_FOUND,
            code,
            format!("{what} is not known here"),
        )
    }

    /// Nobody proved who they are.
    pub fn stranger() -> Answer {
        let mut answer = Self(
            StatusCode::UNAUTHORIZED,
            "UNAUTHORIZED",
            "authentication required".into(),
        )
        .answer();
        let challenge = header::HeaderValue::from_static("Basic realm=\"wharf\"");
        answer
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
        answer
    }

    /// The answer that tells it.
    pub fn answer(self) -> Answer {
        let body = json!({ "errors": [{ "code": self.1, "message": self.2, "detail": null }] });
        reply(self.0)
            .header(header::CONTENT_TYPE, "application/json")
            .body(whole(body.to_string()))
            .expect("its headers are constants")
    }
}

/// The beginning of an answer.
pub fn reply(status: StatusCode) -> hyper::http::response::Builder {
    Response::builder()
        .status(status)
        .header(VERSION, "registry/2.0")
}

/// An answer without a body.
pub fn done(builder: hyper::http::response::Builder) -> Answer {
    builder
        .body(whole(Bytes::new()))
        .expect("its headers are made of names that were read")
}

/// A body in one piece.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}
