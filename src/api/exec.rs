//! Further processes in containers.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde_json::json;
use tokio::sync::oneshot;

use super::{
    answer::{Failure, Outcome, empty, json, json_with},
    ask::Ask,
    attach, hijack,
    serve::Server,
};
use crate::{
    engine::ErrorKind,
    model::{AttachStreams, ContainerId, ExecConfig, ExecDetails, ExecId, State, Stream},
    wire::models,
};

/// `POST /containers/ID/exec`
pub async fn create(server: &Server, ask: &mut Ask, id: &ContainerId) -> Outcome {
    let body: serde_json::Value = ask.json().await?;
    let config: models::ExecConfig = serde_json::from_value(body)
        .map_err(|error| Failure::bad(format!("invalid JSON: {error}")))?;
    let state = server.engine.inspect(id).await?.state;
    match state {
        State::Running => {}
        State::Paused => {
            return Err(Failure::conflict(format!(
                "container {id} is paused, unpause the container before exec"
            )));
        }
        _ => return Err(Failure::conflict(format!("container {id} is not running"))),
    }
    let argv = config.cmd.unwrap_or_default();
    if argv.is_empty() {
        return Err(Failure::bad("No exec command specified"));
    }
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    let streams = AttachStreams {
        stdin: config.attach_stdin.unwrap_or_default(),
        stdout: config.attach_stdout.unwrap_or_default(),
        stderr: config.attach_stderr.unwrap_or_default(),
        size: config
            .console_size
            .as_ref()
            .and_then(|size| crate::wire::size(size)),
    };
    let asked = ExecConfig {
        argv,
        env: config.env.unwrap_or_default(),
        working_dir: text(config.working_dir),
        user: text(config.user),
        tty: config.tty.unwrap_or_default(),
        privileged: config.privileged.unwrap_or_default(),
        attach: Some(streams),
    };
    let exec = server.engine.create_exec(id, asked).await?;
    json_with(StatusCode::CREATED, &json!({"Id": exec.as_str()}))
}

/// Whatever begins with `/exec`.
pub async fn route(server: Arc<Server>, mut ask: Ask, rest: &[&str]) -> Outcome {
    let method = ask.method.clone();
    let [reference, rest @ ..] = rest else {
        return Err(Failure::no_page());
    };
    let missing = || Failure::missing(format!("No such exec instance: {reference}"));
    let exec = ExecId::parse(reference).ok_or_else(missing)?;
    let details = match server.engine.inspect_exec(&exec).await {
        Ok(details) => details,
        Err(error) if error.kind == ErrorKind::NotFound => return Err(missing()),
        Err(error) => return Err(error.into()),
    };
    match (&method, rest) {
        (&Method::GET, ["json"]) => json(&shown(&details)),
        (&Method::POST, ["resize"]) => {
            server
                .engine
                .resize_exec(&exec, attach::size(&ask)?)
                .await?;
            Ok(empty(StatusCode::OK))
        }
        (&Method::POST, ["start"]) => start(server, &mut ask, details).await,
        _ => Err(Failure::no_page()),
    }
}

fn shown(details: &ExecDetails) -> serde_json::Value {
    let config = &details.config;
    let streams = config.attach.unwrap_or_default();
    let (program, arguments) = match config.argv.split_first() {
        Some((program, arguments)) => (program.as_str(), arguments),
        None => ("", &[][..]),
    };
    json!({
        "ID": details.id.as_str(),
        "Running": details.is_running,
        "ExitCode": details.code,
        "ProcessConfig": {
            "tty": config.tty,
            "entrypoint": program,
            "arguments": arguments,
            "privileged": config.privileged,
            "user": config.user.clone().unwrap_or_default(),
        },
        "OpenStdin": streams.stdin,
        "OpenStderr": streams.stderr,
        "OpenStdout": streams.stdout,
        "CanRemove": details.code.is_some(),
        "ContainerID": details.container.as_str(),
        "DetachKeys": "",
        "Pid": details.pid.unwrap_or(0),
    })
}

async fn start(server: Arc<Server>, ask: &mut Ask, details: ExecDetails) -> Outcome {
    let options: models::ExecStartConfig = ask.json_or_default().await?;
    if details.is_started {
        return Err(Failure::conflict(format!(
            "exec command {} is already running or has ended",
            details.id
        )));
    }
    let state = server.engine.inspect(&details.container).await?.state;
    if !state.can_exec() {
        return Err(Failure::conflict(format!(
            "container {} is not running",
            details.container
        )));
    }
    if options.detach == Some(true) {
        server.engine.start_exec(&details.id, None).await?;
        return Ok(empty(StatusCode::OK));
    }
    let mut streams = details.config.attach.unwrap_or_default();
    streams.size = options
        .console_size
        .as_ref()
        .and_then(|size| crate::wire::size(size))
        .or(streams.size);
    let manner = hijack::Manner {
        tty: details.config.tty,
        framed: !details.config.tty,
        stdin: streams.stdin,
        detach: hijack::detach_keys(None)?,
    };
    let (answer, line) = hijack::begin(ask.take_upgrade(), manner.framed);
    let (sender, session) = oneshot::channel();
    tokio::spawn(async move {
        let (told, before) = tokio::sync::mpsc::channel(1);
        let begun = server.engine.start_exec(&details.id, Some(streams)).await;
        match begun {
            Ok(Some(session)) => drop(sender.send(session)),
            // The head is out already; docker tells it in the stream, too.
            Err(error) => {
                let failure = Failure::from(error);
                let text = format!("OCI runtime exec failed: {}\r\n", failure.message);
                let piece = match manner.framed {
                    true => crate::wire::frame::framed(Stream::Stdout, text.as_bytes()),
                    false => text.into(),
                };
                // The receiver is ours.
                let _ = told.try_send(piece);
                drop(sender);
            }
            Ok(None) => drop(sender),
        }
        drop(told);
        hijack::carry(line, Some(before), session, manner).await;
    });
    Ok(answer)
}
