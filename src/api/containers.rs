//! Containers: made, listed, looked at, started and ended.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    answer::{Failure, Outcome, done, empty, json, json_with, streamed},
    archive,
    ask::Ask,
    attach, exec,
    filters::Filters,
    images, logs,
    serve::Server,
    stats,
};
use crate::{
    engine::{EngineError, ErrorKind, Reference},
    format::{
        limits,
        selection::{self, Created, Filter, Surroundings},
    },
    model::{
        ChangeKind, Container, ContainerId, CreateRequest, KillRequest, Limits, RemoveRequest,
        State, StopRequest, UpdateRequest, Visible, WaitCondition,
    },
    wire,
};

/// Time after which a wait looks again: a run may have ended before anybody watched it.
const SECOND_LOOK: std::time::Duration = std::time::Duration::from_millis(200);

/// Whatever begins with `/containers`.
pub async fn route(server: Arc<Server>, mut ask: Ask, rest: &[&str]) -> Outcome {
    let method = ask.method.clone();
    match (&method, rest) {
        (&Method::GET, ["json"]) => list(&server, &ask).await,
        (&Method::POST, ["create"]) => create(&server, &mut ask).await,
        (&Method::POST, ["prune"]) => prune(&server, &ask).await,
        (_, [reference, rest @ ..]) => {
            let id = find(&server, reference).await?;
            one(server, ask, id, reference, rest).await
        }
        _ => Err(Failure::no_page()),
    }
}

async fn one(
    server: Arc<Server>,
    mut ask: Ask,
    id: ContainerId,
    reference: &str,
    rest: &[&str],
) -> Outcome {
    let method = ask.method.clone();
    match (&method, rest) {
        (&Method::GET, ["json"]) => inspect(&server, &ask, &id).await,
        (&Method::POST, ["start"]) => attach::start(&server, &id, reference).await,
        (&Method::POST, ["stop"]) => stop(&server, &ask, &id).await,
        (&Method::POST, ["restart"]) => {
            server.engine.restart(stop_request(&ask, &id)?).await?;
            done()
        }
        (&Method::POST, ["kill"]) => kill(&server, &ask, &id, reference).await,
        (&Method::POST, ["pause"]) => pause(&server, &id).await,
        (&Method::POST, ["unpause"]) => unpause(&server, &id).await,
        (&Method::POST, ["wait"]) => wait(server, &ask, id).await,
        (&Method::DELETE, []) => remove(&server, &ask, &id, reference).await,
        (&Method::POST, ["rename"]) => rename(&server, &ask, &id).await,
        (&Method::POST, ["update"]) => update(&server, &mut ask, id).await,
        (&Method::POST, ["resize"]) => {
            let size = attach::size(&ask)?;
            server.engine.resize(&id, size).await?;
            Ok(empty(StatusCode::OK))
        }
        (&Method::POST, ["attach"]) => attach::attach(server, ask, id).await,
        (&Method::GET, ["attach", "ws"]) => attach::web_socket(server, ask, id).await,
        (&Method::GET, ["logs"]) => logs::logs(&server, &ask, id).await,
        (&Method::GET, ["stats"]) => stats::stats(server, &ask, id).await,
        (&Method::GET, ["top"]) => stats::top(&server, &ask, &id).await,
        (&Method::GET, ["changes"]) => changes(&server, &id).await,
        (&Method::GET, ["export"]) => archive::export(server, id).await,
        (_, ["archive"]) => archive::route(server, ask, id).await,
        (&Method::POST, ["exec"]) => exec::create(&server, &mut ask, &id).await,
        _ => Err(Failure::no_page()),
    }
}

/// The container that is meant.
pub async fn find(server: &Server, reference: &str) -> Result<ContainerId, Failure> {
    server
        .engine
        .resolve(reference)
        .await
        .map_err(|error| match error.kind {
            ErrorKind::NotFound => Failure::missing(format!("No such container: {reference}")),
            ErrorKind::Ambiguous => Failure::bad(format!(
                "multiple IDs found with provided prefix: {reference}"
            )),
            _ => error.into(),
        })
}

/// When containers were created.
#[derive(Debug)]
struct Times<'a>(&'a [Arc<Container>]);

impl Created for Times<'_> {
    fn created(&self, reference: &str) -> Option<Timestamp> {
        let name = reference.strip_prefix('/').unwrap_or(reference);
        let found = self.0.iter().find(|container| {
            container.name == name || container.id.as_str().starts_with(reference)
        });
        found.map(|container| container.created)
    }
}

async fn list(server: &Server, ask: &Ask) -> Outcome {
    let query = &ask.query;
    let given = Filters::of(query)?;
    // There are no tasks of a swarm.
    let is_task = given.is_on("is-task")?;
    let mut filters = Vec::new();
    for pair in given.pairs() {
        if pair.starts_with("is-task=") {
            continue;
        }
        filters.push(
            selection::filter(&pair)
                .map_err(|error| Failure::bad(format!("invalid filter: {error}")))?,
        );
    }
    // Older clients give these as keys of their own.
    for key in ["before", "since"] {
        if let Some(name) = query.text(key) {
            filters.extend(selection::filter(&format!("{key}={name}")).ok());
        }
    }
    let limit = query.number::<i64>("limit")?.filter(|n| *n > 0);
    let all = query.is_on("all") || limit.is_some() || selection::include_stopped(&filters);
    let with_size = query.is_on("size");
    let visible = Visible {
        images: given.has("ancestor") || with_size,
        ..Visible::default()
    };
    let world = server.engine.world(visible).await?;
    let containers: Vec<_> = world
        .containers
        .iter()
        .map(|row| row.container.clone())
        .collect();
    for filter in &filters {
        if let Filter::Before(name) | Filter::Since(name) = filter
            && Times(&containers).created(name).is_none()
        {
            return Err(Failure::missing(format!("No such container: {name}")));
        }
    }
    let around = Surroundings {
        images: &world.images,
        created: &Times(&containers),
    };
    let now = Timestamp::now();
    let mut shown = Vec::new();
    let most = limit
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(usize::MAX);
    for container in &containers {
        let is_up = container.state.has_process() || container.state == State::Restarting;
        if shown.len() == most {
            break;
        }
        if is_task == Some(true)
            || !(all || is_up)
            || !selection::passes(&filters, container, around)
        {
            continue;
        }
        let mut summary = wire::container::summary(container, now);
        if with_size {
            // One that is being removed has no size any more.
            let written = server.engine.writable_bytes(&container.id).await.ok();
            let image = world
                .images
                .iter()
                .find(|image| image.id == container.image_id);
            summary.size_rw = written.map(|bytes| bytes as i64);
            summary.size_root_fs =
                Some((written.unwrap_or(0) + image.map_or(0, |image| image.size_bytes)) as i64);
        }
        shown.push(summary);
    }
    json(&shown)
}

async fn create(server: &Server, ask: &mut Ask) -> Outcome {
    let body: Value = ask.json().await?;
    if !body.is_object() {
        return Err(Failure::bad("invalid JSON: the body must be an object"));
    }
    let config = wire::create::config(body).map_err(Failure::bad)?;
    let image = config.image.clone();
    let name = ask.query.text("name");
    let name = name.map(|name| name.strip_prefix('/').unwrap_or(name).to_owned());
    if let Some(wanted) = images::platform(ask)? {
        let wanted = format!("{}/{}", wanted.os, wanted.architecture);
        let found = server.engine.image(&image).await.ok();
        if let Some(found) = found.filter(|found| found.platform != wanted) {
            return Err(Failure::missing(format!(
                "image with reference {image} was found but does not match the specified \
                 platform: wanted {wanted}, actual: {}",
                found.platform
            )));
        }
    }
    let limits = config.limits.clone();
    let request = CreateRequest {
        name: name.clone(),
        config,
        pools: server.serve.pools.clone(),
    };
    let id = match server.engine.create(request).await {
        Ok(id) => id,
        Err(error) => return Err(not_created(server, error, &image, name.as_deref()).await),
    };
    let warnings = warnings(server, &id, &limits).await?;
    json_with(
        StatusCode::CREATED,
        &json!({"Id": id.as_str(), "Warnings": warnings}),
    )
}

/// Docker's words for what its clients look for.
async fn not_created(
    server: &Server,
    error: EngineError,
    image: &str,
    name: Option<&str>,
) -> Failure {
    match (error.kind, name) {
        (ErrorKind::NotFound, _) => match server.engine.image(image).await {
            Err(missing) if missing.kind == ErrorKind::NotFound => {
                Failure::missing(format!("No such image: {}", familiar(image)))
            }
            // Its clients pull the image of a request that is answered by 404.
            _ => Failure::bad(Failure::from(error).message),
        },
        (ErrorKind::Conflict, Some(name)) => match server.engine.resolve(name).await {
            Ok(owner) => Failure::conflict(format!(
                "Conflict. The container name \"/{name}\" is already in use by container \
                 \"{owner}\". You have to remove (or rename) that container to be able to reuse \
                 that name."
            )),
            Err(_) => error.into(),
        },
        _ => error.into(),
    }
}

/// A name with its tag said.
pub fn familiar(image: &str) -> String {
    match Reference::is_repository(image) {
        true => format!("{image}:latest"),
        false => image.to_owned(),
    }
}

async fn inspect(server: &Server, ask: &Ask, id: &ContainerId) -> Outcome {
    let details = server.engine.details(id).await?;
    let container = &details.container;
    // Only then are its words not told apart by what was asked.
    let needs_image = container.config.entrypoint.is_none() && container.config.command.is_empty();
    let with_size = ask.query.is_on("size");
    let image = match needs_image || with_size {
        true => {
            let visible = Visible {
                images: true,
                ..Visible::default()
            };
            let world = server.engine.world(visible).await?;
            let images = world.images.iter();
            images
                .clone()
                .find(|image| image.id == container.image_id)
                .cloned()
        }
        false => None,
    };
    let mut answer = wire::container::inspect(&details, image.as_ref());
    if with_size {
        let written = server.engine.writable_bytes(id).await?;
        let below = image.map_or(0, |image| image.size_bytes);
        answer["SizeRw"] = json!(written);
        answer["SizeRootFs"] = json!(written + below);
    }
    json(&answer)
}

fn stop_request(ask: &Ask, id: &ContainerId) -> Result<StopRequest, Failure> {
    Ok(StopRequest {
        id: id.clone(),
        timeout_secs: ask.query.number("t")?,
        signal: ask.query.text("signal").map(str::to_owned),
    })
}

async fn stop(server: &Server, ask: &Ask, id: &ContainerId) -> Outcome {
    let request = stop_request(ask, id)?;
    if !server.engine.inspect(id).await?.state.can_stop() {
        return Ok(empty(StatusCode::NOT_MODIFIED));
    }
    match server.engine.stop(request).await {
        Ok(()) => done(),
        // It removes itself: stopped it is.
        Err(error) if error.kind == ErrorKind::NotFound => done(),
        Err(error) => Err(error.into()),
    }
}

async fn kill(server: &Server, ask: &Ask, id: &ContainerId, reference: &str) -> Outcome {
    if !server.engine.inspect(id).await?.state.can_kill() {
        return Err(Failure::conflict(format!(
            "cannot kill container: {reference}: container {id} is not running"
        )));
    }
    let request = KillRequest {
        id: id.clone(),
        signal: ask.query.text("signal").map(str::to_owned),
    };
    match server.engine.kill(request).await {
        Ok(()) => done(),
        Err(error) if error.kind == ErrorKind::NotFound => done(),
        Err(error) => Err(error.into()),
    }
}

async fn pause(server: &Server, id: &ContainerId) -> Outcome {
    match server.engine.pause(id).await {
        Ok(()) => done(),
        Err(error) if error.kind != ErrorKind::Conflict => Err(error.into()),
        Err(_) => {
            let state = server.engine.inspect(id).await?.state;
            Err(Failure::conflict(match state {
                State::Paused => format!("container {id} is already paused"),
                _ => format!("container {id} is not running"),
            }))
        }
    }
}

async fn unpause(server: &Server, id: &ContainerId) -> Outcome {
    match server.engine.unpause(id).await {
        Err(error) if error.kind == ErrorKind::Conflict => {
            Err(Failure::conflict(format!("container {id} is not paused")))
        }
        unpaused => {
            unpaused?;
            done()
        }
    }
}

async fn wait(server: Arc<Server>, ask: &Ask, id: ContainerId) -> Outcome {
    let condition = match ask.query.text("condition") {
        None | Some("not-running") => WaitCondition::NotRunning,
        Some("next-exit") => WaitCondition::NextExit,
        Some("removed") => WaitCondition::Removed,
        Some(other) => return Err(Failure::bad(format!("invalid condition: {other:?}"))),
    };
    let before = server.engine.inspect(&id).await?.exit;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let engine = server.engine.clone();
    // The head of the answer goes out at once: clients start the container when they
    // have it.
    tokio::spawn(async move {
        let exit = async {
            let waited = engine.wait(&id, condition);
            tokio::pin!(waited);
            if condition == WaitCondition::NextExit {
                tokio::select! {
                    exit = &mut waited => return exit,
                    () = tokio::time::sleep(SECOND_LOOK) => {}
                }
                let container = engine.inspect(&id).await;
                if let Ok(Some(exit)) = container.map(|container| container.exit)
                    && Some(exit) != before
                {
                    return Ok(exit);
                }
            }
            waited.await
        };
        let exit = tokio::select! {
            exit = exit => exit,
            () = sender.closed() => return,
        };
        let body = match exit {
            // What nobody could see must not look like success.
            Ok(exit) => json!({"StatusCode": exit.code.unwrap_or(255)}),
            Err(error) => json!({"StatusCode": 255, "Error": {"Message": error.to_string()}}),
        };
        // The client may have gone.
        let _ = sender.send(Ok(format!("{body}\n").into())).await;
    });
    Ok(streamed("application/json", receiver))
}

async fn remove(server: &Server, ask: &Ask, id: &ContainerId, reference: &str) -> Outcome {
    if ask.query.is_on("link") {
        return Err(Failure::bad(
            "Conflict, links between containers do not exist here",
        ));
    }
    let force = ask.query.is_on("force");
    let state = server.engine.inspect(id).await?.state;
    if !force && !state.can_remove() {
        let way_out = match state {
            State::Paused => "unpause and then stop the container before removing or force remove",
            State::Restarting => "stop the container before removing or force remove",
            State::Removing => {
                return Err(Failure::conflict(format!(
                    "removal of container {reference} is already in progress"
                )));
            }
            _ => "stop the container before removing or force remove",
        };
        return Err(Failure::conflict(format!(
            "cannot remove container \"{reference}\": container is {state}: {way_out}"
        )));
    }
    let request = RemoveRequest {
        id: id.clone(),
        force,
        volumes: ask.query.is_on("v"),
    };
    match server.engine.remove(request).await {
        Ok(()) => done(),
        // It removed itself meanwhile.
        Err(error) if error.kind == ErrorKind::NotFound && force => done(),
        Err(error) => Err(error.into()),
    }
}

async fn rename(server: &Server, ask: &Ask, id: &ContainerId) -> Outcome {
    let name = ask.query.text("name").unwrap_or_default();
    let name = name.strip_prefix('/').unwrap_or(name);
    if name.is_empty() {
        return Err(Failure::bad("Neither old nor new names may be empty"));
    }
    match server.engine.rename(id, name).await {
        Ok(()) => done(),
        Err(error) => Err(not_created(server, error, "", Some(name)).await),
    }
}

async fn update(server: &Server, ask: &mut Ask, id: ContainerId) -> Outcome {
    let body: Value = ask.json().await?;
    let host: wire::models::HostConfig = serde_json::from_value(body)
        .map_err(|error| Failure::bad(format!("invalid JSON: {error}")))?;
    let limits = wire::create::limits(&host).map_err(Failure::bad)?;
    // An empty name says nothing of it.
    let policy = host.restart_policy.as_ref().filter(|policy| {
        !matches!(
            policy.name,
            None | Some(wire::models::RestartPolicyNameEnum::EMPTY)
        )
    });
    let restart = policy.map(wire::create::restart_policy).transpose();
    let request = UpdateRequest {
        id: id.clone(),
        limits: limits.clone(),
        unset: Vec::new(),
        restart: restart.map_err(Failure::bad)?,
    };
    server.engine.update(request).await?;
    json(&json!({"Warnings": warnings(server, &id, &limits).await?}))
}

/// What became of limits that were asked for and that not every kernel has.
async fn warnings(
    server: &Server,
    id: &ContainerId,
    asked: &Limits,
) -> Result<Vec<&'static str>, Failure> {
    if asked.oom_kill_disable != Some(true) {
        return Ok(Vec::new());
    }
    let made = server.engine.inspect(id).await?;
    Ok(limits::warnings(asked, &made.config.limits))
}

async fn changes(server: &Server, id: &ContainerId) -> Outcome {
    let changes = server.engine.changes(id).await?;
    let list: Vec<_> = changes
        .iter()
        .map(|change| {
            let kind = match change.kind {
                ChangeKind::Modified => 0,
                ChangeKind::Added => 1,
                ChangeKind::Deleted => 2,
            };
            json!({"Path": change.path.display().to_string(), "Kind": kind})
        })
        .collect();
    match list.is_empty() {
        true => json(&Value::Null),
        false => json(&list),
    }
}

async fn prune(server: &Server, ask: &Ask) -> Outcome {
    let filters = Filters::of(&ask.query)?;
    filters.allow(&["label", "label!", "until"])?;
    let (labels, until) = (filters.labels(), filters.until()?);
    let world = server.engine.world(Visible::default()).await?;
    let (mut deleted, mut bytes) = (Vec::new(), 0);
    for row in &world.containers {
        let container = &row.container;
        let goes = container.state.can_remove()
            && until.is_none_or(|until| container.created < until)
            && labels
                .iter()
                .all(|label| label.matches(&container.config.labels));
        if !goes {
            continue;
        }
        let size = server
            .engine
            .writable_bytes(&container.id)
            .await
            .unwrap_or(0);
        let request = RemoveRequest {
            id: container.id.clone(),
            force: false,
            volumes: false,
        };
        // One that was started or removed meanwhile stays what it is.
        if server.engine.remove(request).await.is_ok() {
            deleted.push(container.id.to_string());
            bytes += size;
        }
    }
    let deleted = (!deleted.is_empty()).then_some(deleted);
    json(&json!({"ContainersDeleted": deleted, "SpaceReclaimed": bytes}))
}
