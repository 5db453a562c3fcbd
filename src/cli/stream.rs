//! Copying between our stdio and a session, and passing our signals on.

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
    time::Duration,
};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    failure::Failure,
    terminal::{DetachKeys, Raw, Typist},
};
use crate::{
    engine::{self, Engine, Session},
    model::{ContainerId, KillRequest, Stream, TerminalSize},
};

/// How long a process may take to end once nobody reads its output.
const GRACE: Duration = Duration::from_millis(500);

/// How our side of a session behaves.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// Our stdin goes to its stdin.
    pub stdin: bool,
    /// Its streams are a terminal.
    pub tty: bool,
    /// What detaches.
    pub keys: DetachKeys,
}

/// Why copying ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The process's streams ended.
    Ended,
    /// Whoever read our output left.
    Unread,
    /// The user detached.
    Detached,
}

/// Copies until the process's streams end or the user detaches. The terminal is then as
/// it was.
pub async fn copy(session: Session, manner: &Manner) -> io::Result<Ending> {
    let Session {
        input,
        mut output,
        resize,
    } = session;
    let mut resized = signal(SignalKind::window_change())?;
    let is_raw = manner.stdin && manner.tty && io::stdin().is_terminal();
    // Signals that would end us must not leave a raw terminal behind. Without one they
    // keep their effect, so they are only caught then.
    let mut ends = match is_raw {
        true => Some((
            signal(SignalKind::hangup())?,
            signal(SignalKind::terminate())?,
        )),
        false => None,
    };
    let _raw = is_raw.then(Raw::begin).transpose()?;
    // Dropping `input` closes the process's stdin. Without our stdin it is kept, because
    // somebody else may be writing there.
    let (mut typist, _kept) = match manner.stdin {
        true => (Some(Typist::start(input, &manner.keys)?), None),
        false => (None, Some(input)),
    };
    if let Some(size) = terminal_size().filter(|_| manner.tty) {
        // Told again once it runs: its first size may have come too early to be seen.
        let _ = resize.send(size).await;
    }
    loop {
        tokio::select! {
            // Everything that was printed is shown before anything else is heard.
            biased;
            piece = output.recv() => {
                let Some((stream, bytes)) = piece else { return Ok(Ending::Ended) };
                let written = match stream {
                    Stream::Stdout => write_all(&mut io::stdout().lock(), &bytes),
                    Stream::Stderr => write_all(&mut io::stderr().lock(), &bytes),
                };
                match written {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                        return Ok(Ending::Unread);
                    }
                    written => written?,
                }
            }
            Some(()) = detached(&mut typist) => return Ok(Ending::Detached),
            _ = resized.recv(), if manner.tty => {
                if let Some(size) = terminal_size() {
                    // It may have ended at the same time.
                    let _ = resize.send(size).await;
                }
            }
            () = asked_to_end(&mut ends) => return Ok(Ending::Detached),
        }
    }
}

async fn detached(typist: &mut Option<Typist>) -> Option<()> {
    match typist {
        Some(typist) => typist.detached.recv().await,
        None => std::future::pending().await,
    }
}

async fn asked_to_end(signals: &mut Option<(Signal, Signal)>) {
    match signals {
        Some((hangup, terminate)) => {
            tokio::select! {
                _ = hangup.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        None => std::future::pending().await,
    }
}

fn write_all(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Copies, then asks `exit` how it ended; `None` after a detach. The end of a process
/// comes over its session too, so that nothing is missed by asking afterwards.
pub async fn stay<T>(
    session: Session,
    manner: &Manner,
    exit: impl Future<Output = engine::Result<T>>,
) -> Result<Option<T>, Failure> {
    match copy(session, manner).await {
        Ok(Ending::Ended) => Ok(Some(exit.await.map_err(Failure::to_run)?)),
        Ok(Ending::Detached) => Ok(None),
        // As a process whose reader left, we end; the container is no part of our
        // pipeline and may go on. A short one is let end by itself.
        Ok(Ending::Unread) => match tokio::time::timeout(GRACE, exit).await {
            Ok(exit) => Ok(Some(exit.map_err(Failure::to_run)?)),
            Err(_) => Err(Failure::new("nobody reads our output any more")
                .with_code(128 + libc::SIGPIPE as u8)
                .with_hint("it runs on: `wharf logs` and `wharf stop` reach it")),
        },
        Err(error) => Err(Failure::new(format!("copy to and from it: {error}"))),
    }
}

/// The size of our terminal, if we have one.
pub fn terminal_size() -> Option<TerminalSize> {
    // Not by crossterm, which runs tput(1), twice, where there is no terminal.
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    let (rows, cols) = (size.ws_row, size.ws_col);
    (cols > 0 && rows > 0).then_some(TerminalSize { rows, cols })
}

/// Signals that are passed on: those that a user or a supervisor sends on purpose.
fn passed_on() -> [SignalKind; 7] {
    [
        SignalKind::hangup(),
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::alarm(),
    ]
}

/// Sends every signal that we get to the container instead, until aborted or dropped.
#[derive(Debug)]
pub struct Proxy(Vec<tokio::task::JoinHandle<()>>);

impl Proxy {
    /// Catches signals from now on.
    pub fn start(engine: &Arc<dyn Engine>, id: &ContainerId) -> io::Result<Self> {
        let mut tasks = Vec::new();
        for kind in passed_on() {
            let mut signals = signal(kind)?;
            let (engine, id) = (engine.clone(), id.clone());
            tasks.push(tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    let request = KillRequest {
                        id: id.clone(),
                        signal: Some(kind.as_raw_value().to_string()),
                    };
                    // It may have ended meanwhile, which its streams tell.
                    let _ = engine.kill(request).await;
                }
            }));
        }
        Ok(Self(tasks))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
