//! Builds.

use std::{io::Write, mem, sync::Mutex, thread, time::Duration};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Embedded,
    announce::{self, Announcement},
    error, is_root, lock,
};
use crate::{
    build::{self, Calls, Outcome, Stop},
    engine::{Build, EngineError, ErrorKind, OtherBuild, Result, Session},
    image::{
        self, Board, Reference,
        registry::{self, Client, Keychain},
    },
    model::{
        AttachStreams, BuildContext, BuildEvent, BuildFailure, BuildRequest, ContainerId,
        Direction, ExecConfig, RegistrySettings,
    },
    runtime::{
        lifecycle::{self, Lifecycle},
        store::make_directory,
    },
};

/// Events that wait for a reader; a build goes no faster than it is watched.
const CHANNEL_EVENTS: usize = 256;

#[async_trait]
impl Build for Embedded {
    async fn build(&self, mut request: BuildRequest) -> Result<mpsc::Receiver<BuildEvent>> {
        let (events, receiver) = mpsc::channel(CHANNEL_EVENTS);
        let stop = Stop::default();
        let registries = mem::take(&mut request.registries);
        let announced = Mutex::new(self.announce(&request, &stop));
        let (lifecycle, stopped, watched) = (self.lifecycle.clone(), stop.clone(), events.clone());
        // Ends with the build, whose end drops the last sender that is not this one's.
        let watch = tokio::spawn(async move {
            watched.closed().await;
            let stopping = move || stopped.set(&lifecycle);
            let _ = tokio::task::spawn_blocking(stopping).await;
        });
        let lifecycle = self.lifecycle.clone();
        let runtime = tokio::runtime::Handle::current();
        let work = move || {
            let tell = |event| {
                if let Some(announced) = &*lock(&announced) {
                    announced.tell(&event);
                }
                // A reader that left has stopped the build by that.
                let _ = events.blocking_send(event);
            };
            let pull = |name: &str| {
                pull(&lifecycle, &stop, &registries, name)
                    .map_err(|error| error::line(&format!("pull {name}"), &error))
            };
            let fetch = |address: &str, out: &mut dyn Write| {
                fetch(&stop, &registries, address, out)
                    .map_err(|error| error::line("", &error).trim_start_matches(": ").to_owned())
            };
            let linger = |error: &build::Error, container: &ContainerId| {
                tell(BuildEvent::Ended(BuildFailure {
                    container: Some(container.clone()),
                    ..failure(error)
                }));
                lock(&announced).take();
                runtime.block_on(events.closed());
            };
            let calls = Calls {
                tell: &tell,
                pull: &pull,
                fetch: &fetch,
                stop: &stop,
                linger: &linger,
            };
            let made = build::build(&lifecycle, request, calls);
            if made.as_ref().is_err_and(|error| error.is_cancelled) {
                // Whoever watches sees it end without a last word.
                lock(&announced).take();
            }
            let last = match made {
                Ok(Outcome::Built(image)) => BuildEvent::Built { image },
                Ok(Outcome::Checked(warnings)) => BuildEvent::Checked { warnings },
                // One that lingered has told it, and nobody hears it twice.
                Err(error) => BuildEvent::Ended(failure(&error)),
            };
            if let Some(announced) = lock(&announced).take() {
                announced.tell(&last);
            }
            tell(last);
            watch.abort();
        };
        let spawned = thread::Builder::new()
            .name("wharf-build".into())
            .spawn(work);
        spawned.map_err(|error| {
            EngineError::new(ErrorKind::Internal, "build", "an image").because(error)
        })?;
        Ok(receiver)
    }

    async fn other_builds(&self) -> Result<mpsc::Receiver<OtherBuild>> {
        let (found, builds) = mpsc::channel(16);
        let root = self.root().clone();
        // Without the directory, or the right to look, there are none to be told of.
        if is_root() && make_directory(&root.builds(), 0o700).is_ok() {
            tokio::spawn(announce::find(root, found));
        }
        Ok(builds)
    }

    async fn rerun_step(&self, id: &ContainerId, config: ExecConfig) -> Result<Session> {
        let streams = config.attach.unwrap_or(AttachStreams {
            stdin: true,
            stdout: true,
            stderr: true,
            size: None,
        });
        let control = self
            .about("open a shell in", id, move |lifecycle, id| {
                lifecycle.rerun_step(id, &config, streams)
            })
            .await?;
        self.session("open a shell in", id, control, streams)
    }

    async fn prune_cache(&self, age: Duration, all: bool) -> Result<usize> {
        self.blocking("forget", "the build cache", move |lifecycle| {
            // Looking must not make a store.
            match lifecycle.root().images().exists() {
                true => Ok(lifecycle.images()?.clear_cache(age, all)?),
                false => Ok(0),
            }
        })
        .await
    }
}

impl Embedded {
    /// Lets others watch a build. One that can't be watched is built all the same.
    fn announce(&self, request: &BuildRequest, stop: &Stop) -> Option<Announcement> {
        let title = match (request.names.first(), &request.context) {
            (Some(name), _) => name.clone(),
            (None, BuildContext::Directory(path)) => path.display().to_string(),
            (None, BuildContext::Remote(address)) => address.clone(),
            (None, _) => "build".to_owned(),
        };
        let (stop, lifecycle) = (stop.clone(), self.lifecycle.clone());
        Announcement::new(self.root(), title, move || stop.set(&lifecycle))
            .inspect_err(|error| tracing::warn!("announce a build: {error}"))
            .ok()
    }
}

fn failure(error: &build::Error) -> BuildFailure {
    BuildFailure {
        message: error.message.clone(),
        lines: error.lines.clone(),
        hint: error.hint.clone(),
        exit_code: error.exit_code,
        container: None,
    }
}

/// Gets a base image; whoever stops the build has the transfer stopped.
fn pull(
    lifecycle: &Lifecycle,
    stop: &Stop,
    settings: &RegistrySettings,
    name: &str,
) -> lifecycle::Result<()> {
    let reference = Reference::parse(name).map_err(image::Error::from)?;
    let board = Board::new(Direction::Pull, reference.familiar());
    let cancel = CancellationToken::new();
    let client = Client::new(settings.clone(), Keychain::with(settings), cancel.clone())
        .map_err(image::Error::from)?;
    stop.cancels(cancel);
    lifecycle
        .images()?
        .pull(&client, &reference, None, &board)?;
    Ok(())
}

/// Gets a file by its address; whoever stops the build has the transfer stopped.
fn fetch(
    stop: &Stop,
    settings: &RegistrySettings,
    address: &str,
    out: &mut dyn Write,
) -> registry::Result<Option<i64>> {
    let cancel = CancellationToken::new();
    let client = Client::new(settings.clone(), Keychain::with(settings), cancel.clone())?;
    stop.cancels(cancel);
    Ok(client.file(address, out)?.modified)
}
