//! One picture of the other engine a tick. From the second on its events say what is to
//! be read again.

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, Mutex},
};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    client::{Ask, Shared},
    connect::unreachable,
    identify, lock,
    news::{News, Stale},
    read::{self, Listed},
    unreadable,
};
use crate::{
    engine::{
        Result,
        usage::{Gauge, monotonic_ns},
    },
    model::{
        Address, Container, ContainerId, ContainerRow, Host, Image, Network, NetworkRow, Problem,
        Sample, Source, Traffic, Usage, Visible, Volume, VolumeSize, World,
    },
    sys::{cgroup::Cgroups, host},
};

/// The picture for which short lists are read though nobody looks at them: whoever goes
/// on looking will want them.
const READ_AHEAD: u64 = 2;

/// What is known since the last picture.
#[derive(Debug)]
pub struct Picture {
    client: Shared,
    identity: Arc<Mutex<Option<String>>>,
    generation: u64,
    /// From the second picture on: a `ps` that looks once needs none.
    news: Option<News>,
    rows: HashMap<ContainerId, Row>,
    order: Vec<ContainerId>,
    images: Arc<Vec<Image>>,
    images_known: bool,
    networks: Vec<Arc<Network>>,
    networks_known: bool,
    volumes: Arc<Vec<Volume>>,
    volumes_known: bool,
    /// What volumes took when the engine was asked to measure them, by name.
    sizes: HashMap<String, VolumeSize>,
    host: Option<Machine>,
    cgroups: Option<Cgroups>,
}

/// The machine that the engine is on.
#[derive(Debug)]
enum Machine {
    /// This one.
    Here(host::Sampler),
    /// Another: what it said of itself.
    There(Host),
}

#[derive(Debug)]
struct Row {
    container: Arc<Container>,
    counters: Counters,
}

/// Where a container's counters come from.
#[derive(Debug, Default)]
enum Counters {
    #[default]
    Unknown,
    /// Its control group, at this path of this machine.
    Here(String, Box<Gauge>),
    /// The engine, which is asked each time.
    There(Option<Box<Sample>>),
}

impl Picture {
    /// Nothing is known yet.
    pub fn new(client: Shared, identity: Arc<Mutex<Option<String>>>) -> Self {
        Self {
            client,
            identity,
            generation: 0,
            news: None,
            rows: HashMap::new(),
            order: Vec::new(),
            images: Arc::default(),
            images_known: false,
            networks: Vec::new(),
            networks_known: false,
            volumes: Arc::default(),
            volumes_known: false,
            sizes: HashMap::new(),
            host: None,
            cgroups: None,
        }
    }

    /// The world now. An engine that can't be reached is an error; the next picture begins
    /// anew.
    pub async fn refresh(&mut self, visible: Visible) -> Result<Arc<World>> {
        match self.look(visible).await {
            Ok(world) => Ok(world),
            Err(error) => {
                self.news = None;
                self.host = None;
                self.images_known = false;
                self.networks_known = false;
                self.volumes_known = false;
                // Another engine may answer next.
                *lock(&self.identity) = None;
                Err(error)
            }
        }
    }

    async fn look(&mut self, visible: Visible) -> Result<Arc<World>> {
        let mut problems = Vec::new();
        if lock(&self.identity).is_none() {
            let name = identify(&self.client).await?;
            *lock(&self.identity) = Some(name);
        }
        let stale = self.stale().await?;
        self.read_containers(&stale, &mut problems).await?;
        self.read_images(&stale, visible, &mut problems).await;
        self.read_networks(&stale, visible, &mut problems).await;
        self.read_volumes(&stale, visible, &mut problems).await;
        let host = self.host().await?;
        let mut usages = match visible.stats {
            true => self.usages(&mut problems).await,
            false => HashMap::new(),
        };
        self.generation += 1;
        let containers = self.order.iter().filter_map(|id| {
            Some(ContainerRow {
                container: self.rows.get(id)?.container.clone(),
                usage: usages.remove(id),
            })
        });
        // Figures are of containers only, of all their networks together.
        let row = |network: &Arc<Network>| NetworkRow {
            network: network.clone(),
            flows: HashMap::new(),
        };
        Ok(Arc::new(World {
            generation: self.generation,
            at: Timestamp::now(),
            host,
            containers: containers.collect(),
            images: self.images.clone(),
            networks: self.networks.iter().map(row).collect(),
            volumes: self.volumes.clone(),
            groups: Vec::new(),
            problems,
        }))
    }

    async fn stale(&mut self) -> Result<Stale> {
        let all = Stale {
            all: true,
            ..Stale::default()
        };
        if self.generation == 0 {
            return Ok(all);
        }
        match &self.news {
            Some(news) if news.is_live() => {}
            // Whoever follows something there has lost it too, and is told so by a failure.
            Some(_) => {
                let why = unreachable(
                    "it broke the connection off",
                    "look whether the engine still runs",
                );
                return Err(self.client.lost("follow events of", "the engine", &why));
            }
            None => self.news = Some(News::listen(self.client.clone()).await?),
        }
        let mut stale = self.news.as_ref().map_or(all, News::take);
        if self.client.take_change() {
            stale.listing = true;
            stale.images = true;
            stale.networks = true;
            stale.volumes = true;
        }
        Ok(stale)
    }

    async fn read_containers(&mut self, stale: &Stale, problems: &mut Vec<Problem>) -> Result<()> {
        if !(stale.all || stale.listing || !stale.containers.is_empty()) {
            return Ok(());
        }
        let ask = Ask::get("/containers/json", "list", "containers").query("all", 1);
        let listed: Vec<Value> = self.client.soon(ask).await?;
        let listed: Vec<_> = listed.iter().filter_map(Listed::of).collect();
        let here: HashMap<_, _> = listed.iter().map(|row| (&row.id, row)).collect();
        self.rows.retain(|id, _| here.contains_key(id));
        let changed = |row: &&Listed| {
            let known = self.rows.get(&row.id).map(|known| &known.container);
            stale.all
                || stale.containers.contains(&row.id)
                || known.is_none_or(|known| (known.state, &known.name) != (row.state, &row.name))
        };
        let changed: Vec<_> = listed
            .iter()
            .filter(changed)
            .map(|row| row.id.clone())
            .collect();
        let client = &self.client;
        let mut answers = stream::iter(changed)
            .map(async |id| (inspect(client, &id).await, id))
            .buffer_unordered(client.at_once());
        let mut read = Vec::new();
        while let Some(answer) = answers.next().await {
            read.push(answer);
        }
        drop(answers);
        for (answer, id) in read {
            match answer {
                Ok(container) => self.take(container),
                // It was removed between the two questions.
                Err(error) if error.kind == crate::engine::ErrorKind::NotFound => {
                    self.rows.remove(&id);
                }
                Err(error) if error.kind == crate::engine::ErrorKind::Unreachable => {
                    return Err(error);
                }
                Err(error) => problems.push(problem(Source::Containers, &error)),
            }
        }
        self.order = self.rows.keys().cloned().collect();
        let rows = &self.rows;
        self.order.sort_by(|a, b| {
            let created = |id| rows.get(id).map(|row: &Row| row.container.created);
            created(b).cmp(&created(a)).then_with(|| a.cmp(b))
        });
        Ok(())
    }

    fn take(&mut self, container: Container) {
        let row = self
            .rows
            .entry(container.id.clone())
            .or_insert_with(|| Row {
                container: Arc::new(container.clone()),
                counters: Counters::Unknown,
            });
        // Another run has another group.
        if row.container.pid != container.pid {
            row.counters = Counters::Unknown;
        }
        if *row.container != container {
            row.container = Arc::new(container);
        }
    }

    async fn read_images(&mut self, stale: &Stale, visible: Visible, problems: &mut Vec<Problem>) {
        if stale.all || stale.images {
            self.images_known = false;
        }
        if !visible.images || self.images_known {
            return;
        }
        match images(&self.client, &self.images).await {
            Ok(images) => {
                self.images = Arc::new(images);
                self.images_known = self.news.is_some();
            }
            Err(error) => problems.push(problem(Source::Images, &error)),
        }
    }

    async fn read_networks(
        &mut self,
        stale: &Stale,
        visible: Visible,
        problems: &mut Vec<Problem>,
    ) {
        if stale.all || stale.networks {
            self.networks_known = false;
        }
        if self.networks_known || !(visible.networks || self.generation == READ_AHEAD) {
            return;
        }
        match networks(&self.client).await {
            Ok(networks) => {
                self.networks = networks.into_iter().map(Arc::new).collect();
                self.networks_known = self.news.is_some();
            }
            Err(error) => problems.push(problem(Source::Networks, &error)),
        }
    }

    async fn read_volumes(&mut self, stale: &Stale, visible: Visible, problems: &mut Vec<Problem>) {
        if stale.all || stale.volumes {
            self.volumes_known = false;
        }
        if self.volumes_known || !(visible.volumes || self.generation == READ_AHEAD) {
            return;
        }
        match volumes(&self.client).await {
            Ok(mut volumes) => {
                let has = |name: &str| volumes.iter().any(|volume| volume.name == name);
                self.sizes.retain(|name, _| has(name));
                for volume in &mut volumes {
                    volume.size = self.sizes.get(&volume.name).copied();
                }
                self.volumes = Arc::new(volumes);
                self.volumes_known = self.news.is_some();
            }
            Err(error) => problems.push(problem(Source::Volumes, &error)),
        }
    }

    /// Keeps what the engine measured: it is asked for that only when somebody wants it,
    /// as it walks all files each time.
    pub fn keep_sizes<'a>(&mut self, measured: impl Iterator<Item = &'a Volume>) {
        for volume in measured {
            if let Some(size) = volume.size {
                let size = VolumeSize {
                    // Nobody tells when something is written to it.
                    is_current: false,
                    ..size
                };
                self.sizes.insert(volume.name.clone(), size);
            }
        }
        self.volumes_known = false;
    }

    async fn host(&mut self) -> Result<Host> {
        if self.host.is_none() {
            let ask = Ask::get("/info", "ask", "the engine");
            let info: Value = self.client.soon(ask).await?;
            let name = info["Name"].as_str().unwrap_or_default();
            let is_here = matches!(self.client.address(), Address::Unix(_))
                && rustix::system::uname().nodename().to_bytes() == name.as_bytes();
            self.cgroups = is_here.then(|| Cgroups::detect().ok()).flatten();
            self.host = Some(match is_here {
                true => Machine::Here(host::Sampler::default()),
                false => Machine::There(Host {
                    name: name.to_owned(),
                    cpus: u32::try_from(info["NCPU"].as_u64().unwrap_or_default()).unwrap_or(0),
                    memory_total_bytes: info["MemTotal"].as_u64(),
                    ..Host::default()
                }),
            });
        }
        Ok(match &mut self.host {
            Some(Machine::Here(sampler)) => sampler.sample(monotonic_ns()),
            Some(Machine::There(host)) => host.clone(),
            None => Host::default(),
        })
    }

    /// What each container uses, from its group where that is at hand.
    async fn usages(&mut self, problems: &mut Vec<Problem>) -> HashMap<ContainerId, Usage> {
        let mut usages = HashMap::new();
        let mut elsewhere = Vec::new();
        for (id, row) in &mut self.rows {
            if !row.container.state.has_process() {
                row.counters = Counters::Unknown;
                continue;
            }
            if matches!(row.counters, Counters::Unknown) {
                let group = self.cgroups.as_ref().and_then(|_| group(&row.container));
                row.counters = match group {
                    Some(path) => Counters::Here(path, Box::default()),
                    None => Counters::There(None),
                };
            }
            match (&mut row.counters, &self.cgroups) {
                (Counters::Here(path, gauge), Some(cgroups)) => {
                    match gauge.usage(cgroups, path, traffic(&row.container)) {
                        Ok(Some(usage)) => drop(usages.insert(id.clone(), usage)),
                        // It may have moved; it is looked for again.
                        Ok(None) => row.counters = Counters::Unknown,
                        Err(error) => problems.push(Problem {
                            source: Source::Stats,
                            message: format!("read counters of {}: {error}", row.container.name),
                            hint: None,
                        }),
                    }
                }
                _ => elsewhere.push((id.clone(), row.container.clone())),
            }
        }
        let client = &self.client;
        let mut answers = stream::iter(elsewhere)
            .map(async |(id, container)| (counters(client, &container).await, id))
            .buffer_unordered(client.at_once());
        let mut read = Vec::new();
        while let Some(answer) = answers.next().await {
            read.push(answer);
        }
        drop(answers);
        for (sample, id) in read {
            // It may have ended meanwhile.
            let (Ok(sample), Some(row)) = (sample, self.rows.get_mut(&id)) else {
                continue;
            };
            let last = match &row.counters {
                Counters::There(last) => last.as_deref().copied(),
                _ => None,
            };
            usages.insert(id, Usage::between(last.as_ref(), &sample));
            row.counters = Counters::There(Some(Box::new(sample)));
        }
        usages
    }
}

/// The control group of a container on this machine: that of its first process, if its
/// path has the container's id. A process of that number may be anybody's.
fn group(container: &Container) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{}/cgroup", container.pid?)).ok()?;
    let path = |line: &str| {
        let path = line.splitn(3, ':').nth(2)?;
        let at = path.find(container.id.as_str())?;
        // What is below it (`/container` of podman's) is a part of it.
        let end = path[at..].find('/').map_or(path.len(), |n| at + n);
        Some(path[..end].trim_start_matches('/').to_owned())
    };
    text.lines().find_map(path)
}

/// What passed a container's interfaces, as its own first process sees them.
fn traffic(container: &Container) -> Option<Traffic> {
    if container.connectivity.endpoints.is_empty() {
        return None;
    }
    let text = fs::read_to_string(format!("/proc/{}/net/dev", container.pid?)).ok()?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let own = lines.filter(|(name, _)| name.trim() != "lo");
    let counted = own.filter_map(|(_, figures)| {
        let figures: Vec<u64> = figures
            .split_whitespace()
            .filter_map(|figure| figure.parse().ok())
            .collect();
        // proc_net(5): bytes, packets, errors and drops of what came, then of what went.
        let at = |n: usize| figures.get(n).copied();
        Some(Traffic {
            in_bytes: at(0)?,
            in_packets: at(1)?,
            in_errors: at(2)?,
            in_drops: at(3)?,
            out_bytes: at(8)?,
            out_packets: at(9)?,
            out_errors: at(10)?,
            out_drops: at(11)?,
        })
    });
    counted.reduce(std::ops::Add::add)
}

async fn counters(client: &Shared, container: &Container) -> Result<Sample> {
    let path = format!("/containers/{}/stats", container.id);
    let ask = Ask::get(path, "read counters of", &container.name)
        .query("stream", 0)
        .query("one-shot", 1);
    let value: Value = client.soon(ask).await?;
    let run = container.started.map_or(0, |at| at.as_microsecond() as u64);
    Ok(read::sample(&value, monotonic_ns(), run))
}

/// One container, freshly read.
pub async fn inspect(client: &Shared, id: &ContainerId) -> Result<Container> {
    let ask = Ask::get(format!("/containers/{id}/json"), "inspect", id.short());
    let value: Value = client.soon(ask).await?;
    read::container(&value).map_err(|why| unreadable("inspect", id.short(), why))
}

/// All networks, those that are always there first.
pub async fn networks(client: &Shared) -> Result<Vec<Network>> {
    let ask = Ask::get("/networks", "list", "the networks");
    let all: Vec<Value> = client.soon(ask).await?;
    let mut networks: Vec<_> = all.iter().filter_map(read::network).collect();
    networks.sort_by(|a, b| {
        let key = |network: &Network| (!network.is_built_in(), network.name.clone());
        key(a).cmp(&key(b))
    });
    Ok(networks)
}

/// All volumes by name.
pub async fn volumes(client: &Shared) -> Result<Vec<Volume>> {
    let ask = Ask::get("/volumes", "list", "the volumes");
    let answer: Value = client.soon(ask).await?;
    Ok(read::volumes(&answer))
}

/// All images. Those that are known are not asked about again, but for their names.
pub async fn images(client: &Shared, known: &[Image]) -> Result<Vec<Image>> {
    let ask = Ask::get("/images/json", "list", "images");
    let listed: Vec<Value> = client.soon(ask).await?;
    let known: HashMap<_, _> = known
        .iter()
        .map(|image| (image.id.as_str(), image))
        .collect();
    let mut answers = stream::iter(listed)
        .map(async |row| {
            let id = row["Id"].as_str().unwrap_or_default();
            match known.get(id) {
                Some(image) => Ok(Image {
                    references: read::names(&row["RepoTags"]),
                    ..(*image).clone()
                }),
                None => image(client, id).await,
            }
        })
        .buffer_unordered(client.at_once());
    let mut images = Vec::new();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(image) => images.push(image),
            Err(error) if error.kind == crate::engine::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    drop(answers);
    images.sort_by(|a: &Image, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
    share(&mut images);
    Ok(images)
}

/// One image with its history.
pub async fn image(client: &Shared, reference: &str) -> Result<Image> {
    let ask = Ask::get(format!("/images/{reference}/json"), "find image", reference);
    let value: Value = client.soon(ask).await?;
    let ask = Ask::get(
        format!("/images/{reference}/history"),
        "find image",
        reference,
    );
    // Without it the layers' sizes are unknown, no more.
    let history = client.soon(ask).await.unwrap_or(Value::Null);
    read::image(&value, &history).map_err(|why| unreadable("find image", reference, why))
}

/// Layers that several images have.
fn share(images: &mut [Image]) {
    let mut users = HashMap::new();
    for image in images.iter() {
        for layer in &image.layers {
            *users.entry(layer.diff_id.clone()).or_insert(0_u32) += 1;
        }
    }
    for image in images {
        let shared = image
            .layers
            .iter()
            .filter(|layer| users[&layer.diff_id] > 1);
        image.shared_bytes = shared.map(|layer| layer.size_bytes).sum();
    }
}

fn problem(source: Source, error: &crate::engine::EngineError) -> Problem {
    Problem {
        source,
        message: error.to_string(),
        hint: error.hint().map(str::to_owned),
    }
}
