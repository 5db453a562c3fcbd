//! Runs effects as tasks. Each ends with a message, or with its cancel token.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Effect, Failure, LogRow, Message, Tab, Target, advisor::Advisor, projector::Projector,
};
use crate::{
    action::Action,
    engine::{Engine, Result},
    model::{
        ContainerId, KillRequest, LogLine, LogsRequest, RemoveRequest, StartRequest, StopRequest,
    },
};

/// How many items of operations run at the same time.
const AT_ONCE: usize = 8;
/// A cursor that moves on within this time loads nothing.
const SETTLE: Duration = Duration::from_millis(40);
/// Lines of a log come in batches, at most one in this time, however fast it grows.
const BATCH: Duration = Duration::from_millis(50);
/// A log of which nothing came within this time has nothing in it.
const SILENCE: Duration = Duration::from_millis(150);
/// Most lines that a batch may read, and how many of them are kept.
const BATCH_READ: usize = 20_000;
const BATCH_KEPT: usize = 2_000;
/// Lines of a log that are shown at first.
const TAIL: u64 = 1_000;
/// A line longer than this is shown in parts.
const LINE_MAX: usize = 16 << 10;
/// How often a list of processes is read again while one looks at it.
const PROCESSES: Duration = Duration::from_secs(2);
/// The same for changed files: that walks a directory tree.
const CHANGES: Duration = Duration::from_secs(10);

/// Runs effects against an engine.
#[derive(Debug)]
pub struct Effects<E: ?Sized> {
    engine: Arc<E>,
    messages: mpsc::Sender<Message>,
    /// Operations that were begun; quitting waits for them.
    pub operations: TaskTracker,
    at_once: Arc<Semaphore>,
    watch: CancellationToken,
    stop: CancellationToken,
    projector: Projector,
    advisor: Advisor,
}

impl Effects<dyn Engine> {
    /// Effects that send their messages to `messages`. Loading ends with `stop`;
    /// operations run to their end.
    pub fn new(
        engine: Arc<dyn Engine>,
        messages: mpsc::Sender<Message>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            engine,
            messages,
            operations: TaskTracker::new(),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            watch: stop.child_token(),
            stop,
            projector: Projector::default(),
            advisor: Advisor::default(),
        }
    }

    /// Begins an effect, unless it is one of the loop's own: then that is handed back.
    pub fn run(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Operate {
                operation,
                action,
                targets,
            } => {
                for target in targets {
                    self.operate(operation, action, target);
                }
            }
            Effect::Watch { watch, id, tab } => {
                self.unwatch();
                self.watch(watch, id, tab);
            }
            Effect::Unwatch => self.unwatch(),
            Effect::Advise(inquiry) => self.advisor.ask(inquiry, &self.messages),
            Effect::Seek(seek) => self.projector.seek(seek, &self.messages),
            other => return Some(other),
        }
        None
    }

    fn operate(&self, operation: u64, action: Action, target: Target) {
        let engine = Arc::clone(&self.engine);
        let messages = self.messages.clone();
        let at_once = Arc::clone(&self.at_once);
        self.operations.spawn(async move {
            let permit = at_once.acquire_owned().await;
            let result = call(&*engine, action, &target).await;
            drop(permit);
            let result = result.map_err(Failure::from);
            // Nobody listens any more once the dashboard is left.
            let _ = messages
                .send(Message::Operated(operation, target, result))
                .await;
        });
    }

    fn unwatch(&mut self) {
        self.watch.cancel();
        self.watch = self.stop.child_token();
    }

    fn watch(&self, watch: u64, id: ContainerId, tab: Tab) {
        let engine = Arc::clone(&self.engine);
        let messages = self.messages.clone();
        let stop = self.watch.clone();
        let load = async move {
            sleep(SETTLE).await;
            match tab {
                Tab::Logs => follow(&*engine, watch, id, &messages).await,
                Tab::Processes => loop {
                    let result = engine.processes(&id).await.map_err(Failure::from);
                    if messages
                        .send(Message::Processes(watch, result))
                        .await
                        .is_err()
                    {
                        return;
                    }
                    sleep(PROCESSES).await;
                },
                Tab::Changes => loop {
                    let result = engine.changes(&id).await.map_err(Failure::from);
                    if messages
                        .send(Message::Changes(watch, result))
                        .await
                        .is_err()
                    {
                        return;
                    }
                    sleep(CHANGES).await;
                },
                // Part of every picture.
                Tab::Stats | Tab::Inspect => {}
                // Asked for by an effect of its own.
                Tab::Advice => {}
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = load => {}
            }
        });
    }
}

async fn call(engine: &dyn Engine, action: Action, target: &Target) -> Result<()> {
    let id = match target {
        Target::Image(_, name) => {
            return engine.remove_image(name, false).await.map(drop);
        }
        Target::Container(id) => id.clone(),
    };
    let stop = |id| StopRequest {
        id,
        timeout_secs: None,
        signal: None,
    };
    match action {
        Action::Start => engine
            .start(StartRequest { id, attach: None })
            .await
            .map(drop),
        Action::Stop => engine.stop(stop(id)).await,
        Action::Restart => engine.restart(stop(id)).await,
        Action::Pause => engine.pause(&id).await,
        Action::Unpause => engine.unpause(&id).await,
        Action::Kill => engine.kill(KillRequest { id, signal: None }).await,
        // The question before it said that a running one will be killed.
        Action::Remove => engine.remove(RemoveRequest { id, force: true }).await,
        other => unreachable!("{other:?} is not an operation on a container"),
    }
}

/// Sends the end of a log and what is added to it.
async fn follow(
    engine: &dyn Engine,
    watch: u64,
    id: ContainerId,
    messages: &mpsc::Sender<Message>,
) {
    let request = LogsRequest {
        id,
        follow: true,
        tail: Some(TAIL),
        since: None,
        until: None,
        stdout: true,
        stderr: true,
    };
    let mut lines = match engine.logs(request).await {
        Ok(lines) => lines,
        Err(error) => {
            let ended = Message::LogEnded(watch, Some(error.into()));
            // Nobody listens any more once the dashboard is left.
            let _ = messages.send(ended).await;
            return;
        }
    };
    let mut joiner = Joiner::default();
    let mut raw = Vec::new();
    let first = timeout_at(
        Instant::now() + SILENCE,
        lines.recv_many(&mut raw, BATCH_READ),
    )
    .await;
    if first.is_err() {
        // Nothing yet, which is something to tell.
        let silence = Message::Log(watch, Vec::new());
        if messages.send(silence).await.is_err() {
            return;
        }
    }
    let mut known = first.ok();
    loop {
        let count = match known.take() {
            Some(count) => count,
            None => lines.recv_many(&mut raw, BATCH_READ).await,
        };
        let mut is_over = count == 0;
        let until = Instant::now() + BATCH;
        while !is_over && raw.len() < BATCH_READ {
            let room = BATCH_READ - raw.len();
            match timeout_at(until, lines.recv_many(&mut raw, room)).await {
                Ok(0) => is_over = true,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        let mut failure = None;
        let surplus = raw.len().saturating_sub(BATCH_KEPT);
        let mut rows = Vec::with_capacity(raw.len() - surplus);
        for line in raw.drain(..).skip(surplus) {
            match line {
                Ok(line) => rows.extend(joiner.join(line).as_ref().map(LogRow::from)),
                Err(error) => failure = Some(Failure::from(error)),
            }
        }
        if is_over || failure.is_some() {
            rows.extend(joiner.0.take().as_ref().map(LogRow::from));
        }
        if !rows.is_empty() && messages.send(Message::Log(watch, rows)).await.is_err() {
            return;
        }
        if is_over || failure.is_some() {
            // As above.
            let _ = messages.send(Message::LogEnded(watch, failure)).await;
            return;
        }
    }
}

/// Puts the parts of long lines together again.
#[derive(Default)]
struct Joiner(Option<LogLine>);

impl Joiner {
    /// A whole line, if this part completes one.
    fn join(&mut self, part: LogLine) -> Option<LogLine> {
        let line = match self.0.take() {
            Some(mut begun) if begun.stream == part.stream => {
                begun.text.extend_from_slice(&part.text);
                begun.partial = part.partial;
                begun
            }
            // The other stream came between: rather two lines than a mixed one.
            Some(begun) => {
                self.0 = Some(part);
                return Some(begun);
            }
            None => part,
        };
        if line.partial && line.text.len() < LINE_MAX {
            self.0 = Some(line);
            return None;
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stream;

    #[test]
    fn parts_of_a_line_are_joined_and_streams_are_not_mixed() {
        let part = |text: &str, stream, partial| LogLine {
            at: jiff::Timestamp::UNIX_EPOCH,
            stream,
            text: text.into(),
            partial,
        };
        let mut joiner = Joiner::default();
        assert!(joiner.join(part("a", Stream::Stdout, true)).is_none());
        let whole = joiner.join(part("b", Stream::Stdout, false)).unwrap();
        assert_eq!(whole.text, b"ab");
        assert!(joiner.join(part("c", Stream::Stdout, true)).is_none());
        let cut = joiner.join(part("d", Stream::Stderr, true)).unwrap();
        assert_eq!(cut.text, b"c");
    }
}
