//! The live state of a container: what its shim knows of it now.
//!
//! One small file in the run directory, two slots of [`SLOT_BYTES`], written in turn
//! by `pwrite` and never truncated (ext4 may take tens of milliseconds to close a
//! file that was). Each slot carries a sequence number and a checksum, so a reader
//! needs no lock: it takes the newest slot that is whole, and a write that was torn
//! by a crash, or is under way, leaves the slot before it readable.
//!
//! Only the holder of the `alive` lock writes: the shim, or the repair of a shim that
//! died. Nothing here is synced; a reboot is told by the boot id.

use std::{
    fs::File,
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::paths::ContainerPaths;
use crate::{
    model::{Exit, State},
    sys::proc::{Identity, boot_id},
};

/// Bytes of one slot.
pub const SLOT_BYTES: usize = 2048;

const MAGIC: &[u8; 8] = b"wharf-s1";
const HEADER_BYTES: usize = 8 + 8 + 8 + 4;
/// Longest error text that is kept; the JSON around it stays far below a slot.
const ERROR_BYTES: usize = 700;

/// What is true of a container (or of an exec) while its shim lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveState {
    /// Where it stands.
    pub state: State,
    /// The boot in which this was written; another one makes all of it history.
    pub boot_id: String,
    /// The init process, while there is one.
    pub process: Option<Identity>,
    /// The shim that wrote this.
    pub shim_pid: i32,
    /// When this run began.
    pub started: Option<Timestamp>,
    /// Starts by the restart policy so far.
    pub restarts: u32,
    /// Whether the kernel killed for lack of memory during this run.
    pub oom_killed: bool,
    /// How the last run ended.
    pub exit: Option<Exit>,
    /// Why the last start failed, in words.
    pub error: Option<String>,
}

impl LiveState {
    /// The init process's id, while there is one.
    pub fn pid(&self) -> Option<i32> {
        self.process.as_ref().map(|process| process.pid)
    }

    /// Whether it was written since the machine was booted.
    pub fn is_of_this_boot(&self) -> bool {
        boot_id().is_ok_and(|id| id == self.boot_id)
    }
}

/// Reads the live state of a container; `None` if it has none.
pub fn read(paths: &ContainerPaths) -> io::Result<Option<LiveState>> {
    read_file(&paths.state())
}

/// Reads a live state by its path; `None` if there is no file or no whole slot.
pub fn read_file(path: &Path) -> io::Result<Option<LiveState>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(newest(&file)?.map(|(_, state)| state))
}

/// The one writer of a live state.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    sequence: u64,
}

impl Writer {
    /// Opens or makes the file at `path` and goes on after its newest slot.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)?;
        let sequence = newest(&file)?.map_or(0, |(sequence, _)| sequence);
        Ok(Self {
            file,
            path,
            sequence,
        })
    }

    /// Where it is written to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes `state` the newest.
    pub fn write(&mut self, state: &LiveState) -> io::Result<()> {
        let sequence = self.sequence + 1;
        let slot = encode(sequence, state)?;
        let offset = (sequence % 2) * SLOT_BYTES as u64;
        self.file.write_all_at(&slot, offset)?;
        self.sequence = sequence;
        Ok(())
    }
}

fn encode(sequence: u64, state: &LiveState) -> io::Result<Vec<u8>> {
    let mut json = serde_json::to_vec(state)?;
    if HEADER_BYTES + json.len() > SLOT_BYTES {
        let mut shorter = state.clone();
        if let Some(error) = &mut shorter.error {
            let end = (0..=ERROR_BYTES.min(error.len()))
                .rev()
                .find(|&end| error.is_char_boundary(end));
            error.truncate(end.unwrap_or(0));
        }
        json = serde_json::to_vec(&shorter)?;
        if HEADER_BYTES + json.len() > SLOT_BYTES {
            // Only an error text full of control characters can still be too long.
            shorter.error = Some("start failed".into());
            json = serde_json::to_vec(&shorter)?;
        }
    }
    let mut slot = Vec::with_capacity(HEADER_BYTES + json.len());
    slot.extend_from_slice(MAGIC);
    slot.extend_from_slice(&[0; 8]);
    slot.extend_from_slice(&sequence.to_le_bytes());
    slot.extend_from_slice(&(json.len() as u32).to_le_bytes());
    slot.extend_from_slice(&json);
    let sum = checksum(&slot[16..]).to_le_bytes();
    slot[8..16].copy_from_slice(&sum);
    Ok(slot)
}

/// Both slots in one read, the newest whole one parsed.
fn newest(file: &File) -> io::Result<Option<(u64, LiveState)>> {
    let mut bytes = [0; 2 * SLOT_BYTES];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(decode(&bytes[..filled]))
}

fn decode(bytes: &[u8]) -> Option<(u64, LiveState)> {
    let (first, second) = bytes.split_at(SLOT_BYTES.min(bytes.len()));
    let mut slots = [whole(first), whole(second)];
    slots.sort_by_key(|slot| std::cmp::Reverse(slot.map(|(sequence, _)| sequence)));
    slots
        .into_iter()
        .flatten()
        .find_map(|(sequence, json)| Some((sequence, serde_json::from_slice(json).ok()?)))
}

/// The sequence number and text of a slot whose checksum holds.
fn whole(slot: &[u8]) -> Option<(u64, &[u8])> {
    let header = slot.get(..HEADER_BYTES)?;
    if &header[..8] != MAGIC {
        return None;
    }
    let word = |at: usize| Some(u64::from_le_bytes(header.get(at..at + 8)?.try_into().ok()?));
    let len = u32::from_le_bytes(header[24..28].try_into().ok()?) as usize;
    let end = HEADER_BYTES.checked_add(len)?;
    let body = slot.get(16..end)?;
    (word(8)? == checksum(body)).then_some((word(16)?, &slot[HEADER_BYTES..end]))
}

/// FNV-1a over 64 bits: guards against torn writes, not against an adversary.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state(restarts: u32) -> LiveState {
        LiveState {
            state: State::Running,
            boot_id: "b".into(),
            process: None,
            shim_pid: 7,
            started: Some(Timestamp::UNIX_EPOCH),
            restarts,
            oom_killed: false,
            exit: None,
            error: None,
        }
    }

    fn writer(dir: &Path) -> Writer {
        Writer::open(dir.join("state")).unwrap()
    }

    #[test]
    fn last_write_is_read_and_a_new_writer_goes_on_after_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_file(&dir.path().join("state")).unwrap(), None);
        for restarts in 0..3 {
            writer(dir.path()).write(&state(restarts)).unwrap();
            let read = read_file(&dir.path().join("state")).unwrap();
            assert_eq!(read, Some(state(restarts)));
        }
    }

    #[test]
    fn torn_write_leaves_the_state_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = writer(dir.path());
        writer.write(&state(1)).unwrap();
        writer.write(&state(2)).unwrap();
        // Sequence 3 goes to the second slot, over sequence 1; tear it there.
        let torn = encode(3, &state(3)).unwrap();
        writer
            .file
            .write_all_at(&torn[..HEADER_BYTES + 2], SLOT_BYTES as u64)
            .unwrap();
        assert_eq!(read_file(writer.path()).unwrap(), Some(state(2)));
    }

    #[test]
    fn long_error_is_cut_at_a_character_and_still_fits() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = writer(dir.path());
        for text in ["ä".repeat(5000), "\u{1}".repeat(5000)] {
            writer
                .write(&LiveState {
                    error: Some(text),
                    ..state(0)
                })
                .unwrap();
            let error = read_file(writer.path()).unwrap().unwrap().error.unwrap();
            assert!(!error.is_empty() && error.len() <= ERROR_BYTES);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
            let mut with_magic = bytes.clone();
            if with_magic.len() > 8 {
                with_magic[..8].copy_from_slice(MAGIC);
            }
            let _ = (decode(&bytes), decode(&with_magic));
        }
    }
}
