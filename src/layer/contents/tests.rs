//! Contents against the trees that they are made of, and what happens to damaged ones.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::symlink,
    },
    path::Path,
};

use proptest::prelude::*;

use super::{Contents, FILE, Writer, build, record::BLOCK};
use crate::model::{FileEntry, FileKind};

fn contents(tree: &Path, directory: &Path) -> Contents {
    build(&File::open(tree).unwrap().into(), directory).unwrap();
    Contents::open(File::open(directory.join(FILE)).unwrap()).unwrap()
}

/// Every entry by its path, in the order of the file.
fn all(contents: &Contents) -> Vec<(Vec<u8>, FileEntry)> {
    (0..contents.len())
        .map(|number| {
            (
                contents.path(number).unwrap(),
                contents.entry(number).unwrap(),
            )
        })
        .collect()
}

fn names(contents: &Contents, directory: u32) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    let mut next = contents.first(directory).unwrap();
    while let Some(number) = next {
        names.push(contents.entry(number).unwrap().name);
        next = contents.next(directory, number).unwrap();
    }
    names
}

fn plain(name: &[u8], kind: FileKind, size_bytes: u64) -> FileEntry {
    FileEntry {
        name: name.to_vec(),
        kind,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size_bytes,
        modified: 7,
        modified_ns: 9,
        target: Vec::new(),
        is_opaque: false,
        is_link: false,
    }
}

#[test]
fn tree_comes_back_with_its_sums_and_hostile_names() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("etc/deep/er")).unwrap();
    fs::create_dir(tree.join("empty")).unwrap();
    fs::write(tree.join("etc/passwd"), b"root").unwrap();
    fs::write(tree.join("etc/deep/er/file"), vec![1; 1000]).unwrap();
    fs::hard_link(tree.join("etc/passwd"), tree.join("etc/shadow")).unwrap();
    symlink("../etc/passwd", tree.join("link")).unwrap();
    let hostile = std::ffi::OsString::from_vec(b"new\nline \x1b[31m \xff".to_vec());
    fs::write(tree.join(&hostile), b"x").unwrap();

    let contents = contents(&tree, dir.path());
    assert!(!dir.path().join("contents.names").exists());
    let found: BTreeMap<_, _> = all(&contents).into_iter().collect();
    assert_eq!(found.len(), contents.len() as usize);
    assert_eq!(found[&b"link"[..]].target, b"../etc/passwd");
    assert_eq!(found[hostile.as_bytes()].size_bytes, 1);
    assert!(!found[&b"etc/passwd"[..]].is_link && found[&b"etc/shadow"[..]].is_link);
    let mut expected = vec![b"empty".to_vec(), b"etc".to_vec(), b"link".to_vec()];
    expected.push(hostile.as_bytes().to_vec());
    assert_eq!(names(&contents, 0), expected);

    let root = contents.summary(0).unwrap();
    // The hard link's bytes count once.
    assert_eq!((root.bytes, root.files), (1005, 5));
    let etc = contents.find(b"etc").unwrap().unwrap();
    assert_eq!(contents.summary(etc).unwrap().bytes, 1004);
    let deep = contents.find(b"/etc/deep/er/file").unwrap().unwrap();
    assert_eq!(contents.entry(deep).unwrap().size_bytes, 1000);
    for missing in [&b"etc/nothing"[..], b"etc/passwd/below", b"zzz"] {
        assert_eq!(contents.find(missing).unwrap(), None);
    }
}

#[test]
fn tree_deeper_than_descriptors_reach_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    let mut deep = tree.clone();
    (0..300).for_each(|_| deep.push("d"));
    fs::create_dir_all(&deep).unwrap();
    for level in [3, 70, 200] {
        let at: std::path::PathBuf = std::iter::repeat_n("d", level).collect();
        fs::write(tree.join(at).join("z"), b"12345").unwrap();
    }
    let contents = contents(&tree, dir.path());
    assert_eq!(contents.len(), 1 + 300 + 3);
    assert_eq!(contents.summary(0).unwrap().bytes, 15);
    let path = [&b"d/"[..]; 200].concat();
    let found = contents.find(&[&path[..], b"z"].concat()).unwrap();
    assert_eq!(
        contents.path(found.unwrap()).unwrap(),
        [&path[..], b"z"].concat()
    );
}

#[test]
fn records_and_names_of_many_blocks_stay_together() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path()).unwrap();
    writer.add(&plain(b"", FileKind::Directory, 0)).unwrap();
    for directory in 0..40 {
        let name = format!("{directory:03}");
        writer
            .add(&plain(name.as_bytes(), FileKind::Directory, 0))
            .unwrap();
        for file in 0..500 {
            let name = format!("file-with-a-longer-name-{file:05}");
            writer
                .add(&plain(name.as_bytes(), FileKind::File, 2))
                .unwrap();
        }
        writer.leave().unwrap();
    }
    writer.finish().unwrap();
    let contents = Contents::open(File::open(dir.path().join(FILE)).unwrap()).unwrap();
    assert_eq!(names(&contents, 0).len(), 40);
    assert_eq!(contents.summary(0).unwrap().bytes, 40_000);
    let last = contents.find(b"039/file-with-a-longer-name-00499").unwrap();
    assert_eq!(last, Some(contents.len() - 1));
    let middle = contents.find(b"017").unwrap().unwrap();
    assert_eq!(contents.summary(middle).unwrap().files, 500);
}

#[test]
fn entries_out_of_order_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path()).unwrap();
    assert!(writer.add(&plain(b"file", FileKind::File, 0)).is_err());
    writer.add(&plain(b"", FileKind::Directory, 0)).unwrap();
    writer.add(&plain(b"b", FileKind::File, 0)).unwrap();
    for name in [&b"b"[..], b"a", b"c/d"] {
        assert!(writer.add(&plain(name, FileKind::File, 0)).is_err());
    }
    writer.leave().unwrap();
    assert!(writer.add(&plain(b"c", FileKind::File, 0)).is_err());
    assert!(writer.leave().is_err());
}

/// Reads all that a damaged file still gives.
fn exhaust(bytes: &[u8], dir: &Path) {
    let path = dir.join("damaged");
    fs::write(&path, bytes).unwrap();
    let Ok(contents) = Contents::open(File::open(&path).unwrap()) else {
        return;
    };
    for number in 0..contents.len().min(5000) {
        let _ = contents.entry(number);
        let _ = contents.path(number);
        let _ = contents.summary(number);
    }
    let _ = contents.find(b"dir/file-100");
}

fn sample(dir: &Path) -> Vec<u8> {
    let mut writer = Writer::create(dir).unwrap();
    writer.add(&plain(b"", FileKind::Directory, 0)).unwrap();
    writer.add(&plain(b"dir", FileKind::Directory, 0)).unwrap();
    for file in 0..900 {
        let name = format!("file-{file:03}");
        writer
            .add(&plain(name.as_bytes(), FileKind::File, 2))
            .unwrap();
    }
    writer.finish().unwrap();
    fs::read(dir.join(FILE)).unwrap()
}

#[test]
fn every_flipped_byte_is_noticed_where_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = sample(dir.path());
    assert!(bytes.len() > BLOCK);
    let read = |bytes: &[u8]| {
        let path = dir.path().join("flipped");
        fs::write(&path, bytes).unwrap();
        let contents = Contents::open(File::open(&path).unwrap())?;
        (0..contents.len()).try_for_each(|number| contents.entry(number).map(drop))
    };
    assert!(read(&bytes).is_ok());
    for at in (0..bytes.len()).step_by(331) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        let error = read(&flipped).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "byte {at}");
    }
    for length in [0, 1, 39, 40, 1000, bytes.len() - 1] {
        assert!(read(&bytes[..length]).is_err(), "{length} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_contents_never_panic_and_never_loop(
        cut in 0usize..60_000,
        edits in prop::collection::vec((0usize..60_000, any::<u8>()), 0..20),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = sample(dir.path());
        for (at, byte) in edits {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut));
        exhaust(&bytes, dir.path());
    }
}
