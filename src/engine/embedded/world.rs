//! One picture of everything a tick. The first is read from disk; from the second on,
//! records are read again only where inotify names them, and only counters are read each
//! time, through descriptors kept open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

use super::{
    error,
    groups::Forest,
    traffic::{self, Link, Meter},
    watches::{Changes, Watches},
};
use crate::{
    engine::usage::{Gauge, monotonic_ns},
    model::{
        Container, ContainerId, ContainerRow, Flow, GroupRow, Host, Image, Limit, Network,
        NetworkId, NetworkMode, NetworkRow, Problem, Source, Traffic, Usage, Visible, Volume,
        World,
    },
    runtime::{
        inspect,
        lifecycle::{self, Lifecycle},
        paths::ContainerPaths,
    },
    sys::host,
};

/// The picture for which lists are read though nobody looks at them.
const READ_AHEAD: u64 = 2;

/// What is known since the last picture.
#[derive(Debug)]
pub struct Picture {
    lifecycle: Arc<Lifecycle>,
    forest: Arc<Mutex<Forest>>,
    generation: u64,
    /// From the second picture on: a `ps` that looks once needs none.
    watches: Option<Watches>,
    rows: HashMap<ContainerId, Row>,
    /// Ids in the order of the list, newest first.
    order: Vec<ContainerId>,
    images: Arc<Vec<Image>>,
    images_known: bool,
    networks: Vec<Arc<Network>>,
    networks_known: bool,
    volumes: Arc<Vec<Volume>>,
    volumes_known: bool,
    /// What could not be repaired when the engine was opened.
    repair_problems: Vec<Problem>,
    /// What is wrong with the records, until they are read again.
    record_problems: HashMap<Option<ContainerId>, Problem>,
    /// What is wrong with the lists, until they are read again.
    list_problems: HashMap<Source, Problem>,
    machine: host::Sampler,
    meter: Meter,
    /// What the kernel can't limit or count.
    missing: Option<(Vec<String>, Vec<Limit>)>,
}

/// One container and the counters of its run.
#[derive(Debug)]
struct Row {
    container: Arc<Container>,
    gauge: Gauge,
    /// The host's ends of its interfaces; `None` until they are looked for.
    links: Option<Vec<Link>>,
}

impl Picture {
    /// Nothing is known yet.
    pub fn new(
        lifecycle: Arc<Lifecycle>,
        forest: Arc<Mutex<Forest>>,
        repair_problems: Vec<Problem>,
    ) -> Self {
        Self {
            lifecycle,
            forest,
            generation: 0,
            watches: None,
            rows: HashMap::new(),
            order: Vec::new(),
            images: Arc::default(),
            images_known: false,
            networks: Vec::new(),
            networks_known: false,
            volumes: Arc::default(),
            volumes_known: false,
            repair_problems,
            record_problems: HashMap::new(),
            list_problems: HashMap::new(),
            machine: host::Sampler::default(),
            meter: Meter::default(),
            missing: None,
        }
    }

    /// The world now.
    pub fn refresh(&mut self, visible: Visible) -> Arc<World> {
        let changes = self.changes();
        self.read_records(&changes);
        self.read_images(&changes, visible);
        self.read_networks(&changes, visible);
        self.read_volumes(&changes, visible);
        let mut problems = self.repair_problems.clone();
        problems.extend(self.record_problems.values().cloned());
        problems.extend(self.list_problems.values().cloned());

        if visible.stats || visible.networks {
            self.read_traffic();
        }
        let mut stats = Ok(());
        let mut containers = Vec::with_capacity(self.order.len());
        for id in &self.order {
            let traffic = self.traffic(id);
            let Some(row) = self.rows.get_mut(id) else {
                continue;
            };
            let usage = if visible.stats {
                row.usage(&self.lifecycle, traffic)
                    .unwrap_or_else(|failure| {
                        stats = Err(failure);
                        None
                    })
            } else {
                None
            };
            containers.push(ContainerRow {
                container: row.container.clone(),
                usage,
            });
        }
        if let Err(failure) = stats {
            problems.push(problem(Source::Stats, "read counters", &failure));
        }
        let host = self.host();
        let groups = self.groups(visible, &host, &containers, &mut problems);
        let networks = self.networks(visible);
        self.generation += 1;
        Arc::new(World {
            generation: self.generation,
            at: Timestamp::now(),
            host,
            groups,
            containers,
            images: self.images.clone(),
            networks,
            volumes: self.volumes.clone(),
            problems,
        })
    }

    /// What must be read again. The watches are set up before the second picture.
    fn changes(&mut self) -> Changes {
        if self.generation == 0 {
            return Changes::all();
        }
        match &mut self.watches {
            Some(watches) => watches.changes(),
            None => {
                // Where there is no watch, such as before the first container or without
                // root, everything is read each time.
                self.watches = Watches::new(self.lifecycle.root()).ok();
                Changes::all()
            }
        }
    }

    fn read_records(&mut self, changes: &Changes) {
        if changes.all || changes.listing {
            self.record_problems.remove(&None);
            match self.lifecycle.store().list() {
                Ok(ids) => self.read_listed(ids, changes.all),
                Err(failure) => {
                    let problem = problem(Source::Containers, "list containers", &failure);
                    self.record_problems.insert(None, problem);
                }
            }
        }
        for id in &changes.containers {
            if self.rows.contains_key(id) {
                self.read_record(id);
            }
        }
        if changes.all || changes.listing || !changes.containers.is_empty() {
            self.sort();
        }
    }

    fn read_listed(&mut self, ids: Vec<ContainerId>, all: bool) {
        let listed: std::collections::HashSet<_> = ids.iter().collect();
        self.rows.retain(|id, _| listed.contains(id));
        self.record_problems
            .retain(|id, _| id.as_ref().is_none_or(|id| listed.contains(id)));
        if self.generation == 0 {
            for (id, read) in inspect::inspect_all(self.lifecycle.store(), &ids) {
                self.note(&id, read.map_err(lifecycle::Error::from));
            }
            return;
        }
        for id in &ids {
            if all || !self.rows.contains_key(id) {
                self.read_record(id);
            }
        }
    }

    fn read_record(&mut self, id: &ContainerId) {
        let mut watched = Ok(());
        if let Some(watches) = &mut self.watches {
            watched = watches.watch(self.lifecycle.root(), id);
        }
        if watched.is_err() {
            // No watch left for it: without any, everything is read each time.
            self.watches = None;
        }
        // A shim that died is seen by its lock; while pictures follow each other nobody
        // else may come by to repair.
        let read = self.lifecycle.settled(id);
        self.note(id, read);
    }

    /// Keeps what reading a container's record gave.
    fn note(&mut self, id: &ContainerId, read: lifecycle::Result<Container>) {
        match read {
            Ok(container) => {
                self.record_problems.remove(&Some(id.clone()));
                self.take(container);
            }
            Err(failure) if failure.is_missing() => {
                self.rows.remove(id);
            }
            Err(failure) => {
                let what = format!("read container {}", id.short());
                let problem = problem(Source::Containers, &what, &failure);
                self.record_problems.insert(Some(id.clone()), problem);
            }
        }
    }

    fn take(&mut self, container: Container) {
        let id = container.id.clone();
        let row = self.rows.entry(id).or_insert_with(|| Row {
            container: Arc::new(container.clone()),
            gauge: Gauge::default(),
            links: None,
        });
        if *row.container == container {
            return;
        }
        // Another run has another group.
        if row.container.pid != container.pid {
            row.gauge.close();
        }
        row.container = Arc::new(container);
        row.links = None;
    }

    fn sort(&mut self) {
        self.order = self.rows.keys().cloned().collect();
        let rows = &self.rows;
        self.order.sort_by(|a, b| {
            let created = |id| rows.get(id).map(|row| row.container.created);
            created(b).cmp(&created(a)).then_with(|| a.cmp(b))
        });
    }

    /// Whether a list is read that is not known.
    fn is_wanted(&self, is_visible: bool) -> bool {
        // Whoever goes on looking will want them: then their screen has something to show
        // with the key that opens it. Not before the first figures are there.
        is_visible || self.generation == READ_AHEAD
    }

    fn note_list<T>(
        &mut self,
        source: Source,
        what: &str,
        read: lifecycle::Result<T>,
    ) -> Option<T> {
        match read {
            Ok(list) => {
                self.list_problems.remove(&source);
                Some(list)
            }
            Err(failure) => {
                self.list_problems
                    .insert(source, problem(source, what, &failure));
                None
            }
        }
    }

    fn read_images(&mut self, changes: &Changes, visible: Visible) {
        if changes.images {
            self.images_known = false;
        }
        if self.images_known || !self.is_wanted(visible.images) {
            return;
        }
        let listed = self
            .lifecycle
            .images()
            .and_then(|images| Ok(images.list()?));
        if let Some(images) = self.note_list(Source::Images, "list images", listed) {
            self.images = Arc::new(images);
            // Without a watch nobody tells when the list changes.
            self.images_known = self.watches.is_some();
        }
    }

    fn read_networks(&mut self, changes: &Changes, visible: Visible) {
        if changes.networks {
            self.networks_known = false;
        }
        if self.networks_known || !self.is_wanted(visible.networks) {
            return;
        }
        let listed = self.lifecycle.networks().list().map_err(Into::into);
        if let Some(networks) = self.note_list(Source::Networks, "list networks", listed) {
            self.networks = networks.into_iter().map(Arc::new).collect();
            self.networks_known = self.watches.is_some();
        }
    }

    fn read_volumes(&mut self, changes: &Changes, visible: Visible) {
        if changes.volumes {
            self.volumes_known = false;
        }
        if self.volumes_known || !self.is_wanted(visible.volumes) {
            return;
        }
        let volumes = self.lifecycle.volumes();
        let mut is_watched = self.watches.is_some();
        let listed = volumes.names().and_then(|names| {
            for name in &names {
                let watches = self.watches.as_mut();
                let watched = watches.map(|watches| watches.watch_volume(&volumes.directory(name)));
                is_watched &= !matches!(watched, Some(Err(_)));
            }
            volumes.list_of(names)
        });
        let listed = listed.map_err(Into::into);
        if let Some(list) = self.note_list(Source::Volumes, "list volumes", listed) {
            self.volumes = Arc::new(list);
            // One that can't be watched is looked at each time.
            self.volumes_known = is_watched;
        }
    }

    /// The networks with what passes on them, where somebody looks.
    fn networks(&mut self, visible: Visible) -> Vec<NetworkRow> {
        let mut flows: HashMap<NetworkId, HashMap<ContainerId, Flow>> = HashMap::new();
        if visible.networks {
            for (id, row) in &self.rows {
                for link in row.links.iter().flatten() {
                    if let Some(flow) = self.meter.flow(link.index) {
                        let of_network = flows.entry(link.network.clone()).or_default();
                        of_network.insert(id.clone(), flow);
                    }
                }
            }
        }
        self.meter.settle(visible.networks);
        let row = |network: &Arc<Network>| NetworkRow {
            flows: flows.remove(&network.id).unwrap_or_default(),
            network: network.clone(),
        };
        self.networks.iter().map(row).collect()
    }

    fn groups(
        &self,
        visible: Visible,
        host: &Host,
        containers: &[ContainerRow],
        problems: &mut Vec<Problem>,
    ) -> Vec<GroupRow> {
        let mut forest = self.forest.lock().unwrap_or_else(PoisonError::into_inner);
        if !visible.groups {
            forest.forget();
            return Vec::new();
        }
        let cgroups = match self.lifecycle.cgroups() {
            Ok(cgroups) => cgroups,
            Err(failure) => {
                problems.push(problem(Source::Groups, "list control groups", &failure));
                return Vec::new();
            }
        };
        let usages: HashMap<_, _> = containers
            .iter()
            .map(|row| (&row.container.id, row.usage))
            .collect();
        let (rows, outcome) = forest.refresh(cgroups, host, |id| usages.get(id).copied());
        if let Err(failure) = outcome {
            problems.push(problem(Source::Groups, "read control groups", &failure));
        }
        if forest.is_cut() {
            problems.push(Problem {
                source: Source::Groups,
                message: format!("only {} groups are listed", rows.len()),
                hint: None,
            });
        }
        rows
    }

    /// Reads what passed the interfaces, if anybody has one.
    fn read_traffic(&mut self) {
        let mut is_any = false;
        for row in self.rows.values_mut() {
            let links = row
                .links
                .get_or_insert_with(|| traffic::links(&row.container));
            is_any |= !links.is_empty();
        }
        if is_any {
            self.meter.refresh();
        }
    }

    /// What passed a container's interfaces; those of another where it shares them.
    fn traffic(&self, id: &ContainerId) -> Option<Traffic> {
        let row = self.rows.get(id)?;
        let row = match &row.container.config.network {
            NetworkMode::Container(other) => self.rows.get(&ContainerId::parse(other)?)?,
            _ => row,
        };
        self.meter.traffic(row.links.as_ref()?)
    }

    fn host(&mut self) -> Host {
        if self.missing.is_none() {
            // Without control groups there is a problem that says so.
            let cgroups = self.lifecycle.cgroups().ok();
            self.missing = cgroups.map(|cgroups| (cgroups.missing(), cgroups.lacks()));
        }
        let (missing, lacks) = self.missing.clone().unwrap_or_default();
        Host {
            missing,
            lacks,
            ..self.machine.sample(monotonic_ns())
        }
    }
}

impl Row {
    /// What it uses now; `None` while it has no processes.
    fn usage(
        &mut self,
        lifecycle: &Lifecycle,
        traffic: Option<Traffic>,
    ) -> lifecycle::Result<Option<Usage>> {
        if !self.container.state.has_process() {
            self.gauge.close();
            return Ok(None);
        }
        let path = ContainerPaths::cgroup(&self.container.id);
        Ok(self.gauge.usage(lifecycle.cgroups()?, &path, traffic)?)
    }
}

fn problem(source: Source, what: &str, failure: &(dyn std::error::Error + 'static)) -> Problem {
    let denied = !super::is_root() && is_denied(failure);
    Problem {
        source,
        message: error::line(what, failure),
        hint: denied.then(|| "needs root".into()),
    }
}

fn is_denied(failure: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(failure);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::PermissionDenied;
        }
        cause = error.source();
    }
    false
}
