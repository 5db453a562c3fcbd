//! Who somebody is at a registry: what clients send along, and what they ask to be tried.

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use hyper::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    answer::{Failure, Outcome, json},
    ask::Ask,
    serve::Server,
};
use crate::{
    engine::{ErrorKind, Reference, registry_host},
    model::{LoginProof, LoginRequest, RegistryLogin, RegistrySettings},
};

/// What an `X-Registry-Auth` header holds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    username: String,
    password: String,
    auth: String,
    serveraddress: String,
    identitytoken: String,
    registrytoken: String,
}

impl Auth {
    fn proof(self) -> Option<LoginProof> {
        if !self.identitytoken.is_empty() {
            return Some(LoginProof::IdentityToken(self.identitytoken));
        }
        if !self.registrytoken.is_empty() {
            return Some(LoginProof::RegistryToken(self.registrytoken));
        }
        if !self.username.is_empty() {
            return Some(LoginProof::Password(self.username, self.password));
        }
        let decoded = STANDARD.decode(self.auth).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(LoginProof::Password(user.into(), password.into()))
    }
}

/// How registries are reached, with what the client sent along for this image's.
pub fn registries(server: &Server, ask: &Ask, name: &str) -> Result<RegistrySettings, Failure> {
    let mut settings = server.serve.registries.clone();
    let Some(header) = ask
        .header("x-registry-auth")
        .filter(|header| !header.is_empty())
    else {
        return Ok(settings);
    };
    let auth: Auth = decoded(header)
        .ok_or_else(|| Failure::bad("invalid X-Registry-Auth header: it is no JSON in base64"))?;
    let registry = Reference::parse(name)
        .ok()
        .map(|name| name.domain().to_owned());
    let login = auth.proof().map(|proof| RegistryLogin { registry, proof });
    settings.logins = login.into_iter().collect();
    Ok(settings)
}

/// JSON in base64.
fn decoded<T: DeserializeOwned>(header: &str) -> Option<T> {
    let engines = [&URL_SAFE, &URL_SAFE_NO_PAD, &STANDARD];
    let text = engines.iter().find_map(|engine| engine.decode(header).ok());
    serde_json::from_slice(&text?).ok()
}

/// The logins that the client of a build sent along, by their registries.
pub fn logins(ask: &Ask) -> Result<Vec<RegistryLogin>, Failure> {
    let Some(header) = ask
        .header("x-registry-config")
        .filter(|header| !header.is_empty())
    else {
        return Ok(Vec::new());
    };
    let all: BTreeMap<String, Auth> = decoded(header)
        .ok_or_else(|| Failure::bad("invalid X-Registry-Config header: it is no JSON in base64"))?;
    let logins = all.into_iter().filter_map(|(address, auth)| {
        Some(RegistryLogin {
            registry: Some(host(&address)),
            proof: auth.proof()?,
        })
    });
    Ok(logins.collect())
}

/// The registry that a client means; it may leave Docker Hub's address out.
fn host(address: &str) -> String {
    match registry_host(address) {
        "" => "docker.io".into(),
        host => host.to_owned(),
    }
}

/// `POST /auth`
pub async fn auth(server: &Server, ask: &mut Ask) -> Outcome {
    let auth: Auth = ask.json().await?;
    let address = auth.serveraddress.clone();
    let Some(LoginProof::Password(user, password)) = auth.proof() else {
        return Err(Failure::bad("a name and a password are needed"));
    };
    let request = LoginRequest {
        registry: host(&address),
        user,
        password,
        keep: false,
        registries: server.serve.registries.clone(),
    };
    match server.engine.log_in(request).await {
        Ok(_) => json(&json!({"Status": "Login Succeeded", "IdentityToken": ""})),
        Err(error) if error.kind == ErrorKind::Denied => Err(Failure::new(
            StatusCode::UNAUTHORIZED,
            format!("unauthorized: {error}"),
        )),
        Err(error) => Err(error.into()),
    }
}
