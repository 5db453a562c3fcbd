//! One conversation with registries: requests with what proves who we are, retried where
//! that may help, at the mirrors first. The face is blocking, as the store is; each client
//! has a runtime of its own beneath.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::{Method, Response, StatusCode, Url, header};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::{
    answer::{self, refusal},
    challenge,
    credentials::{Credentials, Keychain},
    error::{Error, Result},
    token::{self, Tokens},
    transport::{Ask, Endpoint, MakeBody, Transport},
};
use crate::model::RegistrySettings;

/// Tries of a request in all.
const TRIES: u32 = 4;
/// The pause after the first failure; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause, whatever a registry asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A client of registries.
#[derive(Debug)]
pub struct Client {
    /// Taken when dropped.
    runtime: Option<Runtime>,
    pub(super) transport: Transport,
    keychain: Keychain,
    credentials: Mutex<HashMap<String, Option<Credentials>>>,
    tokens: tokio::sync::Mutex<Tokens>,
    cancel: CancellationToken,
}

/// What is asked of a host, beside where.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// What to call it when it fails: `manifest debian:12`.
    pub(super) what: &'a str,
    pub(super) method: &'a Method,
    /// What a token must allow.
    pub(super) scopes: &'a [String],
    pub(super) headers: &'a [(header::HeaderName, String)],
    pub(super) body: Option<MakeBody<'a>>,
    /// Statuses beside 2xx that are an answer here, not a failure.
    pub(super) accepts: &'a [StatusCode],
}

impl Default for Call<'_> {
    fn default() -> Self {
        Self {
            what: "",
            method: &Method::GET,
            scopes: &[],
            headers: &[],
            body: None,
            accepts: &[],
        }
    }
}

impl Client {
    /// A client that obeys `settings`, knows the logins of `keychain`, and gives up, in
    /// the middle of anything, once `cancel` is.
    pub fn new(
        settings: RegistrySettings,
        keychain: Keychain,
        cancel: CancellationToken,
    ) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("wharf-registry")
            .enable_all()
            .build()
            .map_err(|error| Error::Setup {
                what: "start a thread".into(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            runtime: Some(runtime),
            transport: Transport::new(settings),
            keychain,
            credentials: Mutex::default(),
            tokens: tokio::sync::Mutex::default(),
            cancel,
        })
    }

    /// What it obeys.
    pub fn settings(&self) -> &RegistrySettings {
        self.transport.settings()
    }

    /// Whether nobody wants its results any more.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Ends whatever it is doing: nobody wants its results any more.
    pub fn give_up(&self) {
        self.cancel.cancel();
    }

    /// Does `work`, unless it is cancelled.
    pub(super) fn block<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = self.runtime.as_ref().expect("it is taken by dropping only");
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(Error::Cancelled),
                result = work => result,
            }
        })
    }

    /// Where a registry's names are asked for, in this order.
    pub(super) fn endpoints(&self, domain: &str) -> Vec<Endpoint> {
        let mirrors = match domain {
            "docker.io" => self.settings().mirrors.as_slice(),
            _ => &[],
        };
        let mirrors = mirrors.iter().map(|text| Endpoint::mirror(text));
        mirrors.chain([Endpoint::of(domain)]).collect()
    }

    /// What the first endpoint gives that can, and which it was.
    pub(super) async fn first<T>(
        &self,
        endpoints: &[Endpoint],
        ask: impl AsyncFn(&Endpoint) -> Result<T>,
    ) -> Result<(Endpoint, T)> {
        let mut failures = Vec::new();
        for endpoint in endpoints {
            match ask(endpoint).await {
                Ok(answer) => return Ok((endpoint.clone(), answer)),
                Err(error) => failures.push(error),
            }
        }
        match failures.pop() {
            Some(only) if failures.is_empty() => Err(only),
            Some(last) => {
                failures.push(last);
                Err(Error::All(failures))
            }
            None => Err(Error::Setup {
                what: "ask a registry".into(),
                reason: "there is none to ask".into(),
            }),
        }
    }

    /// Asks an endpoint for `path` below it, again where a failure may pass.
    pub(super) async fn call(
        &self,
        endpoint: &Endpoint,
        path: &str,
        call: Call<'_>,
    ) -> Result<Response> {
        let url = self.transport.locate(endpoint, path).await?;
        self.call_at(endpoint, url, call).await
    }

    /// The same for an address that the endpoint gave.
    pub(super) async fn call_at(
        &self,
        endpoint: &Endpoint,
        url: Url,
        call: Call<'_>,
    ) -> Result<Response> {
        let mut attempt = 0;
        loop {
            let (error, asked) = match self.authorized(endpoint, &url, call).await {
                Ok(response) => match self.checked(endpoint, response, call).await {
                    Ok(response) => return Ok(response),
                    Err(failed) => failed,
                },
                Err(error) => (error, None),
            };
            attempt += 1;
            // A host that can't be reached at all is most often a wrong name.
            let is_hopeless = matches!(error, Error::Unreachable { .. }) && attempt >= 2;
            if !error.is_passing() || attempt >= TRIES || is_hopeless {
                return Err(error);
            }
            tokio::time::sleep(asked.unwrap_or_else(|| pause(attempt))).await;
        }
    }

    /// The same, but tried once.
    pub(super) async fn call_once(
        &self,
        endpoint: &Endpoint,
        url: Url,
        call: Call<'_>,
    ) -> Result<Response> {
        let response = self.authorized(endpoint, &url, call).await?;
        let checked = self.checked(endpoint, response, call).await;
        checked.map_err(|(error, _)| error)
    }

    /// The response if it is an answer, or the failure that it is and how long the
    /// registry wants us to wait.
    async fn checked(
        &self,
        endpoint: &Endpoint,
        response: Response,
        call: Call<'_>,
    ) -> std::result::Result<Response, (Error, Option<Duration>)> {
        let status = response.status();
        if status.is_success() || call.accepts.contains(&status) {
            return Ok(response);
        }
        let wait = response.headers().get(header::RETRY_AFTER);
        let seconds = wait.and_then(|value| value.to_str().ok()?.parse().ok());
        let wait = seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE));
        let has_credentials = self.credentials(endpoint).is_ok_and(|c| c.is_some());
        let (transport, host) = (&self.transport, &endpoint.host);
        let error = refusal(transport, response, host, call.what, has_credentials).await;
        Err((error, wait))
    }

    /// Sends it; if that is refused for want of authentication, once more with it.
    async fn authorized(&self, endpoint: &Endpoint, url: &Url, call: Call<'_>) -> Result<Response> {
        let ask = Ask {
            method: call.method.clone(),
            url: url.clone(),
            headers: call.headers.to_vec(),
            body: call.body,
        };
        // What is proven to one host is no other's business, wherever it sends us.
        let root = self.transport.locate(endpoint, "/").await?;
        if url.origin() != root.origin() {
            return self.transport.send(&ask, None).await;
        }
        let known = self.tokens.lock().await.find(&endpoint.host, call.scopes);
        let response = self.transport.send(&ask, known.as_deref()).await?;
        // Redirected elsewhere, it is another's refusal.
        let is_ours = response.url().origin() == root.origin();
        if response.status() != StatusCode::UNAUTHORIZED || !is_ours {
            return Ok(response);
        }
        let values = response.headers().get_all(header::WWW_AUTHENTICATE);
        let Some(challenge) = challenge::best(values.iter().filter_map(|v| v.to_str().ok())) else {
            return Ok(response);
        };
        let fresh = {
            let mut tokens = self.tokens.lock().await;
            match tokens.find(&endpoint.host, call.scopes) {
                // Another thread was faster.
                Some(other) if Some(&other) != known.as_ref() => Some(other),
                _ => {
                    tokens.forget(&endpoint.host, call.scopes);
                    let credentials = self.credentials(endpoint)?;
                    let fresh = token::answer(
                        &self.transport,
                        endpoint,
                        &challenge,
                        call.scopes,
                        credentials.as_ref(),
                    )
                    .await?;
                    fresh.map(|fresh| {
                        let authorization = fresh.authorization.clone();
                        tokens.keep(&endpoint.host, call.scopes, fresh);
                        authorization
                    })
                }
            }
        };
        match fresh {
            // Whatever this body says is what the user shall read.
            None => Ok(response),
            Some(authorization) => {
                drop(response);
                let again = self.transport.send(&ask, Some(&authorization)).await?;
                if again.status() == StatusCode::UNAUTHORIZED {
                    self.tokens.lock().await.forget(&endpoint.host, call.scopes);
                }
                Ok(again)
            }
        }
    }

    /// Who we are to an endpoint; looked up once, because a helper may be slow.
    fn credentials(&self, endpoint: &Endpoint) -> Result<Option<Credentials>> {
        let mut known = self
            .credentials
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&endpoint.key) {
            return Ok(found.clone());
        }
        let found = self.keychain.find(&endpoint.key)?;
        known.insert(endpoint.key.clone(), found.clone());
        Ok(found)
    }

    /// Whether a registry takes these credentials. What they are kept as: a token server
    /// may have given a token in place of the password.
    pub fn log_in(&self, host: &str, credentials: Credentials) -> Result<()> {
        let endpoint = Endpoint::of(host);
        self.credentials
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(endpoint.key.clone(), Some(credentials));
        self.block(async {
            let call = Call {
                what: "registry API at /v2/",
                ..Call::default()
            };
            let response = self.call(&endpoint, "/v2/", call).await?;
            let limit = 1 << 20;
            answer::body(
                &self.transport,
                response,
                &endpoint.host,
                "its greeting",
                limit,
            )
            .await?;
            Ok(())
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Nothing of it is worth waiting for.
            runtime.shutdown_background();
        }
    }
}

/// The pause after so many failures, with a random part so that not all come at once.
pub(super) fn pause(attempt: u32) -> Duration {
    let pause = FIRST_PAUSE * 2_u32.pow(attempt.saturating_sub(1).min(6));
    let mut random = [0_u8; 1];
    // Without randomness it is merely less well spread.
    let _ = getrandom::fill(&mut random);
    pause.min(LONGEST_PAUSE) + pause.min(LONGEST_PAUSE) * u32::from(random[0]) / 1024
}

/// The scope of a token for a repository: `pull` or `pull,push`.
pub(super) fn scope(repository: &str, actions: &str) -> String {
    format!("repository:{repository}:{actions}")
}
