//! Stacked layers against what overlayfs would show of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
};

use proptest::prelude::*;

use super::Explorer;
use crate::{
    layer::contents::{Contents, Writer, build},
    model::{
        ExtractRequest, FileEntry, FileKind, FileOrder, FilesOf, Mark, ReadRequest, TreeRequest,
        TreeRow, View,
    },
};

/// An entry of a layer in a test: a size, a whiteout, a directory, one that is opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    File(u64),
    Gone,
    Dir,
    Opaque,
}
use Is::{Dir, Gone, Opaque};

fn layer(entries: &[(&str, Is)]) -> (tempfile::TempDir, Contents) {
    // By components, as the writer wants them.
    let mut tree: BTreeMap<Vec<&str>, Is> = BTreeMap::new();
    for (path, is) in entries {
        let components: Vec<_> = path.split('/').collect();
        for end in 1..components.len() {
            tree.entry(components[..end].to_vec()).or_insert(Dir);
        }
        tree.insert(components, *is);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path()).unwrap();
    let entry = |name: &str, is: Is| FileEntry {
        name: name.into(),
        kind: match is {
            Is::File(_) => FileKind::File,
            Gone => FileKind::Whiteout,
            Dir | Opaque => FileKind::Directory,
        },
        mode: 0o755,
        uid: 0,
        gid: 0,
        size_bytes: match is {
            Is::File(size) => size,
            _ => 0,
        },
        modified: 0,
        modified_ns: 0,
        target: Vec::new(),
        is_opaque: is == Opaque,
        is_link: false,
    };
    writer.add(&entry("", Dir)).unwrap();
    let mut open: Vec<&str> = Vec::new();
    for (path, is) in &tree {
        let (name, above) = path.split_last().unwrap();
        while !above.starts_with(&open) {
            writer.leave().unwrap();
            open.pop();
        }
        writer.add(&entry(name, *is)).unwrap();
        if matches!(is, Dir | Opaque) {
            open = path.clone();
        }
    }
    writer.finish().unwrap();
    let contents = Contents::open(File::open(dir.path().join("contents")).unwrap()).unwrap();
    (dir, contents)
}

fn explorer(layers: &[&[(&str, Is)]]) -> Explorer {
    Explorer::new(
        layers
            .iter()
            .map(|entries| (PathBuf::new(), layer(entries).1)),
    )
}

fn request(view: View, open: &[&str]) -> TreeRequest {
    TreeRequest {
        of: FilesOf::Image {
            reference: String::new(),
            layer: 0,
        },
        view,
        below: Vec::new(),
        is_unfolded: false,
        open: open.iter().map(|path| path.as_bytes().to_vec()).collect(),
        filter: String::new(),
        order: FileOrder::Name,
        offset: 0,
        limit: 1000,
        reveal: None,
    }
}

/// A line as text: sign, indented name, bytes.
fn line(row: &TreeRow) -> String {
    let sign = match row.mark {
        Mark::Unchanged => ' ',
        Mark::Added => '+',
        Mark::Modified => '~',
        Mark::Removed => '-',
    };
    let name = String::from_utf8_lossy(&row.entry.name).into_owned();
    let slash = if row.entry.is_directory() { "/" } else { "" };
    format!(
        "{sign} {}{name}{slash} {}",
        "  ".repeat(row.depth),
        row.bytes
    )
}

fn lines(explorer: &Explorer, top: usize, request: &TreeRequest) -> Vec<String> {
    let page = explorer.tree(top, request).unwrap();
    page.rows.iter().map(line).collect()
}

fn web() -> Explorer {
    explorer(&[
        &[
            ("bin/sh", Is::File(100)),
            ("etc/passwd", Is::File(10)),
            ("etc/motd", Is::File(5)),
            ("var/cache/a", Is::File(400)),
            ("var/cache/b", Is::File(600)),
            ("tmp", Dir),
        ],
        &[
            ("etc/passwd", Is::File(12)),
            ("etc/motd", Gone),
            ("srv/app", Is::File(1000)),
            ("tmp", Dir),
        ],
        &[
            ("var/cache", Gone),
            ("etc/passwd", Is::File(8)),
            ("nothing", Gone),
        ],
    ])
}

#[test]
fn marks_tell_what_the_layer_did() {
    let web = web();
    let open = ["etc", "var", "var/cache"];
    assert_eq!(
        lines(&web, 1, &request(View::Merged, &open)),
        [
            "  bin/ 100",
            "~ etc/ 12",
            "-   motd 5",
            "~   passwd 12",
            "+ srv/ 1000",
            "  tmp/ 0",
            "  var/ 1000",
            "    cache/ 1000",
            "      a 400",
            "      b 600",
        ]
    );
    assert_eq!(
        lines(&web, 2, &request(View::Layer, &open)),
        [
            "~ etc/ 8",
            "~   passwd 8",
            "~ var/ 0",
            "-   cache/ 1000",
            "-     a 400",
            "-     b 600",
        ]
    );
    // Below the lowest layer there is nothing.
    assert!(
        web.tree(0, &request(View::Merged, &open))
            .unwrap()
            .rows
            .iter()
            .all(|row| row.mark == Mark::Added)
    );
    let page = web.tree(9, &request(View::Merged, &[])).unwrap();
    assert_eq!((page.bytes, page.files, page.total), (1108, 3, 5));
}

#[test]
fn opaque_directory_removes_what_was_in_it() {
    let explorer = explorer(&[
        &[
            ("d/old", Is::File(1)),
            ("d/both", Is::File(2)),
            ("d/sub/deep", Is::File(4)),
        ],
        &[
            ("d", Opaque),
            ("d/both", Is::File(8)),
            ("d/sub/new", Is::File(16)),
        ],
    ]);
    assert_eq!(
        lines(&explorer, 1, &request(View::Merged, &["d", "d/sub"])),
        [
            "~ d/ 24",
            "~   sub/ 16",
            "-     deep 4",
            "+     new 16",
            "~   both 8",
            "-   old 1"
        ]
    );
}

#[test]
fn waste_is_what_later_layers_hide() {
    let (waste, of_layer) = web().waste().unwrap();
    assert_eq!(waste.total_bytes, 1115 + 1012 + 8);
    assert_eq!(waste.added_bytes, 1020);
    assert_eq!(waste.wasted_bytes, 10 + 12 + 5 + 1000);
    assert_eq!(of_layer, [1015, 12, 0]);
    let found: Vec<_> = waste
        .files
        .iter()
        .map(|f| (f.path.as_str(), f.bytes, f.files, f.layer, f.is_removed))
        .collect();
    assert_eq!(
        found,
        [
            ("var/cache", 1000, 2, 2, true),
            ("etc/passwd", 22, 2, 2, false),
            ("etc/motd", 5, 1, 1, true),
        ]
    );
    // Of passwd's 10, 12 and 8 bytes the 8 are the smallest.
    let kept = 2135 - (1000 + 22 + 5);
    assert!((waste.efficiency - f64::from(kept) / 2135.0).abs() < 1e-9);
    let (nothing, _) = explorer(&[&[("a", Is::File(1))], &[("b", Is::File(1))]])
        .waste()
        .unwrap();
    assert_eq!((nothing.efficiency, nothing.wasted_bytes), (1.0, 0));
}

#[test]
fn pages_cut_the_same_lines() {
    let web = web();
    let mut wanted = request(View::Merged, &["etc", "var", "var/cache"]);
    let all = lines(&web, 1, &wanted);
    wanted.limit = 3;
    let mut paged = Vec::new();
    for offset in (0..all.len()).step_by(3) {
        wanted.offset = offset;
        let page = web.tree(1, &wanted).unwrap();
        assert_eq!((page.total, page.offset), (all.len(), offset));
        paged.extend(page.rows.iter().map(line));
    }
    assert_eq!(paged, all);
    wanted.offset = 0;
    wanted.reveal = Some(b"var/cache/b".to_vec());
    let page = web.tree(1, &wanted).unwrap();
    assert_eq!(page.revealed, Some(9));
    assert!(page.rows.iter().any(|row| row.path == b"var/cache/b"));
}

#[test]
fn filter_shows_what_matches_below_what_leads_there() {
    let web = web();
    let mut wanted = request(View::Merged, &[]);
    wanted.filter = "PASS".into();
    let page = web.tree(1, &wanted).unwrap();
    assert_eq!(
        page.rows.iter().map(line).collect::<Vec<_>>(),
        ["~ etc/ 12", "~   passwd 12"]
    );
    assert!(page.rows[0].is_open);
    // A directory that matches is open only where something in it does too.
    wanted.filter = "c".into();
    let page = web.tree(1, &wanted).unwrap();
    let shown: Vec<_> = page
        .rows
        .iter()
        .map(|row| (line(row), row.is_open))
        .collect();
    let shown: Vec<_> = shown
        .iter()
        .map(|(line, open)| (line.as_str(), *open))
        .collect();
    assert_eq!(
        shown,
        [
            ("~ etc/ 12", false),
            ("  var/ 1000", true),
            ("    cache/ 1000", false)
        ]
    );
    wanted.filter = "/var/cache/A".into();
    assert_eq!(lines(&web, 1, &wanted).last().unwrap(), "      a 400");
    wanted.filter = String::new();
    wanted.below = b"/var/".to_vec();
    wanted.is_unfolded = true;
    let page = web.tree(1, &wanted).unwrap();
    assert_eq!(page.rows[1].path, b"var/cache/a");
    assert_eq!((page.total, page.bytes), (3, 1000));
    wanted.below = b"etc/passwd".to_vec();
    assert!(web.tree(1, &wanted).is_err());
    wanted.below = Vec::new();
    wanted.filter = "no such".into();
    assert_eq!(web.tree(1, &wanted).unwrap().total, 0);
}

#[test]
fn largest_come_first_where_that_is_asked() {
    let mut wanted = request(View::Merged, &["etc"]);
    wanted.order = FileOrder::Size;
    let found = lines(&web(), 1, &wanted);
    assert_eq!(
        found,
        [
            "+ srv/ 1000",
            "  var/ 1000",
            "  bin/ 100",
            "~ etc/ 12",
            "~   passwd 12",
            "-   motd 5",
            "  tmp/ 0"
        ]
    );
}

/// Layers as their files are.
fn stacked(root: &std::path::Path, names: &[&str]) -> Explorer {
    Explorer::new(names.iter().map(|name| {
        let files = root.join(name);
        let scratch = tempfile::tempdir().unwrap();
        build(&File::open(&files).unwrap().into(), scratch.path()).unwrap();
        let contents = Contents::open(File::open(scratch.path().join("contents")).unwrap());
        (files, contents.unwrap())
    }))
}

#[test]
fn files_are_read_and_extracted_from_the_layer_that_shows() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("low/etc/sub")).unwrap();
    fs::create_dir_all(root.join("high/etc")).unwrap();
    fs::write(root.join("low/etc/a"), b"old").unwrap();
    fs::write(root.join("high/etc/a"), b"newer").unwrap();
    fs::write(root.join("low/etc/sub/b"), b"b").unwrap();
    symlink("/etc/passwd", root.join("low/etc/link")).unwrap();
    let suid = fs::Permissions::from_mode(0o4755);
    fs::set_permissions(root.join("low/etc/sub/b"), suid).unwrap();
    let explorer = stacked(root, &["low", "high"]);
    let of = FilesOf::Image {
        reference: String::new(),
        layer: 0,
    };
    let read = |top, path: &[u8], offset, limit| {
        let request = ReadRequest {
            of: of.clone(),
            path: path.to_vec(),
            offset,
            limit,
        };
        explorer
            .read(top, &request)
            .map(|page| (page.bytes, page.size_bytes))
    };
    assert_eq!(read(1, b"etc/a", 0, 100).unwrap(), (b"newer".to_vec(), 5));
    assert_eq!(read(0, b"/etc/a", 1, 1).unwrap(), (b"l".to_vec(), 3));
    for bad in [&b"etc/link"[..], b"etc", b"etc/none", b"../etc/passwd", b""] {
        assert!(read(1, bad, 0, 10).is_err(), "{bad:?}");
    }

    let extract = |path: &[u8], to: &str| {
        let to = root.join(to);
        explorer.extract(
            1,
            &ExtractRequest {
                of: of.clone(),
                path: path.to_vec(),
                to,
            },
        )
    };
    let done = extract(b"etc", "out").unwrap();
    assert_eq!((done.entries, done.bytes, done.skipped), (5, 6, 0));
    assert_eq!(fs::read(root.join("out/a")).unwrap(), b"newer");
    assert_eq!(
        fs::read_link(root.join("out/link")).unwrap(),
        PathBuf::from("/etc/passwd")
    );
    let mode = fs::metadata(root.join("out/sub/b"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o755);
    // Nothing that is there is touched.
    assert!(extract(b"etc/a", "out").is_err());
    assert!(extract(b"etc", "low").is_err());
    assert!(root.join("low/etc/a").exists());
    // A file that vanished in the middle leaves nothing.
    fs::remove_file(root.join("low/etc/sub/b")).unwrap();
    assert!(extract(b"etc", "half").is_err());
    assert!(!root.join("half").exists());
}

fn entry() -> impl Strategy<Value = (String, Is)> {
    let path = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4);
    let is = prop_oneof![
        4 => (0u64..50).prop_map(Is::File),
        1 => Just(Gone),
        1 => Just(Dir),
        1 => Just(Opaque),
    ];
    (path.prop_map(|path| path.join("/")), is)
}

/// Entries that make a tree: what is below something else than a directory is left out.
fn tree(entries: Vec<(String, Is)>) -> Vec<(String, Is)> {
    let mut kept: BTreeMap<String, Is> = BTreeMap::new();
    for (path, is) in entries {
        let above: Vec<_> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
        let fits = above
            .iter()
            .all(|above| matches!(kept.get(*above), None | Some(Dir | Opaque)));
        let is_above = kept
            .keys()
            .any(|known| known.starts_with(&format!("{path}/")));
        if fits && (!is_above || matches!(is, Dir | Opaque)) {
            for above in above {
                kept.entry(above.to_owned()).or_insert(Dir);
            }
            kept.insert(path, is);
        }
    }
    kept.into_iter().collect()
}

/// What overlayfs shows, by the letter of its documentation.
fn overlay(layers: &[Vec<(String, Is)>]) -> BTreeMap<String, Option<u64>> {
    let mut shown: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for layer in layers {
        for (path, is) in layer {
            let was_directory = shown.get(path) == Some(&None);
            if *is != Dir || !was_directory {
                let below = format!("{path}/");
                shown.retain(|known, _| known != path && !known.starts_with(&below));
            }
            match is {
                Gone => {}
                Is::File(size) => drop(shown.insert(path.clone(), Some(*size))),
                Dir | Opaque => drop(shown.insert(path.clone(), None)),
            }
        }
    }
    shown
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn merged_view_is_what_overlayfs_shows(
        layers in prop::collection::vec(prop::collection::vec(entry(), 0..12), 1..5),
    ) {
        let layers: Vec<_> = layers.into_iter().map(tree).collect();
        let made: Vec<_> = layers
            .iter()
            .map(|entries| {
                let entries: Vec<_> = entries.iter().map(|(p, is)| (p.as_str(), *is)).collect();
                (PathBuf::new(), layer(&entries).1)
            })
            .collect();
        let explorer = Explorer::new(made);
        let top = explorer.len() - 1;
        let expected = overlay(&layers);
        let mut wanted = request(View::Merged, &[]);
        wanted.open = expected
            .iter()
            .filter(|(_, size)| size.is_none())
            .map(|(path, _)| path.clone().into_bytes())
            .collect();
        let page = explorer.tree(top, &wanted).unwrap();
        let shown: BTreeMap<_, _> = page
            .rows
            .iter()
            .filter(|row| row.mark != Mark::Removed)
            .map(|row| {
                let size = (!row.entry.is_directory()).then_some(row.bytes);
                (String::from_utf8(row.path.clone()).unwrap(), size)
            })
            .collect();
        prop_assert_eq!(&shown, &expected);
        let visible: u64 = expected.values().flatten().sum();
        prop_assert_eq!(page.bytes, visible);

        // What is there and not seen is wasted, each byte once.
        let (waste, of_layer) = explorer.waste().unwrap();
        prop_assert_eq!(waste.wasted_bytes, waste.total_bytes - visible);
        prop_assert_eq!(of_layer.iter().sum::<u64>(), waste.wasted_bytes);
        prop_assert_eq!(waste.files.iter().map(|f| f.bytes).sum::<u64>(), waste.wasted_bytes);
        prop_assert!((0.0..=1.0).contains(&waste.efficiency));

        // Every line's removed entries were seen with the layers below.
        if top > 0 {
            let before: BTreeSet<_> = overlay(&layers[..top]).into_keys().collect();
            let after: BTreeSet<_> = expected.keys().cloned().collect();
            let mut wanted = request(View::Layer, &[]);
            wanted.open = before.iter().map(|path| path.clone().into_bytes()).collect();
            for row in explorer.tree(top, &wanted).unwrap().rows {
                let path = String::from_utf8(row.path.clone()).unwrap();
                if row.mark == Mark::Removed {
                    prop_assert!(before.contains(&path) && !after.contains(&path), "{}", path);
                }
            }
        }
    }
}
