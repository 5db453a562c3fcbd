//! Archives that no honest tool writes, and layers that remove what lies beneath: as root,
//! on a real file system.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use proptest::prelude::*;

use super::*;

/// One entry of an archive, byte by byte.
fn entry(name: &str, kind: u8, link: &str, content: &[u8]) -> Vec<u8> {
    sized(
        name,
        kind,
        link,
        &format!("{:011o}\0", content.len()),
        content,
    )
}

fn sized(name: &str, kind: u8, link: &str, size: &str, content: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000755\0");
    block[108..116].copy_from_slice(b"0000000\0");
    block[116..124].copy_from_slice(b"0000000\0");
    block[124..136].copy_from_slice(size.as_bytes());
    block[136..148].copy_from_slice(b"00000000000\0");
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    let mut archive = block.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
    archive
}

fn seal(block: &mut [u8; 512]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn file(name: &str) -> Vec<u8> {
    entry(name, b'0', "", b"content")
}

fn directory(name: &str) -> Vec<u8> {
    entry(name, b'5', "", b"")
}

fn symlink(name: &str, target: &str) -> Vec<u8> {
    entry(name, b'2', target, b"")
}

fn hard_link(name: &str, target: &str) -> Vec<u8> {
    entry(name, b'1', target, b"")
}

fn device(name: &str, major: &str, minor: &str) -> Vec<u8> {
    let mut archive = entry(name, b'3', "", b"");
    archive[329..337].copy_from_slice(major.as_bytes());
    archive[337..345].copy_from_slice(minor.as_bytes());
    let block: &mut [u8; 512] = (&mut archive[..512]).try_into().unwrap();
    seal(block);
    archive
}

fn pax(records: &[(&str, &[u8])], rest: Vec<u8>) -> Vec<u8> {
    let mut text = Vec::new();
    for (key, value) in records {
        let body = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
        let mut length = body.len() + 1;
        while length.to_string().len() + body.len() != length {
            length += 1;
        }
        text.extend_from_slice(length.to_string().as_bytes());
        text.extend_from_slice(&body);
    }
    [entry("pax", b'x', "", &text), rest].concat()
}

fn whole(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut archive = entries.concat();
    archive.resize(archive.len() + 1024, 0);
    archive
}

struct Store {
    directory: tempfile::TempDir,
    store: LayerStore,
}

impl Store {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // What an attack would like to reach.
        fs::create_dir(directory.path().join("outside")).unwrap();
        fs::write(directory.path().join("outside/file"), "untouched").unwrap();
        let store = LayerStore::open(directory.path().join("layers")).unwrap();
        Self { directory, store }
    }

    fn unpack(&self, archive: &[u8], position: Position) -> Result<PathBuf> {
        let unpacked = self.store.unpack(archive, position, None, &mut |_| {})?;
        Ok(self.store.path(&unpacked.keep()?.diff_id))
    }

    fn everything(&self) -> BTreeMap<PathBuf, (u32, i64, Option<Vec<u8>>)> {
        let mut found = BTreeMap::new();
        let mut paths = vec![self.directory.path().to_owned()];
        while let Some(path) = paths.pop() {
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                let entries = fs::read_dir(&path).unwrap();
                paths.extend(entries.map(|entry| entry.unwrap().path()));
            }
            let content = metadata.is_file().then(|| fs::read(&path).unwrap());
            let changed = match path.ends_with("layers") {
                true => 0,
                false => metadata.ctime_nsec(),
            };
            found.insert(path, (metadata.mode(), changed, content));
        }
        found
    }

    #[track_caller]
    fn refuses(&self, what: &str, archive: &[u8], reason: &str) {
        let before = self.everything();
        let error = self.unpack(archive, Position::Above).unwrap_err();
        assert!(error.is_invalid_input(), "{what}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(reason), "{what}: {text}");
        assert_eq!(self.everything(), before, "{what}");
    }
}

#[test]
fn every_attack_is_refused_and_leaves_nothing() {
    let s = Store::new();
    let up = "its name holds `..`";
    let outside = s.directory.path().join("outside");
    let outside = outside.to_str().unwrap();
    let through = "through a symbolic link";
    let no_target = "is not a file of the layer";
    let number = "can't be read or is out of range";
    for (what, entries, reason) in [
        ("dots first", vec![file("../outside/file")], up),
        ("dots inside", vec![file("a/../../outside/file")], up),
        ("dots that stay inside", vec![file("a/../b")], up),
        ("dots after a slash", vec![file("/../outside/file")], up),
        ("dots as a directory", vec![directory("..")], up),
        (
            "absolute link",
            vec![symlink("l", outside), file("l/file")],
            through,
        ),
        (
            "relative link",
            vec![symlink("l", "../.."), file("l/x")],
            through,
        ),
        (
            "link to here",
            vec![symlink("l", "."), file("l/x")],
            through,
        ),
        (
            "link above",
            vec![directory("d"), symlink("d/l", "/"), file("d/l/etc/x")],
            through,
        ),
        (
            "directory through a link",
            vec![symlink("l", outside), directory("l/d")],
            through,
        ),
        (
            "link through a link",
            vec![symlink("l", outside), symlink("l/m", "x")],
            through,
        ),
        (
            "hard link through a link",
            vec![file("f"), symlink("l", outside), hard_link("l/h", "f")],
            through,
        ),
        (
            "device through a link",
            vec![
                symlink("l", outside),
                device("l/null", "0000001\0", "0000003\0"),
            ],
            through,
        ),
        (
            "whiteout through a link",
            vec![symlink("l", outside), file("l/.wh.file")],
            through,
        ),
        (
            "opaque through a link",
            vec![symlink("l", outside), file("l/.wh..wh..opq")],
            through,
        ),
        (
            "link that was a directory",
            vec![
                directory("d"),
                file("d/a"),
                symlink("d", outside),
                file("d/file"),
            ],
            through,
        ),
        (
            "hard link outside",
            vec![hard_link("h", "../outside/file")],
            no_target,
        ),
        (
            "hard link far outside",
            vec![hard_link("h", "../../../../etc/passwd")],
            no_target,
        ),
        (
            "hard link to nothing",
            vec![hard_link("h", "/etc/passwd")],
            no_target,
        ),
        (
            "hard link over a link",
            vec![symlink("l", outside), hard_link("h", "l/file")],
            no_target,
        ),
        (
            "hard link to a directory",
            vec![directory("d"), hard_link("h", "d")],
            no_target,
        ),
        (
            "hard link to the root",
            vec![hard_link("h", "/")],
            no_target,
        ),
        (
            "hard link to a whiteout",
            vec![file(".wh.x"), hard_link("h", "x")],
            no_target,
        ),
        ("below a file", vec![file("f"), file("f/x")], "no directory"),
        (
            "file as root",
            vec![file("./")],
            "which its type can't have",
        ),
        (
            "fifo as root",
            vec![entry("/", b'6', "", b"")],
            "name is empty",
        ),
        ("empty name", vec![file("")], "name is empty"),
        ("empty link", vec![symlink("l", "")], "name is empty"),
        (
            "whiteout of nothing",
            vec![file(".wh.")],
            "malformed whiteout",
        ),
        ("whiteout of dot", vec![file(".wh..")], "malformed whiteout"),
        (
            "whiteout of dots",
            vec![file("d/.wh...")],
            "malformed whiteout",
        ),
        (
            "whiteout of a whiteout",
            vec![file(".wh..wh.x")],
            "malformed whiteout",
        ),
        (
            "below a whiteout",
            vec![file(".wh.d/file")],
            "malformed whiteout",
        ),
        (
            "overlayfs' whiteout",
            vec![device("w", "0000000\0", "0000000\0")],
            "overlayfs' mark",
        ),
        (
            "device that wraps to 0:0",
            vec![device("w", "0010000\0", "0000000\0")],
            "out of range",
        ),
        (
            "minor that wraps to 0:0",
            vec![device("w", "0000000\0", "4000000\0")],
            "out of range",
        ),
        (
            "unknown type",
            vec![entry("f", b'Q', "", b"")],
            "of type 'Q'",
        ),
        (
            "GNU multi-volume",
            vec![entry("f", b'M', "", b"")],
            "of type 'M'",
        ),
        (
            "negative size",
            vec![sized(
                "f",
                b'0',
                "",
                "\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}",
                b"",
            )],
            number,
        ),
        (
            "size that is no number",
            vec![sized("f", b'0', "", "00000000x00\0", b"")],
            number,
        ),
        (
            "size of a directory",
            vec![sized("d", b'5', "", "00000001000\0", b"")],
            "which its type can't have",
        ),
        (
            "size of a link",
            vec![sized("l", b'2', "x", "00000001000\0", b"")],
            "which its type can't have",
        ),
        (
            "size that swallows entries",
            vec![sized("a", b'0', "", "77777777777\0", b""), file("b")],
            "in the middle",
        ),
        (
            "size that is too small",
            vec![sized("a", b'0', "", "00000000001\0", &[b'x'; 600])],
            "checksum",
        ),
        (
            "pax user 2^32",
            vec![pax(&[("uid", b"4294967296")], file("f"))],
            "user id",
        ),
        (
            "pax user -1",
            vec![pax(&[("uid", b"4294967295")], file("f"))],
            "user id",
        ),
        (
            "pax group -1",
            vec![pax(&[("gid", b"-1")], file("f"))],
            "group id",
        ),
        (
            "pax size 2^63",
            vec![pax(&[("size", b"9223372036854775808")], file("f"))],
            "its size",
        ),
        (
            "pax size 2^64",
            vec![pax(&[("size", b"18446744073709551616")], file("f"))],
            "its size",
        ),
        (
            "pax size that lies",
            vec![pax(&[("size", b"1048576")], file("f"))],
            "in the middle",
        ),
        (
            "pax path up",
            vec![pax(&[("path", b"../outside/file")], file("f"))],
            up,
        ),
        (
            "pax path with a zero",
            vec![pax(&[("path", b"f\0/../..")], file("f"))],
            "extended header",
        ),
        (
            "pax link up",
            vec![pax(
                &[("linkpath", b"../outside/file")],
                hard_link("h", "f"),
            )],
            no_target,
        ),
        (
            "pax time",
            vec![pax(&[("mtime", b"12x")], file("f"))],
            "modification time",
        ),
        (
            "pax record that is too long",
            vec![entry("p", b'x', "", b"99 path=x\n"), file("f")],
            "extended header",
        ),
        (
            "pax record without end",
            vec![entry("p", b'x', "", b"8 path=x"), file("f")],
            "extended header",
        ),
        (
            "GNU long name up",
            vec![
                entry("././@LongLink", b'L', "", b"../outside/file\0"),
                file("f"),
            ],
            up,
        ),
        (
            "GNU long link up",
            vec![
                entry("././@LongLink", b'K', "", b"../outside/file\0"),
                hard_link("h", "f"),
            ],
            no_target,
        ),
        (
            "name of 256 bytes",
            vec![pax(&[("path", &[b'n'; 256])], file("f"))],
            "too long",
        ),
        (
            "sparse beyond its size",
            vec![pax(
                &[("GNU.sparse.size", b"4"), ("GNU.sparse.map", b"0,7")],
                file("f"),
            )],
            "sparse",
        ),
        (
            "sparse that overlaps",
            vec![pax(
                &[("GNU.sparse.size", b"9"), ("GNU.sparse.map", b"2,4,0,3")],
                file("f"),
            )],
            "sparse",
        ),
        (
            "sparse that wraps",
            vec![pax(
                &[
                    ("GNU.sparse.size", b"9"),
                    ("GNU.sparse.map", b"18446744073709551615,7"),
                ],
                file("f"),
            )],
            "sparse",
        ),
        (
            "sparse map that is odd",
            vec![pax(
                &[("GNU.sparse.size", b"9"), ("GNU.sparse.map", b"0,4,4")],
                file("f"),
            )],
            "sparse",
        ),
    ] {
        s.refuses(what, &whole(&entries), reason);
    }
}

#[test]
fn archive_cut_anywhere_is_refused() {
    let s = Store::new();
    let archive = whole(&[
        directory("d"),
        file("d/a"),
        pax(&[("path", b"d/b")], file("f")),
    ]);
    let entries = archive.len() - 1024;
    for length in (512..=entries)
        .step_by(97)
        .chain((512..=entries).step_by(512))
    {
        s.refuses(
            &format!("cut at {length}"),
            &archive[..length],
            "in the middle",
        );
    }
    for length in [entries + 512, entries + 513, archive.len()] {
        s.unpack(&archive[..length], Position::Lowest).unwrap();
    }
    let garbage = [&archive[..], b"whatever follows is passed over"].concat();
    s.unpack(&garbage, Position::Lowest).unwrap();
}

#[test]
fn what_is_no_archive_is_told_so() {
    let s = Store::new();
    s.refuses("nothing", b"", "not a tar archive");
    s.refuses("little", b"hi\n", "not a tar archive");
    s.refuses("text", &[b'#'; 4096], "not a tar archive");
    let mut damaged = whole(&[file("a"), file("b")]);
    damaged[1024] ^= 1;
    s.refuses("damage", &damaged, "checksum");
}

#[test]
fn odd_but_harmless_archives_are_unpacked() {
    let s = Store::new();
    let root = s
        .unpack(
            &whole(&[
                file("/absolute"),
                file(".//./dotted"),
                file("left/out/of/the/archive"),
                symlink("up", "../../../../etc"),
                symlink("dangling", "/does/not/exist"),
                entry("old/", b'0', "", b""),
                file("twice"),
                entry("twice", b'0', "", b"second"),
                symlink("was-link", "/etc/passwd"),
                entry("was-link", b'0', "", b"now a file"),
                directory("was-directory/with"),
                file("was-directory/with/file"),
                file("was-directory"),
                file("target"),
                hard_link("hard", "/target"),
                hard_link("target", "target"),
                pax(
                    &[
                        ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
                        ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
                        ("SCHILY.xattr.user.overlay.whiteout", b""),
                        ("SCHILY.xattr.user.kept", b"a=b\0\n"),
                        ("SCHILY.xattr.nonsense", b"x"),
                        ("mtime", b"-1.25"),
                    ],
                    directory("attributes"),
                ),
            ]),
            Position::Lowest,
        )
        .unwrap();
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    for name in [
        "absolute",
        "dotted",
        "left/out/of/the/archive",
        "was-directory",
        "hard",
    ] {
        assert_eq!(read(name), "content", "{name}");
    }
    assert_eq!(
        (read("twice"), read("was-link")),
        ("second".into(), "now a file".into())
    );
    assert!(root.join("old").is_dir());
    assert_eq!(fs::metadata(root.join("left/out")).unwrap().mode(), 0o40755);
    assert_eq!(
        fs::read_link(root.join("up")).unwrap(),
        Path::new("../../../../etc")
    );
    let attributes: Vec<_> = xattr::list(root.join("attributes")).unwrap().collect();
    assert_eq!(attributes, ["user.kept"]);
    let value = xattr::get(root.join("attributes"), "user.kept").unwrap();
    assert_eq!(value.as_deref(), Some(&b"a=b\0\n"[..]));
    let metadata = fs::metadata(root.join("attributes")).unwrap();
    assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (-2, 750_000_000));
}

#[test]
fn whiteouts_hide_only_what_lies_beneath_whatever_their_place() {
    let s = Store::new();
    let root = s
        .unpack(
            &whole(&[
                file(".wh.gone"),
                file("before"),
                file(".wh.before"),
                file(".wh.after"),
                file("after"),
                directory("opaque"),
                file("opaque/mine"),
                file("opaque/.wh..wh..opq"),
                directory("d"),
                file(".wh.d"),
                file(".wh.e"),
                file("e/file"),
                file("new/.wh.x"),
            ]),
            Position::Above,
        )
        .unwrap();
    let is_whiteout = |name: &str| {
        let metadata = fs::symlink_metadata(root.join(name)).unwrap();
        metadata.file_type().is_char_device() && metadata.rdev() == 0
    };
    assert!(is_whiteout("gone") && is_whiteout("new/x"));
    assert!(!is_whiteout("before") && !is_whiteout("after"));
    let is_opaque = |name: &str| {
        xattr::get(root.join(name), "trusted.overlay.opaque").unwrap() == Some(b"y".to_vec())
    };
    assert!(is_opaque("opaque") && is_opaque("d") && is_opaque("e"));
    assert!(!is_opaque("new"));
    assert!(root.join("opaque/mine").exists() && root.join("e/file").exists());
}

#[test]
fn whiteouts_in_the_lowest_layer_are_left_out() {
    let s = Store::new();
    let archive = whole(&[directory("etc"), file("etc/.wh.x"), file("no/.wh..wh..opq")]);
    let root = s.unpack(&archive, Position::Lowest).unwrap();
    assert_eq!(fs::read_dir(root.join("etc")).unwrap().count(), 0);
    assert!(!root.join("no").exists());
    let archive = whole(&[symlink("l", "/etc"), file("l/.wh.passwd")]);
    assert!(s.unpack(&archive, Position::Lowest).is_err());
}

#[test]
fn attributes_of_libarchive_are_read_as_those_of_star() {
    let s = Store::new();
    let both: &[(&str, &[u8])] = &[
        ("SCHILY.xattr.user.a", b"star\0"),
        ("LIBARCHIVE.xattr.user.a", b"b3RoZXI"),
        ("LIBARCHIVE.xattr.user.b", b"YgA"),
        ("LIBARCHIVE.xattr.user.padded%3D", b"YgA="),
        ("LIBARCHIVE.xattr.trusted%2Eoverlay%2eopaque", b"eQ"),
        ("LIBARCHIVE.xattr.user.bad%2", b"YgA"),
        ("LIBARCHIVE.xattr.user.worse", b"!!"),
    ];
    let archive = whole(&[pax(both, directory("d"))]);
    let root = s.unpack(&archive, Position::Above).unwrap();
    let value = |name: &str| xattr::get(root.join("d"), name).unwrap();
    assert_eq!(value("user.a").as_deref(), Some(&b"star\0"[..]));
    assert_eq!(value("user.b").as_deref(), Some(&b"b\0"[..]));
    assert_eq!(value("user.padded=").as_deref(), Some(&b"b\0"[..]));
    let mut names: Vec<_> = xattr::list(root.join("d")).unwrap().collect();
    names.sort();
    assert_eq!(names, ["user.a", "user.b", "user.padded="]);
}

#[test]
fn modes_and_owners_are_the_archives_below_directories_that_hand_on_theirs() {
    let s = Store::new();
    let with = |mode: &[u8], owner: &[u8], entry: Vec<u8>| {
        let mut entry = entry;
        entry[100..108].copy_from_slice(mode);
        entry[116..124].copy_from_slice(owner);
        let (block, _) = entry.split_first_chunk_mut().unwrap();
        seal(block);
        entry
    };
    // user::rwx group::rwx other::rwx as a default: those below would get it.
    let acl = b"\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x04\0\x07\0\xff\xff\xff\xff\x20\0\x07\0\xff\xff\xff\xff";
    let plain = |name: &str| with(b"0000644\0", b"0000000\0", file(name));
    let archive = whole(&[
        plain("first"),
        with(b"0004755\0", b"0000000\0", file("setuid")),
        with(b"0000666\0", b"0000000\0", file("open")),
        with(b"0000600\0", b"0000005\0", file("other")),
        with(b"0002775\0", b"0000005\0", directory("setgid")),
        plain("setgid/file"),
        pax(
            &[("SCHILY.xattr.system.posix_acl_default", acl)],
            directory("acl"),
        ),
        plain("acl/file"),
    ]);
    let root = s.unpack(&archive, Position::Lowest).unwrap();
    let found = |name: &str| {
        let metadata = fs::metadata(root.join(name)).unwrap();
        (metadata.mode() & 0o7777, metadata.gid())
    };
    assert_eq!(found("first"), (0o644, 0));
    assert_eq!(found("setuid"), (0o4755, 0));
    assert_eq!(found("open"), (0o666, 0));
    assert_eq!(found("other"), (0o600, 5));
    assert_eq!(found("setgid"), (0o2775, 5));
    assert_eq!(found("setgid/file"), (0o644, 0));
    assert_eq!(found("acl/file"), (0o644, 0));
}

#[test]
fn hard_link_that_replaces_what_holds_its_target_is_refused() {
    let s = Store::new();
    let before = s.everything();
    let archive = whole(&[file("c/a"), hard_link("c", "c/a")]);
    let error = s.unpack(&archive, Position::Above).unwrap_err();
    assert!(error.is_invalid_input(), "{error:?}");
    assert_eq!(s.everything(), before);
}

#[test]
fn source_that_fails_is_told_as_such() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0 {
                0 => Err(io::ErrorKind::ConnectionReset.into()),
                _ => {
                    self.0 -= 1;
                    buffer[..512].copy_from_slice(&directory("d")[..512]);
                    Ok(512)
                }
            }
        }
    }
    let s = Store::new();
    let before = s.everything();
    let result = s
        .store
        .unpack(Failing(3), Position::Lowest, None, &mut |_| {});
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Source(_)), "{error:?}");
    assert_eq!(s.everything(), before);
}

/// Names and links out of few parts, so that they meet and attack each other.
fn any_entry() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec!["a", "b", "c", "..", ".", "", ".wh.a", ".wh..wh..opq"]);
    let path = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    (path.clone(), path, 0_u8..7).prop_map(|(name, target, kind)| match kind {
        0 | 1 => file(&name),
        2 => directory(&name),
        3 => symlink(&name, &format!("../../outside/{target}")),
        4 => symlink(&name, &target),
        5 => hard_link(&name, &target),
        _ => hard_link(&name, &format!("../../outside/{target}")),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_archive_writes_outside_or_leaves_a_half(
        entries in prop::collection::vec(any_entry(), 1..12)
    ) {
        let s = Store::new();
        let outside = |s: &Store| {
            let mut all = s.everything();
            all.retain(|path, _| !path.starts_with(s.directory.path().join("layers")));
            all
        };
        let (before, reachable) = (s.everything(), outside(&s));
        match s.unpack(&whole(&entries), Position::Above) {
            Ok(root) => {
                let names = fs::read_dir(s.store.directory()).unwrap();
                prop_assert_eq!(names.count(), 1);
                prop_assert!(root.is_dir());
            }
            Err(error) => {
                prop_assert!(error.is_invalid_input(), "{:?}", error);
                prop_assert_eq!(s.everything(), before);
            }
        }
        prop_assert_eq!(outside(&s), reachable);
    }

    #[test]
    fn damaged_archives_are_unpacked_or_refused(
        at in 0_usize..6000, byte: u8, reseal: bool, length in 0_usize..6000
    ) {
        let mut archive = whole(&[
            directory("d"),
            pax(&[("path", b"d/long"), ("uid", b"7"), ("mtime", b"1.5")], file("f")),
            symlink("d/l", "x"),
            hard_link("h", "d/long"),
            pax(&[("GNU.sparse.size", b"9"), ("GNU.sparse.map", b"0,4,6,3")], file("s")),
        ]);
        let at = at % archive.len();
        archive[at] = byte;
        if reseal {
            let block = at / 512 * 512;
            let block: &mut [u8; 512] = (&mut archive[block..block + 512]).try_into().unwrap();
            seal(block);
        }
        archive.truncate(archive.len().saturating_sub(length / 4));
        let s = Store::new();
        let before = s.everything();
        if let Err(error) = s.unpack(&archive, Position::Lowest) {
            prop_assert!(error.is_invalid_input(), "{:?}", error);
            prop_assert_eq!(s.everything(), before);
        }
    }
}
