//! Plain files by their address, for builds: what `ADD https://…` names, and contexts.

use std::io::Write;

use reqwest::{Method, Response, StatusCode, Url, header};

use super::{
    client::Client,
    error::{Error, Result},
    transport::{Ask, host_of},
};

/// Tries until the first byte comes.
const TRIES: u32 = 3;

/// A file that came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Downloaded {
    /// When it was changed, in seconds since 1970, if its server says so.
    pub modified: Option<i64>,
}

fn setup(what: &str, address: &str, reason: impl ToString) -> Error {
    Error::Setup {
        what: format!("{what} {address}"),
        reason: reason.to_string(),
    }
}

/// The address of a file.
///
/// # Errors
/// It is none of `http` or `https`.
pub fn file_address(address: &str) -> Result<Url> {
    let url: Url = address
        .parse()
        .map_err(|error| setup("read the address", address, error))?;
    match matches!(url.scheme(), "http" | "https") && url.has_host() {
        true => Ok(url),
        false => Err(setup("get", address, "it is neither http nor https")),
    }
}

impl Client {
    /// Writes the file at an `http` or `https` address.
    pub fn file(&self, address: &str, out: &mut dyn Write) -> Result<Downloaded> {
        let url = file_address(address)?;
        let host = host_of(&url);
        self.block(async {
            let mut response = self.open_file(&url, &host).await?;
            let modified = modified(&response);
            loop {
                let chunk = response.chunk().await;
                match chunk.map_err(|error| self.transport.failed(&host, &error))? {
                    None => return Ok(Downloaded { modified }),
                    Some(chunk) => out
                        .write_all(&chunk)
                        .map_err(|error| setup("write what came from", address, error))?,
                }
            }
        })
    }

    async fn open_file(&self, url: &Url, host: &str) -> Result<Response> {
        let mut attempt = 1;
        loop {
            let ask = Ask {
                method: Method::GET,
                url: url.clone(),
                headers: Vec::new(),
                body: None,
            };
            let error = match self.transport.send(&ask, None).await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => match response.status() {
                    StatusCode::NOT_FOUND | StatusCode::GONE => Error::NotFound {
                        host: host.to_owned(),
                        what: url.path().to_owned(),
                    },
                    status => Error::Status {
                        host: host.to_owned(),
                        status: status.as_u16(),
                        message: String::new(),
                    },
                },
                Err(error) => error,
            };
            if !error.is_passing() || attempt == TRIES {
                return Err(error);
            }
            tokio::time::sleep(super::client::pause(attempt)).await;
            attempt += 1;
        }
    }
}

fn modified(response: &Response) -> Option<i64> {
    let text = response
        .headers()
        .get(header::LAST_MODIFIED)?
        .to_str()
        .ok()?;
    let time = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(time.timestamp().as_second())
}
