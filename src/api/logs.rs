//! Logs as docker streams them.

use std::io;

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{
    answer::{Failure, Outcome, streamed},
    ask::Ask,
    serve::Server,
};
use crate::{
    engine,
    model::{ContainerId, LogLine, LogsRequest},
    wire::frame,
};

/// Bytes that are put together into one piece, where that many are there.
const PIECE_BYTES: usize = 16 * 1024;
/// Pieces that wait for a client.
const AHEAD: usize = 2;

/// `GET /containers/ID/logs`
pub async fn logs(server: &Server, ask: &Ask, id: ContainerId) -> Outcome {
    let query = &ask.query;
    let request = LogsRequest {
        id: id.clone(),
        follow: query.is_on("follow"),
        tail: tail(query.text("tail"))?,
        since: query.time("since")?,
        until: query.time("until")?,
        stdout: query.is_on("stdout"),
        stderr: query.is_on("stderr"),
    };
    if !request.stdout && !request.stderr {
        return Err(Failure::bad(
            "Bad parameters: you must choose at least one stream",
        ));
    }
    let tty = server.engine.inspect(&id).await?.config.tty;
    let lines = server.engine.logs(request).await?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let manner = Manner {
        tty,
        timestamps: query.is_on("timestamps"),
        details: query.is_on("details"),
    };
    tokio::spawn(send(lines, manner, sender));
    let kind = match tty {
        true => frame::RAW,
        false => frame::MULTIPLEXED,
    };
    Ok(streamed(kind, receiver))
}

/// How many lines from the end; `all`, and what makes no sense, are all of them.
fn tail(text: Option<&str>) -> Result<Option<u64>, Failure> {
    match text {
        None | Some("all") => Ok(None),
        Some(text) => Ok(text.parse::<i64>().ok().and_then(|n| u64::try_from(n).ok())),
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// As they are, without frames.
    pub tty: bool,
    /// With the time before each.
    pub timestamps: bool,
    /// With the details of the log's driver before each: there are none.
    pub details: bool,
}

impl Manner {
    /// Appends a line.
    pub fn write(self, line: &LogLine, out: &mut BytesMut) {
        let mut text = Vec::with_capacity(line.text.len() + 40);
        if self.timestamps {
            text.extend_from_slice(time(line.at).as_bytes());
            text.push(b' ');
        }
        if self.details {
            text.push(b' ');
        }
        text.extend_from_slice(&line.text);
        if !line.partial {
            text.push(b'\n');
        }
        match self.tty {
            true => out.extend_from_slice(&text),
            false => frame::encode(line.stream, &text, out),
        }
    }
}

/// Always nine digits behind the point, so that lines stand below each other.
fn time(at: Timestamp) -> String {
    format!("{at:.9}")
}

async fn send(
    mut lines: mpsc::Receiver<engine::Result<LogLine>>,
    manner: Manner,
    sender: mpsc::Sender<io::Result<Bytes>>,
) {
    let mut piece = BytesMut::new();
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            () = sender.closed() => return,
        };
        let mut next = line;
        let mut is_over = next.is_none();
        while let Some(line) = next {
            match line {
                Ok(line) => manner.write(&line, &mut piece),
                Err(error) => {
                    // The head is out: only a cut stream can tell it.
                    let _ = sender.send(Err(io::Error::other(error.to_string()))).await;
                    return;
                }
            }
            next = match piece.len() < PIECE_BYTES {
                true => match lines.try_recv() {
                    Ok(line) => Some(line),
                    Err(mpsc::error::TryRecvError::Empty) => None,
                    Err(mpsc::error::TryRecvError::Disconnected) => {
                        is_over = true;
                        None
                    }
                },
                false => None,
            };
        }
        if !piece.is_empty() && sender.send(Ok(piece.split().freeze())).await.is_err() {
            return;
        }
        if is_over {
            return;
        }
    }
}
