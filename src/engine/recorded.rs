//! The engine of a recording: nothing of it runs, so it refuses everything, saying why.
//! What it shows comes from frames, not from here (see `app::timeline`).

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{
    Containers, EngineError, ErrorKind, Exec, Execs, Files, Groups, Images, Networks, Observe,
    Registries, Result, Session,
};
use crate::model::{
    Ability, AttachStreams, Capabilities, Change, Container, ContainerId, CreateRequest, Digest,
    Event, EventsRequest, ExecConfig, ExecId, Exit, GroupChange, GroupDetails, GroupOf, Image,
    ImportProgress, ImportRequest, KillRequest, LogLine, LogsRequest, Process, RemoveRequest,
    SignalRequest, StartRequest, StopRequest, UpdateRequest, Visible, WaitCondition, World,
};

/// Why nothing can be changed.
const REASON: &str = "this is a recording";

/// An engine of the past.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recorded;

fn refuse<T>(operation: &'static str) -> Result<T> {
    Err(EngineError::new(ErrorKind::Unsupported, operation, "").because(REASON))
}

/// What was never recorded can't be shown either.
fn unknown<T>(operation: &'static str, what: &str) -> Result<T> {
    let cause = format!("{REASON}: it holds figures, no {what}");
    Err(EngineError::new(ErrorKind::Unsupported, operation, "").because(cause))
}

#[async_trait]
impl Observe for Recorded {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            engine: "recording".into(),
            read_only_because: Some(REASON.into()),
            address: None,
            // The screen of groups says itself what a recording has of them.
            lacks: Ability::ALL
                .into_iter()
                .filter(|ability| *ability != Ability::Groups)
                .map(|ability| (ability, REASON.into()))
                .collect(),
        }
    }

    async fn world(&self, _: Visible) -> Result<Arc<World>> {
        refuse("look")
    }

    async fn resolve(&self, _: &str) -> Result<ContainerId> {
        refuse("find")
    }

    async fn inspect(&self, _: &ContainerId) -> Result<Container> {
        refuse("inspect")
    }

    async fn logs(&self, _: LogsRequest) -> Result<mpsc::Receiver<Result<LogLine>>> {
        unknown("read the log", "logs")
    }

    async fn processes(&self, _: &ContainerId) -> Result<Vec<Process>> {
        unknown("list processes", "processes")
    }

    async fn changes(&self, _: &ContainerId) -> Result<Vec<Change>> {
        unknown("list changed files", "files")
    }

    async fn writable_bytes(&self, _: &ContainerId) -> Result<u64> {
        unknown("measure", "files")
    }

    async fn events(&self, _: EventsRequest) -> Result<mpsc::Receiver<Result<Event>>> {
        unknown("follow events", "events")
    }
}

impl Networks for Recorded {}
impl crate::engine::Volumes for Recorded {}

#[async_trait]
impl Files for Recorded {}

#[async_trait]
impl crate::engine::Build for Recorded {}

#[async_trait]
impl Groups for Recorded {
    async fn group_details(&self, _: &GroupOf) -> Result<GroupDetails> {
        unknown("read limits", "limits of groups")
    }

    async fn group_processes(&self, _: &str) -> Result<Vec<Process>> {
        unknown("list processes", "processes")
    }

    async fn change_group(&self, _: GroupChange) -> Result<GroupChange> {
        refuse("change")
    }
}

#[async_trait]
impl Containers for Recorded {
    async fn create(&self, _: CreateRequest) -> Result<ContainerId> {
        refuse("create")
    }

    async fn start(&self, _: StartRequest) -> Result<Option<Session>> {
        refuse("start")
    }

    async fn attach(&self, _: &ContainerId, _: AttachStreams) -> Result<Session> {
        refuse("attach")
    }

    async fn stop(&self, _: StopRequest) -> Result<()> {
        refuse("stop")
    }

    async fn restart(&self, _: StopRequest) -> Result<()> {
        refuse("restart")
    }

    async fn kill(&self, _: KillRequest) -> Result<()> {
        refuse("kill")
    }

    async fn signal(&self, _: SignalRequest) -> Result<()> {
        refuse("signal")
    }

    async fn pause(&self, _: &ContainerId) -> Result<()> {
        refuse("pause")
    }

    async fn unpause(&self, _: &ContainerId) -> Result<()> {
        refuse("unpause")
    }

    async fn remove(&self, _: RemoveRequest) -> Result<()> {
        refuse("remove")
    }

    async fn rename(&self, _: &ContainerId, _: &str) -> Result<()> {
        refuse("rename")
    }

    async fn wait(&self, _: &ContainerId, _: WaitCondition) -> Result<Exit> {
        refuse("wait")
    }

    async fn update(&self, _: UpdateRequest) -> Result<()> {
        refuse("update")
    }
}

#[async_trait]
impl Execs for Recorded {
    async fn exec(&self, _: &ContainerId, _: ExecConfig) -> Result<Exec> {
        refuse("exec")
    }

    async fn exec_wait(&self, _: &ContainerId, _: &ExecId) -> Result<i32> {
        refuse("exec")
    }
}

impl crate::engine::Archives for Recorded {}

impl crate::engine::Upkeep for Recorded {}
impl Registries for Recorded {}

#[async_trait]
impl Images for Recorded {
    async fn images(&self) -> Result<Arc<Vec<Image>>> {
        refuse("list images")
    }

    async fn image(&self, _: &str) -> Result<Image> {
        refuse("find an image")
    }

    async fn image_config(&self, _: &str) -> Result<serde_json::Value> {
        refuse("read an image")
    }

    async fn import(
        &self,
        _: Box<dyn std::io::Read + Send>,
        _: ImportRequest,
        _: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<Digest> {
        refuse("import")
    }

    async fn image_from_host(&self, _: &str, _: &[String]) -> Result<Digest> {
        refuse("make an image")
    }

    async fn tag(&self, _: &str, _: &str) -> Result<()> {
        refuse("tag")
    }

    async fn remove_image(&self, _: &str, _: bool) -> Result<Vec<String>> {
        refuse("remove an image")
    }
}
