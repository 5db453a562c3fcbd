//! A build as the dashboard runs it: begun from the words of a command line, told as
//! messages, and stopped with all that it left.

use jiff::Timestamp;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Failure, Message, Order};
use crate::{
    engine::{Engine, EngineError, ErrorKind, Result},
    model::BuildEvent,
};

/// Events of a build come in batches of at most so many.
const EVENTS: usize = 512;
/// The number of the first build of another process: more are never begun here.
const OTHERS: u64 = 1 << 32;

/// Builds what the words say, and tells it until nothing of it is left: neither a process
/// nor what a failed step is kept for.
pub async fn build(
    engine: &dyn Engine,
    number: u64,
    (order, words): (Order, Vec<String>),
    stop: CancellationToken,
    messages: &mpsc::Sender<Message>,
) {
    let failure = match begin(engine, order, words).await {
        Ok(events) => {
            tell(number, events, &stop, messages).await;
            None
        }
        Err(error) => Some(Failure::from(error)),
    };
    // Nobody listens any more once the dashboard is left.
    let _ = messages.send(Message::BuildEnded(number, failure)).await;
    stop.cancel();
}

async fn begin(
    engine: &dyn Engine,
    order: Order,
    words: Vec<String>,
) -> Result<mpsc::Receiver<BuildEvent>> {
    let read = tokio::task::spawn_blocking(move || order(&words)).await;
    let read =
        read.map_err(|error| EngineError::new(ErrorKind::Internal, "build", "").because(error))?;
    engine.build(read?).await
}

/// Tells of the builds of other processes and of what happens to them; one whose number
/// comes from `cancelled` is stopped. They go on when this ends.
pub async fn others(
    engine: &dyn Engine,
    cancelled: broadcast::Sender<u64>,
    messages: mpsc::Sender<Message>,
) {
    // An engine that can't be asked has none to show.
    let Ok(mut found) = engine.other_builds().await else {
        return;
    };
    for number in OTHERS.. {
        let build = tokio::select! {
            // Nobody listens any more once the dashboard is left.
            () = messages.closed() => return,
            build = found.recv() => build,
        };
        let Some(build) = build else { return };
        let seen = Message::OtherBuild(number, build.title);
        if messages.send(seen).await.is_err() {
            return;
        }
        let (messages, mut cancelled) = (messages.clone(), cancelled.subscribe());
        tokio::spawn(async move {
            let stop = async {
                while let Ok(cancelled) = cancelled.recv().await {
                    if cancelled == number {
                        // One that ended meanwhile needs no stop.
                        let _ = build.stop.send(()).await;
                    }
                }
            };
            let never = CancellationToken::new();
            tokio::select! {
                () = stop => {}
                () = tell(number, build.events, &never, &messages) => {}
            }
            // As above.
            let _ = messages.send(Message::BuildEnded(number, None)).await;
        });
    }
}

/// Tells what happens to a build until its engine has no more to say, which one that is
/// stopped has only when it is cleared up.
async fn tell(
    number: u64,
    mut events: mpsc::Receiver<BuildEvent>,
    stop: &CancellationToken,
    messages: &mpsc::Sender<Message>,
) {
    let mut batch = Vec::new();
    let mut is_wanted = true;
    loop {
        tokio::select! {
            () = stop.cancelled(), if is_wanted => {
                events.close();
                is_wanted = false;
                continue;
            }
            count = events.recv_many(&mut batch, EVENTS) => if count == 0 {
                return;
            },
        }
        let at = Timestamp::now();
        let told = batch.drain(..).map(|event| (at, event)).collect();
        // As above.
        let _ = messages.send(Message::Build(number, told)).await;
    }
}
