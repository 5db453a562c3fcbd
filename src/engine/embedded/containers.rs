//! The lifecycle and further processes.

use std::os::unix::net::UnixStream;

use async_trait::async_trait;

use super::{Embedded, error::io_kind, lock, processes, session};
use crate::{
    engine::{Containers, EngineError, ErrorKind, Exec, Execs, Result, Session},
    model::{
        AttachStreams, ContainerId, CreateRequest, ExecConfig, ExecDetails, ExecId, Exit,
        KillRequest, RemoveRequest, SignalRequest, StartRequest, StopRequest, TerminalSize,
        UpdateRequest, WaitCondition,
    },
};

/// Exits that sessions saw and that are kept for a later wait.
const REMEMBERED: usize = 256;

impl Embedded {
    /// The channels of an attached connection; its exit is kept for a later wait.
    pub(super) fn session(
        &self,
        operation: &'static str,
        id: &ContainerId,
        control: UnixStream,
        streams: AttachStreams,
    ) -> Result<Session> {
        let (exits, owned) = (self.exits.clone(), id.clone());
        let keep = move |exit: Exit| {
            let mut exits = lock(&exits);
            // A server lives long, and nobody may ever ask.
            if exits.len() >= REMEMBERED
                && let Some(oldest) = exits.iter().min_by_key(|(_, exit)| exit.at)
            {
                let oldest = oldest.0.clone();
                exits.remove(&oldest);
            }
            exits.insert(owned, exit);
        };
        bridged(operation, id, control, streams, keep)
    }
}

fn bridged(
    operation: &'static str,
    id: &ContainerId,
    control: UnixStream,
    streams: AttachStreams,
    ended: impl FnOnce(Exit) + Send + 'static,
) -> Result<Session> {
    session::bridge(control, streams, ended)
        .map_err(|error| EngineError::new(io_kind(&error), operation, id.short()).because(error))
}

#[async_trait]
impl Containers for Embedded {
    async fn create(&self, request: CreateRequest) -> Result<ContainerId> {
        let subject = match &request.name {
            Some(name) => name.clone(),
            None => request.config.image.clone(),
        };
        self.blocking("create", &subject, |lifecycle| lifecycle.create(request))
            .await
    }

    async fn start(&self, request: StartRequest) -> Result<Option<Session>> {
        let StartRequest { id, attach } = request;
        self.exits().remove(&id);
        let control = self
            .about("start", &id, move |lifecycle, id| {
                lifecycle.start(id, attach)
            })
            .await?;
        match control.zip(attach) {
            Some((control, streams)) => self.session("start", &id, control, streams).map(Some),
            None => Ok(None),
        }
    }

    async fn attach(&self, id: &ContainerId, streams: AttachStreams) -> Result<Session> {
        let control = self
            .about("attach to", id, move |lifecycle, id| {
                lifecycle.attach(id, streams)
            })
            .await?;
        self.session("attach to", id, control, streams)
    }

    async fn stop(&self, request: StopRequest) -> Result<()> {
        let id = request.id.clone();
        self.about("stop", &id, move |lifecycle, _| lifecycle.stop(&request))
            .await
    }

    async fn restart(&self, request: StopRequest) -> Result<()> {
        let id = request.id.clone();
        self.about("restart", &id, move |lifecycle, _| {
            lifecycle.restart(&request)
        })
        .await
    }

    async fn kill(&self, request: KillRequest) -> Result<()> {
        let id = request.id.clone();
        self.about("kill", &id, move |lifecycle, _| lifecycle.kill(&request))
            .await
    }

    async fn signal(&self, request: SignalRequest) -> Result<()> {
        let id = request.id.clone();
        self.about("send a signal in", &id, move |lifecycle, id| {
            processes::signal(lifecycle, id, &request)
        })
        .await
    }

    async fn pause(&self, id: &ContainerId) -> Result<()> {
        self.about("pause", id, |lifecycle, id| lifecycle.pause(id))
            .await
    }

    async fn unpause(&self, id: &ContainerId) -> Result<()> {
        self.about("unpause", id, |lifecycle, id| lifecycle.unpause(id))
            .await
    }

    async fn remove(&self, request: RemoveRequest) -> Result<()> {
        let id = request.id.clone();
        self.about("remove", &id, move |lifecycle, _| {
            lifecycle.remove(&request)
        })
        .await?;
        self.exits().remove(&id);
        Ok(())
    }

    async fn rename(&self, id: &ContainerId, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.about("rename", id, move |lifecycle, id| {
            lifecycle.rename(id, &name)
        })
        .await
    }

    async fn resize(&self, id: &ContainerId, size: TerminalSize) -> Result<()> {
        self.about("resize", id, move |lifecycle, id| {
            lifecycle.resize(id, size)
        })
        .await
    }

    async fn wait(&self, id: &ContainerId, condition: WaitCondition) -> Result<Exit> {
        let waited = self
            .about("wait for", id, move |lifecycle, id| {
                lifecycle.wait(id, condition)
            })
            .await;
        match waited {
            // A record that is gone can't say it as well as a session that saw its end.
            Ok(exit) if condition == WaitCondition::Removed => {
                Ok(self.exits().get(id).copied().unwrap_or(exit))
            }
            // It removed itself; a session may have seen its end.
            Err(error) if error.kind == ErrorKind::NotFound => {
                self.exits().get(id).copied().ok_or(error)
            }
            other => other,
        }
    }

    async fn check_health(&self, id: &ContainerId) -> Result<()> {
        self.about("check the health of", id, |lifecycle, id| {
            lifecycle.check_health(id)
        })
        .await
    }

    async fn update(&self, request: UpdateRequest) -> Result<()> {
        let id = request.id.clone();
        self.about("update", &id, move |lifecycle, _| {
            lifecycle.update(&request)
        })
        .await
    }
}

#[async_trait]
impl Execs for Embedded {
    async fn exec(&self, id: &ContainerId, config: ExecConfig) -> Result<Exec> {
        let streams = config.attach;
        let (exec, control) = self
            .about("exec in", id, move |lifecycle, id| {
                lifecycle.exec(id, &config)
            })
            .await?;
        let session = match control.zip(streams) {
            Some((control, streams)) => {
                let (exits, ended) = (self.exec_exits.clone(), exec.clone());
                let keep = move |exit| {
                    lock(&exits).insert(ended, exit);
                };
                Some(bridged("exec in", id, control, streams, keep)?)
            }
            None => None,
        };
        Ok(Exec { id: exec, session })
    }

    async fn create_exec(&self, id: &ContainerId, config: ExecConfig) -> Result<ExecId> {
        self.about("exec in", id, move |lifecycle, id| {
            lifecycle.create_exec(id, &config)
        })
        .await
    }

    async fn start_exec(
        &self,
        exec: &ExecId,
        attach: Option<AttachStreams>,
    ) -> Result<Option<Session>> {
        let owned = exec.clone();
        let (id, control) = self
            .blocking("start the exec", exec.short(), move |lifecycle| {
                lifecycle.start_exec(&owned, attach)
            })
            .await?;
        match control.zip(attach) {
            // How it ended is on record.
            Some((control, streams)) => {
                bridged("start the exec", &id, control, streams, drop).map(Some)
            }
            None => Ok(None),
        }
    }

    async fn inspect_exec(&self, exec: &ExecId) -> Result<ExecDetails> {
        let owned = exec.clone();
        self.blocking("inspect the exec", exec.short(), move |lifecycle| {
            lifecycle.inspect_exec(&owned)
        })
        .await
    }

    async fn resize_exec(&self, exec: &ExecId, size: TerminalSize) -> Result<()> {
        let owned = exec.clone();
        self.blocking("resize the exec", exec.short(), move |lifecycle| {
            lifecycle.resize_exec(&owned, size)
        })
        .await
    }

    async fn exec_wait(&self, id: &ContainerId, exec: &ExecId) -> Result<i32> {
        // What came over its session needs no record, which a full disk may not have, nor
        // its container, which may be gone.
        if let Some(Some(code)) = lock(&self.exec_exits).remove(exec).map(|exit| exit.code) {
            return Ok(code);
        }
        let exec = exec.clone();
        let code = self
            .about("wait for an exec in", id, move |lifecycle, id| {
                lifecycle.exec_wait(id, &exec)
            })
            .await?;
        code.ok_or_else(|| {
            EngineError::new(ErrorKind::Internal, "wait for an exec in", id.short())
                .because("its exit code is unknown: its shim died")
        })
    }
}
