//! Tokens of the distribution project's token servers: asked for with what we know of
//! ourselves, kept until shortly before they expire.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Method, StatusCode, Url, header};
use serde::Deserialize;

use super::{
    answer::{self, body},
    challenge::Challenge,
    credentials::Credentials,
    error::{Error, Result},
    transport::{Ask, Endpoint, Transport, host_of},
};

/// Bytes that an answer with a token may have.
const LARGEST: u64 = 64 << 10;
/// What the specification lets a token live if its server doesn't say.
const USUAL_LIFE: Duration = Duration::from_secs(60);
/// Tokens are renewed this long before their end, or a clock that is late would fail.
const MARGIN: Duration = Duration::from_secs(5);
/// Who we say we are to token servers.
const CLIENT: &str = "wharf";

/// The values of `Authorization` that work, by host and scopes.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    known: HashMap<(String, String), (String, Option<Instant>)>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    expires_in: Option<u64>,
}

impl Tokens {
    /// What to send to a host for these scopes, if it is known already.
    pub(super) fn find(&self, host: &str, scopes: &[String]) -> Option<String> {
        let key = (host.to_owned(), scopes.join(" "));
        let (value, end) = self.known.get(&key)?;
        let is_good = end.is_none_or(|end| Instant::now() < end);
        is_good.then(|| value.clone())
    }

    /// Forgets what a host has refused.
    pub(super) fn forget(&mut self, host: &str, scopes: &[String]) {
        self.known.remove(&(host.to_owned(), scopes.join(" ")));
    }

    /// Keeps what to send to a host.
    pub(super) fn keep(&mut self, host: &str, scopes: &[String], fresh: Fresh) {
        let key = (host.to_owned(), scopes.join(" "));
        self.known.insert(key, (fresh.authorization, fresh.end));
    }
}

/// A value of `Authorization` and its end.
pub(super) struct Fresh {
    pub(super) authorization: String,
    pub(super) end: Option<Instant>,
}

/// Answers a challenge; `None` if it wants credentials and there are none.
pub(super) async fn answer(
    transport: &Transport,
    endpoint: &Endpoint,
    challenge: &Challenge,
    scopes: &[String],
    credentials: Option<&Credentials>,
) -> Result<Option<Fresh>> {
    let lasting = |authorization| {
        Ok(Some(Fresh {
            authorization,
            end: None,
        }))
    };
    if let Some(Credentials::RegistryToken(token)) = credentials {
        return lasting(format!("Bearer {token}"));
    }
    match (challenge, credentials) {
        (Challenge::Basic, Some(Credentials::Password { user, password })) => {
            lasting(basic(user, password))
        }
        (Challenge::Basic, _) => Ok(None),
        (
            Challenge::Bearer {
                realm,
                service,
                scope,
            },
            _,
        ) => {
            let malformed =
                |reason: &str| Error::malformed("the challenge", &endpoint.host, reason);
            let realm: Url = realm
                .parse()
                .map_err(|_| malformed("its realm is no address"))?;
            let is_fit = match realm.scheme() {
                "https" => true,
                "http" => transport.allows_plain(&host_of(&realm)),
                _ => false,
            };
            if !is_fit || !realm.has_host() {
                return Err(malformed("its realm is not https"));
            }
            let service = service.as_deref().unwrap_or_default();
            let mut wanted: Vec<&str> = scopes.iter().map(String::as_str).collect();
            if wanted.is_empty() {
                wanted.extend(scope.as_deref());
            }
            fetch(transport, realm, service, &wanted, credentials)
                .await
                .map(Some)
        }
    }
}

async fn fetch(
    transport: &Transport,
    mut realm: Url,
    service: &str,
    scopes: &[&str],
    credentials: Option<&Credentials>,
) -> Result<Fresh> {
    let host = host_of(&realm);
    let started = Instant::now();
    let response = if let Some(Credentials::IdentityToken(token)) = credentials {
        let mut form = Url::parse("form:").expect("it is an address");
        form.query_pairs_mut()
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", service)
            .append_pair("client_id", CLIENT)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("refresh_token", token);
        let text = form.query().unwrap_or_default().to_owned();
        let make = || Ok(reqwest::Body::from(text.clone()));
        let form = "application/x-www-form-urlencoded".to_owned();
        let ask = Ask {
            method: Method::POST,
            url: realm,
            headers: vec![(header::CONTENT_TYPE, form)],
            body: Some(&make),
        };
        transport.send(&ask, None).await?
    } else {
        {
            let mut query = realm.query_pairs_mut();
            if !service.is_empty() {
                query.append_pair("service", service);
            }
            for scope in scopes {
                query.append_pair("scope", scope);
            }
            if let Some(Credentials::Password { user, .. }) = credentials {
                query.append_pair("account", user);
            }
        }
        let authorization = match credentials {
            Some(Credentials::Password { user, password }) => Some(basic(user, password)),
            _ => None,
        };
        let ask = Ask {
            method: Method::GET,
            url: realm,
            headers: Vec::new(),
            body: None,
        };
        transport.send(&ask, authorization.as_deref()).await?
    };
    match response.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
            return Err(Error::Denied {
                message: answer::words(transport, response, &host).await,
                has_credentials: credentials.is_some(),
                host,
            });
        }
        _ => return Err(answer::unexpected(transport, response, &host).await),
    }
    let text = body(transport, response, &host, "the token", LARGEST).await?;
    let answer: Answer = serde_json::from_slice(&text)
        .map_err(|error| Error::malformed("the token", &host, error))?;
    let token = match answer.token.is_empty() {
        true => answer.access_token,
        false => answer.token,
    };
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::malformed("the token", &host, "there is none in it"));
    }
    let life = answer.expires_in.map_or(USUAL_LIFE, |seconds| {
        // A day is as good as for ever, and no number makes the clock overflow.
        Duration::from_secs(seconds.clamp(60, 86_400))
    });
    Ok(Fresh {
        authorization: format!("Bearer {token}"),
        end: Some(started + life - MARGIN),
    })
}

fn basic(user: &str, password: &str) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{user}:{password}"))
    )
}
