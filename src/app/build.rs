//! A build as the dashboard runs it: begun from the words of a command line, told as
//! messages, and stopped with all that it left.

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Failure, Message, Order};
use crate::{
    engine::{Engine, EngineError, ErrorKind, Result},
    model::BuildEvent,
};

/// Events of a build come in batches of at most so many.
const EVENTS: usize = 512;

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
