//! Copies a file or a directory of stacked layers to the host.
//!
//! Its owner is whoever copies, and bits that would run a program as somebody else are
//! left out: what an image says about users holds inside of it, not on the host. Links
//! are copied as links; devices, sockets and pipes are not copied.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::{
    fs::{self, AtFlags, Mode, OFlags, Timespec, Timestamps},
    io::Errno,
};

use super::{DEEPEST, Explorer, merge::Child};
use crate::{
    layer::removal::remove_tree,
    model::{ExtractRequest, Extracted, FileEntry, FileKind},
};

impl Explorer {
    /// Copies what is at a path to a path of the host at which nothing is. If that fails
    /// nothing is left there.
    pub fn extract(&self, top: usize, request: &ExtractRequest) -> io::Result<Extracted> {
        let child = self.locate(top, &request.path)?;
        let name = request.to.file_name().ok_or_else(|| {
            let message = "it names no file";
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })?;
        let parent = match request.to.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent = fs::open(parent, flags, Mode::empty())?;
        match fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => return Err(Errno::EXIST.into()),
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let mut done = Extracted::default();
        let result = self.copy(&child, &parent, name, 0, &mut done);
        if let Err(error) = result {
            if error.kind() != io::ErrorKind::AlreadyExists {
                // The first failure is what is told.
                let _ = remove_tree(&request.to);
            }
            return Err(error);
        }
        if done.entries == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "devices, sockets and pipes are not copied",
            ));
        }
        Ok(done)
    }

    fn copy(
        &self,
        child: &Child,
        parent: &OwnedFd,
        name: &OsStr,
        depth: usize,
        done: &mut Extracted,
    ) -> io::Result<()> {
        let entry = self.contents(child.shown).entry(child.shown.entry)?;
        match entry.kind {
            FileKind::Directory => {
                let inside = child.inside.as_deref();
                fs::mkdirat(parent, name, Mode::RWXU)?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let directory = fs::openat(parent, name, flags, Mode::empty())?;
                done.entries += 1;
                let children = match inside {
                    Some(inside) if depth < DEEPEST => self.children(inside)?,
                    _ => Vec::new(),
                };
                for inner in children {
                    // What is removed stays away, unless all of it was what is wanted.
                    if inner.is_removed() && !child.is_removed() {
                        continue;
                    }
                    let mut name = Vec::new();
                    let contents = self.contents(inner.shown);
                    contents.name(inner.shown.entry, &mut name)?;
                    check_name(&name)?;
                    let name = OsStr::from_bytes(&name);
                    self.copy(&inner, &directory, name, depth + 1, done)?;
                }
                fs::fchmod(&directory, mode(&entry) | Mode::RWXU)?;
                fs::futimens(&directory, &times(&entry))?;
            }
            FileKind::File => {
                let mut source = self.open_file(child.shown)?;
                let flags = OFlags::WRONLY
                    | OFlags::CREATE
                    | OFlags::EXCL
                    | OFlags::NOFOLLOW
                    | OFlags::CLOEXEC;
                let file = fs::openat(parent, name, flags, Mode::RUSR | Mode::WUSR)?;
                let mut file = File::from(file);
                done.bytes += io::copy(&mut source, &mut file)?;
                done.entries += 1;
                fs::fchmod(&file, mode(&entry))?;
                fs::futimens(&file, &times(&entry))?;
            }
            FileKind::Symlink => {
                fs::symlinkat(OsStr::from_bytes(&entry.target), parent, name)?;
                done.entries += 1;
            }
            _ => done.skipped += 1,
        }
        Ok(())
    }
}

/// A record that was tampered with must not reach beyond the directory.
fn check_name(name: &[u8]) -> io::Result<()> {
    match name {
        b"" | b"." | b".." => {}
        name if name.contains(&b'/') || name.contains(&0) => {}
        _ => return Ok(()),
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "a wrong name"))
}

fn mode(entry: &FileEntry) -> Mode {
    Mode::from_raw_mode(u32::from(entry.mode) & 0o777)
}

fn times(entry: &FileEntry) -> Timestamps {
    let time = Timespec {
        tv_sec: entry.modified,
        tv_nsec: entry.modified_ns.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
