//! Packed input: what it is by its first bytes, and how it is unpacked while exactly the
//! bytes that were given are hashed and kept.

use std::{
    io::{self, BufRead, BufReader, Chain, Cursor, Read, Write},
    sync::atomic::{AtomicU64, Ordering},
};

use flate2::bufread::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::error::Result;
use crate::{
    layer,
    model::{Digest, ImportProgress},
};

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Plain,
    Gzip,
    Zstd,
}

/// Input whose first bytes were looked at.
pub(super) type Peeked<R> = Chain<Cursor<Vec<u8>>, BufReader<R>>;

/// Looks at the first bytes.
pub(super) fn detect<R: Read>(source: R) -> io::Result<(Format, Peeked<R>)> {
    let mut source = BufReader::with_capacity(256 << 10, source);
    let mut head = Vec::new();
    source.by_ref().take(6).read_to_end(&mut head)?;
    let unsupported = |name: &str| {
        let message = format!("{name} archives can't be read, only plain, gzip and zstd");
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    };
    let format = match head.as_slice() {
        [0x1f, 0x8b, ..] => Format::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Format::Zstd,
        // A skippable frame of zstd, which may come first.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Format::Zstd,
        b"\xfd7zXZ\0" => return unsupported("xz"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => return unsupported("bzip2"),
        [b'P', b'K', 3, 4, ..] => return unsupported("zip"),
        _ => Format::Plain,
    };
    Ok((format, Cursor::new(head).chain(source)))
}

/// Does `work` on a source of whatever format, with a progress that counts what is read
/// of it before it is unpacked.
pub(super) fn detected<R: Read, T>(
    source: R,
    progress: &mut dyn FnMut(ImportProgress),
    work: impl FnOnce(Format, &mut Peeked<Counted<'_, R>>, &mut dyn FnMut(ImportProgress)) -> Result<T>,
) -> Result<T> {
    let count = AtomicU64::new(0);
    let counted = Counted {
        source,
        count: &count,
    };
    let mut progress = |unpacked: ImportProgress| {
        progress(ImportProgress {
            read_bytes: count.load(Ordering::Relaxed),
            ..unpacked
        });
    };
    let (format, mut source) = detect(counted).map_err(layer::Error::Source)?;
    work(format, &mut source, &mut progress)
}

/// Counts what passes, for a progress that another thread shows.
pub(super) struct Counted<'a, R> {
    pub(super) source: R,
    pub(super) count: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.count.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// Hashes and copies whatever is consumed through it.
pub(super) struct Tee<R, W> {
    source: R,
    copy: W,
    hash: Sha256,
    length: u64,
    /// An error of the copy, told at the next read.
    failed: Option<io::Error>,
}

impl<R: BufRead, W: Write> Tee<R, W> {
    pub(super) fn new(source: R, copy: W) -> Self {
        Self {
            source,
            copy,
            hash: Sha256::new(),
            length: 0,
            failed: None,
        }
    }

    /// The digest and the length of what passed.
    pub(super) fn finish(mut self) -> io::Result<(Digest, u64)> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.copy.flush()?;
        Ok((
            Digest::from_sha256(&self.hash.finalize().into()),
            self.length,
        ))
    }
}

impl<R: BufRead, W: Write> BufRead for Tee<R, W> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.source.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        // Bytes that are about to be consumed are in the buffer: this reads nothing.
        match self.source.fill_buf() {
            Ok(buffer) => {
                let used = &buffer[..amount];
                self.hash.update(used);
                self.length += used.len() as u64;
                if let Err(error) = self.copy.write_all(used) {
                    self.failed = Some(error);
                }
            }
            Err(error) => self.failed = Some(error),
        }
        self.source.consume(amount);
    }
}

impl<R: BufRead, W: Write> Read for Tee<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ready = self.fill_buf()?;
        let length = ready.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

/// Any of the formats, unpacked.
pub(super) enum Plain<'a, R: BufRead> {
    AsIs(&'a mut R),
    Gzip(Box<Gzip<'a, R>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, &'a mut R>>),
}

impl<'a, R: BufRead> Plain<'a, R> {
    pub(super) fn new(format: Format, source: &'a mut R) -> io::Result<Self> {
        Ok(match format {
            Format::Plain => Self::AsIs(source),
            Format::Gzip => Self::Gzip(Box::new(Gzip::new(source))),
            Format::Zstd => Self::Zstd(Box::new(zstd::stream::read::Decoder::with_buffer(source)?)),
        })
    }
}

impl<R: BufRead> Read for Plain<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::AsIs(source) => source.read(buffer),
            Self::Gzip(source) => source.read(buffer),
            Self::Zstd(source) => source.read(buffer),
        }
    }
}

/// Hashes and counts what is written through it.
pub(super) struct Hashed<W> {
    copy: W,
    hash: Sha256,
    length: u64,
}

impl<W: Write> Hashed<W> {
    pub(super) fn new(copy: W) -> Self {
        Self {
            copy,
            hash: Sha256::new(),
            length: 0,
        }
    }

    /// The digest and the length of what was written.
    pub(super) fn finish(mut self) -> io::Result<(Digest, u64)> {
        self.copy.flush()?;
        let digest = Digest::from_sha256(&self.hash.finalize().into());
        Ok((digest, self.length))
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let length = self.copy.write(buffer)?;
        self.hash.update(&buffer[..length]);
        self.length += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.copy.flush()
    }
}

/// Unpacks gzip, all members of it. Like gzip(1), it passes over what follows the last
/// member; unlike docker, it refuses a member that is cut.
pub(super) struct Gzip<'a, R: BufRead> {
    /// The member being read; none after the last.
    member: Option<GzDecoder<&'a mut R>>,
}

impl<'a, R: BufRead> Gzip<'a, R> {
    pub(super) fn new(source: &'a mut R) -> Self {
        Self {
            member: Some(GzDecoder::new(source)),
        }
    }
}

impl<R: BufRead> Read for Gzip<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let length = member.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            if let Some(source) = self.member.take().map(GzDecoder::into_inner)
                && source.fill_buf()?.starts_with(&[0x1f])
            {
                self.member = Some(GzDecoder::new(source));
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(packed: &[u8]) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let mut copy = Vec::new();
        let mut text = Vec::new();
        let mut tee = Tee::new(packed, &mut copy);
        Gzip::new(&mut tee).read_to_end(&mut text)?;
        let (digest, length) = tee.finish()?;
        assert_eq!(length, copy.len() as u64);
        assert_eq!(digest, Digest::from_sha256(&Sha256::digest(&copy).into()));
        Ok((text, copy))
    }

    #[test]
    fn members_are_joined_and_what_follows_them_is_not_kept() {
        let members = [gzip(b"one "), gzip(b"two")].concat();
        let with_garbage = [&members[..], b"garbage"].concat();
        let (text, copy) = unpack(&with_garbage).unwrap();
        assert_eq!(text, b"one two");
        assert_eq!(copy, members);
    }

    #[test]
    fn gzip_cut_anywhere_is_refused() {
        let packed = gzip(&[7; 10_000]);
        for length in 2..packed.len() {
            assert!(unpack(&packed[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn format_is_told_by_the_first_bytes() {
        let format = |head: &[u8]| detect(head).map(|(format, _)| format);
        assert_eq!(format(b"").unwrap(), Format::Plain);
        assert_eq!(format(b"\x1f\x8b\x08\0").unwrap(), Format::Gzip);
        assert_eq!(format(b"\x28\xb5\x2f\xfd\0").unwrap(), Format::Zstd);
        assert!(format(b"\xfd7zXZ\0...").is_err());
        let (_, mut source) = detect(&b"0123456789"[..]).unwrap();
        let mut text = String::new();
        source.read_to_string(&mut text).unwrap();
        assert_eq!(text, "0123456789");
    }
}
