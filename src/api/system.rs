//! What the daemon is.

use std::{fs, path::Path};

use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, PRAGMA, SERVER},
};
use sha2::{Digest, Sha256};

use super::{
    answer::{Answer, Outcome, json, typed},
    serve::Server,
};
use crate::{
    model::Visible,
    wire::{self, models, system::HostFacts},
};

/// Headers that every answer has.
pub fn sign(headers: &mut HeaderMap) {
    let mut put = |name: &'static str, value: &'static str| {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    };
    put("api-version", wire::VERSION);
    put("docker-experimental", "false");
    put("ostype", "linux");
    headers.insert(
        SERVER,
        HeaderValue::from_static(concat!("wharf/", env!("CARGO_PKG_VERSION"), " (linux)")),
    );
}

/// `GET /_ping`: here, and speaking that version. Docker's command builds with BuildKit
/// unless it is told that this daemon has version 1 of the builder only.
pub fn ping() -> Answer {
    let mut answer = typed(StatusCode::OK, "text/plain; charset=utf-8", "OK");
    let headers = answer.headers_mut();
    headers.insert(
        HeaderName::from_static("builder-version"),
        HeaderValue::from_static("1"),
    );
    headers.insert(
        HeaderName::from_static("swarm"),
        HeaderValue::from_static("inactive"),
    );
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-store, must-revalidate"),
    );
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    answer
}

/// `GET /version`
pub fn version() -> Outcome {
    json(&wire::system::version(&kernel()))
}

/// `GET /info`
pub async fn info(server: &Server) -> Outcome {
    let visible = Visible {
        images: true,
        ..Visible::default()
    };
    let world = server.engine.world(visible).await?;
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |key: &str| {
        let lines = release.lines();
        let mut found = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        found.next().unwrap_or("").trim_matches('"').to_owned()
    };
    let facts = HostFacts {
        kernel: kernel(),
        system: field("PRETTY_NAME"),
        system_version: field("VERSION_ID"),
        id: id(&server.serve.data),
        root: server.serve.data.display().to_string(),
        is_cgroup_v2: Path::new("/sys/fs/cgroup/cgroup.controllers").exists(),
    };
    let registries = &server.serve.registries;
    let registries = models::RegistryServiceConfig {
        insecure_registry_cidrs: Some(vec!["::1/128".into(), "127.0.0.0/8".into()]),
        mirrors: Some(registries.mirrors.clone()),
        index_configs: Some(
            [(
                "docker.io".to_owned(),
                models::IndexInfo {
                    name: Some("docker.io".into()),
                    mirrors: Some(registries.mirrors.clone()),
                    secure: Some(true),
                    official: Some(true),
                },
            )]
            .into(),
        ),
    };
    let capabilities = server.engine.capabilities();
    json(&wire::system::info(
        &world,
        &capabilities,
        facts,
        registries,
    ))
}

fn kernel() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    text.trim().to_owned()
}

/// An id that stays with this engine: of the machine and where the engine lies.
fn id(data: &Path) -> String {
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(machine.trim());
    hash.update(data.as_os_str().as_encoded_bytes());
    let digest = hash.finalize();
    let hex: String = digest[..16].iter().map(|b| format!("{b:02x}")).collect();
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}
