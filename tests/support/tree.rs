//! Directory trees as data, and what two of them differ in.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Everything about one file that an archive can say.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    pub mode: u32,
    pub owner: (u32, u32),
    pub device: u64,
    pub size: u64,
    pub modified: (i64, i64),
    pub link: Option<PathBuf>,
    pub content: Option<Vec<u8>>,
    pub attributes: BTreeMap<OsString, Vec<u8>>,
    /// The first name of the same inode.
    pub first_name: PathBuf,
}

/// A directory tree as data.
pub fn tree(root: &Path) -> BTreeMap<PathBuf, File> {
    let mut files = BTreeMap::new();
    let mut inodes = BTreeMap::new();
    let mut paths = vec![root.to_owned()];
    while let Some(path) = paths.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            paths.extend(entries.map(|entry| entry.unwrap().path()));
        }
        let name = path.strip_prefix(root).unwrap().to_owned();
        let names: &mut Vec<PathBuf> = inodes.entry(metadata.ino()).or_default();
        names.push(name.clone());
        let attributes = xattr::list(&path).unwrap();
        let file = File {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            device: metadata.rdev(),
            // A directory's size is the file system's business.
            size: if metadata.is_dir() {
                0
            } else {
                metadata.size()
            },
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            link: metadata.is_symlink().then(|| fs::read_link(&path).unwrap()),
            content: metadata.is_file().then(|| fs::read(&path).unwrap()),
            attributes: attributes
                .map(|name| (name.clone(), xattr::get(&path, name).unwrap().unwrap()))
                .collect(),
            first_name: PathBuf::new(),
        };
        files.insert(name, file);
    }
    for names in inodes.into_values() {
        let first = names.iter().min().unwrap();
        for name in &names {
            files.get_mut(name).unwrap().first_name = first.clone();
        }
    }
    files
}

/// Panics at the first difference.
#[track_caller]
pub fn assert_same_tree(ours: &Path, theirs: &Path) {
    let (ours, theirs) = (tree(ours), tree(theirs));
    let names = |files: &BTreeMap<PathBuf, File>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs));
    for (name, file) in &ours {
        let (mut ours, mut theirs) = (format!("{file:?}"), format!("{:?}", theirs[name]));
        if ours != theirs {
            ours.truncate(400);
            theirs.truncate(400);
            panic!("{}:\n  ours   {ours}\n  theirs {theirs}", name.display());
        }
    }
}
