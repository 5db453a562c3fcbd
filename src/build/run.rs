//! `RUN`: a container of our own engine for each, under the build's limits.

use std::{
    fs,
    io::Read,
    os::{
        fd::AsFd,
        unix::fs::{PermissionsExt, chown},
    },
    path::Path,
};

use sha2::{Digest as _, Sha256};

use super::{
    Error, Result,
    agent::Agent,
    builder::Builder,
    context::Source,
    error::failed,
    graph::{self, Origin},
    made::Made,
    scope::Scope,
    tree::{Change, Copier},
};
use crate::{
    dockerfile::{Mount, MountKind, Run, expand::ExpandError, ignore::Ignore},
    image::PackedLayer,
    layer::ScratchDirectory,
    model::{self, AttachStreams, BuildEvent, ContainerConfig, ContainerId, Exit, NetworkMode},
    runtime::attach::{Decoder, Frame},
};

/// Where the script of a here-document lies that names its own interpreter.
const PIPES: &str = "/dev/pipes";

/// One `RUN`, its words replaced.
pub(super) struct RunStep {
    argv: Vec<String>,
    /// What the cache depends on, and what it doesn't.
    env: Vec<String>,
    more_env: Vec<String>,
    user: String,
    cwd: String,
    script: Option<(String, String)>,
    mounts: Vec<(Mount, Option<Origin>)>,
    /// Where it says one.
    network: Option<NetworkMode>,
    privileged: bool,
    /// Arguments of the build that are seen, for the history.
    arguments: Vec<String>,
}

impl RunStep {
    pub(super) fn new(
        builder: &Builder<'_>,
        at: usize,
        made: &Made,
        scope: &Scope,
        run: &Run,
    ) -> Result<Self> {
        let unreadable = |error: ExpandError| error.to_string();
        let expand = |word: &str| scope.expand(word).map(|word| word.text).map_err(unreadable);
        let mut mounts = Vec::new();
        for text in &run.mounts {
            let mount = Mount::parse(text, &expand).map_err(Error::new)?;
            let origin = mount.from.as_deref();
            let origin = origin
                .map(|from| graph::origin(builder.stages(), at, from))
                .transpose()?;
            mounts.push((mount, origin));
        }
        let config = &made.document.config;
        let mut words = run.command.words.clone();
        let mut script = None;
        if let ([word], [first, ..]) = (&words[..], &run.heredocs[..]) {
            let is_all = crate::dockerfile::Heredoc::opened_by(word).is_some();
            if is_all && first.content.starts_with("#!") {
                script = Some((first.name.clone(), first.text()));
                words = vec![format!("{PIPES}/{}", first.name)];
            } else if is_all {
                words = vec![first.text()];
            } else {
                // The shell knows here-documents: it gets them as they stand.
                let mut whole = word.clone();
                for heredoc in &run.heredocs {
                    whole.push_str(&format!("\n{}{}", heredoc.content, heredoc.name));
                }
                words = vec![whole];
            }
        }
        let argv = config.words(&crate::dockerfile::Command {
            words,
            by_shell: run.command.by_shell,
        });
        let arguments = scope.arguments();
        let network = match run.network.as_deref() {
            Some("none") => Some(NetworkMode::None),
            Some("host") => Some(NetworkMode::Host),
            _ => None,
        };
        let privileged = run.security.as_deref() == Some("insecure");
        let allowed = builder.request.allowed;
        let own = &builder.request.container.network;
        for (asked, allowed, flag, word) in [
            (
                privileged,
                allowed.insecure,
                "--security=insecure",
                "security.insecure",
            ),
            (
                network == Some(NetworkMode::Host) && *own != NetworkMode::Host,
                allowed.host_network,
                "--network=host",
                "network.host",
            ),
        ] {
            if asked && !allowed {
                return Err(Error::new(format!("RUN {flag} reaches beyond the build"))
                    .hint(format!("allow it by --allow {word}")));
            }
        }
        Ok(Self {
            argv,
            env: [arguments.clone(), config.env.clone()].concat(),
            more_env: Scope::proxies(&builder.globals),
            user: config.user.clone(),
            cwd: match config.working_dir.is_empty() {
                true => "/".into(),
                false => config.working_dir.clone(),
            },
            script,
            mounts,
            network,
            privileged,
            arguments,
        })
    }

    /// The words, for the image's history.
    pub(super) fn said(&self) -> String {
        let seen = match self.arguments.len() {
            0 => String::new(),
            count => format!("|{count} {} ", self.arguments.join(" ")),
        };
        format!("{seen}{}", self.argv.join(" "))
    }

    /// All that it depends on but the layers beneath.
    pub(super) fn key(&self) -> Sha256 {
        let mut key = Sha256::new();
        key.update(format!(
            "run {:?} {:?} {:?} {:?} {:?} {:?} {:?} {}",
            self.argv,
            self.env,
            self.user,
            self.cwd,
            self.script,
            self.mounts,
            self.network,
            self.privileged,
        ));
        key
    }

    /// Runs it, and makes a layer of what it changed.
    pub(super) fn run(
        &self,
        builder: &Builder<'_>,
        number: usize,
        beneath: &[PackedLayer],
    ) -> Result<Option<PackedLayer>> {
        let scratch = builder.scratch()?;
        let mut mounts = Vec::new();
        let mut env = self.env.clone();
        env.extend(self.more_env.iter().cloned());
        let mut held = Held::default();
        for (place, (mount, origin)) in self.mounts.iter().enumerate() {
            let aside = scratch.path().join(format!("mount-{place}"));
            self.mount(
                builder,
                mount,
                origin.as_ref(),
                &aside,
                &mut mounts,
                &mut env,
                &mut held,
            )?;
        }
        if let Some((name, text)) = &self.script {
            let directory = scratch.path().join("script");
            fs::create_dir(&directory).map_err(failed("write a script"))?;
            let file = directory.join(name);
            fs::write(&file, text).map_err(failed("write a script"))?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))
                .map_err(failed("write a script"))?;
            mounts.push(bind(&directory, Path::new(PIPES), true));
        }
        let given = builder.request.container.clone();
        let config = ContainerConfig {
            image: "build".into(),
            command: self.argv.clone(),
            entrypoint: Some(Vec::new()),
            env,
            working_dir: Some(self.cwd.clone()),
            user: Some(self.user.clone()),
            mounts,
            networks: match self.network {
                Some(_) => Vec::new(),
                None => given.networks.clone(),
            },
            network: self.network.clone().unwrap_or(given.network.clone()),
            privileged: self.privileged,
            ..given
        };
        let layers = beneath.iter().map(|layer| layer.diff_id.clone()).collect();
        let id = builder
            .lifecycle
            .create_step(config, &builder.request.pools, layers, &builder.lease)
            .map_err(failed("make the container of a step"))?;
        let mut container = Container {
            builder,
            id,
            is_kept: false,
        };
        let made = container.run(number, self, beneath);
        let is_failed = made
            .as_ref()
            .is_err_and(|error| error.exit_code.is_some_and(|code| code != 0));
        if is_failed && builder.request.keeps_failed {
            // Whoever looks at it must not keep others from the caches.
            held.locks.clear();
            container.is_kept = builder.keep(Kept {
                id: container.id.clone(),
                _held: held,
                _scratch: scratch,
            });
        }
        made
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what a mount may add to, each its own"
    )]
    fn mount(
        &self,
        builder: &Builder<'_>,
        mount: &Mount,
        origin: Option<&Origin>,
        aside: &Path,
        mounts: &mut Vec<model::Mount>,
        env: &mut Vec<String>,
        held: &mut Held,
    ) -> Result<()> {
        let target = |default: Option<&str>| {
            let target = mount.target.as_deref().or(default);
            let target = target.ok_or_else(|| Error::new("--mount needs a target"))?;
            Ok::<_, Error>(Path::new(&self.cwd).join(target))
        };
        match mount.kind {
            MountKind::Tmpfs => {
                let size = mount.size.map(|size| format!("size={size}"));
                mounts.push(model::Mount {
                    kind: model::MountKind::Tmpfs {
                        options: size.into_iter().chain(["exec".to_owned()]).collect(),
                    },
                    target: target(None)?,
                    read_only: false,
                });
            }
            MountKind::Cache => {
                let target = target(None)?;
                let id = mount
                    .id
                    .clone()
                    .unwrap_or_else(|| target.display().to_string());
                let mode = mount.mode.unwrap_or(0o755);
                let owner = (mount.uid.unwrap_or(0), mount.gid.unwrap_or(0));
                let is_shared = !matches!(
                    mount.sharing,
                    Some(
                        crate::dockerfile::CacheSharing::Locked
                            | crate::dockerfile::CacheSharing::Private
                    )
                );
                let (directory, lock) = builder
                    .images
                    .cache_directory(&id, mode, owner, is_shared)
                    .map_err(failed(format!("open the cache {id}")))?;
                held.locks.push(lock);
                mounts.push(bind(&directory, &target, mount.is_read_only));
            }
            MountKind::Secret => {
                let id = mount
                    .id
                    .as_ref()
                    .or(mount.source.as_ref())
                    .or(mount.target.as_ref());
                let id = id.expect("it was checked to have one");
                let id = Path::new(id)
                    .file_name()
                    .map_or(id.clone(), |name| name.to_string_lossy().into_owned());
                let Some(secret) = builder.request.secrets.get(&id) else {
                    return match mount.is_required {
                        true => Err(Error::new(format!(
                            "the secret {id} is required and was not given"
                        ))
                        .hint(format!("give it by --secret id={id},src=FILE"))),
                        false => Ok(()),
                    };
                };
                if let Some(name) = &mount.env {
                    env.push(format!("{name}={}", String::from_utf8_lossy(secret)));
                    if mount.target.is_none() {
                        return Ok(());
                    }
                }
                let default = format!("/run/secrets/{id}");
                // Below the layer store, where only root may look, and gone with the step.
                let write = || {
                    fs::write(aside, secret)?;
                    let owner = (mount.uid.unwrap_or(0), mount.gid.unwrap_or(0));
                    chown(aside, Some(owner.0), Some(owner.1))?;
                    let mode = fs::Permissions::from_mode(mount.mode.unwrap_or(0o400) & 0o777);
                    fs::set_permissions(aside, mode)
                };
                write().map_err(failed(format!("hand the secret {id} over")))?;
                mounts.push(bind(aside, &target(Some(&default))?, true));
            }
            MountKind::Ssh => {
                let id = mount.id.as_deref().unwrap_or("default");
                let Some(agent) = builder.request.agents.get(id) else {
                    return match mount.is_required {
                        true => Err(Error::new(format!(
                            "the ssh agent {id} is required and was not given"
                        ))
                        .hint(format!("give it by --ssh {id}[=SOCKET]"))),
                        false => Ok(()),
                    };
                };
                fs::create_dir(aside).map_err(failed("make a place for a socket"))?;
                let owner = (mount.uid.unwrap_or(0), mount.gid.unwrap_or(0));
                let mode = mount.mode.unwrap_or(0o600);
                let listening = Agent::new(aside, "agent", agent.clone(), mode, owner)
                    .map_err(failed(format!("hand the ssh agent {id} over")))?;
                let default = format!("/run/buildkit/ssh_agent.{}", held.agents.len());
                let target = target(Some(&default))?;
                if held.agents.is_empty() {
                    env.push(format!("SSH_AUTH_SOCK={}", target.display()));
                }
                held.agents.push(listening);
                mounts.push(bind(&aside.join("agent"), &target, false));
            }
            MountKind::Bind => {
                let path = mount.source.as_deref().unwrap_or("/");
                let (source, _files);
                match origin {
                    Some(origin) => {
                        let (root, files) = builder.mount_files(&builder.layers_of(origin)?)?;
                        source = Some(Source::root(root));
                        _files = Some(files);
                    }
                    None => {
                        source = None;
                        _files = None::<ScratchDirectory>;
                    }
                }
                let source = match (&source, builder.context()) {
                    (Some(source), _) | (None, Some(source)) => source,
                    (None, None) => return Err(Error::new("there is no build context to mount")),
                };
                let found = source.find(path)?;
                let [found] = &found[..] else {
                    return Err(Error::new(format!("--mount's source {path} is a pattern")));
                };
                fs::create_dir(aside).map_err(failed("make a place for a mount"))?;
                let place = fs::File::open(aside).map_err(failed("open a place for a mount"))?;
                let none = Ignore::default();
                let leave = |path: &Path| source.leaves_out(path, &none);
                let mut copier = Copier::new(Change::default(), &leave);
                let name = std::ffi::OsStr::new("it");
                copier
                    .node(found.node.as_fd(), &found.path, place.as_fd(), name)
                    .map_err(failed(format!("copy {path} for a mount")))?;
                mounts.push(bind(&aside.join("it"), &target(None)?, mount.is_read_only));
            }
        }
        Ok(())
    }
}

fn bind(source: &Path, target: &Path, read_only: bool) -> model::Mount {
    model::Mount {
        kind: model::MountKind::Bind {
            source: source.to_owned(),
            create: false,
            propagation: None,
            recursive: true,
            writable_below: false,
        },
        target: target.to_owned(),
        read_only,
    }
}

/// What a step's mounts need as long as it runs.
#[derive(Default)]
struct Held {
    /// On caches.
    locks: Vec<fs::File>,
    agents: Vec<Agent>,
}

/// The container of a step that failed, and what its mounts need.
pub(super) struct Kept {
    /// Which.
    pub(super) id: ContainerId,
    _held: Held,
    _scratch: ScratchDirectory,
}

/// The container of a step; it goes when the step does, unless it is kept.
struct Container<'a> {
    builder: &'a Builder<'a>,
    id: ContainerId,
    is_kept: bool,
}

impl Container<'_> {
    fn run(
        &self,
        number: usize,
        step: &RunStep,
        beneath: &[PackedLayer],
    ) -> Result<Option<PackedLayer>> {
        let builder = self.builder;
        (builder.calls.tell)(BuildEvent::Container {
            step: number,
            id: self.id.clone(),
        });
        let streams = AttachStreams {
            stdin: false,
            stdout: true,
            stderr: true,
            size: None,
        };
        builder.calls.stop.add(&self.id);
        let control = builder
            .lifecycle
            .start(&self.id, Some(streams))
            .map_err(failed("run"))?
            .expect("streams were asked for");
        // Set between the check before and the start: nobody else would kill it.
        if builder.calls.stop.is_set() {
            builder.calls.stop.set(builder.lifecycle);
        }
        let exit = self.follow(control, number)?;
        if builder.calls.stop.is_set() {
            return Err(Error::cancelled());
        }
        match exit.code {
            Some(0) => {}
            code => {
                let what = step.argv.join(" ");
                let how = match code {
                    Some(code) if exit.oom_killed => {
                        format!("ran out of memory (exit code {code})")
                    }
                    Some(code) => format!("ended with exit code {code}"),
                    None => "ended, and nobody saw how".to_owned(),
                };
                return Err(Error {
                    exit_code: code,
                    ..Error::new(format!("{what:?} {how}"))
                });
            }
        }
        let (upper, skip) = builder
            .lifecycle
            .changed_files(&self.id)
            .map_err(failed("look at what the step changed"))?;
        builder
            .pack(beneath.is_empty(), &upper, &|path| skip.contains(path))
            .map(Some)
    }

    fn follow(&self, mut control: std::os::unix::net::UnixStream, number: usize) -> Result<Exit> {
        let mut decoder = Decoder::default();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = control
                .read(&mut buffer)
                .map_err(failed("read a step's output"))?;
            decoder.push(&buffer[..read]);
            loop {
                match decoder.next_frame() {
                    Ok(Some(Frame::Output(stream, bytes))) => {
                        (self.builder.calls.tell)(BuildEvent::Output {
                            step: number,
                            stream,
                            bytes: bytes.into(),
                        });
                    }
                    Ok(Some(Frame::Exited(exit))) => return Ok(exit),
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => return Err(failed("read a step's output")(error)),
                }
            }
            if read == 0 {
                return Err(Error::new("the step's shim died"));
            }
        }
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.builder.calls.stop.remove(&self.id);
        if self.is_kept {
            return;
        }
        // What can't be removed now is by whoever repairs: its build is over.
        let _ = self.builder.lifecycle.remove_step(&self.id);
    }
}
