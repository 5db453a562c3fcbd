//! What happened, as JSON lines in one file that every process of wharf appends to and
//! anybody may follow.
//!
//! A line is one write(2) with O_APPEND, so lines of several writers don't mix. Past
//! [`MAX_BYTES`] the file is moved aside once, and the older half of history is lost
//! then, never the newer.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nix::sys::inotify::AddWatchFlags;

use super::{paths::Root, record::ContainerRecord};
use crate::{
    model::{Event, EventKind},
    sys::notice::Notice,
};

/// Size at which the file is moved aside.
const MAX_BYTES: u64 = 4 << 20;

/// An event of now.
pub fn now<'a>(
    kind: EventKind,
    action: &str,
    id: &str,
    attributes: impl IntoIterator<Item = (&'a str, String)>,
) -> Event {
    Event {
        at: Timestamp::now(),
        kind,
        action: action.to_owned(),
        id: id.to_owned(),
        attributes: attributes
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}

/// What happened to a container: with its labels, its name and its image.
pub fn of_container(record: &ContainerRecord, action: &str, details: &[(&str, String)]) -> Event {
    let labels = record.process.labels.iter();
    let labels = labels.map(|(key, value)| (key.as_str(), value.clone()));
    let common = [
        ("name", record.name.clone()),
        ("image", record.config.image.clone()),
    ];
    let attributes = labels.chain(common).chain(details.iter().cloned());
    now(EventKind::Container, action, record.id.as_str(), attributes)
}

/// Appends an event. History is a convenience: a caller goes on if this fails.
pub fn append(root: &Root, event: &Event) -> io::Result<()> {
    let path = root.events();
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    let mut file = open_to_append(&path)?;
    // One write: a loop would let another writer's line in between.
    if file.write(&line)? < line.len() {
        return Err(io::ErrorKind::StorageFull.into());
    }
    if file.metadata()?.len() > MAX_BYTES {
        move_aside(&path, &file)?;
    }
    Ok(())
}

fn open_to_append(path: &Path) -> io::Result<File> {
    let open = || {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
    };
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            open()
        }
        other => other,
    }
}

/// Under the full file's own lock, so that of two writers who see it full only one moves
/// it: the other finds another file at the path.
fn move_aside(path: &Path, full: &File) -> io::Result<()> {
    full.lock()?;
    if fs::metadata(path).is_ok_and(|now| full.metadata().is_ok_and(|f| f.ino() == now.ino())) {
        fs::rename(path, older(path))?;
    }
    Ok(())
}

fn older(path: &Path) -> PathBuf {
    path.with_extension("1")
}

/// Reads what was appended: what is known, then, by [`Reader::wait`], what comes.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: Option<BufReader<File>>,
    notice: Notice,
    line: Vec<u8>,
}

impl Reader {
    /// Opens at the oldest event that is known, or, with `since`, past those before it;
    /// without, at the end: only what happens from now on.
    pub fn open(root: &Root, since: Option<Timestamp>) -> io::Result<(Vec<Event>, Self)> {
        let path = root.events();
        fs::create_dir_all(&root.run)?;
        let mut notice = Notice::new()?;
        // The directory, so that a file which doesn't exist yet is seen too.
        notice.add(
            &root.run,
            AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_FROM,
        )?;
        let mut reader = Self {
            file: open_to_read(&path)?,
            path,
            notice,
            line: Vec::new(),
        };
        let Some(since) = since else {
            if let Some(file) = &mut reader.file {
                file.seek(io::SeekFrom::End(0))?;
            }
            return Ok((Vec::new(), reader));
        };
        let mut known = Vec::new();
        if let Some(mut older) = open_to_read(&older(&reader.path))? {
            read_lines(&mut older, &mut Vec::new(), &mut known)?;
        }
        known.extend(reader.read()?);
        known.retain(|event| event.at >= since);
        Ok((known, reader))
    }

    /// The events that were appended since the last call.
    pub fn read(&mut self) -> io::Result<Vec<Event>> {
        let mut events = Vec::new();
        loop {
            if self.file.is_none() {
                self.file = open_to_read(&self.path)?;
            }
            let Some(file) = &mut self.file else { break };
            // Asked before reading: a file that was moved away by then gets no line
            // later but from writers who had it open, and those have written when
            // the name is gone for good a moment later.
            let current = fs::metadata(&self.path).is_ok_and(|now| {
                file.get_ref()
                    .metadata()
                    .is_ok_and(|f| f.ino() == now.ino())
            });
            read_lines(file, &mut self.line, &mut events)?;
            if current {
                break;
            }
            self.file = None;
            self.line.clear();
            if !self.path.exists() {
                break;
            }
        }
        Ok(events)
    }

    /// Tells when [`Self::read`] may have more; taken before it is called.
    pub fn notice(&self) -> &Notice {
        &self.notice
    }
}

fn open_to_read(path: &Path) -> io::Result<Option<BufReader<File>>> {
    match File::open(path) {
        Ok(file) => Ok(Some(BufReader::new(file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads whole lines; the beginning of an unfinished one stays in `line`. A line that
/// isn't an event (torn by a full disk) is passed over.
fn read_lines(
    file: &mut BufReader<File>,
    line: &mut Vec<u8>,
    events: &mut Vec<Event>,
) -> io::Result<()> {
    while file.read_until(b'\n', line)? > 0 {
        if line.last() == Some(&b'\n') {
            events.extend(serde_json::from_slice::<Event>(line).ok());
            line.clear();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    fn event(id: usize) -> Event {
        now(
            EventKind::Container,
            "start",
            &id.to_string(),
            [("name", "web".to_owned())],
        )
    }

    #[test]
    fn reader_gets_what_was_known_and_what_comes() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path());
        append(&root, &event(1)).unwrap();
        let (known, mut reader) = Reader::open(&root, Some(Timestamp::UNIX_EPOCH)).unwrap();
        assert_eq!(known.len(), 1);
        append(&root, &event(2)).unwrap();
        let (none, mut late) = Reader::open(&root, None).unwrap();
        assert!(none.is_empty() && late.read().unwrap().is_empty());
        assert_eq!(reader.read().unwrap()[0].id, "2");
    }

    #[test]
    fn reader_that_comes_before_the_first_event_sees_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path().join("new"));
        let (_, mut reader) = Reader::open(&root, None).unwrap();
        append(&root, &event(1)).unwrap();
        let woken = [PollFd::new(reader.notice().as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut { woken }, PollTimeout::from(10_000_u16)), Ok(1));
        assert!(reader.notice().take() && !reader.notice().take());
        assert_eq!(reader.read().unwrap().len(), 1);
    }

    #[test]
    fn torn_line_is_passed_over_and_an_unfinished_one_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path());
        append(&root, &event(1)).unwrap();
        let (_, mut reader) = Reader::open(&root, None).unwrap();
        let text = serde_json::to_string(&event(2)).unwrap();
        let mut file = open_to_append(&root.events()).unwrap();
        file.write_all(b"{\"torn\n").unwrap();
        file.write_all(&text.as_bytes()[..20]).unwrap();
        assert!(reader.read().unwrap().is_empty());
        file.write_all(&text.as_bytes()[20..]).unwrap();
        file.write_all(b"\n").unwrap();
        assert_eq!(reader.read().unwrap()[0].id, "2");
    }

    #[test]
    fn follower_loses_nothing_when_the_file_is_moved_aside() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path());
        let (_, mut reader) = Reader::open(&root, None).unwrap();
        append(&root, &event(0)).unwrap();
        let mut seen = reader.read().unwrap();
        let big = "x".repeat(1 << 20);
        for n in 1..12 {
            let mut event = event(n);
            event.attributes.insert("big".into(), big.clone());
            append(&root, &event).unwrap();
            if n % 2 == 0 {
                seen.extend(reader.read().unwrap());
            }
        }
        seen.extend(reader.read().unwrap());
        assert_eq!(
            seen.iter()
                .map(|e| e.id.parse().unwrap())
                .collect::<Vec<usize>>(),
            (0..12).collect::<Vec<_>>()
        );
        assert!(root.events().with_extension("1").exists());
        assert!(fs::metadata(root.events()).unwrap().len() <= 2 * MAX_BYTES);
    }
}
