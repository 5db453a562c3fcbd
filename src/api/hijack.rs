//! A connection that becomes a process's streams.
//!
//! A client asks for it by `Upgrade: tcp` and gets 101; without that the answer is 200
//! and its body the output, which has no way back for input.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use hyper::{
    StatusCode,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE},
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
};

use super::{
    answer::{Answer, Failure, empty, streamed},
    web_socket,
};
use crate::{engine::Session, wire::frame};

/// Bytes that are read from a client at a time.
const READ_BYTES: usize = 16 * 1024;
/// How long a client may take nothing of what waits for it, before it is let go.
const PATIENCE: Duration = Duration::from_secs(300);
/// Keys that detach where nothing is said: ctrl-p, ctrl-q.
const DETACH: [u8; 2] = [0x10, 0x11];

/// How the streams go over the connection.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Whether it is a terminal, which is left by keys.
    pub tty: bool,
    /// Whether output is in frames that name its stream.
    pub framed: bool,
    /// Whether input is passed on.
    pub stdin: bool,
    /// Keys in the input that end the session, and not the process.
    pub detach: Vec<u8>,
}

/// The bytes that a list such as `ctrl-p,ctrl-q` stands for.
pub fn detach_keys(text: Option<&str>) -> Result<Vec<u8>, Failure> {
    let Some(text) = text else {
        return Ok(DETACH.to_vec());
    };
    let key = |word: &str| {
        let letter = word.strip_prefix("ctrl-");
        match (letter.map(str::as_bytes), word.as_bytes()) {
            (Some([letter @ b'a'..=b'z']), _) => Some(letter - b'a' + 1),
            (Some([b'@']), _) => Some(0),
            (Some([sign @ b'['..=b'_']), _) => Some(sign - b'[' + 27),
            (None, [letter]) => Some(*letter),
            _ => None,
        }
    };
    let keys = text.split(',').map(|word| {
        key(word).ok_or_else(|| Failure::bad(format!("Invalid detach keys ({text}) provided")))
    });
    keys.collect()
}

/// The answer, and the connection once it is the client's.
pub enum Line {
    /// The whole of it, both ways.
    Both(OnUpgrade),
    /// The same, as messages of a web socket.
    Messages(OnUpgrade),
    /// Only a body.
    Out(mpsc::Sender<io::Result<Bytes>>),
}

/// Begins a stream.
pub fn begin(upgrade: Option<OnUpgrade>, framed: bool) -> (Answer, Line) {
    let kind = match framed {
        true => frame::MULTIPLEXED,
        false => frame::RAW,
    };
    match upgrade {
        Some(upgrade) => {
            let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
            let headers = answer.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("tcp"));
            (answer, Line::Both(upgrade))
        }
        None => {
            let (sender, receiver) = mpsc::channel(2);
            (streamed(kind, receiver), Line::Out(sender))
        }
    }
}

/// Copies between a connection and a session that comes later, until either ends. What
/// was before is sent first.
pub async fn carry(
    line: Line,
    before: Option<mpsc::Receiver<Bytes>>,
    session: oneshot::Receiver<Session>,
    manner: Manner,
) {
    match line {
        Line::Both(upgrade) => {
            let Ok(connection) = upgrade.await else {
                return;
            };
            both(TokioIo::new(connection), before, session, manner).await;
        }
        Line::Messages(upgrade) => {
            let Ok(connection) = upgrade.await else {
                return;
            };
            let (near, far) = tokio::io::duplex(READ_BYTES);
            let messages = web_socket::carry(connection, far);
            tokio::pin!(messages);
            tokio::select! {
                // The client is gone, and its session with it.
                () = &mut messages => return,
                () = both(near, before, session, manner) => {}
            }
            // What was said last is still on its way.
            let _ = tokio::time::timeout(PATIENCE, messages).await;
        }
        Line::Out(sender) => out(sender, before, session, &manner).await,
    }
}

async fn out(
    sender: mpsc::Sender<io::Result<Bytes>>,
    before: Option<mpsc::Receiver<Bytes>>,
    session: oneshot::Receiver<Session>,
    manner: &Manner,
) {
    if let Some(mut before) = before {
        while let Some(piece) = before.recv().await {
            if sender.send(Ok(piece)).await.is_err() {
                return;
            }
        }
    }
    let session = tokio::select! {
        session = session => session,
        () = sender.closed() => return,
    };
    let Ok(mut session) = session else { return };
    loop {
        let piece = tokio::select! {
            piece = session.output.recv() => piece,
            () = sender.closed() => return,
        };
        let Some((stream, bytes)) = piece else { return };
        let piece = match manner.framed {
            true => frame::framed(stream, &bytes),
            false => bytes,
        };
        if sender.send(Ok(piece)).await.is_err() {
            return;
        }
    }
}

async fn both<S>(
    connection: S,
    before: Option<mpsc::Receiver<Bytes>>,
    session: oneshot::Receiver<Session>,
    manner: Manner,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(connection);
    if let Some(mut before) = before {
        while let Some(piece) = before.recv().await {
            if write(&mut writer, &piece).await.is_err() {
                return;
            }
        }
    }
    // Whoever goes away before the start must not be waited for. What it says before is
    // kept for the process.
    let mut early = BytesMut::new();
    let Some(session) = wait_for(session, &mut reader, &mut early).await else {
        // Nothing was started, or there is nothing more to say.
        let _ = writer.shutdown().await;
        return;
    };
    let Session {
        input,
        mut output,
        resize,
    } = session;
    let (leave, mut left) = oneshot::channel::<()>();
    let inward = tokio::spawn(receive(
        reader,
        early.freeze(),
        input,
        manner.clone(),
        leave,
    ));
    let mut buffer = BytesMut::new();
    let mut may_leave = true;
    loop {
        let piece = tokio::select! {
            piece = output.recv() => piece,
            leaves = &mut left, if may_leave => match leaves {
                Ok(()) => break,
                // Its input has ended, and it stays.
                Err(_) => {
                    may_leave = false;
                    continue;
                }
            },
        };
        let Some((stream, bytes)) = piece else { break };
        match manner.framed {
            true => frame::encode(stream, &bytes, &mut buffer),
            false => buffer.extend_from_slice(&bytes),
        }
        if write(&mut writer, &buffer.split()).await.is_err() {
            break;
        }
    }
    // Its end is the end of the session as a whole: a detach, if the process still runs.
    drop((output, resize));
    inward.abort();
    let _ = writer.shutdown().await;
}

/// A session, or nothing if none will come or the client went away.
async fn wait_for(
    mut session: oneshot::Receiver<Session>,
    reader: &mut (impl AsyncRead + Unpin),
    early: &mut BytesMut,
) -> Option<Session> {
    let mut has_ended = false;
    loop {
        tokio::select! {
            session = &mut session => return session.ok(),
            read = reader.read_buf(early), if !has_ended && early.len() < READ_BYTES => {
                match read {
                    // Its input has ended; what the process says may still be wanted.
                    Ok(0) => has_ended = true,
                    Ok(_) => {}
                    Err(_) => return None,
                }
            }
        }
    }
}

/// The client's input to the process. Its end closes the process's stdin.
async fn receive(
    mut reader: impl AsyncRead + Unpin,
    early: Bytes,
    input: mpsc::Sender<Bytes>,
    manner: Manner,
    leave: oneshot::Sender<()>,
) {
    let mut keys = Keys::new(match manner.tty {
        true => manner.detach,
        false => Vec::new(),
    });
    let mut piece = early;
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    loop {
        if manner.stdin && !piece.is_empty() {
            let (passed, is_detached) = keys.pass(&piece);
            if !passed.is_empty() && input.send(passed.into()).await.is_err() {
                return;
            }
            if is_detached {
                // Whoever copies the output ends the session whole.
                let _ = leave.send(());
                return;
            }
        }
        buffer.reserve(READ_BYTES);
        match reader.read_buf(&mut buffer).await {
            Ok(1..) => piece = buffer.split().freeze(),
            Ok(0) => return,
            Err(_) => {
                let _ = leave.send(());
                return;
            }
        }
    }
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    match tokio::time::timeout(PATIENCE, writer.write_all(bytes)).await {
        Ok(written) => {
            written?;
            writer.flush().await
        }
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Looks for the keys that detach.
#[derive(Debug)]
struct Keys {
    keys: Vec<u8>,
    /// How many of them came last.
    seen: usize,
}

impl Keys {
    fn new(keys: Vec<u8>) -> Self {
        Self { keys, seen: 0 }
    }

    /// What of the input is to be passed on, and whether all keys came.
    fn pass(&mut self, input: &[u8]) -> (Vec<u8>, bool) {
        if self.keys.is_empty() {
            return (input.to_vec(), false);
        }
        let mut passed = Vec::with_capacity(input.len());
        for &byte in input {
            if byte != self.keys[self.seen] {
                // They were meant for the process after all.
                passed.extend_from_slice(&self.keys[..self.seen]);
                self.seen = 0;
            }
            if byte == self.keys[self.seen] {
                self.seen += 1;
                if self.seen == self.keys.len() {
                    return (passed, true);
                }
            } else {
                passed.push(byte);
            }
        }
        (passed, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detach_keys_are_read_as_docker_writes_them() {
        assert_eq!(detach_keys(None).unwrap(), [16, 17]);
        assert_eq!(detach_keys(Some("ctrl-a,x")).unwrap(), [1, b'x']);
        assert_eq!(detach_keys(Some("ctrl-\\,ctrl-@")).unwrap(), [28, 0]);
        for wrong in ["ctrl-", "ctrl-aa", "xy", ""] {
            assert!(detach_keys(Some(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn keys_detach_across_pieces_and_half_of_them_are_passed_on() {
        let mut keys = Keys::new(vec![16, 17]);
        assert_eq!(keys.pass(b"ab\x10"), (b"ab".to_vec(), false));
        assert_eq!(keys.pass(b"c"), (b"\x10c".to_vec(), false));
        assert_eq!(keys.pass(b"\x10\x10"), (b"\x10".to_vec(), false));
        assert_eq!(keys.pass(b"\x11"), (vec![], true));
        assert_eq!(
            Keys::new(vec![]).pass(b"\x10\x11"),
            (b"\x10\x11".to_vec(), false)
        );
    }
}
