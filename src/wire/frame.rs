//! The multiplexed stream: output of a process without a terminal, in frames of a stream
//! number, three zeros, a length (big-endian) and that many bytes.

use bytes::{BufMut, Bytes, BytesMut};

use crate::model::Stream;

/// Content type of streams in frames.
pub const MULTIPLEXED: &str = "application/vnd.docker.multiplexed-stream";
/// Content type of streams as they are.
pub const RAW: &str = "application/vnd.docker.raw-stream";

/// Bytes before each payload.
pub const HEADER_BYTES: usize = 8;
/// The longest payload that is believed; a longer one ends the stream.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// Appends one frame.
pub fn encode(stream: Stream, payload: &[u8], out: &mut BytesMut) {
    let number = match stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    };
    for part in payload.chunks(MAX_PAYLOAD_BYTES) {
        out.reserve(HEADER_BYTES + part.len());
        out.put_slice(&[number, 0, 0, 0]);
        out.put_u32(u32::try_from(part.len()).expect("a part is at most MAX_PAYLOAD_BYTES"));
        out.put_slice(part);
    }
}

/// One frame by itself.
pub fn framed(stream: Stream, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    encode(stream, payload, &mut out);
    out.freeze()
}

/// What a peer sent is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream has no frame where one should begin")]
pub struct Malformed;

/// Takes frames from bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: BytesMut,
}

impl Decoder {
    /// Takes what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame, if all of it came.
    pub fn next_frame(&mut self) -> Result<Option<(Stream, Bytes)>, Malformed> {
        let Some(header) = self.bytes.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let [number, 0, 0, 0, a, b, c, d] = *header else {
            return Err(Malformed);
        };
        let stream = match number {
            // What was written to its stdin comes back as its stdout.
            0 | 1 => Stream::Stdout,
            // 3 is what the daemon itself has to say.
            2 | 3 => Stream::Stderr,
            _ => return Err(Malformed),
        };
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        if len > MAX_PAYLOAD_BYTES {
            return Err(Malformed);
        }
        if self.bytes.len() < HEADER_BYTES + len {
            return Ok(None);
        }
        let _header = self.bytes.split_to(HEADER_BYTES);
        Ok(Some((stream, self.bytes.split_to(len).freeze())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_any_cut() {
        let mut bytes = BytesMut::new();
        encode(Stream::Stdout, b"out\n", &mut bytes);
        encode(Stream::Stderr, b"", &mut bytes);
        encode(Stream::Stderr, b"err\n", &mut bytes);
        for cut in [1, 3, 8, 9, 100] {
            let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
            for part in bytes.chunks(cut) {
                decoder.push(part);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    frames.push(frame);
                }
            }
            let wanted = [
                (Stream::Stdout, Bytes::from_static(b"out\n")),
                (Stream::Stderr, Bytes::from_static(b"err\n")),
            ];
            assert_eq!(frames, wanted, "{cut}");
        }
    }

    #[test]
    fn header_is_the_daemons() {
        assert_eq!(
            framed(Stream::Stderr, b"ab").as_ref(),
            [2, 0, 0, 0, 0, 0, 0, 2, b'a', b'b']
        );
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bytes in [
            [9, 0, 0, 0, 0, 0, 0, 1],
            [1, 1, 0, 0, 0, 0, 0, 1],
            [1, 0, 0, 0, 255, 0, 0, 0],
        ] {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            assert_eq!(decoder.next_frame(), Err(Malformed));
        }
    }
}
