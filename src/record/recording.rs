//! A recording on disk, read: its files in order, each frame's place, and what is damaged.
//!
//! ```text
//! DIRECTORY/lock            held by the one who writes
//! DIRECTORY/00000017.wharf  magic "wharfrec" | version u32 | frames …
//! ```
//!
//! Each file begins with a key frame, so that any file alone is a recording too. What a
//! killed writer or a bad disk left at the end of a file is left out, and said.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{Corrupt, Error, Flags, Frame, Result, Track, frame};

/// What each file begins with.
pub const MAGIC: &[u8; 8] = b"wharfrec";
/// The version that is written, and the newest that is read.
pub const VERSION: u32 = 1;
/// Bytes before the first frame.
pub const HEADER: usize = 12;
/// The end of a file's name.
pub const SUFFIX: &str = ".wharf";

/// An opened recording. Its files stay open: one that is removed meanwhile can still be
/// read.
#[derive(Debug)]
pub struct Recording {
    files: Vec<(PathBuf, File)>,
    places: Vec<Place>,
    track: Track,
    damages: Vec<String>,
}

/// Where a frame lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    file: u32,
    length: u32,
    offset: u64,
}

impl Recording {
    /// Opens a directory of files, or one file of them.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_since(path, None)
    }

    /// The same, without files all of whose frames are older.
    pub fn open_since(path: &Path, since: Option<Timestamp>) -> Result<Self> {
        let is_directory = fs::metadata(path)
            .map_err(Error::io("open", path))?
            .is_dir();
        let paths = if is_directory {
            files(path)?
        } else {
            vec![path.to_owned()]
        };
        let mut recording = Self {
            files: Vec::new(),
            places: Vec::new(),
            track: Track::default(),
            damages: Vec::new(),
        };
        for path in newest(paths, since) {
            match recording.add(&path) {
                Ok(()) => {}
                // The writer's bounds removed it between the listing and now.
                Err(Error::Io { source, .. })
                    if is_directory && source.kind() == io::ErrorKind::NotFound => {}
                Err(Error::Foreign(path)) if is_directory => {
                    let line = format!("{} is no recording and is left out", path.display());
                    recording.damages.push(line);
                }
                Err(error) => return Err(error),
            }
        }
        if recording.places.is_empty() {
            return Err(Error::Empty(path.to_owned()));
        }
        Ok(recording)
    }

    /// When each frame was made.
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// What could not be read, a line each.
    pub fn damages(&self) -> &[String] {
        &self.damages
    }

    /// A frame.
    pub fn frame(&self, number: u64) -> Result<Frame> {
        let place = self.place(number).ok_or(Error::Gone)?;
        let (path, file) = &self.files[place.file as usize];
        let mut bytes = vec![0; place.length as usize];
        file.read_exact_at(&mut bytes, place.offset)
            .map_err(Error::io("read", path))?;
        Frame::read(&bytes).map_err(|source| Error::Damaged {
            path: path.clone(),
            source,
        })
    }

    /// The file of a frame.
    pub(super) fn file_of(&self, number: u64) -> PathBuf {
        self.place(number).map_or_else(PathBuf::new, |place| {
            self.files[place.file as usize].0.clone()
        })
    }

    fn place(&self, number: u64) -> Option<Place> {
        self.places.get(usize::try_from(number).ok()?).copied()
    }

    /// Adds the frames of a file, up to the first that is damaged.
    fn add(&mut self, path: &Path) -> Result<()> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let mut reader = BufReader::with_capacity(256 << 10, &file);
        check_header(&mut reader, path)?;
        let index = self.files.len() as u32;
        let mut offset = HEADER as u64;
        let mut bytes = Vec::new();
        let mut has_key = false;
        loop {
            let head = match next(&mut reader, &mut bytes) {
                Ok(Some(head)) => head,
                Ok(None) => break,
                Err(Trouble::Io(source)) => return Err(Error::io("read", path)(source)),
                Err(Trouble::Corrupt(corrupt)) => {
                    self.note_damage(path, &file, offset, corrupt);
                    break;
                }
            };
            has_key |= head.flags.has(Flags::KEY);
            if has_key {
                self.track.push(head.at, head.flags);
                self.places.push(Place {
                    file: index,
                    length: head.length as u32,
                    offset,
                });
            }
            offset += head.length as u64;
        }
        self.files.push((path.to_owned(), file));
        Ok(())
    }

    fn note_damage(&mut self, path: &Path, file: &File, offset: u64, corrupt: Corrupt) {
        let all = file.metadata().map_or(offset, |metadata| metadata.len());
        let until = match self.track.mark(self.track.last()) {
            Some(mark) => format!("read up to {:.0}", mark.at),
            None => "nothing of it can be read".to_owned(),
        };
        self.damages.push(format!(
            "{}: {corrupt}; {until}, {} bytes are left out",
            path.display(),
            all.saturating_sub(offset)
        ));
    }
}

enum Trouble {
    Io(io::Error),
    Corrupt(Corrupt),
}

/// The next frame's head; `None` at a clean end.
fn next(
    reader: &mut impl Read,
    bytes: &mut Vec<u8>,
) -> std::result::Result<Option<frame::Head>, Trouble> {
    bytes.clear();
    fill(reader, bytes, frame::PREFIX)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if let Some(length) = bytes.first_chunk() {
        // A length that is damaged is found out by the checksum, or by the end.
        let length = u32::from_le_bytes(*length) as usize;
        fill(reader, bytes, length.min(frame::MAX_LENGTH))?;
    }
    frame::Head::read(bytes).map(Some).map_err(Trouble::Corrupt)
}

fn fill(
    reader: &mut impl Read,
    bytes: &mut Vec<u8>,
    length: usize,
) -> std::result::Result<(), Trouble> {
    let mut part = reader.take(length as u64);
    part.read_to_end(bytes).map(drop).map_err(Trouble::Io)
}

/// Checks what a file begins with.
fn check_header(reader: &mut impl Read, path: &Path) -> Result<()> {
    let mut header = Vec::with_capacity(HEADER);
    reader
        .take(HEADER as u64)
        .read_to_end(&mut header)
        .map_err(Error::io("read", path))?;
    let foreign = || Error::Foreign(path.to_owned());
    let version = header
        .strip_prefix(MAGIC)
        .and_then(|version| version.try_into().ok())
        .map(u32::from_le_bytes)
        // No version was ever 0: a damaged one is not believed either.
        .filter(|version| *version > 0)
        .ok_or_else(foreign)?;
    if version > VERSION {
        return Err(Error::Newer {
            path: path.to_owned(),
            version,
        });
    }
    Ok(())
}

/// The files of a recording, oldest first.
pub fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).map_err(Error::io("list", directory))?;
    let mut numbered = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io("list", directory))?.path();
        if let Some(number) = number_of(&path) {
            numbered.push((number, path));
        }
    }
    numbered.sort();
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

/// The number in a file's name.
pub fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    name.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| name.parse().ok())?
}

/// The files that may hold frames since a time: all from the last that begins before it.
fn newest(mut paths: Vec<PathBuf>, since: Option<Timestamp>) -> Vec<PathBuf> {
    let Some(since) = since else {
        return paths;
    };
    let begins_before = |path: &PathBuf| {
        let mut bytes = Vec::new();
        let file = File::open(path).ok();
        let head = file.and_then(|file| {
            let mut reader = BufReader::new(file);
            check_header(&mut reader, path).ok()?;
            next(&mut reader, &mut bytes).ok()?
        });
        head.is_some_and(|head| head.at <= since)
    };
    let kept = paths.iter().rposition(begins_before).unwrap_or(0);
    paths.split_off(kept)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::{Bounds, Player, Source, Target, Writer, sample};
    use super::*;

    const SECONDS: u64 = 40;

    fn write(target: Target, bounds: Bounds, seconds: std::ops::Range<u64>) -> Writer {
        let mut writer = Writer::create(target, bounds, Duration::from_secs(1)).unwrap();
        for n in seconds {
            writer
                .append(&sample::world(n, 4), Duration::from_secs(n))
                .unwrap();
        }
        writer
    }

    fn bounds(max_bytes: u64) -> Bounds {
        Bounds {
            max_bytes,
            max_age: Duration::from_secs(86_400),
        }
    }

    /// Holds all that can be read against what was written from second `first` on.
    fn check(recording: Recording, first: u64) -> u64 {
        let source = Source::Files(recording.into());
        let mut player = Player::default();
        let mut seen = 0;
        player
            .seek(&source, source.first(), source.end(), |decoder, number| {
                let expected = sample::world(first + number, 4);
                sample::assert_same(&decoder.world(number), &expected);
                seen += 1;
            })
            .unwrap();
        assert_eq!(seen, source.end());
        seen
    }

    #[test]
    fn what_was_written_is_read_and_the_writer_is_alone() {
        let dir = tempfile::tempdir().unwrap();
        let target = Target::Directory(dir.path().join("r"));
        let writer = write(target.clone(), bounds(1 << 20), 0..SECONDS);
        let second = Writer::create(target.clone(), bounds(1 << 20), Duration::from_secs(1));
        assert!(matches!(second, Err(Error::Busy(_))), "{second:?}");
        let path = writer.path();
        assert_eq!(check(Recording::open(&path).unwrap(), 0), SECONDS);
        drop(writer);
        write(target, bounds(1 << 20), 50..60);
        let recording = Recording::open(&path).unwrap();
        assert_eq!(recording.track().len() as u64, SECONDS + 10);
        assert_eq!(recording.track().gaps().count(), 1);
        let since = recording.track().mark(SECONDS + 2).unwrap().at;
        let recent = Recording::open_since(&path, Some(since)).unwrap();
        assert_eq!(recent.track().len(), 10);
    }

    #[test]
    fn old_files_go_and_the_rest_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r");
        let least = Bounds {
            max_bytes: 1 << 20,
            max_age: Duration::from_secs(160),
        };
        // A new file each ten seconds: the age is what bounds here, by the files' times.
        let writer = write(Target::Directory(path.clone()), least, 0..100);
        assert_eq!(files(&path).unwrap().len(), 10);
        assert!(writer.bytes() < 1 << 20);
        let small = Bounds {
            max_bytes: 68 << 10,
            ..least
        };
        drop(writer);
        let writer = write(Target::Directory(path.clone()), small, 100..101);
        assert!(writer.bytes() <= 68 << 10, "{}", writer.bytes());
        let left = Recording::open(&path).unwrap();
        assert!(left.track().len() < 101);
        check(
            left,
            101 - Recording::open(&path).unwrap().track().len() as u64,
        );
    }

    #[test]
    fn one_file_ends_when_it_is_full_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let target = Target::File(dir.path().join("one.wharf"));
        let mut writer =
            Writer::create(target.clone(), bounds(3000), Duration::from_secs(1)).unwrap();
        let mut written = 0;
        let full = loop {
            let clock = Duration::from_secs(written);
            match writer.append(&sample::world(written, 4), clock) {
                Ok(()) => written += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, Error::Full(_)));
        assert!(writer.bytes() <= 3000 && written > 5, "{written}");
        assert_eq!(check(Recording::open(&writer.path()).unwrap(), 0), written);
        assert!(Writer::create(target, bounds(3000), Duration::from_secs(1)).is_err());
    }

    #[test]
    fn newer_and_foreign_files_are_refused_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.wharf");
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&7_u32.to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        let error = Recording::open(&path).unwrap_err().to_string();
        assert!(
            error.contains("version 7") && error.contains("up to 1"),
            "{error}"
        );
        fs::write(&path, b"hello").unwrap();
        let error = Recording::open(&path).unwrap_err().to_string();
        assert!(error.contains("no recording of wharf"), "{error}");
        fs::write(&path, &bytes[..8]).unwrap();
        assert!(Recording::open(&path).is_err());
        assert!(matches!(
            Recording::open(dir.path()),
            Err(Error::Foreign(_) | Error::Empty(_))
        ));
    }

    /// A recording's bytes, written once.
    fn whole() -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("whole.wharf");
        write(Target::File(path.clone()), bounds(1 << 20), 0..SECONDS);
        fs::read(path).unwrap()
    }

    fn reopened(bytes: &[u8]) -> Result<Recording> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bad.wharf");
        fs::write(&path, bytes).unwrap();
        Recording::open(&path)
    }

    #[test]
    fn no_changed_bit_of_what_a_file_begins_with_passes() {
        let bytes = whole();
        for bit in 0..HEADER * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(reopened(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_cut_leaves_the_whole_frames_before_it() {
        let bytes = whole();
        let mut before = 0;
        for end in (HEADER..bytes.len()).step_by(7) {
            let Ok(recording) = reopened(&bytes[..end]) else {
                continue;
            };
            let is_clean = recording.damages().is_empty();
            let seen = check(recording, 0);
            assert!(seen >= before && (is_clean || seen < SECONDS));
            before = seen;
        }
        assert!(before >= SECONDS - 1);
        assert_eq!(check(reopened(&bytes).unwrap(), 0), SECONDS);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_changed_bit_shows_anything_but_a_prefix(at in 0_usize..1 << 20, bit in 0_u32..8) {
            let mut bytes = whole();
            let at = at % bytes.len();
            bytes[at] ^= 1_u8 << bit;
            if let Ok(recording) = reopened(&bytes) {
                prop_assert!(check(recording, 0) < SECONDS);
            }
        }

        #[test]
        fn no_garbage_in_a_frame_is_a_panic(body in proptest::collection::vec(any::<u8>(), 0..300), is_packed: bool) {
            use super::super::Decoder;
            let body = match is_packed {
                true => zstd::bulk::compress(&body, 1).unwrap(),
                false => body,
            };
            let frame = Frame {
                flags: Flags::of(Flags::KEY),
                at: Timestamp::UNIX_EPOCH,
                body: body.into(),
            };
            let mut decoder = Decoder::default();
            // Whatever it says, what it shows can be shown.
            let _ = decoder.apply(&frame);
            decoder.world(0);
        }
    }
}
