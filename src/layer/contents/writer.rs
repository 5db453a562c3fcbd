//! Writes the contents of a layer in one walk, with memory for the directories that are
//! open and no more.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::{
    FILE,
    record::{BLOCK, Footer, RECORD, Record},
};
use crate::model::{FileEntry, FileKind};

/// Records that are kept until they are written together.
const BUFFER: usize = 256 << 10;

/// A file of contents being written.
#[derive(Debug)]
pub struct Writer {
    directory: PathBuf,
    records: File,
    /// Records that are not in the file yet, and where they belong.
    buffer: Vec<u8>,
    buffer_at: u64,
    names: BufWriter<File>,
    names_len: u64,
    entries: u32,
    open: Vec<Open>,
}

/// A directory whose entries are being written.
#[derive(Debug)]
struct Open {
    number: u32,
    record: Record,
    /// The last name in it.
    last: Vec<u8>,
}

impl Writer {
    /// Begins a file `contents` in a directory that nobody else writes to. The first
    /// entry is the root directory; its name is empty.
    pub fn create(directory: &Path) -> io::Result<Self> {
        let file = |name| {
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(true);
            options.open(directory.join(name))
        };
        Ok(Self {
            records: file(FILE)?,
            names: BufWriter::with_capacity(BUFFER, file(NAMES)?),
            directory: directory.to_owned(),
            buffer: Vec::with_capacity(BUFFER),
            buffer_at: 0,
            names_len: 0,
            entries: 0,
            open: Vec::new(),
        })
    }

    /// Writes the next entry of the directory that is open; a directory is open then.
    /// Within a directory names ascend by their bytes.
    pub fn add(&mut self, entry: &FileEntry) -> io::Result<()> {
        let wrong = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
        let number = self.entries;
        let parent = match self.open.last_mut() {
            Some(above) => {
                if entry.name <= above.last || entry.name.contains(&b'/') {
                    return Err(wrong("entries are not in their order"));
                }
                above.last.clone_from(&entry.name);
                above.number
            }
            None if number == 0 && entry.is_directory() => 0,
            None => return Err(wrong("an entry outside of the root directory")),
        };
        let length = |bytes: &[u8]| {
            let length = u16::try_from(bytes.len());
            length.map_err(|_| wrong("a name is too long"))
        };
        let counted = entry.counted_bytes();
        let is_file = !matches!(entry.kind, FileKind::Directory | FileKind::Whiteout);
        let record = Record {
            name_at: self.names_len,
            name_len: length(&entry.name)?,
            target_len: length(&entry.target)?,
            kind: entry.kind,
            is_opaque: entry.is_opaque,
            is_link: entry.is_link,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            size_bytes: entry.size_bytes,
            modified: entry.modified,
            modified_ns: entry.modified_ns,
            total_bytes: counted,
            files: u32::from(is_file),
            end: number + 1,
            parent,
        };
        self.entries = number
            .checked_add(1)
            .ok_or_else(|| wrong("too many entries"))?;
        self.names.write_all(&entry.name)?;
        self.names.write_all(&entry.target)?;
        self.names_len += entry.name.len() as u64 + entry.target.len() as u64;
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        self.buffer.extend_from_slice(&record.to_bytes());
        if let Some(above) = self.open.last_mut() {
            above.record.files += record.files;
            above.record.total_bytes = above.record.total_bytes.saturating_add(counted);
        }
        if entry.is_directory() {
            self.open.push(Open {
                number,
                record,
                last: Vec::new(),
            });
        }
        Ok(())
    }

    /// Closes the directory that was opened last.
    pub fn leave(&mut self) -> io::Result<()> {
        let Some(mut closed) = self.open.pop() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no directory is open",
            ));
        };
        closed.record.end = self.entries;
        if let Some(above) = self.open.last_mut() {
            let (above, below) = (&mut above.record, &closed.record);
            above.files += below.files;
            above.total_bytes = above.total_bytes.saturating_add(below.total_bytes);
        }
        let bytes = closed.record.to_bytes();
        let at = u64::from(closed.number) * RECORD as u64;
        match at.checked_sub(self.buffer_at) {
            Some(inside) => {
                let inside = inside as usize;
                self.buffer[inside..inside + RECORD].copy_from_slice(&bytes);
                Ok(())
            }
            None => self.records.write_all_at(&bytes, at),
        }
    }

    /// Completes the file; every directory is closed.
    pub fn finish(mut self) -> io::Result<()> {
        while !self.open.is_empty() {
            self.leave()?;
        }
        self.flush()?;
        let mut names = self
            .names
            .into_inner()
            .map_err(|error| error.into_error())?;
        names.seek(SeekFrom::Start(0))?;
        self.records.seek(SeekFrom::Start(self.buffer_at))?;
        io::copy(&mut names, &mut self.records)?;
        fs::remove_file(self.directory.join(NAMES))?;

        // Directories were completed out of order, so the sums are taken at the end, from
        // the page cache.
        let body = self.buffer_at + self.names_len;
        let mut sums = Vec::with_capacity((body as usize).div_ceil(BLOCK) * 4);
        let mut block = vec![0; BLOCK];
        let mut at = 0;
        while at < body {
            let length = usize::try_from(body - at).map_or(BLOCK, |left| left.min(BLOCK));
            self.records.read_exact_at(&mut block[..length], at)?;
            sums.extend_from_slice(&crc32fast::hash(&block[..length]).to_le_bytes());
            at += length as u64;
        }
        let footer = Footer {
            entries: self.entries,
            names_len: self.names_len,
            sums: crc32fast::hash(&sums),
        };
        sums.extend_from_slice(&footer.to_bytes());
        self.records.write_all_at(&sums, body)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.records.write_all_at(&self.buffer, self.buffer_at)?;
        self.buffer_at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// Where names are until their place in the file is known.
const NAMES: &str = "contents.names";
