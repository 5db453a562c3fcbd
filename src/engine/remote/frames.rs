//! Docker's frames: several streams over one connection, each piece after a head of eight
//! bytes (the stream's number, three zeroes, the length, big-endian).

use bytes::{Buf, Bytes, BytesMut};

use crate::model::Stream;

/// The longest frame that is taken in one piece: longer ones come out in parts.
const HEAD: usize = 8;

/// Takes frames apart, however they are cut.
#[derive(Debug)]
pub struct Frames {
    buffer: BytesMut,
    /// The stream and the bytes of it that the frame under way still has.
    left: Option<(Stream, usize)>,
    /// A terminal has one stream and no frames.
    is_raw: bool,
}

impl Frames {
    /// Of a terminal, or of two streams.
    pub fn new(is_raw: bool) -> Self {
        Self {
            buffer: BytesMut::new(),
            left: None,
            is_raw,
        }
    }

    /// Takes bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next piece of output, if one is there.
    pub fn next_piece(&mut self) -> Result<Option<(Stream, Bytes)>, String> {
        if self.is_raw {
            let all = self.buffer.split().freeze();
            return Ok((!all.is_empty()).then_some((Stream::Stdout, all)));
        }
        loop {
            if let Some((stream, left)) = self.left {
                if left == 0 {
                    self.left = None;
                    continue;
                }
                let n = left.min(self.buffer.len());
                if n == 0 {
                    return Ok(None);
                }
                self.left = Some((stream, left - n));
                return Ok(Some((stream, self.buffer.split_to(n).freeze())));
            }
            if self.buffer.len() < HEAD {
                return Ok(None);
            }
            let mut head = self.buffer.split_to(HEAD);
            let stream = match head.get_u8() {
                0 | 1 => Stream::Stdout,
                // The third is what the engine itself has to say.
                2 | 3 => Stream::Stderr,
                other => return Err(format!("there is no stream {other}")),
            };
            head.advance(3);
            self.left = Some((stream, head.get_u32() as usize));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_put_together_however_they_are_cut() {
        let mut all = vec![1, 0, 0, 0, 0, 0, 0, 2, b'o', b'k'];
        all.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        all.extend([2, 0, 0, 0, 0, 0, 0, 1, b'!']);
        for cut in 1..all.len() {
            let mut frames = Frames::new(false);
            let (mut out, mut errors) = (Vec::new(), Vec::new());
            for part in all.chunks(cut) {
                frames.push(part);
                while let Some((stream, bytes)) = frames.next_piece().unwrap() {
                    match stream {
                        Stream::Stdout => out.extend_from_slice(&bytes),
                        Stream::Stderr => errors.extend_from_slice(&bytes),
                    }
                }
            }
            assert_eq!((&out[..], &errors[..]), (&b"ok"[..], &b"!"[..]), "{cut}");
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let mut frames = Frames::new(false);
        frames.push(b"HTTP/1.1 200 OK\r\n");
        assert!(frames.next_piece().is_err());
    }
}
