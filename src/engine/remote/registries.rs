//! Transfers that the other engine makes, with our logins. Registries themselves are
//! asked from here, as docker's client keeps logins with the user and not with an engine.

use std::collections::HashMap;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    Remote,
    client::{Ask, Lines},
    images::{self, REGISTRY_AUTH},
};
use crate::{
    engine::{
        EngineError, ErrorKind, Reference, Registries, Result, Transfers, questions as asked,
    },
    image::{
        Board,
        registry::{Credentials, Keychain},
    },
    model::{
        Digest, Direction, FoundRepository, LayerState, LayerTransfer, LoginRequest, Phase,
        PullRequest, PushRequest, RegistrySettings, RemoteManifest, SearchRequest, Transfer,
        TransferOutcome,
    },
};

/// Pictures that wait for a reader.
const AHEAD: usize = 4;

#[async_trait]
impl Registries for Remote {
    async fn pull(&self, request: PullRequest) -> Result<Transfers> {
        let (name, auth) = known("pull", &request.reference)?;
        let tag = match name.any_digest() {
            Some(digest) => digest.to_owned(),
            None => name.tag().unwrap_or("latest").to_owned(),
        };
        let ask = Ask::post("/images/create", "pull", &request.reference)
            .query("fromImage", name.repository())
            .query("tag", tag)
            .maybe("platform", request.platform)
            .header(REGISTRY_AUTH, auth);
        self.transfer("pull", Direction::Pull, name.familiar(), ask)
            .await
    }

    async fn push(&self, request: PushRequest) -> Result<Transfers> {
        let (name, auth) = known("push", &request.reference)?;
        let path = format!("/images/{}/push", name.repository());
        let ask = Ask::post(path, "push", &request.reference)
            .query("tag", name.tag().unwrap_or("latest"))
            .header(REGISTRY_AUTH, auth);
        self.transfer("push", Direction::Push, name.familiar(), ask)
            .await
    }

    async fn tags(&self, repository: &str, settings: RegistrySettings) -> Result<Vec<String>> {
        asked::tags(repository, settings).await
    }

    async fn manifest(&self, name: &str, settings: RegistrySettings) -> Result<RemoteManifest> {
        asked::manifest(name, settings).await
    }

    async fn search(&self, request: SearchRequest) -> Result<Vec<FoundRepository>> {
        asked::search(request).await
    }

    async fn log_in(&self, request: LoginRequest) -> Result<String> {
        asked::log_in(request).await
    }

    async fn log_out(&self, registry: &str) -> Result<bool> {
        asked::log_out(registry).await
    }
}

/// A name, and what its registry is told of who we are.
fn known(operation: &'static str, text: &str) -> Result<(Reference, String)> {
    let failed = |kind| EngineError::new(kind, operation, text);
    let name = Reference::parse(text).map_err(|error| failed(ErrorKind::Invalid).because(error))?;
    let found = Keychain::of_user()
        .find(name.domain())
        .map_err(|error| failed(ErrorKind::Internal).because(error))?;
    let auth = match found {
        Some(Credentials::Password { user, password }) => json!({
            "username": user, "password": password, "serveraddress": name.domain(),
        }),
        Some(Credentials::IdentityToken(token)) => {
            json!({ "identitytoken": token, "serveraddress": name.domain() })
        }
        Some(Credentials::RegistryToken(token)) => json!({ "registrytoken": token }),
        None => json!({}),
    };
    Ok((name, URL_SAFE.encode(auth.to_string())))
}

impl Remote {
    async fn transfer(
        &self,
        operation: &'static str,
        direction: Direction,
        reference: String,
        ask: Ask,
    ) -> Result<Transfers> {
        let answer = self.client.stream(ask).await.map_err(told_apart)?;
        let mut lines = Lines::of(answer);
        let (sender, receiver) = mpsc::channel(AHEAD);
        let client = self.client.clone();
        // Ends with the transfer; dropping the answer has the engine give it up.
        tokio::spawn(async move {
            let mut progress = Progress::new(direction, reference.clone());
            loop {
                let line = tokio::select! {
                    line = images::next(operation, &reference, &mut lines) => line,
                    () = sender.closed() => return,
                };
                match line {
                    Ok(Some(line)) => {
                        progress.take(&line);
                        // A reader that is behind misses this one and gets the next.
                        let _ = sender.try_send(Ok(progress.picture.clone()));
                    }
                    Ok(None) => break,
                    Err(error) => {
                        // Nobody is left to tell if the receiver is gone.
                        let _ = sender.send(Err(told_apart(error))).await;
                        return;
                    }
                }
            }
            let last = super::world::image(&client, &reference).await;
            let last = last.map(|image| progress.done(image.id, image.manifest));
            // As above.
            let _ = sender.send(last).await;
        });
        Ok(receiver)
    }
}

/// A stream has no status, and a login that is missing has that of a missing image: what a
/// registry said is told by the words alone, docker's or ours.
fn told_apart(mut error: EngineError) -> EngineError {
    error.kind = kind(&error);
    error
}

fn kind(error: &EngineError) -> ErrorKind {
    let text = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&[
        "unauthorized",
        "denied",
        "authentication required",
        "no basic auth credentials",
    ]) {
        ErrorKind::Denied
    } else if says(&["not found", "manifest unknown", "does not exist"]) {
        ErrorKind::NotFound
    } else if says(&["no space left"]) {
        ErrorKind::NoSpace
    } else if says(&["connection refused", "no such host", "timeout"]) {
        ErrorKind::Unreachable
    } else {
        error.kind
    }
}

/// The engine's lines as pictures. Layers go by short ids there.
struct Progress {
    picture: Transfer,
    layers: HashMap<String, usize>,
    digest: Option<Digest>,
    digested_bytes: Option<u64>,
    is_up_to_date: bool,
}

impl Progress {
    fn new(direction: Direction, reference: String) -> Self {
        Self {
            picture: Board::new(direction, reference).picture(),
            layers: HashMap::new(),
            digest: None,
            digested_bytes: None,
            is_up_to_date: false,
        }
    }

    fn take(&mut self, line: &Value) {
        let status = line["status"].as_str().unwrap_or_default();
        if let Some(digest) = status.strip_prefix("Digest: ").and_then(Digest::parse) {
            self.digest = Some(digest);
        }
        self.is_up_to_date |= status.contains("up to date");
        let digest = line["aux"]["Digest"].as_str().and_then(Digest::parse);
        self.digest = digest.or(self.digest.take());
        self.digested_bytes = line["aux"]["Size"].as_u64().or(self.digested_bytes);
        let Some(state) = layer_state(status) else {
            return;
        };
        let Some(id) = line["id"].as_str() else {
            return;
        };
        self.picture.phase = Phase::Moving;
        let at = *self.layers.entry(id.to_owned()).or_insert_with(|| {
            self.picture.layers.push(LayerTransfer {
                digest: stand_in(id),
                state,
                moved_bytes: 0,
                total_bytes: 0,
            });
            self.picture.layers.len() - 1
        });
        let layer = &mut self.picture.layers[at];
        layer.state = state;
        let detail = &line["progressDetail"];
        match state {
            LayerState::Moving => {
                let number = |key: &str| detail[key].as_u64();
                layer.moved_bytes = number("current").unwrap_or(layer.moved_bytes);
                layer.total_bytes = number("total").unwrap_or(layer.total_bytes);
            }
            LayerState::Unpacking | LayerState::Done => layer.moved_bytes = layer.total_bytes,
            _ => {}
        }
    }

    fn done(mut self, image: Digest, manifest: Digest) -> Transfer {
        self.picture.phase = Phase::Done;
        self.picture.outcome = Some(TransferOutcome {
            image,
            digest: self.digest.unwrap_or(manifest),
            digested_bytes: self.digested_bytes,
            is_up_to_date: self.is_up_to_date,
        });
        self.picture
    }
}

fn layer_state(status: &str) -> Option<LayerState> {
    Some(match status {
        "Pulling fs layer" | "Waiting" | "Preparing" => LayerState::Waiting,
        "Downloading" | "Pushing" => LayerState::Moving,
        "Verifying Checksum" | "Download complete" | "Extracting" => LayerState::Unpacking,
        "Pull complete" | "Pushed" => LayerState::Done,
        "Already exists" | "Layer already exists" => LayerState::Present,
        text if text.starts_with("Retrying") => LayerState::Retrying,
        text if text.starts_with("Mounted") => LayerState::Mounted,
        _ => return None,
    })
}

/// A digest that begins with the id that is told, so that it is shown as that.
fn stand_in(id: &str) -> Digest {
    let digits: String = id
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(64)
        .collect();
    let text = format!("sha256:{:0<64}", digits.to_ascii_lowercase());
    Digest::parse(&text).unwrap_or_else(|| Digest::from_sha256(&[0; 32]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dockers_lines_become_pictures_of_layers() {
        let mut progress = Progress::new(Direction::Pull, "debian:12".into());
        for line in [
            json!({ "status": "Pulling from library/debian", "id": "12" }),
            json!({ "status": "Pulling fs layer", "id": "aabbccddeeff" }),
            json!({ "status": "Downloading", "id": "aabbccddeeff", "progressDetail": { "current": 5, "total": 9 } }),
        ] {
            progress.take(&line);
        }
        let layer = &progress.picture.layers[0];
        assert_eq!((layer.moved_bytes, layer.total_bytes), (5, 9));
        assert_eq!(layer.digest.short(), "aabbccddeeff");
        progress.take(&json!({ "status": "Pull complete", "id": "aabbccddeeff" }));
        let digest = format!("sha256:{}", "1".repeat(64));
        progress.take(&json!({ "status": format!("Digest: {digest}") }));
        let id = Digest::from_sha256(&[2; 32]);
        let done = progress.done(id.clone(), id);
        assert_eq!(done.outcome.unwrap().digest.as_str(), digest);
        assert_eq!(done.layers.len(), 1);
    }
}
