//! One entry of a layer's tar, fully decoded and checked, before anything is written.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use super::error::{Error, Refusal, Result};

/// Seconds and nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time {
    /// Whole seconds, rounded down.
    pub seconds: i64,
    /// What is left of one.
    pub nanoseconds: u32,
}

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its name as the archive has it.
    pub name: Vec<u8>,
    /// What it makes.
    pub kind: Kind,
    /// Permission bits and the three above them.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// When its content was changed.
    pub modified: Time,
    /// When it was read, if the archive says so.
    pub accessed: Option<Time>,
    /// Extended attributes, without those that steer overlayfs.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an entry makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    #[default]
    Directory,
    /// A regular file of `size` bytes, of which the archive holds `pieces`.
    File {
        /// Bytes, holes included.
        size: u64,
        /// Offset and length, ascending; `None` for a file without holes.
        pieces: Option<Vec<(u64, u64)>>,
    },
    /// A symbolic link to this.
    Symlink(Vec<u8>),
    /// A further name of this entry's file.
    HardLink(Vec<u8>),
    /// A character device.
    CharacterDevice {
        /// Its major number.
        major: u32,
        /// Its minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Its major number.
        major: u32,
        /// Its minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// A name inside the layer, cleaned: no leading or doubled slashes, no `.`, no `..`.
/// Empty for the root itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(Vec<u8>);

impl Name {
    /// Cleans a name from an archive.
    pub(super) fn new(raw: &[u8]) -> std::result::Result<Self, Refusal> {
        if raw.is_empty() || raw.contains(&0) {
            return Err(Refusal::Name);
        }
        let mut clean = Vec::with_capacity(raw.len());
        for component in raw.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => continue,
                b".." => return Err(Refusal::ParentDirectory),
                _ if component.len() > 255 => return Err(Refusal::Name),
                _ => {}
            }
            if !clean.is_empty() {
                clean.push(b'/');
            }
            clean.extend_from_slice(component);
        }
        // The kernel takes 4096 bytes with the zero at the end.
        if clean.len() > 4095 {
            return Err(Refusal::Name);
        }
        Ok(Self(clean))
    }

    /// The directory that it is in (empty for the root), and its last component; `None`
    /// for the root itself.
    pub(super) fn split(&self) -> Option<(&[u8], &OsStr)> {
        if self.0.is_empty() {
            return None;
        }
        let (parent, last) = match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&self.0[..slash], &self.0[slash + 1..]),
            None => (&[][..], &self.0[..]),
        };
        Some((parent, OsStr::from_bytes(last)))
    }

    /// Whether `directory` is this name's directory or one above it.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a name says beyond naming a file: the layer format hides removals in names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    /// An ordinary name.
    None,
    /// `.wh.NAME`: NAME of the layers below is removed.
    Whiteout(&'a OsStr),
    /// `.wh..wh..opq`: everything of the layers below in this directory is.
    Opaque,
}

impl<'a> Mark<'a> {
    /// Reads the last component of a name, and checks that none above it is a mark.
    pub(super) fn of(parent: &[u8], last: &'a OsStr) -> std::result::Result<Self, Refusal> {
        const WHITEOUT: &[u8] = b".wh.";
        if parent
            .split(|byte| *byte == b'/')
            .any(|component| component.starts_with(WHITEOUT))
        {
            return Err(Refusal::Whiteout);
        }
        match last.as_bytes().strip_prefix(WHITEOUT) {
            None => Ok(Self::None),
            Some(b".wh..opq") => Ok(Self::Opaque),
            Some(b"" | b"." | b"..") => Err(Refusal::Whiteout),
            Some(removed) if removed.starts_with(WHITEOUT) => Err(Refusal::Whiteout),
            Some(removed) => Ok(Self::Whiteout(OsStr::from_bytes(removed))),
        }
    }
}

impl Entry {
    /// The error that refuses this entry.
    pub fn refused(&self, reason: Refusal) -> Error {
        refused(&self.name, reason)
    }

    /// Its cleaned name.
    pub(super) fn clean_name(&self) -> Result<Name> {
        Name::new(&self.name).map_err(|reason| self.refused(reason))
    }
}

/// The error that refuses the entry of this name.
pub(super) fn refused(name: &[u8], reason: Refusal) -> Error {
    Error::Refused {
        entry: String::from_utf8_lossy(name).into_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_relative_to_the_root_and_never_climb() {
        let clean = |raw: &[u8]| Name::new(raw).map(|name| name.0);
        assert_eq!(clean(b"/etc//./passwd"), Ok(b"etc/passwd".to_vec()));
        assert_eq!(clean(b"./"), Ok(vec![]));
        assert_eq!(clean(b"/"), Ok(vec![]));
        assert_eq!(clean(b"..."), Ok(b"...".to_vec()));
        for bad in [&b".."[..], b"../x", b"a/../b", b"/..", b"a/.."] {
            assert_eq!(clean(bad), Err(Refusal::ParentDirectory));
        }
        assert_eq!(clean(b""), Err(Refusal::Name));
        assert_eq!(clean(b"a\0b"), Err(Refusal::Name));
        assert_eq!(clean(&[b'x'; 256]), Err(Refusal::Name));
    }

    #[test]
    fn whiteouts_name_exactly_one_file_below() {
        let mark = |last: &'static str| Mark::of(b"a/b", OsStr::new(last));
        assert_eq!(mark("file"), Ok(Mark::None));
        assert_eq!(mark(".wh.file"), Ok(Mark::Whiteout(OsStr::new("file"))));
        assert_eq!(mark(".wh..wh..opq"), Ok(Mark::Opaque));
        for bad in [".wh.", ".wh..", ".wh...", ".wh..wh.plnk", ".wh..wh."] {
            assert_eq!(mark(bad), Err(Refusal::Whiteout), "{bad}");
        }
        let below = Mark::of(b"a/.wh.b", OsStr::new("file"));
        assert_eq!(below, Err(Refusal::Whiteout));
    }
}
