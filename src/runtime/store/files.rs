//! The files that records are made of: read whole, replaced by a rename, removed as trees.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use super::{Error, Result, at};
use crate::{
    layer,
    sys::fs::{Durability, write_atomically},
};

/// Reads a JSON file; `None` if it doesn't exist.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(at("open", path)(error)),
    };
    let mut text = Vec::with_capacity(4096);
    // Through `take`, not the file's own `read_to_end`, which first asks for its size and
    // place: two calls of the kernel for each of hundreds of records.
    Read::by_ref(&mut file)
        .take(u64::MAX)
        .read_to_end(&mut text)
        .map_err(at("read", path))?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| Error::Malformed {
            path: path.to_owned(),
            source,
        })
}

/// Replaces a JSON file. Who calls it holds the lock that makes its temporary name theirs.
pub fn write_json<T: serde::Serialize>(
    path: &Path,
    value: &T,
    durability: Durability,
) -> Result<()> {
    let text = serde_json::to_vec(value).map_err(|source| Error::Malformed {
        path: path.to_owned(),
        source,
    })?;
    write_atomically(path, &text, durability).map_err(at("write", path))
}

/// Makes a directory and those above it; one that exists is left as it is.
pub fn make_directory(path: &Path, mode: u32) -> Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => DirBuilder::new()
            .mode(mode)
            .recursive(true)
            .create(path)
            .map_err(at("make", path)),
        Err(error) => Err(at("make", path)(error)),
    }
}

pub(super) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a file or a directory with all in it, never through a symbolic link, however
/// deep a container nested it; what is missing is no error.
pub fn remove_tree(path: &Path) -> Result<()> {
    layer::remove_tree(path).map_err(at("remove", path))
}
