//! Builds.

use std::{mem, thread, time::Duration};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Embedded, error};
use crate::{
    build::{self, Calls, Stop},
    engine::{Build, EngineError, ErrorKind, Result},
    image::{
        self, Board, Reference,
        registry::{Client, Keychain},
    },
    model::{BuildEvent, BuildFailure, BuildRequest, Direction, RegistrySettings},
    runtime::lifecycle::{self, Lifecycle},
};

/// Events that wait for a reader; a build goes no faster than it is watched.
const CHANNEL_EVENTS: usize = 256;

#[async_trait]
impl Build for Embedded {
    async fn build(&self, mut request: BuildRequest) -> Result<mpsc::Receiver<BuildEvent>> {
        let (events, receiver) = mpsc::channel(CHANNEL_EVENTS);
        let stop = Stop::default();
        let registries = mem::take(&mut request.registries);
        let (lifecycle, stopped, watched) = (self.lifecycle.clone(), stop.clone(), events.clone());
        // Ends with the build, whose end drops the last sender that is not this one's.
        let watch = tokio::spawn(async move {
            watched.closed().await;
            let stopping = move || stopped.set(&lifecycle);
            let _ = tokio::task::spawn_blocking(stopping).await;
        });
        let lifecycle = self.lifecycle.clone();
        let work = move || {
            let tell = |event| {
                // A reader that left has stopped the build by that.
                let _ = events.blocking_send(event);
            };
            let pull = |name: &str| {
                pull(&lifecycle, &stop, &registries, name)
                    .map_err(|error| error::line(&format!("pull {name}"), &error))
            };
            let calls = Calls {
                tell: &tell,
                pull: &pull,
                stop: &stop,
            };
            let last = match build::build(&lifecycle, request, calls) {
                Ok(image) => BuildEvent::Built { image },
                Err(error) => BuildEvent::Ended(BuildFailure {
                    message: error.message,
                    lines: error.lines,
                    hint: error.hint,
                    exit_code: error.exit_code,
                }),
            };
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
    let client = Client::new(settings.clone(), Keychain::of_user(), cancel.clone())
        .map_err(image::Error::from)?;
    stop.cancels(cancel);
    lifecycle
        .images()?
        .pull(&client, &reference, None, &board)?;
    Ok(())
}
