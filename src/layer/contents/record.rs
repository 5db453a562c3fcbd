//! A record and the footer as bytes, little-endian.

use std::io;

use crate::model::FileKind;

/// Bytes of a record.
pub(super) const RECORD: usize = 64;
/// Bytes that are checked together; a record never lies in two.
pub(super) const BLOCK: usize = 32 << 10;
/// Bytes of the footer.
pub(super) const FOOTER: usize = 40;

const MAGIC: &[u8; 8] = b"wharfidx";
const VERSION: u32 = 1;

/// An entry without its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Where its name begins among the names.
    pub(super) name_at: u64,
    pub(super) name_len: u16,
    pub(super) target_len: u16,
    pub(super) kind: FileKind,
    pub(super) is_opaque: bool,
    pub(super) is_link: bool,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size_bytes: u64,
    pub(super) modified: i64,
    pub(super) modified_ns: u32,
    /// Counted bytes of it, or of all below it.
    pub(super) total_bytes: u64,
    /// Entries at or below it that are neither directories nor whiteouts.
    pub(super) files: u32,
    /// The number of the record after all that is below it.
    pub(super) end: u32,
    /// The number of its directory's record.
    pub(super) parent: u32,
}

/// What stands at the end of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) entries: u32,
    pub(super) names_len: u64,
    pub(super) sums: u32,
}

const OPAQUE: u8 = 1;
const LINK: u8 = 2;

const KINDS: [FileKind; 8] = [
    FileKind::File,
    FileKind::Directory,
    FileKind::Symlink,
    FileKind::CharacterDevice,
    FileKind::BlockDevice,
    FileKind::Fifo,
    FileKind::Socket,
    FileKind::Whiteout,
];

impl Record {
    pub(super) fn to_bytes(self) -> [u8; RECORD] {
        let mut out = [0; RECORD];
        let kind = KINDS.iter().position(|kind| *kind == self.kind);
        out[0..8].copy_from_slice(&self.name_at.to_le_bytes());
        out[8..16].copy_from_slice(&self.size_bytes.to_le_bytes());
        out[16..24].copy_from_slice(&self.total_bytes.to_le_bytes());
        out[24..32].copy_from_slice(&self.modified.to_le_bytes());
        out[32..36].copy_from_slice(&self.modified_ns.to_le_bytes());
        out[36..40].copy_from_slice(&self.uid.to_le_bytes());
        out[40..44].copy_from_slice(&self.gid.to_le_bytes());
        out[44..48].copy_from_slice(&self.end.to_le_bytes());
        out[48..50].copy_from_slice(&self.mode.to_le_bytes());
        out[50..52].copy_from_slice(&self.name_len.to_le_bytes());
        out[52..54].copy_from_slice(&self.target_len.to_le_bytes());
        out[54] = kind.expect("every kind is in the list") as u8;
        out[55] = u8::from(self.is_opaque) * OPAQUE + u8::from(self.is_link) * LINK;
        out[56..60].copy_from_slice(&self.files.to_le_bytes());
        out[60..64].copy_from_slice(&self.parent.to_le_bytes());
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        let kind = KINDS.get(usize::from(bytes[54]));
        Ok(Self {
            name_at: u64::from_le_bytes(piece(bytes, 0)?),
            size_bytes: u64::from_le_bytes(piece(bytes, 8)?),
            total_bytes: u64::from_le_bytes(piece(bytes, 16)?),
            modified: i64::from_le_bytes(piece(bytes, 24)?),
            modified_ns: u32::from_le_bytes(piece(bytes, 32)?),
            uid: u32::from_le_bytes(piece(bytes, 36)?),
            gid: u32::from_le_bytes(piece(bytes, 40)?),
            end: u32::from_le_bytes(piece(bytes, 44)?),
            mode: u16::from_le_bytes(piece(bytes, 48)?),
            name_len: u16::from_le_bytes(piece(bytes, 50)?),
            target_len: u16::from_le_bytes(piece(bytes, 52)?),
            kind: *kind.ok_or_else(|| damaged("an entry of an unknown kind"))?,
            is_opaque: bytes[55] & OPAQUE != 0,
            is_link: bytes[55] & LINK != 0,
            files: u32::from_le_bytes(piece(bytes, 56)?),
            parent: u32::from_le_bytes(piece(bytes, 60)?),
        })
    }
}

impl Footer {
    pub(super) fn to_bytes(self) -> [u8; FOOTER] {
        let mut out = [0; FOOTER];
        out[0..8].copy_from_slice(MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&self.entries.to_le_bytes());
        out[16..24].copy_from_slice(&self.names_len.to_le_bytes());
        out[24..28].copy_from_slice(&(BLOCK as u32).to_le_bytes());
        out[28..32].copy_from_slice(&self.sums.to_le_bytes());
        let own = crc32fast::hash(&out[..32]);
        out[32..36].copy_from_slice(&own.to_le_bytes());
        out
    }

    pub(super) fn from_bytes(bytes: &[u8; FOOTER]) -> io::Result<Self> {
        let number = |at| Ok::<_, io::Error>(u32::from_le_bytes(piece(bytes, at)?));
        if &bytes[..8] != MAGIC || number(32)? != crc32fast::hash(&bytes[..32]) {
            return Err(damaged("its end is missing"));
        }
        if number(8)? != VERSION || number(24)? != BLOCK as u32 {
            return Err(damaged("another version of wharf wrote it"));
        }
        Ok(Self {
            entries: number(12)?,
            names_len: u64::from_le_bytes(piece(bytes, 16)?),
            sums: number(28)?,
        })
    }
}

fn piece<const N: usize>(bytes: &[u8], at: usize) -> io::Result<[u8; N]> {
    let piece = bytes
        .get(at..at + N)
        .and_then(|piece| piece.try_into().ok());
    piece.ok_or_else(|| damaged("it is too short"))
}

/// The error of a file that is not what was written.
pub(super) fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
