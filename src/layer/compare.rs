//! Two stacks of layers against each other: which files differ. What both share is not
//! looked at.

use std::{
    collections::BTreeSet,
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use rustix::fs::{FileType, Stat};

use super::{
    changes::differs,
    error::{Error, Result},
    merged::{Directory, Node},
};
use crate::{
    model::{ChangeKind, FileDifference},
    sys::open_files,
};

/// Deeper than any path that a layer can have.
const DEEPEST: usize = 2048;

/// What `new` has otherwise than `old`, both lowest first, by path. A directory that only
/// one has is listed with all that is in it.
pub fn compare(old: &[PathBuf], new: &[PathBuf]) -> Result<Vec<FileDifference>> {
    open_files::raise();
    let root = |layers: &[PathBuf]| {
        Directory::root(layers.iter().rev().map(PathBuf::as_path))
            .map_err(Error::io("open", "a layer"))
    };
    let (old, new) = (root(old)?, root(new)?);
    let mut found = Vec::new();
    walk(Some(&old), Some(&new), Path::new("/"), 0, &mut found)
        .map_err(Error::io("compare", "layers"))?;
    found.sort_by(|a, b| {
        a.path
            .as_os_str()
            .as_bytes()
            .cmp(b.path.as_os_str().as_bytes())
    });
    Ok(found)
}

fn walk(
    old: Option<&Directory>,
    new: Option<&Directory>,
    path: &Path,
    depth: usize,
    found: &mut Vec<FileDifference>,
) -> io::Result<()> {
    if depth > DEEPEST {
        return Err(rustix::io::Errno::NAMETOOLONG.into());
    }
    if let (Some(old), Some(new)) = (old, new)
        && old.is_same(new)?
    {
        return Ok(());
    }
    let names = |directory: Option<&Directory>| match directory {
        Some(directory) => directory.names(),
        None => Ok(BTreeSet::new()),
    };
    for name in names(old)?.union(&names(new)?) {
        let look = |directory: Option<&Directory>| match directory {
            Some(directory) => directory.lookup(name),
            None => Ok(None),
        };
        let (before, after) = (look(old)?, look(new)?);
        let path = path.join(name);
        let kind = match (&before, &after) {
            (None, None) => None,
            (None, Some(_)) => Some(ChangeKind::Added),
            (Some(_), None) => Some(ChangeKind::Deleted),
            (Some(before), Some(after)) => {
                let (a, b) = (stat(before), stat(after));
                let is_same = (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino);
                (!is_same && differs(a, b)).then_some(ChangeKind::Modified)
            }
        };
        if let Some(kind) = kind {
            found.push(FileDifference {
                path: path.clone(),
                kind,
                old_bytes: before.as_ref().map(size),
                new_bytes: after.as_ref().map(size),
            });
        }
        let inside = |node: Option<Node>| match node {
            Some(Node::Directory(directory, _)) => Some(directory),
            _ => None,
        };
        let (before, after) = (inside(before), inside(after));
        if before.is_some() || after.is_some() {
            walk(before.as_ref(), after.as_ref(), &path, depth + 1, found)?;
        }
    }
    Ok(())
}

fn stat(node: &Node) -> &Stat {
    match node {
        Node::Directory(_, stat) | Node::File(_, stat) => stat,
    }
}

/// Bytes of a regular file; nothing else has any of its own.
fn size(node: &Node) -> u64 {
    let stat = stat(node);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => u64::try_from(stat.st_size).unwrap_or(0),
        _ => 0,
    }
}
