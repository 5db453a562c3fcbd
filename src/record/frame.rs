//! A frame: one picture on its way into a file or a ring, compressed and checksummed.
//!
//! ```text
//! length u32 | crc32 u32 | flags u8 | at i64 (microseconds since 1970) | body
//! ```
//!
//! All little-endian; length and checksum are of what follows them. Times stand outside
//! of the body, so that a recording is indexed without decompressing it.

use flate2::Crc;
use jiff::Timestamp;

use super::Corrupt;

/// Bytes before the flags.
pub const PREFIX: usize = 8;
/// Bytes of flags and time.
const HEAD: usize = 9;
/// No frame is longer: more is a damaged length.
pub const MAX_LENGTH: usize = 64 << 20;

/// What is special about a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// It can be read without any frame before it.
    pub const KEY: u8 = 1;
    /// Nobody looked for a while before it.
    pub const GAP: u8 = 2;
    /// The clock was set between it and the frame before.
    pub const JUMP: u8 = 4;

    /// These flags.
    pub fn of(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether a flag is set.
    pub fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}

/// One picture, compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What is special about it.
    pub flags: Flags,
    /// When the picture was made.
    pub at: Timestamp,
    /// A piece of a compressed stream that begins with the last key frame.
    pub body: Box<[u8]>,
}

/// A frame's place among others, without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What is special about it.
    pub flags: Flags,
    /// When the picture was made.
    pub at: Timestamp,
    /// Bytes that it takes in a file.
    pub length: usize,
}

impl Frame {
    /// Bytes that it takes in a file.
    pub fn length(&self) -> usize {
        PREFIX + HEAD + self.body.len()
    }

    /// The frame as a file holds it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.length());
        out.extend_from_slice(&((HEAD + self.body.len()) as u32).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.push(self.flags.0);
        out.extend_from_slice(&self.at.as_microsecond().to_le_bytes());
        out.extend_from_slice(&self.body);
        let sum = checksum(&out[PREFIX..]);
        out[4..PREFIX].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// The frame at the beginning of `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, Corrupt> {
        let head = Head::read(bytes)?;
        Ok(Self {
            flags: head.flags,
            at: head.at,
            body: bytes[PREFIX + HEAD..head.length].into(),
        })
    }
}

impl Head {
    /// Checks the frame at the beginning of `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, Corrupt> {
        const CUT: Corrupt = Corrupt("it ends within a frame");
        let number = |at: usize| -> Result<u32, Corrupt> {
            let bytes = bytes.get(at..at + 4).ok_or(CUT)?;
            Ok(u32::from_le_bytes(bytes.try_into().map_err(|_| CUT)?))
        };
        let length = number(0)? as usize;
        if !(HEAD..=MAX_LENGTH).contains(&length) {
            return Err(Corrupt("a frame has an impossible length"));
        }
        let content = bytes.get(PREFIX..PREFIX + length).ok_or(CUT)?;
        if checksum(content) != number(4)? {
            return Err(Corrupt("a frame's checksum is wrong"));
        }
        let at = content[1..HEAD].try_into().map_err(|_| CUT)?;
        Ok(Self {
            flags: Flags::of(content[0]),
            at: Timestamp::from_microsecond(i64::from_le_bytes(at))
                .map_err(|_| Corrupt("a frame's time is impossible"))?,
            length: PREFIX + length,
        })
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_comes_back_and_no_cut_or_changed_byte_passes() {
        let frame = Frame {
            flags: Flags::of(Flags::KEY),
            at: Timestamp::from_microsecond(1_700_000_000_123_456).unwrap(),
            body: (0..40).collect(),
        };
        let bytes = frame.to_bytes();
        assert_eq!(bytes.len(), frame.length());
        assert_eq!(Frame::read(&bytes), Ok(frame));
        for end in 0..bytes.len() {
            assert!(Frame::read(&bytes[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::read(&bad).is_err(), "bit {bit}");
        }
    }
}
