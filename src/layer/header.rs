//! Writes the headers of a tar: POSIX ustar, with pax records for all that it can't hold.
//!
//! The same file gives the same bytes: nothing here depends on the time, the process or
//! the order in which a directory lists its names.

use std::io::{self, Write};

use super::entry::Time;

const BLOCK: usize = 512;
/// Most that eleven octal digits can say.
const MOST: u64 = 0o777_7777_7777;

/// What is said of one entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Header {
    /// As the archive shall have it; of a directory with a slash at its end.
    pub(super) name: Vec<u8>,
    /// The type's letter.
    pub(super) flag: u8,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Bytes of content that follow.
    pub(super) size: u64,
    pub(super) modified: Time,
    /// Target of a link.
    pub(super) link: Vec<u8>,
    /// Major and minor number of a device.
    pub(super) device: (u32, u32),
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The real size of a file whose content begins with a map of its holes, in GNU's pax
    /// format 1.0.
    pub(super) sparse_size: Option<u64>,
}

impl Header {
    /// Writes it, after the extended header that it may need.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let records = self.records();
        if !records.is_empty() {
            let header = Self {
                name: b"PaxHeaders.0/x".to_vec(),
                flag: b'x',
                mode: 0o644,
                size: records.len() as u64,
                ..Self::default()
            };
            out.write_all(&header.block())?;
            out.write_all(&records)?;
            pad(out, records.len() as u64)?;
        }
        out.write_all(&self.block())
    }

    fn records(&self) -> Vec<u8> {
        let mut records = Vec::new();
        if let Some(size) = self.sparse_size {
            record(&mut records, b"GNU.sparse.major", b"1");
            record(&mut records, b"GNU.sparse.minor", b"0");
            record(&mut records, b"GNU.sparse.name", &self.name);
            let size = size.to_string();
            record(&mut records, b"GNU.sparse.realsize", size.as_bytes());
        } else if self.name.len() > 100 {
            record(&mut records, b"path", &self.name);
        }
        if self.link.len() > 100 {
            record(&mut records, b"linkpath", &self.link);
        }
        if self.size > MOST {
            record(&mut records, b"size", self.size.to_string().as_bytes());
        }
        for (key, id) in [(&b"uid"[..], self.uid), (b"gid", self.gid)] {
            if id > 0o777_7777 {
                record(&mut records, key, id.to_string().as_bytes());
            }
        }
        let Time {
            seconds,
            nanoseconds,
        } = self.modified;
        if nanoseconds != 0 || u64::try_from(seconds).map_or(true, |seconds| seconds > MOST) {
            record(&mut records, b"mtime", timestamp(self.modified).as_bytes());
        }
        for (name, value) in &self.xattrs {
            record(&mut records, &[b"SCHILY.xattr.", &name[..]].concat(), value);
        }
        records
    }

    fn block(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let text = |block: &mut [u8; BLOCK], at: usize, text: &[u8], room: usize| {
            let length = text.len().min(room);
            block[at..at + length].copy_from_slice(&text[..length]);
        };
        // What doesn't fit stands in a record, which every reader takes instead.
        let octal = |block: &mut [u8; BLOCK], at: usize, value: u64, digits: usize| {
            let most = (1_u64 << (3 * digits)) - 1;
            let number = format!("{:0digits$o}\0", if value > most { 0 } else { value });
            block[at..at + digits + 1].copy_from_slice(number.as_bytes());
        };
        match self.sparse_size {
            Some(_) => text(&mut block, 0, b"GNUSparseFile.0/x", 100),
            None => text(&mut block, 0, &self.name, 100),
        }
        octal(&mut block, 100, u64::from(self.mode), 7);
        octal(&mut block, 108, u64::from(self.uid), 7);
        octal(&mut block, 116, u64::from(self.gid), 7);
        octal(&mut block, 124, self.size, 11);
        octal(
            &mut block,
            136,
            u64::try_from(self.modified.seconds).unwrap_or(0),
            11,
        );
        block[156] = self.flag;
        text(&mut block, 157, &self.link, 100);
        text(&mut block, 257, b"ustar\x0000", 8);
        octal(&mut block, 329, u64::from(self.device.0), 7);
        octal(&mut block, 337, u64::from(self.device.1), 7);
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        octal(&mut block, 148, sum, 6);
        block
    }
}

/// Zeros up to a whole block after `length` bytes.
pub(super) fn pad(out: &mut impl Write, length: u64) -> io::Result<()> {
    let over = (length % BLOCK as u64) as usize;
    match over {
        0 => Ok(()),
        over => out.write_all(&[0; BLOCK][over..]),
    }
}

/// The two zero blocks at the end.
pub(super) fn end(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

/// `LENGTH KEY=VALUE\n`, the length counting itself.
fn record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length.to_string().len() + rest != length {
        length = length.to_string().len() + rest;
    }
    records.extend_from_slice(length.to_string().as_bytes());
    records.push(b' ');
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn timestamp(time: Time) -> String {
    let (sign, seconds, nanoseconds) = match (time.seconds, time.nanoseconds) {
        (seconds @ 0.., nanoseconds) => ("", seconds.unsigned_abs(), nanoseconds),
        (seconds, 0) => ("-", seconds.unsigned_abs(), 0),
        // The fraction counts upwards from the second before.
        (seconds, nanoseconds) => (
            "-",
            (seconds + 1).unsigned_abs(),
            1_000_000_000 - nanoseconds,
        ),
    };
    match nanoseconds {
        0 => format!("{sign}{seconds}"),
        _ => {
            let fraction = format!("{nanoseconds:09}");
            format!("{sign}{seconds}.{}", fraction.trim_end_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{archive::Archive, entry::Kind},
        *,
    };

    proptest! {
        /// Our reader gives back what was written, whatever it is.
        #[test]
        fn every_header_reads_back(
            name in proptest::collection::vec(1_u8.., 1..300),
            link in proptest::collection::vec(1_u8.., 1..300),
            uid in 0..u32::MAX, gid in 0..u32::MAX, mode in 0_u32..0o10000,
            seconds in -1_i64 << 40..1 << 40, nanoseconds in 0_u32..1_000_000_000,
            key in "[a-z.]{1,20}", value in proptest::collection::vec(any::<u8>(), 1..300),
        ) {
            let header = Header {
                name: name.clone(), flag: b'2', mode, uid, gid,
                modified: Time { seconds, nanoseconds },
                link: link.clone(),
                xattrs: vec![(format!("user.{key}").into_bytes(), value)],
                ..Header::default()
            };
            let mut text = Vec::new();
            header.write(&mut text).unwrap();
            end(&mut text).unwrap();
            let mut archive = Archive::new(text.as_slice());
            let entry = archive.next().unwrap().unwrap();
            prop_assert_eq!(entry.name, name);
            prop_assert_eq!(entry.kind, Kind::Symlink(link));
            prop_assert_eq!((entry.mode, entry.uid, entry.gid), (mode, uid, gid));
            prop_assert_eq!(entry.modified, header.modified);
            prop_assert_eq!(entry.xattrs, header.xattrs);
            prop_assert!(archive.next().unwrap().is_none());
        }
    }
}
