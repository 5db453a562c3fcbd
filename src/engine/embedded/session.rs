//! A connection to a shim as the channels of a [`Session`].

use std::{io, os::unix::net::UnixStream, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    sync::mpsc,
};

use crate::{
    engine::Session,
    model::{AttachStreams, Exit, Stream, TerminalSize},
    runtime::attach::{Decoder, Frame, encode_stdin},
};

/// Pieces that wait in each channel; a reader that stops reading stops the sender.
const CHANNEL_PIECES: usize = 32;
/// Bytes of one read from the shim.
const READ_BYTES: usize = 64 * 1024;
/// How long after the input's end a session must still be there for the end to be meant:
/// one that is dropped whole loses all its ends at once, and that is a detach.
const DETACH_GRACE: Duration = Duration::from_millis(2);

/// Bridges a connection that is attached. `ended` is told the exit before the output
/// ends.
pub fn bridge(
    stream: UnixStream,
    streams: AttachStreams,
    ended: impl FnOnce(Exit) + Send + 'static,
) -> io::Result<Session> {
    stream.set_nonblocking(true)?;
    let (reader, writer) = tokio::net::UnixStream::from_std(stream)?.into_split();
    let (input, input_end) = mpsc::channel(CHANNEL_PIECES);
    let (output_end, output) = mpsc::channel(CHANNEL_PIECES);
    let (resize, resize_end) = mpsc::channel(CHANNEL_PIECES);
    let watched = output_end.clone();
    let relay = tokio::spawn(async move {
        tokio::select! {
            () = receive(reader, output_end, ended) => {}
            () = send(writer, streams, input_end, resize_end, &watched) => {}
        }
    });
    // The task ends by itself: with the connection, or with the session's channels.
    drop(relay);
    Ok(Session {
        input,
        output,
        resize,
    })
}

/// The shim's frames into the output, until the exit or the end of the connection.
async fn receive(
    mut reader: OwnedReadHalf,
    output: mpsc::Sender<(Stream, Bytes)>,
    ended: impl FnOnce(Exit),
) {
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        // An error is the shim's death, which ends the output like its exit does.
        let Ok(n @ 1..) = reader.read(&mut buffer).await else {
            return;
        };
        decoder.push(&buffer[..n]);
        loop {
            match decoder.next_frame() {
                Ok(Some(Frame::Output(stream, bytes))) => {
                    // Nobody reads any more, but the exit may still be waited for.
                    let _ = output.send((stream, bytes.into())).await;
                }
                Ok(Some(Frame::Exited(exit))) => return ended(exit),
                Err(_) => return,
                // Answers to what we sent on the way.
                Ok(Some(_)) => {}
                Ok(None) => break,
            }
        }
    }
}

/// Input and sizes to the shim. Returns when the session was dropped as a whole.
async fn send(
    mut writer: OwnedWriteHalf,
    streams: AttachStreams,
    mut input: mpsc::Receiver<Bytes>,
    mut resize: mpsc::Receiver<TerminalSize>,
    output: &mpsc::Sender<(Stream, Bytes)>,
) {
    let (mut input_open, mut resize_open) = (streams.stdin, true);
    let mut frames = Vec::new();
    loop {
        frames.clear();
        tokio::select! {
            bytes = input.recv(), if input_open => match bytes {
                Some(bytes) => encode_stdin(&bytes, &mut frames),
                None => {
                    input_open = false;
                    tokio::time::sleep(DETACH_GRACE).await;
                    if !output.is_closed() {
                        Frame::CloseStdin.encode(&mut frames);
                    }
                }
            },
            size = resize.recv(), if resize_open => match size {
                Some(size) => Frame::Resize(size).encode(&mut frames),
                None => resize_open = false,
            },
            () = output.closed(), if !resize_open && (!input_open || input.is_closed()) => return,
        }
        if !frames.is_empty() && writer.write_all(&frames).await.is_err() {
            // The shim is gone; the receiving side sees the same and ends the session.
            return std::future::pending().await;
        }
    }
}
