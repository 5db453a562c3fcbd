//! One connection to the control socket, seen from the shim: never waited for.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    time::{Duration, Instant},
};

use crate::{
    model::{AttachStreams, Stream},
    runtime::attach::{Decoder, Frame, encode_output},
};

/// How long a client may take nothing while output waits for it. The one that started
/// the process is what its user takes for the process's own stdout, so it may hold the
/// output back, as the reader of a pipe does, for longer; but nobody for ever.
const PATIENCE: Duration = Duration::from_secs(1);
const PATIENCE_WITH_STARTER: Duration = Duration::from_secs(10);

const READ_BYTES: usize = 16 * 1024;

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    stream: UnixStream,
    decoder: Decoder,
    /// What it is attached to.
    pub streams: AttachStreams,
    /// Whether it was attached before the first instruction.
    pub is_starter: bool,
    /// Frames that the socket had no room for, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// When it last took something.
    progress: Instant,
    gone: bool,
}

impl Client {
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            decoder: Decoder::default(),
            streams: AttachStreams::default(),
            is_starter: false,
            out: Vec::new(),
            sent: 0,
            progress: Instant::now(),
            gone: false,
        })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Whether it went away or broke the protocol.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// Whether something waits until it reads.
    pub fn is_behind(&self) -> bool {
        self.sent < self.out.len()
    }

    /// When patience with it ends; `None` while it keeps up.
    pub fn deadline(&self) -> Option<Instant> {
        let patience = if self.is_starter {
            PATIENCE_WITH_STARTER
        } else {
            PATIENCE
        };
        self.is_behind().then(|| self.progress + patience)
    }

    /// Reads what it sent.
    pub fn receive(&mut self) {
        let mut bytes = [0; READ_BYTES];
        match self.stream.read(&mut bytes) {
            Ok(0) => {
                self.gone = true;
                self.out.clear();
                self.sent = 0;
            }
            Ok(len) => self.decoder.push(&bytes[..len]),
            Err(error) if is_for_later(&error) => {}
            Err(_) => self.gone = true,
        }
    }

    /// The next frame it sent.
    pub fn next_frame(&mut self) -> Option<Frame> {
        match self.decoder.next_frame() {
            Ok(Some(frame)) => Some(frame),
            Ok(None) => {
                self.decoder.shrink();
                None
            }
            Err(_) => {
                self.gone = true;
                None
            }
        }
    }

    pub fn send(&mut self, frame: &Frame) {
        self.begin();
        frame.encode(&mut self.out);
        self.flush();
    }

    /// Output of the process, if it wants that stream.
    pub fn send_output(&mut self, stream: Stream, bytes: &[u8]) {
        let wanted = match stream {
            Stream::Stdout => self.streams.stdout,
            Stream::Stderr => self.streams.stderr,
        };
        if wanted {
            self.begin();
            encode_output(stream, bytes, &mut self.out);
            self.flush();
        }
    }

    fn begin(&mut self) {
        if !self.is_behind() {
            self.progress = Instant::now();
        }
    }

    /// Sends what waits, as much as there is room for.
    pub fn flush(&mut self) {
        while self.is_behind() && !self.gone {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(len) => {
                    self.sent += len;
                    self.progress = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_for_later(&error) => return,
                Err(_) => self.gone = true,
            }
        }
        self.sent = 0;
        self.out.clear();
        self.out.shrink_to(READ_BYTES);
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
