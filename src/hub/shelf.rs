//! Blobs, manifests and tags as files.
//!
//! ```text
//! blobs/HEX                           a blob, whole and true
//! uploads/ID                          a blob on its way in
//! repositories/NAME/_blobs/HEX        that the repository has the blob
//! repositories/NAME/_manifests/HEX    that it has the manifest; its media type is inside
//! repositories/NAME/_tags/TAG         a manifest's digest
//! repositories/NAME/_referrers/HEX/HEX  a descriptor of what refers to the first
//! ```
//!
//! No part of a name begins with `_`, so names and what they have never meet. Every file
//! is written aside, synced and renamed; a manifest's mark comes after its blob, a tag after
//! the mark, so whatever is cut off leaves what is whole.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest as _, Sha256};

use super::name::{Reference, Repository};
use crate::model::Digest;

/// How long a blob that no manifest needs, and an upload that nobody goes on with, stay.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// All of it.
#[derive(Clone, Debug)]
pub struct Shelf {
    root: PathBuf,
}

/// A manifest.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its digest.
    pub digest: Digest,
    /// What it was pushed as.
    pub media_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl Shelf {
    /// The files below a directory, which is made.
    pub fn open(root: &Path) -> io::Result<Self> {
        for name in ["blobs", "uploads", "repositories"] {
            make(&root.join(name))?;
        }
        Ok(Self {
            root: root.to_owned(),
        })
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs").join(digest.hex())
    }

    /// Where uploads are.
    pub fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    fn of(&self, repository: &Repository) -> PathBuf {
        self.root.join("repositories").join(repository.as_str())
    }

    fn mark(&self, repository: &Repository, kind: &str, name: &str) -> PathBuf {
        self.of(repository).join(kind).join(name)
    }

    /// A blob that a repository has, and its length.
    pub fn open_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> io::Result<Option<(File, u64)>> {
        let has = |kind| self.mark(repository, kind, digest.hex()).exists();
        if !has("_blobs") && !has("_manifests") {
            return Ok(None);
        }
        match File::open(self.blob(digest)) {
            Ok(file) => {
                let length = file.metadata()?.len();
                Ok(Some((file, length)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes that a repository has a blob too that another one has.
    pub fn mount(&self, to: &Repository, from: &Repository, digest: &Digest) -> io::Result<bool> {
        if self.open_blob(from, digest)?.is_none() {
            return Ok(false);
        }
        self.write(&self.mark(to, "_blobs", digest.hex()), b"")?;
        Ok(true)
    }

    /// Takes a file that is whole as a blob of a repository; what it was said to be must be
    /// true already.
    pub fn take(&self, repository: &Repository, digest: &Digest, file: &Path) -> io::Result<()> {
        File::open(file)?.sync_all()?;
        let blob = self.blob(digest);
        match fs::metadata(&blob) {
            // The same bytes.
            Ok(_) => {
                fs::remove_file(file)?;
                // A sweep must not take it for forgotten.
                File::open(&blob)?.set_modified(SystemTime::now())?;
            }
            Err(_) => fs::rename(file, &blob)?,
        }
        sync(&self.root.join("blobs"))?;
        self.write(&self.mark(repository, "_blobs", digest.hex()), b"")
    }

    /// Forgets that a repository has a blob. Whether it had.
    pub fn forget_blob(&self, repository: &Repository, digest: &Digest) -> io::Result<bool> {
        removed(&self.mark(repository, "_blobs", digest.hex()))
    }

    /// The manifest of a tag or a digest.
    pub fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> io::Result<Option<Kept>> {
        let digest = match reference {
            Reference::Digest(digest) => digest.clone(),
            Reference::Tag(tag) => {
                let text = text(&self.mark(repository, "_tags", tag))?;
                match text.as_deref().and_then(Digest::parse) {
                    Some(digest) => digest,
                    None => return Ok(None),
                }
            }
        };
        let mark = self.mark(repository, "_manifests", digest.hex());
        let Some(media_type) = text(&mark)? else {
            return Ok(None);
        };
        match fs::read(self.blob(&digest)) {
            Ok(content) => Ok(Some(Kept {
                digest,
                media_type,
                content,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a manifest, under a tag if one is said.
    pub fn put_manifest(
        &self,
        repository: &Repository,
        kept: &Kept,
        tag: Option<&str>,
        subject: Option<(&Digest, &[u8])>,
    ) -> io::Result<()> {
        let blob = self.blob(&kept.digest);
        if !blob.exists() {
            self.write(&blob, &kept.content)?;
        }
        let hex = kept.digest.hex();
        self.write(
            &self.mark(repository, "_manifests", hex),
            kept.media_type.as_bytes(),
        )?;
        if let Some((subject, descriptor)) = subject {
            let referrers = self.mark(repository, "_referrers", subject.hex());
            self.write(&referrers.join(hex), descriptor)?;
        }
        match tag {
            Some(tag) => self.write(
                &self.mark(repository, "_tags", tag),
                kept.digest.as_str().as_bytes(),
            ),
            None => Ok(()),
        }
    }

    /// Forgets a tag, or a manifest with all its tags. Whether it was there.
    pub fn forget_manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> io::Result<bool> {
        let digest = match reference {
            Reference::Tag(tag) => return removed(&self.mark(repository, "_tags", tag)),
            Reference::Digest(digest) => digest,
        };
        for tag in self.tags(repository)?.unwrap_or_default() {
            let path = self.mark(repository, "_tags", &tag);
            if text(&path)?.as_deref() == Some(digest.as_str()) {
                removed(&path)?;
            }
        }
        for subject in names(&self.of(repository).join("_referrers"))? {
            removed(
                &self
                    .mark(repository, "_referrers", &subject)
                    .join(digest.hex()),
            )?;
        }
        removed(&self.mark(repository, "_manifests", digest.hex()))
    }

    /// The tags of a repository in order; `None` if there is no such repository.
    pub fn tags(&self, repository: &Repository) -> io::Result<Option<Vec<String>>> {
        if !self.of(repository).join("_manifests").exists() {
            return Ok(None);
        }
        let mut tags = names(&self.of(repository).join("_tags"))?;
        tags.retain(|tag| super::name::is_tag(tag));
        tags.sort();
        Ok(Some(tags))
    }

    /// Descriptors of what refers to a manifest.
    pub fn referrers(&self, repository: &Repository, of: &Digest) -> io::Result<Vec<Vec<u8>>> {
        let directory = self.mark(repository, "_referrers", of.hex());
        let mut found = names(&directory)?;
        found.sort();
        let all = found.into_iter().map(|name| fs::read(directory.join(name)));
        all.collect()
    }

    /// All repositories that have a manifest, in order.
    pub fn repositories(&self) -> io::Result<Vec<String>> {
        let root = self.root.join("repositories");
        let (mut found, mut waiting) = (Vec::new(), vec![String::new()]);
        while let Some(name) = waiting.pop() {
            for below in names(&root.join(&name))? {
                if below == "_manifests" && !names(&root.join(&name).join(&below))?.is_empty() {
                    found.push(name.clone());
                } else if !below.starts_with('_') {
                    waiting.push(match name.is_empty() {
                        true => below,
                        false => format!("{name}/{below}"),
                    });
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Removes blobs that nothing names, and what was begun and left, once they are old.
    pub fn sweep(&self) -> io::Result<()> {
        let is_old = |path: &Path| {
            let age = fs::metadata(path).and_then(|of| of.modified());
            age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > PATIENCE))
        };
        for name in names(&self.uploads())? {
            let path = self.uploads().join(name);
            if is_old(&path) {
                removed(&path)?;
            }
        }
        let mut needed = HashSet::new();
        for name in self.repositories()? {
            let Some(repository) = Repository::parse(&name) else {
                continue;
            };
            let manifests = names(&self.of(&repository).join("_manifests"))?;
            for hex in &manifests {
                let content = fs::read(self.root.join("blobs").join(hex)).unwrap_or_default();
                needed.extend(super::manifest::named(&content));
            }
            needed.extend(manifests);
        }
        for hex in names(&self.root.join("blobs"))? {
            let path = self.root.join("blobs").join(&hex);
            if !needed.contains(&hex) && is_old(&path) {
                removed(&path)?;
            }
        }
        Ok(())
    }

    /// Whole or not at all.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let parent = path.parent().unwrap_or(&self.root);
        make(parent)?;
        let new = self.uploads().join(format!(".{}", random()?));
        let written = private(&new).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&new, path)?;
            sync(parent)
        });
        if written.is_err() {
            // It may never have been made.
            let _ = fs::remove_file(&new);
        }
        written
    }
}

/// A file for its owner only.
pub fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create_new(true)
        .read(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// 32 random digits.
pub fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// The digest of what a reader gives.
pub fn digest(mut source: impl Read) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(Digest::from_sha256(&hasher.finalize().into())),
            n => hasher.update(&buffer[..n]),
        }
    }
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn text(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn removed(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Kept {
        Kept {
            digest: digest(text.as_bytes()).unwrap(),
            media_type: "application/vnd.oci.image.manifest.v1+json".into(),
            content: text.into(),
        }
    }

    #[test]
    fn manifests_come_back_by_tag_and_digest_and_go_with_their_tags() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        let repository = Repository::parse("team/app").unwrap();
        assert!(shelf.tags(&repository).unwrap().is_none());
        let one = kept("{}");
        shelf
            .put_manifest(&repository, &one, Some("1"), None)
            .unwrap();
        let tag = Reference::Tag("1".into());
        let found = shelf.manifest(&repository, &tag).unwrap().unwrap();
        assert_eq!(
            (found.content, found.media_type),
            (one.content, one.media_type)
        );
        assert_eq!(shelf.repositories().unwrap(), ["team/app"]);
        let by_digest = Reference::Digest(one.digest);
        assert!(shelf.forget_manifest(&repository, &by_digest).unwrap());
        assert!(shelf.manifest(&repository, &tag).unwrap().is_none());
        assert!(!shelf.forget_manifest(&repository, &by_digest).unwrap());
    }

    #[test]
    fn blobs_belong_to_repositories_and_are_mounted_from_one_to_another() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        let [a, b] = ["a", "b"].map(|name| Repository::parse(name).unwrap());
        let file = shelf.uploads().join("x");
        fs::write(&file, "content").unwrap();
        let of = digest(&b"content"[..]).unwrap();
        shelf.take(&a, &of, &file).unwrap();
        assert!(shelf.open_blob(&b, &of).unwrap().is_none());
        assert!(shelf.mount(&b, &a, &of).unwrap());
        assert_eq!(shelf.open_blob(&b, &of).unwrap().unwrap().1, 7);
        assert!(shelf.forget_blob(&a, &of).unwrap());
        assert!(shelf.open_blob(&a, &of).unwrap().is_none());
        // What is young stays, whether it is needed or not.
        shelf.sweep().unwrap();
        assert!(shelf.open_blob(&b, &of).unwrap().is_some());
    }
}
