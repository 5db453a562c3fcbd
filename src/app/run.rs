//! The loop: the one owner of the state, one `select!`, one frame a turn and only if
//! something visible changed.

use std::{
    future::Future,
    io::{self, Write},
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use crossterm::event::{Event, EventStream, MouseButton, MouseEventKind};
use futures_util::StreamExt;
use nix::sys::signal::{Signal, raise};
use ratatui::{buffer::Buffer, layout::Rect};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::task::TaskTracker;

use super::{
    Depth, Effect, Engines, Failure, Gesture, Look, Message, Order, Passage, Plan, Said, State,
    driven::{Driven, Standing},
    edit::Copy,
    keymap, saved,
    terminal::Display,
};
use crate::{
    action::Key,
    config::{self, Loaded, Loader},
    engine::{self, Engine, EngineError, ErrorKind, Session},
    model::{AttachStreams, ContainerId, ExecConfig, TerminalSize},
    record::Showing,
};

/// The first frame waits so long for the first picture, then shows that it is awaited.
const FIRST_FRAME: Duration = Duration::from_millis(40);
/// What no key caused is drawn at most this often.
const FRAME: Duration = Duration::from_millis(50);
/// An engine that is asked who it is has so long to answer.
const GREETING: Duration = Duration::from_secs(6);

/// Copies between this terminal and a session until either ends. The dashboard is
/// suspended meanwhile, and the terminal in its ordinary mode.
pub type Interact = Box<dyn Fn(Session) -> Pin<Box<dyn Future<Output = io::Result<()>>>>>;

/// What the dashboard is started with.
pub struct Options {
    /// What the terminal can show.
    pub look: Look,
    /// Which colours it has.
    pub depth: Depth,
    /// The configuration, and what was wrong with it.
    pub config: Arc<Loaded>,
    /// Who reads it again when it was saved.
    pub loader: Loader,
    /// Who reads the command lines of what is run and built.
    pub words: (Plan, Order),
    /// Who runs a shell or an attachment.
    pub interact: Interact,
    /// The present or a recording.
    pub showing: Showing,
    /// Which other engines there are.
    pub engines: Engines,
    /// Where the layout of the table is kept from run to run.
    pub state_file: Option<PathBuf>,
}

/// Shows the dashboard until the user leaves it. The terminal is then as before.
pub async fn run(
    engine: Arc<dyn Engine>,
    options: Options,
    draw: fn(&mut Buffer, &State),
) -> io::Result<()> {
    let (width, height) = crossterm::terminal::size()?;
    let area = Rect::new(0, 0, width, height);
    let mut state = State::new(options.look, engine.capabilities(), area);
    state.configure(Arc::new(options.config.config.clone()), options.depth);
    state.on_mistakes(&options.config);
    match options.state_file.as_deref().map(saved::load) {
        Some(Ok(Some(saved))) => state.restore(&saved),
        Some(Err(failure)) => drop(state.update(Message::Failed(failure))),
        Some(Ok(None)) | None => {}
    }
    let (plan, order) = options.words;
    state.plan = plan;
    let flag = options.engines.flag(options.engines.first.as_ref());
    state.activity.leave(state.clock, flag);
    let standing = Standing {
        loader: options.loader,
        operations: TaskTracker::new(),
        order,
        state_file: options.state_file,
    };
    // The first picture is under way before the terminal is touched.
    let driven = Driven::begin(engine, &options.showing, &mut state, standing.clone());
    tokio::task::yield_now().await;
    let mut dashboard = Dashboard {
        display: Display::enter(state.hears_mouse)?,
        state,
        began: Instant::now(),
        driven,
        standing,
        engines: options.engines,
        draw,
        interact: options.interact,
        #[cfg(debug_assertions)]
        falls_over: std::env::var_os("WHARF_TEST_PANIC"),
    };
    let result = dashboard.turn_until_done().await;
    dashboard.display.suspend();
    if let Some(parting) = dashboard.state.parting.take() {
        // A terminal that is gone takes no words.
        let _ = writeln!(io::stdout(), "{parting}");
    }
    dashboard.finish_operations().await;
    result
}

struct Dashboard {
    state: State,
    began: Instant,
    driven: Driven,
    standing: Standing,
    engines: Engines,
    display: Display,
    draw: fn(&mut Buffer, &State),
    interact: Interact,
    /// Where to panic once the first picture is shown.
    #[cfg(debug_assertions)]
    falls_over: Option<std::ffi::OsString>,
}

impl Dashboard {
    async fn turn_until_done(&mut self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut suspend = signal(SignalKind::from_raw(Signal::SIGTSTP as i32))?;
        let mut go_on = signal(SignalKind::from_raw(Signal::SIGCONT as i32))?;
        let mut input = EventStream::new();
        let mut due = self.began + FIRST_FRAME;
        loop {
            let wake = self.wake(due);
            let mut is_urgent = false;
            let mut own = Vec::new();
            tokio::select! {
                biased;
                event = input.next() => match event {
                    Some(Ok(event)) => {
                        is_urgent = true;
                        if is_suspend(&event) {
                            self.stop_process()?;
                        } else if let Some(message) = message_of(event) {
                            own = self.update(message);
                        }
                    }
                    // The terminal is gone.
                    Some(Err(_)) | None => self.state.is_done = true,
                },
                _ = terminate.recv() => own = self.update(Message::Terminate),
                _ = hangup.recv() => own = self.update(Message::Terminate),
                _ = interrupt.recv() => own = self.update(Message::Terminate),
                _ = suspend.recv() => self.stop_process()?,
                // After a stop that could not be caught the terminal is in any state.
                _ = go_on.recv() => {
                    self.display.resume()?;
                    self.state.is_dirty = true;
                }
                Ok(()) = self.driven.collector.picture.changed() => {
                    let picture = self.driven.collector.picture.borrow_and_update().clone();
                    if let Some(picture) = picture {
                        if self.state.capabilities.address.is_some() && picture.is_ok() {
                            self.state.learn(self.driven.engine.capabilities());
                        }
                        is_urgent = self.state.world.is_none();
                        own = self.update(Message::World(picture));
                    }
                }
                Some(message) = self.driven.messages.recv() => own = self.update(message),
                () = sleep_until(wake) => own = self.update(Message::Tick),
            }
            for effect in own {
                match effect {
                    Effect::Interact { id, passage } => {
                        // Two readers of one terminal would share its keys.
                        let result = self.begin_session(&id, passage).await;
                        let result = match result {
                            Ok(session) => {
                                drop(input);
                                // Whoever asks us to end need not wait for the session.
                                let result = tokio::select! {
                                    result = self.interact(session) => result,
                                    _ = terminate.recv() => Err(Failure::asked_to_end()),
                                    _ = hangup.recv() => Err(Failure::asked_to_end()),
                                };
                                if result == Err(Failure::asked_to_end()) {
                                    self.state.is_done = true;
                                    return Ok(());
                                }
                                input = EventStream::new();
                                result
                            }
                            Err(error) => Err(error.into()),
                        };
                        self.carry_out(Message::Returned(result));
                    }
                    Effect::Edit { deed, id, path } => {
                        let result = match Copy::fetch(&*self.driven.engine, id, path).await {
                            Ok(copy) => {
                                drop(input);
                                let edited = self.lend(async {
                                    tokio::select! {
                                        edited = copy.edit(&mut suspend) => edited,
                                        _ = terminate.recv() => Err(Failure::asked_to_end()),
                                        _ = hangup.recv() => Err(Failure::asked_to_end()),
                                    }
                                });
                                let edited = edited.await;
                                if edited == Err(Failure::asked_to_end()) {
                                    self.state.parting = Some(copy.keep());
                                    self.state.is_done = true;
                                    return Ok(());
                                }
                                // What was typed to end something in the editor was not
                                // meant for us.
                                interrupt = signal(SignalKind::interrupt())?;
                                input = EventStream::new();
                                match edited {
                                    Ok(()) => copy.put_back(&*self.driven.engine).await,
                                    Err(failure) => Err(failure),
                                }
                            }
                            Err(failure) => Err(failure),
                        };
                        let said = result.map(|line| Said { line, made: None });
                        let mut more = self.update(Message::Done(deed, said));
                        more.extend(self.update(Message::Returned(Ok(()))));
                        for effect in more {
                            self.on_effect(effect);
                        }
                    }
                    other => self.on_effect(other),
                }
            }
            if self.state.is_done {
                return Ok(());
            }
            // A task that panicked gave the terminal back, as it must where that ends us.
            if self.display.take_back()? {
                self.state.on_panic();
            }
            let now = Instant::now();
            if self.state.is_dirty && (is_urgent && self.state.world.is_some() || now >= due) {
                self.state.is_dirty = false;
                let (draw, state) = (self.draw, &self.state);
                self.display
                    .draw(state.area, |buffer| draw(buffer, state))?;
                due = now + FRAME;
                #[cfg(debug_assertions)]
                self.fall_over_if_asked();
            }
        }
    }

    /// In builds for tests alone: whether a panic leaves a terminal that can be used is
    /// seen only where one happens, and no bug can be relied on for it.
    #[cfg(debug_assertions)]
    fn fall_over_if_asked(&mut self) {
        let Some(place) = self.falls_over.take_if(|_| self.state.world.is_some()) else {
            return;
        };
        if place == "loop" {
            panic!("asked to panic in the loop");
        }
        tokio::spawn(async { panic!("asked to panic in a task") });
    }

    /// Updates the state; the effects that the loop itself must do.
    fn update(&mut self, message: Message) -> Vec<Effect> {
        self.state.clock = self.began.elapsed();
        let effects = self.state.update(message);
        effects
            .into_iter()
            .filter_map(|effect| self.driven.effects.run(effect))
            .collect()
    }

    fn on_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Show(visible) => self.driven.collector.show(visible),
            Effect::Refresh => self.driven.collector.refresh(),
            Effect::Redraw => self.display.forget(),
            Effect::Signal { is_loud, lines } => self.display.signal(is_loud, &lines),
            Effect::Pace(interval) => self.driven.collector.pace(interval),
            Effect::ListEngines => {
                let known = (self.engines.list)();
                self.carry_out(Message::Engines(known));
            }
            Effect::Greet { look, target } => self.greet(look, target),
            Effect::Drive(target) => self.drive(target),
            Effect::Mouse(is_heard) => {
                if let Err(error) = self.display.hear_mouse(is_heard) {
                    tracing::warn!("ask for the mouse: {error}");
                }
            }
            Effect::Copy(text) => {
                if let Err(error) = self.display.copy(&text) {
                    tracing::warn!("copy by OSC 52: {error}");
                }
            }
            Effect::Measure { .. }
            | Effect::Operate { .. }
            | Effect::Update { .. }
            | Effect::Tail(_)
            | Effect::Save(_)
            | Effect::Watch { .. }
            | Effect::WatchGroup { .. }
            | Effect::CountGroups(_)
            | Effect::ChangeGroup(_)
            | Effect::Follow { .. }
            | Effect::WatchEvents { .. }
            | Effect::UnwatchEvents
            | Effect::Do { .. }
            | Effect::Unwatch
            | Effect::Seek(_)
            | Effect::Advise(_)
            | Effect::Transfer { .. }
            | Effect::CancelTransfer(_)
            | Effect::Build { .. }
            | Effect::CancelBuild(_)
            | Effect::WatchBuilds
            | Effect::FindPaths { .. }
            | Effect::Layers { .. }
            | Effect::Tree { .. }
            | Effect::Compare { .. }
            | Effect::PreviewImagePrune { .. }
            | Effect::ReadFile { .. }
            | Effect::Notify { .. }
            | Effect::Interact { .. }
            | Effect::Edit { .. } => {}
        }
    }

    /// Updates the state by what an effect of the loop's own brought.
    fn carry_out(&mut self, message: Message) {
        for effect in self.update(message) {
            self.on_effect(effect);
        }
    }

    /// Asks an engine who it is; it is opened for that alone.
    fn greet(&self, look: (u64, usize), target: Option<config::Target>) {
        let open = Arc::clone(&self.engines.open);
        let sender = self.driven.sender.clone();
        tokio::spawn(async move {
            let began = Instant::now();
            let opened = tokio::task::spawn_blocking(move || open(target.as_ref())).await;
            let greeting = match opened {
                Ok(Ok((engine, _))) => timeout(GREETING, engine.greet()).await,
                Ok(Err(error)) => Ok(Err(error)),
                // It panicked, which is told elsewhere.
                Err(_) => return,
            };
            let answer = match greeting {
                Ok(answer) => answer.map_err(Failure::from),
                Err(_) => Err(Failure {
                    message: format!("no answer within {} seconds", GREETING.as_secs()),
                    hint: None,
                }),
            };
            let answer = answer.map(|greeting| (greeting, began.elapsed()));
            // Nobody listens any more once another engine is driven.
            let _ = sender.send(Message::Greeted(look, answer)).await;
        });
    }

    /// Drives another engine from now on. One that can't be opened changes nothing.
    fn drive(&mut self, target: Option<config::Target>) {
        let (engine, showing) = match (self.engines.open)(target.as_ref()) {
            Ok(opened) => opened,
            Err(error) => return self.carry_out(Message::Failed(error.into())),
        };
        let flag = self.engines.flag(target.as_ref());
        self.state.over(engine.capabilities(), flag);
        let standing = self.standing.clone();
        self.driven = Driven::begin(engine, &showing, &mut self.state, standing);
    }

    /// When to wake without any message: for a frame that is owed, or for what changes
    /// by itself.
    fn wake(&self, due: Instant) -> Instant {
        let tick = self.state.next_tick().map(|tick| self.began + tick);
        let frame = self.state.is_dirty.then_some(due);
        // A day is as good as never.
        let never = Instant::now() + Duration::from_secs(86_400);
        [tick, frame].into_iter().flatten().min().unwrap_or(never)
    }

    /// Stops this process as the terminal's own ctrl-z does.
    fn stop_process(&mut self) -> io::Result<()> {
        self.display.suspend();
        raise(Signal::SIGSTOP)?;
        self.display.resume()?;
        self.state.is_dirty = true;
        Ok(())
    }

    async fn begin_session(&self, id: &ContainerId, passage: Passage) -> engine::Result<Session> {
        let (cols, rows) = (self.state.area.width, self.state.area.height);
        let streams = AttachStreams {
            stdin: true,
            stdout: true,
            stderr: true,
            size: Some(TerminalSize { rows, cols }),
        };
        if passage == Passage::Attach {
            return self.driven.engine.attach(id, streams).await;
        }
        let config = ExecConfig {
            argv: SHELL.map(str::to_owned).into(),
            env: vec![format!(
                "TERM={}",
                std::env::var("TERM").unwrap_or_else(|_| "xterm".into())
            )],
            tty: true,
            attach: Some(streams),
            ..ExecConfig::default()
        };
        let no_shell = |error: EngineError, hint: &str| match error.kind {
            ErrorKind::CommandNotFound => error.with_hint(hint),
            _ => error,
        };
        if passage == Passage::Step {
            let session = self.driven.engine.rerun_step(id, config).await;
            return session.map_err(|error| no_shell(error, "the stage has no shell"));
        }
        let exec = self.driven.engine.exec(id, config).await.map_err(|error| {
            no_shell(
                error,
                "the image has no shell; `wharf exec` runs what it has",
            )
        })?;
        exec.session.ok_or_else(|| {
            EngineError::new(ErrorKind::Internal, "open a shell in", id.short())
                .because("the engine gave no streams")
        })
    }

    async fn interact(&mut self, session: Session) -> Result<(), Failure> {
        let session = (self.interact)(session);
        self.lend(async { session.await.map_err(|error| no_terminal(&error)) })
            .await
    }

    /// Gives the terminal to somebody else for as long as that takes.
    async fn lend(
        &mut self,
        work: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        self.display.suspend();
        let result = work.await;
        let back = self.display.resume();
        // The size may have changed while nobody listened.
        if let Ok((width, height)) = crossterm::terminal::size() {
            self.state.area = Rect::new(0, 0, width, height);
        }
        result.and(back.map_err(|error| no_terminal(&error)))
    }

    /// Waits for operations that were begun: a stop that is left half-way would leave
    /// a container that nobody kills after its timeout.
    async fn finish_operations(&mut self) {
        self.driven.end();
        self.standing.operations.close();
        if self.standing.operations.is_empty() {
            return;
        }
        // A terminal that hung up takes no words, and that is no reason to panic.
        let _ = writeln!(
            io::stderr(),
            "wharf: waiting for operations to end; ctrl-c leaves them"
        );
        let interrupt = async {
            match signal(SignalKind::interrupt()) {
                Ok(mut signal) => drop(signal.recv().await),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.standing.operations.wait() => {}
            () = interrupt => {}
        }
    }
}

fn no_terminal(error: &io::Error) -> Failure {
    Failure {
        message: format!("use this terminal for a session: {error}"),
        hint: None,
    }
}

/// What the shell key runs: bash where there is one.
const SHELL: [&str; 3] = [
    "/bin/sh",
    "-c",
    "if [ -x /bin/bash ]; then exec /bin/bash; else exec /bin/sh; fi",
];

fn is_suspend(event: &Event) -> bool {
    matches!(event, Event::Key(key) if keymap::key(*key) == Some(Key::ctrl('z')))
}

fn message_of(event: Event) -> Option<Message> {
    match event {
        Event::Key(event) => keymap::key(event).map(Message::Key),
        Event::Paste(text) => Some(Message::Paste(text)),
        Event::Resize(width, height) => Some(Message::Resize(width, height)),
        Event::Mouse(event) => {
            let gesture = match event.kind {
                MouseEventKind::Down(MouseButton::Left) => Gesture::Press,
                MouseEventKind::Drag(MouseButton::Left) => Gesture::Drag,
                MouseEventKind::Up(MouseButton::Left) => Gesture::Release,
                MouseEventKind::ScrollUp => Gesture::WheelUp,
                MouseEventKind::ScrollDown => Gesture::WheelDown,
                _ => return None,
            };
            Some(Message::Mouse(gesture, event.column, event.row))
        }
        Event::FocusGained | Event::FocusLost => None,
    }
}
