//! A client's side of a control socket.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::Path,
};

use super::frame::{Decoder, Frame, Malformed};
use crate::model::{AttachStreams, Exit};

/// What can go wrong with a request to a shim.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no shim, or it went away.
    #[error("talk to the shim at {path}")]
    Io {
        /// The directory of its socket.
        path: String,
        /// Why it failed.
        source: io::Error,
    },
    /// It answered with something else than a frame.
    #[error("talk to the shim")]
    Malformed(#[from] Malformed),
    /// It could not do it.
    #[error("{0}")]
    Refused(String),
    /// The process ended before it was done.
    #[error("it has just ended")]
    Ended,
}

impl Error {
    /// Whether no shim listens there: it died, or the container doesn't run any more.
    pub fn is_gone(&self) -> bool {
        use io::ErrorKind::*;
        if matches!(self, Self::Ended) {
            return true;
        }
        matches!(self, Self::Io { source, .. } if matches!(
            source.kind(),
            NotFound | ConnectionRefused | ConnectionReset | BrokenPipe | UnexpectedEof
        ))
    }
}

/// Attaches to the process whose shim listens in `directory` (the run directory of a
/// container or of an exec). The stream is in blocking mode and speaks frames.
pub fn connect(directory: &Path, streams: AttachStreams) -> Result<UnixStream, Error> {
    let mut stream = open(directory)?;
    ask(&mut stream, directory, &Frame::Attach(streams))?;
    Ok(stream)
}

/// Asks the shim in `directory` for one thing and waits until it is done.
pub fn request(directory: &Path, frame: &Frame) -> Result<(), Error> {
    ask(&mut open(directory)?, directory, frame)
}

/// Tells the shim in `directory` something that has no answer.
pub fn send(directory: &Path, frame: &Frame) -> Result<(), Error> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    let mut stream = open(directory)?;
    stream.write_all(&bytes).map_err(failed(directory))
}

/// Waits for the next exit of the process in `directory`.
pub fn wait(directory: &Path) -> Result<Exit, Error> {
    let mut stream = open(directory)?;
    match answer(&mut stream, directory, &Frame::Wait)? {
        Frame::Exited(exit) => Ok(exit),
        other => Err(unexpected(directory, &other)),
    }
}

/// Connects through a descriptor of the directory: a socket's path may be 107 bytes
/// long, a directory's 4095.
fn open(directory: &Path) -> Result<UnixStream, Error> {
    let connect = || {
        let directory = File::open(directory)?;
        UnixStream::connect(format!("/proc/self/fd/{}/control", directory.as_raw_fd()))
    };
    connect().map_err(failed(directory))
}

fn ask(stream: &mut UnixStream, directory: &Path, frame: &Frame) -> Result<(), Error> {
    match answer(stream, directory, frame)? {
        Frame::Done => Ok(()),
        Frame::Refused(why) => Err(Error::Refused(why)),
        Frame::Exited(_) => Err(Error::Ended),
        other => Err(unexpected(directory, &other)),
    }
}

/// Sends a frame and reads the one that answers it, and not a byte more: what follows
/// belongs to whoever reads on.
fn answer(stream: &mut UnixStream, directory: &Path, frame: &Frame) -> Result<Frame, Error> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    stream.write_all(&bytes).map_err(failed(directory))?;
    let mut decoder = Decoder::default();
    loop {
        let mut read = |len: usize| {
            let mut part = vec![0; len];
            stream.read_exact(&mut part).map(|()| part)
        };
        let header = read(5).map_err(failed(directory))?;
        let len = u32::from_le_bytes([header[1], header[2], header[3], header[4]]) as usize;
        decoder.push(&header);
        // Refuses an absurd length before memory is taken for it.
        if let Some(frame) = decoder.next_frame()? {
            return Ok(frame);
        }
        decoder.push(&read(len).map_err(failed(directory))?);
        if let Some(frame) = decoder.next_frame()? {
            return Ok(frame);
        }
    }
}

fn unexpected(directory: &Path, frame: &Frame) -> Error {
    failed(directory)(io::Error::other(format!("unexpected answer {frame:?}")))
}

fn failed(directory: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    move |source| Error::Io {
        path: directory.display().to_string(),
        source,
    }
}
