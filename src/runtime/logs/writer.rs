//! The shim's end of a log: bytes of two streams in, records out.
//!
//! Nothing here may hold up the container: a disk that is full drops whole records and
//! counts them, and the first record that fits again says how many are missing.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{MAX_TEXT_BYTES, line, rotated};
use crate::model::Stream;

/// How much of a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes after which a file is rotated away.
    pub file_bytes: u64,
    /// Files kept beside the current one.
    pub rotated_files: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 16 << 20,
            rotated_files: 1,
        }
    }
}

/// Writes one container's log.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    limits: Limits,
    file: File,
    size: u64,
    /// The begun line of stdout and of stderr, until its newline comes.
    begun: [Vec<u8>; 2],
    /// Records of one call, so that they cost one write.
    records: Vec<u8>,
    dropped: u64,
}

impl Writer {
    /// Opens the log at `path` to append to it. What a crash left unfinished there
    /// becomes a record of its own, which readers skip.
    pub fn open(path: &Path, limits: Limits) -> io::Result<Self> {
        let file = append_to(path)?;
        let size = file.metadata()?.len();
        let mut writer = Self {
            path: path.to_owned(),
            limits,
            file,
            size,
            begun: [Vec::new(), Vec::new()],
            records: Vec::new(),
            dropped: 0,
        };
        let mut last = [b'\n'];
        if size > 0 && writer.file.read_at(&mut last, size - 1)? == 1 && last != *b"\n" {
            writer.records.push(b'\n');
            writer.flush(0);
        }
        Ok(writer)
    }

    /// Takes bytes that a stream produced at `at`.
    pub fn write(&mut self, at: Timestamp, stream: Stream, mut bytes: &[u8]) {
        let time = line::time(at);
        let mut count = 0;
        self.note_dropped(&time);
        while !bytes.is_empty() {
            let begun = &mut self.begun[stream as usize];
            let room = MAX_TEXT_BYTES - begun.len();
            let reach = &bytes[..bytes.len().min(room + 1)];
            match reach.iter().position(|&b| b == b'\n') {
                Some(end) => {
                    let (text, rest) = (&bytes[..end], &bytes[end + 1..]);
                    if begun.is_empty() {
                        line::write(&mut self.records, &time, stream, false, text);
                    } else {
                        begun.extend_from_slice(text);
                        line::write(&mut self.records, &time, stream, false, begun);
                        begun.clear();
                    }
                    bytes = rest;
                    count += 1;
                }
                None if reach.len() > room => {
                    begun.extend_from_slice(&bytes[..room]);
                    line::write(&mut self.records, &time, stream, true, begun);
                    begun.clear();
                    bytes = &bytes[room..];
                    count += 1;
                }
                None => {
                    begun.extend_from_slice(bytes);
                    bytes = &[];
                }
            }
        }
        self.flush(count);
    }

    /// Writes lines that were begun and will get no newline, marked partial.
    pub fn finish(&mut self, at: Timestamp) {
        let time = line::time(at);
        let mut count = 0;
        for stream in [Stream::Stdout, Stream::Stderr] {
            let begun = std::mem::take(&mut self.begun[stream as usize]);
            if !begun.is_empty() {
                line::write(&mut self.records, &time, stream, true, &begun);
                count += 1;
            }
        }
        self.flush(count);
        self.records = Vec::new();
    }

    /// Records that found no room since it was opened and are not told in the log yet.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn note_dropped(&mut self, time: &str) {
        if self.dropped > 0 {
            let text = format!("wharf: {} log lines were lost here", self.dropped);
            line::write(
                &mut self.records,
                time,
                Stream::Stderr,
                false,
                text.as_bytes(),
            );
        }
    }

    /// Appends the gathered `count` records whole, or none of them.
    fn flush(&mut self, count: u64) {
        if self.records.is_empty() {
            return;
        }
        if self.size > 0 && self.size + self.records.len() as u64 > self.limits.file_bytes {
            // A log that can't be rotated goes on in the file it has.
            let _ = self.rotate();
        }
        match self.file.write_all(&self.records) {
            Ok(()) => {
                self.size += self.records.len() as u64;
                self.dropped = 0;
            }
            Err(_) => {
                // Part of it may be there: cut it off, which a full disk allows.
                let _ = self.file.set_len(self.size);
                self.dropped += count;
            }
        }
        self.records.clear();
        // A burst of long lines must not stay in the shim's memory for ever.
        self.records.shrink_to(4 * MAX_TEXT_BYTES);
    }

    /// Renames the files up by one, the oldest over the edge, and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        for n in (1..=self.limits.rotated_files).rev() {
            let from = match n {
                1 => self.path.clone(),
                _ => rotated(&self.path, n - 1),
            };
            match fs::rename(from, rotated(&self.path, n)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.limits.rotated_files == 0 {
            fs::remove_file(&self.path)?;
        }
        self.file = append_to(&self.path)?;
        self.size = self.file.metadata()?.len();
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_all(limits: Limits, chunks: &[&[u8]]) -> (tempfile::TempDir, Writer) {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(&dir.path().join("log"), limits).unwrap();
        for chunk in chunks {
            writer.write(Timestamp::UNIX_EPOCH, Stream::Stdout, chunk);
        }
        (dir, writer)
    }

    fn text(dir: &tempfile::TempDir, name: &str) -> String {
        fs::read_to_string(dir.path().join(name)).unwrap_or_default()
    }

    const AT: &str = "1970-01-01T00:00:00.000000000Z stdout";

    #[test]
    fn lines_are_put_together_from_chunks() {
        let (dir, _) = write_all(Limits::default(), &[b"a", b"b\n\nc\nd"]);
        assert_eq!(text(&dir, "log"), format!("{AT} F ab\n{AT} F \n{AT} F c\n"));
    }

    #[test]
    fn line_without_newline_is_partial_at_the_end() {
        let (dir, mut writer) = write_all(Limits::default(), &[b"prompt> "]);
        writer.finish(Timestamp::UNIX_EPOCH);
        assert_eq!(text(&dir, "log"), format!("{AT} P prompt> \n"));
    }

    #[test]
    fn long_line_is_split_and_a_line_that_just_fits_is_not() {
        let full = [b'x'; MAX_TEXT_BYTES];
        let (dir, _) = write_all(Limits::default(), &[&full, b"\n", &full, b"y\n"]);
        let log = text(&dir, "log");
        let tags: Vec<_> = log.lines().map(|line| &line[AT.len()..][..4]).collect();
        assert_eq!(tags, [" F x", " P x", " F y"]);
    }

    #[test]
    fn rotation_keeps_the_files_asked_for() {
        let limits = Limits {
            file_bytes: 110,
            rotated_files: 2,
        };
        let (dir, _) = write_all(limits, &[&b"0123456789\n"[..]; 9]);
        let lines = |name: &str| text(&dir, name).lines().count();
        assert_eq!([lines("log"), lines("log.1"), lines("log.2")], [1, 2, 2]);
        assert!(!dir.path().join("log.3").exists());
    }

    #[test]
    fn torn_tail_of_a_crash_ends_before_the_next_record() {
        let (dir, mut writer) = write_all(Limits::default(), &[b"a\n"]);
        writer.file.write_all(b"1970-01-01T00:0").unwrap();
        let mut writer = Writer::open(&dir.path().join("log"), Limits::default()).unwrap();
        writer.write(Timestamp::UNIX_EPOCH, Stream::Stdout, b"b\n");
        let log = text(&dir, "log");
        assert_eq!(log, format!("{AT} F a\n1970-01-01T00:0\n{AT} F b\n"));
    }

    #[test]
    fn full_disk_drops_whole_records_and_says_how_many() {
        let (dir, mut writer) = write_all(Limits::default(), &[b"a\n"]);
        writer.file = File::options().append(true).open("/dev/full").unwrap();
        writer.write(Timestamp::UNIX_EPOCH, Stream::Stdout, b"b\nc\n");
        assert_eq!(writer.dropped(), 2);
        writer.file = append_to(&dir.path().join("log")).unwrap();
        writer.write(Timestamp::UNIX_EPOCH, Stream::Stdout, b"d\n");
        assert_eq!(writer.dropped(), 0);
        let log = text(&dir, "log");
        assert!(log.contains("stderr F wharf: 2 log lines were lost here\n"));
        assert!(log.ends_with(&format!("{AT} F d\n")));
    }
}
