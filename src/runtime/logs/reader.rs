//! Any process's end of a log: the lines asked for, oldest first, then what comes.
//!
//! Memory is bounded by one block and one record, however large the log. A tail is
//! found by blocks from the end and a time by bisection, both across rotated files;
//! bisection believes that times grow, so a clock that was set back may hide lines.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

use nix::sys::inotify::AddWatchFlags;

use super::{MAX_RECORD_BYTES, line, rotated};
use crate::{
    model::{LogLine, LogsRequest, Stream},
    sys::notice::Notice,
};

const BLOCK_BYTES: usize = 64 * 1024;
/// Rotated files that are looked for, far more than a writer keeps.
const MOST_ROTATED: u32 = 100;

/// Reads one container's log.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    request: LogsRequest,
    /// Files still to be read after the current one, oldest first.
    files: VecDeque<Segment>,
    current: Option<Segment>,
    buffer: Vec<u8>,
    /// Where the first unread record begins in `buffer`.
    start: usize,
    /// Whether the rest of an impossibly long record is being passed over.
    skipping: bool,
    finished: bool,
    changes: Option<Notice>,
}

/// One file of a log and how far it was read.
#[derive(Debug)]
struct Segment {
    file: File,
    inode: u64,
    offset: u64,
}

impl Segment {
    fn open(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Some(Self {
                inode: file.metadata()?.ino(),
                file,
                offset: 0,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Reader {
    /// Opens the log at `path`, which need not exist yet. With `request.follow`,
    /// [`Reader::changes`] wakes when lines come, when the log is rotated or removed,
    /// and when a file of `wake` is written, such as the live state that tells the end.
    pub fn open(path: &Path, request: LogsRequest, wake: &[&Path]) -> io::Result<Self> {
        // Watch before looking, so that nothing falls between.
        let changes = request.follow.then(|| watch(path, wake)).transpose()?;
        let mut reader = Self {
            path: path.to_owned(),
            request,
            files: segments(path)?,
            current: None,
            buffer: Vec::new(),
            start: 0,
            skipping: false,
            finished: false,
            changes,
        };
        reader.seek_since()?;
        reader.seek_tail()?;
        reader.current = reader.files.pop_front();
        Ok(reader)
    }

    /// The next line; `None` if there is none now, which without `follow` is the end.
    pub fn next_line(&mut self) -> io::Result<Option<LogLine>> {
        while !self.finished {
            let unread = &self.buffer[self.start..];
            if let Some(end) = unread.iter().position(|&b| b == b'\n') {
                let record = &unread[..end];
                self.start += end + 1;
                if std::mem::take(&mut self.skipping) {
                    continue;
                }
                let Some(line) = line::parse(record) else {
                    continue;
                };
                if self.request.until.is_some_and(|until| line.at > until) {
                    self.finished = true;
                } else if wanted(&self.request, &line) {
                    return Ok(Some(line));
                }
            } else if !self.fill()? {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Whether no line will ever come: the time asked for as the end was reached.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Tells when [`Reader::next_line`] is worth another try; only while following. Taken
    /// before reading on.
    pub fn changes(&self) -> Option<&Notice> {
        self.changes.as_ref()
    }

    /// Reads more into the buffer; false if there is nothing more now.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.len() > MAX_RECORD_BYTES {
            self.buffer.clear();
            self.skipping = true;
        }
        loop {
            let Some(current) = &mut self.current else {
                // There was no log yet.
                self.current = Segment::open(&self.path)?;
                if self.current.is_none() {
                    return Ok(false);
                }
                continue;
            };
            if read_on(current, &mut self.buffer)? {
                return Ok(true);
            }
            if self.files.is_empty() && self.request.follow {
                self.files = successors(&self.path, current.inode)?;
                // What was written between the last read and the rotation.
                if !self.files.is_empty() && read_on(current, &mut self.buffer)? {
                    return Ok(true);
                }
            }
            let Some(next) = self.files.pop_front() else {
                // A follower may wait for long, and there may be thousands.
                self.buffer.shrink_to_fit();
                return Ok(false);
            };
            // A record never spans files: what is left here is torn.
            self.buffer.clear();
            self.skipping = false;
            self.current = Some(next);
        }
    }

    /// Moves each file's offset to a place shortly before the first record asked for.
    fn seek_since(&mut self) -> io::Result<()> {
        let Some(since) = self.request.since else {
            return Ok(());
        };
        let mut block = vec![0; BLOCK_BYTES];
        for segment in &mut self.files {
            let (mut low, mut high) = (0, segment.file.metadata()?.len());
            while high - low > BLOCK_BYTES as u64 {
                let middle = low + (high - low) / 2;
                let filled = read_full(&segment.file, &mut block, middle)?;
                match first_record(&block[..filled]) {
                    Some((at, line)) if line.at < since => low = middle + at as u64,
                    Some(_) => high = middle,
                    None => break,
                }
            }
            segment.offset = low;
        }
        Ok(())
    }

    /// Moves offsets forward so that only the last lines asked for remain.
    fn seek_tail(&mut self) -> io::Result<()> {
        let Some(lines) = self.request.tail else {
            return Ok(());
        };
        let mut count = TailCount {
            left: lines,
            seen: [false; 2],
            request: &self.request,
        };
        for index in (0..self.files.len()).rev() {
            let segment = &mut self.files[index];
            if let Some(offset) = tail_offset(segment, &mut count)? {
                segment.offset = offset.max(segment.offset);
                self.files.drain(..index);
                break;
            }
        }
        Ok(())
    }
}

/// Counts lines from the last one backwards.
struct TailCount<'a> {
    left: u64,
    /// Whether a record of that stream was passed: an open line has only partial ones.
    seen: [bool; 2],
    request: &'a LogsRequest,
}

impl TailCount<'_> {
    /// Takes the record before the ones so far; true if it belongs to a line too many.
    fn is_beyond(&mut self, record: &[u8]) -> bool {
        let Some(line) = line::parse(record) else {
            return false;
        };
        if self.request.until.is_some_and(|until| line.at > until) || !wanted(self.request, &line) {
            return false;
        }
        let seen = std::mem::replace(&mut self.seen[line.stream as usize], true);
        // Backwards, a full record is the end of one more line.
        if !line.partial || !seen {
            if self.left == 0 {
                return true;
            }
            self.left -= 1;
        }
        false
    }
}

/// Where the last lines begin in this file; `None` if more are wanted than it has.
fn tail_offset(segment: &Segment, count: &mut TailCount<'_>) -> io::Result<Option<u64>> {
    let mut end = segment.file.metadata()?.len();
    let mut block = Vec::new();
    // The bytes from `end` to the next newline, which is at `carry_end`: a record whose
    // beginning lies in the block before.
    let mut carry: Vec<u8> = Vec::new();
    let mut carry_end = end;
    while end > segment.offset {
        let begin = end.saturating_sub(BLOCK_BYTES as u64).max(segment.offset);
        block.resize((end - begin) as usize, 0);
        let filled = read_full(&segment.file, &mut block, begin)?;
        block.truncate(filled);
        block.extend_from_slice(&carry);
        let mut stop = block.len();
        while let Some(newline) = block[..stop].iter().rposition(|&b| b == b'\n') {
            if count.is_beyond(&block[newline + 1..stop]) {
                return Ok(Some(carry_end + 1));
            }
            stop = newline;
            carry_end = begin + newline as u64;
        }
        carry.clear();
        // A longer one is no record, whatever its end was.
        if stop <= MAX_RECORD_BYTES + BLOCK_BYTES {
            carry.extend_from_slice(&block[..stop]);
        }
        end = begin;
    }
    Ok(count.is_beyond(&carry).then_some(carry_end + 1))
}

fn wanted(request: &LogsRequest, line: &LogLine) -> bool {
    let stream = match line.stream {
        Stream::Stdout => request.stdout,
        Stream::Stderr => request.stderr,
    };
    stream && request.since.is_none_or(|since| line.at >= since)
}

/// The first whole record in a block that begins anywhere, and where it begins.
fn first_record(block: &[u8]) -> Option<(usize, LogLine)> {
    let mut start = block.iter().position(|&b| b == b'\n')? + 1;
    loop {
        let end = start + block[start..].iter().position(|&b| b == b'\n')?;
        if let Some(line) = line::parse(&block[start..end]) {
            return Some((start, line));
        }
        start = end + 1;
    }
}

/// Appends the next block of a file; false at its end.
fn read_on(segment: &mut Segment, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let old = buffer.len();
    buffer.resize(old + BLOCK_BYTES, 0);
    let result = segment.file.read_at(&mut buffer[old..], segment.offset);
    let read = *result.as_ref().unwrap_or(&0);
    buffer.truncate(old + read);
    segment.offset += read as u64;
    result.map(|read| read > 0)
}

fn read_full(file: &File, block: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match file.read_at(&mut block[filled..], offset + filled as u64)? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

/// Every file of the log, oldest first. Opened from the newest on, so that a rotation
/// meanwhile shows a file twice rather than not at all; the copy is left out.
fn segments(path: &Path) -> io::Result<VecDeque<Segment>> {
    let mut files: VecDeque<Segment> = Segment::open(path)?.into_iter().collect();
    for n in 1..MOST_ROTATED {
        match Segment::open(&rotated(path, n))? {
            Some(file) if files.iter().all(|known| known.inode != file.inode) => {
                files.push_front(file);
            }
            Some(_) => {}
            None => break,
        }
    }
    Ok(files)
}

/// The files that came after the one with this inode; all there are if it is gone.
fn successors(path: &Path, inode: u64) -> io::Result<VecDeque<Segment>> {
    let mut files = segments(path)?;
    if let Some(index) = files.iter().position(|file| file.inode == inode) {
        files.drain(..=index);
    }
    Ok(files)
}

fn watch(path: &Path, wake: &[&Path]) -> io::Result<Notice> {
    let mut notice = Notice::new()?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    notice.add(
        directory,
        AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_DELETE_SELF,
    )?;
    for path in wake {
        match notice.add(
            path,
            AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_DELETE_SELF,
        ) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(notice)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::{super::Limits, super::Writer, *};
    use crate::model::ContainerId;

    fn request() -> LogsRequest {
        LogsRequest {
            id: ContainerId::from_bytes(&[0; 32]),
            follow: false,
            tail: None,
            since: None,
            until: None,
            stdout: true,
            stderr: true,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Ten thousand lines, one a second, over three files.
    fn long_log(dir: &Path) -> PathBuf {
        let path = dir.join("log");
        let limits = Limits {
            file_bytes: 180_000,
            rotated_files: 9,
        };
        let mut writer = Writer::open(&path, limits).unwrap();
        for second in 0..10_000 {
            let stream = if second % 2 == 0 {
                Stream::Stdout
            } else {
                Stream::Stderr
            };
            writer.write(at(second), stream, format!("line {second}\n").as_bytes());
        }
        assert!(rotated(&path, 2).exists());
        path
    }

    fn read(path: &Path, request: LogsRequest) -> Vec<String> {
        let mut reader = Reader::open(path, request, &[]).unwrap();
        rest(&mut reader)
    }

    fn rest(reader: &mut Reader) -> Vec<String> {
        std::iter::from_fn(|| reader.next_line().unwrap())
            .map(|line| String::from_utf8(line.text).unwrap())
            .collect()
    }

    #[test]
    fn all_files_are_read_oldest_first() {
        let dir = tempfile::tempdir().unwrap();
        let lines = read(&long_log(dir.path()), request());
        assert_eq!(lines.len(), 10_000);
        assert_eq!((&*lines[0], &*lines[9_999]), ("line 0", "line 9999"));
    }

    #[test]
    fn tail_counts_lines_of_the_streams_asked_for_across_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = long_log(dir.path());
        for tail in [0, 1, 7, 3_000, 4_999, 5_000, 9_000] {
            let lines = read(
                &path,
                LogsRequest {
                    tail: Some(tail),
                    stderr: false,
                    ..request()
                },
            );
            assert_eq!(lines.len() as u64, tail.min(5_000));
            assert!(tail == 0 || lines.last().unwrap() == "line 9998");
        }
    }

    #[test]
    fn since_and_until_bound_the_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = long_log(dir.path());
        for (since, until) in [(0, 3), (4_000, 4_002), (9_990, 20_000), (20_000, 30_000)] {
            let lines = read(
                &path,
                LogsRequest {
                    since: Some(at(since)),
                    until: Some(at(until)),
                    ..request()
                },
            );
            let expected: Vec<_> = (since..=until.min(9_999))
                .map(|n| format!("line {n}"))
                .collect();
            assert_eq!(lines, expected);
        }
        let both = LogsRequest {
            since: Some(at(9_000)),
            until: Some(at(9_500)),
            tail: Some(2),
            ..request()
        };
        assert_eq!(read(&path, both), ["line 9499", "line 9500"]);
    }

    #[test]
    fn parts_of_a_long_line_count_as_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut writer = Writer::open(&path, Limits::default()).unwrap();
        writer.write(at(0), Stream::Stdout, b"before\n");
        writer.write(
            at(1),
            Stream::Stdout,
            &[&[b'x'; 40_000][..], b"\n"].concat(),
        );
        assert_eq!(
            read(
                &path,
                LogsRequest {
                    tail: Some(1),
                    ..request()
                }
            )
            .len(),
            3
        );
        assert_eq!(
            read(
                &path,
                LogsRequest {
                    tail: Some(2),
                    ..request()
                }
            )
            .len(),
            4
        );
    }

    #[test]
    fn follower_goes_on_through_rotation_and_wakes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut reader = Reader::open(
            &path,
            LogsRequest {
                follow: true,
                ..request()
            },
            &[],
        )
        .unwrap();
        assert_eq!(rest(&mut reader), [""; 0]);
        let limits = Limits {
            file_bytes: 200,
            rotated_files: 5,
        };
        let mut writer = Writer::open(&path, limits).unwrap();
        let mut seen = Vec::new();
        for n in 0..40 {
            writer.write(at(n), Stream::Stdout, format!("{n}\n").as_bytes());
            if n % 7 == 0 {
                let fd = nix::poll::PollFd::new(
                    std::os::fd::AsFd::as_fd(reader.changes().unwrap()),
                    nix::poll::PollFlags::POLLIN,
                );
                assert_eq!(nix::poll::poll(&mut [fd], 1000u16).unwrap(), 1);
                assert!(reader.changes().unwrap().take());
                seen.extend(rest(&mut reader));
            }
        }
        seen.extend(rest(&mut reader));
        let expected: Vec<_> = (0..40).map(|n| n.to_string()).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn torn_lines_and_a_record_without_end_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let endless = vec![b'z'; 300_000];
        let good = b"2026-01-01T00:00:00Z stdout F good\n";
        fs::write(
            &path,
            [
                &endless[..],
                b"\n",
                good,
                b"2026-01-0\n",
                good,
                b"2026-01-01T",
            ]
            .concat(),
        )
        .unwrap();
        assert_eq!(read(&path, request()), ["good", "good"]);
        assert_eq!(
            read(
                &path,
                LogsRequest {
                    tail: Some(9),
                    ..request()
                }
            ),
            ["good", "good"]
        );
        assert_eq!(
            read(
                &path,
                LogsRequest {
                    tail: Some(1),
                    ..request()
                }
            ),
            ["good"]
        );
    }

    proptest! {
        #[test]
        fn tail_is_the_end_of_the_whole(
            lines in proptest::collection::vec(0usize..40_000, 0..12),
            tail in 0u64..14,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("log");
            let mut writer = Writer::open(&path, Limits { file_bytes: 60_000, rotated_files: 20 }).unwrap();
            for (n, len) in lines.iter().enumerate() {
                writer.write(at(n as i64), Stream::Stdout, &[&vec![b'a'; *len][..], b"\n"].concat());
            }
            let whole = |tail| {
                let mut reader = Reader::open(&path, LogsRequest { tail, ..request() }, &[]).unwrap();
                let mut lengths = vec![0];
                while let Some(line) = reader.next_line().unwrap() {
                    *lengths.last_mut().unwrap() += line.text.len();
                    if !line.partial {
                        lengths.push(0);
                    }
                }
                lengths.pop();
                lengths
            };
            prop_assert_eq!(&whole(None), &lines);
            let skip = lines.len().saturating_sub(tail as usize);
            prop_assert_eq!(&whole(Some(tail))[..], &lines[skip..]);
        }

        #[test]
        fn any_bytes_are_read_without_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..4000),
            tail in proptest::option::of(0u64..5),
            since in proptest::option::of(0i64..100),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("log");
            fs::write(&path, bytes).unwrap();
            read(&path, LogsRequest { tail, since: since.map(at), ..request() });
        }
    }
}
