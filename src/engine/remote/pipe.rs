//! Between bodies of HTTP, which come and go by pieces, and those who read and write tars
//! in threads.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::{Response, body::Incoming};
use tokio::sync::mpsc;

/// Pieces on their way; a slow end stops the other.
const PIECES: usize = 8;
/// Bytes of a piece.
const PIECE: usize = 128 << 10;

/// What is written here is the body of a request.
#[derive(Debug)]
pub struct Writer {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

/// A body that a thread writes.
pub fn writer() -> (Writer, mpsc::Receiver<io::Result<Bytes>>) {
    let (pieces, body) = mpsc::channel(PIECES);
    let writer = Writer {
        pieces,
        buffer: Vec::with_capacity(PIECE),
    };
    (writer, body)
}

impl Writer {
    /// Breaks the request off, so that half a tar is never taken for a whole one.
    pub fn fail(self, error: io::Error) {
        // Whoever would hear it may be gone.
        let _ = self.pieces.blocking_send(Err(error));
    }

    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        let sent = self.pieces.blocking_send(Ok(piece.into()));
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the engine stopped reading"))
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

/// The body of an answer, for a thread that reads it.
#[derive(Debug)]
pub struct Reader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

/// Reads an answer's body in a thread; it is fetched as it is read.
pub fn reader(answer: Response<Incoming>) -> Reader {
    let (sender, pieces) = mpsc::channel(PIECES);
    // Ends with the body, or when nobody reads on.
    tokio::spawn(async move {
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            let piece = match frame {
                Ok(frame) => match frame.into_data() {
                    Ok(piece) => Ok(piece),
                    Err(_) => continue,
                },
                Err(error) => Err(io::Error::other(error)),
            };
            if sender.send(piece).await.is_err() {
                return;
            }
        }
    });
    Reader {
        pieces,
        piece: Bytes::new(),
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let n = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..n]);
        Ok(n)
    }
}
