//! Unpacking on two cores: one thread reads (and decompresses) the source, one hashes and
//! copies what was read, the caller's writes files. Pieces are shared, not copied.

use std::{
    io::{self, BufRead, Read, Write},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use sha2::{Digest as _, Sha256};

use super::{
    archive::Archive,
    entry::Kind,
    error::{Error, Refusal, Result},
    store::LayerRecord,
    tree::{Content, Tree},
};
use crate::model::{Digest, ImportProgress};

/// Bytes in a piece: large enough that threads seldom wake each other, small enough to
/// stay in a core's cache between them.
const PIECE: usize = 256 << 10;
/// Bytes beyond the bound that the pieces on their way may be.
const SLACK: u64 = (PIECE * 2) as u64;
/// Pieces on their way to each thread at most.
const AHEAD: usize = 16;

type Piece = Arc<Vec<u8>>;

/// What was unpacked, counted.
struct Written {
    size_bytes: u64,
    entries: u64,
    marks: u64,
    tar_bytes: u64,
}

/// Unpacks the tar that `source` gives into `tree`, and copies it to `copy`. If it is
/// open-ended, nothing marks its end.
pub(super) fn unpack(
    source: impl Read + Send,
    tree: Tree,
    most_bytes: u64,
    copy: Option<&mut (dyn Write + Send)>,
    is_open_ended: bool,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<LayerRecord> {
    let (to_hash, hashed) = sync_channel(AHEAD);
    let (to_unpack, unpacked) = sync_channel(AHEAD);
    thread::scope(|scope| {
        scope.spawn(|| read(source, to_hash, to_unpack));
        let hash = scope.spawn(|| hash(hashed, copy));
        let written = write(
            Pieces::new(unpacked),
            tree,
            most_bytes,
            is_open_ended,
            progress,
        );
        let hashed = hash
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A copy that failed comes first: the writer then only saw an archive that ends in
        // the middle. The other way round, hashing just ends early.
        let diff_id = hashed.map_err(Error::io("write", "the layer's blob"))?;
        let written = written?;
        Ok(LayerRecord {
            diff_id,
            size_bytes: written.size_bytes,
            entries: written.entries,
            tar_bytes: Some(written.tar_bytes),
            marks: Some(written.marks),
        })
    })
}

/// Hashes and copies what `work` writes, each in a thread of its own: the digest and the
/// length of it.
pub(super) fn pack<T>(
    copy: &mut (dyn Write + Send),
    work: impl FnOnce(&mut dyn Write) -> Result<T>,
) -> Result<(T, Digest, u64)> {
    let (to_hash, hashed) = sync_channel::<Piece>(AHEAD);
    let (to_copy, copied) = sync_channel::<Piece>(AHEAD);
    thread::scope(|scope| {
        let hashing = scope.spawn(move || hash(hashed, None));
        let copying = scope.spawn(move || {
            let mut pieces = copied.into_iter();
            pieces.try_for_each(|piece| copy.write_all(&piece))
        });
        let mut out = Pieced {
            piece: Vec::with_capacity(PIECE),
            listeners: [to_hash, to_copy],
            bytes: 0,
        };
        let packed = work(&mut out).and_then(|packed| {
            out.flush().map_err(Error::Sink)?;
            Ok(packed)
        });
        let bytes = out.bytes;
        drop(out);
        let joined = |result: thread::Result<io::Result<Digest>>| {
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        let digest = joined(hashing.join());
        let copied = copying
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A copy that failed comes first: whoever packed only saw that nobody listens.
        copied.map_err(Error::io("write", "the layer's blob"))?;
        let digest = digest.map_err(Error::io("hash", "the layer"))?;
        Ok((packed?, digest, bytes))
    })
}

/// Hands what is written on in pieces.
struct Pieced {
    piece: Vec<u8>,
    listeners: [SyncSender<Piece>; 2],
    bytes: u64,
}

impl Write for Pieced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (PIECE - self.piece.len()).min(bytes.len());
        self.piece.extend_from_slice(&bytes[..room]);
        self.bytes += room as u64;
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let piece = Arc::new(piece);
        for listener in &self.listeners {
            let sent = listener.send(piece.clone());
            sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        Ok(())
    }
}

/// Reads the source to its end, or until nobody listens any more.
fn read(
    mut source: impl Read,
    to_hash: SyncSender<Piece>,
    to_unpack: SyncSender<io::Result<Piece>>,
) {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let result = source.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        let piece = Arc::new(piece);
        let listening = match result {
            Ok(0) => false,
            Ok(_) => to_hash.send(piece.clone()).is_ok() && to_unpack.send(Ok(piece)).is_ok(),
            Err(error) => {
                // If that fails too, the writer has an error of its own.
                let _ = to_unpack.send(Err(error));
                false
            }
        };
        if !listening {
            return;
        }
    }
}

fn hash(pieces: Receiver<Piece>, mut copy: Option<&mut (dyn Write + Send)>) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    for piece in pieces {
        if let Some(copy) = &mut copy {
            copy.write_all(&piece)?;
        }
        hash.update(piece.as_slice());
    }
    Ok(Digest::from_sha256(&hash.finalize().into()))
}

fn write(
    pieces: Pieces,
    mut tree: Tree,
    most_bytes: u64,
    is_open_ended: bool,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<Written> {
    let mut archive = Archive::new(pieces);
    if is_open_ended {
        archive = archive.open_ended();
    }
    let too_large = Refusal::TooLarge { most: most_bytes };
    while let Some(entry) = archive.next()? {
        // What is declared is refused before anything of it is written. The bytes that
        // came are held against the same bound, because headers need not be true.
        match entry.kind {
            Kind::File { size, .. } if size > most_bytes => {
                return Err(entry.refused(too_large));
            }
            _ if archive.source().read_bytes > most_bytes.saturating_add(SLACK) => {
                return Err(Error::Malformed(too_large));
            }
            _ => {}
        }
        tree.add(&entry, &mut archive)?;
        if tree.entries.is_multiple_of(64) {
            progress(ImportProgress {
                read_bytes: archive.source().read_bytes,
                entries: tree.entries,
            });
        }
    }
    let (size_bytes, entries, marks) = (tree.size_bytes, tree.entries, tree.marks);
    tree.finish()?;
    let pieces = archive.drain()?;
    if pieces.read_bytes > most_bytes.saturating_add(SLACK) {
        return Err(Error::Malformed(too_large));
    }
    Ok(Written {
        size_bytes,
        entries,
        marks,
        tar_bytes: pieces.read_bytes,
    })
}

/// The pieces as one stream.
struct Pieces {
    receiver: Receiver<io::Result<Piece>>,
    piece: Piece,
    used: usize,
    read_bytes: u64,
}

impl Pieces {
    fn new(receiver: Receiver<io::Result<Piece>>) -> Self {
        Self {
            receiver,
            piece: Piece::default(),
            used: 0,
            read_bytes: 0,
        }
    }
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.piece.len()
            && let Ok(piece) = self.receiver.recv()
        {
            self.piece = piece?;
            self.used = 0;
            self.read_bytes += self.piece.len() as u64;
        }
        Ok(&self.piece[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used += amount;
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut piece = self.fill_buf()?;
        let length = piece.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> Content for Archive<R> {
    fn next(&mut self) -> Result<Option<&[u8]>> {
        self.content()
    }
}
