//! Reading what registries answer, never more of it than anything of the kind can have.

use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::{
    error::{Error, Result},
    transport::Transport,
};

/// Bytes of an error that are read.
const LARGEST_ERROR: u64 = 16 << 10;
/// Characters of a registry's own words that are passed on.
const WORDS: usize = 200;

#[derive(Deserialize)]
struct Errors {
    errors: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// A whole body of at most `limit` bytes.
pub(super) async fn body(
    transport: &Transport,
    mut response: Response,
    host: &str,
    what: &'static str,
    limit: u64,
) -> Result<Vec<u8>> {
    let too_large = || Error::TooLarge {
        what,
        host: host.to_owned(),
        limit,
    };
    if response
        .content_length()
        .is_some_and(|length| length > limit)
    {
        return Err(too_large());
    }
    // A time-out of each read alone would let one byte a while go on for ever.
    let patience = transport.settings().patience * 4;
    let read = async {
        let mut bytes = Vec::new();
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|error| transport.failed(host, &error))? {
                None => return Ok(bytes),
                Some(chunk) if (bytes.len() + chunk.len()) as u64 > limit => {
                    return Err(too_large());
                }
                Some(chunk) => bytes.extend_from_slice(&chunk),
            }
        }
    };
    match tokio::time::timeout(patience, read).await {
        Ok(result) => result,
        Err(_) => Err(Error::Stalled {
            host: host.to_owned(),
            seconds: patience.as_secs(),
        }),
    }
}

/// The error that an unexpected status is. `what` is what was asked for.
pub(super) async fn refusal(
    transport: &Transport,
    response: Response,
    host: &str,
    what: &str,
    has_credentials: bool,
) -> Error {
    match response.status() {
        StatusCode::NOT_FOUND => Error::NotFound {
            host: host.to_owned(),
            what: what.to_owned(),
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Denied {
            message: words(transport, response, host).await,
            host: host.to_owned(),
            has_credentials,
        },
        _ => unexpected(transport, response, host).await,
    }
}

/// The error that a status is which nobody expects.
pub(super) async fn unexpected(transport: &Transport, response: Response, host: &str) -> Error {
    let status = response.status().as_u16();
    let words = words(transport, response, host).await;
    Error::Status {
        host: host.to_owned(),
        status,
        message: format!(": {words}"),
    }
}

/// What a registry says about its refusal; the name of the status if it says nothing.
pub(super) async fn words(transport: &Transport, response: Response, host: &str) -> String {
    let usual = response.status().canonical_reason().unwrap_or("refused");
    let read = body(transport, response, host, "an error", LARGEST_ERROR).await;
    let errors = read
        .ok()
        .and_then(|text| serde_json::from_slice::<Errors>(&text).ok());
    let first = errors.and_then(|errors| errors.errors.into_iter().next());
    let text = match first {
        Some(one) if !one.message.is_empty() => one.message,
        Some(one) if !one.code.is_empty() => one.code,
        _ => usual.to_lowercase(),
    };
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(WORDS).collect()
}
