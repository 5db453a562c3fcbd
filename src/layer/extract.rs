//! Unpacking an archive into a directory that is there: `cp` into a container or out of
//! one. The same rules keep it inside as for a layer; names that mark removals in a layer
//! mean nothing here.

use std::{
    io::{BufReader, Read},
    os::fd::OwnedFd,
};

use super::{archive::Archive, error::Result, tree::Tree};

/// Unpacks `source`, an uncompressed tar, below an open directory; the entries that came.
///
/// What is there stays where the archive has nothing of that name; a file takes the place
/// of a file and a directory is filled up, but neither takes the other's place. With an
/// `owner`, everything is theirs, whatever the archive says.
pub fn unpack_into(
    directory: OwnedFd,
    source: impl Read,
    owner: Option<(u32, u32)>,
) -> Result<u64> {
    let mut tree = Tree::into_existing(directory);
    let mut archive = Archive::new(BufReader::with_capacity(256 << 10, source));
    while let Some(mut entry) = archive.next()? {
        if let Some((uid, gid)) = owner {
            (entry.uid, entry.gid) = (uid, gid);
        }
        tree.add(&entry, &mut archive)?;
    }
    let entries = tree.entries;
    tree.finish()?;
    archive.drain()?;
    Ok(entries)
}
