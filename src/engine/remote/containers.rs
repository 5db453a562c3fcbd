//! The lifecycle, and further processes in a container.

use std::time::Duration;

use async_trait::async_trait;
use hyper::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Remote,
    client::{Ask, Client, Lines},
    lock, session, unreadable, write,
};
use crate::{
    engine::{Containers, EngineError, ErrorKind, Exec, Execs, Result, Session},
    model::{
        Ability, AttachStreams, ContainerId, CreateRequest, ExecConfig, ExecId, Exit, KillRequest,
        RemoveRequest, SignalRequest, StartRequest, StopRequest, TerminalSize, UpdateRequest,
        WaitCondition,
    },
};

/// Time between two looks at an exec that has no session, and the longest.
const LOOKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

#[async_trait]
impl Containers for Remote {
    async fn create(&self, request: CreateRequest) -> Result<ContainerId> {
        let subject = request.name.clone().unwrap_or(request.config.image.clone());
        let body = write::container(&request.config).map_err(|why| {
            EngineError::new(ErrorKind::Unsupported, "create", &subject).because(why)
        })?;
        let ask = Ask::post("/containers/create", "create", &subject)
            .maybe("name", request.name.as_ref())
            .json(body);
        let made: Value = self.client.json(ask).await?;
        let id = made["Id"].as_str().and_then(ContainerId::parse);
        id.ok_or_else(|| unreadable("create", &subject, "the engine's answer has no id".into()))
    }

    async fn start(&self, request: StartRequest) -> Result<Option<Session>> {
        let id = &request.id;
        let session = match request.attach {
            None => None,
            Some(streams) => {
                // Both before the start: not a byte and no exit is missed.
                let (removes_itself, tty) = self.inspect_config(id).await?;
                let condition = match removes_itself {
                    true => WaitCondition::Removed,
                    false => WaitCondition::NextExit,
                };
                self.await_exit(id, condition).await?;
                Some(self.attach_to(id, streams, tty).await?)
            }
        };
        let ask = Ask::post(format!("/containers/{id}/start"), "start", id.short());
        if let Err(error) = self.client.done(ask).await {
            self.forget(id);
            return Err(error);
        }
        if let Some(size) = request.attach.and_then(|streams| streams.size) {
            self.resize(format!("/containers/{id}/resize"), size).await;
        }
        Ok(session)
    }

    async fn attach(&self, id: &ContainerId, streams: AttachStreams) -> Result<Session> {
        let (_, tty) = self.inspect_config(id).await?;
        let session = self.attach_to(id, streams, tty).await?;
        if let Some(size) = streams.size {
            self.resize(format!("/containers/{id}/resize"), size).await;
        }
        Ok(session)
    }

    async fn stop(&self, request: StopRequest) -> Result<()> {
        self.ask_to_stop("stop", &request).await
    }

    async fn restart(&self, request: StopRequest) -> Result<()> {
        self.ask_to_stop("restart", &request).await
    }

    async fn kill(&self, request: KillRequest) -> Result<()> {
        let id = &request.id;
        let ask = Ask::post(format!("/containers/{id}/kill"), "kill", id.short())
            .maybe("signal", request.signal.as_ref());
        self.client.done(ask).await
    }

    async fn signal(&self, request: SignalRequest) -> Result<()> {
        Err(EngineError::lacks(
            Ability::Signal,
            "signal a process of",
            request.id.short(),
        ))
    }

    async fn pause(&self, id: &ContainerId) -> Result<()> {
        let ask = Ask::post(format!("/containers/{id}/pause"), "pause", id.short());
        self.client.done(ask).await
    }

    async fn unpause(&self, id: &ContainerId) -> Result<()> {
        let ask = Ask::post(format!("/containers/{id}/unpause"), "unpause", id.short());
        self.client.done(ask).await
    }

    async fn remove(&self, request: RemoveRequest) -> Result<()> {
        let id = &request.id;
        let path = format!("/containers/{id}");
        let ask = Ask::of(Method::DELETE, path, "remove", id.short())
            .query("force", u8::from(request.force))
            .query("v", u8::from(request.volumes));
        self.client.done(ask).await
    }

    async fn rename(&self, id: &ContainerId, name: &str) -> Result<()> {
        let path = format!("/containers/{id}/rename");
        let ask = Ask::post(path, "rename", id.short()).query("name", name);
        self.client.done(ask).await
    }

    async fn wait(&self, id: &ContainerId, condition: WaitCondition) -> Result<Exit> {
        let awaited = lock(&self.awaited).remove(id);
        match awaited {
            Some(exit) => exit.await.map_err(|error| {
                EngineError::new(ErrorKind::Internal, "wait for", id.short()).because(error)
            })?,
            None => wait(&self.client, id, condition).await,
        }
    }

    async fn update(&self, request: UpdateRequest) -> Result<()> {
        let id = &request.id;
        let body = write::update(&request).map_err(|why| {
            EngineError::new(ErrorKind::Unsupported, "update", id.short()).because(why)
        })?;
        let path = format!("/containers/{id}/update");
        self.client
            .done(Ask::post(path, "update", id.short()).json(body))
            .await
    }
}

#[async_trait]
impl Execs for Remote {
    async fn exec(&self, id: &ContainerId, config: ExecConfig) -> Result<Exec> {
        let path = format!("/containers/{id}/exec");
        let ask = Ask::post(path, "exec", id.short()).json(write::exec(&config));
        let made: Value = self.client.json(ask).await?;
        let exec = made["Id"].as_str().and_then(ExecId::parse);
        let exec = exec.ok_or_else(|| {
            unreadable("exec", id.short(), "the engine's answer has no id".into())
        })?;
        let path = format!("/exec/{exec}/start");
        let mut body = json!({ "Detach": config.attach.is_none(), "Tty": config.tty });
        if let Some(size) = write::console_size(&config) {
            body["ConsoleSize"] = size;
        }
        let ask = Ask::post(path, "exec", id.short()).json(body);
        let Some(streams) = config.attach else {
            self.client.done(ask).await?;
            return Ok(Exec {
                id: exec,
                session: None,
            });
        };
        let wire = self.client.hijack(ask).await?;
        let resize = format!("/exec/{exec}/resize");
        if let Some(size) = streams.size.filter(|_| config.tty) {
            self.resize(resize.clone(), size).await;
        }
        let client = self.client.clone();
        let session = session::bridge(client, wire, streams.stdin, config.tty, resize);
        Ok(Exec {
            id: exec,
            session: Some(session),
        })
    }

    async fn exec_wait(&self, id: &ContainerId, exec: &ExecId) -> Result<i32> {
        // No request waits for an exec. Its session ended, or it is detached.
        let mut pause = LOOKS.0;
        loop {
            let ask = Ask::get(format!("/exec/{exec}/json"), "exec", id.short());
            let now: Value = self.client.json(ask).await?;
            if !now["Running"].as_bool().unwrap_or_default() {
                return Ok(exit_code(&now));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOKS.1);
        }
    }
}

fn exit_code(now: &Value) -> i32 {
    now["ExitCode"]
        .as_i64()
        .and_then(|code| i32::try_from(code).ok())
        .unwrap_or(125)
}

impl Remote {
    /// Whether it removes itself, and whether it has a terminal.
    async fn inspect_config(&self, id: &ContainerId) -> Result<(bool, bool)> {
        let ask = Ask::get(format!("/containers/{id}/json"), "inspect", id.short());
        let found: Value = self.client.json(ask).await?;
        let is = |value: &Value| value.as_bool().unwrap_or_default();
        Ok((
            is(&found["HostConfig"]["AutoRemove"]),
            is(&found["Config"]["Tty"]),
        ))
    }

    async fn attach_to(
        &self,
        id: &ContainerId,
        streams: AttachStreams,
        tty: bool,
    ) -> Result<Session> {
        let ask = Ask::post(format!("/containers/{id}/attach"), "attach to", id.short())
            .query("stream", 1)
            .query("stdin", u8::from(streams.stdin))
            .query("stdout", u8::from(streams.stdout))
            .query("stderr", u8::from(streams.stderr));
        let wire = self.client.hijack(ask).await?;
        let resize = format!("/containers/{id}/resize");
        Ok(session::bridge(
            self.client.clone(),
            wire,
            streams.stdin,
            tty,
            resize,
        ))
    }

    async fn resize(&self, path: String, size: TerminalSize) {
        let ask = Ask::post(path, "resize", "")
            .query("h", size.rows)
            .query("w", size.cols);
        // A terminal of another size is better than none.
        let _ = self.client.done(ask).await;
    }

    async fn ask_to_stop(&self, operation: &'static str, request: &StopRequest) -> Result<()> {
        let id = &request.id;
        let ask = Ask::post(
            format!("/containers/{id}/{operation}"),
            operation,
            id.short(),
        )
        .maybe("t", request.timeout_secs)
        .maybe("signal", request.signal.as_ref());
        self.client.done(ask).await
    }

    /// Waits from now on; the head of the answer comes once the engine does.
    async fn await_exit(&self, id: &ContainerId, condition: WaitCondition) -> Result<()> {
        let answer = self.client.stream(ask_to_wait(id, condition)).await?;
        let owned = id.clone();
        let exit = tokio::spawn(async move {
            let told = Lines::of(answer).next().await;
            let told = told.and_then(|value| value.ok_or_else(|| "the answer broke off".into()));
            let told = told.map_err(|why| unreadable("wait for", owned.short(), why))?;
            exit_of(&told, &owned)
        });
        if let Some(before) = lock(&self.awaited).insert(id.clone(), exit) {
            before.abort();
        }
        Ok(())
    }

    fn forget(&self, id: &ContainerId) {
        if let Some(awaited) = lock(&self.awaited).remove(id) {
            awaited.abort();
        }
    }
}

async fn wait(client: &Client, id: &ContainerId, condition: WaitCondition) -> Result<Exit> {
    let answer: Value = client.json(ask_to_wait(id, condition)).await?;
    exit_of(&answer, id)
}

fn ask_to_wait(id: &ContainerId, condition: WaitCondition) -> Ask {
    let word = match condition {
        WaitCondition::NotRunning => "not-running",
        WaitCondition::NextExit => "next-exit",
        WaitCondition::Removed => "removed",
    };
    let path = format!("/containers/{id}/wait");
    Ask::post(path, "wait for", id.short()).query("condition", word)
}

fn exit_of(answer: &Value, id: &ContainerId) -> Result<Exit> {
    if let Some(message) = answer["Error"]["Message"]
        .as_str()
        .filter(|m| !m.is_empty())
    {
        return Err(unreadable("wait for", id.short(), message.to_owned()));
    }
    let code = answer["StatusCode"].as_i64();
    Ok(Exit {
        code: code.and_then(|code| i32::try_from(code).ok()),
        at: Timestamp::now(),
        oom_killed: false,
    })
}
