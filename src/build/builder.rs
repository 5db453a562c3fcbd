//! Builds: stages as a graph, each in a thread of its own that waits where it needs
//! another, each instruction a change of the config, of the files, or of both.

use std::{
    collections::{HashMap, HashSet},
    io::Write,
    mem,
    os::fd::OwnedFd,
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError, atomic::AtomicUsize},
    thread,
};

use jiff::Timestamp;

use super::{
    Error, Result,
    context::Source,
    error::failed,
    graph::{Graph, Origin},
    input::Input,
    made::Made,
    output,
    run::Kept,
    scope::{Globals, Scope},
    stop::Stop,
};
use crate::{
    dockerfile::{
        self, Dockerfile, ImageDocument, Instruction, InstructionKind, Stage,
        expand::last_of,
        lint::{self, Checks},
    },
    image::{Cached, ImageStore, Lease, PackedLayer, Unfinished},
    layer::{self, Overlay, Position, ScratchDirectory},
    model::{BuildEvent, BuildRequest, ContainerId, Digest, Platform},
    runtime::{create, lifecycle::Lifecycle, spec},
};

/// What the builder needs of those who call it.
pub struct Calls<'a> {
    /// Told what happens.
    pub tell: &'a (dyn Fn(BuildEvent) + Sync),
    /// Gets an image that isn't here.
    pub pull: &'a (dyn Fn(&str) -> std::result::Result<(), String> + Sync),
    /// Writes the file at an `http` or `https` address; when it was changed, in seconds
    /// since 1970, if its server says so.
    pub fetch: &'a Fetch<'a>,
    /// Set when the build shall stop.
    pub stop: &'a Stop,
    /// Told why the build failed and which container is kept of that, where one is to be;
    /// returns when nobody wants it any more.
    pub linger: &'a (dyn Fn(&Error, &ContainerId) + Sync),
}

/// How files are got by their address.
pub type Fetch<'a> =
    dyn Fn(&str, &mut dyn Write) -> std::result::Result<Option<i64>, String> + Sync + 'a;

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
    platform: Platform,
    input: Input,
    escape: char,
    stages: Vec<Stage>,
    graph: Graph,
    pub(super) steps: AtomicUsize,
    results: Mutex<HashMap<usize, Result<Arc<Made>>>>,
    changed: Condvar,
    /// What the steps made, by their keys, where that is to be written elsewhere.
    pub(super) all: Mutex<Vec<(Digest, Cached)>>,
    /// Base images that were asked for anew.
    pulled: Mutex<HashSet<String>>,
    /// What is kept of the first step that failed.
    kept: Mutex<Option<Kept>>,
}

/// What a build came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The image.
    Built(Digest),
    /// How many rules the Dockerfile breaks, where that alone was asked.
    Checked(usize),
}

/// Builds an image and names it.
///
/// # Errors
/// Whatever is wrong with the Dockerfile, and what failed, with its lines. Nothing is
/// named then, and nothing but cached layers stays.
pub fn build(
    lifecycle: &Lifecycle,
    mut request: BuildRequest,
    calls: Calls<'_>,
) -> Result<Outcome> {
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
    let outputs = mem::take(&mut request.outputs);
    let request = &request;
    let file = Dockerfile::parse(&input.text)?;
    let (arguments, stages) = dockerfile::stages(&file)?;
    let escape = file.directives.escape;
    let target = request.target.as_deref();
    let platform = platform(request.platform.as_ref())?;
    let mut globals = Globals::new(
        request.arguments.clone(),
        &platform.to_string(),
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
    let ignore = input.context.as_ref().map(Source::ignore);
    let environment = |name: &str| {
        let base = images.base(&lease, name).ok()?;
        let document: ImageDocument = serde_json::from_slice(&base.config).ok()?;
        Some(lint::names_of(&document.config))
    };
    let around = lint::Surroundings {
        arguments: &request.arguments,
        platform: &globals.platform,
        environment: &environment,
        ignore,
    };
    let warnings = check(&file, &arguments, &stages, &around, &calls)?;
    if request.is_check {
        return Ok(Outcome::Checked(warnings));
    }
    let builder = Builder {
        lifecycle,
        images,
        lease,
        request,
        calls,
        globals,
        platform,
        input,
        escape,
        stages,
        graph,
        steps: AtomicUsize::new(0),
        results: Mutex::default(),
        changed: Condvar::new(),
        all: Mutex::default(),
        pulled: Mutex::default(),
        kept: Mutex::default(),
    };
    let made = builder.run().inspect_err(|error| builder.linger(error))?;
    output::finish(builder, made, outputs).map(Outcome::Built)
}

/// Holds the file against the rules for it, and tells what breaks one. How much does.
fn check(
    file: &Dockerfile,
    arguments: &[Instruction],
    stages: &[Stage],
    around: &lint::Surroundings<'_>,
    calls: &Calls<'_>,
) -> Result<usize> {
    let given = around.arguments.get("BUILDKIT_DOCKERFILE_CHECK");
    let said = given.or(file.directives.check.as_ref());
    let checks = Checks::parse(said.map_or("", |said| said)).map_err(Error::new)?;
    let warnings = lint::lint(file, arguments, stages, &checks, around);
    for warning in &warnings {
        (calls.tell)(BuildEvent::Warning {
            rule: warning.rule.to_owned(),
            message: warning.message.clone(),
            lines: warning.line..=warning.line,
        });
    }
    match warnings.first() {
        Some(first) if checks.is_error => {
            Err(Error::new(format!("{}: {}", first.rule, first.message))
                .at(&(first.line..=first.line))
                .hint("the file's check directive makes warnings errors"))
        }
        _ => Ok(warnings.len()),
    }
}

/// What is built for, which can only be what builds.
fn platform(wanted: Option<&Platform>) -> Result<Platform> {
    let host = Platform::host();
    match wanted {
        Some(wanted) if host.distance(wanted).is_none() => Err(Error::new(format!(
            "this host builds for {host}, not for {wanted}"
        ))
        .hint("build on a host of that platform")),
        Some(wanted) => Ok(wanted.clone()),
        None => Ok(host),
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

    /// Keeps what is left of a step that failed; false if something is kept already.
    pub(super) fn keep(&self, failed: Kept) -> bool {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = kept.is_none();
        kept.get_or_insert(failed);
        is_first
    }

    /// Waits as long as somebody wants what is kept, and removes it.
    fn linger(&self, error: &Error) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = kept.take() else { return };
        (self.calls.linger)(error, &kept.id);
        // What can't be removed now is by whoever repairs: its build is over.
        let _ = self.lifecycle.remove_step(&kept.id);
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
                document: ImageDocument::scratch(&self.platform.architecture, spec::DEFAULT_PATH),
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
        if self.request.pull {
            // Once for a name, however many stages stand on it.
            let mut pulled = self.pulled.lock().unwrap_or_else(PoisonError::into_inner);
            if pulled.insert(name.to_owned()) {
                (self.calls.pull)(name).map_err(|why| Error::new(format!("get {name}: {why}")))?;
            }
        }
        let found = match look() {
            Err(crate::image::Error::NotFound(_)) => {
                (self.calls.pull)(name).map_err(|why| Error::new(format!("get {name}: {why}")))?;
                look()
            }
            found => found,
        };
        let base = found.map_err(failed(format!("use the image {name}")))?;
        let mut document: ImageDocument = serde_json::from_slice(&base.config)
            .map_err(failed(format!("read the config of {name}")))?;
        let env = &mut document.config.env;
        if last_of(env, "PATH").is_none() {
            // As BuildKit has it: what is built on an image without one finds its programs.
            env.push(format!("PATH={}", spec::DEFAULT_PATH));
        }
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
    pub(super) fn time(&self, time: Timestamp) -> String {
        let epoch = self.request.epoch;
        let epoch = epoch.and_then(|epoch| Timestamp::from_second(epoch).ok());
        epoch.unwrap_or(time).to_string()
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
        let root = match layers.is_empty() {
            // Overlayfs marks directories that it makes as hiding what lies beneath, which
            // is not so where a layer is made for no layers in particular (`--link`).
            true => std::fs::File::open(&overlay.upper)
                .map(OwnedFd::from)
                .map_err(failed("open the files of a step"))?,
            false => {
                create::mount_overlay(&overlay).map_err(failed("mount the files of a step"))?
            }
        };
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
        if latest.is_none() {
            // With other times than those on disk, the files have to be written again.
            return self
                .images
                .adopt_layer(&self.lease, position, upper, skip)
                .map_err(failed("make a layer"));
        }
        self.images
            .pack_layer(&self.lease, position, &mut |_| {}, |out| {
                layer::pack_changes(upper, skip, latest, out)
            })
            .map_err(failed("make a layer"))
    }

    /// The layers of a stage or an image, lowest first.
    pub(super) fn layers_of(&self, origin: &Origin) -> Result<Vec<PackedLayer>> {
        Ok(match origin {
            Origin::Scratch => Vec::new(),
            Origin::Stage(at) => self.made(*at)?.layers.clone(),
            Origin::Image(name) => self.image(name)?.layers,
        })
    }

    /// The files of some layers, mounted for nobody but us. The directory must outlive it.
    pub(super) fn mount_files(
        &self,
        layers: &[PackedLayer],
    ) -> Result<(OwnedFd, ScratchDirectory)> {
        let scratch = self.scratch()?;
        let overlay = self.overlay(layers, scratch.path())?;
        let root = create::mount_overlay(&overlay).map_err(failed("mount the files of a stage"))?;
        Ok((root, scratch))
    }
}

/// Whom files belong to: a user of the files beneath.
pub(super) fn owner(overlay: &Overlay, user: &str) -> Result<(u32, u32)> {
    if user.is_empty() {
        return Ok((0, 0));
    }
    let identity = spec::look_up(user, &[], &|path| overlay.find(path))
        .map_err(failed(format!("look up the user {user}")))?;
    Ok((identity.uid, identity.gid))
}
