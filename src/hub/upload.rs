//! Blobs on their way in: a file each, whose length is how far it is. Whoever sends holds
//! its lock, so that two of them never mix.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::PathBuf,
};

use super::{
    name::Repository,
    shelf::{Shelf, digest, private, random},
};
use crate::model::Digest;

/// The largest blob.
const LARGEST: u64 = 64 << 30;

/// An upload, held by us.
#[derive(Debug)]
pub struct Upload {
    file: File,
    path: PathBuf,
    written: u64,
}

/// Why an upload does not go on.
#[derive(Debug)]
pub enum Trouble {
    /// There is no such upload.
    Unknown,
    /// Somebody else sends to it right now.
    Busy,
    /// It is at another place than the piece that was sent.
    Elsewhere(u64),
    /// What came is not what it was said to be.
    Lie,
    /// It is too large.
    TooLarge,
    /// The disk.
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Whether a text is what an upload may be called: no path is.
fn is_id(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Begins one; what it is called.
pub fn begin(shelf: &Shelf) -> io::Result<String> {
    let id = random()?;
    private(&shelf.uploads().join(&id))?;
    Ok(id)
}

/// How far one is.
pub fn progress(shelf: &Shelf, id: &str) -> Result<u64, Trouble> {
    if !is_id(id) {
        return Err(Trouble::Unknown);
    }
    let found = fs::metadata(shelf.uploads().join(id));
    found.map(|of| of.len()).map_err(|_| Trouble::Unknown)
}

/// Gives one up.
pub fn cancel(shelf: &Shelf, id: &str) -> Result<(), Trouble> {
    progress(shelf, id)?;
    Ok(fs::remove_file(shelf.uploads().join(id))?)
}

impl Upload {
    /// Goes on with one, at `start` if that is said.
    pub fn resume(shelf: &Shelf, id: &str, start: Option<u64>) -> Result<Self, Trouble> {
        progress(shelf, id)?;
        let path = shelf.uploads().join(id);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(&path)
            .map_err(|_| Trouble::Unknown)?;
        file.try_lock().map_err(|_| Trouble::Busy)?;
        let written = file.metadata()?.len();
        match start {
            Some(start) if start != written => Err(Trouble::Elsewhere(written)),
            _ => Ok(Self {
                file,
                path,
                written,
            }),
        }
    }

    /// Takes a piece.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), Trouble> {
        self.written += piece.len() as u64;
        if self.written > LARGEST {
            return Err(Trouble::TooLarge);
        }
        Ok(self.file.write_all(piece)?)
    }

    /// How far it is.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Makes it a blob of a repository, if it is what it is said to be. What is not goes:
    /// no byte of it can be told from the others.
    pub fn finish(
        self,
        shelf: &Shelf,
        repository: &Repository,
        claimed: &Digest,
    ) -> Result<(), Trouble> {
        if digest(File::open(&self.path)?)? != *claimed {
            fs::remove_file(&self.path)?;
            return Err(Trouble::Lie);
        }
        Ok(shelf.take(repository, claimed, &self.path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_go_on_where_they_were_and_lies_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        let repository = Repository::parse("a").unwrap();
        let id = begin(&shelf).unwrap();
        let mut upload = Upload::resume(&shelf, &id, Some(0)).unwrap();
        upload.append(b"con").unwrap();
        assert!(matches!(
            Upload::resume(&shelf, &id, None),
            Err(Trouble::Busy)
        ));
        // Cut off here; another process goes on.
        drop(upload);
        assert!(matches!(
            Upload::resume(&shelf, &id, Some(1)),
            Err(Trouble::Elsewhere(3))
        ));
        let mut upload = Upload::resume(&shelf, &id, Some(3)).unwrap();
        upload.append(b"tent").unwrap();
        let of = digest(&b"content"[..]).unwrap();
        upload.finish(&shelf, &repository, &of).unwrap();
        assert_eq!(shelf.open_blob(&repository, &of).unwrap().unwrap().1, 7);
        let id = begin(&shelf).unwrap();
        let upload = Upload::resume(&shelf, &id, None).unwrap();
        assert!(matches!(
            upload.finish(&shelf, &repository, &of),
            Err(Trouble::Lie)
        ));
        assert!(matches!(progress(&shelf, &id), Err(Trouble::Unknown)));
    }

    #[test]
    fn no_path_is_an_upload() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        for id in ["", "..", "../blobs", "a/b", &"g".repeat(32)] {
            assert!(
                matches!(progress(&shelf, id), Err(Trouble::Unknown)),
                "{id}"
            );
        }
    }
}
