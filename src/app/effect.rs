//! Runs effects as tasks. Each ends with a message, or with its cancel token.

use std::{
    collections::HashMap, future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{Semaphore, broadcast, mpsc},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Effect, Failure, Job, Message, Order, Saved, Tab, Target, advisor::Advisor, alerts::Notice,
    build, comparison::compare, follow::follow, image_prune, job, log::LogRow, notify, paths,
    projector::Projector, saved,
};
use crate::{
    config::alert::Channel,
    engine::{Engine, Result},
    format::text::sanitize,
    model::{
        ContainerId, Direction, EventsRequest, GroupChange, GroupOf, LogsRequest, PullRequest,
        PushRequest, RegistrySettings,
    },
};

/// How many items of operations run at the same time.
const AT_ONCE: usize = 8;
/// How many commands and servers are told of alerts at the same time.
const NOTICES: usize = 16;
/// A cursor that moves on within this time loads nothing.
const SETTLE: Duration = Duration::from_millis(40);
/// Lines of a log that stand beside the cause of a trouble.
const LAST_LINES: u64 = 8;
/// Events come in batches of so many, so far apart.
const EVENTS: usize = 512;
const BETWEEN_EVENTS: Duration = Duration::from_millis(50);
/// How often a list of processes is read again while one looks at it.
const PROCESSES: Duration = Duration::from_secs(2);
/// The same for a group's limits and what meets them.
const GROUP: Duration = Duration::from_secs(1);
/// The same for changed files: that walks a directory tree.
const CHANGES: Duration = Duration::from_secs(10);

type Call = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Runs effects against an engine.
#[derive(Debug)]
pub struct Effects<E: ?Sized> {
    engine: Arc<E>,
    messages: mpsc::Sender<Message>,
    /// Operations that were begun; quitting waits for them.
    pub operations: TaskTracker,
    at_once: Arc<Semaphore>,
    notices: Arc<Semaphore>,
    watch: CancellationToken,
    events: CancellationToken,
    stop: CancellationToken,
    /// How transfers are cancelled, by number.
    transfers: HashMap<u64, CancellationToken>,
    /// The same of builds.
    builds: HashMap<u64, CancellationToken>,
    /// The same of those of other processes.
    others: broadcast::Sender<u64>,
    projector: Projector,
    advisor: Advisor,
    /// Where the layout is kept; nowhere if nothing is said.
    pub state_file: Option<PathBuf>,
    /// Who reads what shall be built.
    pub order: Order,
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
            notices: Arc::new(Semaphore::new(NOTICES)),
            watch: stop.child_token(),
            events: stop.child_token(),
            stop,
            transfers: HashMap::new(),
            builds: HashMap::new(),
            others: broadcast::channel(16).0,
            projector: Projector::default(),
            advisor: Advisor::default(),
            state_file: None,
            order: super::form::no_order,
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
                    self.operate(operation, target, move |engine, target| {
                        Box::pin(async move { job::operate(&*engine, action, &target).await })
                    });
                }
            }
            Effect::Update {
                operation,
                requests,
            } => {
                for request in requests {
                    let target = Target::Container(request.id.clone());
                    self.operate(operation, target, move |engine, _| {
                        Box::pin(async move { engine.update(request).await })
                    });
                }
            }
            Effect::Do { deed, job } => self.job(deed, job),
            Effect::Watch { watch, id, tab } => {
                self.unwatch();
                self.watch(watch, id, tab);
            }
            Effect::WatchGroup { watch, path } => {
                self.unwatch();
                self.watch_group(watch, path);
            }
            Effect::CountGroups(shown) => self.engine.count_groups(shown),
            Effect::ChangeGroup(change) => self.change_group(change),
            Effect::Transfer {
                number,
                direction,
                reference,
                registries,
            } => self.transfer(number, direction, reference, *registries),
            Effect::CancelTransfer(number) => {
                if let Some(stop) = self.transfers.remove(&number) {
                    stop.cancel();
                }
            }
            Effect::Build { number, words } => self.build(number, words),
            Effect::CancelBuild(number) => {
                match self.builds.remove(&number) {
                    Some(stop) => stop.cancel(),
                    // Without a watcher there is nothing to stop.
                    None => drop(self.others.send(number)),
                }
            }
            Effect::WatchBuilds => {
                let engine = Arc::clone(&self.engine);
                let (others, messages) = (self.others.clone(), self.messages.clone());
                tokio::spawn(async move { build::others(&*engine, others, messages).await });
            }
            Effect::FindPaths {
                typed,
                is_directory,
            } => self.look(|_| paths::find(typed, is_directory)),
            Effect::Layers { number, image } => self.look(|engine| async move {
                let layers = engine.image_layers(&image).await;
                Message::Layers(number, layers.map(Box::new).map_err(Failure::from))
            }),
            Effect::Compare { number, old, new } => self.look(|engine| async move {
                let found = compare(&*engine, &old, &new).await;
                Message::Compared(number, found.map(Box::new).map_err(Failure::from))
            }),
            Effect::PreviewImagePrune { number, is_all } => self.look(|engine| async move {
                let found = image_prune::preview(&*engine, is_all).await;
                Message::ImagePrune(number, is_all, found.map_err(Failure::from))
            }),
            Effect::Tree { number, request } => self.look(|engine| async move {
                let page = engine.tree(*request).await;
                Message::Tree(number, page.map(Box::new).map_err(Failure::from))
            }),
            Effect::ReadFile { number, request } => self.look(|engine| async move {
                Message::File(
                    number,
                    engine.read_file(request).await.map_err(Failure::from),
                )
            }),
            Effect::Measure { number, names } => self.look(|engine| async move {
                let measured = engine.measure_volumes(&names).await;
                Message::Measured(number, measured.map_err(Failure::from))
            }),
            Effect::Tail(id) => self.tail(id),
            Effect::Save(saved) => self.save(saved),
            Effect::Follow { watch, logs } => {
                self.unwatch();
                let engine = Arc::clone(&self.engine);
                let messages = self.messages.clone();
                self.until_unwatched(async move {
                    follow(&*engine, watch, logs, &messages).await;
                });
            }
            Effect::Unwatch => self.unwatch(),
            Effect::Advise(inquiry) => self.advisor.ask(*inquiry, &self.messages),
            Effect::Seek(seek) => self.projector.seek(seek, &self.messages),
            Effect::Notify { notice, channel } => self.notify(notice, channel),
            Effect::WatchEvents { watch, since } => self.watch_events(watch, since),
            Effect::UnwatchEvents => self.events.cancel(),
            other => return Some(other),
        }
        None
    }

    /// Makes one call of an operation, in its turn.
    fn operate(
        &self,
        operation: u64,
        target: Target,
        call: impl FnOnce(Arc<dyn Engine>, Target) -> Call + Send + 'static,
    ) {
        let engine = Arc::clone(&self.engine);
        let messages = self.messages.clone();
        let at_once = Arc::clone(&self.at_once);
        self.operations.spawn(async move {
            let permit = at_once.acquire_owned().await;
            let result = call(engine, target.clone()).await;
            drop(permit);
            let result = result.map_err(Failure::from);
            // Nobody listens any more once the dashboard is left.
            let _ = messages
                .send(Message::Operated(operation, target, result))
                .await;
        });
    }

    /// Tells somebody of an alert, in a thread: a command is waited for, and a server
    /// answers when it likes. Who is told of too much at once is told of no more.
    fn notify(&self, notice: Arc<Notice>, channel: Channel) {
        let messages = self.messages.clone();
        let rule = notice.rule.name.clone();
        let Ok(permit) = Arc::clone(&self.notices).try_acquire_owned() else {
            let failure = Failure {
                message: format!("tell of alert {}: too many at once", sanitize(&rule)),
                hint: Some("the alerts screen lists them all".into()),
            };
            // A full queue has news enough.
            let _ = messages.try_send(Message::Notified(rule, channel, Err(failure)));
            return;
        };
        let told = tokio::task::spawn_blocking(move || {
            let result = notify::tell(&notice, channel);
            drop(permit);
            result
        });
        tokio::spawn(async move {
            if let Ok(result) = told.await {
                // Nobody listens any more once the dashboard is left.
                let _ = messages
                    .send(Message::Notified(rule, channel, result))
                    .await;
            }
        });
    }

    fn tail(&self, id: ContainerId) {
        let engine = Arc::clone(&self.engine);
        let messages = self.messages.clone();
        let stop = self.stop.clone();
        tokio::spawn(async move {
            let rows = tokio::select! {
                () = stop.cancelled() => return,
                rows = last_lines(&*engine, id.clone()) => rows.map_err(Failure::from),
            };
            // Nobody listens any more once the dashboard is left.
            let _ = messages.send(Message::Tail(id, rows)).await;
        });
    }

    /// Follows a pull or a push to its end. Whoever drops its pictures cancels it.
    fn transfer(
        &mut self,
        number: u64,
        direction: Direction,
        reference: String,
        registries: RegistrySettings,
    ) {
        let stop = self.stop.child_token();
        self.transfers.retain(|_, stop| !stop.is_cancelled());
        self.transfers.insert(number, stop.clone());
        let engine = Arc::clone(&self.engine);
        let messages = self.messages.clone();
        tokio::spawn(async move {
            let follow = async {
                let begun = match direction {
                    Direction::Pull => {
                        let request = PullRequest {
                            reference,
                            platform: None,
                            registries,
                        };
                        engine.pull(request).await
                    }
                    Direction::Push => {
                        let request = PushRequest {
                            reference,
                            registries,
                        };
                        engine.push(request).await
                    }
                };
                let mut pictures = match begun {
                    Ok(pictures) => pictures,
                    Err(error) => return Some(Failure::from(error)),
                };
                while let Some(picture) = pictures.recv().await {
                    let picture = picture.map(Some).map_err(Failure::from);
                    // Nobody listens any more once the dashboard is left.
                    let _ = messages.send(Message::Transfer(number, picture)).await;
                }
                None
            };
            let failure = tokio::select! {
                () = stop.cancelled() => None,
                failure = follow => failure,
            };
            // One that ended with an outcome is over already, and this says nothing new.
            let last = failure.map_or(Ok(None), Err);
            // As above.
            let _ = messages.send(Message::Transfer(number, last)).await;
            stop.cancel();
        });
    }

    /// Follows a build to its end. Like an operation, so that leaving the dashboard waits
    /// until nothing of it is left.
    fn build(&mut self, number: u64, words: Vec<String>) {
        let stop = self.stop.child_token();
        self.builds.retain(|_, stop| !stop.is_cancelled());
        self.builds.insert(number, stop.clone());
        let engine = Arc::clone(&self.engine);
        let messages = self.messages.clone();
        let order = self.order;
        self.operations.spawn(async move {
            build::build(&*engine, number, (order, words), stop, &messages).await;
        });
    }

    /// Asks what the explorer or a form wants to know.
    fn look<F>(&self, ask: impl FnOnce(Arc<dyn Engine>) -> F)
    where
        F: Future<Output = Message> + Send + 'static,
    {
        let asked = ask(Arc::clone(&self.engine));
        let messages = self.messages.clone();
        let stop = self.stop.clone();
        tokio::spawn(async move {
            let message = tokio::select! {
                () = stop.cancelled() => return,
                message = asked => message,
            };
            // Nobody listens any more once the dashboard is left.
            let _ = messages.send(message).await;
        });
    }

    fn save(&self, saved: Saved) {
        let Some(path) = self.state_file.clone() else {
            return;
        };
        let messages = self.messages.clone();
        // Like an operation: leaving the dashboard waits for it.
        self.operations.spawn(async move {
            let written = tokio::task::spawn_blocking(move || saved::save(&path, &saved)).await;
            if let Ok(Err(failure)) = written {
                // As above.
                let _ = messages.send(Message::Failed(failure)).await;
            }
        });
    }

    fn job(&self, deed: u64, job: Job) {
        let engine = Arc::clone(&self.engine);
        let messages = self.messages.clone();
        self.operations.spawn(async move {
            let result = job::run(&*engine, job).await;
            // Nobody listens any more once the dashboard is left.
            let _ = messages.send(Message::Done(deed, result)).await;
        });
    }

    fn unwatch(&mut self) {
        self.watch.cancel();
        self.watch = self.stop.child_token();
    }

    fn watch_group(&self, watch: u64, path: Arc<str>) {
        let engine = Arc::clone(&self.engine);
        let messages = self.messages.clone();
        let stop = self.watch.clone();
        let load = async move {
            sleep(SETTLE).await;
            let of = GroupOf::Path(path.clone());
            for turn in 0_u64.. {
                let details = engine.group_details(&of).await;
                let details = details.map(Box::new).map_err(Failure::from);
                if messages.send(Message::Group(watch, details)).await.is_err() {
                    return;
                }
                if turn.is_multiple_of(2) {
                    let found = engine.group_processes(&path).await.map_err(Failure::from);
                    let found = Message::GroupProcesses(watch, found);
                    if messages.send(found).await.is_err() {
                        return;
                    }
                }
                sleep(GROUP).await;
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = load => {}
            }
        });
    }

    fn change_group(&self, change: GroupChange) {
        let engine = Arc::clone(&self.engine);
        let messages = self.messages.clone();
        self.operations.spawn(async move {
            let result = engine.change_group(change.clone()).await;
            let result = result.map(|undo| (change, undo)).map_err(Failure::from);
            // Nobody listens any more once the dashboard is left.
            let _ = messages.send(Message::GroupChanged(result)).await;
        });
    }

    fn watch(&self, watch: u64, id: ContainerId, tab: Tab) {
        let engine = Arc::clone(&self.engine);
        let messages = self.messages.clone();
        self.until_unwatched(async move {
            match tab {
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
                Tab::Stats => {
                    let of = GroupOf::Container(id);
                    loop {
                        let details = engine.group_details(&of).await;
                        let details = details.map(Box::new).map_err(Failure::from);
                        if messages.send(Message::Group(watch, details)).await.is_err() {
                            return;
                        }
                        sleep(GROUP).await;
                    }
                }
                Tab::Network => loop {
                    let result = engine.sockets(&id).await.map_err(Failure::from);
                    if messages
                        .send(Message::Sockets(watch, result))
                        .await
                        .is_err()
                    {
                        return;
                    }
                    sleep(PROCESSES).await;
                },
                // Part of every picture, followed, or asked for by an effect of its own.
                Tab::Inspect | Tab::Logs | Tab::Advice => {}
            }
        });
    }

    fn watch_events(&mut self, watch: u64, since: Option<Timestamp>) {
        self.events.cancel();
        self.events = self.stop.child_token();
        let engine = Arc::clone(&self.engine);
        let messages = self.messages.clone();
        let stop = self.events.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tell_events(&*engine, watch, since, &messages) => {}
            }
        });
    }

    /// Loads something until something else is looked at.
    fn until_unwatched(&self, load: impl Future<Output = ()> + Send + 'static) {
        let stop = self.watch.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = async { sleep(SETTLE).await; load.await } => {}
            }
        });
    }
}

/// Sends events in batches until they end.
async fn tell_events(
    engine: &dyn Engine,
    watch: u64,
    since: Option<Timestamp>,
    messages: &mpsc::Sender<Message>,
) {
    let request = EventsRequest { since, until: None };
    let mut failure = None;
    match engine.events(request).await {
        Ok(mut events) => {
            // That there are none yet is something to tell.
            let mut told = messages.send(Message::Events(watch, Vec::new())).await;
            let mut batch = Vec::new();
            while told.is_ok() && events.recv_many(&mut batch, EVENTS).await > 0 {
                let (good, bad): (Vec<_>, Vec<_>) = batch.drain(..).partition(Result::is_ok);
                let good = good.into_iter().filter_map(Result::ok).collect();
                told = messages.send(Message::Events(watch, good)).await;
                failure = bad.into_iter().find_map(Result::err).map(Failure::from);
                sleep(BETWEEN_EVENTS).await;
            }
        }
        Err(error) => failure = Some(error.into()),
    }
    // Nobody listens any more once the dashboard is left.
    let _ = messages.send(Message::EventsEnded(watch, failure)).await;
}

/// The last lines of a log.
async fn last_lines(engine: &dyn Engine, id: ContainerId) -> Result<Vec<LogRow>> {
    let request = LogsRequest {
        id,
        follow: false,
        tail: Some(LAST_LINES),
        since: None,
        until: None,
        stdout: true,
        stderr: true,
    };
    let mut lines = engine.logs(request).await?;
    let mut rows = Vec::new();
    while let Some(line) = lines.recv().await {
        rows.push(LogRow::from(&line?));
    }
    Ok(rows)
}
