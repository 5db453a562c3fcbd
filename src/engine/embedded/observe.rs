//! Looking: one container, its log, its processes, its changes, events.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::{io::unix::AsyncFd, sync::mpsc};

use super::{Embedded, counters, error, in_thread, is_root, processes, sockets};
use crate::{
    engine::{EngineError, Observe, Result},
    model::{
        Ability, Capabilities, Change, Container, ContainerDetails, ContainerId, Counters, Event,
        EventsRequest, LogLine, LogsRequest, Process, Sockets, Visible, World,
    },
    runtime::{
        events, inspect,
        lifecycle::{Error, Lifecycle},
        logs,
        paths::ContainerPaths,
    },
};

/// Lines or events that wait in a channel before the reader is stopped.
const CHANNEL_LINES: usize = 256;
/// Lines that are read in one go.
const LINES_AT_ONCE: usize = 256;

#[async_trait]
impl Observe for Embedded {
    fn capabilities(&self) -> Capabilities {
        let can_change = is_root();
        Capabilities {
            engine: concat!("wharf ", env!("CARGO_PKG_VERSION"), " (embedded)").into(),
            read_only_because: (!can_change).then(|| "needs root".into()),
            address: None,
            lacks: match can_change {
                true => BTreeMap::new(),
                // Layers hold programs of all ages, so only root may look.
                false => Ability::ALL
                    .into_iter()
                    .filter(|ability| *ability != Ability::Groups)
                    .map(|ability| (ability, "needs root".into()))
                    .collect(),
            },
        }
    }

    async fn world(&self, visible: Visible) -> Result<Arc<World>> {
        let picture = self.picture.clone();
        let world = in_thread(move || {
            let mut picture = picture.lock().unwrap_or_else(PoisonError::into_inner);
            picture.refresh(visible)
        });
        world.await.ok_or_else(|| {
            EngineError::new(crate::engine::ErrorKind::Internal, "look at", "everything")
                .because("its thread ended without an answer")
        })
    }

    async fn resolve(&self, reference: &str) -> Result<ContainerId> {
        let owned = reference.to_owned();
        self.blocking("find", reference, move |lifecycle| {
            Ok(lifecycle.store().resolve(&owned)?)
        })
        .await
    }

    async fn inspect(&self, id: &ContainerId) -> Result<Container> {
        self.about("inspect", id, |lifecycle, id| lifecycle.settled(id))
            .await
    }

    async fn details(&self, id: &ContainerId) -> Result<ContainerDetails> {
        self.about("inspect", id, |lifecycle, id| {
            let container = lifecycle.settled(id)?;
            let record = lifecycle.store().load(id)?;
            let paths = lifecycle.root().container(id);
            Ok(ContainerDetails {
                container,
                env: record.process.env,
                working_dir: record.process.cwd,
                user: record.process.user,
                stop_signal: record.process.stop_signal,
                log: paths.log(),
                etc: paths.etc(),
                upper: paths.upper(),
                execs: lifecycle.execs(id),
            })
        })
        .await
    }

    async fn counters(&self, id: &ContainerId) -> Result<Counters> {
        self.about("count what is used by", id, |lifecycle, id| {
            counters::read(lifecycle, id)
        })
        .await
    }

    async fn logs(&self, request: LogsRequest) -> Result<mpsc::Receiver<Result<LogLine>>> {
        let id = request.id.clone();
        let (follow, until) = (request.follow, request.until);
        let paths = self.root().container(&id);
        let reader = self
            .about("read the log of", &id, move |lifecycle, id| {
                if !lifecycle.store().load(id)?.config.log.driver.is_kept() {
                    return Err(Error::NotLogged);
                }
                open_log(lifecycle, id, request)
            })
            .await?;
        let (sender, receiver) = mpsc::channel(CHANNEL_LINES);
        let log = Log {
            reader,
            paths,
            id,
            until,
        };
        // Ends with the log, or when its receiver is gone.
        tokio::spawn(log.run(sender, follow));
        Ok(receiver)
    }

    async fn processes(&self, id: &ContainerId) -> Result<Vec<Process>> {
        self.about("list the processes of", id, |lifecycle, id| {
            let state = lifecycle.settled(id)?.state;
            if !state.has_process() {
                return Err(Error::State {
                    state,
                    hint: "start it first",
                });
            }
            let path = ContainerPaths::cgroup(id);
            let pids = match lifecycle.cgroups()?.open(&path)? {
                Some(cgroup) => cgroup.pids()?,
                None => Vec::new(),
            };
            Ok(processes::list(&pids))
        })
        .await
    }

    async fn sockets(&self, id: &ContainerId) -> Result<Sockets> {
        self.about("list the sockets of", id, |lifecycle, id| {
            let container = lifecycle.settled(id)?;
            let stopped = Error::State {
                state: container.state,
                hint: "start it first",
            };
            let path = ContainerPaths::cgroup(id);
            let pids = match lifecycle.cgroups()?.open(&path)? {
                Some(cgroup) => cgroup.pids()?,
                None => Vec::new(),
            };
            let network = &container.config.network;
            let found = container
                .pid
                .and_then(|pid| sockets::read(pid, &pids, network));
            found.ok_or(stopped)
        })
        .await
    }

    async fn changes(&self, id: &ContainerId) -> Result<Vec<Change>> {
        self.about("compare", id, |lifecycle, id| lifecycle.changes(id))
            .await
    }

    async fn writable_bytes(&self, id: &ContainerId) -> Result<u64> {
        self.about("measure", id, |lifecycle, id| lifecycle.writable_bytes(id))
            .await
    }

    async fn events(&self, request: EventsRequest) -> Result<mpsc::Receiver<Result<Event>>> {
        let since = request.since;
        let (known, reader) = self
            .blocking("follow events", "", move |lifecycle| {
                events::Reader::open(lifecycle.root(), since).map_err(|source| Error::Io {
                    operation: "open",
                    path: lifecycle.root().events(),
                    source,
                })
            })
            .await?;
        let (sender, receiver) = mpsc::channel(CHANNEL_LINES);
        // Ends with its time, or when its receiver is gone.
        tokio::spawn(follow_events(known, reader, request.until, sender));
        Ok(receiver)
    }
}

fn open_log(
    lifecycle: &Lifecycle,
    id: &ContainerId,
    request: LogsRequest,
) -> std::result::Result<logs::Reader, Error> {
    let paths = lifecycle.root().container(id);
    let state = paths.state();
    let wake: &[&Path] = &[&state];
    logs::Reader::open(&paths.log(), request, wake).map_err(|source| Error::Io {
        operation: "open",
        path: paths.log(),
        source,
    })
}

/// A log on its way to a reader.
struct Log {
    reader: logs::Reader,
    paths: ContainerPaths,
    id: ContainerId,
    until: Option<Timestamp>,
}

impl Log {
    /// Sends lines until there are no more; with `follow`, until it runs no more.
    async fn run(mut self, sender: mpsc::Sender<Result<LogLine>>, follow: bool) {
        let changes = match self
            .reader
            .changes()
            .map(|notice| asynchronous(notice.as_fd()))
            .transpose()
        {
            Ok(changes) => changes,
            Err(error) => return self.fail(&sender, error).await,
        };
        loop {
            if let Some(notice) = self.reader.changes() {
                notice.take();
            }
            // Asked before reading: what it wrote last is read after it ended.
            let goes_on = follow && self.runs();
            loop {
                let mut reader = self.reader;
                let Some((reader, lines)) = in_thread(move || {
                    let lines = lines(&mut reader);
                    (reader, lines)
                })
                .await
                else {
                    return;
                };
                self.reader = reader;
                match lines {
                    Ok(lines) if lines.is_empty() => break,
                    Ok(lines) => {
                        for line in lines {
                            if sender.send(Ok(line)).await.is_err() {
                                return;
                            }
                        }
                    }
                    Err(error) => return self.fail(&sender, error).await,
                }
            }
            let Some(changes) = changes.as_ref().filter(|_| goes_on) else {
                return;
            };
            if self.reader.is_finished() {
                return;
            }
            tokio::select! {
                () = readable(changes) => {}
                () = reached(self.until) => return,
                () = sender.closed() => return,
            }
        }
    }

    /// Whether lines may still come.
    fn runs(&self) -> bool {
        inspect::live(&self.paths).is_ok_and(|live| live.is_some_and(|live| live.state.can_stop()))
    }

    async fn fail(&self, sender: &mpsc::Sender<Result<LogLine>>, source: std::io::Error) {
        let failure = Error::Io {
            operation: "read",
            path: self.paths.log(),
            source,
        };
        let error = error::facade("read the log of", self.id.short(), failure);
        // The reader is gone: nobody is left to tell.
        let _ = sender.send(Err(error)).await;
    }
}

fn lines(reader: &mut logs::Reader) -> std::io::Result<Vec<LogLine>> {
    let mut lines = Vec::new();
    while lines.len() < LINES_AT_ONCE {
        match reader.next_line()? {
            Some(line) => lines.push(line),
            None => break,
        }
    }
    Ok(lines)
}

async fn follow_events(
    known: Vec<Event>,
    mut reader: events::Reader,
    until: Option<Timestamp>,
    sender: mpsc::Sender<Result<Event>>,
) {
    let failed = |source: std::io::Error| {
        EngineError::new(error::io_kind(&source), "follow events", "").because(source)
    };
    let changes = match asynchronous(reader.notice().as_fd()) {
        Ok(changes) => changes,
        // The reader is gone: nobody is left to tell.
        Err(error) => return drop(sender.send(Err(failed(error))).await),
    };
    let mut events = known;
    loop {
        for event in events {
            if until.is_some_and(|until| event.at >= until) || sender.send(Ok(event)).await.is_err()
            {
                return;
            }
        }
        tokio::select! {
            () = readable(&changes) => {}
            () = reached(until) => return,
            () = sender.closed() => return,
        }
        reader.notice().take();
        events = match reader.read() {
            Ok(events) => events,
            // As above.
            Err(error) => return drop(sender.send(Err(failed(error))).await),
        };
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe for owners that lie about their descriptor; an OwnedFd can't"
)]
pub(super) fn asynchronous(fd: BorrowedFd<'_>) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(fd.try_clone_to_owned()?)
}

/// Returns when the descriptor became readable. What is there stays there.
pub(super) async fn readable(fd: &AsyncFd<OwnedFd>) {
    if let Ok(mut guard) = fd.readable().await {
        // The caller empties it before it waits again; what comes later is a new edge.
        guard.clear_ready();
    }
}

/// Returns at a time; never without one.
async fn reached(time: Option<Timestamp>) {
    let Some(time) = time else {
        return std::future::pending().await;
    };
    let left = time.duration_since(Timestamp::now());
    tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
}
