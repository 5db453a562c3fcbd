//! Images: listed, made and removed.

use std::{io, sync::Arc};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    answer::{Answer, Failure, Outcome, empty, json, json_with, streamed},
    archive::BodyWriter,
    ask::{Ask, Query},
    containers::familiar,
    filters::Filters,
    login,
    serve::Server,
    transfers,
};
use crate::{
    engine::{self, EngineError, ErrorKind},
    format::history,
    model::{
        CommitRequest, Digest, Image, ImportRequest, Platform, PruneImages, SaveFormat,
        SaveRequest, SearchRequest, Visible,
    },
    wire,
};

/// Messages that wait for a client.
const AHEAD: usize = 16;

/// Whatever begins with `/images`.
pub async fn route(server: Arc<Server>, mut ask: Ask, rest: &[&str]) -> Outcome {
    let method = ask.method.clone();
    match (&method, rest) {
        (&Method::GET, ["json"]) => list(&server, &ask).await,
        (&Method::POST, ["create"]) => create(server, &mut ask).await,
        (&Method::GET, ["search"]) => search(&server, &ask).await,
        (&Method::POST, ["prune"]) => prune(&server, &ask).await,
        (&Method::GET, ["get"]) => {
            let names = ask.query.all("names");
            let names = names.flat_map(|names| names.split(',')).map(str::to_owned);
            save(server, names.collect()).await
        }
        (&Method::POST, ["load"]) => load(&server, &mut ask).await,
        // A name may have any number of slashes.
        (&Method::GET, [name @ .., "json"]) => inspect(&server, &name.join("/")).await,
        (&Method::GET, [name @ .., "history"]) => past(&server, &name.join("/")).await,
        (&Method::GET, [name @ .., "get"]) => save(server, vec![name.join("/")]).await,
        (&Method::POST, [name @ .., "push"]) => {
            transfers::push(server, &ask, &name.join("/")).await
        }
        (&Method::POST, [name @ .., "tag"]) => tag(&server, &ask, &name.join("/")).await,
        (&Method::DELETE, name @ [_, ..]) => remove(&server, &ask, &name.join("/")).await,
        _ => Err(Failure::no_page()),
    }
}

/// Docker's words for an image that isn't there.
pub fn about(name: &str) -> impl Fn(EngineError) -> Failure + '_ {
    move |error| match error.kind {
        ErrorKind::NotFound => Failure::missing(format!("No such image: {}", familiar(name))),
        _ => error.into(),
    }
}

async fn list(server: &Server, ask: &Ask) -> Outcome {
    let filters = Filters::of(&ask.query)?;
    filters.allow(&["dangling", "label", "before", "since", "reference", "until"])?;
    let dangling = filters.is_on("dangling")?;
    let (labels, until) = (filters.labels(), filters.until()?);
    let shared = ask.query.is_on("shared-size");
    let visible = Visible {
        images: true,
        ..Visible::default()
    };
    let world = server.engine.world(visible).await?;
    let created = async |key: &str| match filters.all(key) {
        [] => Ok(None),
        [name, ..] => {
            let image = server.engine.image(name).await.map_err(about(name))?;
            Ok::<_, Failure>(image.created)
        }
    };
    let (before, since) = (created("before").await?, created("since").await?);
    let pattern = ask.query.text("filter");
    let shown = |image: &&Image| {
        let named = |pattern: &str| image.references.iter().any(|name| names(pattern, name));
        dangling.is_none_or(|dangling| image.references.is_empty() == dangling)
            && labels.iter().all(|label| label.matches(&image.labels))
            && before.is_none_or(|at| image.created.is_some_and(|created| created < at))
            && since.is_none_or(|at| image.created.is_some_and(|created| created > at))
            && until.is_none_or(|at| image.created.is_some_and(|created| created < at))
            && filters.any("reference", named)
            && pattern.is_none_or(named)
    };
    let list = world.images.iter().filter(shown).map(|image| {
        let of = |row: &&crate::model::ContainerRow| row.container.image_id == image.id;
        let users = world.containers.iter().filter(of).count();
        let containers = if shared { users as i64 } else { -1 };
        let mut summary = wire::image::summary(image, containers, shared);
        // Who asks for names is told those and no others.
        summary.repo_tags.retain(|name| {
            filters.any("reference", |pattern| names(pattern, name))
                && pattern.is_none_or(|pattern| names(pattern, name))
        });
        wire::image::line(summary, ask.is_older_than((1, 43)))
    });
    json(&list.collect::<Vec<_>>())
}

/// Whether a name matches a pattern with `*` and `?`, which stop at slashes; with or
/// without its tag.
fn names(pattern: &str, name: &str) -> bool {
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let repository = match name[slash..].find(':') {
        Some(at) => &name[..slash + at],
        None => name,
    };
    matches(pattern.as_bytes(), name.as_bytes())
        || matches(pattern.as_bytes(), repository.as_bytes())
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            let end = text.iter().position(|byte| *byte == b'/');
            let most = end.unwrap_or(text.len());
            (0..=most).any(|at| matches(rest, &text[at..]))
        }
        ([b'?', rest @ ..], [byte, text @ ..]) => *byte != b'/' && matches(rest, text),
        ([sign, rest @ ..], [byte, text @ ..]) => sign == byte && matches(rest, text),
        _ => false,
    }
}

/// An image and what its config file says.
async fn with_config(server: &Server, name: &str) -> Result<(Image, Value), Failure> {
    let image = server.engine.image(name).await.map_err(about(name))?;
    let config = server.engine.image_config(image.id.as_str()).await;
    Ok((image, config.map_err(about(name))?))
}

async fn inspect(server: &Server, name: &str) -> Outcome {
    let (image, config) = with_config(server, name).await?;
    json(&wire::image::inspect(&image, &config))
}

async fn past(server: &Server, name: &str) -> Outcome {
    let (image, config) = with_config(server, name).await?;
    json(&wire::image::history(
        &image,
        &history::steps(&image, &config),
    ))
}

/// Messages, a line of JSON each.
pub struct Messages(mpsc::Sender<io::Result<Bytes>>);

impl Messages {
    /// The sender, and the answer that carries them.
    pub fn new() -> (Self, Answer) {
        let (sender, receiver) = mpsc::channel(AHEAD);
        (Self(sender), streamed("application/json", receiver))
    }

    /// Sends one; false if the client is gone.
    pub async fn send(&self, message: &Value) -> bool {
        self.0
            .send(Ok(format!("{message}\r\n").into()))
            .await
            .is_ok()
    }

    /// Sends the last one, of a failure.
    pub async fn fail(&self, message: &str, code: Option<i32>) {
        let mut detail = json!({ "message": message });
        if let Some(code) = code {
            detail["code"] = code.into();
        }
        self.send(&json!({"errorDetail": detail, "error": message}))
            .await;
    }
}

/// The platform that a query says.
pub fn platform(ask: &Ask) -> Result<Option<Platform>, Failure> {
    let Some(text) = ask.query.text("platform") else {
        return Ok(None);
    };
    let parsed = Platform::parse(text);
    parsed
        .map(Some)
        .ok_or_else(|| Failure::bad(format!("{text:?} is not a platform such as linux/arm64")))
}

/// A name and what a `tag` key says of it.
pub fn tagged(name: &str, tag: Option<&str>) -> String {
    match tag {
        None => familiar(name),
        Some(digest) if digest.contains(':') => format!("{name}@{digest}"),
        Some(tag) => format!("{name}:{tag}"),
    }
}

async fn create(server: Arc<Server>, ask: &mut Ask) -> Outcome {
    if let Some(source) = ask.query.text("fromSrc").map(str::to_owned) {
        return import(&server, ask, &source).await;
    }
    let from = ask.query.text("fromImage").map(str::to_owned);
    let from = from.ok_or_else(|| Failure::bad("fromImage or fromSrc is needed"))?;
    transfers::pull(server, ask, &from).await
}

async fn import(server: &Server, ask: &mut Ask, source: &str) -> Outcome {
    // As docker's daemon reads it.
    let address = match source {
        "-" => None,
        source if source.contains("://") => Some(source.to_owned()),
        source => Some(format!("http://{source}")),
    };
    let query = &ask.query;
    let request = ImportRequest {
        name: query
            .text("repo")
            .map(|repository| tagged(repository, query.text("tag"))),
        comment: query
            .text("message")
            .map_or_else(|| format!("Imported from {source}"), str::to_owned),
        changes: changes(query),
    };
    let body: Box<dyn io::Read + Send> =
        match &address {
            Some(address) => engine::fetch(address, server.serve.registries.clone()).map_err(
                |error| match error.kind() {
                    io::ErrorKind::InvalidInput => Failure::bad(error.to_string()),
                    _ => Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
                },
            )?,
            None => Box::new(ask.reader()),
        };
    let id = server.engine.import(body, request, None).await?;
    let (messages, answer) = Messages::new();
    if let Some(address) = address {
        let status = format!("Downloading from {address}");
        messages.send(&json!({ "status": status })).await;
    }
    messages.send(&json!({"status": id.as_str()})).await;
    Ok(answer)
}

async fn tag(server: &Server, ask: &Ask, name: &str) -> Outcome {
    let repository = ask.query.text("repo").unwrap_or_default();
    let target = tagged(repository, ask.query.text("tag"));
    server
        .engine
        .tag(name, &target)
        .await
        .map_err(about(name))?;
    Ok(empty(StatusCode::CREATED))
}

async fn remove(server: &Server, ask: &Ask, name: &str) -> Outcome {
    let force = ask.query.is_on("force");
    let gone = server
        .engine
        .remove_image(name, force)
        .await
        .map_err(about(name))?;
    let items = gone.iter().map(|what| match Digest::parse(what) {
        Some(_) => json!({"Deleted": what}),
        None => json!({"Untagged": what}),
    });
    json(&items.collect::<Vec<_>>())
}

async fn search(server: &Server, ask: &Ask) -> Outcome {
    let term = ask.query.text("term");
    let filters = Filters::of(&ask.query)?;
    filters.allow(&["is-official", "is-automated", "stars"])?;
    let request = SearchRequest {
        term: term
            .ok_or_else(|| Failure::bad("a term is needed"))?
            .to_owned(),
        limit: ask
            .query
            .number("limit")?
            .filter(|n| (1..=100).contains(n))
            .unwrap_or(25),
        registries: server.serve.registries.clone(),
    };
    let official = filters.is_on("is-official")?;
    let stars: u64 = match filters.all("stars").first() {
        Some(text) => text
            .parse()
            .map_err(|_| Failure::bad(format!("invalid filter 'stars={text}'")))?,
        None => 0,
    };
    let found = server.engine.search(request).await?;
    let list = found
        .into_iter()
        .filter(|found| official.is_none_or(|official| found.is_official == official))
        .filter(|found| found.stars >= stars)
        .map(|found| {
            json!({
                "name": found.name, "description": found.description,
                "star_count": found.stars, "is_official": found.is_official,
                "is_automated": false,
            })
        });
    json(&list.collect::<Vec<_>>())
}

async fn prune(server: &Server, ask: &Ask) -> Outcome {
    let filters = Filters::of(&ask.query)?;
    filters.allow(&["dangling", "label", "label!", "until"])?;
    let pruned = server
        .engine
        .prune_images(PruneImages {
            all: filters.is_on("dangling")? == Some(false),
            until: filters.until()?,
            labels: filters.labels(),
            preview: false,
        })
        .await?;
    let mut deleted = Vec::new();
    for image in &pruned.images {
        deleted.extend(
            image
                .references
                .iter()
                .map(|name| json!({"Untagged": name})),
        );
        deleted.push(json!({"Deleted": image.id.as_str()}));
    }
    let deleted = (!deleted.is_empty()).then_some(deleted);
    json(&json!({"ImagesDeleted": deleted, "SpaceReclaimed": pruned.bytes}))
}

async fn save(server: Arc<Server>, references: Vec<String>) -> Outcome {
    if references.is_empty() {
        return Err(Failure::bad("no image was named"));
    }
    // Looked for first: once the head is out nothing can be said.
    for name in &references {
        server.engine.image(name).await.map_err(about(name))?;
    }
    let (writer, receiver) = BodyWriter::new();
    let failure = writer.failure();
    tokio::spawn(async move {
        let request = SaveRequest {
            references,
            format: SaveFormat::Docker,
        };
        if let Err(error) = server.engine.save(request, Box::new(writer), None).await {
            // The client may be gone.
            let _ = failure.send(Err(io::Error::other(error.to_string()))).await;
        }
    });
    Ok(streamed("application/x-tar", receiver))
}

async fn load(server: &Server, ask: &mut Ask) -> Outcome {
    let body = Box::new(ask.reader());
    let loaded: engine::Result<_> = server.engine.load(body, None).await;
    let (messages, answer) = Messages::new();
    let loaded = loaded?;
    tokio::spawn(async move {
        for image in loaded {
            if image.references.is_empty() {
                let text = format!("Loaded image ID: {}\n", image.id);
                messages.send(&json!({ "stream": text })).await;
            }
            for name in image.references {
                let text = format!("Loaded image: {name}\n");
                messages.send(&json!({ "stream": text })).await;
            }
        }
    });
    Ok(answer)
}

/// `POST /commit`
pub async fn commit(server: &Server, ask: &Ask) -> Outcome {
    let query = &ask.query;
    let container = query.text("container").unwrap_or_default();
    let id = super::containers::find(server, container).await?;
    let name = query
        .text("repo")
        .map(|repo| tagged(repo, query.text("tag")));
    let request = CommitRequest {
        id,
        name,
        author: query.text("author").map(str::to_owned),
        comment: query.text("comment").unwrap_or_default().to_owned(),
        changes: changes(query),
        pause: query.is_on_or("pause", true),
    };
    let id = server.engine.commit(request).await?;
    json_with(StatusCode::CREATED, &json!({"Id": id.as_str()}))
}

/// Instructions, any number in each.
fn changes(query: &Query) -> Vec<String> {
    let lines = query.all("changes").flat_map(str::lines);
    let lines = lines.filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// `GET /distribution/NAME/json`
pub async fn distribution(server: &Server, ask: &Ask, name: &str) -> Outcome {
    let settings = login::registries(server, ask, name)?;
    let found = server.engine.manifest(name, settings).await?;
    let manifest: Value = serde_json::from_slice(&found.content)
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let platforms = manifest["manifests"].as_array().into_iter().flatten();
    let platforms: Vec<_> = platforms
        .map(|manifest| manifest["platform"].clone())
        .filter(|platform| !platform.is_null())
        .collect();
    json(&json!({
        "Descriptor": {
            "mediaType": found.media_type,
            "digest": found.digest.as_str(),
            "size": found.content.len(),
        },
        "Platforms": platforms,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_a_name_with_or_without_its_tag() {
        assert!(names("debian", "debian:12"));
        assert!(names("debian:1?", "debian:12"));
        assert!(names("deb*", "debian:12"));
        assert!(names("*/app", "localhost:5000/app:1"));
        assert!(!names("*", "localhost:5000/app:1"));
        assert!(!names("debian:11", "debian:12"));
    }

    #[test]
    fn tag_key_may_be_a_digest() {
        assert_eq!(tagged("a/b", None), "a/b:latest");
        assert_eq!(tagged("a", Some("1")), "a:1");
        assert_eq!(tagged("a", Some("sha256:0")), "a@sha256:0");
    }
}
