//! Copying between our stdio and a session, and passing our signals on.

use std::{
    io::{self, Read, Write},
    sync::Arc,
    thread,
};

use bytes::Bytes;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use crate::{
    engine::{Engine, Session},
    model::{ContainerId, KillRequest, Stream},
};

/// Copies until the process's streams end: ours to its stdin if `stdin` says so, its
/// output to ours. A reader of ours that left ends it too.
pub async fn copy(session: Session, stdin: bool) -> Result<(), Failure> {
    let Session {
        input,
        mut output,
        resize: _resize,
    } = session;
    // Dropping `input` closes the process's stdin: the thread does that at the end of
    // ours. Without ours it is kept, because somebody else may be writing to it.
    let _kept = if stdin {
        thread::spawn(move || {
            let mut buffer = vec![0; 32 << 10];
            let mut ours = io::stdin().lock();
            loop {
                match ours.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(count) => {
                        let bytes = Bytes::copy_from_slice(&buffer[..count]);
                        if input.blocking_send(bytes).is_err() {
                            return;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => return,
                }
            }
        });
        None
    } else {
        Some(input)
    };
    while let Some((stream, bytes)) = output.recv().await {
        let written = match stream {
            Stream::Stdout => write_all(&mut io::stdout().lock(), &bytes),
            Stream::Stderr => write_all(&mut io::stderr().lock(), &bytes),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    Ok(())
}

fn write_all(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Signals that are passed on: those that a user or a supervisor sends on purpose.
fn passed_on() -> [SignalKind; 8] {
    [
        SignalKind::hangup(),
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::alarm(),
        SignalKind::window_change(),
    ]
}

/// Sends every signal that we get to the container instead; never ends by itself. The
/// signals are caught from the moment of this call, before the future is first polled.
pub fn proxy_signals(
    engine: Arc<dyn Engine>,
    id: ContainerId,
) -> io::Result<impl Future<Output = ()>> {
    let (sender, mut caught) = tokio::sync::mpsc::channel(16);
    for kind in passed_on() {
        let mut signals = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if sender.send(kind.as_raw_value()).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(async move {
        // `sender` lives here, so that `recv` waits even if every signal's task ended.
        let _sender = sender;
        while let Some(number) = caught.recv().await {
            let request = KillRequest {
                id: id.clone(),
                signal: Some(number.to_string()),
            };
            // It may have ended meanwhile, which its streams tell.
            let _ = engine.kill(request).await;
        }
    })
}
