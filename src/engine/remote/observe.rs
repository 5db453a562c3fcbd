//! Looking: one container, its log, its processes, its changes, events.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    Remote,
    client::{Ask, Lines},
    frames::Frames,
    name_of, read, unreadable, world,
};
use crate::{
    engine::{EngineError, ErrorKind, Observe, Result},
    model::{
        Capabilities, Change, ChangeKind, Container, ContainerId, Event, EventsRequest, Greeting,
        LogLine, LogsRequest, Process, Stream, Visible, World,
    },
};

/// Lines or events that wait in a channel before the reader is stopped.
const CHANNEL_LINES: usize = 256;
/// A longer line comes in parts.
const LONGEST_LINE: usize = 16 << 10;

#[async_trait]
impl Observe for Remote {
    fn capabilities(&self) -> Capabilities {
        self.can()
    }

    async fn greet(&self) -> Result<Greeting> {
        let ask = |path| Ask::get(path, "ask", "the engine");
        let version: Value = self.client.soon(ask("/version")).await?;
        let info: Value = self.client.soon(ask("/info")).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let count = |key: &str| usize::try_from(info[key].as_u64().unwrap_or(0)).unwrap_or(0);
        let paused = count("ContainersPaused");
        Ok(Greeting {
            engine: name_of(&version),
            api: version["ApiVersion"].as_str().map(str::to_owned),
            host: text(&info["Name"]),
            system: text(&info["OperatingSystem"]),
            kernel: text(&info["KernelVersion"]),
            cpus: u32::try_from(count("NCPU")).unwrap_or(0),
            memory_bytes: info["MemTotal"].as_u64(),
            containers: count("Containers"),
            running: count("ContainersRunning") + paused,
            images: count("Images"),
        })
    }

    async fn world(&self, visible: Visible) -> Result<Arc<World>> {
        self.picture.lock().await.refresh(visible).await
    }

    async fn resolve(&self, reference: &str) -> Result<ContainerId> {
        if let Some(id) = ContainerId::parse(reference) {
            return Ok(id);
        }
        let path = format!("/containers/{reference}/json");
        let found: Value = self.client.json(Ask::get(path, "find", reference)).await?;
        let id = found["Id"].as_str().and_then(ContainerId::parse);
        id.ok_or_else(|| unreadable("find", reference, "the engine's answer has no id".into()))
    }

    async fn inspect(&self, id: &ContainerId) -> Result<Container> {
        world::inspect(&self.client, id).await
    }

    async fn logs(&self, request: LogsRequest) -> Result<mpsc::Receiver<Result<LogLine>>> {
        let id = &request.id;
        // A terminal's log has no frames.
        let is_raw = self.inspect(id).await?.config.tty;
        let time = |at: Timestamp| {
            let nanoseconds = at.as_nanosecond();
            format!(
                "{}.{:09}",
                nanoseconds / 1_000_000_000,
                nanoseconds % 1_000_000_000
            )
        };
        let ask = Ask::get(
            format!("/containers/{id}/logs"),
            "read the log of",
            id.short(),
        )
        .query("stdout", u8::from(request.stdout))
        .query("stderr", u8::from(request.stderr))
        .query("timestamps", 1)
        .query("follow", u8::from(request.follow))
        .maybe("tail", request.tail)
        .maybe("since", request.since.map(time))
        .maybe("until", request.until.map(time));
        let answer = self.client.stream(ask).await?;
        let (sender, receiver) = mpsc::channel(CHANNEL_LINES);
        let log = Log {
            body: answer.into_body(),
            frames: Frames::new(is_raw),
            parts: Default::default(),
            subject: id.short().to_owned(),
        };
        // Ends with the log, or when its receiver is gone.
        tokio::spawn(log.run(sender));
        Ok(receiver)
    }

    async fn processes(&self, id: &ContainerId) -> Result<Vec<Process>> {
        let path = format!("/containers/{id}/top");
        // Podman would go on telling.
        let top = || Ask::get(&path, "list the processes of", id.short()).query("stream", false);
        let ask = top().query(
            "ps_args",
            "-eo user,pid,ppid,stat,nlwp,rss,cputimes,etimes,args",
        );
        let answer: Value = match self.client.json(ask).await {
            // Podman runs a `ps` of the container's, or knows columns of its own only.
            Err(error) if matches!(error.kind, ErrorKind::Internal | ErrorKind::Invalid) => {
                let columns = "user,pid,ppid,state,etime,args";
                self.client.json(top().query("ps_args", columns)).await?
            }
            answer => answer?,
        };
        Ok(processes(&answer))
    }

    async fn changes(&self, id: &ContainerId) -> Result<Vec<Change>> {
        let path = format!("/containers/{id}/changes");
        let answer: Option<Vec<Value>> = self
            .client
            .json(Ask::get(path, "compare", id.short()))
            .await?;
        let change = |value: &Value| {
            Some(Change {
                path: value["Path"].as_str()?.into(),
                kind: match value["Kind"].as_u64()? {
                    0 => ChangeKind::Modified,
                    1 => ChangeKind::Added,
                    _ => ChangeKind::Deleted,
                },
            })
        };
        Ok(answer
            .unwrap_or_default()
            .iter()
            .filter_map(change)
            .collect())
    }

    async fn writable_bytes(&self, id: &ContainerId) -> Result<u64> {
        let path = format!("/containers/{id}/json");
        let ask = Ask::get(path, "measure", id.short()).query("size", 1);
        let answer: Value = self.client.json(ask).await?;
        Ok(answer["SizeRw"].as_u64().unwrap_or_default())
    }

    async fn events(&self, request: EventsRequest) -> Result<mpsc::Receiver<Result<Event>>> {
        let seconds = |at: Timestamp| {
            let nanoseconds = at.as_nanosecond();
            format!(
                "{}.{:09}",
                nanoseconds / 1_000_000_000,
                nanoseconds % 1_000_000_000
            )
        };
        let ask = Ask::get("/events", "follow events", "")
            .maybe("since", request.since.map(seconds))
            .maybe("until", request.until.map(seconds));
        let answer = self.client.stream(ask).await?;
        let (sender, receiver) = mpsc::channel(CHANNEL_LINES);
        // Ends with its time, or when its receiver is gone.
        tokio::spawn(async move {
            let mut lines = Lines::of(answer);
            loop {
                let next = tokio::select! {
                    next = lines.next() => next,
                    () = sender.closed() => return,
                };
                let told = match next {
                    Ok(Some(value)) => match read::event(&value) {
                        Some(event) => Ok(event),
                        None => continue,
                    },
                    Ok(None) => return,
                    Err(why) => Err(
                        EngineError::new(ErrorKind::Unreachable, "follow events", "").because(why),
                    ),
                };
                let is_last = told.is_err();
                if sender.send(told).await.is_err() || is_last {
                    return;
                }
            }
        });
        Ok(receiver)
    }
}

/// A log on its way.
struct Log {
    body: Incoming,
    frames: Frames,
    /// The line under way of each stream.
    parts: [Part; 2],
    subject: String,
}

#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    /// When the line began, if a part of it was sent.
    began: Option<Timestamp>,
}

impl Log {
    async fn run(mut self, sender: mpsc::Sender<Result<LogLine>>) {
        loop {
            let frame = tokio::select! {
                frame = self.body.frame() => frame,
                () = sender.closed() => return,
            };
            let piece = match frame {
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return self.fail(&sender, error.to_string()).await,
                None => break,
            };
            self.frames.push(&piece);
            loop {
                match self.frames.next_piece() {
                    Ok(Some((stream, bytes))) => {
                        for line in self.lines(stream, &bytes) {
                            if sender.send(Ok(line)).await.is_err() {
                                return;
                            }
                        }
                    }
                    Ok(None) => break,
                    Err(why) => return self.fail(&sender, why).await,
                }
            }
        }
        for stream in [Stream::Stdout, Stream::Stderr] {
            let part = &mut self.parts[stream as usize];
            if part.bytes.is_empty() {
                continue;
            }
            if let Some(line) = line(stream, part, false)
                && sender.send(Ok(line)).await.is_err()
            {
                return;
            }
        }
    }

    fn lines(&mut self, stream: Stream, bytes: &Bytes) -> Vec<LogLine> {
        let part = &mut self.parts[stream as usize];
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            part.bytes.extend_from_slice(piece);
            if part.bytes.ends_with(b"\n") {
                part.bytes.pop();
                lines.extend(line(stream, part, false));
                *part = Part::default();
            } else if part.bytes.len() > LONGEST_LINE {
                lines.extend(line(stream, part, true));
            }
        }
        lines
    }

    async fn fail(&self, sender: &mpsc::Sender<Result<LogLine>>, why: String) {
        let error = EngineError::new(ErrorKind::Unreachable, "read the log of", &self.subject);
        // The reader is gone: nobody is left to tell.
        let _ = sender.send(Err(error.because(why))).await;
    }
}

/// What is there of a line, after its time.
fn line(stream: Stream, part: &mut Part, partial: bool) -> Option<LogLine> {
    let bytes = std::mem::take(&mut part.bytes);
    let (at, text) = match part.began {
        Some(at) => (at, bytes),
        None => {
            let end = bytes
                .iter()
                .position(|byte| *byte == b' ')
                .unwrap_or(bytes.len());
            let at = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
            (at, bytes.get(end + 1..).unwrap_or_default().to_vec())
        }
    };
    part.began = Some(at);
    Some(LogLine {
        at,
        stream,
        text,
        partial,
    })
}

/// The rows of `top`, by the titles of their columns.
fn processes(answer: &Value) -> Vec<Process> {
    let titles = answer["Titles"].as_array().cloned().unwrap_or_default();
    let column = |names: &[&str]| {
        let is_it = |title: &Value| title.as_str().is_some_and(|title| names.contains(&title));
        titles.iter().position(is_it)
    };
    let (user, pid, parent) = (
        column(&["USER", "UID"]),
        column(&["PID"]),
        column(&["PPID"]),
    );
    let (state, threads, resident) = (column(&["STAT"]), column(&["NLWP"]), column(&["RSS"]));
    let (cpu, age) = (column(&["TIME"]), column(&["ELAPSED"]));
    let command = column(&["COMMAND", "CMD"]);
    let now = Timestamp::now();
    let rows = answer["Processes"].as_array().into_iter().flatten();
    rows.filter_map(|row| {
        let text = |column: Option<usize>| row.get(column?)?.as_str();
        let number = |column| text(column).and_then(|text| text.trim().parse::<u64>().ok());
        let age = Duration::from_secs(number(age).unwrap_or_default());
        Some(Process {
            pid: text(pid)?.trim().parse().ok()?,
            parent: text(parent)
                .and_then(|pid| pid.trim().parse().ok())
                .unwrap_or(0),
            user: text(user).unwrap_or_default().to_owned(),
            state: text(state)
                .and_then(|text| text.chars().next())
                .unwrap_or('?'),
            threads: u32::try_from(number(threads).unwrap_or(1)).unwrap_or(u32::MAX),
            resident_bytes: number(resident).unwrap_or_default() * 1024,
            cpu_time: Duration::from_secs(number(cpu).unwrap_or_default()),
            started: now.checked_sub(age).unwrap_or(now),
            command: text(command).unwrap_or_default().to_owned(),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_have_their_time_and_long_ones_come_in_parts() {
        let mut part = Part {
            bytes: b"2024-05-01T10:00:00.5Z hello  world".to_vec(),
            began: None,
        };
        let first = line(Stream::Stdout, &mut part, true).unwrap();
        assert_eq!(
            (first.text.as_slice(), first.partial),
            (&b"hello  world"[..], true)
        );
        part.bytes = b"!".to_vec();
        let last = line(Stream::Stdout, &mut part, false).unwrap();
        assert_eq!((last.at, last.text.as_slice()), (first.at, &b"!"[..]));
        let mut strange = Part {
            bytes: b"no time".to_vec(),
            began: None,
        };
        assert!(line(Stream::Stdout, &mut strange, false).is_none());
    }

    #[test]
    fn processes_are_read_by_title() {
        let answer = json!({
            "Titles": ["USER", "PID", "PPID", "STAT", "NLWP", "RSS", "TIME", "ELAPSED", "COMMAND"],
            "Processes": [["root", "7", "1", "Ss", "2", "100", "3", "60", "sleep 1"], ["x"], "odd"],
        });
        let read = processes(&answer);
        assert_eq!(read.len(), 1);
        assert_eq!(
            (read[0].pid, read[0].resident_bytes, read[0].state),
            (7, 102_400, 'S')
        );
        assert_eq!(read[0].command, "sleep 1");
    }
}
