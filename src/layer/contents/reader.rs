//! Reads the contents of a layer, a block at a time, through a few blocks of memory.
//!
//! By pread(2) and not by a mapping: whoever truncates the file meanwhile makes a read
//! fail, not the process.

use std::{
    cell::RefCell,
    cmp::Ordering,
    fs::File,
    io,
    os::unix::fs::{FileExt, MetadataExt},
};

use super::record::{BLOCK, FOOTER, Footer, RECORD, Record, damaged};
use crate::model::{FileEntry, FileKind};

/// Blocks of records, and as many of names, that are kept.
const KEPT: usize = 8;

/// A block that is kept, by its number.
type Kept = Option<(u64, Box<[u8]>)>;

/// The contents of a layer. Entries are known by their numbers; 0 is the root directory.
#[derive(Debug)]
pub struct Contents {
    file: File,
    entries: u32,
    /// Where the names begin.
    names_at: u64,
    names_len: u64,
    sums: Vec<u32>,
    kept: RefCell<Vec<Kept>>,
}

impl Contents {
    /// Reads the end of a file of contents. [`io::ErrorKind::InvalidData`] if it is not
    /// what was written.
    pub fn open(file: File) -> io::Result<Self> {
        let size = file.metadata()?.size();
        let mut footer = [0; FOOTER];
        let footer_at = size.checked_sub(FOOTER as u64);
        let footer_at = footer_at.ok_or_else(|| damaged("it is too short"))?;
        file.read_exact_at(&mut footer, footer_at)?;
        let footer = Footer::from_bytes(&footer)?;
        let names_at = u64::from(footer.entries) * RECORD as u64;
        let body = names_at.checked_add(footer.names_len);
        let sums_len = body.map(|body| body.div_ceil(BLOCK as u64) * 4);
        let is_whole = body
            .zip(sums_len)
            .and_then(|(body, sums)| body.checked_add(sums))
            == Some(footer_at);
        let (Some(body), Some(sums_len), true) = (body, sums_len, is_whole) else {
            return Err(damaged("its length is wrong"));
        };
        let mut sums = vec![0; sums_len as usize];
        file.read_exact_at(&mut sums, body)?;
        if crc32fast::hash(&sums) != footer.sums || footer.entries == 0 {
            return Err(damaged("a checksum is wrong"));
        }
        let (sums, _) = sums.as_chunks::<4>();
        Ok(Self {
            file,
            entries: footer.entries,
            names_at,
            names_len: footer.names_len,
            sums: sums.iter().map(|sum| u32::from_le_bytes(*sum)).collect(),
            kept: RefCell::new((0..2 * KEPT).map(|_| None).collect()),
        })
    }

    /// Entries in all, the root directory among them.
    pub fn len(&self) -> u32 {
        self.entries
    }

    /// Never: there is always the root directory.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// An entry with its name.
    pub fn entry(&self, number: u32) -> io::Result<FileEntry> {
        let record = self.record(number)?;
        let mut text = Vec::new();
        let length = usize::from(record.name_len) + usize::from(record.target_len);
        self.text(record.name_at, length, &mut text)?;
        let target = text.split_off(usize::from(record.name_len));
        Ok(FileEntry {
            name: text,
            target,
            kind: record.kind,
            mode: record.mode,
            uid: record.uid,
            gid: record.gid,
            size_bytes: record.size_bytes,
            modified: record.modified,
            modified_ns: record.modified_ns,
            is_opaque: record.is_opaque,
            is_link: record.is_link,
        })
    }

    /// What is at `path`, from the root and without a leading slash.
    pub fn find(&self, path: &[u8]) -> io::Result<Option<u32>> {
        let mut here = 0;
        for name in path.split(|byte| *byte == b'/').filter(|n| !n.is_empty()) {
            match self.child(here, name)? {
                Some(child) => here = child,
                None => return Ok(None),
            }
        }
        Ok(Some(here))
    }

    /// The entry of this name in a directory.
    pub fn child(&self, directory: u32, name: &[u8]) -> io::Result<Option<u32>> {
        let mut own = Vec::new();
        let mut next = self.first(directory)?;
        while let Some(number) = next {
            self.name(number, &mut own)?;
            match own.as_slice().cmp(name) {
                Ordering::Equal => return Ok(Some(number)),
                Ordering::Greater => return Ok(None),
                Ordering::Less => next = self.next(directory, number)?,
            }
        }
        Ok(None)
    }

    /// The path of an entry, without a leading slash.
    pub fn path(&self, number: u32) -> io::Result<Vec<u8>> {
        let (mut names, mut here) = (Vec::new(), number);
        while here != 0 {
            let mut name = Vec::new();
            self.name(here, &mut name)?;
            names.push(name);
            here = self.record(here)?.parent;
        }
        names.reverse();
        Ok(names.join(&b'/'))
    }

    /// The first entry of a directory.
    pub(in super::super) fn first(&self, directory: u32) -> io::Result<Option<u32>> {
        let record = self.record(directory)?;
        let has_any = record.kind == FileKind::Directory && record.end > directory + 1;
        Ok(has_any.then_some(directory + 1))
    }

    /// The entry of a directory after another one.
    pub(in super::super) fn next(&self, directory: u32, after: u32) -> io::Result<Option<u32>> {
        let next = self.record(after)?.end;
        Ok((next < self.record(directory)?.end).then_some(next))
    }

    /// Reads the name of an entry into `name`.
    pub(in super::super) fn name(&self, number: u32, name: &mut Vec<u8>) -> io::Result<()> {
        let record = self.record(number)?;
        self.text(record.name_at, record.name_len.into(), name)
    }

    /// What an entry is, whether it is opaque, and its sums: counted bytes and files of it
    /// and all below it.
    pub(in super::super) fn summary(&self, number: u32) -> io::Result<Summary> {
        let record = self.record(number)?;
        Ok(Summary {
            kind: record.kind,
            is_opaque: record.is_opaque,
            bytes: record.total_bytes,
            files: record.files.into(),
            below: record.end - number - 1,
        })
    }

    fn record(&self, number: u32) -> io::Result<Record> {
        if number >= self.entries {
            return Err(damaged("an entry that is not there"));
        }
        let at = u64::from(number) * RECORD as u64;
        let inside = (at % BLOCK as u64) as usize;
        let record = self.block(at / BLOCK as u64, 0, |block| {
            let bytes = block.get(inside..inside + RECORD);
            Record::from_bytes(bytes.ok_or_else(|| damaged("it is too short"))?)
        })??;
        // What a walk relies on, so that it ends whatever the file holds.
        let has_order = record.end > number && record.end <= self.entries;
        let is_below = record.parent < number || number == 0;
        match has_order && is_below {
            true => Ok(record),
            false => Err(damaged("an entry contradicts itself")),
        }
    }

    fn text(&self, at: u64, length: usize, text: &mut Vec<u8>) -> io::Result<()> {
        text.clear();
        if at
            .checked_add(length as u64)
            .is_none_or(|end| end > self.names_len)
        {
            return Err(damaged("a name that is not there"));
        }
        let mut at = self.names_at + at;
        while text.len() < length {
            let inside = (at % BLOCK as u64) as usize;
            let wanted = (length - text.len()).min(BLOCK - inside);
            self.block(at / BLOCK as u64, KEPT, |block| {
                text.extend_from_slice(&block[inside..inside + wanted]);
            })?;
            at += wanted as u64;
        }
        Ok(())
    }

    /// Looks at a block, which is read and checked unless it is kept; `half` is where
    /// those of its sort are kept.
    fn block<T>(&self, number: u64, half: usize, look: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        let mut kept = self.kept.borrow_mut();
        let slot = &mut kept[half + (number as usize % KEPT)];
        if let Some((have, block)) = slot
            && *have == number
        {
            return Ok(look(block));
        }
        let sum = *usize::try_from(number)
            .ok()
            .and_then(|number| self.sums.get(number))
            .ok_or_else(|| damaged("a block that is not there"))?;
        let body = self.names_at + self.names_len;
        let at = number * BLOCK as u64;
        let length = (body - at).min(BLOCK as u64) as usize;
        let mut block = match slot.take() {
            Some((_, block)) if block.len() == length => block,
            _ => vec![0; length].into_boxed_slice(),
        };
        self.file.read_exact_at(&mut block, at)?;
        if crc32fast::hash(&block) != sum {
            return Err(damaged("a checksum is wrong"));
        }
        let result = look(&block);
        *slot = Some((number, block));
        Ok(result)
    }
}

/// What most steps of a walk need of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Summary {
    pub(in super::super) kind: FileKind,
    pub(in super::super) is_opaque: bool,
    pub(in super::super) bytes: u64,
    pub(in super::super) files: u64,
    /// Entries below it.
    pub(in super::super) below: u32,
}
