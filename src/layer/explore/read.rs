//! The bytes of one file of stacked layers.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileExt, MetadataExt},
    },
    path::Path,
};

use rustix::fs::{self, Mode, OFlags, ResolveFlags};

use super::{
    Explorer,
    merge::{Child, Part},
};
use crate::model::{FileKind, FilePage, Mark, ReadRequest};

/// Bytes that are read at once at most.
const LONGEST: usize = 4 << 20;

impl Explorer {
    /// Reads a piece of a regular file; of a removed one as it was before.
    pub fn read(&self, top: usize, request: &ReadRequest) -> io::Result<FilePage> {
        let part = self.locate(top, &request.path)?.shown;
        let file = self.open_file(part)?;
        let size_bytes = file.metadata()?.size();
        let mut bytes = vec![0; request.limit.min(LONGEST)];
        let mut length = 0;
        while length < bytes.len() {
            match file.read_at(&mut bytes[length..], request.offset + length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(length);
        Ok(FilePage {
            offset: request.offset,
            bytes,
            size_bytes,
        })
    }

    /// What is at a path, or was before the topmost layer removed it.
    pub(super) fn locate(&self, top: usize, path: &[u8]) -> io::Result<Child> {
        let mut place = Some(self.root(self.top(top)?));
        let mut found = None;
        for name in path.split(|byte| *byte == b'/').filter(|n| !n.is_empty()) {
            let inside = place.take().ok_or_else(missing)?;
            let child = self.lookup(&inside, name)?.ok_or_else(missing)?;
            place = child.inside.as_deref().cloned();
            found = Some(child);
        }
        let root = || Child {
            shown: Part::root(top.min(self.layers.len() - 1)),
            mark: Mark::Unchanged,
            inside: place.map(Box::new),
        };
        Ok(found.unwrap_or_else(root))
    }

    /// Opens a file of a layer: below its directory and through no link, whatever a
    /// container does meanwhile.
    pub(super) fn open_file(&self, part: Part) -> io::Result<File> {
        let contents = self.contents(part);
        let kind = contents.summary(part.entry)?.kind;
        if kind != FileKind::File {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ));
        }
        let file = open_below(self.directory(part), &contents.path(part.entry)?)?;
        // Something else may have taken its place in a container.
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(missing()),
        }
    }
}

fn open_below(root: &Path, path: &[u8]) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = fs::open(root, flags, Mode::empty())?;
    // A FIFO that took its place must not be waited for.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let path = OsStr::from_bytes(path);
    Ok(fs::openat2(root, path, flags, Mode::empty(), resolve)?.into())
}

fn missing() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "there is no such file")
}
