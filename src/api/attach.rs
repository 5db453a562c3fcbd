//! Attaching to containers, and starting them: who attaches before the start gets every
//! byte from the first on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use hyper::StatusCode;
use tokio::sync::{mpsc, oneshot};

use super::{
    answer::{Failure, Outcome, done, empty},
    ask::{Ask, Query},
    hijack::{self, Manner},
    logs,
    serve::Server,
    web_socket,
};
use crate::{
    engine::{Engine, Session},
    model::{AttachStreams, ContainerId, LogsRequest, StartRequest, State, TerminalSize},
};

/// Connections that are attached to containers which don't run yet.
#[derive(Debug, Default)]
pub struct Pending(Mutex<HashMap<ContainerId, Vec<Waiting>>>);

#[derive(Debug)]
struct Waiting {
    streams: AttachStreams,
    session: oneshot::Sender<Session>,
}

impl Pending {
    fn add(&self, id: &ContainerId, waiting: Waiting) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those who went away are forgotten by whoever comes next.
        all.retain(|_, waiting| {
            waiting.retain(|waiting| !waiting.session.is_closed());
            !waiting.is_empty()
        });
        all.entry(id.clone()).or_default().push(waiting);
    }

    fn take(&self, id: &ContainerId) -> Vec<Waiting> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = all.remove(id).unwrap_or_default();
        waiting.retain(|waiting| !waiting.session.is_closed());
        // One that writes its stdin is the one that the start takes along.
        waiting.sort_by_key(|waiting| !waiting.streams.stdin);
        waiting
    }
}

/// The size that a query says.
pub fn size(ask: &Ask) -> Result<TerminalSize, Failure> {
    let number = |key: &str| ask.query.number::<u16>(key);
    match (number("h")?, number("w")?) {
        (Some(rows), Some(cols)) => Ok(TerminalSize { rows, cols }),
        _ => Err(Failure::bad("a size needs h and w")),
    }
}

/// `POST /containers/ID/start`
pub async fn start(server: &Server, id: &ContainerId, reference: &str) -> Outcome {
    match server.engine.inspect(id).await?.state {
        State::Running | State::Restarting => return Ok(empty(StatusCode::NOT_MODIFIED)),
        State::Paused => {
            return Err(Failure::conflict(
                "cannot start a paused container, try unpause instead",
            ));
        }
        State::Removing | State::Dead => {
            return Err(Failure::conflict(format!(
                "container {reference} is marked for removal and cannot be started"
            )));
        }
        State::Created | State::Exited => {}
    }
    let mut waiting = server.pending.take(id).into_iter();
    let first = waiting.next();
    let request = StartRequest {
        id: id.clone(),
        attach: first.as_ref().map(|waiting| waiting.streams),
    };
    // A failure drops those who wait, which ends their connections.
    let session = server.engine.start(request).await?;
    if let Some((session, first)) = session.zip(first) {
        // Who went away just now detaches so.
        let _ = first.session.send(session);
    }
    for other in waiting {
        if let Ok(session) = server.engine.attach(id, other.streams).await {
            // As above.
            let _ = other.session.send(session);
        }
    }
    done()
}

/// `POST /containers/ID/attach`
pub async fn attach(server: Arc<Server>, mut ask: Ask, id: ContainerId) -> Outcome {
    let upgrade = ask.take_upgrade();
    let wanted = wanted(&ask.query);
    let (manner, before, session) = prepare(&server, &ask, &id, wanted, true).await?;
    let (answer, line) = hijack::begin(upgrade, manner.framed);
    tokio::spawn(hijack::carry(line, before, session, manner));
    Ok(answer)
}

/// `GET /containers/ID/attach/ws`: all streams where none is named, without frames.
pub async fn web_socket(server: Arc<Server>, mut ask: Ask, id: ContainerId) -> Outcome {
    let (answer, line) = web_socket::begin(&mut ask)?;
    let named = |key: &&str| ask.query.all(key).next().is_some();
    let wanted = match ["stdin", "stdout", "stderr"].iter().any(named) {
        true => wanted(&ask.query),
        false => AttachStreams {
            stdin: true,
            stdout: true,
            stderr: true,
            size: None,
        },
    };
    let (manner, before, session) = prepare(&server, &ask, &id, wanted, false).await?;
    tokio::spawn(hijack::carry(line, before, session, manner));
    Ok(answer)
}

fn wanted(query: &Query) -> AttachStreams {
    AttachStreams {
        stdin: query.is_on("stdin"),
        stdout: query.is_on("stdout"),
        stderr: query.is_on("stderr"),
        size: None,
    }
}

/// What was logged before, if that is asked for, and the session, which may come later.
async fn prepare(
    server: &Server,
    ask: &Ask,
    id: &ContainerId,
    wanted: AttachStreams,
    framed: bool,
) -> Result<
    (
        Manner,
        Option<mpsc::Receiver<Bytes>>,
        oneshot::Receiver<Session>,
    ),
    Failure,
> {
    let query = &ask.query;
    let container = server.engine.inspect(id).await?;
    let wants_stream = query.is_on("stream");
    let streams = AttachStreams {
        stdin: wanted.stdin && container.config.open_stdin && wants_stream,
        ..wanted
    };
    let manner = Manner {
        tty: container.config.tty,
        framed: framed && !container.config.tty,
        stdin: streams.stdin,
        detach: hijack::detach_keys(query.text("detachKeys"))?,
    };
    if container.state == State::Paused {
        return Err(Failure::conflict(format!(
            "container {id} is paused, unpause the container before attach"
        )));
    }
    if container.state == State::Restarting {
        return Err(Failure::conflict(format!(
            "container {id} is restarting, wait until the container is running"
        )));
    }
    let (sender, session) = oneshot::channel();
    // Attached before the log is read: then nothing is lost, though a line may come twice.
    if wants_stream {
        match container.state.has_process() {
            true => {
                let opened = server.engine.attach(id, streams).await?;
                // The receiver is ours.
                let _ = sender.send(opened);
            }
            false => server.pending.add(
                id,
                Waiting {
                    streams,
                    session: sender,
                },
            ),
        }
    }
    let before = match query.is_on("logs") {
        true => Some(logged(&*server.engine, id, streams, manner.tty).await?),
        false => None,
    };
    Ok((manner, before, session))
}

async fn logged(
    engine: &dyn Engine,
    id: &ContainerId,
    streams: AttachStreams,
    tty: bool,
) -> Result<mpsc::Receiver<Bytes>, Failure> {
    let mut lines = engine
        .logs(LogsRequest {
            id: id.clone(),
            follow: false,
            tail: None,
            since: None,
            until: None,
            stdout: streams.stdout,
            stderr: streams.stderr,
        })
        .await?;
    let manner = logs::Manner {
        tty,
        timestamps: false,
        details: false,
    };
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        let mut piece = BytesMut::new();
        while let Some(Ok(line)) = lines.recv().await {
            manner.write(&line, &mut piece);
            if sender.send(piece.split().freeze()).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
