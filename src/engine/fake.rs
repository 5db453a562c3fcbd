//! An engine without a kernel, for tests and snapshots: canned worlds that change only
//! by the calls made and by its own clock, which moves one second with each world.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

mod files;
mod groups;
mod networks;
mod sockets;
mod upkeep;
mod volumes;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{
    Containers, EngineError, ErrorKind, Exec, Execs, Groups, Images, Observe, Registries, Result,
    Session,
};
use crate::model::{
    AttachStreams, Capabilities, Change, ChangeKind, Container, ContainerConfig, ContainerId,
    ContainerRow, CreateRequest, DeviceRate, Digest, Event, EventKind, EventsRequest, ExecConfig,
    ExecId, Exit, GroupChange, GroupDetails, GroupOf, Host, Image, ImageDefaults, ImportProgress,
    ImportRequest, KillRequest, Layer, Limits, LogLine, LogsRequest, Process, RemoveRequest,
    RestartPolicy, SignalRequest, Sockets, StartRequest, State, StopRequest, Stream, UpdateRequest,
    Usage, Visible, WaitCondition, World,
};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// When the fake's clock starts.
pub const EPOCH: &str = "2026-03-04T12:00:00Z";

/// An engine that is only memory.
#[derive(Debug)]
pub struct Fake {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: World,
    calls: Vec<String>,
    failures: VecDeque<EngineError>,
    log: Vec<LogLine>,
    followers: Vec<mpsc::Sender<Result<LogLine>>>,
    events: Vec<Event>,
    listeners: Vec<mpsc::Sender<Result<Event>>>,
    capabilities: Capabilities,
    gate: Option<Arc<tokio::sync::Semaphore>>,
}

impl Fake {
    /// An engine with nothing in it.
    pub fn empty() -> Self {
        Self::of(World {
            host: host(),
            at: epoch(),
            ..World::default()
        })
    }

    /// A machine on an ordinary day: every state, limits of every kind.
    pub fn full() -> Self {
        Self::of(World {
            host: host(),
            at: epoch(),
            containers: rows(),
            images: Arc::new(images()),
            groups: groups::rows(),
            ..World::default()
        })
    }

    /// The same with networks and volumes, and containers that use them.
    pub fn connected() -> Self {
        let engine = Self::full();
        engine.change(networks::connect);
        engine.change(volumes::mount);
        engine
    }

    /// `count` running containers of one kind.
    pub fn many(count: usize) -> Self {
        let template = rows().remove(0);
        let containers = (0..count)
            .map(|n| {
                let mut container = (*template.container).clone();
                container.id = id(n as u64 + 1000);
                container.name = format!("worker-{n:03}");
                ContainerRow {
                    container: Arc::new(container),
                    usage: template.usage,
                }
            })
            .collect();
        Self::of(World {
            host: host(),
            at: epoch(),
            containers,
            images: Arc::new(images()),
            ..World::default()
        })
    }

    /// An engine that shows `world`.
    pub fn of(world: World) -> Self {
        Self {
            inner: Mutex::new(Inner {
                world,
                calls: Vec::new(),
                failures: VecDeque::new(),
                log: log_lines(),
                followers: Vec::new(),
                events: events(),
                listeners: Vec::new(),
                capabilities: Capabilities {
                    engine: "wharf 0.1.0 (fake)".into(),
                    ..Capabilities::default()
                },
                gate: None,
            }),
        }
    }

    /// What was asked so far, one line a call that changes something.
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// Makes the next call that changes something fail.
    pub fn fail_next(&self, error: EngineError) {
        self.lock().failures.push_back(error);
    }

    /// Makes calls that change something wait until the semaphore gives a permit.
    pub fn hold(&self) -> Arc<tokio::sync::Semaphore> {
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        self.lock().gate = Some(Arc::clone(&gate));
        gate
    }

    /// Changes the world from outside, as another process would.
    pub fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.lock().world);
    }

    /// Says what the engine can do.
    pub fn set_capabilities(&self, change: impl FnOnce(&mut Capabilities)) {
        change(&mut self.lock().capabilities);
    }

    /// Tells an event to whoever listens, and to whoever asks later.
    pub fn tell(&self, event: Event) {
        let mut inner = self.lock();
        for listener in &inner.listeners {
            // One who is gone needs to hear nothing.
            let _ = listener.try_send(Ok(event.clone()));
        }
        inner.events.push(event);
    }

    /// Replaces the log that every container has.
    pub fn set_log(&self, lines: Vec<LogLine>) {
        self.lock().log = lines;
    }

    /// The picture as it stands, without moving the clock.
    pub fn now(&self) -> World {
        self.lock().world.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .expect("no code panics while it holds the lock")
    }

    /// Notes a call that is about no container; the failure that it was to have.
    fn note(&self, call: String) -> Result<()> {
        let mut inner = self.lock();
        inner.calls.push(call);
        match inner.failures.pop_front() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn name_of(&self, id: &ContainerId) -> String {
        let inner = self.lock();
        let row = inner.world.container(id);
        row.map_or_else(|| id.short().to_owned(), |row| row.container.name.clone())
    }

    async fn call(&self, operation: &'static str, id: &ContainerId) -> Result<()> {
        let gate = {
            let mut inner = self.lock();
            let name = inner
                .world
                .container(id)
                .map_or_else(|| id.short().to_owned(), |row| row.container.name.clone());
            inner.calls.push(format!("{operation} {name}"));
            inner.gate.clone()
        };
        if let Some(gate) = gate {
            // A closed gate lets all through, as an open one does.
            let _permit = gate.acquire().await;
        }
        match self.lock().failures.pop_front() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn edit(
        &self,
        operation: &'static str,
        id: &ContainerId,
        edit: impl FnOnce(&mut Container, Timestamp),
    ) -> Result<()> {
        let mut inner = self.lock();
        let at = inner.world.at;
        let row = inner
            .world
            .containers
            .iter_mut()
            .find(|row| row.container.id == *id)
            .ok_or_else(|| EngineError::new(ErrorKind::NotFound, operation, id.short()))?;
        let mut container = (*row.container).clone();
        edit(&mut container, at);
        let usage = row.usage.filter(|_| row.container.state == container.state);
        row.usage = container.state.has_process().then(|| {
            usage.unwrap_or(Usage {
                memory_bytes: Some(8 * MIB),
                pids: Some(1),
                ..Usage::default()
            })
        });
        row.container = Arc::new(container);
        Ok(())
    }
}

fn end(code: i32) -> impl FnOnce(&mut Container, Timestamp) {
    move |container, at| {
        container.state = State::Exited;
        container.pid = None;
        container.exit = Some(Exit {
            code: Some(code),
            at,
            oom_killed: false,
        });
    }
}

fn begin(container: &mut Container, at: Timestamp) {
    container.state = State::Running;
    container.pid = Some(4242);
    container.started = Some(at);
    container.exit = None;
}

#[async_trait]
impl Observe for Fake {
    fn capabilities(&self) -> Capabilities {
        self.lock().capabilities.clone()
    }

    async fn world(&self, visible: Visible) -> Result<Arc<World>> {
        let mut inner = self.lock();
        inner.world.generation += 1;
        inner.world.at += Duration::from_secs(1);
        let tick = inner.world.generation;
        for (n, row) in inner.world.containers.iter_mut().enumerate() {
            breathe(row, n as u64, tick);
        }
        let mut world = inner.world.clone();
        if !visible.stats {
            world.containers.iter_mut().for_each(|row| row.usage = None);
        }
        if !visible.groups {
            world.groups = Vec::new();
        }
        if !visible.images {
            world.images = Arc::default();
        }
        if !visible.networks {
            world.networks = Vec::new();
        }
        if !visible.volumes {
            world.volumes = Arc::default();
        }
        Ok(Arc::new(world))
    }

    async fn resolve(&self, reference: &str) -> Result<ContainerId> {
        self.lock()
            .world
            .containers
            .iter()
            .find(|row| {
                row.container.name == reference || row.container.id.as_str().starts_with(reference)
            })
            .map(|row| row.container.id.clone())
            .ok_or_else(|| EngineError::new(ErrorKind::NotFound, "find", reference))
    }

    async fn inspect(&self, id: &ContainerId) -> Result<Container> {
        self.lock()
            .world
            .container(id)
            .map(|row| (*row.container).clone())
            .ok_or_else(|| EngineError::new(ErrorKind::NotFound, "inspect", id.short()))
    }

    async fn logs(&self, request: LogsRequest) -> Result<mpsc::Receiver<Result<LogLine>>> {
        let mut inner = self.lock();
        let lines = inner.log.clone();
        let (sender, receiver) = mpsc::channel(lines.len() + 16);
        let skip = request
            .tail
            .map_or(0, |tail| lines.len().saturating_sub(tail as usize));
        for line in lines.into_iter().skip(skip) {
            // The channel holds them all.
            let _ = sender.try_send(Ok(line));
        }
        if request.follow {
            inner.followers.push(sender);
        }
        Ok(receiver)
    }

    async fn processes(&self, id: &ContainerId) -> Result<Vec<Process>> {
        let container = self.inspect(id).await?;
        Ok(processes(&container))
    }

    async fn sockets(&self, id: &ContainerId) -> Result<Sockets> {
        let container = self.inspect(id).await?;
        Ok(sockets::of(&container))
    }

    async fn changes(&self, _: &ContainerId) -> Result<Vec<Change>> {
        let change = |path: &str, kind| Change {
            path: PathBuf::from(path),
            kind,
        };
        Ok(vec![
            change("/etc", ChangeKind::Modified),
            change("/etc/nginx.conf", ChangeKind::Modified),
            change("/tmp/upload-71", ChangeKind::Added),
            change("/var/cache/old", ChangeKind::Deleted),
        ])
    }

    async fn writable_bytes(&self, _: &ContainerId) -> Result<u64> {
        Ok(3 * MIB)
    }

    async fn events(&self, request: EventsRequest) -> Result<mpsc::Receiver<Result<Event>>> {
        let mut inner = self.lock();
        let (sender, receiver) = mpsc::channel(inner.events.len() + 16);
        let is_new = |event: &&Event| request.since.is_some_and(|since| event.at >= since);
        for event in inner.events.iter().filter(is_new) {
            // The channel holds them all.
            let _ = sender.try_send(Ok(event.clone()));
        }
        inner.listeners.push(sender);
        Ok(receiver)
    }
}

#[async_trait]
impl Containers for Fake {
    async fn create(&self, request: CreateRequest) -> Result<ContainerId> {
        let mut inner = self.lock();
        let id = id(inner.world.containers.len() as u64 + 500);
        let mut container = blank(id.clone(), &request.name.unwrap_or_else(|| "new".into()));
        container.config = request.config;
        inner.world.containers.insert(
            0,
            ContainerRow {
                container: Arc::new(container),
                usage: None,
            },
        );
        Ok(id)
    }

    async fn start(&self, request: StartRequest) -> Result<Option<Session>> {
        self.call("start", &request.id).await?;
        self.edit("start", &request.id, begin)?;
        Ok(None)
    }

    async fn attach(&self, id: &ContainerId, _: AttachStreams) -> Result<Session> {
        self.call("attach", id).await?;
        Ok(session())
    }

    async fn stop(&self, request: StopRequest) -> Result<()> {
        self.call("stop", &request.id).await?;
        self.edit("stop", &request.id, end(0))
    }

    async fn restart(&self, request: StopRequest) -> Result<()> {
        self.call("restart", &request.id).await?;
        self.edit("restart", &request.id, begin)
    }

    async fn kill(&self, request: KillRequest) -> Result<()> {
        self.call("kill", &request.id).await?;
        self.edit("kill", &request.id, end(137))
    }

    async fn signal(&self, request: SignalRequest) -> Result<()> {
        let what = format!("signal {} {}", request.signal, request.pid);
        self.lock().calls.push(what);
        match self.lock().failures.pop_front() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    async fn pause(&self, id: &ContainerId) -> Result<()> {
        self.call("pause", id).await?;
        self.edit("pause", id, |container, _| container.state = State::Paused)
    }

    async fn unpause(&self, id: &ContainerId) -> Result<()> {
        self.call("unpause", id).await?;
        self.edit("unpause", id, |container, _| {
            container.state = State::Running
        })
    }

    async fn remove(&self, request: RemoveRequest) -> Result<()> {
        self.call("remove", &request.id).await?;
        self.lock()
            .world
            .containers
            .retain(|row| row.container.id != request.id);
        Ok(())
    }

    async fn rename(&self, id: &ContainerId, name: &str) -> Result<()> {
        self.call("rename", id).await?;
        let name = name.to_owned();
        self.edit("rename", id, |container, _| container.name = name)
    }

    async fn wait(&self, id: &ContainerId, _: WaitCondition) -> Result<Exit> {
        let exit = self.inspect(id).await?.exit;
        exit.ok_or_else(|| EngineError::new(ErrorKind::Conflict, "wait", id.short()))
    }

    async fn update(&self, request: UpdateRequest) -> Result<()> {
        self.call("update", &request.id).await?;
        self.edit("update", &request.id, |container, _| {
            let limits = &mut container.config.limits;
            *limits = limits.changed(&request.limits, &request.unset);
            if let Some(restart) = request.restart {
                container.config.restart = restart;
            }
        })
    }
}

#[async_trait]
impl Execs for Fake {
    async fn exec(&self, id: &ContainerId, _: ExecConfig) -> Result<Exec> {
        self.call("exec", id).await?;
        Ok(Exec {
            id: ExecId::from_bytes(&[9; 32]),
            session: Some(session()),
        })
    }

    async fn exec_wait(&self, _: &ContainerId, _: &ExecId) -> Result<i32> {
        Ok(0)
    }
}

impl crate::engine::Build for Fake {}

impl crate::engine::Archives for Fake {}

#[async_trait]
impl Images for Fake {
    async fn images(&self) -> Result<Arc<Vec<Image>>> {
        Ok(Arc::clone(&self.lock().world.images))
    }

    async fn image(&self, reference: &str) -> Result<Image> {
        self.lock()
            .world
            .images
            .iter()
            .find(|image| {
                image.id.as_str() == reference || image.references.iter().any(|r| r == reference)
            })
            .cloned()
            .ok_or_else(|| EngineError::new(ErrorKind::NotFound, "find image", reference))
    }

    async fn image_config(&self, reference: &str) -> Result<serde_json::Value> {
        let image = self.image(reference).await?;
        let step = |layer: &Layer| serde_json::json!({ "created_by": layer.created_by });
        Ok(serde_json::json!({
            "os": "linux",
            "config": { "Cmd": image.defaults.cmd, "Labels": image.labels },
            "history": image.layers.iter().map(step).collect::<Vec<_>>(),
        }))
    }

    async fn import(
        &self,
        _: Box<dyn std::io::Read + Send>,
        request: ImportRequest,
        _: Option<mpsc::Sender<ImportProgress>>,
    ) -> Result<Digest> {
        Err(EngineError::new(
            ErrorKind::Unsupported,
            "import",
            request.name.unwrap_or_default(),
        ))
    }

    async fn image_from_host(&self, reference: &str, _: &[String]) -> Result<Digest> {
        Err(EngineError::new(ErrorKind::Unsupported, "build", reference))
    }

    async fn tag(&self, source: &str, _: &str) -> Result<()> {
        Err(EngineError::new(ErrorKind::Unsupported, "tag", source))
    }

    async fn remove_image(&self, reference: &str, _: bool) -> Result<Vec<String>> {
        self.lock().calls.push(format!("remove image {reference}"));
        if let Some(error) = self.lock().failures.pop_front() {
            return Err(error);
        }
        let mut inner = self.lock();
        let mut images = (*inner.world.images).clone();
        images.retain(|image| {
            image.id.as_str() != reference && image.references.iter().all(|r| r != reference)
        });
        inner.world.images = Arc::new(images);
        Ok(vec![reference.to_owned()])
    }
}

impl Registries for Fake {}

#[async_trait]
impl Groups for Fake {
    async fn group_details(&self, of: &GroupOf) -> Result<GroupDetails> {
        let inner = self.lock();
        match of {
            GroupOf::Container(id) => {
                let row = inner.world.container(id);
                let row = row.ok_or_else(|| {
                    EngineError::new(ErrorKind::NotFound, "read the limits of", id.short())
                })?;
                Ok(groups::details(&row.container.config.limits, row.usage))
            }
            GroupOf::Path(path) => groups::details_of(&inner.world, path),
        }
    }

    async fn group_processes(&self, path: &str) -> Result<Vec<Process>> {
        match path.contains("empty") {
            true => Ok(Vec::new()),
            false => Ok(processes(&blank(id(1), path))),
        }
    }

    async fn change_group(&self, change: GroupChange) -> Result<GroupChange> {
        self.lock().calls.push(change.to_string());
        if let Some(error) = self.lock().failures.pop_front() {
            return Err(error);
        }
        groups::change(&mut self.lock().world, change)
    }
}

fn session() -> Session {
    let (input, _) = mpsc::channel(1);
    let (_, output) = mpsc::channel(1);
    let (resize, _) = mpsc::channel(1);
    Session {
        input,
        output,
        resize,
    }
}

/// Moves a container's figures by one second: waves whose shape is all its own, but
/// the same in every run.
fn breathe(row: &mut ContainerRow, n: u64, tick: u64) {
    let limits = row.container.config.limits.clone();
    let state = row.container.state;
    let Some(usage) = &mut row.usage else { return };
    if state != State::Running {
        usage.cpu_cores = usage.cpu_cores.map(|_| 0.0);
        return;
    }
    let wave = |period: f64| {
        let phase = (tick as f64 + n as f64 * 3.7) / period * std::f64::consts::TAU;
        0.5 + 0.5 * phase.sin()
    };
    if let (Some(cores), Some(millis)) = (&mut usage.cpu_cores, limits.cpu_millis) {
        *cores = millis as f64 / 1000.0 * (0.55 + 0.45 * wave(23.0));
    } else if let Some(cores) = &mut usage.cpu_cores {
        *cores = 0.02 + 0.4 * wave(31.0) * wave(7.0);
    }
    if let (Some(memory), Some(limit)) = (&mut usage.memory_bytes, limits.memory_bytes) {
        *memory = (limit as f64 * (0.3 + 0.6 * ((tick + n * 11) % 60) as f64 / 60.0)) as u64;
    }
    for rate in [
        &mut usage.read_bps,
        &mut usage.write_bps,
        &mut usage.net_in_bps,
        &mut usage.net_out_bps,
    ] {
        if let Some(rate) = rate.as_mut().filter(|rate| **rate > 0.0) {
            *rate = 4.0 * MIB as f64 * wave(11.0) + 1024.0;
        }
    }
}

fn epoch() -> Timestamp {
    EPOCH.parse().expect("the constant is a timestamp")
}

fn host() -> Host {
    Host {
        name: "pier-7".into(),
        cpus: 8,
        cpus_online: Some("0-7".into()),
        cpu_cores: Some(2.37),
        memory_total_bytes: Some(32 * GIB),
        memory_used_bytes: Some(11 * GIB + 300 * MIB),
        load: Some([1.92, 1.41, 0.88]),
        missing: Vec::new(),
        lacks: Vec::new(),
    }
}

fn id(n: u64) -> ContainerId {
    // Spread, so that short ids look like ids; the same in every run.
    let mut bytes = [0; 32];
    let mut x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for byte in &mut bytes {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        *byte = x as u8;
    }
    ContainerId::from_bytes(&bytes)
}

fn digest(n: u8) -> Digest {
    Digest::from_sha256(&[n.wrapping_mul(37) ^ 0x5a; 32])
}

fn blank(id: ContainerId, name: &str) -> Container {
    Container {
        id,
        name: name.to_owned(),
        image_id: digest(1),
        config: ContainerConfig::default(),
        argv: vec!["/bin/sh".into()],
        created: epoch() - Duration::from_secs(86_400),
        state: State::Created,
        pid: None,
        started: None,
        exit: None,
        restarts: 0,
        error: None,
        connectivity: Default::default(),
        health: None,
    }
}

fn rows() -> Vec<ContainerRow> {
    let mut rows = Vec::new();
    let mut add = |name: &str, image: &str, up_secs: u64, edit: fn(&mut Container, &mut Usage)| {
        let n = rows.len() as u64;
        let mut container = blank(id(n), name);
        container.config.image = image.to_owned();
        container.state = State::Running;
        container.pid = Some(1200 + 17 * n as i32);
        container.started = Some(epoch() - Duration::from_secs(up_secs));
        let mut usage = Usage {
            cpu_cores: Some(0.03),
            throttled_share: Some(0.0),
            memory_bytes: Some(48 * MIB),
            anon_bytes: Some(30 * MIB),
            file_bytes: Some(18 * MIB),
            oom_kills: Some(0),
            pids: Some(4),
            read_bps: Some(0.0),
            write_bps: Some(0.0),
            read_bytes: Some(12 * MIB),
            write_bytes: Some(3 * MIB),
            ..Usage::default()
        };
        edit(&mut container, &mut usage);
        rows.push(ContainerRow {
            usage: container.state.has_process().then_some(usage),
            container: Arc::new(container),
        });
    };
    add("gateway", "nginx:1.27", 310_000, |container, usage| {
        container.config.limits = Limits {
            cpu_millis: Some(2000),
            memory_bytes: Some(256 * MIB),
            pids: Some(100),
            ..Limits::default()
        };
        container.argv = vec!["nginx".into(), "-g".into(), "daemon off;".into()];
        *usage = Usage {
            cpu_cores: Some(0.41),
            memory_bytes: Some(88 * MIB),
            pids: Some(9),
            write_bps: Some(12_000.0),
            net_in_bps: Some(1_310_000.0),
            net_out_bps: Some(9_740_000.0),
            net_in_pps: Some(2_214.0),
            net_out_pps: Some(7_002.0),
            net_in_bytes: Some(94 * GIB),
            net_out_bytes: Some(611 * GIB),
            net_errors: Some(0),
            net_drops: Some(12),
            ..*usage
        };
    });
    add(
        "orders-api",
        "shop/orders:2.14.1",
        86_500,
        |container, usage| {
            container.config.limits = Limits {
                cpu_millis: Some(500),
                memory_bytes: Some(512 * MIB),
                pids: Some(200),
                ..Limits::default()
            };
            container.restarts = 1;
            *usage = Usage {
                cpu_cores: Some(0.497),
                throttled_share: Some(0.62),
                memory_bytes: Some(291 * MIB),
                pids: Some(34),
                net_in_bps: Some(88_000.0),
                net_out_bps: Some(152_000.0),
                net_in_bytes: Some(7 * GIB),
                net_out_bytes: Some(15 * GIB),
                ..*usage
            };
        },
    );
    add("postgres", "postgres:16", 1_210_000, |container, usage| {
        container.config.limits = Limits {
            memory_bytes: Some(2 * GIB),
            write_bps: vec![DeviceRate {
                path: "/dev/vda".into(),
                rate: 8 * MIB,
            }],
            ..Limits::default()
        };
        *usage = Usage {
            cpu_cores: Some(0.22),
            memory_bytes: Some(1_400 * MIB),
            pids: Some(17),
            read_bps: Some(350_000.0),
            write_bps: Some(7_900_000.0),
            ..*usage
        };
    });
    add("thumbnailer", "shop/thumbs:0.9", 620, |container, usage| {
        container.config.limits.memory_bytes = Some(64 * MIB);
        container.config.limits.pids = Some(32);
        container.config.restart = RestartPolicy::Always;
        container.restarts = 14;
        *usage = Usage {
            cpu_cores: Some(0.91),
            memory_bytes: Some(61 * MIB),
            oom_kills: Some(3),
            pids: Some(31),
            ..*usage
        };
    });
    add("queue", "redis:7-alpine", 1_209_000, |_, usage| {
        usage.cpu_cores = Some(0.004);
        usage.memory_bytes = Some(14 * MIB);
    });
    add(
        "データ集計",
        "shop/統計:latest",
        7_300,
        |_, usage| {
            usage.cpu_cores = None;
            usage.read_bps = None;
            usage.write_bps = None;
        },
    );
    add(
        "backup",
        "restic/restic:0.16",
        95_000,
        |container, usage| {
            container.state = State::Paused;
            usage.cpu_cores = Some(0.0);
            usage.memory_bytes = Some(210 * MIB);
        },
    );
    add("mailer", "shop/mailer:1.0.0-rc.3", 61, |container, _| {
        container.state = State::Restarting;
        container.pid = None;
        container.restarts = 4;
        container.config.restart = RestartPolicy::OnFailure { max_retries: 5 };
        container.exit = Some(Exit {
            code: Some(1),
            at: epoch() - Duration::from_secs(5),
            oom_killed: false,
        });
    });
    add("migrate", "shop/orders:2.14.1", 86_600, |container, _| {
        end(0)(container, epoch() - Duration::from_secs(86_560));
    });
    add(
        "report-2026-02",
        "shop/統計:latest",
        9_000,
        |container, _| {
            end(137)(container, epoch() - Duration::from_secs(7_400));
            if let Some(exit) = &mut container.exit {
                exit.oom_killed = true;
            }
        },
    );
    add("batch-import", "debian:12", 40_000, |container, _| {
        end(2)(container, epoch() - Duration::from_secs(39_000));
    });
    add("canary", "nginx:1.27", 0, |container, _| {
        container.state = State::Created;
        container.pid = None;
        container.started = None;
        container.error = Some("exec: \"nginxx\": no such file in the container".into());
    });
    rows
}

fn images() -> Vec<Image> {
    let layer = |n: u8, size_bytes, created_by: &str| Layer {
        diff_id: digest(n),
        size_bytes,
        created_by: created_by.to_owned(),
    };
    let image = |n: u8, reference: &str, age_secs: u64, shared: u64, layers: Vec<Layer>| Image {
        id: digest(n),
        manifest: digest(n + 100),
        references: if reference.is_empty() {
            Vec::new()
        } else {
            vec![reference.to_owned()]
        },
        created: Some(epoch() - Duration::from_secs(age_secs)),
        size_bytes: layers.iter().map(|layer| layer.size_bytes).sum(),
        shared_bytes: shared,
        repo_digests: Vec::new(),
        layers,
        labels: Default::default(),
        platform: "linux/amd64".into(),
        defaults: ImageDefaults {
            cmd: vec!["/bin/sh".into()],
            ..ImageDefaults::default()
        },
    };
    let base = || layer(40, 74 * MIB, "/bin/sh -c #(nop) ADD file:4b5c in /");
    vec![
        image(
            1,
            "nginx:1.27",
            900_000,
            74 * MIB,
            vec![
                base(),
                layer(41, 61 * MIB, "RUN set -x && apt-get install -y nginx"),
                layer(
                    42,
                    4_096,
                    "COPY 30-tune-worker-processes.sh /docker-entrypoint.d",
                ),
            ],
        ),
        image(
            2,
            "shop/orders:2.14.1",
            90_000,
            74 * MIB,
            vec![base(), layer(43, 212 * MIB, "COPY --from=build /out /srv")],
        ),
        image(
            3,
            "postgres:16",
            2_000_000,
            0,
            vec![layer(44, 380 * MIB, "")],
        ),
        image(
            4,
            "shop/統計:latest",
            20_000,
            74 * MIB,
            vec![base(), layer(45, 18 * MIB, "RUN pip install 統計")],
        ),
        image(5, "debian:12", 4_000_000, 74 * MIB, vec![base()]),
        image(6, "", 95_000, 0, vec![layer(46, 209 * MIB, "COPY . /srv")]),
    ]
}

fn events() -> Vec<Event> {
    let event = |ago: u64, n: u64, action: &str, details: &[(&str, &str)]| Event {
        at: epoch() - Duration::from_secs(ago),
        kind: EventKind::Container,
        action: action.into(),
        id: id(n).as_str().into(),
        attributes: details
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let thumbs = ("image", "shop/thumbs:0.9");
    vec![
        event(
            7_500,
            9,
            "start",
            &[("name", "report-2026-02"), ("image", "shop/統計:latest")],
        ),
        event(
            7_400,
            9,
            "oom",
            &[("name", "report-2026-02"), ("image", "shop/統計:latest")],
        ),
        event(
            7_400,
            9,
            "die",
            &[
                ("name", "report-2026-02"),
                ("exitCode", "137"),
                ("image", "shop/統計:latest"),
            ],
        ),
        event(
            640,
            3,
            "die",
            &[("name", "thumbnailer"), ("exitCode", "1"), thumbs],
        ),
        event(620, 3, "start", &[("name", "thumbnailer"), thumbs]),
        event(
            90,
            5,
            "exec_start",
            &[("name", "データ集計"), ("command", "sh -c \u{1b}[2J")],
        ),
        event(30, 77, "destroy", &[("name", "gone-long-ago")]),
        Event {
            kind: EventKind::Image,
            ..event(20, 4, "tag", &[("name", "debian:12")])
        },
        event(
            5,
            0,
            "kill",
            &[
                ("name", "gateway"),
                ("signal", "HUP"),
                ("image", "nginx:1.27"),
            ],
        ),
    ]
}

fn log_lines() -> Vec<LogLine> {
    let texts = [
        "listening on 0.0.0.0:8080",
        "connected to postgres://orders@postgres/shop",
        "GET /orders/1841 200 12ms",
        "GET /orders/1842 200 9ms",
        "\u{1b}[31mPOST /orders 500 2041ms\u{1b}[0m \u{1b}]0;owned\u{7}",
        "retry 1 of 5: upstream timed out after 2s while reading the response header from the upstream, client 10.0.3.17, server orders.internal, request id 5f0c9a7e",
        "GET /health 200 1ms",
        "注文 1843 を受け付けました",
    ];
    texts
        .iter()
        .enumerate()
        .map(|(n, text)| LogLine {
            at: epoch() - Duration::from_secs(60 - 7 * n as u64),
            stream: if n == 5 {
                Stream::Stderr
            } else {
                Stream::Stdout
            },
            text: text.as_bytes().to_vec(),
            partial: false,
        })
        .collect()
}

fn processes(container: &Container) -> Vec<Process> {
    let process = |pid: i32, parent, threads, mib: u64, cpu_ms, command: &str| Process {
        pid,
        parent,
        user: if parent == 1 { "root" } else { "www-data" }.into(),
        state: 'S',
        threads,
        resident_bytes: mib * MIB,
        cpu_time: Duration::from_millis(cpu_ms),
        started: container.started.unwrap_or_default(),
        command: command.to_owned(),
    };
    let pid = container.pid.unwrap_or(1);
    vec![
        process(pid, 1, 1, 11, 4_210, &container.argv.join(" ")),
        process(pid + 1, pid, 4, 38, 951_300, "worker: accept"),
        process(pid + 2, pid, 4, 36, 940_020, "worker: accept"),
        process(pid + 3, pid, 1, 3, 10, "cache manager"),
    ]
}
