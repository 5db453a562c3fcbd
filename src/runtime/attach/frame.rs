//! Frames: a kind, a length, a payload. No I/O here, so that the shim's blocking loop
//! and the engine's tasks share one decoder.

use crate::model::{AttachStreams, Exit, Stream, TerminalSize};

/// Longest payload of a frame; a longer one ends the connection.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

const HEADER_BYTES: usize = 5;

/// One message on a control socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// Carry these streams from now on.
    Attach(AttachStreams),
    /// Bytes for the process's stdin.
    Stdin(Vec<u8>),
    /// The client's stdin ended.
    CloseStdin,
    /// The client's terminal has this size now.
    Resize(TerminalSize),
    /// Send this signal to the init process.
    Signal(i32),
    /// Freeze it.
    Pause,
    /// Thaw it.
    Unpause,
    /// Answer with [`Frame::Exited`] when it ends.
    Wait,
    /// The user wants it stopped (and has recorded so): end a wait for the next restart.
    Settle,
    /// Run the next health check now.
    Check,
    /// Bytes that the process wrote.
    Output(Stream, Vec<u8>),
    /// The process ended. The last frame.
    Exited(Exit),
    /// The request before was done.
    Done,
    /// The request before was not done, and why.
    Refused(String),
}

/// What a peer sent is no frame.
#[derive(Debug, thiserror::Error)]
#[error("malformed frame of kind {kind} and {len} bytes")]
pub struct Malformed {
    kind: u8,
    len: usize,
}

mod kind {
    pub const ATTACH: u8 = 1;
    pub const STDIN: u8 = 2;
    pub const CLOSE_STDIN: u8 = 3;
    pub const RESIZE: u8 = 4;
    pub const SIGNAL: u8 = 5;
    pub const PAUSE: u8 = 6;
    pub const UNPAUSE: u8 = 7;
    pub const WAIT: u8 = 8;
    pub const SETTLE: u8 = 9;
    pub const CHECK: u8 = 10;
    pub const STDOUT: u8 = 64;
    pub const STDERR: u8 = 65;
    pub const EXITED: u8 = 66;
    pub const DONE: u8 = 67;
    pub const REFUSED: u8 = 68;
}

impl Frame {
    /// Appends it as bytes. Streams longer than a frame become several.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Attach(streams) => {
                let flags = u8::from(streams.stdin)
                    | u8::from(streams.stdout) << 1
                    | u8::from(streams.stderr) << 2
                    | u8::from(streams.size.is_some()) << 3;
                let size = streams.size.unwrap_or(TerminalSize { rows: 0, cols: 0 });
                let mut payload = [flags, 0, 0, 0, 0];
                payload[1..].copy_from_slice(&size_bytes(size));
                put(out, kind::ATTACH, &payload);
            }
            Self::Stdin(bytes) => encode_stdin(bytes, out),
            Self::CloseStdin => put(out, kind::CLOSE_STDIN, &[]),
            Self::Resize(size) => put(out, kind::RESIZE, &size_bytes(*size)),
            Self::Signal(number) => put(out, kind::SIGNAL, &number.to_le_bytes()),
            Self::Pause => put(out, kind::PAUSE, &[]),
            Self::Unpause => put(out, kind::UNPAUSE, &[]),
            Self::Wait => put(out, kind::WAIT, &[]),
            Self::Settle => put(out, kind::SETTLE, &[]),
            Self::Check => put(out, kind::CHECK, &[]),
            Self::Output(stream, bytes) => encode_output(*stream, bytes, out),
            Self::Exited(exit) => {
                let json = serde_json::to_vec(exit).expect("an exit has no map keys to refuse");
                put(out, kind::EXITED, &json);
            }
            Self::Done => put(out, kind::DONE, &[]),
            Self::Refused(why) => {
                // Within a character or not: the reader is lenient.
                let len = why.len().min(MAX_PAYLOAD_BYTES);
                put(out, kind::REFUSED, &why.as_bytes()[..len]);
            }
        }
    }

    fn decode(kind: u8, payload: &[u8]) -> Result<Self, Malformed> {
        let malformed = || Malformed {
            kind,
            len: payload.len(),
        };
        let nothing = |frame| {
            if payload.is_empty() {
                Ok(frame)
            } else {
                Err(malformed())
            }
        };
        Ok(match kind {
            kind::ATTACH => {
                let (&flags, size) = payload.split_first().ok_or_else(malformed)?;
                let size = size_from(size).ok_or_else(malformed)?;
                Self::Attach(AttachStreams {
                    stdin: flags & 1 != 0,
                    stdout: flags & 2 != 0,
                    stderr: flags & 4 != 0,
                    size: (flags & 8 != 0).then_some(size),
                })
            }
            kind::STDIN => Self::Stdin(payload.to_vec()),
            kind::CLOSE_STDIN => return nothing(Self::CloseStdin),
            kind::RESIZE => Self::Resize(size_from(payload).ok_or_else(malformed)?),
            kind::SIGNAL => Self::Signal(i32::from_le_bytes(
                payload.try_into().map_err(|_| malformed())?,
            )),
            kind::PAUSE => return nothing(Self::Pause),
            kind::UNPAUSE => return nothing(Self::Unpause),
            kind::WAIT => return nothing(Self::Wait),
            kind::SETTLE => return nothing(Self::Settle),
            kind::CHECK => return nothing(Self::Check),
            kind::STDOUT => Self::Output(Stream::Stdout, payload.to_vec()),
            kind::STDERR => Self::Output(Stream::Stderr, payload.to_vec()),
            kind::EXITED => Self::Exited(serde_json::from_slice(payload).map_err(|_| malformed())?),
            kind::DONE => return nothing(Self::Done),
            kind::REFUSED => Self::Refused(String::from_utf8_lossy(payload).into_owned()),
            _ => return Err(malformed()),
        })
    }
}

/// Appends bytes for stdin, as many frames as they need.
pub fn encode_stdin(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.chunks(MAX_PAYLOAD_BYTES) {
        put(out, kind::STDIN, chunk);
    }
}

/// Appends output of a stream, as many frames as it needs.
pub fn encode_output(stream: Stream, bytes: &[u8], out: &mut Vec<u8>) {
    let kind = match stream {
        Stream::Stdout => kind::STDOUT,
        Stream::Stderr => kind::STDERR,
    };
    for chunk in bytes.chunks(MAX_PAYLOAD_BYTES) {
        put(out, kind, chunk);
    }
}

fn put(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    out.push(kind);
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(payload);
}

fn size_bytes(size: TerminalSize) -> [u8; 4] {
    let ([r0, r1], [c0, c1]) = (size.rows.to_le_bytes(), size.cols.to_le_bytes());
    [r0, r1, c0, c1]
}

fn size_from(bytes: &[u8]) -> Option<TerminalSize> {
    let &[r0, r1, c0, c1] = bytes else {
        return None;
    };
    Some(TerminalSize {
        rows: u16::from_le_bytes([r0, r1]),
        cols: u16::from_le_bytes([c0, c1]),
    })
}

/// Puts frames together from bytes as they come. Holds at most one frame and what was
/// pushed at once.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// Takes what was read from the peer.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start == self.bytes.len() {
            self.bytes.clear();
        } else {
            self.bytes.drain(..self.start);
        }
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame; `None` until more is pushed.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Malformed> {
        let unread = &self.bytes[self.start..];
        let Some((header, rest)) = unread.split_at_checked(HEADER_BYTES) else {
            return Ok(None);
        };
        let kind = header[0];
        let len = u32::from_le_bytes([header[1], header[2], header[3], header[4]]) as usize;
        if len > MAX_PAYLOAD_BYTES {
            return Err(Malformed { kind, len });
        }
        let Some(payload) = rest.get(..len) else {
            return Ok(None);
        };
        let frame = Frame::decode(kind, payload)?;
        self.start += HEADER_BYTES + len;
        Ok(Some(frame))
    }

    /// Gives back the memory of a large frame once nothing is left in it.
    pub fn shrink(&mut self) {
        if self.start == self.bytes.len() {
            self.bytes = Vec::new();
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn every_frame() -> Vec<Frame> {
        let size = TerminalSize {
            rows: 50,
            cols: 300,
        };
        vec![
            Frame::Attach(AttachStreams {
                stdin: true,
                stdout: false,
                stderr: true,
                size: Some(size),
            }),
            Frame::Attach(AttachStreams::default()),
            Frame::Stdin(b"abc".to_vec()),
            Frame::CloseStdin,
            Frame::Resize(size),
            Frame::Signal(15),
            Frame::Pause,
            Frame::Unpause,
            Frame::Wait,
            Frame::Settle,
            Frame::Output(Stream::Stdout, vec![7; MAX_PAYLOAD_BYTES]),
            Frame::Output(Stream::Stderr, b"\0".to_vec()),
            Frame::Exited(Exit {
                code: Some(137),
                at: Timestamp::UNIX_EPOCH,
                oom_killed: true,
            }),
            Frame::Done,
            Frame::Refused("it is not running".into()),
        ]
    }

    fn decode_in_chunks(bytes: &[u8], chunk: usize) -> Result<Vec<Frame>, Malformed> {
        let mut decoder = Decoder::default();
        let mut frames = Vec::new();
        for part in bytes.chunks(chunk) {
            decoder.push(part);
            while let Some(frame) = decoder.next_frame()? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    #[test]
    fn frames_survive_any_cut() {
        let mut bytes = Vec::new();
        every_frame().iter().for_each(|f| f.encode(&mut bytes));
        for chunk in [1, 2, 5, 6, 1000, bytes.len()] {
            assert_eq!(decode_in_chunks(&bytes, chunk).unwrap(), every_frame());
        }
    }

    #[test]
    fn long_output_becomes_several_frames() {
        let mut bytes = Vec::new();
        encode_output(
            Stream::Stdout,
            &vec![1; 2 * MAX_PAYLOAD_BYTES + 1],
            &mut bytes,
        );
        assert_eq!(decode_in_chunks(&bytes, 4096).unwrap().len(), 3);
    }

    #[test]
    fn too_long_a_frame_is_refused_before_it_comes() {
        let mut decoder = Decoder::default();
        decoder.push(&[kind::STDIN, 1, 0, 1, 0]);
        assert!(decoder.next_frame().is_err());
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused_or_decoded_without_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            kind in 0u8..72,
            chunk in 1usize..50,
        ) {
            let _ = decode_in_chunks(&bytes, chunk);
            let mut framed = Vec::new();
            put(&mut framed, kind, &bytes);
            let _ = decode_in_chunks(&framed, chunk);
        }
    }
}
