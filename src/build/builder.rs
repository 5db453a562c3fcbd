//! Builds: stages as a graph, each in a thread of its own that waits where it needs
//! another, each instruction a change of the config, of the files, or of both.
//!
//! A step that changes files is known by what it depends on: the layers beneath, its
//! words after replacement, what it copies by content. Under the digest of that the
//! cache ([`crate::image`]) has the layer that it made, whoever made it and when.

use std::{
    collections::HashMap,
    mem,
    os::fd::OwnedFd,
    path::Path,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::{
    Error, Result,
    context::Source,
    error::failed,
    graph::{Graph, Origin},
    input::Input,
    scope::{Globals, Scope},
};
use crate::{
    dockerfile::{self, Dockerfile, ImageDocument, Instruction, InstructionKind, Stage, Step},
    image::{Cached, ImageStore, Lease, PackedLayer, Unfinished},
    layer::{self, Overlay, Position, ScratchDirectory},
    model::{BuildEvent, BuildRequest, ContainerId, Digest},
    runtime::{create, lifecycle::Lifecycle, spec},
};

/// What the builder needs of those who call it.
pub struct Calls<'a> {
    /// Told what happens.
    pub tell: &'a (dyn Fn(BuildEvent) + Sync),
    /// Gets an image that isn't here.
    pub pull: &'a (dyn Fn(&str) -> std::result::Result<(), String> + Sync),
    /// Set when the build shall stop.
    pub stop: &'a Stop,
}

/// Stops a build from outside. All its clones are one.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Stopping>);

#[derive(Debug, Default)]
struct Stopping {
    is_set: AtomicBool,
    containers: Mutex<Vec<ContainerId>>,
    transfers: Mutex<Vec<CancellationToken>>,
}

/// A stage that is done, or as far as it is.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its layers, lowest first.
    pub layers: Vec<PackedLayer>,
    /// Its config.
    pub document: ImageDocument,
    /// Whether a `CMD` stood in this stage.
    pub(super) has_own_cmd: bool,
    /// When the last step was done that did something: the time of those that only say
    /// something, so that a build that does nothing new makes the same image.
    created: String,
}

/// An instruction and where it stands.
pub(super) struct Site<'a> {
    /// Its stage, by its place.
    pub(super) stage: usize,
    pub(super) instruction: &'a Instruction,
    /// What its step is called.
    pub(super) title: String,
}

/// A build under way.
pub struct Builder<'a> {
    pub(super) lifecycle: &'a Lifecycle,
    pub(super) images: ImageStore,
    pub(super) lease: Lease,
    pub(super) request: &'a BuildRequest,
    pub(super) calls: Calls<'a>,
    pub(super) globals: Globals,
    input: Input,
    escape: char,
    stages: Vec<Stage>,
    graph: Graph,
    steps: AtomicUsize,
    results: Mutex<HashMap<usize, Result<Arc<Made>>>>,
    changed: Condvar,
}

impl Stop {
    /// Stops the build: nothing begins any more, and what runs is killed.
    pub fn set(&self, lifecycle: &Lifecycle) {
        self.0.is_set.store(true, Ordering::SeqCst);
        let transfers = self.0.transfers.lock();
        let transfers = transfers.unwrap_or_else(PoisonError::into_inner);
        transfers.iter().for_each(CancellationToken::cancel);
        for id in self.lock().iter() {
            // One that ended by itself is no matter.
            let _ = lifecycle.kill(&crate::model::KillRequest {
                id: id.clone(),
                signal: Some("KILL".into()),
            });
        }
    }

    /// Whether the build shall stop.
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::SeqCst)
    }

    /// Has a transfer cancelled when the build is stopped.
    pub fn cancels(&self, transfer: CancellationToken) {
        if self.is_set() {
            transfer.cancel();
        }
        let transfers = self.0.transfers.lock();
        transfers
            .unwrap_or_else(PoisonError::into_inner)
            .push(transfer);
    }

    pub(super) fn add(&self, id: &ContainerId) {
        self.lock().push(id.clone());
    }

    pub(super) fn remove(&self, id: &ContainerId) {
        self.lock().retain(|other| other != id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ContainerId>> {
        self.0
            .containers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Builds an image and names it. Its id.
///
/// # Errors
/// Whatever is wrong with the Dockerfile, and what failed, with its lines. Nothing is
/// named then, and nothing but cached layers stays.
pub fn build(lifecycle: &Lifecycle, mut request: BuildRequest, calls: Calls<'_>) -> Result<Digest> {
    let images = lifecycle.images().map_err(failed("open the image store"))?;
    images.sweep().map_err(failed("open the image store"))?;
    let (context, file) = (
        mem::take(&mut request.context),
        mem::take(&mut request.dockerfile),
    );
    let input = Input::open(&images, context, file, &calls)?;
    (calls.tell)(BuildEvent::Dockerfile {
        name: input.name.clone(),
        text: String::from_utf8_lossy(&input.text).into_owned(),
    });
    let request = &request;
    let file = Dockerfile::parse(&input.text)?;
    let (arguments, stages) = dockerfile::stages(&file)?;
    let escape = file.directives.escape;
    let target = request.target.as_deref();
    let platform = format!("linux/{}", architecture());
    let mut globals = Globals::new(
        request.arguments.clone(),
        &platform,
        target.unwrap_or("default"),
    );
    for argument in &arguments {
        if let InstructionKind::Arg(pairs) = &argument.kind {
            for (name, value) in pairs {
                globals
                    .declare(escape, name, value.as_deref())
                    .map_err(|error| Error::new(error.to_string()).at(&argument.lines))?;
            }
        }
    }
    let graph = Graph::new(&stages, &globals, escape, target)?;
    (calls.tell)(BuildEvent::Planned {
        stages: graph.planned(&stages),
    });
    let lease = images
        .lease(Unfinished::Discard)
        .map_err(failed("take a lease"))?;
    let builder = Builder {
        lifecycle,
        images,
        lease,
        request,
        calls,
        globals,
        input,
        escape,
        stages,
        graph,
        steps: AtomicUsize::new(0),
        results: Mutex::default(),
        changed: Condvar::new(),
    };
    let made = builder.run()?;
    builder.finish(made)
}

/// The architecture that this is built for, in the words of OCI.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Builder<'_> {
    /// The files that are copied from, if there are any.
    pub(super) fn context(&self) -> Option<&Source> {
        self.input.context.as_ref()
    }

    /// The stages of the file.
    pub(super) fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn run(&self) -> Result<Made> {
        thread::scope(|scope| {
            for &at in &self.graph.needed {
                scope.spawn(move || {
                    let result = self.stage(at).map(Arc::new);
                    let is_failed = result.is_err();
                    self.lock().insert(at, result);
                    if is_failed {
                        // The others need not finish what nobody will use.
                        self.calls.stop.set(self.lifecycle);
                    }
                    self.changed.notify_all();
                });
            }
        });
        let results = self.lock();
        // The first that failed, not those that were stopped because of it.
        let errors = results.values().filter_map(|result| result.as_ref().err());
        let mut errors: Vec<_> = errors.collect();
        errors.sort_by_key(|error| error.is_cancelled);
        if let Some(error) = errors.first() {
            return Err((*error).clone());
        }
        let made = results
            .get(&self.graph.target)
            .and_then(|made| made.as_ref().ok());
        Ok(made
            .expect("every needed stage has a result")
            .as_ref()
            .clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<usize, Result<Arc<Made>>>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for another stage.
    pub(super) fn made(&self, at: usize) -> Result<Arc<Made>> {
        let mut results = self.lock();
        loop {
            if let Some(result) = results.get(&at) {
                return match result {
                    Ok(made) => Ok(made.clone()),
                    Err(_) => Err(Error::cancelled()),
                };
            }
            if self.calls.stop.is_set() {
                return Err(Error::cancelled());
            }
            results = self
                .changed
                .wait(results)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn stage(&self, at: usize) -> Result<Made> {
        let stage = &self.stages[at];
        let mut made = self
            .base(&self.graph.bases[at])
            .map_err(|error| error.at(&stage.lines))?;
        let mut scope = Scope::new(self.escape, made.document.config.env.clone());
        let triggers = made.document.config.on_build.take().unwrap_or_default();
        let triggers = triggers.iter().map(|text| {
            Instruction::of_trigger(text, self.escape)
                .map(|instruction| Instruction {
                    lines: stage.lines.clone(),
                    ..instruction
                })
                .map_err(|error| Error::from(error).at(&stage.lines))
        });
        let triggers = triggers.collect::<Result<Vec<_>>>()?;
        let all: Vec<_> = triggers.iter().chain(&stage.instructions).collect();
        for (place, instruction) in all.iter().enumerate() {
            if self.calls.stop.is_set() {
                return Err(Error::cancelled());
            }
            let name = stage.title(at);
            let text = instruction
                .text
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            let site = Site {
                stage: at,
                instruction,
                title: format!("[{name} {}/{}] {text}", place + 1, all.len()),
            };
            self.apply(&site, &mut made, &mut scope)
                .map_err(|error| error.at(&instruction.lines))?;
        }
        Ok(made)
    }

    fn base(&self, origin: &Origin) -> Result<Made> {
        match origin {
            Origin::Scratch => Ok(Made {
                layers: Vec::new(),
                document: ImageDocument::scratch(architecture(), spec::DEFAULT_PATH),
                has_own_cmd: false,
                created: self.time(Timestamp::UNIX_EPOCH),
            }),
            Origin::Stage(at) => Ok(Made {
                has_own_cmd: false,
                ..self.made(*at)?.as_ref().clone()
            }),
            Origin::Image(name) => self.image(name),
        }
    }

    fn image(&self, name: &str) -> Result<Made> {
        let look = || self.images.base(&self.lease, name);
        let found = match look() {
            Err(crate::image::Error::NotFound(_)) => {
                (self.calls.pull)(name).map_err(|why| Error::new(format!("get {name}: {why}")))?;
                look()
            }
            found => found,
        };
        let base = found.map_err(failed(format!("use the image {name}")))?;
        let document: ImageDocument = serde_json::from_slice(&base.config)
            .map_err(failed(format!("read the config of {name}")))?;
        let created = document
            .created
            .as_deref()
            .and_then(|time| time.parse().ok());
        Ok(Made {
            layers: base.layers,
            document,
            has_own_cmd: false,
            created: self.time(created.unwrap_or(Timestamp::UNIX_EPOCH)),
        })
    }

    /// A time as the image has it: the epoch, where one is asked for.
    fn time(&self, time: Timestamp) -> String {
        let epoch = self.request.epoch;
        let epoch = epoch.and_then(|epoch| Timestamp::from_second(epoch).ok());
        epoch.unwrap_or(time).to_string()
    }

    /// A step that may make a layer: from the cache, or by `work`.
    pub(super) fn step(
        &self,
        site: &Site<'_>,
        beneath: &[PackedLayer],
        key: Sha256,
        work: impl FnOnce(usize) -> Result<Option<PackedLayer>>,
    ) -> Result<Cached> {
        let began = Instant::now();
        let number = self.steps.fetch_add(1, Ordering::Relaxed);
        (self.calls.tell)(BuildEvent::Step {
            step: number,
            stage: site.stage,
            name: site.title.clone(),
            lines: site.instruction.lines.clone(),
        });
        let mut whole = key;
        for layer in beneath {
            whole.update(layer.diff_id.as_str());
        }
        whole.update(format!("epoch {:?}", self.request.epoch));
        let key = Digest::from_sha256(&whole.finalize().into());
        let cached = match self.request.no_cache {
            true => None,
            false => self
                .images
                .cached(&self.lease, &key)
                .map_err(failed("look into the build cache"))?,
        };
        let is_cached = cached.is_some();
        let made = match cached {
            Some(made) => made,
            None => match work(number) {
                Ok(layer) => {
                    let made = Cached {
                        layer,
                        created: self.time(Timestamp::now()),
                    };
                    self.images
                        .cache(&key, &made)
                        .map_err(failed("write the build cache"))?;
                    made
                }
                Err(error) => {
                    (self.calls.tell)(BuildEvent::Failed { step: number });
                    return Err(error);
                }
            },
        };
        (self.calls.tell)(BuildEvent::Done {
            step: number,
            cached: is_cached,
            took: began.elapsed(),
        });
        Ok(made)
    }

    /// Changes files on top of some layers and makes a layer of that. Without any change
    /// there is none, unless `always`.
    pub(super) fn change_files(
        &self,
        layers: &[PackedLayer],
        always: bool,
        work: impl FnOnce(&OwnedFd, &Overlay) -> Result<()>,
    ) -> Result<Option<PackedLayer>> {
        let scratch = self.scratch()?;
        let overlay = self.overlay(layers, scratch.path())?;
        let root = create::mount_overlay(&overlay).map_err(failed("mount the files of a step"))?;
        work(&root, &overlay)?;
        drop(root);
        let is_bare = std::fs::read_dir(&overlay.upper)
            .map_err(failed("list the files of a step"))?
            .next()
            .is_none();
        if is_bare && !always {
            return Ok(None);
        }
        self.pack(layers.is_empty(), &overlay.upper, &|_| false)
            .map(Some)
    }

    /// A directory that goes when it is dropped, on the file system of the layers.
    pub(super) fn scratch(&self) -> Result<ScratchDirectory> {
        let directory = self.images.layers().directory();
        ScratchDirectory::new(directory).map_err(failed("make a directory for a step"))
    }

    /// An overlay of some layers with a writable one inside a scratch directory.
    pub(super) fn overlay(&self, layers: &[PackedLayer], scratch: &Path) -> Result<Overlay> {
        let layers: Vec<_> = layers.iter().map(|layer| layer.diff_id.clone()).collect();
        let store = self.images.layers();
        let top = layers.last().map(|top| store.path(top));
        layer::make_writable(scratch, top.as_deref()).map_err(failed("prepare a step"))?;
        let (upper, work) = (scratch.join("upper"), scratch.join("work"));
        let mut overlay = store.overlay(&layers, upper, work);
        if overlay.lower.is_empty() {
            let bottom = scratch.join("bottom");
            std::fs::create_dir(&bottom).map_err(failed("make a directory for a step"))?;
            overlay.lower.push(bottom);
        }
        overlay.is_volatile = true;
        Ok(overlay)
    }

    /// Makes a layer of an overlay's upper directory.
    pub(super) fn pack(
        &self,
        is_lowest: bool,
        upper: &Path,
        skip: &(dyn Fn(&Path) -> bool + Sync),
    ) -> Result<PackedLayer> {
        let position = match is_lowest {
            true => Position::Lowest,
            false => Position::Above,
        };
        let latest = self.request.epoch;
        self.images
            .pack_layer(&self.lease, position, &mut |_| {}, |out| {
                layer::pack_changes(upper, skip, latest, out)
            })
            .map_err(failed("make a layer"))
    }

    /// The files of a stage or an image, mounted for nobody but us. The directory must
    /// outlive it.
    pub(super) fn files_of(
        &self,
        origin: &Origin,
    ) -> Result<(OwnedFd, ScratchDirectory, Vec<PackedLayer>)> {
        let layers = match origin {
            Origin::Scratch => Vec::new(),
            Origin::Stage(at) => self.made(*at)?.layers.clone(),
            Origin::Image(name) => self.image(name)?.layers,
        };
        let scratch = self.scratch()?;
        let overlay = self.overlay(&layers, scratch.path())?;
        let root = create::mount_overlay(&overlay).map_err(failed("mount the files of a stage"))?;
        Ok((root, scratch, layers))
    }

    fn finish(self, mut made: Made) -> Result<Digest> {
        let labels = &self.request.labels;
        if !labels.is_empty() {
            let own = made.document.config.labels.get_or_insert_default();
            own.extend(
                labels
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone())),
            );
        }
        made.document.created = Some(made.created.clone());
        let ids = made.layers.iter().map(|layer| layer.diff_id.to_string());
        made.document.rootfs.diff_ids = ids.collect();
        let text = serde_json::to_vec(&made.document).expect("a config has only string keys");
        self.images
            .assemble_layers(self.lease, &text, &made.layers, &self.request.names)
            .map_err(failed("put the image in the store"))
    }
}

impl Made {
    pub(super) fn say(&mut self, created_by: String) {
        self.document.history.push(Step {
            created: Some(self.created.clone()),
            created_by: Some(created_by),
            comment: Some(COMMENT.into()),
            empty_layer: true,
            ..Step::default()
        });
    }

    pub(super) fn add(&mut self, step: Cached, created_by: String) {
        self.created = step.created;
        self.say(created_by);
        if let Some(layer) = step.layer {
            let step = self.document.history.last_mut().expect("it was just said");
            step.empty_layer = false;
            self.layers.push(layer);
        }
    }
}

/// Who made a step, in an image's history.
const COMMENT: &str = "wharf build";

/// Whom files belong to: a user of the files beneath.
pub(super) fn owner(overlay: &Overlay, user: &str) -> Result<(u32, u32)> {
    if user.is_empty() {
        return Ok((0, 0));
    }
    let identity = spec::look_up(user, &|path| overlay.find(path))
        .map_err(failed(format!("look up the user {user}")))?;
    Ok((identity.uid, identity.gid))
}
