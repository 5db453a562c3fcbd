//! The engine that is driven, with all that asks it: pictures, effects, and what they
//! send. It ends as a whole, so that nothing of one engine reaches the screen of the next.

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use super::{
    Effect, Message, Order, State,
    collector::{Collector, collector},
    effect::Effects,
    projector,
};
use crate::{
    config::{self, Loader},
    engine::Engine,
    record::Showing,
};

/// Messages that wait for the loop.
const WAITING: usize = 64;

/// An engine that is driven.
pub struct Driven {
    /// It.
    pub engine: Arc<dyn Engine>,
    /// Its pictures.
    pub collector: Collector,
    /// What is done with it.
    pub effects: Effects<dyn Engine>,
    /// What that sends.
    pub messages: mpsc::Receiver<Message>,
    /// How others send to the loop.
    pub sender: mpsc::Sender<Message>,
    stop: CancellationToken,
    /// A picture that is being read is not waited for.
    _collect: AbortOnDropHandle<()>,
}

/// What stays whichever engine is driven.
#[derive(Clone)]
pub struct Standing {
    /// Who reads the configuration again when it was saved.
    pub loader: Loader,
    /// Operations that were begun, on any engine.
    pub operations: TaskTracker,
    /// Who reads the command line of a build.
    pub order: Order,
    /// Where the layout of the table is kept from run to run.
    pub state_file: Option<PathBuf>,
}

impl Driven {
    /// Begins to ask it for pictures for `state`, which is fresh.
    pub fn begin(
        engine: Arc<dyn Engine>,
        showing: &Showing,
        state: &mut State,
        standing: Standing,
    ) -> Self {
        let (sender, messages) = mpsc::channel(WAITING);
        let stop = CancellationToken::new();
        let interval = state.config.ui.interval;
        state.timeline.pace(interval);
        let (collector, collect) =
            collector(Arc::clone(&engine), state.visible(), interval, stop.clone());
        match showing {
            Showing::Replay {
                recording,
                number,
                speed,
            } => state.replay(recording, *number, *speed),
            Showing::Live(recording) => {
                state.timeline.recording = Some(recording.clone());
                projector::read_before(recording, Timestamp::now(), sender.clone());
                state.effects.push(Effect::WatchBuilds);
            }
        }
        let is_live = matches!(showing, Showing::Live(_));
        let collect: JoinHandle<()> = tokio::spawn(async move {
            match is_live {
                true => collect.await,
                // Nobody is there to be asked.
                false => drop(collect),
            }
        });
        let mut effects = Effects::new(Arc::clone(&engine), sender.clone(), stop.clone());
        effects.operations = standing.operations;
        effects.order = standing.order;
        effects.state_file = standing.state_file;
        tokio::spawn(reload(standing.loader, sender.clone(), stop.clone()));
        Self {
            engine,
            collector,
            effects,
            messages,
            sender,
            stop,
            _collect: AbortOnDropHandle::new(collect),
        }
    }

    /// Nothing of it is heard any more; what was begun goes on.
    pub fn end(&mut self) {
        self.stop.cancel();
        self.messages.close();
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Reads the configuration again each time it is saved.
async fn reload(loader: Loader, messages: mpsc::Sender<Message>, stop: CancellationToken) {
    let work = async {
        // Without inotify (its watches can be used up) a new configuration is read by
        // the next dashboard.
        let Ok(mut watch) = config::Watch::new(loader.paths()) else {
            return;
        };
        while watch.changed().await.is_ok() {
            // A file of at most 1 MiB: no reason for another thread.
            let loaded = Arc::new(loader.load());
            if messages.send(Message::Config(loaded)).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}
