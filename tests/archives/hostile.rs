//! Archives that no honest tool writes, through `load` and `import`: refused in one line,
//! the disk as before.

use std::{io::Write, path::PathBuf};

use sha2::{Digest, Sha256};

use super::support::{Sandbox, tree};

/// Appends files to a tar.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // As it is: the crate's own way refuses what an attack needs.
        let field = &mut header.as_gnu_mut().unwrap().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn link(name: &str, kind: tar::EntryType, target: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o777);
    header.set_entry_type(kind);
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_gnu_mut().unwrap().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn hex(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A docker archive of one image with this layer, said to be `diff_id`.
fn image_of(layer: &[u8], diff_id: &str) -> Vec<u8> {
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":["sha256:{diff_id}"]}}}}"#
    );
    let manifest = r#"[{"Config":"config.json","RepoTags":["evil:1"],"Layers":["layer.tar"]}]"#;
    archive(&[
        ("manifest.json", manifest.as_bytes()),
        ("config.json", config.as_bytes()),
        ("layer.tar", layer),
    ])
}

struct Target {
    sandbox: Sandbox,
    outside: PathBuf,
    directory: tempfile::TempDir,
}

impl Target {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let outside = directory.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "untouched").unwrap();
        let sandbox = Sandbox::empty();
        // What every engine makes for good.
        sandbox.import("busybox.tar", "busybox:1");
        sandbox.run_with_input(&["load"], b"nothing");
        Self {
            sandbox,
            outside,
            directory,
        }
    }

    #[track_caller]
    fn refuses(&self, what: &str, arguments: &[&str], input: &[u8], reason: &str) {
        let files = || {
            let mut all = tree::tree(self.sandbox.root());
            all.extend(tree::tree(self.directory.path()));
            for (name, file) in &mut all {
                // Directories that work was done in, and back.
                if !name.starts_with("outside") {
                    file.modified = (0, 0);
                }
            }
            all.retain(|name, _| !name.starts_with("run"));
            all
        };
        let before = files();
        let done = self.sandbox.run_with_input(arguments, input);
        assert_eq!(done.code, 1, "{what}: {done:?}");
        let mut lines = done
            .stderr
            .lines()
            .filter(|line| !line.starts_with("hint: "));
        let line = lines.next().unwrap_or_default();
        assert!(line.contains(reason), "{what}: {:?}", done.stderr);
        assert_eq!(
            lines.next(),
            None,
            "{what}: one line, not {:?}",
            done.stderr
        );
        assert!(
            !done.stderr.contains(['\u{1b}', '\u{7}']),
            "{what}: {:?}",
            done.stderr
        );
        let after = files();
        assert!(before == after, "{what} left something");
    }
}

#[test]
fn layer_that_attacks_is_refused_by_load_and_by_import() {
    let t = Target::new();
    let outside = t.outside.to_str().unwrap();
    let file = |name: &str| archive(&[(name, b"evil")])[..1024].to_vec();
    let mut device = tar::Header::new_gnu();
    device.set_entry_type(tar::EntryType::Char);
    device.set_size(0);
    device.set_device_major(0).unwrap();
    device.set_device_minor(0).unwrap();
    device.as_gnu_mut().unwrap().name[..4].copy_from_slice(b"gone");
    device.set_cksum();
    let mut lies = tar::Header::new_gnu();
    lies.set_size(1 << 40);
    lies.as_gnu_mut().unwrap().name[..3].copy_from_slice(b"big");
    lies.set_cksum();
    let symlink = |target: &str| link("l", tar::EntryType::Symlink, target);
    let cases: Vec<(&str, Vec<Vec<u8>>, &str)> = vec![
        ("dots", vec![file("../../../outside/file")], "`..`"),
        (
            "dots after an absolute name",
            vec![file("/../outside/file")],
            "`..`",
        ),
        (
            "link and through it",
            vec![symlink(outside), file("l/file")],
            "symbolic link",
        ),
        (
            "link upwards and through it",
            vec![symlink("../../.."), file("l/x")],
            "symbolic link",
        ),
        (
            "hard link outside",
            vec![link("h", tar::EntryType::Link, "../outside/file")],
            "hard link",
        ),
        (
            "hard link by an absolute name",
            vec![link("h", tar::EntryType::Link, outside)],
            "hard link",
        ),
        (
            "overlayfs' whiteout",
            vec![device.as_bytes().to_vec()],
            "0:0",
        ),
        (
            "size beyond any layer's",
            vec![lies.as_bytes().to_vec()],
            "more than the",
        ),
        (
            "escape sequences in a name",
            vec![file("\u{1b}]0;evil\u{7}/../x")],
            "`..`",
        ),
        (
            "newline in a name",
            vec![file("a\nwharf: done/../x")],
            "`..`",
        ),
        ("whiteout of nothing", vec![file(".wh.")], "whiteout"),
    ];
    for (what, mut entries, reason) in cases {
        entries.push(vec![0; 1024]);
        let layer = entries.concat();
        for layer in [layer.clone(), gzip(&layer)] {
            t.refuses(what, &["import", "-", "evil:1"], &layer, reason);
            // The diff-id is that of the tar, so that only the entry is at fault.
            let diff_id = hex(&entries.concat());
            t.refuses(what, &["load"], &image_of(&layer, &diff_id), reason);
        }
    }
    assert_eq!(
        std::fs::read_to_string(t.outside.join("file")).unwrap(),
        "untouched"
    );
}

#[test]
fn names_with_escapes_and_any_bytes_are_kept_and_never_obeyed() {
    let s = Sandbox::empty();
    let layer = archive(&[("\u{1b}[31mred\n", b"x"), ("bell\u{7}", b"y")]);
    let done = s.run_with_input(&["load"], &image_of(&layer, &hex(&layer)));
    assert_eq!(done.code, 0, "{done:?}");
    s.ok(&["create", "--name", "odd", "evil:1", "true"]);
    let out = s.run(&["export", "odd"]);
    assert!(out.stdout.contains("\u{1b}[31mred\n"));
}

#[test]
fn archive_of_images_that_lies_is_refused() {
    let t = Target::new();
    let layer = archive(&[("file", b"content")]);
    let id = hex(&layer);
    let whole = image_of(&layer, &id);
    let manifest =
        |text: &str| archive(&[("manifest.json", text.as_bytes()), ("layer.tar", &layer)]);
    let many: Vec<String> = (0..10_000).map(|_| "\"layer.tar\"".to_owned()).collect();
    let diff_ids: Vec<String> = (0..10_000).map(|_| format!("\"sha256:{id}\"")).collect();
    let many_config = format!(
        r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        diff_ids.join(",")
    );
    let many_manifest = format!(r#"[{{"Config":"c","Layers":[{}]}}]"#, many.join(","));
    let long = vec![b' '; 5 << 20];
    for (what, input, reason) in [
        ("no archive", b"#!/bin/sh\n".to_vec(), "not a tar archive"),
        ("nothing", Vec::new(), "not a tar archive"),
        (
            "an image's root",
            layer.clone(),
            "neither docker's manifest.json",
        ),
        (
            "another diff-id",
            image_of(&layer, &hex(b"other")),
            "another content",
        ),
        ("a short diff-id", image_of(&layer, "12"), "not sha256"),
        (
            "no such file",
            manifest(r#"[{"Config":"nope","Layers":[]}]"#),
            "lacks its file \"nope\"",
        ),
        (
            "a file above",
            manifest(r#"[{"Config":"../../etc/passwd","Layers":[]}]"#),
            "lacks",
        ),
        ("no JSON", manifest("]"), "manifest.json can't be used"),
        (
            "other JSON",
            manifest("{\"a\":1}"),
            "manifest.json can't be used",
        ),
        ("an empty list", manifest("[]"), "lists no image"),
        (
            "a bad name",
            {
                let text = String::from_utf8_lossy(&whole).replace("evil:1", "EVIL:1");
                text.into_bytes()
            },
            "must be lower case",
        ),
        (
            "10,000 times the same layer",
            archive(&[
                ("manifest.json", many_manifest.as_bytes()),
                ("c", many_config.as_bytes()),
                ("layer.tar", &layer),
            ]),
            "10000 layers",
        ),
        (
            "a long manifest",
            archive(&[("manifest.json", &long)]),
            "longer than",
        ),
        (
            "a link to itself",
            [
                link("manifest.json", tar::EntryType::Symlink, "manifest.json"),
                vec![0; 1024],
            ]
            .concat(),
            "neither docker's",
        ),
        (
            "a link outside",
            [
                link("manifest.json", tar::EntryType::Symlink, "/etc/passwd"),
                vec![0; 1024],
            ]
            .concat(),
            "neither docker's",
        ),
        (
            "a device",
            {
                let mut archive = link("manifest.json", tar::EntryType::Fifo, "");
                archive.extend([0; 1024]);
                archive
            },
            "don't belong",
        ),
        ("cut", whole[..whole.len() / 2].to_vec(), ""),
        (
            "a cut gzip",
            {
                let packed = gzip(&whole);
                packed[..packed.len() - 9].to_vec()
            },
            "read the archive",
        ),
        ("xz", b"\xfd7zXZ\0\0\0\0\0\0".to_vec(), "xz"),
    ] {
        t.refuses(what, &["load"], &input, reason);
    }
    let descriptor = |digest: &str, size: usize| {
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{digest}","size":{size}}}"#
        )
    };
    let layout = |index: &str, blob: (&str, &[u8])| {
        archive(&[
            ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#),
            (
                "index.json",
                format!(r#"{{"schemaVersion":2,"manifests":[{index}]}}"#).as_bytes(),
            ),
            (&format!("blobs/sha256/{}", blob.0), blob.1),
        ])
    };
    let text = b"{}".as_slice();
    let digest = hex(text);
    for (what, input, reason) in [
        (
            "a blob of another digest",
            layout(&descriptor(&digest, 2), (&digest, b"[]")),
            "another content",
        ),
        (
            "a blob of another size",
            layout(&descriptor(&digest, 3), (&digest, text)),
            "2 bytes instead of 3",
        ),
        (
            "no blob",
            layout(&descriptor(&hex(b"x"), 2), (&digest, text)),
            "lacks its file",
        ),
        (
            "no manifest",
            layout(&descriptor(&digest, 2), (&digest, text)),
            "manifest can't be used",
        ),
        (
            "nothing in it",
            layout("", (&digest, text)),
            "lists no image",
        ),
        (
            "sha512",
            layout(
                &descriptor(&digest, 2).replace("sha256", "sha512"),
                (&digest, text),
            ),
            "",
        ),
    ] {
        t.refuses(what, &["load"], &input, reason);
    }
}

#[test]
fn decompression_bomb_is_refused_before_it_fills_the_disk() {
    let t = Target::new();
    // A thousand times smaller packed: one that says its size, and one of many small files.
    let declared = archive(&[("big", &vec![0; 64 << 20])]);
    let piece = vec![0; 1 << 20];
    let names: Vec<String> = (0..64).map(|n| format!("f{n}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), &piece[..])).collect();
    let many = archive(&files);
    for layer in [declared, many] {
        let packed = gzip(&layer);
        assert!(packed.len() < 1 << 20);
        for (arguments, input) in [
            (&["import", "-", "evil:1"][..], packed.clone()),
            (&["load"], image_of(&packed, &hex(&layer))),
        ] {
            let before = tree::tree(&t.sandbox.root().join("layers"));
            let mut command = t.sandbox.command(arguments);
            command.env("WHARF_MAX_LAYER_BYTES", (16 << 20).to_string());
            let done = super::support::process::finish(command, &input);
            assert_eq!(done.code, 1, "{done:?}");
            assert!(
                done.stderr.contains("more than the 16777216 bytes"),
                "{done:?}"
            );
            assert_eq!(
                tree::tree(&t.sandbox.root().join("layers")).len(),
                before.len()
            );
        }
    }
}
