//! Small files below a group's directory: opened relative to it, read and written
//! whole, one system call each, as the kernel wants it.

use std::{io, mem::MaybeUninit, os::fd::BorrowedFd, os::fd::OwnedFd, path::Path};

use rustix::{
    fs::{self, AtFlags, Mode, OFlags},
    io as fd,
};

/// Open a directory as a handle for the calls below.
pub fn directory(at: BorrowedFd<'_>, name: &Path) -> io::Result<OwnedFd> {
    Ok(fs::openat(
        at,
        name,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW,
        Mode::empty(),
    )?)
}

/// Open a file to read it.
pub fn open(at: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    Ok(fs::openat(
        at,
        name,
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

/// Whether a file is there.
pub fn exists(at: BorrowedFd<'_>, name: &str) -> bool {
    fs::accessat(at, name, fs::Access::EXISTS, AtFlags::empty()).is_ok()
}

/// Write a value in one call: kernels take each write(2) as one whole request.
pub fn write(at: BorrowedFd<'_>, name: &str, value: &str) -> io::Result<()> {
    let file = fs::openat(at, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    let written = fd::write(&file, value.as_bytes())?;
    if written == value.len() {
        Ok(())
    } else {
        Err(io::Error::from(io::ErrorKind::WriteZero))
    }
}

/// A file's whole text.
pub fn read(at: BorrowedFd<'_>, name: &str) -> io::Result<String> {
    let file = open(at, name)?;
    let mut text = Vec::new();
    let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
    loop {
        let (chunk, _) = fd::read(&file, &mut buffer)?;
        if chunk.is_empty() {
            break;
        }
        text.extend_from_slice(chunk);
    }
    String::from_utf8(text).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

/// A file that holds one number; `max` and whatever else is no number is `None`.
pub fn number(at: BorrowedFd<'_>, name: &str) -> io::Result<Option<u64>> {
    Ok(read(at, name)?.trim().parse().ok())
}

/// The value of a key in a file of `key value` lines.
pub fn keyed(at: BorrowedFd<'_>, name: &str, key: &str) -> io::Result<Option<u64>> {
    Ok(read(at, name)?.lines().find_map(|line| {
        let (found, value) = line.split_once(' ')?;
        (found == key).then(|| value.trim().parse().ok())?
    }))
}
