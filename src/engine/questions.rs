//! What registries themselves are asked. From here, whichever engine is driven: logins are
//! the user's and no engine's.

use tokio_util::sync::CancellationToken;

use super::{
    EngineError, ErrorKind, Result,
    embedded::{error, in_thread},
};
use crate::{
    image::{
        self, Reference,
        registry::{self, Client, Credentials, Keychain},
    },
    model::{FoundRepository, LoginRequest, RegistrySettings, RemoteManifest, SearchRequest},
};

/// All tags that a registry has of a repository.
pub async fn tags(repository: &str, settings: RegistrySettings) -> Result<Vec<String>> {
    let reference = reference("list the tags of", repository)?;
    ask("list the tags of", repository, settings, move |client| {
        client.tags(&reference)
    })
    .await
}

/// What a registry has under a name.
pub async fn manifest(name: &str, settings: RegistrySettings) -> Result<RemoteManifest> {
    let reference = reference("inspect manifest", name)?;
    ask("inspect manifest", name, settings, move |client| {
        let fetched = client.fetch(&reference)?;
        Ok(RemoteManifest {
            digest: fetched.digest,
            media_type: fetched.media_type,
            content: fetched.content,
        })
    })
    .await
}

/// Repositories that are about something.
pub async fn search(request: SearchRequest) -> Result<Vec<FoundRepository>> {
    let subject = request.term.clone();
    ask("search", &subject, request.registries, move |client| {
        let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
        let (domain, term) = match request.term.split_once('/') {
            Some((first, rest)) if is_host(first) => (first, rest),
            _ => ("docker.io", request.term.as_str()),
        };
        client.search(domain, term, request.limit)
    })
    .await
}

/// Asks a registry whether it takes a login, and keeps it. Where.
pub async fn log_in(request: LoginRequest) -> Result<String> {
    let subject = request.registry.clone();
    ask("log in to", &subject, request.registries, move |client| {
        let credentials = Credentials::Password {
            user: request.user,
            password: request.password,
        };
        client.log_in(&request.registry, credentials.clone())?;
        if !request.keep {
            return Ok(String::new());
        }
        let path = Keychain::of_user().keep(&request.registry, &credentials)?;
        Ok(path.display().to_string())
    })
    .await
}

/// Forgets a login; false if there was none.
pub async fn log_out(registry: &str) -> Result<bool> {
    let owned = registry.to_owned();
    blocking("log out of", registry, move || {
        Keychain::of_user().forget(&owned)
    })
    .await
}

/// Asks a registry something; whoever drops the future has the question dropped.
async fn ask<T: Send + 'static>(
    operation: &'static str,
    subject: &str,
    settings: RegistrySettings,
    question: impl FnOnce(&Client) -> registry::Result<T> + Send + 'static,
) -> Result<T> {
    let cancel = CancellationToken::new();
    let _dropped = cancel.clone().drop_guard();
    blocking(operation, subject, move || {
        let keychain = Keychain::with(&settings);
        Client::new(settings, keychain, cancel).and_then(|client| question(&client))
    })
    .await
}

async fn blocking<T: Send + 'static>(
    operation: &'static str,
    subject: &str,
    work: impl FnOnce() -> registry::Result<T> + Send + 'static,
) -> Result<T> {
    match in_thread(work).await {
        Some(Ok(value)) => Ok(value),
        Some(Err(failure)) => {
            let failure = image::Error::from(failure).into();
            Err(error::facade(operation, subject, failure))
        }
        None => Err(EngineError::new(ErrorKind::Internal, operation, subject)
            .because("its thread ended without an answer")),
    }
}

/// A name as it must be read.
pub fn reference(operation: &'static str, text: &str) -> Result<Reference> {
    Reference::parse(text)
        .map_err(|error| EngineError::new(ErrorKind::Invalid, operation, text).because(error))
}
