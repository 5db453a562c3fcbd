//! Reads a tar archive as layers need it: strictly, in one pass, without copying file
//! content. POSIX ustar and pax, GNU's long names and all four forms of sparse files.
//!
//! Ours, because what the usual readers forgive (a missing end, sizes on entries that
//! have no content, numbers out of range) is where two readers of one archive see two
//! different file systems.

use std::io::{self, BufRead};

use super::{
    attributes::xattrs,
    entry::{Entry, Kind, Time, refused},
    error::{Error, Refusal, Result},
};

const BLOCK: usize = 512;
/// Longest extended header, long name or sparse map; as Go's archive/tar has it.
const LONGEST_HEADER: u64 = 1 << 20;

/// The reader. After [`Archive::next`] gave a file, its content must be read by
/// [`Archive::content`] until that gives `None`, or is skipped.
pub struct Archive<R> {
    source: R,
    /// Bytes of the current entry's content that were not read yet.
    content: u64,
    /// Zeros after that, up to a whole block.
    padding: u64,
    /// Bytes of the last piece given out.
    lent: usize,
    globals: Records,
    any: bool,
    /// Whether it may end after any entry.
    is_open_ended: bool,
}

/// Keys and values of extended headers, in order: the oldest sparse format repeats keys.
pub(super) type Records = Vec<(Vec<u8>, Vec<u8>)>;

type Block = [u8; BLOCK];

impl<R: BufRead> Archive<R> {
    /// Reads an archive from `source`.
    pub fn new(source: R) -> Self {
        Self {
            source,
            content: 0,
            padding: 0,
            lent: 0,
            globals: Vec::new(),
            any: false,
            is_open_ended: false,
        }
    }

    /// Lets it end after the content of any entry, without padding and the zero blocks
    /// that mark the end: for archives whose digest tells whether they are whole. Some
    /// tools never write them.
    pub(super) fn open_ended(mut self) -> Self {
        self.is_open_ended = true;
        self
    }

    /// What it reads from.
    pub(super) fn source(&self) -> &R {
        &self.source
    }

    /// The next entry; `None` at the end of the archive.
    // Not an iterator: an entry's content is read from the archive between two of them.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Entry>> {
        self.skip_content()?;
        if self.is_open_ended && self.any && fill(&mut self.source)?.is_empty() {
            return Ok(None);
        }
        let mut records = self.globals.clone();
        let mut long_name = None;
        let mut long_link = None;
        loop {
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let name = header_name(&header);
            let size = number(&header[124..136]).ok_or_else(|| bad(&name, "size"))?;
            match header[156] {
                b'x' | b'X' => {
                    let text = self.short_content(size, &name)?;
                    read_records(&text, &mut records)
                        .ok_or_else(|| refused(&name, Refusal::ExtendedHeader))?;
                }
                b'g' => {
                    let text = self.short_content(size, &name)?;
                    read_records(&text, &mut self.globals)
                        .ok_or_else(|| refused(&name, Refusal::ExtendedHeader))?;
                    records.clone_from(&self.globals);
                }
                b'L' => long_name = Some(until_zero(&self.short_content(size, &name)?).to_vec()),
                b'K' => long_link = Some(until_zero(&self.short_content(size, &name)?).to_vec()),
                // The label of the volume.
                b'V' => {
                    self.start_content(size, &name)?;
                    self.skip_content()?;
                }
                _ => {
                    let name = long_name.unwrap_or(name);
                    return self
                        .entry(&header, name, long_link, &records, size)
                        .map(Some);
                }
            }
        }
    }

    /// The next piece of the current file's content; `None` at its end.
    pub fn content(&mut self) -> Result<Option<&[u8]>> {
        self.source.consume(std::mem::take(&mut self.lent));
        if self.content == 0 {
            return Ok(None);
        }
        let piece = fill(&mut self.source)?;
        if piece.is_empty() {
            return Err(Error::Malformed(Refusal::Truncated));
        }
        let length =
            usize::try_from(self.content).map_or(piece.len(), |left| left.min(piece.len()));
        self.content -= length as u64;
        self.lent = length;
        Ok(Some(&piece[..length]))
    }

    /// Reads whatever follows the end of the archive, so that its source is whole.
    pub fn drain(mut self) -> Result<R> {
        loop {
            let length = fill(&mut self.source)?.len();
            if length == 0 {
                return Ok(self.source);
            }
            self.source.consume(length);
        }
    }

    fn entry(
        &mut self,
        header: &Block,
        mut name: Vec<u8>,
        long_link: Option<Vec<u8>>,
        records: &Records,
        mut size: u64,
    ) -> Result<Entry> {
        let record = |key: &[u8]| {
            let newest = records.iter().rev().find(|(k, _)| k == key);
            // An empty value takes an earlier one back.
            newest.map(|(_, v)| v.as_slice()).filter(|v| !v.is_empty())
        };
        if let Some(path) = record(b"path") {
            name = path.to_vec();
        }
        if let Some(path) = record(b"GNU.sparse.name") {
            name = path.to_vec();
        }
        let numeric = |key: &[u8], field: &'static str| match record(key) {
            None => Ok(None),
            Some(text) => decimal(text).map(Some).ok_or_else(|| bad(&name, field)),
        };
        let id = |key: &[u8], range: std::ops::Range<usize>, field: &'static str| {
            let value = match numeric(key, field)? {
                Some(value) => value,
                None => number(&header[range]).ok_or_else(|| bad(&name, field))?,
            };
            // The highest number means "leave it as it is" to chown(2).
            match u32::try_from(value) {
                Ok(value) if value != u32::MAX => Ok(value),
                _ => Err(bad(&name, field)),
            }
        };
        let time = |key: &[u8], field: &'static str| match record(key) {
            None => Ok(None),
            Some(text) => timestamp(text).map(Some).ok_or_else(|| bad(&name, field)),
        };
        let modified = match time(b"mtime", "modification time")? {
            Some(time) => time,
            None => Time {
                seconds: signed(&header[136..148])
                    .ok_or_else(|| bad(&name, "modification time"))?,
                nanoseconds: 0,
            },
        };
        let mut entry = Entry {
            mode: number(&header[100..108]).ok_or_else(|| bad(&name, "mode"))? as u32 & 0o7777,
            uid: id(b"uid", 108..116, "user id")?,
            gid: id(b"gid", 116..124, "group id")?,
            modified,
            accessed: time(b"atime", "access time")?,
            xattrs: xattrs(records),
            kind: Kind::Directory,
            name: Vec::new(),
        };
        if let Some(real) = numeric(b"size", "size")? {
            size = real;
        }
        let link = match record(b"linkpath") {
            Some(path) => path.to_vec(),
            None => long_link.unwrap_or_else(|| until_zero(&header[157..257]).to_vec()),
        };
        let device = |range: std::ops::Range<usize>| {
            number(&header[range]).ok_or_else(|| bad(&name, "device number"))
        };
        let flag = header[156];
        entry.kind = match flag {
            // A name that ends in a slash was a directory before there were types.
            0 | b'0' if name.ends_with(b"/") => Kind::Directory,
            0 | b'0' | b'7' | b'S' => {
                self.start_content(size, &name)?;
                let numeric = |key: &[u8]| numeric(key, "size");
                self.sparse_file(header, records, size, numeric)
                    .map_err(|error| match error {
                        Error::Malformed(Refusal::Sparse) => refused(&name, Refusal::Sparse),
                        error => error,
                    })?
            }
            b'1' => Kind::HardLink(link),
            b'2' => Kind::Symlink(link),
            b'3' | b'4' => {
                let (major, minor) = (device(329..337)?, device(337..345)?);
                let valid = major < 1 << 12 && minor < 1 << 20;
                match flag {
                    _ if !valid => return Err(refused(&name, Refusal::Device { major, minor })),
                    b'3' => Kind::CharacterDevice {
                        major: major as u32,
                        minor: minor as u32,
                    },
                    _ => Kind::BlockDevice {
                        major: major as u32,
                        minor: minor as u32,
                    },
                }
            }
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            _ => return Err(refused(&name, Refusal::Type(flag))),
        };
        if size != 0 && !matches!(entry.kind, Kind::File { .. }) {
            return Err(refused(&name, Refusal::UnexpectedContent));
        }
        entry.name = name;
        Ok(entry)
    }

    /// The kind of a regular file, its holes included. Reads the map of holes where that
    /// is part of the content.
    fn sparse_file(
        &mut self,
        header: &Block,
        records: &Records,
        size: u64,
        numeric: impl Fn(&[u8]) -> Result<Option<u64>>,
    ) -> Result<Kind> {
        let contradiction = || Error::Malformed(Refusal::Sparse);
        let real_size = match numeric(b"GNU.sparse.realsize")? {
            None => numeric(b"GNU.sparse.size")?,
            real_size => real_size,
        };
        let (real_size, pieces) = if header[156] == b'S' {
            let real_size = number(&header[483..495]).ok_or_else(contradiction)?;
            (real_size, self.old_map(header)?)
        } else if numeric(b"GNU.sparse.major")? == Some(1) {
            let real_size = real_size.ok_or_else(contradiction)?;
            (real_size, self.map_in_content()?)
        } else if let Some(real_size) = real_size {
            (
                real_size,
                map_in_records(records).ok_or_else(contradiction)?,
            )
        } else {
            return Ok(Kind::File { size, pieces: None });
        };
        let mut end = 0;
        let mut total: u64 = 0;
        for (offset, length) in &pieces {
            if *offset < end {
                return Err(contradiction());
            }
            end = offset.checked_add(*length).ok_or_else(contradiction)?;
            total += length;
        }
        if end > real_size || total != self.content || real_size > i64::MAX as u64 {
            return Err(contradiction());
        }
        Ok(Kind::File {
            size: real_size,
            pieces: Some(pieces),
        })
    }

    /// The map of GNU's old format: four pieces in the header, then blocks of 21.
    fn old_map(&mut self, header: &Block) -> Result<Vec<(u64, u64)>> {
        let contradiction = || Error::Malformed(Refusal::Sparse);
        let mut pieces = Vec::new();
        let mut read = |table: &[u8]| {
            for piece in table.chunks_exact(24) {
                if piece[0] == 0 {
                    break;
                }
                let offset = number(&piece[..12]).ok_or_else(contradiction)?;
                let length = number(&piece[12..]).ok_or_else(contradiction)?;
                pieces.push((offset, length));
            }
            if pieces.len() as u64 * 24 > LONGEST_HEADER {
                return Err(contradiction());
            }
            Ok(())
        };
        read(&header[386..482])?;
        let mut more = header[482] != 0;
        while more {
            let mut block = [0; BLOCK];
            read_exact(&mut self.source, &mut block)?;
            read(&block[..504])?;
            more = block[504] != 0;
        }
        Ok(pieces)
    }

    /// The map of pax format 1.0: decimal lines at the beginning of the content, padded
    /// to whole blocks.
    fn map_in_content(&mut self) -> Result<Vec<(u64, u64)>> {
        let contradiction = || Error::Malformed(Refusal::Sparse);
        let mut text = Vec::new();
        let mut numbers = Vec::new();
        let mut expected = None;
        while expected.is_none_or(|count| numbers.len() < count) {
            if self.content < BLOCK as u64 || text.len() as u64 > LONGEST_HEADER {
                return Err(contradiction());
            }
            let mut block = [0; BLOCK];
            read_exact(&mut self.source, &mut block)?;
            self.content -= BLOCK as u64;
            text.extend_from_slice(&block);
            while let Some(newline) = text.iter().position(|byte| *byte == b'\n') {
                let value = decimal(&text[..newline]).ok_or_else(contradiction)?;
                text.drain(..=newline);
                match expected {
                    None if value > LONGEST_HEADER => return Err(contradiction()),
                    None => expected = Some(value as usize * 2),
                    Some(_) => numbers.push(value),
                }
                if expected.is_some_and(|count| numbers.len() >= count) {
                    break;
                }
            }
        }
        Ok(numbers
            .chunks_exact(2)
            .map(|pair| (pair[0], pair[1]))
            .collect())
    }

    /// The next header; `None` at the first of the zero blocks that end an archive.
    fn header(&mut self) -> Result<Option<Block>> {
        let mut block = [0; BLOCK];
        match read_exact(&mut self.source, &mut block) {
            // Too short for a single header.
            Err(Error::Malformed(Refusal::Truncated)) if !self.any => {
                return Err(Error::Malformed(Refusal::NotAnArchive));
            }
            result => result?,
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        // Some old writers summed signed bytes.
        let summed = |value: fn(u8) -> i64| -> i64 {
            let others = block[..148].iter().chain(&block[156..]);
            others.map(|byte| value(*byte)).sum::<i64>() + 8 * i64::from(b' ')
        };
        let said = signed(&block[148..156]);
        if said != Some(summed(i64::from)) && said != Some(summed(|byte| i64::from(byte as i8))) {
            return Err(Error::Malformed(if self.any {
                Refusal::Checksum
            } else {
                Refusal::NotAnArchive
            }));
        }
        self.any = true;
        Ok(Some(block))
    }

    fn start_content(&mut self, size: u64, name: &[u8]) -> Result<()> {
        if size > i64::MAX as u64 {
            return Err(bad(name, "size"));
        }
        self.content = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
        Ok(())
    }

    fn short_content(&mut self, size: u64, name: &[u8]) -> Result<Vec<u8>> {
        if size > LONGEST_HEADER {
            return Err(refused(name, Refusal::ExtendedHeader));
        }
        self.start_content(size, name)?;
        let mut text = Vec::with_capacity(size as usize);
        while let Some(piece) = self.content()? {
            text.extend_from_slice(piece);
        }
        self.skip_content()?;
        Ok(text)
    }

    fn skip_content(&mut self) -> Result<()> {
        self.source.consume(std::mem::take(&mut self.lent));
        let mut left = self.content + self.padding;
        let padding = self.padding;
        (self.content, self.padding) = (0, 0);
        while left > 0 {
            let piece = fill(&mut self.source)?.len();
            if piece == 0 && left == padding && self.is_open_ended {
                return Ok(());
            }
            if piece == 0 {
                return Err(Error::Malformed(Refusal::Truncated));
            }
            let length = usize::try_from(left).map_or(piece, |left| left.min(piece));
            self.source.consume(length);
            left -= length as u64;
        }
        Ok(())
    }
}

fn bad(name: &[u8], field: &'static str) -> Error {
    refused(name, Refusal::Number(field))
}

fn fill<R: BufRead>(source: &mut R) -> Result<&[u8]> {
    // Looked at twice, because the borrow of a piece can't be returned from a loop that
    // may also try again.
    loop {
        match source.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Source(error)),
        }
    }
    source.fill_buf().map_err(Error::Source)
}

fn read_exact<R: BufRead>(source: &mut R, block: &mut Block) -> Result<()> {
    let mut have = 0;
    while have < BLOCK {
        let piece = fill(source)?;
        if piece.is_empty() {
            return Err(Error::Malformed(Refusal::Truncated));
        }
        let length = piece.len().min(BLOCK - have);
        block[have..have + length].copy_from_slice(&piece[..length]);
        source.consume(length);
        have += length;
    }
    Ok(())
}

fn until_zero(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0);
    &field[..end.unwrap_or(field.len())]
}

fn header_name(header: &Block) -> Vec<u8> {
    let name = until_zero(&header[..100]);
    let prefix = until_zero(&header[345..500]);
    // GNU's own magic ("ustar  ") has other things where the prefix would be.
    if &header[257..263] != b"ustar\0" || prefix.is_empty() {
        return name.to_vec();
    }
    [prefix, b"/", name].concat()
}

/// A number of a header that can't be negative.
fn number(field: &[u8]) -> Option<u64> {
    u64::try_from(signed(field)?).ok()
}

/// A number of a header: octal digits, or base 256 if the first bit is set.
fn signed(field: &[u8]) -> Option<i64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // Two's complement; the mark is the sign bit's neighbour in the first byte.
        let negative = first & 0x40 != 0;
        let mut value = i128::from(first & 0x3f) - if negative { 0x40 } else { 0 };
        for byte in rest {
            value = value.checked_mul(256)?.checked_add(i128::from(*byte))?;
        }
        return i64::try_from(value).ok();
    }
    let text = until_zero(field).trim_ascii();
    let mut value: i64 = 0;
    for byte in text {
        let digit = (*byte as char).to_digit(8)?;
        value = value.checked_mul(8)?.checked_add(i64::from(digit))?;
    }
    Some(value)
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds with an optional fraction, perhaps negative.
fn timestamp(text: &[u8]) -> Option<Time> {
    let text = str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (negative, digits) = match whole.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, whole),
    };
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = i64::try_from(decimal(digits.as_bytes())?).ok()?;
    let nanoseconds: u32 = format!("{fraction:0<9.9}").parse().ok()?;
    Some(match (negative, nanoseconds) {
        (false, _) => Time {
            seconds,
            nanoseconds,
        },
        (true, 0) => Time {
            seconds: -seconds,
            nanoseconds: 0,
        },
        (true, _) => Time {
            seconds: -seconds - 1,
            nanoseconds: 1_000_000_000 - nanoseconds,
        },
    })
}

/// Appends the records of an extended header: `LENGTH KEY=VALUE\n`, the length counting
/// itself.
fn read_records(mut text: &[u8], records: &mut Records) -> Option<()> {
    while !text.is_empty() {
        let space = text.iter().take(20).position(|byte| *byte == b' ')?;
        let length = usize::try_from(decimal(&text[..space])?).ok()?;
        let (record, rest) = text.split_at_checked(length)?;
        let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        let is_name = matches!(key, b"path" | b"linkpath" | b"GNU.sparse.name");
        if key.is_empty() || (is_name && value.contains(&0)) {
            return None;
        }
        records.push((key.to_vec(), value.to_vec()));
        text = rest;
    }
    Some(())
}

/// The map of pax formats 0.0 (repeated keys) and 0.1 (one list).
fn map_in_records(records: &Records) -> Option<Vec<(u64, u64)>> {
    let values = |key: &[u8]| {
        let matching = records.iter().filter(move |(k, _)| k == key);
        matching
            .map(|(_, v)| decimal(v))
            .collect::<Option<Vec<_>>>()
    };
    if let Some((_, list)) = records.iter().rev().find(|(k, _)| k == b"GNU.sparse.map") {
        let numbers = list
            .split(|byte| *byte == b',')
            .map(decimal)
            .collect::<Option<Vec<_>>>()?;
        let pairs = numbers.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return None;
        }
        return Some(pairs.map(|pair| (pair[0], pair[1])).collect());
    }
    let offsets = values(b"GNU.sparse.offset")?;
    let lengths = values(b"GNU.sparse.numbytes")?;
    (offsets.len() == lengths.len()).then(|| offsets.into_iter().zip(lengths).collect())
}
