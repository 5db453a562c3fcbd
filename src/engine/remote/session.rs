//! A connection that was handed over, as the channels of a [`Session`].

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
};

use super::{
    client::{Ask, Shared},
    frames::Frames,
};
use crate::{
    engine::Session,
    model::{Stream, TerminalSize},
};

/// Pieces that wait in each channel; a reader that stops reading stops the sender.
const CHANNEL_PIECES: usize = 32;
/// Bytes of one read.
const READ_BYTES: usize = 64 << 10;

type Wire = TokioIo<Upgraded>;

/// Bridges a connection. `resize` is where new sizes of its terminal are told.
pub fn bridge(client: Shared, wire: Upgraded, stdin: bool, tty: bool, resize: String) -> Session {
    let (reader, writer) = tokio::io::split(TokioIo::new(wire));
    let (input, input_end) = mpsc::channel(CHANNEL_PIECES);
    let (output_end, output) = mpsc::channel(CHANNEL_PIECES);
    let (sizes, sizes_end) = mpsc::channel(CHANNEL_PIECES);
    let watched = output_end.clone();
    // Ends by itself: with the connection, or with the session's channels.
    tokio::spawn(async move {
        tokio::select! {
            () = receive(reader, Frames::new(tty), output_end) => {}
            () = send(writer, stdin, input_end, &watched) => {}
            () = tell_sizes(client, resize, sizes_end) => {}
        }
    });
    Session {
        input,
        output,
        resize: sizes,
    }
}

async fn receive(
    mut reader: ReadHalf<Wire>,
    mut frames: Frames,
    output: mpsc::Sender<(Stream, Bytes)>,
) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        // An error is the end of the connection, which ends the output like an exit does.
        let Ok(n @ 1..) = reader.read(&mut buffer).await else {
            return;
        };
        frames.push(&buffer[..n]);
        while let Ok(Some(piece)) = frames.next_piece() {
            if output.send(piece).await.is_err() {
                return;
            }
        }
    }
}

/// Input on its way. Returns when the session was dropped as a whole.
async fn send(
    mut writer: WriteHalf<Wire>,
    stdin: bool,
    mut input: mpsc::Receiver<Bytes>,
    output: &mpsc::Sender<(Stream, Bytes)>,
) {
    let mut is_open = stdin;
    loop {
        tokio::select! {
            bytes = input.recv(), if is_open => {
                let sent = match bytes {
                    Some(bytes) => writer.write_all(&bytes).await.is_ok() && writer.flush().await.is_ok(),
                    None => {
                        is_open = false;
                        // The whole session may be gone, which is a detach and no end.
                        tokio::task::yield_now().await;
                        output.is_closed() || writer.shutdown().await.is_ok()
                    }
                };
                if !sent {
                    // The receiving side sees the same and ends the session.
                    return std::future::pending().await;
                }
            }
            () = output.closed() => return,
        }
    }
}

async fn tell_sizes(client: Shared, path: String, mut sizes: mpsc::Receiver<TerminalSize>) {
    while let Some(size) = sizes.recv().await {
        let ask = Ask::post(path.as_str(), "resize", "")
            .query("h", size.rows)
            .query("w", size.cols);
        // It may have ended, which its output tells.
        let _ = client.done(ask).await;
    }
    std::future::pending().await
}
